/*
 * Members of a request that are not supported. AWS would act on each of them, so ignoring one would mislead
 * the user; they are refused by name.
 */
#include "sandbox/control/control_internal.h"

#include "base/hash.h"
#include "base/match.h"

/*
 * Members that may be ignored are in a type's `ignores`, with the reason; for all services these are page
 * sizes, tokens and client tokens.
 */

/* A possible shape of a member, by the specs of this operation. */
struct candidate {
    const struct shape *shape;
    const struct candidate *next;
};

struct looking {
    const struct call *call;
    struct buf *unknown; /* paths, separated by commas */
};

static const struct candidate *with_shape(
    const struct looking *l, const struct candidate *list, const struct shape *shape)
{
    for (const struct candidate *c = list; c; c = c->next)
        if (c->shape == shape)
            return list;
    struct candidate *c = ARENA_NEW(l->call->arena, struct candidate);
    *c = (struct candidate){shape, list};
    return c;
}

static const struct candidate *members_called(
    const struct looking *l, const struct candidate *list, const struct shape *shape, struct str wire)
{
    for (size_t i = 0; shape->kind == SHAPE_STRUCT && i < shape->member_count; i++) {
        const struct shape_member *m = &shape->members[i];
        if (m->spread)
            list = members_called(l, list, m->shape, wire);
        else if (str_eq(m->wire, wire))
            list = with_shape(l, list, m->shape);
    }
    return list;
}

static struct str or_else(struct str name, const char *usual)
{
    return name.n ? name : str_z(usual);
}

/* Returns the shapes of a pair's key and value; with "." the value's members are beside the key. */
static const struct candidate *parts_of_pair(
    const struct looking *l, const struct candidate *list, const struct shape *pairs, struct str wire)
{
    const struct shape *value = pairs->elem ? pairs->elem : &shape_any;
    if (str_eq(wire, or_else(pairs->key_name, "Key")))
        return with_shape(l, list, &shape_any);
    if (str_eqz(pairs->value_name, "."))
        return value->kind == SHAPE_ANY ? with_shape(l, list, &shape_any)
                                        : members_called(l, list, value, wire);
    return str_eq(wire, or_else(pairs->value_name, "Value")) ? with_shape(l, list, value) : list;
}

/* True for shapes whose members cannot be unknown: strings, and maps with the user's keys. */
static bool is_open(const struct shape *shape)
{
    return shape->kind != SHAPE_STRUCT && shape->kind != SHAPE_LIST && shape->kind != SHAPE_PAIRS;
}

/* True if the paths are equal: A[].B is A.B for each item. */
static bool is_path(struct str path, struct str member)
{
    while (path.n && member.n)
        if (!str_eq(wire_path_cut(&path).name, wire_path_cut(&member).name))
            return false;
    return !path.n && !member.n;
}

static bool is_kept(const struct value *rules, struct str path)
{
    for (uint32_t i = 0; rules && i < rules->count; i++)
        for (uint32_t k = 0; k < rules->entries[i].value->count; k++)
            if (is_path(value_text(rules->entries[i].value->items[k], STR_EMPTY), path))
                return true;
    return false;
}

/* True for a member that names the account, if it is the sandbox's. */
static bool is_own_account(const struct looking *l, struct str path, const struct value *v)
{
    static const char *const names[] = {"registryId", "CatalogId", "OwnerAccount", "ownerAccount",
        "QueueOwnerAWSAccountId", "IpPermissions.Groups.UserId"};
    return STR_IS_ONE_OF(path, names) && str_eq(value_text(v, STR_EMPTY), l->call->control->options.account);
}

static bool may_ignore(const struct value *rules, struct str path, const struct value *v)
{
    bool no = value_equal(v, &value_false) || str_eqz(value_text(v, STR_EMPTY), "false");
    for (uint32_t i = 0; rules && i < rules->count; i++)
        if (glob_match(rules->entries[i].key, path, 0) &&
            (no || !value_equal(rules->entries[i].value, &value_false)))
            return true;
    return false;
}

static bool is_excused(const struct looking *l, struct str path, const struct value *v)
{
    if (str_is_any(path, "MaxItems MaxResults MaxRecords Limit PageSize Marker NextToken nextToken "
                         "maxResults limit pageSize nextMarker"))
        return true;
    const struct served *served = l->call->served;
    for (size_t i = 0; i < served->role_count; i++) {
        const struct value *sandbox = served->roles[i].type->sandbox;
        if (may_ignore(value_getz(sandbox, "ignores"), path, v) ||
            value_get(value_getz(sandbox, "narrows"), path) || is_kept(value_getz(sandbox, "keeps"), path))
            return true;
    }
    return find_is_token(path) || (l->call->protocol == WIRE_EC2 && str_eqz(path, "DryRun"));
}

static void look_into(
    const struct looking *l, const struct value *doc, const struct candidate *list, struct str path);

static void look_at_member(const struct looking *l, const struct value *v, struct str name,
    const struct candidate *list, struct str path)
{
    const struct candidate *inner = NULL;
    v = v ? v : &value_empty_string;
    if (v->kind == VALUE_LIST && !v->count)
        return; /* an empty list has no effect */
    struct str own = path.n ? arena_printf(l->call->arena, "%.*s.%.*s", STR_ARG(path), STR_ARG(name)) : name;
    for (; list; list = list->next)
        inner = list->shape->kind == SHAPE_PAIRS ? parts_of_pair(l, inner, list->shape, name)
                                                 : members_called(l, inner, list->shape, name);
    if (inner)
        look_into(l, v, inner, own);
    else if (!is_excused(l, own, v) && !is_own_account(l, own, v))
        buf_addf(l->unknown, "%s%.*s", l->unknown->n ? ", " : "", STR_ARG(own));
}

/* Returns the items of a list in XML and forms: {member: […]}; the element's name is the protocol's or the
 * shape's. */
static const struct value *wrapped(const struct value *doc, const struct candidate *list)
{
    if (doc->kind != VALUE_MAP || doc->count != 1)
        return NULL;
    struct str key = doc->entries[0].key;
    bool item = str_eqz(key, "member") || str_eqz(key, "item");
    for (; list && !item; list = list->next)
        item = list->shape->item.n && str_eq(key, list->shape->item);
    return item ? doc->entries[0].value : NULL;
}

static void look_into_items(
    const struct looking *l, const struct value *doc, const struct candidate *list, struct str path)
{
    const struct candidate *elements = NULL;
    for (const struct candidate *c = list; c; c = c->next)
        if (c->shape->kind == SHAPE_LIST && c->shape->elem)
            elements = with_shape(l, elements, c->shape->elem);
        else if (c->shape->kind == SHAPE_PAIRS)
            elements = with_shape(l, elements, c->shape);
        else /* a structure with a member named "1" */
            elements = members_called(l, elements, c->shape, STR("1"));
    for (uint32_t i = 0; elements && i < doc->count; i++)
        look_into(l, doc->items[i], elements, path);
}

static void look_into(
    const struct looking *l, const struct value *doc, const struct candidate *list, struct str path)
{
    bool lists = false;
    for (const struct candidate *c = list; c; c = c->next) {
        if (is_open(c->shape))
            return;
        lists = lists || c->shape->kind == SHAPE_LIST || c->shape->kind == SHAPE_PAIRS;
    }
    const struct value *items = lists ? wrapped(doc, list) : NULL;
    if (items) {
        look_into(l, items, list, path);
        return;
    }
    if (doc->kind == VALUE_LIST)
        look_into_items(l, doc, list, path);
    const struct value *entries = doc->kind == VALUE_MAP ? wire_entries(doc) : NULL;
    for (uint32_t i = 0; entries && i < entries->count; i++)
        look_at_member(
            l, value_getz(entries->items[i], "value"), value_gets(entries->items[i], "key"), list, path);
    if (entries)
        return;
    for (uint32_t i = 0; doc->kind == VALUE_MAP && i < doc->count; i++)
        if (!value_is_null(doc->entries[i].value))
            look_at_member(l, doc->entries[i].value, doc->entries[i].key, list, path);
}

/* Checks query parameters: those in a role's shape or in the operation's path are known. */
static void look_at_query(const struct looking *l, const struct candidate *list)
{
    const struct call *call = l->call;
    struct str query = call->request->query, fixed = call->served->op->wire.query;
    while (query.n) {
        struct str rest, name, pair = str_cut(query, '&', &query);
        bool known = !url_decode(call->arena, str_cut(pair, '=', &rest), true, &name) || !name.n ||
                     str_starts(fixed, name) || is_excused(l, name, &value_empty_string);
        for (const struct candidate *c = list; c && !known; c = c->next)
            for (size_t i = 0; i < c->shape->member_count && !known; i++) {
                const struct shape_member *m = &c->shape->members[i];
                known = m->location == WIRE_QUERY_STRING &&
                        (m->shape->kind == SHAPE_MAP || str_eq(m->wire, name));
            }
        if (!known)
            buf_addf(l->unknown, "%s%.*s", l->unknown->n ? ", " : "", STR_ARG(name));
    }
}

static bool is_filter(const struct call *call, struct str name)
{
    for (size_t i = 0; i < call->served->role_count; i++)
        if (filter_is_known(call, call->served->roles[i].type, name))
            return true;
    return false;
}

/* Checks the names in Filter: [{Name, Values}] of a listing. */
static bool are_filters(const struct looking *l, struct str member, const struct value *v)
{
    bool lists = false;
    for (size_t i = 0; i < l->call->served->role_count; i++)
        lists = lists || l->call->served->roles[i].part == PART_LIST;
    const struct value *inner = wrapped(v, NULL), *called = value_getz(v, "Filter");
    const struct value *filters = inner ? inner : called ? called : v;
    if (!lists || !(str_eqz(member, "Filter") || str_eqz(member, "Filters")) || filters->kind != VALUE_LIST)
        return false;
    for (uint32_t i = 0; i < filters->count; i++) {
        struct str name = filter_name(filters->items[i]);
        if (name.n && !is_filter(l->call, name))
            buf_addf(l->unknown, "%sthe filter %.*s", l->unknown->n ? ", " : "", STR_ARG(name));
    }
    return true;
}

int unknown_check(struct call *call)
{
    AUTO_BUF struct buf unknown = BUF_INIT;
    const struct looking l = {call, &unknown};
    const struct candidate *list = NULL;
    const struct value *raw = call->decoded[0].raw;
    for (size_t i = 0; i < call->served->role_count; i++)
        list = with_shape(&l, list, &call->served->roles[i].step->call.request.shape);
    for (uint32_t i = 0; raw && raw->kind == VALUE_MAP && i < raw->count; i++) {
        struct str name = raw->entries[i].key;
        if (!value_is_null(raw->entries[i].value) && !are_filters(&l, name, raw->entries[i].value))
            look_at_member(&l, raw->entries[i].value, name, list, STR_EMPTY);
    }
    if (wire_is_rest(call->protocol))
        look_at_query(&l, list);
    return unknown.n ? refuse_members(call, buf_str(&unknown)) : 0;
}
