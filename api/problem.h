/*
 * problem.h - errors as RFC 9457 problem details.
 *
 * struct problem itself belongs to the gateway's control interface, which refuses commands with it.
 */
#ifndef BRAID_API_PROBLEM_H
#define BRAID_API_PROBLEM_H

#include "gateway/control.h"

#define PROBLEM_TYPE "application/problem+json"

/* { type, title, status, detail, pointer }: the type is a tag URI (RFC 4151) made from the title, or about:blank when
 * the title only repeats the status; pointer ("#/paths/0/id") stands where the problem names a member of the request.
 * The caller owns it. */
json_t *problem_json(const struct problem *problem);

#endif
