/*
 * kinship.h - which portals of an array lead into one target node, shown by experiment (row F1, form session).
 *
 * A login with a dead session's ISID ends that session only where the session lives. Two portals that one answer to
 * SendTargets lists are of one node. Where each portal lists only itself, equal names and tags say nothing: two
 * controllers may bear the same ones and not know each other's sessions, and what is taken for a fence is none.
 *
 * The experiment uses ISIDs that no lane has, so that it touches no session in use. With one of them it logs in over
 * portal A; over B with another one, which must end nothing; over B with the first one, which must end the session over
 * A; and over A once more, which must end that over B. After each login half a second passes: what must end has ended
 * by then, and whatever else ends makes the experiment void. So an accident would have to happen on both portals, each
 * at the right moment, to the right session, and the lanes would not have to notice.
 *
 * What it shows is of sessions, not of portals: the lanes' sessions on A and on B live in one node. Sessions do not
 * move, so this cannot become untrue. It is remembered as a kin number for each login of each lane (link_kin), which
 * the next login leaves behind: that one may have reached another node, as after a takeover of the address. For the
 * same reason the sessions must be the same ones before the experiment and after it, and must all have been heard of
 * since: a portal whose address had moved away unnoticed would have answered for somebody else. A lane that has
 * lived through keepalive_interval + keepalive_timeout has been heard of. Until all that is known, the form is wait. A
 * session that is dead keeps its number: the fence needs it just then. The sibling that is to end it must be alive.
 *
 * Sessions with one number are of one node, so each link is compared with one link of each number only: of n portals of
 * a node, n - 1 are. Two that differ are not compared again before one of them logs in anew; an experiment that failed
 * is repeated, later each time. One at a time in each backend. Control loop.
 */
#ifndef BRAID_KINSHIP_H
#define BRAID_KINSHIP_H

#include <stdbool.h>

struct backend;
struct kinship;
struct link;

struct kinship *kinship_create(struct backend *backend);
void kinship_stop(struct kinship *kinship); /* closes its sessions; none is opened any more */
void kinship_destroy(struct kinship *kinship); /* takes NULL */

/* The state of a lane of the backend was reported. */
void kinship_look(struct kinship *kinship);

/* The link is being removed. */
void kinship_forget(struct kinship *kinship, const struct link *link);

/* Whether on every worker the link's session could now be ended through another portal. */
bool kinship_has_sibling(const struct link *link);

#endif
