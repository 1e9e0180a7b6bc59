/* Glue's operations by file; job_runs.c has the table of all. */
#pragma once

#include "sandbox/engine/task.h"

/* ---- partitions.c ---- */

service_handler glue_create_partition, glue_batch_create_partition, glue_delete_partition,
    glue_batch_delete_partition, glue_update_partition, glue_batch_update_partition, glue_get_partition,
    glue_get_partitions, glue_batch_get_partition;
/* Returns the error of an item of a batch: {NAME: item, ErrorDetail: {ErrorCode, ErrorMessage}}. */
const struct value *glue_item_error(
    struct arena *arena, const char *name, const struct value *item, const char *code, const char *message);

/* ---- tables.c ---- */

service_handler glue_create_table, glue_update_table, glue_batch_delete_table, glue_delete_table_version,
    glue_get_table_versions, glue_get_table_version, glue_search_tables;

/* ---- crawlers.c ---- */

service_handler glue_start_crawler, glue_stop_crawler, glue_get_crawlers, glue_list_crawls,
    glue_crawler_metrics;

/* ---- connections.c ---- */

#define GLUE_SESSION STR("GlueJobRunnerSession") /* the session name that Glue uses */

/* True if the role of the task's job may do this ("ec2:DescribeSubnets"). */
bool glue_role_may(struct task *task, struct arena *arena, const char *action, const struct value *context);
/* True if the job can run in the networks of these connections (a list of names). False: *why is AWS's
 * error. */
bool glue_network_fits(
    struct task *task, struct arena *arena, const struct value *connections, struct str *why);

/* ---- job_runs.c ---- */

service_handler glue_show_bookmark; /* also ResetJobBookmark */

/* ---- workflows.c ---- */

/* Members of StartJobRun and StartCrawler that only the sandbox sends; they are kept in the run's request. */
#define GLUE_TRIGGER      "weir:trigger"
#define GLUE_WORKFLOW_RUN "weir:workflow_run"

service_handler glue_start_trigger;
/* Starts the trigger's actions and returns how many were started. workflow_run "": none. */
size_t glue_fire(struct services *services, struct arena *arena, const struct control_record *trigger,
    struct str workflow_run);
/* Frees the triggers' state of these services when the sandbox ends. */
void glue_triggers_forget(struct services *services);
/* Call it after the end of a run: fires conditional triggers outside of workflows whose conditions are
 * met. */
void glue_run_ended(struct services *services, const char *kind, const struct task_info *info);

service_handler glue_start_workflow, glue_get_workflow_run, glue_get_workflow_runs, glue_stop_workflow_run;
