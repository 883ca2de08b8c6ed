#include "api/ctl/table.h"

#include "api/ctl/text.h"
#include "gateway/base/memory.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define GAP 2 /* blanks between columns */
#define CUT_WIDTH_MIN 8u /* a cut column keeps so much */

struct cell {
	char *text;
	enum colour colour;
};

struct table {
	const struct table_column *columns;
	size_t column_count;
	struct cell *cells;
	size_t cell_count, capacity;
};

/* ---- terminal ---- */

void terminal_init(struct terminal *terminal, FILE *out)
{
	const char *columns = getenv("COLUMNS"), *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
	struct winsize size;

	*terminal = (struct terminal){ .out = out };
	if (!isatty(fileno(out)))
		return;
	terminal->colour = !(no_colour && *no_colour) && term && strcmp(term, "dumb") != 0;
	if (columns && atoi(columns) > 0)
		terminal->width = (size_t)atoi(columns);
	else if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0)
		terminal->width = size.ws_col;
}

static const char *colour_code(const struct terminal *terminal, enum colour colour)
{
	static const char *const codes[] = {
		[COLOUR_NONE] = "",          [COLOUR_GREEN] = "\033[32m", [COLOUR_YELLOW] = "\033[33m",
		[COLOUR_RED] = "\033[31;1m", [COLOUR_DIM] = "\033[2m",    [COLOUR_BOLD] = "\033[1m",
	};

	return terminal->colour ? codes[colour] : "";
}

static const char *colour_end(const struct terminal *terminal, enum colour colour)
{
	return terminal->colour && colour != COLOUR_NONE ? "\033[0m" : "";
}

/* What the gateway says is made printable before it reaches the terminal. */
static char *printable(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

static char *printable(const char *fmt, va_list ap)
{
	char *text = NULL;

	if (vasprintf(&text, fmt, ap) < 0)
		return xstrdup("?");
	text_make_printable(text);
	return text;
}

void terminal_print(const struct terminal *terminal, enum colour colour, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	char *text = printable(fmt, ap);
	va_end(ap);
	fprintf(terminal->out, "%s%s%s", colour_code(terminal, colour), text, colour_end(terminal, colour));
	free(text);
}

/* ---- table ---- */

struct table *table_create(const struct table_column *columns, size_t count)
{
	struct table *table = xcalloc(1, sizeof(*table));

	table->columns = columns;
	table->column_count = count;
	return table;
}

void table_destroy(struct table *table)
{
	if (!table)
		return;
	for (size_t i = 0; i < table->cell_count; i++)
		free(table->cells[i].text);
	free(table->cells);
	free(table);
}

void table_cell(struct table *table, enum colour colour, const char *fmt, ...)
{
	va_list ap;

	if (table->cell_count == table->capacity) {
		table->capacity = table->capacity ? 2 * table->capacity : 64;
		table->cells = xrealloc(table->cells, table->capacity * sizeof(*table->cells));
	}
	va_start(ap, fmt);
	table->cells[table->cell_count++] = (struct cell){ printable(fmt, ap), colour };
	va_end(ap);
}

/* Takes from the widest column that may be cut until the row fits, or nothing more can be taken. */
static void fit(const struct table *table, size_t *widths, size_t available)
{
	size_t total = (table->column_count - 1) * GAP;

	for (size_t i = 0; i < table->column_count; i++)
		total += widths[i];
	while (total > available) {
		size_t widest = table->column_count;

		for (size_t i = 0; i < table->column_count; i++)
			if (table->columns[i].cut != CUT_NEVER && widths[i] > CUT_WIDTH_MIN &&
			    (widest == table->column_count || widths[i] > widths[widest]))
				widest = i;
		if (widest == table->column_count)
			return;
		widths[widest]--;
		total--;
	}
}

static void measure(const struct table *table, size_t *widths, size_t available)
{
	for (size_t i = 0; i < table->column_count; i++)
		widths[i] = text_width(table->columns[i].title);
	for (size_t i = 0; i < table->cell_count; i++) {
		size_t width = text_width(table->cells[i].text);

		if (width > widths[i % table->column_count])
			widths[i % table->column_count] = width;
	}
	if (available)
		fit(table, widths, available);
}

/* Writes the text in at most `width` columns, an ellipsis standing for what is cut. */
static void print_cut(FILE *out, const char *text, size_t width, enum cut cut)
{
	size_t full = text_width(text), tail = cut == CUT_MIDDLE ? (width - 1) / 2 : 0;

	if (full <= width) {
		fputs(text, out);
		return;
	}
	fprintf(out, "%.*s~", (int)text_prefix(text, width - 1 - tail), text);
	fputs(text + text_prefix(text, full - tail), out);
}

static void print_row(const struct table *table, const struct terminal *terminal, const size_t *widths,
		      const struct cell *row)
{
	for (size_t i = 0; i < table->column_count; i++) {
		const struct table_column *column = &table->columns[i];
		size_t width = text_width(row[i].text);
		size_t blanks = width < widths[i] ? widths[i] - width : 0;
		bool last = i + 1 == table->column_count;

		if (column->right)
			fprintf(terminal->out, "%*s", (int)blanks, "");
		fputs(colour_code(terminal, row[i].colour), terminal->out);
		print_cut(terminal->out, row[i].text, widths[i], column->cut);
		fputs(colour_end(terminal, row[i].colour), terminal->out);
		if (!last)
			fprintf(terminal->out, "%*s", (int)(GAP + (column->right ? 0 : blanks)), "");
	}
	fputc('\n', terminal->out);
}

void table_print(const struct table *table, const struct terminal *terminal, const char *empty)
{
	size_t *widths;
	struct cell *heading;

	if (table->cell_count == 0) {
		terminal_print(terminal, COLOUR_DIM, "%s", empty);
		fputc('\n', terminal->out);
		return;
	}
	widths = xcalloc(table->column_count, sizeof(*widths));
	heading = xcalloc(table->column_count, sizeof(*heading));
	measure(table, widths, terminal->width);
	for (size_t i = 0; i < table->column_count; i++)
		heading[i] = (struct cell){ (char *)(uintptr_t)table->columns[i].title, COLOUR_BOLD };
	print_row(table, terminal, widths, heading);
	for (size_t i = 0; i + table->column_count <= table->cell_count; i += table->column_count)
		print_row(table, terminal, widths, &table->cells[i]);
	free(heading);
	free(widths);
}
