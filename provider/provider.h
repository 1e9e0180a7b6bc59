/*
 * Providers: the operations on resources. One interface, implemented by provider/spec for every type that a
 * spec describes, and in C for what a spec cannot express. The planner and the executor use nothing else.
 *
 * All operations block and may be called from any worker thread, many at a time, each with its own context.
 * Results are allocated in the context's arena. They return 0, or -1 with err filled.
 *
 * Objects: a resource is a map of attribute values under the schema's names, configured and computed
 * attributes alike. `prior` is what the state recorded, or what the refresh read if there was one.
 */
#pragma once

#include "base/threads.h"
#include "provider/schema.h"

struct digests;
struct map;
struct provider; /* a configured provider: `aws` with its region, credentials, endpoints, default tags */

/*
 * What may be lost, besides the resources themselves, when resources are deleted. Nothing of it is deleted
 * unless the command line or the resource's own attributes agree. A spec says what each of these means for a
 * type (`teardown:`).
 */
enum teardown {
    TEARDOWN_EMPTY = 1,     /* the content: objects, images */
    TEARDOWN_SNAPSHOT = 2,  /* no final snapshot is taken */
    TEARDOWN_SECRETS = 4,   /* a secret is deleted without its recovery window */
    TEARDOWN_PROTECTED = 8, /* the service's deletion protection is switched off first */
};

/* Names of the flags in specs and events: "force_empty". The last entry has no name. */
struct teardown_name {
    const char *name;
    enum teardown flag;
};
extern const struct teardown_name teardown_names[];

/*
 * Callbacks for what happens during an operation. Each may be NULL, and so may the observer. Called from the
 * operation's own thread or one of its helpers.
 */
struct op_observer {
    void *ctx;
    void (*progress)(void *ctx, const char *what); /* "waiting for status available (creating)" */
    void (*warn)(void *ctx, const char *text);     /* something that is not a failure */
    void (*printed)(void *ctx, const char *line);  /* a line that a local command printed */
    /* read, list: the ownership tags of a resource that a response contained besides what was requested, as
     * `ownership_tags` returns them. */
    void (*ownership_tags)(void *ctx, struct str id, const struct value *owner_tags);
    /* read: the object as the response has it, under the service's member names, and whether the response
     * says that AWS made it. */
    void (*response)(void *ctx, const struct value *document, bool made_by_aws);
};

/* The owner of a resource: what ownership tags are made from and compared with. */
struct owner {
    struct str stack;   /* name of the stack */
    struct str env;     /* environment of the stack; "": none */
    struct str lineage; /* lineage of the state, since copies of a stack have the same name; "": not known */
    struct str lease;   /* when the lease ends, 2026-11-21T18:00:00Z; "": no lease */
    struct str token;   /* idempotency token of this intent: 32 hex digits; stable across retries and
                         * recovery */
    bool untagged; /* update, delete: the resource was imported, so it need not have our ownership tags */
    bool owner_checked;            /* delete: ownership was checked just before, and the resource is ours */
    const struct value *live_tags; /* update: the ownership tags that the refresh read; NULL: none */
    const struct value *recorded;  /* update, delete: the recorded attributes; NULL: not known */
    struct str recorded_at;        /* when the attributes were recorded, if within the last minute; else "" */
};

/* The owner of a resource by its ownership tags and its recorded attributes. */
enum ownership_kind { OWNERSHIP_OURS, OWNERSHIP_UNKNOWN, OWNERSHIP_OTHERS };
struct ownership {
    enum ownership_kind kind;
    bool unreported;   /* the ownership tags may not be read, so the resource counts as ours */
    struct str reason; /* why the resource is not ours: "it has the ownership tags of the stack …" */
};

struct planned_stacks;

/* Where stacks keep their states. */
struct state_stores {
    const struct value *config; /* `state:` of this stack; NULL: files in .weir */
    struct str dir;             /* folder of this stack */
    struct str override_dir;    /* a folder used instead of every configured backend; "": none */
    struct str
        sandbox; /* the sandbox folder that contains `instead` and the folders of other stacks; "": none */
    const struct planned_stacks
        *planned; /* plan/state/stack_data.h: the planned outputs of other stacks; may be NULL */
};

/* What is passed to every operation. */
struct op_ctx {
    struct arena *arena; /* for results and scratch */
    struct provider *provider;
    const struct schema *schema;
    struct str address; /* for messages and ownership tags */
    struct owner owner;
    struct str dir; /* the folder that relative file names in attributes start from */
    struct str
        work_dir; /* the stack's .weir folder, for files kept between runs that may be lost; "": none */
    struct state_stores states;
    struct digests *digests; /* cache of hashes of local files; may be NULL */
    bool sensitive; /* configuration or record contain sensitive values that responses may repeat: they are
                       not traced */
    /* Names of attributes. create, on failure: the attributes whose own calls were not made, while the rest
     * of the resource is complete; NULL: not known. update: what such a creation left out. */
    const struct value *unsent;
    bool replaces;      /* delete: part of a replacement */
    int64_t timeout_ms; /* limit for waiting in create, update and delete; 0: the type's own */
    /* read, list: tags fetched beforehand by tag_name(); a resource listed here has no other tags. NULL: none
     * were fetched */
    const struct map *known_tags;
    const atomic_bool *cancel;          /* set: stop waiting and return ERR_INTERRUPTED; may be NULL */
    const struct op_observer *observer; /* may be NULL */
};

/* Call the observer's callback of the same name, if it has one. */
void op_progress(const struct op_ctx *ctx, const char *what);
void op_warn(const struct op_ctx *ctx, const char *text);
void op_printed(void *ctx, const char *line); /* ctx is a struct op_ctx; reports a command's output line */
void op_ownership_tags(const struct op_ctx *ctx, struct str id, const struct value *owner_tags);
void op_response(const struct op_ctx *ctx, const struct value *document, bool made_by_aws);
/* True if the observer has that callback. For what is costly to compute. */
bool op_has_progress(const struct op_ctx *ctx);
bool op_has_printed(const struct op_ctx *ctx);
bool op_wants_ownership_tags(const struct op_ctx *ctx);

/* Returns the names of all readable attributes, in the form of `covered` of list(); for types of which every
 * read returns all of them. */
const struct value *op_all_readable(const struct op_ctx *ctx);
/* Return an attribute's configured value, or its default; NULL, "" or false if there is neither. */
const struct value *op_attr(const struct op_ctx *ctx, const struct value *object, const char *name);
struct str op_text(const struct op_ctx *ctx, const struct value *object, const char *name);
bool op_flag(const struct op_ctx *ctx, const struct value *object, const char *name);
/* True if every attribute of the desired object that responses have is live with its value. */
bool op_as_given(const struct op_ctx *ctx, const struct value *desired, const struct value *live);
/* A resource_found that keeps the object in *ctx, a pointer to a value. */
void op_keep_found(void *ctx, const struct value *live);
/*
 * Returns the desired object with `id` and the computed attributes added: these keep their prior values, and
 * are unknown where there is none.
 */
const struct value *op_predicted(
    const struct op_ctx *ctx, const struct value *desired, const struct value *prior, const struct value *id);

/* ---- parameters of single operations ---- */

/* prepare: how much may be done. */
struct preparation {
    bool offline;                 /* only checks: runs no build and writes no files */
    bool demanded;                /* an expression refers, or may refer, to the object's costly attributes */
    const struct value *recorded; /* the recorded attributes, or those of the imported resource; NULL: none */
    /* The version that the command asks for: "": as configured and recorded, "latest": what the sources
     * contain now, "recorded", or the SHA-256 of an earlier version. */
    struct str version;
};

/* list: which objects are needed. */
struct list_filter {
    const struct value *wanted;        /* attribute names, as in `read` */
    const struct value *const *priors; /* the recorded attributes of the expected objects */
    size_t count;
    size_t page_limit; /* a listing with more pages fails with ERR_SERVICE; 0: no limit */
};

/* create, find: what is known of the create request, or of an earlier one that may have been executed. */
struct attempt {
    int64_t since_ms; /* when the intent was recorded; older resources are not considered; 0: not known */
    int64_t look_until_ms; /* find: repeats the lookup until then (clock_mono_ms()); 0: one lookup */
    bool is_repeated; /* create: an earlier request of this intent may have been executed, or may still be
                         running */
    /* For a resource that was found by its attributes: true if no other intent claimed it. The claim then
     * belongs to this intent. NULL: there are no other intents. */
    bool (*claim)(void *ctx, struct str id);
    void *claim_ctx;
};

/* Calls `claim` if it is set; true otherwise. */
bool attempt_claims(const struct attempt *attempt, struct str id);

/* Receives each object of a listing. Called from one or several threads. Keeps no pointer into `live`. */
typedef void resource_found(void *ctx, const struct value *live);

/* Phases of a run, for the permissions that each needs. RUN: starting jobs and reading their runs. OWNED:
 * finding resources with ownership tags, for types with `list_owned`. */
enum permission_phase {
    PERMISSION_PLAN,
    PERMISSION_APPLY,
    PERMISSION_DESTROY,
    PERMISSION_RUN,
    PERMISSION_OWNED
};

/* Receives the tags of a resource, ownership tags included. Called from one thread. Keeps no pointer into
 * `tags`. */
typedef void tags_found(void *ctx, struct str name, const struct value *tags);

struct resource_ops {
    bool state_only; /* the resource exists only in the state */

    /*
     * Adds to a desired object what follows from local files (the hash of an upload's source), so that the
     * diff sees it. NULL: there is nothing to add. Needs no provider. Inputs may be unknown. An object yet to
     * be created has nothing to differ from: its costly attributes may be left out unless how->demanded is
     * set. prepare() is called again after the creation, with the created object as how->recorded.
     */
    int (*prepare)(struct op_ctx *ctx, const struct preparation *how, const struct value *desired,
        const struct value **prepared, struct err *err);

    /*
     * Completes a desired object: computed attributes that follow from known values (an ARN from a name) are
     * filled in, all other computed attributes become unknown. `prior` is NULL for a new resource. For an
     * update, computed values that the change cannot affect keep their prior value.
     */
    int (*predict)(struct op_ctx *ctx, const struct value *desired, const struct value *prior,
        const struct value **planned, struct err *err);

    /*
     * Reads the live object. *live is NULL if the service reports that the resource does not exist (or is
     * being deleted). `wanted` is a list of attribute names: sub-resources outside it are not read. `prior`
     * identifies the resource (at least the id attribute).
     */
    int (*read)(struct op_ctx *ctx, const struct value *prior, const struct value *wanted,
        const struct value **live, struct err *err);

    /*
     * Like `read`, after an interrupted update: `attempted` is the desired object of that update, and what it
     * left half-done is included in *live. NULL: `read` sees everything.
     */
    int (*reread)(struct op_ctx *ctx, const struct value *prior, const struct value *attempted,
        const struct value *wanted, const struct value **live, struct err *err);

    /*
     * Lists in bulk: calls `found` for every object of this type that the service lists, with the attributes
     * that the listing contains and those sub-resources in filter->wanted that can be read in bulk (tags).
     * *covered becomes the list of attribute names that are complete in the objects. The rest of what is
     * wanted has to be read one resource at a time. NULL if schema->bulk is false.
     */
    int (*list)(struct op_ctx *ctx, const struct list_filter *filter, resource_found *found, void *found_ctx,
        const struct value **covered, struct err *err);

    /*
     * Calls `found` for every object of this type in the account, with little more than its identifying
     * attributes. If the listing needs a parent (spec_ids_needs()), filter->priors names the parents. NULL:
     * use `list`.
     */
    int (*ids)(struct op_ctx *ctx, const struct list_filter *filter, resource_found *found, void *found_ctx,
        struct err *err);

    /*
     * Returns how many calls a listing of one page saves over reading each resource. Makes no calls. NULL if
     * `list` is NULL or has no page limit.
     */
    int (*listing_saves)(struct op_ctx *ctx, const struct list_filter *filter);

    /*
     * Creates the resource and waits until it is usable. *live is the whole object afterwards: the configured
     * attributes as far as they can be read, and every computed attribute, null if the service does not
     * report it. The planner adds configured attributes that the service does not report, hashes, and
     * sensitive marks. On failure after the resource was created, *live is set as far as it is known (with
     * the id), so that the caller records the resource as tainted.
     */
    int (*create)(struct op_ctx *ctx, const struct attempt *attempt, const struct value *desired,
        const struct value **live, struct err *err);

    /* True if nulls in the desired object of `update` name fields within attributes to remove (schema.h).
     * Otherwise removed fields are just missing. */
    bool null_removes_fields;
    /* True if `update` keeps fields of objects that the desired object does not have, and those of objects in
     * lists. Otherwise an attribute is sent as a whole. */
    bool keeps_fields, keeps_items;
    /* Brings `changed` (a list of attribute names) from prior to desired. An attribute in `changed` that is
     * not in desired is reset. *live is prior at the call and the whole object afterwards. Ownership is
     * checked as in `delete`, against ctx->owner.live_tags. */
    int (*update)(struct op_ctx *ctx, const struct value *prior, const struct value *desired,
        const struct value *changed, const struct value **live, struct err *err);

    /*
     * Deletes the resource and waits until it is deleted. Succeeds if the resource does not exist. `teardown`
     * (enum teardown) says what may be lost with it. Deletes only what is ours, see `whose`.
     */
    int (*delete)(struct op_ctx *ctx, unsigned teardown, const struct value *prior, struct err *err);

    /*
     * Returns the ids that belong to a recorded object, its own and those of kept earlier versions, as a list
     * of strings. NULL: only its own id.
     */
    const struct value *(*held_ids)(struct arena *arena, const struct value *object);

    /*
     * Returns what has to outlast a recorded object although no reference in the object leads there any more,
     * such as the bucket of an earlier version: a map of types to lists of ids. NULL: nothing.
     */
    const struct value *(*outlasting)(struct arena *arena, const struct value *object);

    /*
     * Returns what deleting the object under `teardown` would delete besides the object itself, for people to
     * confirm: a list of maps {message, counts: {objects, versions, delete_markers, uploads, images, bytes,
     * …}, error}. `flag` names the consent if the consent, not the object's own attributes, causes the data
     * loss. Reads and counts, changes nothing. The list also has what would prevent the deletion, with
     * `stops: true`: `lifts` is the consent that allows it, `set` the attribute to configure (with `live`
     * before the deletion), `instead` another remedy. What is kept has `kept: true`: a final snapshot
     * (`type`, `match` as in `leaves`, `needs` the attribute that names it). NULL: there is never data loss.
     */
    int (*data_loss)(struct op_ctx *ctx, unsigned teardown, const struct value *object,
        const struct value **list, struct err *err);

    /*
     * Returns what services make on behalf of the object and leave behind after its deletion: a list of maps
     * {type, match: {attribute: string, which may end in a star}, message, kept}. `kept`: it was configured,
     * so it is only reported. Makes no calls. NULL: never anything.
     */
    int (*leaves)(struct op_ctx *ctx, const struct value *object, const struct value **list, struct err *err);

    /* Calls `found` for every object of the type with these attributes (as in `leaves`). NULL: not
     * supported. */
    int (*search)(struct op_ctx *ctx, const struct value *match, resource_found *found, void *found_ctx,
        struct err *err);

    /*
     * Calls `found` for every object of the type that has the stack's ownership tag (any stack's if
     * ctx->owner.stack is empty), with its ownership tags in place of its tags. Only for types that the
     * tagging API does not know, unless only the service itself can report ownership tags (`unreported`).
     * NULL: not supported.
     */
    int (*list_owned)(
        struct op_ctx *ctx, bool unreported, resource_found *found, void *found_ctx, struct err *err);

    /*
     * Returns the name under which tags_of() reads the tags of this resource together with those of other
     * types, if they do not come with the resource itself; "" otherwise. `listed`: the resource comes from a
     * listing. NULL: never.
     */
    struct str (*tag_name)(struct op_ctx *ctx, const struct value *prior, bool listed);
    /* Reads the tags of the resources with these names, whatever their type. A name that is not found has no
     * tags. */
    int (*tags_of)(struct op_ctx *ctx, const struct str *names, size_t n, tags_found *found, void *found_ctx,
        struct err *err);

    /* True if deleting the object leaves the resource in place, by its own attributes. Then it is not a
     * leftover. NULL: never. */
    bool (*survives_deletion)(const struct value *object);

    /* Derives an object's attributes from its ARN. *object is NULL if the ARN is not of this type. */
    int (*by_arn)(struct op_ctx *ctx, struct str arn, const struct value **object, struct err *err);

    /*
     * Looks for the resource that an open intent may have created, in the way that its type defines
     * (schema->lost): by its name, its ownership tags or its attributes. *live is NULL if the resource does
     * not exist, or if it belongs to another owner.
     */
    int (*find)(struct op_ctx *ctx, const struct attempt *attempt, const struct value *desired,
        const struct value **live, struct err *err);

    /*
     * Looks for an existing resource with the name that `desired` has, whatever its owner, for types whose id
     * is not known beforehand. *object has the attributes that identify the resource; NULL if there is none.
     * NULL: the type has no such names.
     */
    int (*find_by_name)(
        struct op_ctx *ctx, const struct value *desired, const struct value **object, struct err *err);

    /*
     * Reads the ownership tags (stack, address, intent) that weir put on the resource at its creation.
     * *owner_tags is an empty map if the resource has none, NULL if the resource does not exist. NULL: the
     * type cannot have ownership tags.
     */
    int (*ownership_tags)(
        struct op_ctx *ctx, const struct value *object, const struct value **owner_tags, struct err *err);

    /*
     * Determines the owner. Ownership tags of another stack forbid any change. If the resource was made with
     * our ownership tags and has none any more, attributes that are assigned by the service decide: the
     * resource is ours while these are as recorded (ctx->owner.recorded), and otherwise another resource of
     * the same name. NULL: `delete` finds the owner itself.
     */
    int (*find_owner)(struct op_ctx *ctx, const struct value *object, struct ownership *out, struct err *err);

    /*
     * Adds ownership tags (by their full names, `weir:lease`) to a resource, replacing those of the same
     * names. *done is false if the resource has no ownership tags of this stack; nothing is changed then.
     * NULL: ownership tags cannot be changed, or the type has none.
     */
    int (*add_ownership_tags)(struct op_ctx *ctx, const struct value *object, const struct value *owner_tags,
        bool *done, struct err *err);

    /* Reads the console output of the machine's start, as far as the service has it; only for types with
     * schema->console. */
    int (*console)(struct op_ctx *ctx, const struct value *object, struct str *text, struct err *err);

    /*
     * Adds the permissions that the type's calls need, as keys of the map under construction
     * ("s3:GetObject"). The strings are allocated in the arena. NULL: none.
     */
    void (*permissions)(const struct schema *schema, enum permission_phase phase, struct arena *arena,
        struct value_builder *out);

    /*
     * Returns the ARNs of an object that need one of those permissions, with stars for unknown parts; NULL:
     * any resource. The object may contain unknown values. NULL: always any resource.
     */
    const struct value *(*scope)(
        const struct schema *schema, const struct value *object, struct str action, struct arena *arena);
};

/* Returns the types of the resources that services leave behind after objects of this type are deleted; *n is
 * 0 if there are none. */
const struct str *schema_leaves(struct arena *arena, const struct schema *schema, size_t *n);

/* ---- configured providers ---- */

struct http_engine;
struct provider_kind;  /* provider/kind.h */
struct provider_kinds; /* provider/kind.h */
struct ssh_pool;       /* tunnels and other connections of the stack */

struct provider_options {
    const struct provider_kinds *kinds;
    struct str name;            /* "aws" or "aws.tokyo" */
    const struct value *config; /* the map under `providers: NAME:`; may be NULL */
    struct http_engine *http;   /* shared by all providers */
    struct str stack;
    struct str base_dir;       /* the folder that relative file names in settings start from; "": none */
    struct str via;            /* name of the connection in the settings (`via`); set by provider_new() */
    struct ssh_pool *ssh_pool; /* opens connections by name; NULL: there are none */
    /* -v: one line for each call, for provider types that do not use HTTP; 2: with the content. Without
     * secrets. */
    int trace;
    void (*trace_line)(void *ctx, const char *line);
    void *trace_ctx;
    const atomic_bool *cancel; /* set: calls that only serve the plan are skipped */
};

/* Returns the provider type of a provider's name: "aws" for "aws", "aws.tokyo" and a module's own
 * net["a"]/aws. */
struct str provider_kind(struct str name);
/* Opens a provider of the type that its name begins with. Reads settings but makes no calls. */
int provider_new(const struct provider_options *options, struct provider **out, struct err *err);
void provider_free(struct provider *provider);
/* Returns what the provider type's open() returned. */
void *provider_self(const struct provider *provider);
const struct provider_kind *provider_kind_of(const struct provider *provider);
struct str provider_name(const struct provider *provider); /* "aws.tokyo" */
/* Returns the default tags, which each new resource of this provider gets. NULL: none. */
const struct value *provider_default_tags(const struct provider *provider);
/* Returns `ignore_tags` of the settings as a list, which may be empty. */
const struct value *provider_ignored_tags(const struct provider *provider);
/* True if a tag with that key is not managed: "aws:…", "weir:…", or one of the settings' `ignore_tags`. A
 * NULL provider has no settings. */
bool provider_leaves_tag(const struct provider *provider, struct str key);
/*
 * True if the provider's S3 endpoint is an S3-compatible store without the tagging API. `why`: the failure of
 * provider_list_owned(); NULL: decides by the settings alone.
 */
bool provider_is_store(struct provider *provider, const struct err *why);
/*
 * Determines how far the services' clock is ahead of this machine's (negative: behind), to a few seconds.
 * Makes a call if no response has had a date yet. Returns false if no service reports its time.
 */
bool provider_clock(struct provider *provider, int64_t *ahead_ms);
/*
 * Lists everything in the provider's region that has the stack's ownership tag, by the account's tagging API
 * (`stack` empty: any stack's): a list of {arn, tags}, ownership tags included. The list is empty if the
 * provider type has no tagging API.
 */
int provider_list_owned(struct provider *provider, struct arena *arena, struct str stack,
    const struct value **list, struct err *err);
/*
 * Determines where the provider makes resources of that type (provider/aws/client.h), to be recorded with
 * each. *location is NULL if the type is at no location. `ask`: the account id may be requested from the
 * service.
 */
int provider_location(struct provider *provider, const struct schema *schema, bool ask, struct arena *arena,
    const struct value **location, struct err *err);
/* Returns which part of a recorded location differs from the current one: "region", "account", …; NULL:
 * none. */
const char *provider_location_difference(const struct provider *provider, const struct schema *schema,
    const struct value *then, const struct value *now);
/* Formats a location for people: "eu-west-1 of account 123456789012"; "" if the provider type has no
 * locations. */
struct str provider_location_text(
    const struct provider *provider, const struct value *location, struct arena *arena);
/* Returns the client of the provider's AWS account; NULL if its provider type has none. */
struct aws_client;
struct aws_client *provider_aws(const struct provider *provider);

/* ---- all known types ---- */

/*
 * Returns what the operations of a type send to its service and read from the responses, under the service's
 * own names: a document for tools and tests. NULL for types that no spec describes.
 */
const struct value *schema_calls(struct arena *arena, const struct schema *schema);

struct catalog;

struct catalog_options {
    const struct provider_kinds *kinds;
    const char *specs_dir; /* --specs DIR: the user's own specs, which take precedence over the embedded ones;
                              NULL: none */
    const char *more_specs;  /* an embedded folder of files that add AWS types to the embedded ones, such as
                                those that only the sandbox serves: "sandbox/specs/"; NULL: none */
    const char *schemas_dir; /* folder in which schemas fetched from services are kept; NULL: none */
};

int catalog_new(const struct catalog_options *options, struct catalog **out, struct err *err);
/*
 * Sets the folder of the user's own specs, unless it is already set. Reads all of its files, so that every
 * broken spec is reported. `named_by` begins the error message if the folder does not exist.
 */
int catalog_use_specs(struct catalog *catalog, struct str dir, const char *named_by, struct err *err);
bool catalog_has_specs(const struct catalog *catalog);
/* Returns the folder of the user's own specs; NULL: none. */
const char *catalog_specs_dir(const struct catalog *catalog);
const struct provider_kinds *catalog_kinds(const struct catalog *catalog);
void catalog_free(struct catalog *catalog);
/*
 * Returns a type's schema; loads its spec at the first use. NULL with err ERR_ABSENT if the type does not
 * exist (hint: the nearest name), or ERR_INVALID if its spec is broken. Safe to call from every thread.
 */
const struct schema *catalog_find(struct catalog *catalog, struct str type, bool is_data, struct err *err);
/* Like catalog_find(), but a type that does not exist is not an error: err is not set and no hint is
 * searched. */
const struct schema *catalog_seek(struct catalog *catalog, struct str type, bool is_data, struct err *err);
/* Returns every type name, sorted; loads all specs. `is_data` selects data sources. The names are valid as
 * long as the catalog. */
const struct str *catalog_names(struct catalog *catalog, bool is_data, size_t *n);
/* Like catalog_names(), for the embedded files whose service has that signing name and all of the user's own
 * files; allocated in the arena. Loads no other spec. */
const struct str *catalog_names_signed(
    struct catalog *catalog, struct str signing_name, bool is_data, struct arena *arena, size_t *n);
/* Like catalog_names(), unsorted, with the names of types that provider types find by name: for hints and
 * completion. */
const struct str *catalog_known_names(struct catalog *catalog, bool is_data, size_t *n);
/* Returns weir's type that corresponds to a CloudFormation type; NULL: none. */
const struct schema *catalog_own(struct catalog *catalog, struct str cfn);

/* ---- provider.c: ownership tags, for every provider type that has them: the tags or labels `weir:address`,
 * `weir:intent`, `weir:stack` and `weir:state`, and `weir:lease` if the stack has a lease. Each provider type
 * writes and reads them in its own way. */
/* Converts a string to a tag value: services allow few characters, and at most `max`: jobs["a b"] ->
 * jobs/a b */
struct str ownership_tag_text(struct arena *arena, struct str s, size_t max);

/*
 * Returns all ownership tags by their full names, in the order of a map. The lineage and the lease are
 * included only if set.
 */
struct owner;
struct ownership; /* provider/provider.h */
const struct value *ownership_tags_make(struct arena *arena, const struct owner *owner, struct str address);
/* Returns only weir's tags of a map of tags, under their short names. */
const struct value *ownership_tags_among(struct arena *arena, const struct value *tags);

/* Determines the owner by the ownership tags (under their short names); OWNERSHIP_UNKNOWN if there are
 * none. */
struct ownership ownership_by_tags(
    struct arena *arena, const struct owner *owner, const struct value *owner_tags);
/*
 * Determines the owner of a resource that was made with ownership tags and has none any more, by its recorded
 * attributes. `live` is the object now; `names` are the attributes that differ in a later resource of the
 * same name.
 */
struct ownership ownership_by_record(struct arena *arena, const struct value *recorded,
    const struct value *live, const struct str *names, size_t n);
/* Returns -1, with the reason why the resource is not `done` ("deleted"). */
int ownership_refuse(const struct ownership *ownership, const char *done, struct err *err);

/* ---- provider.c: Reports to the observer of an operation that one of its calls is repeated, and why:
 * "CreateStream: 2nd try, throttled". After a repeated call succeeded, reports "CreateStream: done at the 2nd
 * try". A call that succeeds at once is not reported.
 *
 *     struct repeats repeats = {.op = ctx, .what = STR("GetResource")};
 *     call.repeats = repeats_report, call.repeats_ctx = &repeats;
 *     …send…
 *     repeats_done(&repeats);
 *
 * The struct and `what` have to be valid while the call runs. Both functions are called from the call's
 * thread. */
struct repeats {
    const struct op_ctx *op;
    struct str what;
    int tries; /* number of the last try that was reported; 0: none was */
};

/* Callback for `repeats` of struct aws_call and struct kind_call; ctx is a struct repeats. */
void repeats_report(void *ctx, const struct err *failure, int nth);
/* Like repeats_report(), where the reason is not an error response. */
void repeats_because(struct repeats *repeats, const char *why, int nth);
void repeats_done(const struct repeats *repeats);
