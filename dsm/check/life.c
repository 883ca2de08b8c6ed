#include "dsm/check/life.h"

#include "dsm/call.h"
#include "dsm/check/array.h"
#include "dsm/check/guard.h"
#include "dsm/check/report.h"

#include <string.h>

#define ROUNDS 8 /* of a verification that says: again */
#define TASK_ABORTED 0x40
#define BUSY 0x08

static const char *const health_names[] = { "nothing", "active", "passive", "again", "failed" };

struct scene {
	struct device device;
	struct array array;
};

static bool scene_begin(struct scene *scene, const struct subject *subject)
{
	memset(scene, 0, sizeof(*scene));
	scene->array.tpgs = subject->profile.tpgs;
	if (device_attach(&scene->device, subject) == 0)
		return true;
	report_wrong("attach failed");
	return false;
}

static void send(struct scene *scene, const struct dsm_path *path, const struct dsm_command *command,
		 struct array_answer *answer, struct dsm_result *result)
{
	size_t sense_len;

	array_execute(&scene->array, path, command, answer);
	sense_len = answer->status == 0x02 ? sizeof(answer->sense) : 0;
	call_decode(answer->status, guard_copy(answer->sense, sense_len), sense_len, result);
	result->data = answer->data_len ? guard_copy(answer->data, answer->data_len) : NULL;
	result->data_len = answer->data_len;
}

static enum dsm_health verify_once(struct scene *scene, unsigned index)
{
	const struct dsm_path *path = &scene->device.paths[index];
	struct dsm_command command;
	struct array_answer answer;
	struct dsm_result result;

	call_verify(scene->device.ops, path, &command);
	send(scene, path, &command, &answer, &result);
	return call_judge(scene->device.ops, scene->device.ctx, path, &result);
}

static enum dsm_health verify(struct scene *scene, unsigned index)
{
	enum dsm_health health = DSM_HEALTH_AGAIN;

	for (unsigned round = 0; round < ROUNDS && health == DSM_HEALTH_AGAIN; round++)
		health = verify_once(scene, index);
	return health;
}

static void expect(struct scene *scene, const char *when, unsigned index, enum dsm_health want)
{
	enum dsm_health got = verify(scene, index);

	if (got != want)
		report_wrong("%s: path %u is judged %s, not %s", when, index, health_names[got], health_names[want]);
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

/* E1, E2: a new session begins with unit attentions, and they are no failure. */
static void check_new_session(const void *arg)
{
	static const uint16_t attentions[4] = { 0x2907, 0x2900, 0x2a06 };
	struct scene scene;

	if (!scene_begin(&scene, arg))
		return;
	memcpy(scene.array.attentions[0], attentions, sizeof(attentions));
	expect(&scene, "after a new login (06/29/07, 06/29/00, 06/2A/06)", 0, DSM_HEALTH_ACTIVE);
	device_detach(&scene.device);
}

/* E3: the path has become suspect for something that the array did not say. */
static void check_suspect(const void *arg)
{
	struct scene scene;

	if (!scene_begin(&scene, arg))
		return;
	expect(&scene, "a path that answers", 1, DSM_HEALTH_ACTIVE);
	device_detach(&scene.device);
}

/* E4: the array has not answered, and what it says now is no answer either. */
static void check_timeout(const void *arg)
{
	static const uint8_t statuses[] = { BUSY, TASK_ABORTED, 0x77 };
	struct scene scene;

	if (!scene_begin(&scene, arg))
		return;
	for (unsigned i = 0; i < sizeof(statuses); i++) {
		scene.array.status = statuses[i];
		if (verify_once(&scene, 0) == DSM_HEALTH_ACTIVE)
			report_wrong("a verification that ends with status %02X makes the path active", statuses[i]);
	}
	scene.array.status = 0;
	expect(&scene, "when it answers again", 0, DSM_HEALTH_ACTIVE);
	device_detach(&scene.device);
}

/* ---- passive paths ----------------------------------------------------------------------------------------------- */

/* Whether a device of this profile has passive paths at all. */
static bool has_passive_paths(const struct scene *scene)
{
	return scene->array.tpgs || scene->device.traits.active_passive;
}

static void check_passive(const void *arg)
{
	struct scene scene;

	if (!scene_begin(&scene, arg))
		return;
	for (unsigned i = 0; i < DEVICE_PATHS && has_passive_paths(&scene); i++)
		expect(&scene, "controller 0 serves the device", i, i < 2 ? DSM_HEALTH_ACTIVE : DSM_HEALTH_PASSIVE);
	device_detach(&scene.device);
}

static enum dsm_step activate(struct scene *scene, unsigned index, unsigned *steps)
{
	const struct dsm_path *path = &scene->device.paths[index];
	struct dsm_result result = { 0 };
	struct array_answer answer;
	enum dsm_step next = DSM_STEP_SEND;

	for (*steps = 0; next == DSM_STEP_SEND; ++*steps) {
		struct dsm_command command;

		next = call_activate(scene->device.ops, scene->device.ctx, path, *steps, *steps ? &result : NULL,
				     &command);
		if (next == DSM_STEP_SEND)
			send(scene, path, &command, &answer, &result);
	}
	return next;
}

static void activate_there_and_back(struct scene *scene, const char *when)
{
	static const unsigned through[] = { 2, 1 };
	unsigned steps;

	for (unsigned i = 0; i < 2; i++) {
		unsigned path = through[i];

		scene->array.attentions[path][0] = 0x2a06; /* the first command meets a unit attention */
		if (activate(scene, path, &steps) != DSM_STEP_DONE) {
			report_wrong("%s: activating path %u fails after %u steps", when, path, steps);
			return;
		}
		expect(scene, "after its activation", path, DSM_HEALTH_ACTIVE);
		expect(scene, "after the activation of the other controller", path == 2 ? 0 : 3, DSM_HEALTH_PASSIVE);
	}
}

static void check_activate(const void *arg)
{
	struct scene scene;
	unsigned steps;

	if (!scene_begin(&scene, arg))
		return;
	if (scene.device.traits.active_passive || scene.array.tpgs & 2) {
		activate_there_and_back(&scene, "array");
		scene.array.short_pages_only = true;
		activate_there_and_back(&scene, "array that knows short mode pages only");
	} else if (activate(&scene, 2, &steps) == DSM_STEP_DONE && scene.array.owner == 0) {
		report_wrong("says that it has activated a path, but the array has not been told");
	}
	device_detach(&scene.device);
}

/* An array that refuses everything, or never answers otherwise than with unit attentions: it has to end. */
static void check_activate_ends(const void *arg)
{
	struct scene scene;
	unsigned steps;

	if (!scene_begin(&scene, arg))
		return;
	scene.array.status = BUSY;
	if (activate(&scene, 2, &steps) == DSM_STEP_DONE)
		report_wrong("says done although every command ended with BUSY");
	device_detach(&scene.device);
}

/* ---- all --------------------------------------------------------------------------------------------------------- */

/* A command of the module's own that the simulated array does not know cannot be judged by it. */
static bool array_knows(const struct subject *subject)
{
	const uint8_t *cdb = subject->ops->verify_command ? subject->ops->verify_command->cdb : NULL;

	return subject->ops->verify != DSM_VERIFY_OWN || cdb[0] == 0x00 ||
	       (cdb[0] == 0x12 && cdb[1] == 1 && cdb[2] == 0xc9 && !subject->profile.tpgs);
}

unsigned life_check(const struct subject *subject)
{
	static const struct {
		const char *name, *what;
		void (*fn)(const void *arg);
	} checks[] = {
		{ "E1", "after a lost connection the path is verified", check_new_session },
		{ "E2", "after a logout that the array asked for, too", check_new_session },
		{ "E3", "after a Reject: suspect until it answers", check_suspect },
		{ "E4", "after a command timeout: not active before it answers", check_timeout },
		{ "passive", "passive paths are told from active ones", check_passive },
		{ "activate", "a passive path is made active", check_activate },
		{ "ends", "an activation that the array refuses ends", check_activate_ends },
	};
	unsigned wrong = 0;

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		if (array_knows(subject))
			wrong += !report_check(checks[i].name, checks[i].what, checks[i].fn, subject);
		else
			report_skipped(checks[i].name, checks[i].what,
				       "the simulated array does not know the module's verify_command");
	}
	return wrong;
}
