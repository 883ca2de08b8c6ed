/* Log lines: levels, the form of a line, and what a peer's text cannot do to it. */
#include "gateway/base/log.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Writes one line at `level` and returns what reached standard error, in `line`. */
static void capture(char *line, size_t size, enum log_level level, const char *text)
{
	int pipe_fd[2], saved = dup(STDERR_FILENO);
	ssize_t n;

	assert_int_equal(pipe(pipe_fd), 0);
	dup2(pipe_fd[1], STDERR_FILENO);
	log_write(level, "unit", "text=%s", text);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(pipe_fd[1]);
	n = read(pipe_fd[0], line, size - 1);
	close(pipe_fd[0]);
	assert_true(n >= 0);
	line[n] = '\0';
}

static void test_parse(void **state)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };
	enum log_level level;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		assert_int_equal(log_level_parse(names[i], &level), 0);
		assert_int_equal(level, i);
	}
	assert_int_equal(log_level_parse("INFO", &level), -EINVAL);
	assert_int_equal(log_level_parse("", &level), -EINVAL);
}

static void test_level(void **state)
{
	char line[2048];

	(void)state;
	capture(line, sizeof(line), LOG_LEVEL_DEBUG, "hidden");
	assert_string_equal(line, "");
	log_set_level(LOG_LEVEL_DEBUG);
	capture(line, sizeof(line), LOG_LEVEL_DEBUG, "shown");
	assert_non_null(strstr(line, "unit text=shown\n"));
	log_set_level(LOG_LEVEL_ERROR);
	capture(line, sizeof(line), LOG_LEVEL_WARN, "hidden");
	assert_string_equal(line, "");
	log_set_level(LOG_LEVEL_INFO);
}

/* Line ends and escapes that a peer put into a name neither forge a line nor reach a terminal. */
static void test_control_characters(void **state)
{
	char line[2048];

	(void)state;
	capture(line, sizeof(line), LOG_LEVEL_INFO, "a\nb\x1b[2Jc\rd\x7f\t");
	assert_non_null(strstr(line, "text=a?b?[2Jc?d??\n"));
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void test_long_line(void **state)
{
	char text[4096], line[8192];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	capture(line, sizeof(line), LOG_LEVEL_INFO, text);
	assert_true(strlen(line) <= 1024);
	assert_int_equal(line[strlen(line) - 1], '\n');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_level),
		cmocka_unit_test(test_control_characters),
		cmocka_unit_test(test_long_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
