/*
 * Reads the nodes of a spec file and reports mistakes with their position; the reader of spec files for the
 * catalog.
 */
#include "provider/spec/load.h"

#include "base/clock.h"

#include <assert.h>
#include <ctype.h>

/* ---- Spec files for the catalog ---- */

static struct type_file *as_file(struct spec_service *service)
{
    if (!service)
        return NULL;
    struct type_file *file = ARENA_NEW(&service->arena, struct type_file);
    *file = (struct type_file){.kind = service->kind,
        .name = service->name,
        .all = {&service->types, &service->data},
        .impl = service};
    return file;
}

static struct type_file *load_file(const struct source *source, const struct provider_kinds *kinds,
    const struct provider_kind *kind, struct diags *diags)
{
    return as_file(spec_load(source, kinds, kind, diags));
}

static struct type_file *open_file(const struct source *source, const struct provider_kinds *kinds,
    const struct provider_kind *kind, struct diags *diags)
{
    return as_file(spec_open(source, kinds, kind, diags));
}

/* A struct spec_type begins with its schema. */
static const struct schema *find_type(
    struct type_file *file, struct str name, bool is_data, struct diags *diags)
{
    return (const struct schema *)spec_read_type(file->impl, name, is_data, diags);
}

static void free_file(struct type_file *file)
{
    spec_free(file->impl);
}

/* Local attributes of types in C are part of what the resource is. */
static void describe_attr(struct loader *l, const struct node_entry *entry, struct attr *out)
{
    struct spec_attr attr;
    load_attr(l, entry->key, entry->value, &attr);
    *out = *attr.attr;
    out->weir_only = false;
}

static const struct schema *describe_type(const struct schema *schema, struct arena *arena)
{
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    const struct node *root = yaml_embedded(schema->described), *map = node_get(root, "attributes");
    struct loader l = {.arena = arena, .diags = &diags};
    struct schema *out = ARENA_NEW(arena, struct schema);
    struct attr *attrs = ARENA_ARRAY(arena, struct attr, map->count);
    struct spec_names unique = load_names(&l, node_get(root, "unique"));
    *out = *schema;
    out->doc = load_text(&l, root, "doc");
    out->example = load_text(&l, root, "example");
    out->attrs = attrs;
    out->attr_count = map->count;
    out->unique = unique.items;
    out->unique_count = unique.count;
    for (uint32_t i = 0; i < map->count; i++) {
        describe_attr(&l, &map->entries[i], &attrs[i]);
        attrs[i].costly = schema->costly && str_eqz(attrs[i].name, schema->costly);
        attrs[i].identifies = attrs[i].replace; /* bucket and key: all requests have them */
    }
    assert(!diags.errors);
    return out;
}

const struct type_reader spec_reader = {
    .load = load_file, .open = open_file, .find = find_type, .free = free_file, .describe = describe_type};

void load_error(struct loader *l, const struct node *node, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str text = arena_vprintf(l->arena, format, args);
    va_end(args);
    diag_error(l->diags, node_span(node), "%.*s", STR_ARG(text));
}

uint32_t load_size(struct loader *l, const struct node *node, enum node_kind kind, const char *otherwise)
{
    if (node && node->kind != kind)
        load_error(l, node, "%s, not %s", otherwise, node_kind_name(node));
    return node && node->kind == kind ? node->count : 0;
}

enum { LISTED_MAX = 12 }; /* up to so many keys are all listed in the message */

bool load_keys(struct loader *l, const struct node *node, const char *what, const char *keys)
{
    if (!node || node->kind != NODE_MAP) {
        if (node)
            load_error(l, node, "%s has to be a map, not %s", what, node_kind_name(node));
        return false;
    }
    struct str names[64], rest = str_z(keys);
    size_t n = 0;
    while (rest.n && n < sizeof names / sizeof *names)
        names[n++] = str_cut(rest, ' ', &rest);
    for (uint32_t i = 0; i < node->count; i++) {
        const struct node_entry *entry = &node->entries[i];
        bool known = false;
        for (size_t k = 0; k < n && !known; k++)
            known = str_eq(names[k], entry->key);
        if (known)
            continue;
        struct diag *diag = diag_error(l->diags, node_key_span(entry), "%s has no key \"%.*s\"%s%s", what,
            STR_ARG(entry->key), n > LISTED_MAX ? "" : "; it may have: ", n > LISTED_MAX ? "" : keys);
        diag_did_you_mean(l->diags, diag, entry->key, names, n);
    }
    return true;
}

/* Returns the node under that key if it has this kind, which is `wanted`; NULL: there is none, or it is
 * reported. */
static const struct node *node_of(
    struct loader *l, const struct node *map, const char *key, enum node_kind kind, const char *wanted)
{
    const struct node *node = node_get(map, key);
    if (!node || node->kind == kind)
        return node;
    load_error(l, node, "\"%s\" has to be %s, not %s", key, wanted, node_kind_name(node));
    return NULL;
}

struct str load_text(struct loader *l, const struct node *map, const char *key)
{
    const struct node *node = node_of(l, map, key, NODE_STRING, "a string");
    return node ? node->string : STR_EMPTY;
}

bool load_flag(struct loader *l, const struct node *map, const char *key)
{
    const struct node *node = node_of(l, map, key, NODE_BOOL, "true or false");
    return node && node->boolean;
}

int64_t load_int(struct loader *l, const struct node *map, const char *key, int64_t fallback)
{
    const struct node *node = node_of(l, map, key, NODE_INT, "an integer");
    return node ? node->integer : fallback;
}

int64_t load_ms(struct loader *l, const struct node *map, const char *key, int64_t fallback)
{
    const struct node *node = node_get(map, key);
    int64_t ms;
    if (!node || (node->kind == NODE_STRING && duration_read(node->string, &ms)))
        return node ? ms : fallback;
    load_error(l, node, "\"%s\" has to be a duration such as 10s or 40m", key);
    return fallback;
}

int load_word(struct loader *l, const struct node *map, const char *key, const char *const *words)
{
    AUTO_BUF struct buf known = BUF_INIT;
    struct str word = load_text(l, map, key);
    for (int i = 0; word.n && words[i]; i++) {
        if (str_eqz(word, words[i]))
            return i + 1;
        buf_addf(&known, "%s%s", !i ? "" : words[i + 1] ? ", " : " or ", words[i]);
    }
    if (word.n)
        load_error(l, node_get(map, key), "%s is %s", key, known.p);
    return 0;
}

const struct value *load_map(struct loader *l, const struct node *map, const char *key, const char *otherwise)
{
    const struct node *node = node_get(map, key);
    if (node && node->kind == NODE_MAP)
        return node_value(l->arena, node);
    if (node)
        load_error(l, node, "%s", otherwise);
    return NULL;
}

const struct node *const *load_all(const struct node *const *node, size_t *n)
{
    bool list = *node && (*node)->kind == NODE_LIST;
    *n = list ? (*node)->count : *node != NULL;
    return list ? (const struct node *const *)(*node)->items : node;
}

struct spec_names load_names(struct loader *l, const struct node *node)
{
    size_t n;
    const struct node *const *items = load_all(&node, &n);
    struct str *names = n ? ARENA_ARRAY(l->arena, struct str, n) : NULL;
    for (size_t i = 0; i < n; i++)
        if (items[i]->kind == NODE_STRING)
            names[i] = items[i]->string;
        else
            load_error(l, items[i], "expected a name, not %s", node_kind_name(items[i]));
    return (struct spec_names){names, n};
}

struct spec_errors load_errors(struct loader *l, const struct node *node)
{
    uint32_t n = load_size(l, node, NODE_LIST, "expected a list of error codes");
    struct spec_error *errors = ARENA_ARRAY(l->arena, struct spec_error, n);
    for (uint32_t i = 0; i < n; i++) {
        const struct node *item = node->items[i];
        if (item->kind == NODE_STRING)
            errors[i] = (struct spec_error){item->string, STR_EMPTY, STR_EMPTY};
        else if (load_keys(l, item, "an error", "code message hint"))
            errors[i] = (struct spec_error){
                load_text(l, item, "code"), load_text(l, item, "message"), load_text(l, item, "hint")};
    }
    return (struct spec_errors){errors, n};
}

/* skip: {Path: value}, or a list of values; with several paths any of them */
struct spec_skip load_skip(struct loader *l, const struct node *node)
{
    struct spec_skip all = {.path = STR_EMPTY};
    if (node && (node->kind != NODE_MAP || !node->count))
        load_error(l, node, "skip is {Path: value}");
    for (uint32_t i = node && node->kind == NODE_MAP ? node->count : 0; i-- > 0;) {
        const struct value *v = node_value(l->arena, node->entries[i].value);
        struct spec_skip *next = all.path.n ? ARENA_NEW(l->arena, struct spec_skip) : NULL;
        if (next)
            *next = all;
        all = (struct spec_skip){
            node->entries[i].key, v->kind == VALUE_LIST ? v : value_list(l->arena, &v, 1), next};
    }
    return all;
}

/* Converts the words between underscores to the service's spelling: "vpc_id" -> "VpcId", with words {id: ID}
 * "VpcID". */
struct str load_wire_name(struct loader *l, struct str name)
{
    if (l->snake)
        return name;
    struct str parts[32], rest = name;
    size_t n = 0;
    while (rest.n && n < sizeof parts / sizeof *parts) {
        struct str word = str_cut(rest, '_', &rest);
        const struct node_entry *special = l->words ? node_find(l->words, word) : NULL;
        if (l->camel && n == 0) {
            parts[n++] = word;
        } else if (special && special->value->kind == NODE_STRING) {
            parts[n++] = special->value->string;
        } else if (word.n) {
            char *text = arena_strz(l->arena, word);
            text[0] = (char)toupper((unsigned char)text[0]);
            parts[n++] = str_n(text, word.n);
        }
    }
    return arena_concat(l->arena, parts, n);
}
