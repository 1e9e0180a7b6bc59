/*
 * Providers: how a resource meets the world. One interface, implemented by provider/spec for every type that
 * a spec describes and by hand for what no spec can say. The planner and the executor use nothing else.
 *
 * All operations are blocking and may be called from any worker thread, many at a time, with different
 * contexts. Results live in the context's arena. They return 0, or -1 with err filled.
 *
 * Objects: a resource is a map of attribute values under the schema's names, "managed" ones and computed ones
 * alike. `prior` is what the state recorded, or what a refresh saw if there was one.
 */
#pragma once

#include "base/threads.h"
#include "provider/schema.h"

struct digests;
struct map;
struct provider; /* one configured provider: `aws` with its region, credentials, endpoints, default tags */

/*
 * What may go besides the resources themselves when they are deleted. Nothing of it does unless the command
 * line or the resource's own attributes say so. A spec says what each of these means for a type
 * (`teardown:`).
 */
enum teardown {
    TEARDOWN_EMPTY = 1,     /* what is inside: objects, images */
    TEARDOWN_SNAPSHOT = 2,  /* the last snapshot, which is not taken */
    TEARDOWN_SECRETS = 4,   /* the time in which a secret could be restored */
    TEARDOWN_PROTECTED = 8, /* the service's own protection against deletion */
};

/* Their names, as specs and events spell them: "force_empty". The last one has no name. */
struct teardown_name {
    const char *name;
    enum teardown flag;
};
extern const struct teardown_name teardown_names[];

/*
 * Whom an operation tells of what happens meanwhile; each may be NULL, and so may the observer. Called from
 * the operation's own thread or one of its helpers.
 */
struct op_observer {
    void *ctx;
    void (*progress)(void *ctx, const char *what); /* "waiting for status available (creating)" */
    void (*warn)(void *ctx, const char *text);     /* something that is no failure */
    void (*printed)(void *ctx, const char *line);  /* a line that a local command printed */
    /* read, list: the ownership tags that an answer shows of a resource besides what was asked for, as
     * `owner_tags` gives them. */
    void (*saw_ownership_tags)(void *ctx, struct str id, const struct value *owner_tags);
    /* read: the object as an answer has it, by the service's own names; whether that says that AWS made it.
     */
    void (*answered)(void *ctx, const struct value *document, bool made_by_aws);
};

/* Whose a resource is, or is to be: what ownership tags are made of and compared with. */
struct owner {
    struct str stack;   /* its name */
    struct str env;     /* its environment; "" none */
    struct str lineage; /* of the state: copies of a stack have the same name; "" not known */
    struct str lease; /* until when it may be there, 2026-11-21T18:00:00Z; "" for as long as anybody likes */
    struct str token; /* idempotency token of this intent: 32 hex digits; stable across retries and
                       * recovery */
    bool untagged;    /* update, delete: it was there before weir, so it need not have our ownership tags */
    bool found_out;   /* delete: whose it is was asked a moment ago, and it is ours */
    const struct value *seen_tags; /* update: what a refresh was shown of them; NULL: nothing */
    const struct value *recorded;  /* update, delete: its attributes as recorded; NULL: nobody knows */
    struct str written;            /* when they were recorded, if in the last minute; else "" */
};

/* Whose a resource is, as far as its ownership tags tell, and what is recorded of it. */
enum whose { WHOSE_OURS, WHOSE_NOBODY_KNOWS, WHOSE_OTHERS };
struct ownership {
    enum whose whose;
    bool unreported;   /* nobody may look, so it counts as ours */
    struct str reason; /* why it is not ours: "it has the ownership tags of the stack …" */
};

struct planned_stacks;

/* Where stacks keep their states. */
struct state_stores {
    const struct value *config;           /* what this one's `state:` says; NULL: files in .weir */
    struct str dir;                       /* its folder */
    struct str instead;                   /* a folder that is in for wherever states are; "" none */
    struct str sandbox;                   /* in which that is, with those of other stacks; "" none */
    const struct planned_stacks *planned; /* plan/state/stack_data.h: what others are going to give; NULL */
};

/* What is passed to every operation. */
struct op_ctx {
    struct arena *arena; /* results and scratch */
    struct provider *provider;
    const struct schema *schema;
    struct str address; /* for messages and ownership tags */
    struct owner owner;
    struct str dir;      /* where relative file names in attributes start */
    struct str work_dir; /* the stack's .weir: for what is kept between runs and may be lost; "" none */
    struct state_stores states;
    struct digests *digests; /* of local files; may be NULL */
    bool sensitive;          /* the file or the record marks something as secret that answers may repeat: not
                              * traced */
    /* Names of attributes. create, when it fails: what is there is whole but for these, whose own calls were
     * not made; NULL: nobody knows. update: what such a creation lacked. */
    const struct value *lacks;
    bool replaces;      /* delete: another one is made in its place */
    int64_t timeout_ms; /* for waiting on create, update or delete; 0: the type's own */
    /* read, list: tags that were asked for beforehand, by tag_name; what is in it has no others. NULL: none
     */
    const struct map *known_tags;
    const atomic_bool *cancel;          /* set: stop waiting, return ERR_INTERRUPTED; NULL: never */
    const struct op_observer *observer; /* NULL: nobody looks */
};

/* Tells the observer, if there is one who wants to know. */
void op_progress(const struct op_ctx *ctx, const char *what);
void op_warn(const struct op_ctx *ctx, const char *text);
void op_printed(void *ctx, const char *line); /* a struct op_ctx: it shows a command's output */
void op_saw_ownership_tags(const struct op_ctx *ctx, struct str id, const struct value *owner_tags);
void op_answered(const struct op_ctx *ctx, const struct value *document, bool made_by_aws);
/* For what is costly to say. */
bool op_tells_progress(const struct op_ctx *ctx);
bool op_tells_printed(const struct op_ctx *ctx);
bool op_wants_ownership_tags(const struct op_ctx *ctx);

/* For types whose every read shows all that there is to see: the names of these attributes, as `list` has
 * them.
 */
const struct value *op_all_readable(const struct op_ctx *ctx);
/*
 * A desired object, completed with `id` and what is computed: that stays as it was, and is unknown where
 * there was nothing.
 */
const struct value *op_predicted(
    const struct op_ctx *ctx, const struct value *desired, const struct value *prior, const struct value *id);

/* ---- what single operations are given besides ---- */

/* prepare: how far it may go. */
struct preparation {
    bool offline;                 /* only check, run and make nothing */
    bool demanded;                /* something refers to the object's costly attributes, or may do so */
    const struct value *recorded; /* the record's attributes, or what is imported; NULL: neither */
    /* Which version the command asks for: "" as file and record say, "latest" what the sources say now,
     * "recorded", or the SHA-256 of an earlier one. */
    struct str version;
};

/* list: what is looked for. */
struct list_filter {
    const struct value *wanted;        /* as `read` has it */
    const struct value *const *priors; /* the recorded attributes of what there should be */
    size_t count;
    size_t page_limit; /* a listing that has more pages is refused (ERR_SERVICE); 0: none is too long */
};

/* create, find: what is known of the request that makes the resource, or may have made it. */
struct attempt {
    int64_t since_ms;      /* when the intent was recorded; nothing older is looked for; 0: not known */
    int64_t look_until_ms; /* find: looks again until then (clock_mono_ms); 0: once */
    bool again;            /* create: an earlier request of this intent may have been executed, or still be */
    /* Found by what it looks like: is it nobody else's? From then on it is this one's. NULL: nobody else is
     * there. */
    bool (*claim)(void *ctx, struct str id);
    void *claim_ctx;
};

/* Asks `claim`, if there is one. */
bool attempt_claims(const struct attempt *attempt, struct str id);

/* Receives each object of a bulk listing; called from one or several threads. Keeps nothing of `live`. */
typedef void resource_found(void *ctx, const struct value *live);

/* What a command may do; for the permissions that it needs. RUN is starting jobs and looking at them, MARKS
 * finding what has ownership tags, of types with `list_owned`. */
enum permission_phase {
    PERMISSION_PLAN,
    PERMISSION_APPLY,
    PERMISSION_DESTROY,
    PERMISSION_RUN,
    PERMISSION_OWNED
};

/* Receives the tags of each, ownership tags included. Of one thread; keeps nothing. */
typedef void tags_found(void *ctx, struct str name, const struct value *tags);

struct resource_ops {
    bool state_only; /* what it makes exists in the state alone */

    /*
     * Adds to a desired object what follows from local files (the hash of an upload's source), so that the
     * diff sees it. NULL: nothing to add. Needs no provider; inputs may be unknown. What is only to be
     * created has nothing to differ from: there it may leave out what is costly unless that is demanded, and
     * is asked again afterwards, with what was created as how->recorded.
     */
    int (*prepare)(struct op_ctx *ctx, const struct preparation *how, const struct value *desired,
        const struct value **prepared, struct err *err);

    /*
     * Completes a desired object: computed attributes that follow from known values (an ARN from a name) are
     * filled in, all other computed ones become unknown. `prior` is NULL for a new resource; for an update,
     * computed values that the change cannot affect keep their prior value.
     */
    int (*predict)(struct op_ctx *ctx, const struct value *desired, const struct value *prior,
        const struct value **planned, struct err *err);

    /*
     * The live object. *live is NULL when the service says it does not exist (or is as good as gone).
     * `wanted` is a list of attribute names: sub-resources outside it are not read. `prior` identifies it (at
     * least the id attribute).
     */
    int (*read)(struct op_ctx *ctx, const struct value *prior, const struct value *wanted,
        const struct value **live, struct err *err);

    /*
     * The same after an update that was interrupted: `attempted` is what that was to bring about, and what it
     * has left half-done is shown as well. NULL: there is nothing that `read` would not see.
     */
    int (*reread)(struct op_ctx *ctx, const struct value *prior, const struct value *attempted,
        const struct value *wanted, const struct value **live, struct err *err);

    /*
     * Bulk: calls `found` for every object of this type that the service lists, with as many attributes as
     * the listing gives plus those sub-resources in filter->wanted that can be had in bulk (tags). *covered
     * becomes the list of attribute names that the objects carry authoritatively; the rest of what is wanted
     * must be read one at a time. NULL where schema->bulk is false.
     */
    int (*list)(struct op_ctx *ctx, const struct list_filter *filter, resource_found *found, void *found_ctx,
        const struct value **covered, struct err *err);

    /*
     * Calls `found` for every object of this type that the account has, with little more than what identifies
     * it. Where that takes a parent (spec_ids_needs()), filter->priors names the parents. NULL: `list` does.
     */
    int (*ids)(struct op_ctx *ctx, const struct list_filter *filter, resource_found *found, void *found_ctx,
        struct err *err);

    /*
     * By how many calls a listing of one page would be cheaper than reading each. It does not call anything.
     * NULL where `list` is NULL, or knows no limit of pages.
     */
    int (*listing_saves)(struct op_ctx *ctx, const struct list_filter *filter);

    /*
     * Creates and waits until usable; *live is the whole object afterwards: what was asked for as far as it
     * can be read, and every computed attribute, null where the service does not say it. What the file gives
     * and no service tells, hashes and marks of secrets are the planner's to add. When it fails after
     * the resource came into being, *live is set as far as it is known (with the id), so that the caller
     * records it as half-made (tainted).
     */
    int (*create)(struct op_ctx *ctx, const struct attempt *attempt, const struct value *desired,
        const struct value **live, struct err *err);

    /* Do nulls in what `update` is to bring about say which fields within attributes are taken out
     * (schema.h)? Otherwise they are just not in it. */
    bool takes_fields;
    /* Does it leave fields of objects alone that `update` does not speak of, and those of objects in lists?
     * Otherwise an attribute goes out as a whole. */
    bool leaves_fields, leaves_items;
    /* Brings `changed` (list of attribute names) from prior to desired; an attribute in `changed` and not in
     * desired is reset. *live, which is prior when it is called, becomes the whole object afterwards. Whose
     * ownership tags ctx->owner.seen_tags shows counts as in `delete`. */
    int (*update)(struct op_ctx *ctx, const struct value *prior, const struct value *desired,
        const struct value *changed, const struct value **live, struct err *err);

    /*
     * Deletes and waits until gone. Already gone is success. `teardown` (enum teardown) says what may go with
     * it. Only what is ours is deleted, see `whose`.
     */
    int (*delete)(struct op_ctx *ctx, unsigned teardown, const struct value *prior, struct err *err);

    /*
     * The ids that go with a recorded object, its own and those of earlier versions that it
     * keeps, as a list of texts. NULL: only its own.
     */
    const struct value *(*holds)(struct arena *arena, const struct value *object);

    /*
     * What has to outlast a recorded object although nothing in it refers there any more, such as the bucket
     * of an earlier version: a map of types to lists of ids. NULL: nothing.
     */
    const struct value *(*lies_in)(struct arena *arena, const struct value *object);

    /*
     * What deleting it under `teardown` would delete besides itself, for people to agree to: a list of maps
     * {says, counts: {objects, versions, delete_markers, uploads, images, bytes, …}, error}; `flag` names the
     * consent where it is that, rather than the object's own attributes, which makes it go. Reads and counts,
     * changes nothing. What would stop the deletion instead is among them with `stops: true`, the consent
     * that it wants (`lifts`), what the stack could say (`set`, with `live` before it is deleted) and what
     * else (`instead`); so is what stays of it, with `kept: true`: a last snapshot (`type`, `match` as in
     * `leaves`, `needs` the attribute that names it). NULL: never anything.
     */
    int (*data_loss)(struct op_ctx *ctx, unsigned teardown, const struct value *object,
        const struct value **list, struct err *err);

    /*
     * What services make on behalf of the object and leave behind when it is gone: a list of maps {type,
     * match: {attribute: text, which may end in a star}, says, kept}. `kept`: it was asked for, so it is only
     * reported. Calls nothing. NULL: never anything.
     */
    int (*leaves)(struct op_ctx *ctx, const struct value *object, const struct value **list, struct err *err);

    /* Calls `found` for everything of the type with these attributes (as in `leaves`). NULL: cannot. */
    int (*search)(struct op_ctx *ctx, const struct value *match, resource_found *found, void *found_ctx,
        struct err *err);

    /*
     * Calls `found` for everything of the type that has the stack's ownership tag (ctx->owner.stack empty:
     * that of any stack), with its ownership tags in place of its tags. Only for types that the tagging API
     * does not know, unless nobody but the service itself can say what has ownership tags (`unreported`);
     * NULL: cannot.
     */
    int (*list_owned)(
        struct op_ctx *ctx, bool unreported, resource_found *found, void *found_ctx, struct err *err);

    /*
     * The name by which tags of resources of all types can be had at once (tags_of), where they do not come
     * with the resource itself; "" none. `listed`: with a listing. NULL: never.
     */
    struct str (*tag_name)(struct op_ctx *ctx, const struct value *prior, bool listed);
    /* Of these names, whatever their type; what is not found has no tags. */
    int (*tags_of)(struct op_ctx *ctx, const struct str *names, size_t n, tags_found *found, void *found_ctx,
        struct err *err);

    /* Does deleting it leave the resource where it is, as its own attributes say? Then it is not a leftover.
     * NULL: never. */
    bool (*stays)(const struct value *object);

    /* What an ARN says of an object of this type; *object NULL where it is not one of this type. */
    int (*by_arn)(struct op_ctx *ctx, struct str arn, const struct value **object, struct err *err);

    /*
     * Looks for the resource that an open intent may have created, as its type says how (schema->lost): by
     * its name, its ownership tags, what it looks like. *live NULL where it is not there, or where what is
     * there is another's.
     */
    int (*find)(struct op_ctx *ctx, const struct attempt *attempt, const struct value *desired,
        const struct value **live, struct err *err);

    /*
     * What has the name that `desired` has, whoever made it, where its id is not known beforehand:
     * attributes that identify it; *object NULL where there is none. NULL: the type has no such names.
     */
    int (*namesake)(
        struct op_ctx *ctx, const struct value *desired, const struct value **object, struct err *err);

    /*
     * Who made it: *owner_tags is a map of the ownership tags that weir put on the resource when it was
     * created (stack, address, intent), empty where it has none, NULL where it does not exist. NULL where the
     * type cannot have them.
     */
    int (*ownership_tags)(
        struct op_ctx *ctx, const struct value *object, const struct value **owner_tags, struct err *err);

    /*
     * Whose it is. Ownership tags of another stack forbid to touch it. Where it was made with ours and has
     * none at all, what nobody chooses tells: it is ours while that is as recorded (ctx->owner.recorded), and
     * another one of the name where it is not. NULL: `delete` finds out by itself.
     */
    int (*whose)(struct op_ctx *ctx, const struct value *object, struct ownership *out, struct err *err);

    /*
     * Puts ownership tags (by their full names, `weir:lease`) on a resource beside what it has, in place of
     * those of these names. *done false: it has no ownership tags of this stack, and nothing was changed.
     * NULL where ownership tags are for good, or there are none.
     */
    int (*add_ownership_tags)(struct op_ctx *ctx, const struct value *object, const struct value *owner_tags,
        bool *done, struct err *err);

    /* What the machine printed when it started, as far as its service tells by now; only of types with
     * schema->console. */
    int (*console)(struct op_ctx *ctx, const struct value *object, struct str *text, struct err *err);

    /*
     * The permissions that the type's calls need, as keys of the map under construction ("s3:GetObject");
     * their texts are in the arena. NULL: none.
     */
    void (*permissions)(const struct schema *schema, enum permission_phase phase, struct arena *arena,
        struct value_builder *out);

    /*
     * On what one of those permissions is needed for an object: a list of ARNs, with stars for what is not
     * known; NULL: on anything. The object may hold unknowns. NULL: on anything, always.
     */
    const struct value *(*scope)(
        const struct schema *schema, const struct value *object, struct str action, struct arena *arena);
};

/* The types of resources that services leave behind of objects of this type; 0: none. */
const struct str *schema_leaves(struct arena *arena, const struct schema *schema, size_t *n);

/* ---- configured providers ---- */

struct http_engine;
struct provider_kind;  /* provider/kind.h */
struct provider_kinds; /* likewise; all of them */
struct reach;          /* the stack's connections to other machines */

struct provider_options {
    const struct provider_kinds *kinds;
    struct str name;            /* "aws" or "aws.tokyo" */
    const struct value *config; /* the map under `providers: NAME:`; NULL: nothing given */
    struct http_engine *http;   /* shared by all providers */
    struct str stack;
    struct str base_dir; /* where relative file names in settings start; "" nowhere */
    struct str via;      /* the connection that its settings name (`via`); filled in by provider_new() */
    struct reach *reach; /* opens those; NULL: there are none */
    /* -v: a line for what is asked, for kinds that do not speak HTTP; 2: all of it. Without secrets. */
    int trace;
    void (*trace_line)(void *ctx, const char *line);
    void *trace_ctx;
    const atomic_bool *cancel; /* what it is to be known for a plan alone is not asked any more */
};

/* "aws" of "aws", "aws.tokyo" and a module's own net["a"]/aws. */
struct str provider_kind(struct str name);
/* Opens a provider of the kind that its name begins with. Reads settings but calls nothing. */
int provider_new(const struct provider_options *options, struct provider **out, struct err *err);
void provider_free(struct provider *provider);
/* What its kind's open() made. */
void *provider_self(const struct provider *provider);
const struct provider_kind *provider_kind_of(const struct provider *provider);
struct str provider_name(const struct provider *provider); /* "aws.tokyo" */
/* What a new resource of this provider gets on top of the file: default tags. NULL: none. */
const struct value *provider_default_tags(const struct provider *provider);
/* Of the settings, a list; of none it is empty. */
const struct value *provider_ignored_tags(const struct provider *provider);
/* Is a tag of that key somebody else's: "aws:…", "weir:…", or one of the settings' `ignore_tags`? NULL: no
 * settings. */
bool provider_leaves_tag(const struct provider *provider, struct str key);
/*
 * Is there nobody to ask for ownership tags where the provider's S3 is: a store of one's own, which knows S3
 * only? `why` NULL: by its settings alone; otherwise what provider_list_owned() met.
 */
bool provider_is_store(struct provider *provider, const struct err *why);
/*
 * How far the services' clock is ahead of this machine's (negative: behind), to a few seconds. Asks for it
 * where no answer has told yet. False: nobody tells.
 */
bool provider_clock(struct provider *provider, int64_t *ahead_ms);
/*
 * Everything in the provider's region that the account's tagging API knows to have the stack's ownership tag
 * (`stack` empty: that of any): a list of {arn, tags}, ownership tags included. Empty where the kind has
 * nobody to ask.
 */
int provider_list_owned(struct provider *provider, struct arena *arena, struct str stack,
    const struct value **list, struct err *err);
/*
 * Where the provider makes resources of that type (provider/aws/client.h), to be recorded with each; NULL
 * in *location: nowhere outside. `ask`: whose account it is may be asked for.
 */
int provider_location(struct provider *provider, const struct schema *schema, bool ask, struct arena *arena,
    const struct value **location, struct err *err);
/* What of a recorded location of that type is another now: "region", "account", …; NULL: nothing. */
const char *provider_location_difference(const struct provider *provider, const struct schema *schema,
    const struct value *then, const struct value *now);
/* A location for people: "eu-west-1 of account 123456789012"; "" where the kind has none. */
struct str provider_location_text(
    const struct provider *provider, const struct value *location, struct arena *arena);
/* The way to its AWS account; NULL where its kind has none. */
struct aws_client;
struct aws_client *provider_aws(const struct provider *provider);

/* ---- all known types ---- */

/*
 * What the operations of a type send to its service and read from the answers, with the service's own names:
 * a document for tools and tests. NULL for types that no spec describes.
 */
const struct value *schema_calls(struct arena *arena, const struct schema *schema);

struct catalog;

struct catalog_options {
    const struct provider_kinds *kinds;
    const char *specs_dir;  /* --specs DIR: a user's own specs, loaded over the embedded ones; NULL: none */
    const char *more_specs; /* an embedded folder of files that add types of AWS to the embedded ones, such as
                             * those that only the sandbox serves: "sandbox/specs/"; NULL: none */
    const char *schemas_dir; /* where schemas are kept that services were asked for; NULL: nowhere */
};

int catalog_new(const struct catalog_options *options, struct catalog **out, struct err *err);
/*
 * The user's own specs, unless there are some already: all are read now, so that a broken one is reported and
 * none is left out. `named_by` begins the message where the folder is none.
 */
int catalog_use_specs(struct catalog *catalog, struct str dir, const char *named_by, struct err *err);
bool catalog_has_specs(const struct catalog *catalog);
/* Their folder; NULL: none. */
const char *catalog_specs_dir(const struct catalog *catalog);
const struct provider_kinds *catalog_kinds(const struct catalog *catalog);
void catalog_free(struct catalog *catalog);
/*
 * Loads the type's spec on first use. NULL with err ERR_ABSENT where there is no such type (hint: the nearest
 * name), ERR_INVALID where its spec is broken. Safe from every thread.
 */
const struct schema *catalog_find(struct catalog *catalog, struct str type, bool is_data, struct err *err);
/* Likewise, but that there is none is no mistake: no hint is looked for, and err is left alone. */
const struct schema *catalog_seek(struct catalog *catalog, struct str type, bool is_data, struct err *err);
/* Every type name, sorted; loads all specs. `data` picks data sources. The names live as long as the catalog.
 */
const struct str *catalog_names(struct catalog *catalog, bool is_data, size_t *n);
/* Likewise of the embedded files whose service signs by that name, and of all the user's own; in the arena.
 * No other spec is loaded. */
const struct str *catalog_names_signed(
    struct catalog *catalog, struct str signing_name, bool is_data, struct arena *arena, size_t *n);
/* The same with those that kinds find by their names, in no order: for hints and completion. */
const struct str *catalog_known_names(struct catalog *catalog, bool is_data, size_t *n);
/* weir's own type for the same thing as a type of CloudFormation; NULL: it has none. */
const struct schema *catalog_own(struct catalog *catalog, struct str cfn);

/* ---- provider.c: what weir's ownership tags say of a resource, for every kind that has them: the
 * tags or labels `weir:address`, `weir:intent`, `weir:stack` and `weir:state`, and `weir:lease` where
 * there is one. How they are put on and read is the kind's own. */
/* Services allow few characters in a tag's value, and at most `max`: jobs["a b"] -> jobs/a b */
struct str ownership_tag_text(struct arena *arena, struct str s, size_t max);

/*
 * All of them by their full names, in the order of a map: the lineage and the lease only where there are any.
 */
struct owner;
struct ownership; /* provider/provider.h */
const struct value *ownership_tags_make(struct arena *arena, const struct owner *owner, struct str address);
/* Of tags only weir's, under their short names. */
const struct value *ownership_tags_among(struct arena *arena, const struct value *tags);

/* Whose a resource with these ownership tags (under their short names) is; nobody knows where it has none. */
struct ownership ownership_by_tags(
    struct arena *arena, const struct owner *owner, const struct value *owner_tags);
/*
 * The same of what was made with ownership tags and has none, by what is recorded of it: `live` is how it is
 * now, and `names` are those of attributes that a later one of the same name has otherwise.
 */
struct ownership ownership_by_record(struct arena *arena, const struct value *recorded,
    const struct value *live, const struct str *names, size_t n);
/* -1, with why what is not ours is not `done` ("deleted"). */
int ownership_refuse(const struct ownership *ownership, const char *done, struct err *err);

/* ---- provider.c: Tells whoever watches an operation that a call of it is sent again, and why:
 * "CreateStream: 2nd try, throttled"; once one was accepted, "CreateStream: done at the 2nd try", so that
 * nobody goes on reading of tries that are over. Nobody hears of calls that succeed at once.
 *
 *     struct repeats repeats = {.op = ctx, .what = STR("GetResource")};
 *     call.repeats = repeats_tell, call.repeats_ctx = &repeats;
 *     …send…
 *     repeats_done(&repeats);
 *
 * It lives as long as the call is under way, and `what` too; both functions are called from its thread. */
struct repeats {
    const struct op_ctx *op;
    struct str what;
    int tries; /* what was reported last of them; 0: there was one */
};

/* For `repeats` of struct aws_call and struct kind_call; ctx is a struct repeats. */
void repeats_tell(void *ctx, const struct err *failure, int nth);
/* The same where something else than an answer's status says why. */
void repeats_because(struct repeats *repeats, const char *why, int nth);
void repeats_done(const struct repeats *repeats);
