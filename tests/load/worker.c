#include "tests/load/worker.h"

#include "gateway/base/log.h"
#include "gateway/base/memory.h"

#include <iscsi/iscsi.h>
#include <stdlib.h>
#include <string.h>

#define PICK_TRIES 8 /* random places looked at before a slot stays idle until the next tick */
#define MISCOMPARE 0x0e

/* One slot of the queue depth. */
struct io {
	struct command command;
	struct worker *worker;
	struct list link; /* in worker->idle, busy or lost */
	enum op op;
	uint64_t block, count; /* count 0: no data, no lock */
	uint64_t generation;
	size_t capacity; /* of command.data */
	bool overdue; /* already counted as over the limit */
};

struct worker {
	struct load *load;
	struct session *session;
	struct unit *unit;
	struct io *ios;
	struct list idle, busy, lost;
	unsigned index, busy_count;
	struct session_identity identity;
	bool ended;
};

static uint64_t now_us(const struct worker *worker)
{
	return clock_now_us(loop_clock(worker->load->loop));
}

static struct model *model_of(const struct worker *worker)
{
	return worker->unit->state->model;
}

/* --- the end of an I/O ------------------------------------------------------------------------------------------ */

static void io_release(struct io *io)
{
	struct worker *worker = io->worker;

	if (io->count)
		model_unlock(model_of(worker), io->block, io->count);
	pool_put(worker->load->pool, io->command.data, io->capacity);
	io->command.data = NULL;
	io->count = 0;
	list_del(&io->link);
	list_add_tail(&worker->idle, &io->link);
	worker->busy_count--;
}

static void report_wrong(struct io *io, uint64_t block, enum verdict verdict, uint64_t expected,
			 const struct block_stamp *found)
{
	const struct model_geometry *geometry = model_geometry(model_of(io->worker));

	load_finding(io->worker->load,
		     "%s unit=%s session=%u lba=%llu expected=%llx found={lba=%llu generation=%llx writer=%llx}",
		     verdict_names[verdict], io->worker->unit->state->name, io->worker->index,
		     (unsigned long long)(geometry->first_lba + block), (unsigned long long)expected,
		     (unsigned long long)found->lba, (unsigned long long)found->generation,
		     (unsigned long long)found->writer);
}

static void judge_read(struct io *io)
{
	struct worker *worker = io->worker;
	struct model *model = model_of(worker);
	uint32_t block_size = model_geometry(model)->block_size;

	for (uint64_t i = 0; i < io->count; i++) {
		uint64_t block = io->block + i, expected = model_generation(model, block);
		struct block_stamp found;
		enum verdict verdict = model_check(model, block, io->command.data + i * block_size, &found);

		worker->load->stats.verdicts[verdict]++;
		if (verdict != VERDICT_RIGHT && verdict != VERDICT_UNWRITTEN)
			report_wrong(io, block, verdict, expected, &found);
	}
	if (worker->load->phase == PHASE_VERIFY)
		worker->load->stats.final_blocks += io->count;
}

static void io_failed(struct io *io)
{
	struct worker *worker = io->worker;
	struct command *command = &io->command;

	worker->load->stats.failed++;
	load_finding(worker->load,
		     "failed op=%s unit=%s session=%u block=%llu count=%llu status=%02x sense=%x/%04x residual=%zu",
		     op_table[io->op].name, worker->unit->state->name, worker->index, (unsigned long long)io->block,
		     (unsigned long long)io->count, command->status, command->key, command->asc, command->residual);
	/* a refused comparison wrote nothing; anything else may have, in part */
	if (op_table[io->op].writes && command->key != MISCOMPARE)
		model_unknown(model_of(worker), io->block, io->count, io->generation);
}

static void io_good(struct io *io, uint64_t latency_us)
{
	struct load *load = io->worker->load;
	struct op_stats *stats = &load->stats.ops[io->op];

	if (load->phase == PHASE_RUN || load->phase == PHASE_DRAIN) {
		stats->count++;
		stats->bytes += io->count ? io->command.data_bytes : 0;
		histogram_add(&stats->latency, latency_us);
	}
	if (op_table[io->op].writes)
		model_acknowledged(model_of(io->worker), io->block, io->count, io->generation);
	else if (op_table[io->op].reads)
		judge_read(io);
}

static void worker_fill(struct worker *worker);

static void on_done(struct command *command)
{
	struct io *io = container_of(command, struct io, command);
	struct worker *worker = io->worker;
	uint64_t latency_us = now_us(worker) - command->issued_us;

	if (command->outcome == COMMAND_LOST) {
		list_del(&io->link);
		list_add_tail(&worker->lost, &io->link);
		return;
	}
	if (command->outcome == COMMAND_GOOD && command->residual == 0)
		io_good(io, latency_us);
	else
		io_failed(io);
	load_account_stall(worker->load, latency_us);
	worker->load->progress_us = now_us(worker);
	io_release(io);
	worker_fill(worker);
}

/* The session is up again, or will never be: what was lost cannot land any more. */
static void settle_lost(struct worker *worker)
{
	struct io *io;

	list_for_each(io, &worker->lost, link) {
		if (op_table[io->op].writes) {
			worker->load->stats.unknown_outcomes++;
			model_unknown(model_of(worker), io->block, io->count, io->generation);
		} else if (worker->load->phase == PHASE_VERIFY && io->block < worker->unit->cursor) {
			worker->unit->cursor = io->block; /* not checked yet: once more from there */
		}
		load_account_stall(worker->load, now_us(worker) - io->command.issued_us);
		io_release(io);
	}
}

/* --- the start of an I/O ---------------------------------------------------------------------------------------- */

static enum op pick_op(struct load *load)
{
	uint64_t at = rng_below(&load->rng, load->options->weight_sum);

	for (int op = 0; op < OP_COUNT; op++) {
		if (at < load->options->weights[op])
			return (enum op)op;
		at -= load->options->weights[op];
	}
	return OP_READ;
}

/* A place of that many blocks which nobody uses; false: none was found. */
static bool pick_place(struct worker *worker, struct io *io, uint64_t count)
{
	struct model *model = model_of(worker);
	uint64_t blocks = model_geometry(model)->blocks;

	if (count > blocks)
		count = blocks;
	for (unsigned i = 0; i < PICK_TRIES; i++) {
		uint64_t block = rng_below(&worker->load->rng, blocks - count + 1);

		if (model_lock(model, block, count)) {
			io->block = block;
			io->count = count;
			return true;
		}
	}
	return false;
}

/* What the run asks for: kind, size and place by chance. */
static bool pick_random(struct worker *worker, struct io *io)
{
	const struct options *options = worker->load->options;
	uint32_t block_size = model_geometry(model_of(worker))->block_size;
	uint64_t size = options->sizes[rng_below(&worker->load->rng, options->size_count)];

	io->op = pick_op(worker->load);
	io->count = 0;
	if (!op_table[io->op].reads && !op_table[io->op].writes)
		return true;
	return pick_place(worker, io, io->op == OP_COMPARE ? 1 : (size + block_size - 1) / block_size);
}

/* The next blocks of the check at the end. */
static bool pick_next(struct worker *worker, struct io *io)
{
	struct model *model = model_of(worker);
	uint64_t max = SIZE_MAX_BYTES / 32 / model_geometry(model)->block_size;
	uint64_t count = model_next_written(model, &worker->unit->cursor, max);

	if (!count)
		return false;
	io->op = OP_READ;
	io->block = worker->unit->cursor;
	io->count = count;
	if (!model_lock(model, io->block, count))
		return false; /* another worker's lost write: looked at again when that is settled */
	worker->unit->cursor += count;
	return true;
}

/* Gets the buffer and puts into it what the operation sends. */
static bool io_prepare(struct io *io)
{
	struct worker *worker = io->worker;
	struct model *model = model_of(worker);
	struct command *command = &io->command;
	size_t block_size = model_geometry(model)->block_size, bytes = io->count * block_size;

	command->direction = COMMAND_NO_DATA;
	command->data_bytes = 0;
	if (!io->count)
		return true;
	command->data = pool_get(worker->load->pool, io->op == OP_COMPARE ? 2 * bytes : bytes, &io->capacity);
	if (!command->data)
		return false;
	command->data_bytes = bytes;
	if (io->op == OP_READ) {
		command->direction = COMMAND_READS;
		for (uint64_t i = 0; i < io->count; i++)
			block_poison(command->data + i * block_size, block_size);
		return true;
	}
	command->direction = COMMAND_WRITES;
	if (io->op == OP_COMPARE && !model_expect(model, io->block, command->data))
		io->op = OP_WRITE; /* nothing known to compare with */
	if (io->op == OP_COMPARE) {
		command->data_bytes = 2 * bytes;
		io->generation = model_fill(model, io->block, io->count, worker->index, command->data + bytes);
	} else {
		io->generation = model_fill(model, io->block, io->count, worker->index, command->data);
	}
	return true;
}

static void io_send(struct io *io)
{
	struct worker *worker = io->worker;
	struct command *command = &io->command;
	uint64_t first_lba = model_geometry(model_of(worker))->first_lba;

	list_del(&io->link);
	list_add_tail(&worker->busy, &io->link);
	worker->busy_count++;
	io->overdue = false;
	command->done = on_done;
	command->cdb_bytes = op_cdb(io->op, first_lba + io->block, (uint32_t)io->count, command->cdb);
	session_submit(worker->session, command);
}

/* Issues I/Os while the phase wants some and a slot is free. */
static void worker_fill(struct worker *worker)
{
	struct load *load = worker->load;
	bool runs = load->phase == PHASE_RUN, verifies = load->phase == PHASE_VERIFY;

	if (load->stopping)
		return;
	while ((runs || verifies) && session_is_up(worker->session) && !list_empty(&worker->idle)) {
		struct io *io = list_first(&worker->idle, struct io, link);

		if (runs && !load_has_token(load))
			return;
		if (!(runs ? pick_random(worker, io) : pick_next(worker, io)))
			return;
		if (!io_prepare(io)) {
			model_unlock(model_of(worker), io->block, io->count);
			if (verifies)
				worker->unit->cursor = io->block;
			io->count = 0;
			return;
		}
		load_take_token(load);
		io_send(io);
	}
}

/* --- the session ------------------------------------------------------------------------------------------------ */

/* The same logical unit as before? */
static bool identity_is_same(const struct session_identity *a, const struct session_identity *b)
{
	return strcmp(a->name, b->name) == 0 && a->blocks == b->blocks && a->block_size == b->block_size;
}

static void on_up(void *user, const struct session_identity *identity)
{
	struct worker *worker = user;
	struct load *load = worker->load;

	if (worker->unit) {
		load->stats.reconnects++;
		if (!identity_is_same(&worker->identity, identity)) {
			load->stats.identity_changes++;
			load_finding(load, "another logical unit after reconnect session=%u was=%s now=%s",
				     worker->index, worker->identity.name, identity->name);
			session_close(worker->session);
			return;
		}
		settle_lost(worker);
	} else {
		worker->identity = *identity;
		worker->unit = load_unit(load, identity->name, identity->blocks, identity->block_size);
		if (!worker->unit) {
			session_close(worker->session);
			return;
		}
	}
	log_info("worker", "session=%u up unit=%s blocks=%llu block_size=%u", worker->index, identity->name,
		 (unsigned long long)identity->blocks, identity->block_size);
	worker_fill(worker);
}

static void on_lost(void *user, const char *reason)
{
	(void)user;
	(void)reason; /* logged by the session; the commands' done follows */
}

static void on_ended(void *user)
{
	struct worker *worker = user;

	worker->ended = true;
	if (worker->load->phase < PHASE_CLOSE) {
		worker->load->stopping = true; /* from here on nobody writes where our lost writes may still land */
		worker->load->stats.gave_up++;
		load_finding(worker->load, "session %u ended", worker->index);
	}
	settle_lost(worker);
}

static const struct session_ops session_ops = { .up = on_up, .lost = on_lost, .ended = on_ended };

void worker_tick(struct worker *worker)
{
	uint64_t limit_us = worker->load->options->max_stall_us, now = now_us(worker);
	struct list *const lists[] = { &worker->busy, &worker->lost };

	session_tick(worker->session);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]) && limit_us; i++) {
		struct io *io;

		list_for_each(io, lists[i], link) {
			if (io->overdue || now - io->command.issued_us <= limit_us)
				continue;
			io->overdue = true;
			worker->load->stats.over_max_stall++;
			load_finding(worker->load, "stalled op=%s session=%u block=%llu", op_table[io->op].name,
				     worker->index, (unsigned long long)io->block);
		}
	}
	worker_fill(worker);
}

/* --- life ------------------------------------------------------------------------------------------------------- */

struct worker *worker_create(struct load *load, unsigned index)
{
	const struct options *options = load->options;
	struct worker *worker = xcalloc(1, sizeof(*worker));
	struct session_config config = {
		.url = options->urls[index % options->url_count],
		.initiator = options->initiator,
		.isid_random = (uint32_t)(options->seed & 0xffffff),
		.isid_qualifier = (uint16_t)index,
		.reconnect = options->reconnect,
		.timeout_us = options->timeout_us,
	};

	worker->load = load;
	worker->index = index;
	list_init(&worker->idle);
	list_init(&worker->busy);
	list_init(&worker->lost);
	worker->ios = xcalloc(options->depth, sizeof(*worker->ios));
	for (uint64_t i = 0; i < options->depth; i++) {
		worker->ios[i].worker = worker;
		list_init(&worker->ios[i].command.link);
		list_add_tail(&worker->idle, &worker->ios[i].link);
	}
	worker->session = session_create(load->loop, &config, &session_ops, worker);
	return worker;
}

void worker_destroy(struct worker *worker)
{
	if (!worker)
		return;
	session_destroy(worker->session);
	settle_lost(worker);
	free(worker->ios);
	free(worker);
}

bool worker_is_up(const struct worker *worker)
{
	return worker->unit && session_is_up(worker->session);
}

bool worker_has_ended(const struct worker *worker)
{
	return worker->ended;
}

unsigned worker_busy(const struct worker *worker)
{
	return worker->busy_count;
}

void worker_close(struct worker *worker)
{
	session_close(worker->session);
}

const struct session_counters *worker_counters(const struct worker *worker)
{
	return session_counters(worker->session);
}
