/*
 * SQS's messages: in memory only, so they are gone when the sandbox ends. Visibility timeouts, delays, long
 * polls, dead-letter queues by maxReceiveCount, order within message groups; no deduplication, no batches of
 * attributes.
 */
#ifndef WEIR_PROVIDER_SANDBOX_JOBS_QUEUES_H
#define WEIR_PROVIDER_SANDBOX_JOBS_QUEUES_H

struct jobs;
struct queues;

struct queues *queues_new(struct jobs *jobs);
void queues_free(struct queues *queues);
struct queues *jobs_queues(struct jobs *jobs);

#endif
