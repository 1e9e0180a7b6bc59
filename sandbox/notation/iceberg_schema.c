/* Converts Hive types to Iceberg types, which have an id for each field, element, key and value. */
#include "sandbox/notation/languages.h"

enum { MAX_DEPTH = 32 };

struct making {
    struct arena *arena;
    int64_t last_id;
    int depth;
};

static int convert(struct making *m, struct str type, const struct value **out);

static const struct value *text(struct making *m, const char *z)
{
    return value_stringz(m->arena, z);
}

/* Returns the text up to the next `separator` outside brackets; *rest follows it. */
static struct str cut_outside(struct str s, char separator, struct str *rest)
{
    size_t i = 0;
    for (int depth = 0; i < s.n && (depth || s.p[i] != separator); i++)
        depth += (s.p[i] == '<' || s.p[i] == '(') - (s.p[i] == '>' || s.p[i] == ')');
    *rest = i < s.n ? str_slice(s, i + 1, s.n) : STR_EMPTY;
    return str_trim(str_slice(s, 0, i));
}

/* Parses `word<body>` or `word(body)`. */
static bool body_of(struct str type, const char *word, const char *brackets, struct str *body)
{
    struct str begin = str_z(word);
    if (type.n < begin.n + 2 || !str_ieq(str_slice(type, 0, begin.n), begin) ||
        type.p[begin.n] != brackets[0] || type.p[type.n - 1] != brackets[1])
        return false;
    *body = str_slice(type, begin.n + 1, type.n - 1);
    return true;
}

static const struct value *field(struct making *m, int64_t id, struct str name, const struct value *type)
{
    return VALUE_MAP(m->arena, {STR("id"), value_int(m->arena, id)},
        {STR("name"), value_string(m->arena, name)}, {STR("required"), &value_false}, {STR("type"), type});
}

static int convert_struct(struct making *m, struct str body, const struct value **out)
{
    struct value_builder list = VALUE_BUILDER(m->arena);
    struct str rest, next;
    int64_t id = m->last_id + 1;
    int status = body.n ? 0 : -1;
    for (rest = body; rest.n; rest = next, m->last_id++)
        cut_outside(rest, ',', &next);
    for (rest = body; rest.n && !status; rest = next) {
        struct str type, one = cut_outside(rest, ',', &next);
        struct str name = cut_outside(one, ':', &type);
        const struct value *converted;
        status = name.n ? convert(m, type, &converted) : -1;
        if (!status)
            value_builder_add(&list, field(m, id++, name, converted));
    }
    *out = VALUE_MAP(m->arena, {STR("type"), text(m, "struct")}, {STR("fields"), value_builder_list(&list)});
    return status;
}

static int convert_array(struct making *m, struct str body, const struct value **out)
{
    const struct value *id = value_int(m->arena, ++m->last_id), *element;
    if (convert(m, body, &element))
        return -1;
    *out = VALUE_MAP(m->arena, {STR("type"), text(m, "list")}, {STR("element-id"), id},
        {STR("element"), element}, {STR("element-required"), &value_false});
    return 0;
}

static int convert_map(struct making *m, struct str body, const struct value **out)
{
    struct str rest, key = cut_outside(body, ',', &rest);
    const struct value *key_id = value_int(m->arena, ++m->last_id);
    const struct value *value_id = value_int(m->arena, ++m->last_id), *keys, *values;
    if (convert(m, key, &keys) || convert(m, rest, &values))
        return -1;
    *out = VALUE_MAP(m->arena, {STR("type"), text(m, "map")}, {STR("key-id"), key_id}, {STR("key"), keys},
        {STR("value-id"), value_id}, {STR("value"), values}, {STR("value-required"), &value_false});
    return 0;
}

static int convert_decimal(struct making *m, struct str body, const struct value **out)
{
    int64_t precision, scale = 0;
    struct str rest, first = cut_outside(body, ',', &rest);
    if (!str_to_int(first, &precision) || (rest.n && !str_to_int(str_trim(rest), &scale)) || precision < 1 ||
        precision > 38 || scale < 0 || scale > precision)
        return -1;
    struct str whole = arena_printf(m->arena, "decimal(%lld, %lld)", (long long)precision, (long long)scale);
    *out = value_string_ref(m->arena, whole);
    return 0;
}

/* Iceberg has no tinyint and smallint. */
static int convert_plain(struct making *m, struct str type, const struct value **out)
{
    static const char *const names[][2] = {{"boolean", "boolean"}, {"int", "int"}, {"integer", "int"},
        {"bigint", "long"}, {"float", "float"}, {"double", "double"}, {"string", "string"}, {"date", "date"},
        {"timestamp", "timestamp"}, {"binary", "binary"}, {"decimal", "decimal(10, 0)"}};
    struct str body;
    if (body_of(type, "char", "()", &body) || body_of(type, "varchar", "()", &body))
        type = STR("string");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_ieq(type, str_z(names[i][0]))) {
            *out = text(m, names[i][1]);
            return 0;
        }
    return body_of(type, "decimal", "()", &body) ? convert_decimal(m, body, out) : -1;
}

static int convert(struct making *m, struct str type, const struct value **out)
{
    struct str body;
    int status;
    type = str_trim(type);
    if (m->depth == MAX_DEPTH)
        return -1;
    m->depth++;
    if (body_of(type, "struct", "<>", &body))
        status = convert_struct(m, body, out);
    else if (body_of(type, "array", "<>", &body))
        status = convert_array(m, body, out);
    else if (body_of(type, "map", "<>", &body))
        status = convert_map(m, body, out);
    else
        status = convert_plain(m, type, out);
    m->depth--;
    return status;
}

int iceberg_schema_make(
    struct arena *arena, const struct value *columns, struct iceberg_schema *out, struct err *err)
{
    struct making m = {.arena = arena, .last_id = columns->count};
    AUTO_BUILDER struct value_builder fields = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < columns->count; i++) {
        const struct value *column = columns->items[i], *type, *comment = value_getz(column, "Comment");
        struct str name = value_gets(column, "Name");
        if (convert(&m, value_gets(column, "Type"), &type))
            return err_set(err, ERR_INVALID, "column %.*s has a type that Iceberg does not have: %.*s",
                STR_ARG(name), STR_ARG(value_gets(column, "Type")));
        const struct value *one = field(&m, (int64_t)i + 1, name, type);
        value_builder_add(
            &fields, value_is_null(comment) ? one : value_with(arena, one, STR("doc"), comment));
    }
    struct value_entry entries[] = {{STR("type"), value_stringz(arena, "struct")},
        {STR("schema-id"), value_int(arena, 0)}, {STR("fields"), value_builder_list(&fields)}};
    *out = (struct iceberg_schema){.doc = value_map(arena, entries, 3), .last_id = m.last_id};
    return 0;
}
