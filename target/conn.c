#include "target/conn.h"

#include "gateway/base/memory.h"
#include "target/crc32c.h"

#include <event2/event_struct.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* Where the receiver is in a PDU. */
enum rx_stage { RX_BHS, RX_AHS, RX_INLINE, RX_PLACED, RX_DROPPED, RX_TAIL };

struct conn {
	int fd;
	struct loop *loop;
	const struct conn_ops *ops;
	void *owner;
	struct event read_event, write_event;
	struct loop_hook turn_end; /* flush, or say that it is closed */
	struct loop_hook again; /* what was received is not all handed over */
	const char *reason; /* why it is closed or closing */
	bool failed, finishing, paused, silent, congested;
	bool header_digest, data_digest;
	uint32_t max_data_len;
	uint64_t sent_bytes, received_bytes;

	enum rx_stage stage;
	struct pdu pdu;
	uint8_t *place;
	uint32_t done; /* bytes of the data segment that have been placed or dropped */
	size_t rx_head, rx_tail;

	struct list queue; /* struct tx */
	size_t copied_bytes; /* of conn_send() */
	unsigned slot_head, slot_count;
	size_t head_sent; /* of the first slot */
	struct tx_slot slots[CONN_SLOTS];
	uint8_t rx[CONN_RX_BYTES];
};

/* The copy of one PDU. */
struct copy {
	struct tx tx;
	struct conn *conn;
	size_t len;
	uint8_t bhs[BHS_LEN];
	uint8_t data[];
};

static void conn_schedule(struct conn *conn)
{
	if (conn->loop)
		loop_at_turn_end(conn->loop, &conn->turn_end);
}

void conn_fail(struct conn *conn, const char *reason)
{
	if (conn->failed)
		return;
	conn->failed = true;
	if (!conn->finishing)
		conn->reason = reason;
	conn_schedule(conn);
}

void conn_finish(struct conn *conn, const char *reason)
{
	if (conn->failed || conn->finishing)
		return;
	conn->finishing = true;
	conn->reason = reason;
	event_del(&conn->read_event);
	conn_schedule(conn);
}

/* ---- receiving ---- */

static size_t rx_available(const struct conn *conn)
{
	return conn->rx_tail - conn->rx_head;
}

static const uint8_t *rx_bytes(const struct conn *conn)
{
	return conn->rx + conn->rx_head;
}

/* Padding and data digest behind the data segment. */
static size_t rx_tail_len(const struct conn *conn)
{
	if (!conn->pdu.data_len)
		return 0;
	return pad4(conn->pdu.data_len) + (conn->data_digest ? PDU_DIGEST_LEN : 0);
}

static bool rx_bhs(struct conn *conn)
{
	struct pdu *pdu = &conn->pdu;

	if (rx_available(conn) < BHS_LEN)
		return false;
	memcpy(pdu->bhs, rx_bytes(conn), BHS_LEN);
	pdu->ahs_len = (uint16_t)(pdu->bhs[BHS_AHS_LEN] * 4);
	pdu->data_len = get_be24(pdu->bhs + BHS_DATA_LEN);
	pdu->data = NULL;
	pdu->digest_error = false;
	if (pdu->data_len > conn->max_data_len) {
		conn_fail(conn, "data segment too long");
		return false;
	}
	conn->stage = RX_AHS;
	return true;
}

/* Additional header segments are only counted: what they mean, nobody here supports. */
static bool rx_ahs(struct conn *conn)
{
	struct pdu *pdu = &conn->pdu;
	size_t headers = BHS_LEN + pdu->ahs_len;
	size_t len = headers + (conn->header_digest ? PDU_DIGEST_LEN : 0);
	uint8_t digest[PDU_DIGEST_LEN];

	if (rx_available(conn) < len)
		return false;
	if (conn->header_digest) {
		crc32c_put(digest, crc32c(CRC32C_INIT, rx_bytes(conn), headers));
		if (memcmp(digest, rx_bytes(conn) + headers, sizeof(digest)) != 0) {
			conn_fail(conn, "header digest error");
			return false;
		}
	}
	conn->rx_head += len;
	conn->done = 0;
	conn->place = conn->ops->header(conn->owner, pdu);
	conn->stage = conn->place ? RX_PLACED : pdu->data_len > CONN_INLINE_MAX ? RX_DROPPED : RX_INLINE;
	return true;
}

static void rx_check_digest(struct conn *conn, const uint8_t *data, const uint8_t *tail)
{
	size_t pad = pad4(conn->pdu.data_len);
	uint8_t digest[PDU_DIGEST_LEN];

	if (!conn->data_digest || !conn->pdu.data_len || conn->stage == RX_DROPPED)
		return;
	crc32c_put(digest, crc32c(crc32c(CRC32C_INIT, data, conn->pdu.data_len), tail, pad));
	conn->pdu.digest_error = memcmp(digest, tail + pad, sizeof(digest)) != 0;
}

static bool rx_deliver(struct conn *conn, size_t consumed)
{
	conn->rx_head += consumed;
	conn->stage = RX_BHS;
	conn->place = NULL;
	conn->ops->received(conn->owner, &conn->pdu);
	return true;
}

static bool rx_inline(struct conn *conn)
{
	struct pdu *pdu = &conn->pdu;
	size_t len = pdu->data_len + rx_tail_len(conn);

	if (rx_available(conn) < len)
		return false;
	pdu->data = pdu->data_len ? rx_bytes(conn) : NULL;
	rx_check_digest(conn, rx_bytes(conn), rx_bytes(conn) + pdu->data_len);
	return rx_deliver(conn, len);
}

/* Moves what the buffer holds of a data segment; the rest may be read without it. */
static bool rx_placed(struct conn *conn)
{
	size_t len = conn->pdu.data_len - conn->done;

	if (len > rx_available(conn))
		len = rx_available(conn);
	if (conn->place)
		memcpy(conn->place + conn->done, rx_bytes(conn), len);
	conn->rx_head += len;
	conn->done += (uint32_t)len;
	if (conn->done < conn->pdu.data_len)
		return false;
	conn->stage = RX_TAIL;
	return true;
}

static bool rx_tail(struct conn *conn)
{
	size_t len = rx_tail_len(conn);

	if (rx_available(conn) < len)
		return false;
	conn->pdu.data = conn->place;
	if (conn->place)
		rx_check_digest(conn, conn->place, rx_bytes(conn));
	return rx_deliver(conn, len);
}

/* Each step returns false when it needs more bytes, or when the connection has failed. */
static bool (*const rx_steps[])(struct conn *conn) = {
	[RX_BHS] = rx_bhs,       [RX_AHS] = rx_ahs,        [RX_INLINE] = rx_inline,
	[RX_PLACED] = rx_placed, [RX_DROPPED] = rx_placed, [RX_TAIL] = rx_tail,
};

static bool conn_may_parse(const struct conn *conn)
{
	return !conn->failed && !conn->finishing && !conn->paused && !conn->silent && !conn->congested;
}

static void conn_parse(struct conn *conn)
{
	unsigned budget = CONN_TURN_PDUS;

	while (conn_may_parse(conn)) {
		enum rx_stage stage = conn->stage;

		if (stage == RX_BHS && budget-- == 0) {
			loop_at_turn_end(conn->loop, &conn->again);
			break;
		}
		if (!rx_steps[stage](conn))
			break;
	}
	if (conn->rx_head == conn->rx_tail)
		conn->rx_head = conn->rx_tail = 0;
}

/* The place of a data segment first, then the buffer: one system call for both. */
static int rx_vectors(struct conn *conn, struct iovec *iov)
{
	int n = 0;

	if (conn->rx_head == conn->rx_tail && conn->stage == RX_PLACED)
		iov[n++] = (struct iovec){ conn->place + conn->done, conn->pdu.data_len - conn->done };
	if (conn->rx_head > CONN_RX_BYTES / 2) {
		memmove(conn->rx, rx_bytes(conn), rx_available(conn));
		conn->rx_tail -= conn->rx_head;
		conn->rx_head = 0;
	}
	iov[n++] = (struct iovec){ conn->rx + conn->rx_tail, CONN_RX_BYTES - conn->rx_tail };
	return n;
}

static void on_readable(evutil_socket_t fd, short events, void *arg)
{
	struct conn *conn = arg;
	struct iovec iov[2];
	int count = rx_vectors(conn, iov);
	size_t placed = 0;
	ssize_t n;

	(void)events;
	if (count == 1 && iov[0].iov_len == 0)
		return; /* full: the next turn goes on with it */
	n = readv(fd, iov, count);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		conn_fail(conn, n == 0 ? "closed by the peer" : "connection lost");
		return;
	}
	conn->received_bytes += (uint64_t)n;
	if (count == 2)
		placed = (size_t)n < iov[0].iov_len ? (size_t)n : iov[0].iov_len;
	conn->done += (uint32_t)placed;
	conn->rx_tail += (size_t)n - placed;
	conn_parse(conn);
}

static void on_again(void *arg)
{
	conn_parse(arg);
}

/* Reading goes on exactly while PDUs may be handed over. */
static void conn_update_reading(struct conn *conn)
{
	if (!conn->loop)
		return;
	if (!conn_may_parse(conn)) {
		event_del(&conn->read_event);
		return;
	}
	event_add(&conn->read_event, NULL);
	loop_at_turn_end(conn->loop, &conn->again);
}

void conn_pause(struct conn *conn)
{
	conn->paused = true;
	conn_update_reading(conn);
}

void conn_resume(struct conn *conn)
{
	conn->paused = false;
	conn_update_reading(conn);
}

void conn_silence(struct conn *conn, bool silent)
{
	conn->silent = silent;
	conn_update_reading(conn);
	if (!silent && conn->loop)
		conn_schedule(conn);
}

/* ---- sending ---- */

void tx_init(struct tx *tx, enum tx_more (*next)(struct tx *, struct tx_slot *), void (*idle)(struct tx *))
{
	list_init(&tx->link);
	tx->slots = 0;
	tx->next = next;
	tx->idle = idle;
}

void conn_queue(struct conn *conn, struct tx *tx)
{
	if (!list_linked(&tx->link))
		list_add_tail(&conn->queue, &tx->link);
	conn_schedule(conn);
}

static void tx_put(struct tx *tx)
{
	tx->slots--;
	if (tx->slots == 0 && !list_linked(&tx->link))
		tx->idle(tx);
}

static enum tx_more copy_next(struct tx *tx, struct tx_slot *slot)
{
	struct copy *copy = container_of(tx, struct copy, tx);

	memcpy(slot->bhs, copy->bhs, BHS_LEN);
	slot->data = copy->data;
	slot->data_len = (uint32_t)copy->len;
	return TX_LAST;
}

static void copy_idle(struct tx *tx)
{
	struct copy *copy = container_of(tx, struct copy, tx);
	struct conn *conn = copy->conn;

	conn->copied_bytes -= sizeof(*copy) + copy->len;
	if (conn->congested && conn->copied_bytes <= CONN_QUEUE_BYTES / 2) {
		conn->congested = false;
		conn_update_reading(conn);
	}
	free(copy);
}

void conn_send(struct conn *conn, const uint8_t *bhs, const void *data, size_t len)
{
	struct copy *copy = xmalloc(sizeof(*copy) + len);

	tx_init(&copy->tx, copy_next, copy_idle);
	copy->conn = conn;
	copy->len = len;
	memcpy(copy->bhs, bhs, BHS_LEN);
	if (len)
		memcpy(copy->data, data, len);
	conn->copied_bytes += sizeof(*copy) + len;
	if (!conn->congested && conn->copied_bytes > CONN_QUEUE_BYTES) {
		conn->congested = true;
		conn_update_reading(conn);
	}
	conn_queue(conn, &copy->tx);
}

/* Login responses go without digests: those begin with the full feature phase (RFC 7143 13.1). */
static bool slot_digests(const struct tx_slot *slot, bool enabled)
{
	return enabled && slot->bhs[BHS_OPCODE] != PDU_LOGIN_RESPONSE;
}

static size_t slot_header_len(const struct conn *conn, const struct tx_slot *slot)
{
	return BHS_LEN + (slot_digests(slot, conn->header_digest) ? PDU_DIGEST_LEN : 0);
}

static size_t slot_tail_len(const struct conn *conn, const struct tx_slot *slot)
{
	if (!slot->data_len)
		return 0;
	return pad4(slot->data_len) + (slot_digests(slot, conn->data_digest) ? PDU_DIGEST_LEN : 0);
}

static size_t slot_len(const struct conn *conn, const struct tx_slot *slot)
{
	return slot_header_len(conn, slot) + slot->data_len + slot_tail_len(conn, slot);
}

static void slot_finish(const struct conn *conn, struct tx_slot *slot)
{
	size_t pad = pad4(slot->data_len);

	put_be24(slot->bhs + BHS_DATA_LEN, slot->data_len);
	memset(slot->tail, 0, sizeof(slot->tail));
	if (slot_digests(slot, conn->header_digest))
		crc32c_put(slot->bhs + BHS_LEN, crc32c(CRC32C_INIT, slot->bhs, BHS_LEN));
	if (slot->data_len && slot_digests(slot, conn->data_digest))
		crc32c_put(slot->tail + pad, crc32c(crc32c(CRC32C_INIT, slot->data, slot->data_len), slot->tail, pad));
}

static void conn_fill(struct conn *conn)
{
	while (conn->slot_count < CONN_SLOTS && !list_empty(&conn->queue)) {
		struct tx *tx = list_first(&conn->queue, struct tx, link);
		struct tx_slot *slot = &conn->slots[(conn->slot_head + conn->slot_count) % CONN_SLOTS];

		memset(slot->bhs, 0, BHS_LEN);
		slot->data = NULL;
		slot->data_len = 0;
		slot->tx = tx;
		tx->slots++;
		conn->slot_count++;
		if (tx->next(tx, slot) == TX_LAST)
			list_del(&tx->link);
		conn->ops->stamp(conn->owner, slot->bhs);
		slot_finish(conn, slot);
	}
}

/* Adds a part of a slot that starts `*skip` bytes further on. */
static int add_vector(struct iovec *iov, int count, const uint8_t *bytes, size_t len, size_t *skip)
{
	if (*skip >= len) {
		*skip -= len;
		return count;
	}
	iov[count].iov_base = (void *)(uintptr_t)(bytes + *skip);
	iov[count].iov_len = len - *skip;
	*skip = 0;
	return count + 1;
}

static int tx_vectors(struct conn *conn, struct iovec *iov)
{
	size_t skip = conn->head_sent;
	int count = 0;

	for (unsigned i = 0; i < conn->slot_count; i++) {
		struct tx_slot *slot = &conn->slots[(conn->slot_head + i) % CONN_SLOTS];

		count = add_vector(iov, count, slot->bhs, slot_header_len(conn, slot), &skip);
		count = add_vector(iov, count, slot->data, slot->data_len, &skip);
		count = add_vector(iov, count, slot->tail, slot_tail_len(conn, slot), &skip);
	}
	return count;
}

static void tx_sent(struct conn *conn, size_t n)
{
	conn->sent_bytes += n;
	n += conn->head_sent;
	while (conn->slot_count) {
		struct tx_slot *slot = &conn->slots[conn->slot_head];
		size_t len = slot_len(conn, slot);

		if (n < len)
			break;
		n -= len;
		conn->slot_head = (conn->slot_head + 1) % CONN_SLOTS;
		conn->slot_count--;
		tx_put(slot->tx);
	}
	conn->head_sent = n;
}

static void conn_flush(struct conn *conn)
{
	struct iovec iov[3 * CONN_SLOTS];
	size_t budget = CONN_TURN_BYTES;

	while (conn_sending(conn)) {
		struct msghdr message = { .msg_iov = iov };
		ssize_t n;

		conn_fill(conn);
		message.msg_iovlen = (size_t)tx_vectors(conn, iov);
		n = sendmsg(conn->fd, &message, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			event_add(&conn->write_event, NULL);
			return;
		}
		if (n < 0) {
			conn_fail(conn, "connection lost");
			return;
		}
		tx_sent(conn, (size_t)n);
		if ((size_t)n >= budget) { /* the other connections' turn */
			conn_schedule(conn);
			return;
		}
		budget -= (size_t)n;
	}
}

static void on_writable(evutil_socket_t fd, short events, void *arg)
{
	(void)fd;
	(void)events;
	conn_schedule(arg);
}

static void on_turn_end(void *arg)
{
	struct conn *conn = arg;

	if (!conn->failed && !conn->silent && !event_pending(&conn->write_event, EV_WRITE, NULL))
		conn_flush(conn);
	if (conn->finishing && !conn_sending(conn))
		conn->failed = true;
	if (!conn->failed)
		return;
	event_del(&conn->read_event);
	event_del(&conn->write_event);
	loop_hook_cancel(&conn->again);
	loop_hook_cancel(&conn->turn_end);
	conn->ops->closed(conn->owner, conn->reason);
}

/* ---- life ---- */

struct conn *conn_create(int fd)
{
	struct conn *conn = xmalloc(sizeof(*conn));

	memset(conn, 0, offsetof(struct conn, slots)); /* the buffers need no clearing */
	conn->fd = fd;
	list_init(&conn->queue);
	loop_hook_init(&conn->turn_end, on_turn_end, conn);
	loop_hook_init(&conn->again, on_again, conn);
	return conn;
}

void conn_attach(struct conn *conn, struct loop *loop, const struct conn_ops *ops, void *owner)
{
	conn->loop = loop;
	conn->ops = ops;
	conn->owner = owner;
	event_assign(&conn->read_event, loop_base(loop), conn->fd, EV_READ | EV_PERSIST, on_readable, conn);
	event_assign(&conn->write_event, loop_base(loop), conn->fd, EV_WRITE, on_writable, conn);
	conn_update_reading(conn);
	conn_schedule(conn);
}

void conn_detach(struct conn *conn)
{
	if (!conn->loop)
		return;
	event_del(&conn->read_event);
	event_del(&conn->write_event);
	loop_hook_cancel(&conn->again);
	loop_hook_cancel(&conn->turn_end);
	conn->loop = NULL;
}

void conn_destroy(struct conn *conn)
{
	struct list *link;

	if (!conn)
		return;
	conn_detach(conn);
	close(conn->fd);
	while ((link = list_pop(&conn->queue))) {
		struct tx *tx = container_of(link, struct tx, link);

		if (tx->slots == 0)
			tx->idle(tx);
	}
	while (conn->slot_count) {
		struct tx *tx = conn->slots[conn->slot_head].tx;

		conn->slot_head = (conn->slot_head + 1) % CONN_SLOTS;
		conn->slot_count--;
		tx_put(tx);
	}
	free(conn);
}

void conn_set_limit(struct conn *conn, uint32_t max_data_len)
{
	conn->max_data_len = max_data_len;
}

void conn_set_digests(struct conn *conn, bool header, bool data)
{
	conn->header_digest = header;
	conn->data_digest = data;
}

bool conn_sending(const struct conn *conn)
{
	return conn->slot_count || !list_empty(&conn->queue);
}

uint64_t conn_sent_bytes(const struct conn *conn)
{
	return conn->sent_bytes;
}

uint64_t conn_received_bytes(const struct conn *conn)
{
	return conn->received_bytes;
}
