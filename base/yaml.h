/*
 * YAML files as trees of nodes with positions. Used for stack files and for resource specs.
 *
 * Read with libyaml's events and the YAML 1.2 core schema: only true/false are booleans, only null/~/empty
 * are null; `no`, `on`, `1:30` and `0755` stay strings, and so do numbers that do not fit (a 30-digit
 * integer, 1e999, .inf), so that no digit is lost. Anchors, aliases and `<<` merges are resolved: an alias
 * shares its anchor's node. Duplicate keys, tabs, invalid UTF-8, unknown tags, more than one document,
 * nesting deeper than YAML_MAX_DEPTH, alias bombs (more than YAML_MAX_ALIASED nodes that aliases stand for)
 * and files larger than YAML_MAX_SIZE or with more than YAML_MAX_NODES nodes are diagnostics.
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
    uint32_t count;          /* of a list's items or a map's entries */
    uint32_t offset, length; /* raw bytes in the source; of a map or list: to the end of its first line; of a
                                value that was left out: its key's */
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
 * Reads text into a tree owned by the arena. `source` must outlive it. NULL when nothing usable could be read
 * (then at least one error was added). An empty file is an empty map.
 */
struct node *yaml_parse(struct arena *arena, const struct source *source, struct diags *diags);
/*
 * The same for files of others, whose tags say what is to be done with a value (CloudFormation's `!Ref x`):
 * each becomes a map with one entry, which is called as the tag is written: {"!Ref": x}.
 */
struct node *yaml_parse_tagged(struct arena *arena, const struct source *source, struct diags *diags);
/* Reads the file, then parses; the source is allocated in the arena. `shown_path` is used in diagnostics. */
struct node *yaml_load(struct arena *arena, const char *path, struct str shown_path, struct diags *diags);

/* A file of the program's own (base/embed.h), read once: it lives as long as the process. Safe from every
 * thread. */
const struct node *yaml_embedded(const char *path);

/* The node as written, quotes included. */
struct str node_raw(const struct node *node);
/* The text; "" where it is none, or there is no node. */
struct str node_text(const struct node *node);
/* Without line and column, which are worked out when it is reported. */
struct span node_span(const struct node *node);
struct span node_key_span(const struct node_entry *entry);
const struct node_entry *node_find(const struct node *map, struct str key); /* NULL: not a map or not there */
struct node *node_get(const struct node *map, const char *key);
/* "a string", "a list", … for messages. */
const char *node_kind_name(const struct node *node);
/* The tree as a value, strings as they are (expressions are not evaluated). */
const struct value *node_value(struct arena *arena, const struct node *node);

/* ---- yaml_write.c: Texts as somebody would write them in YAML: as they are where every reader takes them
 * for that text, else in quotes. */
/*
 * In quotes where it would be read as something else, within [] and {} (`flow`) sooner: in '…' where there is
 * a " in it, so that expressions stay readable.
 */
void yaml_write_text(struct buf *out, struct str s, bool flow);
/* Can it be a block of its own lines? Blanks where a block would lose or misread them speak against it. */
bool yaml_fits_block(struct str s);
