/* The texts within definitions, for the checker and the interpreter: JSONPath, calls of intrinsic functions,
 * the names of comparisons. Pure. */
#pragma once

#include "base/arena.h"
#include "base/value.h"

/* ---- asl_path.c ---- */

/* What paths begin with besides "$": "$$" is the context, "$name" a variable. Both may be NULL. */
struct asl_names {
    const struct value *context, *variables;
};
/*
 * What a path finds: one value, or a list where it could find several ($..x, [*], [1:3], [?()]). NULL with
 * *why where it is no path or one value is not there. `names` may be NULL.
 */
const struct value *asl_path_find(struct arena *arena, struct str path, const struct value *document,
    const struct asl_names *names, const char **why);
/* Does it begin with a variable? */
bool asl_path_is_variable(struct str path);
/* Can a variable be called so? */
bool asl_is_variable(struct str name);

/* ---- asl_path_set.c ---- */

/* NULL: it is one. A reference path names exactly one place ($.a.b[0]). */
const char *asl_path_wrong(struct str path, bool reference);
/* The same of what the service takes and asl_path_find() may not know: functions ($.a.length()), operators of
 * filters. */
const char *asl_path_refused(struct str path);
/* The document with v at a reference path; objects on the way are made. NULL: it leads through something
 * else. */
const struct value *asl_path_set(
    struct arena *arena, struct str path, const struct value *document, const struct value *v);

/* ---- asl_call.c ---- */

enum { ASL_CALL_ARGS = 256 };

/* Carries calls out while they are read. Both give NULL where it fails, and say so to whoever asked. */
struct asl_caller {
    const struct value *(*look)(void *ctx, struct str path);
    const struct value *(*call)(void *ctx, struct str function, const struct value *const *args, size_t n);
    void *ctx;
};

bool asl_is_intrinsic(struct str text);
/* What the call gives; caller NULL: it is only read. NULL with *why where it is none, without where it
 * failed. */
const struct value *asl_call(
    struct arena *arena, struct str text, const struct asl_caller *caller, const char **why);
/* NULL: it is one. `interpreted`: in paths, only what asl_path_find() knows. */
const char *asl_intrinsic_wrong(struct str text, bool interpreted);

/* ---- asl_jsonata.c ---- */

/* Is the whole text {% … %}? */
bool asl_is_jsonata(const struct value *v);

/* ---- asl_operator.c ---- */

enum asl_compare {
    ASL_EQUALS,
    ASL_LESS,
    ASL_LESS_EQUALS,
    ASL_GREATER,
    ASL_GREATER_EQUALS,
    ASL_MATCHES,
    ASL_IS,
};
/* A comparison of Choice: of which type ("String", "Numeric" …; "IsNull" …), and whether it takes a path;
 * false: there is none of that name. */
bool asl_operator(struct str name, const char **type, enum asl_compare *compare, bool *path);

/* ---- asl_validate_map.c ---- */

/* May executions, activities and labels have these characters in their names? */
bool asl_is_name(struct str text);
/* What a Map does with each item; it was once called Iterator. */
const struct value *asl_processor(const struct value *state);
bool asl_is_distributed(const struct value *state);
/* Is JSONata the query language of a machine or a state, within something whose language it is or not? */
bool asl_speaks_jsonata(const struct value *holder, bool around);
