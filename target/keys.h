/*
 * keys.h - the operational text keys of RFC 7143 section 13 and how they are negotiated.
 *
 * Every key stands once in the table of keys.c: its rule, range, default and our side's value, where it may be sent,
 * and whether a discovery session knows it. Authentication keys are chap.h's.
 */
#ifndef BRAID_KEYS_H
#define BRAID_KEYS_H

#include "target/text.h"

#define KEYS_MAX_RECV 262144u /* our MaxRecvDataSegmentLength */

enum key {
	KEY_HEADER_DIGEST,
	KEY_DATA_DIGEST,
	KEY_MAX_CONNECTIONS,
	KEY_SEND_TARGETS,
	KEY_TARGET_NAME,
	KEY_INITIATOR_NAME,
	KEY_TARGET_ALIAS,
	KEY_INITIATOR_ALIAS,
	KEY_TARGET_ADDRESS,
	KEY_TARGET_PORTAL_GROUP_TAG,
	KEY_INITIAL_R2T,
	KEY_IMMEDIATE_DATA,
	KEY_MAX_RECV,
	KEY_MAX_BURST,
	KEY_FIRST_BURST,
	KEY_TIME2WAIT,
	KEY_TIME2RETAIN,
	KEY_MAX_R2T,
	KEY_DATA_PDU_IN_ORDER,
	KEY_DATA_SEQUENCE_IN_ORDER,
	KEY_ERROR_RECOVERY_LEVEL,
	KEY_SESSION_TYPE,
	KEY_TASK_REPORTING,
	KEY_PROTOCOL_LEVEL,
	KEY_NODE_ARCHITECTURE,
	KEY_IF_MARKER,
	KEY_OF_MARKER,
	KEY_IF_MARK_INT,
	KEY_OF_MARK_INT,
	KEY_COUNT
};

enum { DIGEST_NONE, DIGEST_CRC32C }; /* values of the digest keys */

/* What has been agreed on: numbers; booleans as 0 and 1; lists as the index of the choice. For declared numbers, what
 * the initiator declared. */
struct params {
	uint32_t value[KEY_COUNT];
	uint64_t seen; /* bit per key: the initiator has sent it */
};

enum key_stage { KEYS_LOGIN, KEYS_FULL_FEATURE };

struct key_offer {
	const char *name;
	char *value; /* changed by the parse */
	enum key_stage stage;
	bool discovery;
};

/* The key of that name; KEY_COUNT: none. */
enum key keys_find(const char *name);
void keys_defaults(struct params *params);

/* Takes one key of the initiator into params and adds the answer, if it calls for one. Keys that are somebody else's
 * (names, SendTargets, SessionType) are only marked as seen. 0, or -EPROTO: it was sent before. */
int keys_negotiate(struct params *params, const struct key_offer *offer, struct text *answer);

/* What depends on more than one key, once all have been seen. */
void keys_settle(struct params *params);

static inline bool keys_seen(const struct params *params, enum key key)
{
	return params->seen >> key & 1;
}

#endif
