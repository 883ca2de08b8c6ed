/*
 * Arrays with two controllers of which one owns a logical unit and alone serves it, and which say so in their own way
 * instead of ALUA: the RDAC family (Engenio, LSI; sold as IBM FAStT and DS3000-DS5000, as SGI, SUN, STK and DELL).
 *
 * Public facts that this rests on, as the rdac device handler of the Linux kernel has them:
 * - hardware IDs: its device list, and the built-in table of dm-multipath;
 * - a controller that does not own the LU answers reads and writes with 05/94/01;
 * - VPD page C9h ("vace"), byte 8: bit 0 this controller owns the LU, bit 7 the LU moves by itself (AVT);
 * - mode page 2Ch, redundant controller: mode 2 moves those LUs to the controller that gets the page whose entry in
 *   its LUN table is 81h. MODE SELECT(6) with a table of 32, or MODE SELECT(10) with subpage 1 and a table of 256;
 * - while it does, or a peer does: 02/04/A1, 02/A1/02, 06/8B/02 quiescence; 05/91/36 another such command is at work.
 *
 * An LU that reports ALUA (later firmware does) is left to the generic module.
 */
#include "dsm/module.h"

#include <stdatomic.h>
#include <string.h>

#define GOOD 0x00
#define VOLUME_ACCESS_CONTROL 0xc9
#define VACE_LEN 48
#define VACE_OWNER 0x01
#define VACE_AVT 0x80

#define MODE_SELECT_6 0x15
#define MODE_SELECT_10 0x55
#define REDUNDANT_CONTROLLER 0x2c /* 6Ch with a subpage */
#define COMMON_LEN 38 /* of the page: two serial numbers of 16, two modes of 2, timeout, options */
#define TRANSFER_LUS 0x02
#define QUIESCENCE_S 20
#define FORCED_QUIESCENCE 0x02
#define MOVE_THIS_LU 0x81
#define LUS_6 32
#define LUS_10 256
#define ATTEMPTS 5

struct array {
	_Atomic bool is_short; /* it takes the short form of the page */
};

/* clang-format off */
static const struct dsm_hardware hardware[] = {
	{ "IBM", "1722" },		/* FAStT600, DS4300 */
	{ "IBM", "1724" },		/* FAStT100, DS4100 */
	{ "IBM", "1726" },		/* DS3000, DS3200, DS3300, DS3400 */
	{ "IBM", "1742" },		/* FAStT700, FAStT900, DS4400, DS4500 */
	{ "IBM", "1745" },
	{ "IBM", "1746" },		/* DS3500, DS3512, DS3524 */
	{ "IBM", "1813" },		/* DCS3860 */
	{ "IBM", "1814" },		/* DS3950, DS4200, DS4700, DS5020 */
	{ "IBM", "1815" },		/* DS4800 */
	{ "IBM", "1818" },		/* DS5000, DS5100, DS5300, DCS3700 */
	{ "IBM", "3526" },		/* Netfinity Fibre Channel RAID */
	{ "IBM", "3542" },		/* FAStT200 */
	{ "IBM", "3552" },		/* FAStT500 */
	{ "DELL", "MD3" },		/* MD3000, MD3000i, MD32xx, MD36xx */
	{ "SGI", "TP9300" },		/* Total Performance */
	{ "SGI", "TP9400" },
	{ "SGI", "TP9500" },
	{ "SGI", "TP9700" },
	{ "SGI", "IS" },		/* InfiniteStorage */
	{ "STK", "OPENstorage" },
	{ "STK", "FLEXLINE 380" },
	{ "STK", "BladeCtlr" },
	{ "SUN", "CSM100_R" },		/* 6130 */
	{ "SUN", "CSM200_R" },		/* 6140 */
	{ "SUN", "LCSM100_" },		/* 2500 */
	{ "SUN", "STK6580_6780" },
	{ "SUN", "SUN_6180" },
	{ "SUN", "ArrayStorage" },
	{ "LSI", "INF-01-00" },		/* E-Series */
	{ "ENGENIO", "INF-01-00" },
	{ "NETAPP", "INF-01-00" },
	{ "LENOVO", "DE_Series" },
	{ "FUJITSU", "ETERNUS_AHB" },
};
/* clang-format on */

/* "Universal Xport" is the management LUN of such an array: no disk. */
static bool match(const struct dsm_inquiry *inquiry)
{
	return inquiry->tpgs == 0 && strcmp(inquiry->product, "Universal Xport") != 0;
}

static int attach(void *ctx, const struct dsm_inquiry *inquiry, struct dsm_traits *traits)
{
	(void)ctx;
	(void)inquiry;
	traits->policy = "round-robin"; /* over the owner's paths: the others are passive */
	traits->active_passive = true;
	traits->hold_s = 150; /* dm-multipath: no_path_retry 30, 5 s apart */
	traits->settle_s = 2 * QUIESCENCE_S;
	return 0;
}

/* ---- what an answer means ---------------------------------------------------------------------------------------- */

static bool has(const struct dsm_result *result, uint8_t key, uint8_t asc, uint8_t ascq)
{
	return result->has_sense && result->sense_key == key && result->asc == asc && result->ascq == ascq;
}

static bool is_quiescing(const struct dsm_result *result)
{
	return has(result, 0x2, 0x04, 0xa1) || has(result, 0x2, 0xa1, 0x02) || has(result, 0x6, 0x8b, 0x02);
}

static struct dsm_verdict interpret(void *ctx, const struct dsm_path *path, const struct dsm_result *result)
{
	static const struct dsm_verdict not_the_owner = { DSM_RETRY_GROUP, DSM_PATH_PASSIVE, DSM_DELAYED };
	static const struct dsm_verdict being_moved = { DSM_RETRY_SAME, DSM_PATH_TRANSITIONING, DSM_DELAYED };
	static const struct dsm_verdict generic = { .next = DSM_GENERIC };

	(void)ctx;
	(void)path;
	if (has(result, 0x5, 0x94, 0x01))
		return not_the_owner;
	return is_quiescing(result) ? being_moved : generic;
}

/* ---- verification ------------------------------------------------------------------------------------------------ */

/* TEST UNIT READY succeeds on both controllers; this page tells them apart. */
static const struct dsm_command inquire_owner = {
	.cdb = { 0x12, 1, VOLUME_ACCESS_CONTROL, 0, VACE_LEN },
	.cdb_len = 6,
	.in_len = VACE_LEN,
};

static enum dsm_health judge(void *ctx, const struct dsm_path *path, const struct dsm_result *result)
{
	(void)ctx;
	(void)path;
	if (is_quiescing(result))
		return DSM_HEALTH_AGAIN;
	if (result->status != GOOD)
		return DSM_HEALTH_DEFAULT;
	if (result->data_len < 9 || result->data[1] != VOLUME_ACCESS_CONTROL ||
	    memcmp(result->data + 4, "vace", 4) != 0)
		return DSM_HEALTH_FAILED;
	return result->data[8] & (VACE_OWNER | VACE_AVT) ? DSM_HEALTH_ACTIVE : DSM_HEALTH_PASSIVE;
}

/* ---- activation -------------------------------------------------------------------------------------------------- */

/* The page behind its header; `out` was zeroed, and the LUN has a place in the table. */
static void put_page(uint8_t *common, uint16_t lun)
{
	common[33] = TRANSFER_LUS;
	common[36] = QUIESCENCE_S;
	common[37] = FORCED_QUIESCENCE;
	common[COMMON_LEN + lun] = MOVE_THIS_LU;
}

static void mode_select_6(struct dsm_command *command, uint16_t lun)
{
	uint8_t *page = command->out + 4;

	page[0] = REDUNDANT_CONTROLLER;
	page[1] = 104;
	put_page(page + 2, lun);
	command->out_len = 4 + 2 + 104;
	command->cdb[0] = MODE_SELECT_6;
	command->cdb[4] = (uint8_t)command->out_len;
	command->cdb_len = 6;
}

static void mode_select_10(struct dsm_command *command, uint16_t lun)
{
	uint8_t *page = command->out + 8;

	page[0] = REDUNDANT_CONTROLLER | 0x40;
	page[1] = 1;
	page[2] = 296 >> 8;
	page[3] = 296 & 0xff;
	put_page(page + 4, lun);
	command->out_len = 8 + 4 + 296;
	command->cdb[0] = MODE_SELECT_10;
	command->cdb[7] = (uint8_t)(command->out_len >> 8);
	command->cdb[8] = (uint8_t)command->out_len;
	command->cdb_len = 10;
}

static bool is_passing(const struct dsm_result *result)
{
	static const uint16_t keys = 1u << 0x0 | 1u << 0x6 | 1u << 0xb;

	return is_quiescing(result) || has(result, 0x5, 0x91, 0x36) || has(result, 0x2, 0x04, 0x01) ||
	       (result->has_sense && keys >> result->sense_key & 1);
}

/* The long form first; an array that knows no more than 32 LUs refuses its CDB or its page, and gets the short one from
 * then on. */
static enum dsm_step activate(void *ctx, const struct dsm_path *path, unsigned step, const struct dsm_result *previous,
			      struct dsm_command *command)
{
	_Atomic bool *is_short = &((struct array *)ctx)->is_short;
	bool refused = step && previous->has_sense && previous->sense_key == 0x5 && !has(previous, 0x5, 0x91, 0x36);

	if (step && previous->status == GOOD)
		return DSM_STEP_DONE;
	if (refused && !*is_short)
		*is_short = true;
	else if (step >= ATTEMPTS || (step && !is_passing(previous)))
		return DSM_STEP_FAILED;
	if (path->lun >= (*is_short ? LUS_6 : LUS_10))
		return DSM_STEP_FAILED;
	if (*is_short)
		mode_select_6(command, path->lun);
	else
		mode_select_10(command, path->lun);
	return DSM_STEP_SEND;
}

const struct dsm_ops dsm_active_passive = {
	.abi = DSM_ABI,
	.size = sizeof(struct dsm_ops),
	.name = "active-passive",
	.summary = "two controllers, one of which owns the device, without ALUA (RDAC)",
	.version = "1",
	.hardware = hardware,
	.hardware_count = sizeof(hardware) / sizeof(hardware[0]),
	.match = match,
	.ctx_bytes = sizeof(struct array),
	.attach = attach,
	.interpret = interpret,
	.verify = DSM_VERIFY_OWN,
	.verify_command = &inquire_owner,
	.judge = judge,
	.activate = activate,
};
