/*
 * Reference pages from tables: commands (Markdown, roff, text), resource types and functions (Markdown,
 * text).
 */
#pragma once

#include "cmd/invocation/invocation.h"

enum reference_format { REFERENCE_TEXT, REFERENCE_MARKDOWN, REFERENCE_MAN };

void reference_commands_markdown(struct buf *out);
void reference_commands_man(struct buf *out);
void reference_type(
    const struct schema *schema, enum reference_format format, const struct term *term, struct buf *out);
/* The attribute at a path ("lifecycle_rules.filter"), with its fields; false: the type has none there. */
bool reference_attribute_at(const struct schema *schema, struct str path, enum reference_format format,
    const struct term *term, struct buf *out);
/* One attribute: its type, what it is, and what there is to know of it. */
void reference_attribute(const struct attr *attr, struct buf *out);
/* What the language itself knows, as JSON Schema: the sections of a stack file (`properties`), and the keys
 * of resources and data that are no attributes (`body`). */
void reference_language(struct buf *out);
/* All functions of the expression language, or the one of that name; false where there is none. */
bool reference_functions(
    struct str name, enum reference_format format, const struct term *term, struct buf *out);

/* ---- reference_types.c: what holds for an attribute besides what it is: required, default, allowed values,
 * what a change does, its name in the service's API. In words with commas, for reference pages and
 * editors. */
/* Under which the attribute is listed: what the heading says is no note. Arguments are a data source's. */
enum attr_heading { HEADING_NONE, HEADING_ATTRIBUTES, HEADING_ARGUMENTS, HEADING_READ_ONLY };

/* ---- json_schema.c: JSON Schema of what types take, for editors; cmd_docs.c makes a document of it.
 * Any value may also be an expression, so every type is "this, or text with ${…}". */
/* Properties that do not depend on types, each after a comma: a part of stack_schema.yaml. */
void json_schema_part(struct buf *out, const char *part);

/* "aws.s3.bucket": what one of these is, and a comma. */
void json_schema_definition(struct buf *out, const struct schema *schema);
/* The attributes that can be given, each after a comma or, the first one, after `separator`. */
void json_schema_properties(struct buf *out, const struct attr *attrs, size_t n, const char *separator);
/* Those that have to be, as the member `required` after others; nothing where there are none. */
void json_schema_required(struct buf *out, const struct attr *attrs, size_t n);
