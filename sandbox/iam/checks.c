/* Checks that services make at once, refusing a request that they could not carry out later. */
#include "sandbox/iam/internal.h"

#include "sandbox/s3/store.h"

struct precheck {
    struct gate *gate;
    struct arena *arena;
    const struct gate_request *request;
    struct err *err;
};

static struct str text_at(const struct precheck *t, const char *path)
{
    return value_text(wire_path(t->arena, t->request->input, str_z(path)), STR_EMPTY);
}

/* Returns SERVICE of arn:aws:SERVICE:… */
static struct str service_of_arn(struct str arn)
{
    struct str rest, part = STR_EMPTY;
    for (int i = 0; i < 3; i++, arn = rest)
        part = str_cut(arn, ':', &rest);
    return part;
}

/* ---- permissions ---- */

static bool is_allowed(const struct precheck *t, struct gate_caller who, const char *action,
    struct str resource, const struct value *context)
{
    struct str name = str_z(action), rest;
    const struct gate_action asked = {.who = who,
        .service = str_cut(name, ':', &rest),
        .action = name,
        .resource = resource,
        .region = t->request->region,
        .context = context};
    return !gate_check_action(t->gate, t->arena, &asked, ERR_IGNORED);
}

static bool service_may(
    const struct precheck *t, const char *service, struct str source, const char *action, struct str resource)
{
    return is_allowed(
        t, (struct gate_caller){.service = str_z(service), .source_arn = source}, action, resource, NULL);
}

static bool is_known(const struct precheck *t, const char *type, struct str id, struct control_record *found)
{
    return control_find(t->gate->control, t->arena, str_z(type), t->request->region, id, found);
}

/* Unknown roles are assumed to be allowed. */
static bool role_may(const struct precheck *t, struct str role, const char *action, struct str resource)
{
    struct control_record known;
    if (!control_find(
            t->gate->control, t->arena, STR("aws.iam.role"), STR_EMPTY, str_last_part(role, "/"), &known))
        return true;
    struct session session = {.role = str_last_part(role, "/"), .name = t->request->service};
    return is_allowed(t, (struct gate_caller){.session = &session}, action, resource, NULL);
}

/* ---- roles that must trust the service ---- */

/* `source`: start of the resource in aws:SourceArn, `member`: the member with its name; NULL: no source ARN
 * is known. */
static const struct {
    const char *service, *operations, *principal, *code, *message, *source, *member;
} trusting[] = {
    {"lambda", "CreateFunction UpdateFunctionConfiguration", "lambda.amazonaws.com",
        "InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda.",
        "function:", "FunctionName"},
    {"glue", "CreateJob UpdateJob", "glue.amazonaws.com", "InvalidInputException",
        "Role should be given assume role permissions for Glue Service.", NULL, NULL},
    {"glue", "CreateCrawler UpdateCrawler", "glue.amazonaws.com", "InvalidInputException",
        "Service is unable to assume provided role. Please verify role's TrustPolicy", NULL, NULL},
    {"states", "CreateStateMachine", "states.amazonaws.com", "AccessDeniedException",
        "Neither the global service principal states.amazonaws.com, nor the regional one is authorized to "
        "assume the provided role.",
        "stateMachine:", "name"},
    {"states", "UpdateStateMachine", "states.amazonaws.com", "AccessDeniedException",
        "Neither the global service principal states.amazonaws.com, nor the regional one is authorized to "
        "assume the provided role.",
        "", "stateMachineArn"},
    {"scheduler", "CreateSchedule UpdateSchedule", "scheduler.amazonaws.com", "ValidationException",
        "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.",
        "schedule-group/", "GroupName"},
    {"events", "PutTargets", "events.amazonaws.com", "ValidationException",
        "Provided role cannot be assumed by principal 'events.amazonaws.com'.", "rule/", "Rule"},
    {"firehose", "CreateDeliveryStream", "firehose.amazonaws.com", "InvalidArgumentException",
        "Firehose is unable to assume role. Please check the role provided.", "deliverystream/",
        "DeliveryStreamName"},
};

/* Returns aws:SourceArn: "arn:aws:states:us-east-1:123456789012:stateMachine:nightly" */
static struct str trust_source(const struct precheck *t, size_t which)
{
    const char *source = trusting[which].source;
    struct str named = source ? text_at(t, trusting[which].member) : STR_EMPTY, bus = STR_EMPTY;
    if (!source || str_starts(named, STR("arn:")))
        return named;
    if (str_eqz(t->request->service, "scheduler") && !named.n)
        named = STR("default");
    if (str_eqz(t->request->service, "events"))
        bus = str_last_part(text_at(t, "EventBusName"), "/");
    if (bus.n && !str_eqz(bus, "default"))
        named = arena_printf(t->arena, "%.*s/%.*s", STR_ARG(bus), STR_ARG(named));
    return arena_printf(t->arena, "arn:aws:%s:%.*s:%.*s:%s%.*s", trusting[which].service,
        STR_ARG(t->request->region), STR_ARG(sandbox_account(t->gate->sandbox)), source, STR_ARG(named));
}

/* True for one of these operations (separated by spaces). */
static bool is_for(const struct gate_request *request, const char *service, const char *operations)
{
    return str_eqz(request->service, service) && str_is_any(request->operation, operations);
}

/* Checks the trust policies of the passed roles, also for the account's root user. */
static int try_trust(const struct precheck *t)
{
    const struct gate_request *request = t->request;
    for (size_t i = 0; i < sizeof trusting / sizeof *trusting; i++) {
        if (!is_for(request, trusting[i].service, trusting[i].operations))
            continue;
        size_t n;
        struct str to;
        struct control_record known;
        const struct str *roles = passed_roles(t->gate, t->arena, request, &n, &to);
        for (size_t k = 0; k < n; k++)
            if (control_find(t->gate->control, t->arena, STR("aws.iam.role"), STR_EMPTY,
                    str_last_part(roles[k], "/"), &known) &&
                !gate_trusts(t->gate, t->arena, roles[k], str_z(trusting[i].principal), trust_source(t, i)))
                return service_refuse(t->err, 400, trusting[i].code, "%s", trusting[i].message);
    }
    return 0;
}

/* ---- Lambda: permissions of the function's role ---- */

/* Accepts a name, an ARN or a partial ARN, with or without a version. */
static struct str function_name(struct str reference)
{
    static const struct str mark = STR_INIT("function:");
    ptrdiff_t at = str_find(reference, mark, 0);
    struct str rest;
    return str_cut(at < 0 ? reference : str_slice(reference, (size_t)at + mark.n, reference.n), ':', &rest);
}

/* Returns the role of the request or of the existing function. */
static struct str function_role(const struct precheck *t)
{
    struct control_record function;
    struct str role = text_at(t, "Role");
    if (!role.n && is_known(t, "aws.lambda.function", function_name(text_at(t, "FunctionName")), &function))
        role = value_gets(function.attrs, "role");
    return role;
}

static int function_may(const struct precheck *t, const char *action, struct str resource, const char *of)
{
    if (role_may(t, function_role(t), action, resource))
        return 0;
    return service_refuse(t->err, 400, "InvalidParameterValueException",
        "The provided execution role does not have permissions to call %s on %s", strchr(action, ':') + 1,
        of);
}

static int64_t number_in(
    const struct precheck *t, const struct value *attrs, const char *name, int64_t fallback)
{
    int64_t number;
    struct str text = value_scalar_text(t->arena, value_getz(attrs, name));
    return str_to_int(text, &number) ? number : fallback;
}

/* Refuses a visibility timeout below the function's timeout: a message would be processed twice. */
static int try_visibility(const struct precheck *t, struct str source)
{
    struct control_record queue, function;
    if (!is_known(t, "aws.sqs.queue", source, &queue) ||
        !is_known(t, "aws.lambda.function", function_name(text_at(t, "FunctionName")), &function))
        return 0;
    int64_t hidden_s = number_in(t, queue.attrs, "visibility_timeout", 30),
            timeout_s = number_in(t, function.attrs, "timeout", 3);
    if (hidden_s >= timeout_s)
        return 0;
    return service_refuse(t->err, 400, "InvalidParameterValueException",
        "Queue visibility timeout: %lld seconds is less than Function timeout: %lld seconds",
        (long long)hidden_s, (long long)timeout_s);
}

static int try_source(const struct precheck *t)
{
    static const char *const streams[][3] = {
        {"kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:DescribeStream"},
        {"dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DescribeStream"}};
    struct str source = text_at(t, "EventSourceArn"), service = service_of_arn(source);
    if (str_eqz(service, "sqs"))
        return function_may(t, "sqs:ReceiveMessage", source, "SQS") ||
                       function_may(t, "sqs:DeleteMessage", source, "SQS") ||
                       function_may(t, "sqs:GetQueueAttributes", source, "SQS") || try_visibility(t, source)
                   ? -1
                   : 0;
    if (!str_eqz(service, "kinesis") && !str_eqz(service, "dynamodb"))
        return 0;
    struct str role = function_role(t);
    for (size_t i = 0; i < 3; i++)
        if (!role_may(t, role, streams[str_eqz(service, "dynamodb")][i], source))
            return service_refuse(t->err, 400, "InvalidParameterValueException",
                "Cannot access stream %.*s. Please ensure the role can perform the GetRecords, "
                "GetShardIterator, "
                "DescribeStream, ListShards, and ListStreams Actions on your stream in IAM.",
                STR_ARG(source));
    return 0;
}

static int try_destination(const struct precheck *t, const char *path)
{
    static const char *const kinds[][3] = {{"sqs", "sqs:SendMessage", "SQS"}, {"sns", "sns:Publish", "SNS"},
        {"lambda", "lambda:InvokeFunction", "Lambda"}, {"events", "events:PutEvents", "EventBridge"}};
    struct str to = text_at(t, path), service = service_of_arn(to);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (str_eqz(service, kinds[i][0]))
            return function_may(t, kinds[i][1], to, kinds[i][2]);
    return 0;
}

static int try_invoke_config(const struct precheck *t)
{
    return try_destination(t, "DestinationConfig.OnFailure.Destination") ||
                   try_destination(t, "DestinationConfig.OnSuccess.Destination")
               ? -1
               : 0;
}

/* Checks that the deployment package exists in S3. */
static int try_code(const struct precheck *t, const char *bucket_at, const char *key_at)
{
    struct str bucket = text_at(t, bucket_at), key = text_at(t, key_at);
    if (!bucket.n || !key.n)
        return 0;
    struct object object;
    struct s3_store *store = sandbox_store(t->gate->sandbox);
    bool there = store_bucket_exists(store, bucket);
    const char *code = there ? "NoSuchKey" : "NoSuchBucket",
               *says = there ? "The specified key does not exist." : "The specified bucket does not exist";
    if (there && store_object_read(t->arena, store, bucket, key, STR_EMPTY, false, &object) == STORE_OK &&
        !object.deleted)
        return 0;
    return service_refuse(t->err, 400, "InvalidParameterValueException",
        "Error occurred while GetObject. S3 Error Code: %s. S3 Error Message: %s", code, says);
}

static int try_new_code(const struct precheck *t)
{
    return try_code(t, "S3Bucket", "S3Key");
}

static int try_layer(const struct precheck *t)
{
    return try_code(t, "Content.S3Bucket", "Content.S3Key");
}

static int try_function(const struct precheck *t)
{
    if (try_code(t, "Code.S3Bucket", "Code.S3Key"))
        return -1;
    const struct value *subnets = wire_path(t->arena, t->request->input, STR("VpcConfig.SubnetIds[]"));
    if (subnets && subnets->count && function_may(t, "ec2:CreateNetworkInterface", STR("*"), "EC2"))
        return -1;
    return try_destination(t, "DeadLetterConfig.TargetArn");
}

/* ---- CloudWatch Logs ---- */

static int try_filter(const struct precheck *t)
{
    struct str to = text_at(t, "destinationArn"), role = text_at(t, "roleArn"), service = service_of_arn(to),
               account = sandbox_account(t->gate->sandbox);
    struct str group = arena_printf(t->arena, "arn:aws:logs:%.*s:%.*s:log-group:%.*s:*",
        STR_ARG(t->request->region), STR_ARG(account), STR_ARG(text_at(t, "logGroupName")));
    if (str_eqz(service, "lambda") && !str_eq(str_part(to, ':', 4), account))
        return service_refuse(t->err, 400, "AccessDeniedException",
            "Cross-account lambda invocation passing is not allowed. You must use DestinationPolicies to "
            "create cross account lambda triggers.");
    if (str_eqz(service, "lambda") &&
        !service_may(t, "logs.amazonaws.com", group, "lambda:InvokeFunction", to))
        return service_refuse(t->err, 400, "InvalidParameterException",
            "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to "
            "execute your function.");
    if (str_eqz(service, "kinesis") && !role_may(t, role, "kinesis:PutRecord", to))
        return service_refuse(t->err, 400, "InvalidParameterException",
            "Could not deliver test message to specified Kinesis stream. Check if the given kinesis stream "
            "is in "
            "ACTIVE state.");
    if (str_eqz(service, "firehose") && !role_may(t, role, "firehose:PutRecord", to))
        return service_refuse(t->err, 400, "InvalidParameterException",
            "Could not deliver test message to specified Firehose stream. Check if the given Firehose stream "
            "is in "
            "ACTIVE state.");
    return 0;
}

/* ---- CloudTrail: bucket policy ---- */

static int try_trail(const struct precheck *t)
{
    struct str bucket = text_at(t, "S3BucketName"), prefix = text_at(t, "S3KeyPrefix"),
               account = sandbox_account(t->gate->sandbox), name = text_at(t, "Name");
    if (!bucket.n)
        return 0;
    struct str trail = str_starts(name, STR("arn:"))
                           ? name
                           : arena_printf(t->arena, "arn:aws:cloudtrail:%.*s:%.*s:trail/%.*s",
                                 STR_ARG(t->request->region), STR_ARG(account), STR_ARG(name));
    struct str arn = arena_printf(t->arena, "arn:aws:s3:::%.*s", STR_ARG(bucket));
    struct str logs = arena_printf(t->arena, "%.*s/%.*s%sAWSLogs/%.*s/CloudTrail", STR_ARG(arn),
        STR_ARG(prefix), prefix.n ? "/" : "", STR_ARG(account));
    const struct gate_caller who = {.service = STR("cloudtrail.amazonaws.com"), .source_arn = trail};
    struct value_entry acl = {STR("s3:x-amz-acl"), value_stringz(t->arena, "bucket-owner-full-control")};
    if (is_allowed(t, who, "s3:GetBucketAcl", arn, NULL) &&
        is_allowed(t, who, "s3:PutObject", logs, value_map(t->arena, &acl, 1)))
        return 0;
    return service_refuse(t->err, 400, "InsufficientS3BucketPolicyException",
        "Incorrect S3 bucket policy is detected for bucket: %.*s", STR_ARG(bucket));
}

/* ---- CloudWatch Logs: bucket policy for exports ---- */

static int try_export(const struct precheck *t)
{
    static const struct {
        const char *name, *of;
    } needed[] = {{"GetBucketAcl", ""}, {"PutObject", "/aws-logs-write-test"}};
    struct str bucket = text_at(t, "destination"), prefix = text_at(t, "destinationPrefix"),
               region = t->request->region, account = sandbox_account(t->gate->sandbox);
    if (!bucket.n)
        return 0;
    const char *service = arena_printf(t->arena, "logs.%.*s.amazonaws.com", STR_ARG(region)).p;
    struct str source = arena_printf(t->arena, "arn:aws:logs:%.*s:%.*s:log-group:%.*s", STR_ARG(region),
        STR_ARG(account), STR_ARG(text_at(t, "logGroupName")));
    prefix = prefix.n ? prefix : STR("exportedlogs");
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        struct str on = arena_printf(t->arena, "arn:aws:s3:::%.*s%s%.*s%s", STR_ARG(bucket),
            *needed[i].of ? "/" : "", (int)(*needed[i].of ? prefix.n : 0), prefix.p, needed[i].of);
        if (!service_may(t, service, source, arena_printf(t->arena, "s3:%s", needed[i].name).p, on))
            return service_refuse(t->err, 400, "InvalidParameterException",
                "%s call on the given bucket failed. Please check if CloudWatch Logs has been granted "
                "permission to perform this operation.",
                needed[i].name);
    }
    return 0;
}

/* ---- Step Functions: permissions of the state machine's role ---- */

static struct str machine_role(const struct precheck *t)
{
    struct control_record machine;
    struct str role = text_at(t, "roleArn");
    if (!role.n && is_known(t, "aws.stepfunctions.state_machine", text_at(t, "stateMachineArn"), &machine))
        role = value_gets(machine.attrs, "role");
    return role;
}

static bool machine_may_log(const struct precheck *t, struct str role)
{
    static const char *const needed[] = {"logs:CreateLogDelivery", "logs:GetLogDelivery",
        "logs:UpdateLogDelivery", "logs:DeleteLogDelivery", "logs:ListLogDeliveries",
        "logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups"};
    struct str level = text_at(t, "loggingConfiguration.level");
    for (size_t i = 0; level.n && !str_eqz(level, "OFF") && i < sizeof needed / sizeof *needed; i++)
        if (!role_may(t, role, needed[i], STR("*")))
            return false;
    return true;
}

/* A .sync task needs events, which a managed rule of the service delivers. */
static bool machine_may_wait(const struct precheck *t, struct str role)
{
    static const char *const waits[][2] = {{":::ecs:runTask.sync", "StepFunctionsGetEventsForECSTaskRule"},
        {":::batch:submitJob.sync", "StepFunctionsGetEventsForBatchJobsRule"},
        {":::states:startExecution.sync", "StepFunctionsGetEventsForStepFunctionsExecutionRule"},
        {":::emr-serverless:startJobRun.sync", "StepFunctionsGetEventsForEMRServerlessJobRule"},
        {":::elasticmapreduce:createCluster.sync", "StepFunctionsGetEventForEMRRunJobFlowRule"},
        {":::elasticmapreduce:addStep.sync", "StepFunctionsGetEventForEMRAddJobFlowStepsRule"}};
    static const char *const needed[] = {"events:PutTargets", "events:PutRule", "events:DescribeRule"};
    struct str definition = text_at(t, "definition"), account = sandbox_account(t->gate->sandbox);
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        struct str rule = arena_printf(t->arena, "arn:aws:events:%.*s:%.*s:rule/%s",
            STR_ARG(t->request->region), STR_ARG(account), waits[i][1]);
        for (size_t k = 0; str_find(definition, str_z(waits[i][0]), 0) >= 0 && k < 3; k++)
            if (!role_may(t, role, needed[k], rule))
                return false;
    }
    return true;
}

/* Returns the error if logging is on without exactly one existing destination, or NULL. */
static const char *wrong_logging(const struct precheck *t)
{
    struct control_record group;
    const struct value *logging = value_getz(t->request->input, "loggingConfiguration");
    const struct value *destinations = value_as_list(value_getz(logging, "destinations"));
    struct str level = value_gets(logging, "level");
    if (destinations->count > 1 || (level.n && !str_eqz(level, "OFF") && !destinations->count))
        return "Must specify exactly one Log Destination.";
    for (uint32_t i = 0; i < destinations->count; i++) {
        struct str arn =
            value_gets(value_getz(destinations->items[i], "cloudWatchLogsLogGroup"), "logGroupArn");
        struct str name = str_part(arn, ':', 6);
        if (name.n && !is_known(t, "aws.logs.log_group", name, &group))
            return "Log Destination not found.";
    }
    return NULL;
}

static int try_machine(const struct precheck *t)
{
    struct str role = machine_role(t);
    const char *wrong = wrong_logging(t);
    if (wrong)
        return service_refuse(
            t->err, 400, "InvalidLoggingConfiguration", "Invalid Logging Configuration: %s", wrong);
    if (!machine_may_log(t, role))
        return service_refuse(t->err, 400, "AccessDeniedException",
            "The state machine IAM Role is not authorized to access the Log Destination");
    if (!machine_may_wait(t, role))
        return service_refuse(t->err, 400, "AccessDeniedException",
            "'%.*s' is not authorized to create managed-rule.", STR_ARG(role));
    return 0;
}

/* ---- Firehose, Secrets Manager ---- */

static int try_stream(const struct precheck *t)
{
    static const char *const needed[] = {
        "kinesis:DescribeStream", "kinesis:GetShardIterator", "kinesis:GetRecords"};
    struct str stream = text_at(t, "KinesisStreamSourceConfiguration.KinesisStreamARN"),
               role = text_at(t, "KinesisStreamSourceConfiguration.RoleARN");
    for (size_t i = 0; stream.n && i < sizeof needed / sizeof *needed; i++)
        if (!role_may(t, role, needed[i], stream))
            return service_refuse(t->err, 400, "InvalidArgumentException",
                "Role %.*s is not authorized to perform: %s on resource %.*s.", STR_ARG(role), needed[i],
                STR_ARG(stream));
    return 0;
}

static int try_rotation(const struct precheck *t)
{
    struct control_record known;
    struct str function = text_at(t, "RotationLambdaARN"), secret = text_at(t, "SecretId");
    if (!function.n ||
        (is_known(t, "aws.lambda.function", function_name(function), &known) &&
            service_may(t, "secretsmanager.amazonaws.com", secret, "lambda:InvokeFunction", function)))
        return 0;
    return service_refuse(t->err, 400, "AccessDeniedException",
        "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants "
        "access to the principal secretsmanager.amazonaws.com.");
}

/* ---- KMS: lockout safety check ---- */

static bool policy_lets(const struct iam_policy *policy, const struct iam_principal *who)
{
    const struct iam_attached attached = {IAM_RESOURCE, policy};
    const struct iam_request request = {
        .who = *who, .action = STR("kms:PutKeyPolicy"), .resource = STR("*"), .context = &value_empty_map};
    return iam_decide(&request, &attached, 1, IAM_EITHER).allowed;
}

static struct iam_principal caller_of(const struct precheck *t, struct iam_principal root)
{
    struct control_record role;
    const struct session *who = t->request->who.session;
    struct iam_principal caller = root;
    if (!session_is_limited(who))
        return root;
    caller.arn = who->role.n ? session_arn(t->arena, root.account, who)
                             : arena_printf(t->arena, "arn:aws:iam::%.*s:user/%.*s", STR_ARG(root.account),
                                   STR_ARG(who->user));
    if (who->role.n &&
        control_find(t->gate->control, t->arena, STR("aws.iam.role"), STR_EMPTY, who->role, &role))
        caller.role_arn = value_gets(role.attrs, "arn");
    return caller;
}

static int try_key_policy(const struct precheck *t)
{
    const struct iam_policy *policy;
    const struct value *input = t->request->input, *document = value_getz(input, "Policy");
    struct iam_principal root = {.account = sandbox_account(t->gate->sandbox)};
    root.arn = arena_printf(t->arena, "arn:aws:iam::%.*s:root", STR_ARG(root.account));
    const struct iam_principal caller = caller_of(t, root);
    if (value_is_null(document) || value_getb(input, "BypassPolicyLockoutSafetyCheck") ||
        iam_policy_read(t->arena, document, STR_EMPTY, &policy, ERR_IGNORED) || policy_lets(policy, &root) ||
        policy_lets(policy, &caller))
        return 0;
    return service_refuse(t->err, 400, "MalformedPolicyDocumentException",
        "The new key policy will not allow you to update the key policy in the future.");
}

/* ---- table ---- */

static const struct {
    const char *service, *operations;
    int (*run)(const struct precheck *);
} prechecks[] = {
    {"lambda", "CreateEventSourceMapping", try_source},
    {"lambda", "PutFunctionEventInvokeConfig UpdateFunctionEventInvokeConfig", try_invoke_config},
    {"lambda", "CreateFunction UpdateFunctionConfiguration", try_function},
    {"lambda", "UpdateFunctionCode", try_new_code},
    {"lambda", "PublishLayerVersion", try_layer},
    {"kms", "CreateKey PutKeyPolicy", try_key_policy},
    {"logs", "PutSubscriptionFilter", try_filter},
    {"logs", "CreateExportTask", try_export},
    {"cloudtrail", "CreateTrail UpdateTrail", try_trail},
    {"states", "CreateStateMachine UpdateStateMachine", try_machine},
    {"firehose", "CreateDeliveryStream", try_stream},
    {"secretsmanager", "RotateSecret", try_rotation},
};

int prechecks_of(struct gate *gate, struct arena *arena, const struct gate_request *request, struct err *err)
{
    const struct precheck t = {gate, arena, request, err};
    if (try_trust(&t))
        return -1;
    for (size_t i = 0; i < sizeof prechecks / sizeof *prechecks; i++)
        if (is_for(request, prechecks[i].service, prechecks[i].operations))
            return prechecks[i].run(&t);
    return 0;
}

bool gate_lets_notify(struct gate *gate, struct arena *arena, const struct gate_notice *notice)
{
    static const char *const kinds[][2] = {
        {"sqs", "sqs:SendMessage"}, {"sns", "sns:Publish"}, {"lambda", "lambda:InvokeFunction"}};
    const struct gate_request request = {.region = notice->region};
    const struct precheck t = {.gate = gate, .arena = arena, .request = &request};
    struct str service = service_of_arn(notice->to);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (str_eqz(service, kinds[i][0]))
            return gate_is_open(gate) ||
                   service_may(&t, notice->service, notice->source, kinds[i][1], notice->to);
    return true;
}
