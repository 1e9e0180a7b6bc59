/* Which resources a listing is of. */
#include "sandbox/control/control_internal.h"

#include "base/hash.h"
#include "base/mem.h"

/* What the request says that an attribute is, or begins with. */
struct narrowing {
    struct str name;
    const struct attr *attr;
    const struct value *sent;     /* a list with at least one item */
    bool begins, anywhere, owned; /* anywhere: and not only at its begin; owned: what the resources belong to,
                                     the function of aliases */
    bool changes;                 /* with time alone: a state */
};

struct listing {
    struct call *call;
    struct narrowing *items;
    size_t n;
    struct filters filters;
};

/* A member of the request: its texts. It may lie in the address without being in a shape. */
static const struct value *sent_texts(const struct call *call, struct str member)
{
    struct str query = call->request->query, value, name, text;
    const struct value *v = value_get(call->raw, member);
    struct value_builder b = VALUE_BUILDER(call->arena);
    const struct value *items = value_getz(v, "member"); /* of a list in a form */
    v = items ? items : v;
    if (v)
        return v->kind == VALUE_LIST ? v : value_list(call->arena, &v, 1);
    while (query.n) {
        struct str pair = str_cut(query, '&', &query);
        if (url_decode(call->arena, str_cut(pair, '=', &value), true, &name) && str_eq(name, member) &&
            url_decode(call->arena, value, true, &text))
            value_builder_add(&b, value_string(call->arena, text));
    }
    return value_builder_list(&b);
}

/* `prefixes: {QueueNamePrefix: name}`, `parts: {logGroupNamePattern: name}`, `narrows: {status: status}`:
 * members of a listing that an attribute begins with, or is. Without such a member a listing narrows down to
 * the attribute's default, if it has one: rules are those of the default bus. */
static void read_rules(struct listing *l, const struct value *rules, bool begins, bool anywhere)
{
    const struct spec_type *type = l->call->role->type;
    for (uint32_t i = 0; rules && i < rules->count; i++) {
        struct str name = value_text(rules->entries[i].value, STR_EMPTY);
        const struct attr *attr = schema_attr(&type->schema, name);
        const struct value *sent = sent_texts(l->call, rules->entries[i].key);
        if (!sent->count && !begins && attr && attr->default_value &&
            find_is_part_of_id(l->call, type, attr->name))
            sent = value_list(l->call->arena, &attr->default_value, 1);
        if (sent->count)
            l->items[l->n++] = (struct narrowing){.name = name,
                .attr = attr,
                .sent = sent,
                .begins = begins,
                .anywhere = anywhere,
                .changes = fill_changes(type, name)};
    }
}

static bool is_prefix(const struct spec_type *type, struct str name)
{
    const struct value *rules = value_getz(type->sandbox, "prefixes");
    for (uint32_t i = 0; rules && i < rules->count; i++)
        if (str_eq(value_text(rules->entries[i].value, STR_EMPTY), name))
            return true;
    return false;
}

/* A listing may be of what belongs to something: the aliases of one function. */
static void read_owners(struct listing *l)
{
    const struct spec_type *type = l->call->role->type;
    const struct spec_request *request = &l->call->role->step->call.request;
    for (size_t i = 0; i < request->attr_count; i++) {
        const struct spec_attr *spec = spec_attr_find(type, request->attrs[i]);
        const struct value *given = value_get(l->call->input, request->attrs[i]);
        if (spec && !value_is_null(given) && !is_prefix(type, request->attrs[i]))
            l->items[l->n++] = (struct narrowing){.name = spec->attr->name,
                .attr = spec->attr,
                .sent = value_list(l->call->arena, &given, 1),
                .owned = true};
    }
}

/* Is the attribute one of those sent, or does it begin with the first? */
static bool is_meant(const struct narrowing *by, const struct value *have)
{
    const struct value *sent = by->sent;
    struct str text = value_text(have, STR_EMPTY), part = value_text(sent->items[0], STR_EMPTY);
    if (by->begins)
        return by->anywhere ? str_find(text, part, 0) >= 0 : str_starts(text, part);
    bool is = false;
    for (uint32_t k = 0; k < sent->count; k++)
        is = is ||
             (by->attr ? find_refers(by->attr, sent->items[k], have) : value_equal(sent->items[k], have));
    for (uint32_t i = 0; !by->owned && have && have->kind == VALUE_LIST && i < have->count && !is; i++)
        for (uint32_t k = 0; k < sent->count; k++)
            is = is || value_equal(sent->items[k], have->items[i]);
    return is;
}

static bool is_of_listing(const struct listing *l, const struct resource *resource)
{
    const struct value *now = NULL;
    for (size_t i = 0; i < l->n; i++) {
        const struct narrowing *by = &l->items[i];
        if (by->changes && !now)
            now = fill_now(l->call, resource);
        const struct value *attrs = by->changes ? now : resource->attrs;
        bool within = str_find(by->name, STR("[]."), 0) > 0; /* transformations[].metric_name */
        if (!is_meant(by, within ? wire_path(l->call->arena, attrs, by->name) : value_get(attrs, by->name)))
            return false;
    }
    return true;
}

/* ---- the resources ---- */

static struct listing read_listing(struct call *call)
{
    const struct value *sandbox = call->role->type->sandbox, *prefixes = value_getz(sandbox, "prefixes"),
                       *parts = value_getz(sandbox, "parts"), *narrows = value_getz(sandbox, "narrows");
    size_t most = (prefixes ? prefixes->count : 0) + (parts ? parts->count : 0) +
                  (narrows ? narrows->count : 0) + call->role->step->call.request.attr_count;
    struct listing l = {.call = call, .items = ARENA_ARRAY(call->arena, struct narrowing, most + 1)};
    read_rules(&l, prefixes, true, false);
    read_rules(&l, parts, true, true);
    read_rules(&l, narrows, false, false);
    read_owners(&l);
    filters_read(call, &l.filters);
    return l;
}

/* The text, and of an ARN what stands behind each part of it: …:function:ingest is ingest. */
static struct resources resources_referred(const struct call *call, const struct value *reference)
{
    struct str text = value_text(reference, STR_EMPTY);
    struct str *texts = ARENA_ARRAY(call->arena, struct str, text.n + 1);
    size_t n = 0;
    texts[n++] = text;
    for (size_t i = 0; str_starts(text, STR("arn:")) && i + 1 < text.n; i++)
        if (text.p[i] == ':' || text.p[i] == '/')
            texts[n++] = str_slice(text, i + 1, text.n);
    return words_find(call->control, call->arena, texts, n);
}

/* Those that it may be of: where something says what they belong to, few are looked at. */
static struct resources possibly_listed(const struct listing *l)
{
    for (size_t i = 0; i < l->n; i++) {
        const struct narrowing *by = &l->items[i];
        if (!by->begins && !by->changes && by->sent->count == 1 &&
            find_has_text(by->attr, by->sent->items[0]))
            return resources_referred(l->call, by->sent->items[0]);
    }
    for (size_t i = 0; i < l->filters.n; i++) {
        size_t n;
        const struct str *texts = filters_texts(l->call, &l->filters.items[i], &n);
        if (n)
            return words_find(l->call->control, l->call->arena, texts, n);
    }
    return words_all(l->call->control);
}

/* Of those that wait to be gone: always, or where this member of the request says so. */
static bool is_shown(const struct call *call, const struct value *rule)
{
    struct str member = value_text(rule, STR_EMPTY);
    return member.n ? value_equal(value_get(call->raw, member), &value_true) : !value_is_null(rule);
}

bool list_newest_first(const struct call *call)
{
    return value_list_has(value_getz(call->role->type->sandbox, "newest_first"), call->served->op->wire.name);
}

void list_resources(struct call *call, struct resource ***found, size_t *n)
{
    size_t cap = 0;
    const struct spec_type *type = call->role->type;
    const struct listing listing = read_listing(call);
    const struct resources resources = possibly_listed(&listing);
    for (size_t i = 0; i < resources.n; i++) {
        struct resource *resource = resources.items[i];
        if (resource->type != type || !str_eq(resource->region, find_region(call, type)) ||
            !is_of_listing(&listing, resource) ||
            (soft_is_waiting(resource) && !is_shown(call, soft_rule(resource, "listed"))) ||
            fill_lingers(call->control, resource) || !filters_pass(call, &listing.filters, resource))
            continue;
        MEM_GROW(*found, cap, *n + 1);
        (*found)[(*n)++] = resource;
    }
    for (size_t i = 0; list_newest_first(call) && i < *n / 2; i++) {
        struct resource *one = (*found)[i];
        (*found)[i] = (*found)[*n - 1 - i];
        (*found)[*n - 1 - i] = one;
    }
}
