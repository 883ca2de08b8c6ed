/*
 * checkup.h - the control loop's look at paths and links, once a second: who is put on probation and who has served it
 * (row L6); which paths are slow; by which form a device is fenced now. Control loop.
 */
#ifndef BRAID_CHECKUP_H
#define BRAID_CHECKUP_H

struct gateway;
struct link;
struct path_core;

void checkup_start(struct gateway *gateway);
void checkup_stop(struct gateway *gateway);

/* A session on it has ended that was up. */
void checkup_link_failed(struct gateway *gateway, struct link *link);

/* The administrator trusts it: its probation is over, and what it did before is forgotten. */
void checkup_trust_link(struct gateway *gateway, struct link *link);
void checkup_trust_path(struct gateway *gateway, struct path_core *path);

#endif
