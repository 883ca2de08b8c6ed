#include "target/crc32c.h"

#include <isa-l/crc.h>

uint32_t crc32c(uint32_t crc, const uint8_t *bytes, size_t len)
{
	/* the library's prototype lacks a const and takes an int */
	return crc32_iscsi((unsigned char *)(uintptr_t)bytes, (int)len, crc);
}

void crc32c_put(uint8_t *wire, uint32_t crc)
{
	crc = ~crc;
	for (unsigned i = 0; i < 4; i++) /* the least significant byte first */
		wire[i] = (uint8_t)(crc >> (8 * i));
}
