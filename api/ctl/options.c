#include "api/ctl/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONG_ONLY 256 /* getopt's value of an option without a letter: this plus its index */

static const struct {
	size_t offset;
	char letter;
	const char *name, *argument, *help;
} table[OPTION_COUNT] = {
#define OPTION_ROW(id, member, letter, name, argument, help)                                                           \
	[OPTION_INDEX_##id] = { offsetof(struct options, member), letter, name, argument, help },
	OPTION_TABLE(OPTION_ROW)
#undef OPTION_ROW
};

static void build(char *letters, struct option *names)
{
	for (int i = 0; i < OPTION_COUNT; i++) {
		names[i] = (struct option){
			.name = table[i].name,
			.has_arg = table[i].argument ? required_argument : no_argument,
			.val = LONG_ONLY + i,
		};
		if (!table[i].letter)
			continue;
		*letters++ = table[i].letter;
		if (table[i].argument)
			*letters++ = ':';
	}
	names[OPTION_COUNT] = (struct option){ 0 };
	*letters = '\0';
}

static int index_of(int value)
{
	for (int i = 0; i < OPTION_COUNT; i++)
		if (value == LONG_ONLY + i || (table[i].letter && value == table[i].letter))
			return i;
	return -1;
}

int options_parse(struct options *options, int argc, char **argv, int *first)
{
	struct option names[OPTION_COUNT + 1];
	char letters[2 * OPTION_COUNT + 1];
	int value;

	*options = (struct options){ 0 };
	build(letters, names);
	optind = 0; /* glibc: start anew */
	while ((value = getopt_long(argc, argv, letters, names, NULL)) != -1) {
		int i = index_of(value);

		if (i < 0)
			return -EINVAL;
		*(const char **)(void *)((char *)options + table[i].offset) = optarg ? optarg : "";
		options->given |= 1u << i;
	}
	*first = optind;
	return 0;
}

const char *options_name(unsigned bits)
{
	for (int i = 0; i < OPTION_COUNT; i++)
		if (bits & 1u << i)
			return table[i].name;
	return "";
}

void options_print(unsigned bits)
{
	for (int i = 0; i < OPTION_COUNT; i++) {
		char letter[8] = "    ", name[40];

		if (!(bits & 1u << i))
			continue;
		if (table[i].letter)
			snprintf(letter, sizeof(letter), "-%c, ", table[i].letter);
		snprintf(name, sizeof(name), "--%s%s%s", table[i].name, table[i].argument ? " " : "",
			 table[i].argument ? table[i].argument : "");
		printf("  %s%-25s %s\n", letter, name, table[i].help);
	}
}

long options_number(const char *argument, const char *name, long preset, long max)
{
	char *end = NULL;
	long number = argument ? strtol(argument, &end, 10) : preset;

	if (!argument || (*argument && !*end && number >= 1 && number <= max))
		return number;
	fprintf(stderr, "braidctl: %s takes a number from 1 to %ld\n", name, max);
	return -1;
}
