/* Reads what other tools call types and attributes, and finds counterparts. */
#include "provider/names/names.h"

#include "base/embed.h"
#include "base/yaml.h"
#include "provider/cfn/published.h"
#include "provider/spec/spec.h"

#include <ctype.h>
#include <stddef.h>

/* ---- words ---- */

static size_t next_letter(struct str s, size_t i)
{
    while (i < s.n && !isalnum((unsigned char)s.p[i]))
        i++;
    return i;
}

bool names_same(struct str a, struct str b)
{
    size_t i = next_letter(a, 0), k = next_letter(b, 0);
    while (i < a.n && k < b.n) {
        if (tolower((unsigned char)a.p[i]) != tolower((unsigned char)b.p[k]))
            return false;
        i = next_letter(a, i + 1);
        k = next_letter(b, k + 1);
    }
    return i >= a.n && k >= b.n;
}

static struct str plain(struct arena *arena, struct str s)
{
    char *out = arena_alloc(arena, s.n + 1);
    size_t n = 0;
    for (size_t i = next_letter(s, 0); i < s.n; i = next_letter(s, i + 1))
        out[n++] = (char)tolower((unsigned char)s.p[i]);
    out[n] = 0;
    return str_n(out, n);
}

/* ---- the files ---- */

static struct str text_of(const struct node *node)
{
    return node && node->kind == NODE_STRING ? node->string : STR_EMPTY;
}

/* A key whose value is kept as it stands: where in the structure. */
struct kept_key {
    const char *key;
    size_t offset; /* of a const struct value * */
};

static const struct kept_key rule_keys[] = {
    {"values", offsetof(struct names_rule, values)},
    {"pairs", offsetof(struct names_rule, pairs)},
    {"flag", offsetof(struct names_rule, flag)},
    {"item", offsetof(struct names_rule, item)},
    {"only", offsetof(struct names_rule, only)},
    {"beside", offsetof(struct names_rule, beside)},
    {"unless", offsetof(struct names_rule, unless)},
    {"instead", offsetof(struct names_rule, instead)},
    {"ask", offsetof(struct names_rule, ask)},
};

static const struct kept_key type_keys[] = {
    {"id", offsetof(struct names_type, ids)},
    {"set", offsetof(struct names_type, set)},
    {"unsaid", offsetof(struct names_type, unsaid)},
    {"split", offsetof(struct names_type, split)},
    {"blocks", offsetof(struct names_type, blocks)},
    {"zeros", offsetof(struct names_type, zeros)},
};

static void read_kept(
    struct arena *arena, const struct node *map, const struct kept_key *keys, size_t n, void *into)
{
    for (size_t i = 0; i < n; i++) {
        const struct node *said = node_get(map, keys[i].key);
        if (said)
            *(const struct value **)((char *)into + keys[i].offset) = node_value(arena, said);
    }
}

static void read_rule(struct arena *arena, const struct node *map, struct names_rule *rule)
{
    rule->to = text_of(node_get(map, "as"));
    rule->same = text_of(node_get(map, "same"));
    rule->document = node_get(map, "document") != NULL;
    rule->each = node_get(map, "each") != NULL;
    rule->digest = node_get(map, "digest") != NULL;
    read_kept(arena, map, rule_keys, sizeof rule_keys / sizeof *rule_keys, rule);
}

static void read_rules(struct arena *arena, struct names_type *type, const struct node *map)
{
    size_t n = map && map->kind == NODE_MAP ? map->count : 0;
    struct names_rule *rules = ARENA_ARRAY(arena, struct names_rule, n + 1);
    for (size_t i = 0; i < n; i++) {
        const struct node *value = map->entries[i].value;
        rules[i] = (struct names_rule){.from = map->entries[i].key, .to = STR_EMPTY, .same = STR_EMPTY};
        if (value->kind == NODE_MAP)
            read_rule(arena, value, &rules[i]);
        else
            rules[i].to = text_of(value);
    }
    type->rules = rules;
    type->n = n;
}

static struct names_type *type_new(struct arena *arena, struct str other, const struct schema *schema)
{
    struct names_type *type = ARENA_NEW(arena, struct names_type);
    *type = (struct names_type){
        .other = other, .schema = schema, .into_by = STR_EMPTY, .at = STR_EMPTY, .key = STR_EMPTY};
    return type;
}

static int read_terraform(struct names *names, struct str service, const struct node *map, struct err *err)
{
    for (uint32_t i = 0; map && map->kind == NODE_MAP && i < map->count; i++) {
        const struct node *one = map->entries[i].value, *into = node_get(one, "into");
        struct str ours = text_of(into ? into : node_get(one, "type"));
        if (node_get(one, "asked")) {
            struct names_type *asked = type_new(names->arena, map->entries[i].key, NULL);
            asked->asked = true;
            map_set(&names->terraform, asked->other, asked);
            continue;
        }
        struct str full = str_find_char(ours, '.', 0) >= 0 || str_starts(ours, STR("AWS::"))
                              ? ours
                              : arena_printf(names->arena, "aws.%.*s.%.*s", STR_ARG(service), STR_ARG(ours));
        const struct schema *schema = catalog_find(names->catalog, full, false, err);
        if (!schema)
            return -1;
        struct names_type *type = type_new(names->arena, map->entries[i].key, schema);
        read_rules(names->arena, type, node_get(one, "names"));
        type->into_by = text_of(node_get(one, "by"));
        type->at = text_of(node_get(one, "at"));
        type->key = text_of(node_get(one, "key"));
        read_kept(names->arena, one, type_keys, sizeof type_keys / sizeof *type_keys, type);
        map_set(&names->terraform, type->other, type);
    }
    return 0;
}

static int read_file(struct names *names, const struct embedded_file *file, struct err *err)
{
    struct source *source = ARENA_NEW(names->arena, struct source);
    *source = (struct source){.path = file->path, .text = embedded_text(file)};
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    const struct node *root = yaml_parse(names->arena, source, &diags);
    if (!root)
        return err_set(err, ERR_INVALID, "%.*s cannot be read", STR_ARG(file->path));
    ptrdiff_t slash = str_find(file->path, STR("/names/"), 0);
    struct str service = str_slice(file->path, (size_t)slash + 7, file->path.n - strlen(".yaml"));
    const struct node *map = node_get(root, "cloudformation");
    for (uint32_t i = 0; map && map->kind == NODE_MAP && i < map->count; i++) {
        struct str full =
            arena_printf(names->arena, "aws.%.*s.%.*s", STR_ARG(service), STR_ARG(map->entries[i].key));
        const struct schema *schema = catalog_find(names->catalog, full, false, err);
        if (!schema)
            return -1;
        struct names_type *type = type_new(names->arena, schema->cfn, schema);
        read_rules(names->arena, type, map->entries[i].value);
        map_set(&names->cloudformation, schema->cfn, type);
    }
    return read_terraform(names, service, node_get(root, "terraform"), err);
}

struct str names_underscored(struct arena *arena, struct str type)
{
    char *name = arena_strz(arena, type);
    for (char *p = name; *p; p++)
        *p = *p == '.' ? '_' : *p;
    return str_n(name, type.n);
}

static int read_folder(struct names *names, struct str folder, struct err *err)
{
    size_t n;
    const struct embedded_file *files = embedded_under(folder, &n);
    for (size_t i = 0; i < n; i++)
        if (read_file(names, &files[i], err))
            return -1;
    return 0;
}

int names_load(struct names *names, struct arena *arena, struct catalog *catalog, struct err *err)
{
    size_t count;
    *names = (struct names){.arena = arena, .catalog = catalog};
    if (read_folder(names, STR("provider/aws/names/"), err) ||
        read_folder(names, STR("provider/weir/names/"), err))
        return -1;
    const struct str *types = catalog_names(catalog, false, &count);
    for (size_t i = 0; i < count; i++) {
        const struct schema *schema = catalog_find(catalog, types[i], false, err);
        if (!schema)
            return -1;
        if (!str_starts(types[i], STR("aws.")))
            continue;
        if (schema->cfn.n && !map_get(&names->cloudformation, schema->cfn))
            map_set(&names->cloudformation, schema->cfn, type_new(arena, schema->cfn, schema));
        struct str terraform = names_underscored(arena, types[i]);
        if (!map_get(&names->terraform, terraform))
            map_set(&names->terraform, terraform, type_new(arena, terraform, schema));
    }
    return 0;
}

int names_load_beside(struct names *names, struct arena *arena, struct catalog *catalog,
    const struct schema *schema, struct err *err)
{
    struct str rest, service;
    *names = (struct names){.arena = arena, .catalog = catalog};
    str_cut(schema->name, '.', &rest);
    service = str_cut(rest, '.', &rest);
    const struct embedded_file *file =
        embedded_find(arena_printf(arena, "provider/aws/names/%.*s.yaml", STR_ARG(service)));
    return file && str_starts(schema->name, STR("aws.")) ? read_file(names, file, err) : 0;
}

void names_release(struct names *names)
{
    map_release(&names->cloudformation);
    map_release(&names->terraform);
    map_release(&names->plain);
}

/* ---- looking up ---- */

const struct names_type *names_cloudformation(const struct names *names, struct str type)
{
    return map_get(&names->cloudformation, type);
}

const struct names_type *names_terraform(const struct names *names, struct str type)
{
    return map_get(&names->terraform, type);
}

struct str names_by_words(struct names *names, struct str type)
{
    if (!names->plain.n) {
        size_t n;
        const struct str *all = cfn_published_names(&n);
        for (size_t i = 0; i < n; i++)
            map_set(&names->plain, plain(names->arena, all[i]), (void *)&all[i]);
    }
    const struct str *found = map_get(&names->plain, plain(names->arena, type));
    return found ? *found : STR_EMPTY;
}

const struct names_rule *names_rule(const struct names_type *type, struct str from)
{
    for (size_t i = 0; i < type->n; i++)
        if (str_eq(type->rules[i].from, from))
            return &type->rules[i];
    return NULL;
}

bool names_has_below(const struct names_type *type, struct str path)
{
    for (size_t i = 0; i < type->n; i++) {
        struct str from = type->rules[i].from;
        if (str_starts(from, path) && from.n > path.n && (from.p[path.n] == '.' || from.p[path.n] == '['))
            return true;
    }
    return false;
}

/* The last word of what a spec's attribute is called on the wire. */
static struct str wire_word(const struct names_type *type, struct str attr)
{
    const struct spec_attr *found = spec_attr_find(type->schema->impl, attr);
    struct str wire = found ? found->wire : STR_EMPTY;
    for (size_t i = wire.n; i; i--)
        if (wire.p[i - 1] == '.')
            return str_slice(wire, i, wire.n);
    return wire;
}

struct str names_without_suffix(struct str property)
{
    static const char *const suffixes[] = {"Arn", "Arns", "Id", "Name", "_arn", "_arns", "_id", "_name"};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        if (str_ends(property, str_z(suffixes[i])) && property.n > strlen(suffixes[i]))
            return str_slice(property, 0, property.n - strlen(suffixes[i]));
    return STR_EMPTY;
}

static const struct attr *by_words(
    const struct names_type *type, const struct attr *attrs, size_t n, bool top, struct str property)
{
    for (size_t i = 0; i < n; i++)
        if (names_same(attrs[i].name, property))
            return &attrs[i];
    bool ours = str_starts(type->schema->name, STR("aws."));
    for (size_t i = 0; top && ours && i < n; i++)
        if (names_same(wire_word(type, attrs[i].name), property))
            return &attrs[i];
    return NULL;
}

const struct attr *names_attr(
    const struct names_type *type, const struct attr *attrs, size_t n, bool top, struct str property)
{
    const struct attr *found = by_words(type, attrs, n, top, property);
    bool ours = str_starts(type->schema->name, STR("aws."));
    struct str shorter = ours ? names_without_suffix(property) : STR_EMPTY;
    for (size_t i = 0; !found && shorter.n && i < n; i++)
        if (names_same(attrs[i].name, shorter))
            found = &attrs[i];
    return found;
}

struct str names_output(const struct names_type *type, struct arena *arena, struct str property)
{
    const struct names_rule *rule = names_rule(type, property);
    if (rule)
        return rule->values ? STR_EMPTY : rule->to;
    if (str_eqz(property, "Ref")) {
        const struct value *schema = cfn_published(arena, type->other);
        const struct value *ids = value_getz(schema, "primaryIdentifier");
        if (!ids || ids->count != 1)
            return STR_EMPTY;
        struct str path = value_text(ids->items[0], STR_EMPTY);
        property = str_slice(path, strlen("/properties/"), path.n);
        return names_output(type, arena, property);
    }
    const struct schema *schema = type->schema;
    const struct attr *attr = by_words(type, schema->attrs, schema->attr_count, true, property);
    if (!attr && (str_ends(property, STR("Arn")) || str_ends(property, STR("_arn")))) /* PolicyArn */
        attr = schema_attr(schema, STR("arn"));
    return attr ? attr->name : STR_EMPTY;
}
