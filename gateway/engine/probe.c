#include "gateway/engine/probe.h"

#include "gateway/base/bytes.h"
#include "gateway/base/memory.h"
#include "gateway/engine/alua.h"
#include "gateway/engine/inventory.h"
#include "gateway/engine/lane.h"
#include "gateway/engine/watch.h"
#include "gateway/engine/worker.h"

#include <stdlib.h>
#include <string.h>

#define PROBE_BUFFER 8192 /* 1,023 LUNs */
#define PROBE_TRIES 16 /* of one command: several unit attentions may be queued, or the array not ready yet */
#define PROBE_PAUSE_US (100 * US_PER_MS)

#define CAPACITY_UNREADABLE "its capacity cannot be read"

struct probe {
	struct lane *lane;
	struct inventory *inventory;
	uint16_t luns[INVENTORY_LUNS_MAX];
	unsigned lun_count, lun_index;
	struct lu_info *lu; /* being filled; the last of inventory */
	const struct probe_step *step;
	unsigned tries;
	struct timer pause;
	uint8_t buffer[PROBE_BUFFER];
};

/* One question. done() gets the answer's bytes, or len 0 when the array refused the command for good; it names the
 * next step, NULL: this LU is finished. */
struct probe_step {
	uint8_t cdb[SCSI_CDB_MAX];
	unsigned cdb_len;
	uint32_t alloc;
	const struct probe_step *(*done)(struct probe *probe, const uint8_t *data, size_t len);
};

static const struct probe_step *on_luns(struct probe *probe, const uint8_t *data, size_t len);
static const struct probe_step *on_standard(struct probe *probe, const uint8_t *data, size_t len);
static const struct probe_step *on_designators(struct probe *probe, const uint8_t *data, size_t len);
static const struct probe_step *on_serial(struct probe *probe, const uint8_t *data, size_t len);
static const struct probe_step *on_capacity16(struct probe *probe, const uint8_t *data, size_t len);
static const struct probe_step *on_capacity10(struct probe *probe, const uint8_t *data, size_t len);

/* SPC-4 6.33 REPORT LUNS, 6.6 INQUIRY; SBC-3 5.15, 5.16 READ CAPACITY */
static const struct probe_step step_luns = { { 0xa0, [8] = 0x20 }, 12, PROBE_BUFFER, on_luns };
static const struct probe_step step_standard = { { 0x12, [4] = LU_STANDARD_MAX }, 6, LU_STANDARD_MAX, on_standard };
static const struct probe_step step_designators = {
	{ 0x12, 1, 0x83, LU_VPD83_MAX >> 8, 0 }, 6, LU_VPD83_MAX, on_designators
};
static const struct probe_step step_serial = { { 0x12, 1, 0x80, 0, 255 }, 6, 255, on_serial };
static const struct probe_step step_capacity16 = { { 0x9e, 0x10, [13] = 32 }, 16, 32, on_capacity16 };
static const struct probe_step step_capacity10 = { { 0x25 }, 10, 8, on_capacity10 };

static void probe_send(struct probe *probe);

/* The next question of this LU, or the next LU, or the end. */
static void probe_go_on(struct probe *probe, const struct probe_step *next)
{
	if (!next) {
		if (probe->lun_index == probe->lun_count) {
			struct inventory *inventory = probe->inventory;

			probe->inventory = NULL;
			lane_probed(probe->lane, inventory); /* destroys the probe */
			return;
		}
		next = &step_standard;
		probe->lun_index++;
	}
	probe->step = next;
	probe->tries = 0;
	probe_send(probe);
}

static bool has_sense(const struct xfer *xfer, enum sense_key key)
{
	bool descriptor = (xfer->sense[0] & 0x7e) == 0x72;

	return xfer->status == SCSI_CHECK_CONDITION && xfer->sense_len > 2 &&
	       (xfer->sense[descriptor ? 1 : 2] & 0xf) == (unsigned)key;
}

/* A unit attention that is reported to the probe is reported to nobody else: 3F/03 and 3F/0E say that what was asked
 * before may have changed since (row D4). */
static bool tells_of_change(const struct xfer *xfer)
{
	bool descriptor = (xfer->sense[0] & 0x7e) == 0x72;
	unsigned at = descriptor ? 2 : 12;

	if (!has_sense(xfer, SENSE_UNIT_ATTENTION) || xfer->sense_len < at + 2)
		return false;
	return xfer->sense[at] == 0x3f && (xfer->sense[at + 1] == 0x03 || xfer->sense[at + 1] == 0x0e);
}

/* The same goes for those after which a path's key may be gone (row E13). */
static void tell_path(const struct probe *probe, const struct xfer *xfer)
{
	struct dsm_result result = path_result(xfer);
	struct path *path;

	if (!probe->lun_index)
		return;
	list_for_each(path, &probe->lane->paths, lane_link)
		if (path->core->lun == probe->luns[probe->lun_index - 1])
			path_check_key(path, &result);
}

/* Standby or unavailable: the medium is not accessible over this port for as long as that lasts (SPC-4 5.16.2.4). */
static bool is_passive(const struct xfer *xfer)
{
	struct dsm_result result = path_result(xfer);

	return result.has_sense && result.sense_key == SENSE_NOT_READY && result.asc == 0x04 &&
	       (result.ascq == 0x0b || result.ascq == 0x0c);
}

static bool asks_for_capacity(const struct probe *probe)
{
	return probe->step == &step_capacity16 || probe->step == &step_capacity10;
}

/* The array is not ready to answer: a later probe will ask again. An LU whose identity is known in part only is left
 * out, since what is missing would make another device of it. */
static void probe_give_up(struct probe *probe)
{
	probe->inventory->incomplete = true;
	if (probe->step == &step_designators || probe->step == &step_serial)
		probe->inventory->count--;
	else if (asks_for_capacity(probe))
		probe->lu->problem = CAPACITY_UNREADABLE;
	probe_go_on(probe, NULL);
}

static void on_answer(void *arg, const struct xfer *xfer)
{
	struct probe *probe = arg;
	size_t len = xfer->transfer < xfer->len ? xfer->transfer : xfer->len;

	if (tells_of_change(xfer))
		lane_reidentify(probe->lane);
	tell_path(probe, xfer);
	if (xfer->status == SCSI_GOOD || has_sense(xfer, SENSE_ILLEGAL_REQUEST)) {
		probe_go_on(probe, probe->step->done(probe, probe->buffer, xfer->status == SCSI_GOOD ? len : 0));
	} else if (asks_for_capacity(probe) && is_passive(xfer)) {
		probe->lu->is_passive = true;
		probe->lu->problem = CAPACITY_UNREADABLE;
		probe_go_on(probe, NULL);
	} else if (++probe->tries < PROBE_TRIES) {
		bool at_once = xfer->status == SCSI_CHECK_CONDITION && probe->tries < PROBE_TRIES / 2;

		timer_arm(&probe->pause, at_once ? 0 : PROBE_PAUSE_US);
	} else {
		probe_give_up(probe);
	}
}

static void on_pause(void *arg)
{
	probe_send(arg);
}

static void probe_send(struct probe *probe)
{
	const struct probe_step *step = probe->step;
	uint8_t cdb[SCSI_CDB_MAX];

	memcpy(cdb, step->cdb, sizeof(cdb));
	if (!slot_command(probe->lane, probe->lun_index ? probe->luns[probe->lun_index - 1] : 0, cdb, step->cdb_len,
			  SCSI_DIR_IN, probe->buffer, step->alloc, on_answer, probe))
		timer_arm(&probe->pause, PROBE_PAUSE_US);
}

/* The LUN numbers that the gateway can address: peripheral and flat space addressing (SAM-5 4.7.7). */
static bool lun_decode(const uint8_t *field, uint16_t *lun)
{
	unsigned method = field[0] >> 6;

	if (get_be16(field + 2) || get_be32(field + 4) || (method != 0 && method != 1) || (method == 0 && field[0]))
		return false;
	*lun = get_be16(field) & 0x3fff;
	return true;
}

static int compare_luns(const void *a, const void *b)
{
	return (int)*(const uint16_t *)a - (int)*(const uint16_t *)b;
}

static const struct probe_step *on_luns(struct probe *probe, const uint8_t *data, size_t len)
{
	size_t list = len >= 8 ? get_be32(data) : 0;

	watch_luns_told(probe->lane, data, len);
	if (len < 8) {
		/* an array that refuses REPORT LUNS at LUN 0 may still have a disk there */
		probe->luns[probe->lun_count++] = 0;
		return NULL;
	}
	if (list > len - 8)
		list = len - 8;
	for (size_t at = 8; at + 8 <= 8 + list && probe->lun_count < INVENTORY_LUNS_MAX; at += 8)
		if (lun_decode(data + at, &probe->luns[probe->lun_count]))
			probe->lun_count++;
	qsort(probe->luns, probe->lun_count, sizeof(probe->luns[0]), compare_luns);
	unsigned kept = 0;
	for (unsigned i = 0; i < probe->lun_count; i++) /* an array that lists a LUN twice has it once */
		if (!i || probe->luns[i] != probe->luns[i - 1])
			probe->luns[kept++] = probe->luns[i];
	probe->lun_count = kept;
	return NULL;
}

/* Copies a padded ASCII field without its padding. */
static void trim(char *out, const uint8_t *field, size_t len)
{
	while (len && (field[len - 1] == ' ' || field[len - 1] == '\0'))
		len--;
	for (size_t i = 0; i < len; i++)
		out[i] = field[i] >= 0x20 && field[i] < 0x7f ? (char)field[i] : ' ';
	out[len] = '\0';
}

static const struct probe_step *on_standard(struct probe *probe, const uint8_t *data, size_t len)
{
	struct lu_info *lu;

	if (len < 36 || data[0] != 0) /* qualifier 0 (connected), type 0 (disk); nothing else concerns us */
		return NULL;
	lu = probe->lu = inventory_add(probe->inventory);
	lu->lun = probe->luns[probe->lun_index - 1];
	lu->standard_len = (unsigned)(len < LU_STANDARD_MAX ? len : LU_STANDARD_MAX);
	memcpy(lu->standard, data, lu->standard_len);
	trim(lu->vendor, data + 8, 8);
	trim(lu->product, data + 16, 16);
	trim(lu->revision, data + 32, 4);
	lu->tpgs = (data[5] >> 4) & 3;
	return &step_designators;
}

static const struct probe_step *on_designators(struct probe *probe, const uint8_t *data, size_t len)
{
	struct lu_info *lu = probe->lu;

	if (len) {
		identity_from_vpd83(data, len, &lu->identity);
		lu->vpd83_len = (unsigned)(len < LU_VPD83_MAX ? len : LU_VPD83_MAX);
		memcpy(lu->vpd83, data, lu->vpd83_len);
		lu->port_group = alua_port_group(data, len);
	}
	return &step_serial;
}

/* A designator of the target device is the same for all of its logical units: it would merge different disks. */
static bool identifies_lu(const struct identity *identity)
{
	return identity->kind == IDENTITY_SERIAL ||
	       (identity->kind == IDENTITY_DESIGNATOR && identity->association == 0);
}

static const struct probe_step *on_serial(struct probe *probe, const uint8_t *data, size_t len)
{
	struct lu_info *lu = probe->lu;

	if (len >= 4 && data[1] == 0x80) {
		size_t n = data[3] < len - 4 ? data[3] : len - 4;
		size_t skip = 0;

		while (skip < n && data[4 + skip] == ' ') /* shown without the leading padding that some arrays use */
			skip++;
		n -= skip;
		trim(lu->serial, data + 4 + skip, n < sizeof(lu->serial) - 1 ? n : sizeof(lu->serial) - 1);
		if (!identifies_lu(&lu->identity))
			identity_from_vpd80(data, len, lu->standard + 8, &lu->identity);
	}
	if (!identifies_lu(&lu->identity)) {
		lu->identity.kind = IDENTITY_NONE;
		lu->problem = "it has neither a designator of its own (VPD page 83h) nor a serial number (page 80h)";
	}
	return &step_capacity16;
}

/* last is all ones in its field when the array cannot tell. */
static void set_capacity(struct lu_info *lu, uint64_t last, uint64_t unknown, uint32_t block_size)
{
	if (last == unknown) {
		lu->problem = CAPACITY_UNREADABLE;
		return;
	}
	lu->blocks = last + 1;
	lu->block_size = block_size;
	if (block_size != 512 && block_size != 4096)
		lu->problem = "its block size is neither 512 nor 4096 bytes";
}

static const struct probe_step *on_capacity16(struct probe *probe, const uint8_t *data, size_t len)
{
	if (len < 12)
		return &step_capacity10;
	set_capacity(probe->lu, get_be64(data), UINT64_MAX, get_be32(data + 8));
	return NULL;
}

static const struct probe_step *on_capacity10(struct probe *probe, const uint8_t *data, size_t len)
{
	if (len < 8)
		probe->lu->problem = CAPACITY_UNREADABLE;
	else
		set_capacity(probe->lu, get_be32(data), UINT32_MAX, get_be32(data + 4));
	return NULL;
}

struct probe *probe_start(struct lane *lane)
{
	struct probe *probe = xcalloc(1, sizeof(*probe));

	probe->lane = lane;
	probe->inventory = inventory_create();
	probe->step = &step_luns;
	timer_init(&probe->pause, loop_clock(lane->worker->loop), on_pause, probe);
	probe_send(probe);
	return probe;
}

void probe_destroy(struct probe *probe)
{
	if (!probe)
		return;
	timer_stop(&probe->pause);
	inventory_destroy(probe->inventory);
	free(probe);
}
