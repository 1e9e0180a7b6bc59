/*
 * kafka.user: SCRAM credentials. Salt and iterations make of the password what brokers keep; the password
 * itself never leaves the process.
 */
#include "provider/kafka/type.h"

enum { SHA_256 = 1, SHA_512 = 2, MECHANISMS = 3 };
static const char *const mechanisms[MECHANISMS] = {[SHA_256] = "scram-sha-256", [SHA_512] = "scram-sha-512"};

static int user_begin(struct op_ctx *ctx, struct request *request, struct err *err)
{
    if (request_begin(ctx, request, err))
        return -1;
    if (request->api->AlterUserScramCredentials)
        return 0;
    err_set(err, ERR_FAILED, "librdkafka %s knows nothing of users: that came with 2.2",
        request->api->version_str());
    return err_hint(err, "install a newer one (Debian has it from 13 on, Ubuntu from 24.04, and the wheel of "
                         "confluent-kafka brings one along), and name its folder in LD_LIBRARY_PATH");
}

/* What will not work is told beforehand. */
static int user_plan(struct op_ctx *ctx, const struct value *desired UNUSED, const struct value *prior UNUSED,
    struct err *err UNUSED)
{
    const struct kafka_api *api = kafka_api(ERR_IGNORED);
    if (api && !api->AlterUserScramCredentials)
        op_warn(ctx, arena_printf(ctx->arena, "librdkafka %s knows nothing of users: that came with 2.2",
                         api->version_str())
                         .p);
    return 0;
}

/* ---- looking ---- */

/* Of several mechanisms the number that is not what was asked for shows, where there is one. */
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

static int user_look(struct op_ctx *ctx, const struct value *const *priors, size_t n,
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
            if (str_eqz(kafka_text(ctx, priors[i], "name"),
                    request.api->UserScramCredentialsDescription_user(users[k])) &&
                !request.api->error_code(request.api->UserScramCredentialsDescription_error(users[k])))
                found(found_ctx, i, user_object(ctx, request.api, users[k], priors[i]));
    return 0;
}

/* ---- changing ---- */

/* Brokers take one change of a user at a time. Takes over the alteration. */
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
    struct str password = kafka_text(ctx, work->desired, "password");
    if (user_begin(ctx, &request, err))
        return -1;
    return user_alter(&request,
        request.api->UserScramCredentialUpsertion_new(kafka_textz(ctx, work->desired, "name"), mechanism,
            kafka_number(ctx, work->desired, "iterations", 0), (const unsigned char *)password.p, password.n,
            NULL, 0),
        err);
}

/* One that is not there any more is as it should be. */
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

/* First what is wanted, then away with the rest: somebody can always log in. */
static int user_set(struct kafka_work *work, struct err *err)
{
    const struct value *wanted = kafka_attr(work->ctx, work->desired, "mechanisms"),
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

/* Also of a mechanism that nobody recorded: one that an unanswered request has set after all. */
static int user_remove(struct kafka_work *work, struct err *err)
{
    for (int i = SHA_256; i < MECHANISMS; i++)
        if (credential_remove(work, i, err))
            return -1;
    return 0;
}

const struct kafka_type kafka_user = {.name = "user",
    .keys = "name",
    .look = user_look,
    .create = user_set,
    .update = user_set,
    .remove = user_remove,
    .overwrites = true,
    .parts = "mechanisms",
    .plan = user_plan};
