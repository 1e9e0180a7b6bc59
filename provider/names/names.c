/* Reads the name files and finds the counterparts of types and attributes. */
#include "provider/names/names.h"

#include "base/embed.h"
#include "base/yaml.h"
#include "provider/cfn/cfn.h"
#include "provider/spec/spec.h"

#include <assert.h>
#include <ctype.h>

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

/* A key whose value is stored unchanged, and the member that it is stored in. */
struct kept_key {
    const char *key;
    size_t offset; /* of a member of type const struct value * */
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
    {"unconfigured", offsetof(struct names_type, unconfigured)},
    {"split", offsetof(struct names_type, split)},
    {"blocks", offsetof(struct names_type, blocks)},
    {"zeros", offsetof(struct names_type, zeros)},
    {"besides", offsetof(struct names_type, besides)},
    {"unsupported", offsetof(struct names_type, unsupported)},
};

static bool is_known(struct str key, const struct kept_key *kept, size_t n, const char *others)
{
    for (size_t i = 0; i < n; i++)
        if (str_eqz(key, kept[i].key))
            return true;
    return str_is_any(key, others);
}

/* Stores the values of `keys`. Asserts that every key is known, since an unknown one would be ignored
 * silently. `others`: keys handled elsewhere. */
static void read_kept(struct arena *arena, const struct node *map, const struct kept_key *keys, size_t n,
    const char *others, void *into)
{
    for (uint32_t i = 0; i < map->count; i++) {
        bool known UNUSED = is_known(map->entries[i].key, keys, n, others);
        assert(known); /* the static program is built without */
    }
    for (size_t i = 0; i < n; i++) {
        const struct node *said = node_get(map, keys[i].key);
        if (said)
            *(const struct value **)((char *)into + keys[i].offset) = node_value(arena, said);
    }
}

static void read_rule(struct arena *arena, const struct node *map, struct names_rule *rule)
{
    rule->to = node_text(node_get(map, "as"));
    rule->same = node_text(node_get(map, "same"));
    rule->document = node_get(map, "document") != NULL;
    rule->each = node_get(map, "each") != NULL;
    rule->digest = node_get(map, "digest") != NULL;
    rule->import_only = node_get(map, "import_only") != NULL;
    read_kept(arena, map, rule_keys, sizeof rule_keys / sizeof *rule_keys,
        "as same document each digest import_only", rule);
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
            rules[i].to = node_text(value);
    }
    type->rules = rules;
    type->n = n;
}

static struct names_type *type_new(struct arena *arena, struct str other, const struct schema *schema)
{
    struct names_type *type = ARENA_NEW(arena, struct names_type);
    *type = (struct names_type){.other = other,
        .schema = schema,
        .into_by = STR_EMPTY,
        .of = STR_EMPTY,
        .at = STR_EMPTY,
        .key = STR_EMPTY,
        .import_id = STR_EMPTY};
    return type;
}

/* Reads one entry of `terraform` in the file of a service. */
static int read_terraform(
    struct names *names, struct str service, const struct node_entry *entry, struct err *err)
{
    const struct node *one = entry->value, *into = node_get(one, "into");
    struct str ours = node_text(into ? into : node_get(one, "type"));
    bool asked = node_get(one, "asked"),
         full = str_find_char(ours, '.', 0) >= 0 || str_starts(ours, STR("AWS::"));
    if (!full)
        ours = arena_printf(names->arena, "aws.%.*s.%.*s", STR_ARG(service), STR_ARG(ours));
    struct str written = node_text(node_get(one, "written"));
    bool none = asked || written.n;
    const struct schema *schema = none ? NULL : catalog_find(names->catalog, ours, false, err);
    if (!schema && !none)
        return -1;
    struct names_type *type = type_new(names->arena, entry->key, schema);
    type->asked = asked;
    type->written = written;
    type->import_only = node_get(one, "import_only") != NULL;
    read_rules(names->arena, type, node_get(one, "names"));
    type->into_by = node_text(node_get(one, "by"));
    type->of = node_text(node_get(one, "of"));
    type->at = node_text(node_get(one, "at"));
    type->key = node_text(node_get(one, "key"));
    type->import_id = node_text(node_get(one, "import_id"));
    read_kept(names->arena, one, type_keys, sizeof type_keys / sizeof *type_keys,
        "type into asked written import_only names by of at key import_id", type);
    map_set(&names->terraform, type->other, type);
    return 0;
}

/* Reads one entry of `cloudformation`; rules NULL: the file has none for the type. */
static void read_cloudformation(struct names *names, const struct schema *schema, const struct node *rules)
{
    struct names_type *type = type_new(names->arena, schema->cfn, schema);
    read_rules(names->arena, type, rules);
    map_set(&names->cloudformation, schema->cfn, type);
}

/* Returns the parsed file; NULL if it does not exist or cannot be parsed. */
static const struct node *root_of(struct names *names, const struct embedded_file *file, struct err *err)
{
    const struct node *root = file ? map_get(&names->files, file->path) : NULL;
    if (root || !file)
        return root;
    struct source *source = ARENA_NEW(names->arena, struct source);
    *source = (struct source){.path = file->path, .text = embedded_text(file)};
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    root = yaml_parse(names->arena, source, &diags);
    if (root)
        map_set(&names->files, file->path, (void *)root);
    else
        err_set(err, ERR_INVALID, "%.*s cannot be read", STR_ARG(file->path));
    return root;
}

static struct str service_of(const struct embedded_file *file)
{
    ptrdiff_t slash = str_find(file->path, STR("/names/"), 0);
    return str_slice(file->path, (size_t)slash + 7, file->path.n - strlen(".yaml"));
}

static int read_file(struct names *names, const struct embedded_file *file, struct err *err)
{
    const struct node *root = root_of(names, file, err);
    if (!root)
        return -1;
    const struct node *map = node_get(root, "cloudformation");
    for (uint32_t i = 0; map && map->kind == NODE_MAP && i < map->count; i++) {
        struct str full = arena_printf(
            names->arena, "aws.%.*s.%.*s", STR_ARG(service_of(file)), STR_ARG(map->entries[i].key));
        const struct schema *schema = catalog_find(names->catalog, full, false, err);
        if (!schema)
            return -1;
        read_cloudformation(names, schema, map->entries[i].value);
    }
    map = node_get(root, "terraform");
    for (uint32_t i = 0; map && map->kind == NODE_MAP && i < map->count; i++)
        if (read_terraform(names, service_of(file), &map->entries[i], err))
            return -1;
    return 0;
}

struct str names_underscored(struct arena *arena, struct str type)
{
    char *name = arena_strz(arena, type);
    for (char *p = name; *p; p++)
        *p = *p == '.' ? '_' : *p;
    return str_n(name, type.n);
}

void names_open(struct names *names, struct arena *arena, struct catalog *catalog)
{
    *names = (struct names){.arena = arena, .catalog = catalog};
}

/* Returns the file beside the spec of an AWS type; NULL if there is none. `rest`: the name after the
 * service. */
static const struct embedded_file *file_beside(struct arena *arena, struct str type, struct str *rest)
{
    struct str kind = str_cut(type, '.', rest), service = str_cut(*rest, '.', rest);
    return str_eqz(kind, "aws")
               ? embedded_find(arena_printf(arena, "provider/aws/names/%.*s.yaml", STR_ARG(service)))
               : NULL;
}

int names_load_beside(struct names *names, struct arena *arena, struct catalog *catalog,
    const struct schema *schema, struct err *err)
{
    struct str rest;
    names_open(names, arena, catalog);
    const struct embedded_file *file = file_beside(arena, schema->name, &rest);
    return file ? read_file(names, file, err) : 0;
}

void names_release(struct names *names)
{
    map_release(&names->files);
    map_release(&names->cloudformation);
    map_release(&names->terraform);
    map_release(&names->plain);
}

/* ---- looking up ---- */

/* Caches that a type has no counterpart. */
static struct names_type no_type;

static const struct names_type *names_known(struct map *map, struct str other)
{
    const struct names_type *type = map_get(map, other);
    return type == &no_type ? NULL : type;
}

/* Returns the CloudFormation type that replaced an older one of another name. */
static struct str newer_type(struct str type)
{
    return str_eqz(type, "AWS::LakeFormation::Permissions") ? STR("AWS::LakeFormation::PrincipalPermissions")
                                                            : type;
}

const struct names_type *names_cloudformation(struct names *names, struct str type)
{
    type = newer_type(type);
    if (map_get(&names->cloudformation, type))
        return names_known(&names->cloudformation, type);
    struct str rest;
    const struct schema *schema = catalog_own(names->catalog, type);
    if (!schema || !str_starts(schema->name, STR("aws."))) {
        map_set(&names->cloudformation, arena_str(names->arena, type), &no_type);
        return NULL;
    }
    const struct embedded_file *file = file_beside(names->arena, schema->name, &rest);
    const struct node *root = root_of(names, file, ERR_IGNORED),
                      *map = root ? node_get(root, "cloudformation") : NULL;
    read_cloudformation(names, schema, map ? node_get(map, rest.p) : NULL);
    return names_known(&names->cloudformation, type);
}

/* Reads the files of the folder that contain the type's name. */
static void look_in_files(struct names *names, struct str folder, struct str type)
{
    size_t n;
    struct str key = arena_printf(names->arena, "  %.*s:", STR_ARG(type));
    const struct embedded_file *files = embedded_under(folder, &n);
    for (size_t i = 0; i < n && !map_get(&names->terraform, type); i++) {
        if (str_find(embedded_text(&files[i]), key, 0) < 0)
            continue;
        const struct node *root = root_of(names, &files[i], ERR_IGNORED),
                          *map = root ? node_get(root, "terraform") : NULL;
        for (uint32_t k = 0; map && map->kind == NODE_MAP && k < map->count; k++)
            if (str_eq(map->entries[k].key, type))
                read_terraform(names, service_of(&files[i]), &map->entries[k], ERR_IGNORED);
    }
}

/* Finds a type with the same words: aws_glue_job is usually aws.glue.job. */
static const struct schema *type_with_same_words(struct names *names, struct str type)
{
    const struct schema *schema = NULL;
    size_t service = strlen("aws_");
    for (size_t i = service; i < type.n && !schema && str_starts(type, STR("aws_")); i++)
        if (type.p[i] == '_' && i > service && i + 1 < type.n)
            schema = catalog_seek(names->catalog,
                arena_printf(names->arena, "aws.%.*s.%.*s", (int)(i - service), type.p + service,
                    (int)(type.n - i - 1), type.p + i + 1),
                false, ERR_IGNORED);
    return schema;
}

const struct names_type *names_terraform(struct names *names, struct str type)
{
    if (!map_get(&names->terraform, type)) {
        look_in_files(names, STR("provider/aws/names/"), type);
        look_in_files(names, STR("provider/weir/names/"), type);
    }
    if (!map_get(&names->terraform, type)) {
        struct str other = arena_str(names->arena, type);
        const struct schema *schema = type_with_same_words(names, other);
        map_set(&names->terraform, other, schema ? type_new(names->arena, other, schema) : &no_type);
    }
    return names_known(&names->terraform, type);
}

const struct names_type *const *names_terraform_of(
    struct names *names, const struct schema *schema, size_t *n)
{
    struct str rest;
    const struct embedded_file *file = str_starts(schema->name, STR("weir."))
                                           ? embedded_find(STR("provider/weir/names/made.yaml"))
                                           : file_beside(names->arena, schema->name, &rest);
    const struct node *root = root_of(names, file, ERR_IGNORED),
                      *map = root ? node_get(root, "terraform") : NULL;
    uint32_t count = map && map->kind == NODE_MAP ? map->count : 0;
    const struct names_type **list = ARENA_ARRAY(names->arena, const struct names_type *, count + 1);
    *n = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!map_get(&names->terraform, map->entries[i].key))
            read_terraform(names, service_of(file), &map->entries[i], ERR_IGNORED);
        const struct names_type *type = names_known(&names->terraform, map->entries[i].key);
        if (type && type->schema == schema && !type->import_only)
            list[(*n)++] = type;
    }
    return list;
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

/* Returns the last word of an attribute's wire name. */
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

static const struct attr *attr_called(const struct attr *attrs, size_t n, struct str word)
{
    for (size_t i = 0; word.n && i < n; i++)
        if (names_same(attrs[i].name, word))
            return &attrs[i];
    return NULL;
}

static const struct attr *by_words(
    const struct names_type *type, const struct attr *attrs, size_t n, bool top, struct str property)
{
    const struct attr *found = attr_called(attrs, n, property);
    bool ours = top && str_starts(type->schema->name, STR("aws."));
    for (size_t i = 0; !found && ours && i < n; i++)
        if (names_same(wire_word(type, attrs[i].name), property))
            found = &attrs[i];
    return found;
}

const struct attr *names_attr(
    const struct names_type *type, const struct attr *attrs, size_t n, bool top, struct str property)
{
    const struct attr *found = by_words(type, attrs, n, top, property);
    bool ours = str_starts(type->schema->name, STR("aws."));
    return found || !ours ? found : attr_called(attrs, n, names_without_suffix(property));
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
        return names_output(type, arena, str_slice(path, strlen("/properties/"), path.n));
    }
    const struct schema *schema = type->schema;
    const struct attr *attr = by_words(type, schema->attrs, schema->attr_count, true, property);
    if (!attr && (str_ends(property, STR("Arn")) || str_ends(property, STR("_arn")))) /* PolicyArn */
        attr = schema_attr(schema, STR("arn"));
    return attr ? attr->name : STR_EMPTY;
}
