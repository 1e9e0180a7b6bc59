/* Specs as the files of types that the catalog reads. */
#include "provider/spec/load.h"

#include <assert.h>

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

/* Local attributes of these are part of what the resource is. */
static void describe_attr(struct loader *l, const struct node_entry *entry, struct attr *out)
{
    struct spec_attr attr;
    load_attr(l, entry->key, entry->value, &attr);
    *out = *attr.attr;
    out->steers = false;
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
    }
    assert(!diags.errors);
    return out;
}

const struct type_reader spec_reader = {
    .load = load_file, .open = open_file, .find = find_type, .free = free_file, .describe = describe_type};
