/*
 * Shared by the files yaml*.c only. yaml.c builds the tree, yaml_problem.c words libyaml's errors,
 * yaml_node.c resolves merges and plain scalars and has the functions on nodes.
 */
#pragma once

#include "base/yaml.h"

#include <yaml.h>

/*
 * libyaml's marks count code points. In an ASCII file that is the byte offset; otherwise a cursor moves along
 * with the marks, which come nearly in order.
 */
struct cursor {
    struct str text;
    size_t base; /* size of a byte order mark, which libyaml skips */
    bool ascii;
    size_t index, offset; /* of the last mark looked up */
};

struct yaml_input {
    yaml_parser_t yaml;
    const struct source *source;
    struct diags *diags;
    struct cursor cursor;
};

size_t yaml_offset(struct cursor *cursor, const yaml_mark_t *mark);
/* Returns a span with line and column if length is 0, since such a span would otherwise have no place. */
struct span yaml_span(const struct source *source, size_t offset, size_t length);
/* Returns the bytes from offset to the end of its line without trailing blanks. */
size_t yaml_rest_of_line(struct str text, size_t offset);
/* Sets kind and value of an unquoted scalar; a string keeps the pointer. */
void yaml_set_plain(struct node *node, struct str text);
/* Sets the map's entries: the given ones and those that `<<` adds (NULL: none). Duplicate keys are
 * reported. */
void yaml_fill_map(struct diags *diags, struct arena *arena, struct node *map, const struct node_entry *given,
    size_t n, const struct node *merge);
/* Reports why yaml_parser_parse() failed. */
void yaml_report_problem(struct yaml_input *in);
