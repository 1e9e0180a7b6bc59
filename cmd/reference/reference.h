/*
 * Reference pages, generated from tables: commands (Markdown, roff, text), resource types and functions
 * (Markdown, text).
 */
#pragma once

#include "cmd/invocation/invocation.h"

enum reference_format { REFERENCE_TEXT, REFERENCE_MARKDOWN, REFERENCE_MAN };

void reference_commands_markdown(struct buf *out);
void reference_commands_man(struct buf *out);
void reference_type(
    const struct schema *schema, enum reference_format format, const struct term *term, struct buf *out);
/* Writes the attribute at a path ("lifecycle_rules.filter") with its fields. Returns false if the type has no
 * such attribute. */
bool reference_attribute_at(const struct schema *schema, struct str path, enum reference_format format,
    const struct term *term, struct buf *out);
/* Writes one attribute: type, description and notes. */
void reference_attribute(const struct attr *attr, struct buf *out);
/* Writes the language as JSON Schema: the sections of a stack file (`properties`), and the keys of resources
 * and data that are not attributes (`body`). */
void reference_language(struct buf *out);
/* Writes all functions of the expression language, or the one with that name. Returns false if it does not
 * exist. */
bool reference_functions(
    struct str name, enum reference_format format, const struct term *term, struct buf *out);

/* ---- reference_types.c: the notes on an attribute: required, default, allowed values, effect of a change,
 * name in the service's API. Separated by commas, for reference pages and editors. */
/* The heading of the attribute's list, whose meaning is not repeated in the notes. Arguments belong to a data
 * source. */
enum attr_heading { HEADING_NONE, HEADING_ATTRIBUTES, HEADING_ARGUMENTS, HEADING_READ_ONLY };

/* ---- json_schema.c: JSON Schema of the types' attributes for editors; cmd_docs.c writes the document. Any
 * value may also be an expression, so each type is "this, or a string with ${…}". */
/* Writes a part of stack_schema.yaml, properties that do not depend on types, each preceded by a comma. */
void json_schema_part(struct buf *out, const char *part);

/* Writes the definition of a type such as "aws.s3.bucket", followed by a comma. */
void json_schema_definition(struct buf *out, const struct schema *schema);
/* Writes the settable attributes, each preceded by a comma, the first one by `separator`. */
void json_schema_properties(struct buf *out, const struct attr *attrs, size_t n, const char *separator);
/* Writes the required attributes as the member `required`, preceded by a comma; nothing if there are none. */
void json_schema_required(struct buf *out, const struct attr *attrs, size_t n);
