/*
 * Reference pages from tables: commands (Markdown, roff, text), resource types and functions (Markdown,
 * text).
 */
#pragma once

#include "cmd/invocation/invocation.h"
#include "provider/schema.h"

enum reference_format { REFERENCE_TEXT, REFERENCE_MARKDOWN, REFERENCE_MAN };

void reference_commands_markdown(struct buf *out);
void reference_commands_man(struct buf *out);
void reference_type(
    const struct schema *schema, enum reference_format format, const struct term *term, struct buf *out);
/* One attribute: its type, what it is, and what there is to know of it. */
void reference_attribute(const struct attr *attr, struct buf *out);
/* What the language itself knows, as JSON Schema: the sections of a stack file (`properties`), and the keys
 * of resources and data that are no attributes (`body`). */
void reference_language(struct buf *out);
/* All functions of the expression language, or the one of that name; false where there is none. */
bool reference_functions(
    struct str name, enum reference_format format, const struct term *term, struct buf *out);
