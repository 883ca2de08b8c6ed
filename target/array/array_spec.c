#include "target/array/array_spec.h"

#include "gateway/base/net.h"
#include "target/array/number.h"
#include "target/array/store.h"

#define PORTAL_DEFAULT 3260

const char *array_spec_portal(char *text, struct array_portal_config *portal)
{
	char *address = strsep(&text, ","), *tpgt = strsep(&text, ","), *group = strsep(&text, ",");
	struct net_address parsed;
	uint64_t number;

	*portal = (struct array_portal_config){ .address = address };
	/* Port 0, to have one chosen, is for tests: it is taken when it is written out. */
	if (net_parse(address, PORTAL_DEFAULT, &parsed) && net_parse(address, 0, &parsed))
		return "not a numeric address such as 127.0.0.1:3261 or [::1]:3261";
	if (tpgt) {
		if (number_parse(tpgt, UINT16_MAX, &number) || !number)
			return "the portal group tag is 1..65535";
		portal->tpgt = (uint16_t)number;
	}
	if (group) {
		if (number_parse(group, UINT16_MAX, &number) || !number)
			return "the target port group is 1..65535";
		portal->group = (uint16_t)number;
	}
	return text ? "takes ADDRESS:PORT[,TPGT[,GROUP]]" : NULL;
}

static const char *lu_size(struct array_lu_config *lu, char *value)
{
	if (number_parse_bytes(value, STORE_BYTES_MAX, &lu->size_bytes) || !lu->size_bytes)
		return "a size is a number of bytes, or one with K, M, G or T; at most 16T";
	return NULL;
}

static const char *lu_block(struct array_lu_config *lu, char *value)
{
	uint64_t block;

	if (number_parse(value, 4096, &block) || (block != 512 && block != 4096))
		return "block is 512 or 4096";
	lu->block_size = (uint32_t)block;
	return NULL;
}

static const char *lu_lun(struct array_lu_config *lu, char *value)
{
	uint64_t lun;

	if (number_parse(value, TARGET_LUNS_MAX - 1, &lun))
		return "lun is 0..1023";
	lu->lun = (uint16_t)lun;
	return NULL;
}

static const char *lu_serial(struct array_lu_config *lu, char *value)
{
	lu->serial = value;
	return *value && strlen(value) < 64 ? NULL : "serial has 1..63 characters";
}

static const char *lu_name(struct array_lu_config *lu, char *value)
{
	lu->name = value;
	return NULL;
}

static const struct {
	const char *key;
	const char *(*take)(struct array_lu_config *lu, char *value);
} lu_options[] = {
	{ "size", lu_size }, { "block", lu_block }, { "lun", lu_lun }, { "serial", lu_serial }, { "name", lu_name },
};

static const char *lu_option(struct array_lu_config *lu, char *text)
{
	char *value = strchr(text, '=');

	if (!strcmp(text, "thick")) {
		lu->thick = true;
		return NULL;
	}
	if (value)
		*value++ = '\0';
	for (size_t i = 0; value && i < sizeof(lu_options) / sizeof(lu_options[0]); i++)
		if (!strcmp(lu_options[i].key, text))
			return lu_options[i].take(lu, value);
	return "options are size=, block=, lun=, serial=, name= and thick";
}

const char *array_spec_lu(char *text, struct array_lu_config *lu)
{
	char *kind = strsep(&text, ":"), *where = strsep(&text, ":"), *option;
	const char *wrong = NULL;

	if (!where || !*where || (strcmp(kind, "ram") && strcmp(kind, "file")))
		return "takes ram:SIZE or file:PATH, with options behind";
	if (!strcmp(kind, "file"))
		lu->path = where;
	else
		wrong = lu_size(lu, where);
	while (!wrong && (option = strsep(&text, ":")))
		wrong = lu_option(lu, option);
	return wrong;
}

const char *array_spec_user(char *text, struct target_user *user)
{
	*user = (struct target_user){ .name = strsep(&text, ":"), .secret = strsep(&text, ":") };
	user->mutual_name = strsep(&text, ":");
	user->mutual_secret = strsep(&text, ":");
	if (!*user->name || !user->secret || !*user->secret || !user->mutual_name != !user->mutual_secret || text)
		return "takes NAME:SECRET or NAME:SECRET:NAME:SECRET";
	return NULL;
}
