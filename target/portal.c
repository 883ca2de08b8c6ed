#include "target/portal.h"

#include "gateway/base/log.h"
#include "gateway/base/memory.h"
#include "target/login.h"
#include "target/node.h"

#include <event2/event_struct.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORTAL_BACKLOG 128
#define PORTAL_TURN_ACCEPTS 16
#define PORTAL_PAUSE_US (100 * US_PER_MS) /* when descriptors have run out */

struct portal {
	struct target *target;
	unsigned index;
	uint16_t tpgt;
	struct net_address address;
	int fd; /* -1: closed */
	struct event readable;
	struct timer pause;
};

static void on_pause_over(void *arg)
{
	struct portal *portal = arg;

	if (portal->fd >= 0)
		event_add(&portal->readable, NULL);
}

static void set_option(int fd, int level, int option, int value)
{
	if (setsockopt(fd, level, option, &value, sizeof(value)) < 0)
		log_debug("portal", "socket option %d of level %d failed errno=%d", option, level, errno);
}

/* The kernel's keepalive finds dead peers during login; in full feature phase our NOP-In does. */
static void set_options(int fd)
{
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 30);
	set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 10);
	set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

static void on_connection(evutil_socket_t listener, short events, void *arg)
{
	struct portal *portal = arg;

	(void)events;
	for (unsigned i = 0; i < PORTAL_TURN_ACCEPTS; i++) {
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			set_options(fd);
			login_start(portal->target, portal->index, fd);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			log_warn("portal", "cannot accept errno=%d", errno);
			event_del(&portal->readable);
			timer_arm(&portal->pause, PORTAL_PAUSE_US);
		}
		return;
	}
}

struct portal *portal_create(struct target *target, unsigned index, const struct target_portal *config)
{
	struct portal *portal = xcalloc(1, sizeof(*portal));

	portal->target = target;
	portal->index = index;
	portal->tpgt = config->tpgt;
	portal->fd = -1;
	timer_init(&portal->pause, loop_clock(target->control), on_pause_over, portal);
	if (!config->tpgt || (net_parse(config->address, 3260, &portal->address) < 0 &&
			      net_parse(config->address, 0, &portal->address) < 0)) {
		log_error("portal", "not a numeric address with a group tag address=%s tpgt=%u", config->address,
			  config->tpgt);
		free(portal);
		errno = EINVAL;
		return NULL;
	}
	return portal;
}

void portal_destroy(struct portal *portal)
{
	if (!portal)
		return;
	portal_close(portal);
	free(portal);
}

int portal_open(struct portal *portal)
{
	char text[NET_ADDRESS_MAX];
	int fd = net_listen(&portal->address, PORTAL_BACKLOG);
	int rc = fd < 0 ? fd : net_local(fd, &portal->address);

	if (rc < 0) {
		log_error("portal", "cannot listen address=%s error=\"%s\"", net_format(&portal->address, text),
			  strerror(-rc));
		if (fd >= 0)
			close(fd);
		return rc;
	}
	portal->fd = fd;
	event_assign(&portal->readable, loop_base(portal->target->control), fd, EV_READ | EV_PERSIST, on_connection,
		     portal);
	event_add(&portal->readable, NULL);
	log_info("portal", "listening address=%s tpgt=%u", net_format(&portal->address, text), portal->tpgt);
	return 0;
}

void portal_close(struct portal *portal)
{
	timer_stop(&portal->pause);
	if (portal->fd < 0)
		return;
	event_del(&portal->readable);
	close(portal->fd);
	portal->fd = -1;
}

void portal_silence(struct portal *portal, bool silent)
{
	timer_stop(&portal->pause);
	if (portal->fd >= 0 && silent)
		event_del(&portal->readable);
	else if (portal->fd >= 0)
		event_add(&portal->readable, NULL);
}

bool portal_is_open(const struct portal *portal)
{
	return portal->fd >= 0;
}

const struct net_address *portal_address(const struct portal *portal)
{
	return &portal->address;
}

uint16_t portal_tpgt(const struct portal *portal)
{
	return portal->tpgt;
}
