/* Arrays at run time: added, removed, reloaded; links that go for good (rows D1, D9, D10, D11, F4). */
#include "gateway/backend.h"
#include "gateway/backends.h"
#include "gateway/base/memory.h"
#include "tests/simulation/sim_load.h"
#include "tests/simulation/sim_world.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define S US_PER_S
#define MS US_PER_MS

#define A "{'name': 'a', 'portals': ['" PORTAL_1A "']}"
#define B "{'name': 'b', 'portals': ['" PORTAL_2A "']}"
#define ONLY_A "{'backends': [" A "]}"

static json_t *parse(const char *text)
{
	char copy[2048];
	json_t *json;

	str_copy(copy, sizeof(copy), text);
	for (char *c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
	json = json_loads(copy, 0, NULL);
	assert_non_null(json);
	return json;
}

/* 201, 200, or the problem's status. */
static int add(struct world *world, const char *element, struct problem *problem)
{
	json_t *json = parse(element);
	const char *name;
	bool created;
	int rc = control_add_backend(world->g->gateway, json, &name, &created, problem);

	json_decref(json);
	return rc < 0 ? problem->status : created ? 201 : 200;
}

static int add_b(struct world *world)
{
	struct problem problem;

	return add(world, B, &problem);
}

static int remove_backend(struct world *world, const char *name, bool force)
{
	struct problem problem;

	return control_remove_backend(world->g->gateway, name, force, &problem) < 0 ? problem.status : 0;
}

static bool has_no_removal(void *arg)
{
	const struct world *world = arg;
	struct backend *backend;
	struct link *link;

	list_for_each(backend, &world->g->gateway->backends, link) {
		if (backend->removing)
			return false;
		list_for_each(link, &backend->links, backend_link)
			if (link->removing)
				return false;
	}
	return true;
}

static bool removals_end(struct world *world, uint64_t limit_us)
{
	return sim_until(world->sim, has_no_removal, world, limit_us);
}

static unsigned links(const struct world *world)
{
	const struct backend *backend;
	const struct link *link;
	unsigned count = 0;

	list_for_each(backend, &world->g->gateway->backends, link)
		list_for_each(link, &backend->links, backend_link)
			count++;
	return count;
}

static struct device *first_device(const struct world *world)
{
	return list_first(&world->g->gateway->devices, struct device, link);
}

/* Two controllers of two portals each, which list their own alone; the gateway knows what options say. */
static struct world *two_controllers(unsigned workers, const char *options)
{
	struct world *world = world_create(workers);

	for (unsigned i = 0; i < 4; i++)
		world->portals[i]->lists = i < 2 ? 0x3 : 0xc;
	world_start(world, options);
	assert_true(sim_gateway_settles(world->g, 20 * S));
	return world;
}

static void end_load(struct sim_load *load)
{
	assert_true(sim_load_stop(load, 60 * S));
	assert_int_equal(load->failed, 0);
	assert_int_equal(load->wrong, 0);
	assert_true(load->writes > 100);
	free(load);
}

/* ---- adding and removing ----------------------------------------------------------------------------------------- */

/* row: D1 D11: an array comes and goes under load; nothing fails, nothing is sent twice, and nothing of it is left */
static void test_come_and_go_under_load(void **state)
{
	struct world *world = two_controllers(2, ONLY_A);
	struct sim_load *load = sim_load_start(world->sim, sim_gateway_disk(world->g, 1, 0), 32, MS);

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		world->portals[i]->latency_us = 20 * MS;
	for (unsigned round = 0; round < 5; round++) {
		assert_int_equal(add_b(world), 201);
		assert_true(sim_until(world->sim, has_no_removal, world, S));
		sim_run(world->sim, S);
		assert_int_equal(links(world), 4);
		assert_int_equal(device_paths_up(first_device(world)), 4);
		assert_true(figure_get(&sim_gateway_link(world->g, PORTAL_2A)->cells[1].inflight) > 0);
		assert_int_equal(remove_backend(world, "b", false), 0);
		assert_true(removals_end(world, S));
		assert_int_equal(links(world), 2);
		assert_null(sim_gateway_lane(world->g, 0, PORTAL_2A));
		assert_null(sim_gateway_lane(world->g, 1, PORTAL_2A));
		assert_int_equal(first_device(world)->path_count, 2);
		sim_run(world->sim, 100 * MS);
	}
	assert_int_equal(figure_get(&first_device(world)->core.cells[1].retries), 0);
	assert_int_equal(figure_get(&first_device(world)->core.cells[1].path_failures), 0);
	assert_int_equal(sim_gateway_events(world->g, "backend-added"), 1 + 5);
	assert_int_equal(sim_gateway_events(world->g, "backend-removed"), 5);
	assert_int_equal(sim_gateway_events(world->g, "link-removed"), 10);
	assert_int_equal(sim_gateway_events(world->g, "link-down"), 0);
	end_load(load);
	world_destroy(world);
}

/* row: D11: a command that hangs there does not keep the array for ever: it goes on elsewhere, behind the fence */
static void test_hanging_command(void **state)
{
	struct world *world = two_controllers(1, "{'backends': [" A "], 'policies': {'default': 'weighted-paths'}, "
						 "'timers': {'command_timeout': 3}}");
	struct disk *disk;
	struct sim_io io;

	(void)state;
	assert_int_equal(add_b(world), 201);
	sim_run(world->sim, S);
	disk = world_prefer(world, PORTAL_2A);
	sim_array_fault(world->array, SIM_FAULT_HANG, 1)->opcode = 0x8a;
	sim_io_init(&io, world->sim);
	sim_io_write(&io, disk, 1, 7);
	sim_run(world->sim, 10 * MS);
	assert_string_equal(io.io.path->core->link->portal, PORTAL_2A);
	assert_int_equal(remove_backend(world, "b", false), 0);
	sim_run(world->sim, S);
	assert_int_equal(links(world), 3); /* the other one had nothing to wait for */
	assert_false(sim_io_ended(&io));
	assert_true(sim_io_wait(&io, 20 * S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	assert_true(removals_end(world, S));
	assert_int_equal(links(world), 2);
	assert_int_equal(sim_lu_stamp(world->lus[0], 1), 7);
	world_destroy(world);
}

/* row: D11: one that may take hours, to which command_timeout does not apply, neither */
static void test_slow_command(void **state)
{
	static const uint8_t synchronize_cache[10] = { 0x35 };
	struct world *world = two_controllers(1, "{'backends': [" A "], 'policies': {'default': 'weighted-paths'}, "
						 "'timers': {'command_timeout': 3}}");
	struct disk *disk;
	struct sim_io io;

	(void)state;
	assert_int_equal(add_b(world), 201);
	sim_run(world->sim, S);
	disk = world_prefer(world, PORTAL_2A);
	sim_array_fault(world->array, SIM_FAULT_HANG, 1)->opcode = 0x35;
	sim_io_init(&io, world->sim);
	sim_io_command(&io, disk, synchronize_cache, sizeof(synchronize_cache), SCSI_DIR_NONE, 0);
	sim_run(world->sim, 20 * S);
	assert_false(sim_io_ended(&io));
	assert_int_equal(remove_backend(world, "b", false), 0);
	assert_true(removals_end(world, 20 * S));
	assert_true(sim_io_wait(&io, S));
	assert_int_equal(io.ended, 1);
	world_destroy(world);
}

/* row: D11: a command that waits for its retry remembers a path that is gone by then */
static void test_retry_outlives_its_path(void **state)
{
	struct world *world = two_controllers(1, "{'backends': [" A "], 'policies': {'default': 'weighted-paths'}, "
						 "'timers': {'retry_interval': 3}}");
	struct disk *disk;
	struct sim_io io;

	(void)state;
	assert_int_equal(add_b(world), 201);
	sim_run(world->sim, S);
	disk = world_prefer(world, PORTAL_2A);
	world_sense(world, 1, 0x8a, SENSE_NOT_READY, 0x0401); /* the same path again */
	world_sense(world, 1, 0x8a, SENSE_ABORTED_COMMAND, 0x4e00); /* and once more, after retry_interval */
	sim_io_init(&io, world->sim);
	sim_io_write(&io, disk, 1, 7);
	sim_run(world->sim, 4 * S);
	assert_int_equal(io.io.retries, 2);
	assert_int_equal(io.io.place, IO_DELAYED);
	assert_int_equal(remove_backend(world, "b", false), 0);
	assert_true(removals_end(world, S));
	assert_false(sim_io_ended(&io));
	assert_true(sim_io_wait(&io, 10 * S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	assert_int_equal(sim_lu_stamp(world->lus[0], 1), 7);
	world_destroy(world);
}

/* row: D11 D9: the last path is not taken away by mistake; when it is, I/O is held, and the disk comes back as it was
 */
static void test_last_path(void **state)
{
	struct world *world = two_controllers(1, "{'backends': [" A "], 'timers': {'pdo_remove_period': 30}}");
	struct device *device = first_device(world);
	int lun = device->lun;
	struct sim_io io;

	(void)state;
	assert_int_equal(add_b(world), 201);
	sim_run(world->sim, S);
	sim_portal_down(world->portals[0], true);
	sim_portal_down(world->portals[1], true);
	sim_run(world->sim, 2 * S);
	assert_int_equal(remove_backend(world, "b", false), 409);
	assert_int_equal(device_paths_up(device), 2);
	assert_int_equal(remove_backend(world, "b", true), 0);
	assert_true(removals_end(world, S));
	assert_int_equal(device->path_count, 2);
	assert_int_equal(device_paths_up(device), 0);
	sim_io_init(&io, world->sim);
	sim_io_write(&io, world_disk(world, (uint16_t)lun), 1, 7);
	sim_run(world->sim, 5 * S);
	assert_false(sim_io_ended(&io));
	assert_int_equal(add_b(world), 201);
	assert_true(sim_io_wait(&io, 10 * S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	assert_ptr_equal(first_device(world), device);
	assert_true(device->claimed);
	assert_int_equal(device->lun, lun);
	world_destroy(world);
}

/* ---- what is refused --------------------------------------------------------------------------------------------- */

/* row: D1: what the API is given is checked as the file is, and refused with the place */
static void test_validation(void **state)
{
	static const struct {
		const char *element, *pointer;
		int status;
	} cases[] = {
		{ "[]", "#", 422 },
		{ "{'portals': ['10.0.0.1']}", "/name", 422 },
		{ "{'name': 'c'}", "/portals", 422 },
		{ "{'name': 'c', 'portals': ['10.0.0.1', 'here']}", "/portals/1", 422 },
		{ "{'name': 'c', 'portals': ['10.0.0.1'], 'a/b': 1}", "/a~1b", 422 },
		{ "{'name': 'c', 'portals': ['10.0.0.1'], 'fence': 'often'}", "/fence", 422 },
		{ "{'name': 'c', 'portals': ['10.0.0.1'], 'chap': {'name': 'x'}}", "/chap/secret_file", 422 },
		{ "{'name': 'c', 'portals': ['10.0.0.1'], 'chap': {'name': 'x', 'secret_file': 'x'}}",
		  "/chap/secret_file", 422 },
		{ "{'name': 'c', 'portals': ['10.0.0.1'], 'chap': {'name': 'x', 'secret_file': '/nowhere'}}",
		  "/chap/secret_file", 422 },
		{ "{'name': 'c', 'portals': ['" PORTAL_1A "']}", "/portals/0", 422 }, /* another's */
		{ "{'name': 'a', 'portals': ['10.0.0.1']}", "/name", 409 },
	};
	struct world *world = two_controllers(1, ONLY_A);
	struct problem problem;

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(add(world, cases[i].element, &problem), cases[i].status);
		assert_string_equal(problem.pointer, cases[i].pointer);
	}
	assert_int_equal(add(world, A, &problem), 200); /* the same as in the file */
	assert_int_equal(remove_backend(world, "a", true), 409);
	assert_int_equal(remove_backend(world, "b", true), 404);
	assert_int_equal(sim_gateway_events(world->g, "backend-added"), 1);
	assert_int_equal(add_b(world), 201);
	assert_int_equal(add_b(world), 200);
	sim_run(world->sim, S);
	assert_int_equal(remove_backend(world, "b", false), 0);
	assert_int_equal(remove_backend(world, "b", false), 0);
	assert_int_equal(add_b(world), 409); /* not yet */
	assert_true(removals_end(world, S));
	assert_int_equal(remove_backend(world, "b", false), 404);
	assert_int_equal(add_b(world), 201);
	world_destroy(world);
}

/* ---- what stays ----------------------------------------------------------------------------------------------------
 */

/* row: D1: arrays of the API come back after a restart; what was removed does not */
static void test_restart(void **state)
{
	struct world *world = two_controllers(1, ONLY_A);
	struct problem problem;

	(void)state;
	assert_int_equal(add_b(world), 201);
	assert_int_equal(add(world, "{'name': 'c', 'portals': ['10.8.0.1']}", &problem), 201);
	sim_run(world->sim, S);
	assert_int_equal(remove_backend(world, "c", false), 0);
	assert_true(sim_gateway_destroy(world->g));
	world_start(world, ONLY_A);
	assert_true(sim_gateway_settles(world->g, 20 * S));
	assert_int_equal(links(world), 4);
	assert_false(backends_find(world->g->gateway, "b")->from_config);
	assert_null(backends_find(world->g->gateway, "c"));
	assert_true(sim_gateway_destroy(world->g));
	world_start(world, "{'backends': [" A "," B "]}"); /* now the file has it, too */
	assert_true(sim_gateway_settles(world->g, 20 * S));
	assert_int_equal(links(world), 4);
	assert_int_equal(remove_backend(world, "b", true), 409);
	world_destroy(world);
}

static void no_error(void *arg, const char *path, const char *message)
{
	(void)arg;
	fail_msg("%s: %s", path, message);
}

static void reload(struct world *world, const char *backends)
{
	json_t *document = json_deep_copy(world->g->config->document);

	json_object_set_new(document, "backends", parse(backends));
	gateway_reload(world->g->gateway, config_parse(document, "/", no_error, NULL));
	json_decref(document);
}

/* row: D1 D11: the file is read again: arrays come and go under load, and one that is changed is made anew */
static void test_reload(void **state)
{
	struct world *world = two_controllers(2, ONLY_A);
	struct sim_load *load = sim_load_start(world->sim, world_disk(world, 0), 8, MS);
	uint64_t logins;

	(void)state;
	reload(world, "[" A "," B "]");
	sim_run(world->sim, S);
	assert_int_equal(links(world), 4);
	logins = world->portals[0]->logins;
	reload(world, "[{'name': 'b', 'portals': ['" PORTAL_2A "'], 'fence': 'session'}," A "]");
	assert_true(backends_find(world->g->gateway, "b")->removing);
	assert_true(removals_end(world, S));
	sim_run(world->sim, S);
	assert_int_equal(sim_gateway_link(world->g, PORTAL_2B)->fence, FENCE_SESSION);
	assert_int_equal(world->portals[0]->logins, logins); /* the other one did not notice */
	reload(world, "[" A "]");
	assert_true(removals_end(world, S));
	assert_int_equal(links(world), 2);
	assert_int_equal(device_paths_up(first_device(world)), 2);
	end_load(load);
	world_destroy(world);
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */

/* row: F4: the keys of an array that goes are taken back, and the fence of what stays is whole; also those of a link
 * that is down */
static void test_keys_are_taken_back(void **state)
{
	struct world *world = world_create(2);
	struct sim_reservations *r = &world->lus[0]->reservations;

	(void)state;
	r->enabled = true;
	for (unsigned i = 0; i < 4; i++)
		world->portals[i]->lists = i < 2 ? 0x3 : 0xc;
	world_start(world, ONLY_A);
	assert_true(sim_gateway_settles(world->g, 20 * S));
	assert_int_equal(r->count, 2 * 2);
	assert_int_equal(add_b(world), 201);
	sim_run(world->sim, S);
	assert_int_equal(r->count, 2 * 4);
	sim_portal_down(world->portals[3], true);
	sim_run(world->sim, S);
	assert_int_equal(remove_backend(world, "b", false), 0);
	assert_true(removals_end(world, 2 * S));
	assert_int_equal(r->count, 2 * 2);
	assert_true(r->holder >= 0);
	assert_string_equal(device_fence(first_device(world)), "reservation");
	world_destroy(world);
}

/* row: F1 F4: the reservation is one of those that stay, whoever held it */
static void test_holder_leaves(void **state)
{
	struct world *world = world_create(1);
	struct sim_reservations *r = &world->lus[0]->reservations;
	struct problem problem;

	(void)state;
	r->enabled = true;
	for (unsigned i = 0; i < 4; i++)
		world->portals[i]->lists = i < 2 ? 0x3 : 0xc;
	world_start(world, "{'backends': []}");
	assert_int_equal(add_b(world), 201);
	assert_true(sim_gateway_settles(world->g, 20 * S));
	assert_int_equal(r->keys[r->holder].tpgt, 2);
	assert_int_equal(add(world, A, &problem), 201);
	sim_run(world->sim, S);
	assert_int_equal(r->count, 4);
	assert_int_equal(remove_backend(world, "b", false), 0);
	assert_true(removals_end(world, S));
	assert_int_equal(r->count, 2);
	assert_true(r->holder >= 0);
	assert_int_equal(r->keys[r->holder].tpgt, 1);
	assert_int_equal(remove_backend(world, "a", true), 0);
	assert_true(removals_end(world, S));
	assert_int_equal(r->count, 0); /* nothing is left for others to stumble over */
	assert_int_equal(r->holder, -1);
	world_destroy(world);
}

/* ---- what an array lists -------------------------------------------------------------------------------------------
 */

/* row: D1: a portal that the array gets while it is in use is found and used */
static void test_new_portal(void **state)
{
	struct world *world = world_create_ready(1, NULL);

	(void)state;
	sim_array_add_portal(world->array, "10.0.3.1:3260", WORLD_IQN, 3);
	sim_run(world->sim, 65 * S);
	assert_int_equal(links(world), 5);
	assert_int_equal(device_paths_up(first_device(world)), 5);
	assert_true(world->portals[0]->discoveries >= 2); /* about one a minute */
	sim_run(world->sim, 600 * S);
	assert_true(world->portals[0]->discoveries <= 14);
	world_destroy(world);
}

/* Portals of which the array lists all but number n. */
static void unlist(struct world *world, unsigned n, bool on)
{
	for (unsigned i = 0; i < 4; i++)
		world->portals[i]->lists = on ? ~(UINT64_C(1) << n) : ~UINT64_C(0);
}

/* row: D1 D11: a portal that is not listed any more, and does not work, is retired in time: not before, and not while
 * it works */
static void test_retirement(void **state)
{
	struct world *world = world_create_ready(2, NULL);
	struct sim_load *load = sim_load_start(world->sim, world_disk(world, 0), 2, 200 * MS);

	(void)state;
	unlist(world, 3, true);
	sim_run(world->sim, 900 * S);
	assert_int_equal(links(world), 4); /* it works */
	unlist(world, 3, false);
	sim_portal_down(world->portals[3], true);
	sim_run(world->sim, 900 * S);
	assert_int_equal(links(world), 4); /* it is listed */
	unlist(world, 3, true);
	sim_run(world->sim, 200 * S);
	assert_int_equal(links(world), 4); /* not yet */
	sim_run(world->sim, 200 * S);
	assert_int_equal(links(world), 3);
	assert_int_equal(world_events(world, "link-removed", "does not list it any more"), 1);
	assert_int_equal(first_device(world)->path_count, 3);
	unlist(world, 3, false);
	sim_portal_down(world->portals[3], false);
	sim_run(world->sim, 65 * S);
	assert_int_equal(device_paths_up(first_device(world)), 4);
	end_load(load);
	world_destroy(world);
}

/* row: D1: what one controller alone lists is not given up when the other one, which lives, does not know of it */
static void test_silent_controller(void **state)
{
	struct world *world = world_create(1);

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		world->portals[i]->lists = i < 2 ? 0x3 : 0xc;
	world_start(world, "{'backends': [{'name': 'a', 'portals': ['" PORTAL_1A "', '" PORTAL_2A "']}]}");
	assert_true(sim_gateway_settles(world->g, 20 * S));
	sim_portal_down(world->portals[2], true);
	sim_portal_down(world->portals[3], true);
	sim_run(world->sim, 1800 * S);
	assert_int_equal(links(world), 4);
	sim_portal_down(world->portals[2], false);
	sim_portal_down(world->portals[3], false);
	assert_true(sim_gateway_settles(world->g, 60 * S));
	world_destroy(world);
}

/* row: D1: a portal that is asked for targets itself, and is taken away for good, counts by what the others say */
static void test_configured_portal_goes(void **state)
{
	struct world *world =
		world_create_ready(1, "{'backends': [{'name': 'a', 'portals': ['" PORTAL_1A "', '" PORTAL_2B "']}]}");

	(void)state;
	sim_run(world->sim, 100 * S);
	unlist(world, 3, true);
	sim_portal_down(world->portals[3], true);
	sim_run(world->sim, 400 * S);
	assert_int_equal(links(world), 3);
	world_destroy(world);
}

/* row: D1: a portal that two arrays list is used once, by the one that is configured for it, whichever came first */
static void test_owner(void **state)
{
	static const char *const by_name[] = { PORTAL_1A, PORTAL_1B, PORTAL_2A, PORTAL_2B };
	struct world *world = world_create_ready(1, ONLY_A); /* each portal lists all four */
	struct problem problem;

	(void)state;
	assert_int_equal(links(world), 4);
	assert_int_equal(add(world, "{'name': 'b', 'portals': ['" PORTAL_2A "', '" PORTAL_2B "']}", &problem), 201);
	sim_run(world->sim, 5 * S);
	assert_true(removals_end(world, S));
	assert_true(sim_gateway_settles(world->g, 20 * S));
	assert_int_equal(links(world), 4);
	for (unsigned i = 0; i < 4; i++)
		assert_string_equal(sim_gateway_link(world->g, by_name[i])->backend->config->name, i < 2 ? "a" : "b");
	sim_run(world->sim, 300 * S);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(world->portals[i]->logins, i < 2 ? 1 : 2);
	assert_int_equal(remove_backend(world, "b", false), 0); /* the other one takes them back */
	sim_run(world->sim, 5 * S);
	assert_int_equal(links(world), 4);
	assert_int_equal(device_paths_up(first_device(world)), 4);
	world_destroy(world);
}

/* row: D1: an array that lists portals without end does not fill the gateway */
static void test_10000_portals(void **state)
{
	struct world *world = world_create_ready(1, NULL);

	(void)state;
	world->portals[0]->made_up = 10000;
	sim_run(world->sim, 200 * S);
	assert_true(links(world) <= 1024);
	assert_int_equal(sim_gateway_events(world->g, "too-many-links"), 1);
	assert_int_equal(device_paths_up(first_device(world)), 4);
	world->portals[0]->made_up = 0;
	sim_run(world->sim, 500 * S);
	assert_int_equal(links(world), 4);
	assert_int_equal(device_paths_up(first_device(world)), 4);
	world_destroy(world);
}

/* ---- indexes and devices -------------------------------------------------------------------------------------------
 */

/* row: D10: the place of a path that is gone is free for the one that was refused, and nothing of the old one sticks */
static void test_room_for_the_33rd(void **state)
{
	struct world *world = world_create(1);
	struct path_core *path = NULL;
	struct device *device;
	char address[64];

	(void)state;
	for (unsigned i = 4; i < 33; i++) {
		snprintf(address, sizeof(address), "10.0.9.%u:3260", i);
		sim_array_add_portal(world->array, address, WORLD_IQN, 1);
	}
	world_start(world, "{'policies': {'default': 'fail-over-only'}}");
	sim_run(world->sim, 10 * S);
	device = first_device(world);
	assert_int_equal(device->path_count, 32);
	unlist(world, 1, true);
	sim_portal_down(world->portals[1], true);
	sim_run(world->sim, 400 * S);
	assert_int_equal(links(world), 32);
	assert_int_equal(device->path_count, 32);
	assert_int_equal(device_paths_up(device), 32);
	assert_int_equal(sim_gateway_events(world->g, "path-refused"), 2); /* one a device, as before */
	for (unsigned i = 0; i < 32; i++)
		if (strcmp(device->paths[i]->link->portal, "10.0.9.32:3260") == 0)
			path = device->paths[i];
	assert_non_null(path);
	assert_int_equal(figure_get(&path->cells[0].path_failures), 0);
	assert_int_equal(device->setup->paths[path->index].role, POLICY_STANDBY);
	assert_int_equal(device->worn, 0);
	world_destroy(world);
}

/* row: D9 D11: a disk without a claim goes with its last path; one that has a number stays, known by it */
static void test_devices_that_go(void **state)
{
	struct world *world = two_controllers(1, "{'backends': [" A "], 'claims': ['BRAID:SIM-DISK']}");
	struct sim_array *other = sim_array_create(world->sim);
	struct problem problem;

	(void)state;
	sim_array_add_portal(other, "10.9.0.1:3260", "iqn.2026-11.org.example:other", 1);
	strcpy(sim_array_add_lu(other, 0, 300, WORLD_BLOCKS)->product, "UNWANTED");
	sim_array_add_lu(other, 1, 301, WORLD_BLOCKS);
	assert_int_equal(add(world, "{'name': 'other', 'portals': ['10.9.0.1']}", &problem), 201);
	assert_true(sim_gateway_settles(world->g, 20 * S));
	sim_run(world->sim, S);
	assert_non_null(gateway_device(world->g->gateway, "naa.6000000000000000000000000000012c"));
	assert_int_equal(remove_backend(world, "other", true), 0);
	assert_true(removals_end(world, S));
	assert_null(gateway_device(world->g->gateway, "naa.6000000000000000000000000000012c"));
	assert_int_equal(gateway_device(world->g->gateway, "naa.6000000000000000000000000000012d")->lun, 2);
	assert_int_equal(sim_gateway_events(world->g, "device-gone"), 1);
	world_destroy(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_come_and_go_under_load),
		cmocka_unit_test(test_hanging_command),
		cmocka_unit_test(test_slow_command),
		cmocka_unit_test(test_retry_outlives_its_path),
		cmocka_unit_test(test_last_path),
		cmocka_unit_test(test_validation),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_keys_are_taken_back),
		cmocka_unit_test(test_holder_leaves),
		cmocka_unit_test(test_new_portal),
		cmocka_unit_test(test_retirement),
		cmocka_unit_test(test_silent_controller),
		cmocka_unit_test(test_configured_portal_goes),
		cmocka_unit_test(test_owner),
		cmocka_unit_test(test_10000_portals),
		cmocka_unit_test(test_room_for_the_33rd),
		cmocka_unit_test(test_devices_that_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
