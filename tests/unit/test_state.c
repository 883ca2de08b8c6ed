/* The state file: what is written comes back; whatever a crash leaves behind, the old document or the new one is read;
 * a file that cannot be parsed is never lost. */
#include "gateway/base/memory.h"
#include "gateway/state.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct fixture {
	char parent[64], *dir, *file, *temporary, *bad;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	str_copy(f->parent, sizeof(f->parent), "/tmp/braid-test-state-XXXXXX");
	if (!mkdtemp(f->parent))
		return -1;
	f->dir = xasprintf("%s/state", f->parent);
	f->file = xasprintf("%s/state.json", f->dir);
	f->temporary = xasprintf("%s.tmp", f->file);
	f->bad = xasprintf("%s.bad", f->file);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	unlink(f->file);
	unlink(f->temporary);
	unlink(f->bad);
	rmdir(f->dir);
	rmdir(f->parent);
	free(f->dir);
	free(f->file);
	free(f->temporary);
	free(f->bad);
	free(f);
	return 0;
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void assert_content(const char *path, const char *expected)
{
	char text[256] = "";
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	assert_int_equal(fread(text, 1, sizeof(text) - 1, file), strlen(expected));
	fclose(file);
	assert_string_equal(text, expected);
}

/* Saves { "generation": n }. */
static int save(const struct fixture *f, int n)
{
	json_t *root = json_pack("{s:i}", "generation", n);
	int rc = state_save(f->dir, root);

	json_decref(root);
	return rc;
}

static int load(const struct fixture *f)
{
	json_t *root;
	int rc = state_load(f->dir, &root), n;

	if (rc < 0) {
		assert_null(root);
		return rc;
	}
	n = (int)json_integer_value(json_object_get(root, "generation"));
	json_decref(root);
	return n;
}

/* row: D9 */
static void test_round_trip(void **state)
{
	struct fixture *f = *state;
	json_t *root, *back;
	struct stat st;

	root = json_pack("{s:{s:i},s:[s]}", "luns", "naa.6001", 3, "claims", "IET     VIRTUAL-DISK    ");
	assert_int_equal(state_save(f->dir, root), 0);
	assert_int_equal(state_load(f->dir, &back), 0);
	assert_true(json_equal(root, back));
	json_decref(root);
	json_decref(back);
	assert_int_equal(stat(f->file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(access(f->temporary, F_OK), -1);
	assert_int_equal(access(f->bad, F_OK), -1);
}

static void test_first_start(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	json_t *root;

	assert_int_equal(state_load(f->dir, &root), 0);
	assert_true(json_is_object(root));
	assert_int_equal(json_object_size(root), 0);
	json_decref(root);
	assert_int_equal(stat(f->dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

/* Died while the temporary file was being written: the old document is the one that counts. */
static void test_leftover_temporary(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(save(f, 1), 0);
	write_file(f->temporary, "{ \"generation\": 2, \"longer than the next\": \"................................\"");
	assert_int_equal(load(f), 1);
	assert_int_equal(save(f, 3), 0);
	assert_int_equal(load(f), 3);
	assert_int_equal(access(f->temporary, F_OK), -1);
}

/* A writer is killed in the middle of its work, again and again: what is read afterwards is a whole document, and never
 * an older one than the last that was reported as saved. */
static void test_kill(void **state)
{
	struct fixture *f = *state;
	int acknowledged = 0;

	for (int round = 0; round < 20; round++) {
		int pipes[2], n;
		pid_t writer;

		assert_int_equal(pipe(pipes), 0);
		writer = fork();
		assert_true(writer >= 0);
		if (writer == 0) {
			for (n = acknowledged + 1; save(f, n) == 0; n++)
				if (write(pipes[1], &n, sizeof(n)) != sizeof(n))
					break;
			_exit(1);
		}
		close(pipes[1]);
		for (int saves = 0; saves <= round; saves++)
			assert_int_equal(read(pipes[0], &acknowledged, sizeof(acknowledged)), sizeof(acknowledged));
		kill(writer, SIGKILL);
		waitpid(writer, NULL, 0);
		while (read(pipes[0], &n, sizeof(n)) == sizeof(n))
			acknowledged = n;
		close(pipes[0]);
		n = load(f);
		assert_in_range(n, acknowledged, acknowledged + 1);
		acknowledged = n;
	}
	assert_int_equal(access(f->bad, F_OK), -1);
}

static void test_unparsable_is_kept(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(save(f, 1), 0);
	write_file(f->file, "{ \"generation\": 1,");
	assert_int_equal(load(f), -EILSEQ);
	assert_int_equal(load(f), -EILSEQ);
	assert_content(f->file, "{ \"generation\": 1,");
	assert_int_equal(save(f, 2), 0);
	assert_int_equal(load(f), 2);
	assert_content(f->bad, "{ \"generation\": 1,");
	assert_int_equal(save(f, 3), 0); /* a good file leaves the copy alone */
	assert_content(f->bad, "{ \"generation\": 1,");
	write_file(f->file, "[]");
	assert_int_equal(load(f), -EILSEQ);
	assert_int_equal(save(f, 4), 0);
	assert_content(f->bad, "[]");
	assert_int_equal(load(f), 4);
}

static void test_duplicate_keys_and_empty_file(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(save(f, 1), 0);
	write_file(f->file, "{ \"generation\": 1, \"generation\": 2 }");
	assert_int_equal(load(f), -EILSEQ);
	write_file(f->file, "");
	assert_int_equal(load(f), -EILSEQ);
}

/* What cannot be written leaves the old document, and nothing else. */
static void test_failed_save(void **state)
{
	struct fixture *f = *state;
	json_t *text = json_string("no document");

	assert_int_equal(save(f, 1), 0);
	assert_int_equal(mkdir(f->temporary, 0700), 0);
	assert_int_equal(save(f, 2), -EISDIR);
	rmdir(f->temporary);
	assert_int_equal(load(f), 1);
	assert_int_equal(state_save(f->dir, text), -EINVAL);
	assert_int_equal(load(f), 1);
	json_decref(text);
}

static void test_bad_directory(void **state)
{
	struct fixture *f = *state;
	json_t *root;

	write_file(f->dir, "");
	assert_int_equal(state_load(f->dir, &root), -ENOTDIR);
	assert_int_equal(save(f, 1), -ENOTDIR);
	unlink(f->dir);
	assert_int_equal(state_load("/proc/no/such", &root), -ENOENT);
	assert_null(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(test_first_start, setup, teardown),
		cmocka_unit_test_setup_teardown(test_leftover_temporary, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kill, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unparsable_is_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_duplicate_keys_and_empty_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failed_save, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_directory, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
