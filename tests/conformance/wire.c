#include "tests/conformance/wire.h"

#include "gateway/base/bytes.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define RECEIVE_SECONDS 5

int wire_open(struct wire *wire, const struct sockaddr *address, socklen_t len)
{
	struct timeval limit = { .tv_sec = RECEIVE_SECONDS };
	int on = 1;

	memset(wire, 0, sizeof(*wire));
	wire->cmd_sn = 0xfffffffe; /* it wraps round soon: serial number arithmetic (RFC 7143 4.2.2.1) */
	wire->fd = socket(address->sa_family, SOCK_STREAM, 0);
	if (wire->fd < 0)
		return -errno;
	if (setsockopt(wire->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
	    setsockopt(wire->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
	    connect(wire->fd, address, len) < 0) {
		int rc = -errno;

		close(wire->fd);
		return rc;
	}
	return 0;
}

void wire_close(struct wire *wire)
{
	close(wire->fd);
}

/* CRC32C (RFC 7143 13.1), bit by bit; the four bytes go out with the lowest first. */
static uint32_t digest(uint32_t crc, const uint8_t *bytes, size_t len)
{
	while (len--) {
		crc ^= *bytes++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return crc;
}

static void put_digest(uint8_t *at, uint32_t crc)
{
	crc = ~crc;
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(crc >> 8 * i);
}

void wire_send_bytes(struct wire *wire, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;

	while (len) {
		ssize_t n = send(wire->fd, at, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		at += n;
		len -= (size_t)n;
	}
}

void wire_send(struct wire *wire, uint8_t bhs[WIRE_BHS], const void *data, size_t len)
{
	uint8_t sum[4], padding[4] = { 0 };

	put_be24(bhs + AT_LENGTH, (uint32_t)len);
	wire_send_bytes(wire, bhs, WIRE_BHS);
	if (wire->header_digest) {
		put_digest(sum, digest(~0u, bhs, WIRE_BHS));
		wire_send_bytes(wire, sum, sizeof(sum));
	}
	if (!len)
		return;
	wire_send_bytes(wire, data, len);
	wire_send_bytes(wire, padding, pad4(len));
	if (wire->data_digest) {
		put_digest(sum, digest(digest(~0u, data, len), padding, pad4(len)));
		wire_send_bytes(wire, sum, sizeof(sum));
	}
}

static enum wire_result receive_bytes(struct wire *wire, uint8_t *at, size_t len)
{
	while (len) {
		ssize_t n = recv(wire->fd, at, len, 0);

		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return WIRE_SILENT;
		if (n <= 0)
			return WIRE_CLOSED;
		at += n;
		len -= (size_t)n;
	}
	return WIRE_PDU;
}

static enum wire_result receive_digest(struct wire *wire, const uint8_t *bytes, size_t len)
{
	uint8_t want[4], got[4];
	enum wire_result result = receive_bytes(wire, got, sizeof(got));

	put_digest(want, digest(~0u, bytes, len));
	return result == WIRE_PDU && memcmp(want, got, sizeof(got)) != 0 ? WIRE_GARBAGE : result;
}

enum wire_result wire_receive(struct wire *wire)
{
	enum wire_result result = receive_bytes(wire, wire->bhs, WIRE_BHS);
	size_t padded;

	if (result == WIRE_PDU && wire->header_digest)
		result = receive_digest(wire, wire->bhs, WIRE_BHS);
	if (result != WIRE_PDU)
		return result;
	wire->len = get_be24(wire->bhs + AT_LENGTH);
	padded = wire->len + pad4(wire->len);
	if (wire->bhs[4] || padded > sizeof(wire->data))
		return WIRE_GARBAGE;
	result = receive_bytes(wire, wire->data, padded);
	if (result == WIRE_PDU && padded && wire->data_digest)
		result = receive_digest(wire, wire->data, padded);
	return result;
}
