/* Resource policies. */
#include "sandbox/iam/internal.h"

#include "base/json.h"
#include "base/mem.h"
#include "sandbox/s3/store.h"

#include <stdlib.h>

/* The types with a resource policy, and its attribute. */
static const struct {
    const char *service, *mark, *type, *attribute;
    enum iam_rule rule;
} kinds[] = {
    {"sqs", "", "aws.sqs.queue", "policy", IAM_EITHER},
    {"sns", "", "aws.sns.topic", "policy", IAM_EITHER},
    {"secretsmanager", ":secret:", "aws.secretsmanager.secret", "policy", IAM_EITHER},
    {"kms", ":key/", "aws.kms.key", "policy", IAM_RESOURCE_FIRST},
    {"ecr", ":repository/", "aws.ecr.repository", "policy", IAM_EITHER},
    {"events", ":event-bus/", "aws.events.event_bus", "policy", IAM_EITHER},
    {"kinesis", ":stream/", "aws.kinesis.stream", "policy", IAM_EITHER},
    {"sts", ":role/", "aws.iam.role", "assume_role_policy", IAM_RESOURCE_FIRST},
};

struct parsed {
    struct arena arena;
    const struct iam_policy *policy; /* NULL: invalid */
};

/* Returns a parsed policy, cached by its text until the gate is freed: resource policies are few and change
 * rarely. */
static const struct iam_policy *parsed_policy(struct gate *gate, struct str text, struct str name)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&gate->lock);
    struct parsed *kept = map_get(&gate->documents, text);
    if (!kept) {
        kept = mem_zalloc(sizeof *kept);
        struct str copy = arena_str(&kept->arena, text);
        if (iam_policy_read(
                &kept->arena, value_string_ref(&kept->arena, copy), name, &kept->policy, ERR_IGNORED))
            kept->policy = NULL;
        map_set(&gate->documents, copy, kept);
    }
    return kept->policy;
}

void resource_forget_all(struct gate *gate)
{
    for (size_t i = 0; i < gate->documents.n; i++) {
        struct parsed *kept = gate->documents.items[i].ptr;
        arena_release(&kept->arena);
        free(kept);
    }
    map_release(&gate->documents);
}

static const struct iam_policy *policy_of_value(
    struct gate *gate, struct arena *arena, const struct value *document, struct str name)
{
    if (value_is_null(document))
        return NULL;
    struct str text =
        document->kind == VALUE_STRING ? document->string : json_as_text(arena, document)->string;
    return text.n ? parsed_policy(gate, text, name) : NULL;
}

/* ---- buckets ---- */

static const struct iam_policy *bucket_policy(struct gate *gate, struct arena *arena, struct str arn)
{
    static const struct str before = STR_INIT("arn:aws:s3:::");
    struct str rest, text;
    if (!str_starts(arn, before))
        return NULL;
    struct str bucket = str_cut(str_slice(arn, before.n, arn.n), '/', &rest);
    if (!store_setting(arena, sandbox_store(gate->sandbox), bucket, STR("policy"), &text))
        return NULL;
    return parsed_policy(gate, text, arena_printf(arena, "bucket %.*s", STR_ARG(bucket)));
}

/* ---- functions: permissions added by AddPermission ---- */

static const struct value *with_condition(
    struct arena *arena, const struct value *conditions, const char *key, struct str text)
{
    return text.n ? value_with(arena, conditions, str_z(key), value_string(arena, text)) : conditions;
}

const struct value *gate_principal(struct arena *arena, struct str who)
{
    int64_t account;
    bool service = str_ends(who, STR(".amazonaws.com"));
    if (str_eqz(who, "*"))
        return value_string(arena, who);
    if (str_to_int(who, &account))
        who = arena_printf(arena, "arn:aws:iam::%.*s:root", STR_ARG(who));
    return VALUE_MAP(arena, {service ? STR("Service") : STR("AWS"), value_string(arena, who)});
}

const struct value *gate_function_statement(
    struct arena *arena, const struct control_record *permission, struct str arn)
{
    const struct value *attrs = permission->attrs, *kept = value_getz(attrs, "=kept");
    const struct value *like = with_condition(arena, NULL, "AWS:SourceArn", value_gets(attrs, "source_arn"));
    const struct value *equals =
        with_condition(arena, NULL, "AWS:SourceAccount", value_gets(attrs, "source_account"));
    equals = with_condition(arena, equals, "lambda:FunctionUrlAuthType", value_gets(kept, "url_auth_type"));
    equals = with_condition(arena, equals, "aws:PrincipalOrgID", value_gets(kept, "organization"));
    equals = with_condition(arena, equals, "lambda:EventSourceToken", value_gets(kept, "token"));
    AUTO_BUILDER struct value_builder conditions = VALUE_BUILDER(arena);
    if (equals)
        value_builder_set(&conditions, STR("StringEquals"), equals);
    if (like)
        value_builder_set(&conditions, STR("ArnLike"), like);
    const struct value *statement =
        VALUE_MAP(arena, {STR("Sid"), value_string(arena, value_gets(attrs, "statement_id"))},
            {STR("Effect"), value_stringz(arena, "Allow")},
            {STR("Principal"), gate_principal(arena, value_gets(attrs, "principal"))},
            {STR("Action"), value_string(arena, value_gets(attrs, "action"))},
            {STR("Resource"), value_string(arena, arn)});
    return equals || like ? value_with(arena, statement, STR("Condition"), value_builder_map(&conditions))
                          : statement;
}

static const struct iam_policy *function_policy(
    struct gate *gate, struct arena *arena, struct str region, struct str arn)
{
    static const struct str mark = STR_INIT(":function:");
    ptrdiff_t at = str_find(arn, mark, 0);
    struct str rest = STR_EMPTY,
               name = at < 0 ? STR_EMPTY : str_cut(str_slice(arn, (size_t)at + mark.n, arn.n), ':', &rest);
    AUTO_BUILDER struct value_builder statements = VALUE_BUILDER(arena);
    const struct str names[] = {name, arn};
    for (size_t k = 0; name.n && k < 2; k++) {
        size_t n;
        struct control_record *all =
            control_list_having(gate->control, arena, STR("aws.lambda.permission"), region, names[k], &n);
        for (size_t i = 0; i < n; i++)
            if (str_eq(value_gets(all[i].attrs, "function"), names[k]) &&
                (k || str_eq(value_gets(all[i].attrs, "qualifier"), rest)))
                value_builder_add(&statements, gate_function_statement(arena, &all[i], arn));
    }
    struct value_entry document[] = {{STR("Version"), value_stringz(arena, "2012-10-17")},
        {STR("Statement"), value_builder_list(&statements)}};
    return document[1].value->count ? policy_of_value(gate, arena, value_map(arena, document, 2), name)
                                    : NULL;
}

/* ---- log groups: all resource policies of the region apply ---- */

static void add_statements(
    struct value_builder *statements, struct arena *arena, const struct value *document)
{
    if (document && document->kind == VALUE_STRING &&
        json_parse(arena, document->string, &document, ERR_IGNORED))
        return;
    const struct value *own = value_getz(document, "Statement");
    if (own && own->kind == VALUE_MAP)
        value_builder_add(statements, own);
    for (uint32_t i = 0; own && own->kind == VALUE_LIST && i < own->count; i++)
        value_builder_add(statements, own->items[i]);
}

static const struct iam_policy *logs_policy(struct gate *gate, struct arena *arena, struct str region)
{
    size_t n;
    struct control_record *all =
        control_list(gate->control, arena, STR("aws.logs.resource_policy"), region, &n);
    AUTO_BUILDER struct value_builder statements = VALUE_BUILDER(arena);
    for (size_t i = 0; i < n; i++)
        add_statements(&statements, arena, value_getz(all[i].attrs, "policy"));
    struct value_entry document[] = {{STR("Version"), value_stringz(arena, "2012-10-17")},
        {STR("Statement"), value_builder_list(&statements)}};
    return document[1].value->count ? policy_of_value(gate, arena, value_map(arena, document, 2), STR("logs"))
                                    : NULL;
}

/* ---- Data Catalog: one policy for all of it ---- */

static const struct iam_policy *catalog_policy(struct gate *gate, struct arena *arena, struct str region)
{
    size_t n;
    struct control_record *all =
        control_list(gate->control, arena, STR("aws.glue.resource_policy"), region, &n);
    return n ? policy_of_value(gate, arena, value_getz(all[0].attrs, "policy"), STR("catalog")) : NULL;
}

/* ---- all services ---- */

struct resource_policy resource_policy_of(
    struct gate *gate, struct arena *arena, struct str service, struct str region, struct str arn)
{
    struct control_record record;
    struct resource_policy out = {NULL, IAM_EITHER};
    if (str_eqz(service, "s3"))
        out.policy = bucket_policy(gate, arena, arn);
    else if (str_eqz(service, "lambda"))
        out.policy = function_policy(gate, arena, region, arn);
    else if (str_eqz(service, "logs"))
        out.policy = logs_policy(gate, arena, region);
    else if (str_eqz(service, "glue"))
        out.policy = catalog_policy(gate, arena, region);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!str_eqz(service, kinds[i].service) || str_find(arn, str_z(kinds[i].mark), 0) < 0 ||
            !control_find(gate->control, arena, str_z(kinds[i].type), region, arn, &record))
            continue;
        out.policy = policy_of_value(gate, arena, value_getz(record.attrs, kinds[i].attribute), arn);
        out.rule = kinds[i].rule;
    }
    return out;
}
