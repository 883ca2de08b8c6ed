#include "tests/simulation/sim_array.h"

#include "gateway/base/memory.h"
#include "tests/simulation/sim_session.h"
#include "tests/simulation/sim_transport.h"

#include <stdlib.h>
#include <string.h>

struct sim_array *sim_array_create(struct sim *sim)
{
	struct sim_array *array = xcalloc(1, sizeof(*array));

	array->sim = sim;
	array->linger_us = 8 * US_PER_S; /* below the default fence_wait */
	list_init(&array->lus);
	list_init(&array->sessions);
	list_init(&array->faults);
	sim_port_init(array);
	list_add_tail(&sim->arrays, &array->link);
	return array;
}

void sim_array_destroy(struct sim_array *array)
{
	struct sim_session *session;
	struct sim_fault *fault;
	struct sim_lu *lu;

	list_for_each(session, &array->sessions, link)
		sim_session_destroy(session);
	list_for_each(fault, &array->faults, link)
		free(fault);
	list_for_each(lu, &array->lus, link)
		sim_lu_destroy(lu);
	for (unsigned i = 0; i < array->portal_count; i++)
		free(array->portals[i]);
	sim_port_done(array);
	list_del(&array->link);
	free(array);
}

struct sim_portal *sim_array_add_portal(struct sim_array *array, const char *address, const char *iqn, uint16_t tpgt)
{
	struct sim_portal *portal = xcalloc(1, sizeof(*portal));

	portal->array = array;
	portal->index = array->portal_count;
	portal->tpgt = tpgt;
	portal->lists = UINT64_MAX;
	str_copy(portal->address, sizeof(portal->address), address);
	str_copy(portal->iqn, sizeof(portal->iqn), iqn);
	array->portals[array->portal_count++] = portal;
	sim_port_join(portal, tpgt);
	return portal;
}

struct sim_lu *sim_array_add_lu(struct sim_array *array, uint16_t lun, uint64_t number, uint64_t blocks)
{
	struct sim_lu *lu = sim_lu_create(lun, number, blocks);

	list_add_tail(&array->lus, &lu->link);
	return lu;
}

struct sim_lu *sim_array_lu(struct sim_array *array, uint16_t lun)
{
	struct sim_lu *lu;

	list_for_each(lu, &array->lus, link)
		if (lu->lun == lun)
			return lu;
	return NULL;
}

void sim_array_remove_lu(struct sim_array *array, uint16_t lun)
{
	sim_lu_destroy(sim_array_lu(array, lun));
}

struct sim_fault *sim_array_fault(struct sim_array *array, enum sim_fault_kind kind, unsigned count)
{
	struct sim_fault *fault = xcalloc(1, sizeof(*fault));

	fault->kind = kind;
	fault->portal = fault->lun = fault->opcode = SIM_ANY;
	fault->count = count;
	list_add_tail(&array->faults, &fault->link);
	return fault;
}

unsigned sim_array_release(struct sim_array *array)
{
	struct sim_session *session;
	struct sim_fault *fault;
	unsigned count = 0;

	list_for_each(fault, &array->faults, link)
		if (fault->kind == SIM_FAULT_HANG)
			fault->count = 0;
	list_for_each(session, &array->sessions, link)
		count += sim_session_release(session);
	return count;
}

void sim_array_attention(struct sim_array *array, int lun, uint16_t asc)
{
	struct sim_session *session;
	struct sim_lu *lu;

	list_for_each(session, &array->sessions, link) {
		struct list *it;

		for (it = array->lus.next; it != &array->lus; it = it->next) {
			lu = list_entry(it, struct sim_lu, link);
			if (lun == SIM_ANY || lu->lun == lun)
				sim_session_attention(session, lu->lun, asc);
		}
	}
}

void sim_array_reset_lu(struct sim_array *array, uint16_t lun)
{
	struct sim_session *session;

	list_for_each(session, &array->sessions, link) {
		if (!array->cheats)
			array->ended += sim_session_abort(session, lun);
		sim_session_attention(session, lun, 0x2903);
	}
}

struct sim_portal *sim_portal_find(struct sim *sim, const char *address)
{
	struct sim_array *array;

	list_for_each(array, &sim->arrays, link)
		for (unsigned i = 0; i < array->portal_count; i++)
			if (strcmp(array->portals[i]->address, address) == 0)
				return array->portals[i];
	return NULL;
}

void sim_portal_reset(struct sim_portal *portal)
{
	struct sim_session *session;

	list_for_each(session, &portal->array->sessions, link)
		if (session->portal == portal)
			sim_session_lost(session);
}

void sim_portal_dismiss(struct sim_portal *portal, uint64_t wait_us)
{
	struct sim_session *session;

	list_for_each(session, &portal->array->sessions, link) {
		if (session->portal != portal)
			continue;
		if (session->initiator)
			sim_transport_dismissed(session->initiator, wait_us);
		session->initiator = NULL;
		sim_session_destroy(session);
	}
}

void sim_portal_down(struct sim_portal *portal, bool down)
{
	portal->down = down;
	if (down)
		sim_portal_reset(portal);
}

void sim_portal_black_hole(struct sim_portal *portal, bool on)
{
	struct sim_session *session;

	portal->black_hole = on;
	if (on)
		return;
	list_for_each(session, &portal->array->sessions, link)
		if (session->portal == portal)
			sim_session_resume(session);
}
