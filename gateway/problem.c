#include "gateway/control.h"

#include "gateway/base/memory.h"

#include <stdarg.h>
#include <stdio.h>

void problem_set(struct problem *problem, int status, const char *pointer, const char *title, const char *fmt, ...)
{
	va_list ap;

	problem->status = status;
	str_copy(problem->pointer, sizeof(problem->pointer), pointer);
	str_copy(problem->title, sizeof(problem->title), title);
	va_start(ap, fmt);
	vsnprintf(problem->detail, sizeof(problem->detail), fmt, ap);
	va_end(ap);
}

int problem_unsaved(struct problem *problem)
{
	problem_set(problem, 500, "", "Not saved", "the change could not be written to state_dir, so it was not made");
	return -1;
}
