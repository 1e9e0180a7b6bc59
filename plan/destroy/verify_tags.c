/* What bears the stack's ownership tags: by the tagging API, in stores of S3 alone by their buckets, and by
 * listings of what the tagging API does not know. */
#include "plan/destroy/verify.h"

#include "plan/refresh/unreachable.h"

struct marked_search {
    struct verifying *v;
    struct provider *provider;
    const struct schema *schema;
};

static bool is_of_another_copy(const struct planner *p, const struct value *tags)
{
    struct str mark = value_gets(tags, "weir:state");
    struct str own = state_lineage(p->workspace->state);
    return mark.n && own.n && !str_eq(mark, own);
}

/* A queue's ARN tells its name, and its id is an address: what bears the name is asked for. False: there is
 * none any more, or nobody can say. */
static bool complete_object(
    struct verifying *v, struct op_ctx *op, const struct value **object, struct str arn)
{
    const struct value *found = NULL;
    struct err err = ERR_INIT;
    if (!value_is_null(value_get(*object, op->schema->id)) || !op->schema->ops->namesake)
        return true;
    if (op->schema->ops->namesake(op, *object, &found, &err)) {
        if (err.class != ERR_ABSENT)
            verify_failed(v, &err, arn);
        return false;
    }
    *object = found ? value_merge(op->arena, *object, found) : NULL;
    return found;
}

/* The types that an ARN may be of; those whose ARNs are known by their form go first. */
static void add_by_arn(struct verifying *v, struct provider *provider, struct str arn, struct str address)
{
    struct catalog *catalog = v->p->workspace->catalog;
    size_t count;
    const struct str *names = catalog_names(catalog, false, &count);
    struct candidate c = {.provider = provider,
        .subject.address = address,
        .subject.id = arn,
        .subject.type = STR("?"),
        .why = STR("has this stack's ownership tags")};
    bool known = false;
    for (size_t i = 0; i < count; i++) {
        const struct schema *schema = catalog_find(catalog, names[i], false, ERR_IGNORED);
        const struct value *object = NULL;
        c.schema = schema;
        struct op_ctx op = verify_context(v, v->p->arena, &c);
        if (!schema || !schema->ops->by_arn || schema->ops->by_arn(&op, arn, &object, ERR_IGNORED) || !object)
            continue;
        known = true;
        if (!complete_object(v, &op, &object, arn))
            continue;
        c.object = object;
        c.subject.type = schema->name;
        c.subject.id = value_text(value_get(object, schema->id), arn);
        verify_add(v, &c);
    }
    c.schema = NULL;
    c.object = NULL;
    if (!known)
        verify_add(v, &c);
}

static void found_marked(void *ctx, const struct value *live);

static void marks_failed(struct verifying *v, struct provider *provider, const struct err *err)
{
    if (verify_is_gone(v, provider) && unreachable_is(err))
        map_set(&v->unreachable, arena_printf(v->p->arena, "%p", (void *)provider), provider);
    else
        verify_failed(v, err, STR("the stack's ownership tags"));
}

/* Of a store that knows S3 only: its buckets, one by one. Objects bear no marks. */
static void add_marked_buckets(struct verifying *v, struct provider *provider)
{
    struct err err = ERR_INIT;
    const struct schema *schema = catalog_find(v->p->workspace->catalog, STR("aws.s3.bucket"), false, &err);
    struct candidate c = {.schema = schema, .provider = provider, .subject.type = STR("aws.s3.bucket")};
    struct marked_search search = {v, provider, schema};
    struct op_ctx op = verify_context(v, v->p->arena, &c);
    if (!schema || schema->ops->marked(&op, true, found_marked, &search, &err))
        marks_failed(v, provider, &err);
    else
        v->marks = true;
}

/* Is all that the stack has, or had, with the provider in S3? */
static bool has_only_s3(const struct verifying *v, const struct provider *provider)
{
    for (size_t i = 0; i < v->n; i++) {
        const struct schema *schema = v->items[i].schema;
        if (v->items[i].provider == provider && schema && str_starts(schema->name, STR("aws.")) &&
            !str_starts(schema->name, STR("aws.s3.")))
            return false;
    }
    return true;
}

static void add_tagged(struct verifying *v)
{
    for (size_t i = 0; i < v->providers.n; i++) {
        struct provider *provider = v->providers.items[i].ptr;
        const struct value *list;
        struct err err = ERR_INIT;
        bool only_s3 = has_only_s3(v, provider);
        if (only_s3 && provider_is_store(provider, NULL)) {
            add_marked_buckets(v, provider);
            continue;
        }
        if (provider_marked(provider, v->p->arena, v->p->stack->name, &list, &err)) {
            if (only_s3 && provider_is_store(provider, &err))
                add_marked_buckets(v, provider);
            else
                marks_failed(v, provider, &err);
            continue;
        }
        v->marks = true;
        for (uint32_t k = 0; k < list->count; k++) {
            const struct value *tags = value_getz(list->items[k], "tags");
            if (!is_of_another_copy(v->p, tags))
                add_by_arn(v, provider, value_gets(list->items[k], "arn"), value_gets(tags, "weir:address"));
        }
    }
}

static void found_marked(void *ctx, const struct value *live)
{
    const struct marked_search *search = ctx;
    const struct value *tags = value_getz(live, "tags");
    if (is_of_another_copy(search->v->p, tags))
        return;
    struct candidate c = {.schema = search->schema,
        .provider = search->provider,
        .object = live,
        .subject.address = value_gets(tags, "weir:address"),
        .subject.type = search->schema->name,
        .subject.id = value_text(value_get(live, search->schema->id), STR_EMPTY),
        .why = STR("has this stack's ownership tags")};
    verify_add(search->v, &c);
}

/* What the tagging API does not know is listed, of the types that the stack has or had. */
static void add_listed(struct verifying *v)
{
    AUTO_MAP struct map done = MAP_INIT;
    size_t n = v->n;
    for (size_t i = 0; i < n; i++) {
        struct candidate c = v->items[i];
        struct err err = ERR_INIT;
        struct marked_search search = {v, c.provider, c.schema};
        if (!c.schema || !c.schema->ops->marked || map_set(&done, c.subject.type, &done))
            continue;
        struct op_ctx op = verify_context(v, v->p->arena, &c);
        if (c.schema->ops->marked(&op, false, found_marked, &search, &err) &&
            !(c.gone && unreachable_is(&err)))
            verify_failed(v, &err, c.subject.type);
    }
}

void verify_find_marked(struct verifying *v)
{
    add_tagged(v);
    add_listed(v);
}
