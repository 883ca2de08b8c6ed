#include "dsm/check/contract.h"

#include "dsm/call.h"
#include "dsm/check/guard.h"
#include "dsm/check/report.h"

#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define THREADS 4
#define THREAD_ROUNDS 20000
#define BALANCE_ROUNDS 200
#define LEAK_LIMIT 4096 /* bytes that allocators and libraries may keep for themselves */
#define INTERPRET_LIMIT_US 100 /* on average; a table takes well below 1 */
#define KNOWN_FLAGS ((1u << 8) - 1)

static bool in_range(const struct dsm_verdict *verdict)
{
	return (unsigned)verdict->next <= DSM_GENERIC && (unsigned)verdict->path <= DSM_PATH_TRANSITIONING &&
	       !(verdict->flags & ~KNOWN_FLAGS);
}

/* ---- hardware, match, attach, detach ----------------------------------------------------------------------------- */

static void check_hardware(const void *arg)
{
	const struct dsm_ops *ops = ((const struct subject *)arg)->ops;

	for (size_t i = 0; i < ops->hardware_count; i++) {
		struct profile profile = { .revision = "0001" };
		bool taken = false;

		strncpy(profile.vendor, ops->hardware[i].vendor, sizeof(profile.vendor) - 1);
		strncpy(profile.product, ops->hardware[i].product, sizeof(profile.product) - 1);
		for (profile.tpgs = 0; profile.tpgs < 4; profile.tpgs++)
			taken |= device_matches(ops, &profile);
		if (!taken)
			report_wrong("\"%s\" \"%s\" stands in its hardware, but match takes no such device",
				     ops->hardware[i].vendor, ops->hardware[i].product);
	}
}

/* Inquiry data of every length, ending where it ends; a device without page 83h; designators that claim too much. */
static void check_match(const void *arg)
{
	const struct subject *subject = arg;
	struct dsm_inquiry inquiry;

	for (size_t len = 36; len <= DEVICE_STANDARD_LEN; len += 12) {
		device_inquiry(&subject->profile, len, 0, &inquiry);
		module_matches(subject->ops, &inquiry);
	}
	for (size_t len = 4; len <= DEVICE_VPD83_LEN; len++) {
		device_inquiry(&subject->profile, 36, len, &inquiry);
		module_matches(subject->ops, &inquiry);
		memset((uint8_t *)(uintptr_t)inquiry.vpd83 + 2, 0xff, len - 2);
		module_matches(subject->ops, &inquiry);
	}
}

static void check_traits(const void *arg)
{
	struct device device;

	if (device_attach(&device, arg) != 0) {
		report_wrong("attach refuses a device that match has taken");
		return;
	}
	if (device.traits.policy && !*device.traits.policy)
		report_wrong("the default policy has an empty name");
	if (device.traits.hold_s > 86400 || device.traits.settle_s > 86400 || device.traits.retry_count > 1000)
		report_wrong("a trait is out of range: hold_s %u, settle_s %u (at most 86400), retry_count %u (1000)",
			     device.traits.hold_s, device.traits.settle_s, device.traits.retry_count);
	device_detach(&device);
}

static void check_balance(const void *arg)
{
	struct device device;
	size_t before = 0, after;

	for (unsigned i = 0; i < BALANCE_ROUNDS; i++) {
		if (i == 1) /* what the first one leaves is kept by libraries */
			before = mallinfo2().uordblks;
		if (device_attach(&device, arg) != 0)
			report_wrong("attach fails at the %uth device", i + 1);
		else
			device_detach(&device);
	}
	after = mallinfo2().uordblks;
	if (after > before + LEAK_LIMIT)
		report_wrong("%zu bytes are left after %u times attach and detach", after - before, BALANCE_ROUNDS - 1);
}

/* ---- interpret --------------------------------------------------------------------------------------------------- */

static void ask(const struct device *device, uint8_t status, const uint8_t *sense, size_t len)
{
	struct dsm_result result;
	struct dsm_verdict verdict;

	call_decode(status, sense, len, &result);
	verdict = device->ops->interpret(device->ctx, &device->paths[0], &result);
	if (!in_range(&verdict))
		report_wrong("status %02X, %zu bytes of sense: next %u path %u flags %#x are not in the contract",
			     status, len, (unsigned)verdict.next, (unsigned)verdict.path, verdict.flags);
}

/* Sense of every length, from none to more than SPC allows, in both formats and in none. */
static void check_sense(const void *arg)
{
	static const uint8_t formats[] = { 0x70, 0x71, 0x72, 0x73, 0xf0, 0x00, 0x7f, 0xff };
	struct device device;
	uint8_t sense[255];

	if (device_attach(&device, arg) != 0)
		return;
	for (size_t len = 0; len <= sizeof(sense); len += len < 20 ? 1 : 47) {
		for (unsigned i = 0; i < sizeof(formats); i++) {
			memset(sense, 0xff, sizeof(sense)); /* lengths inside claim more than there is */
			sense[0] = formats[i];
			ask(&device, 0x02, guard_copy(sense, len), len);
		}
	}
	device_detach(&device);
}

/* Every status, key, and additional sense code. */
static void check_every_answer(const void *arg)
{
	struct device device;
	uint8_t *sense = guard_alloc(18);

	if (device_attach(&device, arg) != 0)
		return;
	for (unsigned status = 1; status < 0x100; status++)
		ask(&device, (uint8_t)status, NULL, 0);
	sense[0] = 0x70;
	for (unsigned code = 0; code < 0x10 * 0x10000; code += 7) { /* 7 does not divide: all bytes come together */
		sense[2] = (uint8_t)(code >> 16);
		sense[12] = (uint8_t)(code >> 8);
		sense[13] = (uint8_t)code;
		ask(&device, 0x02, sense, 18);
	}
	device_detach(&device);
}

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void check_speed(const void *arg)
{
	uint8_t sense[18] = { 0x70, 0, 0x5, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x24 };
	struct device device;
	uint64_t begin, each;

	if (device_attach(&device, arg) != 0)
		return;
	begin = now_us();
	for (unsigned i = 0; i < 1000; i++)
		ask(&device, 0x02, sense, sizeof(sense));
	each = (now_us() - begin) / 1000;
	if (each > INTERPRET_LIMIT_US)
		report_wrong("interpret takes %u us: it runs on a thread that carries I/O, and must not wait",
			     (unsigned)each);
	device_detach(&device);
}

/* ---- threads ----------------------------------------------------------------------------------------------------- */

/* All workers ask about one device at once. */
static void *ask_often(void *arg)
{
	const struct device *device = arg;
	uint8_t sense[18] = { 0x70, 0, 0, 0, 0, 0, 0, 10 };

	for (unsigned i = 0; i < THREAD_ROUNDS; i++) {
		const struct dsm_path *path = &device->paths[i % DEVICE_PATHS];
		struct dsm_result result;

		sense[2] = i % 16;
		sense[12] = (uint8_t)(i / 16);
		sense[13] = (uint8_t)(i / 64);
		call_decode(i % 3 ? 0x02 : 0x08, sense, sizeof(sense), &result);
		call_interpret(device->ops, device->ctx, path, &result);
		call_judge(device->ops, device->ctx, path, &result);
	}
	return NULL;
}

static void check_threads(const void *arg)
{
	pthread_t threads[THREADS];
	struct device device;
	unsigned started = 0;

	if (device_attach(&device, arg) != 0)
		return;
	while (started < THREADS && pthread_create(&threads[started], NULL, ask_often, &device) == 0)
		started++;
	for (unsigned i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	device_detach(&device);
}

/* ---- policy ------------------------------------------------------------------------------------------------------ */

static struct policy_load no_load(const struct policy_link *link)
{
	(void)link;
	return (struct policy_load){ 0 };
}

static bool is_usable(const struct path_set *usable, const struct policy_path *path)
{
	for (unsigned i = 0; i < usable->count; i++)
		if (usable->path[i] == path)
			return true;
	return false;
}

/* Every set of usable paths: what is picked is one of them, or nothing. */
static void check_policy(const void *arg)
{
	const struct policy_ops *policy = ((const struct subject *)arg)->ops->policy;
	static const struct policy_link link = { no_load };
	struct policy_path paths[DEVICE_PATHS];
	void *ctx = guard_alloc((policy->ctx_bytes + 15) & ~(size_t)15);
	void *shared = guard_alloc((policy->shared_bytes + 15) & ~(size_t)15);

	for (unsigned i = 0; i < DEVICE_PATHS; i++)
		paths[i] = (struct policy_path){ .index = i, .link = &link };
	for (unsigned n = 0; n < 64 << DEVICE_PATHS; n++) {
		struct policy_io io = { .is_read = n & 1, .is_write = !(n & 1), .lba = n, .blocks = 8, .bytes = 4096 };
		struct path_set usable = { .count = 0 };
		struct policy_path *path;

		for (unsigned i = 0; i < DEVICE_PATHS; i++)
			if (n & 1u << i)
				usable.path[usable.count++] = &paths[i];
		if (!usable.count)
			continue;
		path = policy->select(ctx, shared, &usable, &io);
		if (path && !is_usable(&usable, path))
			report_wrong("select picks a path that is not usable");
	}
}

/* ---- all --------------------------------------------------------------------------------------------------------- */

unsigned contract_check(const struct subject *subject)
{
	const struct {
		const char *name, *what;
		void (*fn)(const void *arg);
		bool applies;
	} checks[] = {
		{ "hardware", "the hardware it names is taken", check_hardware, subject->ops->hardware_count },
		{ "match", "inquiry data of every length and content", check_match, true },
		{ "traits", "what it says of a device is in range", check_traits, true },
		{ "balance", "attach and detach leave nothing", check_balance, true },
		{ "sense", "sense data of every length and format", check_sense, subject->ops->interpret },
		{ "answers", "every status, key and code has a verdict", check_every_answer, subject->ops->interpret },
		{ "speed", "interpret does not wait", check_speed, subject->ops->interpret },
		{ "threads", "several workers ask at once", check_threads, true },
		{ "policy", "its policy picks usable paths", check_policy, subject->ops->policy },
	};
	unsigned wrong = 0;

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		if (checks[i].applies)
			wrong += !report_check(checks[i].name, checks[i].what, checks[i].fn, subject);
	return wrong;
}
