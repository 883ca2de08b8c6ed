/*
 * metrics.h - GET /metrics: the Prometheus text exposition format, version 0.0.4.
 *
 * The metrics are a projection of the JSON documents of the API: metrics_collect puts those together on the control
 * loop, metrics_render makes text of them on the API's thread, by the table in metrics.c.
 */
#ifndef BRAID_API_METRICS_H
#define BRAID_API_METRICS_H

#include "api/request.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* output: { "gateway": [status], "device": [...], "path": [...], "link": [...] }. */
void metrics_collect(struct request *request, struct gateway *gateway);

/* Allocated with malloc. */
char *metrics_render(const json_t *output, size_t *len);

#endif
