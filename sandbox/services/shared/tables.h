/*
 * The operation tables of all services (a folder each), the parts they keep between calls, and functions that
 * one service calls of another.
 *
 * Types that only the sandbox has are specs in sandbox/specs.
 *
 * A new service is a folder with a table, a line here and one in ../registry.c.
 */
#pragma once

#include "sandbox/calls/services.h"
#include "sandbox/engine/logs.h"

int services_open(struct sandbox *sandbox, struct control *control, struct services **out, struct err *err);
/* Ends running work and wakes waiting threads; nothing can be started any more. Call it before the HTTP
 * server stops. */
void services_stop(struct services *services);
/* Call it after services_stop() and the end of the HTTP server. */
void services_close(struct services *services);

/* Each ends with {0}. */
extern const struct service_operation athena_operations[], autoscaling_operations[], batch_operations[],
    cloudcontrol_operations[], dynamodb_operations[], dynamodb_stream_operations[], ec2_operations[],
    emr_operations[], emrserverless_operations[], events_operations[], glue_operations[], iam_operations[],
    lambda_operations[], logs_operations[], logs_insights_operations[], metrics_operations[],
    mwaa_operations[], rds_operations[], redshift_operations[], redshift_data_operations[], s3_operations[],
    ecr_operations[], ecs_operations[], kms_operations[], secretsmanager_operations[], ssm_operations[],
    sns_operations[], sqs_operations[], stepfunctions_operations[], sts_operations[];
extern const struct service_operation alarms_operations[], ec2_default_operations[], ec2_key_operations[],
    ec2_template_operations[], ecr_image_operations[], firehose_operations[], kinesis_operations[],
    secrets_batch_operations[], topic_operations[], archives_operations[], cipher_operations[],
    deliveries_operations[], devices_operations[], import_operations[], signature_operations[],
    ssm_version_operations[], apigateway_operations[], apigateway_check_operations[],
    apigateway_stage_operations[], pipes_operations[], dynamodb_shown_operations[],
    apigateway_import_operations[];
/* Constraints of single types; each ends with {0}. */
extern const struct control_type autoscaling_types[], ec2_types[], rds_types[], network_check_types[];
/* All constraints, for the control plane; ends with NULL. */
extern const struct control_type *const services_types[];

/* Starts and terminates instances until each Auto Scaling group has its desired capacity. Call it after a
 * change of a group or an instance. Thread-safe. */
void autoscaling_reconcile(struct services *services);

/* Passes records of a Kinesis stream to all Firehose delivery streams that read the stream `arn`. `data`: a
 * list of base64 strings. */
void deliveries_from_stream(struct services *services, struct arena *arena, struct str region, struct str arn,
    const struct value *data);

/* For logs_watch(): sends log events to the destinations of subscription filters, and publishes the values of
 * metric filters. ctx: the services. */
logs_watcher log_events_filter;

/*
 * Starts the thread that fires schedules: EventBridge's rules with a schedule_expression, and Scheduler's
 * schedules. It reads the control plane's records; a changed rule or schedule starts anew. The thread ends
 * with services_stop().
 *
 * With the sandbox's speed N, time passes N times as fast for each schedule, counted from its creation or
 * from the start of the sandbox, whichever is later. Occurrences that fell due while the sandbox was not
 * running, or the thread was late, are not made up for.
 */
void schedules_start(struct services *services);

/*
 * Roles that services assume for what they run. The caller must be allowed to pass the role, and its trust
 * policy must name the service. A role in the request itself was checked by the gate; these functions check
 * roles of other resources that the request names. Thread-safe.
 */
/* Checks that the caller may pass the role (ARN or name; "": none) to the service: iam:PassRole. 0, or -1
 * with the refusal. */
int role_may_be_passed(
    const struct service_call *call, struct str role, const char *service, struct err *err);
/* True if the role's trust policy lets the service assume it, or `role` is "". */
bool role_is_trusting(struct services *services, struct arena *arena, struct str role, const char *service);
