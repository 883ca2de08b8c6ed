/*
 * lane.h - one worker's session on a link: it logs in, asks what is behind, carries commands, dies and comes back.
 *
 * A lane owns its connection (through initiator_ops), the commands on it (slot.h), and the writes that it left behind
 * when it died, until the fence says that their old copies cannot land any more (fence.h). It judges nothing: what an
 * answer means is the disk's business. One worker's thread.
 *
 * States: enum lane_state in link.h. Every transition goes through one function, which logs and reports it.
 */
#ifndef BRAID_LANE_H
#define BRAID_LANE_H

#include "gateway/engine/abort.h"
#include "gateway/engine/fence.h"
#include "gateway/engine/initiator.h"
#include "gateway/engine/io.h"
#include "gateway/engine/link.h"
#include "gateway/engine/outage.h"
#include "gateway/engine/path.h"
#include "gateway/engine/queue.h"
#include "gateway/engine/slot.h"

#define LANE_DEPTH 128 /* host commands in flight at most; more wait in the lane (libiscsi's lists are linear) */
#define LANE_SPARE 8 /* slots kept for the lane's own commands */

struct worker;
struct probe;

#define PING_BYTES 512 /* of the LUN list; its length stands in it as well */

struct lane {
	struct list worker_link; /* worker.lanes */
	struct worker *worker;
	struct link *link;
	struct figure_cell *cell; /* this worker's, of the link */
	enum lane_state state;
	uint64_t generation; /* counts probes: an order that was made from an older one is void */
	struct initiator *initiator;

	struct slot *slots;
	void *slot_ctx;
	struct list idle, inflight; /* struct xfer; inflight: oldest first */
	unsigned idle_count;
	struct queue queue;
	struct list waiting; /* struct io: no slot is free, or the array has enough to do */
	struct list paths; /* struct path */

	struct abort abort;
	struct fence fence;
	struct outage outage;

	struct timer reconnect; /* the next attempt; also what must not run inside an event of the initiator */
	void (*next_step)(struct lane *lane);
	unsigned attempts; /* failed ones in a row */
	uint64_t wait_us; /* before the next one, because the array said so */
	uint64_t up_since_us; /* the last login */
	uint64_t logins;

	struct timer watch; /* keepalive and command timeout */
	uint64_t last_answer_us, ping_sent_us; /* 0: no ping is out */
	uint64_t doubted_us; /* since when others are known to answer while this one does not; 0: they are not */
	uint64_t slowest_us; /* of the latest answers; outlives the session */
	uint8_t ping_data[PING_BYTES];
	uint64_t luns_hash; /* of the start of the LUN list that the array told last */

	bool shut; /* no further attempt */
	bool leaving; /* removal.h */
	struct timer leave; /* the next look at what is still going on */
	uint64_t leave_by_us; /* commands that have not ended by then lose the session */
	struct probe *probe; /* under way */
	bool probe_again;
	uint64_t probed_us; /* the end of the last probe */
	unsigned reprobes; /* of this session */
	unsigned hasty; /* probes in a row that followed one another at once */
	char reason[160];
};

struct lane *lane_create(struct worker *worker, struct link *link);

/* Ends the session for good: what it carried goes elsewhere, or fails. No fence: the host will be told. */
void lane_shut(struct lane *lane);
void lane_destroy(struct lane *lane); /* takes NULL; it is shut and has no paths */

/* Commands that wait for a slot go elsewhere. */
void lane_give_back(struct lane *lane);

/* No path could take the dead session's key away: the next weaker form is tried. */
void lane_fence_otherwise(struct lane *lane);

/* The session is broken, whatever the reason. Not inside an event of the initiator. */
void lane_fail(struct lane *lane, const char *reason);

/* Another nexus has found something that this one should have, too: it is read again, once a second at most. */
void lane_identify(struct lane *lane);

/* What is behind the lane may have changed: no further I/O until it has been identified again (row D4). */
void lane_reidentify(struct lane *lane);

/* The same after a while, longer each time in a row: something that is expected there was not found. */
void lane_reidentify_later(struct lane *lane);

/* An attempt now instead of at the end of the backoff; during an outage none is made. */
void lane_kick(struct lane *lane);

/* The probe calls this at its end; inventory belongs to the lane from then on. */
struct inventory;
void lane_probed(struct lane *lane, struct inventory *inventory);

#endif
