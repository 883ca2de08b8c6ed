#include "dsm/check/report.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define FINDINGS_MAX 12 /* shown of one check */
#define EXIT_FINDINGS 3 /* of the process of a check; any other end is the module's doing */

static unsigned findings; /* of the check that runs in this process */

void report_wrong(const char *fmt, ...)
{
	va_list args;

	if (findings++ >= FINDINGS_MAX)
		return;
	va_start(args, fmt);
	fputs("         ", stdout);
	vprintf(fmt, args);
	putchar('\n');
	va_end(args);
}

static void print_line(const char *name, const char *state, const char *what, const char *more)
{
	printf("%-8s %-8s %s%s%s\n", name, state, what, *more ? ": " : "", more);
	fflush(stdout);
}

/* In the child. What was found is printed before the line of the check: stdout is a pipe or file that keeps order, so
 * the child's text is held back until the parent has printed the line. */
static void run(int out, void (*fn)(const void *arg), const void *arg)
{
	dup2(out, STDOUT_FILENO);
	close(out);
	alarm(CHECK_SECONDS);
	fn(arg);
	if (findings > FINDINGS_MAX)
		printf("         and %u more\n", findings - FINDINGS_MAX);
	fflush(stdout);
	_exit(findings ? EXIT_FINDINGS : 0);
}

static void copy_out(FILE *held)
{
	char text[4096];
	size_t n;

	rewind(held);
	while ((n = fread(text, 1, sizeof(text), held)) > 0)
		fwrite(text, 1, n, stdout);
	fflush(stdout);
}

bool report_check(const char *name, const char *what, void (*fn)(const void *arg), const void *arg)
{
	FILE *held = tmpfile();
	char more[64] = "";
	int status = -1;
	pid_t child;

	if (!held) {
		perror("braid-dsm-check");
		exit(2);
	}
	fflush(NULL);
	child = fork();
	if (child == 0)
		run(fileno(held), fn, arg);
	if (child < 0 || waitpid(child, &status, 0) < 0) {
		perror("braid-dsm-check");
		exit(2);
	}
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		snprintf(more, sizeof(more), "did not come back within %d s", CHECK_SECONDS);
	else if (WIFSIGNALED(status))
		snprintf(more, sizeof(more), "crashed (%s)", strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) && WEXITSTATUS(status) != EXIT_FINDINGS)
		snprintf(more, sizeof(more), "ended the process (status %d)", WEXITSTATUS(status));
	print_line(name, status == 0 ? "ok" : "WRONG", what, more);
	copy_out(held);
	fclose(held);
	return status == 0;
}

void report_skipped(const char *name, const char *what, const char *why)
{
	print_line(name, "skipped", what, why);
}
