/*
 * login.h - the login phase of a connection (RFC 7143 section 6 and 11.12, 11.13). Control loop.
 *
 * A login begins with an accepted socket and ends in one of three ways: refused with a status, given up (time, lost
 * connection, garbage), or handed over as a session.
 */
#ifndef BRAID_LOGIN_H
#define BRAID_LOGIN_H

#include "target/node.h"

struct login;

/* Takes the descriptor. */
void login_start(struct target *target, unsigned portal, int fd);

/* Ends it without a word. */
void login_kill(struct login *login);

/* All logins, or those of one portal. */
#define LOGIN_ALL_PORTALS UINT32_MAX
void login_kill_all(struct target *target, unsigned portal);

/* A session has left the register: logins that reinstate it go on. */
void login_session_gone(struct target *target);

#endif
