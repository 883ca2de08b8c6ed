#include "tests/load/report.h"

#include "tests/load/worker.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t wrong_blocks(const struct stats *stats)
{
	uint64_t wrong = 0;

	for (int verdict = VERDICT_UNWRITTEN + 1; verdict < VERDICT_COUNT; verdict++)
		wrong += stats->verdicts[verdict];
	return wrong;
}

bool report_is_good(const struct load *load)
{
	const struct stats *stats = &load->stats;

	return !wrong_blocks(stats) && !stats->failed && !stats->hung && !stats->over_max_stall && !stats->unverified &&
	       !stats->identity_changes && !stats->gave_up;
}

static struct session_counters sum_counters(const struct load *load)
{
	struct session_counters sum = { 0 };

	for (uint64_t i = 0; i < load->options->sessions; i++) {
		const struct session_counters *counters = worker_counters(load->workers[i]);

		sum.logins += counters->logins;
		sum.losses += counters->losses;
		sum.unit_attentions += counters->unit_attentions;
		sum.busy += counters->busy;
		sum.task_set_full += counters->task_set_full;
	}
	return sum;
}

static double per_second(uint64_t count, uint64_t us)
{
	return us ? (double)count * 1e6 / (double)us : 0;
}

static json_t *json_number(uint64_t number)
{
	return json_integer((json_int_t)number);
}

static json_t *json_latency(const struct histogram *latency)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "mean", json_number(histogram_mean(latency)), "p50",
			 json_number(histogram_quantile(latency, 0.5)), "p99",
			 json_number(histogram_quantile(latency, 0.99)), "p999",
			 json_number(histogram_quantile(latency, 0.999)), "max", json_number(latency->max_us));
}

static json_t *json_ops(const struct stats *stats)
{
	json_t *ops = json_object();

	for (int op = 0; op < OP_COUNT; op++) {
		const struct op_stats *one = &stats->ops[op];

		if (!one->count)
			continue;
		json_object_set_new(ops, op_table[op].name,
				    json_pack("{s:o, s:o, s:f, s:f, s:o}", "count", json_number(one->count), "bytes",
					      json_number(one->bytes), "iops", per_second(one->count, stats->run_us),
					      "mb_s", per_second(one->bytes, stats->run_us) / 1e6, "latency_us",
					      json_latency(&one->latency)));
	}
	return ops;
}

static json_t *json_verdicts(const struct stats *stats)
{
	json_t *verdicts = json_object();

	for (int verdict = 0; verdict < VERDICT_COUNT; verdict++)
		json_object_set_new(verdicts, verdict_names[verdict], json_number(stats->verdicts[verdict]));
	return verdicts;
}

static json_t *json_findings(const struct stats *stats)
{
	json_t *findings = json_array();

	for (uint64_t i = 0; i < stats->finding_count && i < FINDINGS_MAX; i++)
		json_array_append_new(findings, json_string(stats->findings[i]));
	return findings;
}

static json_t *json_totals(const struct stats *stats)
{
	uint64_t count = 0, bytes = 0;

	for (int op = 0; op < OP_COUNT; op++) {
		count += stats->ops[op].count;
		bytes += stats->ops[op].bytes;
	}
	return json_pack("{s:o, s:o, s:f, s:f}", "count", json_number(count), "bytes", json_number(bytes), "iops",
			 per_second(count, stats->run_us), "mb_s", per_second(bytes, stats->run_us) / 1e6);
}

static json_t *report_json(const struct load *load)
{
	const struct stats *stats = &load->stats;
	struct session_counters counters = sum_counters(load);
	json_t *report = json_object();
	const struct {
		const char *name;
		json_t *value;
	} members[] = {
		{ "ok", json_boolean(report_is_good(load)) },
		{ "seconds", json_real((double)stats->run_us / 1e6) },
		{ "seed", json_number(load->options->seed) },
		{ "sessions", json_number(load->options->sessions) },
		{ "total", json_totals(stats) },
		{ "ops", json_ops(stats) },
		{ "blocks", json_verdicts(stats) },
		{ "wrong", json_number(wrong_blocks(stats)) },
		{ "failed", json_number(stats->failed) },
		{ "hung", json_number(stats->hung) },
		{ "unknown_outcomes", json_number(stats->unknown_outcomes) },
		{ "connection_losses", json_number(counters.losses) },
		{ "reconnects", json_number(stats->reconnects) },
		{ "identity_changes", json_number(stats->identity_changes) },
		{ "gave_up", json_number(stats->gave_up) },
		{ "unit_attentions", json_number(counters.unit_attentions) },
		{ "busy", json_number(counters.busy) },
		{ "task_set_full", json_number(counters.task_set_full) },
		{ "longest_stall_ms", json_real((double)stats->longest_stall_us / 1e3) },
		{ "over_max_stall", json_number(stats->over_max_stall) },
		{ "final_blocks", json_number(stats->final_blocks) },
		{ "unverified", json_boolean(stats->unverified) },
		{ "findings", json_findings(stats) },
	};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		json_object_set_new(report, members[i].name, members[i].value);
	return report;
}

/* The text says what the JSON says: one line a kind of I/O, then the counts. */
static void report_text(const json_t *report)
{
	json_t *member;
	const char *name;

	printf("%-8s %10s %10s %10s %9s %9s %9s %9s\n", "op", "count", "IOPS", "MB/s", "p50 us", "p99 us", "p99.9 us",
	       "max us");
	json_object_foreach(json_object_get(report, "ops"), name, member) {
		const json_t *latency = json_object_get(member, "latency_us");

		printf("%-8s %10lld %10.0f %10.1f %9lld %9lld %9lld %9lld\n", name,
		       json_integer_value(json_object_get(member, "count")),
		       json_real_value(json_object_get(member, "iops")),
		       json_real_value(json_object_get(member, "mb_s")),
		       json_integer_value(json_object_get(latency, "p50")),
		       json_integer_value(json_object_get(latency, "p99")),
		       json_integer_value(json_object_get(latency, "p999")),
		       json_integer_value(json_object_get(latency, "max")));
	}
	printf("blocks:");
	json_object_foreach(json_object_get(report, "blocks"), name, member)
		printf(" %s=%lld", name, json_integer_value(member));
	printf("\n");
	json_object_foreach((json_t *)(uintptr_t)report, name, member) {
		if (json_is_number(member))
			printf("%s=%.*f ", name, json_is_real(member) ? 1 : 0, json_number_value(member));
	}
	printf("\n%s\n", json_is_true(json_object_get(report, "ok")) ? "ok" : "NOT OK");
}

void report_print(const struct load *load)
{
	json_t *report = report_json(load);

	if (load->options->json) {
		json_dumpf(report, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
		printf("\n");
	} else {
		report_text(report);
	}
	fflush(stdout);
	json_decref(report);
}
