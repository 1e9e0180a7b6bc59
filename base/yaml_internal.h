/*
 * What the files yaml*.c share; nobody else includes it. yaml.c builds the tree, yaml_problem.c puts
 * libyaml's complaints into words, yaml_node.c says what a map has in the end and what plain text stands for,
 * and is what others use the tree with.
 */
#pragma once

#include "base/yaml.h"

#include <yaml.h>

/*
 * libyaml's marks count code points. In a file of ASCII that is the byte offset; otherwise a cursor walks
 * along with the marks, which come nearly in order.
 */
struct cursor {
    struct str text;
    size_t base; /* bytes of a byte order mark, which libyaml does not see */
    bool ascii;
    size_t index, offset; /* of the last place asked for */
};

struct yaml_input {
    yaml_parser_t yaml;
    const struct source *source;
    struct diags *diags;
    struct cursor cursor;
};

size_t yaml_offset(struct cursor *cursor, const yaml_mark_t *mark);
/* What has no length would have no place, but for its line and column. */
struct span yaml_span(const struct source *source, size_t offset, size_t length);
/* Bytes from offset to the end of its line, blanks at the end left out. */
size_t yaml_rest_of_line(struct str text, size_t offset);
/* Sets kind and value of an unquoted scalar; a string keeps the pointer. */
void yaml_set_plain(struct node *node, struct str text);
/* Entries as given, and what `<<` adds (NULL: nothing), become the map's; keys given twice are reported. */
void yaml_fill_map(struct diags *diags, struct arena *arena, struct node *map, const struct node_entry *given,
    size_t n, const struct node *merge);
/* Reports why yaml_parser_parse() failed. */
void yaml_report_problem(struct yaml_input *in);
