/* The writing half of control.h: claims and policies, validated whole and applied whole. */
#include "gateway/base/memory.h"
#include "gateway/gateway.h"
#include "gateway/levels.h"
#include "gateway/persist.h"
#include "gateway/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_job(struct message *message)
{
	struct control_job *job = container_of(message, struct control_job, message);

	job->run(job);
}

void control_post(struct gateway *gateway, struct control_job *job)
{
	job->control = gateway;
	job->message.fn = on_job;
	loop_post(gateway->control, &job->message);
}

/* ---- claims ------------------------------------------------------------------------------------------------------ */

static struct claim *find_claim(struct gateway *gateway, const char *id)
{
	struct claim *claim;

	list_for_each(claim, &gateway->claims, link)
		if (strcmp(claim->id, id) == 0)
			return claim;
	return NULL;
}

int control_claim(struct gateway *gateway, const char *kind, const char *value, const char **id, bool *created,
		  struct problem *problem)
{
	struct claim *claim = claim_create(kind, value, false), *existing;

	*created = false;
	if (!claim) {
		problem_set(problem, 422, "", "Not a claim",
			    "a hardware ID has 1 to 24 printable characters: a vendor of 8 and a product of 16, or a "
			    "prefix of that");
		return -1;
	}
	existing = find_claim(gateway, claim->id);
	if (existing) {
		free(claim);
		*id = existing->id;
		return 0;
	}
	list_add_tail(&gateway->claims, &claim->link);
	if (persist_save(gateway) < 0) {
		list_del(&claim->link);
		free(claim);
		return problem_unsaved(problem);
	}
	registry_apply_claims(gateway);
	*id = claim->id;
	*created = true;
	return 0;
}

static bool is_host_session(const struct target_session_view *view, void *arg)
{
	*(bool *)arg |= !view->discovery;
	return true;
}

/* Devices that only this claim holds: they would go. */
static unsigned devices_only_of(struct gateway *gateway, const struct claim *claim)
{
	struct device *device;
	const struct claim *other;
	unsigned count = 0;

	list_for_each(device, &gateway->devices, link) {
		bool held = false;

		if (!device->claimed || !claim_matches(claim, device->core.id, device->hardware_id))
			continue;
		list_for_each(other, &gateway->claims, link)
			held |= other != claim && claim_matches(other, device->core.id, device->hardware_id);
		count += !held;
	}
	return count;
}

int control_unclaim(struct gateway *gateway, const char *claim_id, bool force, struct problem *problem)
{
	struct claim *claim = find_claim(gateway, claim_id);
	bool hosts = false;
	unsigned going;

	if (!claim) {
		problem_set(problem, 404, "", "No such claim", "there is no claim \"%s\"", claim_id);
		return -1;
	}
	if (claim->from_config) {
		problem_set(problem, 409, "", "Claim of the configuration",
			    "this claim stands in the configuration file; remove it there");
		return -1;
	}
	going = devices_only_of(gateway, claim);
	target_each_session(gateway->target, is_host_session, &hosts);
	if (going && hosts && !force) {
		problem_set(problem, 409, "", "Devices in use",
			    "hosts are logged in and %u devices would disappear; force withdraws them after their I/O "
			    "in flight has ended",
			    going);
		return -1;
	}
	list_del(&claim->link);
	if (persist_save(gateway) < 0) {
		list_add_tail(&gateway->claims, &claim->link);
		return problem_unsaved(problem);
	}
	registry_apply_claims(gateway);
	free(claim);
	return 0;
}

/* ---- policies ---------------------------------------------------------------------------------------------------- */

static int invalid(struct problem *problem, size_t row, const char *member, const char *what)
{
	char pointer[64];

	snprintf(pointer, sizeof(pointer), "/paths/%zu/%s", row, member);
	problem_set(problem, 422, pointer, "Invalid policy setting", "%s", what);
	return -1;
}

static const struct path_core *path_by_id(const struct device *device, const char *id)
{
	for (unsigned i = 0; i < device->path_count; i++)
		if (strcmp(device->paths[i]->id, id) == 0)
			return device->paths[i];
	return NULL;
}

static bool is_standby(const struct path_setting *path)
{
	return path->role && strcmp(path->role, "standby") == 0;
}

/* One row of row P9: the path exists, is named once, and its values are in range. */
static int check_row(const struct device *device, const struct policy_setting *setting, size_t row,
		     struct problem *problem)
{
	const struct path_setting *path = &setting->paths[row];

	if (!path_by_id(device, path->id))
		return invalid(problem, row, "id", "the device has no such path");
	for (size_t i = 0; i < row; i++)
		if (strcmp(setting->paths[i].id, path->id) == 0)
			return invalid(problem, row, "id", "the path is named twice");
	if (path->role && strcmp(path->role, "active") != 0 && !is_standby(path))
		return invalid(problem, row, "role", "a role is \"active\" or \"standby\"");
	if (path->weight < -1 || path->weight > UINT32_MAX)
		return invalid(problem, row, "weight", "a weight is 0 to 4294967295");
	return 0;
}

static int check_rows(const struct device *device, const struct policy_setting *setting, struct problem *problem)
{
	size_t active = 0, preferred = 0;

	for (size_t row = 0; row < setting->path_count; row++) {
		const struct path_setting *path = &setting->paths[row];

		if (check_row(device, setting, row, problem) < 0)
			return -1;
		active += !is_standby(path);
		preferred += path->preferred == 1;
		if (setting->policy == POLICY_FAIL_OVER_ONLY && active > 1)
			return invalid(problem, row, "role", "fail-over-only has exactly one active path");
		if (setting->policy == POLICY_FAIL_OVER_ONLY && preferred > 1)
			return invalid(problem, row, "preferred", "fail-over-only has at most one preferred path");
	}
	if (!setting->path_count)
		return 0;
	if (setting->path_count < device->path_count) {
		problem_set(problem, 422, "/paths", "Missing path", "the device has %u paths, %zu are named",
			    device->path_count, setting->path_count);
		return -1;
	}
	if (!active) {
		problem_set(problem, 422, "/paths", "No active path", "at least one path must be active");
		return -1;
	}
	return 0;
}

/* Only fail-over-only with a preferred path goes back by itself (row P1). */
static int check_failback(const struct policy_setting *setting, struct problem *problem)
{
	size_t preferred = 0;

	for (size_t row = 0; row < setting->path_count; row++)
		preferred += setting->paths[row].preferred == 1;
	if (!setting->has_failback || (setting->policy == POLICY_FAIL_OVER_ONLY && preferred))
		return 0;
	problem_set(problem, 422, "/failback", "Nothing to fail back to",
		    "only fail-over-only with a preferred path fails back");
	return -1;
}

static int check_setting(const struct device *device, const struct policy_setting *setting, struct problem *problem)
{
	if (setting->policy != POLICY_INHERIT && !levels_policy(device, setting->policy)) {
		problem_set(problem, 422, "/policy", "Policy not available",
			    setting->policy == POLICY_VENDOR ? "the module %s has no policy of its own, as %s would be" :
							       "the module %s and this version have no policy %s",
			    device->core.dsm->name, policy_name(setting->policy));
		return -1;
	}
	if (setting->policy == POLICY_INHERIT && setting->path_count) {
		problem_set(problem, 422, "/paths", "Invalid policy setting",
			    "an inherited policy has no settings for paths");
		return -1;
	}
	if (setting->policy == POLICY_ROUND_ROBIN && device->asymmetric) {
		problem_set(problem, 422, "/policy", "Not on an asymmetric device",
			    "round-robin would use non-optimized paths as well; round-robin-subset uses the optimized ones");
		return -1;
	}
	if (check_failback(setting, problem) < 0)
		return -1;
	return check_rows(device, setting, problem);
}

static struct policy_setting_kept *keep_settings(const struct device *device, const struct policy_setting *setting)
{
	struct policy_setting_kept *kept = xcalloc(setting->path_count + 1, sizeof(kept[0]));

	for (size_t i = 0; i < setting->path_count; i++) {
		const struct path_setting *from = &setting->paths[i];
		const struct path_core *path = path_by_id(device, from->id);

		str_copy(kept[i].iqn, sizeof(kept[i].iqn), path->link->iqn);
		str_copy(kept[i].portal, sizeof(kept[i].portal), path->link->portal);
		kept[i].lun = path->lun;
		kept[i].role = is_standby(from) ? POLICY_STANDBY : POLICY_ACTIVE;
		kept[i].weight = from->weight < 0 ? 0 : (uint32_t)from->weight;
		kept[i].preferred = from->preferred == 1;
	}
	return kept;
}

int control_set_device_policy(struct gateway *gateway, const char *device_id, const struct policy_setting *setting,
			      struct problem *problem)
{
	struct device *device = gateway_device(gateway, device_id);
	struct policy_setting_kept *old;
	enum policy_id old_policy;
	uint32_t old_failback_s;
	unsigned old_count;

	if (!device) {
		problem_set(problem, 404, "", "No such device", "there is no device \"%s\"", device_id);
		return -1;
	}
	if (check_setting(device, setting, problem) < 0)
		return -1;
	old = device->settings;
	old_count = device->setting_count;
	old_policy = device->policy;
	old_failback_s = device->failback_s;
	device->settings = keep_settings(device, setting);
	device->setting_count = (unsigned)setting->path_count;
	device->policy = setting->policy;
	device->failback_s = setting->has_failback ? setting->failback_s : 0;
	if (persist_save(gateway) < 0) {
		free(device->settings);
		device->settings = old;
		device->setting_count = old_count;
		device->policy = old_policy;
		device->failback_s = old_failback_s;
		return problem_unsaved(problem);
	}
	free(old);
	device->times_set++;
	levels_apply(gateway, device);
	journal_add(gateway->journal, "info", "policy-changed", device->core.id, "policy %s from level %s",
		    policy_name(device->policy_in_force), device->policy_from);
	return 0;
}
