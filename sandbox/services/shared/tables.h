/*
 * All services that do more than keep records, a folder each: their tables of operations, what they keep
 * between calls, and what one asks of another.
 *
 * Types that the sandbox has and weir has not are specs like any other, in sandbox/specs.
 *
 * A service is added by a folder with a table, and its line here and in ../registry.c.
 */
#pragma once

#include "sandbox/calls/services.h"
#include "sandbox/engine/logs.h"

int services_open(struct sandbox *sandbox, struct control *control, struct services **out, struct err *err);
/* Ends what runs and wakes who waits; from now on nothing is started. Before the HTTP server stops. */
void services_stop(struct services *services);
/* After it has stopped. */
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
/* What is so for one type alone; each ends with {0}. */
extern const struct control_type autoscaling_types[], ec2_types[], rds_types[], network_check_types[];
/* All of them, for the control plane; ends with NULL. */
extern const struct control_type *const services_types[];

/* After a change of a group of instances, or of an instance: starts what groups lack, and ends what they have
 * too much or what has lost its group. Safe from every thread. */
void autoscaling_look(struct services *services);

/* Records of a Kinesis stream to all delivery streams that read the stream with this ARN; `data` is a list of
 * texts in base64. */
void deliveries_from_stream(struct services *services, struct arena *arena, struct str region, struct str arn,
    const struct value *data);

/* For logs_watch(): to the destinations of the group's subscription filters, into the metrics of its metric
 * filters. ctx: the services. */
logs_watcher log_events_filter;

/*
 * Schedules fire: EventBridge's rules with a schedule_expression and Scheduler's schedules. One thread looks
 * at the control plane's records; a rule or schedule that changed begins anew.
 *
 * With the sandbox's speed, time passes for each of them that many times as fast from the moment at which it
 * was made (or the sandbox started, if that was later). What would have been due while the sandbox was away,
 * or while the thread was late, is not made up for.
 *
 * Starts the thread; it ends with services_stop().
 */
void schedules_start(struct services *services);

/*
 * Roles that services take on for what they run: handed over by who starts it, and with a trust policy that
 * names the service. What a request itself hands over the gate has seen; these are roles of what it names.
 * Safe from every thread.
 */
/* May who calls hand the role (an ARN or a name; "" none) to the service? 0, or -1 with the refusal. */
int role_may_be_passed(
    const struct service_call *call, struct str role, const char *service, struct err *err);
/* May the service take it on? "" : nothing is taken on. */
bool role_is_trusting(struct services *services, struct arena *arena, struct str role, const char *service);
