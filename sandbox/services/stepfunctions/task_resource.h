/*
 * What one task of a state machine is to do, as its resource says: arn:aws:states:::glue:startJobRun.sync is
 * StartJobRun of Glue, and the end of what that starts; aws-sdk:glue:getJob is GetJob as it is. Machines
 * write all members with a capital letter; some services do not, so requests and answers are respelt on their
 * way.
 *
 * task_resource_read() first; all texts lie in its arena or are the task's.
 */
#pragma once

#include "sandbox/services/stepfunctions/executions.h"

enum task_resource_flag {
    TASK_RESOURCE_SYNC = 1,  /* .sync is there */
    TASK_RESOURCE_TOKEN = 2, /* .waitForTaskToken too */
    TASK_RESOURCE_CAMEL = 4, /* the service's members begin with a small letter; in a machine they do not */
};

struct task_resource {
    struct execution *execution;
    struct arena *arena;
    struct asl_task *task;
    struct asl_error *error;
    struct str service, action; /* as in the ARN: "glue", "startJobRun.sync" */
    struct str signing_name, operation, errors;
    unsigned flags;
    const char *text, *around;
    bool sync, json_output, token;
    bool refused;          /* before anything was started whose end is waited for */
    bool lambda, function; /* function: a Lambda function's own ARN */
    bool activity;
    struct str worker; /* of an activity */
    struct activity *run;
    int64_t deadline_ms; /* on the monotonic clock; 0: none */
};

/* Fills in the rest from the resource: arn:aws:states:::SERVICE:ACTION[.PATTERN], or the ARN of a function or
 * activity. False: the sandbox knows no such thing. */
bool task_resource_read(struct task_resource *call);
/* The task's input as the operation takes it. */
const struct value *task_resource_request(struct task_resource *call);
/* What the operation, or what it started, has given, as the machine sees it; not a function's answer. */
const struct value *task_resource_answer(struct task_resource *call, const struct value *output);
