/*
 * Compiled resource specs. docs/specs.md is the reference of the language; this header says what becomes of
 * it.
 *
 *   load.c              the head of a file; its types, at once or when they are asked for   spec_load()
 *   load_node.c         nodes, with complaints that point at them; specs as the catalog's files   spec_reader
 *   load_operation.c    method and path, where members are, how lists of changes are spelt
 *   load_type.c         one type: its sections in order, waits, listings
 *   load_attr.c         attributes: schema on one side, wire shapes on the other
 *   load_step.c         calls: when, where the answer is, what a refusal means
 *   load_request.c      what calls send
 *   load_owned.c        tags, sub-resources, members, entries
 *   load_constraints.c  what values ask of each other
 *   load_reference.c    what names the resource, what it takes from others, the service's documentation
 *   load_recover.c      how a lost answer is recovered from, what is deleted with a resource, what stays
 *   load_job.c          how instances of a type are run
 *   load_sandbox.c      what only the sandbox needs to know
 *   act_*.c             the interpreter of all that (act.h)                             spec_ops
 *   act_ops.c           around operations that are a provider type's own                native_ops()
 *   job.c               the same of what is run                                         spec_job_ops
 *   patch.c             lists of changes, made and executed
 *   permissions.c       the IAM actions that calls need                                 spec_permissions()
 *   dump.c              all of it as JSON, for the test that compares it with the services' own models
 *
 * All of it is built once, in the service's arena, and never changes afterwards, so every thread may use it.
 */
#pragma once

#include "provider/aws/client.h"
#include "provider/kind.h"
#include "provider/wire/wire.h"

struct spec_type;
struct spec_service;
struct node; /* base/yaml.h */

/* An error of a service: by code, and by a part of its message where the code alone says too little. */
struct spec_error {
    struct str code, message;
    struct str hint; /* what the user can do about it; "" none */
};

struct spec_errors {
    const struct spec_error *items;
    size_t count;
};

struct spec_names {
    const struct str *items;
    size_t count;
};

/* A member of a REST operation that is not in the body. */
struct spec_place {
    struct str member, name;
    enum wire_location location;
};

struct spec_operation {
    struct wire_operation wire;
    struct str host_prefix, base; /* base: instead of the provider's */
    const struct spec_place *places;
    size_t place_count;
    const struct shape *answer;         /* headers of the answer that count as members; NULL: none */
    struct str send_raw;                /* the whole body of a request is this member's text; "" it is not */
    const struct patch_spelling *patch; /* the body is a list of changes; NULL: it is not */
};

/* A constant or template that a call sends besides attributes. It travels in the input map under `key`. */
struct spec_extra {
    struct str key;
    const struct value *value; /* texts may hold ${templates} */
    bool dynamic;              /* they do */
    bool from_item;            /* value is a path into the item at hand */
    bool listed;               /* goes out as a list of one */
    /* What the entry of this attribute, a map, has as `field` that is called as the path says; "" none. */
    struct str entry_of, field;
};

#define PATCH_KEY "=patch" /* of a list of changes, in the input map */

struct spec_request {
    struct shape shape;
    const struct spec_extra *extras;
    size_t extra_count;
    struct spec_names attrs; /* attributes that it sends */
    struct shape patched;    /* of a list of changes: what it is made of, as a body would have it */
};

/* An attribute is one of these values, or above or below one; the name may also be region or partition. */
enum spec_comparison { CONDITION_IS, CONDITION_ABOVE, CONDITION_BELOW };
struct spec_condition {
    struct str name;
    enum spec_comparison comparison;
    bool prior;                 /* with what it was before this update */
    const struct value *values; /* list; of a comparison with a number, that one */
};

struct spec_conditions {
    const struct spec_condition *items;
    size_t count;
};

/* Items of a listing that are left alone: where the path has one of the values. */
struct spec_skip {
    struct str path; /* "" none */
    const struct value *values;
    const struct spec_skip *next; /* or where this one says so */
};

/* How a listing goes on; act_next_page() says with what. */
enum spec_paging { PAGE_TOKEN, PAGE_LAST_ITEM, PAGE_ITEM_COUNT, PAGE_NUMBER };
struct spec_page {
    struct str in_key; /* key in the input map of what leads to a page; "": not paginated */
    enum spec_paging by;
    struct str out;   /* PAGE_TOKEN: its path in the answer */
    struct str last;  /* PAGE_LAST_ITEM: path in an item of what leads on */
    struct str more;  /* path in the answer of whether there is more; "": not given */
    struct str total; /* PAGE_ITEM_COUNT: path in the answer of how many there are; "": not given */
    int64_t first;    /* PAGE_NUMBER: of the first page */
};

struct spec_wait {
    struct spec_conditions only; /* for resources that are so; none: for all */
    struct spec_conditions until, fail;
    int64_t every_ms, timeout_ms;
    bool deleted;
    const struct spec_wait *next; /* for those that `only` leaves over; NULL: these are not waited for */
    struct str tells;             /* attribute that says why it failed; or empty */
};

/* A listing of what is in the way. */
struct spec_users {
    const struct spec_step *step;
    struct str tells; /* path in an item of what people know it by */
};

/* What is waited for and repeated, although it was refused. */
struct spec_again {
    struct spec_errors retry; /* when it is refused so */
    int64_t for_ms;           /* how long; 0: two minutes */
    /* Each time before it is repeated: listings of what is in the way, to be reported, and a call that
     * may help (NULL: none). Any may fail. */
    const struct spec_users *users;
    size_t user_count;
    const struct spec_step *meanwhile;
    const struct spec_step *final_if; /* where this finds something, repeating is of no use; NULL: none */
};

/* How a listing is asked for, what of it counts, and how it goes on. */
struct spec_listing {
    struct spec_page page;
    struct spec_skip skip;    /* items that are left alone */
    struct spec_names covers; /* what its items have; empty: everything readable */
    /* Once for each combination of these attributes in what is looked for, or by so many ids at a time. */
    struct spec_names per;
    int64_t of;
    struct str gather; /* a set, whose members this listing has one at a time */
    /* First something is listed with `each`, then the call itself is made for every item. */
    const struct spec_step *each;
    struct str newest; /* path by which those are ordered, newest first ... */
    int64_t keep;      /* ... and so many of them left */
};

/* Where an answer has an attribute, when that differs from the attribute's own place. */
struct spec_answer {
    struct str attr;
    struct str path;
};

/* What an update, or what puts a setting, sends back as it was read: a member without an attribute
 * ("@UserPoolAddOns"), or an attribute in which there are some. */
struct spec_kept {
    struct str name;
    struct str path;            /* in the object's own answer */
    const struct shape *answer; /* how it is read then */
};

/* What is sent, and how. */
struct spec_call {
    const struct spec_operation *op; /* NULL: native */
    native_step *native;
    struct str native_name;
    struct spec_request request;
    bool full; /* what the file does not manage is sent with its live value */
    const struct spec_kept *kept;
    size_t kept_count;
    struct shape whole;        /* the request with what is kept; where nothing is, that of `request` */
    bool partial;              /* of the attributes that can change only those that did are sent */
    bool idempotent;           /* it may be sent again */
    bool by_token;             /* that it is so only by the token that it carries */
    int64_t answers_in_ms;     /* how long the service may be silent before it answers; 0: a minute */
    struct spec_names without; /* of a list of changes: attributes that it takes away */
    struct spec_errors ignore, absent;
};

/* Where the path of an item has the attribute's value; "token": the token that it was made with. */
struct spec_match {
    struct str path, attr;
};

/* What is taken of what comes back. */
struct spec_reply {
    struct str parse;     /* path of a JSON text that is the answer proper; "" none */
    struct str at;        /* path of the object, or of the items, in the answer; "" or "@": all of it */
    bool required;        /* what `at` names is in every whole answer, if empty */
    bool empty_is_absent; /* an empty structure there says that it does not exist */
    const struct spec_match *matches; /* of several items the one that fits all of these */
    size_t match_count;
    struct spec_names whose;        /* paths that say whose answer it is, where no attribute does */
    const struct spec_match *named; /* every value there names what was asked for */
    size_t named_count;
    bool has_match;                    /* an answer that is not empty has the one that matches */
    struct str newest;                 /* of several items the one that is last by this path; "" none */
    const struct spec_answer *answers; /* attributes that are elsewhere in this answer than usual */
    size_t answer_count;
    bool sparse;       /* the answer has these only, not the object */
    struct str failed; /* path of failures in a 2xx answer */
};

/* Whether the step is made. */
struct spec_occasion {
    struct spec_names changed;           /* update: only if one of these changed; empty: of those sent */
    bool alone;                          /* update: only if nothing but these changed */
    struct spec_names wanted;            /* read: only if one of these is wanted; empty: always */
    struct spec_conditions only, unless; /* on the object */
};

struct spec_step {
    struct spec_occasion when;
    struct spec_call call;
    struct spec_reply reply;
    struct spec_again again;
    struct spec_listing list; /* of calls that list, and of those that are made for each item of a list */
    bool wait;                /* until ready, before the next step */
    bool overwrites;          /* create: it changes what has the name already, and does not say so */
    bool look;                /* only tells later steps what there is; absence is fine */
};

struct spec_steps {
    const struct spec_step *items;
    size_t count;
};

/* In the order in which a new resource gets them. */
enum spec_owner { OWNER_BASE, OWNER_SUB_RESOURCE, OWNER_ENTRIES, OWNER_MEMBERS, OWNER_TAGS };

struct spec_attr {
    struct attr *attr;
    struct str wire;            /* "Name", "A.B" or "." */
    struct spec_names along;    /* places instead of `wire`: it goes into those that are there for others */
    const struct shape *shape;  /* as it is sent */
    const struct shape *answer; /* as it is read; mostly the same */
    struct str read;            /* path in an answer */
    bool readable;
    bool weir_only; /* local by what it means, not because no answer has it */
    bool hidden;    /* for conditions only; not part of the schema */
    enum spec_owner owner;
    struct str template;          /* computed from others; "" none */
    const struct value *imported; /* where answers have what no answer has as such, for drafts; NULL */
    const struct value *older; /* members that it lacks, and where answers have what they were once; NULL */
    struct spec_names changes_with; /* computed: what makes its value unknown on an update */
};

/* Calls that belong to an attribute alone, rather than to the resource. */
enum owned_call {
    OWNED_LIST,
    OWNED_GET,
    OWNED_PUT,
    OWNED_REPLACE, /* entries: put, for keys that are there already */
    OWNED_ADD,
    OWNED_REMOVE,
    OWNED_MODIFY, /* members: one call that adds and removes */
    OWNED_RESET,
    OWNED_CLEAR, /* tags: takes all of them away */
    OWNED_CALLS
};

/* An attribute with calls of its own; attr->owner tells what it is: a setting, a map, a set, tags. */
struct spec_owned {
    const struct spec_attr *attr;
    union { /* NULL: there is no such call. Without one that reads, the object's own answer has it. */
        struct {
            const struct spec_step *list, *get, *put, *replace, *add, *remove, *modify, *reset, *clear;
        };
        const struct spec_step *calls[OWNED_CALLS];
    };
    bool sent_by_create;
    bool renew;    /* what changes is removed before it is put */
    int64_t batch; /* members, entries: so many a call; 0: one, without a list around it */
    /* members */
    struct str self; /* a field of theirs that is "self" where it has the resource's own id; "" none */
    bool read_first; /* a new one has members already that nobody asked for */
    /* entries */
    struct str key;    /* member of a listed item that is the key; "": the item itself */
    struct str value;  /* member that is the value; "": the whole item */
    struct str answer; /* path of the value in get's answer */
    bool delete_whole; /* deleting takes the entries as putting does, not just their keys */
    bool mapped;       /* the object's own answer has them as a map */
    struct spec_skip skip;
    struct spec_skip broken;    /* items that are there but do nothing: as if they were empty */
    struct spec_names wiped_by; /* settings that take them all away when they are put */
    /* tags */
    const struct shape *shape, *listed; /* as they are sent, and as answers have them; mostly the same */
    const struct node *with_create;     /* of the create call; NULL: none */
    struct str bulk;                    /* resource type for the tagging API; "" none */
    bool unreported;                    /* `bulk: none`: the tagging API does not know the type */
    bool remove_structures;             /* keys to remove go out as [{Key: k}] */
    bool ownership; /* what weir creates carries weir:stack, weir:address and weir:intent */
    /* Items on the wire have members besides key and value: the same in each (texts may hold ${templates};
     * NULL: none), and one that is true for the keys in this set (NULL: none). */
    bool structures;
    const struct value *beside;
    const struct spec_attr *flag;
    struct str flag_member;
};

/*
 * How it is found out whether a create whose answer was lost was executed (docs/specs.md, `recover:`). By
 * the name it is looked at, which a second one cannot have; by weir's ownership tags, which it was made with;
 * by its content in a listing; or it can only be sent again with the same token; or not at all.
 */
enum recover_way { RECOVER_NAME, RECOVER_TAGS, RECOVER_CONTENT, RECOVER_TOKEN, RECOVER_NEVER };

struct spec_recover {
    enum recover_way way;
    bool given;        /* by the spec, rather than derived from the rest of it */
    bool token;        /* the call that makes it takes a token: sent again, it makes no second one */
    int64_t within_ms; /* so long what was made may not show, or the request be under way */
};

/* Its name in specs. */
const char *recover_way_name(enum recover_way way);

/* What one of the consents to a teardown means for a type. */
struct spec_teardown {
    enum teardown flag;
    const char *name;
    const struct value *set;     /* what the object is deleted as: attribute -> value; null takes it out */
    struct str main;             /* the first of them, as which the stack says it */
    struct str message;          /* what goes, as people read it */
    struct str instead;          /* what else the stack's author can do; "" nothing */
    struct spec_errors refused;  /* how the service says that it wants this */
    struct spec_conditions only; /* of which objects it is so at all */
    struct str needs, lacks; /* without consent: an attribute that has to be there, and what is reported where
                              * it is not; "" none */
    const struct spec_step *count; /* how much goes; NULL: nothing to count */
    struct str count_as, bytes;    /* of a listing: what its items are called, and the path of their size */
    struct str
        within; /* what is counted may be the stack's own: its attribute that names the object; "" none */
};

/* What a service leaves behind: resources of another type; without one it is only reported what becomes of
 * it. */
struct spec_leaf {
    struct str type;           /* "" none */
    const struct value *match; /* templates by attribute */
    struct spec_conditions only;
    struct str message; /* a template */
    bool kept;
};

/* A call that weir does not make but other clients do; only the sandbox answers it. */
struct spec_also {
    struct str as; /* "read", "list", "update", "delete", "tags" */
    const struct spec_step *step;
};

struct spec_job;

struct spec_type {
    struct schema schema;
    const struct spec_service *service;
    const struct resource_ops *native; /* the kind's own; see native_ops(). NULL: the spec says all */
    const struct spec_attr *attrs;
    size_t attr_count;
    struct spec_steps create, read, update, delete;
    struct str pending_at; /* path of what is still to come, under the names that the object has; "" none */
    struct spec_skip made_by_aws;   /* of the account, not of those who use it: nothing to import */
    struct spec_conditions deleted; /* readable, but as good as not there */
    struct spec_conditions
        deleting; /* the same, but it is waited for until it is deleted, by who deletes it */
    struct spec_recover recover;
    struct spec_names
        same; /* attributes that no later resource of the same name has alike; none: nothing tells */
    struct spec_steps
        list; /* the first one gives the objects, others (with `for`) more of their attributes */
    struct spec_steps console; /* what a machine printed: the first that is not refused */
    const struct spec_step *find;
    struct spec_names
        find_by;           /* attributes to compare when looking through what `find`, or the listing, gives */
    struct str find_since; /* path of the time when a listed one was made; "" none */
    const struct spec_owned *owned;
    size_t owned_count;
    const struct spec_owned *tags; /* the last of them; NULL: none */
    const struct spec_wait *ready, *deleted_wait;
    const struct spec_teardown *teardown;
    size_t teardown_count;
    const struct spec_leaf *leaves;
    size_t leaf_count;
    const struct value *iam;     /* on: ARNs that the actions are about, anywhere: those that take none */
    struct spec_names unique;    /* what no two may have alike, templates as they are; schema.unique is what
                                    these are made of */
    const struct value *sandbox; /* what the sandbox needs to know besides; NULL: nothing */
    const struct spec_also *also;
    size_t also_count;
    const struct spec_job *job; /* NULL: nothing that could be run */
};

/* Where a run's log is: templates of a struct log_source. */
struct spec_log {
    struct spec_conditions only;
    struct str group, stream, prefix, first, last;
    bool errors;
};

/* A state in which no run would begin, and what people are told: templates, the hint may be "". */
struct spec_blocked {
    struct spec_conditions when;
    struct str message, hint;
};

/* How a type's instances are run. */
struct spec_job {
    struct job_ops ops; /* schema->job */
    /* Of a run: the resource's attributes, which no answer has, and the run's own. Its steps work on that. */
    struct spec_type type;
    struct spec_steps start, detach; /* detach empty: starting does not wait anyway */
    struct spec_steps read;
    const struct spec_step *list, *stop, *rows; /* NULL: there is no such call */
    struct spec_conditions succeeded, failed, stopped;
    const struct spec_blocked *blocked;
    size_t blocked_count;
    struct spec_names error;         /* what goes into the message: paths in the object, or templates */
    struct str arguments;            /* attribute that takes them; "" none */
    struct str prefix;               /* of their names */
    struct str after;                /* attribute whose items go before them */
    struct str file;                 /* attribute that says where the result is; "" none */
    struct str cells, cell, columns; /* paths in an item of `rows`, in a cell, in the answer */
    const struct spec_log *logs;
    size_t log_count;
};

struct spec_service {
    struct arena arena;
    struct str name;
    const struct provider_kind *kind;
    struct aws_service aws;
    enum wire_protocol protocol;
    struct wire_operation operation; /* what all operations have in common */
    const struct value
        *head; /* `provider:`: how kinds that send by themselves get there; NULL: nothing given */
    const struct value *iam; /* prefix, and actions that are not called like their operation; NULL: none */
    struct str model;        /* botocore's name */
    struct str reference;    /* address of an operation's page, with ${operation} in it; "" none known */
    struct spec_errors absent, exists, retry, hints;
    const struct value *statuses; /* for the sandbox: HTTP's status by code, where it is no usual one */
    const struct value
        *requests;            /* for the sandbox: what members of operations have to be; NULL: not given */
    struct map types, data;   /* name -> struct spec_type; NULL: see spec_open() */
    struct spec_later *later; /* what is not read yet; NULL: all is */
};

/*
 * Reads one file; see struct type_reader. NULL where anything in it is wrong; every mistake is a diagnostic.
 */
struct spec_service *spec_load(const struct source *source, const struct provider_kinds *kinds,
    const struct provider_kind *kind, struct diags *diags);
/*
 * The same for a file that is known to be right, such as those in the binary: its types are read by
 * spec_read_type() when they are asked for, as a stack needs few of the many that a service has.
 */
struct spec_service *spec_open(const struct source *source, const struct provider_kinds *kinds,
    const struct provider_kind *kind, struct diags *diags);
/* NULL: there is none of that name, or something is wrong with it. By one thread at a time. */
struct spec_type *spec_read_type(
    struct spec_service *service, struct str name, bool is_data, struct diags *diags);
void spec_free(struct spec_service *service);

/* All that as the catalog wants it. */
extern const struct type_reader spec_reader;

/* NULL: the type has no attribute of that name. Hidden ones are found too. */
const struct spec_attr *spec_attr_find(const struct spec_type *type, struct str name);
bool spec_names_have(const struct spec_names *names, struct str name);
/* Does a template hold the attribute of that name? */
bool spec_template_has(struct str template, struct str name);
/* Where the member is in a request of this operation, and what it is called there. */
void spec_place_member(const struct spec_operation *op, struct shape_member *member);
/* What a filter of templates makes of an attribute's text: ${name|lower}; ${name|rooted}: with a slash before
 * it; ${arn|base}: what is after the last slash; ${bus|folder}: with a slash behind it, and nothing where it
 * is the attribute's default. Others leave it as it is. */
struct str spec_filtered(struct arena *arena, const struct attr *attr, struct str text, struct str filter);
/* The calls that the attribute has of its own; NULL: none. */
const struct spec_owned *spec_owned_of(const struct spec_type *type, const struct spec_attr *attr);

/*
 * act_tags.c: tags whose items have more than key and value, as `tags->shape` has them: {key: {value: text,
 * Member: …}}. `beside` is what its templates gave. And back: the texts, and the keys whose flag is true.
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
/* job.c: of data sources with `run:` */
extern const struct resource_ops spec_run_ops;
/* act_ops.c: the operations of a type with `native`; `calls`: its file has a protocol. */
const struct resource_ops *native_ops(struct arena *arena, const struct spec_type *type, bool calls);
/* Of types that exist in the state alone. */
extern const struct resource_ops spec_recorded_ops;
/* Likewise for jobs; the loader adds what the spec says. */
extern const struct job_ops spec_job_ops;

/*
 * The call that tells which resources of a type there are: the listing that refreshes them, or where that has
 * to be given their ids, the one that other clients list them with, or that interrupted runs are looked for
 * with; NULL: there is none. *needs: attributes
 * that it has to be told, which say what the resources are in (a cluster, an API).
 */
const struct spec_step *spec_ids_step(const struct spec_type *type, struct spec_names *needs);

/* ---- patch.c: Changes that a service takes as a list of what is to be done at which place (API Gateway's
 * PATCH):
 *
 *     [{op: replace, path: /description, value: "…"}, {op: remove, path: /variables/level}]
 *
 * Both sides are documents under wire names, as the body of a call that made the resource would be. The
 * client says what leads from one to the other, the sandbox does what such a list says; how members are spelt
 * is written once, with the operation (docs/specs.md, Operations). Nothing here calls anybody. */

/* How the items of a list are named in paths. */
enum patch_items {
    PATCH_BY_PATH,  /* add and remove /list/item */
    PATCH_BY_VALUE, /* add and remove /list, with the item as the value */
    PATCH_BY_OLD,   /* replace /list/OLD by the new one; there is one */
    PATCH_BY_PARTS, /* structures: /list with "a:b", made of these members of theirs; the rest is below */
};

/* What holds for one member of the document: "methodSettings[].metricsEnabled". */
struct patch_rule {
    struct str member, at; /* at: what stands for the last part of the member; "": nothing at all */
    enum patch_items items;
    struct str parts; /* "apiId:stage" */
    int64_t segments; /* of a map: so many segments of the path are the key, as they are; 0: one, escaped */
    bool removed_as_null;  /* taken away by replacing it with nothing ... */
    struct str removed_as; /* ... or with this text; NULL: neither */
    bool whole;            /* a structure: removed and put again where one of its members is taken away */
};

struct patch_spelling {
    struct str member; /* of the request, which has the list */
    bool replaces;     /* what is new is replaced, too, not added */
    const struct patch_rule *rules;
    size_t count;
};

/* The list that makes `to` of `from`, both of this shape: what `from` alone has is taken away. */
const struct value *patch_between(struct arena *arena, const struct patch_spelling *spelling,
    const struct shape *shape, const struct value *from, const struct value *to);
/* The document as it is when the list was executed. False: *unknown is a path that leads nowhere. */
bool patch_apply(struct arena *arena, const struct patch_spelling *spelling, const struct shape *shape,
    const struct value *document, const struct value *list, const struct value **out, struct str *unknown);
