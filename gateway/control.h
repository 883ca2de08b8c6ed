/*
 * control.h - the gateway as management sees it: snapshots to read, commands to post.
 *
 * The REST API runs on threads of its own. It posts a control_job; the job runs on the control loop, where the
 * functions below may be called; it copies what it wants and lets the API thread go on. Nothing here waits, and
 * nothing here touches a worker's data: what workers count is read through relaxed atomics.
 *
 * Pointers inside a view are valid until the job's run returns.
 */
#ifndef BRAID_CONTROL_H
#define BRAID_CONTROL_H

#include "gateway/base/loop.h"
#include "gateway/identity.h"
#include "gateway/policy_name.h"
#include "gateway/settings.h"

#include <jansson.h>

struct gateway;

struct control_job {
	struct message message;
	struct gateway *control;
	void (*run)(struct control_job *job); /* on the control loop */
};

/* Any thread. The job belongs to the control loop until run is called. */
void control_post(struct gateway *control, struct control_job *job);

/* Health figures of section 7, 64-bit. Times are Unix time in microseconds; 0: never. */
struct figures {
	uint64_t reads, writes, read_bytes, written_bytes, retries, io_errors, path_failures;
	uint64_t last_failure_us, offline_since_us;
};

/* The longest that a command can take before it ends: the terms that the timers add up to (row L1). */
#define STALL_TABLE(TERM)                                                                                              \
	TERM(timeouts) /* command_timeout, on each of retry_count + 1 paths */                                         \
	TERM(aborts) /* of each of them, which the array does not confirm */                                           \
	TERM(fences) /* fence_wait, after each of them and after the silence */                                        \
	TERM(retries) /* retry_interval between them */                                                                \
	TERM(transition) /* the array fails over inside, or is busy */                                                 \
	TERM(detection) /* every path falls silent: keepalive_interval + keepalive_timeout */                          \
	TERM(hold) /* and no path comes back */

struct stall {
#define STALL_MEMBER(term) uint64_t term##_s;
	STALL_TABLE(STALL_MEMBER)
#undef STALL_MEMBER
};

/* A timer in force. source: "device", "dsm", "gateway" (the API set it there), "config" (the file), "module" (the
 * device's DSM), "default"; NULL: it is not of this level. */
struct timer_value {
	uint32_t value;
	const char *source;
};

struct control_status {
	const char *version;
	uint64_t uptime_us;
	bool healthy, ready;	   /* ready: the target listens */
	const char *reasons[8];	   /* why not healthy, sentences; NULL-terminated */
	unsigned devices, claimed_devices, paths, paths_up, links, links_up, sessions, backends, workers;
	uint64_t worst_stall_us; /* the longest of the claimed devices' */
	struct stall worst_stall;
	const char *worst_stall_device; /* NULL: none is claimed; then it is the gateway's own timers' */
	struct figures figures;
	const char *target_iqn;
	const char *const *portals; /* bound addresses, NULL-terminated */
};
void control_status(struct gateway *control, struct control_status *status);

#define CONTROL_FAILBACK_MANUAL UINT32_MAX
#define CONTROL_FAILBACK_MAX 86400

struct path_view {
	const char *id;	   /* "p3": stable while the process lives */
	const char *link;  /* link id */
	uint16_t array_lun; /* LUN number at the array */
	const char *state;  /* "up", "down", "verifying", "registering", "failed"; "draining", "drained";
			       "probation" */
	const char *reason; /* of its probation, or of its being slow; NULL */
	bool slow; /* it lives, but takes several times as long as the device's other paths, */
	unsigned slow_tenths; /* that is so many tenths; 0: nothing to compare */
	const char *alua_state; /* NULL: no ALUA */
	int tpg;		/* target port group at the array; -1: unknown */
	uint32_t weight;
	bool preferred;
	const char *role; /* "active", "standby" */
	uint64_t inflight, latency_us; /* latency: moving average of the service time */
	struct figures figures;
};

struct device_view {
	const char *id; /* identity_text(): stable for ever */
	const char *name; /* "<product> Multi-Path Disk Device" */
	const char *hardware_id, *vendor, *product, *revision, *serial;
	uint64_t size_bytes;
	uint32_t block_size;
	bool claimed;
	const char *claimed_by; /* claim id; NULL when not claimed */
	int lun;		/* -1: none */
	const char *dsm;	/* NULL when not claimed */
	enum policy_id policy;  /* in force */
	const char *policy_from; /* "device", "hardware-id", "dsm", "default" */
	bool fails_back; /* to a preferred path */
	uint32_t failback_s; /* after that; CONTROL_FAILBACK_MANUAL: when the policy is set again */
	const char *fence;	 /* "session", "wait", ... */
	const char *state; /* "normal", "degraded", "failover", "no-paths", "unclaimed", "conflict" */
	const char *reason; /* why it is unclaimable, in conflict or degraded; NULL */
	struct figures figures;
	uint64_t held; /* commands waiting for a path now */
	struct throttle_limits throttle; /* in force */
	const char *throttle_source; /* "device", "dsm"; NULL: there is no limit */
	uint64_t throttled; /* commands that it keeps back now */
	struct timer_value timers[TIMER_COUNT];
	struct stall stall;
	uint64_t stall_s; /* its sum */
	const struct path_view *paths;
	size_t path_count;
};
/* Calls fn for every device, ordered by LUN, then id, until it returns false. */
void control_each_device(struct gateway *control, bool (*fn)(const struct device_view *view, void *arg), void *arg);

struct link_view {
	const char *id, *backend, *iqn, *portal; /* portal: "address:port" at the array */
	int tpgt;
	const char *state; /* "up", "connecting", "probing", "down" (backing off), "degraded" (some workers only);
			      "draining" (commands are still in flight), "drained"; "probation" */
	const char *reason; /* of the last failure, or of its probation; NULL */
	unsigned workers, workers_up;
	unsigned paths;
	uint64_t retry_in_us; /* until the next attempt; 0: none is pending */
	uint64_t inflight, latency_us, reconnects;
	uint64_t queue_depth; /* commands that it takes at a time, over all workers; cut while the array is busy */
	struct figures figures;
};
void control_each_link(struct gateway *control, bool (*fn)(const struct link_view *view, void *arg), void *arg);

struct backend_view {
	const char *name;
	const json_t *document; /* as an element of "backends" of the configuration, every default filled in */
	bool from_config; /* stands in the configuration file: cannot be removed here */
	const char *state; /* "discovering", "up", "degraded", "down", "removing" */
	const char *reason; /* why a portal could not be asked for its targets; NULL */
	unsigned links, links_up, paths;
};
void control_each_backend(struct gateway *control, bool (*fn)(const struct backend_view *view, void *arg), void *arg);

struct session_view {
	uint32_t id;
	const char *initiator, *isid, *remote, *local; /* isid: 12 hex digits */
	bool discovery;
	unsigned worker, tasks;
	uint64_t age_us, commands, reads, writes, read_bytes, written_bytes;
};
void control_each_session(struct gateway *control, bool (*fn)(const struct session_view *view, void *arg), void *arg);

struct event_view {
	uint64_t id;	  /* ascending from 1 */
	uint64_t time_us; /* Unix time */
	const char *severity; /* "info", "warning", "error" */
	const char *type;     /* "link-down", "failover", "claimed" ... */
	const char *subject;  /* id of what it is about: device, link, session; may be NULL */
	const char *message;
	const json_t *detail; /* object with further members, or NULL */
};
/* The events kept, oldest first, with id > since; until fn returns false. Returns the id of the newest event. */
uint64_t control_each_event(struct gateway *control, uint64_t since,
			    bool (*fn)(const struct event_view *view, void *arg), void *arg);

struct claim_view {
	const char *id;	  /* stable: made from what is claimed */
	const char *kind; /* "all", "hardware_id", "device" */
	const char *value;
	bool from_config; /* stands in the configuration file: cannot be deleted here */
	unsigned devices; /* that it claims now */
};
void control_each_claim(struct gateway *control, bool (*fn)(const struct claim_view *view, void *arg), void *arg);

struct dsm_view {
	const char *name;    /* NULL: it was refused before it could be known */
	const char *summary, *version;
	const char *file;    /* NULL: built in */
	unsigned order;	     /* 1 is asked first; 0: not asked */
	const char *reason;  /* why it was refused; NULL: it was not */
	const char *policy;  /* what "vendor" means for its devices, a summary; NULL: nothing */
	const char *verify;  /* "default", "test-unit-ready", "report-target-port-groups", "own" */
	const char *const *hardware_ids; /* vendor padded to 8, then the beginning of the product; NULL-terminated */
	bool any_hardware;   /* it looks at every device */
	unsigned devices;    /* that it owns */
	struct throttle_limits throttle; /* of each of them that has none of its own */
};
/* In the order in which they are asked; then those that are not, then those refused. */
void control_each_dsm(struct gateway *control, bool (*fn)(const struct dsm_view *view, void *arg), void *arg);

/* Why a command was refused (RFC 9457). status 0: it was not. */
struct problem {
	int status;	   /* HTTP status: 400, 404, 409, 422, 500, 501 */
	char pointer[128]; /* JSON pointer to the member of the request, "" = the whole */
	char title[80], detail[256];
};
void problem_set(struct problem *problem, int status, const char *pointer, const char *title, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
int problem_unsaved(struct problem *problem); /* -1 */

/* Claims. kind as in claim_view; value NULL for "all". *id gets the claim's id (valid as a view). An equal claim that
 * exists already is no error (idempotent); *created tells. 0, or -1 with problem. */
int control_claim(struct gateway *control, const char *kind, const char *value, const char **id, bool *created,
		  struct problem *problem);
/* force: also when hosts are logged in that may use the devices; I/O in flight is drained first (row D8). */
int control_unclaim(struct gateway *control, const char *claim_id, bool force, struct problem *problem);

/* Arrays, at run time. element: as in "backends" of the configuration, checked in the same way; secret files have
 * absolute paths. *name gets its name, from element. An equal one that exists already is no error; *created tells.
 * 0, or -1 with problem. */
int control_add_backend(struct gateway *control, const json_t *element, const char **name, bool *created,
			struct problem *problem);
/* Refused (409) when a claimed device would be left without a path, unless force. What is in flight ends first: until
 * then it is "removing". 0, or -1 with problem. */
int control_remove_backend(struct gateway *control, const char *name, bool force, struct problem *problem);

struct path_setting {
	const char *id;	  /* path id */
	const char *role; /* "active", "standby"; NULL: active */
	int64_t weight;	  /* -1: not given */
	int preferred;	  /* -1: not given */
};
struct policy_setting {
	enum policy_id policy; /* POLICY_INHERIT clears */
	const struct path_setting *paths;
	size_t path_count;
	bool has_failback; /* fail-over-only with a preferred path: */
	uint32_t failback_s; /* how long after that has come back it is used again; CONTROL_FAILBACK_MANUAL */
};
/* Validated whole, applied whole, kept in state_dir (row P9). 0, or -1 with problem. */
int control_set_device_policy(struct gateway *control, const char *device_id, const struct policy_setting *setting,
			      struct problem *problem);

/* The hosts' reservations of one device (rows R1, R2). */
struct registration_view {
	const char *initiator, *isid; /* isid: 12 hex digits */
	uint64_t key;
	bool holder;
};
struct reservations_view {
	const char *type; /* "write-exclusive-registrants-only" ...; NULL: no persistent reservation */
	uint32_t generation;
	bool persists; /* APTPL: they survive a restart */
	const char *reserver; /* the initiator that reserved it in the way of SPC-2; NULL: none */
	const struct registration_view *registrations;
	size_t registration_count;
};
/* Calls fn once. 0, or -1 with problem. */
int control_reservations(struct gateway *control, const char *device_id,
			 void (*fn)(const struct reservations_view *view, void *arg), void *arg,
			 struct problem *problem);
/* All of them go, and the hosts are told: for a cluster whose nodes are gone for good. 0, or -1 with problem. */
int control_clear_reservations(struct gateway *control, const char *device_id, struct problem *problem);
/* Levels of settings (rows L1, P8). */
enum level_kind { LEVEL_GATEWAY, LEVEL_DSM, LEVEL_HARDWARE_ID, LEVEL_DEVICE };

/* What is asked for at a level; what is not named stays as it is. */
struct level_change {
	struct timers_level timers; /* to set */
	uint32_t timers_cleared; /* 1 << enum timer_id: the next level decides */
	bool has_throttle;
	struct throttle_limits throttle; /* no limit at all: the next level decides */
};
/* name: of the DSM or device. Timers of links belong to the gateway alone, throttles to the others; values are in
 * range. Applied whole and at once, kept in state_dir. A throttle is refused (409) while a device that it would slow
 * down fails over (row L7). 0, or -1 with problem. */
int control_change_level(struct gateway *control, enum level_kind kind, const char *name,
			 const struct level_change *change, struct problem *problem);

/* The policy for the devices of a DSM or of a hardware ID (in any spelling of row D5), which comes before that of the
 * configuration file; POLICY_INHERIT clears it, and the file's counts again. Counts at once, kept in state_dir. 0, or
 * -1 with problem. */
int control_set_level_policy(struct gateway *control, enum level_kind kind, const char *name, enum policy_id policy,
			     struct problem *problem);

struct level_view {
	enum level_kind kind;
	const char *name; /* of the DSM or hardware ID; NULL: the gateway */
	bool loaded; /* a DSM: there is such a module; settings of others are kept */
	struct timer_value timers[TIMER_COUNT]; /* of a DSM: for devices without any of their own, its word apart */
	enum policy_id policy; /* POLICY_INHERIT: none is set there */
	const char *policy_source; /* "api", "config"; NULL: none */
	enum policy_id policy_of_file; /* what counts when the API's is cleared */
	unsigned devices; /* whose policy comes from there */
};
/* One of them, also if nothing is set there; name NULL for the gateway. */
void control_level(struct gateway *control, enum level_kind kind, const char *name, struct level_view *view);
/* LEVEL_DSM: every one that is loaded, or that the API or the configuration has settings for. LEVEL_HARDWARE_ID: those
 * with a policy. */
void control_each_level(struct gateway *control, enum level_kind kind,
			bool (*fn)(const struct level_view *view, void *arg), void *arg);

/* Maintenance (row L5). kind: "path", "link" or "backend"; id: theirs (a backend's is its name). Draining lets commands
 * in flight finish and sends no new ones; it is refused (409) when a claimed device would be left without a path,
 * unless force. Both are idempotent. Not kept over a restart. 0, or -1 with problem. */
int control_drain(struct gateway *control, const char *kind, const char *id, bool drain, bool force,
		  struct problem *problem);

/* The next attempt to log in, for a "link" or all of a "backend"'s, is made at once. 0, or -1 with problem. */
int control_reconnect(struct gateway *control, const char *kind, const char *id, struct problem *problem);

/* ---- rehearsal: a link is taken away on purpose ----------------------------------------------------------------- */

#define REHEARSAL_SECONDS_MAX 60

/* What it did to a device's commands. */
struct rehearsal_device_view {
	const char *id;
	uint64_t inflight; /* on the link when it began */
	uint64_t commands, longest_us; /* that ended until all was well again, and the longest of them */
	unsigned moved; /* sent on another path at once */
	unsigned fenced; /* after the fence */
	unsigned held; /* times that one waited for a path */
	unsigned failed; /* ended with an error of the gateway's own */
	const char *fence; /* form of the last fence; NULL: there was none */
};

struct rehearsal_view {
	const char *link, *how; /* "cut", "silent" */
	const char *state; /* "away", "returning" (devices are not known yet), "over" */
	unsigned seconds;
	uint64_t time_us; /* when it began, Unix time */
	bool lost, back; /* the link was given up; it is up again */
	uint64_t lost_after_us, back_after_us; /* its beginning, its time's end */
	uint64_t longest_us; /* of all devices */
	const struct rehearsal_device_view *devices;
	size_t device_count;
};

/* Takes a link away for 1 .. REHEARSAL_SECONDS_MAX seconds, as a failure does: how "cut", its sessions end; "silent",
 * what the array sends is left unread. It comes back by itself. Refused (409) while another one or a failover is under
 * way, when the link is not up, and, unless force, when a claimed device would be left without a path. 0, or -1 with
 * problem. */
int control_rehearse(struct gateway *control, const char *link_id, const char *how, unsigned seconds, bool force,
		     struct problem *problem);
/* The latest rehearsal, if it was of that link; else false. */
bool control_rehearsal(struct gateway *control, const char *link_id, struct rehearsal_view *view);

/* ---- why a command took the path that it took ------------------------------------------------------------------- */

/* A path of the device when a choice was made. */
struct choice_view {
	const char *path;
	const char *reason; /* what kept it out: "down", "drained", "role-standby" ...; NULL: it could be chosen */
	const char *words; /* the same as a predicate: "standby by role" */
};

struct attempt_view {
	const struct choice_view *choices;
	size_t choice_count; /* 0: what the paths were is not remembered any more */
	uint64_t set; /* equal: nothing about the paths had changed */
	const char *path; /* that was chosen; NULL: none */
	const char *policy; /* that chose; NULL: not remembered */
	bool by_verdict; /* the attempt before was to be repeated there; no policy was asked */
	uint64_t begun_us, ended_us; /* since the command came; ended 0: not yet */
	const char *result; /* "pending", "answered", "unsent", "lost", "fenced", "aborted", "rejected", "held",
				"throttled" */
	bool fence_waits; /* "fenced", and it still is */
	uint64_t fenced_us; /* how long it was */
	bool judged; /* answered otherwise than GOOD: */
	uint8_t status, key, asc, ascq;
	const char *verdict; /* "return", "retry-same", "retry-other", "retry-group", "retry-same-once" */
	const char *path_verdict; /* "keep", "suspect", "failed", "passive", "transitioning" */
	bool counted, delayed, again; /* again: another attempt follows */
};

struct command_view {
	const char *id; /* stable as long as it is remembered */
	unsigned worker;
	uint64_t time_us; /* when it came, Unix time */
	const char *name; /* "WRITE(10)"; NULL: not in the table */
	uint8_t opcode;
	uint64_t lba, blocks; /* blocks 0: it moves none */
	bool remarkable; /* slow, or it met something else than GOOD: kept longer */
	bool ended;
	uint64_t took_us;
	bool own; /* the answer is the gateway's own */
	uint8_t status, key, asc, ascq; /* what the host was told */
	const char *loss_reason; /* why an attempt ended without an answer last; NULL: none did */
	const char *fence; /* form of the last fence that it waited for; NULL: none */
	unsigned attempts_made; /* of which those are shown: */
	const struct attempt_view *attempts; /* the first ones and the last one */
	size_t attempt_count;
};

struct control_commands; /* what the workers have told */

/* Asks every worker what it remembers of a device's commands. done is called once, on the control loop and never inside
 * this call: when all have answered, or a second later with what there is. 0, or -1 with problem. */
int control_commands(struct gateway *control, const char *device_id,
		     void (*done)(const struct control_commands *commands, void *arg), void *arg,
		     struct problem *problem);
/* Newest first, until fn returns false. remarkable: those only. */
void control_each_command(const struct control_commands *commands, bool remarkable,
			  bool (*fn)(const struct command_view *view, void *arg), void *arg);
bool control_commands_complete(const struct control_commands *commands); /* every worker has answered */

/* The running configuration without secrets; the caller owns it. */
json_t *control_config(struct gateway *control);

#endif
