/*
 * A day of failures in a second: hosts write and read, everything below them fails in random ways, and a model knows
 * what every read may return. BRAID_SEED=n replays the run of one seed, BRAID_SEEDS=n runs as many.
 *
 * What must hold, whatever fails: a read returns the last write that was acknowledged before it, or one that was
 * under way since; every command ends exactly once; none ends with an error while there is a path; and when the
 * failures stop, every path comes back and nothing is left behind.
 *
 * row: F1 F2 L3 L4 D11 E1 E4
 */
#include "gateway/control.h"
#include "tests/simulation/sim_world.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define S US_PER_S
#define MS US_PER_MS

#define SEEDS 40
#define WORKERS 2
#define DISKS 2
#define BLOCKS 12 /* of each disk are in use */
#define RUN_US (150 * S)
#define HEAL_US (400 * S)
#define PATIENT_S 3600 /* pdo_remove_period */
#define IMPATIENT_S 6

/* One block of one disk: one writer and one reader. */
struct cell {
	struct chaos *chaos;
	uint16_t lun;
	uint64_t lba;
	uint64_t issued, acknowledged; /* sequence numbers of writes; equal: what it holds is known */
	struct sim_io writer, reader;
	struct timer write_next, read_next;
	uint64_t floor; /* what was acknowledged when the read under way began */
	bool aborted; /* the write under way */
};

struct chaos {
	uint64_t seed;
	struct world *world;
	struct sim *sim;
	struct sim_rng rng; /* of its own: what the hosts do does not depend on what the arrays draw */
	struct cell cells[DISKS][BLOCKS];
	struct timer next_fault, mends[4]; /* mends: one a portal */
	uint64_t portal_busy_us[4];
	bool stopping;
	bool patient; /* the hold outlasts every failure: no error at all is right */
	uint64_t commands, errors, aborts, faults;
	bool failed;
};

static void wrong(struct chaos *chaos, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void wrong(struct chaos *chaos, const char *fmt, ...)
{
	va_list ap;

	printf("seed %" PRIu64 " at %" PRIu64 " us: ", chaos->seed, sim_now_us(chaos->sim));
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	chaos->failed = true;
}

/* ---- hosts ----------------------------------------------------------------------------------------------------- */

static uint64_t stamp_of(const struct cell *cell, uint64_t sequence)
{
	return ((uint64_t)cell->lun * BLOCKS + cell->lba + 1) << 32 | sequence;
}

static struct disk *any_disk(struct cell *cell)
{
	unsigned worker = (unsigned)sim_below(&cell->chaos->rng, WORKERS);

	return sim_gateway_disk(cell->chaos->world->g, worker, cell->lun);
}

static uint64_t think_us(struct chaos *chaos)
{
	return sim_chance(&chaos->rng, 20) ? 0 : sim_below(&chaos->rng, 600 * MS);
}

/* An error is right only when there is no path, and then only the one that says so; or when the array itself kept
 * putting the command off for as long as I/O is held without a path. */
static void check_error(struct cell *cell, const struct sim_io *io, bool may_be_unknown)
{
	struct chaos *chaos = cell->chaos;
	bool unknown = sim_io_key(io) == SENSE_ABORTED_COMMAND && sim_io_asc(io) == 0x0800;

	chaos->errors++;
	if (may_be_unknown && unknown)
		return;
	if (!chaos->patient && sim_io_asc(io) != 0x0800 && io->ended_us - io->started_us >= IMPATIENT_S * S)
		return;
	if (chaos->patient || io->io.disk->usable.count || sim_io_asc(io) != 0x0800)
		wrong(chaos,
		      "LUN %u block %" PRIu64 " opcode %02x ended with status %02x sense %x/%04x, %u paths usable",
		      cell->lun, cell->lba, io->io.cdb[0], io->io.status, sim_io_key(io), sim_io_asc(io),
		      io->io.disk->usable.count);
}

static void on_written(struct sim_io *io)
{
	struct cell *cell = io->then_arg;

	if (io->ended != 1)
		wrong(cell->chaos, "a write ended %u times", io->ended);
	if (io->io.status == SCSI_GOOD)
		cell->acknowledged = cell->issued;
	else if (!cell->aborted) /* else nobody sees the status */
		check_error(cell, io, io->io.cdb[0] == 0x89);
	if (!cell->chaos->stopping)
		timer_arm(&cell->write_next, think_us(cell->chaos));
}

static void on_write_next(void *arg)
{
	struct cell *cell = arg;
	struct chaos *chaos = cell->chaos;
	bool known = cell->issued == cell->acknowledged && cell->issued;
	uint64_t old = stamp_of(cell, cell->issued);

	chaos->commands++;
	cell->aborted = false;
	cell->issued++;
	if (known && sim_chance(&chaos->rng, 10))
		sim_io_compare(&cell->writer, any_disk(cell), cell->lba, old, stamp_of(cell, cell->issued));
	else
		sim_io_write(&cell->writer, any_disk(cell), cell->lba, stamp_of(cell, cell->issued));
}

static void on_read(struct sim_io *io)
{
	struct cell *cell = io->then_arg;
	uint64_t got = sim_io_stamp(io);
	bool blank = cell->floor == 0 && got == 0;

	if (io->ended != 1)
		wrong(cell->chaos, "a read ended %u times", io->ended);
	if (io->io.status != SCSI_GOOD)
		check_error(cell, io, false);
	else if (!blank && (got < stamp_of(cell, cell->floor) || got > stamp_of(cell, cell->issued)))
		wrong(cell->chaos, "LUN %u block %" PRIu64 " reads %" PRIx64 ", which is none of %" PRIu64 "..%" PRIu64,
		      cell->lun, cell->lba, got, cell->floor, cell->issued);
	if (!cell->chaos->stopping)
		timer_arm(&cell->read_next, think_us(cell->chaos));
}

static void on_read_next(void *arg)
{
	struct cell *cell = arg;

	cell->chaos->commands++;
	cell->floor = cell->acknowledged;
	sim_io_read(&cell->reader, any_disk(cell), cell->lba);
}

static void abort_some_write(struct chaos *chaos)
{
	struct cell *cell = &chaos->cells[sim_below(&chaos->rng, DISKS)][sim_below(&chaos->rng, BLOCKS)];

	if (!cell->issued || sim_io_ended(&cell->writer))
		return;
	cell->aborted = true;
	chaos->aborts++;
	disk_abort(&cell->writer.io);
}

/* ---- failures -------------------------------------------------------------------------------------------------- */

static void mend(struct sim_portal *portal)
{
	portal->refuse = false;
	sim_portal_down(portal, false);
	sim_portal_black_hole(portal, false);
}

static void on_mend(void *arg)
{
	mend(arg);
}

/* Something happens to a portal for a while. */
static void hurt_portal(struct chaos *chaos, unsigned index)
{
	struct sim_portal *portal = chaos->world->portals[index];
	uint64_t long_us = sim_chance(&chaos->rng, 30) ? 30 * S : 3 * S;

	if (timer_armed(&chaos->mends[index]))
		return;
	switch (sim_below(&chaos->rng, 4)) {
	case 0:
		sim_portal_reset(portal);
		return;
	case 1:
		sim_portal_down(portal, true);
		break;
	case 2:
		sim_portal_black_hole(portal, true);
		break;
	default:
		portal->refuse = true;
		sim_portal_reset(portal);
		break;
	}
	timer_arm(&chaos->mends[index], 50 * MS + sim_below(&chaos->rng, long_us));
}

/* Something happens to the next commands. */
static void hurt_commands(struct chaos *chaos)
{
	static const struct {
		enum sim_fault_kind kind;
		uint8_t status, key;
		uint16_t asc;
	} kinds[] = {
		{ SIM_FAULT_HANG, 0, 0, 0 },
		{ SIM_FAULT_MUTE, 0, 0, 0 },
		{ SIM_FAULT_RESET, 0, 0, 0 },
		{ SIM_FAULT_STATUS, SCSI_BUSY, 0, 0 },
		{ SIM_FAULT_STATUS, SCSI_TASK_SET_FULL, 0, 0 },
		{ SIM_FAULT_STATUS, SCSI_TASK_ABORTED, 0, 0 },
		{ SIM_FAULT_SENSE, 0, SENSE_NOT_READY, 0x0401 },
		{ SIM_FAULT_SENSE, 0, SENSE_NOT_READY, 0x0403 },
		{ SIM_FAULT_SENSE, 0, SENSE_NOT_READY, 0x040a },
		{ SIM_FAULT_SENSE, 0, SENSE_UNIT_ATTENTION, 0x2a06 },
		{ SIM_FAULT_SENSE, 0, SENSE_ABORTED_COMMAND, 0x4e00 },
		{ SIM_FAULT_SENSE, 0, SENSE_NO_SENSE, 0x0000 },
	};
	static const int opcodes[] = { SIM_ANY, 0x8a, 0x8a, 0x88, 0x89, 0x00, 0x12, 0xa0, 0x5e, 0x5f, 0xa3, 0xa4 };
	unsigned kind = (unsigned)sim_below(&chaos->rng, sizeof(kinds) / sizeof(kinds[0]));
	struct sim_fault *fault;

	fault = sim_array_fault(chaos->world->array, kinds[kind].kind, 1 + (unsigned)sim_below(&chaos->rng, 4));
	fault->status = kinds[kind].status;
	fault->key = kinds[kind].key;
	fault->asc = kinds[kind].asc;
	fault->opcode = opcodes[sim_below(&chaos->rng, sizeof(opcodes) / sizeof(opcodes[0]))];
	if (sim_chance(&chaos->rng, 50))
		fault->portal = (int)sim_below(&chaos->rng, 4);
}

static void change_something(struct chaos *chaos)
{
	static const uint16_t attentions[] = { 0x2900, 0x2907, 0x2a06, 0x3f03, 0x3f0e };
	struct sim_lu *lu = chaos->world->lus[sim_below(&chaos->rng, DISKS)];

	if (sim_chance(&chaos->rng, 10)) {
		sim_array_reset_lu(chaos->world->array, lu->lun);
		return;
	}
	if (sim_chance(&chaos->rng, 20)) {
		sim_lu_resize(lu, lu->blocks + 8);
		sim_array_attention(chaos->world->array, lu->lun, 0x2a09);
		return;
	}
	sim_array_attention(chaos->world->array, sim_chance(&chaos->rng, 50) ? SIM_ANY : lu->lun,
			    attentions[sim_below(&chaos->rng, sizeof(attentions) / sizeof(attentions[0]))]);
}

/* Somebody at the array, or an administrator of the gateway, does something. */
static void act(struct chaos *chaos)
{
	static const uint8_t states[] = { SIM_OPTIMIZED, SIM_OPTIMIZED,   SIM_NON_OPTIMIZED,
					  SIM_STANDBY,   SIM_UNAVAILABLE, SIM_TRANSITIONING };
	struct world *world = chaos->world;
	const char *portal = world->portals[sim_below(&chaos->rng, 4)]->address;
	struct sim_session *session = world_session(world, portal);
	struct problem problem;

	switch (sim_below(&chaos->rng, 4)) {
	case 0:
		sim_port_set(world->array, (uint16_t)(1 + sim_below(&chaos->rng, 2)),
			     states[sim_below(&chaos->rng, sizeof(states))]);
		break;
	case 1:
		if (session)
			sim_reservation_take(world->lus[sim_below(&chaos->rng, DISKS)], session);
		break;
	case 2:
		control_drain(world->g->gateway, "link", sim_gateway_link(world->g, portal)->id, true, false, &problem);
		break;
	case 3:
		control_drain(world->g->gateway, "backend", "array-0", false, false, &problem);
		break;
	}
}

static void on_next_fault(void *arg)
{
	struct chaos *chaos = arg;
	unsigned what = (unsigned)sim_below(&chaos->rng, 100);

	chaos->faults++;
	if (what < 24)
		hurt_portal(chaos, (unsigned)sim_below(&chaos->rng, 4));
	else if (what < 30)
		act(chaos);
	else if (what < 60)
		hurt_commands(chaos);
	else if (what < 72)
		change_something(chaos);
	else if (what < 84)
		sim_array_release(chaos->world->array);
	else if (what < 96)
		abort_some_write(chaos);
	else
		for (unsigned i = 0; i < 4; i++)
			hurt_portal(chaos, i);
	timer_arm(&chaos->next_fault, sim_below(&chaos->rng, sim_chance(&chaos->rng, 30) ? 5 * MS : S));
}

static void stop_failing(struct chaos *chaos)
{
	struct problem problem;
	struct sim_fault *fault;

	chaos->stopping = true;
	timer_stop(&chaos->next_fault);
	list_for_each(fault, &chaos->world->array->faults, link)
		fault->count = 0;
	sim_array_release(chaos->world->array);
	sim_port_set(chaos->world->array, 1, SIM_OPTIMIZED);
	sim_port_set(chaos->world->array, 2, SIM_OPTIMIZED);
	control_drain(chaos->world->g->gateway, "backend", "array-0", false, false, &problem);
	for (unsigned i = 0; i < 4; i++) {
		timer_stop(&chaos->mends[i]);
		mend(chaos->world->portals[i]);
	}
}

/* ---- a run ----------------------------------------------------------------------------------------------------- */

static void start_hosts(struct chaos *chaos)
{
	for (uint16_t lun = 0; lun < DISKS; lun++) {
		for (unsigned lba = 0; lba < BLOCKS; lba++) {
			struct cell *cell = &chaos->cells[lun][lba];

			*cell = (struct cell){ .chaos = chaos, .lun = lun, .lba = lba };
			sim_io_init(&cell->writer, chaos->sim);
			sim_io_init(&cell->reader, chaos->sim);
			cell->writer.then = on_written;
			cell->reader.then = on_read;
			cell->writer.then_arg = cell->reader.then_arg = cell;
			timer_init(&cell->write_next, &chaos->sim->clock, on_write_next, cell);
			timer_init(&cell->read_next, &chaos->sim->clock, on_read_next, cell);
			timer_arm(&cell->write_next, think_us(chaos));
			timer_arm(&cell->read_next, think_us(chaos));
		}
	}
	timer_init(&chaos->next_fault, &chaos->sim->clock, on_next_fault, chaos);
	timer_arm(&chaos->next_fault, S);
	for (unsigned i = 0; i < 4; i++)
		timer_init(&chaos->mends[i], &chaos->sim->clock, on_mend, chaos->world->portals[i]);
}

static void check_disk(struct chaos *chaos, unsigned worker, uint16_t lun)
{
	const struct disk *disk = sim_gateway_disk(chaos->world->g, worker, lun);

	if (disk->busy || disk->held_bytes || !list_empty(&disk->held))
		wrong(chaos, "worker %u LUN %u still has %u commands, %zu bytes held", worker, lun, disk->busy,
		      disk->held_bytes);
	if (sim_disk_paths(disk, PATH_UP) != 4)
		wrong(chaos, "worker %u LUN %u has %u paths", worker, lun, sim_disk_paths(disk, PATH_UP));
}

static void check_lane(struct chaos *chaos, unsigned worker, const char *address)
{
	const struct lane *lane = sim_gateway_lane(chaos->world->g, worker, address);

	if (figure_get(&lane->cell->inflight) || !list_empty(&lane->fence.writes) || !list_empty(&lane->waiting))
		wrong(chaos, "worker %u portal %s: the lane is not empty", worker, address);
}

static void check_block(struct chaos *chaos, const struct cell *cell)
{
	uint64_t stamp = sim_lu_stamp(chaos->world->lus[cell->lun], cell->lba);

	if (stamp < stamp_of(cell, cell->acknowledged) || stamp > stamp_of(cell, cell->issued))
		wrong(chaos, "LUN %u block %" PRIu64 " holds %" PRIx64, cell->lun, cell->lba, stamp);
}

/* Nothing is left of what the failures have done. */
static void check_end(struct chaos *chaos)
{
	if (!sim_gateway_settles(chaos->world->g, HEAL_US))
		wrong(chaos, "not every path came back");
	sim_run(chaos->sim, 30 * S);
	for (unsigned w = 0; w < WORKERS; w++) {
		for (uint16_t lun = 0; lun < DISKS; lun++)
			check_disk(chaos, w, lun);
		for (unsigned i = 0; i < 4; i++)
			check_lane(chaos, w, chaos->world->portals[i]->address);
	}
	for (uint16_t lun = 0; lun < DISKS; lun++)
		for (unsigned lba = 0; lba < BLOCKS; lba++)
			check_block(chaos, &chaos->cells[lun][lba]);
	if (chaos->sim->executions > chaos->sim->submits)
		wrong(chaos, "more commands were carried out than submitted");
}

/* What it can: ALUA with one seed in four, a reservation for the fence with two in five, unless that is to be a reset
 * of the logical unit. */
static void describe_lu(struct sim_lu *lu, uint64_t seed)
{
	lu->tpgs = seed % 4 ? 0 : 1 + (unsigned)(seed / 4 % 3);
	lu->reservations.enabled = seed % 5 < 2;
	lu->reservations.unshared = seed % 10 == 1;
}

/* Whether all went well. */
static bool run(uint64_t seed, bool verbose)
{
	static const char *const policies[] = { "round-robin", "least-queue-depth", "fail-over-only", "least-blocks",
						"round-robin-subset" };
	struct chaos *chaos = calloc(1, sizeof(*chaos));
	char options[384];
	bool failed;

	if (!chaos)
		abort();
	chaos->seed = seed;
	chaos->rng.state = seed * UINT64_C(0x9e3779b97f4a7c15);
	chaos->patient = seed % 3 != 0;
	snprintf(options, sizeof(options),
		 "{'policies': {'default': '%s'}, 'timers': {'pdo_remove_period': %u, 'retry_count': 60, "
		 "'command_timeout': 8, 'path_verify_enabled': %s, 'path_verification_period': 7}, "
		 "'backends': [{'name': 'array-0', 'portals': ['" PORTAL_1A "'], 'fence': '%s'}]}",
		 policies[seed % 5], chaos->patient ? PATIENT_S : IMPATIENT_S, seed % 2 ? "true" : "false",
		 seed % 4 == 2 ? "lu-reset" : "auto");
	chaos->world = world_create(WORKERS);
	for (unsigned lun = 0; lun < DISKS; lun++)
		describe_lu(chaos->world->lus[lun], seed);
	chaos->sim = chaos->world->sim;
	world_start(chaos->world, options);
	if (!sim_gateway_settles(chaos->world->g, HEAL_US))
		wrong(chaos, "the paths did not come up");
	chaos->sim->rng.state = seed;
	start_hosts(chaos);
	sim_run(chaos->sim, RUN_US);
	stop_failing(chaos);
	check_end(chaos);
	if (verbose)
		printf("seed %" PRIu64 ": %" PRIu64 " commands, %" PRIu64 " faults, %" PRIu64 " errors, %" PRIu64
		       " aborts, %" PRIu64 " connections\n",
		       seed, chaos->commands, chaos->faults, chaos->errors, chaos->aborts, chaos->sim->connections);
	failed = chaos->failed;
	world_destroy(chaos->world);
	free(chaos);
	return !failed;
}

int main(void)
{
	const char *one = getenv("BRAID_SEED"), *many = getenv("BRAID_SEEDS");
	uint64_t seeds = many ? strtoull(many, NULL, 10) : SEEDS;
	unsigned failed = 0;

	if (one)
		return run(strtoull(one, NULL, 10), true) ? 0 : 1;
	for (uint64_t seed = 1; seed <= seeds; seed++)
		failed += !run(seed, many != NULL);
	printf("%" PRIu64 " seeds, %u failed\n", seeds, failed);
	return failed ? 1 : 0;
}
