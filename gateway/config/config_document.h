/*
 * config_document.h - a configuration as JSON, checked against the option table, with every default filled in.
 *
 * What was refused stands as null in it, so that lists keep their indexes and the rules that look across options
 * can still run and report.
 */
#ifndef BRAID_CONFIG_DOCUMENT_H
#define BRAID_CONFIG_DOCUMENT_H

#include "gateway/config/config_errors.h"

/* The caller owns the document; root stays as it is. */
json_t *config_document_create(const json_t *root, struct config_errors *errors);

/* The value at a path of members ("target.auth.users"); NULL when there is none. Borrowed. */
json_t *config_document_get(const json_t *document, const char *path);

/* The text at a path; NULL when there is none, or it was refused. Borrowed. */
const char *config_document_text(const json_t *document, const char *path);

#endif
