#include "gateway/engine/inventory.h"

#include "gateway/base/memory.h"

#include <stdlib.h>

struct inventory *inventory_create(void)
{
	return xcalloc(1, sizeof(struct inventory));
}

void inventory_destroy(struct inventory *inventory)
{
	if (!inventory)
		return;
	free(inventory->lus);
	free(inventory);
}

struct lu_info *inventory_add(struct inventory *inventory)
{
	struct lu_info *lu;

	inventory->lus = xrealloc(inventory->lus, (inventory->count + 1) * sizeof(inventory->lus[0]));
	lu = &inventory->lus[inventory->count++];
	*lu = (struct lu_info){ 0 };
	return lu;
}
