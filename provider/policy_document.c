/* IAM policy documents: what services give back otherwise than it was sent, and means the same. */
#include "provider/schema_internal.h"

#include "base/json.h"

#include <stdlib.h>

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

/* One text or a list of them, as a sorted list without duplicates. */
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
    /* What IAM takes a document without a version for. */
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
