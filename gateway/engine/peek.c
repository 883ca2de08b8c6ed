#include "gateway/engine/peek.h"

#include "gateway/base/bytes.h"
#include "target/pdu.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static void wake_at(int fd, int bytes)
{
	setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes));
}

/* Nothing more will come: libiscsi may find that out by itself. */
static bool has_ended(int fd)
{
	struct pollfd ended = { .fd = fd, .events = POLLRDHUP };

	return poll(&ended, 1, 0) != 0;
}

enum peek peek_pdu(int fd, uint8_t opcode)
{
	uint8_t bhs[BHS_LEN];
	int queued = 0, len = BHS_LEN;
	enum peek found = PEEK_WAIT;

	if (recv(fd, bhs, sizeof(bhs), MSG_PEEK | MSG_DONTWAIT) == BHS_LEN && ioctl(fd, FIONREAD, &queued) == 0) {
		uint32_t data_len = get_be24(bhs + BHS_DATA_LEN);

		len += (int)(data_len + pad4(data_len)); /* libiscsi knows of no additional header segments */
		if (pdu_opcode(bhs) != opcode || queued > len)
			found = PEEK_WRONG;
		else if (queued == len || data_len > PEEK_DATA_MAX)
			found = PEEK_TAKE;
	}
	if (found == PEEK_WAIT && has_ended(fd))
		found = PEEK_TAKE;
	wake_at(fd, found == PEEK_WAIT ? len : 1);
	return found;
}
