/*
 * rows.h - rows E5 to E23 of the error table: what the module says of each condition, against what the row wants.
 */
#ifndef BRAID_CHECK_ROWS_H
#define BRAID_CHECK_ROWS_H

#include "dsm/check/device.h"

/* How many rows are wrong. */
unsigned rows_check(const struct subject *subject);

#endif
