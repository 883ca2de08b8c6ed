#include "target/keys.h"

#include <errno.h>
#include <string.h>

enum key_rule {
	RULE_TEXT,    /* declared; its owner looks at it */
	RULE_DECLARE, /* a number that the initiator declares for itself */
	RULE_MIN,
	RULE_MAX,
	RULE_AND,
	RULE_OR,
	RULE_LIST,   /* the first of the initiator's list that we have */
	RULE_NO,     /* a boolean that stays No: the markers, obsolete since RFC 7143 13.25 */
	RULE_REJECT, /* their intervals */
};

enum key_flags {
	KEY_IN_FULL_FEATURE = 1, /* may be sent after login, too */
	KEY_IN_DISCOVERY = 2,	 /* means something in a discovery session */
	KEY_TARGET_ONLY = 4,	 /* only a target may send it */
};

struct key_def {
	const char *name;
	enum key_rule rule;
	unsigned flags;
	uint32_t min, max;
	uint32_t initial; /* when nobody speaks of it */
	uint32_t ours;	  /* RULE_MIN .. RULE_OR: our side's value */
	const char *const *choices; /* RULE_LIST: ends with NULL */
};

#define SEGMENT_MAX 16777215u /* 2**24 - 1 */

static const char *const digests[] = { [DIGEST_NONE] = "None", [DIGEST_CRC32C] = "CRC32C", NULL };
static const char *const reportings[] = { "RFC3720", NULL };

#define ANYTIME (KEY_IN_FULL_FEATURE | KEY_IN_DISCOVERY)
#define TEXT(name_, flags_) { .name = name_, .rule = RULE_TEXT, .flags = flags_ }
#define LIST(name_, flags_, choices_) { .name = name_, .rule = RULE_LIST, .flags = flags_, .choices = choices_ }
#define NUMBER(name_, rule_, min_, max_, initial_, ours_)                                                              \
	{ .name = name_, .rule = rule_, .min = min_, .max = max_, .initial = initial_, .ours = ours_ }
#define BOOLEAN(name_, rule_, initial_, ours_) { .name = name_, .rule = rule_, .initial = initial_, .ours = ours_ }

static const struct key_def keys[] = {
	[KEY_HEADER_DIGEST] = LIST("HeaderDigest", KEY_IN_DISCOVERY, digests),
	[KEY_DATA_DIGEST] = LIST("DataDigest", KEY_IN_DISCOVERY, digests),
	[KEY_MAX_CONNECTIONS] = NUMBER("MaxConnections", RULE_MIN, 1, 65535, 1, 1),
	[KEY_SEND_TARGETS] = TEXT("SendTargets", ANYTIME),
	[KEY_TARGET_NAME] = TEXT("TargetName", KEY_IN_DISCOVERY),
	[KEY_INITIATOR_NAME] = TEXT("InitiatorName", KEY_IN_DISCOVERY),
	[KEY_TARGET_ALIAS] = TEXT("TargetAlias", ANYTIME | KEY_TARGET_ONLY),
	[KEY_INITIATOR_ALIAS] = TEXT("InitiatorAlias", ANYTIME),
	[KEY_TARGET_ADDRESS] = TEXT("TargetAddress", ANYTIME | KEY_TARGET_ONLY),
	[KEY_TARGET_PORTAL_GROUP_TAG] = TEXT("TargetPortalGroupTag", KEY_IN_DISCOVERY | KEY_TARGET_ONLY),
	[KEY_INITIAL_R2T] = BOOLEAN("InitialR2T", RULE_OR, 1, 0),
	[KEY_IMMEDIATE_DATA] = BOOLEAN("ImmediateData", RULE_AND, 1, 1),
	[KEY_MAX_RECV] = { .name = "MaxRecvDataSegmentLength", .rule = RULE_DECLARE, .flags = ANYTIME, .min = 512,
			   .max = SEGMENT_MAX, .initial = 8192, .ours = KEYS_MAX_RECV },
	[KEY_MAX_BURST] = NUMBER("MaxBurstLength", RULE_MIN, 512, SEGMENT_MAX, 262144, 1048576),
	[KEY_FIRST_BURST] = NUMBER("FirstBurstLength", RULE_MIN, 512, SEGMENT_MAX, 65536, 262144),
	[KEY_TIME2WAIT] = NUMBER("DefaultTime2Wait", RULE_MAX, 0, 3600, 2, 0),
	[KEY_TIME2RETAIN] = NUMBER("DefaultTime2Retain", RULE_MIN, 0, 3600, 20, 0),
	[KEY_MAX_R2T] = NUMBER("MaxOutstandingR2T", RULE_MIN, 1, 65535, 1, 8),
	[KEY_DATA_PDU_IN_ORDER] = BOOLEAN("DataPDUInOrder", RULE_OR, 1, 1),
	[KEY_DATA_SEQUENCE_IN_ORDER] = BOOLEAN("DataSequenceInOrder", RULE_OR, 1, 1),
	[KEY_ERROR_RECOVERY_LEVEL] = NUMBER("ErrorRecoveryLevel", RULE_MIN, 0, 2, 0, 0),
	[KEY_SESSION_TYPE] = TEXT("SessionType", KEY_IN_DISCOVERY),
	[KEY_TASK_REPORTING] = LIST("TaskReporting", 0, reportings),
	[KEY_PROTOCOL_LEVEL] = NUMBER("iSCSIProtocolLevel", RULE_MIN, 0, 31, 1, 1),
	[KEY_NODE_ARCHITECTURE] = TEXT("X#NodeArchitecture", ANYTIME),
	[KEY_IF_MARKER] = { .name = "IFMarker", .rule = RULE_NO, .flags = KEY_IN_DISCOVERY },
	[KEY_OF_MARKER] = { .name = "OFMarker", .rule = RULE_NO, .flags = KEY_IN_DISCOVERY },
	[KEY_IF_MARK_INT] = { .name = "IFMarkInt", .rule = RULE_REJECT, .flags = KEY_IN_DISCOVERY },
	[KEY_OF_MARK_INT] = { .name = "OFMarkInt", .rule = RULE_REJECT, .flags = KEY_IN_DISCOVERY },
};

_Static_assert(sizeof(keys) / sizeof(keys[0]) == KEY_COUNT && KEY_COUNT <= 64, "every key is in the table");

enum key keys_find(const char *name)
{
	unsigned key = 0;

	while (key < KEY_COUNT && strcmp(keys[key].name, name) != 0)
		key++;
	return (enum key)key;
}

void keys_defaults(struct params *params)
{
	params->seen = 0;
	for (unsigned key = 0; key < KEY_COUNT; key++)
		params->value[key] = keys[key].initial;
}

static int parse_boolean(const char *value, uint32_t *result)
{
	*result = strcmp(value, "Yes") == 0;
	return *result || strcmp(value, "No") == 0 ? 0 : -EINVAL;
}

static int parse_range(const struct key_def *def, const char *value, uint32_t *result)
{
	if (text_number(value, result) < 0 || *result < def->min || *result > def->max)
		return -EINVAL;
	return 0;
}

static int negotiate_number(const struct key_def *def, const char *value, uint32_t *result, struct text *answer)
{
	uint32_t theirs;

	if (parse_range(def, value, &theirs) < 0)
		return -EINVAL;
	if (def->rule == RULE_DECLARE) {
		*result = theirs;
		return 0;
	}
	if (def->rule == RULE_MIN)
		*result = theirs < def->ours ? theirs : def->ours;
	else
		*result = theirs > def->ours ? theirs : def->ours;
	text_add_number(answer, def->name, *result);
	return 0;
}

static int negotiate_boolean(const struct key_def *def, const char *value, uint32_t *result, struct text *answer)
{
	uint32_t theirs;

	if (parse_boolean(value, &theirs) < 0)
		return -EINVAL;
	if (def->rule == RULE_AND)
		*result = theirs && def->ours;
	else if (def->rule == RULE_OR)
		*result = theirs || def->ours;
	else
		*result = 0;
	text_add(answer, def->name, *result ? "Yes" : "No");
	return 0;
}

static int negotiate_list(const struct key_def *def, char *value, bool discovery, uint32_t *result,
			  struct text *answer)
{
	char *element;

	while ((element = text_element(&value))) {
		for (uint32_t i = 0; def->choices[i]; i++) {
			if (strcmp(element, def->choices[i]) != 0 || (discovery && i > 0))
				continue; /* in discovery only the first choice: no digests */
			*result = i;
			text_add(answer, def->name, element);
			return 0;
		}
	}
	return -EINVAL;
}

static int negotiate_value(const struct key_def *def, const struct key_offer *offer, uint32_t *result,
			   struct text *answer)
{
	switch (def->rule) {
	case RULE_TEXT:
		return 0;
	case RULE_DECLARE:
	case RULE_MIN:
	case RULE_MAX:
		return negotiate_number(def, offer->value, result, answer);
	case RULE_AND:
	case RULE_OR:
	case RULE_NO:
		return negotiate_boolean(def, offer->value, result, answer);
	case RULE_LIST:
		return negotiate_list(def, offer->value, offer->discovery, result, answer);
	case RULE_REJECT:
		break;
	}
	return -EINVAL;
}

int keys_negotiate(struct params *params, const struct key_offer *offer, struct text *answer)
{
	enum key key = keys_find(offer->name);
	const struct key_def *def = &keys[key];

	if (key == KEY_COUNT) {
		text_add(answer, offer->name, "NotUnderstood");
		return 0;
	}
	if (offer->stage == KEYS_LOGIN && keys_seen(params, key))
		return -EPROTO; /* 6.3: renegotiation */
	params->seen |= UINT64_C(1) << key;
	if (def->flags & KEY_TARGET_ONLY || (offer->stage == KEYS_FULL_FEATURE && !(def->flags & KEY_IN_FULL_FEATURE)))
		text_add(answer, def->name, "Reject");
	else if (offer->discovery && !(def->flags & KEY_IN_DISCOVERY))
		text_add(answer, def->name, "Irrelevant");
	else if (negotiate_value(def, offer, &params->value[key], answer) < 0)
		text_add(answer, def->name, "Reject");
	return 0;
}

void keys_settle(struct params *params)
{
	/* 13.14: FirstBurstLength must not exceed MaxBurstLength */
	if (params->value[KEY_FIRST_BURST] > params->value[KEY_MAX_BURST])
		params->value[KEY_FIRST_BURST] = params->value[KEY_MAX_BURST];
}
