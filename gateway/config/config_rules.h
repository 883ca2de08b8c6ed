/*
 * config_rules.h - what no option can tell alone: the rules across options.
 */
#ifndef BRAID_CONFIG_RULES_H
#define BRAID_CONFIG_RULES_H

#include "gateway/config/config_errors.h"

/* Reports what breaks a rule, warns in the log of what is odd, and completes dsms.order with "generic" (row D7). */
void config_rules_apply(json_t *document, struct config_errors *errors);

#endif
