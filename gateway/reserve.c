#include "gateway/reserve.h"

#include "gateway/base/hex.h"
#include "gateway/base/memory.h"
#include "gateway/engine/host_reservation.h"
#include "gateway/persist.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int on_changed(void *user)
{
	const struct device *device = user;

	return persist_save(device->gateway);
}

static uint16_t on_lun(void *user)
{
	const struct device *device = user;

	return (uint16_t)device->lun; /* it has one: a host has sent a command to it */
}

static const struct host_reservation_ops reservation_ops = {
	.changed = on_changed,
	.lun = on_lun,
};

void reserve_attach(struct gateway *gateway, struct device *device)
{
	device->gateway = gateway;
	device->core.reservations =
		host_reservation_create(gateway->workers, gateway->worker_count, &reservation_ops, device);
}

void reserve_forget(struct device *device)
{
	char *kept = reserve_save(device);

	reservation_clear(device->core.reservations->unit);
	if (kept)
		persist_save(device->gateway);
	free(kept);
}

char *reserve_save(const struct device *device)
{
	size_t len;
	uint8_t *bytes = reservation_save(device->core.reservations->unit, &len);
	char *text = bytes ? xmalloc(2 * len + 1) : NULL;

	if (text)
		hex_encode(bytes, len, text);
	free(bytes);
	return text;
}

int reserve_load(struct device *device, const char *text)
{
	size_t max = strlen(text) / 2;
	uint8_t *bytes = xmalloc(max + 1);
	int len = hex_decode(text, bytes, max);
	int rc = len < 0 ? -EINVAL : reservation_load(device->core.reservations->unit, bytes, (size_t)len);

	free(bytes);
	return rc;
}

void reserve_nexus_lost(struct gateway *gateway, const struct target_nexus *nexus)
{
	struct device *device;

	list_for_each(device, &gateway->devices, link)
		host_reservation_nexus_lost(device->core.reservations, nexus);
}

/* ---- resets ------------------------------------------------------------------------------------------------------ */

struct reset {
	unsigned worker;
	uint16_t lun;
	void (*done)(void *arg);
	void *arg;
};

static void on_reset(void *ctx, void *arg)
{
	struct gateway *gateway = ctx;
	struct reset *reset = arg;
	struct device *device;

	list_for_each(device, &gateway->devices, link)
		if (reset->lun == TARGET_ALL_LUNS || device->lun == reset->lun)
			host_reservation_reset(device->core.reservations);
	host_reservation_barrier(gateway->workers, gateway->worker_count, gateway->workers[reset->worker]->loop,
				 reset->done, reset->arg);
	free(reset);
}

void reserve_reset(void *user, unsigned worker, uint16_t lun, void (*done)(void *arg), void *arg)
{
	struct gateway *gateway = container_of(user, struct gateway, luns);
	struct reset *reset = xmalloc(sizeof(*reset));

	*reset = (struct reset){ .worker = worker, .lun = lun, .done = done, .arg = arg };
	loop_call(gateway->control, on_reset, gateway, reset);
}
