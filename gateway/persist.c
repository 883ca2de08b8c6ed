#include "gateway/persist.h"

#include "gateway/base/hex.h"
#include "gateway/base/log.h"
#include "gateway/base/memory.h"
#include "gateway/levels.h"
#include "gateway/reserve.h"
#include "gateway/state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define STATE_VERSION 1

/* ---- save -------------------------------------------------------------------------------------------------------- */

static json_t *save_settings(const struct device *device)
{
	json_t *paths = json_array();

	for (unsigned i = 0; i < device->setting_count; i++) {
		const struct policy_setting_kept *kept = &device->settings[i];

		json_array_append_new(paths, json_pack("{s:s, s:s, s:i, s:s, s:I, s:b}", "iqn", kept->iqn, "portal",
						       kept->portal, "lun", (int)kept->lun, "role",
						       kept->role == POLICY_STANDBY ? "standby" : "active", "weight",
						       (json_int_t)kept->weight, "preferred", (int)kept->preferred));
	}
	return paths;
}

static json_t *save_timers(const struct timers_level *timers)
{
	json_t *json = json_object();

	for (enum timer_id id = 0; id < TIMER_COUNT; id++)
		if (timers->set >> id & 1)
			json_object_set_new(json, timer_table[id].name, json_integer(timers_get(&timers->values, id)));
	return json;
}

/* Into an object that has other members as well. */
static void save_own(json_t *json, const struct settings *own)
{
	const struct throttle_limits *throttle = &own->throttle;

	if (json && own->timers.set)
		json_object_set_new(json, "timers", save_timers(&own->timers));
	if (json && throttle_is_set(throttle))
		json_object_set_new(json, "throttle",
				    json_pack("{s:I, s:I}", "iops", (json_int_t)throttle->iops, "bytes_per_second",
					      (json_int_t)throttle->bytes_per_second));
}

static json_t *save_levels(const struct gateway *gateway, enum level_kind kind)
{
	json_t *levels = json_object(), *json;
	const struct level *level;

	list_for_each(level, &gateway->levels, link) {
		if (level->kind != kind || levels_is_empty(level))
			continue;
		json = json_object();
		if (level->policy != POLICY_INHERIT)
			json_object_set_new(json, "policy", json_string(policy_name(level->policy)));
		save_own(json, &level->settings);
		json_object_set_new(levels, level->name, json);
	}
	return levels;
}

static json_t *save_device(const struct device *device)
{
	char standard[2 * HARDWARE_ID_LEN + 1], identity[2 * sizeof(device->identity.bytes) + 1];
	char *reservations = reserve_save(device);
	json_t *json;

	hex_encode((const uint8_t *)device->hardware_id, HARDWARE_ID_LEN, standard);
	hex_encode(device->identity.bytes, device->identity.len, identity);
	json = json_pack("{s:i, s:s, s:s, s:s, s:I, s:i, s:{s:i, s:i, s:i, s:i, s:s}}", "lun", device->lun,
			 "hardware_id", device->hardware_id, "revision", device->revision, "serial", device->serial,
			 "blocks", (json_int_t)device->blocks, "block_size", (int)device->block_size, "identity",
			 "kind", (int)device->identity.kind, "type", (int)device->identity.type, "association",
			 (int)device->identity.association, "code_set", (int)device->identity.code_set, "bytes",
			 identity);
	if (json && device->policy != POLICY_INHERIT)
		json_object_set_new(json, "policy", json_string(policy_name(device->policy)));
	if (json && device->failback_s)
		json_object_set_new(json, "failback_s", json_integer(device->failback_s));
	if (json && device->setting_count)
		json_object_set_new(json, "paths", save_settings(device));
	if (json && reservations)
		json_object_set_new(json, "reservations", json_string(reservations));
	free(reservations);
	save_own(json, &device->own);
	return json;
}

static json_t *save_all(const struct gateway *gateway)
{
	json_t *devices = json_object(), *claims = json_array();
	const struct device *device;
	const struct claim *claim;
	char id[17];

	list_for_each(device, &gateway->devices, link)
		if (device_is_kept(device))
			json_object_set_new(devices, device->core.id, save_device(device));
	list_for_each(claim, &gateway->claims, link)
		if (!claim->from_config)
			json_array_append_new(claims, json_pack("{s:s, s:s}", "kind", claim_kind_name(claim->kind),
								"value", claim->value));
	snprintf(id, sizeof(id), "%016llx", (unsigned long long)gateway->id);
	return json_pack("{s:i, s:s, s:o, s:o, s:O, s:o, s:o, s:o}", "version", STATE_VERSION, "gateway", id, "devices",
			 devices, "claims", claims, "backends", gateway->kept_backends, "timers",
			 save_timers(&gateway->settings.timers), "dsms", save_levels(gateway, LEVEL_DSM),
			 "hardware_ids", save_levels(gateway, LEVEL_HARDWARE_ID));
}

int persist_save(struct gateway *gateway)
{
	json_t *root = save_all(gateway);
	int rc = root ? state_save(gateway->config->state_dir, root) : -ENOMEM;

	json_decref(root);
	if (rc < 0)
		journal_add(gateway->journal, "error", "state-not-saved", NULL,
			    "the state could not be written to %s: %s", gateway->config->state_dir, strerror(-rc));
	return rc;
}

/* ---- load -------------------------------------------------------------------------------------------------------- */

static void load_settings(struct device *device, json_t *paths)
{
	size_t i;
	json_t *json;

	device->settings = xcalloc(json_array_size(paths) + 1, sizeof(device->settings[0]));
	json_array_foreach(paths, i, json) {
		struct policy_setting_kept *kept = &device->settings[device->setting_count];
		const char *iqn, *portal, *role;
		json_int_t weight;
		int lun, preferred;

		if (json_unpack(json, "{s:s, s:s, s:i, s:s, s:I, s:b}", "iqn", &iqn, "portal", &portal, "lun", &lun,
				"role", &role, "weight", &weight, "preferred", &preferred) < 0)
			continue;
		str_copy(kept->iqn, sizeof(kept->iqn), iqn);
		str_copy(kept->portal, sizeof(kept->portal), portal);
		kept->lun = (uint16_t)lun;
		kept->role = strcmp(role, "standby") == 0 ? POLICY_STANDBY : POLICY_ACTIVE;
		kept->weight = (uint32_t)weight;
		kept->preferred = preferred;
		device->setting_count++;
	}
}

/* What this version does not know, or would not take from the API, is left out: the next level decides. */
static void load_timers(struct timers_level *timers, json_t *json, bool links_too)
{
	const char *name;
	json_t *value;

	json_object_foreach(json, name, value) {
		int id = timer_find(name);
		json_int_t number = json_integer_value(value);

		if (id < 0 || !json_is_integer(value) || number < timer_table[id].min || number > timer_table[id].max ||
		    (timer_table[id].scope == TIMER_SCOPE_LINK && !links_too)) {
			log_warn("state", "timer=%s is not taken", name);
			continue;
		}
		*timers_at(&timers->values, (enum timer_id)id) = (uint32_t)number;
		timers->set |= 1u << id;
	}
}

static void load_own(struct settings *own, json_t *json)
{
	json_int_t iops = 0, rate = 0;

	load_timers(&own->timers, json_object_get(json, "timers"), false);
	if (json_unpack(json, "{s:{s:I, s:I}}", "throttle", "iops", &iops, "bytes_per_second", &rate) < 0)
		return;
	if (iops > 0 && iops <= (json_int_t)THROTTLE_IOPS_MAX)
		own->throttle.iops = (uint64_t)iops;
	if (rate >= (json_int_t)THROTTLE_RATE_MIN && rate <= (json_int_t)THROTTLE_RATE_MAX)
		own->throttle.bytes_per_second = (uint64_t)rate;
}

static void load_levels(struct gateway *gateway, json_t *levels, enum level_kind kind)
{
	const char *name;
	json_t *json;

	json_object_foreach(levels, name, json) {
		const char *policy = json_string_value(json_object_get(json, "policy"));
		struct level *level = levels_add(gateway, kind, name);

		if (!level)
			continue;
		load_own(&level->settings, json);
		if (policy)
			policy_parse(policy, &level->policy);
	}
}

static void trimmed(char *out, const char *field, size_t len)
{
	memcpy(out, field, len);
	while (len && out[len - 1] == ' ')
		len--;
	out[len] = '\0';
}

static uint32_t load_failback(const json_t *json)
{
	json_int_t seconds = json_integer_value(json_object_get(json, "failback_s"));

	if (seconds == CONTROL_FAILBACK_MANUAL)
		return CONTROL_FAILBACK_MANUAL;
	return seconds > 0 && seconds <= CONTROL_FAILBACK_MAX ? (uint32_t)seconds : 0;
}

static bool has_lun(const struct gateway *gateway, int lun)
{
	const struct device *device;

	list_for_each(device, &gateway->devices, link)
		if (device->lun == lun)
			return true;
	return false;
}

static int load_device(struct gateway *gateway, const char *id, json_t *json)
{
	const char *hardware_id, *revision, *serial, *bytes, *policy = NULL, *reservations = NULL;
	int lun, block_size, kind, type, association, code_set, len;
	json_t *paths = NULL;
	struct lu_info lu = { 0 };
	struct device *device;
	json_int_t blocks;

	if (json_unpack(json, "{s:i, s:s, s:s, s:s, s:I, s:i, s:{s:i, s:i, s:i, s:i, s:s}, s?s, s?o, s?s}", "lun", &lun,
			"hardware_id", &hardware_id, "revision", &revision, "serial", &serial, "blocks", &blocks,
			"block_size", &block_size, "identity", "kind", &kind, "type", &type, "association",
			&association, "code_set", &code_set, "bytes", &bytes, "policy", &policy, "paths", &paths,
			"reservations", &reservations) < 0 ||
	    strlen(hardware_id) != HARDWARE_ID_LEN || (lun >= 0 && block_size <= 0) || lun < -1 ||
	    lun >= TARGET_LUNS_MAX)
		return -EINVAL;
	if (lun >= 0 && has_lun(gateway, lun)) {
		log_error("state", "device=%s has LUN %d, and so has another device", id, lun);
		return -EINVAL;
	}
	len = hex_decode(bytes, lu.identity.bytes, sizeof(lu.identity.bytes));
	if (len < 0)
		return -EINVAL;
	lu.identity.kind = (enum identity_kind)kind;
	lu.identity.type = (uint8_t)type;
	lu.identity.association = (uint8_t)association;
	lu.identity.code_set = (uint8_t)code_set;
	lu.identity.len = (uint16_t)len;
	memcpy(lu.standard + 8, hardware_id, HARDWARE_ID_LEN);
	trimmed(lu.vendor, hardware_id, 8);
	trimmed(lu.product, hardware_id + 8, 16);
	str_copy(lu.revision, sizeof(lu.revision), revision);
	str_copy(lu.serial, sizeof(lu.serial), serial);
	lu.blocks = (uint64_t)blocks;
	lu.block_size = (uint32_t)block_size;
	device = device_create(&lu, id, gateway->worker_count);
	reserve_attach(gateway, device);
	device->lun = lun;
	device->failback_s = load_failback(json);
	load_own(&device->own, json);
	if (policy)
		policy_parse(policy, &device->policy);
	if (paths)
		load_settings(device, paths);
	list_add_tail(&gateway->devices, &device->link);
	return reservations ? reserve_load(device, reservations) : 0;
}

static int load_claims(struct gateway *gateway, json_t *claims)
{
	size_t i;
	json_t *json;

	json_array_foreach(claims, i, json) {
		const char *kind, *value;
		struct claim *claim;

		if (json_unpack(json, "{s:s, s:s}", "kind", &kind, "value", &value) < 0)
			return -EINVAL;
		claim = claim_create(kind, value, false);
		if (!claim)
			return -EINVAL;
		list_add_tail(&gateway->claims, &claim->link);
	}
	return 0;
}

/* What the elements say is checked when they are made (backends.c). */
static int load_backends(struct gateway *gateway, json_t *backends)
{
	const char *name;
	json_t *element;

	if (backends && !json_is_object(backends))
		return -EINVAL;
	json_object_foreach(backends, name, element)
		if (!json_is_object(element))
			return -EINVAL;
	json_object_update(gateway->kept_backends, backends);
	return 0;
}

static int load_all(struct gateway *gateway, json_t *root)
{
	json_t *devices = NULL, *claims = NULL, *backends = NULL, *timers = NULL, *dsms = NULL, *hardware_ids = NULL;
	json_t *json;
	const char *id = NULL, *name;
	int version = STATE_VERSION;

	if (json_unpack(root, "{s?i, s?s, s?o, s?o, s?o, s?o, s?o, s?o}", "version", &version, "gateway", &id, "devices",
			&devices, "claims", &claims, "backends", &backends, "timers", &timers, "dsms", &dsms,
			"hardware_ids", &hardware_ids) < 0 ||
	    version != STATE_VERSION || load_backends(gateway, backends) < 0)
		return -EINVAL;
	load_timers(&gateway->settings.timers, timers, true);
	load_levels(gateway, dsms, LEVEL_DSM);
	load_levels(gateway, hardware_ids, LEVEL_HARDWARE_ID);
	if (id)
		gateway->id = strtoull(id, NULL, 16);
	json_object_foreach(devices, name, json)
		if (load_device(gateway, name, json) < 0)
			return -EINVAL;
	return load_claims(gateway, claims);
}

int persist_load(struct gateway *gateway)
{
	json_t *root = NULL;
	int rc = state_load(gateway->config->state_dir, &root);

	if (rc < 0) {
		if (rc != -EILSEQ) /* that was logged, with the place */
			log_error("state", "state_dir=%s cannot be read error=%s", gateway->config->state_dir,
				  strerror(-rc));
		return rc;
	}
	rc = load_all(gateway, root);
	json_decref(root);
	if (rc < 0) {
		log_error("state", "state_dir=%s state.json is not a state that this version wrote",
			  gateway->config->state_dir);
		return rc;
	}
	while (!gateway->id) {
		if (getrandom(&gateway->id, sizeof(gateway->id), 0) < 0)
			return -errno;
		rc = persist_save(gateway);
	}
	return rc;
}
