/* Keys of KMS behind other resources: who reads an encrypted object, or sends to an encrypted queue, has to
 * be allowed what the service does with its key for him. */
#include "sandbox/iam/internal.h"

#include <stdio.h>

static int refuse_key(struct err *err, const char *code, struct str key, const char *why)
{
    err_set(err, ERR_SERVICE, "%.*s %s", STR_ARG(key), why);
    if (err) {
        err->http_status = 400;
        snprintf(err->code, sizeof err->code, "%s", code);
    }
    return -1;
}

/* alias/aws/s3 and its kin. Their policies let in whoever of the account may use the service, and no service.
 */
static bool is_aws_managed(struct str key)
{
    return str_find(key, STR("alias/aws/"), 0) >= 0;
}

/* By id, ARN or alias. */
static bool find_key(
    struct gate *gate, struct arena *arena, struct str region, struct str key, struct control_record *out)
{
    struct control_record alias;
    ptrdiff_t at = str_find(key, STR(":alias/"), 0);
    struct str name = at >= 0 ? str_slice(key, (size_t)at + 1, key.n) : key;
    if (str_starts(name, STR("alias/")) &&
        control_find(gate->control, arena, STR("aws.kms.alias"), region, name, &alias))
        key = value_gets(alias.attrs, "key");
    return control_find(gate->control, arena, STR("aws.kms.key"), region, key, out);
}

/* What KMS's conditions look at, of a call that a service makes for somebody. */
static const struct value *context_of_use(
    struct gate *gate, struct arena *arena, const struct gate_key_use *use, const char *via)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    value_builder_set(&b, STR("kms:viaservice"),
        value_string(arena, arena_printf(arena, "%s.%.*s.amazonaws.com", via, STR_ARG(use->region))));
    value_builder_set(&b, STR("kms:calleraccount"), value_string_ref(arena, sandbox_account(gate->sandbox)));
    value_builder_set(&b, STR("aws:viaawsservice"), value_stringz(arena, "true"));
    if (use->about_name) {
        const struct value *name = value_stringz(arena, use->about_name);
        value_builder_set(&b, arena_printf(arena, "kms:encryptioncontext:%s", use->about_name),
            value_string_ref(arena, use->about));
        value_builder_set(&b, STR("kms:encryptioncontextkeys"), value_list(arena, &name, 1));
    }
    return value_builder_map(&b);
}

int gate_check_key(
    struct gate *gate, struct arena *arena, const struct gate_key_use *use, struct str *arn, struct err *err)
{
    struct control_record key;
    *arn = use->key;
    if (gate_is_open(gate) || is_aws_managed(use->key))
        return 0;
    if (!find_key(gate, arena, use->region, use->key, &key))
        return refuse_key(err, "KMS.NotFoundException", arena_printf(arena, "Key '%.*s'", STR_ARG(use->key)),
            "does not exist");
    *arn = value_gets(key.attrs, "arn");
    if (!value_is_null(value_getz(key.attrs, "deletion_date")))
        return refuse_key(err, "KMS.KMSInvalidStateException", *arn, "is pending deletion.");
    if (value_equal(value_getz(key.attrs, "enabled"), &value_false))
        return refuse_key(err, "KMS.DisabledException", *arn, "is disabled.");
    const struct gate_action asked = {.who = use->who,
        .service = STR("kms"),
        .action = str_z(use->action),
        .resource = *arn,
        .region = use->region,
        .context = context_of_use(gate, arena, use, use->via)};
    return gate_check_action(gate, arena, &asked, err);
}

/* ---- operations on what is encrypted ---- */

/* Whose key it is, and how the service says that it may not be used; no message: in KMS's own words. */
static const struct kept {
    const char *service, *type, *member, *attribute, *asked, *about_name, *code, *message;
} kept[] = {
    {"secretsmanager", "aws.secretsmanager.secret", "SecretId", "kms_key", "KmsKeyId", "SecretARN",
        "AccessDeniedException", "Access to KMS is not allowed"},
    {"sqs", "aws.sqs.queue", "QueueUrl", "kms_key", NULL, NULL, "KMS.AccessDeniedException", NULL},
    {"sns", "aws.sns.topic", "TopicArn", "kms_key", NULL, NULL, "KMSAccessDenied", NULL},
    {"ssm", "aws.ssm.parameter", "Name", "kms_key", "KeyId", "PARAMETER_ARN", "AccessDeniedException", NULL},
};

static const struct {
    const char *service, *operation, *actions;
    const char *only; /* a member without which the key is not used */
} uses[] = {
    {"secretsmanager", "GetSecretValue", "kms:Decrypt", NULL},
    {"secretsmanager", "CreateSecret", "kms:GenerateDataKey,kms:Decrypt", "KmsKeyId"},
    {"secretsmanager", "PutSecretValue", "kms:GenerateDataKey,kms:Decrypt", NULL},
    {"sqs", "SendMessage", "kms:GenerateDataKey,kms:Decrypt", NULL},
    {"sqs", "SendMessageBatch", "kms:GenerateDataKey,kms:Decrypt", NULL},
    {"sqs", "ReceiveMessage", "kms:Decrypt", NULL},
    {"sns", "Publish", "kms:GenerateDataKey,kms:Decrypt", NULL},
    {"sns", "PublishBatch", "kms:GenerateDataKey,kms:Decrypt", NULL},
    {"ssm", "GetParameter", "kms:Decrypt", "WithDecryption"},
    {"ssm", "GetParameters", "kms:Decrypt", "WithDecryption"},
    {"ssm", "PutParameter", "kms:Encrypt", "KeyId"},
};

static const struct kept *kept_of(struct str service)
{
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (str_eqz(service, kept[i].service))
            return &kept[i];
    return NULL;
}

static bool is_given(const struct value *v)
{
    return !value_is_null(v) && !value_equal(v, &value_false) &&
           !(v->kind == VALUE_STRING && str_eqz(v->string, "false"));
}

/* The key of what the request names `name`; "" where it has none of its own. A service is let in by no key of
 * AWS's. */
static struct str key_of_resource(struct gate *gate, struct arena *arena, const struct gate_request *request,
    const struct kept *of, struct str name, struct str *arn)
{
    struct control_record resource;
    ptrdiff_t at = str_find(name, STR("://"), 0);
    struct str id = at >= 0 ? role_name(name) : name; /* a queue's address ends with its name */
    if (!id.n || !control_find(gate->control, arena, str_z(of->type), request->region, id, &resource))
        return STR_EMPTY;
    *arn = value_gets(resource.attrs, "arn");
    return value_gets(resource.attrs, of->attribute);
}

static int ask_key(struct gate *gate, struct arena *arena, const struct gate_request *request,
    const struct kept *of, const char *actions, struct str name, struct err *err)
{
    struct str about = STR_EMPTY, arn, names = str_z(actions);
    struct str key = of->asked ? value_gets(request->input, of->asked) : STR_EMPTY;
    if (!key.n)
        key = key_of_resource(gate, arena, request, of, name, &about);
    if (key.n && is_aws_managed(key) && !request->who.session)
        return refuse_key(err, of->code, key, "may be used by nobody but principals of the account");
    while (key.n && names.n) {
        const struct gate_key_use use = {.who = request->who,
            .action = arena_strz(arena, str_cut(names, ',', &names)),
            .key = key,
            .region = request->region,
            .via = of->service,
            .about_name = about.n ? of->about_name : NULL,
            .about = about};
        if (!gate_check_key(gate, arena, &use, &arn, err))
            continue;
        if (err && str_eqz(str_z(err->code), "AccessDeniedException")) {
            snprintf(err->code, sizeof err->code, "%s", of->code);
            if (of->message)
                snprintf(err->message, sizeof err->message, "%s", of->message);
        }
        return -1;
    }
    return 0;
}

int keys_ask(struct gate *gate, struct arena *arena, const struct gate_request *request, struct err *err)
{
    const struct kept *of = kept_of(request->service);
    for (size_t i = 0; of && i < sizeof uses / sizeof *uses; i++) {
        if (!str_eqz(request->service, uses[i].service) || !str_eqz(request->operation, uses[i].operation) ||
            (uses[i].only && !is_given(value_getz(request->input, uses[i].only))))
            continue;
        const struct value *names = value_getz(request->input, "Names");
        for (uint32_t k = 0; names && names->kind == VALUE_LIST && k < names->count; k++)
            if (ask_key(
                    gate, arena, request, of, uses[i].actions, value_text(names->items[k], STR_EMPTY), err))
                return -1;
        return ask_key(
            gate, arena, request, of, uses[i].actions, value_gets(request->input, of->member), err);
    }
    return 0;
}
