#include "tests/simulation/sim_transport.h"

#include "gateway/base/memory.h"
#include "tests/simulation/sim_array.h"
#include "tests/simulation/sim_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct initiator {
	struct list link; /* sim.initiators */
	struct sim *sim;
	uint64_t number; /* no other connection has it */
	const struct initiator_events *events;
	void *arg;
	char initiator_name[224], target_name[224], portal_address[64];
	uint8_t isid[6];
	uint64_t login_us;
	struct sim_portal *portal;
	struct sim_session *session; /* NULL: none, or its connection is lost */
	struct timer timer; /* the next step, or the failure */
	void (*step)(struct initiator *in);
	bool open, dead, in_event, muted;
	bool managing; /* an ABORT TASK or LOGICAL UNIT RESET is not answered yet */
	struct xfer *victim; /* of it; NULL: it is done */
	char reason[64]; /* gone with it, as a library's would be */
	uint64_t wait_us; /* of a logout that the array asked for */
};

/* A transfer's share: the number of the connection that has it now. */
struct sim_xfer {
	uint64_t owner;
	uint64_t tag; /* of the command */
};

static struct sim *world;

void sim_transport_world(struct sim *sim)
{
	world = sim;
}

static void must(bool held, const char *rule)
{
	if (held)
		return;
	fprintf(stderr, "the contract of initiator.h is broken: %s\n", rule);
	abort();
}

static void on_timer(void *arg)
{
	struct initiator *in = arg;

	in->step(in);
}

static void next_step(struct initiator *in, uint64_t delay_us, void (*step)(struct initiator *in))
{
	in->step = step;
	timer_arm(&in->timer, delay_us);
}

static void report_failure(struct initiator *in)
{
	if (in->wait_us)
		in->events->dismissed(in->arg, in->wait_us);
	in->events->failed(in->arg, in->reason); /* closes in */
}

static void fail_later(struct initiator *in, uint64_t delay_us, const char *reason)
{
	if (in->dead)
		return;
	in->dead = true;
	str_copy(in->reason, sizeof(in->reason), reason);
	next_step(in, delay_us, report_failure);
}

void sim_transport_lost(struct initiator *in, const char *reason)
{
	in->session = NULL;
	fail_later(in, 0, reason);
}

void sim_transport_dismissed(struct initiator *in, uint64_t wait_us)
{
	in->wait_us = wait_us;
	sim_transport_lost(in, "the array asked to log out");
}

void sim_transport_done(struct initiator *in, struct xfer *xfer)
{
	struct sim_xfer *mine = xfer->ctx;

	if (in->dead)
		return;
	must(mine->owner == in->number, "a transfer was not this connection's");
	mine->owner = 0;
	if (in->victim == xfer)
		in->victim = NULL;
	in->in_event = true;
	in->events->done(in->arg, xfer);
	in->in_event = false;
}

bool sim_transport_muted(const struct initiator *in)
{
	return in && in->muted;
}

void sim_transport_managed(struct initiator *in, uint8_t response)
{
	if (in->dead || in->muted)
		return;
	if (in->victim && tmf_has_ended_task(response))
		((struct sim_xfer *)in->victim->ctx)->owner = 0;
	in->victim = NULL;
	in->managing = false;
	in->in_event = true;
	in->events->managed(in->arg, response);
	in->in_event = false;
}

/* ---- login ----------------------------------------------------------------------------------------------------- */

static void report_open(struct initiator *in)
{
	if (in->portal->black_hole) {
		fail_later(in, in->login_us, "login timed out");
		return;
	}
	in->open = true;
	in->in_event = true;
	in->events->opened(in->arg);
	in->in_event = false;
}

static void reach_portal(struct initiator *in)
{
	in->portal = sim_portal_find(in->sim, in->portal_address);
	if (!in->portal || in->portal->down) {
		fail_later(in, 0, "connection refused");
	} else if (in->portal->black_hole) {
		fail_later(in, in->login_us, "login timed out");
	} else if (in->portal->refuse || (*in->target_name && strcmp(in->portal->iqn, in->target_name) != 0)) {
		fail_later(in, 0, "login refused");
	} else {
		if (*in->target_name)
			in->session = sim_session_login(in->portal, in->initiator_name, in->isid, in);
		next_step(in, SIM_LATENCY_US, report_open);
	}
}

static struct initiator *sim_open(struct loop *loop, const struct initiator_params *params,
				  const struct initiator_events *events, void *arg)
{
	struct initiator *in = xcalloc(1, sizeof(*in));

	(void)loop; /* its clock shows the same time as the world's */
	must(world != NULL, "there is no world");
	in->sim = world;
	in->number = ++world->connections;
	in->events = events;
	in->arg = arg;
	str_copy(in->initiator_name, sizeof(in->initiator_name), params->initiator_name);
	str_copy(in->target_name, sizeof(in->target_name), params->target_name ? params->target_name : "");
	str_copy(in->portal_address, sizeof(in->portal_address), params->portal);
	memcpy(in->isid, params->isid, 6);
	in->login_us = params->login_us;
	timer_init(&in->timer, &in->sim->clock, on_timer, in);
	list_add_tail(&in->sim->initiators, &in->link);
	next_step(in, SIM_LATENCY_US, reach_portal);
	return in;
}

/* ---- in use ---------------------------------------------------------------------------------------------------- */

static void sim_submit(struct initiator *in, struct xfer *xfer)
{
	struct sim_xfer *mine = xfer->ctx;

	must(in->open, "a command before the login");
	if (in->dead)
		return;
	in->sim->submits++;
	must(mine->owner != in->number, "a transfer is submitted while it is under way");
	mine->owner = in->number;
	mine->tag = in->sim->submits;
	sim_session_submit(in->session, xfer, mine->tag);
}

static void sim_abort_task(struct initiator *in, struct xfer *xfer)
{
	const struct sim_xfer *mine = xfer->ctx;

	if (in->dead)
		return;
	must(mine->owner == in->number, "what is aborted is not under way");
	must(!in->managing, "a second ABORT TASK before the first is answered");
	in->managing = true;
	in->victim = xfer;
	sim_session_abort_task(in->session, mine->tag);
}

static void sim_reset_lu(struct initiator *in, uint16_t lun)
{
	if (in->dead)
		return;
	must(!in->managing, "a LOGICAL UNIT RESET before another request is answered");
	in->managing = true;
	sim_session_reset_lu(in->session, lun);
}

static void report_targets(struct initiator *in)
{
	struct sim_array *array = in->portal->array;

	in->portal->discoveries++;
	if (in->portal->black_hole || in->portal->mute_discovery)
		return; /* never answered */
	in->in_event = true;
	for (unsigned i = 0; i < array->portal_count; i++) {
		const struct sim_portal *portal = array->portals[i];

		if (in->portal->lists >> i & 1)
			in->events->found(in->arg,
					  &(struct initiator_target){ portal->iqn, portal->address, portal->tpgt });
	}
	for (unsigned i = 0; i < in->portal->made_up; i++) {
		char address[32];

		snprintf(address, sizeof(address), "10.200.%u.%u:3260", i / 250, i % 250);
		in->events->found(in->arg, &(struct initiator_target){ in->portal->iqn, address, 1 });
	}
	in->events->found(in->arg, NULL);
	in->in_event = false;
}

static void sim_discover(struct initiator *in)
{
	must(in->open && !*in->target_name, "SendTargets outside of a discovery session");
	if (!in->dead)
		next_step(in, 2 * SIM_LATENCY_US, report_targets);
}

static void sim_mute(struct initiator *in, bool mute)
{
	must(in->open, "a connection is muted before the login");
	in->muted = mute;
	if (!mute && in->session)
		sim_session_resume(in->session);
}

static void sim_close(struct initiator *in)
{
	struct sim_session *session;

	if (!in)
		return;
	must(!in->in_event, "a connection is closed inside its own event");
	session = in->session;
	in->dead = true; /* nothing is reported any more */
	if (session)
		sim_session_lost(session);
	timer_stop(&in->timer);
	list_del(&in->link);
	free(in);
}

const struct initiator_ops sim_transport = {
	.xfer_ctx_bytes = sizeof(struct sim_xfer),
	.open = sim_open,
	.submit = sim_submit,
	.abort_task = sim_abort_task,
	.reset_lu = sim_reset_lu,
	.discover = sim_discover,
	.mute = sim_mute,
	.close = sim_close,
};
