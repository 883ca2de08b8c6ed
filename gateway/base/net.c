#include "gateway/base/net.h"

#include "gateway/base/memory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int parse_port(const char *text, uint16_t default_port, uint16_t *port)
{
	char *end;
	unsigned long value;

	if (!*text) {
		*port = default_port;
		return 0;
	}
	if (text[0] != ':' || text[1] < '0' || text[1] > '9')
		return -EINVAL;
	value = strtoul(text + 1, &end, 10);
	if (*end || value > 65535 || (value == 0 && default_port != 0))
		return -EINVAL;
	*port = (uint16_t)value;
	return 0;
}

static int parse_v6(const char *host, uint16_t port, struct net_address *address)
{
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)&address->storage;

	sin6->sin6_family = AF_INET6;
	sin6->sin6_port = htons(port);
	address->len = sizeof(*sin6);
	return inet_pton(AF_INET6, host, &sin6->sin6_addr) == 1 ? 0 : -EINVAL;
}

static int parse_v4(const char *host, uint16_t port, struct net_address *address)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)&address->storage;

	sin->sin_family = AF_INET;
	sin->sin_port = htons(port);
	address->len = sizeof(*sin);
	return inet_pton(AF_INET, host, &sin->sin_addr) == 1 ? 0 : -EINVAL;
}

int net_parse(const char *text, uint16_t default_port, struct net_address *address)
{
	char host[NET_ADDRESS_MAX];
	const char *rest;
	bool bracketed = text[0] == '[';
	bool bare_v6 = !bracketed && strchr(text, ':') != strrchr(text, ':');
	size_t len;
	uint16_t port;

	*address = (struct net_address){ 0 };
	if (bracketed)
		text++;
	len = bare_v6 ? strlen(text) : strcspn(text, bracketed ? "]" : ":");
	if (len >= sizeof(host) || (bracketed && text[len] != ']'))
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	rest = text + len + (bracketed ? 1 : 0);
	if (parse_port(rest, default_port, &port) < 0)
		return -EINVAL;
	return bracketed || bare_v6 ? parse_v6(host, port, address) : parse_v4(host, port, address);
}

/* ---- networks ---------------------------------------------------------------------------------------------------- */

/* The bytes of an address, without a port; v4-mapped v6 is v4. Returns how many. */
static size_t address_bytes(const struct net_address *address, const uint8_t **bytes)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (address->storage.ss_family == AF_INET) {
		*bytes = (const uint8_t *)&((const struct sockaddr_in *)&address->storage)->sin_addr;
		return 4;
	}
	*bytes = (const uint8_t *)&((const struct sockaddr_in6 *)&address->storage)->sin6_addr;
	if (memcmp(*bytes, mapped, sizeof(mapped)) != 0)
		return 16;
	*bytes += sizeof(mapped);
	return 4;
}

/* Whether bits from, to to - 1 of a equal those of b (NULL: zero). */
static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned from, unsigned to)
{
	for (unsigned bit = from; bit < to; bit++) {
		unsigned mask = 0x80 >> (bit % 8);

		if ((a[bit / 8] & mask) != ((b ? b[bit / 8] : 0) & mask))
			return false;
	}
	return true;
}

int net_prefix_parse(const char *text, struct net_prefix *prefix)
{
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text), size;
	char address[NET_ADDRESS_MAX], *end;
	const uint8_t *bytes;

	if (len >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, len);
	address[len] = '\0';
	if ((!strchr(address, '.') && !strchr(address, ':')) || strchr(address, '[') ||
	    net_parse(address, 0, &prefix->address) < 0 || net_port(&prefix->address) != 0)
		return -EINVAL;
	size = address_bytes(&prefix->address, &bytes);
	prefix->bits = (unsigned)(8 * size);
	if (slash) {
		unsigned long bits = strtoul(slash + 1, &end, 10);

		if (slash[1] < '0' || slash[1] > '9' || *end || bits > 8 * size)
			return -EINVAL;
		prefix->bits = (unsigned)bits;
	}
	return same_bits(bytes, NULL, prefix->bits, (unsigned)(8 * size)) ? 0 : -EINVAL;
}

bool net_prefix_contains(const struct net_prefix *prefix, const struct net_address *address)
{
	const uint8_t *a, *b;

	return address_bytes(&prefix->address, &a) == address_bytes(address, &b) && same_bits(a, b, 0, prefix->bits);
}

/* ---- text -------------------------------------------------------------------------------------------------------- */

static const struct in6_addr *v6_of(const struct net_address *address)
{
	return &((const struct sockaddr_in6 *)&address->storage)->sin6_addr;
}

static struct in_addr v4_of(const struct net_address *address)
{
	struct in_addr v4;

	if (address->storage.ss_family == AF_INET)
		return ((const struct sockaddr_in *)&address->storage)->sin_addr;
	memcpy(&v4, &v6_of(address)->s6_addr[12], sizeof(v4));
	return v4;
}

static bool is_v6(const struct net_address *address)
{
	return address->storage.ss_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(v6_of(address));
}

uint16_t net_port(const struct net_address *address)
{
	return ntohs(address->storage.ss_family == AF_INET6
			     ? ((const struct sockaddr_in6 *)&address->storage)->sin6_port
			     : ((const struct sockaddr_in *)&address->storage)->sin_port);
}

char *net_format(const struct net_address *address, char *text)
{
	char host[INET6_ADDRSTRLEN] = "?";

	if (is_v6(address)) {
		inet_ntop(AF_INET6, v6_of(address), host, sizeof(host));
		snprintf(text, NET_ADDRESS_MAX, "[%s]:%u", host, net_port(address));
	} else {
		struct in_addr v4 = v4_of(address);

		inet_ntop(AF_INET, &v4, host, sizeof(host));
		snprintf(text, NET_ADDRESS_MAX, "%s:%u", host, net_port(address));
	}
	return text;
}

bool net_is_any(const struct net_address *address)
{
	return is_v6(address) ? IN6_IS_ADDR_UNSPECIFIED(v6_of(address)) : v4_of(address).s_addr == htonl(INADDR_ANY);
}

bool net_is_loopback(const struct net_address *address)
{
	return is_v6(address) ? IN6_IS_ADDR_LOOPBACK(v6_of(address)) : ntohl(v4_of(address).s_addr) >> 24 == 127;
}

int net_local(int fd, struct net_address *address)
{
	address->len = sizeof(address->storage);
	return getsockname(fd, (struct sockaddr *)&address->storage, &address->len) < 0 ? -errno : 0;
}

int net_remote(int fd, struct net_address *address)
{
	address->len = sizeof(address->storage);
	return getpeername(fd, (struct sockaddr *)&address->storage, &address->len) < 0 ? -errno : 0;
}

int net_listen(const struct net_address *address, int backlog)
{
	int family = address->storage.ss_family;
	int one = 1, rc;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) < 0) ||
	    bind(fd, (const struct sockaddr *)&address->storage, address->len) < 0 || listen(fd, backlog) < 0) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}
