#include "gateway/engine/link.h"

#include "gateway/base/bytes.h"
#include "gateway/base/memory.h"
#include "gateway/engine/initiator.h"
#include "gateway/hash.h"
#include "gateway/timers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *lane_state_name(enum lane_state state)
{
	static const char *const names[] = {
		[LANE_DOWN] = "down",       [LANE_FENCING] = "fencing", [LANE_CONNECTING] = "connecting",
		[LANE_PROBING] = "probing", [LANE_UP] = "up",
	};

	return names[state];
}

/* What is in flight is that of all workers; the service time is what this worker has measured, or, as long as it has
 * carried nothing there, what the others have. */
static struct policy_load load_of(const struct policy_link *policy)
{
	const struct link_load *load = container_of(policy, struct link_load, policy);
	const struct link *link = load->link;
	struct policy_load sum = { .latency_us = figure_get(&link->cells[load->worker].latency_us) };

	for (unsigned w = 0; w < link->worker_count; w++) {
		sum.commands += figure_get(&link->cells[w].inflight);
		sum.bytes += figure_get(&link->cells[w].inflight_bytes);
		if (!sum.latency_us)
			sum.latency_us = figure_get(&link->cells[w].latency_us);
	}
	return sum;
}

int fence_wish_parse(const char *text)
{
	static const char *const names[] = { "auto", "session", "lu-reset", "wait", "none" };

	for (int i = 0; i < 5; i++)
		if (strcmp(names[i], text) == 0)
			return i;
	return -1;
}

struct link *link_create(unsigned number, unsigned worker_count, const char *iqn, const char *portal, uint16_t tpgt)
{
	struct link *link = xcalloc(1, sizeof(*link));

	list_init(&link->backend_link);
	snprintf(link->id, sizeof(link->id), "l%u", number);
	str_copy(link->iqn, sizeof(link->iqn), iqn);
	str_copy(link->portal, sizeof(link->portal), portal);
	link->tpgt = tpgt;
	link->worker_count = worker_count;
	link->cells = aligned_alloc(64, worker_count * sizeof(link->cells[0]));
	if (!link->cells)
		abort();
	memset(link->cells, 0, worker_count * sizeof(link->cells[0]));
	link->kin = xcalloc(worker_count, sizeof(link->kin[0]));
	link->lanes = xcalloc(worker_count, sizeof(link->lanes[0]));
	link->loads = xcalloc(worker_count, sizeof(link->loads[0]));
	for (unsigned w = 0; w < worker_count; w++)
		link->loads[w] = (struct link_load){ { load_of }, link, w };
	return link;
}

static void secret_free(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void link_destroy(struct link *link)
{
	if (!link)
		return;
	list_del(&link->backend_link);
	free(link->chap_name);
	secret_free(link->chap_secret);
	free(link->chap_mutual_name);
	secret_free(link->chap_mutual_secret);
	free(link->cells);
	free(link->kin);
	free(link->loads);
	free(link->lanes);
	free(link);
}

/* Type 10b: random (RFC 7143 11.12.5). */
static void isid_put(uint8_t isid[6], uint64_t hash)
{
	isid[0] = 0x80;
	put_be24(isid + 1, (uint32_t)(hash >> 40));
	put_be16(isid + 4, (uint16_t)(hash >> 16));
}

void link_isid(const struct link *link, unsigned worker, uint8_t isid[6])
{
	uint64_t h = hash_text(link->isid_seed, link->iqn);

	h = hash_text(h, link->portal);
	isid_put(isid, hash_bytes(h, &worker, sizeof(worker)));
}

void link_spare_isid(const struct link *link, unsigned n, uint8_t isid[6])
{
	uint64_t h = hash_text(hash_text(link->isid_seed, "spare"), link->iqn);

	h = hash_text(h, link->portal);
	isid_put(isid, hash_bytes(h, &n, sizeof(n)));
}

struct initiator_params link_login_params(const struct link *link, const struct link *via, const struct timers *timers)
{
	return (struct initiator_params){
		.initiator_name = link->initiator_name,
		.target_name = link->iqn,
		.portal = via->portal,
		.chap_name = link->chap_name,
		.chap_secret = link->chap_secret,
		.chap_mutual_name = link->chap_mutual_name,
		.chap_mutual_secret = link->chap_mutual_secret,
		.login_us = timers->login_timeout * US_PER_S,
		.silence_us = (timers->keepalive_interval + timers->keepalive_timeout) * US_PER_S,
	};
}

uint32_t link_kin(const struct link *link, unsigned worker, uint64_t login)
{
	uint64_t kin = atomic_load_explicit(&link->kin[worker], memory_order_relaxed);

	return (uint32_t)kin == (uint32_t)login ? (uint32_t)(kin >> 32) : 0;
}

/* Both in one word, so that a lane never takes the number of one login for that of another. */
void link_set_kin(struct link *link, unsigned worker, uint64_t login, uint32_t kin)
{
	atomic_store_explicit(&link->kin[worker], (uint64_t)kin << 32 | (uint32_t)login, memory_order_relaxed);
}

static bool same_names(const struct link *a, const struct link *b)
{
	return a->backend == b->backend && a->tpgt == b->tpgt && strcasecmp(a->iqn, b->iqn) == 0;
}

static bool listed_together(const struct link *a, const struct link *b)
{
	return (atomic_load(&a->sources) & atomic_load(&b->sources)) != 0;
}

bool link_may_be_kin(const struct link *a, const struct link *b)
{
	return !listed_together(a, b) && same_names(a, b);
}

bool link_same_group(const struct link *a, uint64_t a_login, const struct link *b, uint64_t b_login, unsigned worker)
{
	uint32_t kin = link_kin(a, worker, a_login);

	return same_names(a, b) && (listed_together(a, b) || (kin && kin == link_kin(b, worker, b_login)));
}

unsigned link_workers_up(const struct link *link)
{
	unsigned up = 0;

	for (unsigned w = 0; w < link->worker_count; w++)
		up += link->lanes[w].state == LANE_UP;
	return up;
}

const char *link_state_name(const struct link *link)
{
	unsigned up = link_workers_up(link);

	if (up)
		return up == link->worker_count ? "up" : "degraded";
	return lane_state_name(link->lanes[0].state);
}
