/*
 * array_spec.h - the values of --portal, --lu and --chap: text to configuration.
 *
 * The text is cut up and pointed into, so it lives as long as the configuration. Each returns NULL or what is wrong.
 */
#ifndef BRAID_ARRAY_ARRAY_SPEC_H
#define BRAID_ARRAY_ARRAY_SPEC_H

#include "target/array/array.h"

/* ADDRESS:PORT[,TPGT[,GROUP]] */
const char *array_spec_portal(char *text, struct array_portal_config *portal);

/* ram:SIZE[:OPTION...] or file:PATH[:OPTION...]; options: size=, block=, lun=, serial=, name=, thick.
 * lun is left alone unless it is given. */
const char *array_spec_lu(char *text, struct array_lu_config *lu);

/* NAME:SECRET[:NAME:SECRET], the second pair for the array's own proof */
const char *array_spec_user(char *text, struct target_user *user);

#endif
