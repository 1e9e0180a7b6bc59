/* Glue's operations that are in files of their own; glue.c has the table of all. */
#ifndef WEIR_PROVIDER_SANDBOX_JOBS_GLUE_H
#define WEIR_PROVIDER_SANDBOX_JOBS_GLUE_H

#include "provider/sandbox/jobs/jobs.h"

/* ---- glue_partitions.c ---- */

job_handler glue_create_partition, glue_batch_create_partition, glue_delete_partition,
    glue_batch_delete_partition, glue_update_partition, glue_get_partition, glue_get_partitions;

/* ---- glue_crawlers.c ---- */

job_handler glue_start_crawler, glue_stop_crawler, glue_get_crawler, glue_get_crawlers, glue_list_crawls;

#endif
