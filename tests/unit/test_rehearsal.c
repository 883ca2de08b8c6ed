/* Rehearsals: a link is taken away on purpose, comes back by itself, and the report says what hosts felt. */
#include "gateway/control.h"
#include "tests/simulation/sim_load.h"
#include "tests/simulation/sim_world.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#define S US_PER_S
#define MS US_PER_MS

static const char *link_id(const struct world *world, const char *address)
{
	return sim_gateway_link(world->g, address)->id;
}

/* The status of the refusal; 0: it has begun. */
static int rehearse(struct world *world, const char *address, const char *how, unsigned seconds, bool force)
{
	struct problem problem = { 0 };
	int rc = control_rehearse(world->g->gateway, link_id(world, address), how, seconds, force, &problem);

	sim_run(world->sim, 0);
	assert_int_equal(rc < 0, problem.status != 0);
	return problem.status;
}

static struct rehearsal_view rehearsal(struct world *world, const char *address)
{
	struct rehearsal_view view;

	assert_true(control_rehearsal(world->g->gateway, link_id(world, address), &view));
	return view;
}

struct waiting {
	struct world *world;
	const char *address;
};

static bool is_over(void *arg)
{
	const struct waiting *waiting = arg;

	return strcmp(rehearsal(waiting->world, waiting->address).state, "over") == 0;
}

static struct rehearsal_view end_of(struct world *world, const char *address, uint64_t limit_us)
{
	struct waiting waiting = { world, address };

	assert_true(sim_until(world->sim, is_over, &waiting, limit_us));
	return rehearsal(world, address);
}

static uint64_t longest_of(const struct sim_load *load)
{
	return load->longest_read_us > load->longest_write_us ? load->longest_read_us : load->longest_write_us;
}

static void end_load(struct sim_load *load)
{
	assert_true(sim_load_stop(load, 60 * S));
	assert_int_equal(load->failed, 0);
	assert_int_equal(load->wrong, 0);
	free(load);
}

/* The commands of the load's disk. */
static const struct rehearsal_device_view *row_of(const struct rehearsal_view *view, const struct disk *disk)
{
	for (size_t i = 0; i < view->device_count; i++)
		if (strcmp(view->devices[i].id, disk->core->id) == 0)
			return &view->devices[i];
	fail_msg("the report has no row for %s", disk->core->id);
	return NULL;
}

/* row: L4 F1: a cut link under load: away for its time and not longer; the longest command is the one that hosts saw */
static void test_a_cut_link(void **state)
{
	struct world *world = world_create_ready(2, NULL);
	struct sim_load *load = sim_load_start(world->sim, world_disk(world, 0), 16, 2 * MS);
	const struct rehearsal_device_view *row;
	struct problem problem = { 0 };
	struct rehearsal_view view;
	uint64_t logins, begun;

	(void)state;
	sim_run(world->sim, S);
	logins = world->portals[0]->logins;
	begun = sim_now_us(world->sim);
	load->longest_read_us = load->longest_write_us = 0;
	assert_int_equal(rehearse(world, PORTAL_1A, "cut", 3, false), 0);
	assert_int_equal(rehearse(world, PORTAL_2A, "cut", 3, false), 409); /* one at a time */
	sim_run(world->sim, 1500 * MS);
	assert_string_equal(rehearsal(world, PORTAL_1A).state, "away");
	assert_int_equal(sim_disk_paths(world_disk(world, 0), PATH_UP), 3);
	assert_int_equal(control_reconnect(world->g->gateway, "link", link_id(world, PORTAL_1A), &problem), 0);
	sim_run(world->sim, 1490 * MS - 1);
	assert_int_equal(world->portals[0]->logins, logins); /* nobody logs in before the time is over */
	view = end_of(world, PORTAL_1A, 5 * S);
	assert_true(sim_now_us(world->sim) - begun < 3500 * MS);
	assert_int_equal(world->portals[0]->logins, logins + 2);
	assert_true(view.lost && view.back);
	assert_int_equal(view.lost_after_us, 0);
	assert_in_range(view.back_after_us, 0, 50 * MS);
	assert_int_equal(view.longest_us, longest_of(load));
	assert_int_equal(view.device_count, 2);
	row = row_of(&view, world_disk(world, 0));
	assert_true(row->inflight > 0 && row->moved + row->fenced == row->inflight && row->commands > 1000);
	assert_int_equal(row->failed + row->held, 0);
	assert_true(!row->fenced == !row->fence);
	assert_int_equal(sim_gateway_events(world->g, "rehearsal-begun"), 1);
	assert_int_equal(sim_gateway_events(world->g, "rehearsal-ended"), 1);
	assert_int_equal(world_events(world, "link-down", "rehearsal"), 1);
	assert_true(sim_gateway_settles(world->g, S));
	end_load(load);
	world_destroy(world);
}

/* row: L4 E1: a link that falls silent under load is given up by suspicion; the stall is that of a real silence */
static void test_a_silent_link(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct sim_load *load = sim_load_start(world->sim, world_disk(world, 0), 16, 2 * MS);
	struct rehearsal_view view;

	(void)state;
	sim_run(world->sim, S);
	assert_int_equal(rehearse(world, PORTAL_2B, "silent", 4, false), 0);
	view = end_of(world, PORTAL_2B, 6 * S);
	assert_true(view.lost && view.back);
	assert_in_range(view.lost_after_us, 50 * MS, 600 * MS);
	assert_int_equal(view.longest_us, longest_of(load));
	assert_in_range(view.longest_us, 50 * MS, 650 * MS);
	assert_int_equal(world_events(world, "link-down", "silent"), 1);
	assert_true(sim_gateway_settles(world->g, S));
	end_load(load);
	world_destroy(world);
}

/* An idle link is not missed: it keeps its session, and what the array has sent meanwhile is read in the end. */
static void test_nobody_misses_it(void **state)
{
	struct world *world = world_create_ready(1, "{'timers': {'suspicion_limit': 0}}");
	uint64_t logins = world->portals[0]->logins, begun = sim_now_us(world->sim);
	struct disk *disk = world_prefer(world, PORTAL_1A);
	struct rehearsal_view view;
	struct sim_io io;

	(void)state;
	assert_int_equal(rehearse(world, PORTAL_1A, "silent", 3, false), 0);
	sim_io_init(&io, world->sim);
	sim_io_read(&io, disk, 1);
	assert_true(sim_io_wait(&io, 5 * S));
	assert_in_range(io.ended_us - begun, 3 * S, 3 * S + 10 * MS);
	view = end_of(world, PORTAL_1A, 5 * S);
	assert_in_range(row_of(&view, disk)->longest_us, 3 * S, 3 * S + 10 * MS);
	assert_true(!view.lost && view.back);
	assert_int_equal(world->portals[0]->logins, logins);
	assert_int_equal(sim_gateway_events(world->g, "link-down"), 0);
	world_destroy(world);
}

/* row: L5: what is refused, and what force allows: commands are held, and go on when the link is back */
static void test_refusals(void **state)
{
	struct world *world = world_create_ready(1, "{'timers': {'fence_wait': 3}}");
	struct problem problem = { 0 };
	struct rehearsal_view view;
	struct sim_io io;

	(void)state;
	assert_int_equal(control_rehearse(world->g->gateway, "l999", "cut", 5, false, &problem), -1);
	assert_int_equal(problem.status, 404);
	assert_false(control_rehearsal(world->g->gateway, link_id(world, PORTAL_1A), &view));
	assert_int_equal(rehearse(world, PORTAL_1A, "burnt", 5, false), 422);
	assert_int_equal(rehearse(world, PORTAL_1A, "cut", 0, false), 422);
	assert_int_equal(rehearse(world, PORTAL_1A, "cut", 61, false), 422);
	for (unsigned i = 1; i < 4; i++)
		sim_portal_down(world->portals[i], true);
	sim_run(world->sim, S);
	assert_int_equal(rehearse(world, PORTAL_1B, "cut", 2, true), 409); /* it is down */
	assert_int_equal(rehearse(world, PORTAL_1A, "cut", 2, false), 409); /* it is the last one */
	assert_int_equal(rehearse(world, PORTAL_1A, "cut", 2, true), 0);
	sim_io_init(&io, world->sim);
	sim_io_read(&io, world_disk(world, 0), 1);
	view = end_of(world, PORTAL_1A, 10 * S);
	assert_int_equal(io.io.status, SCSI_GOOD);
	assert_int_equal(view.devices[0].held + view.devices[view.device_count - 1].held, 1);
	assert_in_range(view.longest_us, 2 * S, 2 * S + 50 * MS);
	sim_portal_down(world->portals[2], false);
	sim_run(world->sim, 6 * S);
	assert_int_equal(rehearse(world, PORTAL_2A, "cut", 1, false), 0);
	end_of(world, PORTAL_2A, 10 * S);
	world_destroy(world);
}

/* The report waits for the writes that the fence keeps longer than the link is away. */
static void test_the_fence_outlasts_it(void **state)
{
	struct world *world =
		world_create_ready(1, "{'policies': {'default': 'weighted-paths'}, "
				      "'timers': {'fence_wait': 6}, 'backends': [{'name': 'a', 'portals': "
				      "['" PORTAL_1A "'], 'fence': 'wait'}]}");
	struct disk *disk = world_prefer(world, PORTAL_1A);
	const struct rehearsal_device_view *row;
	struct rehearsal_view view;
	struct sim_io io;

	(void)state;
	sim_array_fault(world->array, SIM_FAULT_HANG, 1)->opcode = 0x8a;
	sim_io_init(&io, world->sim);
	sim_io_write(&io, disk, 5, 1);
	sim_run(world->sim, 10 * MS);
	assert_int_equal(rehearse(world, PORTAL_1A, "cut", 1, false), 0);
	sim_run(world->sim, 3 * S);
	assert_string_equal(rehearsal(world, PORTAL_1A).state, "returning");
	assert_int_equal(rehearse(world, PORTAL_2A, "cut", 1, false), 409);
	view = end_of(world, PORTAL_1A, 10 * S);
	assert_true(sim_io_ended(&io));
	row = row_of(&view, disk);
	assert_int_equal(row->fenced, 1);
	assert_int_equal(row->moved, 0);
	assert_string_equal(row->fence, "wait");
	assert_in_range(row->longest_us, 6 * S, 6 * S + 50 * MS);
	world_destroy(world);
}

/* row: L6: what was wanted is no failure: a link that is rehearsed again and again is not put on probation */
static void test_no_probation(void **state)
{
	struct world *world = world_create_ready(1, NULL);

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(rehearse(world, PORTAL_1A, "cut", 1, false), 0);
		end_of(world, PORTAL_1A, 5 * S);
	}
	assert_int_equal(figure_get(&sim_gateway_link(world->g, PORTAL_1A)->cells[0].path_failures), 6);
	assert_false(path_core_on_probation(sim_gateway_path(world->g, 0, 0, PORTAL_1A)->core));
	assert_int_equal(world_disk(world, 0)->usable.count, 4);
	world_destroy(world);
}

/* The gateway may be stopped in the middle of it, and while the report is awaited. */
static void test_the_gateway_stops(void **state)
{
	static const uint64_t moments[] = { 0, 500 * MS, S, S + 210 * MS };

	(void)state;
	for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
		struct world *world = world_create_ready(2, NULL);

		assert_int_equal(rehearse(world, PORTAL_1A, i % 2 ? "silent" : "cut", 1, false), 0);
		sim_run(world->sim, moments[i]);
		world_destroy(world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_cut_link),
		cmocka_unit_test(test_a_silent_link),
		cmocka_unit_test(test_nobody_misses_it),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_the_fence_outlasts_it),
		cmocka_unit_test(test_no_probation),
		cmocka_unit_test(test_the_gateway_stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
