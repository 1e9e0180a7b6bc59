/* Expands schemas from their short form. */
#include "provider/cfn/cfn.h"

#include "base/embed.h"
#include "base/json.h"
#include "base/mem.h"

#include <ctype.h>
#include <pthread.h>

#define FOLDER "provider/cfn/schemas/"

bool cfn_is_type_name(struct str type)
{
    int words = 0;
    while (type.p) {
        struct str word = type;
        ptrdiff_t colons = str_find(type, STR("::"), 0);
        type = colons < 0 ? (struct str){0} : str_slice(type, (size_t)colons + 2, type.n);
        word = colons < 0 ? word : str_slice(word, 0, (size_t)colons);
        for (size_t i = 0; i < word.n; i++)
            if (!isalnum((unsigned char)word.p[i]))
                return false;
        words += word.n > 0;
    }
    return words == 3;
}

/* ---- the line of a type ---- */

static struct str file_of(struct arena *arena, struct str type)
{
    struct str service = str_slice(type, 5, type.n);
    const struct embedded_file *file = embedded_find(arena_printf(arena, FOLDER "%c%c.txt",
        tolower((unsigned char)service.p[0]), tolower((unsigned char)service.p[1])));
    return file ? embedded_text(file) : STR_EMPTY;
}

static struct str line_of(struct arena *arena, struct str type)
{
    struct str text = file_of(arena, type), head = arena_printf(arena, "%.*s {", STR_ARG(type));
    while (text.n) {
        struct str rest, line = str_cut(text, '\n', &rest);
        if (str_starts(line, head))
            return str_slice(line, head.n - 1, line.n);
        text = rest;
    }
    return STR_EMPTY;
}

/* ---- a schema ---- */

struct word {
    char letter;
    const char *name;
};

static const struct word type_words[] = {{'s', "string"}, {'o', "object"}, {'a', "array"}, {'i', "integer"},
    {'b', "boolean"}, {'n', "number"}, {'0', "null"}};

/* Keys whose value is copied unchanged. */
static const struct word plain_words[] = {{'!', "required"}, {'l', "minLength"}, {'L', "maxLength"},
    {'c', "minItems"}, {'C', "maxItems"}, {'m', "minimum"}, {'M', "maximum"}, {'v', "minProperties"},
    {'V', "maxProperties"}, {'p', "pattern"}, {'e', "enum"}, {'E', "enumCaseInsensitive"},
    {'O', "insertionOrder"}, {'U', "uniqueItems"}, {'f', "format"}, {'d', "default"},
    {'q', "dependentRequired"}, {'x', "dependentExcluded"}, {'X', "requiredXor"}, {'R', "requiredOr"},
    {'G', "exclusiveMaximum"}};

#define FIND_WORD(words, letter) word_name(words, sizeof(words) / sizeof *(words), letter)

static struct str word_name(const struct word *words, size_t n, char letter)
{
    for (size_t i = 0; i < n; i++)
        if (words[i].letter == letter)
            return str_z(words[i].name);
    return STR_EMPTY;
}

static const struct value *long_schema(struct arena *arena, const struct value *v);

static const struct value *long_type(struct arena *arena, struct str letters)
{
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    for (size_t i = 0; i < letters.n; i++)
        value_builder_add(&list, value_string(arena, FIND_WORD(type_words, letters.p[i])));
    return list.n == 1 ? list.entries[0].value : value_builder_list(&list);
}

static const struct value *long_reference(struct arena *arena, int64_t place)
{
    return value_string_ref(arena, arena_printf(arena, "#/definitions/D%lld", (long long)place));
}

static const struct value *long_list(struct arena *arena, const struct value *list)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(arena);
    for (uint32_t i = 0; list && i < list->count; i++)
        value_builder_add(&out, long_schema(arena, list->items[i]));
    return value_builder_list(&out);
}

static const struct value *long_map(struct arena *arena, const struct value *map)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(arena);
    for (uint32_t i = 0; map && i < map->count; i++)
        value_builder_set(&out, map->entries[i].key, long_schema(arena, map->entries[i].value));
    return value_builder_map(&out);
}

/* Splits a property's key into name, whether it is required, and its marks. */
static struct str property_name(struct str key, bool *required, struct str *marks)
{
    struct str name = str_cut(key, ':', marks);
    *required = str_ends(name, STR("!"));
    return str_slice(name, 0, name.n - *required);
}

static void add_properties(struct value_builder *out, const struct value *map)
{
    struct arena *arena = out->arena;
    AUTO_BUILDER struct value_builder properties = VALUE_BUILDER(arena), required = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < map->count; i++) {
        bool needed;
        struct str marks, name = arena_str(arena, property_name(map->entries[i].key, &needed, &marks));
        value_builder_set(&properties, name, long_schema(arena, map->entries[i].value));
        if (needed)
            value_builder_add(&required, value_string_ref(arena, name));
    }
    value_builder_set(out, STR("type"), value_stringz(arena, "object"));
    value_builder_set(out, STR("properties"), value_builder_map(&properties));
    if (required.n)
        value_builder_set(out, STR("required"), value_builder_list(&required));
}

static void add_word(struct value_builder *out, char letter, const struct value *v)
{
    struct arena *arena = out->arena;
    struct str plain = FIND_WORD(plain_words, letter);
    if (plain.n)
        value_builder_set(out, plain, v);
    switch (letter) {
    case 't': value_builder_set(out, STR("type"), long_type(arena, v->string)); break;
    case '$': value_builder_set(out, STR("$ref"), long_reference(arena, v->integer)); break;
    case 'P': add_properties(out, v); break;
    case 'Q': value_builder_set(out, STR("patternProperties"), long_map(arena, v)); break;
    case '+': value_builder_set(out, STR("additionalProperties"), long_schema(arena, v)); break;
    case '1': value_builder_set(out, STR("oneOf"), long_list(arena, v)); break;
    case '2': value_builder_set(out, STR("anyOf"), long_list(arena, v)); break;
    case '3': value_builder_set(out, STR("allOf"), long_list(arena, v)); break;
    case 'I':
        value_builder_set(out, STR("type"), value_stringz(arena, "array"));
        value_builder_set(out, STR("items"), long_schema(arena, v));
        break;
    default: break;
    }
}

static bool is_text(const struct value *map)
{
    static const char others[] = "t$PI", own[] = "eplL";
    for (const char *letter = others; *letter; letter++)
        if (value_get(map, str_n(letter, 1)))
            return false;
    for (const char *letter = own; *letter; letter++)
        if (value_get(map, str_n(letter, 1)))
            return true;
    return false;
}

static const struct value *long_schema(struct arena *arena, const struct value *v)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(arena);
    if (v->kind == VALUE_STRING)
        value_builder_set(&out, STR("type"), long_type(arena, v->string));
    else if (v->kind == VALUE_INT)
        value_builder_set(&out, STR("$ref"), long_reference(arena, v->integer));
    else if (v->kind != VALUE_MAP)
        return v;
    for (uint32_t i = 0; v->kind == VALUE_MAP && i < v->count; i++)
        if (v->entries[i].key.n == 1)
            add_word(&out, v->entries[i].key.p[0], v->entries[i].value);
    if (v->kind == VALUE_MAP && is_text(v))
        value_builder_set(&out, STR("type"), value_stringz(arena, "string"));
    return value_builder_map(&out);
}

/* ---- keys of a whole type ---- */

static const struct word mark_words[] = {{'r', "readOnlyProperties"}, {'c', "createOnlyProperties"},
    {'w', "writeOnlyProperties"}, {'k', "conditionalCreateOnlyProperties"}, {'d', "deprecatedProperties"},
    {'a', "additionalIdentifiers"}, {'i', "primaryIdentifier"}, {'y', "weir:nocase"}, {'z', "weir:arn"}};

static const struct value *published_pointer(struct arena *arena, struct str path)
{
    return value_string_ref(arena, arena_printf(arena, "/properties/%.*s", STR_ARG(path)));
}

/* Adds the marks of the properties themselves, then those of nested properties. */
static void add_marks(struct value_builder *out, const struct value *type, const struct word *mark)
{
    struct arena *arena = out->arena;
    const struct value *properties = value_getz(type, "P"),
                       *further = value_get(type, str_n(&mark->letter, 1));
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    for (uint32_t i = 0; properties && i < properties->count; i++) {
        bool needed;
        struct str marks, name = property_name(properties->entries[i].key, &needed, &marks);
        if (!marks.p || str_find_char(marks, mark->letter, 0) < 0)
            continue;
        const struct value *path = published_pointer(arena, name);
        value_builder_add(&list, mark->letter == 'a' ? value_list(arena, &path, 1) : path);
    }
    for (uint32_t i = 0; further && further->kind == VALUE_LIST && i < further->count; i++)
        value_builder_add(&list, published_pointer(arena, value_text(further->items[i], STR_EMPTY)));
    if (list.n)
        value_builder_set(out, str_z(mark->name), value_builder_list(&list));
}

static const char *const handler_names[] = {"create", "read", "update", "delete", "list"};
enum { HANDLERS = sizeof handler_names / sizeof *handler_names, TAGGING = HANDLERS };

/* Returns the actions of one handler, or of tagging. */
static const struct value *long_permissions(struct arena *arena, struct str groups, int bit)
{
    AUTO_BUILDER struct value_builder actions = VALUE_BUILDER(arena);
    for (struct str rest = groups; rest.n;) {
        struct str names, group = str_cut(rest, ';', &rest), service = str_cut(group, ':', &names);
        bool wanted = service.n && ((unsigned char)service.p[0] - 64) >> bit & 1;
        while (wanted && names.n) {
            struct str name = str_cut(names, ',', &names);
            value_builder_add(&actions,
                value_string_ref(arena,
                    arena_printf(arena, "%.*s:%.*s", (int)service.n - 1, service.p + 1, STR_ARG(name))));
        }
    }
    return value_builder_list(&actions);
}

static void add_handlers(struct value_builder *out, const struct value *type)
{
    struct arena *arena = out->arena;
    struct str has = value_gets(type, "H"), groups = value_gets(type, "A");
    AUTO_BUILDER struct value_builder handlers = VALUE_BUILDER(arena);
    for (int i = 0; i < HANDLERS; i++) {
        if (str_find_char(has, handler_names[i][0], 0) < 0)
            continue;
        const struct value *given = i == HANDLERS - 1 ? value_getz(type, "h") : NULL;
        struct value_entry entries[] = {{STR("permissions"), long_permissions(arena, groups, i)},
            {STR("handlerSchema"), given ? value_with(arena, NULL, STR("required"), given) : NULL}};
        value_builder_set(&handlers, str_z(handler_names[i]), value_map(arena, entries, given ? 2 : 1));
    }
    value_builder_set(out, STR("handlers"), value_builder_map(&handlers));
}

static void add_tagging(struct value_builder *out, const struct value *type)
{
    struct arena *arena = out->arena;
    struct str where = value_gets(type, "T");
    bool later = str_ends(where, STR("!"));
    struct str path = str_slice(where, 0, where.n - later);
    struct value_entry entries[] = {{STR("taggable"), value_bool(where.n > 0)},
        {STR("permissions"), long_permissions(arena, value_gets(type, "A"), TAGGING)},
        {STR("tagOnCreate"), value_bool(!later)}, {STR("tagProperty"), published_pointer(arena, path)}};
    value_builder_set(out, STR("tagging"), value_map(arena, entries, where.n ? 4 : 2));
}

static void add_definitions(struct value_builder *out, const struct value *list)
{
    struct arena *arena = out->arena;
    AUTO_BUILDER struct value_builder definitions = VALUE_BUILDER(arena);
    for (uint32_t i = 0; list && i < list->count; i++)
        value_builder_set(&definitions, arena_printf(arena, "D%u", i), long_schema(arena, list->items[i]));
    if (definitions.n)
        value_builder_set(out, STR("definitions"), value_builder_map(&definitions));
}

const struct value *cfn_published(struct arena *arena, struct str type)
{
    struct str line = cfn_is_type_name(type) ? line_of(arena, type) : STR_EMPTY;
    const struct value *in;
    if (!line.n || json_parse(arena, line, &in, NULL))
        return NULL;
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(arena);
    static const char shared[] = "P123qxXR";
    for (const char *letter = shared; *letter; letter++) {
        const struct value *v = value_get(in, str_n(letter, 1));
        if (v)
            add_word(&out, *letter, v);
    }
    for (size_t i = 0; i < sizeof mark_words / sizeof *mark_words; i++)
        add_marks(&out, in, &mark_words[i]);
    add_handlers(&out, in);
    add_tagging(&out, in);
    add_definitions(&out, value_getz(in, "D"));
    value_builder_set(&out, STR("typeName"), value_string(arena, type));
    value_builder_set(&out, STR("additionalProperties"), &value_false);
    return value_builder_map(&out);
}

/* ---- the list of names ---- */

static struct str *names;
static size_t name_count;

static void read_names(void)
{
    const struct embedded_file *file = embedded_find(STR(FOLDER "types.txt"));
    size_t cap = 0;
    for (struct str rest = file ? embedded_text(file) : STR_EMPTY; rest.n;) {
        struct str name = str_cut(rest, '\n', &rest);
        MEM_GROW(names, cap, name_count + 1);
        names[name_count++] = name;
    }
}

const struct str *cfn_published_names(size_t *n)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, read_names);
    *n = name_count;
    return names;
}
