/* Settings at several levels, changed while commands are under way: which one rules, from when, and for how long. */
#include "gateway/base/memory.h"
#include "gateway/levels.h"
#include "gateway/persist.h"
#include "gateway/stall.h"
#include "tests/simulation/sim_world.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define S US_PER_S
#define MS US_PER_MS

#define ONLY(timer, value)                                                                                             \
	(struct level_change)                                                                                          \
	{                                                                                                              \
		.timers = { { .timer = (value) }, 1u << TIMER_##timer }                                                \
	}
#define CLEARED(timer)                                                                                                 \
	(struct level_change)                                                                                          \
	{                                                                                                              \
		.timers_cleared = 1u << TIMER_##timer                                                                  \
	}

static struct device *first_device(const struct world *world)
{
	return container_of(world_disk(world, 0)->core, struct device, core);
}

static void change(struct world *world, enum level_kind kind, struct level_change what)
{
	const char *names[] = { [LEVEL_DSM] = "generic", [LEVEL_DEVICE] = first_device(world)->core.id };
	struct problem problem = { 0 };

	if (control_change_level(world->g->gateway, kind, names[kind], &what, &problem) < 0)
		fail_msg("%s: %s", problem.title, problem.detail);
	sim_run(world->sim, MS); /* the orders are carried out */
}

static struct timer_value in_force(const struct world *world, enum timer_id id)
{
	struct timer_value values[TIMER_COUNT];

	levels_timers(world->g->gateway, first_device(world), "generic", values);
	assert_int_equal(timers_get(&first_device(world)->timers, id), values[id].value);
	assert_int_equal(timers_get(&world_disk(world, 0)->timers, id), values[id].value);
	return values[id];
}

static void assert_timer(const struct world *world, enum timer_id id, uint32_t value, const char *source)
{
	struct timer_value now = in_force(world, id);

	if (now.value != value || (source && strcmp(now.source, source) != 0))
		fail_msg("%s is %u from %s, not %u from %s", timer_table[id].name, now.value, now.source, value,
			 source);
}

/* ---- which level rules ------------------------------------------------------------------------------------------- */

/* row: L1: device, then DSM, then gateway, each by the API and then by the file; then the module, then the default */
static void test_precedence(void **state)
{
	struct world *world =
		world_create_ready(2, "{'timers': {'retry_count': 4}, 'dsms': {'timers': "
				      "{'generic': {'retry_interval': 6}, 'other': {'retry_count': 1}}}}");

	(void)state;
	assert_timer(world, TIMER_pdo_remove_period, 20, "default");
	assert_timer(world, TIMER_retry_count, 4, "config");
	assert_timer(world, TIMER_retry_interval, 6, "config");
	change(world, LEVEL_GATEWAY, ONLY(retry_interval, 7));
	assert_timer(world, TIMER_retry_interval, 6, "config"); /* the DSM's, in the file, is nearer */
	change(world, LEVEL_GATEWAY, ONLY(retry_count, 7));
	assert_timer(world, TIMER_retry_count, 7, "gateway");
	change(world, LEVEL_DSM, ONLY(retry_count, 8));
	assert_timer(world, TIMER_retry_count, 8, "dsm");
	change(world, LEVEL_DEVICE, ONLY(retry_count, 9));
	assert_timer(world, TIMER_retry_count, 9, "device");
	assert_int_equal(world_disk(world, 1)->timers.retry_count, 8);
	assert_int_equal(sim_gateway_disk(world->g, 1, 0)->timers.retry_count, 9); /* on every worker */
	change(world, LEVEL_DEVICE, CLEARED(retry_count));
	change(world, LEVEL_DSM, CLEARED(retry_count));
	assert_timer(world, TIMER_retry_count, 7, "gateway");
	change(world, LEVEL_GATEWAY, CLEARED(retry_count));
	assert_timer(world, TIMER_retry_count, 4, "config");
	assert_true(list_empty(&world->g->gateway->levels));
	world_destroy(world);
}

/* row: L1: what a module says of its devices comes before the default, and after everything of an administrator */
static void test_module_traits(void **state)
{
	struct world *world = world_create_ready(1, "{'timers': {'retry_count': 3}}");
	struct device *device = first_device(world);

	(void)state;
	device->core.dsm_traits.hold_s = 90;
	device->core.dsm_traits.retry_count = 30;
	levels_apply(world->g->gateway, device);
	sim_run(world->sim, MS);
	assert_timer(world, TIMER_pdo_remove_period, 90, "module");
	assert_timer(world, TIMER_retry_count, 3, "config"); /* the same as the default, but it was said */
	change(world, LEVEL_GATEWAY, ONLY(pdo_remove_period, 15));
	assert_timer(world, TIMER_pdo_remove_period, 15, "gateway");
	world_destroy(world);
}

/* Those of links reach the workers, and no level below the gateway has them. */
static void test_timers_of_links(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct timer_value values[TIMER_COUNT];

	(void)state;
	change(world, LEVEL_GATEWAY, ONLY(keepalive_interval, 9));
	assert_int_equal(world->g->gateway->workers[0]->timers.keepalive_interval, 9);
	assert_int_equal(world->g->gateway->timers.keepalive_interval, 9);
	levels_timers(world->g->gateway, first_device(world), "generic", values);
	assert_null(values[TIMER_keepalive_interval].source);
	assert_non_null(values[TIMER_command_timeout].source);
	world_destroy(world);
}

/* ---- at once ----------------------------------------------------------------------------------------------------- */

/* row: L1: a shorter pdo_remove_period counts for commands that are held already, of that device alone */
static void test_held_commands(void **state)
{
	struct world *world = world_create_ready(1, "{'timers': {'pdo_remove_period': 600}}");
	struct sim_io io, other;

	(void)state;
	sim_io_init(&io, world->sim);
	sim_io_init(&other, world->sim);
	world_down(world, true);
	sim_io_read(&io, world_disk(world, 0), 0);
	sim_io_read(&other, world_disk(world, 1), 0);
	sim_run(world->sim, 30 * S);
	change(world, LEVEL_DEVICE, ONLY(pdo_remove_period, 40));
	assert_true(sim_io_wait(&io, 11 * S));
	assert_in_range(io.ended_us - io.started_us, 39 * S, 41 * S);
	change(world, LEVEL_DSM, ONLY(pdo_remove_period, 5)); /* that time is over already */
	assert_true(sim_io_wait(&other, MS));
	assert_int_equal(sim_io_asc(&other), 0x0800);
	world_down(world, false);
	world_destroy(world);
}

/* row: L1: and a shorter retry_interval for commands that wait for their retry; a longer one does not hold them up */
static void test_delayed_commands(void **state)
{
	struct world *world = world_create_ready(1, "{'timers': {'retry_interval': 3600}}");
	struct sim_fault *fault = world_sense(world, 2, 0x88, SENSE_NOT_READY, 0x0401);
	struct sim_io io;

	(void)state;
	sim_io_init(&io, world->sim);
	sim_io_read(&io, world_disk(world, 0), 0);
	sim_run(world->sim, 10 * S);
	assert_int_equal(fault->hits, 1);
	change(world, LEVEL_DEVICE, ONLY(retry_interval, 3));
	sim_run(world->sim, 2 * S);
	assert_int_equal(fault->hits, 1);
	sim_run(world->sim, 2 * S);
	assert_int_equal(fault->hits, 2);
	change(world, LEVEL_DEVICE, ONLY(retry_interval, 1000));
	assert_true(sim_io_wait(&io, 4 * S));
	assert_int_equal(io.io.status, SCSI_GOOD);
	assert_true(list_empty(&world_disk(world, 0)->delayed));
	world_destroy(world);
}

/* row: L1: a command that is under way is timed by its own device */
static void test_command_timeout(void **state)
{
	struct world *world = world_create_ready(1, "{'policies': {'default': 'fail-over-only'}, 'timers': "
						    "{'suspicion_limit': 0, 'command_timeout': 3600}}");
	struct sim_io slow, fast;

	(void)state;
	sim_array_fault(world->array, SIM_FAULT_HANG, 2)->opcode = 0x88;
	sim_io_init(&slow, world->sim);
	sim_io_init(&fast, world->sim);
	sim_io_read(&slow, world_disk(world, 1), 0); /* the older one, on the same link */
	sim_run(world->sim, S);
	sim_io_read(&fast, world_disk(world, 0), 0);
	sim_run(world->sim, S);
	assert_ptr_equal(slow.io.path->lane, fast.io.path->lane);
	change(world, LEVEL_DEVICE, ONLY(command_timeout, 4));
	sim_run(world->sim, 1500 * MS);
	assert_int_equal(fast.ended, 0);
	assert_true(sim_io_wait(&fast, 10 * S));
	assert_int_equal(fast.io.status, SCSI_GOOD);
	assert_in_range(fast.ended_us - fast.started_us, 4 * S, 8 * S);
	assert_true(sim_io_wait(&slow, 60 * S) || slow.io.place == IO_ON_LANE);
	sim_array_release(world->array);
	world_destroy(world);
}

/* row: L1: path_verify_enabled starts verifications of paths that are up already, and ends them */
static void test_verification(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct sim_fault *seen = world_sense(world, 1000, 0x00, SENSE_UNIT_ATTENTION, 0x2f01);
	struct level_change off = ONLY(path_verify_enabled, 0);
	unsigned hits;

	(void)state;
	seen->lun = 0;
	sim_run(world->sim, S);
	hits = seen->hits;
	change(world, LEVEL_DEVICE, ONLY(path_verify_enabled, 1));
	change(world, LEVEL_DEVICE, ONLY(path_verification_period, 2));
	sim_run(world->sim, 3 * S);
	assert_true(seen->hits >= hits + 4);
	change(world, LEVEL_DEVICE, off);
	seen->count = 0;
	world_destroy(world);
}

/* ---- what a module says of failovers inside the array -------------------------------------------------------------
 */

/* row: L1, E5: a transition may last as long as the module says, though pdo_remove_period is shorter */
static void test_settling(void **state)
{
	struct world *world = world_create_ready(1, "{'timers': {'pdo_remove_period': 5}}");
	struct sim_io io, later;

	(void)state;
	first_device(world)->core.dsm_traits.settle_s = 30;
	world_sense(world, 100000, 0x88, SENSE_NOT_READY, 0x040a);
	world_sense(world, 100000, 0x00, SENSE_NOT_READY, 0x040a);
	sim_io_init(&io, world->sim);
	sim_io_init(&later, world->sim);
	sim_io_read(&io, world_disk(world, 0), 0);
	sim_io_read(&later, world_disk(world, 1), 0); /* whose module says nothing */
	assert_true(sim_io_wait(&later, 10 * S));
	assert_in_range(later.ended_us - later.started_us, 5 * S, 6 * S);
	assert_true(sim_io_wait(&io, 40 * S));
	assert_in_range(io.ended_us - io.started_us, 30 * S, 31 * S);
	world_destroy(world);
}

/* row: L1, E5: or as long as the array says itself, with its access states */
static void test_transition_time(void **state)
{
	struct world *world = world_create_ready(1, "{'timers': {'pdo_remove_period': 5}}");
	struct sim_io io;

	(void)state;
	atomic_store(&first_device(world)->core.transition_s, 30);
	world_sense(world, 100000, 0x88, SENSE_NOT_READY, 0x040a);
	world_sense(world, 100000, 0x00, SENSE_NOT_READY, 0x040a);
	sim_io_init(&io, world->sim);
	sim_io_read(&io, world_disk(world, 0), 0);
	assert_true(sim_io_wait(&io, 40 * S));
	assert_in_range(io.ended_us - io.started_us, 30 * S, 31 * S);
	world_destroy(world);
}

/* row: D11, L1: that is no reason to wait for an array that is gone */
static void test_settling_needs_a_path(void **state)
{
	struct world *world = world_create_ready(1, "{'timers': {'pdo_remove_period': 5}}");
	struct sim_io io;

	(void)state;
	first_device(world)->core.dsm_traits.settle_s = 30;
	for (unsigned i = 0; i < 4; i++)
		path_passive(world_disk(world, 0)->paths[i], DSM_ACCESS_TRANSITIONING);
	sim_io_init(&io, world->sim);
	sim_io_read(&io, world_disk(world, 0), 0);
	assert_int_equal(io.io.place, IO_HELD);
	world_down(world, true);
	assert_true(sim_io_wait(&io, 10 * S));
	assert_in_range(io.ended_us - io.started_us, 5 * S, 6 * S);
	world_down(world, false);
	world_destroy(world);
}

/* ---- what they add up to ------------------------------------------------------------------------------------------
 */

/* row: L1 */
static void test_worst_stall(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct gateway *gateway = world->g->gateway;
	struct control_status status;
	struct stall stall = stall_of(&timers_default, 0);

	(void)state;
	assert_int_equal(stall_total_s(&stall), 4 * 20 + 4 * 2 + 5 * 10 + 3 * 1 + 2 * 20 + (5 + 5) + 20);
	control_status(gateway, &status);
	assert_int_equal(status.worst_stall_us, stall_total_s(&stall) * S);
	change(world, LEVEL_DEVICE, ONLY(pdo_remove_period, 50));
	control_status(gateway, &status);
	assert_int_equal(status.worst_stall_us, (stall_total_s(&stall) + 3 * 30) * S);
	assert_string_equal(status.worst_stall_device, first_device(world)->core.id);
	assert_int_equal(status.worst_stall.hold_s, 50);
	first_device(world)->core.dsm_traits.settle_s = 70;
	control_status(gateway, &status);
	assert_int_equal(status.worst_stall.transition_s, 2 * 70);
	world_destroy(world);
}

/* row: L1 */
static void test_late_recovery_warning(void **state)
{
	struct world *world = world_create_ready(1, NULL);

	(void)state;
	assert_int_equal(sim_gateway_events(world->g, "recovery-late"),
			 0); /* the default is later, and is Microsoft's */
	change(world, LEVEL_GATEWAY, ONLY(path_recovery_interval, 19));
	assert_int_equal(sim_gateway_events(world->g, "recovery-late"), 0);
	change(world, LEVEL_DEVICE, ONLY(pdo_remove_period, 19));
	assert_int_equal(sim_gateway_events(world->g, "recovery-late"), 1);
	change(world, LEVEL_DEVICE, ONLY(retry_count, 1)); /* told once */
	assert_int_equal(sim_gateway_events(world->g, "recovery-late"), 1);
	change(world, LEVEL_DEVICE, CLEARED(pdo_remove_period));
	change(world, LEVEL_GATEWAY, ONLY(path_recovery_interval, 20));
	assert_int_equal(sim_gateway_events(world->g, "recovery-late"), 2);
	world_destroy(world);
}

/* ---- policies -----------------------------------------------------------------------------------------------------
 */

static void set_policy(struct world *world, enum level_kind kind, const char *name, enum policy_id policy)
{
	struct problem problem = { 0 };

	if (control_set_level_policy(world->g->gateway, kind, name, policy, &problem) < 0)
		fail_msg("%s: %s", problem.title, problem.detail);
	sim_run(world->sim, MS);
}

static void refuse_policy(struct world *world, enum level_kind kind, const char *name, enum policy_id policy,
			  int status)
{
	struct problem problem = { 0 };

	assert_int_equal(control_set_level_policy(world->g->gateway, kind, name, policy, &problem), -1);
	assert_int_equal(problem.status, status);
}

static void assert_policy(const struct world *world, enum policy_id policy, const char *from)
{
	assert_int_equal(first_device(world)->policy_in_force, policy);
	assert_string_equal(first_device(world)->policy_from, from);
	assert_string_equal(world_disk(world, 0)->setup->ops->name, policy_name(policy));
}

static struct level_view level(const struct world *world, enum level_kind kind, const char *name)
{
	struct level_view view;

	control_level(world->g->gateway, kind, name, &view);
	return view;
}

/* row: P8, D5: a level's policy counts at once, a hardware ID's in any spelling, the longest of them first; what the
 * file has comes back when the API's is cleared */
static void test_policies_of_levels(void **state)
{
	struct world *world =
		world_create_ready(1, "{'policies': {'dsm': {'generic': 'weighted-paths'}, 'hardware_id': "
				      "{'BRAID:SIM-DISK': 'least-blocks'}}}");

	(void)state;
	assert_policy(world, POLICY_LEAST_BLOCKS, "hardware-id");
	set_policy(world, LEVEL_HARDWARE_ID, "BRAID___SIM-DISK________", POLICY_LATENCY);
	assert_policy(world, POLICY_LATENCY, "hardware-id");
	assert_int_equal(level(world, LEVEL_HARDWARE_ID, "braid:sim-disk        ").policy, POLICY_LATENCY);
	assert_int_equal(level(world, LEVEL_HARDWARE_ID, "BRAID   SIM-DISK        ").devices, 2);
	set_policy(world, LEVEL_HARDWARE_ID, "BRAID", POLICY_FAIL_OVER_ONLY); /* shorter: of other products */
	assert_policy(world, POLICY_LATENCY, "hardware-id");
	assert_int_equal(level(world, LEVEL_HARDWARE_ID, "BRAID").devices, 0);
	set_policy(world, LEVEL_HARDWARE_ID, "BRAID   SIM-DISK        ", POLICY_INHERIT);
	assert_policy(world, POLICY_FAIL_OVER_ONLY, "hardware-id");
	set_policy(world, LEVEL_HARDWARE_ID, "BRAID   SIM", POLICY_WEIGHTED_PATHS); /* given later, but longer */
	assert_policy(world, POLICY_WEIGHTED_PATHS, "hardware-id");
	set_policy(world, LEVEL_HARDWARE_ID, "BRAID   SIM", POLICY_INHERIT);
	set_policy(world, LEVEL_HARDWARE_ID, "BRAID", POLICY_INHERIT);
	assert_policy(world, POLICY_LEAST_BLOCKS, "hardware-id"); /* the file's again */
	assert_string_equal(level(world, LEVEL_HARDWARE_ID, "BRAID:SIM-DISK").policy_source, "config");
	set_policy(world, LEVEL_DSM, "generic", POLICY_ROUND_ROBIN); /* rules nobody, yet */
	assert_policy(world, POLICY_LEAST_BLOCKS, "hardware-id");
	assert_int_equal(level(world, LEVEL_DSM, "generic").policy_of_file, POLICY_WEIGHTED_PATHS);
	assert_int_equal(level(world, LEVEL_DSM, "generic").devices, 0);
	world_destroy(world);
}

/* row: P9: what cannot be is refused, and nothing has changed */
static void test_impossible_policies(void **state)
{
	struct world *world = world_create_ready(1, NULL);

	(void)state;
	refuse_policy(world, LEVEL_DSM, "generic", POLICY_VENDOR, 422);
	refuse_policy(world, LEVEL_HARDWARE_ID, "BRAID", POLICY_VENDOR, 422);
	refuse_policy(world, LEVEL_HARDWARE_ID, "no hardware ID is as long as this one", POLICY_ROUND_ROBIN, 422);
	refuse_policy(world, LEVEL_HARDWARE_ID, "____", POLICY_ROUND_ROBIN, 422);
	refuse_policy(world, LEVEL_DSM, "no-such", POLICY_ROUND_ROBIN, 404);
	assert_policy(world, POLICY_ROUND_ROBIN, "default");
	assert_true(list_empty(&world->g->gateway->levels));
	set_policy(world, LEVEL_HARDWARE_ID, "ACME", POLICY_VENDOR); /* of none that there are */
	world_destroy(world);
}

/* row: P2, P8: round robin that is inherited becomes its subset form where the paths are asymmetric */
static void test_inherited_round_robin(void **state)
{
	struct world *world = world_create(1);

	(void)state;
	world->lus[0]->tpgs = 3;
	world_start(world, NULL);
	assert_true(sim_gateway_settles(world->g, 60 * S));
	set_policy(world, LEVEL_DSM, "generic", POLICY_ROUND_ROBIN);
	assert_policy(world, POLICY_ROUND_ROBIN_SUBSET, "dsm");
	assert_string_equal(world_disk(world, 1)->setup->ops->name, "round-robin");
	world_destroy(world);
}

/* ---- over restarts ------------------------------------------------------------------------------------------------
 */

static void restart(struct world *world, const char *options)
{
	assert_true(sim_gateway_destroy(world->g));
	world_start(world, options);
	assert_true(sim_gateway_settles(world->g, 60 * S));
}

/* row: L1: what the API has set comes back, also for a module that is gone and comes back later */
static void test_restart(void **state)
{
	static const char with_module[] = "{'dsms': {'order': ['simulated', 'generic'], 'plugins': "
					  "['" PLUGINS "/plugin_good.so']}}";
	struct world *world = world_create_ready(1, with_module);
	struct level_change two = ONLY(retry_count, 6);
	struct problem problem = { 0 };

	(void)state;
	assert_int_equal(control_change_level(world->g->gateway, LEVEL_DSM, "simulated", &two, &problem), 0);
	change(world, LEVEL_GATEWAY, ONLY(login_timeout, 11));
	change(world, LEVEL_DEVICE, ONLY(command_timeout, 12));
	set_policy(world, LEVEL_DSM, "simulated", POLICY_LEAST_QUEUE_DEPTH);
	set_policy(world, LEVEL_HARDWARE_ID, "BRAID:OTHER", POLICY_LATENCY);
	restart(world, NULL);
	assert_int_equal(control_change_level(world->g->gateway, LEVEL_DSM, "no-such", &two, &problem), -1);
	assert_int_equal(problem.status, 404);
	assert_int_equal(world->g->gateway->timers.login_timeout, 11);
	assert_timer(world, TIMER_command_timeout, 12, "device");
	assert_timer(world, TIMER_retry_count, 3, "default");
	change(world, LEVEL_DEVICE, CLEARED(command_timeout)); /* saved again, without that module */
	restart(world, with_module);
	assert_int_equal(world_disk(world, 0)->timers.retry_count, 6);
	assert_int_equal(world_disk(world, 0)->timers.command_timeout, 20);
	assert_policy(world, POLICY_LEAST_QUEUE_DEPTH, "dsm");
	assert_int_equal(level(world, LEVEL_HARDWARE_ID, "braid:other").policy, POLICY_LATENCY);
	world_destroy(world);
}

/* row: P9: what cannot be saved is not done */
static void test_unsaved(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct level_change nine = ONLY(retry_count, 9);
	char *away = xasprintf("%s.away", world->sim->state_dir);
	struct problem problem = { 0 };

	(void)state;
	assert_int_equal(rename(world->sim->state_dir, away), 0);
	fclose(fopen(world->sim->state_dir, "w"));
	refuse_policy(world, LEVEL_DSM, "generic", POLICY_WEIGHTED_PATHS, 500);
	assert_policy(world, POLICY_ROUND_ROBIN, "default");
	assert_int_equal(control_change_level(world->g->gateway, LEVEL_DSM, "generic", &nine, &problem), -1);
	assert_int_equal(problem.status, 500);
	assert_timer(world, TIMER_retry_count, 3, "default");
	assert_true(list_empty(&world->g->gateway->levels));
	assert_int_equal(remove(world->sim->state_dir), 0);
	assert_int_equal(rename(away, world->sim->state_dir), 0);
	free(away);
	world_destroy(world);
}

static struct gateway *gateway_with_state(struct world *world, const char *text)
{
	char *path = xasprintf("%s/state.json", world->sim->state_dir);
	FILE *file = fopen(path, "w");
	struct gateway *gateway;

	assert_non_null(file);
	for (const char *c = text; *c; c++)
		fputc(*c == '\'' ? '"' : *c, file);
	fclose(file);
	free(path);
	gateway = gateway_create(world->g->config, world->sim->control, world->sim->workers, 1,
				 world->g->gateway->transport);
	sim_run(world->sim, MS);
	return gateway;
}

#define DEVICE_WITH_LUN_5                                                                                              \
	"{'lun': 5, 'hardware_id': 'ACME    DISK            ', 'revision': '', 'serial': '', 'blocks': 1, "            \
	"'block_size': 512, 'identity': {'kind': 1, 'type': 3, 'association': 0, 'code_set': 1, 'bytes': '60'}}"

/* What the state has too much is left out; what it must not have ends the start. */
static void test_odd_states(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct gateway *gateway;

	(void)state;
	gateway = gateway_with_state(world,
				     "{'version': 1, 'gateway': '7', 'timers': {'retired': 1, 'retry_count': 5000, "
				     "'fence_wait': 3}, 'dsms': {'a': {'timers': {'fence_wait': 4}}}}");
	assert_non_null(gateway);
	assert_int_equal(gateway->timers.retry_count, 3);
	assert_int_equal(gateway->timers.fence_wait, 3);
	assert_int_equal(levels_find(gateway, LEVEL_DSM, "a")->settings.timers.set, 0);
	gateway_destroy(gateway);
	assert_null(gateway_with_state(world, "{'version': 1, 'devices': {'a': " DEVICE_WITH_LUN_5
					      ", 'b': " DEVICE_WITH_LUN_5 "}}"));
	gateway = gateway_with_state(world, "{'version': 1, 'gateway': '7', 'devices': {'a': " DEVICE_WITH_LUN_5 "}}");
	assert_non_null(gateway);
	gateway_destroy(gateway);
	world_destroy(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_precedence),
		cmocka_unit_test(test_module_traits),
		cmocka_unit_test(test_timers_of_links),
		cmocka_unit_test(test_held_commands),
		cmocka_unit_test(test_delayed_commands),
		cmocka_unit_test(test_command_timeout),
		cmocka_unit_test(test_verification),
		cmocka_unit_test(test_settling),
		cmocka_unit_test(test_transition_time),
		cmocka_unit_test(test_settling_needs_a_path),
		cmocka_unit_test(test_worst_stall),
		cmocka_unit_test(test_late_recovery_warning),
		cmocka_unit_test(test_policies_of_levels),
		cmocka_unit_test(test_impossible_policies),
		cmocka_unit_test(test_inherited_round_robin),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_unsaved),
		cmocka_unit_test(test_odd_states),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
