/* Tags of many resources at once, from the tagging API: of all resources of a type, or of those with these
 * ARNs. */
#include "base/map.h"
#include "provider/aws/location.h"
#include "provider/aws/tagging.h"
#include "provider/spec/act.h"

struct tagging {
    struct act *act;
    struct map *by_arn;
};

static void add_tagged(void *ctx, struct str arn, const struct value *tags)
{
    struct tagging *t = ctx;
    map_set(t->by_arn, arn, (void *)(t->act->keep_marks ? tags : act_own_tags(t->act->arena, tags)));
}

int act_tagged(struct act *act, const struct value *filters, struct map *by_arn, struct err *err)
{
    struct tagging t = {act, by_arn};
    const struct aws_tagged wanted = {
        .type = act->type->tags->bulk, .filters = filters, .cancel = act->ctx->cancel};
    return aws_tagged(act->client, act->arena, &wanted, add_tagged, &t, err);
}

/* ---- by name ---- */

/* A store of one's own is not where the tagging API is, and that knows nothing of it. */
static bool is_elsewhere(struct op_ctx *ctx, const struct aws_service *service)
{
    struct aws_client *client = provider_aws(ctx->provider);
    return !str_eq(aws_custom_endpoint(client, service, ctx->arena),
        aws_custom_endpoint(client, &aws_tagging_service, ctx->arena));
}

struct str spec_tag_name(struct op_ctx *ctx, const struct value *prior, bool listed)
{
    const struct spec_type *type = ctx->schema->impl;
    const struct spec_tags *tags = type->tags;
    struct str arn = value_gets(prior, "arn");
    if (!tags || tags->unreported || type->service->kind->send || type->service->aws.global)
        return STR_EMPTY;
    if (!tags->list && !(listed && tags->bulk.n))
        return STR_EMPTY; /* they come with the resource */
    return str_starts(arn, STR("arn:")) && !is_elsewhere(ctx, &type->service->aws) ? arn : STR_EMPTY;
}

int spec_tags_of(struct op_ctx *ctx, const struct str *names, size_t n, tags_found *found, void *found_ctx,
    struct err *err)
{
    const struct aws_tagged wanted = {.cancel = ctx->cancel};
    return aws_tagged_of(provider_aws(ctx->provider), ctx->arena, names, n, &wanted, found, found_ctx, err);
}

/* The ARNs of all that is looked for; NULL: not of each. */
static const struct str *names_of(struct act *act, const struct sought *sought)
{
    struct str *names = ARENA_ARRAY(act->arena, struct str, sought->count + 1);
    for (size_t i = 0; i < sought->count; i++) {
        names[i] = spec_tag_name(act->ctx, sought->priors[i], true);
        if (!names[i].n)
            return NULL;
    }
    return sought->count ? names : NULL;
}

bool act_tags_in_bulk(struct act *act, const struct sought *sought)
{
    return (act->type->tags->bulk.n && !act->page_limit) || names_of(act, sought);
}

int act_list_tags(struct act *act, const struct sought *sought, struct map *by_arn, struct err *err)
{
    const struct str *names = names_of(act, sought);
    const struct map *known = act->ctx->known_tags;
    struct tagging t = {act, by_arn};
    size_t n = 0;
    if (!names)
        return act_tagged(act, NULL, by_arn, err);
    for (; known && n < sought->count && map_get(known, names[n]); n++)
        add_tagged(&t, names[n], map_get(known, names[n]));
    const struct aws_tagged wanted = {.type = act->type->tags->bulk, .cancel = act->ctx->cancel};
    if (n == sought->count)
        return 0;
    return aws_tagged_of(act->client, act->arena, names, sought->count, &wanted, add_tagged, &t, err);
}
