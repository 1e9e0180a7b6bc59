/*
 * The policies of a caller, and KMS keys of other resources: a caller that reads an encrypted object needs
 * the permission for what the service does with its key.
 */
#include "base/embed.h"
#include "base/json.h"
#include "base/mem.h"
#include "sandbox/iam/internal.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- policies of a caller: read at the first call, and again after a change in IAM ---- */

/* ---- managed policies: customer managed, and known AWS managed ones ---- */

static const struct str begin = STR_INIT("arn:aws:iam::aws:policy/");

/* Each line has path and name, a space, and the document. */
static const struct value *aws_document(struct arena *arena, struct str name)
{
    struct str document = embedded_line("sandbox/names/managed_documents.txt", name);
    const struct value *parsed;
    return document.n && !json_parse(arena, document, &parsed, ERR_IGNORED) ? parsed : NULL;
}

const struct value *gate_aws_policy(struct arena *arena, struct str arn)
{
    return str_starts(arn, begin) ? aws_document(arena, str_slice(arn, begin.n, arn.n)) : NULL;
}

/* Returns NULL for an unknown or unreadable policy. */
static const struct value *managed_document(struct gate *gate, struct arena *arena, struct str arn)
{
    struct control_record policy;
    if (str_starts(arn, begin))
        return gate_aws_policy(arena, arn);
    bool found = control_find(gate->control, arena, STR("aws.iam.policy"), STR_EMPTY, arn, &policy);
    return found ? value_getz(policy.attrs, "policy") : NULL;
}

/* ---- all policies of a caller ---- */

struct gathering {
    struct gate *gate;
    struct identity *identity;
    struct iam_attached *items;
    size_t n, cap;
};

static void gather(struct gathering *g, enum iam_kind kind, const struct value *document, struct str name)
{
    struct err err = ERR_INIT;
    const struct iam_policy *policy;
    if (iam_policy_read(&g->identity->arena, document, name, &policy, &err)) {
        fprintf(stderr, "sandbox: policy %.*s of %.*s counts for nothing: %s\n", STR_ARG(name),
            STR_ARG(g->identity->arn), err.message);
        return;
    }
    MEM_GROW(g->items, g->cap, g->n + 1);
    g->items[g->n++] = (struct iam_attached){kind, policy};
}

/* An unknown permissions boundary or session policy does not restrict anything. */
static void gather_managed(struct gathering *g, enum iam_kind kind, struct str arn)
{
    const struct value *document = managed_document(g->gate, &g->identity->arena, arn);
    if (document)
        gather(g, kind, document, arn);
    else
        g->identity->unknown = arena_str(&g->identity->arena, arn);
}

static void gather_record(struct gathering *g, const struct control_record *record)
{
    const struct value *managed = value_getz(record->attrs, "managed_policies");
    const struct value *inlined = value_getz(record->attrs, "policies");
    for (uint32_t i = 0; managed && managed->kind == VALUE_LIST && i < managed->count; i++)
        gather_managed(g, IAM_IDENTITY, value_text(managed->items[i], STR_EMPTY));
    for (uint32_t i = 0; inlined && inlined->kind == VALUE_MAP && i < inlined->count; i++)
        gather(g, IAM_IDENTITY, inlined->entries[i].value, inlined->entries[i].key);
    struct str boundary = value_gets(record->attrs, "permissions_boundary");
    if (boundary.n)
        gather_managed(g, IAM_BOUNDARY, boundary);
}

static void gather_groups(struct gathering *g, const struct control_record *user)
{
    const struct value *groups = value_getz(user->attrs, "groups");
    struct control_record group;
    for (uint32_t i = 0; groups && groups->kind == VALUE_LIST && i < groups->count; i++)
        if (control_find(g->gate->control, &g->identity->arena, STR("aws.iam.group"), STR_EMPTY,
                value_text(groups->items[i], STR_EMPTY), &group))
            gather_record(g, &group);
}

/* Adds the session policies given to AssumeRole. */
static void gather_session(struct gathering *g, const struct session *session)
{
    struct str arns = session->policy_arns;
    if (session->policy.n)
        gather(g, IAM_SESSION, value_string(&g->identity->arena, session->policy), session->name);
    while (arns.n)
        gather_managed(g, IAM_SESSION, arena_str(&g->identity->arena, str_cut(arns, ',', &arns)));
}

static struct identity *identity_new(struct gate *gate, const struct session *session, const char *key)
{
    struct identity *identity = mem_zalloc(sizeof *identity);
    struct gathering g = {.gate = gate, .identity = identity};
    struct control_record record;
    bool user = !session->role.n;
    atomic_init(&identity->references, 1);
    identity->key = mem_strdup(key);
    identity->exists =
        control_find(gate->control, &identity->arena, user ? STR("aws.iam.user") : STR("aws.iam.role"),
            STR_EMPTY, user ? session->user : session->role, &record);
    identity->arn =
        arena_printf(&identity->arena, "arn:aws:iam::%.*s:%s/%.*s", STR_ARG(sandbox_account(gate->sandbox)),
            user ? "user" : "role", STR_ARG(user ? session->user : session->role));
    if (identity->exists) {
        identity->arn = value_gets(record.attrs, "arn");
        identity->unique_id = value_gets(record.attrs, "unique_id");
        identity->tags = value_getz(record.attrs, "tags");
        gather_record(&g, &record);
        if (user)
            gather_groups(&g, &record);
    }
    gather_session(&g, session);
    struct iam_attached *kept = ARENA_ARRAY(&identity->arena, struct iam_attached, g.n + 1);
    if (g.n)
        memcpy(kept, g.items, g.n * sizeof *kept);
    free(g.items);
    identity->attached = kept;
    identity->n = g.n;
    return identity;
}

void identity_release(const struct identity *identity)
{
    struct identity *own = (struct identity *)identity;
    if (!own || atomic_fetch_sub(&own->references, 1) > 1)
        return;
    arena_release(&own->arena);
    free(own->key);
    free(own);
}

void identity_forget_all(struct gate *gate)
{
    for (size_t i = 0; i < gate->identities.n; i++)
        identity_release(gate->identities.items[i].ptr);
    map_release(&gate->identities);
    gate->identities = (struct map)MAP_INIT;
}

enum { MOST_KEPT = 1000 }; /* limit of the cache: many sessions may have policies of their own */

const struct identity *identity_of(struct gate *gate, const struct session *session)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str key = arena_printf(&arena, "%.*s/%.*s/%.*s/%.*s", STR_ARG(session->role),
        STR_ARG(session->user), STR_ARG(session->policy), STR_ARG(session->policy_arns));
    uint64_t now = control_changes(gate->control, STR("iam"));
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&gate->lock);
    if (now != gate->iam_changes || gate->identities.n > MOST_KEPT)
        identity_forget_all(gate);
    gate->iam_changes = now;
    struct identity *identity = map_get(&gate->identities, key);
    if (!identity) {
        identity = identity_new(gate, session, key.p);
        map_set(&gate->identities, str_z(identity->key), identity);
    }
    atomic_fetch_add(&identity->references, 1);
    return identity;
}

static int refuse_key(struct err *err, const char *code, struct str key, const char *why)
{
    return service_refuse(err, 400, code, "%.*s %s", STR_ARG(key), why);
}

/* True for alias/aws/s3 and the like. Their key policies admit principals of the account through the service,
 * but no service principals. */
static bool is_aws_managed(struct str key)
{
    return str_find(key, STR("alias/aws/"), 0) >= 0;
}

/* Finds a key by id, ARN or alias. */
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

/* Returns the condition keys of KMS for a call by a service on behalf of a caller. */
static const struct value *context_of_use(
    struct gate *gate, struct arena *arena, const struct gate_key_use *use, const char *via)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    value_builder_set(&b, STR("kms:viaservice"),
        value_string(arena, arena_printf(arena, "%s.%.*s.amazonaws.com", via, STR_ARG(use->region))));
    value_builder_set(&b, STR("kms:calleraccount"), value_string_ref(arena, sandbox_account(gate->sandbox)));
    value_builder_set(&b, STR("aws:viaawsservice"), value_stringz(arena, "true"));
    if (use->context_key) {
        const struct value *name = value_stringz(arena, use->context_key);
        value_builder_set(&b, arena_printf(arena, "kms:encryptioncontext:%s", use->context_key),
            value_string_ref(arena, use->context_value));
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

/* ---- operations on encrypted resources ---- */

/* The attribute with the key, and the service's error if its use is denied; message NULL: KMS's own. */
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
    const char *only; /* only if the request has this member; NULL: always */
} uses[] = {
    {"secretsmanager", "GetSecretValue", "kms:Decrypt", NULL},
    {"secretsmanager", "CreateSecret", "kms:GenerateDataKey,kms:Decrypt", "KmsKeyId"},
    {"secretsmanager", "PutSecretValue", "kms:GenerateDataKey,kms:Decrypt", NULL},
    {"sqs", "SendMessage", "kms:GenerateDataKey,kms:Decrypt", NULL},
    {"sqs", "SendMessageBatch", "kms:GenerateDataKey,kms:Decrypt", NULL},
    {"sqs", "ReceiveMessage", "kms:Decrypt", NULL},
    {"sns", "Publish", "kms:GenerateDataKey,kms:Decrypt", NULL},
    {"sns", "PublishBatch", "kms:GenerateDataKey,kms:Decrypt", NULL},
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

/* Returns the KMS key of the resource `name`, or "" if it has none, and its ARN. */
static struct str key_of_resource(struct gate *gate, struct arena *arena, const struct gate_request *request,
    const struct kept *of, struct str name, struct str *arn)
{
    struct control_record resource;
    ptrdiff_t at = str_find(name, STR("://"), 0);
    struct str id = at >= 0 ? str_last_part(name, "/") : name; /* a queue URL ends with its name */
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
            .context_key = about.n ? of->about_name : NULL,
            .context_value = about};
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

int keys_check(struct gate *gate, struct arena *arena, const struct gate_request *request, struct err *err)
{
    const struct kept *of = kept_of(request->service);
    for (size_t i = 0; of && i < sizeof uses / sizeof *uses; i++) {
        if (!str_eqz(request->service, uses[i].service) || !str_eqz(request->operation, uses[i].operation) ||
            (uses[i].only && !is_given(value_getz(request->input, uses[i].only))))
            continue;
        return ask_key(
            gate, arena, request, of, uses[i].actions, value_gets(request->input, of->member), err);
    }
    return 0;
}
