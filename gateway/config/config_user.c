#include "gateway/config/config_user.h"

#include "gateway/base/memory.h"
#include "gateway/config/config_document.h"
#include "gateway/config/config_secret.h"

#include <stdlib.h>
#include <string.h>

static char *copy_text(const json_t *object, const char *key)
{
	const char *text = config_document_text(object, key);

	return text ? xstrdup(text) : NULL;
}

static char *read_secret(const json_t *object, const char *key, const char *path, const char *base_dir,
			 struct config_errors *errors)
{
	const char *file = config_document_text(object, key);
	char why[512], *secret, *at;

	if (!file)
		return NULL;
	secret = config_secret_read(base_dir, file, why, sizeof(why));
	if (!secret) {
		at = xasprintf("%s.%s", path, key);
		config_errors_add(errors, at, "%s", why);
		free(at);
	}
	return secret;
}

void config_user_init(struct config_user *user, const json_t *object, const char *path, const char *base_dir,
		      struct config_errors *errors)
{
	user->name = copy_text(object, "name");
	user->secret = read_secret(object, "secret_file", path, base_dir, errors);
	user->mutual_name = copy_text(object, "mutual_name");
	user->mutual_secret = read_secret(object, "mutual_secret_file", path, base_dir, errors);
}

void config_user_done(struct config_user *user)
{
	free(user->name);
	config_secret_destroy(user->secret);
	free(user->mutual_name);
	config_secret_destroy(user->mutual_secret);
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

void config_user_check_distinct(const struct config_user *user, const struct config_user *others, size_t count,
				const char *path, struct config_errors *errors)
{
	for (size_t i = 0; user->mutual_secret && i < count; i++) {
		if (same_text(user->mutual_secret, others[i].secret)) {
			char *at = xasprintf("%s.mutual_secret_file", path);

			config_errors_add(errors, at,
					  "the mutual secret must differ from every secret of the other direction");
			free(at);
			return;
		}
	}
}

bool config_user_same_secrets(const struct config_user *a, const struct config_user *b)
{
	return same_text(a->secret, b->secret) && same_text(a->mutual_secret, b->mutual_secret);
}
