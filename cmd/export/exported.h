/*
 * A plan's resources as Terraform would have them: names, values before and after, what the file configures
 * and what it refers to. Built from a saved plan, in which nothing secret is; secrets are marked values
 * without their content. Types that Terraform has no name for keep weir's.
 *
 *   exported.c    the resources
 *   expressions.c what of them is configured, with references
 *   plan_json.c   written as Terraform's plan representation
 *   hcl.c         written as configuration, with import blocks
 *   import_id.c   what these take
 */
#pragma once

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
    bool separate;       /* each instance has a name of its own, and no key */
    struct exported *items;
    size_t n, cap;
};

/* A declaration, by what others refer to. */
struct declared_export {
    struct str *addresses;                 /* Terraform's of each instance, without keys */
    const struct reverse *reverse;         /* NULL: not translated */
    const struct planned_object **objects; /* its instances */
    size_t n, cap, address_cap;
};

/* Something that an attribute refers to, of one instance. */
struct export_reference {
    struct str full, resource; /* aws_s3_bucket.lake.arn, aws_s3_bucket.lake; all of it: twice the same */
    struct str source;         /* our attribute that refers to it; "" it leads to the whole */
    const struct value *value; /* what that is; NULL: not known */
};

struct export_references {
    struct arena *arena;
    const struct names_type *type; /* of what refers; NULL: not translated */
    struct export_reference *items;
    size_t n, cap;
};

void export_open(struct export *export, struct arena *arena, struct catalog *catalog,
    const struct planned_object *objects, size_t n, bool separate);
void export_release(struct export *export);
/* What Terraform takes as a name: nothing but letters, digits, _ and -. */
struct str export_name(struct arena *arena, struct str text);

/* ---- expressions.c ---- */

/* {attribute: {references: […]} or {constant_value: …}, block: [{…}]}, of what the file configures. */
const struct value *export_expressions(struct export *export, const struct exported *one);
/* What an attribute of Terraform's refers to. False: the file does not configure it. */
bool export_references(
    struct export *export, const struct exported *one, struct str name, struct export_references *out);

/* ---- plan_json.c ---- */

/* Appends the plan representation, format 1.2; notes on standard error which resources Terraform has no type
 * for. */
void export_show(struct invocation *inv, struct saved_plan *saved, struct catalog *catalog, struct buf *out);

/* ---- import_id.c ---- */

/* Appends what its import takes. False: that is not known, or Terraform cannot import it. */
bool export_import_id(struct arena *arena, const struct exported *one, struct buf *out);

/* ---- hcl.c ---- */

/* Appends the configuration, with import blocks for what is there. */
void export_hcl(struct export *export, struct str stack, struct buf *out);
