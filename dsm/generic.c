/*
 * The generic DSM: any array that speaks SPC-3 or later. It is asked last and takes every device.
 *
 * The table is section 4 of the semantics as data: the first row that fits decides. ANY in a column fits everything.
 * Unit attentions that ask for another identification are not counted: until it is done a command goes over the other
 * paths, and may meet the same unit attention once on each of them. Nor are BUSY and TASK SET FULL: they are bounded by
 * time, since a few retries are soon used up by an array that is only busy.
 */
#include "dsm/module.h"

#define ANY 0x100

struct error_row {
	uint16_t status, key, asc, ascq;
	struct dsm_verdict verdict;
};

#define RETURN(flags_) { DSM_RETURN, DSM_PATH_KEEP, (flags_) }
#define SAME(flags_) { DSM_RETRY_SAME, DSM_PATH_KEEP, (flags_) }
#define OTHER(path_, flags_) { DSM_RETRY_OTHER, DSM_PATH_##path_, (flags_) }
#define GROUP(path_, flags_) { DSM_RETRY_GROUP, DSM_PATH_##path_, (flags_) }

static const struct error_row error_rows[] = {
	{ 0x02, 0x0, 0x00, 0x00, OTHER(SUSPECT, DSM_COUNTED) },
	{ 0x02, 0x2, 0x04, 0x01, SAME(DSM_COUNTED | DSM_DELAYED) }, /* becoming ready */
	{ 0x02, 0x2, 0x04, 0x02, RETURN(0) },		       /* needs START STOP UNIT: the host stopped it */
	{ 0x02, 0x2, 0x04, 0x03, OTHER(KEEP, DSM_COUNTED) },   /* controller update */
	{ 0x02, 0x2, 0x04, 0x0a, GROUP(TRANSITIONING, DSM_DELAYED | DSM_REFRESH) },
	{ 0x02, 0x2, 0x04, 0x0b, GROUP(PASSIVE, DSM_DELAYED | DSM_REFRESH) }, /* standby */
	{ 0x02, 0x2, 0x04, 0x0c, GROUP(PASSIVE, DSM_DELAYED | DSM_REFRESH) }, /* unavailable */
	{ 0x02, 0x2, 0x04, 0x14, RETURN(DSM_SPACE_EVENT) },
	{ 0x02, 0x2, 0x04, ANY, OTHER(SUSPECT, DSM_COUNTED) },
	{ 0x02, 0x6, 0x04, 0x0a, GROUP(TRANSITIONING, DSM_DELAYED | DSM_REFRESH) },
	{ 0x02, 0x6, 0x29, ANY, SAME(DSM_COUNTED | DSM_REFRESH) },
	{ 0x02, 0x6, 0x2a, 0x01, RETURN(DSM_TELL_HOSTS) },
	{ 0x02, 0x6, 0x2a, 0x06, SAME(DSM_REFRESH) },
	{ 0x02, 0x6, 0x2a, 0x07, SAME(DSM_REFRESH) },
	{ 0x02, 0x6, 0x2a, 0x09, SAME(DSM_REIDENTIFY) },
	{ 0x02, 0x6, 0x2f, 0x00, RETURN(DSM_TELL_HOSTS) },
	{ 0x02, 0x6, 0x38, 0x07, RETURN(DSM_SPACE_EVENT) },
	{ 0x02, 0x6, 0x3f, 0x03, SAME(DSM_REIDENTIFY) },
	{ 0x02, 0x6, 0x3f, 0x0e, SAME(DSM_REIDENTIFY) },
	{ 0x02, 0x6, ANY, ANY, SAME(DSM_COUNTED) },
	{ 0x02, 0x5, 0x25, 0x00, OTHER(FAILED, DSM_COUNTED | DSM_REIDENTIFY) },
	{ 0x02, 0x7, 0x27, ANY, RETURN(DSM_SPACE_EVENT) },
	{ 0x02, 0xb, 0x10, ANY, RETURN(0) }, /* protection information */
	{ 0x02, 0xb, ANY, ANY, { DSM_RETRY_SAME_ONCE, DSM_PATH_SUSPECT, DSM_COUNTED } },
	{ 0x02, 0x4, ANY, ANY, OTHER(SUSPECT, DSM_COUNTED | DSM_ONCE) },
	{ 0x02, ANY, ANY, ANY, RETURN(0) }, /* a device-class error never fails a path */
	{ 0x08, ANY, ANY, ANY, SAME(DSM_DELAYED | DSM_CUT_QUEUE) }, /* BUSY */
	{ 0x28, ANY, ANY, ANY, SAME(DSM_DELAYED | DSM_CUT_QUEUE) }, /* TASK SET FULL */
	{ 0x18, ANY, ANY, ANY, RETURN(0) },	       /* RESERVATION CONFLICT */
	{ 0x40, ANY, ANY, ANY, OTHER(KEEP, DSM_COUNTED) }, /* TASK ABORTED */
	{ ANY, ANY, ANY, ANY, OTHER(SUSPECT, DSM_COUNTED | DSM_ONCE) },
};

static bool fits(uint16_t pattern, uint8_t value)
{
	return pattern == ANY || pattern == value;
}

static struct dsm_verdict generic_interpret(void *ctx, const struct dsm_path *path, const struct dsm_result *result)
{
	struct dsm_result r = *result;
	const struct error_row *row = error_rows;

	(void)ctx;
	(void)path;
	if (!r.has_sense)
		r.sense_key = r.asc = r.ascq = 0;
	while (!(fits(row->status, r.status) && fits(row->key, r.sense_key) && fits(row->asc, r.asc) &&
		 fits(row->ascq, r.ascq)))
		row++; /* the last row fits everything */
	return row->verdict;
}

static bool generic_match(const struct dsm_inquiry *inquiry)
{
	(void)inquiry;
	return true;
}

const struct dsm_ops dsm_generic = {
	.abi = DSM_ABI,
	.size = sizeof(struct dsm_ops),
	.name = "generic",
	.summary = "any SPC-3 array, with or without ALUA",
	.version = "1",
	.match = generic_match,
	.interpret = generic_interpret,
};
