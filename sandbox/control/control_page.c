/* Pages: which of the resources that a listing found are on this one. */
#include "sandbox/control/control_place.h"

#include "provider/spec/act.h"

#include <stdlib.h>

static int64_t as_size(const struct value *v)
{
    int64_t size = 0;
    if (v && v->kind == VALUE_INT)
        return v->integer;
    return v && v->kind == VALUE_STRING && str_to_int(v->string, &size) ? size : 0;
}

/* One parameter of a query string; members that weir does not send are in no shape. */
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

/* The page size that the request asks for, by any of the names that services have for it, or the listing's
 * own; 0: none. */
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

/* Clients hold some tokens to be names, and want them long enough. */
#define PAGE_MARK "page-"

/* The attribute that the last item is known by, which a client has to name for the next page. */
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

/* Pages that begin after a key: resources are in its order, whatever comes and goes between two pages. */
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
    document_place(m, root, role->step->list.page.more, &document_flag, value_bool(more));
    return more ? *first + (size_t)size : n;
}

/* A token names the last resource shown, for others may come and go between pages. */
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
    /* Where several types are listed at once, the next page begins with what was shown of all. */
    if (!m->call->page_end || last < m->call->page_end)
        m->call->page_end = last;
    document_place(m, root, rule->out, &document_text,
        value_string(m->arena, arena_printf(m->arena, PAGE_MARK "%lld", (long long)m->call->page_end)));
    return end;
}
