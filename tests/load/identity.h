/*
 * identity.h - who a logical unit is, from its Device Identification VPD page (SPC-4 7.8.6) and its capacity.
 */
#ifndef BRAID_LOAD_IDENTITY_H
#define BRAID_LOAD_IDENTITY_H

#include <stddef.h>
#include <stdint.h>

/* The best designator of the page, as `TYPE.HEX`, into name: of the logical unit, types in the order SCSI name string,
 * NAA, EUI-64, T10, vendor specific, then the longer. 0, or -ENOENT when there is none. */
int identity_from_vpd83(const uint8_t *page, size_t bytes, char *name, size_t size);

/* READ CAPACITY(16) data (SBC-4 5.16.2). 0, or -EINVAL: too short, or a block size that is not 512 .. 65536. */
int identity_capacity(const uint8_t *data, size_t bytes, uint64_t *blocks, uint32_t *block_size);

#endif
