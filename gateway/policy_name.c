#include "gateway/policy_name.h"

#include <errno.h>
#include <stddef.h>
#include <strings.h>

#define POLICY_NUMBER_MAX 7 /* Microsoft's numbers end here; what is beyond goes by name only */

static const struct {
	const char *name, *short_name;
} policies[POLICY_ID_MAX] = { [POLICY_INHERIT] = { "inherit", "-" },
#define POLICY_ROW(id, number, name, short_name) [POLICY_##id] = { name, short_name },
			      POLICY_TABLE(POLICY_ROW)
#undef POLICY_ROW
};

const char *policy_name(enum policy_id id)
{
	return (unsigned)id < POLICY_ID_MAX ? policies[id].name : "unknown";
}

const char *policy_short_name(enum policy_id id)
{
	return (unsigned)id < POLICY_ID_MAX ? policies[id].short_name : "?";
}

int policy_parse(const char *text, enum policy_id *id)
{
	if (!text[0]) {
		*id = POLICY_INHERIT;
		return 0;
	}
	if (!text[1] && text[0] >= '0' && text[0] <= '0' + POLICY_NUMBER_MAX) {
		*id = (enum policy_id)(text[0] - '0');
		return 0;
	}
	for (unsigned i = 0; i < POLICY_ID_MAX; i++) {
		if (strcasecmp(text, policies[i].name) == 0 ||
		    (i != POLICY_INHERIT && strcasecmp(text, policies[i].short_name) == 0)) {
			*id = (enum policy_id)i;
			return 0;
		}
	}
	return -EINVAL;
}
