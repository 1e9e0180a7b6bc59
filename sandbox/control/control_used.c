/*
 * Who uses a resource, which therefore cannot be deleted: `used_by: {code: DeleteConflict, by: [{type:
 * aws.iam.role, attribute: managed_policies}]}`; and rules beyond a schema.
 */
#include "sandbox/control/control_internal.h"

/* ---- What values have to be beside what a schema can say of each alone: names and entries that are the
 * service's own (`fixed`), and what is so for one type alone. */

int check_own(struct call *call, const struct value *before, const struct value *attrs)
{
    const struct control_type *own = type_own(call->control, call->role->type);
    if (!own->check || (before && own->check(call->control, before, ERR_IGNORED)))
        return 0;
    return own->check(call->control, attrs, call->err);
}

/* ---- `fixed: {routes: {if: {gateway_id: local}, keys: [], code: InvalidParameterValue}}` ---- */

bool check_is_fixed(const struct spec_type *type, struct str attr, struct str key, const struct value *entry)
{
    const struct value *rule = value_get(value_getz(type->sandbox, "fixed"), attr);
    const struct value *conditions = value_getz(rule, "if"), *keys = value_getz(rule, "keys");
    return value_list_has(keys, key) || (conditions && fill_looks(entry, conditions));
}

int check_fixed(struct call *call, const struct value *have, const struct value *after)
{
    const struct spec_type *type = call->role->type;
    struct str name = call->role->attr->attr->name;
    const struct value *rule = value_get(value_getz(type->sandbox, "fixed"), name);
    for (uint32_t i = 0; rule && have && have->kind == VALUE_MAP && i < have->count; i++)
        if (check_is_fixed(type, name, have->entries[i].key, have->entries[i].value) &&
            !value_equal(value_get(after, have->entries[i].key), have->entries[i].value))
            return refuse(call, 400, value_gets(rule, "code"), "%.*s of %.*s is the service's own",
                STR_ARG(have->entries[i].key), STR_ARG(name));
    return 0;
}

enum { WHERE_MOST = 8 };

/* Is it there, at any depth? */
static bool value_holds(const struct value *v, const struct value *wanted)
{
    if (value_is_null(v))
        return false;
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++)
        if (value_holds(v->items[i], wanted))
            return true;
    for (uint32_t i = 0; v->kind == VALUE_MAP && i < v->count; i++)
        if (value_holds(v->entries[i].value, wanted))
            return true;
    return value_equal(v, wanted);
}

static bool refers(const struct value *v, const struct resource *resource)
{
    return value_holds(v, value_get(resource->attrs, resource->type->schema.id)) ||
           value_holds(v, value_getz(resource->attrs, "arn"));
}

/* `part_of: {bucket: aws.s3tables.table_bucket}`: is it something of this resource's? */
bool check_is_part(const struct resource *part, const struct resource *resource)
{
    const struct value *rules = value_getz(part->type->sandbox, "part_of");
    for (uint32_t i = 0; rules && i < rules->count; i++)
        if (str_eq(value_text(rules->entries[i].value, STR_EMPTY), resource->type->schema.name) &&
            str_eq(part->region, resource->region) &&
            refers(value_get(part->attrs, rules->entries[i].key), resource))
            return true;
    return false;
}

bool check_is_only_shown(struct call *call, const struct resource *user)
{
    const struct spec_conditions *deleted = &user->type->deleted;
    const struct value *attrs = user->deleted_ms && deleted->count ? fill_now(call, user) : NULL;
    for (size_t i = 0; attrs && i < deleted->count; i++) {
        const struct value *have = value_get(attrs, deleted->items[i].name),
                           *wanted = deleted->items[i].values;
        bool holds = false;
        for (uint32_t k = 0; k < wanted->count; k++)
            holds = holds || value_equal(have, wanted->items[k]);
        if (!holds)
            return false;
    }
    return attrs;
}

static bool has_all(const struct value *attrs, const struct value *wanted)
{
    for (uint32_t i = 0; wanted && i < wanted->count; i++)
        if (!value_holds(value_get(attrs, wanted->entries[i].key), wanted->entries[i].value))
            return false;
    return wanted;
}

/* `where: {target: "integrations/${integration_id}"}`: templates of the resource's attributes. */
static const struct value *wanted_of(
    struct call *call, const struct value *rule, const struct resource *resource)
{
    const struct value *where = value_getz(rule, "where");
    return where ? fill_value(call, resource->type, where, resource->attrs) : NULL;
}

static bool is_used(struct call *call, const struct resource *resource);

bool check_uses(
    struct call *call, const struct value *rule, const struct resource *user, const struct resource *resource)
{
    const struct value *where = value_getz(rule, "where"), *only = value_getz(rule, "if");
    if (user == resource || !str_eq(user->type->schema.name, value_gets(rule, "type")))
        return false;
    bool does = where ? has_all(user->attrs, wanted_of(call, rule, resource))
                      : refers(value_get(user->attrs, value_gets(rule, "attribute")), resource);
    return does && (!only || fill_looks(fill_now(call, user), only)) &&
           (!value_getb(rule, "used") || is_used(call, user)) && !check_is_only_shown(call, user);
}

/* Where a rule has `where`, nothing in the user need be a name of the resource. */
static struct resources candidates(
    struct call *call, const struct value *rule, const struct resource *resource)
{
    const struct value *wanted = wanted_of(call, rule, resource);
    if (!value_getz(rule, "where"))
        return words_naming(call->control, call->arena, resource);
    struct str texts[WHERE_MOST];
    size_t n = 0;
    for (uint32_t i = 0; wanted && i < wanted->count && n < WHERE_MOST; i++)
        if (wanted->entries[i].value->kind == VALUE_STRING)
            texts[n++] = wanted->entries[i].value->string;
    return wanted ? words_find_rarest(call->control, call->arena, texts, n) : (struct resources){0};
}

struct resources check_users(struct call *call, const struct value *rule, const struct resource *resource)
{
    const struct resources all = candidates(call, rule, resource);
    struct resources found = {.items = ARENA_ARRAY(call->arena, struct resource *, all.n + 1)};
    for (size_t i = 0; i < all.n; i++)
        if (str_eq(all.items[i]->region, resource->region) && check_uses(call, rule, all.items[i], resource))
            found.items[found.n++] = all.items[i];
    return found;
}

static const struct value *rules_of(const struct resource *resource)
{
    const struct value *by = value_getz(value_getz(resource->type->sandbox, "used_by"), "by");
    return by ? by : &value_empty_list;
}

static bool is_used(struct call *call, const struct resource *resource)
{
    const struct value *by = rules_of(resource);
    for (uint32_t r = 0; r < by->count; r++)
        if (check_users(call, by->items[r], resource).n)
            return true;
    return false;
}

int64_t check_count_users(struct call *call, const struct resource *resource)
{
    const struct value *by = rules_of(resource);
    int64_t n = 0;
    for (uint32_t r = 0; r < by->count; r++)
        if (!value_getz(by->items[r], "counts")) /* false */
            n += (int64_t)check_users(call, by->items[r], resource).n;
    return n;
}

int check_unused(struct call *call, const struct resource *resource)
{
    const struct value *by = rules_of(resource), *used = value_getz(resource->type->sandbox, "used_by");
    for (uint32_t r = 0; r < by->count; r++) {
        const struct resources users = check_users(call, by->items[r], resource);
        const struct value *own = value_getz(by->items[r], "message");
        for (size_t i = 0; i < users.n; i++)
            if (!implied_goes(call, users.items[i], resource))
                return refuse(call, refuse_status(call, 409), value_gets(used, "code"), "%.*s",
                    STR_ARG(refuse_words(call, resource->type, resource->attrs,
                        own ? own : value_getz(used, "message"),
                        arena_printf(call->arena, "cannot be deleted while %.*s %.*s uses it",
                            STR_ARG(users.items[i]->type->schema.name), STR_ARG(users.items[i]->id)))));
    }
    return 0;
}
