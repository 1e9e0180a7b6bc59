/*
 * Shared by the interpreter's files; not for others. One `struct run` lives as long as one operation on one
 * resource, on the stack of the thread that does it; results are in ctx->arena.
 */
#ifndef WEIR_PROVIDER_SPEC_RUN_H
#define WEIR_PROVIDER_SPEC_RUN_H

#include "provider/spec/spec.h"

struct run {
    struct op_ctx *ctx;
    const struct spec_type *type;
    struct arena *arena;
    const struct value *prior;     /* of an update: what conditions compare with; NULL: nothing */
    const struct attempt *attempt; /* of a creation, and of finding it again */
    unsigned teardown;             /* consents of a deletion, see enum teardown */
    struct aws_client *client;
    bool keep_marks;  /* tags as the service has them, weir's own included */
    bool base_read;   /* the object's own answer was read in this operation */
    bool making;      /* calls may be about what was made a moment ago and is not seen everywhere yet */
    bool makes;       /* the call at hand is the one that makes the thing */
    bool looks_first; /* even a call with a token is not sent again before it was looked what became of it */
    bool sees_going;  /* what is being deleted is read as well; else it is as good as gone */
    bool sees_gone;   /* and what is as good as gone, too */
    bool ignored;     /* the last call was refused in a way that its step passes over: nothing was said */
    bool silent;      /* a change was answered with nothing at all, which need not be the service's answer */
};

void run_init(struct run *run, struct op_ctx *ctx);

/* ---- run_template.c ---- */

/*
 * Texts with ${…} filled in from the object, its defaults and the surroundings; maps and lists at every
 * depth. *out is unknown where something in a text is, NULL where something has no value; list items without
 * one are left out.
 */
int run_template(struct run *run, const struct value *template, const struct value *object,
    const struct value **out, struct err *err);
/* Adds what templates say of computed attributes that the object lacks. */
int run_fill_templates(
    struct run *run, const struct value *object, const struct value **out, struct err *err);
/* The other way round: attributes that the text of `attr` holds by its template (an import gives no more than
 * the id). */
const struct value *run_split(struct run *run, struct str attr, const struct value *object);
/* What a text holds by any template. */
const struct value *run_split_text(struct run *run, struct str template, struct str text);
/* All of these, or (any) one of these. */
bool run_holds(struct run *run, const struct spec_conditions *conditions, const struct value *object);
bool run_holds_any(struct run *run, const struct spec_conditions *conditions, const struct value *object);

/* ---- run_call.c ---- */

/*
 * One call (or native function). `item` is what `each`, members and entries take from; NULL: nothing.
 * *document is the answer, an empty map where the error was one to ignore. Errors have the classes that the
 * spec gives them.
 */
int run_call(struct run *run, const struct spec_step *step, const struct value *object,
    const struct value *item, const struct value **document, struct err *err);
/* The same for the page that the token (of the page before; NULL: the first) stands for. */
int run_page(struct run *run, const struct spec_step *step, const struct value *object,
    const struct value *item, const struct value *token, const struct value **document, struct err *err);
/* What leads to the page after `document`, which `token` has led to; *next NULL: it is the last one. */
int run_next_page(struct run *run, const struct spec_step *step, const struct value *document,
    const struct value *token, const struct value **next, struct err *err);
/* Every item at step->at, through all pages. */
int run_list(struct run *run, const struct spec_step *step, const struct value *object,
    const struct value *item, const struct value **items, struct err *err);
/* The items of one page; with `each` that page has ids only, and the step is made once for all of them. *next
 * is the token of the page after it, or NULL. */
int run_page_items(struct run *run, const struct spec_step *step, const struct value *object,
    const struct value *token, const struct value **next, const struct value **items, struct err *err);
/* A step with everything around it: conditions, `each`, `must be absent`. *document stays NULL where nothing
 * was sent. */
int run_step(struct run *run, const struct spec_step *step, const struct value *object,
    const struct value **document, struct err *err);
/* Is this item one to leave alone? */
bool run_skips(struct run *run, const struct spec_skip *skip, const struct value *item);
/* The same without its conditions. */
int run_now(struct run *run, const struct spec_step *step, const struct value *object,
    const struct value **document, struct err *err);
bool run_applies(struct run *run, const struct spec_step *step, const struct value *object);
bool run_error_is(const struct spec_errors *errors, const struct err *err);

/* ---- run_read.c ---- */

/* Is this attribute brought by a read step of its own? */
bool run_reads_apart(const struct spec_type *type, struct str name);

/* Is the item what `match` means? */
bool run_matches(
    struct run *run, const struct spec_step *step, const struct value *item, const struct value *object);
/* The item of a list that `match` means, or the first one; NULL where there is none. */
const struct value *run_pick(
    struct run *run, const struct spec_step *step, const struct value *items, const struct value *object);
/* The object in an answer, or NULL: of a list, the one that has the id that was asked for. */
const struct value *run_at(
    struct run *run, const struct spec_step *step, const struct value *document, const struct value *object);
/* Does an object in this step's answer bear the id that was asked for, as far as it says? -1: it is another
 * one's, or the answer is not whole. */
int run_check_id(struct run *run, const struct spec_step *step, const struct value *object,
    const struct value *live, struct err *err);
/* Nothing is ever asked, changed or deleted without the id of what is meant. */
int run_check_known(struct run *run, const struct value *object, struct err *err);
/* Attributes of one object in an answer of this step, under our names, added to *live (may be NULL). */
const struct value *run_decode(
    struct run *run, const struct spec_step *step, const struct value *doc, const struct value *live);
/* Does the answer of this step carry the attribute, and where? Also read by the sandbox, which makes such
 * answers. */
bool run_provides(const struct spec_type *type, const struct spec_step *step, const struct spec_attr *attr,
    struct str *path);
/* Where it lies in an answer of this step. */
struct str run_answer_path(const struct spec_step *step, const struct spec_attr *attr);
/* What it is called among the changes that are still to come. */
struct str run_pending_name(const struct spec_attr *attr);
/* Readable, but as good as not there? */
bool run_is_gone(struct run *run, const struct value *live);
/* Keys that are not the user's taken out. */
const struct value *run_own_tags(struct arena *arena, const struct value *tags);
int run_read(struct run *run, const struct value *prior, const struct value *wanted,
    const struct value **live, struct err *err);
const struct value *run_shown(struct run *run, const struct value *object);
bool run_wants(const struct value *wanted, struct str name);

/* ---- run_sets.c: what has calls of its own, read and brought from `have` to `want` (either may be NULL)
 * ---- */

/*
 * A call that brings about what may be there already: where its answer is lost it is sent again, and then a
 * refusal that says `as_done` means that the first one was carried out. `always`: it means that anyway.
 */
int run_bring_about(struct run *run, const struct spec_step *step, const struct value *object,
    const struct value *item, enum err_class as_done, bool always, struct err *err);
int run_read_members(struct run *run, const struct spec_members *m, const struct value *object,
    const struct value **out, struct err *err);
int run_read_entries(struct run *run, const struct spec_entries *e, const struct value *object,
    const struct value **out, struct err *err);
int run_read_tags(struct run *run, const struct value *object, const struct value **all, struct err *err);
int run_sync_members(struct run *run, const struct spec_members *m, const struct value *object,
    const struct value *have, const struct value *want, struct err *err);
int run_sync_entries(struct run *run, const struct spec_entries *e, const struct value *object,
    const struct value *have, const struct value *want, struct err *err);
int run_sync_tags(struct run *run, const struct value *object, const struct value *have,
    const struct value *want, bool fresh, struct err *err);
/* The listed items of an entry map as key -> value. */
const struct value *run_entries_of(struct run *run, const struct spec_entries *e, const struct value *items);

/* ---- run_make.c ---- */

/*
 * A call that makes the thing. Where its answer is lost it is never simply sent again: what became of it is
 * looked for first, as the type says. What is found so is *found, whole, and *document is NULL; else *found
 * is NULL.
 */
int run_make(struct run *run, const struct spec_step *step, const struct value *object,
    const struct value **document, const struct value **found, struct err *err);

/* ---- run_change.c ---- */

enum { RUN_APPEARS_WITHIN_MS = 60 * 1000 }; /* what was made, everywhere; what was deleted likewise goes */

/* A read of what is known to be there: a read soon after a create may not see it yet. */
int run_read_back(struct run *run, const struct value *object, const struct value *wanted,
    const struct value **live, struct err *err);
/* Waits until it is ready; what the service says then of computed attributes is added to *live. */
int run_wait_live(struct run *run, const struct value *object, const struct value **live, struct err *err);
/* Adds to *object what there is already, for the conditions of later steps and for what they send. */
int run_look(struct run *run, const struct spec_step *step, const struct value **object, struct err *err);
bool run_is_default(const struct attr *attr, const struct value *v);
/* After a call that the thing is busy with for a while, where the step says so. */
int run_wait_step(struct run *run, const struct spec_step *step, const struct value *object, struct err *err);
int run_put_facet(
    struct run *run, const struct spec_facet *facet, const struct value *object, struct err *err);

/* ---- run_complete.c: what an object is after an operation ---- */

/* What was sent, without what cannot be read back. */
const struct value *run_sent(struct run *run, const struct value *desired);
/* After the call that made it: its answer wins over what was sent, for services have their own spelling. */
int run_made(struct run *run, const struct value *desired, const struct value *answered,
    const struct value **live, struct err *err);
/* With what was set by calls of its own after that: it wins over the answer, which came before. */
const struct value *run_made_owned(struct run *run, const struct value *desired, const struct value *live);
/* After an update of run->prior: what was sent wins, for answers may still show how it was. What was taken
 * out of the file is not there any more. */
int run_changed(struct run *run, const struct value *desired, const struct value *changed,
    const struct value *answered, const struct value **live, struct err *err);
/* Could a read now bring the attribute, where what was read in this operation did not? */
bool run_may_bring(const struct run *run, const struct spec_attr *attr);
/* The names of computed attributes that it lacks. */
const struct value *run_untold(struct run *run, const struct value *live);
/* With those as they were read (`read` may be NULL): what the service does not say is null. */
const struct value *run_told(
    struct run *run, const struct value *names, const struct value *read, const struct value *live);
/* Reads those that can be read and puts an end to it: *live is as others are shown it. */
int run_complete(struct run *run, const struct value *object, const struct value *names,
    const struct value **live, struct err *err);

/* ---- run_marks.c ---- */

/* The text as a tag may have it. */
const struct value *run_tag_text(struct arena *arena, struct str text);
/* What is wanted, with this intent's marks among its tags. */
const struct value *run_marked(struct run *run, const struct value *desired);
/* Tags of what was just made and could not be given with the creation. */
int run_tag_created(struct run *run, const struct value *object, const struct value *tags, struct err *err);
/* What is to be done to the thing. */
enum run_deed { RUN_CHANGES, RUN_DELETES };
/* Asks whose the thing is: -1 where it is another's, or nobody can say. */
int run_check_whose(struct run *run, const struct value *object, enum run_deed deed, struct err *err);
/* The same where marks that were seen before speak against it; nothing is asked where they do not. */
int run_check_seen(struct run *run, const struct value *object, struct err *err);
/* The object with only the user's tags, after the marks among them were told of. */
const struct value *run_without_marks(struct run *run, const struct value *object);

/* ---- run_find.c ---- */

/* What this intent has made (its token is ctx->owner.token), or NULL; looks again until then, 0: once. */
int run_find(struct run *run, const struct value *desired, int64_t until_ms, const struct value **live,
    struct err *err);

/* ---- run_list.c ---- */

/* Entries by ARN: the tags of everything of this type that has the tags of the filter (NULL: any), without
 * weir's. */
int run_tagged(struct run *run, const struct value *filters, struct map *by_arn, struct err *err);

/* ---- run_wait.c ---- */

/* Until ready; *live is the object as last read. */
int run_wait_ready(struct run *run, const struct value *object, const struct value **live, struct err *err);
int run_wait_gone(struct run *run, const struct value *object, struct err *err);
/* Sleeps so long unless cancelled. */
int run_sleep(struct run *run, int64_t ms, struct err *err);

/* ---- run_teardown.c ---- */

/* The object as it is deleted under run->teardown. */
const struct value *run_forced(struct run *run, const struct value *object);
/* Takes away at the service what stands against the deletion. */
int run_lift(struct run *run, const struct value *object, struct err *err);
/* Adds to a refused deletion which consent would do it. */
void run_hint_teardown(const struct run *run, struct err *err);

/* ---- the operations ---- */

int spec_predict(struct op_ctx *ctx, const struct value *desired, const struct value *prior,
    const struct value **planned, struct err *err);
int spec_read(struct op_ctx *ctx, const struct value *prior, const struct value *wanted,
    const struct value **live, struct err *err);
int spec_list(struct op_ctx *ctx, const struct sought *sought, resource_found *found, void *found_ctx,
    const struct value **covered, struct err *err);
int spec_create(struct op_ctx *ctx, const struct attempt *attempt, const struct value *desired,
    const struct value **live, struct err *err);
int spec_update(struct op_ctx *ctx, const struct value *prior, const struct value *desired,
    const struct value *changed, const struct value **live, struct err *err);
int spec_delete(struct op_ctx *ctx, unsigned teardown, const struct value *prior, struct err *err);
int spec_marks(struct op_ctx *ctx, const struct value *object, const struct value **marks, struct err *err);
int spec_erases(struct op_ctx *ctx, unsigned teardown, const struct value *object, const struct value **list,
    struct err *err);
int spec_leaves(struct op_ctx *ctx, const struct value *object, const struct value **list, struct err *err);
int spec_search(
    struct op_ctx *ctx, const struct value *match, resource_found *found, void *found_ctx, struct err *err);
int spec_marked(struct op_ctx *ctx, bool untold, resource_found *found, void *found_ctx, struct err *err);
int spec_by_arn(struct op_ctx *ctx, struct str arn, const struct value **object, struct err *err);
int spec_find(struct op_ctx *ctx, const struct attempt *attempt, const struct value *desired,
    const struct value **live, struct err *err);
int spec_namesake(
    struct op_ctx *ctx, const struct value *desired, const struct value **object, struct err *err);

#endif
