/* The resources of a listing, its pages, and parts of other resources. */
#include "base/hash.h"
#include "base/match.h"
#include "base/mem.h"
#include "provider/spec/act.h"
#include "sandbox/control/control_internal.h"

#include <stdlib.h>

/* ---- parts of other resources in a response ---- */

/*
 *   collects:
 *     IpPermissions: {type: aws.ec2.security_group_rule, attribute: group_id, if: {egress: false},
 *       shows: {IpProtocol: "${protocol}"}, lists: {IpRanges: {CidrIp: "${cidr}"}}}
 *
 * Resources with equal `shows` form one item; each adds to the `lists` of the item. `one: Name`: not a list
 * but this member of the first item, if any.
 */

struct collecting {
    struct call *call;
    const struct value *rule;
    const struct value **heads;  /* `shows` of each item */
    const struct value **bodies; /* lists of each item */
    size_t n, cap, body_cap;
};

/* Evaluates a structure of templates; unknown values and empty strings are omitted. */
static const struct value *collect_filled(struct call *call, const struct resource *resource,
    const struct value *template, const struct value *attrs)
{
    const struct value *out = &value_empty_map;
    for (uint32_t i = 0; template && template->kind == VALUE_MAP && i < template->count; i++) {
        const struct value *v = fill_value(call, resource->type, template->entries[i].value, attrs);
        if (!value_is_null(v) && !value_equal(v, &value_empty_string))
            out = value_with(call->arena, out, template->entries[i].key, v);
    }
    return out;
}

/* Empty lists are returned. */
static const struct value *empty_lists(struct collecting *c)
{
    const struct value *lists = value_getz(c->rule, "lists"), *out = &value_empty_map;
    for (uint32_t i = 0; lists && i < lists->count; i++)
        out = value_with(c->call->arena, out, lists->entries[i].key, &value_empty_list);
    return out;
}

static size_t item_of(struct collecting *c, const struct value *head)
{
    for (size_t i = 0; i < c->n; i++)
        if (value_equal(c->heads[i], head))
            return i;
    MEM_GROW(c->heads, c->cap, c->n + 1);
    MEM_GROW(c->bodies, c->body_cap, c->n + 1);
    c->heads[c->n] = head;
    c->bodies[c->n] = empty_lists(c);
    return c->n++;
}

/* True if the value has all members except an optional Description. */
static bool is_item(const struct value *template, const struct value *v)
{
    for (uint32_t i = 0; i < template->count; i++)
        if (!str_eqz(template->entries[i].key, "Description") && !value_get(v, template->entries[i].key))
            return false;
    return true;
}

static void add_item(struct collecting *c, const struct resource *resource)
{
    const struct value *attrs = fill_now(c->call, resource), *lists = value_getz(c->rule, "lists");
    if (!fill_looks(attrs, value_getz(c->rule, "if")))
        return;
    size_t at = item_of(c, collect_filled(c->call, resource, value_getz(c->rule, "shows"), attrs));
    for (uint32_t i = 0; lists && i < lists->count; i++) {
        struct str name = lists->entries[i].key;
        const struct value *v = collect_filled(c->call, resource, lists->entries[i].value, attrs);
        if (is_item(lists->entries[i].value, v))
            c->bodies[at] = value_with(c->call->arena, c->bodies[at], name,
                value_list_with(c->call->arena, value_get(c->bodies[at], name), v));
    }
}

/* Templates refer to the times of this resource, not of the enclosing one. */
static void add_resource(struct collecting *c, const struct resource *resource)
{
    const struct resource *around = c->call->subject;
    c->call->subject = resource;
    add_item(c, resource);
    c->call->subject = around;
}

static const struct value *items(struct call *call, const struct resource *resource, const struct value *rule)
{
    struct collecting c = {.call = call, .rule = rule};
    const struct resources users = words_naming(call->control, call->arena, resource);
    for (size_t i = 0; i < users.n; i++)
        if (check_uses(call, rule, users.items[i], resource))
            add_resource(&c, users.items[i]);
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(call->arena);
    for (size_t i = 0; i < c.n; i++)
        value_builder_add(&b, value_merge(call->arena, c.heads[i], c.bodies[i]));
    free(c.heads);
    free(c.bodies);
    return value_builder_list(&b);
}

const struct value *collect(struct call *call, const struct resource *resource)
{
    const struct value *rules = value_getz(resource->type->sandbox, "collects"), *out = &value_empty_map;
    for (uint32_t i = 0; rules && i < rules->count; i++) {
        const struct value *rule = rules->entries[i].value, *v = items(call, resource, rule);
        struct str one = value_gets(rule, "one");
        if (one.n)
            v = v->count ? value_get(v->items[0], one) : NULL;
        if (v)
            out = value_with(call->arena, out, rules->entries[i].key, v);
    }
    return out;
}

/* ---- pages ---- */

static int64_t as_size(const struct value *v)
{
    int64_t size = 0;
    if (v && v->kind == VALUE_INT)
        return v->integer;
    return v && v->kind == VALUE_STRING && str_to_int(v->string, &size) ? size : 0;
}

/* Reads a query parameter: page sizes that weir does not send are in no shape. */
static int64_t query_size(struct str query, const char *name)
{
    while (query.n) {
        struct str value, pair = str_cut(query, '&', &query);
        int64_t size;
        if (str_eqz(str_cut(pair, '=', &value), name) && str_to_int(value, &size))
            return size;
    }
    return 0;
}

/* Returns the requested page size, under any of the services' names, or the listing's default; 0: none. */
static int64_t page_size(const struct call *call)
{
    static const char *const names[] = {"MaxItems", "MaxResults", "MaxRecords", "Limit", "PageSize",
        "maxResults", "limit", "pageSize", "ResourcesPerPage", "maxBuckets", "maxNamespaces", "maxTables"};
    int64_t size = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names && size <= 0; i++) {
        size = as_size(value_getz(call->raw, names[i]));
        size = size > 0 ? size : query_size(call->request->query, names[i]);
    }
    const struct value *usual = value_getz(call->role->type->sandbox, "page_size");
    return size > 0 ? size : as_size(value_get(usual, call->served->op->wire.name));
}

/* Some clients validate tokens as names with a minimum length. */
#define PAGE_MARK "page-"

/* Returns the attribute that identifies the last item for the next page. */
static const struct value *page_key(const struct role *role, const struct resource *resource)
{
    for (size_t i = 0; i < role->type->attr_count; i++) {
        struct str path;
        if (act_provides(role->type, role->step, &role->type->attrs[i], &path) &&
            (str_eq(path, role->step->list.page.last) ||
                (str_eqz(path, "@") && str_eqz(role->step->list.page.last, "."))))
            return value_get(resource->attrs, role->type->attrs[i].attr->name);
    }
    return value_get(resource->attrs, role->type->schema.id);
}

struct keyed {
    const struct value *key;
    struct resource *resource;
};

static int by_key(const void *a, const void *b)
{
    return value_compare(((const struct keyed *)a)->key, ((const struct keyed *)b)->key);
}

/* Returns a page after a key: sorted by the key, so that changes between pages do not matter. */
static size_t page_after(
    struct making *m, struct part_node *root, struct resource *const **resources, size_t n, size_t *first)
{
    const struct role *role = m->call->role;
    const struct value *after = value_get(m->call->input, role->step->list.page.in_key);
    struct keyed *keyed = ARENA_ARRAY(m->arena, struct keyed, n);
    struct resource **ordered = ARENA_ARRAY(m->arena, struct resource *, n);
    for (size_t i = 0; i < n; i++)
        keyed[i] = (struct keyed){page_key(role, (*resources)[i]), (*resources)[i]};
    if (n)
        qsort(keyed, n, sizeof *keyed, by_key);
    *first = 0;
    for (size_t i = 0; i < n; i++) {
        ordered[i] = keyed[i].resource;
        *first += !value_is_null(after) && value_compare(keyed[i].key, after) <= 0;
    }
    *resources = ordered;
    int64_t size = page_size(m->call);
    bool more = size > 0 && *first + (size_t)size < n;
    document_put(m, root, role->step->list.page.more, &document_flag, value_bool(more));
    return more ? *first + (size_t)size : n;
}

/* True if the listing is in `newest_first: [Call]`. */
static bool list_newest_first(const struct call *call)
{
    return value_list_has(value_getz(call->role->type->sandbox, "newest_first"), call->served->op->wire.name);
}

/* A token names the last resource, since others may change between pages. */
size_t page_cut(
    struct making *m, struct part_node *root, struct resource *const **sorted, size_t n, size_t *first)
{
    const struct spec_page *rule = &m->call->role->step->list.page;
    if (rule->by == PAGE_LAST_ITEM)
        return page_after(m, root, sorted, n, first);
    struct resource *const *resources = *sorted;
    int64_t after = 0, size = page_size(m->call);
    struct str token = value_text(value_get(m->call->input, rule->in_key), STR_EMPTY), mark = STR(PAGE_MARK);
    if (str_starts(token, mark))
        str_to_int(str_slice(token, mark.n, token.n), &after);
    bool newest = list_newest_first(m->call);
    for (*first = 0; *first < n && (newest ? after && resources[*first]->serial >= after
                                           : resources[*first]->serial <= after);)
        ++*first;
    if (size <= 0 || !rule->out.n || *first + (size_t)size >= n)
        return n;
    size_t end = *first + (size_t)size;
    int64_t last = resources[end - 1]->serial;
    /* With several types, the next page continues after what was returned of all. */
    if (!m->call->page_end || last < m->call->page_end)
        m->call->page_end = last;
    document_put(m, root, rule->out, &document_text,
        value_string(m->arena, arena_printf(m->arena, PAGE_MARK "%lld", (long long)m->call->page_end)));
    return end;
}

/* A condition on an attribute: equal, or a prefix. */
struct narrowing {
    struct str name;
    const struct attr *attr;
    const struct value *sent;     /* a list with at least one item */
    bool begins, anywhere, owned; /* anywhere: contains; owned: the parent, as an alias's function */
    bool changes;                 /* over time: a state */
    bool matches;                 /* the pattern; NULL: nothing */
    const struct regex_code *pattern;
};

struct listing {
    struct call *call;
    struct narrowing *items;
    size_t n;
    struct filters filters;
};

/* Returns the strings of a member, which may be a query parameter without a shape. */
static const struct value *sent_texts(const struct call *call, struct str member)
{
    struct str query = call->request->query, value, name, text;
    const struct value *v = value_get(call->raw, member);
    struct value_builder b = VALUE_BUILDER(call->arena);
    const struct value *items = value_getz(v, "member"); /* a list in a form */
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

/* Compiles a pattern of the data catalog: a regular expression in which a star alone is any text. NULL: it is
 * invalid, and matches nothing. */
static const struct regex_code *catalog_pattern(struct arena *arena, struct str text)
{
    AUTO_BUF struct buf out = BUF_INIT;
    for (size_t i = 0; i < text.n; i++) {
        bool alone = text.p[i] == '*' && (!i || !strchr(".])", text.p[i - 1]));
        buf_addf(&out, "%s%c", alone ? "." : "", text.p[i]);
    }
    return regex_compile(arena, buf_str(&out), true, NULL);
}

/* `narrows: {status: status, QueueNamePrefix: "name*", logGroupNamePattern: "*name*", Expression: "~name"}`:
 * members that must equal an attribute, be its prefix, be contained in it or be a pattern of it. Without the
 * member, an attribute with a default must have it: rules are listed for the default bus. */
static void read_rules(struct listing *l, const struct value *rules)
{
    const struct spec_type *type = l->call->role->type;
    for (uint32_t i = 0; rules && i < rules->count; i++) {
        struct str name = value_text(rules->entries[i].value, STR_EMPTY), whole = name;
        bool begins = str_ends(name, STR("*")), anywhere = str_starts(name, STR("*"));
        bool pattern = str_starts(name, STR("~"));
        name = str_slice(name, anywhere || pattern, name.n - begins);
        const struct attr *attr = schema_attr(&type->schema, name);
        const struct value *sent = sent_texts(l->call, rules->entries[i].key);
        if (!sent->count && str_eq(name, whole) && attr && attr->default_value &&
            find_is_part_of_id(l->call, type, attr->name))
            sent = value_list(l->call->arena, &attr->default_value, 1);
        if (sent->count)
            l->items[l->n++] = (struct narrowing){.name = name,
                .attr = attr,
                .sent = sent,
                .begins = begins,
                .anywhere = anywhere,
                .pattern =
                    pattern ? catalog_pattern(l->call->arena, value_text(sent->items[0], STR_EMPTY)) : NULL,
                .matches = pattern,
                .changes = fill_changes(type, name)};
    }
}

static bool is_prefix(const struct spec_type *type, struct str name)
{
    const struct value *rules = value_getz(type->sandbox, "narrows");
    for (uint32_t i = 0; rules && i < rules->count; i++) {
        struct str by = value_text(rules->entries[i].value, STR_EMPTY);
        if (str_ends(by, STR("*")) && str_eq(str_slice(by, 0, by.n - 1), name))
            return true;
    }
    return false;
}

/* Reads conditions on the parent: the aliases of one function. */
static void read_owners(struct listing *l)
{
    const struct spec_type *type = l->call->role->type;
    const struct spec_request *request = &l->call->role->step->call.request;
    for (size_t i = 0; i < request->attrs.count; i++) {
        const struct spec_attr *spec = spec_attr_find(type, request->attrs.items[i]);
        const struct value *given = value_get(l->call->input, request->attrs.items[i]);
        if (spec && !value_is_null(given) && !is_prefix(type, request->attrs.items[i]))
            l->items[l->n++] = (struct narrowing){.name = spec->attr->name,
                .attr = spec->attr,
                .sent = value_list(l->call->arena, &given, 1),
                .owned = true};
    }
}

/* True if the attribute has one of the values, or begins with or contains the first. */
static bool narrowing_matches(const struct narrowing *by, const struct value *have)
{
    const struct value *sent = by->sent;
    struct str text = value_text(have, STR_EMPTY), part = value_text(sent->items[0], STR_EMPTY);
    if (by->matches)
        return by->pattern && regex_matches(by->pattern, text);
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

static bool passes_narrowings(const struct listing *l, const struct resource *resource)
{
    const struct value *now = NULL;
    for (size_t i = 0; i < l->n; i++) {
        const struct narrowing *by = &l->items[i];
        if (by->changes && !now)
            now = fill_now(l->call, resource);
        const struct value *attrs = by->changes ? now : resource->attrs;
        bool within = str_find(by->name, STR("[]."), 0) > 0; /* transformations[].metric_name */
        if (!narrowing_matches(
                by, within ? wire_path(l->call->arena, attrs, by->name) : value_get(attrs, by->name)))
            return false;
    }
    return true;
}

/* ---- resources of a listing ---- */

static struct listing read_listing(struct call *call)
{
    const struct value *narrows = value_getz(call->role->type->sandbox, "narrows");
    size_t most = (narrows ? narrows->count : 0) + call->role->step->call.request.attrs.count;
    struct listing l = {.call = call, .items = ARENA_ARRAY(call->arena, struct narrowing, most + 1)};
    read_rules(&l, narrows);
    read_owners(&l);
    filters_read(call, &l.filters);
    return l;
}

/* Returns the resources with the string or, for an ARN, with any suffix after a separator: …:function:ingest
 * is ingest. */
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

/* Returns the resources that may be listed, by the parent or a filter if there is one. */
static struct resources possibly_listed(const struct listing *l)
{
    for (size_t i = 0; i < l->n; i++) {
        const struct narrowing *by = &l->items[i];
        if (!by->begins && !by->matches && !by->changes && by->sent->count == 1 &&
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

/* True if soft-deleted resources are listed: always, or if this member of the request is set. */
static bool is_shown(const struct call *call, const struct value *rule)
{
    struct str member = value_text(rule, STR_EMPTY);
    return member.n ? value_equal(value_get(call->raw, member), &value_true) : !value_is_null(rule);
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
            !passes_narrowings(&listing, resource) ||
            (soft_is_waiting(resource) && !is_shown(call, soft_rule(resource, "listed"))) ||
            fill_still_uses(call->control, resource) || !filters_pass(call, &listing.filters, resource))
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
