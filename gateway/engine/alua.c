#include "gateway/engine/alua.h"

#include "gateway/base/bytes.h"

#include <errno.h>

/* SPC-4 table 293: asymmetric access state */
static const enum dsm_access access_of_code[16] = {
	[0x0] = DSM_ACCESS_OPTIMIZED,     [0x1] = DSM_ACCESS_NON_OPTIMIZED, [0x2] = DSM_ACCESS_STANDBY,
	[0x3] = DSM_ACCESS_UNAVAILABLE,   [0x4] = DSM_ACCESS_LBA_DEPENDENT, [0xe] = DSM_ACCESS_OFFLINE,
	[0xf] = DSM_ACCESS_TRANSITIONING,
};

int alua_parse(const uint8_t *data, size_t len, struct alua *alua)
{
	size_t at = 4, end;

	*alua = (struct alua){ 0 };
	if (len < 4)
		return -EINVAL;
	end = 4 + (size_t)get_be32(data);
	if (end > len)
		end = len;
	if (end >= 8 && (data[4] & 0x70) == 0x10) { /* the extended header; these bits are reserved in a descriptor */
		alua->transition_s = data[5];
		at = 8;
	}
	for (; at + 8 <= end; at += 8 + 4 * (size_t)data[at + 7]) {
		if (alua->count == ALUA_GROUPS_MAX)
			break;
		alua->groups[alua->count].id = get_be16(data + at + 2);
		alua->groups[alua->count].access = access_of_code[data[at] & 0xf];
		alua->groups[alua->count].preferred = data[at] & 0x80;
		alua->count++;
	}
	return alua->count ? 0 : -EINVAL;
}

uint16_t alua_port_group(const uint8_t *page, size_t len)
{
	size_t end;

	if (len < 4 || page[1] != 0x83)
		return 0;
	end = 4 + (size_t)get_be16(page + 2);
	if (end > len)
		end = len;
	for (size_t at = 4; at + 4 <= end; at += 4 + (size_t)page[at + 3])
		if ((page[at + 1] & 0x3f) == 0x15 && page[at + 3] == 4 && at + 8 <= end) /* port association, type 5 */
			return get_be16(page + at + 6);
	return 0;
}

const char *alua_access_name(enum dsm_access access)
{
	static const char *const names[] = {
		[DSM_ACCESS_UNKNOWN] = NULL,
		[DSM_ACCESS_OPTIMIZED] = "active/optimized",
		[DSM_ACCESS_NON_OPTIMIZED] = "active/non-optimized",
		[DSM_ACCESS_LBA_DEPENDENT] = "logical block dependent",
		[DSM_ACCESS_STANDBY] = "standby",
		[DSM_ACCESS_UNAVAILABLE] = "unavailable",
		[DSM_ACCESS_OFFLINE] = "offline",
		[DSM_ACCESS_TRANSITIONING] = "transitioning",
	};

	return names[access];
}
