/*
 * Places in a text as editors name them: a line from 0, and in it a number of units from 0, which are what
 * both sides agreed on. weir itself counts bytes. Places that are not there are taken for the nearest one
 * that is.
 */
#pragma once

#include "base/buf.h"
#include "base/value.h"

enum text_unit { TEXT_UTF16, TEXT_UTF8, TEXT_UTF32 };

struct position {
    uint32_t line, character;
};

size_t position_offset(struct str text, enum text_unit unit, struct position place);
struct position position_of(struct str text, enum text_unit unit, size_t offset);
/* {"line":…,"character":…} of a message. */
size_t position_offset_of(struct str text, enum text_unit unit, const struct value *position);
/* "range":{…} */
void position_add_range(struct buf *out, struct str text, enum text_unit unit, size_t from, size_t to);

/* Is it one of these? strchr() finds the NUL, which a text may hold, in all of them. */
static inline bool char_in(const char *these, char c)
{
    return c && strchr(these, c);
}

/* Where the line around the offset begins, and where it ends, before its line end. */
size_t position_line_start(struct str text, size_t offset);
size_t position_line_end(struct str text, size_t offset);
