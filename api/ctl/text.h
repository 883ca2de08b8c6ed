/*
 * text.h - numbers for people, and text that is safe on a terminal.
 */
#ifndef BRAID_CTL_TEXT_H
#define BRAID_CTL_TEXT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_MAX 32 /* room for each of these */

/* "512 B", "1.5 GiB", "20 TiB": three digits or so, binary units. Return text. */
char *text_bytes(uint64_t bytes, char *text);

/* "350 us", "1.2 ms", "45 s", "2h 13m", "3d 4h". */
char *text_duration(uint64_t us, char *text);

/* The same of a measured time, of which 0 means that nothing was measured: "-". */
char *text_latency(uint64_t us, char *text);

/* Local time "2026-11-20 15:30:00"; "-" for 0. */
char *text_time(uint64_t unix_us, char *text);

/* Replaces what would drive a terminal (C0, DEL, C1) by question marks, in place. */
void text_make_printable(char *text);

/* Columns that a text takes on the terminal, and the bytes of its start that take at most `columns`. */
size_t text_width(const char *text);
size_t text_prefix(const char *text, size_t columns);

/* The member as text, "-" when it is null or absent; as a number, 0 when it is none. */
const char *text_member(const json_t *object, const char *name);
uint64_t number_member(const json_t *object, const char *name);

#endif
