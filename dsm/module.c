#include "dsm/module.h"

#include <dlfcn.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYMBOL "braid_dsm"
#define SIZE_MIN (offsetof(struct dsm_ops, policy) + sizeof(struct policy_ops *)) /* what ABI 1 began with */
#define SIZE_LIMIT 4096

const struct dsm_ops *const module_builtins[MODULE_BUILTINS] = { &dsm_active_passive, &dsm_families, &dsm_generic };

__attribute__((format(printf, 2, 3))) static bool refuse(char reason[MODULE_REASON_MAX], const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(reason, MODULE_REASON_MAX, fmt, args);
	va_end(args);
	return false;
}

/* ---- what ops must hold ------------------------------------------------------------------------------------------ */

/* The part that this build does not know must be unused. */
static bool tail_is_zero(const struct dsm_ops *ops)
{
	const uint8_t *bytes = (const uint8_t *)ops;

	for (size_t i = sizeof(*ops); i < ops->size; i++)
		if (bytes[i])
			return false;
	return true;
}

static bool is_name(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	size_t len = text ? strnlen(text, DSM_NAME_MAX + 1) : 0;

	if (!len || len > DSM_NAME_MAX || !strchr(letters, text[0]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!strchr(letters, text[i]) && !strchr(".-_", text[i]))
			return false;
	return true;
}

static const char *wrong_command(const struct dsm_command *command)
{
	if (!command)
		return "it verifies paths by a command of its own, but has none";
	if (command->cdb_len != 6 && command->cdb_len != 10 && command->cdb_len != 12 && command->cdb_len != 16)
		return "the CDB of its verify_command has not 6, 10, 12 or 16 bytes";
	if (command->out_len || command->in_len > DSM_DATA_MAX)
		return "its verify_command writes, or reads more than DSM_DATA_MAX bytes";
	return NULL;
}

static const char *wrong_hardware(const struct dsm_ops *ops)
{
	if (!ops->hardware_count != !ops->hardware)
		return "hardware and hardware_count do not agree";
	for (size_t i = 0; i < ops->hardware_count; i++)
		if (!ops->hardware[i].vendor || !ops->hardware[i].product)
			return "a row of its hardware has no vendor or no product";
	if (!ops->hardware_count && !ops->match)
		return "it has neither hardware nor match, so no device can be its own";
	return NULL;
}

static const char *wrong_members(const struct dsm_ops *ops)
{
	const char *wrong = wrong_hardware(ops);

	if (wrong)
		return wrong;
	if (!is_name(ops->name))
		return "its name is not 1 to 63 letters, digits, '.', '-' and '_'";
	if (!ops->summary || !ops->version)
		return "it has no summary or no version";
	if (ops->ctx_bytes > DSM_CTX_MAX)
		return "its context is larger than DSM_CTX_MAX";
	if (ops->detach && !ops->attach)
		return "it has detach without attach";
	if ((unsigned)ops->verify > DSM_VERIFY_OWN)
		return "its verify is none of enum dsm_verify";
	if (ops->verify == DSM_VERIFY_OWN)
		wrong = wrong_command(ops->verify_command);
	if (!wrong && ops->policy && (!ops->policy->select || !ops->policy->name || !ops->policy->summary))
		return "its policy has no select, name or summary";
	return wrong;
}

bool module_check(const struct dsm_ops *ops, struct dsm_ops *copy, char reason[MODULE_REASON_MAX])
{
	const char *wrong;

	if (ops->abi != DSM_ABI)
		return refuse(reason, "it is made for ABI %u, this gateway has %u", ops->abi, DSM_ABI);
	if (ops->size < SIZE_MIN || ops->size > SIZE_LIMIT)
		return refuse(reason, "its size of %u bytes is not that of a struct dsm_ops, %zu", ops->size,
			      sizeof(*ops));
	if (!tail_is_zero(ops))
		return refuse(reason, "it is made for a later gateway and uses what this one does not have");
	memset(copy, 0, sizeof(*copy));
	memcpy(copy, ops, ops->size < sizeof(*copy) ? ops->size : sizeof(*copy));
	wrong = wrong_members(copy);
	return wrong ? refuse(reason, "%s", wrong) : true;
}

/* ---- shared objects ---------------------------------------------------------------------------------------------- */

static bool is_trusted_owner(const struct stat *st)
{
	return st->st_uid == 0 || st->st_uid == geteuid();
}

/* What the gateway loads becomes the gateway: nobody but root and its own user may be able to put something there. A
 * sticky folder, as /tmp, does: others cannot replace a file in it. */
static bool check_file(const char *file, char reason[MODULE_REASON_MAX])
{
	char folder[PATH_MAX];
	struct stat st;

	if (file[0] != '/' || strlen(file) >= sizeof(folder))
		return refuse(reason, "it is not named by an absolute path");
	if (stat(file, &st) < 0)
		return refuse(reason, "%s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return refuse(reason, "it is not a regular file");
	if (!is_trusted_owner(&st))
		return refuse(reason, "it belongs to user %u, not to root or to the gateway's own user",
			      (unsigned)st.st_uid);
	if (st.st_mode & S_IWOTH)
		return refuse(reason, "everybody may write it (mode %04o)", (unsigned)st.st_mode & 07777);
	strcpy(folder, file);
	if (stat(dirname(folder), &st) < 0)
		return refuse(reason, "%s", strerror(errno));
	if (st.st_mode & S_IWOTH && !(st.st_mode & S_ISVTX))
		return refuse(reason, "everybody may replace it: its folder has mode %04o",
			      (unsigned)st.st_mode & 07777);
	return true;
}

bool module_open(const char *file, void **handle, struct dsm_ops *ops, char reason[MODULE_REASON_MAX])
{
	const struct dsm_ops *symbol;

	*handle = NULL;
	if (!check_file(file, reason))
		return false;
	*handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	if (!*handle)
		return refuse(reason, "%s", dlerror());
	symbol = dlsym(*handle, SYMBOL);
	if (symbol ? module_check(symbol, ops, reason) : refuse(reason, "it does not export %s", SYMBOL))
		return true;
	module_close(*handle);
	*handle = NULL;
	return false;
}

void module_close(void *handle)
{
	if (handle)
		dlclose(handle);
}

/* ---- whose device ------------------------------------------------------------------------------------------------ */

static bool begins_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool module_matches(const struct dsm_ops *ops, const struct dsm_inquiry *inquiry)
{
	size_t i = 0;

	while (i < ops->hardware_count && !(begins_with(inquiry->vendor, ops->hardware[i].vendor) &&
					    begins_with(inquiry->product, ops->hardware[i].product)))
		i++;
	if (ops->hardware_count && i == ops->hardware_count)
		return false;
	return !ops->match || ops->match(inquiry);
}
