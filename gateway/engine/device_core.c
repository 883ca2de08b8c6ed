#include "gateway/engine/device_core.h"

#include "gateway/base/memory.h"

#include <stdlib.h>

struct policy_setup *policy_setup_create(const struct policy_ops *ops, struct policy_setup *before)
{
	struct policy_setup *setup = xcalloc(1, sizeof(*setup));

	setup->ops = ops;
	if (before && before->ops == ops)
		setup->origin = policy_setup_get(before->origin ? before->origin : before);
	setup->shared = setup->origin ? setup->origin->shared : xcalloc(1, ops->shared_bytes ? ops->shared_bytes : 1);
	atomic_init(&setup->references, 1);
	return setup;
}

struct policy_setup *policy_setup_get(struct policy_setup *setup)
{
	atomic_fetch_add(&setup->references, 1);
	return setup;
}

void policy_setup_put(struct policy_setup *setup)
{
	if (!setup || atomic_fetch_sub(&setup->references, 1) != 1)
		return;
	if (setup->origin)
		policy_setup_put(setup->origin);
	else
		free(setup->shared);
	free(setup);
}

uint32_t device_core_settle_s(const struct device_core *core)
{
	uint32_t told = atomic_load_explicit(&core->transition_s, memory_order_relaxed);

	return told > core->dsm_traits.settle_s ? told : core->dsm_traits.settle_s;
}
