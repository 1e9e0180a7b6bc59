/*
 * Shared by the loader's files only. Mistakes are added to loader->diags with their position; loading
 * continues, so that one run reports all of them, and spec_load() discards the result at the end.
 */
#pragma once

#include "base/yaml.h"
#include "provider/spec/spec.h"

struct loader {
    struct arena *arena;
    struct diags *diags;
    struct spec_service *service;
    const struct source *source;
    bool camel, snake;
    bool calls;                                      /* there is a protocol, so steps may be calls */
    const struct node *words, *shapes, *tags, *page; /* of the head; may be NULL */
    int depth;                                       /* of nested named shapes, as a limit */
};

/* The current type while its calls are read. */
struct type_loader {
    struct loader *l;
    struct spec_type *type;
    struct spec_attr *attrs; /* type->attrs, still writable */
    const struct node *node;
};

/* ---- load_node.c: reading nodes ---- */

/* Returns the number of items of the list or map; 0 if there is none. Reports another kind of node. */
uint32_t load_size(struct loader *l, const struct node *node, enum node_kind kind, const char *otherwise);
/* Returns whether the node is a map with only these keys (separated by spaces); reports it otherwise. `what`
 * is "a step". */
bool load_keys(struct loader *l, const struct node *node, const char *what, const char *keys);
struct str load_text(struct loader *l, const struct node *map, const char *key);
bool load_flag(struct loader *l, const struct node *map, const char *key);
int64_t load_int(struct loader *l, const struct node *map, const char *key, int64_t fallback);
int64_t load_ms(struct loader *l, const struct node *map, const char *key, int64_t fallback);
/* Returns the position of the string in `words` (ends in NULL), from 1; 0: absent, or reported. */
int load_word(struct loader *l, const struct node *map, const char *key, const char *const *words);
/* Returns the map under that key as a value; NULL: absent, or reported. */
const struct value *load_map(
    struct loader *l, const struct node *map, const char *key, const char *otherwise);
/* Returns the items of a list, or the node itself as the only one; *n is 0 if *node is NULL. */
const struct node *const *load_all(const struct node *const *node, size_t *n);
/* Reads a string or a list of strings. */
struct spec_names load_names(struct loader *l, const struct node *node);
struct spec_errors load_errors(struct loader *l, const struct node *node);
struct spec_skip load_skip(struct loader *l, const struct node *node);
void load_error(struct loader *l, const struct node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Returns an attribute's wire name by the service's rule. */
struct str load_wire_name(struct loader *l, struct str name);

/* ---- load_attr.c ---- */

struct typed {
    const struct type *type;
    const struct shape *shape, *answer;
};

void load_attr(struct loader *l, struct str name, const struct node *node, struct spec_attr *out);
/* Checks attributes that name others beside them: `conflicts`, `changes_with`. */
void load_neighbours(struct loader *l, const struct node *map);
/* Returns the shape of tags, as this key of `tags` says. */
const struct shape *load_tags_shape(struct loader *l, const struct node *tags, const char *as);
/* Makes a structure of members whose wire names may be dotted paths, as nested groups. */
void load_struct(struct loader *l, const struct shape_member *members, size_t n, struct shape *out);

/* ---- load_step.c ---- */

/* What a call takes from the current item: the value at `path` is sent as member `as`. */
struct item_member {
    struct str as, path;
    const struct shape *shape;
};

struct step_rules {
    const char *what;                /* for messages: "create" */
    const char *extra;               /* keys allowed besides a step's own; may be NULL */
    bool all;                        /* sends all attributes by default */
    bool nothing;                    /* sends nothing by default; without `all` and `nothing`: the id */
    bool change;                     /* creates or changes: its response is the object only if it has `at` */
    bool reads;                      /* of calls that share a map: takes `at` from it, others take `failed` */
    bool pages;                      /* lists: may be paginated */
    const struct node *ident;        /* sent instead of the id */
    const struct spec_attr *subject; /* sent, too, by default (a sub-resource's attribute) */
    struct item_member items[3];
    size_t item_count;
    const struct node *with_create; /* tags of the create call */
    const struct node *shared;      /* map with the defaults of absent, retry, failed and at */
};

const struct spec_step *load_step(
    struct type_loader *t, const struct node *node, const struct step_rules *rules);
/* Reads the step under that key; NULL if there is none. */
const struct spec_step *load_step_at(
    struct type_loader *t, const struct node *node, const char *key, const struct step_rules *rules);
struct spec_steps load_steps(struct type_loader *t, const struct node *node, const struct step_rules *rules);
struct spec_attr *load_attr_named(struct type_loader *t, const struct node *where, struct str name);
/* Reads one or several attribute names. */
struct spec_names load_attr_names(struct type_loader *t, const struct node *node);

/* ---- load_operation.c ---- */

void load_operations(struct loader *l, const struct node *node);
/* `success: {201: [CreateFunction]}`: statuses of responses other than 200. */
void load_success(struct loader *l, const struct node *node);
const struct spec_operation *load_operation(struct loader *l, const struct node *node, struct str name);
/* Moves the body of a request into the document that its list of changes is made from. */
void load_patched(struct loader *l, const struct spec_operation *op, struct spec_request *request);

/* ---- load_request.c ---- */

/* Builds the request of a step, including pagination. step->op is set. */
void load_request(
    struct type_loader *t, const struct node *node, const struct step_rules *rules, struct spec_step *step);

/* Returns the shape of a constant; *dynamic is set if it has a template. Maps are structures with the names
 * as given. */
const struct shape *load_constant_shape(struct type_loader *t, const struct node *node, bool *dynamic);

/* ---- load_owned.c: tags, sub-resources, members and entries ---- */

/* Merges the type's own `tags` with those of the file's head. */
const struct node *load_tags_node(struct type_loader *t);
void load_owned(struct type_loader *t);

/* ---- load_job.c ---- */

/* Reads `run:` of a type whose attributes are loaded; NULL if it has none. */
const struct spec_job *load_job(struct type_loader *t, const struct node *node);

/* ---- load_recover.c ---- */

/* Sets the recover rule: `recover:`, or the default that follows from the type's calls, which are loaded. */
void load_recover(struct type_loader *t);

void load_teardown(struct type_loader *t, const struct node *node);
void load_leaves(struct type_loader *t, const struct node *node);

/* ---- load_reference.c ---- */

/* Returns the service's name of an attribute; "" if its last part is the same word. */
struct str load_member_name(struct str name, struct str wire);
/* Sets pages and names of the service's documentation, of a type whose calls are loaded. */
void load_reference(struct type_loader *t);

/* `fills: {network.availability_zone: {network.subnet_id: aws.ec2.subnet.availability_zone}}` */
void load_fills(struct type_loader *t, const struct node *node);
/* `engines: [{makes: duckdb, if: {…}}]`, of a type's `sandbox:`. */
void load_engines(struct type_loader *t, const struct node *node);

/* True if this string occurs in the template, at any depth. */
bool load_mentions(const struct value *template, struct str text);

/* Marks the attributes that identify the resource in requests, after its calls are loaded. */
void load_identity(struct type_loader *t);
/* Sets the attributes that are unique. `recorded`: the type exists in the state only. */
void load_unique(struct type_loader *t, bool recorded);

/* ---- load_constraints.c ---- */

/* `refers: {queue: {event_source: aws.sqs.queue}}`; called before the constraints that use them. */
void load_refers(struct type_loader *t, const struct node *node);
/* Reports a path without an attribute or field. */
void load_path(struct type_loader *t, const struct node *where, struct str path);
struct value_tests load_value_tests(struct type_loader *t, const struct node *node);
/* Reads tests that compare without case. `update`: they may use the value before the update. */
struct value_tests load_step_tests(struct type_loader *t, const struct node *node, bool update);
struct value_tests load_conditions(struct type_loader *t, const struct node *node);
/* `served`: only for the sandbox. */
void load_constraints(struct type_loader *t, const struct node *node, bool served);
/* Reads `ignore_changes` of attributes. */
void load_others_changes(struct type_loader *t);
/* Adds the constraints of all tags. */
void load_tag_constraints(struct type_loader *t);

/* ---- load_sandbox.c ---- */

void load_sandbox(struct type_loader *t, const struct node *node);

/* ---- load_type.c ---- */

struct spec_type *load_type(struct loader *l, struct str name, const struct node *node, bool is_data);
