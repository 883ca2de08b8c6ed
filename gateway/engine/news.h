/*
 * news.h - changes at a logical unit that an array tells every I_T nexus of by a unit attention (SAM-5 5.14): mode
 * parameters changed, commands cleared by another initiator, a reset. Of the last no host hears (row E13).
 *
 * The gateway has many nexuses, one a path and worker, and hears each change on all of them. Each host nexus is to
 * hear of it once, and the one that made the change not at all. So the device counts the changes that are known, and
 * every path of every worker remembers up to which count it was told: a unit attention on a path that lags behind is
 * the echo of a known change, on any other it is news. Worker threads.
 */
#ifndef BRAID_NEWS_H
#define BRAID_NEWS_H

#include <stdbool.h>
#include <stdint.h>

#define ASC_MODE_PARAMETERS_CHANGED 0x2a01
#define ASC_COMMANDS_CLEARED 0x2f00
#define ASC_RESET_OCCURRED 0x2900

#define NEWS_KINDS 3

/* Of a device, shared by all workers. */
struct news {
	_Atomic uint32_t known[NEWS_KINDS];
};

/* Of one path of one worker. */
struct news_heard {
	uint32_t count[NEWS_KINDS];
};

/* No unit attention is pending on this nexus: it is new, or a command has just gone through. */
void news_caught_up(struct news *news, struct news_heard *heard);

/* The same of one kind. */
void news_caught_up_on(struct news *news, struct news_heard *heard, uint16_t asc);

/* A unit attention has come: true if the hosts have not been told of that change yet, and it is known from now on. */
bool news_first(struct news *news, struct news_heard *heard, uint16_t asc);

/* A command goes out on this path that makes the array tell all other nexuses. A path that lags behind still does:
 * the command may yet meet what is pending there. */
void news_expect(struct news *news, struct news_heard *heard, uint16_t asc);

/* The gateway has made the array tell every nexus, this one included. */
void news_made(struct news *news, uint16_t asc);

#endif
