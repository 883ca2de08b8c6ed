/*
 * worker.h - one I/O loop: its lanes, its disks, and the two-way traffic with the control loop.
 *
 * The control loop gives orders (worker_order: a function that runs on the worker); the worker reports what happened
 * (struct lane_report, struct notice, through worker_upcalls, which run on the control loop). Neither waits.
 */
#ifndef BRAID_WORKER_H
#define BRAID_WORKER_H

#include "gateway/engine/decision.h"
#include "gateway/engine/device_core.h"
#include "gateway/engine/initiator.h"
#include "gateway/engine/inventory.h"
#include "gateway/engine/link.h"
#include "gateway/timers.h"
#include "target/target.h"

struct disk;
struct gateway;
struct lane;

/* What a worker tells of one of its lanes; freed by the control loop with lane_report_destroy(). */
struct lane_report {
	struct message message;
	struct gateway *gateway;
	struct link *link;
	unsigned worker;
	enum lane_state state;
	uint64_t generation, logins;
	uint64_t retry_us; /* LANE_DOWN: until the next attempt */
	char reason[160]; /* why the last session ended, or could not begin; "" while one is up */
	struct inventory *inventory; /* LANE_UP: what is behind it */
};
void lane_report_destroy(struct lane_report *report);

/* Something an administrator should read. The control loop frees it. */
struct notice {
	struct message message;
	struct gateway *gateway;
	const char *severity, *type; /* literals */
	char subject[IDENTITY_TEXT_MAX];
	char text[256];
};

/* A disk has left its worker: no command is inside any more. The control loop frees it. */
struct disk_left {
	struct message message;
	struct gateway *gateway;
	struct device_core *core;
};

/* What a disk remembers of its commands on one worker (decision.h). The control loop frees it. */
struct decision_report {
	struct message message;
	struct gateway *gateway;
	uint64_t number; /* of the question */
	unsigned worker;
	bool known; /* the worker has that disk: log is valid */
	struct decision_log log;
};

/* A key of this gateway's is at that device, and no lane of the worker has it. The control loop frees it. */
struct key_found {
	struct message message;
	struct gateway *gateway;
	struct device_core *core;
	uint64_t key;
};

/* A reset of a device's logical unit has happened, as that worker has learned (lu_reset.h). The control loop frees it.
 */
struct reset_report {
	struct message message;
	struct gateway *gateway;
	struct device_core *core;
	unsigned worker;
	uint64_t number; /* 0: it is not the gateway's own */
};

struct worker_upcalls {
	void (*lane)(struct message *message); /* of a struct lane_report */
	void (*notice)(struct message *message); /* of a struct notice */
	void (*disk_left)(struct message *message); /* of a struct disk_left */
	void (*decisions)(struct message *message); /* of a struct decision_report */
	void (*outage)(struct message *message); /* of a struct outage_report */
	void (*key_found)(struct message *message); /* of a struct key_found */
	void (*lu_reset)(struct message *message); /* of a struct reset_report */
	void (*access)(void *gateway, void *core); /* access states of that device_core's paths have changed */
	void (*link_left)(void *gateway, void *link); /* worker_remove_link has been carried out */
	void (*shut)(void *gateway, void *worker); /* worker_shut has been carried out */
};

struct worker {
	unsigned index;
	struct loop *loop, *control;
	struct gateway *gateway; /* opaque here: handed back in reports */
	const struct worker_upcalls *upcalls;
	const struct initiator_ops *transport;
	const struct lu_ops *lu_ops; /* of the disks; set before the first order */
	struct target *target; /* the hosts' side; set before the first order */
	struct timers timers; /* those of links; each disk has its own */
	bool shutting;
	struct timer shut_limit;
	struct list lanes; /* struct lane */
	struct list disks; /* struct disk */
	struct disk *luns[TARGET_LUNS_MAX]; /* by LUN at the target; NULL: none */
};

struct worker *worker_create(unsigned index, struct loop *loop, struct loop *control, struct gateway *gateway,
			     const struct worker_upcalls *upcalls, const struct initiator_ops *transport,
			     const struct timers *timers);
/* After worker_shut has been carried out and every disk has left; the loop runs no more. Takes NULL. */
void worker_destroy(struct worker *worker);

/* On the worker. */
struct lane *worker_lane(struct worker *worker, const struct link *link);
void worker_notice(struct worker *worker, const char *severity, const char *type, const char *subject, const char *fmt,
		   ...) __attribute__((format(printf, 5, 6)));

/* Orders: from the control loop, carried out on the worker in the order given. */
void worker_add_link(struct worker *worker, struct link *link);
/* The link is drained, and no further order names it or a path on it; answered by link_left when the worker has nothing
 * of it any more. */
void worker_remove_link(struct worker *worker, struct link *link);
void worker_kick_link(struct worker *worker, struct link *link);
/* What is behind a link that is up may have changed: it is probed again. */
void worker_identify_link(struct worker *worker, struct link *link);
void worker_identify_link_later(struct worker *worker, struct link *link); /* something there was not ready to answer */
void worker_refresh(struct worker *worker); /* paths or links were drained or resumed */
void worker_set_timers(struct worker *worker, const struct timers *timers);
void worker_add_disk(struct worker *worker, struct device_core *core, struct policy_setup *setup,
		     const struct timers *timers, uint16_t lun);
/* No new command reaches the disk from then on; answered by disk_left when the last one inside is done. */
void worker_remove_disk(struct worker *worker, struct device_core *core);
void worker_set_policy(struct worker *worker, struct device_core *core, struct policy_setup *setup);
/* Answered by decisions, with that number. */
void worker_tell_decisions(struct worker *worker, struct device_core *core, uint64_t number);
/* The link is taken away for that time (outage.h). */
void worker_begin_outage(struct worker *worker, struct link *link, bool silent, uint64_t us);
/* Answered by outage, with that number. */
void worker_tell_outage(struct worker *worker, struct link *link, uint64_t number);
void worker_set_disk_timers(struct worker *worker, struct device_core *core, const struct timers *timers);
void worker_set_throttle(struct worker *worker, struct device_core *core, struct throttle_limits limits);
/* The LU behind `path` is this device: that was found in the probe `generation` of its lane. */
void worker_path_up(struct worker *worker, struct device_core *core, struct path_core *path, uint64_t generation);
/* The probe `generation` of that link has been judged: paths that were not confirmed are down. */
void worker_settle_link(struct worker *worker, struct link *link, uint64_t generation);
/* That key at the device is nobody's: it is taken away. */
void worker_remove_key(struct worker *worker, struct device_core *core, uint64_t key);
/* The device's logical unit was reset, as another worker has learned: as lu_reset_happened(). */
void worker_lu_was_reset(struct worker *worker, struct device_core *core, uint64_t number);
/* The device behind that LUN is not used here: the key that the link's nexus may have left there is given back. */
void worker_disown(struct worker *worker, struct link *link, uint16_t array_lun);
/* Every disk leaves, then every lane is shut. */
void worker_shut(struct worker *worker);

#endif
