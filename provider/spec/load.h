/*
 * Shared by the loader's files; not for others. Mistakes go into loader->diags with their place; loading goes
 * on, so that one run reports all of them, and spec_load() throws the result away at the end.
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
    const struct node *words, *shapes, *tags, *page; /* of the head; NULL: not there */
    struct map operations;                           /* name -> struct spec_operation */
    int depth;                                       /* of named shapes, against endless nesting */
};

/* The type at hand while its calls are read. */
struct type_loader {
    struct loader *l;
    struct spec_type *type;
    struct spec_attr *attrs; /* type->attrs, still writable */
    const struct node *node;
};

/* ---- load_node.c: reading nodes ---- */

/* Of the list or map how many it has; 0 where there is none. Complains where it is another kind of node. */
uint32_t load_size(struct loader *l, const struct node *node, enum node_kind kind, const char *otherwise);
/* Is node a map with none but these keys (space separated)? Complains otherwise; `what` is "a step". */
bool load_keys(struct loader *l, const struct node *node, const char *what, const char *keys);
struct str load_text(struct loader *l, const struct node *map, const char *key);
bool load_flag(struct loader *l, const struct node *map, const char *key);
int64_t load_int(struct loader *l, const struct node *map, const char *key, int64_t fallback);
int64_t load_ms(struct loader *l, const struct node *map, const char *key, int64_t fallback);
/* A text or a list of texts. */
struct spec_names load_names(struct loader *l, const struct node *node);
struct spec_errors load_errors(struct loader *l, const struct node *node);
struct spec_skip load_skip(struct loader *l, const struct node *node);
struct spec_conditions load_conditions(struct type_loader *t, const struct node *node);
void load_error(struct loader *l, const struct node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The wire name that an attribute has by the service's rule. */
struct str load_wire_name(struct loader *l, struct str name);

/* ---- load_attr.c ---- */

struct typed {
    const struct type *type;
    const struct shape *shape, *answer;
};

void load_attr(struct loader *l, struct str name, const struct node *node, struct spec_attr *out);
/* Attributes name others that are beside them: `conflicts`, `changes_with`. */
void load_neighbours(struct loader *l, const struct node *map);
/* How tags are on the wire, as this key of theirs says. */
const struct shape *load_tags_shape(struct loader *l, const struct node *tags, const char *as);
/* Members whose wire names may be dotted paths, as nested groups. */
void load_struct(struct loader *l, const struct shape_member *members, size_t n, struct shape *out);

/* ---- load_step.c ---- */

/* What a call takes from the item at hand: the value at `path` in it goes out as member `as`. */
struct item_member {
    struct str as, path;
    const struct shape *shape;
};

struct step_rules {
    const char *what;         /* for messages: "create" */
    const char *extra;        /* keys it may have besides a step's own; NULL: none */
    bool all;                 /* sends everything unless the spec says otherwise */
    bool nothing;             /* sends nothing unless the spec says otherwise; without both: the id */
    bool change;              /* makes or changes: its answer is the object only if `at` says so */
    bool reads;               /* of calls that share a map: it takes `at` from there, others `failed` */
    bool pages;               /* lists: may be paginated */
    const struct node *ident; /* send this instead of the id */
    const struct spec_attr
        *subject; /* sent too, unless the spec says otherwise (a sub-resource's attribute) */
    struct item_member items[3];
    size_t item_count;
    const struct node *with_create; /* tags of the create call */
    const struct node *shared;      /* map whose absent, retry, failed and at hold where the step has none */
};

const struct spec_step *load_step(
    struct type_loader *t, const struct node *node, const struct step_rules *rules);
/* The step under that key; NULL: there is none. */
const struct spec_step *load_step_at(
    struct type_loader *t, const struct node *node, const char *key, const struct step_rules *rules);
struct spec_steps load_steps(struct type_loader *t, const struct node *node, const struct step_rules *rules);
struct spec_attr *load_attr_named(struct type_loader *t, const struct node *where, struct str name);
/* A name or a list of them, each of an attribute. */
struct spec_names load_attr_names(struct type_loader *t, const struct node *node);

/* ---- load_operation.c ---- */

void load_operations(struct loader *l, const struct node *node);
/* `success: {201: [CreateFunction]}`: statuses of answers, where it is not 200. */
void load_success(struct loader *l, const struct node *node);
const struct spec_operation *load_operation(struct loader *l, const struct node *node, struct str name);
/* Moves what is in the body of a request into what its list of changes is made of. */
void load_patched(struct loader *l, const struct spec_operation *op, struct spec_request *request);

/* ---- load_request.c ---- */

/* What the call of a step sends, pages included. step->op is set. */
void load_request(
    struct type_loader *t, const struct node *node, const struct step_rules *rules, struct spec_step *step);

/* The shape of a constant; *dynamic, where a template is in it. Maps in it are structures with the names as
 * given. */
const struct shape *load_constant_shape(struct type_loader *t, const struct node *node, bool *dynamic);

/* ---- load_owned.c: tags, sub-resources, members and entries ---- */

/* The type's own `tags` over those of the file's head. */
const struct node *load_tags_node(struct type_loader *t);
void load_owned(struct type_loader *t);

/* ---- load_job.c ---- */

/* `run:` of a type whose attributes have been loaded; NULL where it has none. */
const struct spec_job *load_job(struct type_loader *t, const struct node *node);

/* ---- load_recover.c ---- */

/* How a lost answer is settled: what `recover:` says, or what follows from a type whose calls have been
 * loaded. */
void load_recover(struct type_loader *t);

void load_teardown(struct type_loader *t, const struct node *node);
void load_leaves(struct type_loader *t, const struct node *node);

/* ---- load_reference.c ---- */

/* The service's name for an attribute that is there on the wire; "" where its last part is the same word. */
struct str load_member_name(struct str name, struct str wire);
/* The pages and names of the service's documentation, of a type whose calls have been loaded. */
void load_reference(struct type_loader *t);

/* `fills: {network.availability_zone: {network.subnet_id: aws.ec2.subnet.availability_zone}}` */
void load_fills(struct type_loader *t, const struct node *node);
/* `engines: [{makes: duckdb, if: {…}}]`, of a type's `sandbox:`. */
void load_engines(struct type_loader *t, const struct node *node);

/* Is this text in the template, at any depth? */
bool load_mentions(const struct value *template, struct str text);

/* Marks the attributes that name the resource in requests, once its calls are loaded. */
void load_identity(struct type_loader *t);
/* What no two of the type may have alike. `recorded`: nothing of it is at the service. */
void load_unique(struct type_loader *t, bool recorded);

/* ---- load_constraints.c ---- */

/* `refers: {queue: {event_source: aws.sqs.queue}}`, before the constraints that know them. */
void load_refers(struct type_loader *t, const struct node *node);
/* Says so where there is no such attribute or field. */
void load_path(struct type_loader *t, const struct node *where, struct str path);
struct value_tests load_value_tests(struct type_loader *t, const struct node *node);
/* `served`: they are the sandbox's alone. */
void load_constraints(struct type_loader *t, const struct node *node, bool served);
/* `ignore_changes` of attributes. */
void load_others_changes(struct type_loader *t);
/* Those that all tags are under. */
void load_tag_constraints(struct type_loader *t);

/* ---- load_sandbox.c ---- */

void load_sandbox(struct type_loader *t, const struct node *node);

/* ---- load_type.c ---- */

struct spec_type *load_type(struct loader *l, struct str name, const struct node *node, bool is_data);
