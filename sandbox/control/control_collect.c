/* What an answer about one resource has of others that belong to it. */
#include "sandbox/control/control_internal.h"

#include "base/mem.h"

#include <stdlib.h>

/*
 *     collects:
 *       IpPermissions: {type: aws.ec2.security_group_rule, attribute: group_id, if: {egress: false},
 *         shows: {IpProtocol: "${protocol}"}, lists: {IpRanges: {CidrIp: "${cidr}"}}}
 *
 * Those with the same `shows` are one item; `lists` are what each of them adds to its lists. `one: Name`: not
 * a list but that member of the first item, if there is one.
 */

struct collecting {
    struct call *call;
    const struct value *rule;
    const struct value **heads;  /* `shows` of each item */
    const struct value **bodies; /* its lists */
    size_t n, cap, body_cap;
};

/* A structure of templates; parts that have no value, or an empty text, are left out. */
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

/* A list that has nothing is there all the same. */
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

static const struct value *appended(struct arena *arena, const struct value *list, const struct value *v)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; list && i < list->count; i++)
        value_builder_add(&b, list->items[i]);
    value_builder_add(&b, v);
    return value_builder_list(&b);
}

/* It is one if it has all but what may be left out. */
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
                appended(c->call->arena, value_get(c->bodies[at], name), v));
    }
}

/* Its own times are meant, not those of what it belongs to. */
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
