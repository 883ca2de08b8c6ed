/* Links and paths that fail again and again (row L6), and what maintenance has to do with it (row L5). */
#include "gateway/control.h"
#include "tests/simulation/sim_world.h"
#include "tests/unit/unit.h"

#include <string.h>

#define S US_PER_S
#define MS US_PER_MS

/* ---- the judgement ----------------------------------------------------------------------------------------------- */

/* row: L6: 5 s, doubled up to the bound; what many workers see at one moment is one failure */
static void test_delays_double(void **state)
{
	static const uint64_t delays_s[] = { 5, 10, 20, 40, 60, 60 };
	struct probation probation = { 0 };
	uint64_t now = 0;

	(void)state;
	for (unsigned i = 0; i + 1 < PROBATION_FAILURES; i++, now += 2 * S)
		for (unsigned worker = 0; worker < 4; worker++)
			assert_false(probation_failed(&probation, now + worker * MS, 60 * S));
	assert_false(probation_is_on(&probation));
	for (unsigned i = 0; i < ARRAY_COUNT(delays_s); i++, now += 2 * S) {
		assert_int_equal(probation_failed(&probation, now, 60 * S), i == 0);
		assert_int_equal(probation.delay_us, delays_s[i] * S);
	}
	assert_false(probation_look(&probation, now + 57 * S, true));
	assert_true(probation_look(&probation, now + 58 * S, true)); /* 60 s after the last failure */
	assert_false(probation_is_on(&probation));
}

/* row: L6: failures far apart are none of a flapping link */
static void test_rare_failures_are_forgiven(void **state)
{
	struct probation probation = { 0 };

	(void)state;
	for (unsigned i = 0; i < 50; i++)
		assert_false(probation_failed(&probation, i * PROBATION_WINDOW_US / 2, PROBATION_LONGEST_US));
	assert_false(probation_is_on(&probation));
}

/* row: L6: the time counts while it is up only, and in the end all is forgotten */
static void test_steadiness(void **state)
{
	struct probation probation = { 0 };
	uint64_t now = 0;
	char text[128];

	(void)state;
	for (unsigned i = 0; i < PROBATION_FAILURES; i++, now += 2 * S)
		probation_failed(&probation, now, PROBATION_LONGEST_US);
	for (unsigned i = 0; i < 100; i++, now += S)
		assert_false(probation_look(&probation, now, false));
	assert_string_equal(probation_text(&probation, now, false, text, sizeof(text)),
			    "4 failures within 6 s; carries I/O again 5 s after it is back");
	assert_false(probation_look(&probation, now + S, true));
	assert_string_equal(probation_text(&probation, now + S, true, text, sizeof(text)),
			    "4 failures within 6 s; carries I/O again in 3 s");
	assert_true(probation_look(&probation, now + 4 * S, true));
	assert_false(probation_look(&probation, now + PROBATION_WINDOW_US - 2 * S, true));
	assert_int_equal(probation.failures, PROBATION_FAILURES);
	probation_look(&probation, now + PROBATION_WINDOW_US, true);
	assert_int_equal(probation.failures, 0);
}

/* ---- links ------------------------------------------------------------------------------------------------------- */

/* Each session dies two seconds after it came up; the last one lives. */
static void flap(struct world *world, unsigned portal, unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		sim_run(world->sim, 2 * S);
		sim_portal_reset(world->portals[portal]);
		sim_run(world->sim, MS);
		assert_true(sim_gateway_settles(world->g, 10 * S));
	}
}

/* How many of 16 reads go through that portal. */
static unsigned reads_through(struct world *world, unsigned worker, const char *address)
{
	struct sim_io io;
	unsigned count = 0;

	for (unsigned i = 0; i < 16; i++) {
		sim_io_init(&io, world->sim);
		sim_io_read(&io, sim_gateway_disk(world->g, worker, 0), i);
		assert_true(sim_io_wait(&io, S));
		assert_int_equal(io.io.status, SCSI_GOOD);
		count += strcmp(io.io.path->core->link->portal, address) == 0;
	}
	return count;
}

struct look {
	const char *id;
	char state[16], reason[160];
};

static bool look_at_link(const struct link_view *view, void *arg)
{
	struct look *look = arg;

	if (strcmp(view->id, look->id) != 0)
		return true;
	strcpy(look->state, view->state);
	strcpy(look->reason, view->reason ? view->reason : "");
	return false;
}

static struct look link_look(const struct world *world, const char *address)
{
	struct look look = { .id = sim_gateway_link(world->g, address)->id };

	control_each_link(world->g->gateway, look_at_link, &look);
	return look;
}

static bool look_at_path(const struct device_view *view, void *arg)
{
	struct look *look = arg;

	for (size_t i = 0; i < view->path_count; i++) {
		if (strcmp(view->paths[i].id, look->id) != 0)
			continue;
		strcpy(look->state, view->paths[i].state);
		strcpy(look->reason, view->paths[i].reason ? view->paths[i].reason : "");
	}
	return true;
}

static struct look path_look(const struct world *world, const char *address)
{
	struct look look = { .id = sim_gateway_path(world->g, 0, 0, address)->core->id };

	control_each_device(world->g->gateway, look_at_path, &look);
	return look;
}

/* row: L6: a flapping link rests on every worker alike, is up all the while, says why, and comes back by itself */
static void test_flapping_link_rests(void **state)
{
	struct world *world = world_create_ready(2, NULL);
	struct control_status status;

	(void)state;
	flap(world, 0, 3);
	assert_true(reads_through(world, 0, PORTAL_1A) > 0);
	flap(world, 0, 1);
	assert_int_equal(sim_gateway_events(world->g, "probation-begun"), 1); /* not one a worker */
	assert_string_equal(link_look(world, PORTAL_1A).state, "probation");
	assert_non_null(strstr(link_look(world, PORTAL_1A).reason, "; carries I/O again in "));
	assert_string_equal(path_look(world, PORTAL_1A).state, "probation");
	assert_non_null(strstr(path_look(world, PORTAL_1A).reason, "4 failures within "));
	assert_string_equal(path_look(world, PORTAL_1B).state, "up");
	control_status(world->g->gateway, &status);
	assert_false(status.healthy);
	assert_string_equal(device_state_name(container_of(world_disk(world, 0)->core, struct device, core)),
			    "degraded");
	for (unsigned w = 0; w < 2; w++) {
		assert_int_equal(sim_gateway_lane(world->g, w, PORTAL_1A)->state, LANE_UP);
		assert_int_equal(reads_through(world, w, PORTAL_1A), 0);
		assert_true(reads_through(world, w, PORTAL_1B) > 0);
	}
	sim_run(world->sim, 6 * S);
	assert_int_equal(sim_gateway_events(world->g, "probation-ended"), 1);
	assert_string_equal(link_look(world, PORTAL_1A).state, "up");
	for (unsigned w = 0; w < 2; w++)
		assert_true(reads_through(world, w, PORTAL_1A) > 0);
	flap(world, 0, 1); /* once is enough now, and it takes longer */
	assert_int_equal(sim_gateway_events(world->g, "probation-begun"), 2);
	sim_run(world->sim, 7 * S);
	assert_int_equal(reads_through(world, 0, PORTAL_1A), 0);
	sim_run(world->sim, 5 * S);
	assert_true(reads_through(world, 0, PORTAL_1A) > 0);
	world_destroy(world);
}

/* row: L6: the last way that is left is taken all the same, and left again for a better one */
static void test_last_resort(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct sim_io io;

	(void)state;
	flap(world, 0, 6);
	for (unsigned i = 1; i < 4; i++)
		sim_portal_down(world->portals[i], true);
	sim_run(world->sim, 100 * MS);
	sim_io_init(&io, world->sim);
	sim_io_write(&io, world_disk(world, 0), 5, 7);
	assert_true(sim_io_wait(&io, 100 * MS));
	assert_int_equal(io.io.status, SCSI_GOOD);
	assert_int_equal(reads_through(world, 0, PORTAL_1A), 16);
	sim_portal_down(world->portals[3], false);
	sim_run(world->sim, S);
	assert_string_equal(link_look(world, PORTAL_1A).state, "probation");
	assert_int_equal(reads_through(world, 0, PORTAL_2B), 16);
	world_destroy(world);
}

/* row: L6: a link that is down serves nothing of its time; the administrator's word ends it at once */
static void test_reconnect_lifts(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct problem problem;

	(void)state;
	flap(world, 0, 4);
	sim_portal_down(world->portals[0], true);
	sim_run(world->sim, 60 * S);
	assert_string_not_equal(link_look(world, PORTAL_1A).state, "probation");
	assert_non_null(strstr(link_look(world, PORTAL_1A).reason, "after it is back"));
	sim_portal_down(world->portals[0], false);
	assert_int_equal(
		control_reconnect(world->g->gateway, "link", sim_gateway_link(world->g, PORTAL_1A)->id, &problem), 0);
	sim_run(world->sim, 100 * MS);
	assert_true(reads_through(world, 0, PORTAL_1A) > 0);
	assert_int_equal(world_events(world, "probation-ended", "administrator"), 1);
	assert_string_equal(link_look(world, PORTAL_1A).state, "up");
	world_destroy(world);
}

/* row: L6: a link that is taken away as a rehearsal has not failed, however often */
static void test_rehearsals_are_no_failures(void **state)
{
	struct world *world = world_create_ready(2, NULL);
	struct link *link = sim_gateway_link(world->g, PORTAL_1A);
	struct problem problem = { 0 };

	(void)state;
	for (unsigned i = 0; i < 2 * PROBATION_FAILURES; i++) {
		const char *how = i % 2 ? "silent" : "cut";

		assert_int_equal(control_rehearse(world->g->gateway, link->id, how, 2, false, &problem), 0);
		for (unsigned n = 0; n < 8; n++)
			reads_through(world, n % 2, PORTAL_1A);
		sim_run(world->sim, 6 * S);
		assert_int_equal(link_workers_up(link), 2);
	}
	assert_true(link->lanes[0].logins > PROBATION_FAILURES);
	assert_int_equal(sim_gateway_events(world->g, "probation-begun"), 0);
	assert_int_equal(link->probation.failures, 0);
	world_destroy(world);
}

/* row: L6: the bound of the delays is the administrator's path_recovery_interval */
static void test_bound_of_delays(void **state)
{
	struct world *world = world_create_ready(1, "{'timers': {'path_recovery_interval': 8}}");

	(void)state;
	flap(world, 0, 12);
	assert_int_equal(reads_through(world, 0, PORTAL_1A), 0);
	sim_run(world->sim, 9 * S);
	assert_true(reads_through(world, 0, PORTAL_1A) > 0);
	world_destroy(world);
}

/* ---- paths ------------------------------------------------------------------------------------------------------- */

/* The next read over that path ends with an error that makes it suspect; its verification succeeds. */
static void doubt(struct world *world, unsigned portal)
{
	struct sim_fault *fault = world_sense(world, 1, 0x88, SENSE_HARDWARE_ERROR, 0x4400);

	fault->portal = (int)portal;
	fault->lun = 0;
	for (unsigned i = 0; i < 16 && !fault->hits; i++)
		reads_through(world, 0, PORTAL_1A);
	assert_int_equal(fault->hits, 1);
	sim_run(world->sim, 2 * S);
}

/* row: L6, L2: a path whose errors come again after each successful verification; the link's others are not touched */
static void test_path_doubted_again_and_again(void **state)
{
	struct world *world = world_create_ready(2, NULL);
	struct sim_io io;

	(void)state;
	for (unsigned i = 0; i < PROBATION_FAILURES; i++)
		doubt(world, 0);
	assert_int_equal(sim_gateway_events(world->g, "probation-begun"), 1);
	assert_string_equal(path_look(world, PORTAL_1A).state, "probation");
	assert_string_equal(link_look(world, PORTAL_1A).state, "up");
	for (unsigned w = 0; w < 2; w++)
		assert_int_equal(reads_through(world, w, PORTAL_1A), 0);
	sim_io_init(&io, world->sim);
	for (unsigned i = 0, through = 0; i < 16 || !through; i++) {
		assert_true(i < 32);
		sim_io_read(&io, world_disk(world, 1), i);
		assert_true(sim_io_wait(&io, S));
		through += strcmp(io.io.path->core->link->portal, PORTAL_1A) == 0;
	}
	sim_run(world->sim, 6 * S);
	assert_string_equal(path_look(world, PORTAL_1A).state, "up");
	assert_true(reads_through(world, 1, PORTAL_1A) > 0);
	world_destroy(world);
}

/* ---- maintenance ------------------------------------------------------------------------------------------------- */

static int drain(struct world *world, const char *kind, const char *id, bool on)
{
	struct problem problem;
	int rc = control_drain(world->g->gateway, kind, id, on, false, &problem);

	sim_run(world->sim, 0);
	return rc;
}

/* row: L5, L6: what is on probation can be drained; resuming ends both */
static void test_drained_on_probation(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	const char *link = sim_gateway_link(world->g, PORTAL_1A)->id;

	(void)state;
	flap(world, 0, 6);
	assert_int_equal(drain(world, "link", link, true), 0);
	assert_string_equal(link_look(world, PORTAL_1A).state, "drained");
	for (unsigned i = 1; i < 4; i++) /* a last resort it is not, any more */
		sim_portal_down(world->portals[i], true);
	sim_run(world->sim, 10 * MS);
	assert_int_equal(world_disk(world, 0)->usable.count, 0);
	assert_int_equal(drain(world, "link", link, false), 0);
	assert_string_equal(link_look(world, PORTAL_1A).state, "up");
	assert_int_equal(world_events(world, "probation-ended", "administrator"), 1);
	assert_int_equal(reads_through(world, 0, PORTAL_1A), 16);
	world_destroy(world);
}

/* row: L5: a drained link stays so over its reconnections, and over identification */
static void test_drained_over_reconnections(void **state)
{
	struct world *world = world_create_ready(2, NULL);
	const char *link = sim_gateway_link(world->g, PORTAL_1A)->id;

	(void)state;
	assert_int_equal(drain(world, "link", link, true), 0);
	flap(world, 0, 2);
	sim_array_attention(world->array, SIM_ANY, 0x3f0e);
	assert_int_equal(reads_through(world, 0, PORTAL_1A) + reads_through(world, 1, PORTAL_1A), 0);
	assert_true(sim_gateway_settles(world->g, 10 * S));
	assert_string_equal(link_look(world, PORTAL_1A).state, "drained");
	assert_int_equal(reads_through(world, 0, PORTAL_1A) + reads_through(world, 1, PORTAL_1A), 0);
	assert_int_equal(drain(world, "link", link, false), 0);
	assert_true(reads_through(world, 0, PORTAL_1A) > 0);
	world_destroy(world);
}

/* row: L5, L2: drained while it is being verified: the verification goes on, and no I/O comes after it */
static void test_drained_while_verifying(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct path *path = sim_gateway_path(world->g, 0, 0, PORTAL_1A);
	struct sim_fault *fault = world_sense(world, 3, 0x00, SENSE_NOT_READY, 0x0403);

	(void)state;
	fault->portal = 0;
	path_suspect(path);
	sim_run(world->sim, 100 * MS);
	assert_int_equal(path->state, PATH_VERIFYING);
	assert_int_equal(drain(world, "path", path->core->id, true), 0);
	sim_run(world->sim, 5 * S);
	assert_int_equal(path->state, PATH_UP);
	assert_string_equal(path_look(world, PORTAL_1A).state, "drained");
	assert_int_equal(reads_through(world, 0, PORTAL_1A), 0);
	assert_int_equal(drain(world, "path", path->core->id, false), 0);
	assert_true(reads_through(world, 0, PORTAL_1A) > 0);
	world_destroy(world);
}

/* row: L5, F1: drained while its lost write is fenced: the write ends elsewhere, and resuming brings the link back */
static void test_drained_while_fenced(void **state)
{
	struct world *world = world_create_ready(1, "{'policies': {'default': 'weighted-paths'}}");
	const char *link = sim_gateway_link(world->g, PORTAL_1A)->id;
	struct sim_io io;

	(void)state;
	sim_array_fault(world->array, SIM_FAULT_HANG, 1)->opcode = 0x8a;
	sim_io_init(&io, world->sim);
	sim_io_write(&io, world_prefer(world, PORTAL_1A), 5, 1);
	sim_run(world->sim, 10 * MS);
	sim_portal_down(world->portals[0], true);
	sim_portal_down(world->portals[1], true);
	sim_run(world->sim, 10 * MS);
	assert_int_equal(io.io.place, IO_FENCED);
	assert_int_equal(drain(world, "link", link, true), 0);
	assert_true(sim_io_wait(&io, 60 * S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	sim_portal_down(world->portals[0], false);
	assert_true(sim_io_wait(&io, 10 * S));
	sim_run(world->sim, 10 * S);
	assert_string_equal(link_look(world, PORTAL_1A).state, "drained");
	assert_int_equal(drain(world, "link", link, false), 0);
	sim_io_write(&io, world_prefer(world, PORTAL_1A), 5, 2);
	assert_string_equal(io.io.path->core->link->portal, PORTAL_1A);
	assert_true(sim_io_wait(&io, S));
	assert_int_equal(sim_lu_stamp(world->lus[0], 5), 2);
	world_destroy(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_delays_double),
		cmocka_unit_test(test_rare_failures_are_forgiven),
		cmocka_unit_test(test_steadiness),
		cmocka_unit_test(test_flapping_link_rests),
		cmocka_unit_test(test_last_resort),
		cmocka_unit_test(test_reconnect_lifts),
		cmocka_unit_test(test_rehearsals_are_no_failures),
		cmocka_unit_test(test_bound_of_delays),
		cmocka_unit_test(test_path_doubted_again_and_again),
		cmocka_unit_test(test_drained_on_probation),
		cmocka_unit_test(test_drained_over_reconnections),
		cmocka_unit_test(test_drained_while_verifying),
		cmocka_unit_test(test_drained_while_fenced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
