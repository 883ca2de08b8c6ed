/*
 * config_value.h - what a single text of the configuration must look like.
 *
 * Each check returns NULL, or the end of a sentence that begins with the option: "must be ...". Pure functions.
 */
#ifndef BRAID_CONFIG_VALUE_H
#define BRAID_CONFIG_VALUE_H

/* An iSCSI name: iqn., eui. or naa. form, at most 223 bytes (RFC 3720 3.2.6, RFC 3980). */
const char *config_value_iscsi_name(const char *text);

/* A name that can stand in a URL: letters, digits and ".-_", with a letter or digit first. */
const char *config_value_name(const char *text);

/* "all" or a hardware ID (row D5). */
const char *config_value_hardware_id(const char *text);

/* An iSCSI name, or the beginning of one with "*" behind it; "*" alone too. */
const char *config_value_host_name(const char *text);
const char *config_value_network(const char *text); /* net_prefix_parse() */
const char *config_value_luns(const char *text); /* host_scope_parse() */

const char *config_value_absolute_path(const char *text);

/* Of a numeric "address:port": one that can be connected to; one that only this machine reaches. */
const char *config_value_array_portal(const char *text);
const char *config_value_loopback_portal(const char *text);

#endif
