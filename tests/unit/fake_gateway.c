#include "tests/unit/fake_gateway.h"

#include "gateway/base/memory.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEVICES 3
#define PATHS 4
#define CLAIMS_MAX 16
#define EVENTS_MAX 4096
#define EVENT_TIME_US UINT64_C(1795186800000000)

struct claim {
	char id[64], kind[16], value[64];
	bool from_config;
};

struct gateway {
	struct loop *loop;
	struct timers_level timers[4]; /* by enum level_kind; of the DSM "generic", of device naa.0 */
	struct throttle_limits throttle;
	enum policy_id level_policies[4]; /* the same; of the hardware ID "ACME" */
	bool runs;
	_Atomic bool ready;
	enum policy_id policies[DEVICES]; /* POLICY_INHERIT: round-robin by default */
	struct path_setting settings[DEVICES][PATHS];
	struct claim claims[CLAIMS_MAX];
	size_t claim_count;
	bool array_c; /* it was added */
	char *events[EVENTS_MAX];
	size_t event_count;
};

static const char *const path_ids[PATHS] = { "p0", "p1", "p2", "p3" };
static const char *const link_ids[PATHS] = { "a/1", "a/2", "b/1", "b/2" };
static const char *const link_portals[PATHS] = { "10.1.0.1:3260", "10.2.0.1:3260", "10.1.0.2:3260", "10.2.0.2:3260" };

static const struct {
	const char *id, *serial, *product;
	int lun;
} devices[DEVICES] = {
	{ "naa.0", "S0", "VIRTUAL-DISK", 0 },
	{ "naa.1", "S\"1\\\n", "VIRTUAL-DISK", 1 }, /* a serial number that wants escaping */
	{ "t10.free", "S\xff", "OTHER", -1 }, /* and one that is not UTF-8 */
};

static void on_message(struct message *message)
{
	struct control_job *job = container_of(message, struct control_job, message);

	job->run(job);
}

void control_post(struct gateway *gateway, struct control_job *job)
{
	job->control = gateway;
	job->message.fn = on_message;
	loop_post(gateway->loop, &job->message);
}

void problem_set(struct problem *problem, int status, const char *pointer, const char *title, const char *fmt, ...)
{
	va_list ap;

	problem->status = status;
	str_copy(problem->pointer, sizeof(problem->pointer), pointer);
	str_copy(problem->title, sizeof(problem->title), title);
	va_start(ap, fmt);
	vsnprintf(problem->detail, sizeof(problem->detail), fmt, ap);
	va_end(ap);
}

struct gateway *fake_gateway_create(bool run)
{
	struct gateway *gateway = xcalloc(1, sizeof(*gateway));

	gateway->loop = loop_create("control");
	gateway->runs = run;
	gateway->ready = true;
	gateway->claims[gateway->claim_count++] = (struct claim){ "all", "all", "", true };
	for (size_t device = 0; device < DEVICES; device++)
		for (size_t path = 0; path < PATHS; path++)
			gateway->settings[device][path].role = path < 2 ? "active" : "standby";
	gateway->events[gateway->event_count++] = xstrdup("The gateway has started.");
	if (run && loop_start(gateway->loop) < 0)
		abort();
	return gateway;
}

void fake_gateway_destroy(struct gateway *gateway)
{
	if (gateway->runs) {
		loop_stop(gateway->loop);
		loop_join(gateway->loop);
	}
	loop_destroy(gateway->loop);
	for (size_t i = 0; i < gateway->event_count; i++)
		free(gateway->events[i]);
	free(gateway);
}

void fake_gateway_set_ready(struct gateway *gateway, bool ready)
{
	gateway->ready = ready;
}

struct event_job {
	struct control_job job;
	char *message;
};

static void add_event(struct control_job *job)
{
	struct event_job *event = container_of(job, struct event_job, job);
	struct gateway *gateway = job->control;

	if (gateway->event_count < EVENTS_MAX)
		gateway->events[gateway->event_count++] = event->message;
	else
		free(event->message);
	free(event);
}

void fake_gateway_add_event(struct gateway *gateway, const char *message)
{
	struct event_job *event = xcalloc(1, sizeof(*event));

	event->job.run = add_event;
	event->message = xstrdup(message);
	control_post(gateway, &event->job);
}

struct call {
	struct control_job job;
	void (*fn)(struct gateway *gateway, void *arg);
	void *arg;
};

static void on_call(struct control_job *job)
{
	struct call *call = container_of(job, struct call, job);

	call->fn(job->control, call->arg);
	free(call);
}

void fake_gateway_call(struct gateway *gateway, void (*fn)(struct gateway *gateway, void *arg), void *arg)
{
	struct call *call = xcalloc(1, sizeof(*call));

	*call = (struct call){ .job.run = on_call, .fn = fn, .arg = arg };
	control_post(gateway, &call->job);
}

void control_status(struct gateway *gateway, struct control_status *status)
{
	static const char *const portals[] = { "127.0.0.1:3260", NULL };

	*status = (struct control_status){
		.version = "0.0.test",
		.uptime_us = 8040500000,
		.healthy = gateway->ready,
		.ready = gateway->ready,
		.reasons = { gateway->ready ? NULL : "The target does not listen." },
		.devices = DEVICES,
		.claimed_devices = 2,
		.paths = DEVICES * PATHS,
		.paths_up = DEVICES * PATHS - 1,
		.links = PATHS,
		.links_up = PATHS,
		.sessions = 2,
		.backends = 2,
		.workers = 2,
		.worst_stall_us = 25000000,
		.figures = { .reads = 10, .read_bytes = 40960, .writes = UINT64_MAX, .last_failure_us = EVENT_TIME_US },
		.target_iqn = "iqn.2026-11.org.example:braid",
		.portals = portals,
	};
}

static void fill_paths(const struct gateway *gateway, size_t device, struct path_view *paths)
{
	for (size_t i = 0; i < PATHS; i++) {
		const struct path_setting *setting = &gateway->settings[device][i];

		paths[i] = (struct path_view){
			.id = path_ids[i],
			.link = link_ids[i],
			.array_lun = (uint16_t)device,
			.state = device == 1 && i == 3 ? "down" : "up",
			.alua_state = i < 2 ? "active/optimized" : "active/non-optimized",
			.tpg = i < 2 ? 1 : -1,
			.weight = (uint32_t)setting->weight,
			.preferred = setting->preferred > 0,
			.role = setting->role,
			.inflight = i,
			.latency_us = 350 * (i + 1),
			.figures = { .reads = 5 * i, .read_bytes = 4096 * i },
		};
	}
}

static void fill_timers(const struct gateway *gateway, enum level_kind kind, const char *source,
			struct timer_value *values);

void control_each_device(struct gateway *gateway, bool (*fn)(const struct device_view *view, void *arg), void *arg)
{
	for (size_t i = 0; i < DEVICES; i++) {
		struct path_view paths[PATHS];
		bool claimed = devices[i].lun >= 0;
		struct device_view view = {
			.id = devices[i].id,
			.name = "VIRTUAL-DISK Multi-Path Disk Device",
			.hardware_id = "IET     VIRTUAL-DISK    ",
			.vendor = "IET",
			.product = devices[i].product,
			.revision = "0001",
			.serial = devices[i].serial,
			.size_bytes = (uint64_t)(i + 1) << 30,
			.block_size = 512,
			.claimed = claimed,
			.claimed_by = claimed ? "all" : NULL,
			.lun = devices[i].lun,
			.dsm = claimed ? "generic" : NULL,
			.policy = claimed ? (gateway->policies[i] ? gateway->policies[i] : POLICY_ROUND_ROBIN) : 0,
			.policy_from = gateway->policies[i] ? "device" : "default",
			.fence = "session",
			.state = !claimed ? "unclaimed"
				 : i == 1 ? "degraded"
					  : "normal",
			.reason = i == 1 ? "Path p3 is down." : NULL,
			.throttle = gateway->throttle,
			.throttle_source = "device",
			.throttled = 3,
			.stall = { .timeouts_s = 80, .hold_s = 20 },
			.stall_s = 100,
			.paths = paths,
			.path_count = PATHS,
		};

		fill_paths(gateway, i, paths);
		fill_timers(gateway, LEVEL_DEVICE, "device", view.timers);
		if (!fn(&view, arg))
			return;
	}
}

/* ---- commands: those of "naa.1" are answered by one of two workers only ---------------------------------------- */

struct control_commands {
	bool complete;
	void (*done)(const struct control_commands *commands, void *arg);
	void *arg;
};

static void on_told(void *ctx, void *arg)
{
	struct control_commands *commands = arg;

	(void)ctx;
	commands->done(commands, commands->arg);
	free(commands);
}

int control_commands(struct gateway *gateway, const char *device_id,
		     void (*done)(const struct control_commands *commands, void *arg), void *arg,
		     struct problem *problem)
{
	struct control_commands *commands;

	if (strncmp(device_id, "naa.", 4) != 0) {
		problem_set(problem, 404, "", "No such device", "there is no device \"%s\"", device_id);
		return -1;
	}
	commands = xcalloc(1, sizeof(*commands));
	*commands = (struct control_commands){ strcmp(device_id, "naa.1") != 0, done, arg };
	loop_call(gateway->loop, on_told, gateway, commands);
	return 0;
}

bool control_commands_complete(const struct control_commands *commands)
{
	return commands->complete;
}

/* A write that went astray, and a read that did not. */
void control_each_command(const struct control_commands *commands, bool remarkable,
			  bool (*fn)(const struct command_view *view, void *arg), void *arg)
{
	static const struct choice_view choices[] = {
		{ "p0", NULL, NULL },
		{ "p1", NULL, NULL },
		{ "p2", "role-standby", "standby by role" },
		{ "p3", "down", "down" },
	};
	const struct attempt_view attempts[] = {
		{ .choices = choices,
		  .choice_count = 4,
		  .set = 1,
		  .path = "p0",
		  .policy = "least-queue-depth",
		  .ended_us = 300,
		  .result = "answered",
		  .judged = true,
		  .status = 2,
		  .key = 2,
		  .asc = 4,
		  .ascq = 0x0b,
		  .verdict = "retry-group",
		  .path_verdict = "keep",
		  .again = true },
		{ .choices = choices,
		  .choice_count = 4,
		  .set = 1,
		  .path = "p1",
		  .policy = "least-queue-depth",
		  .begun_us = 300,
		  .ended_us = 500,
		  .result = "fenced",
		  .fenced_us = 2000 },
		{ .set = 1, .path = "p1", .begun_us = 2500, .ended_us = 2800, .result = "answered" },
	};
	const struct command_view views[] = {
		{ .id = "0-2",
		  .time_us = EVENT_TIME_US,
		  .name = "WRITE(10)",
		  .opcode = 0x2a,
		  .lba = 2048,
		  .blocks = 8,
		  .remarkable = true,
		  .ended = true,
		  .took_us = 2800,
		  .loss_reason = "connection reset",
		  .fence = "session",
		  .attempts_made = 3,
		  .attempts = attempts,
		  .attempt_count = 3 },
		{ .id = "1-1",
		  .worker = 1,
		  .time_us = EVENT_TIME_US,
		  .name = "READ(10)",
		  .opcode = 0x28,
		  .blocks = 1,
		  .ended = true,
		  .took_us = 100,
		  .attempts_made = 1,
		  .attempts = &attempts[2],
		  .attempt_count = 1 },
	};

	(void)commands;
	for (size_t i = 0; i < 2; i++)
		if ((views[i].remarkable || !remarkable) && !fn(&views[i], arg))
			return;
}

void control_each_link(struct gateway *gateway, bool (*fn)(const struct link_view *view, void *arg), void *arg)
{
	(void)gateway;
	for (size_t i = 0; i < PATHS; i++) {
		struct link_view view = {
			.id = link_ids[i],
			.backend = i < 2 ? "array-a" : "array-b",
			.iqn = "iqn.2026-11.org.example:array",
			.portal = link_portals[i],
			.tpgt = 1,
			.state = i == 3 ? "degraded" : "up",
			.reason = i == 3 ? "The keepalive was not answered." : NULL,
			.workers = 2,
			.workers_up = i == 3 ? 1 : 2,
			.paths = DEVICES,
			.latency_us = 420,
			.reconnects = i,
		};

		if (!fn(&view, arg))
			return;
	}
}

void control_each_dsm(struct gateway *gateway, bool (*fn)(const struct dsm_view *view, void *arg), void *arg)
{
	static const char *const none[] = { NULL }, *const ids[] = { "ACME    DISK", "ACME    ARRAY 2", NULL };
	static const struct dsm_view views[] = {
		{ "acme",
		  "arrays of ACME",
		  "2.1",
		  "/usr/lib/braid/dsm/acme.so",
		  1,
		  NULL,
		  NULL,
		  "own",
		  ids,
		  false,
		  1,
		  { 5, 0 } },
		{ "generic", "any array", "1", NULL, 2, NULL, NULL, "default", none, true, 1, { 0, 0 } },
		{ .file = "/usr/lib/braid/dsm/bad.so",
		  .reason = "it does not export braid_dsm",
		  .verify = "default",
		  .hardware_ids = none },
	};

	(void)gateway;
	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]) && fn(&views[i], arg); i++)
		;
}

void control_each_session(struct gateway *gateway, bool (*fn)(const struct session_view *view, void *arg), void *arg)
{
	(void)gateway;
	for (uint32_t i = 0; i < 2; i++) {
		struct session_view view = {
			.id = i + 1,
			.initiator = i ? "iqn.1991-05.com.microsoft:host2" : "iqn.1993-08.org.debian:01:host1",
			.isid = "00023d000001",
			.remote = "127.0.0.1:50000",
			.local = "127.0.0.1:3260",
			.worker = i,
			.tasks = 32 * i,
			.age_us = 95000000,
			.commands = 1000,
			.reads = 900,
			.read_bytes = 900 * 4096,
		};

		if (!fn(&view, arg))
			return;
	}
}

uint64_t control_each_event(struct gateway *gateway, uint64_t since,
			    bool (*fn)(const struct event_view *view, void *arg), void *arg)
{
	for (size_t i = since < gateway->event_count ? (size_t)since : gateway->event_count; i < gateway->event_count;
	     i++) {
		struct event_view view = {
			.id = i + 1,
			.time_us = EVENT_TIME_US + i * 1000000,
			.severity = i % 3 == 2   ? "error"
				    : i % 3 == 1 ? "warning"
						 : "info",
			.type = "test",
			.subject = "naa.1",
			.message = gateway->events[i],
		};

		if (!fn(&view, arg))
			break;
	}
	return gateway->event_count;
}

void control_each_claim(struct gateway *gateway, bool (*fn)(const struct claim_view *view, void *arg), void *arg)
{
	for (size_t i = 0; i < gateway->claim_count; i++) {
		const struct claim *claim = &gateway->claims[i];
		struct claim_view view = { claim->id, claim->kind, claim->value, claim->from_config, 2 };

		if (!fn(&view, arg))
			return;
	}
}

static struct claim *find_claim(struct gateway *gateway, const char *id)
{
	for (size_t i = 0; i < gateway->claim_count; i++)
		if (strcmp(gateway->claims[i].id, id) == 0)
			return &gateway->claims[i];
	return NULL;
}

int control_claim(struct gateway *gateway, const char *kind, const char *value, const char **id, bool *created,
		  struct problem *problem)
{
	char wanted[64];
	struct claim *claim;

	snprintf(wanted, sizeof(wanted), "%s%s%.40s", kind, value ? "/" : "", value ? value : "");
	claim = find_claim(gateway, wanted);
	*created = !claim;
	if (!claim) {
		if (gateway->claim_count == CLAIMS_MAX) {
			problem_set(problem, 409, "", "Too many claims", "There is no room for another.");
			return -1;
		}
		claim = &gateway->claims[gateway->claim_count++];
		*claim = (struct claim){ 0 };
		str_copy(claim->id, sizeof(claim->id), wanted);
		str_copy(claim->kind, sizeof(claim->kind), kind);
		str_copy(claim->value, sizeof(claim->value), value ? value : "");
	}
	*id = claim->id;
	return 0;
}

/* The arrays are those of the configuration, and one more that can be added: "array-c". */
void control_each_backend(struct gateway *gateway, bool (*fn)(const struct backend_view *view, void *arg), void *arg)
{
	static const char *const names[] = { "array-a", "array-b", "array-c" };

	for (unsigned i = 0; i < (gateway->array_c ? 3u : 2u); i++) {
		json_t *document =
			json_pack("{s:s, s:[s], s:s}", "name", names[i], "portals", "10.0.0.1:3260", "fence", "auto");
		struct backend_view view = { names[i], document, i < 2, i < 2 ? "up" : "discovering", NULL, 2, 2, 6 };
		bool again = fn(&view, arg);

		json_decref(document);
		if (!again)
			return;
	}
}

int control_add_backend(struct gateway *gateway, const json_t *element, const char **name, bool *created,
			struct problem *problem)
{
	*name = json_string_value(json_object_get(element, "name"));
	if (!*name || strcmp(*name, "array-c") != 0) {
		problem_set(problem, 422, "/name", "Not a backend", "must be array-c");
		return -1;
	}
	*created = !gateway->array_c;
	gateway->array_c = true;
	return 0;
}

int control_remove_backend(struct gateway *gateway, const char *name, bool force, struct problem *problem)
{
	bool there = strcmp(name, "array-c") == 0 && gateway->array_c;

	if (!there || !force) {
		problem_set(problem, there ? 409 : 404, "", "Last path", "force takes it away");
		return -1;
	}
	gateway->array_c = false;
	return 0;
}

int control_unclaim(struct gateway *gateway, const char *claim_id, bool force, struct problem *problem)
{
	struct claim *claim = find_claim(gateway, claim_id);

	if (!claim) {
		problem_set(problem, 404, "", "Unknown claim", "There is no claim \"%.64s\".", claim_id);
		return -1;
	}
	if (claim->from_config || !force) {
		problem_set(problem, 409, "", "Claim in use", "Two hosts are logged in.");
		return -1;
	}
	*claim = gateway->claims[--gateway->claim_count];
	return 0;
}

static int find_path(const char *id)
{
	for (int i = 0; i < PATHS; i++)
		if (strcmp(path_ids[i], id) == 0)
			return i;
	return -1;
}

int control_set_device_policy(struct gateway *gateway, const char *device_id, const struct policy_setting *setting,
			      struct problem *problem)
{
	size_t device = 0;

	while (device < DEVICES && strcmp(devices[device].id, device_id) != 0)
		device++;
	if (device == DEVICES) {
		problem_set(problem, 404, "", "Unknown device", "There is no device \"%.64s\".", device_id);
		return -1;
	}
	for (size_t i = 0; i < setting->path_count; i++) {
		if (find_path(setting->paths[i].id) < 0) {
			char pointer[32];

			snprintf(pointer, sizeof(pointer), "/paths/%zu/id", i);
			problem_set(problem, 422, pointer, "Unknown path", "The device has no path \"%.64s\".",
				    setting->paths[i].id);
			return -1;
		}
	}
	gateway->policies[device] = setting->policy;
	for (size_t i = 0; i < setting->path_count; i++) {
		struct path_setting *path = &gateway->settings[device][find_path(setting->paths[i].id)];

		path->role =
			setting->paths[i].role && strcmp(setting->paths[i].role, "standby") == 0 ? "standby" : "active";
		path->weight = setting->paths[i].weight < 0 ? 0 : setting->paths[i].weight;
		path->preferred = setting->paths[i].preferred;
	}
	return 0;
}

/* Of "l0" one is over; of "l1" one is under way; the others take one. */
int control_rehearse(struct gateway *gateway, const char *link_id, const char *how, unsigned seconds, bool force,
		     struct problem *problem)
{
	(void)gateway;
	if (strcmp(link_id, "l1") == 0 && !force)
		problem_set(problem, 409, "", "Another rehearsal", "it is under way");
	else if (strcmp(how, "cut") != 0 && strcmp(how, "silent") != 0)
		problem_set(problem, 422, "/how", "Not a way to fail", "%u s", seconds);
	return problem->status ? -1 : 0;
}

bool control_rehearsal(struct gateway *gateway, const char *link_id, struct rehearsal_view *view)
{
	static const struct rehearsal_device_view device = {
		.id = "naa.0",
		.inflight = 7,
		.commands = 5000,
		.longest_us = 12345,
		.moved = 4,
		.fenced = 3,
		.fence = "session",
	};
	bool over = strcmp(link_id, "l0") == 0;

	(void)gateway;
	*view = (struct rehearsal_view){
		.link = link_id,
		.how = "cut",
		.seconds = 5,
		.state = over ? "over" : "away",
		.lost = true,
		.lost_after_us = 10,
		.back = over,
		.back_after_us = 900,
		.longest_us = 12345,
		.devices = &device,
		.device_count = over,
	};
	return strcmp(link_id, "l9") != 0;
}

/* A level's own, or the default. */
static void fill_timers(const struct gateway *gateway, enum level_kind kind, const char *source,
			struct timer_value *values)
{
	const struct timers_level *level = &gateway->timers[kind];

	for (enum timer_id id = 0; id < TIMER_COUNT; id++) {
		bool own = level->set >> id & 1;

		values[id].value = timers_get(own ? &level->values : &timers_default, id);
		values[id].source = own ? source : "default";
		if (kind != LEVEL_GATEWAY && timer_table[id].scope == TIMER_SCOPE_LINK)
			values[id].source = NULL;
	}
}

int control_change_level(struct gateway *gateway, enum level_kind kind, const char *name,
			 const struct level_change *change, struct problem *problem)
{
	static const char *const names[] = { [LEVEL_DSM] = "generic", [LEVEL_DEVICE] = "naa.0" };

	if (kind != LEVEL_GATEWAY && strcmp(name, names[kind]) != 0) {
		problem_set(problem, 404, "", "No such level", "There is no \"%.64s\".", name);
		return -1;
	}
	for (enum timer_id id = 0; id < TIMER_COUNT; id++)
		if (change->timers.set >> id & 1)
			*timers_at(&gateway->timers[kind].values, id) = timers_get(&change->timers.values, id);
	gateway->timers[kind].set |= change->timers.set;
	gateway->timers[kind].set &= ~change->timers_cleared;
	if (change->has_throttle)
		gateway->throttle = change->throttle;
	return 0;
}

static const char *const level_names[] = { [LEVEL_DSM] = "generic", [LEVEL_HARDWARE_ID] = "ACME" };

int control_set_level_policy(struct gateway *gateway, enum level_kind kind, const char *name, enum policy_id policy,
			     struct problem *problem)
{
	if (strcmp(name, level_names[kind]) != 0) {
		problem_set(problem, 404, "", "No such level", "There is no \"%.64s\".", name);
		return -1;
	}
	gateway->level_policies[kind] = policy;
	return 0;
}

void control_level(struct gateway *gateway, enum level_kind kind, const char *name, struct level_view *view)
{
	enum policy_id policy = gateway->level_policies[kind];

	*view = (struct level_view){ .kind = kind, .name = name, .loaded = true, .devices = 2, .policy = policy };
	view->policy_source = policy ? "api" : NULL;
	fill_timers(gateway, kind, kind == LEVEL_DSM ? "dsm" : "gateway", view->timers);
}

void control_each_level(struct gateway *gateway, enum level_kind kind,
			bool (*fn)(const struct level_view *view, void *arg), void *arg)
{
	struct level_view view;

	control_level(gateway, kind, level_names[kind], &view);
	fn(&view, arg);
}

json_t *control_config(struct gateway *gateway)
{
	(void)gateway;
	return json_pack("{s:i, s:[s]}", "workers", 2, "claims", "all");
}

int control_drain(struct gateway *gateway, const char *kind, const char *id, bool drain, bool force,
		  struct problem *problem)
{
	(void)gateway;
	(void)drain;
	(void)force;
	problem_set(problem, 404, "", "No such object", "there is no %s \"%s\"", kind, id);
	return -1;
}

int control_reservations(struct gateway *gateway, const char *device_id,
			 void (*fn)(const struct reservations_view *view, void *arg), void *arg,
			 struct problem *problem)
{
	static const struct registration_view row = { "iqn.2026-11.org.example:node-a", "80000000000a", 0xa1, true };
	static const struct reservations_view view = {
		.type = "write-exclusive-registrants-only",
		.generation = 3,
		.persists = true,
		.registrations = &row,
		.registration_count = 1,
	};

	(void)gateway;
	if (strcmp(device_id, "naa.1") != 0) {
		problem_set(problem, 404, "", "Unknown device", "There is no device \"%s\".", device_id);
		return -1;
	}
	fn(&view, arg);
	return 0;
}

int control_clear_reservations(struct gateway *gateway, const char *device_id, struct problem *problem)
{
	(void)gateway;
	(void)device_id;
	(void)problem;
	return 0;
}

int control_reconnect(struct gateway *gateway, const char *kind, const char *id, struct problem *problem)
{
	return control_drain(gateway, kind, id, false, false, problem);
}
