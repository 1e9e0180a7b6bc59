/*
 * JSON Schema of what types take, for editors; cmd_schema.c makes a document of it. Any value may also be an
 * expression, so every type is "this, or text with ${…}".
 */
#pragma once

#include "base/buf.h"
#include "provider/schema.h"

/* Properties that do not depend on types, each after a comma: a part of stack_schema.yaml. */
void json_schema_part(struct buf *out, const char *part);

/* "aws.s3.bucket": what one of these is, and a comma. */
void json_schema_definition(struct buf *out, const struct schema *schema);
/* The attributes that can be given, each after a comma or, the first one, after `separator`. */
void json_schema_properties(struct buf *out, const struct attr *attrs, size_t n, const char *separator);
/* Those that have to be, as the member `required` after others; nothing where there are none. */
void json_schema_required(struct buf *out, const struct attr *attrs, size_t n);
