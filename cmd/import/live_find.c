/* Finding what there is, by a tag and by type: see live_internal.h. */
#include "cmd/import/live_internal.h"

#include "provider/aws/tagging.h"
#include "provider/names/words.h"

#include <stdlib.h>

static void live_add(
    struct live *l, const struct schema *schema, struct str id, struct str arn, const struct value *found)
{
    struct str key = arena_printf(l->arena, "%.*s %.*s", STR_ARG(schema->name), STR_ARG(id));
    if (!id.n) {
        l->draft->left_out++;
        draft_row(l->draft, arn.n ? arena_str(l->arena, arn) : schema->name, STR("-"),
            STR("left out: what is listed does not say its id"));
    }
    if (!id.n || map_get(&l->known, key))
        return;
    ARENA_GROW(l->arena, l->items, l->n, l->cap);
    struct there *one = ARENA_NEW(l->arena, struct there);
    *one = (struct there){.schema = schema,
        .id = arena_str(l->arena, id),
        .arn = arena_str(l->arena, arn),
        .found = found ? value_copy(l->arena, found) : NULL,
        .perhaps = l->perhaps,
        .marked = l->marked};
    map_set(&l->known, key, one);
    l->items[l->n++] = one;
}

/* ---- by ARN ---- */

/* A type whose ARNs have this form. */
struct candidate {
    const struct schema *schema;
    const struct value *object; /* what the ARN says of it */
    size_t open;                /* how much of the ARN is values */
};

static int by_precision(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    return (x->open > y->open) - (x->open < y->open);
}

/* How long the values are that the ARN gives; 0: one of them is none that the type takes. */
static size_t open_length(struct live *l, const struct schema *schema, const struct value *object)
{
    size_t open = 1;
    for (uint32_t i = 0; i < object->count; i++) {
        const struct attr *attr = schema_attr(schema, object->entries[i].key);
        const struct value *v = object->entries[i].value, *converted;
        struct schema_issue issue = {0};
        if (!attr || v->kind != VALUE_STRING || str_eqz(attr->name, "arn"))
            continue;
        if (schema_convert(l->arena, attr, v, &converted, &issue))
            return 0;
        open += v->string.n;
    }
    return open;
}

/* alias/a is a key's alias and no key, restapis/a/stages/b a stage and no API: the narrowest form comes
 * first. */
static struct candidate *candidates_of(struct live *l, struct str arn, size_t *count)
{
    size_t n;
    const struct str *types = catalog_names(l->draft->catalog, false, &n);
    struct candidate *out = ARENA_ARRAY(l->arena, struct candidate, n + 1);
    *count = 0;
    for (size_t i = 0; i < n; i++) {
        struct err err = ERR_INIT;
        const struct value *object = NULL;
        const struct schema *schema =
            str_starts(types[i], STR("aws.")) ? catalog_find(l->draft->catalog, types[i], false, &err) : NULL;
        if (!schema || !schema->ops->by_arn || look_by_arn(l->look, schema, arn, &object, &err) || !object)
            continue;
        size_t open = open_length(l, schema, object);
        if (open)
            out[(*count)++] = (struct candidate){schema, object, open};
    }
    qsort(out, *count, sizeof *out, by_precision);
    return out;
}

/* Which of weir's types an ARN is of. */
static bool add_arn(struct live *l, struct str arn)
{
    size_t n;
    const struct candidate *candidates = candidates_of(l, arn, &n);
    for (size_t i = 0; i < n; i++) {
        struct err err = ERR_INIT;
        const struct schema *schema = candidates[i].schema;
        const struct value *live = NULL, *object = candidates[i].object, *named = object;
        if (!value_gets(object, schema->id.p).n && schema->ops->namesake && /* a queue is known by its URL */
            (look_namesake(l->look, schema, named, &object, &err) || !object))
            continue;
        struct str id = value_gets(object, schema->id.p);
        bool sure = !str_eq(id, arn); /* of what is known by its ARN only a look tells which type it is */
        if (!id.n || (!sure && (look_at(l->look, schema, id, &live, NULL, &err) || !live)))
            continue;
        live_add(l, schema, id, arn, candidates[i].object);
        return true;
    }
    return false;
}

static void on_tagged(void *ctx, struct str arn, const struct value *tags)
{
    struct live *l = ctx;
    struct str marked = value_gets(tags, "weir:address");
    l->marked = arena_str(l->arena, marked);
    arn = arena_str(l->arena, arn);
    if (add_arn(l, arn))
        return;
    l->draft->left_out++;
    draft_row(l->draft, arn, STR("-"),
        STR("left out: no type of weir's own has such ARNs; --type AWS::Service::Type lists one of "
            "CloudFormation's"));
}

/* ---- by type ---- */

static void on_listed(void *ctx, const struct value *live)
{
    struct live *l = ctx;
    live_add(l, l->listed, value_gets(live, l->listed->id.p), value_gets(live, "arn"), live);
}

int live_find(struct live *l, const struct live_wanted *wanted, struct err *err)
{
    struct aws_client *client = provider_aws(l->look->provider);
    if (wanted->tag_key.n) {
        const struct aws_tagged tagged = {.type = STR_EMPTY,
            .filters = aws_tag_filter(l->arena, arena_strz(l->arena, wanted->tag_key), wanted->tag_value)};
        if (aws_tagged(client, l->arena, &tagged, on_tagged, l, err))
            return err_context(err, "asking the tagging API");
    }
    for (size_t i = 0; i < wanted->type_count; i++) {
        l->listed = catalog_find(l->draft->catalog, wanted->types[i], false, err);
        if (!l->listed)
            return word_hint(l->draft->catalog, wanted->types[i], err);
        l->perhaps = !live_is_listed(l, l->listed);
        if (live_check_listed(l, l->listed, err) || live_list(l, l->listed, on_listed, l, err))
            return -1;
    }
    return 0;
}
