/*
 * Resource models of the Cloud Control API: checked against the schema as CloudFormation publishes it, and
 * completed with what a service would say. It reads schemas by itself rather than by provider/cfn/compile.h,
 * so that what that gets wrong shows.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/value.h"

struct cloud_model {
    struct arena *arena;
    const struct value *schema; /* the type's */
    struct str type, region, account;
};

/* A schema with what its $ref names put in its place; {} where that leads round in a circle. */
const struct value *cloud_model_resolved(const struct cloud_model *model, const struct value *schema);
/* What is wrong with properties that are given; "" nothing. */
struct str cloud_model_wrong(const struct cloud_model *model, const struct value *properties);
/* Does one of the paths ("createOnlyProperties") differ between the two? The first that does; "" none. */
struct str cloud_model_differs(
    const struct cloud_model *model, const char *paths, const struct value *a, const struct value *b);
/* Is something given that one of the paths names? */
struct str cloud_model_gives(
    const struct cloud_model *model, const char *paths, const struct value *properties);
/* With read-only properties, a name where none was given and defaults; `chance` tells one thing from another.
 */
const struct value *cloud_model_filled(
    const struct cloud_model *model, const struct value *properties, struct str chance);
/* As it is read: without what is write-only, and what has no order in another one. */
const struct value *cloud_model_shown(const struct cloud_model *model, const struct value *properties);
/* The parts of the primary identifier with | between them; "" where one is not there. */
struct str cloud_model_identifier(const struct cloud_model *model, const struct value *properties);
/* Applies a JSON Patch. -1 with ERR_INVALID. */
int cloud_model_patch(struct arena *arena, const struct value *properties, const struct value *patch,
    const struct value **out, struct err *err);
