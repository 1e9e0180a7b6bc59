/*
 * A plan's resources as Terraform would have them: names, values before and after, what the file configures
 * and what it refers to. Built from a saved plan, in which nothing secret is; secrets are marked values
 * without their content. Types that Terraform has no name for keep weir's.
 *
 *   exported.c    the resources
 *   expressions.c what of them is configured, with references
 *   plan_json.c   written as Terraform's plan representation
 */
#ifndef WEIR_CMD_EXPORT_EXPORTED_H
#define WEIR_CMD_EXPORT_EXPORTED_H

#include "cmd/export/reverse.h"
#include "cmd/invocation/invocation.h"
#include "plan/plan.h"

struct exported {
    struct str address, type, name; /* aws_s3_bucket.lake["a"] */
    struct str key;                 /* p NULL: it has none */
    bool translated;                /* Terraform has a name for the type */
    bool part;                      /* it is a part of another resource */
    const struct planned_object *object;
    const struct reversed *made;        /* NULL: not translated, or not there afterwards */
    const struct value *before, *after; /* NULL: not there */
    struct str owner;                   /* of a part: the address of the whole, without its key */
};

struct export
{
    struct arena *arena;
    struct names names;
    struct map declared; /* a declaration's address -> struct declared_export */
    struct map taken;    /* "aws_s3_bucket.lake" -> whose name that is */
    struct map kinds;    /* a type's name -> struct export_kind */
    struct exported *items;
    size_t n, cap;
};

/* A declaration, by what others refer to. */
struct declared_export {
    struct str address;                    /* Terraform's, without a key */
    const struct reverse *reverse;         /* NULL: not translated */
    const struct planned_object **objects; /* its instances */
    size_t n, cap;
};

void export_open(struct export *export, struct arena *arena, struct catalog *catalog,
    const struct planned_object *objects, size_t n);
void export_release(struct export *export);

/* ---- expressions.c ---- */

/* {attribute: {references: […]} or {constant_value: …}, block: [{…}]}, of what the file configures. */
const struct value *export_expressions(struct export *export, const struct exported *one);

/* ---- plan_json.c ---- */

/* Appends the plan representation, format 1.2; notes on standard error which resources Terraform has no type
 * for. */
void export_show(struct invocation *inv, struct saved_plan *saved, struct catalog *catalog, struct buf *out);

#endif
