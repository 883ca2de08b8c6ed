/*
 * Row P7: the link on which the command is expected to be done first, by what the link has taken lately: service time x
 * (commands in flight + 1). A slow link so gets the share that fits its speed: with many commands under way it carries
 * some, with few none, and what waits for it never becomes more than that.
 *
 * A link that carries nothing measures nothing, and would stay as slow as it once was. So a path that was passed over
 * for PROBE_EVERY commands gets one, if its link is idle: a slow link has at most one such probe under way. When the
 * probes show it to become faster they come PROBE_SOON apart, until it has earned a share of its own.
 */
#include "dsm/policy.h"

#define PROBE_EVERY 128
#define PROBE_SOON 8

struct learned {
	uint64_t latency_us; /* as seen when the path was last chosen */
	unsigned passed_over; /* commands since then */
	bool recovering;
};

struct latency_ctx {
	unsigned turn; /* ties: in turn */
	struct learned path[DSM_PATHS_MAX];
};

/* What a path that was never measured is taken for: as fast as any, so that it is soon measured. */
static uint64_t fastest(const struct policy_load *loads, unsigned count)
{
	uint64_t least = 0;

	for (unsigned i = 0; i < count; i++)
		if (loads[i].latency_us && (!least || loads[i].latency_us < least))
			least = loads[i].latency_us;
	return least ? least : 1;
}

static bool wants_probe(const struct learned *learned, const struct policy_load *load)
{
	return !load->commands && learned->passed_over >= (learned->recovering ? PROBE_SOON : PROBE_EVERY);
}

/* The index within the set. */
static unsigned expected_first(const struct policy_load *loads, unsigned count, unsigned turn)
{
	uint64_t unknown = fastest(loads, count), least = UINT64_MAX;
	unsigned best = 0;

	for (unsigned n = 0; n < count; n++) {
		unsigned i = (turn + n) % count;
		uint64_t cost = (loads[i].latency_us ? loads[i].latency_us : unknown) * (loads[i].commands + 1);

		if (cost < least) {
			least = cost;
			best = i;
		}
	}
	return best;
}

static void note_choice(struct latency_ctx *latency, const struct path_set *usable, unsigned chosen,
			const struct policy_load *load)
{
	struct learned *learned = &latency->path[usable->path[chosen]->index];

	for (unsigned i = 0; i < usable->count; i++)
		latency->path[usable->path[i]->index].passed_over++;
	learned->recovering = load->latency_us < learned->latency_us - learned->latency_us / 16;
	learned->latency_us = load->latency_us;
	learned->passed_over = 0;
	latency->turn = chosen + 1;
}

static struct policy_path *latency_select(void *ctx, void *shared, const struct path_set *usable,
					  const struct policy_io *io)
{
	struct latency_ctx *latency = ctx;
	struct policy_load loads[DSM_PATHS_MAX];
	unsigned chosen = DSM_PATHS_MAX;

	(void)shared;
	(void)io;
	for (unsigned i = 0; i < usable->count; i++) {
		loads[i] = usable->path[i]->link->load(usable->path[i]->link);
		if (wants_probe(&latency->path[usable->path[i]->index], &loads[i]))
			chosen = i;
	}
	if (chosen == DSM_PATHS_MAX)
		chosen = expected_first(loads, usable->count, latency->turn);
	note_choice(latency, usable, chosen, &loads[chosen]);
	return usable->path[chosen];
}

const struct policy_ops policy_latency = {
	.name = "latency",
	.summary = "the link on which the command is expected to be done first",
	.ctx_bytes = sizeof(struct latency_ctx),
	.select = latency_select,
};
