/*
 * What a YAML text looks like, found without a parser: it goes by lines, columns and brackets, and so finds
 * its way through a text that somebody is just typing. It is what completion, hover, definition and rename
 * work on; whether the text is right, the loader says.
 *
 * An entry is `key: value`, an item of a list, or a word that may become a key. Entries stand in the order of
 * the text, so what is within one follows it.
 */
#pragma once

#include "base/arena.h"

enum { OUTLINE_NONE = -1 };

struct entry {
    int parent;     /* index; OUTLINE_NONE: at the top */
    struct str key; /* without quotes; "" of an item */
    bool item;      /* of a list */
    bool flow;      /* within { } or [ ] */
    bool bare;      /* a word where a key is expected, without its colon */
    char opens;     /* '{' or '[' where its value begins with that; otherwise 0 */
    uint32_t column;
    size_t key_at, key_end;     /* as written, with quotes; of an item both are where it begins */
    size_t value_at, value_end; /* of a scalar as written; of what opens: from bracket to bracket, or as far
                                   as it goes. Nothing there: both are where it would begin */
};

struct outline {
    struct str text;
    struct entry *items;
    int n, cap; /* cap: while it is made */
};

struct outline outline_read(struct arena *arena, struct str text);
/* The entry of that key within another (OUTLINE_NONE: at the top), or OUTLINE_NONE. */
int outline_find(const struct outline *outline, int parent, struct str key);
/* The next entry within `parent`, after one of them or, with OUTLINE_NONE, the first; OUTLINE_NONE: no more.
 */
int outline_next(const struct outline *outline, int parent, int after);
/* Where all that belongs to an entry ends: before the blank lines and comments that follow. */
size_t outline_end(const struct outline *outline, int entry);
/* The value of a scalar as far as it is plain: without quotes, escapes as they are. "" where there is none.
 */
struct str outline_value(const struct outline *outline, int entry);
/* Is that its key? False for OUTLINE_NONE. */
bool outline_is(const struct outline *outline, int entry, const char *key);
/* The section that it belongs to, at the top, and how deep it is below that (0: the section itself). */
int outline_section(const struct outline *outline, int entry, int *depth);
/* The block entry that a line which begins in that column, before the offset, would belong to. */
int outline_parent_at(const struct outline *outline, size_t offset, uint32_t column);
