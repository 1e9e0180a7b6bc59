/*
 * Resource types from CloudFormation schemas (aws.cfn.* in a stack), which the Cloud Control API creates,
 * reads, updates and deletes. A schema is compiled once; the operations are the same for all types. At the
 * end: the published schemas, which are read without compiling them.
 */
#pragma once

#include "base/err.h"
#include "base/value.h"
#include "provider/aws/client.h"
#include "provider/kind.h"

/* ---- compile.c: converts a resource type's JSON schema, as in CloudFormation's registry, to weir's schema:
 * attributes under CloudFormation's own names, and what only the Cloud Control API needs.
 *
 *   compile.c        the type itself: marks, identifier, tags, handlers, rules
 *   compile_type.c   properties: types, nested ones, references, alternatives, limits
 *   patch.c           values in the service's form, and back
 *
 * Not converted: conditions on values (if/then), limits of items of lists and maps, transformations other
 * than of case and of names to ARNs. The service checks all of these itself. */
struct cfn_type {
    struct schema schema;
    const struct value *document; /* the JSON schema */
    const struct str *id_parts;   /* names, or paths, of the identifier's parts, in order */
    size_t id_count;
    bool id_composed;        /* the schema's id is an extra attribute, "a|b" */
    const struct attr *tags; /* the attribute for ownership tags; NULL: none */
    bool tags_with_create;
    bool has_read, has_update, has_list;
    bool list_needs_input;
};

/* Returns -1 with ERR_INVALID if the document is not the schema of a resource type. Everything is allocated
 * in the arena. */
int cfn_compile(struct arena *arena, const struct value *document, struct cfn_type **out, struct err *err);

/* Returns the actions that a handler ("create"), or "tagging", needs; NULL if there is no such handler. */
const struct value *cfn_permissions(const struct cfn_type *type, const char *handler);

/* ---- patch.c ---- */

/*
 * Convert an attribute's value to the service's form (without unknown values, tags as the service's list) and
 * back. Both keep members that are not in the type.
 */
const struct value *cfn_to_service(struct arena *arena, const struct type *type, const struct value *v);
const struct value *cfn_from_service(struct arena *arena, const struct type *type, const struct value *v);

/* Returns the identifier of an object; "" if a part of it is not known. */
struct str cfn_identifier(const struct cfn_type *type, struct arena *arena, const struct value *object);

/* ---- call.c: the Cloud Control API: its calls, the requests that it processes, and their outcome.
 *
 * Each create, update or delete is a request, whose status is polled until it has ended, not before its
 * RetryAfter time. A request is identified by the client token: a call repeated with the same token is the
 * same request, so that lost responses do no harm. If a handler reports throttling, all calls slow down as
 * for any throttled call, and the request is started again. */
extern const struct aws_service cfn_service;

/* The last known status of a request. */
struct cfn_event {
    struct str token; /* the service's request token */
    struct str type, identifier, status, code, message;
    int64_t at_ms;          /* time of the status, by the service's clock; 0: not reported */
    int64_t retry_after_ms; /* wall clock; 0: not reported */
};

/* A request to start. */
struct cfn_request {
    const char *operation;     /* "CreateResource" */
    const struct value *input; /* without TypeName and ClientToken */
    bool sensitive;            /* contains secrets */
    bool repeats;              /* may be started again after the service failed half-way */
};

/* Starts the request and waits for its end. Returns -1 on failure; *event then has the outcome, if the
 * request was started. */
int cfn_carry_out(
    struct op_ctx *ctx, const struct cfn_request *request, struct cfn_event *event, struct err *err);
/* Waits for the end of a request of an earlier run. */
int cfn_follow(struct op_ctx *ctx, struct cfn_event *event, struct err *err);

/* Reads a resource's properties in the service's form; NULL if it does not exist. */
int cfn_get(struct op_ctx *ctx, struct str identifier, const struct value **properties, struct err *err);

typedef int cfn_seen(void *ctx, struct str identifier, const struct value *properties, struct err *err);
/* Lists all resources of the type; stops if `seen` returns -1. */
int cfn_list(struct op_ctx *ctx, cfn_seen *seen, void *seen_ctx, struct err *err);

typedef bool cfn_request_seen(void *ctx, const struct cfn_event *event);
/* Lists the account's create requests of the last days, until `seen` returns true. */
int cfn_list_creations(struct op_ctx *ctx, cfn_request_seen *seen, void *seen_ctx, struct err *err);

/* Sets class and hint of an error by the service's or a handler's error code; the message is kept. */
void cfn_explain(const struct op_ctx *ctx, struct err *err);

/* ---- Shared by compile.c and compile_type.c. */
enum mark {
    MARK_READ_ONLY = 1,
    MARK_CREATE_ONLY = 2,
    MARK_WRITE_ONLY = 4,
    MARK_DEPRECATED = 8,
    MARK_NOCASE = 16,
    MARK_ARN = 32,
    MARK_ID = 64,
};

/* The rest of a path of property names and stars, and its mark. */
struct marked_path {
    struct str path;
    enum mark mark;
};

struct marks {
    const struct marked_path *items;
    size_t count;
};

struct compile_around {
    const struct compile_around *up;
    const struct value *schema;
    size_t marks;
    struct type *type;
    int depth;
};

struct compile {
    struct arena *arena;
    const struct value *document;
    struct map types;                    /* definition -> struct type, of types that contain no marked path */
    const struct compile_around *around; /* the objects and lists being compiled, innermost first */
    struct str tags;                     /* the property that holds tags; "": none */
    bool no_ownership_tags;              /* weir's tags are not allowed among them */
};

/* Compiles a property's schema to an attribute. */
void compile_attr(struct compile *c, struct attr *attr, struct str name, const struct value *schema,
    bool required, const struct marks *marks);
/* Compiles oneOf, anyOf and similar keywords to rules on which properties belong together. */
void compile_rules(
    struct compile *c, const struct value *schema, const struct attr_rule **rules, size_t *count);

/* ---- kind.c: schemas of newer or private types, which are not in the binary: CloudFormation is asked once
 * (DescribeType), and the response is kept in the stack's .weir/schemas folder: {version, schema}. It
 * precedes the one in the binary. */
/* Reads the type's schema and stores it in the folder, which is created. *path: the file; *version: the
 * type's version. */
int cfn_describe(struct aws_client *client, struct arena *arena, struct str type, struct str folder,
    struct str *path, struct str *version, struct err *err);

/* ---- kind.c: CloudFormation's resource types (AWS::Kinesis::Stream), as far as the Cloud Control API
 * supports them. They are not listed: each is found by its name when a stack uses it, and uses the providers
 * of the type `aws`. */
extern const struct provider_kind cfn_kind;

/* ---- ops.c: the operations of all types of the Cloud Control API (struct resource_ops). */
extern const struct resource_ops cfn_ops;
extern const struct resource_ops
    cfn_ops_unread; /* for types without a read handler: the record counts as live */

/* ---- kind.c: ownership tags ---- */

/* Returns the desired object with weir's ownership tags among its tags. */
const struct value *cfn_with_ownership_tags(const struct op_ctx *ctx, const struct value *desired);
/* Returns the live object without them and without the service's own tags; reports the ownership tags to the
 * observer. */
const struct value *cfn_unmarked(const struct op_ctx *ctx, const struct value *live);
/* Returns weir's ownership tags of a live object, under their short names. */
const struct value *cfn_ownership_tags_of(const struct op_ctx *ctx, const struct value *live);
/* Determines the owner of the live object, see resource_ops.whose. */
struct ownership cfn_find_owner(const struct op_ctx *ctx, const struct value *live);
/* Returns -1 if this stack may not change or delete the resource. */
int cfn_check_owner(const struct op_ctx *ctx, const struct value *live, const char *done, struct err *err);

/* ---- kind.c: deletion protection ---- */

/* Returns the deletion protections that are on in the live object, each with its value for off; an empty map
 * if there are none. */
const struct value *cfn_unprotected(const struct op_ctx *ctx, const struct value *live);
int cfn_data_loss(struct op_ctx *ctx, unsigned teardown, const struct value *object,
    const struct value **list, struct err *err);

/* ---- patch.c: the smallest JSON Patch (RFC 6902) from the live resource to the desired one. */
/*
 * `live` has the properties in the service's form, `desired` attributes in our form, `changed` names.
 * Write-only properties are always included: an update without them would remove them. Returns an empty list
 * if nothing changes.
 */
const struct value *cfn_patch(struct arena *arena, const struct cfn_type *type, const struct value *live,
    const struct value *desired, const struct value *changed);

/* ---- compile.c: converts a JSON schema's pattern to PCRE that matches the whole string. */
struct str cfn_pattern(struct arena *arena, struct str pattern);

/* ---- published.c: the schemas that AWS publishes for CloudFormation's resource types, embedded in the
 * binary: those of us-east-1 that the Cloud Control API supports, without descriptions. tools/cfn-schemas
 * writes them in a short form, one type per line, one file for all services that begin with the same two
 * letters. Using a type costs reading its file and parsing its line.
 *
 * The short form is JSON. A schema is a string (only a type: "s" string, "i" integer, "n" number, "b"
 * boolean, "o" object, "a" array, "0" null; several letters: any of these), a number (index of a definition
 * in D), or a map:
 *
 *     t type   P properties ("Name!": required)   Q patternProperties   I items   + additionalProperties
 *     $ definition, with what is beside it   ! required, of names that are not properties   e enum
 *     E enum in any case   p pattern   l L length   c C items   m M minimum, maximum   v V properties
 *     O insertionOrder   U uniqueItems   f format   d default   1 2 3 oneOf, anyOf, allOf
 *     q x dependentRequired, dependentExcluded   X R exactly one, at least one of these names
 *     G exclusiveMaximum
 *
 * A map with P is an object, one with I an array, one with any of l L p e and without these, t and $ a
 * string. A whole type is such a map with, besides: i primary identifier; marks after a property's name
 * ("Name!:c": r read-only, c create-only, w write-only, k conditionally create-only, d deprecated, a an
 * identifier as well), which are also keys, with lists of paths, for nested properties; T the property with
 * tags ("Tags!": not sent at creation); H the handlers by their first letters; h the input that listing
 * needs; A permissions, in groups of a character (64 and a bit for each handler and for tagging), service and
 * actions; y paths whose case handlers change; z paths that handlers convert to ARNs; D definitions. */

/* True for "AWS::Kinesis::Stream": three words of letters and digits. */
bool cfn_is_type_name(struct str type);
/*
 * Returns a type's schema as CloudFormation publishes it (a JSON schema with `typeName`, `properties`,
 * `primaryIdentifier`, `handlers` …), with generated names for definitions; NULL if it is not in the binary.
 * `weir:nocase` and `weir:arn` list the paths that handlers change.
 */
const struct value *cfn_published(struct arena *arena, struct str type);
/* Returns all type names, sorted, valid as long as the process. Safe to call from every thread. */
const struct str *cfn_published_names(size_t *n);
