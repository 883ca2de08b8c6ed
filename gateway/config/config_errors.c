#include "gateway/config/config_errors.h"

#include <stdarg.h>
#include <stdio.h>

void config_errors_add(struct config_errors *errors, const char *path, const char *fmt, ...)
{
	char message[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	errors->count++;
	if (errors->report)
		errors->report(errors->arg, path, message);
}
