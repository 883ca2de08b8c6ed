/*
 * config_user.h - struct config_user: a CHAP name and its secret, and those of the other direction.
 */
#ifndef BRAID_CONFIG_USER_H
#define BRAID_CONFIG_USER_H

#include "gateway/config/config_errors.h"

/* From an object with name, secret_file, mutual_name and mutual_secret_file, any of which may be null; reads the
 * secrets. path is where the object stands. The user is fit for config_user_done() whatever was reported. */
void config_user_init(struct config_user *user, const json_t *object, const char *path, const char *base_dir,
		      struct config_errors *errors);
void config_user_done(struct config_user *user);

/* Reports when the user's mutual secret is also the secret of one of `others` (itself among them): a secret must not
 * serve both directions (RFC 7143 9.2.1), as a challenge could then be reflected to the side that sent it. */
void config_user_check_distinct(const struct config_user *user, const struct config_user *others, size_t count,
				const char *path, struct config_errors *errors);

bool config_user_same_secrets(const struct config_user *a, const struct config_user *b);

#endif
