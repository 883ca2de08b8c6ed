#include "target/exchange.h"

#include "gateway/base/memory.h"
#include "target/portal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct exchange {
	uint32_t ttt; /* of the next request */
	bool answering; /* the request is complete; `sent` bytes of the answer have gone */
	bool more; /* the initiator's F bit was clear: it goes on negotiating */
	size_t sent;
	struct text request, answer;
};

void exchange_free(struct exchange *exchange)
{
	free(exchange);
}

static void exchange_end(struct session *session)
{
	exchange_free(session->exchange);
	session->exchange = NULL;
}

/* ---- SendTargets (appendix C) ---- */

/* A portal on the wildcard address is reachable where this connection came in. False: it is not reachable at all. */
static bool portal_reachable(const struct session *session, const struct portal *portal, char *text)
{
	const struct net_address *address = portal_address(portal), *local = &session->nexus.local;
	char host[NET_ADDRESS_MAX];
	char *colon;

	if (!portal_is_open(portal))
		return false;
	net_format(address, text);
	if (!net_is_any(address))
		return true;
	if (address->storage.ss_family != local->storage.ss_family)
		return false;
	net_format(local, host);
	colon = strrchr(host, ':');
	if (colon)
		*colon = '\0';
	return snprintf(text, NET_ADDRESS_MAX, "%s:%u", host, net_port(address)) < NET_ADDRESS_MAX;
}

static void send_targets(struct session *session, const char *value, struct text *answer)
{
	const struct target *target = session->target;
	char address[NET_ADDRESS_MAX], line[NET_ADDRESS_MAX + 8];
	bool all = strcmp(value, "All") == 0;

	if ((all || !*value) && all != session->discovery) {
		text_add(answer, "SendTargets", "Reject"); /* All is for discovery, empty for normal sessions */
		return;
	}
	if (*value && !all && strcasecmp(value, target->config.iqn) != 0)
		return;
	text_add(answer, "TargetName", target->config.iqn);
	for (size_t i = 0; i < target->config.portal_count; i++) {
		if (!portal_reachable(session, target->portals[i], address))
			continue;
		snprintf(line, sizeof(line), "%s,%u", address, portal_tpgt(target->portals[i]));
		text_add(answer, "TargetAddress", line);
	}
}

/* ---- requests and responses ---- */

/* 0, or the reason for a Reject. */
static enum pdu_reject answer_keys(struct session *session, struct exchange *exchange)
{
	struct key_offer offer = { .stage = KEYS_FULL_FEATURE, .discovery = session->discovery };
	size_t pos = 0;
	int rc;

	while ((rc = text_next(&exchange->request, &pos, &offer.name, &offer.value)) > 0) {
		if (keys_find(offer.name) == KEY_SEND_TARGETS)
			send_targets(session, offer.value, &exchange->answer);
		else if (keys_negotiate(&session->params, &offer, &exchange->answer) < 0)
			return REJECT_PROTOCOL_ERROR;
	}
	if (rc < 0)
		return REJECT_PROTOCOL_ERROR;
	return exchange->answer.overflow ? REJECT_OUT_OF_RESOURCES : 0;
}

static void send_response(struct session *session, uint32_t itt, uint8_t flags, const char *bytes, size_t len)
{
	struct exchange *exchange = session->exchange;
	uint8_t bhs[BHS_LEN] = { PDU_TEXT_RESPONSE, flags };

	if (!(flags & PDU_FINAL)) {
		if (++session->last_ttt == PDU_TAG_NONE)
			session->last_ttt = 0;
		exchange->ttt = session->last_ttt;
	}
	put_be32(bhs + BHS_ITT, itt);
	put_be32(bhs + BHS_TTT, flags & PDU_FINAL ? PDU_TAG_NONE : exchange->ttt);
	conn_send(session->conn, bhs, bytes, len);
}

/* As much of the answer as one PDU takes. */
static void send_part(struct session *session, uint32_t itt)
{
	struct exchange *exchange = session->exchange;
	const char *bytes = exchange->answer.bytes + exchange->sent;
	size_t left = exchange->answer.len - exchange->sent;
	size_t max = session->params.value[KEY_MAX_RECV];

	if (left > max) {
		exchange->sent += max;
		send_response(session, itt, PDU_CONTINUE, bytes, max);
		return;
	}
	send_response(session, itt, exchange->more ? 0 : PDU_FINAL, bytes, left);
	if (!exchange->more) {
		exchange_end(session);
		return;
	}
	exchange->answering = false;
	exchange->sent = 0;
	text_clear(&exchange->request);
	text_clear(&exchange->answer);
}

static struct exchange *exchange_of(struct session *session, uint32_t ttt)
{
	if (ttt != PDU_TAG_NONE)
		return session->exchange && session->exchange->ttt == ttt ? session->exchange : NULL;
	if (!session->exchange) /* else the initiator starts again */
		session->exchange = xmalloc(sizeof(*session->exchange));
	session->exchange->answering = session->exchange->more = false;
	session->exchange->sent = 0;
	session->exchange->ttt = PDU_TAG_NONE;
	text_clear(&session->exchange->request);
	text_clear(&session->exchange->answer);
	return session->exchange;
}

static enum pdu_reject exchange_step(struct session *session, const struct pdu *pdu)
{
	struct exchange *exchange = exchange_of(session, pdu_ttt(pdu->bhs));
	bool more = pdu->bhs[BHS_FLAGS] & PDU_CONTINUE;
	enum pdu_reject error;

	if (!exchange || (more && pdu_final(pdu->bhs)) || (exchange->answering && pdu->data_len))
		return REJECT_PROTOCOL_ERROR;
	if (exchange->answering) {
		send_part(session, pdu_itt(pdu->bhs));
		return 0;
	}
	if (pdu->data_len && !pdu->data)
		return REJECT_OUT_OF_RESOURCES;
	if (pdu->data)
		text_gather(&exchange->request, pdu->data, pdu->data_len);
	if (exchange->request.overflow)
		return REJECT_OUT_OF_RESOURCES;
	if (more) {
		send_response(session, pdu_itt(pdu->bhs), 0, NULL, 0);
		return 0;
	}
	error = answer_keys(session, exchange);
	if (error)
		return error;
	exchange->answering = true;
	exchange->more = !pdu_final(pdu->bhs);
	send_part(session, pdu_itt(pdu->bhs));
	return 0;
}

void exchange_request(struct session *session, const struct pdu *pdu)
{
	enum pdu_reject error = exchange_step(session, pdu);

	if (!error)
		return;
	exchange_end(session);
	session_reject(session, pdu->bhs, error);
}
