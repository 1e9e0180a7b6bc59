/*
 * Implied resources, which are created and deleted with another: a VPC has a security group, a route table
 * and a network ACL from the beginning, which cannot be deleted separately.
 */
#include "sandbox/control/control_internal.h"

/*
 *   creates: [{type: aws.ec2.security_group, held: CannotDelete, attributes: {name: default}}]
 *
 * Implied resources may have implied resources. One that is `held` stores its creator and the error code that
 * refuses its deletion.
 */

#define MAKER_KEY "=maker"
#define KIND_KEY  "=maker_type" /* makers of different types may have the same id */
#define HELD_KEY  "=held"

const struct spec_type *type_called(const struct call *call, const struct value *name)
{
    const struct schema *schema =
        catalog_find(call->control->options.catalog, value_text(name, STR_EMPTY), false, ERR_IGNORED);
    return schema ? schema->impl : NULL;
}

/* ---- `creates: [{type, if, held, attributes}]` ---- */

static const struct value *held_by(
    struct call *call, const struct value *attrs, const struct resource *maker, const struct value *code)
{
    attrs = value_with(call->arena, attrs, STR(MAKER_KEY), value_string(call->arena, maker->id));
    attrs =
        value_with(call->arena, attrs, STR(KIND_KEY), value_string(call->arena, maker->type->schema.name));
    return value_with(call->arena, attrs, STR(HELD_KEY), code);
}

/* Returns the existing implied resource with this id, or NULL. */
static struct resource *find_implied_resource(
    struct call *call, const struct spec_type *type, struct str region, const struct value *attrs)
{
    struct str id = value_text(value_get(attrs, type->schema.id), STR_EMPTY);
    const struct resources known = words_find(call->control, call->arena, &id, id.n ? 1 : 0);
    for (size_t i = 0; id.n && i < known.n; i++)
        if (known.items[i]->type == type && str_eq(known.items[i]->id, id) &&
            str_eq(known.items[i]->region, region) && !known.items[i]->deleted_ms)
            return known.items[i];
    return NULL;
}

/* Returns the attributes of the implied resource that this rule creates, or NULL if it creates none. */
static const struct value *implied_attributes(
    struct call *call, const struct resource *maker, const struct value *rule)
{
    const struct value *attrs = value_getz(rule, "attributes");
    return attrs && type_called(call, value_getz(rule, "type")) &&
                   fill_looks(maker->attrs, value_getz(rule, "if"))
               ? fill_value(call, maker->type, attrs, maker->attrs)
               : NULL;
}

static int make_one(struct call *call, const struct resource *resource, const struct value *rule)
{
    const struct spec_type *type = type_called(call, value_getz(rule, "type"));
    const struct value *attrs = implied_attributes(call, resource, rule), *code = value_getz(rule, "held");
    if (!attrs)
        return 0;
    const struct value *own = attrs;
    attrs = fill_new(call, type, attrs);
    struct resource *there = find_implied_resource(call, type, resource->region, attrs);
    if (there && !code)
        return store_change(
            call->control, there, value_merge(call->arena, there->attrs, own), false, call->err);
    if (code)
        attrs = held_by(call, attrs, resource, code);
    const struct resource *made = do_add(call, type, resource->region, attrs);
    return made ? implied_make(call, made) : -1;
}

int implied_make(struct call *call, const struct resource *resource)
{
    const struct value *rules = value_getz(resource->type->sandbox, "creates");
    for (uint32_t i = 0; rules && i < rules->count; i++)
        if (make_one(call, resource, rules->items[i]))
            return -1;
    return 0;
}

int implied_follow(struct call *call, const struct resource *maker)
{
    const struct value *rules = value_getz(maker->type->sandbox, "creates");
    for (uint32_t i = 0; rules && i < rules->count; i++) {
        const struct value *rule = rules->items[i], *names = value_as_list(value_getz(rule, "follows"));
        const struct value *attrs = names->count ? implied_attributes(call, maker, rule) : NULL,
                           *given = NULL;
        struct resource *made = attrs ? find_implied_resource(call,
                                            type_called(call, value_getz(rule, "type")), maker->region, attrs)
                                      : NULL;
        for (uint32_t k = 0; made && k < names->count; k++) {
            struct str name = value_text(names->items[k], STR_EMPTY);
            given = value_with(call->arena, given, name, value_get(attrs, name));
        }
        if (made && update_implied(call, made, given))
            return -1;
    }
    return 0;
}

static bool is_held_by(const struct resource *other, const struct resource *resource)
{
    const struct value *maker = value_getz(other->attrs, MAKER_KEY);
    struct str kind = value_text(value_getz(other->attrs, KIND_KEY), resource->type->schema.name);
    return maker && str_eq(maker->string, resource->id) && str_eq(kind, resource->type->schema.name) &&
           str_eq(other->region, resource->region);
}

/* True if the value occurs at any depth. */
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

/* True if `part` belongs to the resource: `part_of: {bucket: aws.s3tables.table_bucket}` */
static bool check_is_part(const struct resource *part, const struct resource *resource)
{
    const struct value *rules = value_getz(part->type->sandbox, "part_of");
    for (uint32_t i = 0; rules && i < rules->count; i++)
        if (str_eq(value_text(rules->entries[i].value, STR_EMPTY), resource->type->schema.name) &&
            str_eq(part->region, resource->region) &&
            refers(value_get(part->attrs, rules->entries[i].key), resource))
            return true;
    return false;
}

/* True if `other` is deleted with the resource, so it does not prevent the deletion. */
static bool is_deleted_with(struct call *call, const struct resource *other, const struct resource *resource)
{
    const struct value *rules = value_getz(resource->type->sandbox, "owns");
    for (uint32_t i = 0; rules && i < rules->count; i++)
        if (check_uses(call, rules->items[i], other, resource))
            return true;
    return is_held_by(other, resource) || check_is_part(other, resource);
}

/* Returns the latest resource deleted with this one, or NULL. Later ones may depend on earlier ones. */
static struct resource *latest_implied(struct call *call, const struct resource *resource)
{
    const struct resources others = words_naming(call->control, call->arena, resource);
    for (size_t i = others.n; i-- > 0;)
        if (is_deleted_with(call, others.items[i], resource))
            return others.items[i];
    return NULL;
}

void implied_undo(struct call *call, struct resource *resource)
{
    for (struct resource *other; (other = latest_implied(call, resource));)
        implied_undo(call, other);
    store_remove(call->control, resource);
}

int implied_check_held(struct call *call, const struct resource *resource)
{
    const struct value *code = value_getz(resource->attrs, HELD_KEY);
    return !code ? 0
                 : refuse(call, refuse_status(call, 409), value_text(code, STR_EMPTY),
                       "%.*s belongs to %.*s and cannot be deleted before it", STR_ARG(resource->id),
                       STR_ARG(value_gets(resource->attrs, MAKER_KEY)));
}

/* ---- `owns: [{type, attribute}]` ---- */

int implied_delete(struct call *call, const struct resource *resource)
{
    struct err err = ERR_INIT;
    const struct resources others = words_naming(call->control, call->arena, resource);
    for (size_t i = others.n; i-- > 0;) {
        struct resource *other = others.items[i];
        if (other->deleted_ms || !is_deleted_with(call, other, resource))
            continue;
        if (store_delete(call->control, other, resource->deleted_ms, &err))
            return refuse_unkept(call, &err);
        if (implied_delete(call, other))
            return -1;
    }
    return 0;
}

/* ---- `leaves_behind: [{type, if, attributes}]`: created at the deletion ---- */

int implied_leave(struct call *call, const struct resource *resource)
{
    const struct value *rules = value_getz(resource->type->sandbox, "leaves_behind");
    for (uint32_t i = 0; rules && i < rules->count; i++)
        if (make_one(call, resource, rules->items[i]))
            return -1;
    return 0;
}

/* ---- `fetches: {local: {type: aws.ec2.vpc, where: {vpc_id: "${vpc_id}"}, attribute: cidr_block}}` ---- */

/* Returns the resources that may match. */
static struct resources candidates_where(const struct call *call, const struct value *where)
{
    struct str *texts = ARENA_ARRAY(call->arena, struct str, where->count + 1);
    for (uint32_t i = 0; i < where->count; i++) {
        struct str text = value_text(where->entries[i].value, STR_EMPTY);
        texts[i] = str_eqz(text, "*") ? STR_EMPTY : text;
    }
    return words_find_rarest(call->control, call->arena, texts, where->count);
}

static const struct value *fetched(
    struct call *call, const struct spec_type *type, const struct value *rule, const struct value *attrs)
{
    const struct value *where = fill_value(call, type, value_getz(rule, "where"), attrs);
    struct str name = value_gets(rule, "type");
    const struct resources found = where ? candidates_where(call, where) : (struct resources){0};
    for (size_t i = 0; i < found.n; i++) {
        const struct resource *resource = found.items[i];
        if (!resource->deleted_ms && str_eq(resource->type->schema.name, name) &&
            str_eq(resource->region, find_region(call, resource->type)) && fill_looks(resource->attrs, where))
            return value_get(resource->attrs, value_gets(rule, "attribute"));
    }
    return NULL;
}

const struct value *implied_fetch(struct call *call, const struct spec_type *type, const struct value *attrs)
{
    const struct value *rules = value_getz(type->sandbox, "fetches");
    uint32_t n = rules ? rules->count : 0;
    for (uint32_t i = 0; i < 2 * n; i++) { /* twice, since one rule may use the result of another */
        struct str name = rules->entries[i % n].key;
        const struct value *v = !value_is_null(value_get(attrs, name))
                                    ? NULL
                                    : fetched(call, type, rules->entries[i % n].value, attrs);
        if (v)
            attrs = value_with(call->arena, attrs, name, v);
    }
    return attrs;
}

/* ---- users of a resource, which prevent its deletion: `used_by: {code: DeleteConflict, by: [{type:
 * aws.iam.role, attribute: managed_policies}]}`; constraints beyond the schema ---- */

/* ---- the service's own names and entries (`fixed`), and checks of single types ---- */

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

bool check_is_only_shown(struct call *call, const struct resource *user)
{
    const struct value_tests *deleted = &user->type->deleted;
    const struct value *attrs = user->deleted_ms && deleted->count ? fill_now(call, user) : NULL;
    return attrs && schema_tests_hold(call->arena, &user->type->schema, deleted, attrs, NULL);
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

/* Returns the possible users. With `where`, a user need not contain a name of the resource. */
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
        if (!value_getz(by->items[r], "counts")) /* `counts: false` */
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
            if (!is_deleted_with(call, users.items[i], resource))
                return refuse(call, refuse_status(call, 409), value_gets(used, "code"), "%.*s",
                    STR_ARG(refuse_words(call, resource->type, resource->attrs,
                        own ? own : value_getz(used, "message"),
                        arena_printf(call->arena, "cannot be deleted while %.*s %.*s uses it",
                            STR_ARG(users.items[i]->type->schema.name), STR_ARG(users.items[i]->id)))));
    }
    return 0;
}
