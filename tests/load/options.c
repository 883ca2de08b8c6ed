#include "tests/load/options.h"

#include "gateway/base/memory.h"
#include "gateway/base/net.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <iscsi/iscsi.h>

enum value {
	VALUE_FLAG,
	VALUE_NUMBER,
	VALUE_SIZE, /* with k, m, g, t */
	VALUE_SECONDS, /* with fraction; kept as microseconds */
	VALUE_TEXT,
	VALUE_OTHER, /* has its own parser */
};

static int parse_url(struct options *options, const char *text);
static int parse_mix(struct options *options, const char *text);
static int parse_sizes(struct options *options, const char *text);
static int parse_report(struct options *options, const char *text);

static const struct option_info {
	const char *name, *argument, *initial, *help;
	enum value value;
	size_t offset; /* of its field in struct options */
	uint64_t min, max;
	int (*parse)(struct options *options, const char *text);
} table[] = {
#define FLAG(field) .value = VALUE_FLAG, .offset = offsetof(struct options, field)
#define TEXT(field) .value = VALUE_TEXT, .offset = offsetof(struct options, field)
#define SECONDS(field) .value = VALUE_SECONDS, .offset = offsetof(struct options, field), .max = 86400
#define NUMBER(field, low, high)                                                                                       \
	.value = VALUE_NUMBER, .offset = offsetof(struct options, field), .min = (low), .max = (high)
#define SIZE(field, high) .value = VALUE_SIZE, .offset = offsetof(struct options, field), .max = (high)
#define OTHER(function) .value = VALUE_OTHER, .parse = (function)
	{ "url", "URL", NULL, "iscsi://[USER%SECRET@]ADDRESS[:PORT]/IQN/LUN; may be given again: sessions take turns",
	  OTHER(parse_url) },
	{ "sessions", "N", "1", "sessions", NUMBER(sessions, 1, SESSIONS_MAX) },
	{ "depth", "N", "16", "I/Os in flight a session", NUMBER(depth, 1, DEPTH_MAX) },
	{ "seconds", "N", "10", "how long", NUMBER(seconds, 0, 10000000) },
	{ "mix", "OP=N,...", "read=60,write=35,flush=1", "shares of read, write, fua, compare, flush, tur",
	  OTHER(parse_mix) },
	{ "sizes", "N,...", "4k,64k", "I/O sizes, rounded up to whole blocks", OTHER(parse_sizes) },
	{ "region", "BYTES", "0", "how much of the logical unit is used; 0: all, at most 1g",
	  SIZE(region, UINT64_C(1) << 50) },
	{ "offset", "BYTES", "0", "where that begins", SIZE(offset, UINT64_C(1) << 62) },
	{ "seed", "N", "0", "of the choice of I/Os; 0: at random", NUMBER(seed, 0, INT64_MAX) },
	{ "rate", "N", "0", "at most N I/Os a second; 0: no limit", NUMBER(rate, 0, 100000000) },
	{ "state", "FILE", NULL, "what was written: read at the start when it exists, saved at the end", TEXT(state) },
	{ "report", "text|json", "text", "form of the report on standard output", OTHER(parse_report) },
	{ "reconnect", NULL, NULL, "log in again when a connection is lost, and go on", FLAG(reconnect) },
	{ "timeout", "S", "60", "drop a connection that leaves a command unanswered; 0: never", SECONDS(timeout_us) },
	{ "max-stall", "S", "0", "fail when an I/O takes longer, reconnects included; 0: no limit",
	  SECONDS(max_stall_us) },
	{ "verify-only", NULL, NULL, "write nothing, check what the state says", FLAG(verify_only) },
	{ "no-verify", NULL, NULL, "leave out the check of everything at the end", FLAG(no_verify) },
	{ "initiator", "IQN", "iqn.2026-11.org.example:load", "our name", TEXT(initiator) },
	{ "verbose", NULL, NULL, "log what the sessions do", FLAG(verbose) },
};

#define OPTION_COUNT (sizeof(table) / sizeof(table[0]))

static int parse_number(const char *text, uint64_t min, uint64_t max, bool suffixes, uint64_t *number)
{
	static const char units[] = "kmgt";
	const char *unit;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	*number = strtoull(text, &end, 0);
	if (errno)
		return -EINVAL;
	if (*end && suffixes && (unit = strchr(units, *end | 0x20))) {
		unsigned shift = 10 * (unsigned)(unit - units + 1);

		if (*number > UINT64_MAX >> shift)
			return -EINVAL;
		*number <<= shift;
		end++;
	}
	return *end || *number < min || *number > max ? -EINVAL : 0;
}

static int parse_url(struct options *options, const char *text)
{
	struct iscsi_context *iscsi;
	struct iscsi_url *url;
	struct net_address address;

	if (options->url_count == URLS_MAX)
		return -EINVAL;
	iscsi = iscsi_create_context("iqn.2026-11.org.example:url"); /* for its messages only */
	if (!iscsi)
		return -ENOMEM;
	url = iscsi_parse_full_url(iscsi, text);
	if (url)
		url->iscsi = NULL;
	iscsi_destroy_context(iscsi);
	if (!url)
		return -EINVAL;
	options->urls[options->url_count++] = url;
	/* a name would be looked up on the loop */
	return net_parse(url->portal, 3260, &address) < 0 || url->lun < 0 || url->lun > 16383 ? -EINVAL : 0;
}

/* Calls fn for every piece of a list with commas. */
static int each_piece(struct options *options, const char *text, int (*fn)(struct options *options, char *piece))
{
	char *copy = xstrdup(text), *rest = copy, *piece;
	int rc = 0;

	while (rc == 0 && (piece = strsep(&rest, ",")))
		rc = fn(options, piece);
	free(copy);
	return rc;
}

static int parse_share(struct options *options, char *piece)
{
	char *equals = strchr(piece, '=');
	int op;

	if (!equals)
		return -EINVAL;
	*equals = '\0';
	op = op_parse(piece);
	if (op < 0 || parse_number(equals + 1, 0, 1000000, false, &options->weights[op]) < 0)
		return -EINVAL;
	options->weight_sum += options->weights[op];
	return 0;
}

static int parse_mix(struct options *options, const char *text)
{
	int rc;

	memset(options->weights, 0, sizeof(options->weights));
	options->weight_sum = 0;
	rc = each_piece(options, text, parse_share);
	return rc < 0 || !options->weight_sum ? -EINVAL : 0;
}

static int parse_one_size(struct options *options, char *piece)
{
	if (options->size_count == SIZES_MAX)
		return -EINVAL;
	return parse_number(piece, 1, SIZE_MAX_BYTES, true, &options->sizes[options->size_count++]);
}

static int parse_sizes(struct options *options, const char *text)
{
	options->size_count = 0;
	return each_piece(options, text, parse_one_size);
}

static int parse_report(struct options *options, const char *text)
{
	options->json = strcmp(text, "json") == 0;
	return options->json || strcmp(text, "text") == 0 ? 0 : -EINVAL;
}

static int parse_seconds(const char *text, uint64_t max, uint64_t *us)
{
	char *end;
	double seconds = strtod(text, &end);

	if (*end || end == text || !(seconds >= 0 && seconds <= (double)max))
		return -EINVAL;
	*us = (uint64_t)(seconds * 1e6);
	return 0;
}

static int option_set(struct options *options, const struct option_info *info, const char *text)
{
	void *field = (char *)options + info->offset;

	switch (info->value) {
	case VALUE_FLAG:
		*(bool *)field = true;
		return 0;
	case VALUE_NUMBER:
	case VALUE_SIZE:
		return parse_number(text, info->min, info->max, info->value == VALUE_SIZE, field);
	case VALUE_SECONDS:
		return parse_seconds(text, info->max, field);
	case VALUE_TEXT:
		*(const char **)field = text;
		return 0;
	default:
		return info->parse(options, text);
	}
}

static void print_help(void)
{
	puts("braid-load: reads and writes logical units over iSCSI, and checks every block that comes back.\n");
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		char head[64];

		snprintf(head, sizeof(head), "--%s %s", table[i].name, table[i].argument ? table[i].argument : "");
		printf("  %-22s %s", head, table[i].help);
		printf(table[i].initial ? " (%s)\n" : "\n", table[i].initial);
	}
	puts("\nExit status: 0 when nothing was wrong, lost, failed or stalled; 1 when something was; 2: bad usage.\n"
	     "SIGTERM ends the load early: what is in flight is waited for, the state saved, the report written.");
}

static int options_check(struct options *options)
{
	const char *problem = NULL;

	if (!options->url_count)
		problem = "--url is missing";
	else if (options->verify_only && !options->state)
		problem = "--verify-only needs --state";
	else if (options->verify_only && options->no_verify)
		problem = "--verify-only and --no-verify exclude each other";
	if (!problem)
		return 0;
	fprintf(stderr, "braid-load: %s\n", problem);
	return -EINVAL;
}

/* Indexes of the table are the values that getopt_long() returns, from FIRST_VALUE on. */
enum { FIRST_VALUE = 256, VALUE_HELP = 254, VALUE_VERSION = 255 };

static void long_options(struct option *getopt_table)
{
	for (size_t i = 0; i < OPTION_COUNT; i++)
		*getopt_table++ = (struct option){ table[i].name, table[i].argument ? required_argument : no_argument,
						   NULL, FIRST_VALUE + (int)i };
	*getopt_table++ = (struct option){ "help", no_argument, NULL, VALUE_HELP };
	*getopt_table++ = (struct option){ "version", no_argument, NULL, VALUE_VERSION };
	*getopt_table = (struct option){ 0 };
}

int options_parse(struct options *options, int argc, char **argv)
{
	struct option getopt_table[OPTION_COUNT + 3];
	int value;

	*options = (struct options){ 0 };
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (table[i].initial)
			option_set(options, &table[i], table[i].initial);
	long_options(getopt_table);
	while ((value = getopt_long(argc, argv, "", getopt_table, NULL)) != -1) {
		if (value == VALUE_HELP) {
			print_help();
			return 1;
		}
		if (value == VALUE_VERSION) {
			puts("braid-load " BRAID_VERSION);
			return 1;
		}
		if (value < FIRST_VALUE)
			return -EINVAL;
		if (option_set(options, &table[value - FIRST_VALUE], optarg) < 0) {
			fprintf(stderr, "braid-load: --%s: \"%s\" will not do\n", table[value - FIRST_VALUE].name,
				optarg);
			return -EINVAL;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "braid-load: \"%s\" is not an option\n", argv[optind]);
		return -EINVAL;
	}
	if (!options->seed && getrandom(&options->seed, sizeof(options->seed), 0) < 0)
		options->seed = (uint64_t)getpid();
	options->seed &= INT64_MAX; /* what JSON can say */
	return options_check(options);
}

void options_done(struct options *options)
{
	for (size_t i = 0; i < options->url_count; i++)
		iscsi_destroy_url(options->urls[i]);
	options->url_count = 0;
}
