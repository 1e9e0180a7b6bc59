/*
 * A plan's resources as Terraform would have them: names, values before and after, what the file configures
 * and what it refers to. Built from a saved plan, in which nothing secret is; secrets are marked values
 * without their content. Types that Terraform has no name for keep weir's.
 *
 *   exported.c    the resources
 *   expressions.c what of them is configured, with references, and what these take
 *   plan_json.c   written as Terraform's plan representation
 *   hcl.c         written as configuration, with import blocks
 */
#pragma once

#include "cmd/invocation/invocation.h"
#include "provider/names/names.h"

/* ---- reverse.c: one of weir's objects as the resources that Terraform has for it: the tables of
 * provider/names backwards. An attribute goes where a rule says that it comes from; without one it is called
 * the same there. What is in an object is in a block there.
 *
 * Unknown and sensitive values stay what they are, wherever they are put. Everything is in the arena. */
/* A resource of Terraform's, without a name. */
struct reversed {
    const struct names_type *type;
    struct str entry;            /* of the map or list in ours that it is an entry of; "" none */
    const struct value *values;  /* under Terraform's names */
    const struct value *sources; /* Terraform's attribute -> list of those of ours that it is made of; none:
                                    it leads to the whole of which this is a part */
};

struct reverse {
    struct arena *arena;
    const struct schema *schema;
    const struct names_type *const *types; /* the first is the whole, the others parts of it */
    size_t n;
};

/* The whole comes first. */
const struct reversed *reverse_object(const struct reverse *reverse, const struct value *object, size_t *n);
/* "policies[].x" is about `policies`. */
bool reverse_is_about(struct str path, struct str attr);
/* What Terraform calls an attribute of the whole, for references: `arn`. "" it has none like it. */
struct str reverse_output(const struct reverse *reverse, struct str attr);

/* ---- reverse.c and reverse_value.c ---- */

/* Where in both worlds a map of attributes is. */
struct reverse_level {
    const struct names_type *type;
    struct str to;            /* here: "lifecycle_rules[]", "" the object itself */
    struct str from;          /* there: "rule[]" */
    struct str home;          /* where, below that, attributes go for which there is no rule: "filter[0]." */
    const struct attr *attrs; /* its attributes */
    size_t n;
    const struct value *object;
    bool document; /* it is within a JSON text, where words are written likeThis */
};

/* Puts all attributes of the level's object into `out`; `only` is asked of each, NULL: all. */
const struct value *reverse_fields(struct arena *arena, const struct reverse_level *level,
    const struct value *out, bool (*only)(const void *ctx, struct str attr), const void *ctx);
/* With a zero for numbers that mean nothing beside what is there, and that Terraform wants all the same: the
 * ports of all protocols. */
const struct value *reverse_moot(
    struct arena *arena, const struct reverse_level *level, const struct value *out);
/* A value of that type, which is at these paths. */
const struct value *reverse_value(struct arena *arena, const struct reverse_level *level,
    const struct type *type, struct str to, struct str from, const struct value *v);
/* A map or list as the text that is its JSON, which cannot be known, or shown, in part. */
const struct value *reverse_document(struct arena *arena, const struct value *v);
/* Is the path one of something within what is at `base`? "": of all. */
bool reverse_lies_below(struct str path, struct str base);
/* The rule by which a value at `path` is written at this level; NULL: none. */
const struct names_rule *reverse_rule(
    const struct reverse_level *level, struct str path, const struct value *v);
/* What the rule makes of it. */
const struct value *reverse_by_rule(struct arena *arena, const struct reverse_level *level,
    const struct names_rule *rule, const struct attr *attr, struct str path, const struct value *v);
/* With a value set at "a[0].b"; maps that are there are merged. */
const struct value *reverse_set(
    struct arena *arena, const struct value *map, struct str path, const struct value *v);

/* ---- exported.c ---- */

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
    bool part;                 /* only a part of a value is made of it */
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
/* Of `ignore_tags`: its keys, or, without their star, its beginnings of keys. */
const struct value *export_tag_keys(struct arena *arena, const struct value *ignored, bool prefixes);
/* What Terraform takes as a name: nothing but letters, digits, _ and -. */
struct str export_name(struct arena *arena, struct str text);

/* ---- expressions.c ---- */

/* {attribute: {references: […]} or {constant_value: …}, block: [{…}]}, of what the file configures. */
const struct value *export_expressions(struct export *export, const struct exported *one);
/* {constant_value: v}; {} where that is not known, or secret. */
const struct value *export_constant(struct arena *arena, const struct value *v);
/* What an attribute of Terraform's refers to. False: the file does not configure it. */
bool export_references(
    struct export *export, const struct exported *one, struct str name, struct export_references *out);

/* Appends what its import takes. False: that is not known, or Terraform cannot import it. */
bool export_import_id(struct arena *arena, const struct exported *one, struct buf *out);

/* ---- plan_json.c ---- */

/* Appends the plan representation, format 1.2; notes on standard error which resources Terraform has no type
 * for. */
void export_show(struct invocation *inv, struct saved_plan *saved, struct catalog *catalog, struct buf *out);

/* ---- hcl.c ---- */

/* Appends the configuration, with import blocks for what is there. */
void export_hcl(struct export *export, struct str stack, struct buf *out);
