/*
 * All services that do more than keep records, a folder each: their tables of operations, and what they keep
 * between calls.
 *
 * Types that the sandbox has and weir has not are specs like any other, in sandbox/specs.
 *
 * A service is added by a folder with a table, and its line here and in ../registry.c.
 */
#pragma once

#include "sandbox/calls/services.h"
#include "sandbox/control/control.h"

int services_open(struct sandbox *sandbox, struct control *control, struct services **out, struct err *err);
/* Ends what runs and wakes who waits; from now on nothing is started. Before the HTTP server stops. */
void services_stop(struct services *services);
/* After it has stopped. */
void services_close(struct services *services);

/* Each ends with {0}. */
extern const struct service_operation athena_operations[], autoscaling_operations[], batch_operations[],
    cloudcontrol_operations[], dynamodb_operations[], dynamodb_stream_operations[], ec2_operations[],
    emr_operations[], emrserverless_operations[], events_operations[], glue_operations[], iam_operations[],
    lambda_operations[], logs_operations[], logs_export_operations[], logs_insights_operations[],
    metrics_operations[], mwaa_operations[], rds_operations[], redshift_operations[],
    redshift_data_operations[], s3_operations[], ecr_operations[], ecs_operations[], kms_operations[],
    secretsmanager_operations[], ssm_operations[], sns_operations[], sqs_operations[],
    stepfunctions_operations[], sts_operations[];
extern const struct service_operation alarms_operations[], athena_catalog_operations[],
    ec2_default_operations[], ec2_key_operations[], ec2_template_operations[], ecr_image_operations[],
    firehose_operations[], kinesis_operations[], secrets_batch_operations[], topic_operations[],
    archives_operations[], bus_operations[], cipher_operations[], deliveries_operations[],
    devices_operations[], import_operations[], signature_operations[], subscription_operations[],
    ssm_version_operations[], replays_operations[], apigateway_operations[], apigateway_check_operations[],
    apigateway_stage_operations[], pipes_operations[], dynamodb_shown_operations[],
    apigateway_import_operations[];
/* What is so for one type alone; each ends with {0}. */
extern const struct control_type autoscaling_types[], ec2_types[], rds_types[], surroundings_types[];
/* All of them, for the control plane; ends with NULL. */
extern const struct control_type *const services_types[];
