/* throttle.c - the throttle of a device or of a DSM's devices: {"iops", "bytes_per_second"}. */
#include "api/body.h"
#include "api/member.h"
#include "api/resources.h"

json_t *throttle_json(const struct throttle_limits *limits, const char *source)
{
	json_t *json;

	if (!throttle_is_set(limits))
		return NULL;
	json = json_object();
	member_uint_or_null(json, "iops", limits->iops, limits->iops);
	member_uint_or_null(json, "bytes_per_second", limits->bytes_per_second, limits->bytes_per_second);
	if (source)
		member_text(json, "source", source);
	return json;
}

/* A number in range; null and absent are no limit. */
static bool read_limit(const json_t *object, const char *name, uint64_t min, uint64_t max, uint64_t *limit,
		       struct problem *problem)
{
	int64_t value = 0;

	if (json_is_null(json_object_get(object, name)))
		return true;
	if (!body_integer(object, "/throttle", name, (int64_t)min, (int64_t)max, &value, problem))
		return false;
	*limit = (uint64_t)value;
	return true;
}

bool throttle_read(const json_t *body, struct level_change *change, struct problem *problem)
{
	static const char *const names[] = { "iops", "bytes_per_second", NULL };
	const json_t *object = json_object_get(body, "throttle");
	struct throttle_limits *limits = &change->throttle;

	change->has_throttle = object != NULL;
	if (!object || json_is_null(object))
		return true;
	if (!body_is_object(object, "/throttle", names, problem) ||
	    !read_limit(object, "iops", 1, THROTTLE_IOPS_MAX, &limits->iops, problem) ||
	    !read_limit(object, "bytes_per_second", THROTTLE_RATE_MIN, THROTTLE_RATE_MAX, &limits->bytes_per_second,
			problem))
		return false;
	return throttle_is_set(limits) ||
	       body_refuse(problem, "", "throttle", "No limit", "At least one limit must be given; null is none.");
}
