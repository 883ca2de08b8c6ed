/*
 * braid-stale - does an old write come down upon a newer one? Round after round, with its timing from a seed.
 *
 * A round: some writes stand still inside the array, each for a time of its own; the link that carried them is cut on
 * its way to the gateway, so that the array does not know; the gateway sends them over another path; the host writes
 * the same blocks again; what still stands still is let go, now or already at any moment since the cut. Then every
 * block must hold what was written last. Between rounds the I/O goes where it went, so the links are cut in turn.
 *
 * The cut is an nftables rule in a chain of the caller's for the portal's port (tests/lib/scenario.sh). Prints the
 * figures as one line of JSON; exits with 1 when a command failed or a block is stale.
 */
#include "gateway/base/bytes.h"
#include "gateway/base/clock.h"
#include "gateway/base/memory.h"
#include "tests/load/array_client.h"
#include "tests/load/rng.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BLOCK 512
#define WRITES_MAX 32
#define PORTALS_MAX 32
#define PATIENCE_US (60 * US_PER_S) /* for one step: longer than any fence */
#define HELD_US (2 * US_PER_S) /* for the writes to reach the array */

struct options {
	const char *url, *control, *table; /* nftables: inet TABLE, with a chain port_PORT */
	unsigned ports[PORTALS_MAX], port_count;
	uint64_t rounds, seed;
	unsigned writes; /* a round */
	unsigned delay_ms; /* the longest that a write stands still by itself; 0: until it is let go */
	bool late; /* it comes down even if the array has ended its session */
	unsigned silent; /* one cut in so many is silence, not a reset; 0: none */
};

struct figures {
	uint64_t rounds, failed, stale;
	uint64_t inside; /* writes that the array had not carried out when the link was cut */
	uint64_t let_go; /* let go after the host had written again: what the fence had not ended */
	uint64_t raced; /* let go between the cut and the new write */
	uint64_t longest_us;
};

struct host_write {
	struct stale *stale;
	uint64_t lba, stamp, started_us;
	bool ended;
	uint8_t data[BLOCK];
};

struct stale {
	struct options options;
	struct figures figures;
	struct array_client array;
	struct iscsi_context *iscsi;
	int lun;
	struct rng rng;
	uint64_t stamp;
	unsigned pending; /* commands */
	struct host_write writes[WRITES_MAX];
	char error[256];
};

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * US_PER_S + (uint64_t)now.tv_nsec / 1000;
}

static int wrong(struct stale *stale, const char *what, const char *why)
{
	snprintf(stale->error, sizeof(stale->error), "%.40s: %.200s", what, why);
	return -EIO;
}

/* ---- the host ---------------------------------------------------------------------------------------------------- */

/* Serves the session for so long, or until nothing is pending. 0 or -errno. */
static int serve(struct stale *stale, uint64_t us, bool until_idle)
{
	uint64_t end = now_us() + us, now;

	while ((now = now_us()) < end && !(until_idle && !stale->pending)) {
		struct pollfd fd = { iscsi_get_fd(stale->iscsi), (short)iscsi_which_events(stale->iscsi), 0 };
		struct timespec wait = { (time_t)((end - now) / US_PER_S), (long)((end - now) % US_PER_S * 1000) };

		if (ppoll(&fd, 1, &wait, NULL) < 0 && errno != EINTR)
			return -errno;
		if (iscsi_service(stale->iscsi, fd.revents))
			return wrong(stale, "the host's session", iscsi_get_error(stale->iscsi));
	}
	return until_idle && stale->pending ? wrong(stale, "a command of the host", "it does not end") : 0;
}

static void on_written(struct iscsi_context *iscsi, int status, void *command, void *arg)
{
	struct host_write *write = arg;
	struct stale *stale = write->stale;
	uint64_t took = now_us() - write->started_us;

	stale->pending--;
	write->ended = true;
	if (status != SCSI_STATUS_GOOD) {
		stale->figures.failed++;
		fprintf(stderr, "a write of block %" PRIu64 " ended with status %d: %s\n", write->lba, status,
			iscsi_get_error(iscsi));
	}
	if (took > stale->figures.longest_us)
		stale->figures.longest_us = took;
	scsi_free_scsi_task(command);
}

/* Every block of the round gets a new stamp. */
static int submit_writes(struct stale *stale)
{
	for (unsigned i = 0; i < stale->options.writes; i++) {
		struct host_write *write = &stale->writes[i];

		write->stale = stale;
		write->lba = i;
		write->stamp = ++stale->stamp;
		write->started_us = now_us();
		write->ended = false;
		for (unsigned at = 0; at < BLOCK; at += 8)
			put_be64(write->data + at, write->stamp);
		if (!iscsi_write16_task(stale->iscsi, stale->lun, write->lba, write->data, BLOCK, BLOCK, 0, 0, 0, 0, 0,
					on_written, write))
			return wrong(stale, "write", iscsi_get_error(stale->iscsi));
		stale->pending++;
	}
	return 0;
}

static void on_read(struct iscsi_context *iscsi, int status, void *command, void *arg)
{
	struct host_write *write = arg;
	struct stale *stale = write->stale;
	const struct scsi_task *task = command;

	stale->pending--;
	if (status != SCSI_STATUS_GOOD || task->datain.size != BLOCK) {
		stale->figures.failed++;
		fprintf(stderr, "a read of block %" PRIu64 " ended with status %d: %s\n", write->lba, status,
			iscsi_get_error(iscsi));
	} else if (memcmp(task->datain.data, write->data, BLOCK) != 0) {
		stale->figures.stale++;
	}
	scsi_free_scsi_task(command);
}

static int submit_read(struct stale *stale, struct host_write *write)
{
	if (!iscsi_read16_task(stale->iscsi, stale->lun, write->lba, BLOCK, BLOCK, 0, 0, 0, 0, 0, on_read, write))
		return wrong(stale, "read", iscsi_get_error(stale->iscsi));
	stale->pending++;
	return 0;
}

static int check_blocks(struct stale *stale)
{
	int err = 0;

	for (unsigned i = 0; i < stale->options.writes && !err; i++)
		err = submit_read(stale, &stale->writes[i]);
	return err ? err : serve(stale, PATIENCE_US, true);
}

/* Commands that only have to go over the wire: what they read is of no interest yet. */
static void on_trigger(struct iscsi_context *iscsi, int status, void *command, void *arg)
{
	struct stale *stale = arg;

	(void)iscsi;
	stale->pending--;
	stale->figures.failed += status != SCSI_STATUS_GOOD;
	scsi_free_scsi_task(command);
}

static int submit_trigger(struct stale *stale)
{
	if (!iscsi_read16_task(stale->iscsi, stale->lun, WRITES_MAX, BLOCK, BLOCK, 0, 0, 0, 0, 0, on_trigger, stale))
		return wrong(stale, "read", iscsi_get_error(stale->iscsi));
	stale->pending++;
	return 0;
}

/* ---- the array --------------------------------------------------------------------------------------------------- */

#define ask(stale, ...)                                                                                                \
	(array_client_send(&(stale)->array, __VA_ARGS__) ? wrong((stale), "array", (stale)->array.answer) : 0)

/* The next writes stand still, each under a rule of its own. */
static int arm_array(struct stale *stale)
{
	const struct options *options = &stale->options;
	int err = ask(stale, "fault clear");

	for (unsigned i = 0; i < options->writes && !err; i++) {
		if (options->delay_ms && (options->late || rng_below(&stale->rng, 2)))
			err = ask(stale, "fault add opcode=write count=1 late=%d action=delay:%u", options->late,
				  (unsigned)rng_below(&stale->rng, options->delay_ms));
		else
			err = ask(stale, "fault add opcode=write count=1 late=%d action=hang", options->late);
	}
	return err ? err : ask(stale, "stats reset");
}

/* The number after `name` in the array's last answer, from `text` on; 0: it is not there. */
static unsigned answered(const char *text, const char *name)
{
	const char *at = text ? strstr(text, name) : NULL;

	return at ? (unsigned)strtoul(at + strlen(name), NULL, 10) : 0;
}

/* Waits until all the writes have arrived, and finds the portal that they came over. */
static int find_portal(struct stale *stale, unsigned *portal)
{
	uint64_t end = now_us() + HELD_US;

	do {
		int err = serve(stale, 200, false);

		if (!err)
			err = ask(stale, "stats");
		if (err)
			return err;
		for (const char *line = stale->array.answer; *line; line = strchr(line, '\n') + 1) {
			*portal = answered(line, "portal=");
			if (answered(line, "faults=") == stale->options.writes)
				return *portal < stale->options.port_count ? 0 : -ERANGE;
		}
	} while (now_us() < end);
	return wrong(stale, "array", "the writes have not all arrived over one portal");
}

static int let_go(struct stale *stale, uint64_t *count)
{
	int err = ask(stale, "fault release");

	if (!err)
		*count += answered(stale->array.answer, "released=");
	return err;
}

static int count_held(struct stale *stale)
{
	int err = ask(stale, "fault list");
	const char *last = strstr(stale->array.answer, "\nheld=");

	if (!err)
		stale->figures.inside += answered(last ? last : stale->array.answer, "held=");
	return err;
}

/* ---- the network ------------------------------------------------------------------------------------------------- */

/* Exactly these rules for the portal. */
static int set_rules(struct stale *stale, unsigned port, const char *const *rules)
{
	const char *table = stale->options.table;
	FILE *nft = popen("nft -f -", "w");

	if (!nft)
		return wrong(stale, "nft", strerror(errno));
	fprintf(nft, "flush chain inet %s port_%u\n", table, port);
	for (; *rules; rules++)
		fprintf(nft, "add rule inet %s port_%u %s\n", table, port, *rules);
	return pclose(nft) ? wrong(stale, "nft", "it failed") : 0;
}

/* A reset answers what the gateway sends, or nothing does; the array goes on in the belief that it has a session. */
static int cut(struct stale *stale, unsigned port, bool silent)
{
	char reject[80];
	const char *const reset[] = { "tcp flags & rst == rst accept", reject, NULL };
	static const char *const silence[] = { "drop", NULL };

	snprintf(reject, sizeof(reject), "tcp dport %u reject with tcp reset", port);
	return set_rules(stale, port, silent ? silence : reset);
}

static int restore(struct stale *stale, unsigned port)
{
	static const char *const none[] = { NULL };

	return set_rules(stale, port, none);
}

/* ---- a round ----------------------------------------------------------------------------------------------------- */

static int wait_a_little(struct stale *stale, unsigned most_us)
{
	return serve(stale, rng_below(&stale->rng, most_us), false);
}

/* The writes stand still, and their link is cut. */
static int lose_writes(struct stale *stale, unsigned *port, bool silent)
{
	unsigned portal = 0;
	int err = arm_array(stale);

	if (!err)
		err = submit_writes(stale);
	if (!err)
		err = find_portal(stale, &portal);
	*port = stale->options.ports[portal];
	if (!err)
		err = wait_a_little(stale, 3000);
	if (!err)
		err = count_held(stale);
	if (!err)
		err = cut(stale, *port, silent);
	if (!err && !silent)
		err = submit_trigger(stale); /* a reset answers only what is sent */
	return err;
}

/* They end over another path; one round in four the old copies are let go at some moment meanwhile. */
static int end_writes(struct stale *stale, bool silent)
{
	int err = 0;

	if (!stale->options.late && rng_below(&stale->rng, 4) == 0) {
		err = wait_a_little(stale, silent ? 700000 : 3000);
		if (!err)
			err = let_go(stale, &stale->figures.raced);
	}
	return err ? err : serve(stale, PATIENCE_US, true);
}

static int write_again(struct stale *stale)
{
	int err = submit_writes(stale);

	if (!err)
		err = serve(stale, PATIENCE_US, true);
	if (!err)
		err = wait_a_little(stale, 5000);
	return err ? err : let_go(stale, &stale->figures.let_go);
}

static int play_round(struct stale *stale)
{
	bool silent = stale->options.silent && rng_below(&stale->rng, stale->options.silent) == 0;
	unsigned port;
	int err = lose_writes(stale, &port, silent);

	if (!err)
		err = end_writes(stale, silent);
	if (!err)
		err = write_again(stale);
	if (!err)
		err = wait_a_little(stale, 5000);
	if (!err)
		err = check_blocks(stale);
	if (!err)
		err = restore(stale, port);
	stale->figures.rounds += !err;
	return err;
}

/* ---- the program ------------------------------------------------------------------------------------------------- */

static int parse_ports(struct options *options, char *list)
{
	for (char *word; (word = strsep(&list, ",")) != NULL;) {
		if (options->port_count == PORTALS_MAX)
			return -E2BIG;
		options->ports[options->port_count++] = (unsigned)strtoul(word, NULL, 10);
	}
	return 0;
}

static int parse_options(struct options *options, int argc, char **argv)
{
	static const struct option names[] = {
		{ "url", required_argument, NULL, 'u' },
		{ "control", required_argument, NULL, 'c' },
		{ "table", required_argument, NULL, 't' },
		{ "ports", required_argument, NULL, 'p' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "seed", required_argument, NULL, 's' },
		{ "writes", required_argument, NULL, 'w' },
		{ "delay", required_argument, NULL, 'd' },
		{ "silent", required_argument, NULL, 'q' },
		{ "late", no_argument, NULL, 'l' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	*options = (struct options){ .rounds = 1, .seed = 1, .writes = 4 };
	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		unsigned long number = optarg ? strtoul(optarg, NULL, 10) : 0;

		switch (c) {
		case 'u':
			options->url = optarg;
			break;
		case 'c':
			options->control = optarg;
			break;
		case 't':
			options->table = optarg;
			break;
		case 'r':
			options->rounds = number;
			break;
		case 's':
			options->seed = number;
			break;
		case 'w':
			options->writes = (unsigned)number;
			break;
		case 'd':
			options->delay_ms = (unsigned)number;
			break;
		case 'q':
			options->silent = (unsigned)number;
			break;
		case 'l':
			options->late = true;
			break;
		case 'p':
			if (parse_ports(options, optarg))
				return -E2BIG;
			break;
		default:
			return -EINVAL;
		}
	}
	if (!options->url || !options->control || !options->table || !options->port_count || !options->writes ||
	    options->writes > WRITES_MAX)
		return -EINVAL;
	return 0;
}

static int log_in(struct stale *stale)
{
	struct iscsi_url *url;
	int err = 0;

	stale->iscsi = iscsi_create_context("iqn.2026-11.org.example:stale");
	url = stale->iscsi ? iscsi_parse_full_url(stale->iscsi, stale->options.url) : NULL;
	if (!url)
		return wrong(stale, "the host's session", "no such URL");
	stale->lun = url->lun;
	iscsi_set_targetname(stale->iscsi, url->target);
	iscsi_set_session_type(stale->iscsi, ISCSI_SESSION_NORMAL);
	iscsi_set_noautoreconnect(stale->iscsi, 1);
	if (iscsi_full_connect_sync(stale->iscsi, url->portal, url->lun))
		err = wrong(stale, "the host's session", iscsi_get_error(stale->iscsi));
	iscsi_destroy_url(url);
	return err;
}

static void print_figures(const struct figures *figures)
{
	printf("{\"rounds\":%" PRIu64 ",\"inside\":%" PRIu64 ",\"raced\":%" PRIu64 ",\"let_go\":%" PRIu64
	       ",\"stale\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"longest_ms\":%" PRIu64 "}\n",
	       figures->rounds, figures->inside, figures->raced, figures->let_go, figures->stale, figures->failed,
	       figures->longest_us / 1000);
}

int main(int argc, char **argv)
{
	static struct stale stale;
	int err = parse_options(&stale.options, argc, argv);

	if (err) {
		fprintf(stderr, "usage: braid-stale --url URL --control PATH --table NAME --ports P,... [--rounds N]\n"
				"       [--seed N] [--writes N] [--delay MS] [--late] [--silent N]\n");
		return 2;
	}
	stale.rng.state = stale.options.seed;
	err = array_client_open(&stale.array, stale.options.control);
	if (err)
		wrong(&stale, stale.options.control, strerror(-err));
	if (!err)
		err = log_in(&stale);
	for (uint64_t round = 0; round < stale.options.rounds && !err; round++)
		err = play_round(&stale);
	if (err)
		fprintf(stderr, "round %" PRIu64 ": %s\n", stale.figures.rounds, stale.error);
	print_figures(&stale.figures);
	if (stale.iscsi)
		iscsi_destroy_context(stale.iscsi);
	array_client_close(&stale.array);
	return err || stale.figures.failed || stale.figures.stale;
}
