#include "target/array/array_unit.h"

#include "gateway/base/log.h"
#include "gateway/base/memory.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRANSFER_BYTES ((uint32_t)8 << 20)

/* FNV-1a: identities are the same in every run and on every machine. */
static uint64_t hash(uint64_t value, const char *text)
{
	for (; *text; text++)
		value = (value ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
	return value;
}

#define HASH_START UINT64_C(0xcbf29ce484222325)

/*
 * Logical units (worker)
 */

static void lu_count(struct array_stats *stats, const struct scsi_cmd *cmd)
{
	enum volume_access access = volume_access(cmd->cdb[0]);
	uint32_t bytes = cmd->transfer < cmd->expected ? cmd->transfer : cmd->expected;

	if (cmd->status != SCSI_GOOD) {
		stats->errors++;
	} else if (access == VOLUME_ACCESS_READ) {
		stats->reads++;
		stats->read_bytes += bytes;
	} else if (access == VOLUME_ACCESS_WRITE) {
		stats->writes++;
		stats->written_bytes += bytes;
	}
}

void array_lu_end(struct array_lu *lu, struct scsi_cmd *cmd)
{
	lu_count(&lu->stats[cmd->nexus->portal], cmd);
	scsi_cmd_done(cmd);
}

/* A reservation conflict comes before whatever else is wrong with a command (SAM-5 5.3.3). */
static void lu_run(struct array_lu *lu, struct scsi_cmd *cmd)
{
	if (reservation_conflicts(reservation_snapshot(lu->reservations), cmd->nexus, cmd->cdb)) {
		cmd->status = SCSI_RESERVATION_CONFLICT;
	} else if (!volume_execute(lu->volume, cmd)) {
		reservation_execute(lu->reservations, cmd);
		return;
	}
	array_lu_end(lu, cmd);
}

static void lu_submit(struct lu *base, struct scsi_cmd *cmd)
{
	struct array_lu *lu = container_of(base, struct array_lu, lu);
	struct array_stats *stats = &lu->stats[cmd->nexus->portal];

	stats->commands++;
	if (fault_take(&lu->array->faults, cmd)) {
		stats->faults++;
		return;
	}
	lu_run(lu, cmd);
}

static void lu_abort(struct lu *base, struct scsi_cmd *cmd)
{
	(void)base;
	fault_abort(cmd); /* nothing else keeps a command */
}

static const struct lu_ops lu_ops = { .submit = lu_submit, .abort = lu_abort };

struct array_lu *array_lu_find(const struct array *array, uint16_t lun)
{
	for (size_t i = 0; i < array->lu_count; i++)
		if (array->lus[i]->lun == lun)
			return array->lus[i];
	return NULL;
}

static struct lu *target_find_lu(void *user, const struct target_nexus *nexus, uint16_t lun)
{
	struct array_lu *found = array_lu_find(user, lun);

	(void)nexus;
	return found ? &found->lu : NULL;
}

static size_t target_list_luns(void *user, const struct target_nexus *nexus, uint16_t *luns, size_t max)
{
	const struct array *array = user;
	size_t n = 0;

	(void)nexus;
	for (; n < array->lu_count && n < max; n++)
		luns[n] = array->lus[n]->lun;
	return n;
}

static void target_reset(void *user, unsigned worker, uint16_t lun, void (*done)(void *arg), void *arg)
{
	struct array *array = user;

	(void)worker;
	for (size_t i = 0; i < array->lu_count; i++) {
		if (lun == TARGET_ALL_LUNS || lun == array->lus[i]->lun) {
			volume_reset(array->lus[i]->volume);
			reservation_reset(array->lus[i]->reservations);
		}
	}
	done(arg);
}

static void target_event(void *user, const struct target_event *event)
{
	if (event->kind == TARGET_SESSION_END)
		array_reservations_nexus_lost(user, event->nexus);
}

static const struct target_ops target_ops = {
	.cmd_ctx_bytes = sizeof(struct fault_hold),
	.find_lu = target_find_lu,
	.list_luns = target_list_luns,
	.event = target_event,
	.reset = target_reset,
};

static void volume_attention(void *arg, scsi_asc asc, uint32_t except)
{
	struct array_lu *lu = arg;

	target_unit_attention(lu->array->target, lu->lun, asc, except);
}

void array_set_group(struct array *array, struct port_group *group, enum port_state state, enum port_reason reason,
		     uint32_t except)
{
	group->reason = reason;
	if (group->state == state)
		return;
	log_info("array", "group=%u state=%s was=%s", group->id, ports_state_name(state),
		 ports_state_name(group->state));
	group->state = state;
	target_unit_attention(array->target, TARGET_ALL_LUNS, 0x2a06, except); /* ASYMMETRIC ACCESS STATE CHANGED */
}

static void volume_set_group(void *arg, uint16_t group, enum port_state state, uint32_t except)
{
	struct array *array = ((struct array_lu *)arg)->array;

	array_set_group(array, ports_group(&array->ports, group), state, PORT_REASON_EXPLICIT, except);
}

/*
 * Faults
 */

static void fault_run(void *arg, struct scsi_cmd *cmd)
{
	lu_run(array_lu_find(arg, cmd->lun), cmd);
}

/* What the volume leaves to others, commands about reservations, is lost. */
static void fault_land(void *arg, struct scsi_cmd *cmd)
{
	struct array_lu *lu = array_lu_find(arg, cmd->lun);

	if (volume_execute(lu->volume, cmd))
		lu_count(&lu->stats[cmd->nexus->portal], cmd);
}

struct session_end {
	struct message message;
	struct target *target;
	uint32_t session_id;
};

static void session_end_deliver(struct message *message)
{
	struct session_end *end = container_of(message, struct session_end, message);

	target_end_session(end->target, end->session_id); /* gone already: just as well */
	free(end);
}

static void fault_end_session(void *arg, uint32_t session_id)
{
	struct array *array = arg;
	struct session_end *end = xcalloc(1, sizeof(*end));

	*end = (struct session_end){ { .fn = session_end_deliver }, array->target, session_id };
	loop_post(array->control, &end->message);
}

static const struct fault_ops fault_ops = { .run = fault_run, .land = fault_land, .end_session = fault_end_session };

/*
 * Portals (control)
 */

int array_refuse(struct array *array, unsigned portal, bool refuse)
{
	int err = target_portal_refuse(array->target, portal, refuse);

	if (!err)
		array->portals[portal].refused = refuse;
	log_info("array", "portal=%u serving=%s error=%d", portal, refuse ? "no" : "yes", err);
	return err;
}

static void flap(void *arg)
{
	struct array_portal *portal = arg;
	bool refuse = !portal->refused;

	if (!array_refuse(portal->array, portal->index, refuse))
		timer_arm(&portal->flap, refuse ? portal->down_us : portal->up_us);
}

int array_flap(struct array *array, unsigned portal, uint64_t down_us, uint64_t up_us)
{
	struct array_portal *p = &array->portals[portal];

	timer_stop(&p->flap);
	p->down_us = down_us;
	p->up_us = up_us;
	if (!down_us)
		return 0;
	timer_arm(&p->flap, down_us);
	return array_refuse(array, portal, true);
}

const struct net_address *array_portal_address(const struct array *array, unsigned portal)
{
	return target_portal_address(array->target, portal);
}

/*
 * Life
 */

static struct store *open_store(const struct array_lu_config *config)
{
	struct store *store = config->path ? store_file_create(config->path, config->size_bytes)
					   : store_ram_create(config->size_bytes);

	if (!store)
		log_error("array", "lun=%u store=%s error=\"%s\"", config->lun, config->path ? config->path : "ram",
			  strerror(errno));
	return store;
}

/* The serial number of the unit, and from it and the array's the identifier that hosts know the volume by. */
static char *identify(const struct array_lu_config *lu, const char *array_serial, uint64_t id[2])
{
	char *serial = lu->serial ? xstrdup(lu->serial) : xasprintf("%s-%u", array_serial, lu->lun);

	id[0] = hash(hash(hash(HASH_START, array_serial), "/"), serial);
	id[1] = hash(hash(id[0], "/"), serial);
	return serial;
}

static void lu_destroy(struct array_lu *lu)
{
	reservation_destroy(lu->reservations);
	volume_destroy(lu->volume);
	free(lu->name);
	free(lu);
}

static struct array_lu *lu_create(struct array *array, const struct array_config *config,
				  const struct array_lu_config *lu_config, const char *array_serial)
{
	struct store *store = open_store(lu_config);
	struct array_lu *lu;
	struct volume_config volume;
	char *serial;

	if (!store)
		return NULL;
	lu = xcalloc(1, sizeof(*lu));
	lu->lu.ops = &lu_ops;
	lu->array = array;
	lu->lun = lu_config->lun;
	lu->name = xstrdup(lu_config->name ? lu_config->name : "");
	lu->reservations = array_reservations_create(lu);
	volume = (struct volume_config){
		.store = store,
		.ports = &array->ports,
		.target_name = config->iqn,
		.block_size = lu_config->block_size ? lu_config->block_size : 512,
		.transfer_bytes = TRANSFER_BYTES,
		.vendor = config->vendor ? config->vendor : "BRAID",
		.product = config->product   ? config->product
			   : lu_config->path ? "FILE-DISK"
					     : "RAM-DISK",
		.thick = lu_config->thick,
		.reservations = true,
		.attention = volume_attention,
		.set_group = volume_set_group,
		.arg = lu,
	};
	volume.serial = serial = identify(lu_config, array_serial, volume.id);
	lu->volume = volume_create(&volume);
	free(serial);
	if (lu->volume)
		return lu;
	log_error("array", "lun=%u error=\"the size is no multiple of the block size, or that is not 512 or 4096\"",
		  lu->lun);
	store_destroy(store);
	lu_destroy(lu);
	return NULL;
}

static int compare_luns(const void *a, const void *b)
{
	const struct array_lu *const *left = a, *const *right = b;

	return (int)(*left)->lun - (int)(*right)->lun;
}

static int create_lus(struct array *array, const struct array_config *config)
{
	char derived[17];
	const char *serial = config->serial;

	if (!serial) {
		snprintf(derived, sizeof(derived), "%016" PRIx64, hash(HASH_START, config->iqn));
		serial = derived;
	}
	array->lus = xcalloc(config->lu_count + 1, sizeof(*array->lus));
	for (size_t i = 0; i < config->lu_count; i++) {
		struct array_lu *lu;

		if (config->lus[i].lun >= TARGET_LUNS_MAX || array_lu_find(array, config->lus[i].lun)) {
			log_error("array", "lun=%u error=\"given twice or too large\"", config->lus[i].lun);
			return -EINVAL;
		}
		lu = lu_create(array, config, &config->lus[i], serial);
		if (!lu)
			return -EINVAL;
		array->lus[array->lu_count++] = lu;
	}
	qsort(array->lus, array->lu_count, sizeof(*array->lus), compare_luns);
	return 0;
}

static int create_target(struct array *array, const struct array_config *config)
{
	struct target_portal portals[ARRAY_PORTALS_MAX];
	struct target_config target = {
		.iqn = config->iqn,
		.alias = "braid-array",
		.portals = portals,
		.portal_count = config->portal_count,
		.users = config->users,
		.user_count = config->user_count,
		.limits = { .transfer_bytes = TRANSFER_BYTES },
	};

	if (!config->portal_count || config->portal_count > ARRAY_PORTALS_MAX) {
		log_error("array", "error=\"1 to %u portals\"", ARRAY_PORTALS_MAX);
		return -EINVAL;
	}
	for (size_t i = 0; i < config->portal_count; i++) {
		const struct array_portal_config *portal = &config->portals[i];
		uint16_t tpgt = portal->tpgt ? portal->tpgt : (uint16_t)(i + 1);

		portals[i] = (struct target_portal){ .address = portal->address, .tpgt = tpgt };
		if (ports_add(&array->ports, tpgt, portal->group ? portal->group : tpgt)) {
			log_error("array", "portal=%s error=\"tpgt=%u is in another group\"", portal->address, tpgt);
			return -EINVAL;
		}
		array->portals[i].array = array;
		array->portals[i].index = (unsigned)i;
		timer_init(&array->portals[i].flap, loop_clock(array->control), flap, &array->portals[i]);
	}
	array->target = target_create(&target, array->control, &array->worker, 1, &target_ops, array);
	return array->target ? 0 : -errno;
}

struct array *array_create(const struct array_config *config, struct loop *control, struct loop *worker)
{
	struct array *array = xcalloc(1, sizeof(*array));

	array->control = control;
	array->worker = worker;
	array->iqn = xstrdup(config->iqn);
	array->quit = config->quit;
	array->arg = config->arg;
	array->ports.tpgs = config->tpgs;
	array->ports.transition_s = config->transition_s;
	faults_init(&array->faults, loop_clock(worker), &fault_ops, array);
	if (!create_target(array, config) && !create_lus(array, config)) {
		if (config->control_path)
			array->socket = array_control_create(array, control, config->control_path);
		return array;
	}
	array_destroy(array);
	return NULL;
}

int array_listen(struct array *array)
{
	int err = target_listen(array->target);

	return !err && array->socket ? array_control_listen(array->socket) : err;
}

static void on_barrier(void *arg, struct evbuffer *text, const char *error)
{
	struct array *array = arg;

	(void)text;
	(void)error;
	array_control_destroy(array->socket);
	array->socket = NULL;
	array->drained(array->drained_arg);
}

static const char *nothing(struct array *array, char **words, size_t count, struct evbuffer *out)
{
	(void)array;
	(void)words;
	(void)count;
	(void)out;
	return NULL;
}

/* No session is left, so nothing new is sent between the loops; when this has made its way through both mailboxes,
 * nothing sent before it is under way either. */
static void on_drained(void *arg)
{
	struct array *array = arg;

	array_post(array, array->worker, nothing, NULL, 0, on_barrier, array);
}

void array_drain(struct array *array, uint64_t grace_us, void (*done)(void *arg), void *arg)
{
	array->drained = done;
	array->drained_arg = arg;
	for (size_t i = 0; i < array->ports.portal_count; i++)
		timer_stop(&array->portals[i].flap);
	array_control_close(array->socket);
	target_drain(array->target, grace_us, on_drained, array);
}

void array_destroy(struct array *array)
{
	if (!array)
		return;
	target_destroy(array->target);
	array_control_destroy(array->socket);
	faults_done(&array->faults);
	for (size_t i = 0; i < array->ports.portal_count; i++)
		timer_stop(&array->portals[i].flap);
	for (size_t i = 0; i < array->lu_count; i++)
		lu_destroy(array->lus[i]);
	free(array->lus);
	free(array->iqn);
	free(array);
}
