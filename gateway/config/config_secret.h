/*
 * config_secret.h - a CHAP secret, read from a file of its own.
 */
#ifndef BRAID_CONFIG_SECRET_H
#define BRAID_CONFIG_SECRET_H

#include <stddef.h>

#define CONFIG_SECRET_MIN 12 /* bytes; RFC 7143 9.2.1: no fewer than 96 bits without IPsec */
#define CONFIG_SECRET_MAX 255 /* libiscsi cuts what is longer */

/* The secret in `file` (relative to base_dir), without the newline at its end; for config_secret_destroy().
 * The file must be a regular one that nobody but its owner may touch. NULL, with the reason as a sentence in why. */
char *config_secret_read(const char *base_dir, const char *file, char *why, size_t why_size);

void config_secret_destroy(char *secret); /* takes NULL; wipes it */

#endif
