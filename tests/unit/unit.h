/*
 * unit.h - cmocka with the headers that it expects before itself.
 */
#ifndef BRAID_UNIT_H
#define BRAID_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
