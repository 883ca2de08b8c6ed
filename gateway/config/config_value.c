#include "gateway/config/config_value.h"

#include "gateway/base/net.h"
#include "gateway/host_scope.h"
#include "gateway/identity.h"

#include <string.h>

#define ISCSI_NAME_BYTES_MAX 223

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"
#define HEX_DIGITS "0123456789abcdefABCDEF"

static bool is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

/* Of ASCII, the characters that RFC 3722 leaves in an iSCSI name; beyond ASCII the host's stringprep decides. */
static bool is_name_text(const char *text)
{
	for (; *text; text++)
		if (!((unsigned char)*text >= 0x80 || is_one_of(*text, LETTERS DIGITS "-.:")))
			return false;
	return true;
}

/* What follows "iqn.": yyyy-mm.reversed.domain, then nothing or ":" and a text of the owner's choice. */
static bool is_iqn_rest(const char *text)
{
	static const char form[] = "dddd-dd.";
	int month;

	for (size_t i = 0; form[i]; i++)
		if (form[i] == 'd' ? !is_one_of(text[i], DIGITS) : text[i] != form[i])
			return false;
	month = (text[5] - '0') * 10 + (text[6] - '0');
	if (month < 1 || month > 12)
		return false;
	text += sizeof(form) - 1;
	return (is_one_of(*text, LETTERS DIGITS) || (unsigned char)*text >= 0x80) && text[strlen(text) - 1] != ':' &&
	       is_name_text(text);
}

static bool is_hex(const char *text, size_t len)
{
	return strlen(text) == len && strspn(text, HEX_DIGITS) == len;
}

const char *config_value_iscsi_name(const char *text)
{
	if (strlen(text) > ISCSI_NAME_BYTES_MAX)
		return "must not be longer than 223 bytes";
	if (strncmp(text, "iqn.", 4) == 0 && is_iqn_rest(text + 4))
		return NULL;
	if (strncmp(text, "eui.", 4) == 0 && is_hex(text + 4, 16))
		return NULL;
	if (strncmp(text, "naa.", 4) == 0 && (is_hex(text + 4, 16) || is_hex(text + 4, 32)))
		return NULL;
	return "must be an iSCSI name: iqn.yyyy-mm.reversed.domain:text, eui. with 16 hex digits, or naa. with 16 or "
	       "32";
}

const char *config_value_name(const char *text)
{
	if (is_one_of(text[0], LETTERS DIGITS) && text[strspn(text, LETTERS DIGITS "._-")] == '\0')
		return NULL;
	return "must be a name of letters, digits, '.', '-' and '_' that begins with a letter or digit";
}

const char *config_value_hardware_id(const char *text)
{
	struct hardware_id id;

	if (hardware_id_parse(text, &id) == 0)
		return NULL;
	return "must be \"all\" or a hardware ID: vendor padded to 8 characters and product, VENDOR:PRODUCT, or a "
	       "prefix";
}

const char *config_value_host_name(const char *text)
{
	size_t len = strlen(text);

	if (len && text[len - 1] == '*' && !memchr(text, '*', len - 1) && len <= ISCSI_NAME_BYTES_MAX)
		return NULL;
	return config_value_iscsi_name(text);
}

const char *config_value_network(const char *text)
{
	struct net_prefix prefix;

	return net_prefix_parse(text, &prefix) == 0 ? NULL : "must be a numeric address, or a network as 10.0.0.0/8";
}

const char *config_value_luns(const char *text)
{
	struct host_scope scope;

	return host_scope_parse(&scope, text);
}

const char *config_value_absolute_path(const char *text)
{
	return text[0] == '/' ? NULL : "must be an absolute path";
}

const char *config_value_array_portal(const char *text)
{
	struct net_address address;

	if (net_parse(text, 0, &address) < 0 || net_is_any(&address))
		return "must be the address of an array, not of every interface";
	return NULL;
}

const char *config_value_loopback_portal(const char *text)
{
	struct net_address address;

	if (net_parse(text, 0, &address) < 0 || !net_is_loopback(&address))
		return "must be a loopback address: the API has no access tokens in this version, so anyone who "
		       "reaches it is "
		       "an administrator";
	return NULL;
}
