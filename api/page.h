/*
 * page.h - the files of the web page, built into the program.
 *
 * page_files.c is made from web/ by embed.cmake when the program is built.
 */
#ifndef BRAID_API_PAGE_H
#define BRAID_API_PAGE_H

#include <stddef.h>

struct page_file {
	const char *name; /* "index.html" */
	const unsigned char *data;
	size_t len;
};

extern const struct page_file page_files[]; /* ended by a name of NULL */

#endif
