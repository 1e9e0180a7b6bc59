/*
 * The sandbox's control plane: every service in the specs, served from the same lines that weir's client side
 * is driven by. An operation that a spec calls to create something, read, change, list or delete it is
 * answered by doing that to a record.
 *
 *   control.c        one request: which operation it is
 *   control_index.c  which parts operations play for types, from the specs
 *   control_choose.c which of these a request means, and about how many resources it is
 *   control_find.c   which resources a request means, and which of a listing its filters let through
 *   control_list.c   which resources a listing is of, and which of them are on a page
 *   control_words.c  resources by the texts that they have, and values as the service writes them
 *   control_constraints.c what members of requests have to be
 *   control_unknown.c members that nothing would look at are refused
 *   control_do.c     doing it: create, delete, list; requests from inside
 *   control_update.c changing a resource's own attributes, and those with calls of their own
 *   control_refuse.c refusals
 *   control_implied.c what comes, goes and stays with a resource, and who uses it
 *   control_answer.c answers, put together by the paths at which the client side looks for them
 *   control_render.c the document of an answer, and what an object's answer holds
 *   control_store.c  records: in memory, and as one JSON file each; as others in the sandbox see them
 *   control_fill.c   what the service would add by itself: ids, ARNs, times, states that change
 *
 * S3's data plane is not here (s3*.c). One lock guards everything: calls are short. Times and states come
 * from base/clock.h, sped up by options->speed.
 */
#pragma once

#include "provider/provider.h"
#include "provider/wire/wire.h"

struct control;
struct control_type;

struct control_options {
    const char *dir;         /* records are kept below it; NULL: in memory only */
    struct catalog *catalog; /* outlives the control plane */
    struct str account;      /* twelve digits; "": 000000000000 */
    double speed;            /* of states that change over time; 0: 1 */
    /* SHA-256 of an object's content, in base64, and its size (of code; 0: unknown); false: there is none.
     * Called with the control plane's lock held. NULL: nothing is known of objects. */
    bool (*object_facts)(void *ctx, struct arena *arena, struct str bucket, struct str key,
        struct str version, struct str *sha256, int64_t *size);
    /* Tags of the region's buckets that have some, by name, in order; NULL: there are no buckets. */
    const struct value *(*bucket_tags)(void *ctx, struct arena *arena, struct str region);
    /* A bucket's tags become these; false: there is no such bucket in the region. */
    bool (*tag_bucket)(
        void *ctx, struct arena *arena, struct str region, struct str name, const struct value *tags);
    void *object_ctx;
    const struct control_type *const
        *types;      /* what is so for one type alone: tables, ended by NULL; or NULL */
    struct str seed; /* unlike any other sandbox's: of what is made up of names, such as addresses */
};

int control_new(const struct control_options *options, struct control **out, struct err *err);
void control_free(struct control *control);

/*
 * Answers one request whose signature has been verified. `service` and `region` are those of its credential
 * scope. False where no spec knows the service (then nothing was done). Safe from every thread.
 */
bool control_handle(struct control *control, struct arena *arena, struct str service, struct str region,
    const struct wire_message *request, struct str request_id, struct wire_message *answer);

/* What all operations of a service have in common (protocol, version, target); false: no spec knows it. */
bool control_protocol(const struct control *control, struct str service, struct wire_operation *out);

/* The status of an operation's answer, where a spec says one; 0: nothing given. */
int control_status(const struct control *control, struct str service, struct str operation);

/* Are the members of a request to an operation what the specs' `requests` say? -1: err has all that is wrong.
 */
int control_constraints(const struct control *control, struct arena *arena, struct str service,
    struct str operation, const struct value *input, struct err *err);
/* Likewise of a list of changes, once what it changes is known to be there: `ops` and `paths` of
 * patchOperations. */
int control_patch_check(const struct control *control, struct arena *arena, struct str service,
    struct str operation, const struct value *list, struct err *err);

/*
 * Which operation a request is, and its members under their wire names, as control_handle() would read it:
 * for those who decide whether it may be executed. False: it is none that a spec names.
 */
bool control_reads(const struct control *control, struct arena *arena, struct str service,
    const struct wire_message *request, struct str *operation, const struct value **input);
/* How often resources of the service have been changed; what follows from them is as it was while this is. */
uint64_t control_changes(const struct control *control, struct str service);

/* Do the members of its requests begin with small letters? */
bool control_is_camel(const struct control *control, struct str service);
/*
 * The request by which a client would call an operation that a spec names, for control_handle(): `input`
 * under the service's own member names. ERR_INVALID: no spec names it, or it cannot be called so (S3).
 */
int control_request(const struct control *control, struct arena *arena, struct str service,
    struct str operation, const struct value *input, struct wire_operation *wire, struct wire_message *out,
    struct err *err);

/* A resource as it is now, for the parts of the sandbox that act on it (jobs/). Lives in the caller's arena.
 */
struct control_record {
    struct str region, id;     /* region "" of global services */
    const struct value *attrs; /* by the spec's names, write-only ones too */
    int64_t created_ms, changed_ms, revision;
};

/*
 * Resources of types behind which real servers are (`server` in a spec): informed when one is made, changed
 * and gone, with the control plane's lock held. One watcher, set before anybody calls.
 */
enum control_event { CONTROL_MADE, CONTROL_CHANGED, CONTROL_GONE };
typedef void control_watcher(
    void *ctx, enum control_event event, struct str type, const struct control_record *record);
void control_watch(struct control *control, control_watcher *watcher, void *ctx);
/* A record's attribute gets another value, NULL: none, as if a request had changed it. False: there is no
 * such record, or the change cannot be kept. */
bool control_set(struct control *control, struct str type, const struct control_record *record,
    const char *attribute, const struct value *v);
/* Likewise, but the record counts as unchanged: it is not "updating" thereby. */
bool control_note(struct control *control, struct str type, const struct control_record *record,
    const char *attribute, const struct value *v);

/*
 * The resource of a type ("aws.glue.job", "" any) that has this id, name or ARN, in a region (of global
 * services: any). False: there is none, or it is being deleted. Safe from every thread.
 */
bool control_find(struct control *control, struct arena *arena, struct str type, struct str region,
    struct str reference, struct control_record *out);
/* All resources of a type, of all regions where region is ""; in no order. */
struct control_record *control_list(
    struct control *control, struct arena *arena, struct str type, struct str region, size_t *n);
/* Those that have a text among their attributes, and maybe some more, however many others there are. */
struct control_record *control_list_having(struct control *control, struct arena *arena, struct str type,
    struct str region, struct str text, size_t *n);

/* ---- What is so for one type alone: functions of the service's file in sandbox/services, beside what the
 * type's spec says. They run in the middle of a request with the control plane's lock held, so they call
 * nothing of control.h but these two, and see resources as they are kept. */
struct control_type {
    const char *name; /* "aws.ec2.subnet"; NULL ends a table */
    /* May there be a new one with these attributes? -1: err says why not, in the service's words. */
    int (*check)(const struct control *control, const struct value *attrs, struct err *err);
    /* The requests of which this one is made up; NULL: it is about one resource. */
    const struct value *(*parts)(struct arena *arena, struct str operation, const struct value *raw);
    /* Does this entry of it lead to what is not there? */
    bool (*broken)(const struct control *control, const struct value *entry);
};

/* The attributes of what has this id and is of this type ("": any); NULL: nothing that nobody has deleted. */
const struct value *control_seen(const struct control *control, struct str type, struct str id);
/* The next of a type, from *at = 0 on; NULL: that was the last one. */
const struct value *control_next(const struct control *control, struct str type, size_t *at);
