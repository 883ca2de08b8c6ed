/*
 * options.h - the options of braidctl, in one table.
 *
 * OPTION(id, member, letter, name, argument, help). Without an argument it is a switch. An option stands anywhere on
 * the line.
 */
#ifndef BRAID_CTL_OPTIONS_H
#define BRAID_CTL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#define OPTION_TABLE(OPTION)                                                                                           \
	OPTION(JSON, json, 'j', "json", NULL, "print what the gateway answers, as JSON")                               \
	OPTION(URL, url, 'u', "url", "URL", "the gateway (default: $BRAID_URL, or http://127.0.0.1:8260)")             \
	OPTION(HELP, help, 'h', "help", NULL, "this text; after a command: what it takes")                             \
	OPTION(VERSION, version, 'V', "version", NULL, "the version of braidctl")                                      \
	OPTION(DEVICE, device, 'd', "device", "DEVICE", "claim one device")                                            \
	OPTION(FORCE, force, 0, "force", NULL, "even if hosts would lose disks")                                       \
	OPTION(ACTIVE, active, 0, "active", "PATH,...", "the paths that carry I/O")                                    \
	OPTION(STANDBY, standby, 0, "standby", "PATH,...", "the paths that stand by")                                  \
	OPTION(WEIGHT, weight, 0, "weight", "PATH=N,...", "weights; the larger, the lower in rank")                    \
	OPTION(PREFERRED, preferred, 0, "preferred", "PATH", "the path to fail back to")                               \
	OPTION(REMARKABLE, remarkable, 0, "remarkable", NULL, "only what was slow or met an error")                    \
	OPTION(SECONDS, seconds, 0, "seconds", "N", "for so long (default: 5)")                                        \
	OPTION(SILENT, silent, 0, "silent", NULL, "it falls silent instead of being cut")                              \
	OPTION(LIMIT, limit, 0, "limit", "N", "so many at most (default: 20)")                                         \
	OPTION(IQN, iqn, 0, "iqn", "IQN,...", "only these targets of the array")                                       \
	OPTION(FENCE, fence, 0, "fence", "FORM", "the fence that is allowed: auto, session, lu-reset, wait, none")     \
	OPTION(USER, user, 0, "user", "NAME", "CHAP name with which the gateway logs in there")                        \
	OPTION(SECRET_FILE, secret_file, 0, "secret-file", "FILE", "its secret, in a file on the gateway")             \
	OPTION(MUTUAL_USER, mutual_user, 0, "mutual-user", "NAME", "CHAP name with which the array proves itself")     \
	OPTION(MUTUAL_SECRET_FILE, mutual_secret_file, 0, "mutual-secret-file", "FILE", "the array's secret")          \
	OPTION(DSM, dsm, 0, "dsm", "NAME", "for the disks of that module")                                             \
	OPTION(HARDWARE_ID, hardware_id, 0, "hardware-id", "ID", "for the disks of that hardware ID")                  \
	OPTION(FAILBACK, failback, 0, "failback", "WHEN", "to it: immediate, manual, or after so many seconds")        \
	OPTION(FOLLOW, follow, 'f', "follow", NULL, "go on with what happens")

enum option_index {
#define OPTION_INDEX(id, ...) OPTION_INDEX_##id,
	OPTION_TABLE(OPTION_INDEX)
#undef OPTION_INDEX
		OPTION_COUNT
};

enum option_bit {
#define OPTION_BIT(id, ...) OPTION_##id = 1 << OPTION_INDEX_##id,
	OPTION_TABLE(OPTION_BIT)
#undef OPTION_BIT
		OPTION_COMMON = OPTION_JSON | OPTION_URL | OPTION_HELP | OPTION_VERSION,
};

struct options {
	unsigned given; /* OPTION_* */
	/* The argument, or "" for a switch; NULL: not given. */
#define OPTION_MEMBER(id, member, ...) const char *member;
	OPTION_TABLE(OPTION_MEMBER)
#undef OPTION_MEMBER
};

/* Reorders argv so that what is no option comes last; *first is its index. 0, or -EINVAL, which was said. */
int options_parse(struct options *options, int argc, char **argv, int *first);

/* The argument of an option as a number from 1 to max; preset when it was not given; -1, which was said. */
long options_number(const char *argument, const char *name, long preset, long max);

/* "--force", for messages: the first of these bits. */
const char *options_name(unsigned bits);

/* One line for each of these options. */
void options_print(unsigned bits);

#endif
