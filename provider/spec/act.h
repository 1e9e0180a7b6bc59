/*
 * Shared by the interpreter's files; not for others. One `struct act` lives as long as one operation on one
 * resource, on the stack of the thread that does it; results are in ctx->arena.
 */
#pragma once

#include "provider/spec/spec.h"

/* A question that was answered in this operation. */
struct act_answer {
    const struct wire_operation *op;
    struct wire_message request, answer;
    const struct act_answer *before;
};

struct act {
    struct op_ctx *ctx;
    const struct spec_type *type;
    struct arena *arena;
    const struct value *prior;   /* of an update: what conditions compare with; NULL: nothing */
    const struct value *seen;    /* as the last answer that had all of it says; an update begins with prior */
    const struct value *changed; /* of an update: names of what is to change; NULL: what is given */
    const struct value *taking;  /* of an update: what is wanted, with nulls for what is taken out of it */
    const struct attempt *attempt; /* of a creation, and of finding it again */
    size_t page_limit;             /* of a listing, see struct list_filter; 0: none */
    unsigned teardown;             /* consents of a deletion, see enum teardown */
    struct aws_client *client;
    const struct value *raw; /* of the last read: the object in its first answer, under the service's names */
    bool asks;               /* nothing is changed by this operation: the same question is asked once */
    const struct act_answer *answers; /* then, the latest first */
    bool keep_ownership_tags;         /* tags as the service has them, weir's own included */
    bool base_read;                   /* the object's own answer was read in this operation */
    bool making;      /* calls may be about what was made a moment ago and is not seen everywhere yet */
    bool makes;       /* the call at hand is the one that makes the resource */
    bool looks_first; /* even a call with a token is not sent again before it was looked what became of it */
    bool sees_deleting; /* what is being deleted is read as well; else it is as good as deleted */
    bool sees_deleted;  /* and what is as good as deleted, too */
    bool ignored; /* the last call was refused in a way that its step passes over: nothing was reported */
    bool empty_answer; /* a change was answered with nothing at all, which need not be the service's answer */
};

void act_init(struct act *act, struct op_ctx *ctx);

/* ---- act_template.c ---- */

/*
 * Texts with ${…} filled in from the object, its defaults and the context; maps and lists at every
 * depth. *out is unknown where something in a text is, NULL where something has no value; list items without
 * one are left out.
 */
int act_template(struct act *act, const struct value *template, const struct value *object,
    const struct value **out, struct err *err);
/* Adds what templates say of computed attributes that the object lacks. */
int act_fill_templates(
    struct act *act, const struct value *object, const struct value **out, struct err *err);
/* The other way round: attributes that the text of `attr` holds by its template (an import gives no more than
 * the id). */
const struct value *act_split(struct act *act, struct str attr, const struct value *object);
/* What a text holds by any template. */
const struct value *act_split_text(struct act *act, struct str template, struct str text);
/* All of these, or (any) one of these. */
bool act_holds(struct act *act, const struct spec_conditions *conditions, const struct value *object);
/* The first that holds, or NULL. */
const struct spec_condition *act_first_holding(
    struct act *act, const struct spec_conditions *conditions, const struct value *object);
bool act_holds_any(struct act *act, const struct spec_conditions *conditions, const struct value *object);

/* ---- act_template.c ---- */

/* The members of the request, under attributes' names; `item` and `token` as below. */
int act_input(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value *item, const struct value *token, const struct value **out, struct err *err);
/* Has the item an entry in each map of the object from which the step sends something (see struct
 * spec_extra)?
 */
bool act_has_entries(
    struct act *act, const struct spec_step *step, const struct value *object, const struct value *item);

/* ---- act_sets.c ---- */

/* The list of changes that leads from what was seen to the object; NULL: nothing is to be changed. */
int act_patch(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value **list, struct err *err);
/* The attributes that such a list is about as a body would have them, under wire names. */
int act_patch_document(struct arena *arena, const struct spec_request *request, const struct value *object,
    const struct value **document, struct err *err);

/* ---- act_call.c ---- */

/*
 * One call (or native function). `item` is what `each`, members and entries take from; NULL: nothing.
 * *document is the answer, an empty map where the error was one to ignore. Errors have the classes that the
 * spec gives them.
 */
int act_call(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value *item, const struct value **document, struct err *err);
/* The same for the page that the token (of the page before; NULL: the first) stands for. */
int act_page(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value *item, const struct value *token, const struct value **document, struct err *err);
/* A step with everything around it: conditions, `each`. *document stays NULL where nothing
 * was sent. */
int act_step(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value **document, struct err *err);
/* The same without its conditions. */
int act_now(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value **document, struct err *err);
bool act_applies(struct act *act, const struct spec_step *step, const struct value *object);
bool act_error_is(const struct spec_errors *errors, const struct err *err);

/* ---- act_pages.c ---- */

/* What leads to the page after `document`, which `token` has led to; *next NULL: it is the last one. */
int act_next_page(struct act *act, const struct spec_step *step, const struct value *document,
    const struct value *token, const struct value **next, struct err *err);
/* Every item at step->at, through all pages. */
int act_list(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value *item, const struct value **items, struct err *err);
/* The items of one page; with `each` that page has ids only, and the step is made once for all of them. *next
 * is the token of the page after it, or NULL. */
int act_page_items(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value *token, const struct value **next, const struct value **items, struct err *err);
/* The call once for each item that its `each` lists. */
int act_each(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value **document, struct err *err);
/* Is this item one to leave alone? */
bool act_skips(struct act *act, const struct spec_skip *skip, const struct value *item);

/* Entries by ARN: the tags of everything of this type that has the tags of the filter (NULL: any), without
 * weir's. */
int act_tagged(struct act *act, const struct value *filters, struct map *by_arn, struct err *err);
/* Can the tags of what is looked for be had at once? */
bool act_tags_in_bulk(struct act *act, const struct list_filter *filter);
/* Then these, by ARN: by name, as far as the names are known, else those of the whole type. */
int act_list_tags(struct act *act, const struct list_filter *filter, struct map *by_arn, struct err *err);

/* ---- act_ops.c ---- */

/* Has it values of the kinds that attributes are read from? */
int act_check_types(struct act *act, const struct spec_step *step, const struct value *doc, struct err *err);

/* ---- act_answer.c ---- */

/* Is the item what `match` means? */
bool act_matches(
    struct act *act, const struct spec_step *step, const struct value *item, const struct value *object);
/* The item of a list that is meant: by `newest`, `match` or the id, else the first one; NULL: none. */
const struct value *act_pick(
    struct act *act, const struct spec_step *step, const struct value *items, const struct value *object);
/* The object in an answer, or NULL: of a list, the one that has the id that was asked for. */
const struct value *act_at(
    struct act *act, const struct spec_step *step, const struct value *document, const struct value *object);
/* The id by which the object is asked for; "" where it is not known. */
struct str act_id_asked(struct act *act, const struct value *object);
/* Nothing is ever asked, changed or deleted without the id of what is meant. */
int act_check_known(struct act *act, const struct value *object, struct err *err);
/* Does an object in this step's answer have the id that was asked for, as far as it says? -1: it is another
 * one's, or the answer is not whole. */
int act_check_id(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value *live, struct err *err);
/* The same by paths that no attribute is read from (`whose`). */
int act_check_subject(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value *doc, struct err *err);
/* Every value at the paths of `whose` names what the attribute says; of a list that should have it, there is
 * the one that matches. */
int act_check_named(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value *document, struct err *err);
int act_check_match(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value *items, struct err *err);
/* Attributes of one object in an answer of this step, under our names, added to *live (may be NULL). */
const struct value *act_decode(
    struct act *act, const struct spec_step *step, const struct value *doc, const struct value *live);
/* One of them; NULL: the answer does not have it. */
const struct value *act_decode_attr(
    struct act *act, const struct spec_step *step, const struct spec_attr *attr, const struct value *doc);
/* Does the answer of this step carry the attribute, and where? Also read by the sandbox, which makes such
 * answers. */
bool act_provides(const struct spec_type *type, const struct spec_step *step, const struct spec_attr *attr,
    struct str *path);
/* Where it is in an answer of this step. */
struct str act_answer_path(const struct spec_step *step, const struct spec_attr *attr);
/* Does an attribute that has calls of its own come with the object's answer nevertheless? */
bool act_comes_along(const struct spec_type *type, const struct spec_attr *attr);
/* Is this attribute brought by a read step of its own? */
bool act_reads_apart(const struct spec_type *type, struct str name);
/* What it is called among the changes that are still to come. */
struct str act_pending_name(const struct spec_attr *attr);
/* Keys that are not the user's taken out. */
const struct value *act_own_tags(const struct act *act, const struct value *tags);

/* ---- act_read.c ---- */

/* NULL wants all. */
bool act_wants(const struct value *wanted, struct str name);
/* Does reading these attributes (NULL: all) take this read step, if its conditions hold? */
bool act_read_needs(const struct spec_type *type, const struct spec_step *step, const struct value *wanted);
/* Readable, but as good as not there? */
bool act_is_deleted(struct act *act, const struct value *live);
/* The object with those attributes that are wanted, and maybe others; *live NULL: it is not there. */
int act_read(struct act *act, const struct value *prior, const struct value *wanted,
    const struct value **live, struct err *err);
/* Without what only conditions look at. */
const struct value *act_shown(struct act *act, const struct value *object);

/* ---- act_sets.c, act_tags.c: what has calls of its own, read and brought from `have` to `want` (either may
 * be NULL)
 * ---- */

/*
 * A call that brings about what may be there already: where its answer is lost it is sent again, and then a
 * refusal that says `as_done` means that the first one was executed. `always`: it means that anyway.
 */
int act_bring_about(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value *item, enum err_class as_done, bool always, struct err *err);
/* Members as files have them, of what they are on the wire: what names the resource itself is "self". */
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
/* Texts of tags as requests have them: the same, or items with what else they need. */
int act_tag_items(struct act *act, const struct value *object, const struct value *texts,
    const struct value **out, struct err *err);
/* The listed items of an entry map as key -> value. */
const struct value *act_entries_of(struct act *act, const struct spec_owned *e, const struct value *items);

/* ---- act_update.c ---- */

enum { RUN_APPEARS_WITHIN_MS = 60 * 1000 }; /* what was made, everywhere; what was deleted likewise goes */

/* A read of what is known to be there: a read soon after a create may not see it yet. */
int act_read_back(struct act *act, const struct value *object, const struct value *wanted,
    const struct value **live, struct err *err);
/* The same of a deletion that was answered with nothing: it has to be gone. */
int act_see_deleted(struct act *act, const struct value *object, struct err *err);
/* Waits until it is ready; what the service says then of computed attributes is added to *live. */
int act_wait_live(struct act *act, const struct value *object, const struct value **live, struct err *err);
/* Adds to *object what there is already, for the conditions of later steps and for what they send. */
int act_look(struct act *act, const struct spec_step *step, const struct value **object, struct err *err);
/* What this step's answer has (NULL: nothing) is what there is now. */
void act_see(struct act *act, const struct spec_step *step, const struct value *doc);
bool act_is_default(const struct attr *attr, const struct value *v);
int act_put_sub_resource(
    struct act *act, const struct spec_owned *sub_resource, const struct value *object, struct err *err);

/* ---- act_complete.c: what stays as it is where a service takes all of what is sent ---- */

/* What is wanted (with nulls for what is taken out), and beside it what else of these attributes (NULL: of
 * all that are wanted) is there. What would break a constraint is not kept. */
const struct value *act_kept(
    struct act *act, const struct value *wanted, const struct value *live, const struct value *names);
/* Adds to what was just read, and is to be sent back whole, what there is no attribute for. */
const struct value *act_with_unnamed(struct act *act, const struct spec_step *step, const struct value *live);
/* The object with what is there of the sub-resource besides, where its call replaces all of it. */
int act_sub_resource_kept(
    struct act *act, const struct spec_owned *sub_resource, const struct value **object, struct err *err);

/* ---- act_complete.c: what an object is after an operation ---- */

/* What was sent, without what cannot be read back. */
const struct value *act_sent(struct act *act, const struct value *desired);
/* After the call that made it: its answer wins over what was sent, for services have their own spelling. */
int act_made(struct act *act, const struct value *desired, const struct value *answered,
    const struct value **live, struct err *err);
/* With what was set by calls of its own after that: it wins over the answer, which came before. */
const struct value *act_made_owned(struct act *act, const struct value *desired, const struct value *live);
/* After an update of run->prior: what was sent wins, for answers may still show how it was. What was taken
 * out of the file is not there any more. */
int act_changed(struct act *act, const struct value *desired, const struct value *changed,
    const struct value *answered, const struct value **live, struct err *err);
/* Could a read now bring the attribute, where what was read in this operation did not? */
bool act_may_bring(const struct act *act, const struct spec_attr *attr);
/* The names of computed attributes that it lacks. */
const struct value *act_unreported(struct act *act, const struct value *live);
/* With those as they were read (`read` may be NULL): what the service does not say is null. */
const struct value *act_reported(
    struct act *act, const struct value *names, const struct value *read, const struct value *live);
/* Reads those that can be read and puts an end to it: *live is as others are shown it. */
int act_complete(struct act *act, const struct value *object, const struct value *names,
    const struct value **live, struct err *err);

/* ---- act_tags.c ---- */

/* The text as a tag may have it. */
const struct value *act_tag_text(struct arena *arena, struct str text);
/* What is wanted, with this intent's ownership tags among its tags. */
const struct value *act_with_ownership_tags(struct act *act, const struct value *desired);
/* Tags of what was just made and could not be given with the creation. */
int act_tag_created(struct act *act, const struct value *object, const struct value *tags, struct err *err);
/* What is to be done to the resource. */
enum act_deed { RUN_CHANGES, RUN_DELETES };
/* Asks whose the resource is: -1 where it is another's, or nobody can say. */
int act_check_whose(struct act *act, const struct value *object, enum act_deed deed, struct err *err);
/* The same where ownership tags that were seen before speak against it; nothing is asked where they do not.
 */
int act_check_seen(struct act *act, const struct value *object, struct err *err);
/* The object with only the user's tags, after the ownership tags among them were reported. */
const struct value *act_without_ownership_tags(struct act *act, const struct value *object);

/* ---- act_find.c ---- */

/* What this intent has made (its token is ctx->owner.token), or NULL; looks again until then, 0: once. */
int act_find(struct act *act, const struct value *desired, int64_t until_ms, const struct value **live,
    struct err *err);
/* Does something have the name already, whoever made it? For calls that would change that without a word. */
int act_is_taken(struct act *act, const struct value *desired, bool *taken, struct err *err);

/* ---- act_list.c ---- */

/* Is this step of the listing made where these attributes are wanted? And what all of them say together. */
bool act_list_needs(const struct spec_step *step, const struct value *wanted);
const struct value *act_list_covers(struct act *act, const struct value *wanted);

/* ---- act_complete.c ---- */

/* Until ready; *live is the object as last read. */
int act_wait_ready(struct act *act, const struct value *object, const struct value **live, struct err *err);
int act_wait_deleted(struct act *act, const struct value *object, struct err *err);

/* ---- act_teardown.c ---- */

/* The object as it is deleted under run->teardown. */
const struct value *act_forced(struct act *act, const struct value *object);
/* Takes away at the service what is against the deletion. */
int act_lift(struct act *act, const struct value *object, struct err *err);
/* Adds to a refused deletion which consent would do it. */
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
int spec_whose(struct op_ctx *ctx, const struct value *object, struct ownership *out, struct err *err);
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
int spec_namesake(
    struct op_ctx *ctx, const struct value *desired, const struct value **object, struct err *err);
