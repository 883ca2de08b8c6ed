/*
 * removal.h - the end of a lane whose link is removed: what it carries ends, its keys are taken back, its paths leave
 * their disks, its session is closed.
 *
 * Nothing new is sent over a link that is removed: the control loop has drained it (row L5) before it gives the order.
 * Commands that do not end within command_timeout lose the session, and go on elsewhere behind the fence, as with any
 * link that fails. One worker's thread.
 */
#ifndef BRAID_REMOVAL_H
#define BRAID_REMOVAL_H

struct lane;

void removal_init(struct lane *lane);

/* Ends with worker_upcalls.link_left; the lane is destroyed by then. Again: no effect. */
void removal_begin(struct lane *lane);

#endif
