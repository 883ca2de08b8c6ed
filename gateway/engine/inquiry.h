/*
 * inquiry.h - INQUIRY answers of an array, turned into those of the gateway.
 *
 * What describes the logical unit is carried through; what describes ports is the gateway's own: hosts must never see
 * an array's target ports, port groups or ALUA states. Pure functions. Any thread.
 */
#ifndef BRAID_INQUIRY_H
#define BRAID_INQUIRY_H

#include <stddef.h>
#include <stdint.h>

#define INQUIRY_BUFFER_MIN 4096 /* room for any page together with what the gateway adds */

/* The port through which the host asks: a target portal group is one (RFC 7143 4.4.1). */
struct inquiry_port {
	const char *iqn;
	uint16_t tpgt; /* target portal group tag; also the target port group, and the relative target port identifier */
	uint32_t transfer_blocks; /* the most that one command may move; 0: no limit */
};

/* The INQUIRY that is sent to the array in place of the host's: the same page, with room for all of it. */
void inquiry_request(const uint8_t host_cdb[6], uint8_t array_cdb[6], uint32_t *alloc);

/* Rewrites the array's answer of `len` bytes in place (the buffer has INQUIRY_BUFFER_MIN bytes); returns the new
 * length, before the cut at the host's allocation length. Page 88h, SCSI Ports, needs no answer of the array. */
size_t inquiry_answer(const uint8_t host_cdb[6], uint8_t *data, size_t len, const struct inquiry_port *port);

#endif
