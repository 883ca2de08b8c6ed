/*
 * probe.h - asks what is behind a lane: REPORT LUNS, then for each LU its inquiry data, designators, serial number and
 * capacity (rows D1, D2). One command at a time. ILLEGAL REQUEST is the array's last word on a command; after any other
 * error it is asked again, a bounded number of times, and then the inventory is incomplete.
 *
 * It ends with lane_probed(), unless it is destroyed before. One worker's thread.
 */
#ifndef BRAID_PROBE_H
#define BRAID_PROBE_H

struct lane;
struct probe;

struct probe *probe_start(struct lane *lane);
void probe_destroy(struct probe *probe); /* takes NULL; the lane has no command of it in flight */

#endif
