/* The modules of a gateway: which are loaded, which are refused and why, and which gets a device. */
#include "gateway/base/memory.h"
#include "gateway/dsm_table.h"
#include "tests/simulation/sim_world.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define S US_PER_S
#define GOOD PLUGINS "/plugin_good.so"

/* ---- loading ----------------------------------------------------------------------------------------------------- */

static char *refusal(const char *file)
{
	static char reason[MODULE_REASON_MAX];
	struct dsm_ops ops;
	void *handle;

	reason[0] = '\0';
	if (module_open(file, &handle, &ops, reason)) {
		module_close(handle);
		return NULL;
	}
	assert_null(handle);
	assert_true(reason[0]);
	return reason;
}

static void test_sound_modules(void **state)
{
	struct dsm_ops ops;
	char reason[MODULE_REASON_MAX];
	void *handle;

	(void)state;
	assert_true(module_open(GOOD, &handle, &ops, reason));
	assert_string_equal(ops.name, "simulated");
	assert_string_equal(ops.policy->name, "last");
	module_close(handle);
	assert_null(refusal(PLUGINS "/plugin_later.so")); /* made for a later contract, but uses nothing of it */
	module_close(NULL);
}

static void test_refused_modules(void **state)
{
	static const struct {
		const char *file, *reason;
	} cases[] = {
		{ PLUGINS "/plugin_abi.so", "ABI" },
		{ PLUGINS "/plugin_short.so", "size of 64 bytes" },
		{ PLUGINS "/plugin_later_used.so", "later gateway" },
		{ PLUGINS "/plugin_no_symbol.so", "does not export braid_dsm" },
		{ PLUGINS "/plugin_name.so", "its name is not" },
		{ PLUGINS "/plugin_no_match.so", "neither hardware nor match" },
		{ PLUGINS "/no_such_file.so", "No such file" },
		{ "plugin_good.so", "absolute path" },
		{ "/dev/null", "not a regular file" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const char *reason = refusal(cases[i].file);

		if (!reason || !strstr(reason, cases[i].reason))
			fail_msg("%s: %s", cases[i].file, reason ? reason : "it was loaded");
	}
}

static void copy_file(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	char buffer[65536];
	ssize_t n;

	assert_true(in >= 0 && out >= 0);
	while ((n = read(in, buffer, sizeof(buffer))) > 0)
		assert_int_equal(write(out, buffer, (size_t)n), n);
	close(in);
	close(out);
}

static void test_file_that_others_may_write(void **state)
{
	char folder[] = "/tmp/braid-dsm-XXXXXX", file[64];

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(file, sizeof(file), "%s/module.so", folder);
	copy_file(GOOD, file);
	assert_null(refusal(file));
	assert_int_equal(chmod(file, 0666), 0);
	assert_non_null(strstr(refusal(file), "everybody may write it"));
	assert_int_equal(chmod(file, 0644), 0);
	assert_int_equal(chmod(folder, 0777), 0);
	assert_non_null(strstr(refusal(file), "everybody may replace it"));
	unlink(file);
	copy_file("/dev/null", file);
	assert_int_equal(chmod(folder, 0755), 0);
	assert_non_null(refusal(file)); /* no shared object at all */
	unlink(file);
	rmdir(folder);
}

/* What is not known is as NULL, in a module that is older than this build. */
static void test_check_copies(void **state)
{
	struct dsm_ops copy, ops = dsm_generic;
	char reason[MODULE_REASON_MAX];

	(void)state;
	assert_true(module_check(&ops, &copy, reason));
	assert_memory_equal(&copy, &ops, sizeof(copy));
	ops.verify = DSM_VERIFY_OWN;
	assert_false(module_check(&ops, &copy, reason));
	ops = dsm_generic;
	ops.ctx_bytes = DSM_CTX_MAX + 1;
	assert_false(module_check(&ops, &copy, reason));
	ops = dsm_generic;
	ops.summary = NULL;
	assert_false(module_check(&ops, &copy, reason));
}

/* ---- order ------------------------------------------------------------------------------------------------------- */

/* "name:order name:order ...", refused ones as "-". */
static void assert_order(const struct world *world, const char *expected)
{
	const struct dsm_entry *entry;
	char text[256] = "";
	size_t len = 0;

	list_for_each(entry, &world->g->gateway->dsms->entries, link)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s:%u", len ? " " : "",
					entry->ops.name ? entry->ops.name : "-", entry->order);
	assert_string_equal(text, expected);
}

static const char *owner(const struct world *world)
{
	return world_disk(world, 0)->core->dsm->name;
}

/* row: D7 */
static void test_order_of_the_build(void **state)
{
	struct world *world = world_create_ready(1, NULL);

	(void)state;
	assert_order(world, "active-passive:1 families:2 generic:3");
	assert_string_equal(owner(world), "generic");
	world_destroy(world);
}

/* row: D7: a plugin that the order does not name is asked first; what the order leaves out is not asked */
static void test_order_of_plugins(void **state)
{
	struct world *world =
		world_create_ready(1, "{'dsms': {'order': ['families', 'simulated', 'generic'], 'plugins': ["
				      "'" GOOD "', '" PLUGINS "/plugin_second.so']}}");

	(void)state;
	assert_order(world, "second:1 families:2 simulated:3 generic:4 active-passive:0");
	assert_string_equal(owner(world), "second");
	assert_int_equal(sim_gateway_events(world->g, "dsm-loaded"), 2);
	world_destroy(world);
}

/* row: D7: the first that claims owns; one whose attach fails leaves the device to the next */
static void test_first_that_takes_it_owns_it(void **state)
{
	struct world *world = world_create_ready(2, "{'dsms': {'order': ['refuses', 'simulated', 'second', 'generic'], "
						    "'plugins': ['" PLUGINS "/plugin_second.so', '" GOOD "', "
						    "'" PLUGINS "/plugin_refuses.so']}}");

	(void)state;
	assert_order(world, "refuses:1 simulated:2 second:3 generic:4 active-passive:0 families:0");
	assert_string_equal(owner(world), "simulated");
	assert_ptr_not_equal(world_disk(world, 0)->core->dsm_ctx, world_disk(world, 1)->core->dsm_ctx);
	world_destroy(world);
}

/* row: D7: a module that cannot be used is told of, and the gateway comes up without it */
static void test_refused_plugins(void **state)
{
	struct world *world = world_create_ready(1, "{'dsms': {'order': ['absent', 'generic'], 'plugins': ["
						    "'" PLUGINS "/plugin_clash.so', '" PLUGINS "/plugin_abi.so', "
						    "'/nowhere/x.so']}}");
	const struct dsm_entry *entry;
	unsigned with_reason = 0;

	(void)state;
	assert_order(world, "generic:1 active-passive:0 families:0 -:0 -:0 -:0");
	list_for_each(entry, &world->g->gateway->dsms->entries, link)
		with_reason += *entry->reason && entry->file;
	assert_int_equal(with_reason, 3);
	assert_int_equal(sim_gateway_events(world->g, "dsm-refused"), 3);
	assert_int_equal(sim_gateway_events(world->g, "dsm-unknown"), 1);
	assert_string_equal(owner(world), "generic");
	world_destroy(world);
}

/* ---- at work ----------------------------------------------------------------------------------------------------- */

#define WITH_PLUGIN "'dsms': {'plugins': ['" GOOD "']}"

/* What the array answers has the meaning that the module gives it, and where it gives none, the usual one. */
static void test_module_interprets(void **state)
{
	static const char *const options[] = { "{}", "{" WITH_PLUGIN "}" };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct world *world = world_create_ready(1, options[i]);
		struct sim_fault *fault = sim_array_fault(world->array, SIM_FAULT_SENSE, 1);
		struct sim_io io;

		fault->lun = 0;
		fault->key = 0x9;
		fault->asc = 0x8000;
		sim_io_init(&io, world->sim);
		sim_io_read(&io, world_disk(world, 0), 0);
		assert_true(sim_io_wait(&io, 30 * S));
		assert_int_equal(io.io.status, i == 0 ? SCSI_CHECK_CONDITION : SCSI_GOOD);
		world_destroy(world);
	}
}

/* row: P8: the module's default policy comes last, before the gateway's; "vendor" is its own */
static void test_policies_of_the_module(void **state)
{
	static const struct {
		const char *options, *policy;
	} cases[] = {
		{ "{" WITH_PLUGIN "}", "weighted-paths" },
		{ "{" WITH_PLUGIN ", 'policies': {'default': 'round-robin'}}", "round-robin" },
		{ "{" WITH_PLUGIN ", 'policies': {'dsm': {'simulated': 'vendor', 'generic': 1}}}", "last" },
		{ "{'policies': {'dsm': {'generic': 'vendor'}}}", "round-robin" }, /* it has none */
		{ "{'policies': {'default': 'latency'}}", "latency" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct world *world = world_create_ready(1, cases[i].options);

		assert_string_equal(world_disk(world, 0)->setup->ops->name, cases[i].policy);
		world_destroy(world);
	}
}

/* row: P6: the sequential rule can be switched off, while the gateway runs */
static void test_sequential_setting(void **state)
{
	struct world *world = world_create_ready(1, "{'policies': {'default': 6, 'sequential': false}}");

	(void)state;
	assert_true(world_disk(world, 0)->setup->scattered);
	world_destroy(world);
	world = world_create_ready(1, "{'policies': {'default': 6}}");
	assert_false(world_disk(world, 0)->setup->scattered);
	world_destroy(world);
}

static bool all_active(const struct device_view *view, void *arg)
{
	for (size_t i = 0; i < view->path_count; i++)
		*(unsigned *)arg += strcmp(view->paths[i].role, "active") == 0;
	return true;
}

/* row: P8: one controller that serves the device is no symmetry, whatever its paths have shown so far */
static void test_active_passive_is_asymmetric(void **state)
{
	uint8_t page[48] = { [1] = 0xc9, [4] = 'v', 'a', 'c', 'e', [8] = 1 }; /* this controller owns the LU */
	struct world *world = world_create(1);
	const struct device *device;
	unsigned active = 0;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		str_copy(world->lus[i]->vendor, sizeof(world->lus[i]->vendor), "IBM");
		str_copy(world->lus[i]->product, sizeof(world->lus[i]->product), "1746");
		sim_lu_override(world->lus[i], 0x12, 0xc9, page, sizeof(page));
	}
	world_start(world, NULL);
	assert_true(sim_gateway_settles(world->g, 60 * S));
	assert_string_equal(owner(world), "active-passive");
	device = container_of(world_disk(world, 0)->core, struct device, core);
	assert_int_equal(device->policy_in_force, POLICY_ROUND_ROBIN_SUBSET);
	control_each_device(world->g->gateway, all_active, &active);
	assert_int_equal(active, 8);
	world_destroy(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sound_modules),
		cmocka_unit_test(test_refused_modules),
		cmocka_unit_test(test_file_that_others_may_write),
		cmocka_unit_test(test_check_copies),
		cmocka_unit_test(test_order_of_the_build),
		cmocka_unit_test(test_order_of_plugins),
		cmocka_unit_test(test_first_that_takes_it_owns_it),
		cmocka_unit_test(test_refused_plugins),
		cmocka_unit_test(test_module_interprets),
		cmocka_unit_test(test_policies_of_the_module),
		cmocka_unit_test(test_sequential_setting),
		cmocka_unit_test(test_active_passive_is_asymmetric),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
