/*
 * main.c - braid-dsm-check: runs a module against simulated arrays and the contract, one line a check.
 *
 * Exit status 0: everything is fine; 1: something is wrong; 2: wrong usage, or the module could not be loaded.
 */
#include "dsm/check/contract.h"
#include "dsm/check/life.h"
#include "dsm/check/rows.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage_text[] =
	"Usage: braid-dsm-check [OPTION]... MODULE.so | builtin:NAME\n"
	"Runs a device-specific module of the Braid gateway through the error table and through its contract.\n"
	"\n"
	"The array that it is tried on is of the first hardware that the module names. For another one:\n"
	"  --vendor TEXT    vendor of the inquiry data\n"
	"  --product TEXT   product of the inquiry data\n"
	"  --revision TEXT  revision of the inquiry data\n"
	"  --tpgs N         ALUA: 0 none, 1 implicit, 2 explicit, 3 both; default: each that the module takes\n"
	"  --version, --help\n"
	"\n"
	"Exit status: 0 all is fine, 1 something is wrong, 2 wrong usage or the module could not be loaded.\n";

struct settings {
	const char *vendor, *product, *revision;
	int tpgs; /* -1: each that is taken */
};

static bool load(const char *name, struct dsm_ops *ops)
{
	char reason[MODULE_REASON_MAX], file[PATH_MAX];
	void *handle;

	if (strncmp(name, "builtin:", 8) == 0) {
		for (unsigned i = 0; i < MODULE_BUILTINS; i++)
			if (strcmp(module_builtins[i]->name, name + 8) == 0)
				return module_check(module_builtins[i], ops, reason) ||
				       (fprintf(stderr, "braid-dsm-check: %s: %s\n", name, reason), false);
		fprintf(stderr, "braid-dsm-check: there is no module %s in this build\n", name + 8);
		return false;
	}
	if (!realpath(name, file)) {
		perror(name);
		return false;
	}
	if (module_open(file, &handle, ops, reason)) /* stays open to the end */
		return true;
	fprintf(stderr, "braid-dsm-check: %s: %s\n", name, reason);
	return false;
}

/* The array to try it on. */
static void fill_profile(const struct settings *settings, const struct dsm_ops *ops, struct profile *profile)
{
	const char *vendor = ops->hardware_count ? ops->hardware[0].vendor : "EXAMPLE";
	const char *product = ops->hardware_count ? ops->hardware[0].product : "DISK";

	snprintf(profile->vendor, sizeof(profile->vendor), "%s", settings->vendor ? settings->vendor : vendor);
	snprintf(profile->product, sizeof(profile->product), "%s", settings->product ? settings->product : product);
	snprintf(profile->revision, sizeof(profile->revision), "%s", settings->revision ? settings->revision : "0001");
}

static unsigned check_profile(const struct subject *subject, bool with_rows)
{
	static const char *const alua[] = { "no ALUA", "implicit ALUA", "explicit ALUA", "implicit and explicit ALUA" };
	unsigned wrong = 0;

	printf("\n%s %s, %s\n", subject->profile.vendor, subject->profile.product, alua[subject->profile.tpgs]);
	wrong += life_check(subject);
	if (with_rows) {
		wrong += rows_check(subject);
		wrong += contract_check(subject);
	}
	return wrong;
}

static int check(const struct settings *settings, const struct dsm_ops *ops)
{
	struct subject subject = { .ops = ops };
	unsigned wrong = 0, taken = 0;

	fill_profile(settings, ops, &subject.profile);
	printf("%s %s: %s\n", ops->name, ops->version, ops->summary);
	for (unsigned tpgs = 0; tpgs < 4; tpgs++) {
		subject.profile.tpgs = tpgs;
		if ((settings->tpgs >= 0 && (unsigned)settings->tpgs != tpgs) || !device_matches(ops, &subject.profile))
			continue;
		wrong += check_profile(&subject, taken++ == 0);
	}
	if (!taken) {
		fprintf(stderr,
			"braid-dsm-check: the module takes no device \"%s\" \"%s\"; --vendor and --product name one\n",
			subject.profile.vendor, subject.profile.product);
		return 1;
	}
	printf("\n%u wrong\n", wrong);
	return wrong ? 1 : 0;
}

static bool take_option(struct settings *settings, int option, const char *value)
{
	switch (option) {
	case 'v':
		settings->vendor = value;
		return true;
	case 'p':
		settings->product = value;
		return true;
	case 'r':
		settings->revision = value;
		return true;
	case 't':
		settings->tpgs = value[0] - '0';
		return settings->tpgs >= 0 && settings->tpgs <= 3 && !value[1];
	default:
		return false;
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "vendor", required_argument, NULL, 'v' },
		{ "product", required_argument, NULL, 'p' },
		{ "revision", required_argument, NULL, 'r' },
		{ "tpgs", required_argument, NULL, 't' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct settings settings = { .tpgs = -1 };
	struct dsm_ops ops;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'V') {
			printf("braid-dsm-check %s, ABI %d\n", BRAID_VERSION, DSM_ABI);
			return 0;
		}
		if (option == 'h') {
			fputs(usage_text, stdout);
			return 0;
		}
		if (!take_option(&settings, option, optarg)) {
			fputs(usage_text, stderr);
			return 2;
		}
	}
	if (optind + 1 != argc) {
		fputs(usage_text, stderr);
		return 2;
	}
	return load(argv[optind], &ops) ? check(&settings, &ops) : 2;
}
