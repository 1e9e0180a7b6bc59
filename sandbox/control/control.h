/*
 * The sandbox's control plane: every service in the specs, served from the same lines that drive weir's
 * client side. An operation that a spec calls to create, read, change, list or delete a resource does so with
 * a record.
 *
 *   control.c             a request: the operation, the roles that it has, the response
 *   control_index.c       the roles of operations for types, from the specs
 *   control_choose.c      the role that a request selects, and the number of resources it names
 *   control_find.c        the resource that a request names; filters of listings
 *   control_list.c        the resources of a listing and of a page
 *   control_words.c       an index of resources by the strings in them; normalised values
 *   control_constraints.c constraints on members of requests
 *   control_unknown.c     refuses members that are not supported
 *   control_check.c       checks of values, references and deletions
 *   control_do.c          create, delete, list; inner requests
 *   control_update.c      changes of a resource's own attributes and of its parts
 *   control_refuse.c      error responses
 *   control_implied.c     implied resources; users of a resource
 *   control_answer.c      responses, built by the paths at which the client side reads them
 *   control_render.c      the document of a response, and the objects in it
 *   control_store.c       records: in memory, and as a JSON file each; records for the rest of the sandbox
 *   control_fill.c        values that the service adds: ids, ARNs, times, states that change
 *   control_tags.c        the Resource Groups Tagging API; DescribeTags
 *
 * S3's data plane is in s3/. One lock guards everything, since calls are short. Times come from base/clock.h;
 * states change faster by options->speed.
 */
#pragma once

#include "provider/provider.h"
#include "provider/wire/wire.h"

struct control;
struct control_type;

struct control_options {
    const char *dir;         /* folder of the records; NULL: only in memory */
    struct catalog *catalog; /* must outlive the control plane */
    struct str account;      /* 12 digits; "": 000000000000 */
    double speed;            /* of states that change over time; 0: 1 */
    /* Returns the SHA-256 of an object in base64, and the size of the code in it (0: unknown); false if it
     * does not exist. Called with the control plane's lock held. NULL: not available. */
    bool (*object_facts)(void *ctx, struct arena *arena, struct str bucket, struct str key,
        struct str version, struct str *sha256, int64_t *size);
    /* Returns the tags of the region's tagged buckets, sorted by name. NULL: there are no buckets. */
    const struct value *(*bucket_tags)(void *ctx, struct arena *arena, struct str region);
    /* Replaces a bucket's tags; false if the region has no such bucket. */
    bool (*tag_bucket)(
        void *ctx, struct arena *arena, struct str region, struct str name, const struct value *tags);
    void *object_ctx;
    const struct control_type *const *types; /* functions of types: tables, NULL at the end; or NULL */
    struct str seed; /* unique per sandbox, for values derived from names, such as addresses */
};

int control_new(const struct control_options *options, struct control **out, struct err *err);
void control_free(struct control *control);

/*
 * Answers a request whose signature has been verified. `service` and `region` are from its credential scope.
 * Returns false if no spec has the service. Safe from every thread.
 */
bool control_handle(struct control *control, struct arena *arena, struct str service, struct str region,
    const struct wire_message *request, struct str request_id, struct wire_message *answer);

/* Returns what all operations of a service have in common (protocol, version, target); false if no spec has
 * the service. */
bool control_protocol(const struct control *control, struct str service, struct wire_operation *out);

/*
 * Returns the operation that a request is for, also if only a handler executes it, and the shape of the
 * members outside the body. Only of the first spec with this signing name. False: that spec does not describe
 * the operation.
 */
bool control_operation(const struct control *control, struct arena *arena, struct str service,
    const struct wire_message *request, struct wire_operation *op, struct shape *outside);

/* Checks the members of a request against the specs' `requests`. Returns -1 with all violations in err. */
int control_constraints(const struct control *control, struct arena *arena, struct str service,
    struct str operation, const struct value *input, struct err *err);
/* Checks a list of patch operations against `ops` and `paths` of patchOperations, once the resource is known
 * to exist. */
int control_patch_check(const struct control *control, struct arena *arena, struct str service,
    struct str operation, const struct value *list, struct err *err);

/*
 * Returns a request's operation and its members under wire names, for IAM checks. False: no spec has the
 * operation.
 */
bool control_reads(const struct control *control, struct arena *arena, struct str service,
    const struct wire_message *request, struct str *operation, const struct value **input);
/* Returns the number of changes of the service's resources, so that derived data can be cached while it is
 * equal. */
uint64_t control_changes(const struct control *control, struct str service);

/* True if member names of the service's requests begin with lower case letters. */
bool control_is_camel(const struct control *control, struct str service);
/*
 * Builds the request with which a client calls an operation, for control_handle(). `input` has the service's
 * member names. ERR_INVALID: no spec has the operation, or the protocol is not supported (S3).
 */
int control_request(const struct control *control, struct arena *arena, struct str service,
    struct str operation, const struct value *input, struct wire_operation *wire, struct wire_message *out,
    struct err *err);

/* A copy of a resource for other parts of the sandbox, allocated in the caller's arena. */
struct control_record {
    struct str region, id;     /* region: "" for global services */
    const struct value *attrs; /* by the spec's attribute names, including write-only ones */
    int64_t created_ms, changed_ms, revision;
};

/* Adds the header that tells a client of a service that once had the query protocol the error's code there.
 */
void control_query_error(
    struct arena *arena, const struct wire_message *request, struct str code, struct wire_message *answer);

/* Returns the members that the spec's `keeps` stored under a path, or NULL. */
const struct value *control_kept(const struct control_record *record, const char *path);

/*
 * Reports creation, change and deletion of resources with a real server (`server` in the spec), with the
 * control plane's lock held. One watcher, set before the first request.
 */
enum control_event { CONTROL_MADE, CONTROL_CHANGED, CONTROL_GONE };
typedef void control_watcher(
    void *ctx, enum control_event event, struct str type, const struct control_record *record);
void control_watch(struct control *control, control_watcher *watcher, void *ctx);
/* Sets an attribute of a record, as a request would; NULL removes it. False: the record does not exist, or
 * the change could not be stored. */
bool control_set(struct control *control, struct str type, const struct control_record *record,
    const char *attribute, const struct value *v);
/* As control_set(), but the record does not count as changed, so its state is not "updating". */
bool control_note(struct control *control, struct str type, const struct control_record *record,
    const char *attribute, const struct value *v);

/*
 * Finds a resource by id, name or ARN. type: "aws.glue.job"; "": any. region: ignored for global services.
 * False: not found, or being deleted. Safe from every thread.
 */
bool control_find(struct control *control, struct arena *arena, struct str type, struct str region,
    struct str reference, struct control_record *out);
/* Returns all resources of a type. region "": all regions. */
struct control_record *control_list(
    struct control *control, struct arena *arena, struct str type, struct str region, size_t *n);
/* Returns the resources of a type with `text` among their attributes, and possibly some others, using the
 * index. */
struct control_record *control_list_having(struct control *control, struct arena *arena, struct str type,
    struct str region, struct str text, size_t *n);

/* ---- functions for single types, in the service's folder of sandbox/services, in addition to the type's
 * spec. They run during a request with the control plane's lock held, so of control.h they may only call the
 * two functions below, which return attributes as stored ---- */
struct control_type {
    const char *name; /* "aws.ec2.subnet"; NULL ends the table */
    /* Checks the attributes of a new resource. Returns -1 with the service's error. */
    int (*check)(const struct control *control, const struct value *attrs, struct err *err);
    /* Splits a request into requests for one resource each; NULL: not needed. */
    const struct value *(*parts)(struct arena *arena, struct str operation, const struct value *raw);
    /* True if an entry refers to a resource that does not exist. */
    bool (*broken)(const struct control *control, const struct value *entry);
};

/* Returns the attributes of the resource with this id and type ("": any), or NULL if there is none or it is
 * being deleted. */
const struct value *control_seen(const struct control *control, struct str type, struct str id);
/* Iterates over the resources of a type, from *at = 0 on. NULL: no more. */
const struct value *control_next(const struct control *control, struct str type, size_t *at);
