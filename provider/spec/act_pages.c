/*
 * Calls that list: pages and items, calls for each item, and tags of many resources from the tagging API.
 */
#include "provider/spec/act.h"

#include <stdlib.h>

/* ---- Tags of many resources from the tagging API: of all resources of a type, or of these ARNs. */

struct tagging {
    struct act *act;
    struct map *by_arn;
};

static void add_tagged(void *ctx, struct str arn, const struct value *tags)
{
    struct tagging *t = ctx;
    map_set(t->by_arn, arn, (void *)(t->act->keep_ownership_tags ? tags : act_own_tags(t->act, tags)));
}

int act_tagged(struct act *act, const struct value *filters, struct map *by_arn, struct err *err)
{
    struct tagging t = {act, by_arn};
    const struct aws_tagged wanted = {
        .type = act->type->tags->bulk, .filters = filters, .cancel = act->ctx->cancel};
    return aws_tagged(act->client, act->arena, &wanted, add_tagged, &t, err);
}

/* ---- by ARN ---- */

/* True if the service has another custom endpoint than the tagging API, which then does not know its
 * resources. */
static bool is_elsewhere(struct op_ctx *ctx, const struct aws_service *service)
{
    struct aws_client *client = provider_aws(ctx->provider);
    return !str_eq(aws_custom_endpoint(client, service, ctx->arena),
        aws_custom_endpoint(client, &aws_tagging_service, ctx->arena));
}

struct str spec_tag_name(struct op_ctx *ctx, const struct value *prior, bool listed)
{
    const struct spec_type *type = ctx->schema->impl;
    const struct spec_owned *tags = type->tags;
    struct str arn = value_gets(prior, "arn");
    if (!tags || tags->unreported || type->service->kind->send || type->service->aws.global)
        return STR_EMPTY;
    if (!tags->list && !(listed && tags->bulk.n))
        return STR_EMPTY; /* the tags are returned with the resource */
    return str_starts(arn, STR("arn:")) && !is_elsewhere(ctx, &type->service->aws) ? arn : STR_EMPTY;
}

int spec_tags_of(struct op_ctx *ctx, const struct str *names, size_t n, tags_found *found, void *found_ctx,
    struct err *err)
{
    const struct aws_tagged wanted = {.cancel = ctx->cancel};
    return aws_tagged_of(provider_aws(ctx->provider), ctx->arena, names, n, &wanted, found, found_ctx, err);
}

/* Returns the ARNs of all expected resources; NULL if one has none. */
static const struct str *names_of(struct act *act, const struct list_filter *filter)
{
    struct str *names = ARENA_ARRAY(act->arena, struct str, filter->count + 1);
    for (size_t i = 0; i < filter->count; i++) {
        names[i] = spec_tag_name(act->ctx, filter->priors[i], true);
        if (!names[i].n)
            return NULL;
    }
    return filter->count ? names : NULL;
}

bool act_tags_in_bulk(struct act *act, const struct list_filter *filter)
{
    return (act->type->tags->bulk.n && !act->page_limit) || names_of(act, filter);
}

int act_list_tags(struct act *act, const struct list_filter *filter, struct map *by_arn, struct err *err)
{
    const struct str *names = names_of(act, filter);
    const struct map *known = act->ctx->known_tags;
    struct tagging t = {act, by_arn};
    size_t n = 0;
    if (!names)
        return act_tagged(act, NULL, by_arn, err);
    for (; known && n < filter->count && map_get(known, names[n]); n++)
        add_tagged(&t, names[n], map_get(known, names[n]));
    const struct aws_tagged wanted = {.type = act->type->tags->bulk, .cancel = act->ctx->cancel};
    if (n == filter->count)
        return 0;
    return aws_tagged_of(act->client, act->arena, names, filter->count, &wanted, add_tagged, &t, err);
}

/* "default.*" matches any string with that prefix. */
static bool is_word(struct str have, struct str word)
{
    bool begins = word.n && word.p[word.n - 1] == '*';
    return begins ? str_starts(have, str_slice(word, 0, word.n - 1)) : str_ieq(have, word);
}

bool act_skips(struct act *act, const struct spec_skip *skip, const struct value *item)
{
    for (; skip && skip->path.n; skip = skip->next) {
        struct str have = value_scalar_text(act->arena, wire_path(act->arena, item, skip->path));
        for (uint32_t i = 0; i < skip->values->count; i++)
            if (have.n && is_word(have, value_scalar_text(act->arena, skip->values->items[i])))
                return true;
    }
    return false;
}

static void add_items(
    struct act *act, const struct spec_step *step, struct value_builder *items, const struct value *found)
{
    for (uint32_t i = 0; i < found->count; i++)
        if (!act_skips(act, &step->list.skip, found->items[i]))
            value_builder_add(items, found->items[i]);
}

/* Returns the items of one page; a single value is one item. */
static const struct value *items_at(
    struct act *act, const struct spec_step *step, const struct value *document)
{
    const struct value *found = wire_path(act->arena, document, step->reply.at);
    if (value_is_null(found))
        return &value_empty_list;
    return found->kind == VALUE_LIST ? found : value_list(act->arena, &found, 1);
}

/* Continues from the last item's key, if the response says that there are more. */
static int page_after_last(struct act *act, const struct spec_step *step, const struct value *document,
    const struct value *found, const struct value **next, struct err *err)
{
    const struct value *more = wire_path(act->arena, document, step->list.page.more);
    if (!str_eqz(value_scalar_text(act->arena, more), "true"))
        return 0;
    const struct value *last = found->count ? found->items[found->count - 1] : NULL;
    *next = last ? wire_path(act->arena, last, step->list.page.last) : NULL;
    if (!value_is_null(*next))
        return 0;
    err_set(err, ERR_PROTOCOL, "%.*s reports further pages, but returns no token for them",
        STR_ARG(step->call.op->wire.name));
    err->lost = true;
    return -1;
}

/* Continues with the next page number or item offset, until a page is empty or the total is reached. */
static const struct value *page_counted(struct act *act, const struct spec_step *step,
    const struct value *document, const struct value *found, const struct value *token)
{
    const struct spec_page *page = &step->list.page;
    int64_t n = found->count, total, at = token ? token->integer : page->first;
    if (!n)
        return NULL;
    if (page->by == PAGE_NUMBER)
        return value_int(act->arena, at + 1);
    const struct value *reported = page->total.n ? wire_path(act->arena, document, page->total) : NULL;
    if (reported && str_to_int(value_scalar_text(act->arena, reported), &total) && at + n >= total)
        return NULL;
    return value_int(act->arena, at + n);
}

int act_next_page(struct act *act, const struct spec_step *step, const struct value *document,
    const struct value *token, const struct value **next, struct err *err)
{
    const struct spec_page *page = &step->list.page;
    *next = NULL;
    if (!page->in_key.n)
        return 0;
    const struct value *found = page->by == PAGE_TOKEN ? NULL : items_at(act, step, document);
    switch (page->by) {
    case PAGE_TOKEN: *next = wire_path(act->arena, document, page->out); break;
    case PAGE_LAST_ITEM: return page_after_last(act, step, document, found, next, err);
    case PAGE_ITEM_COUNT:
    case PAGE_NUMBER: *next = page_counted(act, step, document, found, token); return 0;
    }
    if (!value_is_number(*next) && !value_text(*next, STR_EMPTY).n)
        *next = NULL;
    return 0;
}

int act_list(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value *item, const struct value **items, struct err *err)
{
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(act->arena);
    AUTO_PAGES struct pages pages = PAGES_INIT;
    const struct value *token = NULL;
    struct err about = ERR_INIT; /* an error only if the response lacks the requested items */
    bool others = false;
    for (size_t read = 1;; read++) {
        const struct value *document;
        if (act_page(act, step, object, item, token, &document, err))
            return -1;
        others = others || act_check_named(act, step, object, document, &about);
        add_items(act, step, &all, items_at(act, step, document));
        const struct value *next;
        if (act_next_page(act, step, document, token, &next, err))
            return -1;
        if (!next) {
            *items = value_builder_list(&all);
            return others && !act_pick(act, step, *items, object) ? err_raise(err, &about) : 0;
        }
        if (act->page_limit && read == act->page_limit)
            return err_set(err, ERR_SERVICE, "%.*s has more pages than are worth reading",
                STR_ARG(step->call.op->wire.name));
        if (pages_next_value(&pages, step->call.op->wire.name, next, err))
            return -1;
        token = next;
    }
}

int act_page_items(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value *token, const struct value **next, const struct value **items, struct err *err)
{
    const struct spec_step *paged = step->list.each ? step->list.each : step;
    const struct value *document;
    *items = &value_empty_list;
    if (act_page(act, paged, object, NULL, token, &document, err) ||
        act_next_page(act, paged, document, token, next, err))
        return -1;
    *items = items_at(act, paged, document);
    if (paged == step || !(*items)->count)
        return 0;
    if (act_page(act, step, object, *items, NULL, &document, err))
        return -1;
    *items = items_at(act, step, document);
    return 0;
}

struct ordered {
    const struct value *item, *by;
};

static int newest_first(const void *a, const void *b)
{
    return value_compare(((const struct ordered *)b)->by, ((const struct ordered *)a)->by);
}

/* Returns the items for which a step with `each` is executed. */
static int each_items(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value **out, struct err *err)
{
    const struct spec_step *each = step->list.each;
    const struct value *items;
    if (act_list(act, each, object, NULL, &items, err))
        return -1;
    struct ordered *left = ARENA_ARRAY(act->arena, struct ordered, items->count);
    size_t n = 0;
    for (uint32_t i = 0; i < items->count; i++) {
        const struct value *item = items->items[i];
        if (act_matches(act, each, item, object))
            left[n++] = (struct ordered){
                item, step->list.newest.n ? wire_path(act->arena, item, step->list.newest) : NULL};
    }
    if (step->list.newest.n)
        qsort(left, n, sizeof *left, newest_first);
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(act->arena);
    for (size_t i = (size_t)step->list.keep; i < n; i++)
        value_builder_add(&b, left[i].item);
    *out = value_builder_list(&b);
    return 0;
}

int act_each(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value **document, struct err *err)
{
    const struct value *items;
    if (each_items(act, step, object, &items, err))
        return -1;
    for (uint32_t i = 0; i < items->count; i++)
        if (act_has_entries(act, step, object, items->items[i]) &&
            act_call(act, step, object, items->items[i], document, err))
            return -1;
    return 0;
}
