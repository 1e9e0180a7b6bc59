/* Stacks from live resources: see live.h. */
#include "cmd/import/live.h"
#include "cmd/import/mapping.h"
#include "provider/aws/client.h"
#include "provider/cfn/cfn.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- reading live resources ---- */

static const struct value *all_attributes(struct arena *arena, const struct schema *schema)
{
    AUTO_BUILDER struct value_builder names = VALUE_BUILDER(arena);
    for (size_t i = 0; i < schema->attr_count; i++)
        value_builder_add(&names, value_string_ref(arena, schema->attrs[i].name));
    return value_builder_list(&names);
}

struct op_ctx lookup_context(struct lookup *lookup, const struct schema *schema)
{
    return (struct op_ctx){.arena = lookup->arena,
        .provider = lookup->provider,
        .schema = schema,
        .address = schema->name,
        .dir = STR(".")};
}

static void on_answer(void *ctx, const struct value *document, bool made_by_aws)
{
    struct lookup_responses *answers = ctx;
    answers->documents = value_list_with(answers->arena, answers->documents, document);
    answers->made_by_aws |= made_by_aws;
}

int lookup_read(struct lookup *lookup, const struct schema *schema, struct str id, const struct value **live,
    struct lookup_responses *answers, struct err *err)
{
    struct op_ctx op = lookup_context(lookup, schema);
    const struct op_observer observer = {.ctx = answers, .response = on_answer};
    op.observer = answers ? &observer : NULL;
    const struct value *prior = value_with(lookup->arena, NULL, schema->id, value_string(lookup->arena, id));
    *live = NULL;
    if (!schema->ops->read)
        return 0;
    return schema->ops->read(&op, prior, all_attributes(lookup->arena, schema), live, err);
}

struct look_turns {
    pthread_mutex_t one; /* pages may arrive from several threads */
    resource_found *found;
    void *ctx;
};

static void take_turn(void *ctx, const struct value *live)
{
    struct look_turns *turns = ctx;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&turns->one);
    turns->found(turns->ctx, live);
}

int lookup_list(struct lookup *lookup, const struct schema *schema, const struct value *const *priors,
    size_t n, resource_found *found, void *found_ctx, struct err *err)
{
    struct op_ctx op = lookup_context(lookup, schema);
    const struct value *covered, *id = value_string_ref(lookup->arena, schema->id);
    const struct list_filter filter = {
        .wanted = value_list(lookup->arena, &id, 1), .priors = priors, .count = n};
    struct look_turns turns = {PTHREAD_MUTEX_INITIALIZER, found, found_ctx};
    int failed = schema->ops->ids ? schema->ops->ids(&op, &filter, take_turn, &turns, err)
                                  : schema->ops->list(&op, &filter, take_turn, &turns, &covered, err);
    pthread_mutex_destroy(&turns.one);
    return failed;
}

struct look_wanted {
    struct arena *arena;
    struct str attr, text;
    const struct value *object;
};

static void look_compare(void *ctx, const struct value *live)
{
    struct look_wanted *wanted = ctx;
    if (str_eq(value_text(value_get(live, wanted->attr), STR_EMPTY), wanted->text))
        wanted->object = value_copy(wanted->arena, live);
}

int lookup_find(struct lookup *lookup, const struct schema *schema, struct str attr, struct str text,
    const struct value **object, struct err *err)
{
    struct look_wanted wanted = {lookup->arena, attr, text, NULL};
    *object = NULL;
    if (!schema->ops->list || !schema->bulk)
        return 0;
    if (lookup_list(lookup, schema, NULL, 0, look_compare, &wanted, err))
        return -1;
    *object = wanted.object;
    return 0;
}

struct owned {
    struct live_resource *owner;
    struct str attr;
};

/* Sorts by type and id, independent of the order of arrival. */
static int by_type_and_id(const void *a, const void *b)
{
    const struct live_resource *x = *(struct live_resource *const *)a, *y = *(struct live_resource *const *)b;
    int types = str_cmp(x->schema->name, y->schema->name);
    return types ? types : str_cmp(x->id, y->id);
}

/* ---- names and comments ---- */

static struct str wanted_name(const struct live_resource *one)
{
    const struct value *tags = value_get(one->live, one->schema->tags.n ? one->schema->tags : STR("tags"));
    struct str named = value_gets(tags, "Name"), name = value_gets(one->live, "name");
    ptrdiff_t bracket = str_find_char(one->address, '[', 0);
    if (one->address.n)
        return bracket < 0 ? one->address : str_slice(one->address, 0, (size_t)bracket);
    if (named.n || name.n)
        return named.n ? named : str_last_part(name, ":/");
    bool telling = str_find_char(one->id, '/', 0) >= 0 || str_starts(one->id, STR("arn:")) ||
                   str_find_char(one->id, '-', 0) < 0;
    return telling ? str_last_part(one->id, ":/") : str_last_part(one->schema->name, ".:");
}

static void leave_out(struct live *l, const struct live_resource *one, struct str why)
{
    l->draft->left_out++;
    draft_row(l->draft, one->id, STR("-"), arena_printf(l->arena, "left out: %.*s", STR_ARG(why)));
}

/* Counts resources that AWS creates and users cannot: default groups, service-linked roles, keys of
 * services. */
static void count_made_by_aws(struct live *l, const struct live_resource *one)
{
    struct value *count = map_get(&l->made_by_aws, one->schema->name);
    if (!count) {
        count = ARENA_NEW(l->arena, struct value);
        *count = *value_int(l->arena, 0);
        map_set(&l->made_by_aws, one->schema->name, count);
    }
    count->integer++;
}

static void report_made_by_aws(struct live *l)
{
    for (size_t i = 0; i < l->made_by_aws.n; i++) {
        const struct value *count = l->made_by_aws.items[i].ptr;
        draft_row(l->draft, l->made_by_aws.items[i].key, STR("-"),
            arena_printf(l->arena, "%" PRId64 " left out: made by AWS itself", count->integer));
    }
}

/* Returns whether the service reports any setting besides the identity. Resources that were never created
 * have none. */
static bool is_configured(const struct live_resource *one)
{
    for (size_t i = 0; i < one->schema->attr_count; i++) {
        const struct attr *attr = &one->schema->attrs[i];
        const struct value *v = value_get(one->live, attr->name);
        if (attr->settable && !value_get(one->found, attr->name) && !value_is_empty(v) &&
            !(attr->default_value && attr_equal(attr, attr->default_value, v)))
            return true;
    }
    return false;
}

/* Appends the hint that CloudFormation's type may support the settings. */
static struct str or_cloudformation(struct live *l, const struct live_resource *one, struct str why)
{
    struct str cfn = one->schema->cfn;
    if (!cfn.n || str_eq(cfn, one->schema->name) || !cfn_published(l->arena, cfn))
        return why;
    return arena_printf(
        l->arena, "%.*s; --type %.*s may draft it as CloudFormation has it", STR_ARG(why), STR_ARG(cfn));
}

/* Adds the attributes that follow from the id, if it is an ARN: its parents, and a name that responses do not
 * contain. */
static void add_named(struct live *l, struct live_resource *one)
{
    const struct value *named = NULL;
    struct op_ctx op = lookup_context(l->lookup, one->schema);
    if (str_starts(one->id, STR("arn:")) && one->schema->ops->by_arn &&
        !one->schema->ops->by_arn(&op, one->id, &named, ERR_IGNORED) && named)
        one->found = one->found ? value_merge(l->arena, named, one->found) : named;
}

static void live_describe(struct live *l, struct live_resource *one)
{
    struct err err = ERR_INIT;
    struct lookup_responses answers = {.arena = l->arena};
    struct str why = STR_EMPTY, comment = STR_EMPTY;
    if (lookup_read(l->lookup, one->schema, one->id, &one->live, &answers, &err) || !one->live) {
        if (one->unlisted && (err.class == ERR_NONE || err.class == ERR_ABSENT))
            return;
        leave_out(l, one,
            one->live               ? str_z(err.message)
            : err.class == ERR_NONE ? STR("it was deleted meanwhile")
                                    : str_z(err.message));
        return;
    }
    if (answers.made_by_aws) {
        count_made_by_aws(l, one);
        return;
    }
    if (one->unlisted && !is_configured(one))
        return;
    add_named(l, one);
    one->live = one->found ? value_merge(l->arena, one->found, one->live) : one->live;
    struct tree *attrs = live_settings(l, one, answers.documents, &comment, &why);
    if (!attrs) {
        leave_out(l, one, or_cloudformation(l, one, why));
        return;
    }
    one->resource = draft_resource(l->draft);
    one->resource->name =
        draft_name(l->draft, arena_str(l->arena, wanted_name(one)), str_last_part(one->schema->name, ".:"));
    one->resource->attrs = attrs;
    one->resource->comment = comment;
    one->resource->schema = one->schema;
    one->resource->type = one->schema->name;
}

/* ---- references ---- */

static void know(struct live *l, struct live_resource *one, struct str attr)
{
    struct str text = value_gets(one->live, arena_strz(l->arena, attr));
    text = !text.n && str_eqz(attr, "arn") ? one->arn : text;
    struct owned *known = text.n >= 3 ? map_get(&l->by_text, text) : NULL;
    if (text.n < 3)
        return;
    if (known) { /* ambiguous: two resources have the same text */
        known->owner = known->owner == one ? one : NULL;
        return;
    }
    known = ARENA_MAKE(l->arena, struct owned, one, attr);
    map_set(&l->by_text, text, known);
}

/* Returns the code for the prefix of a text that is another resource's attribute; *n is its length. */
static struct str code_of(struct live *l, struct live_resource *one, struct str text, size_t *n)
{
    for (*n = text.n; *n >= 3; --*n) {
        char next = *n < text.n ? text.p[*n] : 0;
        if (next && (!str_starts(text, STR("arn:")) || (next != '/' && next != ':')))
            continue;
        const struct owned *owned = map_get(&l->by_text, str_slice(text, 0, *n));
        if (!owned || !owned->owner || !owned->owner->resource ||
            draft_reaches(++l->walks, &owned->owner->needs, &one->needs))
            continue;
        map_set(&one->needs.all, owned->owner->resource->name, &owned->owner->needs);
        return arena_printf(
            l->arena, "%.*s.%.*s", STR_ARG(owned->owner->resource->name), STR_ARG(owned->attr));
    }
    return STR_EMPTY;
}

static struct tree *live_related(struct live *l, struct live_resource *one, struct tree *s)
{
    struct str text = tree_literal_text(l->arena, s);
    size_t n;
    if (text.p && s->value->kind == VALUE_STRING && !s->sensitive) {
        struct str code = code_of(l, one, text, &n);
        if (!code.n)
            return s;
        struct tree *out = tree_new(l->arena, TREE_TEXT, NULL);
        tree_append(l->arena, out, tree_code(l->arena, NULL, "%s", code.p));
        tree_append(l->arena, out, tree_string(l->arena, str_slice(text, n, text.n), NULL));
        return tree_simple(l->arena, out);
    }
    for (size_t i = 0; i < s->n; i++) {
        struct tree **child = s->kind == TREE_MAP ? &s->entries[i].value : &s->items[i];
        *child = live_related(l, one, *child);
    }
    return s;
}

static void relate(struct live *l, struct live_resource *one)
{
    struct tree *attrs = one->resource->attrs;
    for (size_t i = 0; i < attrs->n; i++) {
        struct tree_entry *e = &attrs->entries[i];
        const struct attr *attr = schema_attr(one->schema, e->key);
        if (!attr) /* a key that is not an attribute, such as lifecycle */
            continue;
        if (!mapping_is_own(one->schema, e->key))
            e->value = draft_of_caller(l->draft, live_related(l, one, e->value), l->account, l->region);
        e->value = mapping_hide(l->draft, attrs, e, one->schema, one->resource->name);
    }
}

/* ---- the draft ---- */

static struct str no_references(void *ctx UNUSED, struct draft_reference *reference)
{
    return reference->code;
}

int live_read(struct draft *draft, struct lookup *lookup, const struct live_wanted *wanted, struct err *err)
{
    struct live l = {.arena = draft->arena,
        .draft = draft,
        .lookup = lookup,
        .wanted = wanted,
        .address = STR_EMPTY,
        .account = STR_EMPTY};
    struct aws_client *client = provider_aws(lookup->provider);
    l.region = aws_region(client);
    (void)aws_account(client, l.arena, &l.account, ERR_IGNORED);
    draft->resolve = no_references;
    int status = live_find(&l, wanted, err);
    if (l.n)
        qsort(l.items, l.n, sizeof *l.items, by_type_and_id);
    for (size_t i = 0; !status && i < l.n; i++)
        live_describe(&l, l.items[i]);
    for (size_t i = 0; !status && i < l.n; i++)
        if (l.items[i]->resource) {
            know(&l, l.items[i], STR("arn"));
            know(&l, l.items[i], l.items[i]->schema->id);
            know(&l, l.items[i], STR("name"));
        }
    for (size_t i = 0; !status && i < l.n; i++) {
        struct live_resource *one = l.items[i];
        if (!one->resource)
            continue;
        relate(&l, one);
        draft_import(draft, one->resource->name, tree_string(l.arena, one->id, NULL));
        draft_row(draft, one->id,
            arena_printf(l.arena, "%.*s (%.*s)", STR_ARG(one->resource->name), STR_ARG(one->resource->type)),
            STR_EMPTY);
        draft->ours += str_starts(one->schema->name, STR("aws."));
        draft->theirs += !str_starts(one->schema->name, STR("aws."));
    }
    if (!status)
        report_made_by_aws(&l);
    for (size_t i = 0; i < l.n; i++)
        map_release(&l.items[i]->needs.all);
    map_release(&l.made_by_aws);
    map_release(&l.known);
    map_release(&l.by_text);
    return status;
}
