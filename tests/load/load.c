#include "tests/load/load.h"

#include "gateway/base/log.h"
#include "gateway/base/memory.h"
#include "tests/load/report.h"
#include "tests/load/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define TICK_US (10 * US_PER_MS)
#define START_LIMIT_US (30 * US_PER_S) /* for the first logins */
#define IDLE_LIMIT_US (120 * US_PER_S) /* drain and check: so long without any I/O that ends, and it is over */
#define CLOSE_LIMIT_US (4 * US_PER_S)
#define REGION_DEFAULT (UINT64_C(1) << 30)

static const char *const phase_names[] = { "start", "run", "drain", "verify", "close", "ended" };

bool load_has_token(const struct load *load)
{
	return !load->options->rate || load->tokens >= 1;
}

void load_take_token(struct load *load)
{
	load->tokens -= 1;
}

static void refill_tokens(struct load *load, uint64_t now_us)
{
	double rate = (double)load->options->rate, most = rate / 20 + 1;

	load->tokens += rate * (double)(now_us - load->ticked_us) / 1e6;
	if (load->tokens > most)
		load->tokens = most;
	load->ticked_us = now_us;
}

void load_finding(struct load *load, const char *fmt, ...)
{
	struct stats *stats = &load->stats;
	va_list ap;

	if (stats->finding_count < FINDINGS_MAX) {
		char *text = stats->findings[stats->finding_count];

		va_start(ap, fmt);
		vsnprintf(text, FINDING_BYTES, fmt, ap);
		va_end(ap);
		log_error("load", "%s", text);
	}
	stats->finding_count++;
}

void load_account_stall(struct load *load, uint64_t us)
{
	if (us > load->stats.longest_stall_us)
		load->stats.longest_stall_us = us;
}

/* --- logical units ---------------------------------------------------------------------------------------------- */

/* The part of a logical unit that the options ask for. */
static int choose_region(const struct options *options, uint64_t blocks, uint32_t block_size,
			 struct model_geometry *geometry)
{
	uint64_t bytes = options->region ? options->region : REGION_DEFAULT;

	*geometry = (struct model_geometry){ options->offset / block_size, bytes / block_size, block_size };
	if (geometry->first_lba >= blocks)
		return -EINVAL;
	if (geometry->blocks > blocks - geometry->first_lba)
		geometry->blocks = blocks - geometry->first_lba;
	return geometry->blocks && geometry->blocks <= MODEL_BLOCKS_MAX ? 0 : -EINVAL;
}

static struct unit *find_unit(struct load *load, const char *name)
{
	for (size_t i = 0; i < load->unit_count; i++)
		if (strcmp(load->states[i].name, name) == 0)
			return &load->units[i];
	return NULL;
}

static struct unit *add_unit(struct load *load, const char *name, const struct model_geometry *geometry)
{
	struct unit *unit = &load->units[load->unit_count];
	uint64_t identity;

	if (load->unit_count == STATE_UNITS_MAX)
		return NULL;
	/* at random even with a seed: what an earlier run left on the medium must not look like ours */
	if (getrandom(&identity, sizeof(identity), 0) != sizeof(identity))
		return NULL;
	unit->state = &load->states[load->unit_count++];
	str_copy(unit->state->name, sizeof(unit->state->name), name);
	unit->state->model = model_create(geometry, identity);
	return unit;
}

struct unit *load_unit(struct load *load, const char *name, uint64_t blocks, uint32_t block_size)
{
	struct unit *unit = find_unit(load, name);
	struct model_geometry wanted;

	if (choose_region(load->options, blocks, block_size, &wanted) < 0) {
		load_finding(load, "unit %s: no block of it lies in the region", name);
		return NULL;
	}
	if (!unit && load->options->verify_only) {
		load_finding(load, "unit %s is not in the state", name);
		return NULL;
	}
	if (!unit)
		return add_unit(load, name, &wanted);

	const struct model_geometry *known = model_geometry(unit->state->model);
	bool inside = known->first_lba + known->blocks <= blocks && known->block_size == block_size;
	bool same = known->first_lba == wanted.first_lba && known->blocks == wanted.blocks;
	if (!inside || (!same && !load->options->verify_only)) {
		load_finding(load, "unit %s: the state is of another region or size", name);
		return NULL;
	}
	return unit;
}

static int read_state(struct load *load)
{
	int count;

	if (!load->options->state)
		return 0;
	count = state_load(load->options->state, load->states);
	if (count == -ENOENT && !load->options->verify_only)
		return 0;
	if (count < 0) {
		log_error("load", "state=%s cannot be read error=%s", load->options->state, strerror(-count));
		return count;
	}
	load->unit_count = (size_t)count;
	for (size_t i = 0; i < load->unit_count; i++)
		load->units[i].state = &load->states[i];
	return 0;
}

static int write_state(const struct load *load)
{
	int rc;

	if (!load->options->state || !load->unit_count)
		return 0;
	rc = state_save(load->options->state, load->states, load->unit_count);
	if (rc < 0)
		log_error("load", "state=%s cannot be written error=%s", load->options->state, strerror(-rc));
	return rc;
}

/* --- phases ------------------------------------------------------------------------------------------------------ */

static unsigned count_workers(const struct load *load, bool (*is)(const struct worker *worker))
{
	unsigned count = 0;

	for (uint64_t i = 0; i < load->options->sessions; i++)
		count += is(load->workers[i]);
	return count;
}

static unsigned busy_ios(const struct load *load)
{
	unsigned count = 0;

	for (uint64_t i = 0; i < load->options->sessions; i++)
		count += worker_busy(load->workers[i]);
	return count;
}

static bool everything_checked(const struct load *load)
{
	for (size_t i = 0; i < load->unit_count; i++) {
		uint64_t block = load->units[i].cursor;

		if (model_next_written(load->states[i].model, &block, 1))
			return false;
	}
	return true;
}

static void enter(struct load *load, enum phase phase, uint64_t now_us)
{
	log_info("load", "phase=%s->%s", phase_names[load->phase], phase_names[phase]);
	if (load->phase == PHASE_RUN)
		load->stats.run_us = now_us - load->phase_us;
	load->phase = phase;
	load->phase_us = load->progress_us = now_us;
	if (phase == PHASE_CLOSE)
		for (uint64_t i = 0; i < load->options->sessions; i++)
			worker_close(load->workers[i]);
	if (phase == PHASE_ENDED)
		loop_stop(load->loop);
}

/* Where the phase leads now; itself: it goes on. */
static enum phase next_phase(struct load *load, uint64_t now_us)
{
	const struct options *options = load->options;
	uint64_t spent_us = now_us - load->phase_us, idle_us = now_us - load->progress_us;
	unsigned ended = count_workers(load, worker_has_ended), up = count_workers(load, worker_is_up);

	switch (load->phase) {
	case PHASE_START:
		if (load->stopping || (spent_us > START_LIMIT_US && !up))
			return PHASE_CLOSE;
		if (up < options->sessions && spent_us <= START_LIMIT_US)
			return PHASE_START;
		return options->verify_only ? PHASE_VERIFY : PHASE_RUN;
	case PHASE_RUN:
		return load->stopping || spent_us >= options->seconds * US_PER_S ? PHASE_DRAIN : PHASE_RUN;
	case PHASE_DRAIN:
		if (busy_ios(load) && idle_us < IDLE_LIMIT_US && !(load->stopping && spent_us > 10 * US_PER_S))
			return PHASE_DRAIN;
		return load->stopping || options->no_verify || busy_ios(load) ? PHASE_CLOSE : PHASE_VERIFY;
	case PHASE_VERIFY:
		if (load->stopping || idle_us > IDLE_LIMIT_US)
			return PHASE_CLOSE;
		return busy_ios(load) || !everything_checked(load) ? PHASE_VERIFY : PHASE_CLOSE;
	default:
		return ended == options->sessions || spent_us > CLOSE_LIMIT_US ? PHASE_ENDED : load->phase;
	}
}

/* What a phase that is left unfinished means for the outcome. */
static void account_unfinished(struct load *load, enum phase next)
{
	if (next != PHASE_CLOSE)
		return;
	load->stats.hung += busy_ios(load);
	if (load->phase == PHASE_START) {
		load->stats.gave_up++;
		load_finding(load, "not every session could log in");
	}
	if (!load->options->no_verify && !(load->phase == PHASE_VERIFY && everything_checked(load)))
		load->stats.unverified = !load->stopping || load->options->verify_only;
}

static void on_tick(void *arg)
{
	struct load *load = arg;
	uint64_t now_us = clock_now_us(loop_clock(load->loop));
	enum phase next = next_phase(load, now_us);

	refill_tokens(load, now_us);
	if (next != load->phase) {
		account_unfinished(load, next);
		enter(load, next, now_us);
	}
	for (uint64_t i = 0; i < load->options->sessions; i++)
		worker_tick(load->workers[i]);
	timer_arm(&load->tick, TICK_US);
}

static void on_signal(evutil_socket_t signal_number, short events, void *arg)
{
	struct load *load = arg;

	(void)events;
	log_info("load", "ending early signal=%d", (int)signal_number);
	load->stopping = true;
}

static void run(struct load *load)
{
	struct event *term = evsignal_new(loop_base(load->loop), SIGTERM, on_signal, load);
	struct event *interrupt = evsignal_new(loop_base(load->loop), SIGINT, on_signal, load);

	event_add(term, NULL);
	event_add(interrupt, NULL);
	load->phase_us = load->progress_us = load->ticked_us = clock_now_us(loop_clock(load->loop));
	timer_init(&load->tick, loop_clock(load->loop), on_tick, load);
	timer_arm(&load->tick, 0);
	for (unsigned i = 0; i < load->options->sessions; i++)
		load->workers[i] = worker_create(load, i);
	loop_run(load->loop);
	timer_stop(&load->tick);
	event_free(term);
	event_free(interrupt);
}

/* Returns the exit status. */
static int load_main(const struct options *options)
{
	struct load *load = xcalloc(1, sizeof(*load));
	bool good = false;

	load->options = options;
	load->rng.state = options->seed;
	load->loop = loop_create("load");
	load->pool = pool_create(SIZE_MAX / 2);
	if (read_state(load) == 0) {
		run(load);
		report_print(load);
		good = report_is_good(load);
		for (uint64_t i = 0; i < options->sessions; i++)
			worker_destroy(load->workers[i]);
		good = write_state(load) == 0 && good;
	}
	for (size_t i = 0; i < load->unit_count; i++)
		model_destroy(load->states[i].model);
	pool_destroy(load->pool);
	loop_destroy(load->loop);
	free(load);
	return good ? 0 : 1;
}

/* Settings of libiscsi from the environment would undo ours. */
static void forget_environment(void)
{
	static const char prefix[] = "LIBISCSI_";

	for (char **entry = environ; entry && *entry;) {
		size_t length = strcspn(*entry, "=");
		char *name = strncmp(*entry, prefix, sizeof(prefix) - 1) == 0 ? strndup(*entry, length) : NULL;

		if (name && unsetenv(name) == 0)
			entry = environ; /* the table has changed */
		else
			entry++;
		free(name);
	}
}

int main(int argc, char **argv)
{
	struct options options;
	int rc = options_parse(&options, argc, argv);

	if (rc == 0) {
		signal(SIGPIPE, SIG_IGN);
		forget_environment();
		log_set_level(options.verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN);
		rc = load_main(&options);
	} else {
		rc = rc == 1 ? 0 : 2;
	}
	options_done(&options);
	return rc;
}
