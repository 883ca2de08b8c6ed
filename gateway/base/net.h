/*
 * net.h - numeric socket addresses: "10.0.0.1:3260", "[fe80::1]:3260".
 *
 * Only numeric forms: looking up a name would block a loop. Any thread.
 */
#ifndef BRAID_NET_H
#define BRAID_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define NET_ADDRESS_MAX 64 /* room for the text form with its NUL */

struct net_address {
	struct sockaddr_storage storage;
	socklen_t len;
};

/* "address", "address:port", "[v6]", "[v6]:port"; without a port default_port is taken.
 * 0, or -EINVAL: not numeric, or the port is not 1..65535 (0 is taken too when default_port is 0). */
int net_parse(const char *text, uint16_t default_port, struct net_address *address);

/* A network: "10.0.0.0/8", "fe80::/10", or one address. */
struct net_prefix {
	struct net_address address;
	unsigned bits;
};

/* 0, or -EINVAL: not numeric, more bits than there are, or bits set behind the prefix. */
int net_prefix_parse(const char *text, struct net_prefix *prefix);

/* v4-mapped v6 addresses count as v4. */
bool net_prefix_contains(const struct net_prefix *prefix, const struct net_address *address);

/* "address:port" into text (NET_ADDRESS_MAX bytes); v4-mapped v6 is shown as v4. Returns text. */
char *net_format(const struct net_address *address, char *text);
uint16_t net_port(const struct net_address *address);
bool net_is_any(const struct net_address *address);
bool net_is_loopback(const struct net_address *address);

int net_local(int fd, struct net_address *address); /* getsockname; 0 or -errno */
int net_remote(int fd, struct net_address *address); /* getpeername; 0 or -errno */

/* A listening, non-blocking, close-on-exec TCP socket; IPv6 sockets are v6-only. The descriptor, or -errno. */
int net_listen(const struct net_address *address, int backlog);

#endif
