/* Looking at nodes of YAML: entries by key, places for messages, nodes as plain values. */
#include "base/yaml.h"

#include "base/embed.h"
#include "base/lock.h"
#include "base/map.h"

#include <assert.h>

const struct node *yaml_embedded(const char *path)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct arena arena = ARENA_INIT;
    static struct map read = MAP_INIT;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&lock);
    const struct embedded_file *file = embedded_find(str_z(path));
    const struct node *root = map_get(&read, file->path);
    if (root)
        return root;
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    struct source *source = ARENA_NEW(&arena, struct source);
    *source = (struct source){.path = file->path, .text = embedded_text(file)};
    root = yaml_parse(&arena, source, &diags);
    assert(root && !diags.errors);
    map_set(&read, file->path, (void *)root);
    return root;
}

struct str node_text(const struct node *node)
{
    return node && node->kind == NODE_STRING ? node->string : STR_EMPTY;
}

struct str node_raw(const struct node *node)
{
    return str_slice(node->source->text, node->offset, (size_t)node->offset + node->length);
}

struct span node_span(const struct node *node)
{
    return (struct span){node->source, node->offset, node->length, node->line, node->column};
}

struct span node_key_span(const struct node_entry *entry)
{
    return (struct span){
        entry->source, entry->key_offset, entry->key_length, entry->key_line, entry->key_column};
}

const struct node_entry *node_find(const struct node *map, struct str key)
{
    if (!map || map->kind != NODE_MAP)
        return NULL;
    for (size_t i = 0; i < map->count; i++)
        if (str_eq(map->entries[i].key, key))
            return &map->entries[i];
    return NULL;
}

struct node *node_get(const struct node *map, const char *key)
{
    const struct node_entry *entry = node_find(map, str_z(key));
    return entry ? entry->value : NULL;
}

const char *node_kind_name(const struct node *node)
{
    static const char *const names[] = {[NODE_NULL] = "null",
        [NODE_BOOL] = "a boolean",
        [NODE_INT] = "an integer",
        [NODE_FLOAT] = "a number",
        [NODE_STRING] = "a string",
        [NODE_LIST] = "a list",
        [NODE_MAP] = "a map"};
    return names[node->kind];
}

static const struct value *list_value(struct arena *arena, const struct node *node)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (size_t i = 0; i < node->count; i++)
        value_builder_add(&b, node_value(arena, node->items[i]));
    return value_builder_list(&b);
}

static const struct value *map_value(struct arena *arena, const struct node *node)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (size_t i = 0; i < node->count; i++)
        value_builder_set(&b, node->entries[i].key, node_value(arena, node->entries[i].value));
    return value_builder_map(&b);
}

const struct value *node_value(struct arena *arena, const struct node *node)
{
    switch ((enum node_kind)node->kind) {
    case NODE_NULL: return &value_null;
    case NODE_BOOL: return value_bool(node->boolean);
    case NODE_INT: return value_int(arena, node->integer);
    case NODE_FLOAT: return value_float(arena, node->number);
    case NODE_STRING: return value_string_ref(arena, node->string);
    case NODE_LIST: return list_value(arena, node);
    case NODE_MAP: return map_value(arena, node);
    }
    return &value_null;
}
