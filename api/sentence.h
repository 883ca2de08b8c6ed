/*
 * sentence.h - the story of a command in one sentence, for people:
 *
 * "WRITE(10) lba 2048 +8: 4 paths, p3 down; least-queue-depth chose p1; 02/04/0b after 0.3 ms: retry in another group;
 * least-queue-depth chose p4; GOOD after 1.1 ms"
 */
#ifndef BRAID_API_SENTENCE_H
#define BRAID_API_SENTENCE_H

#include "gateway/control.h"

char *sentence_of(const struct command_view *view); /* the caller frees it */

/* "GOOD", "BUSY", "02/04/0b" (sense key, ASC, ASCQ of a CHECK CONDITION), "status f0h". Returns text. */
#define SENTENCE_STATUS_MAX 32
char *sentence_status(uint8_t status, uint8_t key, uint8_t asc, uint8_t ascq, char *text);

#endif
