/*
 * Links come and go while hosts write and read: arrays are added and removed, changed by a reload, taken away with
 * commands in flight, behind the fence, in the midst of a login or a registration; portals vanish from what the array
 * lists; disks are unclaimed and claimed meanwhile. BRAID_SEED=n replays the run of one seed, BRAID_SEEDS=n runs as
 * many.
 *
 * What must hold: no command fails unless its disk was taken away, each ends once, a read returns what was written, and
 * in the end everything is back and nothing is left of what has gone.
 *
 * row: D1 D8 D11 F1 F4 L5
 */
#include "gateway/backend.h"
#include "gateway/backends.h"
#include "gateway/control.h"
#include "tests/simulation/sim_world.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define S US_PER_S
#define MS US_PER_MS

#define SEEDS 30
#define WORKERS 2
#define DISKS 2
#define BLOCKS 8 /* of each disk are in use */
#define RUN_US (200 * S)
#define HEAL_US (1000 * S)

struct run;

/* One block: written, then read. */
struct cell {
	struct run *run;
	uint16_t lun;
	uint64_t lba, stamp;
	bool reading;
	struct sim_io io;
	struct timer next;
};

struct run {
	uint64_t seed;
	struct world *world;
	struct sim *sim;
	struct sim_rng rng;
	struct cell cells[DISKS][BLOCKS];
	struct timer act;
	uint64_t portal_mends_us[4];
	uint64_t unclaimed_us; /* the last time that a disk was taken away */
	uint64_t commands, errors, adds, removals;
	bool stopping, failed;
};

static void wrong(struct run *run, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void wrong(struct run *run, const char *fmt, ...)
{
	va_list ap;

	printf("seed %" PRIu64 " at %" PRIu64 " us: ", run->seed, sim_now_us(run->sim));
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	run->failed = true;
}

/* ---- hosts ----------------------------------------------------------------------------------------------------- */

static void on_ended(struct sim_io *io)
{
	struct cell *cell = io->then_arg;
	struct run *run = cell->run;

	if (io->ended != 1)
		wrong(run, "a command ended %u times", io->ended);
	if (io->io.status != SCSI_GOOD) {
		run->errors++;
		if (run->unclaimed_us < io->started_us || !run->unclaimed_us)
			wrong(run, "LUN %u block %" PRIu64 " opcode %02x ended with status %02x sense %x/%04x",
			      cell->lun, cell->lba, io->io.cdb[0], io->io.status, sim_io_key(io), sim_io_asc(io));
	} else if (cell->reading && sim_io_stamp(io) != cell->stamp) {
		wrong(run, "LUN %u block %" PRIu64 " reads %" PRIx64 " instead of %" PRIx64, cell->lun, cell->lba,
		      sim_io_stamp(io), cell->stamp);
	}
	if (io->io.status == SCSI_GOOD) /* else the block is written until that has gone well */
		cell->reading = !cell->reading;
	if (!run->stopping)
		timer_arm(&cell->next, sim_below(&run->rng, 300 * MS));
}

static void on_next(void *arg)
{
	struct cell *cell = arg;
	struct run *run = cell->run;
	struct disk *disk = sim_gateway_disk(run->world->g, (unsigned)sim_below(&run->rng, WORKERS), cell->lun);

	if (!disk) { /* not claimed now */
		timer_arm(&cell->next, 100 * MS);
		return;
	}
	run->commands++;
	if (cell->reading)
		sim_io_read(&cell->io, disk, cell->lba);
	else
		sim_io_write(&cell->io, disk, cell->lba, ++cell->stamp);
}

static void start_hosts(struct run *run)
{
	for (uint16_t lun = 0; lun < DISKS; lun++) {
		for (unsigned lba = 0; lba < BLOCKS; lba++) {
			struct cell *cell = &run->cells[lun][lba];

			*cell = (struct cell){ .run = run, .lun = lun, .lba = lba };
			cell->stamp = ((uint64_t)lun * BLOCKS + lba + 1) << 32;
			sim_io_init(&cell->io, run->sim);
			cell->io.then = on_ended;
			cell->io.then_arg = cell;
			timer_init(&cell->next, &run->sim->clock, on_next, cell);
			timer_arm(&cell->next, sim_below(&run->rng, 300 * MS));
		}
	}
}

/* ---- what happens ---------------------------------------------------------------------------------------------- */

static const char *const fences[] = { "auto", "session", "wait", "lu-reset" };

/* "a" has the first two portals, "b" the last two; each is there as the API knows it. */
static void add(struct run *run, unsigned which)
{
	json_t *element = json_pack("{s:s, s:[s], s:s}", "name", which ? "b" : "a", "portals",
				    which ? PORTAL_2A : PORTAL_1A, "fence", fences[run->seed / 2 % 4]);
	struct problem problem;
	const char *name;
	bool created;

	if (control_add_backend(run->world->g->gateway, element, &name, &created, &problem) == 0)
		run->adds += created;
	else if (problem.status != 409)
		wrong(run, "adding was refused: %s", problem.detail);
	json_decref(element);
}

static void take_away(struct run *run, unsigned which)
{
	struct problem problem;
	bool force = sim_chance(&run->rng, 30);

	run->removals += control_remove_backend(run->world->g->gateway, which ? "b" : "a", force, &problem) == 0;
}

static void hurt_portal(struct run *run)
{
	unsigned i = (unsigned)sim_below(&run->rng, 4);
	struct sim_portal *portal = run->world->portals[i];

	switch (sim_below(&run->rng, 4)) {
	case 0:
		sim_portal_reset(portal);
		break;
	case 1:
		sim_portal_down(portal, !portal->down);
		break;
	case 2:
		sim_portal_black_hole(portal, !portal->black_hole);
		break;
	case 3:
		portal->latency_us = portal->latency_us ? 0 : 50 * MS;
		break;
	}
}

static void hurt_commands(struct run *run)
{
	static const enum sim_fault_kind kinds[] = { SIM_FAULT_HANG, SIM_FAULT_MUTE, SIM_FAULT_RESET, SIM_FAULT_STATUS,
						     SIM_FAULT_SENSE };
	static const int opcodes[] = { SIM_ANY, 0x8a, 0x88, 0x00, 0x12, 0xa0, 0x5e, 0x5f };
	struct sim_fault *fault = sim_array_fault(run->world->array, kinds[sim_below(&run->rng, 5)], 2);

	fault->status = SCSI_BUSY;
	fault->key = sim_chance(&run->rng, 50) ? SENSE_NOT_READY : SENSE_ABORTED_COMMAND;
	fault->asc = fault->key == SENSE_NOT_READY ? 0x0401 : 0x4e00; /* retries of either kind */
	fault->opcode = opcodes[sim_below(&run->rng, sizeof(opcodes) / sizeof(opcodes[0]))];
}

/* The array forgets a portal in its list, or knows it again. */
static void relist(struct run *run)
{
	uint64_t bit = UINT64_C(1) << sim_below(&run->rng, 4);

	for (unsigned i = 0; i < 4; i++)
		run->world->portals[i]->lists ^= bit & (i < 2 ? 0x3 : 0xc);
}

static void change_claims(struct run *run)
{
	struct gateway *gateway = run->world->g->gateway;
	struct problem problem;
	const char *id;
	bool created;

	if (control_claim(gateway, "all", NULL, &id, &created, &problem) == 0 && !created) {
		run->unclaimed_us = sim_now_us(run->sim);
		control_unclaim(gateway, "all", true, &problem);
		if (sim_chance(&run->rng, 50))
			control_claim(gateway, "all", NULL, &id, &created, &problem);
	}
}

static void on_act(void *arg)
{
	static const uint16_t attentions[] = { 0x2900, 0x3f0e, 0x2a03 };
	struct run *run = arg;
	unsigned what = (unsigned)sim_below(&run->rng, 100);
	struct problem problem;

	if (what < 25)
		add(run, (unsigned)sim_below(&run->rng, 2));
	else if (what < 45)
		take_away(run, (unsigned)sim_below(&run->rng, 2));
	else if (what < 60)
		hurt_portal(run);
	else if (what < 75)
		hurt_commands(run);
	else if (what < 85)
		sim_array_release(run->world->array);
	else if (what < 88)
		relist(run);
	else if (what < 91)
		sim_array_attention(run->world->array, SIM_ANY, attentions[sim_below(&run->rng, 3)]);
	else if (what < 94)
		control_drain(run->world->g->gateway, "backend", "a", sim_chance(&run->rng, 50), true, &problem);
	else if (what < 97)
		control_reconnect(run->world->g->gateway, "backend", "b", &problem);
	else
		change_claims(run);
	timer_arm(&run->act, sim_below(&run->rng, sim_chance(&run->rng, 50) ? 10 * MS : 2 * S));
}

/* ---- a run ----------------------------------------------------------------------------------------------------- */

static bool is_quiet(void *arg)
{
	const struct run *run = arg;
	const struct backend *backend;
	unsigned count = 0;

	list_for_each(backend, &run->world->g->gateway->backends, link) {
		if (backend->removing)
			return false;
		count++;
	}
	for (unsigned lun = 0; lun < DISKS; lun++)
		for (unsigned lba = 0; lba < BLOCKS; lba++)
			if (run->cells[lun][lba].io.started_us && !sim_io_ended(&run->cells[lun][lba].io))
				return false;
	return count <= 2;
}

static void stop_acting(struct run *run)
{
	struct sim_fault *fault;
	struct problem problem;
	const char *id;
	bool created;

	timer_stop(&run->act);
	list_for_each(fault, &run->world->array->faults, link)
		fault->count = 0;
	sim_array_release(run->world->array);
	for (unsigned i = 0; i < 4; i++) {
		run->world->portals[i]->lists = i < 2 ? 0x3 : 0xc;
		sim_portal_down(run->world->portals[i], false);
		sim_portal_black_hole(run->world->portals[i], false);
	}
	sim_run(run->sim, 60 * S); /* what is being removed goes */
	add(run, 0);
	add(run, 1);
	control_drain(run->world->g->gateway, "backend", "a", false, false, &problem);
	control_claim(run->world->g->gateway, "all", NULL, &id, &created, &problem);
	sim_run(run->sim, 70 * S);
	run->stopping = true;
	for (unsigned lun = 0; lun < DISKS; lun++)
		for (unsigned lba = 0; lba < BLOCKS; lba++)
			timer_stop(&run->cells[lun][lba].next);
}

static void check_end(struct run *run)
{
	const struct device *device;

	if (!sim_until(run->sim, is_quiet, run, HEAL_US) || !sim_gateway_settles(run->world->g, HEAL_US))
		wrong(run, "not everything came back");
	list_for_each(device, &run->world->g->gateway->devices, link)
		if (device->path_count != 4 || !device->claimed)
			wrong(run, "%s has %u paths", device->core.id, device->path_count);
	for (unsigned lun = 0; lun < DISKS; lun++) {
		const struct sim_reservations *r = &run->world->lus[lun]->reservations;

		if (r->enabled && run->seed / 2 % 4 == 0 && (r->count != 4 * WORKERS || r->holder < 0))
			wrong(run, "LUN %u has %u keys, holder %d", lun, r->count, r->holder);
	}
	for (unsigned w = 0; w < WORKERS; w++) {
		const struct lane *lane;
		unsigned lanes = 0;

		list_for_each(lane, &run->world->g->gateway->workers[w]->lanes, worker_link) {
			lanes++;
			if (figure_get(&lane->cell->inflight) || !list_empty(&lane->fence.writes))
				wrong(run, "worker %u link %s is not empty", w, lane->link->id);
		}
		if (lanes != 4)
			wrong(run, "worker %u has %u lanes", w, lanes);
	}
}

/* Whether all went well. */
static bool run_seed(uint64_t seed, bool verbose)
{
	static const char *const policies[] = { "round-robin", "least-queue-depth", "fail-over-only", "latency" };
	struct run *run = calloc(1, sizeof(*run));
	char options[256];
	bool failed;

	if (!run)
		abort();
	run->seed = seed;
	run->rng.state = seed * UINT64_C(0x9e3779b97f4a7c15);
	run->world = world_create(WORKERS);
	run->sim = run->world->sim;
	for (unsigned i = 0; i < 4; i++)
		run->world->portals[i]->lists = i < 2 ? 0x3 : 0xc;
	for (unsigned lun = 0; lun < DISKS; lun++)
		run->world->lus[lun]->reservations.enabled = seed % 2;
	snprintf(options, sizeof(options),
		 "{'backends': [], 'claims': [], 'policies': {'default': '%s'}, 'timers': {'pdo_remove_period': 86400, "
		 "'retry_count': 1000, 'command_timeout': 8, 'path_verify_enabled': %s}}",
		 policies[seed % 4], seed % 5 ? "true" : "false");
	world_start(run->world, options);
	run->sim->rng.state = seed;
	run->world->array->linger_us = 5 * S; /* what a lost session had sent may still land */
	start_hosts(run);
	timer_init(&run->act, &run->sim->clock, on_act, run);
	timer_arm(&run->act, 0);
	sim_run(run->sim, RUN_US);
	stop_acting(run);
	check_end(run);
	if (verbose)
		printf("seed %" PRIu64 ": %" PRIu64 " commands, %" PRIu64 " added, %" PRIu64 " removed, %" PRIu64
		       " errors, %" PRIu64 " connections\n",
		       seed, run->commands, run->adds, run->removals, run->errors, run->sim->connections);
	failed = run->failed;
	world_destroy(run->world);
	free(run);
	return !failed;
}

int main(void)
{
	const char *one = getenv("BRAID_SEED"), *many = getenv("BRAID_SEEDS");
	uint64_t seeds = many ? strtoull(many, NULL, 10) : SEEDS;
	unsigned failed = 0;

	if (one)
		return run_seed(strtoull(one, NULL, 10), true) ? 0 : 1;
	for (uint64_t seed = 1; seed <= seeds; seed++)
		failed += !run_seed(seed, many != NULL);
	printf("%" PRIu64 " seeds, %u failed\n", seeds, failed);
	return failed ? 1 : 0;
}
