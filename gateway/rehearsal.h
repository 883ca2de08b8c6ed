/*
 * rehearsal.h - a link is taken away for some seconds as a failure would, and what that did to the hosts is measured.
 *
 * One at a time. The workers take the lanes away and give them back by themselves (outage.h), so that nothing that
 * happens here, or to whoever asked, keeps a link away. When the link is back and no command waits any more, the
 * workers are asked what it did; the answer is kept until the next rehearsal. Control loop.
 */
#ifndef BRAID_REHEARSAL_H
#define BRAID_REHEARSAL_H

#include "gateway/base/loop.h"

struct gateway;
struct link;

/* Whether the link is away, or on its way back, because somebody wanted it: no failure of its own. */
bool rehearsal_lasts(const struct gateway *gateway, const struct link *link);

/* The state of a lane of that link was reported. */
void rehearsal_link_changed(struct gateway *gateway, const struct link *link);

/* A worker's answer: of a struct outage_report. */
void rehearsal_report(struct message *message);

void rehearsal_destroy(struct gateway *gateway);

#endif
