/*
 * What the data catalog is told in words: an expression over partition keys, a NUL, a partition's values line
 * by line. What stands before the NUL is also tried as a column's type.
 */
#include "sandbox/notation/languages.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct value *make_map(
    struct arena *arena, const char *const pairs[2][2], const struct value *last)
{
    struct value_entry entries[2];
    for (size_t i = 0; i < 2; i++)
        entries[i] =
            (struct value_entry){str_z(pairs[i][0]), pairs[i][1] ? value_stringz(arena, pairs[i][1]) : last};
    return value_map(arena, entries, 2);
}

static const struct value *make_keys(struct arena *arena)
{
    static const char *const keys[][2][2] = {{{"name", "year"}, {"type", "int"}},
        {{"name", "day"}, {"type", "date"}}, {{"name", "n"}, {"type", "bigint"}},
        {{"name", "price"}, {"type", "decimal(10,2)"}}, {{"name", "zone"}, {"type", "string"}}};
    const struct value *made[sizeof keys / sizeof *keys];
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        made[i] = make_map(arena, keys[i], NULL);
    return value_list(arena, made, sizeof keys / sizeof *keys);
}

/* As many as there are keys, whatever is said of them. */
static const struct value *make_values(struct arena *arena, struct str lines)
{
    const struct value *made[5];
    for (size_t i = 0; i < 5; i++) {
        struct str line = lines.p ? str_cut(lines, '\n', &lines) : STR_EMPTY;
        made[i] = value_string(arena, line.p ? line : STR_EMPTY);
    }
    return value_list(arena, made, 5);
}

static bool around(struct arena *arena, const char *before, struct str text, const struct value *values)
{
    const struct glue_expression *expression;
    struct err err = ERR_INIT;
    struct str whole = arena_printf(arena, "%s(%.*s)", before, STR_ARG(text));
    return !glue_expression_parse(arena, whole, make_keys(arena), &expression, &err) &&
           glue_expression_matches(expression, values);
}

static void check_expression(struct arena *arena, struct str text, const struct value *values)
{
    enum {
        ROOM = 64
    }; /* for what is written around it: there is a limit to an expression's length and depth */
    const struct glue_expression *expression;
    struct err err = ERR_INIT;
    if (glue_expression_parse(arena, text, make_keys(arena), &expression, &err))
        return;
    bool matches = glue_expression_matches(expression, values);
    if (text.n < ROOM && !memchr(text.p, '\0', text.n)) {
        assert(around(arena, "", text, values) == matches);
        assert(!(around(arena, "NOT ", text, values) && matches));
    }
}

static void check_type(struct arena *arena, struct str text)
{
    static const char *const names[2][2] = {{"Name", "a"}, {"Type", NULL}};
    const struct value *column = make_map(arena, names, value_string(arena, text));
    struct iceberg_schema schema;
    struct err err = ERR_INIT;
    if (!iceberg_schema_make(arena, value_list(arena, &column, 1), &schema, &err))
        assert(schema.last_id >= 1 && schema.doc->kind == VALUE_MAP);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str second, first = str_cut(str_n((const char *)data, n), '\0', &second);
    check_expression(&arena, first, make_values(&arena, second));
    check_type(&arena, first);
    return 0;
}
