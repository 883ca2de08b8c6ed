/*
 * reservation_register.c - who is registered: REGISTER, REGISTER AND IGNORE EXISTING KEY (SPC-4 5.13.7, 5.13.11.2.3)
 * and REGISTER AND MOVE (5.13.8).
 */
#include "target/reservation_out.h"

#include <errno.h>
#include <string.h>

#define ISIDS_MAX 256 /* initiator ports of one name */

static void refuse_errno(struct reservation_out *out, int err)
{
	switch (err) {
	case -ENOSPC:
		reservation_out_refuse(out, ASC_INSUFFICIENT_REGISTRATION_RESOURCES);
		break;
	case -EMSGSIZE:
		reservation_out_refuse(out, ASC_PARAMETER_LIST_LENGTH);
		break;
	default:
		reservation_out_refuse(out, ASC_INVALID_FIELD_IN_PARAMETER_LIST);
		break;
	}
}

/* The target ports that a registration is for */
static size_t target_ports(const struct reservation_out *out, const uint16_t **ports)
{
	if (out->flags & FLAG_ALL_TG_PT) {
		*ports = out->reservations->ports;
		return out->reservations->port_count;
	}
	*ports = &out->self.port;
	return 1;
}

static struct registration *find_at(const struct reservation_out *out, const struct reservation_nexus *initiator,
				    uint16_t port)
{
	struct reservation_nexus nexus = *initiator;

	nexus.port = port;
	return reservation_find(out->reservations, &nexus);
}

static void unregister(struct reservation_out *out)
{
	struct reservations *reservations = out->reservations;
	enum reservation_type before = reservations->type;
	const uint16_t *ports;
	size_t count = target_ports(out, &ports);

	for (size_t i = 0; i < count; i++) {
		struct registration *registration = find_at(out, &out->self, ports[i]);

		if (registration)
			reservation_remove(reservations, registration, &out->gone);
	}
	if (list_empty(&out->gone))
		return; /* table 67: do nothing except return GOOD status */
	reservations->generation++;
	reservation_out_commit(out);
	if (!reservations->type && reservation_registrants_only(before))
		reservation_out_attention(out, &reservations->registrations, ASC_RESERVATIONS_RELEASED);
}

/* Adds an initiator port where it is not registered, with no key yet: enroll() gives it one, or takes it back. */
static int propose(struct reservation_out *out, const struct reservation_nexus *initiator, bool listed)
{
	struct reservation_nexus nexus = *initiator;
	const uint16_t *ports;
	size_t count = target_ports(out, &ports);

	for (size_t i = 0; i < count; i++) {
		bool known;

		nexus.port = ports[i];
		known = reservation_find(out->reservations, &nexus);
		if (known && listed)
			return -EEXIST;
		if (!known && !reservation_add(out->reservations, &nexus, 0))
			return -ENOSPC;
	}
	return 0;
}

/* The initiator ports that a TransportID stands for: how many, or -errno. */
static int resolve(const struct reservation_out *out, const struct reservation_transport *transport,
		   uint8_t (*isids)[6])
{
	const struct reservation_ops *ops = out->reservations->ops;
	size_t count;

	if (transport->has_isid) {
		memcpy(isids[0], transport->isid, sizeof(isids[0]));
		return 1;
	}
	if (!ops->find_transport_id)
		return 0;
	count = ops->find_transport_id(out->reservations->user, transport->initiator_name, isids, ISIDS_MAX);
	return count <= ISIDS_MAX ? (int)count : -ENOSPC;
}

/* The initiator ports of one TransportID: each has to be unregistered and is named once, but the sender, who may name
 * himself too. A name of which no initiator port is known would be ignored without a word otherwise. */
static int propose_transport(struct reservation_out *out, const struct reservation_transport *transport)
{
	struct reservation_nexus initiator = { .port = 0 };
	uint8_t isids[ISIDS_MAX][6];
	int count = resolve(out, transport, isids), err = count ? 0 : -ENOENT;

	memcpy(initiator.initiator_name, transport->initiator_name, sizeof(initiator.initiator_name));
	for (int i = 0; i < count && !err; i++) {
		memcpy(initiator.isid, isids[i], sizeof(initiator.isid));
		if (!reservation_same_initiator(&initiator, &out->self))
			err = propose(out, &initiator, true);
	}
	return count < 0 ? count : err;
}

/* The TransportIDs behind the basic parameter list (table 215) */
static int propose_listed(struct reservation_out *out)
{
	struct reservation_transport transport;
	const uint8_t *p = out->list + LIST_IDS;
	size_t left;

	if (out->len < LIST_IDS || get_be32(out->list + LIST_IDS_LEN) > out->len - LIST_IDS)
		return -EMSGSIZE;
	left = get_be32(out->list + LIST_IDS_LEN);
	while (left) {
		int used = reservation_transport_parse(p, left, &transport);
		int err = used < 0 ? used : propose_transport(out, &transport);

		if (err)
			return err;
		p += used;
		left -= (size_t)used;
	}
	return 0;
}

/* All registrations of the command are made, or none. */
static void enroll(struct reservation_out *out)
{
	struct reservations *reservations = out->reservations;
	struct registration *registration;
	const uint16_t *ports;
	size_t count = target_ports(out, &ports);
	int err = propose(out, &out->self, false);

	if (!err && out->flags & FLAG_SPEC_I_PT)
		err = propose_listed(out);
	list_for_each(registration, &reservations->registrations, link) {
		if (registration->key)
			continue;
		if (err)
			reservation_remove(reservations, registration, &out->gone);
		else
			registration->key = out->action_key;
	}
	if (err) {
		refuse_errno(out, err);
		return;
	}
	for (size_t i = 0; i < count; i++)
		find_at(out, &out->self, ports[i])->key = out->action_key;
	reservations->generation++;
	reservation_out_commit(out);
}

/* REGISTER names the key of each registration that it is about, 0 while there is none (table 67). */
static bool names_keys(const struct reservation_out *out)
{
	const uint16_t *ports;
	size_t count = target_ports(out, &ports);

	if (!out->own && out->key)
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct registration *registration = find_at(out, &out->self, ports[i]);

		if (registration && registration->key != out->key)
			return false;
	}
	return true;
}

/* REGISTER, REGISTER AND IGNORE EXISTING KEY: tables 67 and 68 */
void reservation_register(struct reservation_out *out)
{
	if (!(out->action->traits & IGNORES) && !names_keys(out))
		reservation_conflict(out->cmd);
	else if (out->own && out->flags & FLAG_SPEC_I_PT)
		reservation_out_refuse(out, ASC_INVALID_FIELD_IN_PARAMETER_LIST);
	else if (out->action_key)
		enroll(out);
	else
		unregister(out);
}

/* The nexus that a REGISTER AND MOVE names: 0 or -errno. A name alone will do if it has one initiator port. */
static int move_target(const struct reservation_out *out, struct reservation_nexus *nexus)
{
	struct reservation_transport transport;
	uint8_t isids[ISIDS_MAX][6];
	uint32_t id_len = get_be32(out->list + LIST_MOVE_ID_LEN);

	if (id_len > out->len - LIST_MOVE_ID)
		return -EMSGSIZE;
	if (id_len % 4 || reservation_transport_parse(out->list + LIST_MOVE_ID, id_len, &transport) < 0 ||
	    resolve(out, &transport, isids) != 1)
		return -EINVAL;
	*nexus = (struct reservation_nexus){ .port = get_be16(out->list + LIST_MOVE_PORT) };
	memcpy(nexus->initiator_name, transport.initiator_name, sizeof(nexus->initiator_name));
	memcpy(nexus->isid, isids[0], sizeof(nexus->isid));
	if (reservation_same_initiator(nexus, &out->self))
		return -EINVAL;
	for (size_t i = 0; i < out->reservations->port_count; i++)
		if (out->reservations->ports[i] == nexus->port)
			return 0;
	return -EINVAL;
}

static void move_to(struct reservation_out *out, const struct reservation_nexus *nexus)
{
	struct reservations *reservations = out->reservations;
	struct registration *to = reservation_find(reservations, nexus);

	if (!to)
		to = reservation_add(reservations, nexus, out->action_key);
	if (!to) {
		reservation_out_refuse(out, ASC_INSUFFICIENT_REGISTRATION_RESOURCES);
		return;
	}
	to->key = out->action_key;
	out->own->holder = false;
	to->holder = true;
	if (out->flags & FLAG_UNREG)
		reservation_remove(reservations, out->own, &out->gone);
	reservations->generation++;
	reservation_out_commit(out);
}

/* REGISTER AND MOVE: 5.13.8, table 70 */
void reservation_move(struct reservation_out *out)
{
	struct reservation_nexus nexus;
	int err;

	if (!out->reservations->type) {
		scsi_cmd_invalid_field(out->cmd, 1, 4);
		return;
	}
	if (!out->own->holder) { /* nobody has that mark with the types for all registrants */
		reservation_conflict(out->cmd);
		return;
	}
	err = out->action_key ? move_target(out, &nexus) : -EINVAL;
	if (err)
		refuse_errno(out, err);
	else
		move_to(out, &nexus);
}
