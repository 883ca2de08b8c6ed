/* CHAP users and their secrets: what a secret file must be, and that no secret leaves by snapshot or message. */
#include "tests/unit/config_fixture.h"

#define USER(members) "{'target': {'auth': {'method': 'chap', 'users': [{'name': 'h', " members "}]}}}"

static void test_secrets(void **state)
{
	struct fixture *f = *state;
	struct config *config;

	write_file(f, "h", SECRET "\n", 0600);
	write_file(f, "m", "another secret of its own\r\n", 0400);
	config = parse_good(f, USER("'secret_file': 'h', 'mutual_name': 'braid', 'mutual_secret_file': 'm'"));
	assert_int_equal(config->target.user_count, 1);
	assert_string_equal(config->target.users[0].name, "h");
	assert_string_equal(config->target.users[0].secret, SECRET);
	assert_string_equal(config->target.users[0].mutual_name, "braid");
	assert_string_equal(config->target.users[0].mutual_secret, "another secret of its own");
	config_destroy(config);
	config = parse_good(f, "{'backends': [{'name': 'a', 'portals': ['10.0.0.1'],"
			       " 'chap': {'name': 'n', 'secret_file': 'h'}}]}");
	assert_string_equal(config->backends[0].chap.name, "n");
	assert_string_equal(config->backends[0].chap.secret, SECRET);
	assert_null(config->backends[0].chap.mutual_secret);
	config_destroy(config);
}

static void test_secret_length(void **state)
{
	char text[260] = "";

	memset(text, 's', 256);
	write_file(*state, "256", text, 0600);
	text[255] = '\n';
	write_file(*state, "255", text, 0600);
	write_file(*state, "11", "12345678901\n", 0600);
	write_file(*state, "12", "123456789012", 0600);
	assert_good(*state, USER("'secret_file': '12'"));
	assert_good(*state, USER("'secret_file': '255'"));
	assert_error(*state, USER("'secret_file': '11'"),
		     "target.auth.users[0].secret_file: the secret must have 12 bytes or more");
	assert_error(*state, USER("'secret_file': '256'"),
		     "target.auth.users[0].secret_file: the secret must not have more than 255 bytes");
}

static void test_secret_file_is_private(void **state)
{
	static const mode_t modes[] = { 0640, 0604, 0620, 0601, 0610, 0666 };
	struct fixture *f = *state;
	char *fifo = xasprintf("%s/fifo", f->dir);

	for (size_t i = 0; i < ARRAY_COUNT(modes); i++) {
		write_file(f, "h", SECRET, modes[i]);
		assert_error(f, USER("'secret_file': 'h'"), "target.auth.users[0].secret_file: ");
		assert_non_null(strstr(f->reports, "it must be 0600 or stricter"));
	}
	assert_int_equal(mkfifo(fifo, 0600), 0);
	free(fifo);
	assert_error(f, USER("'secret_file': 'fifo'"), "target.auth.users[0].secret_file: ");
	assert_non_null(strstr(f->reports, "must be a regular file"));
	assert_error(f, USER("'secret_file': 'missing'"), "target.auth.users[0].secret_file: cannot read ");
	write_file(f, "h", "two lines of\nsecret text\n", 0600);
	assert_error(f, USER("'secret_file': 'h'"),
		     "target.auth.users[0].secret_file: the secret must be a single line");
	assert_null(strstr(f->reports, "two lines"));
}

static void test_users(void **state)
{
	struct fixture *f = *state;

	write_file(f, "h", SECRET, 0600);
	write_file(f, "i", "123456789012", 0600);
	assert_error(f, "{'target': {'auth': {'users': [{'name': 'h', 'secret_file': 'h'}]}}}",
		     "target.auth.users: users are given, but method none");
	assert_error(f, USER("'secret_file': 'h'}, {'name': 'h', 'secret_file': 'i'"),
		     "target.auth.users[1]: \"h\" is given twice");
	assert_error(f, USER("'mutual_name': null"), "target.auth.users[0].secret_file: must be given");
	assert_error(f, USER("'secret_file': 'h', 'mutual_name': 'b'"),
		     "target.auth.users[0].mutual_secret_file: must be given together with mutual_name");
	assert_error(f, USER("'secret_file': 'h', 'mutual_name': 'b', 'mutual_secret_file': 'h'"),
		     "target.auth.users[0].mutual_secret_file: the mutual secret must differ");
	assert_error(f,
		     USER("'secret_file': 'h', 'mutual_name': 'b', 'mutual_secret_file': 'i'}, "
			  "{'name': 'i', 'secret_file': 'i'"),
		     "target.auth.users[0].mutual_secret_file: the mutual secret must differ");
}

static void test_snapshot_has_no_secrets(void **state)
{
	struct fixture *f = *state;
	struct config *config, *again;
	json_t *snapshot;
	char *text;

	write_file(f, "h", SECRET, 0600);
	config = parse_good(f, USER("'secret_file': 'h'"));
	snapshot = config_snapshot(config);
	text = json_dumps(snapshot, 0);
	assert_null(strstr(text, "horse"));
	assert_non_null(strstr(text, "\"secret_file\": \"h\""));
	assert_non_null(strstr(text, "\"pdo_remove_period\": 20"));
	assert_non_null(strstr(text, "\"path_verify_enabled\": false"));
	free(text);
	again = config_parse(snapshot, f->dir, report, f); /* a snapshot is a configuration */
	assert_non_null(again);
	assert_true(json_equal(snapshot, again->document));
	json_decref(snapshot);
	config_destroy(again);
	config_destroy(config);
}

static void test_compare_secrets(void **state)
{
	static const char text[] = "{'backends': [{'name': 'a', 'portals': ['10.0.0.1'],"
				   " 'chap': {'name': 'n', 'secret_file': 'h'}}]}";
	struct fixture *f = *state;
	struct config *old, *fresh;

	write_file(f, "h", SECRET, 0600);
	old = parse_good(f, text);
	write_file(f, "h", SECRET "!", 0600);
	fresh = parse_good(f, text);
	config_compare(old, fresh, report, f);
	assert_string_equal(f->reports, "backends: reloaded\n");
	config_destroy(old);
	config_destroy(fresh);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_secrets), TEST(test_secret_length),           TEST(test_secret_file_is_private),
		TEST(test_users),   TEST(test_snapshot_has_no_secrets), TEST(test_compare_secrets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
