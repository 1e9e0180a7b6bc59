/* Compares attribute values, IAM policy documents among them. */
#include "base/clock.h"
#include "base/json.h"
#include "provider/schema_internal.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>

/* ---- IAM policy documents: services return them in a different form with the same meaning ---- */

const struct value *schema_parsed(struct arena *arena, const struct value *v)
{
    const struct value *document;
    if (v && v->kind == VALUE_STRING && !json_parse(arena, v->string, &document, NULL))
        return document;
    return v ? v : &value_null;
}

static bool is_account(struct str s)
{
    return s.n == 12 && str_is_digits(s);
}

/* arn:PARTITION:iam::123456789012:root and 123456789012 are the same principal. */
static struct str principal_text(struct str s)
{
    struct str rest = s;
    if (!str_eqz(str_cut(rest, ':', &rest), "arn"))
        return s;
    struct str partition = str_cut(rest, ':', &rest);
    if (!str_starts(partition, STR("aws")) || !str_starts(rest, STR("iam::")))
        return s;
    rest = str_slice(rest, 5, rest.n);
    struct str account = str_cut(rest, ':', &rest);
    return is_account(account) && str_eqz(rest, "root") ? account : s;
}

enum element { ELEMENT_TEXT, ELEMENT_ACTION, ELEMENT_PRINCIPAL };

static const struct value *element_text(struct arena *arena, const struct value *v, enum element element)
{
    struct str text = value_scalar_text(arena, v);
    if (!text.p)
        return v;
    if (element == ELEMENT_ACTION)
        text = arena_lower(arena, text);
    else if (element == ELEMENT_PRINCIPAL)
        text = principal_text(text);
    return value_string(arena, text);
}

const struct value *schema_sorted_set(struct arena *arena, const struct value **items, size_t n)
{
    qsort(items, n, sizeof *items, value_order);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!kept || !value_equal(items[kept - 1], items[i]))
            items[kept++] = items[i];
    return value_list(arena, items, kept);
}

/* Converts one string or a list of strings to a sorted list without duplicates. */
static const struct value *element_set(struct arena *arena, const struct value *v, enum element element)
{
    if (v->kind != VALUE_LIST)
        v = value_list(arena, &v, 1);
    const struct value **items = arena_alloc(arena, (v->count + 1) * sizeof *items);
    for (uint32_t i = 0; i < v->count; i++)
        items[i] = element_text(arena, v->items[i], element);
    return schema_sorted_set(arena, items, v->count);
}

/* "*" is short for {AWS: "*"}. */
static const struct value *canonical_principal(struct arena *arena, const struct value *v)
{
    if (v->kind != VALUE_MAP)
        v = VALUE_MAP(arena, {STR("AWS"), v});
    struct value_entry *entries = arena_alloc(arena, (v->count + 1) * sizeof *entries);
    for (uint32_t i = 0; i < v->count; i++)
        entries[i] = (struct value_entry){
            v->entries[i].key, element_set(arena, v->entries[i].value, ELEMENT_PRINCIPAL)};
    return value_map(arena, entries, v->count);
}

static const struct value *canonical_condition(struct arena *arena, const struct value *v)
{
    if (v->kind != VALUE_MAP)
        return v;
    AUTO_BUILDER struct value_builder operators = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < v->count; i++) {
        const struct value *keys = v->entries[i].value;
        AUTO_BUILDER struct value_builder tests = VALUE_BUILDER(arena);
        for (uint32_t k = 0; keys->kind == VALUE_MAP && k < keys->count; k++)
            value_builder_set(&tests, arena_lower(arena, keys->entries[k].key),
                element_set(arena, keys->entries[k].value, ELEMENT_TEXT));
        value_builder_set(
            &operators, v->entries[i].key, keys->kind == VALUE_MAP ? value_builder_map(&tests) : keys);
    }
    return value_builder_map(&operators);
}

static const struct value *canonical_statement(struct arena *arena, const struct value *v)
{
    if (v->kind != VALUE_MAP)
        return v;
    struct value_entry *entries = arena_alloc(arena, (v->count + 1) * sizeof *entries);
    size_t n = 0;
    for (uint32_t i = 0; i < v->count; i++) {
        struct str key = v->entries[i].key;
        const struct value *item = v->entries[i].value;
        if (str_eqz(key, "Action") || str_eqz(key, "NotAction"))
            item = element_set(arena, item, ELEMENT_ACTION);
        else if (str_eqz(key, "Resource") || str_eqz(key, "NotResource"))
            item = element_set(arena, item, ELEMENT_TEXT);
        else if (str_eqz(key, "Principal") || str_eqz(key, "NotPrincipal"))
            item = canonical_principal(arena, item);
        else if (str_eqz(key, "Condition"))
            item = canonical_condition(arena, item);
        bool nothing = (str_eqz(key, "Condition") && item->kind == VALUE_MAP && !item->count) ||
                       (str_eqz(key, "Sid") && item->kind == VALUE_STRING && !item->string.n) ||
                       item->kind == VALUE_NULL;
        if (!nothing)
            entries[n++] = (struct value_entry){key, item};
    }
    return value_map(arena, entries, n);
}

static const struct value *canonical_policy(struct arena *arena, const struct value *v)
{
    v = schema_parsed(arena, v);
    if (v->kind != VALUE_MAP)
        return v;
    const struct value *statements = value_getz(v, "Statement");
    if (statements) {
        if (statements->kind != VALUE_LIST)
            statements = value_list(arena, &statements, 1);
        const struct value **items = arena_alloc(arena, (statements->count + 1) * sizeof *items);
        for (uint32_t i = 0; i < statements->count; i++)
            items[i] = canonical_statement(arena, statements->items[i]);
        v = value_with(arena, v, STR("Statement"), schema_sorted_set(arena, items, statements->count));
    }
    /* IAM's default version. */
    if (value_is_null(value_getz(v, "Version")))
        v = value_with(arena, v, STR("Version"), value_stringz(arena, "2008-10-17"));
    const struct value *id = value_getz(v, "Id");
    return id && id->kind == VALUE_NULL ? value_with(arena, v, STR("Id"), NULL) : v;
}

bool policy_equal(const struct value *a, const struct value *b)
{
    if (value_equal(a, b))
        return true;
    if (value_is_null(a) || value_is_null(b))
        return false;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    return value_equal(canonical_policy(&arena, a), canonical_policy(&arena, b));
}

/* ---- attributes ---- */

struct comparison {
    struct arena *arena; /* scratch */
    enum attr_compare mode;
};

static bool type_equal(
    const struct comparison *c, const struct type *type, const struct value *a, const struct value *b);

/* "8.0" matches "8.0.36", but not "8.01". */
static bool prefix_equal(struct str a, struct str b)
{
    if (!str_starts(b, a))
        return false;
    return a.n == b.n || a.n == 0 || !isdigit((unsigned char)b.p[a.n]) ||
           !isdigit((unsigned char)a.p[a.n - 1]);
}

bool schema_canonical_cidr(struct arena *arena, struct str cidr, struct str *out)
{
    unsigned char bytes[16] = {0};
    char text[INET6_ADDRSTRLEN];
    struct str length, address = str_cut(cidr, '/', &length);
    int family = str_find_char(address, ':', 0) < 0 ? AF_INET : AF_INET6;
    int64_t bits, most = family == AF_INET ? 32 : 128;
    if (!str_to_int(length, &bits) || bits < 0 || bits > most ||
        inet_pton(family, arena_strz(arena, address), bytes) != 1)
        return false;
    for (int64_t i = bits; i < most; i++)
        bytes[i / 8] = (unsigned char)(bytes[i / 8] & ~(0x80 >> (i % 8)));
    *out = arena_printf(arena, "%s/%lld", inet_ntop(family, bytes, text, sizeof text), (long long)bits);
    return true;
}

struct str schema_canonical_protocol(struct str protocol)
{
    static const struct {
        const char *number, *name;
    } names[] = {{"1", "icmp"}, {"6", "tcp"}, {"17", "udp"}, {"58", "icmpv6"}, {"all", "-1"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_ieq(protocol, str_z(names[i].number)))
            return str_z(names[i].name);
    return protocol;
}

/* Services return the ARN of a configured name, the name of a configured ARN, and the root ARN of a
 * configured account id. */
static bool arn_equal(struct str name, struct str arn)
{
    struct str root = STR(":root"), given = name;
    if (str_starts(name, STR("arn:"))) {
        name = arn;
        arn = given;
    }
    if (name.n == 12 && str_starts(arn, STR("arn:")) && str_ends(arn, root))
        return str_ends(str_slice(arn, 0, arn.n - root.n), name);
    if (!str_starts(arn, STR("arn:")) || !name.n || !str_ends(arn, name))
        return str_eq(name, arn);
    return name.n == arn.n || strchr(":/", arn.p[arn.n - name.n - 1]);
}

static bool text_equal(const struct comparison *c, const struct value *a, const struct value *b)
{
    struct str x = value_scalar_text(c->arena, a), y = value_scalar_text(c->arena, b);
    if (!x.p || !y.p)
        return value_equal(a, b);
    switch (c->mode) {
    case COMPARE_CHOICE:
    case COMPARE_NOCASE: return str_ieq(x, y);
    case COMPARE_PREFIX: return prefix_equal(x, y);
    case COMPARE_CIDR:
        schema_canonical_cidr(c->arena, x, &x);
        schema_canonical_cidr(c->arena, y, &y);
        break;
    case COMPARE_PROTOCOL: return str_ieq(schema_canonical_protocol(x), schema_canonical_protocol(y));
    case COMPARE_ARN: return arn_equal(x, y);
    case COMPARE_CONFIGURED:
    case COMPARE_EXACT: break;
    }
    return str_eq(x, y);
}

static bool as_double(const struct value *v, double *out)
{
    if (v->kind == VALUE_INT)
        *out = (double)v->integer;
    else if (v->kind == VALUE_FLOAT)
        *out = v->number;
    else
        return v->kind == VALUE_STRING && str_to_double(v->string, out);
    return true;
}

static bool number_equal(const struct comparison *c, const struct value *a, const struct value *b)
{
    double x, y;
    if (a->kind == VALUE_INT &&
        b->kind == VALUE_INT) /* without formatting both as strings: sets are compared pair by pair */
        return a->integer == b->integer;
    return text_equal(c, a, b) || (as_double(a, &x) && as_double(b, &y) && !(x < y) && !(x > y));
}

static bool timestamp_equal(const struct comparison *c, const struct value *a, const struct value *b)
{
    int64_t x, y;
    if (a->kind == VALUE_STRING && b->kind == VALUE_STRING && time_parse_rfc3339(a->string, &x) &&
        time_parse_rfc3339(b->string, &y))
        return x == y;
    return text_equal(c, a, b);
}

static bool list_equal(
    const struct comparison *c, const struct type *type, const struct value *a, const struct value *b)
{
    if (a->kind != VALUE_LIST || b->kind != VALUE_LIST || a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (!type_equal(c, type->elem, a->items[i], b->items[i]))
            return false;
    return true;
}

/* Bipartite matching: finds a partner for one item of a set at a time, reassigning earlier pairs if
 * needed. */
struct matching {
    const struct comparison *c;
    const struct type *elem;
    const struct value *a, *b;
    uint32_t *partner; /* for each item of b: index in a, plus 1; 0: free */
    bool *tried;       /* for each item of b, in this round */
};

static bool find_partner(struct matching *m, uint32_t i)
{
    for (uint32_t n = 0; n < m->b->count; n++) {
        uint32_t j = (i + n) % m->b->count; /* usually both sets have the same order */
        if (m->tried[j] || !type_equal(m->c, m->elem, m->a->items[i], m->b->items[j]))
            continue;
        m->tried[j] = true;
        if (!m->partner[j] || find_partner(m, m->partner[j] - 1)) {
            m->partner[j] = i + 1;
            return true;
        }
    }
    return false;
}

static const struct value *without_duplicates(struct arena *arena, const struct value *list)
{
    const struct value **items = arena_alloc(arena, (list->count + 1) * sizeof *items);
    for (uint32_t i = 0; i < list->count; i++)
        items[i] = list->items[i];
    return schema_sorted_set(arena, items, list->count);
}

/*
 * Objects are compared one way only, so two sets are equal if every desired item has a live item of its own.
 * Sets that are equal item by item once sorted, the usual case, do not need the matching.
 */
static bool set_equal(
    const struct comparison *c, const struct type *type, const struct value *a, const struct value *b)
{
    if (a->kind != VALUE_LIST || b->kind != VALUE_LIST)
        return false;
    a = without_duplicates(c->arena, a);
    b = without_duplicates(c->arena, b);
    if (a->count != b->count)
        return false;
    if (value_equal(a, b))
        return true;
    bool texts = type->elem->kind == TYPE_STRING && c->mode == COMPARE_EXACT;
    for (uint32_t i = 0; texts && i < a->count; i++)
        texts = a->items[i]->kind == VALUE_STRING && b->items[i]->kind == VALUE_STRING;
    if (texts)
        return false;
    struct matching m = {c, type->elem, a, b, ARENA_ARRAY(c->arena, uint32_t, b->count + 1),
        ARENA_ARRAY(c->arena, bool, b->count + 1)};
    for (uint32_t i = 0; i < a->count; i++) {
        memset(m.tried, 0, b->count * sizeof *m.tried);
        if (!find_partner(&m, i))
            return false;
    }
    return true;
}

static uint32_t given_count(const struct value *map)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < map->count; i++)
        n += map->entries[i].value->kind != VALUE_NULL;
    return n;
}

static bool map_equal(
    const struct comparison *c, const struct type *type, const struct value *a, const struct value *b)
{
    static const struct type text = {.kind = TYPE_STRING};
    const struct type *elem = type->kind == TYPE_TAGS ? &text : type->elem;
    if (a->kind != VALUE_MAP || b->kind != VALUE_MAP || given_count(a) != given_count(b))
        return false;
    for (uint32_t i = 0; i < a->count; i++) {
        const struct value *item = a->entries[i].value, *other = value_get(b, a->entries[i].key);
        if (item->kind == VALUE_NULL)
            continue;
        if (!other || other->kind == VALUE_NULL || !type_equal(c, elem, item, other))
            return false;
    }
    return true;
}

static bool field_equal(const struct attr *field, const struct value *a, const struct value *b)
{
    /* A write-only field cannot be compared. */
    if (field->write_only && value_is_null(b))
        return true;
    return attr_equal(field, a, b);
}

static bool object_equal(const struct type *type, const struct value *a, const struct value *b)
{
    if (a->kind != VALUE_MAP || (b->kind != VALUE_MAP && b->kind != VALUE_NULL))
        return false;
    for (uint32_t i = 0; i < a->count; i++) {
        const struct value *item = a->entries[i].value, *other = value_get(b, a->entries[i].key);
        if (item->kind == VALUE_NULL)
            continue;
        const struct attr *field = type_field(type, a->entries[i].key);
        if (field ? !field_equal(field, item, other) : !value_equal(item, other))
            return false;
    }
    return true;
}

static bool is_nothing(const struct value *v)
{
    switch ((enum value_kind)v->kind) {
    case VALUE_NULL: return true;
    case VALUE_STRING: return v->string.n == 0;
    case VALUE_LIST:
    case VALUE_MAP: return v->count == 0;
    default: return false;
    }
}

/* Schemas often do not declare that a document is a policy; a policy is recognised by its statements. */
static bool json_equal(struct arena *arena, const struct value *a, const struct value *b)
{
    a = schema_parsed(arena, a);
    b = schema_parsed(arena, b);
    return value_equal(a, b) ||
           (value_getz(a, "Statement") && value_getz(b, "Statement") && policy_equal(a, b));
}

/* True if the live document contains all of the configured one. Lists are compared whole. */
static bool configured_equal(const struct value *a, const struct value *b)
{
    bool maps = a->kind == VALUE_MAP && b->kind == VALUE_MAP;
    bool lists = a->kind == VALUE_LIST && b->kind == VALUE_LIST && a->count == b->count;
    if (!maps && !lists)
        return value_equal(a, b);
    for (uint32_t i = 0; i < a->count; i++) {
        const struct value *item = maps ? a->entries[i].value : a->items[i],
                           *other = maps ? value_get(b, a->entries[i].key) : b->items[i];
        if (!configured_equal(item, other ? other : &value_null))
            return false;
    }
    return true;
}

static bool type_equal(
    const struct comparison *c, const struct type *type, const struct value *a, const struct value *b)
{
    if (type->kind == TYPE_ANY)
        return c->mode == COMPARE_CONFIGURED ? configured_equal(a, b) : value_equal(a, b);
    if (is_nothing(a) && is_nothing(b))
        return true;
    if (type->kind == TYPE_OBJECT)
        return object_equal(type, a, b);
    if (a->kind == VALUE_NULL || b->kind == VALUE_NULL)
        return false;
    switch (type->kind) {
    case TYPE_INT:
    case TYPE_FLOAT: return number_equal(c, a, b);
    case TYPE_TIMESTAMP: return timestamp_equal(c, a, b);
    case TYPE_JSON: return json_equal(c->arena, a, b);
    case TYPE_POLICY: return policy_equal(a, b);
    case TYPE_LIST: return list_equal(c, type, a, b);
    case TYPE_SET: return set_equal(c, type, a, b);
    case TYPE_TAGS:
    case TYPE_MAP: return map_equal(c, type, a, b);
    default: return text_equal(c, a, b);
    }
}

bool attr_equal(const struct attr *attr, const struct value *desired, const struct value *live)
{
    desired = desired ? desired : &value_null;
    if (value_is_null(live) && attr->default_value)
        live = attr->default_value;
    else if (value_is_null(live) && attr->type->kind == TYPE_BOOL && value_equal(desired, &value_false))
        return true; /* a response leaves out a switch that is off */
    live = live ? live : &value_null;
    if (value_equal(desired, live)) /* true under every rule, and the usual case */
        return true;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct comparison c = {.arena = &arena, .mode = attr->compare};
    return type_equal(&c, attr->type, desired, live);
}

static bool replaces_within(const struct type *type, const struct value *a, const struct value *b);

static bool has_fixed_field(const struct type *type)
{
    for (size_t i = 0; i < type->field_count; i++)
        if (type->fields[i].replace)
            return true;
    return false;
}

/* True if an added or removed entry contains a field that forces replacement, or if such a field differs. */
static bool entries_replace(const struct type *type, const struct value *a, const struct value *b)
{
    bool replaces = a->count != b->count && has_fixed_field(type);
    for (uint32_t i = 0; i < a->count && !replaces; i++) {
        const struct value *other = value_get(b, a->entries[i].key);
        replaces = other ? replaces_within(type, a->entries[i].value, other) : has_fixed_field(type);
    }
    return replaces;
}

/* True if the value sets a field that forces replacement. */
static bool holds_fixed(const struct attr *field, const struct value *v)
{
    if (value_is_null(v) || field->replace)
        return field->replace && !value_is_null(v) &&
               !(field->default_value && attr_equal(field, field->default_value, v));
    for (uint32_t i = 0; field->type->kind == TYPE_OBJECT && v->kind == VALUE_MAP && i < v->count; i++) {
        const struct attr *inner = type_field(field->type, v->entries[i].key);
        if (inner && holds_fixed(inner, v->entries[i].value))
            return true;
    }
    return false;
}

static bool replaces_within(const struct type *type, const struct value *a, const struct value *b)
{
    if (type->kind == TYPE_MAP && a->kind == VALUE_MAP && b->kind == VALUE_MAP)
        return entries_replace(type->elem, a, b);
    if (type->kind == TYPE_LIST && a->kind == VALUE_LIST && b->kind == VALUE_LIST && a->count == b->count)
        for (uint32_t i = 0; i < a->count; i++)
            if (replaces_within(type->elem, a->items[i], b->items[i]))
                return true;
    if (type->kind != TYPE_OBJECT || a->kind != VALUE_MAP || b->kind != VALUE_MAP)
        return false;
    for (uint32_t i = 0; i < a->count; i++) {
        const struct attr *field = type_field(type, a->entries[i].key);
        const struct value *other = value_get(b, a->entries[i].key);
        if (!field || field->write_only)
            continue;
        if (value_is_null(a->entries[i].value) && holds_fixed(field, other))
            return true; /* removed together with a field that forces replacement */
        if (value_is_null(a->entries[i].value))
            continue;
        bool same = value_is_known(a->entries[i].value) && attr_equal(field, a->entries[i].value, other) &&
                    !attr_removes_fields(field->type, a->entries[i].value);
        if (!same && (field->replace || (other && replaces_within(field->type, a->entries[i].value, other))))
            return true;
    }
    return false;
}

bool attr_replaces_within(const struct attr *attr, const struct value *desired, const struct value *live)
{
    return !value_is_null(desired) && !value_is_null(live) && replaces_within(attr->type, desired, live);
}
