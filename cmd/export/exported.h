/*
 * A plan's resources as Terraform resources: names, values before and after, configured attributes and
 * references. They come from a saved plan, which has no secrets; secret values are marked and have no
 * content. Types that Terraform does not have keep weir's name.
 *
 *   exported.c    the resources
 *   expressions.c configured attributes with references, and import ids
 *   plan_json.c   Terraform's plan representation
 *   hcl.c         configuration with import blocks
 */
#pragma once

#include "cmd/invocation/invocation.h"
#include "provider/names/names.h"

/* ---- reverse.c: converts one of weir's objects to Terraform resources, using the tables of provider/names
 * in reverse. An attribute is written where its rule reads it from; without a rule it has the same name.
 * Objects become blocks.
 *
 * Unknown and sensitive values keep their marks. Everything is allocated in the arena. */
/* A Terraform resource without a name. */
struct reversed {
    const struct names_type *type;
    struct str entry;            /* the key of the map or list entry that it is converted from; "": none */
    const struct value *values;  /* with Terraform's names */
    const struct value *sources; /* Terraform's attribute -> list of the attributes in weir that it comes
                                    from; none: it refers to the resource of which this is a part */
};

struct reverse {
    struct arena *arena;
    const struct schema *schema;
    const struct names_type *const *types; /* the first is the main resource, the others are parts of it */
    size_t n;
};

/* Converts an object. The main resource comes first. */
const struct reversed *reverse_object(const struct reverse *reverse, const struct value *object, size_t *n);
/* Returns whether the path belongs to the attribute: "policies[].x" belongs to `policies`. */
bool reverse_is_about(struct str path, struct str attr);
/* Returns Terraform's name of an attribute of the main resource, for references: `arn`. "": none. */
struct str reverse_output(const struct reverse *reverse, struct str attr);

/* ---- reverse.c and reverse_value.c ---- */

/* A map of attributes and its paths on both sides. */
struct reverse_level {
    const struct names_type *type;
    struct str to;            /* the path in weir: "lifecycle_rules[]", "": the object itself */
    struct str from;          /* the path in Terraform: "rule[]" */
    struct str unruled;       /* below `from`, the path of attributes without a rule: "filter[0]." */
    const struct attr *attrs; /* attributes of the map */
    size_t n;
    const struct value *object;
    bool document; /* within a JSON document, whose keys are written in camelCase */
};

/* Adds all attributes of the level's object to `out`; `only` filters them (NULL: all). */
const struct value *reverse_fields(struct arena *arena, const struct reverse_level *level,
    const struct value *out, bool (*only)(const void *ctx, struct str attr), const void *ctx);
/* Adds a zero for numbers that have no effect but that Terraform requires: the ports if all protocols are
 * allowed. */
const struct value *reverse_add_required(
    struct arena *arena, const struct reverse_level *level, const struct value *out);
/* Converts a value of that type at these paths. */
const struct value *reverse_value(struct arena *arena, const struct reverse_level *level,
    const struct type *type, struct str to, struct str from, const struct value *v);
/* Returns a map or list as a JSON string. An unknown or sensitive part makes the whole string so. */
const struct value *reverse_document(struct arena *arena, const struct value *v);
/* Returns whether the path is below `base`; "": always. */
bool reverse_is_below(struct str path, struct str base);
/* Returns the rule for a value at `path` on this level, or NULL. */
const struct names_rule *reverse_rule(
    const struct reverse_level *level, struct str path, const struct value *v);
/* Converts a value by the rule. */
const struct value *reverse_by_rule(struct arena *arena, const struct reverse_level *level,
    const struct names_rule *rule, const struct attr *attr, struct str path, const struct value *v);
/* Returns the map with a value set at "a[0].b"; existing maps are merged. */
const struct value *reverse_set(
    struct arena *arena, const struct value *map, struct str path, const struct value *v);

/* ---- exported.c ---- */

struct exported {
    struct str address, type, name; /* aws_s3_bucket.lake["a"] */
    struct str key;                 /* the instance key; p NULL: none */
    bool translated;                /* Terraform has the type */
    bool part;                      /* it is a part of another resource */
    const struct planned_object *object;
    const struct reversed *made;        /* NULL: not translated, or not present after the plan */
    const struct value *before, *after; /* NULL: not present */
    struct str owner;                   /* of a part: the address of the main resource without its key */
};

struct export
{
    struct arena *arena;
    struct names names;
    struct map declared; /* a declaration's address -> struct declared_export */
    struct map taken;    /* "aws_s3_bucket.lake" -> the owner of that name */
    struct map kinds;    /* a type's name -> struct export_kind */
    bool separate;       /* each instance has its own name instead of a key */
    struct str region;   /* of most resources: that of the default provider */
    struct exported *items;
    size_t n, cap;
};

/* A declaration, to which others refer. */
struct declared_export {
    struct str *addresses;                 /* Terraform's address of each instance, without keys */
    const struct reverse *reverse;         /* NULL: not translated */
    const struct planned_object **objects; /* its instances */
    size_t n, cap, address_cap;
};

/* A reference of an attribute, for one instance. */
struct export_reference {
    struct str full, resource; /* aws_s3_bucket.lake.arn, aws_s3_bucket.lake; without attribute equal */
    struct str source; /* the attribute in weir that has the reference; "": it refers to the main resource */
    const struct value *value; /* the value of the reference; NULL: unknown */
    bool part;                 /* it is only a part of the value */
};

struct export_references {
    struct arena *arena;
    const struct names_type *type; /* type of the referring resource; NULL: not translated */
    struct export_reference *items;
    size_t n, cap;
};

void export_open(struct export *export, struct arena *arena, struct catalog *catalog,
    const struct planned_object *objects, size_t n, bool separate);
void export_release(struct export *export);
/* Returns the provider's configuration: "aws" of the region that most resources have, "aws.eu-west-1" of
 * another. */
struct str export_provider(const struct export *export, const struct exported *one);
/* Returns the keys of `ignore_tags` or, with `prefixes`, its key prefixes without the star. */
const struct value *export_tag_keys(struct arena *arena, const struct value *ignored, bool prefixes);
/* Returns a valid Terraform name: only letters, digits, _ and -. */
struct str export_name(struct arena *arena, struct str text);

/* ---- expressions.c ---- */

/* Returns {attribute: {references: […]} or {constant_value: …}, block: [{…}]} of the configured
 * attributes. */
const struct value *export_expressions(struct export *export, const struct exported *one);
/* Returns {constant_value: v}, or {} if v is unknown or secret. */
const struct value *export_constant(struct arena *arena, const struct value *v);
/* Returns the references of a Terraform attribute. False: the attribute is not configured. */
bool export_references(
    struct export *export, const struct exported *one, struct str name, struct export_references *out);

/* Appends the id for `terraform import`. Returns false if it is unknown or Terraform cannot import the
 * type. */
bool export_import_id(struct arena *arena, const struct exported *one, struct buf *out);

/* ---- plan_json.c ---- */

/* Appends the plan representation, format 1.2. Resources without a Terraform type are noted on standard
 * error. */
void export_show(struct invocation *inv, struct saved_plan *saved, struct catalog *catalog, struct buf *out);

/* ---- hcl.c ---- */

/* Appends the configuration, with import blocks for existing resources. */
void export_hcl(struct export *export, struct str stack, struct buf *out);
