/*
 * array_reservation.c - the reservations of the array's logical units: what they need of the array, and what it tells
 * them. They live as long as the array does: APTPL is not supported.
 */
#include "target/array/array_unit.h"

#include "gateway/base/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The fault rules hold commands of many nexuses and logical units: which are meant */
struct doomed {
	uint16_t lun;
	const struct reservation_nexus *nexus;
	const struct scsi_cmd *except;
};

static void on_attention(void *user, const struct reservation_nexus *nexus, scsi_asc asc)
{
	const struct array_lu *lu = user;
	struct target_nexus to = { .tpgt = nexus->port };

	memcpy(to.initiator_name, nexus->initiator_name, sizeof(to.initiator_name));
	memcpy(to.isid, nexus->isid, sizeof(to.isid));
	target_nexus_attention(lu->array->target, &to, lu->lun, asc);
}

static bool is_doomed(const struct fault_hold *hold, const void *arg)
{
	const struct doomed *doomed = arg;
	const struct scsi_cmd *cmd = hold->cmd;

	return !hold->copy && cmd->lun == doomed->lun && cmd != doomed->except &&
	       cmd->nexus->tpgt == doomed->nexus->port &&
	       !memcmp(cmd->nexus->isid, doomed->nexus->isid, sizeof(cmd->nexus->isid)) &&
	       !strcmp(cmd->nexus->initiator_name, doomed->nexus->initiator_name);
}

/* The others are over as soon as they have begun. */
static void on_abort_tasks(void *user, const struct reservation_nexus *nexus, const struct scsi_cmd *except,
			   reservation_done *done, void *arg)
{
	const struct array_lu *lu = user;
	const struct doomed doomed = { .lun = lu->lun, .nexus = nexus, .except = except };

	fault_abort_all(&lu->array->faults, is_doomed, &doomed);
	done(arg, 0);
}

static void on_complete(void *user, struct scsi_cmd *cmd)
{
	array_lu_end(user, cmd);
}

static const struct reservation_ops reservation_ops = {
	.unit_attention = on_attention,
	.abort_tasks = on_abort_tasks,
	.complete = on_complete,
};

static_assert(PORTS_MAX <= RESERVATION_PORTS_MAX, "reservations are for all target ports of an array");

struct reservations *array_reservations_create(struct array_lu *lu)
{
	const struct ports *ports = &lu->array->ports;
	uint16_t tags[PORTS_MAX];
	size_t count = 0;

	for (size_t i = 0; i < ports->portal_count; i++)
		if (ports_is_first(ports, i))
			tags[count++] = ports->portal[i].tpgt;
	return reservation_create(&reservation_ops, lu, tags, count);
}

/* On its way to the worker. It arrives before the next session of that nexus does. */
struct nexus_loss {
	struct message message;
	struct array *array;
	struct target_nexus nexus;
};

static void on_nexus_lost(struct message *message)
{
	struct nexus_loss *loss = container_of(message, struct nexus_loss, message);

	for (size_t i = 0; i < loss->array->lu_count; i++)
		reservation_nexus_lost(loss->array->lus[i]->reservations, &loss->nexus);
	free(loss);
}

void array_reservations_nexus_lost(struct array *array, const struct target_nexus *nexus)
{
	struct nexus_loss *loss = xmalloc(sizeof(*loss));

	*loss = (struct nexus_loss){ { .fn = on_nexus_lost }, array, *nexus };
	loop_post(array->worker, &loss->message);
}
