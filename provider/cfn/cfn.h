/*
 * Resource types of CloudFormation's schemas (aws.cfn.* in a stack), which the Cloud Control API makes,
 * reads, changes and deletes. Compiled once from the schema, then driven by operations that are the same
 * for all types. At the end: what is known of types without compiling them.
 */
#pragma once

#include "base/err.h"
#include "base/value.h"
#include "provider/aws/client.h"
#include "provider/kind.h"

/* ---- compile.c: From a resource type's JSON schema, as CloudFormation's registry has it, to what the rest
 * of weir knows of types: attributes under CloudFormation's own names, and what only the Cloud Control API
 * needs.
 *
 *   compile.c        the type itself: marks, identifier, tags, handlers, rules
 *   compile_type.c   properties: types, nested ones, references, alternatives, limits
 *   patch.c           values as the service has them, and back
 *
 * What a schema says and this leaves out: conditions on values (if/then), limits of what is in lists and
 * maps, transformations other than of case and of names to ARNs. The service checks all of them itself. */
struct cfn_type {
    struct schema schema;
    const struct value *document; /* the JSON schema */
    const struct str *id_parts;   /* names, or paths, that the identifier is made of, in order */
    size_t id_count;
    bool id_composed;        /* the schema's id is an attribute of ours, "a|b" */
    const struct attr *tags; /* where ownership tags are; NULL: nowhere */
    bool tags_with_create;
    bool has_read, has_update, has_list;
    bool list_needs_input;
};

/* -1 with ERR_INVALID where it is no schema of a resource type. All of it is in the arena. */
int cfn_compile(struct arena *arena, const struct value *document, struct cfn_type **out, struct err *err);

/* The actions that a handler ("create"), or "tagging", needs; NULL: it has none. */
const struct value *cfn_permissions(const struct cfn_type *type, const char *handler);

/* ---- patch.c ---- */

/*
 * An attribute's value as the service takes it: without what is unknown, tags as the list that it wants. Its
 * own values in our form: the reverse. Both keep what they do not know.
 */
const struct value *cfn_to_service(struct arena *arena, const struct type *type, const struct value *v);
const struct value *cfn_from_service(struct arena *arena, const struct type *type, const struct value *v);

/* The identifier out of an object's attributes; "" where not all of it is known. */
struct str cfn_identifier(const struct cfn_type *type, struct arena *arena, const struct value *object);

/* ---- call.c: The Cloud Control API: its calls, the requests that it works on and how they end.
 *
 * What is created, changed or deleted is a request of its own, which is asked about until it has ended, no
 * sooner than it says (RetryAfter). A request is known by the client's token: sent again with the same one it
 * is the same request, so that lost answers do no harm. What a handler reports as throttled slows all calls
 * down like any other refusal, and is begun anew. */
extern const struct aws_service cfn_service;

/* One request as it was last told of. */
struct cfn_event {
    struct str token; /* of the request: the service's */
    struct str type, identifier, status, code, message;
    int64_t at_ms;          /* when that was so, by the service's clock; 0: not said */
    int64_t retry_after_ms; /* wall clock; 0: not said */
};

/* What is to be done. */
struct cfn_request {
    const char *operation;     /* "CreateResource" */
    const struct value *input; /* but for the type's name and the client's token */
    bool sensitive;            /* secrets are in it */
    bool repeats;              /* it does no harm to begin it anew where the service failed half-way */
};

/* Begins the request and follows it to its end. -1 where it failed; *event is then how it ended, if it began.
 */
int cfn_carry_out(
    struct op_ctx *ctx, const struct cfn_request *request, struct cfn_event *event, struct err *err);
/* Follows one that was begun by an earlier run. */
int cfn_follow(struct op_ctx *ctx, struct cfn_event *event, struct err *err);

/* Its properties as the service has them; NULL: there is none. */
int cfn_get(struct op_ctx *ctx, struct str identifier, const struct value **properties, struct err *err);

typedef int cfn_seen(void *ctx, struct str identifier, const struct value *properties, struct err *err);
/* All of the type; stops where `seen` returns -1. */
int cfn_list(struct op_ctx *ctx, cfn_seen *seen, void *seen_ctx, struct err *err);

typedef bool cfn_request_seen(void *ctx, const struct cfn_event *event);
/* The account's creations of the last days, until `seen` returns true. */
int cfn_list_creations(struct op_ctx *ctx, cfn_request_seen *seen, void *seen_ctx, struct err *err);

/* What the service's or a handler's code means: class and hint; the message stays. */
void cfn_explain(const struct op_ctx *ctx, struct err *err);

/* ---- What compile.c and compile_type.c share. */
enum mark {
    MARK_READ_ONLY = 1,
    MARK_CREATE_ONLY = 2,
    MARK_WRITE_ONLY = 4,
    MARK_DEPRECATED = 8,
    MARK_NOCASE = 16,
    MARK_ARN = 32,
    MARK_ID = 64,
};

/* A path of property names and stars, as far as it has not been gone yet, and what it is marked as. */
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
    struct map types;                    /* definition -> struct type, of those that no mark reaches into */
    const struct compile_around *around; /* the objects and lists that are being compiled, innermost first */
    struct str tags;                     /* the property that holds tags; "" none */
    bool no_ownership_tags;              /* weir's cannot be among them */
};

/* An attribute for the property, with all that its schema says. */
void compile_attr(struct compile *c, struct attr *attr, struct str name, const struct value *schema,
    bool required, const struct marks *marks);
/* What oneOf, anyOf and their like say about which of the properties belong together. */
void compile_rules(
    struct compile *c, const struct value *schema, const struct attr_rule **rules, size_t *count);

/* ---- kind.c: Schemas that are not in the binary, of types that are newer or private: CloudFormation is
 * asked once (DescribeType), and the answer stays in the stack's .weir/schemas, where it goes before what
 * is in the binary: {version, schema}. */
/* Asks for the type and keeps it in the folder, which is made. *path: where it is; *version: which it is. */
int cfn_describe(struct aws_client *client, struct arena *arena, struct str type, struct str folder,
    struct str *path, struct str *version, struct err *err);

/* ---- kind.c: CloudFormation's resource types (AWS::Kinesis::Stream), as far as the Cloud Control API
 * drives them. They are listed nowhere: each is found by its name when a stack has it, and uses the
 * providers of the kind `aws`. */
extern const struct provider_kind cfn_kind;

/* ---- ops.c: The operations of all types that the Cloud Control API drives (struct resource_ops). */
extern const struct resource_ops cfn_ops;
extern const struct resource_ops cfn_ops_unread; /* of types that cannot be read: what is recorded counts */

/* ---- kind.c: the tags by which what weir made is known again ---- */

/* The desired object with weir's ownership tags among its tags. */
const struct value *cfn_with_ownership_tags(const struct op_ctx *ctx, const struct value *desired);
/* The live object without them, and without the service's own tags; told of to whoever wants to know. */
const struct value *cfn_unmarked(const struct op_ctx *ctx, const struct value *live);
/* weir's ownership tags among a live object's tags, under their short names. */
const struct value *cfn_ownership_tags_of(const struct op_ctx *ctx, const struct value *live);
/* Whose the live object is, see resource_ops.whose. */
struct ownership cfn_whose(const struct op_ctx *ctx, const struct value *live);
/* -1 where it is not this stack's to change or delete. */
int cfn_check_whose(const struct op_ctx *ctx, const struct value *live, const char *done, struct err *err);

/* ---- kind.c: protections against being deleted ---- */

/* Those that a live object has on, as they are off; an empty map: none. */
const struct value *cfn_unprotected(const struct op_ctx *ctx, const struct value *live);
int cfn_data_loss(struct op_ctx *ctx, unsigned teardown, const struct value *object,
    const struct value **list, struct err *err);

/* ---- patch.c: The smallest JSON Patch (RFC 6902) that brings a live resource to what is wanted. */
/*
 * `live` has the properties as the service gave them, `desired` attributes in our form, `changed` names. What
 * cannot be read back is always in it: an update without it would take it away. An empty list: nothing to do.
 */
const struct value *cfn_patch(struct arena *arena, const struct cfn_type *type, const struct value *live,
    const struct value *desired, const struct value *changed);

/* ---- compile.c: Patterns of JSON schemas as weir's: PCRE, of the whole text. */
struct str cfn_pattern(struct arena *arena, struct str pattern);

/* ---- published.c: The schemas that AWS publishes for CloudFormation's resource types, as they are in the
 * binary: those of us-east-1 that the Cloud Control API can drive, without prose. tools/cfn-schemas writes
 * them in short form, a type a line, one file for all services that begin with the same two letters; a type
 * costs what its file and its own line cost.
 *
 * The short form is JSON. A schema is a text (only a type: "s" string, "i" integer, "n" number, "b" boolean,
 * "o" object, "a" array, "0" null; several letters: any of these), a number (the definition of that place in
 * D), or a map:
 *
 *     t type   P properties ("Name!": required)   Q patternProperties   I items   + additionalProperties
 *     $ definition, with what is beside it   ! required, of what is no property   e enum   E the same in
 *     any case   p pattern   l L length   c C items   m M minimum, maximum   v V properties   O
 * insertionOrder U uniqueItems   f format   d default   1 2 3 oneOf, anyOf, allOf   q x dependentRequired,
 * -Excluded X R of these names exactly one, at least one   G exclusiveMaximum
 *
 * A map with P is an object, one with I an array, one with any of l L p e and neither of these nor t nor $ a
 * string. A whole type is such a map with, besides: i primary identifier; marks behind a property's name
 * ("Name!:c": r read-only, c create-only, w write-only, k conditionally create-only, d deprecated, a an
 * identifier as well), which are keys of their own, with lists of paths, for what is further in; T the
 * property with tags
 * ("Tags!": not given with the creation); H the handlers it has, by their first letters; h what its listing
 * has to be given; A permissions, in groups of a character (64 and a bit for each handler and for tagging),
 * service and actions; y paths whose case handlers change; z those of which they make an ARN; D definitions.
 */

/* "AWS::Kinesis::Stream": three words of letters and digits. */
bool cfn_is_type_name(struct str type);
/*
 * A type's schema as CloudFormation publishes it (a JSON schema with `typeName`, `properties`,
 * `primaryIdentifier`, `handlers` …), definitions under names of our own. NULL: it is not in the binary.
 * What handlers change is in `weir:nocase` and `weir:arn`, lists of paths.
 */
const struct value *cfn_published(struct arena *arena, struct str type);
/* Every name, in order. They live as long as the process. Safe from every thread. */
const struct str *cfn_published_names(size_t *n);
