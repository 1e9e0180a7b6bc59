/* YAML: whatever comes, a tree that lies within its text, or diagnostics that can be shown. */
#include "base/json.h"
#include "base/yaml.h"

#include <assert.h>

static void check_node(const struct node *node, size_t text, int depth)
{
    assert(depth <= YAML_MAX_DEPTH + 1);
    assert((size_t)node->offset + node->length <= text);
    if (node->kind == NODE_STRING)
        assert(node->string.p[node->string.n] == '\0' && str_is_utf8(node->string));
    for (size_t i = 0; node->kind == NODE_LIST && i < node->count; i++)
        check_node(node->items[i], text, depth + 1);
    for (size_t i = 0; node->kind == NODE_MAP && i < node->count; i++) {
        const struct node_entry *entry = &node->entries[i];
        assert((size_t)entry->key_offset + entry->key_length <= text);
        assert(node_find(node, entry->key) == entry);
        check_node(entry->value, text, depth + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    struct source source = {.path = STR_INIT("fuzz.yaml"), .text = str_n((const char *)data, n)};
    struct node *root = yaml_parse(&arena, &source, &diags);
    assert(root || diags.errors);
    AUTO_BUF struct buf out = BUF_INIT;
    diags_render(&diags, false, &out);
    assert(str_is_utf8(buf_str(&out)));
    if (root) {
        check_node(root, n, 0);
        AUTO_BUF struct buf json = BUF_INIT;
        json_write(&json, node_value(&arena, root), JSON_PLAIN);
    }
    return 0;
}
