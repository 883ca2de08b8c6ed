/*
 * table.h - tables that fit the terminal.
 *
 * Columns are as wide as their widest cell. When that is too much for the terminal, columns that may be cut give way,
 * the widest first. What is not a terminal gets every column whole and no colour.
 */
#ifndef BRAID_CTL_TABLE_H
#define BRAID_CTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum colour { COLOUR_NONE, COLOUR_GREEN, COLOUR_YELLOW, COLOUR_RED, COLOUR_DIM, COLOUR_BOLD };

struct terminal {
	FILE *out;
	size_t width; /* 0: unbounded */
	bool colour;
};

/* By what `out` is, and by the environment (COLUMNS, NO_COLOR, TERM). */
void terminal_init(struct terminal *terminal, FILE *out);

/* Prints with that colour. */
void terminal_print(const struct terminal *terminal, enum colour colour, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

enum cut { CUT_NEVER, CUT_END, CUT_MIDDLE };

struct table_column {
	const char *title;
	bool right; /* aligned */
	enum cut cut;
};

struct table;

struct table *table_create(const struct table_column *columns, size_t count); /* columns are kept */
void table_destroy(struct table *table);

/* The next cell, from left to right, then in the next row. */
void table_cell(struct table *table, enum colour colour, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* With its heading; `empty` is printed instead when there is no row. */
void table_print(const struct table *table, const struct terminal *terminal, const char *empty);

#endif
