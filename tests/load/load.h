/*
 * load.h - one run: its phases, what the workers share, and what is counted.
 *
 * start (until the sessions are up) -> run -> drain -> verify -> close -> ended. A signal or a session that gave up
 * leads from run straight through drain to close.
 */
#ifndef BRAID_LOAD_LOAD_H
#define BRAID_LOAD_LOAD_H

#include "gateway/base/loop.h"
#include "gateway/base/pool.h"
#include "tests/load/histogram.h"
#include "tests/load/options.h"
#include "tests/load/rng.h"
#include "tests/load/state.h"

#define FINDINGS_MAX 20
#define FINDING_BYTES 240

struct worker;

enum phase { PHASE_START, PHASE_RUN, PHASE_DRAIN, PHASE_VERIFY, PHASE_CLOSE, PHASE_ENDED };

struct op_stats {
	uint64_t count, bytes;
	struct histogram latency;
};

struct stats {
	struct op_stats ops[OP_COUNT]; /* of the run phase */
	uint64_t run_us;
	uint64_t verdicts[VERDICT_COUNT]; /* blocks judged, all phases */
	uint64_t failed; /* commands that ended with an error status */
	uint64_t unknown_outcomes; /* writes whose connection went first */
	uint64_t reconnects;
	uint64_t identity_changes;
	uint64_t gave_up; /* sessions that ended by themselves */
	uint64_t hung; /* commands without an answer when the run was over */
	uint64_t unverified; /* 1: the check at the end was asked for and not finished */
	uint64_t over_max_stall; /* I/Os */
	uint64_t longest_stall_us; /* of any I/O, from its issue to its end, or to the login after its loss */
	uint64_t final_blocks; /* checked by the pass at the end */
	uint64_t finding_count;
	char findings[FINDINGS_MAX][FINDING_BYTES]; /* the first ones, in words */
};

/* A logical unit: its model, and how far the check at the end has come. */
struct unit {
	struct state_unit *state;
	uint64_t cursor;
};

struct load {
	const struct options *options;
	struct loop *loop;
	struct pool *pool;
	struct rng rng;
	enum phase phase;
	bool stopping; /* ends early: no new I/O, no check at the end */
	uint64_t phase_us; /* when the phase began */
	uint64_t progress_us; /* when an I/O ended last */
	double tokens; /* I/Os that --rate allows now */
	uint64_t ticked_us; /* the tick before */
	struct timer tick;
	struct worker *workers[SESSIONS_MAX];
	struct state_unit states[STATE_UNITS_MAX];
	struct unit units[STATE_UNITS_MAX];
	size_t unit_count;
	struct stats stats;
};

/* --rate: may one more I/O be issued now; one is issued. */
bool load_has_token(const struct load *load);
void load_take_token(struct load *load);

/* Puts one finding down in words; only the first FINDINGS_MAX are kept. Also logged. */
void load_finding(struct load *load, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The logical unit of that name, from the state or new. NULL with a finding: it does not fit the state. */
struct unit *load_unit(struct load *load, const char *name, uint64_t blocks, uint32_t block_size);

/* An I/O took so long from its issue to its end. */
void load_account_stall(struct load *load, uint64_t us);

#endif
