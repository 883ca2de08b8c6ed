/* The configuration: defaults, every kind of error with its path and all of them at once, what a reload sees, the
 * examples that are shipped. */
#include "tests/unit/config_fixture.h"

#include <fcntl.h>

#ifndef EXAMPLES_DIR
#define EXAMPLES_DIR "deploy/examples"
#endif

static void test_defaults(void **state)
{
	struct config *config = parse_good(*state, "{}");

	assert_string_equal(config->target.iqn, "iqn.2026-11.org.example:braid");
	assert_int_equal(config->target.portal_count, 1);
	assert_string_equal(config->target.portals[0], "0.0.0.0:3260");
	assert_int_equal(config->target.user_count, 0);
	assert_int_equal(config->backend_count, 0);
	assert_int_equal(config->claim_count, 0);
	assert_int_equal(config->policies.preset, POLICY_INHERIT);
	assert_int_equal(config->policies.dsm_count + config->policies.hardware_id_count, 0);
	assert_memory_equal(&config->timers.values, &timers_default, sizeof(timers_default));
	assert_int_equal(config->dsm_order_count, 3);
	assert_string_equal(config->dsm_order[2], "generic");
	assert_int_equal(config->dsm_plugin_count, 0);
	assert_true(config->policies.sequential);
	assert_int_equal(config->api_listen_count, 1);
	assert_string_equal(config->api_listen[0], "127.0.0.1:8260");
	assert_int_equal(config->workers, 0);
	assert_string_equal(config->state_dir, "/var/lib/braid");
	config_destroy(config);
}

/* row: D1 */
static void test_backends(void **state)
{
	struct config *config = parse_good(
		*state, "{'backends': [{'name': 'a', 'portals': ['10.0.0.1', '[fd00::1]:860'],"
			" 'iqns': ['iqn.2001-04.com.example:x']}, {'name': 'b', 'portals': ['10.0.0.2:3260']}]}");

	assert_int_equal(config->backend_count, 2);
	assert_string_equal(config->backends[0].name, "a");
	assert_int_equal(config->backends[0].portal_count, 2);
	assert_string_equal(config->backends[0].portals[0], "10.0.0.1:3260");
	assert_string_equal(config->backends[0].portals[1], "[fd00::1]:860");
	assert_int_equal(config->backends[0].iqn_count, 1);
	assert_null(config->backends[0].chap.name);
	assert_string_equal(config->backends[1].name, "b");
	assert_int_equal(config->backends[1].iqn_count, 0);
	config_destroy(config);
}

/* row: P8 */
static void test_policies(void **state)
{
	struct config *config =
		parse_good(*state, "{'policies': {'default': 'RRWS', 'dsm': {'generic': 4, 'other': null, 'acme': '0'},"
				   " 'hardware_id': {'IET     VIRTUAL-DISK    ': 'least-blocks'}}}");

	assert_int_equal(config->policies.preset, POLICY_ROUND_ROBIN_SUBSET);
	assert_int_equal(config->policies.dsm_count, 1); /* null inherits: no entry */
	assert_string_equal(config->policies.dsms[0].key, "generic");
	assert_int_equal(config->policies.dsms[0].policy, POLICY_LEAST_QUEUE_DEPTH);
	assert_int_equal(config->policies.hardware_id_count, 1);
	assert_string_equal(config->policies.hardware_ids[0].key, "IET     VIRTUAL-DISK    ");
	assert_int_equal(config->policies.hardware_ids[0].policy, POLICY_LEAST_BLOCKS);
	config_destroy(config);
}

/* row: L1 */
static void test_timers(void **state)
{
	struct config *config = parse_good(
		*state, "{'timers': {'path_verify_enabled': true, 'pdo_remove_period': 60, 'retry_count': 0}}");

	assert_int_equal(config->timers.values.path_verify_enabled, 1);
	assert_int_equal(config->timers.values.pdo_remove_period, 60);
	assert_int_equal(config->timers.values.retry_count, 0);
	assert_int_equal(config->timers.values.retry_interval, 1);
	assert_int_equal(config->timers.set,
			 1u << TIMER_path_verify_enabled | 1u << TIMER_pdo_remove_period | 1u << TIMER_retry_count);
	config_destroy(config);
}

/* row: L1: a DSM has those that devices can have, and only what is said */
static void test_timers_of_dsms(void **state)
{
	struct config *config = parse_good(*state, "{'dsms': {'timers': {'acme': {'retry_count': 0, 'retry_interval': "
						   "null}, 'generic': {}}}}");

	assert_int_equal(config->dsm_timer_count, 2);
	assert_string_equal(config->dsm_timers[0].key, "acme");
	assert_int_equal(config->dsm_timers[0].timers.set, 1u << TIMER_retry_count);
	assert_int_equal(config->dsm_timers[0].timers.values.retry_count, 0);
	assert_int_equal(config->dsm_timers[1].timers.set, 0);
	config_destroy(config);
	assert_error(*state, "{'dsms': {'timers': {'acme': {'fence_wait': 1}}}}",
		     "dsms.timers.acme.fence_wait: unknown option");
	assert_error(*state, "{'dsms': {'timers': {'acme': {'retry_count': 1001}}}}",
		     "dsms.timers.acme.retry_count: must be 0 to 1000");
	assert_error(*state, "{'dsms': {'timers': {'not a name': {}}}}",
		     "dsms.timers[\"not a name\"]: the key must be");
}

static void assert_warnings(struct fixture *f, const char *text, bool expected)
{
	char *path = xasprintf("%s/stderr", f->dir), logged[512] = "";
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600), saved = dup(STDERR_FILENO);

	assert_true(fd >= 0 && saved >= 0);
	dup2(fd, STDERR_FILENO);
	assert_good(f, text);
	dup2(saved, STDERR_FILENO);
	assert_true(pread(fd, logged, sizeof(logged) - 1, 0) >= 0);
	assert_int_equal(strstr(logged, "path_recovery_interval=") != NULL, expected);
	close(saved);
	close(fd);
	free(path);
}

/* row: L1 */
static void test_recovery_interval_warning(void **state)
{
	assert_warnings(*state, "{'timers': {'path_recovery_interval': 19}}", false);
	assert_warnings(*state, "{'timers': {'path_recovery_interval': 20}}", true);
	assert_warnings(*state, "{'timers': {'path_recovery_interval': 20, 'pdo_remove_period': 21}}", false);
	assert_warnings(*state, "{}", false);
}

static void test_wrong_values(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ "[]", ": must be an object" },
		{ "3", ": must be an object" },
		{ "{'targets': {}}", "targets: unknown option" },
		{ "{'target': {'auth': {'users ': []}}}", "target.auth[\"users \"]: unknown option" },
		{ "{'target.iqn': 'iqn.2026-11.org.example:braid'}", "[\"target.iqn\"]: unknown option" },
		{ "{'target': {'portals[]': '10.0.0.1'}}", "target[\"portals[]\"]: unknown option" },
		{ "{'': 1}", "[\"\"]: unknown option" },
		{ "{'target': []}", "target: must be an object" },
		{ "{'target': null}", "target: must be an object" },
		{ "{'target': {'iqn': 7}}", "target.iqn: must be a text" },
		{ "{'target': {'iqn': ''}}", "target.iqn: must have 1 to 4096 bytes" },
		{ "{'target': {'iqn': 'iqn.2026-13.org:x'}}", "target.iqn: must be an iSCSI name" },
		{ "{'target': {'portals': []}}", "target.portals: must have 1 to 64 elements" },
		{ "{'target': {'portals': '10.0.0.1'}}", "target.portals: must be a list" },
		{ "{'target': {'portals': ['host.example']}}", "target.portals[0]: must be a numeric address" },
		{ "{'target': {'portals': ['10.0.0.1', '10.0.0.1:99999']}}", "target.portals[1]: must be a numeric" },
		{ "{'target': {'portals': ['10.0.0.1', '10.0.0.1:3260']}}",
		  "target.portals[1]: \"10.0.0.1:3260\" is given twice" },
		{ "{'target': {'auth': {'method': 'kerberos'}}}", "target.auth.method: must be one of none|chap" },
		{ "{'target': {'auth': {'method': 'cha'}}}", "target.auth.method: must be one of none|chap" },
		{ "{'target': {'auth': {'method': 'none|chap'}}}", "target.auth.method: must be one of none|chap" },
		{ "{'target': {'auth': {'method': 'chap'}}}", "target.auth.users: method chap needs" },
		{ "{'backends': [{'name': 'a'}]}", "backends[0].portals: must be given" },
		{ "{'backends': [{'portals': ['10.0.0.1']}]}", "backends[0].name: must be given" },
		{ "{'backends': [{'name': 'a', 'portals': []}]}", "backends[0].portals: must have 1 to 64 elements" },
		{ "{'backends': [{'name': 'a/b', 'portals': ['10.0.0.1']}]}", "backends[0].name: must be a name" },
		{ "{'backends': [{'name': 'a', 'portals': ['10.0.0.1', 'x']}]}",
		  "backends[0].portals[1]: must be a numeric address" },
		{ "{'backends': [{'name': 'a', 'portals': ['0.0.0.0']}]}",
		  "backends[0].portals[0]: must be the address of an array" },
		{ "{'backends': [{'name': 'a', 'portals': ['10.0.0.1']}, {'name': 'a', 'portals': ['10.0.0.2']}]}",
		  "backends[1]: \"a\" is given twice" },
		{ "{'backends': [{'name': 'a', 'portals': ['10.0.0.1']}, {'name': 'b', 'portals': ['10.0.0.1:3260']}]}",
		  "backends[1].portals[0]: 10.0.0.1:3260 belongs to backend \"a\" already" },
		{ "{'backends': [{'name': 'a', 'portals': ['10.0.0.1'], 'iqns': ['disk']}]}",
		  "backends[0].iqns[0]: must be an iSCSI name" },
		{ "{'backends': [{'name': 'a', 'portals': ['10.0.0.1'], 'chap': {'name': 'x'}}]}",
		  "backends[0].chap.secret_file: must be given together with name" },
		{ "{'backends': [null]}", "backends[0]: must be an object" },
		{ "{'claims': ['']}", "claims[0]: must have 1 to 64 bytes" },
		{ "{'claims': ['IET     VIRTUAL-DISK     ']}", "claims[0]: must be \"all\" or a hardware ID" },
		{ "{'claims': ['a\\nb']}", "claims[0]: must not contain control characters" },
		{ "{'claims': ['all', 'all']}", "claims[1]: \"all\" is given twice" },
		{ "{'policies': {'default': 'round'}}", "policies.default: must be the name of a policy" },
		{ "{'policies': {'default': 8}}", "policies.default: must be the name of a policy" },
		{ "{'policies': {'default': 1.5}}", "policies.default: must be the name or number" },
		{ "{'policies': {'dsm': {'generic': 'x'}}}", "policies.dsm.generic: must be the name of a policy" },
		{ "{'policies': {'dsm': {'a b': 1}}}", "policies.dsm[\"a b\"]: the key must be a name" },
		{ "{'policies': {'hardware_id': {'': 1}}}", "policies.hardware_id[\"\"]: the key must be" },
		{ "{'timers': {'retry_count': 1001}}", "timers.retry_count: must be 0 to 1000\n" },
		{ "{'timers': {'retry_interval': -1}}", "timers.retry_interval: must be 0 to 3600 s\n" },
		{ "{'timers': {'retry_count': 3.0}}", "timers.retry_count: must be a whole number" },
		{ "{'timers': {'retry_count': null}}", "timers.retry_count: must be a whole number" },
		{ "{'timers': {'path_verify_enabled': 1}}", "timers.path_verify_enabled: must be true or false" },
		{ "{'timers': {'RetryCount': 1}}", "timers.RetryCount: unknown option" },
		{ "{'dsms': {'order': []}}", "dsms.order: must have 1 to 64 elements" },
		{ "{'dsms': {'order': ['generic', 'families']}}", "dsms.order: generic takes every device" },
		{ "{'dsms': {'order': ['families', 'acme']}}", "dsms.order[1]: there is no module \"acme\"" },
		{ "{'dsms': {'plugins': ['x.so']}}", "dsms.plugins[0]: must be an absolute path" },
		{ "{'workers': 65}", "workers: must be 0 to 64\n" },
		{ "{'workers': '1'}", "workers: must be a whole number" },
		{ "{'state_dir': 'state'}", "state_dir: must be an absolute path" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		assert_error(*state, cases[i].text, cases[i].error);
}

static void test_hosts(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ "{'target': {'hosts': [{'luns': 'all'}]}}", "target.hosts[0].iqn: must be given" },
		{ "{'target': {'hosts': [{'iqn': 'windows'}]}}", "target.hosts[0].iqn: must be an iSCSI name" },
		{ "{'target': {'hosts': [{'iqn': 'iqn.*.x*'}]}}", "target.hosts[0].iqn: must be an iSCSI name" },
		{ "{'target': {'hosts': [{'iqn': '*', 'addresses': ['10.0.0.1/8']}]}}",
		  "target.hosts[0].addresses[0]: must be a numeric address" },
		{ "{'target': {'hosts': [{'iqn': '*', 'luns': '0-'}]}}", "target.hosts[0].luns: must be \"all\"" },
		{ "{'target': {'hosts': [{'iqn': '*', 'luns': '0,4,2-4'}]}}",
		  "target.hosts[0].luns: gives the host one" },
		{ "{'target': {'hosts': [{'iqn': '*', 'luns': 'all,1'}]}}",
		  "target.hosts[0].luns: must be \"all\" alone" },
		{ "{'target': {'hosts': [{'iqn': '*', 'luns': '1024'}]}}", "target.hosts[0].luns: must be \"all\"" },
		{ "{'target': {'hosts': [{'iqn': '*', 'luns': ''}]}}", "target.hosts[0].luns: must" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		assert_error(*state, cases[i].text, cases[i].error);
	assert_good(*state, "{'target': {'hosts': [{'iqn': 'iqn.2001-04.com.example:h'},"
			    " {'iqn': 'iqn.1991-05.com.microsoft:*', 'addresses': ['10.0.0.0/8', 'fe80::/10', '::1'],"
			    " 'user': 'w', 'luns': '0=3, 4-7:ro,1023'}]}}");
}

/* Nobody is to trust a protection that is not there. */
static void test_not_available(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ "{'api': {'tls': {'certificate': 'x'}}}", "api.tls: not available in this version" },
		{ "{'api': {'tokens_file': 'tokens'}}", "api.tokens_file: not available in this version" },
		{ "{'api': {'listen': ['127.0.0.1', '10.0.0.1']}}", "api.listen[1]: must be a loopback address" },
		{ "{'api': {'listen': ['0.0.0.0:8260']}}", "api.listen[0]: must be a loopback address" },
		{ "{'api': {'listen': ['[::]:8260']}}", "api.listen[0]: must be a loopback address" },
		{ "{'target': {'hosts': {}}}", "target.hosts: must be a list" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		assert_error(*state, cases[i].text, cases[i].error);
	assert_good(*state, "{'target': {'hosts': []}, 'dsms': {'plugins': []}, 'api': {'tls': {}, 'tokens_file': null,"
			    " 'listen': ['127.0.0.1', '[::1]:8261', '127.9.9.9:1']}}");
	assert_good(*state, "{'api': {'listen': []}}");
}

static void test_all_errors_in_one_go(void **state)
{
	struct fixture *f = *state;

	assert_null(parse(f,
			  "{'x': 1, 'target': {'iqn': 'disk', 'portals': ['a', '10.0.0.1', 'b']},"
			  " 'backends': [{'name': 'a', 'portals': [], 'chap': {'name': 'n', 'secret_file': 'none'}}],"
			  " 'claims': [7, 'all', 'all'], 'workers': -1, 'api': {'tls': {'a': 1}}}"));
	for (const char *line = f->reports; *line; line = strchr(line, '\n') + 1)
		assert_non_null(strstr(line, ": "));
	assert_non_null(strstr(f->reports, "x: unknown"));
	assert_non_null(strstr(f->reports, "target.iqn: "));
	assert_non_null(strstr(f->reports, "target.portals[0]: "));
	assert_non_null(strstr(f->reports, "target.portals[2]: "));
	assert_non_null(strstr(f->reports, "backends[0].portals: "));
	assert_non_null(strstr(f->reports, "backends[0].chap.secret_file: cannot read"));
	assert_non_null(strstr(f->reports, "claims[0]: "));
	assert_non_null(strstr(f->reports, "claims[2]: "));
	assert_non_null(strstr(f->reports, "workers: "));
	assert_non_null(strstr(f->reports, "api.tls: "));
	assert_int_equal(f->count, 10);
}

static void test_iscsi_names(void **state)
{
	static const struct {
		const char *name;
		bool good;
	} cases[] = {
		{ "iqn.1991-05.com.microsoft:host", true },
		{ "iqn.2001-04.com.example", true },
		{ "iqn.2001-04.com.example:storage:disk.1-a", true },
		{ "iqn.2001-04.xn--p1ai:\xc3\xa4", true },
		{ "eui.02004567A425678D", true },
		{ "naa.52004567BA64678D", true },
		{ "naa.62004567BA64678D0123456789ABCDEF", true },
		{ "iqn.2001-00.com.example", false },
		{ "iqn.201-04.com.example", false },
		{ "iqn.2001-04", false },
		{ "iqn.2001-04.", false },
		{ "iqn.2001-04.:x", false },
		{ "iqn.2001-04.com.example:", false },
		{ "iqn.2001-04.com.example:a b", false },
		{ "iqn.2001-04.com.example:a,b", false },
		{ "iqn.2001-04.com.example:a_b", false },
		{ "eui.02004567A425678", false },
		{ "eui.02004567A425678G", false },
		{ "naa.52004567BA64678D0", false },
		{ "naa.", false },
		{ "disk", false },
	};
	char name[225] = "iqn.2001-04.com.example:", *text;

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		text = xasprintf("{'target': {'iqn': '%s'}}", cases[i].name);
		if (cases[i].good)
			assert_good(*state, text);
		else
			assert_error(*state, text, "target.iqn: must be an iSCSI name");
		free(text);
	}
	for (size_t len = 223; len <= 224; len++) {
		memset(name + 24, 'a', len - 24);
		text = xasprintf("{'target': {'iqn': '%s'}}", name);
		if (len == 223)
			assert_good(*state, text);
		else
			assert_error(*state, text, "target.iqn: must not be longer than 223 bytes");
		free(text);
	}
}

/* row: D7 */
static void test_generic_dsm_is_last(void **state)
{
	struct config *config = parse_good(*state, "{'dsms': {'order': ['acme', 'families'],"
						   " 'plugins': ['/usr/lib/braid/dsm/acme.so']}}");
	json_t *snapshot = config_snapshot(config), *order = json_of("['acme', 'families', 'generic']");

	assert_int_equal(config->dsm_order_count, 3);
	assert_string_equal(config->dsm_order[2], "generic");
	assert_true(json_equal(json_object_get(json_object_get(snapshot, "dsms"), "order"), order));
	assert_int_equal(config->dsm_plugin_count, 1);
	assert_string_equal(config->dsm_plugins[0], "/usr/lib/braid/dsm/acme.so");
	json_decref(order);
	json_decref(snapshot);
	config_destroy(config);
}

/* One array address with a CHAP name for each of its targets is fine, as long as no target is meant twice. */
static void test_common_portal(void **state)
{
	assert_good(*state,
		    "{'backends': [{'name': 'a', 'portals': ['10.0.0.1'], 'iqns': ['iqn.2001-04.com.example:a']},"
		    "{'name': 'b', 'portals': ['10.0.0.1'], 'iqns': ['iqn.2001-04.com.example:b']}]}");
	assert_error(*state,
		     "{'backends': [{'name': 'a', 'portals': ['10.0.0.1'], 'iqns': ['iqn.2001-04.com.example:a']},"
		     "{'name': 'b', 'portals': ['10.0.0.1'], 'iqns': ['iqn.2001-04.com.example:a']}]}",
		     "backends[1].portals[0]: 10.0.0.1:3260 belongs");
}

static void compare(struct fixture *f, const char *old_text, const char *new_text, const char *expected)
{
	struct config *old = parse_good(f, old_text), *fresh = parse_good(f, new_text);

	forget_reports(f);
	config_compare(old, fresh, report, f);
	assert_string_equal(f->reports, expected);
	config_destroy(old);
	config_destroy(fresh);
}

/* row: D8 */
static void test_compare(void **state)
{
	compare(*state, "{}", "{}", "");
	compare(*state, "{}", "{'workers': 0, 'timers': {'retry_count': 3}}", "");
	compare(*state, "{'policies': {'default': 3}}", "{'policies': {'default': 'round-robin-subset'}}", "");
	compare(*state, "{}",
		"{'workers': 2, 'claims': ['all'], 'timers': {'retry_count': 4}, 'policies': {'dsm': {'generic': 1}}}",
		"claims: reloaded\npolicies.dsm: reloaded\ntimers.retry_count: reloaded\nworkers: needs a restart\n");
	compare(*state, "{'backends': []}", "{'backends': [{'name': 'a', 'portals': ['10.0.0.1']}]}",
		"backends: reloaded\n");
}

static struct config *load(struct fixture *f, const char *text)
{
	char *path = xasprintf("%s/braid.json", f->dir);
	struct config *config;

	write_file(f, "braid.json", text, 0644);
	forget_reports(f);
	config = config_load(path, report, f);
	free(path);
	return config;
}

static void test_load(void **state)
{
	struct fixture *f = *state;
	struct config *config;

	write_file(f, "h", SECRET, 0600); /* found beside the file, wherever the daemon was started */
	config = load(f, "{\"backends\": [{\"name\": \"a\", \"portals\": [\"10.0.0.1\"],"
			 " \"chap\": {\"name\": \"n\", \"secret_file\": \"h\"}}]}");
	assert_non_null(config);
	assert_string_equal(config->backends[0].chap.secret, SECRET);
	config_destroy(config);
	assert_null(load(f, "{\n  \"workers\": 1,\n  \"claims\": [,]\n}\n"));
	assert_int_equal(strncmp(f->reports, ": line 3, column ", 17), 0);
	assert_null(load(f, "{ \"workers\": 1, \"workers\": 2 }"));
	assert_non_null(strstr(f->reports, "duplicate"));
	assert_null(load(f, ""));
	assert_null(load(f, "{} {}"));
	forget_reports(f);
	assert_null(config_load("/no/such/file", report, f));
	assert_non_null(strstr(f->reports, "No such file"));
	config_destroy(NULL);
}

static void assert_example(struct fixture *f, const char *name)
{
	char *path = xasprintf("%s/%s", EXAMPLES_DIR, name), text[8192] = "";
	struct config *config;
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	assert_true(fread(text, 1, sizeof(text) - 1, file) < sizeof(text) - 1);
	fclose(file);
	config = load(f, text);
	if (!config)
		fail_msg("%s\n%s", name, f->reports);
	config_destroy(config);
	free(path);
}

static void test_examples(void **state)
{
	struct fixture *f = *state;
	char *secrets = xasprintf("%s/secrets", f->dir);

	assert_int_equal(mkdir(secrets, 0700), 0);
	free(secrets);
	write_file(f, "secrets/host1", "secret of host1", 0600);
	write_file(f, "secrets/host2", "secret of host2", 0600);
	write_file(f, "secrets/host2-mutual", "secret for host2", 0600);
	write_file(f, "secrets/array-a", "secret of array-a", 0600);
	assert_example(f, "minimal.json");
	assert_example(f, "full.json");
}

/* Every value of a whole configuration in turn replaced by each of these: it is taken or refused, and that is all. */
static void replace_each(struct fixture *f, json_t *root, json_t *container)
{
	static const char *const values[] = { "null",
					      "true",
					      "7",
					      "-1",
					      "1.5",
					      "'x'",
					      "''",
					      "[]",
					      "{}",
					      "[null]",
					      "[[]]",
					      "{'x': {}}",
					      "9223372036854775807" };
	size_t count = json_is_object(container) ? json_object_size(container) : json_array_size(container);
	void *iter = json_object_iter(container);

	for (size_t i = 0; i < count; i++, iter = json_object_iter_next(container, iter)) {
		json_t *old = iter ? json_object_iter_value(iter) : json_array_get(container, i);

		json_incref(old);
		for (size_t j = 0; j <= ARRAY_COUNT(values); j++) {
			json_t *value = j < ARRAY_COUNT(values) ? json_of(values[j]) : json_incref(old);

			if (iter)
				json_object_iter_set_new(container, iter, value);
			else
				json_array_set_new(container, i, value);
			forget_reports(f);
			config_destroy(config_parse(root, f->dir, report, f));
		}
		replace_each(f, root, old);
		json_decref(old);
	}
}

static void test_every_value_replaced(void **state)
{
	json_t *root = json_load_file(EXAMPLES_DIR "/full.json", 0, NULL);

	assert_non_null(root);
	replace_each(*state, root, root);
	json_decref(root);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_defaults),
		TEST(test_backends),
		TEST(test_policies),
		TEST(test_timers),
		TEST(test_timers_of_dsms),
		TEST(test_recovery_interval_warning),
		TEST(test_wrong_values),
		TEST(test_hosts),
		TEST(test_not_available),
		TEST(test_all_errors_in_one_go),
		TEST(test_iscsi_names),
		TEST(test_generic_dsm_is_last),
		TEST(test_common_portal),
		TEST(test_compare),
		TEST(test_load),
		TEST(test_examples),
		TEST(test_every_value_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
