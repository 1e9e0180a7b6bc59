/*
 * Shared by the interpreter's files only. A `struct act` is valid during one operation on one resource, on
 * the stack of its thread; results are allocated in ctx->arena.
 */
#pragma once

#include "provider/spec/spec.h"

/* The response to a read call of this operation, cached. */
struct act_answer {
    const struct wire_operation *op;
    struct wire_message request, answer;
    const struct act_answer *before;
};

struct act {
    struct op_ctx *ctx;
    const struct spec_type *type;
    struct arena *arena;
    const struct value *prior;   /* of an update: what conditions compare with; NULL: none */
    const struct value *seen;    /* the object of the last complete response; initially prior in an update */
    const struct value *changed; /* of an update: names of changed attributes; NULL: all configured ones */
    const struct value *desired; /* of an update: the desired object, with nulls for removed fields */
    const struct attempt *attempt; /* of a creation and its recovery */
    size_t page_limit;             /* of a listing, see struct list_filter; 0: none */
    unsigned teardown;             /* consents to a deletion, see enum teardown */
    struct aws_client *client;
    const struct value
        *raw;       /* the object in the first response of the last read, under the service's member names */
    bool read_only; /* the operation changes nothing: identical calls are made once */
    const struct act_answer *answers; /* cached responses of such an operation, the latest first */
    bool keep_ownership_tags;         /* tags as the service has them, including weir's own */
    bool base_read;                   /* the object's own response was read in this operation */
    bool after_creation; /* calls may be about resources created just before, which are not visible everywhere
                            yet */
    bool creating;       /* the current call creates the resource */
    bool lookup_first;   /* even a call with a token is not repeated before a lookup */
    bool sees_deleting;  /* objects that are being deleted are read, too; otherwise they count as absent */
    bool sees_deleted;   /* objects that count as absent are read, too */
    bool ignored;        /* the last call's error is one that its step ignores: it was not reported */
    bool empty_answer;   /* a change had an empty response, which may not be the service's */
};

struct act act_of(struct op_ctx *ctx);

/* ---- act_template.c ---- */

/*
 * Replaces ${…} by values of the object, its defaults and the context; in maps and lists at every depth. *out
 * is unknown if a value is unknown, NULL if a value is missing; list items with a missing value are left out.
 */
int act_template(struct act *act, const struct value *template, const struct value *object,
    const struct value **out, struct err *err);
/* Adds the computed attributes that follow from templates and that the object lacks. */
int act_fill_templates(
    struct act *act, const struct value *object, const struct value **out, struct err *err);
/* The reverse: derives attributes from the string of `attr` by its template (an import has only the id). */
const struct value *act_split(struct act *act, struct str attr, const struct value *object);
/* Derives attributes from a string by any template. */
const struct value *act_split_text(struct act *act, struct str template, struct str text);
/* True if all tests are true. */
bool act_holds(struct act *act, const struct value_tests *tests, const struct value *object);
/* Returns the first test that is true, or NULL. */
const struct value_test *act_first_holding(
    struct act *act, const struct value_tests *tests, const struct value *object);

/* ---- act_template.c ---- */

/* Builds the request's members, under attribute names; `item` and `token` as below. */
int act_input(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value *item, const struct value *token, const struct value **out, struct err *err);
/* True if the item has an entry in each map of the object from which the step sends a field (see struct
 * spec_extra). */
bool act_has_entries(
    struct act *act, const struct spec_step *step, const struct value *object, const struct value *item);

/* ---- act_sets.c ---- */

/* Returns the list of changes from act->seen to the object; NULL: no changes. */
int act_patch(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value **list, struct err *err);
/* Returns the attributes of such a list in the form of a body, under wire names. */
int act_patch_document(struct arena *arena, const struct spec_request *request, const struct value *object,
    const struct value **document, struct err *err);

/* ---- act_call.c ---- */

/*
 * Makes one call (or calls a native function). `item` is the current item of `each`, members and entries; may
 * be NULL. *document is the response, or an empty map after an ignored error. Errors have the classes defined
 * in the spec.
 */
int act_call(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value *item, const struct value **document, struct err *err);
/* Like act_call(), for the page of the token (NULL: the first page). */
int act_page(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value *item, const struct value *token, const struct value **document, struct err *err);
/* Executes a step with its conditions and `each`. *document stays NULL if no call was made. */
int act_step(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value **document, struct err *err);
/* Like act_step(), without the conditions. */
int act_now(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value **document, struct err *err);
bool act_applies(struct act *act, const struct spec_step *step, const struct value *object);
bool act_error_is(const struct spec_errors *errors, const struct err *err);

/* ---- act_pages.c ---- */

/* Returns the token of the page after `document`, which was requested with `token`; *next is NULL after the
 * last page. */
int act_next_page(struct act *act, const struct spec_step *step, const struct value *document,
    const struct value *token, const struct value **next, struct err *err);
/* Returns every item at step->at, of all pages. */
int act_list(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value *item, const struct value **items, struct err *err);
/* Returns the items of one page; with `each` that page has only ids, and the step is executed once for all of
 * them. *next is the token of the next page, or NULL. */
int act_page_items(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value *token, const struct value **next, const struct value **items, struct err *err);
/* Makes the call once for each item that its `each` lists. */
int act_each(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value **document, struct err *err);
/* True if the item is to be skipped. */
bool act_skips(struct act *act, const struct spec_skip *skip, const struct value *item);

/* Reads the tags of all resources of this type that match the filter (NULL: any), by ARN, without weir's
 * own. */
int act_tagged(struct act *act, const struct value *filters, struct map *by_arn, struct err *err);
/* True if the tags of the expected resources can be read in bulk. */
bool act_tags_in_bulk(struct act *act, const struct list_filter *filter);
/* Reads these tags, by ARN: for the known ARNs, or else of the whole type. */
int act_list_tags(struct act *act, const struct list_filter *filter, struct map *by_arn, struct err *err);

/* ---- act_ops.c ---- */

/* Checks that values in the response have the kinds of their attributes. */
int act_check_types(struct act *act, const struct spec_step *step, const struct value *doc, struct err *err);

/* ---- act_answer.c ---- */

/* True if the item meets `match`. */
bool act_matches(
    struct act *act, const struct spec_step *step, const struct value *item, const struct value *object);
/* Returns the item of a list that is meant: by `newest`, `match` or the id, else the first one; NULL:
 * none. */
const struct value *act_pick(
    struct act *act, const struct spec_step *step, const struct value *items, const struct value *object);
/* Returns the object in a response, or NULL; of a list, the one with the requested id. */
const struct value *act_at(
    struct act *act, const struct spec_step *step, const struct value *document, const struct value *object);
/* Returns the id that requests use for the object; "" if it is not known. */
struct str act_id_asked(struct act *act, const struct value *object);
/* Fails if the id is not known: nothing is read, changed or deleted without it. */
int act_check_known(struct act *act, const struct value *object, struct err *err);
/* Checks that the object in this step's response has the requested id, if it has one. Returns -1 if it is
 * another resource's, or the response is incomplete. */
int act_check_id(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value *live, struct err *err);
/* Like act_check_id(), for paths without an attribute (`whose`). */
int act_check_subject(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value *doc, struct err *err);
/* Checks that every value at the paths of `whose` equals the attribute, and that a list that has to contain
 * the match does. */
int act_check_named(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value *document, struct err *err);
int act_check_match(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value *items, struct err *err);
/* Adds the attributes of an object in this step's response to *live (may be NULL), under our names. */
const struct value *act_decode(
    struct act *act, const struct spec_step *step, const struct value *doc, const struct value *live);
/* Decodes one attribute; NULL if the response lacks it. */
const struct value *act_decode_attr(
    struct act *act, const struct spec_step *step, const struct spec_attr *attr, const struct value *doc);
/* Returns whether the response of this step has the attribute, and its path. Also used by the sandbox, which
 * builds such responses. */
bool act_provides(const struct spec_type *type, const struct spec_step *step, const struct spec_attr *attr,
    struct str *path);
/* Returns the attribute's path in a response of this step. */
struct str act_answer_path(const struct spec_step *step, const struct spec_attr *attr);
/* True if an attribute with its own calls nevertheless is part of the object's response. */
bool act_comes_along(const struct spec_type *type, const struct spec_attr *attr);
/* True if a separate read step returns the attribute. */
bool act_reads_apart(const struct spec_type *type, struct str name);
/* Returns the attribute's name among the pending changes. */
struct str act_pending_name(const struct spec_attr *attr);
/* Returns the tags without keys that are not managed. */
const struct value *act_own_tags(const struct act *act, const struct value *tags);

/* ---- act_read.c ---- */

/* True if the attribute is wanted; NULL: all are. */
bool act_wants(const struct value *wanted, struct str name);
/* True if reading these attributes (NULL: all) requires this read step, provided that its conditions are
 * true. */
bool act_read_needs(const struct spec_type *type, const struct spec_step *step, const struct value *wanted);
/* True if the object can be read but counts as deleted. */
bool act_is_deleted(struct act *act, const struct value *live);
/* Reads the object with at least the wanted attributes; *live is NULL if it does not exist. */
int act_read(struct act *act, const struct value *prior, const struct value *wanted,
    const struct value **live, struct err *err);
/* Returns the object without hidden attributes, which only conditions use. */
const struct value *act_shown(struct act *act, const struct value *object);

/* ---- act_sets.c, act_tags.c: attributes with their own calls: reading them, and changing them from `have`
 * to `want` (either may be NULL) ---- */

/*
 * Makes an idempotent change. After a lost response the call is repeated, and an error of the class `as_done`
 * then means that the first one was executed. `always`: that error always means success.
 */
int act_bring_about(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value *item, enum err_class as_done, bool always, struct err *err);
/* Converts members to the configured form: the resource's own id becomes "self". */
const struct value *act_members_configured(
    struct act *act, const struct spec_owned *m, struct str id, const struct value *items);
int act_read_members(struct act *act, const struct spec_owned *m, const struct value *object,
    const struct value **out, struct err *err);
int act_read_entries(struct act *act, const struct spec_owned *e, const struct value *object,
    const struct value **out, struct err *err);
int act_read_tags(struct act *act, const struct value *object, const struct value **all, struct err *err);
int act_sync_members(struct act *act, const struct spec_owned *m, const struct value *object,
    const struct value *have, const struct value *want, struct err *err);
int act_sync_entries(struct act *act, const struct spec_owned *e, const struct value *object,
    const struct value *have, const struct value *want, struct err *err);
int act_sync_tags(struct act *act, const struct value *object, const struct value *have,
    const struct value *want, bool fresh, struct err *err);
/* Converts tag values to the request's form: unchanged, or items with further members. */
int act_tag_items(struct act *act, const struct value *object, const struct value *texts,
    const struct value **out, struct err *err);
/* Converts the listed items of an entry map to key -> value. */
const struct value *act_entries_of(struct act *act, const struct spec_owned *e, const struct value *items);

/* ---- act_update.c ---- */

enum {
    RUN_APPEARS_WITHIN_MS = 60 * 1000
}; /* limit until a created resource is visible everywhere, and a deleted one is not */

/* Reads an existing object: a read soon after the creation may not see it yet. */
int act_read_back(struct act *act, const struct value *object, const struct value *wanted,
    const struct value **live, struct err *err);
/* Waits until a deletion with an empty response is visible. */
int act_see_deleted(struct act *act, const struct value *object, struct err *err);
/* Waits until the resource is ready; adds its computed attributes then to *live. */
int act_wait_live(struct act *act, const struct value *object, const struct value **live, struct err *err);
/* Adds to *object what a lookup step finds, for conditions and requests of later steps. */
int act_look(struct act *act, const struct spec_step *step, const struct value **object, struct err *err);
/* Records the object in this step's response (may be NULL) as the last seen one. */
void act_see(struct act *act, const struct spec_step *step, const struct value *doc);
bool act_is_default(const struct attr *attr, const struct value *v);
int act_put_sub_resource(
    struct act *act, const struct spec_owned *sub_resource, const struct value *object, struct err *err);

/* ---- act_complete.c: what is kept if a call replaces everything ---- */

/* Returns the desired object (with nulls for removed fields) completed with the other live fields of these
 * attributes (NULL: of all desired ones). Fields that would break a constraint are not kept. */
const struct value *act_kept(
    struct act *act, const struct value *wanted, const struct value *live, const struct value *names);
/* Adds members without an attribute to an object that was just read, to be sent back. */
const struct value *act_with_unnamed(struct act *act, const struct spec_step *step, const struct value *live);
/* Completes the object with the live sub-resource, if its call replaces the whole sub-resource. */
int act_sub_resource_kept(
    struct act *act, const struct spec_owned *sub_resource, const struct value **object, struct err *err);

/* ---- act_complete.c: the object after an operation ---- */

/* Returns what was sent, without write-only attributes. */
const struct value *act_sent(struct act *act, const struct value *desired);
/* After the create call: values in the response take precedence over those sent, since services normalise
 * values. */
int act_made(struct act *act, const struct value *desired, const struct value *answered,
    const struct value **live, struct err *err);
/* Adds what was set by separate calls afterwards, which takes precedence over the response. */
const struct value *act_made_owned(struct act *act, const struct value *desired, const struct value *live);
/* After an update of act->prior: values sent take precedence, since responses may still have the old ones.
 * Removed attributes do not exist any more. */
int act_changed(struct act *act, const struct value *desired, const struct value *changed,
    const struct value *answered, const struct value **live, struct err *err);
/* True if a further read could return the attribute, which no response of this operation had. */
bool act_may_bring(const struct act *act, const struct spec_attr *attr);
/* Returns the names of computed attributes that the object lacks. */
const struct value *act_unreported(struct act *act, const struct value *live);
/* Adds these attributes from `read` (may be NULL); attributes that the service does not report are null. */
const struct value *act_reported(
    struct act *act, const struct value *names, const struct value *read, const struct value *live);
/* Reads those attributes if possible, and completes *live for the caller. */
int act_complete(struct act *act, const struct value *object, const struct value *names,
    const struct value **live, struct err *err);

/* ---- act_tags.c ---- */

/* Converts a string to a valid tag value. */
const struct value *act_tag_text(struct arena *arena, struct str text);
/* Returns the desired object with this intent's ownership tags among its tags. */
const struct value *act_with_ownership_tags(struct act *act, const struct value *desired);
/* Sets tags of a new resource that the create call does not accept. */
int act_tag_created(struct act *act, const struct value *object, const struct value *tags, struct err *err);
/* Kind of the change, for messages. */
enum act_deed { RUN_CHANGES, RUN_DELETES };
/* Checks the owner: returns -1 if the resource belongs to another owner or the owner cannot be determined. */
int act_check_owner(struct act *act, const struct value *object, enum act_deed deed, struct err *err);
/* Like act_check_owner(), only if ownership tags read before are not ours; otherwise makes no call. */
int act_check_seen(struct act *act, const struct value *object, struct err *err);
/* Returns the object with only the user's tags; reports its ownership tags to the observer. */
const struct value *act_without_ownership_tags(struct act *act, const struct value *object);

/* ---- act_find.c ---- */

/* Finds what this intent (ctx->owner.token) created, or NULL; repeats the lookup until until_ms, 0: one
 * lookup. */
int act_find(struct act *act, const struct value *desired, int64_t until_ms, const struct value **live,
    struct err *err);
/* Determines whether a resource with the name exists, whatever its owner; for create calls that would
 * overwrite it silently. */
int act_is_taken(struct act *act, const struct value *desired, bool *taken, struct err *err);

/* ---- act_list.c ---- */

/* Whether this step of the listing is needed for these attributes; and the attributes that all needed steps
 * cover. */
bool act_list_needs(const struct spec_step *step, const struct value *wanted);
const struct value *act_list_covers(struct act *act, const struct value *wanted);

/* ---- act_complete.c ---- */

/* Waits until ready; *live is the object as last read. */
int act_wait_ready(struct act *act, const struct value *object, const struct value **live, struct err *err);
int act_wait_deleted(struct act *act, const struct value *object, struct err *err);

/* ---- act_teardown.c ---- */

/* Returns the object as deleted under act->teardown. */
const struct value *act_forced(struct act *act, const struct value *object);
/* Removes what prevents the deletion at the service. */
int act_lift(struct act *act, const struct value *object, struct err *err);
/* Adds a hint to a refused deletion with the consent that would allow it. */
void act_hint_teardown(const struct act *act, struct err *err);

/* ---- the operations ---- */

int spec_read(struct op_ctx *ctx, const struct value *prior, const struct value *wanted,
    const struct value **live, struct err *err);
int spec_list(struct op_ctx *ctx, const struct list_filter *filter, resource_found *found, void *found_ctx,
    const struct value **covered, struct err *err);
int spec_create(struct op_ctx *ctx, const struct attempt *attempt, const struct value *desired,
    const struct value **live, struct err *err);
int spec_update(struct op_ctx *ctx, const struct value *prior, const struct value *desired,
    const struct value *changed, const struct value **live, struct err *err);
int spec_delete(struct op_ctx *ctx, unsigned teardown, const struct value *prior, struct err *err);
int spec_ownership_tags(
    struct op_ctx *ctx, const struct value *object, const struct value **owner_tags, struct err *err);
int spec_find_owner(struct op_ctx *ctx, const struct value *object, struct ownership *out, struct err *err);
int spec_add_ownership_tags(struct op_ctx *ctx, const struct value *object, const struct value *owner_tags,
    bool *done, struct err *err);
int spec_data_loss(struct op_ctx *ctx, unsigned teardown, const struct value *object,
    const struct value **list, struct err *err);
int spec_leaves(struct op_ctx *ctx, const struct value *object, const struct value **list, struct err *err);
int spec_search(
    struct op_ctx *ctx, const struct value *match, resource_found *found, void *found_ctx, struct err *err);
int spec_list_owned(
    struct op_ctx *ctx, bool unreported, resource_found *found, void *found_ctx, struct err *err);
int spec_ids(struct op_ctx *ctx, const struct list_filter *filter, resource_found *found, void *found_ctx,
    struct err *err);
int spec_listing_saves(struct op_ctx *ctx, const struct list_filter *filter);
struct str spec_tag_name(struct op_ctx *ctx, const struct value *prior, bool listed);
int spec_tags_of(struct op_ctx *ctx, const struct str *names, size_t n, tags_found *found, void *found_ctx,
    struct err *err);
int spec_by_arn(struct op_ctx *ctx, struct str arn, const struct value **object, struct err *err);
int spec_find(struct op_ctx *ctx, const struct attempt *attempt, const struct value *desired,
    const struct value **live, struct err *err);
int spec_console(struct op_ctx *ctx, const struct value *object, struct str *text, struct err *err);
int spec_find_by_name(
    struct op_ctx *ctx, const struct value *desired, const struct value **object, struct err *err);
