#include "dsm/check/array.h"

#include <string.h>

#define GOOD 0x00
#define CHECK_CONDITION 0x02

unsigned array_controller(const struct dsm_path *path)
{
	return path->portal_group - 1u;
}

static void refuse(struct array_answer *answer, uint8_t key, uint8_t asc, uint8_t ascq)
{
	answer->status = CHECK_CONDITION;
	answer->sense[0] = 0x70;
	answer->sense[2] = key;
	answer->sense[7] = 10;
	answer->sense[12] = asc;
	answer->sense[13] = ascq;
}

static void give(struct array_answer *answer, const struct dsm_command *command, const uint8_t *bytes, size_t len)
{
	answer->data_len = len < command->in_len ? len : command->in_len;
	memcpy(answer->data, bytes, answer->data_len);
}

static bool tell_attention(struct array *array, unsigned path, struct array_answer *answer)
{
	uint16_t *queue = array->attentions[path], asc = queue[0];

	if (!asc)
		return false;
	memmove(queue, queue + 1, 3 * sizeof(queue[0]));
	queue[3] = 0;
	refuse(answer, 0x6, (uint8_t)(asc >> 8), (uint8_t)asc);
	return true;
}

/* ---- ALUA -------------------------------------------------------------------------------------------------------- */

static void report_groups(const struct array *array, const struct dsm_command *command, struct array_answer *answer)
{
	uint8_t bytes[4 + 2 * 16] = { [3] = 32 };

	for (unsigned group = 0; group < 2; group++) {
		uint8_t *descriptor = bytes + 4 + 16 * group;

		descriptor[0] = array->owner == group ? 0x0 : 0x2; /* active/optimized, standby */
		descriptor[1] = 0x0f;
		descriptor[3] = (uint8_t)(group + 1);
		descriptor[7] = 2;
		descriptor[11] = (uint8_t)(2 * group + 1);
		descriptor[15] = (uint8_t)(2 * group + 2);
	}
	give(answer, command, bytes, sizeof(bytes));
}

static void set_groups(struct array *array, const struct dsm_command *command, struct array_answer *answer)
{
	if (!(array->tpgs & 2))
		refuse(answer, 0x5, 0x20, 0x00);
	else if (command->out_len < 8 || (command->out[4] & 0xf) != 0 || command->out[6] || command->out[7] < 1 ||
		 command->out[7] > 2)
		refuse(answer, 0x5, 0x26, 0x00);
	else
		array->owner = command->out[7] - 1u;
}

/* ---- RDAC -------------------------------------------------------------------------------------------------------- */

static void tell_owner(const struct array *array, const struct dsm_path *path, const struct dsm_command *command,
		       struct array_answer *answer)
{
	uint8_t page[48] = { 0, 0xc9, 0, 44, 'v', 'a', 'c', 'e' };

	page[8] = array->owner == array_controller(path);
	give(answer, command, page, sizeof(page));
}

/* The LUN table lies behind the header and the 38 bytes that both forms have in common. */
static void move_ownership(struct array *array, const struct dsm_path *path, const struct dsm_command *command,
			   struct array_answer *answer)
{
	bool is_long = command->cdb[0] == 0x55;
	const uint8_t *page = command->out + (is_long ? 8 : 4), *common = page + (is_long ? 4 : 2);
	uint32_t len = is_long ? 8 + 4 + 296 : 4 + 2 + 104;

	if (is_long && array->short_pages_only)
		refuse(answer, 0x5, 0x20, 0x00);
	else if (command->out_len != len || page[0] != (is_long ? 0x6c : 0x2c) || common[33] != 0x02 ||
		 common[38 + path->lun] != 0x81)
		refuse(answer, 0x5, 0x26, 0x00);
	else
		array->owner = array_controller(path);
}

/* ---- commands ---------------------------------------------------------------------------------------------------- */

void array_execute(struct array *array, const struct dsm_path *path, const struct dsm_command *command,
		   struct array_answer *answer)
{
	const uint8_t *cdb = command->cdb;

	memset(answer, 0, sizeof(*answer));
	if (array->status) {
		answer->status = array->status;
		return;
	}
	if (tell_attention(array, path->index, answer))
		return;
	if (cdb[0] == 0x00) {
		if (array->tpgs && array->owner != array_controller(path))
			refuse(answer, 0x2, 0x04, 0x0b);
	} else if (cdb[0] == 0xa3 && (cdb[1] & 0x1f) == 0x0a && array->tpgs) {
		report_groups(array, command, answer);
	} else if (cdb[0] == 0xa4 && (cdb[1] & 0x1f) == 0x0a && array->tpgs) {
		set_groups(array, command, answer);
	} else if (cdb[0] == 0x12 && cdb[1] == 1 && cdb[2] == 0xc9 && !array->tpgs) {
		tell_owner(array, path, command, answer);
	} else if ((cdb[0] == 0x15 || cdb[0] == 0x55) && !array->tpgs) {
		move_ownership(array, path, command, answer);
	} else {
		array->unknown++;
		refuse(answer, 0x5, 0x20, 0x00);
	}
}
