/*
 * report.h - what a run says at its end: one JSON object, or text for people.
 */
#ifndef BRAID_LOAD_REPORT_H
#define BRAID_LOAD_REPORT_H

#include "tests/load/load.h"

/* Nothing wrong, lost, failed, hung, stalled or left out? */
bool report_is_good(const struct load *load);

/* To standard output, in the form that the options ask for. */
void report_print(const struct load *load);

#endif
