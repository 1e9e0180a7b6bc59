/*
 * Kinesis's records: in memory only, as SQS's messages are. A stream is a record of the control plane; its
 * shards divide the 128-bit hashes of partition keys evenly, and when their number changes all are closed and
 * have children. What a delivery stream of Firehose reads is handed to it at once.
 */
#pragma once

#include "sandbox/calls/services.h"

struct streams;

struct streams *streams_new(void);
void streams_free(struct streams *streams);

/* ---- fan_out.c ---- */

service_handler kinesis_subscribe;
