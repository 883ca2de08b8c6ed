#include "gateway/engine/host_reservation.h"

#include "gateway/base/memory.h"
#include "gateway/engine/worker.h"

#include <stdlib.h>
#include <string.h>

#define PERSISTENT_RESERVE_IN 0x5e

/* All portals are one target portal group, and one target port for the register. */
#define TARGET_PORT 1

/* ---- barriers ---------------------------------------------------------------------------------------------------- */

struct barrier {
	_Atomic unsigned pending; /* workers */
	struct loop *then;
	void (*fn)(void *arg);
	void *arg;
};

static void on_passed_by_all(void *ctx, void *arg)
{
	struct barrier *barrier = ctx;

	(void)arg;
	barrier->fn(barrier->arg);
	free(barrier);
}

static void on_passed(void *ctx, void *arg)
{
	struct barrier *barrier = ctx;

	(void)arg;
	if (atomic_fetch_sub(&barrier->pending, 1) == 1)
		loop_call(barrier->then, on_passed_by_all, barrier, NULL);
}

void host_reservation_barrier(struct worker *const *workers, unsigned worker_count, struct loop *then,
			      void (*fn)(void *arg), void *arg)
{
	struct barrier *barrier = xmalloc(sizeof(*barrier));

	*barrier = (struct barrier){ .pending = worker_count, .then = then, .fn = fn, .arg = arg };
	for (unsigned w = 0; w < worker_count; w++)
		loop_call(workers[w]->loop, on_passed, barrier, NULL);
}

/* ---- what the register needs ------------------------------------------------------------------------------------- */

static struct target *target_of(const struct host_reservations *reservations)
{
	return reservations->workers[0]->target;
}

static struct target_nexus nexus_of(const struct reservation_nexus *from)
{
	struct target_nexus nexus = { .tpgt = from->port };

	memcpy(nexus.initiator_name, from->initiator_name, sizeof(nexus.initiator_name));
	memcpy(nexus.isid, from->isid, sizeof(nexus.isid));
	return nexus;
}

static void on_attention(void *user, const struct reservation_nexus *to, scsi_asc asc)
{
	struct host_reservations *reservations = user;
	struct target_nexus nexus = nexus_of(to);

	target_nexus_attention(target_of(reservations), &nexus, reservations->ops->lun(reservations->user), asc);
}

/* From the register's way of being told to the target's. */
struct abort_wait {
	reservation_done *done;
	void *arg;
};

static void on_aborted(void *arg)
{
	struct abort_wait *wait = arg;

	wait->done(wait->arg, 0);
	free(wait);
}

static void on_abort_tasks(void *user, const struct reservation_nexus *of, const struct scsi_cmd *except,
			   reservation_done *done, void *arg)
{
	struct host_reservations *reservations = user;
	struct target_nexus nexus = nexus_of(of);
	struct abort_wait *wait = xmalloc(sizeof(*wait));

	*wait = (struct abort_wait){ done, arg };
	target_abort_tasks(target_of(reservations), &nexus, reservations->ops->lun(reservations->user), except,
			   on_aborted, wait);
}

static void on_changed(void *user, reservation_done *done, void *arg)
{
	struct host_reservations *reservations = user;

	done(arg, reservations->ops->changed(reservations->user));
}

struct isid_search {
	const char *initiator_name;
	uint8_t (*isids)[6];
	size_t count, max;
};

static bool match_isid(const struct target_session_view *view, void *arg)
{
	struct isid_search *search = arg;

	if (view->discovery || strcmp(view->nexus->initiator_name, search->initiator_name) != 0)
		return true;
	if (search->count < search->max)
		memcpy(search->isids[search->count], view->nexus->isid, sizeof(search->isids[0]));
	search->count++;
	return true;
}

static size_t on_find_transport_id(void *user, const char *initiator_name, uint8_t (*isids)[6], size_t max)
{
	struct isid_search search = { .initiator_name = initiator_name, .isids = isids, .max = max };

	target_each_session(target_of(user), match_isid, &search);
	return search.count;
}

static void free_snapshot(void *arg)
{
	reservation_snapshot_free(arg);
}

static void on_retire(void *user, struct reservation_snapshot *snapshot)
{
	struct host_reservations *reservations = user;

	host_reservation_barrier(reservations->workers, reservations->worker_count, reservations->workers[0]->control,
				 free_snapshot, snapshot);
}

/* ---- commands ---------------------------------------------------------------------------------------------------- */

static void on_back(void *arg)
{
	struct host_reservation_op *op = arg;

	op->done(op);
}

static void on_back_at_once(struct message *message)
{
	on_back(container_of(message, struct host_reservation_op, message));
}

/* The answer follows when all workers judge by the new state, and have the unit attentions. */
static void on_complete(void *user, struct scsi_cmd *cmd)
{
	struct host_reservations *reservations = user;
	struct host_reservation_op *op = cmd->ctx;

	if (cmd->cdb[0] == PERSISTENT_RESERVE_IN) {
		op->message.fn = on_back_at_once;
		loop_post(op->worker->loop, &op->message);
		return;
	}
	host_reservation_barrier(reservations->workers, reservations->worker_count, op->worker->loop, on_back, op);
}

static void on_op(struct message *message)
{
	struct host_reservation_op *op = container_of(message, struct host_reservation_op, message);

	reservation_execute(op->reservations->unit, op->cmd);
}

void host_reservation_submit(struct host_reservation_op *op)
{
	op->message.fn = on_op;
	loop_post(op->worker->control, &op->message);
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

void host_reservation_nexus_lost(struct host_reservations *reservations, const struct target_nexus *nexus)
{
	reservation_nexus_lost(reservations->unit, nexus);
}

void host_reservation_reset(struct host_reservations *reservations)
{
	reservation_reset(reservations->unit);
}

static const struct reservation_ops unit_ops = {
	.unit_attention = on_attention,
	.abort_tasks = on_abort_tasks,
	.changed = on_changed,
	.find_transport_id = on_find_transport_id,
	.retire = on_retire,
	.complete = on_complete,
};

struct host_reservations *host_reservation_create(struct worker *const *workers, unsigned worker_count,
						  const struct host_reservation_ops *ops, void *user)
{
	static const uint16_t port = TARGET_PORT;
	struct host_reservations *reservations = xcalloc(1, sizeof(*reservations));

	reservations->ops = ops;
	reservations->user = user;
	reservations->workers = workers;
	reservations->worker_count = worker_count;
	reservations->unit = reservation_create(&unit_ops, reservations, &port, 1);
	return reservations;
}

void host_reservation_destroy(struct host_reservations *reservations)
{
	if (!reservations)
		return;
	reservation_destroy(reservations->unit);
	free(reservations);
}
