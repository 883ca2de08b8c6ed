/*
 * link.h - an I_T nexus of the gateway: one of the array's target portals, as the control loop knows it (row D1).
 *
 * Each worker has a login of its own on it, its lane. What workers read of a link is constant from creation on, and
 * the link outlives its lanes; figures are cells with one writer each.
 */
#ifndef BRAID_LINK_H
#define BRAID_LINK_H

#include "dsm/dsm.h"
#include "gateway/base/list.h"
#include "gateway/base/net.h"
#include "gateway/engine/figures.h"
#include "gateway/engine/probation.h"

#define LINK_SOURCES_MAX 64 /* portals of a backend that can be asked for its targets */

enum lane_state {
	LANE_DOWN, /* waiting for the next attempt */
	LANE_FENCING, /* ending the old session through another portal of the same target portal group */
	LANE_CONNECTING, /* TCP and login */
	LANE_PROBING, /* asking what is behind it */
	LANE_UP,
};

const char *lane_state_name(enum lane_state state);

/* What the control loop knows of one worker's lane. */
struct lane_view {
	enum lane_state state;
	uint64_t generation;
	uint64_t retry_at_us; /* of the control loop's clock; 0: no attempt is pending */
	uint64_t logins;
};

/* What the administrator allows as a fence (row F1); the strongest that there is counts. */
enum fence_wish {
	FENCE_AUTO, /* reservation, session, wait */
	FENCE_SESSION, /* session, wait */
	FENCE_LU_RESET, /* session, LU reset, wait: the one wish that includes it, see lu_reset.h */
	FENCE_WAIT,
	FENCE_NONE,
};

/* "auto", "session", "lu-reset", "wait", "none"; -1 for others. */
int fence_wish_parse(const char *text);

struct backend;
struct initiator_params;
struct timers;

/* The load of a link as a policy on one worker sees it. */
struct link_load {
	struct policy_link policy;
	const struct link *link;
	unsigned worker;
};

struct link {
	struct list backend_link; /* backend.links */
	struct backend *backend;

	/* constant */
	char id[16]; /* "l3" */
	char iqn[224];
	char portal[NET_ADDRESS_MAX];
	uint16_t tpgt;
	unsigned worker_count;
	struct link_load *loads; /* for policies, one a worker */
	struct figure_cell *cells; /* one a worker, written by it */
	char *chap_name, *chap_secret, *chap_mutual_name, *chap_mutual_secret; /* NULL: none */
	char initiator_name[224];
	enum fence_wish fence;
	uint64_t isid_seed; /* the ISID of a lane is made from it, the same after every restart */

	/* Bit n: listed by the backend's discovery portal n, some time. Two portals of one target portal group are
	 * known to lead to the same array, and so to the same sessions, only when one array listed both. Set by the
	 * control loop before the lanes start; later bits are added atomically. */
	_Atomic uint64_t sources;

	/* One a worker: what experiments have shown of one login of its lane (kinship.h). Written by the control loop;
	 * link_kin() reads it. */
	_Atomic uint64_t *kin;

	_Atomic bool drained; /* maintenance (row L5): no new I/O; written by the control loop */
	struct probation probation;

	/* control loop only */
	struct lane_view *lanes; /* one a worker */
	char reason[160]; /* of the last failure */
	uint64_t down_since_us; /* Unix time; 0: up */
	bool removing;
	unsigned lanes_attached; /* removing: workers that still have a lane */
	uint64_t listed; /* bit n: by discovery portal n in the answer that it is giving */
	uint8_t unlisted[LINK_SOURCES_MAX]; /* answers of portal n in a row that did not name it, since one did */
};

struct link *link_create(unsigned number, unsigned worker_count, const char *iqn, const char *portal, uint16_t tpgt);
void link_destroy(struct link *link); /* takes NULL */

/* The ISID of one worker's lane: type 10b (random), constant over restarts (RFC 7143 10.1.1). */
void link_isid(const struct link *link, unsigned worker, uint8_t isid[6]);

/* ISIDs that no lane has, for experiments between this link and another one; n is 0 or 1. */
void link_spare_isid(const struct link *link, unsigned n, uint8_t isid[6]);

/* For a login to the link's target through the portal of `via`; the ISID is the caller's to fill in. */
struct initiator_params link_login_params(const struct link *link, const struct link *via, const struct timers *timers);

/* Sessions with the same kin number live in one target node. It belongs to one login of the worker's lane; 0: nothing
 * has been shown of that one. */
uint32_t link_kin(const struct link *link, unsigned worker, uint64_t login);
void link_set_kin(struct link *link, unsigned worker, uint64_t login, uint32_t kin);

/* The same target and tag, but no answer has listed both: whether sessions know each other there is to be shown. */
bool link_may_be_kin(const struct link *a, const struct link *b);

/* The session that the worker had on `a` with that login can be ended by a login through `b`, where it has the other
 * one (row F1, form session). */
bool link_same_group(const struct link *a, uint64_t a_login, const struct link *b, uint64_t b_login, unsigned worker);

unsigned link_workers_up(const struct link *link);
const char *link_state_name(const struct link *link);

#endif
