/*
 * YAML files as trees of nodes with positions. Used for stack files and for resource specs.
 *
 * Parsed with libyaml's events and the YAML 1.2 core schema: only true/false are booleans, only null/~/empty
 * are null; `no`, `on`, `1:30` and `0755` stay strings, and so do numbers out of range (a 30-digit integer,
 * 1e999, .inf), so that no digit is lost. Anchors, aliases and `<<` merges are resolved: an alias shares its
 * anchor's node. Duplicate keys, tabs, invalid UTF-8, unknown tags, more than one document, nesting deeper
 * than YAML_MAX_DEPTH, alias bombs (more than YAML_MAX_ALIASED nodes reached through aliases) and files
 * larger than YAML_MAX_SIZE or with more than YAML_MAX_NODES nodes are diagnostics.
 */
#pragma once

#include "base/diag.h"
#include "base/err.h"
#include "base/value.h"

enum {
    YAML_MAX_DEPTH = 64,
    YAML_MAX_NODES = 20 * 1000 * 1000,
    YAML_MAX_ALIASED = 1000 * 1000,
    YAML_MAX_SIZE = 256 * 1024 * 1024
};

enum node_kind { NODE_NULL, NODE_BOOL, NODE_INT, NODE_FLOAT, NODE_STRING, NODE_LIST, NODE_MAP };

struct node_entry;

struct node {
    uint8_t kind;            /* enum node_kind */
    uint8_t plain;           /* an unquoted scalar */
    uint32_t count;          /* items of a list or entries of a map */
    uint32_t offset, length; /* raw bytes in the source; of a map or list: to the end of its first line; of a
                                value that was left out: those of its key */
    union {
        bool boolean;
        int64_t integer;
        double number;
        struct str string; /* decoded; with a NUL after its end */
        struct node **items;
        struct node_entry *entries; /* in file order, merges applied */
    };
    const struct source *source;
};

struct node_entry {
    struct str key;
    uint32_t key_offset, key_length; /* the key as written, in the value's source */
    struct node *value;
};

/*
 * Parses text into a tree owned by the arena. `source` must outlive it. NULL if nothing usable could be
 * parsed (at least one error was added). An empty file is an empty map.
 */
struct node *yaml_parse(struct arena *arena, const struct source *source, struct diags *diags);
/*
 * The same for files of other tools whose tags are operations on a value (CloudFormation's `!Ref x`): each
 * becomes a map with one entry, whose key is the tag as written: {"!Ref": x}.
 */
struct node *yaml_parse_tagged(struct arena *arena, const struct source *source, struct diags *diags);
/* Reads the file, then parses; the source is allocated in the arena. `shown_path` is used in diagnostics. */
struct node *yaml_load(struct arena *arena, const char *path, struct str shown_path, struct diags *diags);

/* Returns a parsed embedded file (base/embed.h), which is parsed once and lives as long as the process. From
 * any thread. */
const struct node *yaml_embedded(const char *path);

/* Returns the node as written, quotes included. */
struct str node_raw(const struct node *node);
/* Returns a string's text; "" for any other node and for NULL. */
struct str node_text(const struct node *node);
/* Without line and column, which are computed when a diagnostic is reported. */
struct span node_span(const struct node *node);
struct span node_key_span(const struct node_entry *entry);
const struct node_entry *node_find(const struct node *map, struct str key); /* NULL: no map or no such key */
struct node *node_get(const struct node *map, const char *key);
/* "a string", "a list", … for messages. */
const char *node_kind_name(const struct node *node);
/* Returns the tree as a value; expressions in strings are not evaluated. */
const struct value *node_value(struct arena *arena, const struct node *node);

/* ---- yaml_node.c: nodes that are made. Each has the source location of the node it was made from, for
 * diagnostics; copied nodes keep their own. */
struct node *nodes_new(struct arena *arena, enum node_kind kind, const struct node *at);
struct node *nodes_text(struct arena *arena, struct str text, const struct node *at);
struct node *nodes_bool(struct arena *arena, bool yes, const struct node *at);
/* Add to a node from nodes_new() or nodes_copy(). The value of an existing key is replaced. */
void nodes_set(struct arena *arena, struct node *map, struct str key, const struct node *value);
void nodes_set_entry(struct arena *arena, struct node *map, const struct node_entry *entry);
void nodes_add(struct arena *arena, struct node *list, const struct node *item);
/* Returns a copy that can be extended; its items are shared. */
struct node *nodes_copy(struct arena *arena, const struct node *node);
struct node *nodes_without(struct arena *arena, const struct node *map, const char *key);
/* Returns a copy of the map with another value of the key; NULL: without the key. */
struct node *nodes_with(
    struct arena *arena, const struct node *map, const char *key, const struct node *value);
/* Adds an entry with another value; its comment is kept. */
void nodes_put(
    struct arena *arena, struct node *map, const struct node_entry *entry, const struct node *value);
/* NODES_MAP(arena, at, {"Key", value}, …) returns a map without the entries whose value is NULL.
 * NODES_LIST(arena, at, item, …) returns a list of one or more items. */
struct nodes_pair {
    const char *key;
    const struct node *value;
};
#define NODES_MAP(arena_, at_, ...)                                                                          \
    nodes_map(arena_, at_, (const struct nodes_pair[]){__VA_ARGS__},                                         \
        sizeof((const struct nodes_pair[]){__VA_ARGS__}) / sizeof(struct nodes_pair))
#define NODES_LIST(arena_, at_, ...)                                                                         \
    nodes_list(arena_, at_, (const struct node *[]){__VA_ARGS__},                                            \
        sizeof((const struct node *[]){__VA_ARGS__}) / sizeof(struct node *))
struct node *nodes_map(struct arena *arena, const struct node *at, const struct nodes_pair *pairs, size_t n);
struct node *nodes_list(
    struct arena *arena, const struct node *at, const struct node *const *items, size_t n);
/* Returns {function: argument}, like `!Ref x`. */
struct node *nodes_call(
    struct arena *arena, const char *function, struct str argument, const struct node *at);

/* Returns the node at keys separated by dots, or NULL. */
const struct node *nodes_at(const struct node *map, struct str path);
/* Returns a literal string; p NULL if it is not one. */
struct str nodes_literal(const struct node *node);
/* Returns whether `holds` is true for the node or any node within it. */
bool nodes_any(
    const struct node *node, bool (*holds)(const struct node *node, const void *ctx), const void *ctx);
bool nodes_same(const struct node *a, const struct node *b);
/* ---- yaml_write.c: writing strings in YAML: plain if every parser reads them as that string, else
 * quoted. */
/*
 * Appends the string, quoted if it would be parsed as something else, which is more often the case within []
 * and {} (`flow`). A string with a " in it gets '…', so that expressions stay readable.
 */
void yaml_write_text(struct buf *out, struct str s, bool flow);
/* True if the string can be a block scalar: it has no blanks that a block would lose or change. */
bool yaml_fits_block(struct str s);
