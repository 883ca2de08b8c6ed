#include "gateway/engine/news.h"

#include <stdatomic.h>

static unsigned kind_of(uint16_t asc)
{
	return asc == ASC_MODE_PARAMETERS_CHANGED ? 0 : asc == ASC_COMMANDS_CLEARED ? 1 : 2;
}

void news_caught_up(struct news *news, struct news_heard *heard)
{
	for (unsigned kind = 0; kind < NEWS_KINDS; kind++)
		heard->count[kind] = atomic_load(&news->known[kind]);
}

void news_caught_up_on(struct news *news, struct news_heard *heard, uint16_t asc)
{
	heard->count[kind_of(asc)] = atomic_load(&news->known[kind_of(asc)]);
}

bool news_first(struct news *news, struct news_heard *heard, uint16_t asc)
{
	_Atomic uint32_t *known = &news->known[kind_of(asc)];
	uint32_t *count = &heard->count[kind_of(asc)], was = *count;

	/* of two workers that meet the same change at once, one makes it known */
	if (atomic_compare_exchange_strong(known, &was, was + 1)) {
		*count = was + 1;
		return true;
	}
	*count = was;
	return false;
}

void news_expect(struct news *news, struct news_heard *heard, uint16_t asc)
{
	uint32_t was = atomic_fetch_add(&news->known[kind_of(asc)], 1);

	if (heard->count[kind_of(asc)] == was)
		heard->count[kind_of(asc)] = was + 1;
}

void news_made(struct news *news, uint16_t asc)
{
	atomic_fetch_add(&news->known[kind_of(asc)], 1);
}
