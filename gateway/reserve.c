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

/* ---- management -------------------------------------------------------------------------------------------------- */

struct listing {
	struct registration_view *rows;
	char (*isids)[13];
	size_t count;
};

static void count_entry(const struct reservation_entry *entry, void *arg)
{
	(void)entry;
	++*(size_t *)arg;
}

static void list_entry_of(const struct reservation_entry *entry, void *arg)
{
	struct listing *listing = arg;
	size_t n = listing->count++;

	hex_encode(entry->nexus->isid, sizeof(entry->nexus->isid), listing->isids[n]);
	listing->rows[n] = (struct registration_view){
		.initiator = entry->nexus->initiator_name,
		.isid = listing->isids[n],
		.key = entry->key,
		.holder = entry->holder,
	};
}

static struct device *find_device(struct gateway *gateway, const char *id, struct problem *problem)
{
	struct device *device = gateway_device(gateway, id);

	if (!device)
		problem_set(problem, 404, "", "Unknown device", "There is no device \"%.200s\".", id);
	return device;
}

int control_reservations(struct gateway *control, const char *device_id,
			 void (*fn)(const struct reservations_view *view, void *arg), void *arg,
			 struct problem *problem)
{
	const struct device *device = find_device(control, device_id, problem);
	const struct reservations *unit = device ? device->core.reservations->unit : NULL;
	const struct reservation_nexus *reserver;
	struct reservations_view view;
	struct listing listing = { .count = 0 };
	size_t count = 0;

	if (!unit)
		return -1;
	reservation_each(unit, count_entry, &count);
	listing.rows = xcalloc(count + 1, sizeof(listing.rows[0]));
	listing.isids = xcalloc(count + 1, sizeof(listing.isids[0]));
	reservation_each(unit, list_entry_of, &listing);
	reserver = reservation_reserver(unit);
	view = (struct reservations_view){
		.type = reservation_type_name(unit),
		.generation = reservation_generation(unit),
		.persists = reservation_persists(unit),
		.reserver = reserver ? reserver->initiator_name : NULL,
		.registrations = listing.rows,
		.registration_count = count,
	};
	fn(&view, arg);
	free(listing.rows);
	free(listing.isids);
	return 0;
}

int control_clear_reservations(struct gateway *control, const char *device_id, struct problem *problem)
{
	struct device *device = find_device(control, device_id, problem);

	if (!device)
		return -1;
	reserve_forget(device);
	journal_add(control->journal, "warning", "reservations-cleared", device->core.id,
		    "the hosts' reservations were cleared by the administrator");
	return 0;
}
