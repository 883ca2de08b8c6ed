/*
 * recall.h - control_commands(): a question to every worker, and the answers as they come in.
 *
 * A question waits a second at most. Answers that come later, or belong to none, are dropped. Control loop.
 */
#ifndef BRAID_RECALL_H
#define BRAID_RECALL_H

#include "gateway/base/loop.h"

struct gateway;

/* A worker's answer: of a struct decision_report. */
void recall_report(struct message *message);

/* The gateway goes: what is still waited for is answered with what there is. */
void recall_end_all(struct gateway *gateway);

#endif
