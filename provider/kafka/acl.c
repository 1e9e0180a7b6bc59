/*
 * kafka.acl: the permissions of a principal on resources; brokers keep a rule for each operation, which are
 * one resource here. kafka.user: SCRAM credentials; the password never leaves the process.
 */
#include "provider/kafka/kafka.h"

/* ---- kafka.user: SCRAM credentials. Brokers keep a hash of the password with salt and iterations; the
 * password itself never leaves the process. */

enum { SHA_256 = 1, SHA_512 = 2, MECHANISMS = 3 };
static const char *const mechanisms[MECHANISMS] = {[SHA_256] = "scram-sha-256", [SHA_512] = "scram-sha-512"};

static int user_begin(struct op_ctx *ctx, struct request *request, struct err *err)
{
    if (request_begin(ctx, request, err))
        return -1;
    if (request->api->AlterUserScramCredentials)
        return 0;
    err_set(err, ERR_FAILED, "librdkafka %s does not support users: 2.2 or newer is needed",
        request->api->version_str());
    return err_hint(err, "install a newer one (Debian has it from 13 on, Ubuntu from 24.04, and the wheel of "
                         "confluent-kafka brings one along), and name its folder in LD_LIBRARY_PATH");
}

/* Warns in the plan if the apply cannot succeed. */
static int user_plan(struct op_ctx *ctx, const struct value *desired UNUSED, const struct value *prior UNUSED,
    struct err *err UNUSED)
{
    const struct kafka_api *api = kafka_api(ERR_IGNORED);
    if (api && !api->AlterUserScramCredentials)
        op_warn(ctx, arena_printf(ctx->arena, "librdkafka %s does not support users: 2.2 or newer is needed",
                         api->version_str())
                         .p);
    return 0;
}

/* ---- reading users ---- */

/* Of several mechanisms with different iterations, one that differs from the desired number is reported. */
static const struct value *user_object(struct op_ctx *ctx, const struct kafka_api *api,
    const struct rd_kafka_UserScramCredentialsDescription_s *user, const struct value *prior)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(ctx->arena);
    int wanted = kafka_number(ctx, prior, "iterations", 0), iterations = 0;
    size_t n = api->UserScramCredentialsDescription_scramcredentialinfo_count(user);
    for (size_t i = 0; i < n; i++) {
        const struct rd_kafka_ScramCredentialInfo_s *info =
            api->UserScramCredentialsDescription_scramcredentialinfo(user, i);
        int mechanism = api->ScramCredentialInfo_mechanism(info),
            has = api->ScramCredentialInfo_iterations(info);
        if (mechanism > 0 && mechanism < MECHANISMS)
            value_builder_add(&b, value_stringz(ctx->arena, mechanisms[mechanism]));
        if (!iterations || has != wanted)
            iterations = has;
    }
    return VALUE_MAP(ctx->arena, {STR("name"), value_getz(prior, "name")},
        {STR("mechanisms"), value_builder_list(&b)}, {STR("iterations"), value_int(ctx->arena, iterations)});
}

static int user_lookup(struct op_ctx *ctx, const struct value *const *priors, size_t n,
    void (*found)(void *, size_t, const struct value *), void *found_ctx, struct err *err)
{
    AUTO_REQUEST struct request request = REQUEST_INIT;
    size_t count;
    if (user_begin(ctx, &request, err))
        return -1;
    request.api->DescribeUserScramCredentials(request.client, NULL, 0, request.options, request.queue);
    if (request_wait(&request, err))
        return -1;
    const struct rd_kafka_UserScramCredentialsDescription_s **users =
        request.api->DescribeUserScramCredentials_result_descriptions(request.answer, &count);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < count; k++)
            if (str_eqz(op_text(ctx, priors[i], "name"),
                    request.api->UserScramCredentialsDescription_user(users[k])) &&
                !request.api->error_code(request.api->UserScramCredentialsDescription_error(users[k])))
                found(found_ctx, i, user_object(ctx, request.api, users[k], priors[i]));
    return 0;
}

/* ---- changing users ---- */

/* Brokers accept one change of a user at a time. Takes ownership of the alteration. */
static int user_alter(
    struct request *request, struct rd_kafka_UserScramCredentialAlteration_s *alteration, struct err *err)
{
    const struct kafka_api *api = request->api;
    size_t count;
    api->AlterUserScramCredentials(request->client, &alteration, 1, request->options, request->queue);
    api->UserScramCredentialAlteration_destroy(alteration);
    if (request_wait(request, err))
        return -1;
    const struct rd_kafka_AlterUserScramCredentials_result_response_s **answers =
        api->AlterUserScramCredentials_result_responses(request->answer, &count);
    for (size_t i = 0; i < count; i++)
        if (kafka_error(api, api->AlterUserScramCredentials_result_response_error(answers[i]), err))
            return -1;
    return 0;
}

static int credential_set(struct kafka_work *work, int mechanism, struct err *err)
{
    AUTO_REQUEST struct request request = REQUEST_INIT;
    struct op_ctx *ctx = work->ctx;
    struct str password = op_text(ctx, work->desired, "password");
    if (user_begin(ctx, &request, err))
        return -1;
    return user_alter(&request,
        request.api->UserScramCredentialUpsertion_new(kafka_textz(ctx, work->desired, "name"), mechanism,
            kafka_number(ctx, work->desired, "iterations", 0), (const unsigned char *)password.p, password.n,
            NULL, 0),
        err);
}

/* Succeeds if the credential does not exist. */
static int credential_remove(struct kafka_work *work, int mechanism, struct err *err)
{
    AUTO_REQUEST struct request request = REQUEST_INIT;
    struct err why = ERR_INIT;
    if (user_begin(work->ctx, &request, err))
        return -1;
    if (!user_alter(&request,
            request.api->UserScramCredentialDeletion_new(
                kafka_textz(work->ctx, work->prior, "name"), mechanism),
            &why) ||
        why.class == ERR_ABSENT)
        return 0;
    return err_raise(err, &why);
}

/* Sets the desired mechanisms before it removes the others, so that the user can always log in. */
static int user_set(struct kafka_work *work, struct err *err)
{
    const struct value *wanted = op_attr(work->ctx, work->desired, "mechanisms"),
                       *before = value_getz(work->prior, "mechanisms");
    for (int i = SHA_256; i < MECHANISMS; i++)
        if (value_list_has(wanted, str_z(mechanisms[i])) && credential_set(work, i, err))
            return -1;
    for (int i = SHA_256; i < MECHANISMS; i++)
        if (!value_list_has(wanted, str_z(mechanisms[i])) && value_list_has(before, str_z(mechanisms[i])) &&
            credential_remove(work, i, err))
            return -1;
    return 0;
}

/* Includes mechanisms that are not recorded, which an unanswered request may have set. */
static int user_remove(struct kafka_work *work, struct err *err)
{
    for (int i = SHA_256; i < MECHANISMS; i++)
        if (credential_remove(work, i, err))
            return -1;
    return 0;
}

const struct kafka_type kafka_user = {.name = "user",
    .keys = "name",
    .lookup = user_lookup,
    .create = user_set,
    .update = user_set,
    .remove = user_remove,
    .overwrites = true,
    .parts = "mechanisms",
    .plan = user_plan};

/* Our names of Kafka's operation numbers; the missing ones are not valid in a rule. */
static const char *const operations[] = {[2] = "all",
    [3] = "read",
    [4] = "write",
    [5] = "create",
    [6] = "delete",
    [7] = "alter",
    [8] = "describe",
    [9] = "cluster_action",
    [10] = "describe_configs",
    [11] = "alter_configs",
    [12] = "idempotent_write"};

static const char *const resource_types[] = {
    [2] = "topic", [3] = "group", [4] = "cluster", [5] = "transactional_id"};

static const char *const patterns[] = {[3] = "literal", [4] = "prefixed"};
static const char *const permissions[] = {[2] = "deny", [3] = "allow"};

static int number_of(const char *const *names, size_t n, struct str name)
{
    for (size_t i = 0; i < n; i++)
        if (names[i] && str_eqz(name, names[i]))
            return (int)i;
    return 0;
}

#define NUMBER_OF(names, name) number_of(names, sizeof(names) / sizeof *(names), name)

static struct str name_of(const char *const *names, size_t n, int number)
{
    return number >= 0 && (size_t)number < n ? str_z(names[number]) : STR_EMPTY;
}

#define NAME_OF(names, number) name_of(names, sizeof(names) / sizeof *(names), number)

/* ---- reading rules ---- */

static int describe_all(struct op_ctx *ctx, struct request *request, struct err *err)
{
    char why[256];
    if (request_begin(ctx, request, err))
        return -1;
    struct rd_kafka_AclBinding_s *any = request->api->AclBindingFilter_new(KAFKA_RESOURCE_ANY, NULL,
        KAFKA_PATTERN_ANY, NULL, NULL, KAFKA_OPERATION_ANY, KAFKA_PERMISSION_ANY, why, sizeof why);
    if (!any)
        return err_set(err, ERR_FAILED, "%s", why);
    request->api->DescribeAcls(request->client, any, request->options, request->queue);
    request->api->AclBinding_destroy(any);
    return request_wait(request, err);
}

static bool is_of(struct op_ctx *ctx, const struct kafka_api *api, const struct rd_kafka_AclBinding_s *rule,
    const struct value *object)
{
    return str_eqz(op_text(ctx, object, "principal"), api->AclBinding_principal(rule)) &&
           str_eqz(op_text(ctx, object, "host"), api->AclBinding_host(rule)) &&
           str_eqz(op_text(ctx, object, "resource_name"), api->AclBinding_name(rule)) &&
           str_eq(op_text(ctx, object, "resource_type"),
               NAME_OF(resource_types, api->AclBinding_restype(rule))) &&
           str_eq(op_text(ctx, object, "pattern"),
               NAME_OF(patterns, api->AclBinding_resource_pattern_type(rule))) &&
           str_eq(op_text(ctx, object, "permission"),
               NAME_OF(permissions, api->AclBinding_permission_type(rule)));
}

/* With `only: false`, rules for operations that are not configured are ignored. */
static bool is_wanted(struct op_ctx *ctx, const struct value *object, struct str operation)
{
    const struct value *only = op_attr(ctx, object, "only"), *given = value_getz(object, "operations");
    return operation.n && (!only || only->boolean || !given || value_list_has(given, operation));
}

static const struct value *acl_object(
    struct op_ctx *ctx, const struct value *prior, const struct value *allowed)
{
    static const char *const same[] = {
        "principal", "host", "permission", "resource_type", "resource_name", "pattern"};
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(ctx->arena);
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        value_builder_set(&b, str_z(same[i]), op_attr(ctx, prior, same[i]));
    value_builder_set(&b, STR("operations"), allowed);
    return value_builder_map(&b);
}

static int acl_lookup(struct op_ctx *ctx, const struct value *const *priors, size_t n,
    void (*found)(void *, size_t, const struct value *), void *found_ctx, struct err *err)
{
    AUTO_REQUEST struct request request = REQUEST_INIT;
    size_t count;
    if (describe_all(ctx, &request, err))
        return -1;
    const struct rd_kafka_AclBinding_s **rules =
        request.api->DescribeAcls_result_acls(request.answer, &count);
    for (size_t i = 0; i < n; i++) {
        AUTO_BUILDER struct value_builder b = VALUE_BUILDER(ctx->arena);
        for (size_t k = 0; k < count; k++) {
            struct str operation = NAME_OF(operations, request.api->AclBinding_operation(rules[k]));
            if (is_of(ctx, request.api, rules[k], priors[i]) && is_wanted(ctx, priors[i], operation))
                value_builder_add(&b, value_string(ctx->arena, operation));
        }
        if (b.n)
            found(found_ctx, i, acl_object(ctx, priors[i], value_builder_list(&b)));
    }
    return 0;
}

/* ---- changing rules ---- */

typedef struct rd_kafka_AclBinding_s *binding_new(int type, const char *name, int pattern,
    const char *principal, const char *host, int operation, int permission, char *why, size_t n);

static struct rd_kafka_AclBinding_s *binding_of(
    struct op_ctx *ctx, binding_new *make, const struct value *object, struct str operation, struct err *err)
{
    char why[256];
    struct rd_kafka_AclBinding_s *binding =
        make(NUMBER_OF(resource_types, op_text(ctx, object, "resource_type")),
            kafka_textz(ctx, object, "resource_name"), NUMBER_OF(patterns, op_text(ctx, object, "pattern")),
            kafka_textz(ctx, object, "principal"), kafka_textz(ctx, object, "host"),
            NUMBER_OF(operations, operation), NUMBER_OF(permissions, op_text(ctx, object, "permission")), why,
            sizeof why);
    if (!binding)
        err_set(err, ERR_INVALID, "%s", why);
    return binding;
}

/* Makes a binding for each operation in `of` that is not in `but`. */
static int bindings_of(struct op_ctx *ctx, binding_new *make, const struct value *object,
    const struct value *of, const struct value *but, struct rd_kafka_AclBinding_s ***out, size_t *n,
    struct err *err)
{
    *n = 0;
    *out = ARENA_ARRAY(ctx->arena, struct rd_kafka_AclBinding_s *, of ? of->count : 0);
    for (uint32_t i = 0; of && i < of->count; i++) {
        struct str operation = value_text(of->items[i], STR_EMPTY);
        if (value_list_has(but, operation))
            continue;
        if (!((*out)[*n] = binding_of(ctx, make, object, operation, err)))
            return -1;
        (*n)++;
    }
    return 0;
}

static void bindings_free(const struct kafka_api *api, struct rd_kafka_AclBinding_s **bindings, size_t n)
{
    for (size_t i = 0; i < n; i++)
        api->AclBinding_destroy(bindings[i]);
}

static int were_made(const struct request *request, struct err *err)
{
    size_t n;
    const struct rd_kafka_acl_result_s **all = request->api->CreateAcls_result_acls(request->answer, &n);
    for (size_t i = 0; i < n; i++)
        if (kafka_error(request->api, request->api->acl_result_error(all[i]), err))
            return -1;
    return 0;
}

static int were_deleted(const struct request *request, struct err *err)
{
    size_t n;
    const struct rd_kafka_DeleteAcls_result_response_s **all =
        request->api->DeleteAcls_result_responses(request->answer, &n);
    for (size_t i = 0; i < n; i++)
        if (kafka_error(request->api, request->api->DeleteAcls_result_response_error(all[i]), err))
            return -1;
    return 0;
}

enum rule_change { MAKE_RULES, DELETE_RULES };

/* Creates or deletes the object's rules, except for the operations in `but`. */
static int change_rules(struct op_ctx *ctx, enum rule_change change, const struct value *object,
    const struct value *but, struct err *err)
{
    AUTO_REQUEST struct request request = REQUEST_INIT;
    struct rd_kafka_AclBinding_s **rules;
    size_t n;
    if (request_begin(ctx, &request, err))
        return -1;
    const struct kafka_api *api = request.api;
    bool makes = change == MAKE_RULES;
    int status = bindings_of(ctx, makes ? api->AclBinding_new : api->AclBindingFilter_new, object,
        value_getz(object, "operations"), but, &rules, &n, err);
    if (!status && n)
        (makes ? api->CreateAcls : api->DeleteAcls)(request.client, rules, n, request.options, request.queue);
    bindings_free(api, rules, n);
    if (status || !n)
        return status;
    return request_wait(&request, err) || (makes ? were_made(&request, err) : were_deleted(&request, err))
               ? -1
               : 0;
}

static int acl_create(struct kafka_work *work, struct err *err)
{
    return change_rules(work->ctx, MAKE_RULES, work->desired, NULL, err);
}

static void keep_rules(void *ctx, size_t index UNUSED, const struct value *live)
{
    *(const struct value **)ctx = live;
}

/* Determines the rules that may have to be deleted. If `only` was switched off, it is not known which of the
 * others were ours, so none are deleted. If it was switched on, rules added by others are included. */
static int rules_to_compare(struct kafka_work *work, const struct value **out, struct err *err)
{
    const struct value *only = op_attr(work->ctx, work->desired, "only");
    *out = work->prior;
    if (!kafka_changes(work, "only"))
        return 0;
    if (only && !only->boolean) {
        *out = NULL;
        return 0;
    }
    const struct value *all = value_with(work->ctx->arena, work->prior, STR("only"), &value_true);
    return acl_lookup(work->ctx, &all, 1, keep_rules, out, err);
}

/* Creates new rules before it deletes old ones, so that no permission is lost meanwhile. */
static int acl_update(struct kafka_work *work, struct err *err)
{
    const struct value *compared;
    if (rules_to_compare(work, &compared, err) ||
        change_rules(work->ctx, MAKE_RULES, work->desired, value_getz(work->prior, "operations"), err))
        return -1;
    return compared
               ? change_rules(work->ctx, DELETE_RULES, compared, value_getz(work->desired, "operations"), err)
               : 0;
}

static int acl_remove(struct kafka_work *work, struct err *err)
{
    return change_rules(work->ctx, DELETE_RULES, work->prior, NULL, err);
}

static int acl_plan(
    struct op_ctx *ctx, const struct value *desired, const struct value *prior UNUSED, struct err *err)
{
    struct str type = op_text(ctx, desired, "resource_type"), name = op_text(ctx, desired, "resource_name");
    if (!str_eqz(type, "cluster") || str_eqz(name, "kafka-cluster"))
        return 0;
    err_set(err, ERR_INVALID, "there is one resource of the type cluster, and it is not called \"%.*s\"",
        STR_ARG(name));
    return err_hint(err, "say `resource_name: kafka-cluster`");
}

const struct kafka_type kafka_acl = {.name = "acl",
    .keys = "permission principal host resource_type pattern resource_name",
    .lookup = acl_lookup,
    .create = acl_create,
    .update = acl_update,
    .remove = acl_remove,
    .overwrites = true,
    .parts = "operations",
    .plan = acl_plan};
