#include "gateway/host_scope.h"

#include <string.h>

#define ITEM_MAX 32
#define READ_ONLY ":ro"

static const char form[] = "must be \"all\", or LUNs as \"0,4-7,0=12\", each with \":ro\" behind it for read-only";

/* A number that ends where *end points; -1: none, or too large. */
static int take_lun(const char *text, const char **end)
{
	unsigned value = 0;
	const char *p = text;

	for (; *p >= '0' && *p <= '9' && value < TARGET_LUNS_MAX; p++)
		value = 10 * value + (unsigned)(*p - '0');
	*end = p;
	return p == text || value >= TARGET_LUNS_MAX ? -1 : (int)value;
}

static void set_read_only(struct host_scope *scope, unsigned lun)
{
	scope->read_only[lun / 64] |= UINT64_C(1) << (lun % 64);
}

/* Numbers first .. last of the host; the first of them is the gateway's `lun`. */
static const char *add(struct host_scope *scope, int first, int last, int lun, bool read_only)
{
	for (int number = first; number <= last; number++, lun++) {
		if (scope->lun[number] != HOST_SCOPE_NONE)
			return "gives the host one LUN number twice";
		scope->lun[number] = (uint16_t)lun;
		if (read_only)
			set_read_only(scope, (unsigned)lun);
	}
	return NULL;
}

static const char *take_item(struct host_scope *scope, char *item)
{
	size_t len = strlen(item), suffix = strlen(READ_ONLY);
	bool read_only = len > suffix && strcmp(item + len - suffix, READ_ONLY) == 0;
	const char *end;
	int first, second;
	char separator;

	if (read_only)
		item[len - suffix] = '\0';
	if (strcmp(item, "all") == 0) {
		scope->all = true;
		for (unsigned lun = 0; read_only && lun < TARGET_LUNS_MAX; lun++)
			set_read_only(scope, lun);
		return NULL;
	}
	first = take_lun(item, &end);
	if (first < 0)
		return form;
	if (!*end)
		return add(scope, first, first, first, read_only);
	separator = *end;
	second = take_lun(end + 1, &end);
	if (second < 0 || *end)
		return form;
	if (separator == '=')
		return add(scope, first, first, second, read_only);
	return separator == '-' && first <= second ? add(scope, first, second, first, read_only) : form;
}

const char *host_scope_parse(struct host_scope *scope, const char *text)
{
	const char *wrong = NULL;
	unsigned count = 0;

	*scope = (struct host_scope){ .all = false };
	for (unsigned i = 0; i < TARGET_LUNS_MAX; i++)
		scope->lun[i] = HOST_SCOPE_NONE;
	for (;;) {
		char item[ITEM_MAX];
		size_t len;

		text += strspn(text, " ");
		len = strcspn(text, " ,");
		if (!len || len >= sizeof(item))
			return form;
		memcpy(item, text, len);
		item[len] = '\0';
		wrong = take_item(scope, item);
		if (wrong)
			return wrong;
		count++;
		text += len;
		text += strspn(text, " ");
		if (!*text)
			break;
		if (*text++ != ',')
			return form;
	}
	return scope->all && count > 1 ? "must be \"all\" alone, or a list" : NULL;
}
