/* page.c - GET / and the files beside it. */
#include "api/page.h"

#include "api/resources.h"

#include <string.h>

static const struct {
	const char *suffix, *type;
} types[] = {
	{ ".html", "text/html; charset=utf-8" },
	{ ".css", "text/css; charset=utf-8" },
	{ ".js", "text/javascript; charset=utf-8" },
	{ ".svg", "image/svg+xml" },
};

static const char *type_of(const char *name)
{
	const char *suffix = strrchr(name, '.');

	for (size_t i = 0; suffix && i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(types[i].suffix, suffix) == 0)
			return types[i].type;
	return "application/octet-stream";
}

void page_get(struct request *request)
{
	const char *name = request->uri.segment_count ? request->uri.segments[0] : "index.html";

	for (const struct page_file *file = page_files; file->name; file++) {
		if (strcmp(file->name, name) == 0) {
			request_answer_static(request, MHD_HTTP_OK, type_of(name), file->data, file->len);
			return;
		}
	}
	problem_set(&request->problem, 404, "", "Not Found", "This build has no page.");
}
