/*
 * hex.h - bytes as hexadecimal text. Any thread.
 */
#ifndef BRAID_HEX_H
#define BRAID_HEX_H

#include <stddef.h>
#include <stdint.h>

/* text gets 2 * len digits and the NUL. */
void hex_encode(const uint8_t *bytes, size_t len, char *text);

/* How many bytes; -EINVAL: not pairs of digits, or more than max. */
int hex_decode(const char *text, uint8_t *bytes, size_t max);

#endif
