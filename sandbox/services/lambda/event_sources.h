/*
 * Queues and streams as sources of functions: aws.lambda.event_source_mapping. One thread looks at the
 * mappings; each has a few others that take messages in batches, call the function and delete what it took
 * care of. What it did not comes back after the queue's visibility timeout, and in the end goes where the
 * queue's redrive policy says. A stream of Kinesis or DynamoDB has one thread, which reads its shards in turn
 * from the mapping's starting position, also after a restart of the sandbox. Kafka's topics are not read.
 */
#pragma once

struct services;

/* Starts the thread; it ends with services_stop(). */
void sources_start(struct services *services);
