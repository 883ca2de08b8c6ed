/*
 * crc32c.h - the CRC32C of header and data digests (RFC 7143 section 13.1).
 */
#ifndef BRAID_CRC32C_H
#define BRAID_CRC32C_H

#include <stddef.h>
#include <stdint.h>

#define CRC32C_INIT 0xffffffffu

/* Continues over `len` bytes. */
uint32_t crc32c(uint32_t crc, const uint8_t *bytes, size_t len);

/* The four bytes on the wire. */
void crc32c_put(uint8_t *wire, uint32_t crc);

#endif
