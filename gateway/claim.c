#include "gateway/claim.h"

#include "gateway/base/memory.h"
#include "gateway/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[] = {
	[CLAIM_ALL] = "all",
	[CLAIM_HARDWARE_ID] = "hardware_id",
	[CLAIM_DEVICE] = "device",
};

const char *claim_kind_name(enum claim_kind kind)
{
	return kind_names[kind];
}

static int claim_fill(struct claim *claim, const char *value)
{
	switch (claim->kind) {
	case CLAIM_ALL:
		return 0;
	case CLAIM_HARDWARE_ID:
		if (hardware_id_parse(value, &claim->hardware_id) < 0)
			return -1;
		if (claim->hardware_id.any)
			claim->kind = CLAIM_ALL;
		else
			str_copy(claim->value, sizeof(claim->value), claim->hardware_id.text);
		return 0;
	case CLAIM_DEVICE:
		return !*value || str_copy(claim->value, sizeof(claim->value), value) >= sizeof(claim->value) ? -1 : 0;
	}
	return -1;
}

struct claim *claim_create(const char *kind, const char *value, bool from_config)
{
	struct claim *claim = xcalloc(1, sizeof(*claim));
	unsigned k = 0;

	while (k < 3 && strcmp(kind_names[k], kind) != 0)
		k++;
	list_init(&claim->link);
	claim->kind = (enum claim_kind)k;
	claim->from_config = from_config;
	if (k == 3 || claim_fill(claim, value ? value : "") < 0) {
		free(claim);
		return NULL;
	}
	if (claim->kind == CLAIM_ALL)
		str_copy(claim->id, sizeof(claim->id), "all");
	else
		snprintf(claim->id, sizeof(claim->id), "c%016llx",
			 (unsigned long long)hash_text(hash_text(HASH_START, kind_names[claim->kind]), claim->value));
	return claim;
}

bool claim_matches(const struct claim *claim, const char *device_id, const char *hardware_id)
{
	switch (claim->kind) {
	case CLAIM_ALL:
		return true; /* every device behind this gateway is an iSCSI device */
	case CLAIM_HARDWARE_ID:
		return hardware_id_matches(&claim->hardware_id, hardware_id);
	case CLAIM_DEVICE:
		return strcmp(claim->value, device_id) == 0;
	}
	return false;
}
