/*
 * Compiled resource specs. docs/specs.md is the reference of the language; this header has the result.
 *
 *   load.c              the head of a file; its types, at once or when they are used        spec_load()
 *   load_node.c         nodes, and messages with their position; spec files for the catalog  spec_reader
 *   load_operation.c    method and path, locations of members, lists of changes
 *   load_type.c         one type: its sections in order, waits, listings
 *   load_attr.c         attributes: schema on one side, wire shapes on the other
 *   load_step.c         calls: conditions, object in the response, errors
 *   load_request.c      requests
 *   load_owned.c        tags, sub-resources, members, entries
 *   load_constraints.c  constraints between values
 *   load_reference.c    identity, values from other resources, the service's documentation
 *   load_recover.c      recovery after a lost response, what is deleted with a resource, what is kept
 *   load_job.c          how instances of a type are run
 *   load_sandbox.c      data for the sandbox only
 *   act_*.c             the interpreter (act.h)                                         spec_ops
 *   act_ops.c           completes operations of a provider type                         native_ops()
 *   job.c               the interpreter for jobs                                        spec_job_ops
 *   patch.c             lists of changes, made and applied
 *   permissions.c       the IAM actions that calls need                                 spec_permissions()
 *   dump.c              everything as JSON, for the test that compares it with the services' own models
 *
 * Everything is built once, in the service's arena, and never changes afterwards, so every thread may use it.
 */
#pragma once

#include "provider/aws/client.h"
#include "provider/kind.h"
#include "provider/wire/wire.h"

struct spec_type;
struct spec_service;
struct node; /* base/yaml.h */

/* An error of a service: by code, and by a part of its message if the code is not specific enough. */
struct spec_error {
    struct str code, message;
    struct str hint; /* a remedy for the user; "": none */
};

struct spec_errors {
    const struct spec_error *items;
    size_t count;
};

struct spec_names {
    const struct str *items;
    size_t count;
};

/* A member of a REST operation outside the body. */
struct spec_place {
    struct str member, name;
    enum wire_location location;
};

struct spec_operation {
    struct wire_operation wire;
    struct str host_prefix, base; /* base: instead of the provider's */
    const struct spec_place *places;
    size_t place_count;
    const struct shape *answer;         /* headers of the response that are members; NULL: none */
    struct str send_raw;                /* the member whose string is the whole request body; "": none */
    const struct patch_spelling *patch; /* the body is a list of changes; NULL: it is not */
};

/* A constant or template that a call sends besides attributes. It is in the input map under `key`. */
struct spec_extra {
    struct str key;
    const struct value *value; /* strings may contain ${templates} */
    bool dynamic;              /* contains templates */
    bool from_item;            /* value is a path in the current item */
    bool listed;               /* sent as a list of one */
    /* A field of a map attribute's entry, whose key is at the path in the item; "": none. */
    struct str entry_of, field;
};

#define PATCH_KEY "=patch" /* key of a list of changes in the input map */

struct spec_request {
    struct shape shape;
    const struct spec_extra *extras;
    size_t extra_count;
    struct spec_names attrs; /* attributes in the request */
    struct shape patched; /* of a list of changes: the document that it is made from, in the form of a body */
};

/* Items of a listing to skip: those with one of the values at the path. */
struct spec_skip {
    struct str path; /* "": none */
    const struct value *values;
    const struct spec_skip *next; /* or by this rule */
};

/* How a listing is paginated; see act_next_page(). */
enum spec_paging { PAGE_TOKEN, PAGE_LAST_ITEM, PAGE_ITEM_COUNT, PAGE_NUMBER };
struct spec_page {
    struct str in_key; /* key of the token or page in the input map; "": not paginated */
    enum spec_paging by;
    struct str out;   /* PAGE_TOKEN: path of the next token in the response */
    struct str last;  /* PAGE_LAST_ITEM: path of the key in an item */
    struct str more;  /* path of whether there are more items in the response; "": none */
    struct str total; /* PAGE_ITEM_COUNT: path of the total in the response; "": none */
    int64_t first;    /* PAGE_NUMBER: number of the first page */
};

struct spec_wait {
    struct value_tests only; /* for resources that meet these; none: for all */
    struct value_tests until, fail;
    int64_t every_ms, timeout_ms;
    bool deleted;
    const struct spec_wait *next; /* for resources that do not meet `only`; NULL: no waiting */
    struct str tells;             /* attribute with the reason of a failure; may be empty */
};

/* A listing of what uses the resource. */
struct spec_users {
    const struct spec_step *step;
    struct str tells; /* path of an item's name for people */
};

/* How a refused call is repeated. */
struct spec_again {
    struct spec_errors retry; /* errors after which it is repeated */
    int64_t for_ms;           /* time limit; 0: two minutes */
    /* Before each repetition: listings of what uses the resource, to be reported, and a call that may help
     * (NULL: none). Their failures are ignored. */
    const struct spec_users *users;
    size_t user_count;
    const struct spec_step *before_retry;
    const struct spec_step *retry_unless; /* if this finds something, the call is not repeated; NULL: none */
};

/* How a listing is requested and paginated, and which items count. */
struct spec_listing {
    struct spec_page page;
    struct spec_skip skip;    /* items to skip */
    struct spec_names covers; /* attributes of its items; empty: everything readable */
    /* One listing for each combination of these attributes in the expected objects, or for so many ids at a
     * time. */
    struct spec_names per;
    int64_t of;
    struct str gather; /* a set, whose members are the items of this listing */
    /* First makes a listing with `each`, then the call itself for every item. */
    const struct spec_step *each;
    struct str newest; /* path by which items are sorted, newest first ... */
    int64_t keep;      /* ... and number of items at the front to leave out */
};

/* Path of an attribute in a response, if it differs from the attribute's own. */
struct spec_answer {
    struct str attr;
    struct str path;
};

/* What an update, or a sub-resource's put, sends back as read: a member without an attribute
 * ("@UserPoolAddOns"), or an attribute with such members. */
struct spec_kept {
    struct str name;
    struct str path;            /* in the object's own response */
    const struct shape *answer; /* its shape when read */
};

/* The request, and how it is sent. */
struct spec_call {
    const struct spec_operation *op; /* NULL: native */
    native_step *native;
    struct str native_name;
    struct spec_request request;
    bool full; /* attributes that are not managed are sent with their live values */
    const struct spec_kept *kept;
    size_t kept_count;
    struct shape whole;         /* the request including what is kept; without any, that of `request` */
    bool partial;               /* only changed attributes are sent */
    struct spec_names together; /* of a partial update: if one of these changed, all are sent */
    bool idempotent;            /* may be sent again */
    bool by_token;              /* idempotent only because of its token */
    int64_t answers_in_ms;      /* time limit for the service's response; 0: one minute */
    struct spec_names without;  /* of a list of changes: attributes that it removes */
    struct spec_errors ignore, absent;
};

/* The attribute whose value is at the path of an item; "token": the token of its creation. */
struct spec_match {
    struct str path, attr;
};

/* How a response is evaluated. */
struct spec_reply {
    struct str parse; /* path of a JSON string that is the actual response; "": none */
    struct str at; /* path of the object, or of the items, in the response; "" or "@": the whole response */
    bool required; /* every complete response has `at`, even if empty */
    bool empty_is_absent;             /* an empty structure at `at` means that the object does not exist */
    const struct spec_match *matches; /* of several items, the one that meets all of these */
    size_t match_count;
    struct spec_names whose;        /* paths of the resource's name, if no attribute has it */
    const struct spec_match *named; /* every value at the path has to be the requested one */
    size_t named_count;
    bool has_match;                    /* a non-empty response has to contain the match */
    struct str newest;                 /* of several items, the last one by this path; "": none */
    const struct spec_answer *answers; /* attributes at other paths in this response */
    size_t answer_count;
    bool sparse;       /* the response has only these attributes, not the object */
    struct str failed; /* path of failures in a 2xx response */
};

/* Whether the step is executed. */
struct spec_occasion {
    struct spec_names changed;       /* update: only if one of these changed; empty: one of those sent */
    bool only_change;                /* update: only if nothing else changed */
    struct spec_names wanted;        /* read: only if one of these is wanted; empty: always */
    struct value_tests only, unless; /* tests of the object; also of region, partition and api */
};

struct spec_step {
    struct spec_occasion when;
    struct spec_call call;
    struct spec_reply reply;
    struct spec_again again;
    struct spec_listing list; /* of calls that list, and of calls for each item of a list */
    bool wait;                /* wait until ready before the next step */
    bool overwrites;          /* create: overwrites an existing resource of the name without an error */
    bool lookup;              /* only for later steps; the object may be absent */
};

struct spec_steps {
    const struct spec_step *items;
    size_t count;
};

/* In the order in which a new resource gets them. */
enum spec_owner { OWNER_BASE, OWNER_SUB_RESOURCE, OWNER_ENTRIES, OWNER_MEMBERS, OWNER_TAGS };

struct spec_attr {
    struct attr *attr;
    struct str wire; /* path in requests: "Name", "A.B" or "." */
    struct spec_names
        along; /* paths instead of `wire`: sent in those structures that other attributes are sent in */
    const struct shape *shape;  /* in requests */
    const struct shape *answer; /* in responses; mostly the same */
    struct str read;            /* path in a response */
    bool readable;
    bool weir_only; /* local by definition, not because no response has it */
    bool hidden;    /* for conditions only; not part of the schema */
    enum spec_owner owner;
    struct str template;          /* computed from others; "": none */
    const struct value *imported; /* paths in responses of a value that no response has as such, for draft
                                     stacks; NULL: none */
    const struct value
        *older; /* members that may be missing, and their older paths in responses; NULL: none */
    struct spec_names changes_with; /* computed: attributes whose change makes it unknown */
};

/* Calls for a single attribute. */
enum owned_call {
    OWNED_LIST,
    OWNED_GET,
    OWNED_PUT,
    OWNED_REPLACE, /* entries: put, for existing keys */
    OWNED_ADD,
    OWNED_REMOVE,
    OWNED_MODIFY, /* members: one call that adds and removes */
    OWNED_RESET,
    OWNED_CLEAR, /* tags: removes all */
    OWNED_CALLS
};

/* An attribute with its own calls; attr->owner tells its form: a sub-resource, a map, a set, tags. */
struct spec_owned {
    const struct spec_attr *attr;
    union { /* NULL: there is no such call. Without a call that reads, the object's own response has it. */
        struct {
            const struct spec_step *list, *get, *put, *replace, *add, *remove, *modify, *reset, *clear;
        };
        const struct spec_step *calls[OWNED_CALLS];
    };
    bool sent_by_create;
    bool renew;    /* a changed one is removed before it is put */
    int64_t batch; /* members, entries: number per call; 0: one, not in a list */
    /* for members */
    struct str self; /* a field that is "self" for the resource's own id; "": none */
    bool read_first; /* a new resource has members that were not requested */
    /* for entries */
    struct str key;    /* member of a listed item with the key; "": the item itself */
    struct str value;  /* member with the value; "": the whole item */
    struct str answer; /* path of the value in get's response */
    bool delete_whole; /* the delete call takes whole entries like put, not just keys */
    bool mapped;       /* the object's own response has them as a map */
    struct spec_skip skip;
    struct spec_skip broken;      /* items that exist but have no effect: they count as empty */
    struct spec_names deleted_by; /* settings whose put deletes all entries */
    /* for tags */
    const struct shape *shape, *listed; /* in requests, and in responses; mostly the same */
    const struct node *with_create;     /* of the create call; NULL: none */
    struct str bulk;                    /* resource type for the tagging API; "": none */
    bool unreported;                    /* `bulk: none`: the tagging API does not know the type */
    bool remove_structures;             /* keys to remove are sent as [{Key: k}] */
    bool ownership;                     /* what weir creates gets weir:stack, weir:address and weir:intent */
    /* Items in requests have further members: the same in each (strings may contain ${templates}; NULL:
     * none), and one that is true for the keys in this attribute (NULL: none). */
    bool structures;
    const struct value *beside;
    const struct spec_attr *flag;
    struct str flag_member;
};

/*
 * How it is determined whether a create call without a response was executed (docs/specs.md, `recover:`). By
 * reading the name, which is unique; by weir's ownership tags; by its content in a listing; by repeating the
 * call with the same token; or not at all.
 */
enum recover_way { RECOVER_NAME, RECOVER_TAGS, RECOVER_CONTENT, RECOVER_TOKEN, RECOVER_NEVER };

struct spec_recover {
    enum recover_way way;
    bool given;        /* given in the spec, not derived */
    bool token;        /* the create call takes a token: repeated, it creates no second resource */
    int64_t within_ms; /* how long a created resource may be invisible, or the request be running */
};

/* Returns its name in specs. */
const char *recover_way_name(enum recover_way way);

/* What one of the teardown consents means for a type. */
struct spec_teardown {
    enum teardown flag;
    const char *name;
    const struct value
        *set;           /* the values with which the object is deleted: attribute -> value; null removes it */
    struct str main;    /* the first of them, which the stack configures */
    struct str message; /* the data loss, for people */
    struct str instead; /* another remedy for the stack's author; "": none */
    struct spec_errors refused; /* errors of the service that ask for this consent */
    struct value_tests only;    /* the objects that it applies to */
    struct str needs,
        lacks; /* without the consent: a required attribute, and the message if it is missing; "": none */
    const struct spec_step *count; /* how much is lost; NULL: not counted */
    struct str count_as, bytes;    /* of a listing: name of its items, and path of their size */
    struct str
        within; /* the counted resources may be the stack's own: their attribute with the object; "": none */
};

/* What a service leaves behind: resources of another type; without a type it is only reported. */
struct spec_leaf {
    struct str type;           /* "": none */
    const struct value *match; /* templates by attribute */
    struct value_tests only;
    struct str message; /* a template */
    bool kept;
};

/* A call that only other clients make; for the sandbox. */
struct spec_also {
    struct str as; /* "read", "list", "update", "delete", "tags" */
    const struct spec_step *step;
};

struct spec_job;

struct spec_type {
    struct schema schema;
    const struct spec_service *service;
    const struct resource_ops *native; /* operations of the provider type; see native_ops(). NULL: none */
    const struct spec_attr *attrs;
    size_t attr_count;
    struct spec_steps create, read, update, delete;
    struct str pending_at;        /* path of pending changes, under the object's names; "": none */
    struct spec_skip made_by_aws; /* made by AWS in every account: not imported */
    struct value_tests deleted;   /* readable, but counts as absent */
    struct value_tests deleting;  /* counts as absent, too, but a deletion waits for it */
    struct spec_recover recover;
    struct spec_names
        same; /* attributes that differ in every later resource of the same name; none: not known */
    struct spec_steps list;    /* the first one returns the objects, others (with `for`) further attributes */
    struct spec_steps console; /* a machine's console output: the first call that is not refused */
    const struct spec_step *find;
    struct spec_names find_by; /* attributes to compare in the results of `find`, or of the listing */
    struct str find_since;     /* path of the creation time of a listed item; "": none */
    const struct spec_owned *owned;
    size_t owned_count;
    const struct spec_owned *tags; /* the last one in `owned`; NULL: none */
    const struct spec_wait *ready, *deleted_wait;
    const struct spec_teardown *teardown;
    size_t teardown_count;
    const struct spec_leaf *leaves;
    size_t leaf_count;
    const struct value *iam;     /* on: ARNs of the actions' resources, anywhere: actions without resources */
    struct spec_names unique;    /* unique values, with templates; schema.unique has their attributes */
    const struct value *sandbox; /* data for the sandbox; NULL: none */
    const struct spec_also *also;
    size_t also_count;
    const struct spec_job *job; /* NULL: cannot be run */
};

/* The location of a run's log: templates of a struct log_source. */
struct spec_log {
    struct value_tests only;
    struct str group, stream, prefix, first, last;
    bool errors;
};

/* A state in which a run would never begin, and the message: templates, the hint may be "". */
struct spec_blocked {
    struct value_tests when;
    struct str message, hint;
};

/* How instances of a type are run. */
struct spec_job {
    struct job_ops ops; /* schema->job */
    /* Of a run: the resource's attributes, which no response has, and the run's own. Its steps use it. */
    struct spec_type type;
    struct spec_steps start, detach; /* detach empty: start never waits */
    struct spec_steps read;
    const struct spec_step *list, *stop, *rows; /* NULL: there is no such call */
    struct value_tests succeeded, failed, stopped;
    const struct spec_blocked *blocked;
    size_t blocked_count;
    struct spec_names error;         /* parts of the error message: paths in the object, or templates */
    struct str arguments;            /* attribute for them; "": none */
    struct str prefix;               /* of their names */
    struct str after;                /* attribute whose items precede them */
    struct str file;                 /* attribute with the location of the result; "": none */
    struct str cells, cell, columns; /* paths in an item of `rows`, in a cell, in the response */
    const struct spec_log *logs;
    size_t log_count;
};

struct spec_service {
    struct arena arena;
    struct str name;
    const struct provider_kind *kind;
    struct aws_service aws;
    enum wire_protocol protocol;
    struct wire_operation operation; /* common to all operations */
    const struct value *head; /* `provider:`: settings for provider types with their own `send`; NULL: none */
    const struct value *iam;  /* prefix, and actions with other names than their operations; NULL: none */
    struct str model;         /* botocore's name */
    struct str reference;     /* URL of an operation's page, with ${operation} in it; "": not known */
    struct spec_errors absent, exists, retry, hints;
    const struct value *statuses; /* for the sandbox: HTTP status by code, if it is not the default */
    const struct value *requests; /* for the sandbox: checks of operations' members; NULL: none */
    struct map operations;        /* name -> struct spec_operation */
    struct map types, data;       /* name -> struct spec_type; NULL: see spec_open() */
    struct spec_later *later;     /* what is not parsed yet; NULL: nothing */
};

/*
 * Parses one file; see struct type_reader. Returns NULL if anything is wrong; every mistake is a diagnostic.
 */
struct spec_service *spec_load(const struct source *source, const struct provider_kinds *kinds,
    const struct provider_kind *kind, struct diags *diags);
/*
 * Opens a file that is known to be correct, such as those in the binary: its types are parsed by
 * spec_read_type() when they are used, since a stack needs few of the many types of a service.
 */
struct spec_service *spec_open(const struct source *source, const struct provider_kinds *kinds,
    const struct provider_kind *kind, struct diags *diags);
/* Returns NULL if there is no such type, or if it is wrong. Not thread-safe. */
struct spec_type *spec_read_type(
    struct spec_service *service, struct str name, bool is_data, struct diags *diags);
void spec_free(struct spec_service *service);

/* The reader of spec files for the catalog. */
extern const struct type_reader spec_reader;

/* Returns NULL if the type has no such attribute. Finds hidden ones, too. */
const struct spec_attr *spec_attr_find(const struct spec_type *type, struct str name);
bool spec_names_have(const struct spec_names *names, struct str name);
/* True if the template contains the attribute. */
bool spec_template_has(struct str template, struct str name);
/* Sets the member's location and name in requests of this operation. */
void spec_place_member(const struct spec_operation *op, struct shape_member *member);
/* Applies a template filter to an attribute's value: ${name|lower}; ${name|rooted}: with a leading slash;
 * ${arn|base}: the part after the last slash; ${bus|folder}: with a slash appended, and empty if it is the
 * attribute's default. Other filters change nothing. */
struct str spec_filtered(struct arena *arena, const struct attr *attr, struct str text, struct str filter);
/* Returns the attribute's own calls; NULL: none. */
const struct spec_owned *spec_owned_of(const struct spec_type *type, const struct spec_attr *attr);

/*
 * act_tags.c: tags whose items have further members, in the form of `tags->shape`: {key: {value: string,
 * Member: …}}. `beside` has the filled-in templates. And back: the values, and the keys whose flag is true.
 */
const struct value *spec_tag_items(struct arena *arena, const struct spec_owned *tags,
    const struct value *texts, const struct value *beside, const struct value *flagged);
const struct value *spec_tag_texts(struct arena *arena, const struct value *items);
const struct value *spec_tags_flagged(
    struct arena *arena, const struct spec_owned *tags, const struct value *items);

/* permissions.c; see struct resource_ops. */
void spec_permissions(
    const struct schema *schema, enum permission_phase phase, struct arena *arena, struct value_builder *out);

const struct value *spec_scope(
    const struct schema *schema, const struct value *object, struct str action, struct arena *arena);

/* The interpreter's operations, for struct schema. */
extern const struct resource_ops spec_ops;
/* job.c: of data sources with `run:`. */
extern const struct resource_ops spec_run_ops;
/* act_ops.c: the operations of a type with `native`; `calls`: its file has a protocol. */
const struct resource_ops *native_ops(struct arena *arena, const struct spec_type *type, bool calls);
/* Of types that exist in the state alone. */
extern const struct resource_ops spec_recorded_ops;
/* Of jobs; the loader completes them by the spec. */
extern const struct job_ops spec_job_ops;

/*
 * Returns the call that lists a type's resources: the listing of refreshes, or, if that needs ids, the one
 * for other clients or for recovery; NULL: there is none. *needs: attributes of the parents (a cluster, an
 * API) that it requires.
 */
const struct spec_step *spec_ids_step(const struct spec_type *type, struct spec_names *needs);

/* ---- patch.c: Updates that a service takes as a list of changes (API Gateway's PATCH):
 *
 *     [{op: replace, path: /description, value: "…"}, {op: remove, path: /variables/level}]
 *
 * Both sides are documents under wire names, in the form of a create call's body. The client computes the
 * list, the sandbox applies it; the spelling of members is written once, with the operation (docs/specs.md,
 * Operations). Pure functions. */

/* How the items of a list are named in paths. */
enum patch_items {
    PATCH_BY_PATH,  /* add and remove /list/item */
    PATCH_BY_VALUE, /* add and remove /list, with the item as the value */
    PATCH_BY_OLD,   /* replace /list/OLD by the new one; there is only one */
    PATCH_BY_PARTS, /* structures: /list with "a:b", from these members; the others are below */
};

/* The rule for one member of the document: "methodSettings[].metricsEnabled". */
struct patch_rule {
    struct str member, at; /* at: replaces the last part of the member; "": no segment */
    enum patch_items items;
    struct str parts;      /* "apiId:stage" */
    int64_t segments;      /* of a map: so many unescaped segments are the key; 0: one, escaped */
    bool removed_as_null;  /* removed by replacing it with null ... */
    struct str removed_as; /* ... or with this string; NULL: neither */
    bool whole;            /* a structure: removed and added again if one of its members is removed */
};

struct patch_spelling {
    struct str member; /* of the request, with the list */
    bool replaces;     /* new values are replaced, too, not added */
    const struct patch_rule *rules;
    size_t count;
};

/* Returns the changes from `from` to `to`, both of this shape: what only `from` has is removed. */
const struct value *patch_between(struct arena *arena, const struct patch_spelling *spelling,
    const struct shape *shape, const struct value *from, const struct value *to);
/* Applies the list to the document. Returns false if a path leads nowhere; *unknown is the path. */
bool patch_apply(struct arena *arena, const struct patch_spelling *spelling, const struct shape *shape,
    const struct value *document, const struct value *list, const struct value **out, struct str *unknown);
