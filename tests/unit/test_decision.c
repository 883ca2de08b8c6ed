/* Why a command took the path that it took: as the administrator is told. */
#include "gateway/control.h"
#include "tests/simulation/sim_load.h"
#include "tests/simulation/sim_world.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#define S US_PER_S
#define MS US_PER_MS
#define WP "'policies': {'default': 'weighted-paths'}"
#define COMMANDS_MAX 256

/* Flat copies: a view lasts as long as its call. */
struct copy {
	struct command_view command;
	char id[48], loss_reason[64];
	struct attempt_view attempts[8];
	struct choice_view choices[8][DSM_PATHS_MAX];
};

struct told {
	unsigned answers;
	bool complete, remarkable;
	struct copy commands[COMMANDS_MAX];
	size_t count;
};

static bool take(const struct command_view *view, void *arg)
{
	struct told *told = arg;
	struct copy *copy = &told->commands[told->count++];

	copy->command = *view;
	strcpy(copy->id, view->id);
	copy->command.id = copy->id;
	if (view->loss_reason)
		copy->command.loss_reason = strcpy(copy->loss_reason, view->loss_reason);
	for (size_t i = 0; i < view->attempt_count; i++) {
		copy->attempts[i] = view->attempts[i];
		memcpy(copy->choices[i], view->attempts[i].choices,
		       view->attempts[i].choice_count * sizeof(struct choice_view));
		copy->attempts[i].choices = copy->choices[i];
	}
	return told->count < COMMANDS_MAX;
}

static void on_told(const struct control_commands *commands, void *arg)
{
	struct told *told = arg;

	told->answers++;
	told->complete = control_commands_complete(commands);
	control_each_command(commands, told->remarkable, take, told);
}

static bool is_told(void *arg)
{
	return ((struct told *)arg)->answers;
}

static struct told *ask(struct world *world, bool remarkable)
{
	struct told *told = calloc(1, sizeof(*told));
	struct problem problem = { 0 };

	told->remarkable = remarkable;
	assert_int_equal(control_commands(world->g->gateway, world_disk(world, 0)->core->id, on_told, told, &problem),
			 0);
	assert_int_equal(told->answers, 0); /* never inside the call */
	assert_true(sim_until(world->sim, is_told, told, 2 * S));
	assert_int_equal(told->answers, 1);
	return told;
}

/* What kept the path over that portal out; "": nothing. */
static const char *reason_for(const struct world *world, const struct attempt_view *attempt, const char *address)
{
	const char *id = sim_gateway_path(world->g, 0, 0, address)->core->id;

	for (size_t i = 0; i < attempt->choice_count; i++)
		if (strcmp(attempt->choices[i].path, id) == 0)
			return attempt->choices[i].reason ? attempt->choices[i].reason : "";
	fail_msg("%s was not among the choices", address);
	return NULL;
}

static void run_read(struct world *world, uint64_t lba)
{
	struct sim_io io;

	sim_io_init(&io, world->sim);
	sim_io_read(&io, world_disk(world, 0), lba);
	assert_true(sim_io_wait(&io, 60 * S));
}

/* The reason that the newest command's first attempt gives for the path over that portal. */
static void assert_reason(struct world *world, const char *address, const char *reason)
{
	struct told *told;

	run_read(world, 3);
	told = ask(world, false);
	assert_true(told->count > 0 && told->commands[0].attempts[0].choice_count == 4);
	assert_string_equal(reason_for(world, &told->commands[0].attempts[0], address), reason);
	free(told);
}

/* row: P10: a command that goes well: its paths, its policy, and its times */
static void test_a_good_command(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	const struct command_view *view;
	struct told *told;

	(void)state;
	run_read(world, 17);
	told = ask(world, false);
	assert_true(told->complete);
	assert_int_equal(told->count, 1);
	view = &told->commands[0].command;
	assert_string_equal(view->name, "READ(16)");
	assert_int_equal(view->lba, 17);
	assert_int_equal(view->blocks, 1);
	assert_true(view->ended && !view->remarkable && !view->own);
	assert_int_equal(view->attempts_made, 1);
	assert_string_equal(told->commands[0].attempts[0].result, "answered");
	assert_string_equal(told->commands[0].attempts[0].policy, "round-robin");
	assert_int_equal(told->commands[0].attempts[0].choice_count, 4);
	assert_true(view->took_us > 0 && view->took_us == told->commands[0].attempts[0].ended_us);
	free(told);
	told = ask(world, true);
	assert_int_equal(told->count, 0);
	free(told);
	world_destroy(world);
}

/* row: P10: each rule that keeps a path out is told by the function that keeps it out: what became of the path itself
 */
static void test_reasons_of_the_path(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct gateway *gateway = world->g->gateway;
	struct problem problem = { 0 };
	const char *id = sim_gateway_path(world->g, 0, 0, PORTAL_1A)->core->id;

	(void)state;
	assert_reason(world, PORTAL_1A, "");
	assert_int_equal(control_drain(gateway, "path", id, true, false, &problem), 0);
	sim_run(world->sim, MS);
	assert_reason(world, PORTAL_1A, "drained");
	assert_int_equal(control_drain(gateway, "path", id, false, false, &problem), 0);
	sim_run(world->sim, MS);
	assert_reason(world, PORTAL_1A, "");
	path_suspect(sim_gateway_path(world->g, 0, 0, PORTAL_2A));
	assert_reason(world, PORTAL_2A, "suspect");
	sim_portal_down(world->portals[3], true);
	sim_run(world->sim, 100 * MS);
	assert_reason(world, PORTAL_2B, "down");
	world_destroy(world);
}

/* row: P10: and what the array says of its port */
static void test_reasons_of_the_array(void **state)
{
	static const struct {
		uint8_t state;
		const char *reason;
	} states[] = {
		{ SIM_NON_OPTIMIZED, "non-optimized" },
		{ SIM_STANDBY, "access-standby" },
		{ SIM_UNAVAILABLE, "access-unavailable" },
		{ SIM_TRANSITIONING, "access-transitioning" },
		{ SIM_OPTIMIZED, "" },
	};
	struct world *world = world_create(1);

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		world->lus[i]->tpgs = 1;
	for (unsigned i = 0; i < 4; i++)
		sim_port_join(world->portals[i], i < 2 ? 1 : 2);
	world_start(world, NULL);
	assert_true(sim_gateway_settles(world->g, 10 * S));
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		sim_port_set(world->array, 1, states[i].state);
		run_read(world, 1); /* hears of it */
		sim_run(world->sim, S);
		assert_reason(world, PORTAL_1A, states[i].reason);
	}
	world_destroy(world);
}

/* row: P5 P10: what the policy leaves alone of the usable paths */
static void test_reasons_of_the_policy(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	struct path_setting paths[4];
	struct policy_setting setting = { .policy = POLICY_ROUND_ROBIN_SUBSET, .paths = paths, .path_count = 4 };
	const char *const portals[] = { PORTAL_1A, PORTAL_1B, PORTAL_2A, PORTAL_2B };
	const char *device = world_disk(world, 0)->core->id;
	struct problem problem = { 0 };

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		paths[i] = (struct path_setting){ .id = sim_gateway_path(world->g, 0, 0, portals[i])->core->id,
						  .role = i == 1 ? "standby" : "active",
						  .weight = i == 2 ? UINT32_MAX : 1,
						  .preferred = -1 };
	assert_int_equal(control_set_device_policy(world->g->gateway, device, &setting, &problem), 0);
	sim_run(world->sim, MS);
	assert_reason(world, PORTAL_1B, "role-standby");
	assert_reason(world, PORTAL_2A, "");
	setting.policy = POLICY_WEIGHTED_PATHS;
	assert_int_equal(control_set_device_policy(world->g->gateway, device, &setting, &problem), 0);
	sim_run(world->sim, MS);
	assert_reason(world, PORTAL_1B, "");
	assert_reason(world, PORTAL_2A, "weight-never");
	world_destroy(world);
}

/* row: P10 E7: an error: its sense, the verdict, and what came of it */
static void test_an_error(void **state)
{
	struct world *world = world_create_ready(1, NULL);
	const struct copy *command;
	struct told *told;

	(void)state;
	world_sense(world, 1, 0x88, SENSE_NOT_READY, 0x0401);
	run_read(world, 5);
	run_read(world, 6);
	told = ask(world, true);
	assert_int_equal(told->count, 1);
	command = &told->commands[0];
	assert_int_equal(command->command.lba, 5);
	assert_int_equal(command->command.attempts_made, 2);
	assert_true(command->attempts[0].judged && command->attempts[0].again);
	assert_int_equal(command->attempts[0].status, 2);
	assert_int_equal(command->attempts[0].key, SENSE_NOT_READY);
	assert_int_equal(command->attempts[0].asc << 8 | command->attempts[0].ascq, 0x0401);
	assert_string_equal(command->attempts[0].verdict, "retry-same");
	assert_true(command->attempts[1].by_verdict && !command->attempts[1].judged);
	assert_in_range(command->attempts[1].begun_us, S, S + 5 * MS); /* retry_interval */
	assert_int_equal(command->command.status, SCSI_GOOD);
	free(told);
	told = ask(world, false);
	assert_int_equal(told->count, 2);
	assert_int_equal(told->commands[0].command.lba, 6); /* newest first */
	free(told);
	world_destroy(world);
}

/* row: P10 F1 L4: a lost write: the reason, the fence that it waits for, which form lifted it, and where it went */
static void test_a_fenced_write(void **state)
{
	struct world *world = world_create_ready(1, "{" WP ", 'timers': {'fence_wait': 3}}");
	struct disk *disk = world_prefer(world, PORTAL_1A);
	const char *lost = sim_gateway_path(world->g, 0, disk->number, PORTAL_1A)->core->id;
	const struct copy *command;
	struct told *told;
	struct sim_io io;

	(void)state;
	sim_portal_down(world->portals[1], true);
	sim_run(world->sim, S);
	sim_array_fault(world->array, SIM_FAULT_HANG, 1)->opcode = 0x8a;
	sim_io_init(&io, world->sim);
	sim_io_write(&io, disk, 5, 1);
	sim_run(world->sim, 10 * MS);
	sim_portal_down(world->portals[0], true);
	sim_run(world->sim, S);
	told = ask(world, true); /* while it waits */
	command = &told->commands[0];
	assert_int_equal(command->command.attempts_made, 1);
	assert_false(command->command.ended);
	assert_string_equal(command->attempts[0].result, "fenced");
	assert_true(command->attempts[0].fence_waits);
	assert_in_range(command->command.took_us, S, S + 20 * MS);
	free(told);
	assert_true(sim_io_wait(&io, 60 * S));
	told = ask(world, true);
	command = &told->commands[0];
	assert_true(command->command.ended);
	assert_int_equal(command->command.attempts_made, 2);
	assert_string_equal(command->attempts[0].path, lost);
	assert_string_not_equal(command->attempts[1].path, lost);
	assert_in_range(command->attempts[0].fenced_us, 3 * S, 3 * S + 10 * MS);
	assert_string_equal(command->command.fence, "wait");
	assert_string_equal(command->command.loss_reason, "connection reset by peer");
	assert_string_equal(reason_for(world, &command->attempts[1], PORTAL_1A), "down");
	assert_string_equal(reason_for(world, &command->attempts[0], PORTAL_1A), "");
	free(told);
	world_destroy(world);
}

/* row: P10 E4: a command that hangs is ended at the array when command_timeout is over, and told so */
static void test_an_aborted_command(void **state)
{
	struct world *world = world_create_ready(1, "{'timers': {'command_timeout': 2, 'suspicion_limit': 0}}");
	const struct copy *command;
	struct told *told;

	(void)state;
	sim_array_fault(world->array, SIM_FAULT_HANG, 1)->opcode = 0x88;
	run_read(world, 9);
	told = ask(world, true);
	command = &told->commands[0];
	assert_int_equal(command->command.lba, 9);
	assert_int_equal(command->command.attempts_made, 2);
	assert_string_equal(command->attempts[0].result, "aborted");
	assert_string_equal(command->command.loss_reason, "no answer within command_timeout");
	assert_string_equal(command->attempts[1].result, "answered");
	assert_int_equal(command->command.status, SCSI_GOOD);
	free(told);
	world_destroy(world);
}

/* row: P10 D11: no path: held, and ended by the gateway itself */
static void test_a_held_command(void **state)
{
	struct world *world = world_create_ready(1, "{'timers': {'pdo_remove_period': 3}}");
	const struct copy *command;
	struct told *told;

	(void)state;
	world_down(world, true);
	sim_run(world->sim, 100 * MS);
	run_read(world, 1);
	told = ask(world, true);
	command = &told->commands[0];
	assert_string_equal(command->attempts[0].result, "held");
	assert_null(command->attempts[0].path);
	assert_true(command->command.own && command->command.ended);
	assert_int_equal(command->command.key, SENSE_HARDWARE_ERROR);
	assert_in_range(command->command.took_us, 2800 * MS, 3 * S);
	assert_string_equal(reason_for(world, &command->attempts[0], PORTAL_2B), "down");
	free(told);
	world_destroy(world);
}

/* Fixed sizes: the newest of many, the errors longer; more attempts than there is room for. */
static void test_bounds(void **state)
{
	struct world *world = world_create_ready(2, "{'timers': {'retry_count': 20, 'retry_interval': 1}}");
	struct sim_fault *fault = world_sense(world, 12, 0x88, SENSE_UNIT_ATTENTION, 0x5d00);
	struct told *told;

	(void)state;
	run_read(world, 7);
	assert_int_equal(fault->hits, 12);
	for (unsigned i = 0; i < 200; i++)
		run_read(world, i);
	told = ask(world, false);
	assert_int_equal(told->count, DECISION_RECENT + 1);
	assert_int_equal(told->commands[0].command.lba, 199);
	assert_int_equal(told->commands[DECISION_RECENT].command.lba, 7);
	assert_int_equal(told->commands[DECISION_RECENT].command.attempts_made, 13);
	assert_int_equal(told->commands[DECISION_RECENT].command.attempt_count, DECISION_STEPS);
	assert_false(told->commands[DECISION_RECENT].attempts[DECISION_STEPS - 1].judged);
	free(told);
	world_sense(world, DECISION_KEPT + 5, 0x88, SENSE_ILLEGAL_REQUEST, 0x2400);
	for (unsigned i = 0; i < DECISION_KEPT + 5; i++)
		run_read(world, i);
	told = ask(world, true);
	assert_int_equal(told->count, DECISION_KEPT);
	assert_int_equal(told->commands[DECISION_KEPT - 1].command.lba, 5);
	free(told);
	world_destroy(world);
}

/* A command whose place among the kept ones was given to later ones is told of as far as it is known. */
static void test_a_place_that_is_lost(void **state)
{
	struct world *world = world_create_ready(1, "{'timers': {'pdo_remove_period': 600}}");
	static struct sim_io ios[DECISION_KEPT + 8];
	struct told *told;
	unsigned kept = 0, brief = 0;

	(void)state;
	world_down(world, true);
	sim_run(world->sim, 100 * MS);
	for (unsigned i = 0; i < DECISION_KEPT + 8; i++) {
		sim_io_init(&ios[i], world->sim);
		sim_io_read(&ios[i], world_disk(world, 0), i);
	}
	sim_run(world->sim, S);
	world_down(world, false);
	for (unsigned i = 0; i < DECISION_KEPT + 8; i++)
		assert_true(sim_io_wait(&ios[i], 60 * S));
	told = ask(world, true);
	assert_int_equal(told->count, DECISION_KEPT + 8);
	for (unsigned i = 0; i < told->count; i++) {
		const struct copy *command = &told->commands[i];

		assert_int_equal(command->command.attempts_made, 2);
		assert_string_equal(command->attempts[command->command.attempt_count - 1].result, "answered");
		kept += command->command.attempt_count == 2;
		brief += command->command.attempt_count == 1;
	}
	assert_int_equal(kept, DECISION_KEPT);
	assert_int_equal(brief, 8);
	free(told);
	world_destroy(world);
}

/* A worker that does not answer is waited for a second; what it says later is dropped. */
static void test_a_busy_worker(void **state)
{
	struct world *world = world_create_ready(2, NULL);
	struct told told = { 0 };
	struct problem problem = { 0 };
	const char *device = world_disk(world, 0)->core->id;
	struct loop *control = world->sim->control;

	(void)state;
	run_read(world, 1);
	assert_int_equal(control_commands(world->g->gateway, device, on_told, &told, &problem), 0);
	loop_settle(world->sim->workers[0]); /* the other one is busy */
	loop_settle(control);
	assert_int_equal(told.answers, 0);
	loop_advance(control, S);
	assert_int_equal(told.answers, 1);
	assert_false(told.complete);
	assert_int_equal(told.count, 1);
	sim_run(world->sim, S);
	assert_int_equal(told.answers, 1);
	assert_int_equal(control_commands(world->g->gateway, "no such device", on_told, &told, &problem), -1);
	assert_int_equal(problem.status, 404);
	world_destroy(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_good_command),
		cmocka_unit_test(test_reasons_of_the_path),
		cmocka_unit_test(test_reasons_of_the_array),
		cmocka_unit_test(test_reasons_of_the_policy),
		cmocka_unit_test(test_an_error),
		cmocka_unit_test(test_a_fenced_write),
		cmocka_unit_test(test_an_aborted_command),
		cmocka_unit_test(test_a_held_command),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_a_place_that_is_lost),
		cmocka_unit_test(test_a_busy_worker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
