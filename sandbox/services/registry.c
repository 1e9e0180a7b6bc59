/* Opens, stops and closes all services in the order that they need. */

#include "base/file.h"
#include "sandbox/engine/warm_worker.h"
#include "sandbox/host/host.h"
#include "sandbox/services/apigateway/apigateway.h"
#include "sandbox/services/cloudcontrol/cloudcontrol.h"
#include "sandbox/services/dynamodb/items.h"
#include "sandbox/services/emr/emr.h"
#include "sandbox/services/events/events.h"
#include "sandbox/services/glue/glue.h"
#include "sandbox/services/kinesis/shards.h"
#include "sandbox/services/kms/kms.h"
#include "sandbox/services/lambda/lambda.h"
#include "sandbox/services/shared/endpoints.h"
#include "sandbox/services/shared/event_targets.h"
#include "sandbox/services/shared/source.h"
#include "sandbox/services/sns/sns.h"
#include "sandbox/services/sqs/queues.h"
#include "sandbox/services/stepfunctions/executions.h"

static const struct service_operation *const tables[] = {
    alarms_operations,
    apigateway_operations,
    apigateway_check_operations,
    apigateway_stage_operations,
    apigateway_import_operations,
    athena_operations,
    autoscaling_operations,
    batch_operations,
    cloudcontrol_operations,
    dynamodb_operations,
    dynamodb_stream_operations,
    dynamodb_shown_operations,
    ec2_operations,
    ec2_default_operations,
    ec2_key_operations,
    ec2_template_operations,
    emr_operations,
    emrserverless_operations,
    events_operations,
    archives_operations,
    firehose_operations,
    glue_operations,
    iam_operations,
    lambda_operations,
    logs_operations,
    logs_insights_operations,
    deliveries_operations,
    metrics_operations,
    mwaa_operations,
    pipes_operations,
    rds_operations,
    redshift_operations,
    redshift_data_operations,
    s3_operations,
    ecr_operations,
    ecr_image_operations,
    ecs_operations,
    kinesis_operations,
    kms_operations,
    cipher_operations,
    signature_operations,
    import_operations,
    secretsmanager_operations,
    secrets_batch_operations,
    ssm_operations,
    ssm_version_operations,
    sns_operations,
    topic_operations,
    devices_operations,
    sqs_operations,
    stepfunctions_operations,
    sts_operations,
    NULL,
};

const struct control_type *const services_types[] = {
    autoscaling_types, ec2_types, rds_types, network_check_types, NULL};

static const struct source_kind *const source_kinds[] = {&lambda_source_kind, &pipe_source_kind, NULL};

struct logs *services_logs(struct services *services)
{
    return services_parts(services)->logs;
}

struct functions *services_functions(struct services *services)
{
    return services_parts(services)->functions;
}

struct queues *services_queues(struct services *services)
{
    return services_parts(services)->queues;
}

struct executions *services_executions(struct services *services)
{
    return services_parts(services)->executions;
}

/* True if the folder has entries: a killed sandbox does not remove them. */
static bool has_entries(const char *path)
{
    AUTO_DIR DIR *dir = opendir(path);
    bool found = false;
    for (struct dirent *entry; dir && !found && (entry = readdir(dir));)
        found = strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    return found;
}

/* Ends the processes that a killed sandbox left running. Their folders can be removed only after that. */
static void end_leftovers(struct services *services)
{
    static const char *const folders[] = {"jobs/work", "jobs/functions", "jobs/residents", "daemons"};
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const char *dir = sandbox_dir(services_sandbox(services));
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (has_entries(arena_printf(&arena, "%s/%s", dir, folders[i]).p)) {
            process_end_family(services_family(services));
            return;
        }
}

static void look_at_hosts(struct services *services)
{
    autoscaling_reconcile(services);
    hosts_reconcile(services_parts(services)->hosts);
}

int services_open(struct sandbox *sandbox, struct control *control, struct services **out, struct err *err)
{
    struct services *services = services_new(sandbox, control, tables);
    struct services_parts *parts = services_parts(services);
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str dir;
    end_leftovers(services);
    if (services_dir(services, &arena, "logs", &dir, err) || logs_open(dir.p, &parts->logs, err) ||
        tasks_open(services, &parts->tasks, err) || functions_open(services, &parts->functions, err)) {
        services_close(services);
        return -1;
    }
    logs_watch(parts->logs, log_events_filter, services);
    parts->warm_workers = warm_workers_new(services);
    parts->executions = executions_new(services);
    parts->queues = queues_new(services);
    parts->streams = streams_new();
    parts->outside_calls = outside_calls_new();
    parts->items = item_engine_new();
    parts->cloud = cloud_resources_new(services);
    parts->daemons = daemons_new(services);
    parts->listeners = listeners_new(services);
    endpoints_open(services);
    parts->hosts = hosts_new(services);
    services_before_call(services, "apigateway", gateway_read);
    services_before_call(services, "kms", kms_read_key);
    services_before_call(services, "lambda", lambda_read_names);
    services_on_call(services, "autoscaling", autoscaling_reconcile);
    services_on_call(services, "dynamodb", item_tables_clean);
    services_on_call(services, "ec2", look_at_hosts);
    services_on_call(services, EMR_SERVICE, emr_stop_steps);
    services_publish(services, signature_certificate);
    look_at_hosts(services);
    replays_recover(services);
    sources_start(services, source_kinds);
    if (sandbox_schedules(sandbox))
        schedules_start(services);
    *out = services;
    return 0;
}

void services_stop(struct services *services)
{
    if (!services)
        return;
    struct services_parts *parts = services_parts(services);
    services_interrupt(services);
    tasks_stop(parts->tasks);
    warm_workers_stop(parts->warm_workers);
    functions_stop(parts->functions);
    executions_stop(parts->executions);
    queues_stop(parts->queues);
    hosts_stop(parts->hosts);
    listeners_stop(parts->listeners);
    daemons_stop(parts->daemons);
    services_wait_threads(services);
}

void services_close(struct services *services)
{
    if (!services)
        return;
    struct services_parts *parts = services_parts(services);
    glue_triggers_forget(services);
    executions_free(parts->executions); /* its executions may still hold activities of the other services */
    functions_close(parts->functions);
    tasks_close(parts->tasks);
    warm_workers_free(parts->warm_workers);
    logs_close(parts->logs);
    queues_free(parts->queues);
    streams_free(parts->streams);
    outside_calls_free(parts->outside_calls);
    item_engine_free(parts->items);
    cloud_resources_free(parts->cloud);
    hosts_free(parts->hosts);
    listeners_free(parts->listeners);
    daemons_free(parts->daemons);
    services_free(services);
}
