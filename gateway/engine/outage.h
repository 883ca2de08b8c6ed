/*
 * outage.h - a lane that is taken away for a while on purpose, as a failure would: the rehearsal's part on a worker.
 *
 * Either its session is cut, or what the array sends is left unread, until others notice the silence. Nothing logs in
 * to its portal until the time is over; then the lane comes back by itself, whatever has become of those who wanted it
 * away. A part of struct lane. One worker's thread.
 */
#ifndef BRAID_OUTAGE_H
#define BRAID_OUTAGE_H

#include "gateway/base/clock.h"
#include "gateway/base/loop.h"
#include "gateway/engine/decision.h"
#include "gateway/identity.h"

struct gateway;
struct lane;

#define OUTAGE_REASON "taken away by a rehearsal"

struct outage {
	struct timer over; /* armed as long as it lasts */
};

void outage_init(struct lane *lane);
void outage_done(struct lane *lane);

/* Until `us` from now; the tallies of the lane's disks begin anew. Not inside an event of the initiator. */
void outage_begin(struct lane *lane, bool silent, uint64_t us);

/* How long nothing may log in; 0: there is no outage. */
uint64_t outage_left_us(const struct lane *lane);

/* What an outage has done to the disks on a worker. The control loop frees it. */
struct outage_report {
	struct message message;
	struct gateway *gateway;
	uint64_t number; /* of the question */
	unsigned count;
	struct outage_row {
		char device[IDENTITY_TEXT_MAX];
		struct decision_tally tally;
	} rows[];
};

/* Of the lane's disks (NULL: of none). */
struct outage_report *outage_report(const struct lane *lane);

#endif
