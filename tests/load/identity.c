#include "tests/load/identity.h"

#include "gateway/base/bytes.h"
#include "tests/load/block.h"

#include <errno.h>
#include <stdio.h>

#define BLOCK_SIZE_MAX 65536
#define DESIGNATOR_MAX 100 /* what goes into a name in hex */

/* By designator type: the larger, the better; 0: not an identifier. */
static const uint8_t ranks[16] = { [8] = 5, [3] = 4, [2] = 3, [1] = 2, [0] = 1 };

int identity_from_vpd83(const uint8_t *page, size_t bytes, char *name, size_t size)
{
	const uint8_t *best = NULL;
	size_t end, at, used;

	if (bytes < 4)
		return -ENOENT;
	end = 4 + (size_t)get_be16(page + 2);
	if (end > bytes)
		end = bytes;
	for (at = 4; at + 4 <= end; at += 4 + (size_t)page[at + 3]) {
		const uint8_t *entry = page + at;
		unsigned type = entry[1] & 0x0f, association = entry[1] >> 4 & 3;

		if (at + 4 + entry[3] > end)
			break;
		if (association != 0 || !ranks[type] || !entry[3] || entry[3] > DESIGNATOR_MAX)
			continue;
		if (!best || ranks[type] > ranks[best[1] & 0x0f] || (type == (best[1] & 0x0fu) && entry[3] > best[3]))
			best = entry;
	}
	if (!best)
		return -ENOENT;
	used = (size_t)snprintf(name, size, "%u.", best[1] & 0x0fu);
	for (size_t i = 0; i < best[3] && used + 2 < size; i++)
		used += (size_t)snprintf(name + used, size - used, "%02x", best[4 + i]);
	return 0;
}

int identity_capacity(const uint8_t *data, size_t bytes, uint64_t *blocks, uint32_t *block_size)
{
	if (bytes < 12)
		return -EINVAL;
	*blocks = get_be64(data) + 1;
	*block_size = get_be32(data + 8);
	if (!*blocks || *block_size < BLOCK_SIZE_MIN || *block_size > BLOCK_SIZE_MAX || *block_size % 512)
		return -EINVAL;
	return 0;
}
