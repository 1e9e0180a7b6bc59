/* The section `inputs`: types, constraints and defaults. */
#include "stacks/load/load.h"

#include <strings.h>
#include <unistd.h>

/* ---- types ---- */

static const struct type any_type = {.kind = TYPE_ANY}, string_type = {.kind = TYPE_STRING},
                         int_type = {.kind = TYPE_INT}, float_type = {.kind = TYPE_FLOAT},
                         bool_type = {.kind = TYPE_BOOL};
static const struct {
    struct str name;
    const struct type *type;
} scalar_types[] = {
    {STR_INIT("string"), &string_type},
    {STR_INIT("integer"), &int_type},
    {STR_INIT("number"), &float_type},
    {STR_INIT("boolean"), &bool_type},
    {STR_INIT("any"), &any_type},
};
enum { SCALAR_TYPES = sizeof scalar_types / sizeof *scalar_types, TYPE_DEPTH_MAX = 8 };
static const struct {
    struct str name;
    enum type_kind kind;
} collection_types[] = {
    {STR_INIT("list"), TYPE_LIST}, {STR_INIT("set"), TYPE_SET}, {STR_INIT("map"), TYPE_MAP}};
enum { COLLECTION_TYPES = sizeof collection_types / sizeof *collection_types };

/* Parses a type such as "list(map(string))". A collection without element type takes anything. Returns NULL
 * if it is not a type. */
static const struct type *parse_type(struct arena *arena, struct str text, unsigned depth)
{
    text = str_trim(text);
    for (size_t i = 0; i < SCALAR_TYPES; i++)
        if (str_eq(text, scalar_types[i].name))
            return scalar_types[i].type;
    for (size_t i = 0; i < COLLECTION_TYPES && depth < TYPE_DEPTH_MAX; i++) {
        struct str rest;
        if (!str_eq(str_trim(str_cut(text, '(', &rest)), collection_types[i].name))
            continue;
        if (rest.p && !str_ends(rest, STR(")")))
            return NULL;
        struct type *type = ARENA_NEW(arena, struct type);
        type->kind = collection_types[i].kind;
        type->elem = rest.p ? parse_type(arena, str_slice(rest, 0, rest.n - 1), depth + 1) : &any_type;
        return type->elem ? type : NULL;
    }
    return NULL;
}

static const struct type *read_type(struct loader *loader, const struct node *node)
{
    struct str text;
    if (!expect_text(loader, node, "the type of an input", &text))
        return &any_type;
    const struct type *type = parse_type(loader->arena, text, 0);
    if (type)
        return type;
    struct str names[SCALAR_TYPES + COLLECTION_TYPES];
    for (size_t i = 0; i < SCALAR_TYPES; i++)
        names[i] = scalar_types[i].name;
    for (size_t i = 0; i < COLLECTION_TYPES; i++)
        names[SCALAR_TYPES + i] = collection_types[i].name;
    struct diag *d = diag_error(loader->diags, node_span(node), "unknown input type \"%.*s\"", STR_ARG(text));
    diag_did_you_mean(loader->diags, d, text, names, sizeof names / sizeof *names);
    diag_hint(
        loader->diags, d, "the types are string, integer, number, boolean, list(…), set(…), map(…) and any");
    return &any_type;
}

static const struct type *type_of_default(const struct node *node)
{
    static const struct type list = {.kind = TYPE_LIST, .elem = &any_type};
    static const struct type map = {.kind = TYPE_MAP, .elem = &any_type};
    switch ((enum node_kind)node->kind) {
    case NODE_BOOL: return &bool_type;
    case NODE_INT: return &int_type;
    case NODE_FLOAT: return &float_type;
    case NODE_LIST: return &list;
    case NODE_MAP: return &map;
    case NODE_NULL:
    case NODE_STRING: break;
    }
    return &string_type;
}

/* ---- declarations ---- */

static void read_bound(struct loader *loader, const struct node *node, bool *has, int64_t *bound)
{
    if (node->kind == NODE_NULL)
        return;
    *has = node->kind == NODE_INT;
    if (*has)
        *bound = node->integer;
    else
        diag_error(loader->diags, node_span(node), "a bound of a range must be an integer or null, not %s",
            node_kind_name(node));
}

static void read_range(struct loader *loader, const struct node *node, struct attr *attr)
{
    if (node->kind != NODE_LIST || node->count != 2) {
        diag_error(loader->diags, node_span(node), "a range must be a list of two: [lowest, highest]");
        return;
    }
    read_bound(loader, node->items[0], &attr->has_min, &attr->min);
    read_bound(loader, node->items[1], &attr->has_max, &attr->max);
    if (attr->has_min && attr->has_max && attr->min > attr->max) {
        diag_error(loader->diags, node_span(node), "no number is in this range");
        attr->has_min = attr->has_max = false;
    }
}

static void read_pattern(struct loader *loader, const struct node *node, struct attr *attr)
{
    if (!expect_text(loader, node, "a pattern", &attr->pattern))
        return;
    struct err err = ERR_INIT;
    if (attr_compile_pattern(loader->arena, attr, &err)) {
        diag_error(loader->diags, node_span(node), "%s", err.message);
        attr->pattern = STR_EMPTY;
    }
}

static void read_choices(struct loader *loader, const struct node *node, struct attr *attr)
{
    if (!expect_list(loader, node, "the choices of an input"))
        return;
    if (node->count == 0)
        diag_error(loader->diags, node_span(node), "a list of choices needs at least one");
    else
        attr->choices = constant_value(loader, node, "a choice");
}

static void read_attr(struct loader *loader, const struct node *spec, struct attr *attr)
{
    const struct node *node = node_get(spec, "type"), *given = node_get(spec, "default");
    attr->required = !given;
    attr->type = node ? read_type(loader, node) : given ? type_of_default(given) : &string_type;
    if ((node = node_get(spec, "description")))
        expect_text(loader, node, "a description", &attr->doc);
    if ((node = node_get(spec, "sensitive")))
        expect_bool(loader, node, "\"sensitive\"", &attr->sensitive);
    if ((node = node_get(spec, "pattern")))
        read_pattern(loader, node, attr);
    if ((node = node_get(spec, "enum")) || (node = node_get(spec, "choices")))
        read_choices(loader, node, attr);
    if ((node = node_get(spec, "range")))
        read_range(loader, node, attr);
}

/* `owner: string` gives owner the value "string", which is probably a mistake. */
static void warn_of_type_as_default(struct loader *loader, const struct decl *decl, const struct node *node)
{
    if (node->kind != NODE_STRING || !node->plain || !parse_type(loader->arena, node->string, 0))
        return;
    struct diag *d = diag_warning(loader->diags, node_span(node),
        "the input \"%.*s\" has the text \"%.*s\" as its default", STR_ARG(decl->name),
        STR_ARG(node->string));
    diag_hint(loader->diags, d, "as a type it is written {type: %.*s}", STR_ARG(node->string));
}

/* Converts a literal to the input's type. Returns NULL after an error. */
static const struct value *input_convert(
    struct loader *loader, const struct attr *input, const struct node *node, const struct value *value)
{
    const struct value *out = NULL;
    struct schema_issue issue;
    if (!schema_convert(loader->arena, input, value, &out, &issue))
        return out;
    check_literal(loader, "input", input, node);
    return NULL;
}

static bool is_like_sensitive(struct str key)
{
    static const struct str sensitive = STR_INIT("sensitive");
    return str_nearest(key, &sensitive, 1).n;
}

/* If `sensitive` is misspelt or not a boolean, the input is treated as a secret nevertheless. */
static bool meant_sensitive(const struct node *spec)
{
    for (size_t i = 0; i < spec->count; i++) {
        const struct node *value = spec->entries[i].value;
        bool no = value->kind == NODE_BOOL && !value->boolean;
        if (!no && is_like_sensitive(spec->entries[i].key))
            return true;
    }
    return false;
}

/* Hides the default; `default` may be misspelt too. */
static void hide_default(struct loader *loader, const struct node *spec)
{
    static const char *const others[] = {"type", "description", "pattern", "enum", "range", "choices"};
    for (size_t i = 0; meant_sensitive(spec) && i < spec->count; i++) {
        const struct node_entry *entry = &spec->entries[i];
        if (is_like_sensitive(entry->key) || STR_IS_ONE_OF(entry->key, others))
            continue;
        source_hide(loader->arena,
            node_span(entry->value)); /* something that looks like a reference is a literal here */
        check_hide(loader, &(struct attr){.sensitive = true}, entry->value);
    }
}

static void load_input(struct unit *unit, const struct node_entry *entry)
{
    static const struct str known[] = {STR_INIT("type"), STR_INIT("default"), STR_INIT("description"),
        STR_INIT("pattern"), STR_INIT("enum"), STR_INIT("range"), STR_INIT("sensitive"), STR_INIT("choices")};
    struct loader *loader = unit->loader;
    struct decl *decl = declare(unit, DECL_INPUT, entry);
    struct attr *attr = ARENA_MAKE(loader->arena, struct attr, .name = decl->name, .doc = STR_EMPTY,
        .type = &string_type, .settable = true, .pattern = STR_EMPTY, .conflicts = STR_EMPTY);
    decl->input = attr;
    const struct node *spec = entry->value, *given = spec;
    if (spec->kind == NODE_MAP) {
        check_keys(loader, spec, "an input", known, sizeof known / sizeof *known);
        read_attr(loader, spec, attr);
        hide_default(loader, spec);
        given = node_get(spec, "default");
    } else if (spec->kind == NODE_NULL) {
        attr->required = true;
        given = NULL;
    } else {
        attr->type = type_of_default(spec);
        warn_of_type_as_default(loader, decl, spec);
    }
    if (!given)
        return;
    check_hide(loader, attr, given);
    const struct value *value = constant_value(loader, given, "the default of an input");
    decl->given = value ? input_convert(loader, attr, given, value) : NULL;
    if (!decl->given)
        decl->given = &value_unknown;
}

void load_inputs(struct unit *unit, const struct node *section)
{
    for (size_t i = 0; i < section->count; i++)
        load_input(unit, &section->entries[i]);
}

/* ---- environment variables that nearly name an input ---- */

#define PREFIX "WEIR_INPUT_"

static void note_unused(struct diags *diags, const struct map *inputs, struct str variable)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str value, full = str_cut(variable, '=', &value),
                      name = str_slice(full, sizeof PREFIX - 1, full.n);
    struct str *names = ARENA_ARRAY(&scratch, struct str, inputs->n + 1);
    for (size_t i = 0; i < inputs->n; i++) {
        names[i] = inputs->items[i].key;
        if (name.n == names[i].n && strncasecmp(name.p, names[i].p, name.n) == 0)
            return;
    }
    struct str nearest = str_nearest(name, names, inputs->n);
    if (!nearest.n)
        return; /* probably an input of another stack */
    struct diag *d =
        diag_warning(diags, (struct span){0}, "%.*s is set, and the stack has no such input", STR_ARG(full));
    diag_hint(diags, d, "did you mean \"%.*s\"?", STR_ARG(nearest));
}

void note_unused_variables(struct diags *diags, const struct map *inputs)
{
    for (char **variable = environ; variable && *variable; variable++)
        if (str_starts(str_z(*variable), STR(PREFIX)))
            note_unused(diags, inputs, str_z(*variable));
}
