#include "gateway/registry.h"

#include "gateway/backend.h"
#include "gateway/base/log.h"
#include "gateway/base/memory.h"
#include "gateway/dsm_table.h"
#include "gateway/hash.h"
#include "gateway/levels.h"
#include "gateway/persist.h"
#include "gateway/reserve.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DEVICES_MAX 4096

#define ASC_REPORTED_LUNS_CHANGED 0x3f0e
#define ASC_CAPACITY_CHANGED 0x2a09
#define TPGS_EXPLICIT 2 /* of standard inquiry data (SPC-4 6.4.2) */
#define BLOCKS_UNTOLD UINT64_MAX /* path_core.blocks: a passive path, whose port tells no capacity */

/* ---- identity ---------------------------------------------------------------------------------------------------- */

static struct device *find_by_identity(struct gateway *gateway, const struct lu_info *lu, bool same_hardware)
{
	struct device *device;

	list_for_each(device, &gateway->devices, link)
		if (device->identity.kind != IDENTITY_NONE && identity_equal(&device->identity, &lu->identity) &&
		    device_same_hardware(device, lu) == same_hardware)
			return device;
	return NULL;
}

static struct device *add_device(struct gateway *gateway, const struct lu_info *lu, const char *id)
{
	struct device *device = device_create(lu, id, gateway->worker_count);

	reserve_attach(gateway, device);

	list_add_tail(&gateway->devices, &device->link);
	levels_apply(gateway, device);
	journal_add(gateway->journal, "info", "device-found", id, "%s %s, %llu blocks of %u bytes%s%s", lu->vendor,
		    lu->product, (unsigned long long)lu->blocks, lu->block_size, *device->reason ? "; " : "",
		    device->reason);
	return device;
}

/* Row D3: the identifier of another device, but not its hardware. Listed, never merged. */
static struct device *add_conflict(struct gateway *gateway, const struct lu_info *lu, const struct device *other)
{
	char id[IDENTITY_TEXT_MAX + 32];
	struct device *device;
	uint64_t hash = hash_text(hash_text(HASH_START, lu->vendor), lu->product);

	snprintf(id, sizeof(id), "%s.conflict-%08llx", other->core.id,
		 (unsigned long long)(hash_bytes(hash, &lu->block_size, sizeof(lu->block_size)) & 0xffffffff));
	device = add_device(gateway, lu, id);
	device->conflict = true;
	snprintf(device->reason, sizeof(device->reason), "same identifier as %.60s, other hardware", other->core.id);
	journal_add(gateway->journal, "error", "conflict", device->core.id, "%s", device->reason);
	return device;
}

/* Whether there is room for another device. An array that makes up identities must not fill the memory. */
static bool has_room(struct gateway *gateway)
{
	const struct device *device;
	unsigned count = 0;

	list_for_each(device, &gateway->devices, link)
		count++;
	if (count >= DEVICES_MAX && !gateway->full)
		journal_add(gateway->journal, "error", "too-many-devices", NULL,
			    "%u devices are known; no more are taken", count);
	gateway->full = count >= DEVICES_MAX;
	return !gateway->full;
}

/* An LU without an identifier is listed by where it was found. */
static struct device *unidentified(struct gateway *gateway, const struct lu_info *lu, const struct link *link)
{
	char id[IDENTITY_TEXT_MAX];
	struct device *device;

	snprintf(id, sizeof(id), "unidentified.%s.%s.%u", link->iqn, link->portal, lu->lun);
	device = gateway_device(gateway, id);
	if (!device && has_room(gateway))
		device = add_device(gateway, lu, id);
	return device;
}

/* NULL: it is new, and there is no room. */
static struct device *device_for(struct gateway *gateway, const struct lu_info *lu, const struct link *link)
{
	char id[IDENTITY_TEXT_MAX];
	struct device *device, *other;

	if (lu->identity.kind == IDENTITY_NONE)
		return unidentified(gateway, lu, link);
	device = find_by_identity(gateway, lu, true);
	if (device)
		return device;
	if (!has_room(gateway))
		return NULL;
	other = find_by_identity(gateway, lu, false);
	if (other)
		return add_conflict(gateway, lu, other);
	return add_device(gateway, lu, identity_text(&lu->identity, id, sizeof(id)));
}

/* Asks the modules whose device it is (row D7), once, and before its first path is up: workers look at the module only
 * when a path has answered, and hear of a path through a message that comes later than this. */
static void own(struct gateway *gateway, struct device *device, const struct lu_info *lu)
{
	struct dsm_inquiry inquiry = {
		.standard = lu->standard,
		.standard_len = lu->standard_len,
		.vpd83 = lu->vpd83_len ? lu->vpd83 : NULL,
		.vpd83_len = lu->vpd83_len,
		.tpgs = lu->tpgs,
	};

	if (device->owned)
		return;
	str_copy(inquiry.vendor, sizeof(inquiry.vendor), lu->vendor);
	str_copy(inquiry.product, sizeof(inquiry.product), lu->product);
	str_copy(inquiry.revision, sizeof(inquiry.revision), lu->revision);
	dsm_table_own(gateway->dsms, &inquiry, &device->core);
	device->core.tpgs = lu->tpgs;
	/* row P8 */
	device->asymmetric |= (lu->tpgs & TPGS_EXPLICIT) || device->core.dsm_traits.active_passive;
	device->owned = true;
	levels_apply(gateway, device);
}

/* ---- paths ------------------------------------------------------------------------------------------------------- */

static bool seen_now(const struct path_core *path, unsigned worker)
{
	const struct lane_view *lane = &path->link->lanes[worker];

	return path->seen[worker] && lane->state == LANE_UP && lane->generation == path->seen[worker];
}

uint64_t registry_other_blocks(const struct device *device, const struct path_core *path)
{
	for (unsigned w = 0; w < device->worker_count; w++)
		if (seen_now(path, w) && path->blocks[w] != device->blocks && path->blocks[w] != BLOCKS_UNTOLD)
			return path->blocks[w];
	return 0;
}

/* The capacity that every path tells now; 0: they disagree, or there is none. */
static uint64_t agreed_blocks(const struct device *device)
{
	uint64_t blocks = 0;

	for (unsigned i = 0; i < device->path_count; i++) {
		for (unsigned w = 0; w < device->worker_count; w++) {
			const struct path_core *path = device->paths[i];

			if (!seen_now(path, w) || path->blocks[w] == blocks || path->blocks[w] == BLOCKS_UNTOLD)
				continue;
			if (blocks)
				return 0;
			blocks = path->blocks[w];
		}
	}
	return blocks;
}

/* Once, and not with every look that follows. */
static void tell_shrunk(struct gateway *gateway, struct device *device, uint64_t blocks)
{
	if (blocks != device->shrunk_to)
		journal_add(
			gateway->journal, "error", "capacity-shrunk", device->core.id,
			"the array now tells %llu blocks instead of %llu: the device is not used until it is released "
			"and claimed again",
			(unsigned long long)blocks, (unsigned long long)device->blocks);
	device->shrunk_to = blocks;
}

/* A new capacity counts when all paths tell it. A smaller one is not taken: data would be cut off silently. */
static void settle_capacity(struct gateway *gateway, struct device *device)
{
	uint64_t blocks = agreed_blocks(device);

	if (blocks == device->blocks)
		device->shrunk_to = 0;
	if (!blocks || blocks == device->blocks)
		return;
	if (blocks < device->blocks && device->claimed) {
		tell_shrunk(gateway, device, blocks);
		return;
	}
	if (device->blocks)
		journal_add(gateway->journal, "info", "capacity-changed", device->core.id, "from %llu to %llu blocks",
			    (unsigned long long)device->blocks, (unsigned long long)blocks);
	device->blocks = blocks;
	if (device->claimed)
		target_unit_attention(gateway->target, (uint16_t)device->lun, ASC_CAPACITY_CHANGED, 0);
}

/* What a path tells now. An array tells each nexus of a change by itself, and one without I/O never hears of it: when
 * a path tells something new that the others do not, they are read again. */
static void note_blocks(struct gateway *gateway, struct device *device, struct path_core *path, unsigned worker,
			uint64_t blocks)
{
	uint64_t was = path->blocks[worker];

	path->blocks[worker] = blocks;
	if (was == blocks || !blocks || blocks == BLOCKS_UNTOLD || agreed_blocks(device))
		return;
	journal_add(gateway->journal, "warning", "capacity-differs", device->core.id,
		    "path %s tells %llu blocks, other paths do not: those that differ from the device carry no I/O",
		    path->id, (unsigned long long)blocks);
	for (unsigned i = 0; was && was != BLOCKS_UNTOLD && i < device->path_count; i++)
		for (unsigned w = 0; w < device->worker_count; w++)
			if (seen_now(device->paths[i], w) && device->paths[i]->blocks[w] != blocks)
				worker_identify_link(gateway->workers[w], device->paths[i]->link);
}

/* Lets I/O onto every path whose LU has just been seen to be this device. */
static void raise_paths(struct gateway *gateway, struct device *device)
{
	if (!device->claimed)
		return;
	for (unsigned i = 0; i < device->path_count; i++) {
		struct path_core *path = device->paths[i];

		for (unsigned w = 0; w < gateway->worker_count; w++)
			if (seen_now(path, w) &&
			    (path->blocks[w] == device->blocks || path->blocks[w] == BLOCKS_UNTOLD))
				worker_path_up(gateway->workers[w], &device->core, path, path->seen[w]);
	}
}

/* What this gateway may have left at a device that it presented once: keys of paths that were down when it was
 * released, or when the gateway crashed (row F4). */
static void disown(struct gateway *gateway, const struct device *device)
{
	if (device->claimed || device->leaving || device->lun < 0 || gateway->stopping)
		return;
	for (unsigned i = 0; i < device->path_count; i++) {
		const struct path_core *path = device->paths[i];

		for (unsigned w = 0; w < gateway->worker_count; w++)
			if (seen_now(path, w) && path->link->fence == FENCE_AUTO)
				worker_disown(gateway->workers[w], path->link, path->lun);
	}
}

/* What a policy has learned of a path that is gone must not be taken for that of another with its index. */
static void forget_learned(struct device *device)
{
	policy_setup_put(device->setup);
	device->setup = NULL;
	device->worn = 0;
}

static struct path_core *path_for(struct gateway *gateway, struct device *device, struct link *link, uint16_t lun)
{
	struct path_core *path = device_path(device, link, lun);

	if (path)
		return path;
	path = device_add_path(device, link, lun, gateway->next_path + 1);
	if (!path) {
		if (!device->crowded)
			journal_add(gateway->journal, "warning", "path-refused", device->core.id,
				    "it has %d paths already; %s LUN %u is not used", DSM_PATHS_MAX, link->portal, lun);
		device->crowded = true;
		return NULL;
	}
	gateway->next_path++;
	if (device->worn >> path->index & 1)
		forget_learned(device);
	levels_apply(gateway, device); /* the new path has its own role and weight */
	return path;
}

/* A nexus has found a LUN that it did not have, or misses one. The array tells each nexus of that by itself, and one
 * without I/O never hears of it: those to the same target that know otherwise are read again. */
static void compare_nexuses(struct gateway *gateway, const struct device *device, const struct path_core *path,
			    bool is_here)
{
	struct link *link;

	list_for_each(link, &path->link->backend->links, backend_link) {
		const struct path_core *other = device_path(device, link, path->lun);

		if (strcasecmp(link->iqn, path->link->iqn) != 0)
			continue;
		for (unsigned w = 0; w < gateway->worker_count; w++)
			if (link->lanes[w].state == LANE_UP && (other && seen_now(other, w)) != is_here)
				worker_identify_link(gateway->workers[w], link);
	}
}

/* Paths that an older probe saw here and this one did not: the number leads elsewhere now, or nowhere (row D4). */
static void forget_unseen(struct gateway *gateway, const struct link *link, unsigned worker, uint64_t generation)
{
	struct device *device;

	list_for_each(device, &gateway->devices, link) {
		for (unsigned i = 0; i < device->path_count; i++) {
			struct path_core *path = device->paths[i];

			if (path->link != link || !path->seen[worker] || path->seen[worker] == generation)
				continue;
			path->seen[worker] = 0;
			compare_nexuses(gateway, device, path, false);
			if (worker == 0)
				journal_add(gateway->journal, "warning", "path-gone", device->core.id,
					    "path %s: LUN %u at %s is no longer this device", path->id, path->lun,
					    link->portal);
		}
	}
}

/* Whether another path of the device is used that says otherwise of ALUA: what standby, and what an access state,
 * means could not be told for both. An array that is changed as a whole is taken up again path by path. */
static bool is_mixed(const struct device *device, const struct path_core *path, const struct lu_info *lu)
{
	for (unsigned i = 0; i < device->path_count; i++) {
		const struct path_core *other = device->paths[i];

		for (unsigned w = 0; other != path && w < device->worker_count; w++)
			if (other->seen[w] && !other->tpgs != !lu->tpgs)
				return true;
	}
	return false;
}

static void refuse_mixed(struct gateway *gateway, const struct device *device, struct path_core *path, unsigned worker)
{
	if (!path->mixed)
		journal_add(gateway->journal, "warning", "path-refused", device->core.id,
			    "path %s, %s LUN %u, %s ALUA, the others %s: the array's ports must be set alike", path->id,
			    path->link->portal, path->lun, device->core.tpgs ? "has no" : "has",
			    device->core.tpgs ? "have it" : "have not");
	path->mixed = true;
	worker_identify_link_later(gateway->workers[worker], path->link);
}

/* Takes in what one probe says of one LU. */
static void take_lu(struct gateway *gateway, struct link *link, unsigned worker, uint64_t generation,
		    const struct lu_info *lu)
{
	struct device *device = device_for(gateway, lu, link);
	struct path_core *path = device ? path_for(gateway, device, link, lu->lun) : NULL;
	bool is_new;

	if (!device)
		return;
	own(gateway, device, lu);
	if (!device->block_size) /* nobody has told it before */
		device->block_size = lu->block_size;
	if (!path)
		return;
	if (is_mixed(device, path, lu)) {
		refuse_mixed(gateway, device, path, worker);
		return;
	}
	path->mixed = false;
	path->tpgs = lu->tpgs;
	is_new = !path->seen[worker];
	path->seen[worker] = generation;
	atomic_store(&path->group, lu->port_group);
	if (is_new)
		compare_nexuses(gateway, device, path, true);
	note_blocks(gateway, device, path, worker, lu->is_passive ? BLOCKS_UNTOLD : lu->blocks);
	str_copy(device->serial, sizeof(device->serial), lu->serial);
	str_copy(device->revision, sizeof(device->revision), lu->revision);
	if (!device->conflict && !(lu->is_passive && device->blocks))
		str_copy(device->reason, sizeof(device->reason), lu->problem ? lu->problem : "");
}

static bool is_seen(const struct device *device)
{
	for (unsigned i = 0; i < device->path_count; i++)
		for (unsigned w = 0; w < device->worker_count; w++)
			if (device->paths[i]->seen[w])
				return true;
	return false;
}

/* Devices that no link leads to, and that nobody has anything to do with. A link that is only down still leads there.
 */
static void forget_devices(struct gateway *gateway)
{
	struct device *device;

	list_for_each(device, &gateway->devices, link) {
		if (device->claimed || device->leaving || device_is_kept(device) || is_seen(device))
			continue;
		journal_add(gateway->journal, "info", "device-gone", device->core.id,
			    "no path leads to it, and it is not claimed");
		device_destroy(device);
	}
}

/* Whether it is to be looked at again: nobody has told the capacity yet; or it is not the one in use, so that nothing
 * is sent there and no unit attention will say when that changes. */
static bool has_more_to_tell(const struct device *device, const struct lu_info *lu)
{
	return lu->is_passive ? !device->blocks : device->claimed && lu->blocks != device->blocks;
}

void registry_inventory(struct gateway *gateway, struct link *link, unsigned worker, uint64_t generation,
			const struct inventory *inventory)
{
	for (unsigned i = 0; i < inventory->count; i++)
		take_lu(gateway, link, worker, generation, &inventory->lus[i]);
	forget_unseen(gateway, link, worker, generation);
	for (unsigned i = 0; i < inventory->count; i++) {
		struct device *device = device_for(gateway, &inventory->lus[i], link);

		if (!device)
			continue;
		settle_capacity(gateway, device);
		if (has_more_to_tell(device, &inventory->lus[i]))
			worker_identify_link_later(gateway->workers[worker], link);
	}
	registry_apply_claims(gateway);
	for (unsigned i = 0; i < inventory->count; i++) {
		struct device *device = device_for(gateway, &inventory->lus[i], link);

		if (device)
			raise_paths(gateway, device);
		if (device)
			disown(gateway, device);
	}
	worker_settle_link(gateway->workers[worker], link, generation);
	forget_devices(gateway);
}

/* There is room for paths that were refused: they are looked for. */
static void look_for_refused(struct gateway *gateway, struct device *device)
{
	const struct backend *backend;
	struct link *link;

	device->crowded = false;
	list_for_each(backend, &gateway->backends, link)
		list_for_each(link, &backend->links, backend_link)
			for (unsigned w = 0; w < gateway->worker_count; w++)
				if (link->lanes[w].state == LANE_UP)
					worker_identify_link(gateway->workers[w], link);
}

void registry_link_left(struct gateway *gateway, const struct link *link)
{
	struct device *device;

	list_for_each(device, &gateway->devices, link) {
		unsigned before = device->path_count;

		for (unsigned i = before; i-- > 0;)
			if (device->paths[i]->link == link)
				device_remove_path(device, device->paths[i]);
		if (device->path_count == before)
			continue;
		levels_apply(gateway, device);
		if (device->crowded)
			look_for_refused(gateway, device);
	}
	forget_devices(gateway);
}

/* ---- claims ------------------------------------------------------------------------------------------------------ */

static const struct claim *claim_for(const struct gateway *gateway, const struct device *device)
{
	const struct claim *claim;

	list_for_each(claim, &gateway->claims, link)
		if (claim_matches(claim, device->core.id, device->hardware_id))
			return claim;
	return NULL;
}

static bool is_presentable(const struct device *device)
{
	return !*device->reason && !device->conflict && device->identity.kind != IDENTITY_NONE;
}

static int free_lun(const struct gateway *gateway)
{
	bool taken[TARGET_LUNS_MAX] = { false };
	const struct device *device;

	list_for_each(device, &gateway->devices, link)
		if (device->lun >= 0)
			taken[device->lun] = true; /* also of those that are not claimed now: it stays theirs */
	for (int lun = 0; lun < TARGET_LUNS_MAX; lun++)
		if (!taken[lun])
			return lun;
	return -1;
}

static void present(struct gateway *gateway, struct device *device)
{
	settle_capacity(gateway, device); /* also a smaller one: nobody has used the old one since */
	device->core.target_iqn = gateway->luns.iqn;
	device->core.block_size = device->block_size;
	device->core.transfer_blocks = (uint32_t)(gateway->luns.transfer_bytes / device->block_size);
	levels_apply(gateway, device);
	for (unsigned w = 0; w < gateway->worker_count; w++)
		worker_add_disk(gateway->workers[w], &device->core, device->setup, &device->timers,
				(uint16_t)device->lun);
	levels_give_throttle(gateway, device);
	device->claimed = true;
	journal_add(gateway->journal, "info", "claimed", device->core.id, "LUN %d, %s, policy %s", device->lun,
		    device->name, policy_name(device->policy_in_force));
	raise_paths(gateway, device);
}

static void withdraw(struct gateway *gateway, struct device *device)
{
	device->claimed = false;
	device->claimed_by = NULL;
	device->leaving = gateway->worker_count;
	for (unsigned w = 0; w < gateway->worker_count; w++)
		worker_remove_disk(gateway->workers[w], &device->core);
	journal_add(gateway->journal, "info", "unclaimed", device->core.id, "LUN %d is no longer presented",
		    device->lun);
}

/* Gives LUN numbers to what is claimed for the first time and not gone again. True: something has to be saved. */
static bool number_devices(struct gateway *gateway)
{
	struct device *device;
	bool changed = false;

	list_for_each(device, &gateway->devices, link) {
		if (device->lun >= 0 || !is_presentable(device) || !claim_for(gateway, device) || !is_seen(device))
			continue;
		device->lun = free_lun(gateway);
		device->unsaved = device->lun >= 0;
		changed |= device->unsaved;
		if (device->lun < 0)
			journal_add(gateway->journal, "error", "no-lun", device->core.id,
				    "all %d LUN numbers are taken", TARGET_LUNS_MAX);
	}
	return changed;
}

/* What number_devices() gave out is on disk, or it is taken back: a number that is not is shown to no host (row D9). */
static void settle_numbers(struct gateway *gateway, bool saved)
{
	struct device *device;

	list_for_each(device, &gateway->devices, link) {
		if (device->unsaved && !saved)
			device->lun = -1;
		device->unsaved = false;
	}
}

void registry_apply_claims(struct gateway *gateway)
{
	struct device *device;
	bool changed = false;

	if (gateway->stopping)
		return;
	if (number_devices(gateway))
		settle_numbers(gateway, persist_save(gateway) == 0);
	list_for_each(device, &gateway->devices, link) {
		const struct claim *claim = claim_for(gateway, device);

		if (claim && is_presentable(device) && !device->claimed && !device->leaving && device->lun >= 0) {
			present(gateway, device);
			changed = true;
		} else if (!claim && device->claimed) { /* with a claim it stays: its problem may pass */
			withdraw(gateway, device);
			changed = true;
		}
		if (device->claimed)
			device->claimed_by = claim->id;
	}
	if (changed)
		target_unit_attention(gateway->target, TARGET_ALL_LUNS, ASC_REPORTED_LUNS_CHANGED, 0);
}

void registry_disk_left(struct gateway *gateway, struct device_core *core)
{
	struct device *device = container_of(core, struct device, core);

	for (unsigned i = 0; i < device->path_count; i++)
		for (unsigned w = 0; w < gateway->worker_count; w++)
			atomic_store_explicit(&device->paths[i]->states[w], PATH_DOWN, memory_order_relaxed);
	if (device->leaving && --device->leaving == 0) {
		registry_apply_claims(gateway); /* it may have been claimed again meanwhile */
		disown(gateway, device);
		if (!device->claimed && !gateway->stopping)
			reserve_forget(device);
	}
}

/* A path that could not tell its capacity as a passive one can now. */
static void identify_active(struct gateway *gateway, const struct device *device)
{
	for (unsigned i = 0; i < device->path_count; i++) {
		const struct path_core *path = device->paths[i];

		for (unsigned w = 0; w < gateway->worker_count; w++)
			if (seen_now(path, w) && path->blocks[w] == BLOCKS_UNTOLD &&
			    path_core_access(path) <= DSM_ACCESS_LBA_DEPENDENT)
				worker_identify_link(gateway->workers[w], path->link);
	}
}

void registry_access(struct gateway *gateway, struct device_core *core)
{
	struct device *device = container_of(core, struct device, core);
	enum dsm_access first = DSM_ACCESS_UNKNOWN;
	bool was = device->asymmetric;

	for (unsigned i = 0; i < device->path_count; i++) {
		enum dsm_access access = path_core_access(device->paths[i]);

		if (!first)
			first = access;
		device->asymmetric |= access && access != first;
	}
	if (device->asymmetric && !was)
		levels_apply(gateway, device); /* round robin becomes round robin with subset */
	identify_active(gateway, device);
	journal_add(gateway->journal, "info", "access-changed", device->core.id, "the array told new access states%s",
		    device->asymmetric ? "; its paths are asymmetric" : "");
}
