/*
 * One change: evaluate with what is known by now, record the intent, call the provider, record the outcome.
 *
 * Runs on a worker thread. The executor's lock is held while anything of the planner is read or written,
 * never while a service is called or the disk is waited for.
 */
#include "plan/executor.h"

#include "base/clock.h"
#include "base/mem.h"
#include "plan/address.h"
#include "plan/attributes.h"
#include "plan/context.h"
#include "plan/depends.h"
#include "plan/diff.h"
#include "plan/instances.h"
#include "plan/objects.h"
#include "plan/places.h"
#include "plan/recover.h"
#include "plan/teardown.h"

#include <assert.h>
#include <stdio.h>

/* What a worker needs to carry out one change. */
struct job {
    struct executor *x;
    struct change *change;
    struct arena arena;
    struct provider *provider;
    const struct schema *schema;
    struct subject subject;
    const struct value *place; /* where it is made; NULL: nowhere outside */
    struct op_ctx ctx;
    char token[33];
    enum action action;
};

static struct event job_event(const struct job *job, enum event_kind kind)
{
    return (struct event){.kind = kind, .address = job->subject.address, .action = job->action};
}

static void progress(void *ctx, const char *what)
{
    struct job *job = ctx;
    struct event event = job_event(job, EVENT_PROGRESS);
    event.text = what;
    executor_event(job->x, &event);
}

static void warn(void *ctx, const char *text)
{
    struct job *job = ctx;
    struct event event = job_event(job, EVENT_WARNING);
    event.text = text;
    executor_event(job->x, &event);
}

static void printed(void *ctx, const char *line)
{
    struct job *job = ctx;
    struct event event = job_event(job, EVENT_PRINTED);
    event.text = line;
    executor_event(job->x, &event);
}

/* Is what was found, or made, nobody else's? From then on it is this resource's. */
static bool claim(void *ctx, struct str id)
{
    struct job *job = ctx;
    struct executor *x = job->x;
    pthread_mutex_lock(&x->lock);
    struct str key = arena_printf(x->p->arena, "%.*s %.*s %.*s", STR_ARG(job->subject.provider),
        STR_ARG(job->schema->name), STR_ARG(id));
    const char *whose = map_get(&x->claimed, key);
    bool free = !whose || str_eqz(job->subject.address, whose);
    for (size_t i = 0; i < x->p->seen_count && free; i++) {
        const struct record *record = x->p->seen[i].record;
        free = !str_eq(record->subject.id, id) || !str_eq(record->subject.type, job->schema->name) ||
               !str_eq(record->subject.provider, job->subject.provider);
    }
    if (free && !whose)
        map_set(&x->claimed, key, arena_strz(x->p->arena, job->subject.address));
    pthread_mutex_unlock(&x->lock);
    return free;
}

static void job_context(struct job *job, int64_t timeout_ms)
{
    state_token(job->token);
    job->ctx = op_context(job->x->p, &job->arena, job->provider, job->schema, job->subject.address);
    if (job->change->instance)
        job->ctx.dir = local_dir(job->change->instance->decl);
    job->ctx.token = str_z(job->token);
    job->ctx.timeout_ms = timeout_ms;
    job->ctx.cancel = &job->x->cancel;
    job->ctx.progress = progress;
    job->ctx.progress_ctx = job;
    job->ctx.warn = warn;
    job->ctx.warn_ctx = job;
    job->ctx.printed = printed;
    job->ctx.printed_ctx = job;
    job->ctx.claim = claim;
    job->ctx.claim_ctx = job;
    job->ctx.since_ms = clock_wall_ms();
}

static struct str object_id(const struct schema *schema, const struct value *object)
{
    return value_text(value_get(object, schema->id), STR_EMPTY);
}

/* What is known of the resource so far; NULL: nothing. */
static const struct value *recorded(const struct job *job)
{
    const struct seen *seen = job->change->instance ? job->change->instance->seen : NULL;
    return seen ? seen->record->attrs : NULL;
}

/* As it goes into the log: write-only values hashed, all other secrets marked, so that none is written in
 * clear. */
static const struct value *keepable(struct job *job, const struct value *desired, const struct value *live)
{
    live = object_mark(&job->arena, job->schema, live, recorded(job));
    const struct value *whole = object_complete(&job->arena, job->schema, desired, live, true);
    return object_mark(&job->arena, job->schema, whole, NULL);
}

static int intent(struct job *job, struct str action, const struct value *desired, const struct value *deps,
    struct str id, struct err *err)
{
    struct intent record = {
        .subject = job->subject,
        .action = action,
        .token = str_z(job->token),
        .desired = desired ? keepable(job, desired, NULL) : NULL,
        .set = object_set(&job->arena, job->schema, desired),
        .deps = deps,
        .place = job->place,
    };
    record.subject.id = id;
    return state_intent(job->x->p->workspace->state, &record, err);
}

static struct outcome job_outcome(struct job *job, struct str action, const struct value *desired,
    const struct value *live, const struct value *deps)
{
    const struct lifecycle *lifecycle =
        job->change->instance ? &job->change->instance->decl->lifecycle : NULL;
    const struct value *attrs = keepable(job, desired, live);
    const struct seen *seen = job->change->instance ? job->change->instance->seen : NULL;
    struct outcome outcome = {
        .record = {.subject = job->subject,
            .attrs = attrs,
            .set = object_set(&job->arena, job->schema, desired),
            .deps = deps,
            .place = job->place,
            .adopted = job->action == ACTION_ADOPT ||
                       (job->action == ACTION_UPDATE && seen && seen->record->adopted),
            .prevent_destroy = lifecycle && lifecycle->prevent_destroy},
        .action = action,
        .given = desired,
    };
    outcome.record.subject.id = object_id(job->schema, attrs);
    return outcome;
}

static int done(struct job *job, struct str action, const struct value *desired, const struct value *live,
    const struct value *deps, struct err *err)
{
    struct outcome outcome = job_outcome(job, action, desired, live, deps);
    return state_done(job->x->p->workspace->state, &outcome, err);
}

/* Others see the object from now on. */
static void publish(struct job *job, const struct value *desired, const struct value *live)
{
    struct planner *p = job->x->p;
    struct instance *instance = job->change->instance;
    live = object_mark(&job->arena, job->schema, live, recorded(job));
    const struct value *object = object_complete(&job->arena, job->schema, desired, live, false);
    object = object_mark(&job->arena, job->schema, object, NULL);
    pthread_mutex_lock(&job->x->lock);
    instance->planned = value_copy(p->arena, object);
    pthread_mutex_unlock(&job->x->lock);
}

/* A change that failed: recorded with what is left of it, if anything. */
static int failed(struct job *job, struct str action, const struct value *desired, const struct value *left,
    const struct value *deps, struct err *why)
{
    struct err write_error = ERR_INIT;
    struct outcome outcome = {0};
    if (left && !object_id(job->schema, value_merge(&job->arena, desired, left)).n) {
        left = NULL; /* a record without an id would be of no use to anybody: the intent stays open instead */
        why->unsure = true;
    }
    if (left) {
        outcome = job_outcome(job, action, desired, left, deps);
        outcome.record.tainted = !job->schema->partial;
    }
    /* The first error is what the user must see; a log that cannot be written stops the run by itself. */
    state_fail(
        job->x->p->workspace->state, job->subject.address, action, why, left ? &outcome : NULL, &write_error);
    return -1;
}

/* ---- create, update, adopt ---- */

static int update(struct job *job, const struct value *desired, const struct value *prior,
    const struct record *record, const struct value *deps, struct err *err);

static int refuse_existing(const struct job *job, struct err *err, const char *why)
{
    bool restores = schema_attr(job->schema, STR("restore")) != NULL;
    if (err->hint[0]) /* who met it knows better */
        return -1;
    return err_hint(err,
        "%s%s; to manage it with this stack, list it under `imports:` or give the resource `adopt: existing`",
        why, restores ? ", or was deleted and is still kept (`restore: true` takes that back)" : "");
}

/* Were they put there by this stack, for whatever resource of it? */
static bool is_marked_ours(struct job *job, const struct value *object, bool *known)
{
    const struct value *marks = NULL;
    struct err failure = ERR_INIT;
    *known = job->schema->ops->marks && !job->schema->ops->marks(&job->ctx, object, &marks, &failure);
    return *known && str_eq(value_text(value_getz(marks, "stack"), STR_EMPTY), job->ctx.stack);
}

/* What bears the name of what is planned, as far as it takes to read it. */
static const struct value *namesake(struct job *job, const struct value *planned)
{
    const struct value *id = value_get(planned, job->schema->id), *object = NULL;
    struct err ignored = ERR_INIT;
    if (!value_is_null(id) && value_is_known(id))
        return planned;
    if (!job->schema->ops->namesake || job->schema->ops->namesake(&job->ctx, planned, &object, &ignored) ||
        !object)
        return NULL;
    object = value_merge(&job->arena, planned, object);
    return object_id(job->schema, object).n ? object : NULL;
}

static int create_again(struct job *job, const struct value *desired, const struct value *planned,
    const struct value *deps, struct err *err);

/*
 * Something of that name exists. Made by this stack (its state was lost, or a run's record of it): taken
 * over; if the service only keeps it until its end, it is taken back. Anything else needs the user's word.
 */
static int take_over(struct job *job, const struct value *desired, const struct value *planned,
    const struct value *deps, struct err *err)
{
    const struct resource_ops *ops = job->schema->ops;
    const struct value *live = NULL;
    enum adopt_mode mode = job->change->instance->decl->adopt;
    /* Then it was this very request that made it, but for its answer. Where a type says how that is found
     * out, it was looked already. */
    bool unsure = err->unsure && !job->schema->lost.n && !job->schema->unknowable;
    if ((mode == ADOPT_NEVER && !unsure) || (!ops->marks && mode == ADOPT_OWNED && !unsure))
        return refuse_existing(job, err, "something of that name exists already");
    planned = namesake(job, planned);
    if (!planned)
        return refuse_existing(job, err, "something of that name exists already");
    bool known = true, ours = mode != ADOPT_EXISTING && is_marked_ours(job, planned, &known);
    if (mode == ADOPT_OWNED && !unsure && !known)
        return refuse_existing(job, err,
            "something of that name exists already; if another account has it, choose another name");
    if (mode == ADOPT_OWNED && !unsure && !ours)
        return refuse_existing(
            job, err, "something of that name exists already, and this stack did not make it");
    struct err failure = ERR_INIT;
    if (ops->read(&job->ctx, planned, object_set(&job->arena, job->schema, desired), &live, &failure))
        return -1;
    if (!live)
        return ours && schema_attr(job->schema, STR("restore"))
                   ? create_again(job, desired, planned, deps, err)
                   : -1;
    live =
        object_ours(&job->arena, job->schema, live, desired, object_set(&job->arena, job->schema, desired));
    if (unsure && object_is_another(job->schema, planned, live))
        return refuse_existing(job, err, "something else of that name exists already");
    progress(job, "exists already, made by this stack: taking it over");
    *err = (struct err)ERR_INIT;
    return update(job, desired, live, NULL, deps, err);
}

/* With what an upload found out about its file. Should that be gone by now, the record is without it. */
static const struct value *with_files(
    struct job *job, const struct value *desired, const struct value *created)
{
    struct op_ctx ctx = job->ctx;
    struct err ignored = ERR_INIT;
    const struct value *whole = desired;
    ctx.recorded = created;
    if (job->schema->ops->prepare && job->schema->ops->prepare(&ctx, desired, &whole, &ignored))
        return desired;
    return whole;
}

/* Made, or made and not recorded yet. */
static int made(struct job *job, const struct value *desired, const struct value *planned,
    const struct value *live, const struct value *deps, struct err *err)
{
    live = value_merge(&job->arena, planned, live);
    desired = with_files(job, desired, live);
    publish(job, desired, live);
    return done(job, STR("create"), desired, live, deps, err);
}

/* This stack's own, deleted and kept for a while by the service: taken back, and made what it is to be. */
static int create_again(struct job *job, const struct value *desired, const struct value *planned,
    const struct value *deps, struct err *err)
{
    const struct value *live = NULL,
                       *restoring = value_with(&job->arena, desired, STR("restore"), &value_true);
    *err = (struct err)ERR_INIT;
    progress(job, "was deleted by this stack and is still kept: taking it back");
    if (intent(job, STR("create"), desired, deps, object_id(job->schema, planned), err))
        return -1;
    if (job->schema->ops->create(&job->ctx, restoring, &live, err))
        return failed(job, STR("create"), desired, live, deps, err);
    if (value_is_null(value_getz(desired, "restore")))
        live = value_with(&job->arena, live, STR("restore"), NULL);
    return made(job, desired, planned, live, deps, err);
}

/* ---- what an earlier run may have made ---- */

static bool same_request(const struct value *before, const struct value *now)
{
    for (uint32_t i = 0; now && i < now->count; i++)
        if (!state_hash_matches(value_get(before, now->entries[i].key), now->entries[i].value))
            return false;
    for (uint32_t i = 0; before && i < before->count; i++)
        if (!value_is_null(before->entries[i].value) && !value_get(now, before->entries[i].key))
            return false;
    return true;
}

/*
 * An earlier request for this resource had no answer, and nothing was to be seen of it when this was planned.
 * It is looked for once more, until it would have to show. *settled: it was there, and is taken over.
 * Otherwise it is made now, by the same token if it is the same that is asked for: then what comes late can
 * still be told.
 */
static int settle_earlier(struct job *job, const struct intent *open, const struct value *desired,
    const struct value *deps, bool *settled, struct err *err)
{
    struct op_ctx ctx = job->ctx;
    const struct value *before = open->desired ? open->desired : &value_empty_map, *live = NULL;
    const struct value *set = object_set(&job->arena, job->schema, desired);
    int64_t fresh_ms = job->schema->named ? 0 : recover_fresh_ms(open, job->schema);
    *settled = false;
    if (job->schema->unknowable) {
        err_set(err, ERR_EXISTS, "an earlier run may have created it already, which cannot be found out");
        return err_hint(err,
            "look at the service: `weir state rm %.*s` says that it is not there, `weir state import` takes "
            "it over",
            STR_ARG(job->subject.address));
    }
    ctx.token = open->token;
    ctx.since_ms = open->at_ms;
    ctx.look_until_ms = fresh_ms ? clock_mono_ms() + fresh_ms : 0;
    if (fresh_ms)
        progress(job, "an earlier request may still be carried out: looking for what it made");
    if (job->schema->ops->find && job->schema->ops->find(&ctx, before, &live, err))
        return -1;
    if (live) {
        *settled = true;
        live = object_ours(&job->arena, job->schema, live, desired, set);
        /* First of all it is recorded: whatever becomes of the rest, it is there and it is ours. */
        if (done(job, STR("create"), before, live, deps, err))
            return -1;
        if (object_is_another(job->schema, desired, live)) {
            err_set(
                err, ERR_STALE, "was created by an earlier run after all, but not as the stack wants it now");
            return err_hint(err, "it is recorded: run the same command again");
        }
        progress(job, "was created by an earlier run: taking it over");
        return update(job, desired, live, NULL, deps, err);
    }
    job->ctx.again = true;
    job->ctx.since_ms = open->at_ms;
    if (same_request(before, desired))
        snprintf(job->token, sizeof job->token, "%.*s", STR_ARG(open->token));
    return 0;
}

/* Was it there before weir, so that it need not bear the stack's marks? */
static bool was_there(const struct record *record, const struct decl *decl)
{
    return record->adopted || (decl && decl->kind == DECL_RESOURCE && decl->adopt == ADOPT_EXISTING);
}

/* ---- create ---- */

static int create(struct job *job, const struct value *desired, const struct value *deps, struct err *err)
{
    const struct resource_ops *ops = job->schema->ops;
    const struct intent *open = ops->read ? map_get(&job->x->open, job->subject.address) : NULL;
    const struct value *planned = desired, *live = NULL;
    bool settled = false;
    if (open && settle_earlier(job, open, desired, deps, &settled, err))
        return -1;
    if (settled)
        return 0;
    if (ops->predict && ops->predict(&job->ctx, desired, NULL, &planned, err))
        return -1;
    if (!ops->read) { /* nothing outside: the record is the resource */
        if (ops->create(&job->ctx, desired, &live, err))
            return -1;
    } else {
        if (intent(job, STR("create"), desired, deps, object_id(job->schema, planned), err))
            return -1;
        if (ops->create(&job->ctx, desired, &live, err)) {
            failed(job, STR("create"), desired, live, deps, err);
            return err->class == ERR_EXISTS && !live ? take_over(job, desired, planned, deps, err) : -1;
        }
    }
    return made(job, desired, planned, live, deps, err);
}

static const struct value *difference_names(struct arena *arena, const struct attr_change *list, size_t n)
{
    struct value_builder names = VALUE_BUILDER(arena);
    for (size_t i = 0; i < n; i++)
        value_builder_add(&names, value_string_ref(arena, list[i].attr->name));
    return value_builder_list(&names);
}

/*
 * What is there now: what was, and what the update says. What was taken out of the file is gone, unless the
 * update tells what the service has instead.
 */
static const struct value *after_update(struct arena *arena, const struct value *prior,
    const struct value *desired, const struct value *live, const struct attr_change *list, size_t n)
{
    const struct value *after = value_merge(arena, prior, live);
    for (size_t i = 0; i < n; i++) {
        struct str name = list[i].attr->name;
        if (value_is_null(value_get(desired, name)) && value_is_null(value_get(live, name)))
            after = value_with(arena, after, name, NULL);
    }
    return after;
}

static int update(struct job *job, const struct value *desired, const struct value *prior,
    const struct record *record, const struct value *deps, struct err *err)
{
    const struct resource_ops *ops = job->schema->ops;
    struct attr_change *list;
    size_t n = diff_objects(
        &job->arena, job->schema, &job->change->instance->decl->lifecycle, desired, prior, record, &list);
    const struct value *planned = desired, *live = prior;
    if (ops->predict && ops->predict(&job->ctx, desired, prior, &planned, err))
        return -1;
    if (n && !ops->update)
        return err_set(err, ERR_INVALID, "%.*s cannot be updated in place", STR_ARG(job->schema->name));
    if (n && ops->read && intent(job, STR("update"), desired, deps, object_id(job->schema, prior), err))
        return -1;
    if (n && ops->update(&job->ctx, prior, desired, difference_names(&job->arena, list, n), &live, err)) {
        /* Some of its calls may have gone through: the next refresh sees which. The resource itself is whole.
         */
        bool keep = job->schema->partial && live != prior;
        return failed(
            job, STR("update"), desired, keep ? value_merge(&job->arena, prior, live) : NULL, deps, err);
    }
    if (live != prior)
        live = after_update(&job->arena, prior, desired, live, list, n);
    publish(job, desired, live);
    bool adopts = !n && job->action == ACTION_ADOPT;
    return done(job, adopts ? STR("adopt") : STR("update"), desired, live, deps, err);
}

static int read_data(struct job *job, const struct value *desired, struct err *err)
{
    const struct value *live = NULL;
    if (job->schema->ops->read(&job->ctx, desired, NULL, &live, err))
        return -1;
    if (!live)
        return err_set(err, ERR_ABSENT, "there is no such thing");
    publish(job, desired, value_merge(&job->arena, desired, live));
    return 0;
}

/*
 * Evaluates under the lock with everything that has become known; `again`: what follows from local files is
 * not in it yet. NULL with err where it fails.
 */
static const struct value *evaluate_now(
    struct job *job, bool *again, const struct value **deps, struct err *err)
{
    struct planner *p = job->x->p;
    struct instance *instance = job->change->instance;
    const struct value *desired = NULL;
    pthread_mutex_lock(&job->x->lock);
    size_t errors = p->diags->errors;
    if (evaluate_provider(p, instance->decl, &job->provider, err) == 0) {
        desired = instance->desired;
        *again = !value_is_known(desired);
        if (*again) {
            evaluate_each(p, instance);
            desired = evaluate_given(p, instance, p->arena);
        }
        if (!desired && p->diags->errors > errors)
            err_set(err, ERR_INVALID, "%.*s", STR_ARG(p->diags->items[p->diags->n - 1].message));
        else if (!desired && p->failure.class != ERR_NONE)
            *err = p->failure;
        else if (!value_is_known(desired)) {
            err_set(
                err, ERR_INVALID, "an attribute is still unknown after everything it refers to was applied");
            desired = NULL;
        }
    }
    *deps = desired && instance->decl->kind == DECL_RESOURCE ? evaluate_deps(p, instance->decl)
                                                             : &value_empty_list;
    pthread_mutex_unlock(&job->x->lock);
    return desired;
}

static int run_apply(struct job *job, struct err *err)
{
    struct instance *instance = job->change->instance;
    struct state *state = job->x->p->workspace->state;
    const struct decl *decl = instance->decl;
    bool again = false;
    const struct value *deps, *desired = evaluate_now(job, &again, &deps, err);
    if (!desired)
        return -1;
    if (place_of(job->provider, job->schema, &job->arena, &job->place, err))
        return -1;
    job_context(job, job->action == ACTION_UPDATE ? decl->timeout_update_ms : decl->timeout_create_ms);
    if (again && evaluate_prepare(job->x->p, instance, job->ctx, &desired, err))
        return -1;
    job->ctx.sensitive = object_tells_secrets(job->schema, desired);
    switch (job->action) {
    case ACTION_READ: return read_data(job, desired, err);
    case ACTION_REPLACE:
        if (job->change->decision.create_first &&
            state_move(state, job->subject.address, address_deposed(&job->arena, job->subject.address), err))
            return -1;
        return create(job, desired, deps, err);
    case ACTION_CREATE:
        /* What vanished behind weir's back leaves a record that the new one replaces. */
        return create(job, desired, deps, err);
    case ACTION_ADOPT: return update(job, desired, instance->import_live, NULL, deps, err);
    case ACTION_UPDATE:
        job->ctx.seen_marks = instance->seen->marks;
        job->ctx.unmarked = was_there(instance->seen->record, decl);
        return update(job, desired, instance->seen->live, instance->seen->record, deps, err);
    case ACTION_NOOP:
    case ACTION_DELETE:
    case ACTION_FORGET:
    case ACTION_COUNT: break;
    }
    assert(false && "an instance has no such action");
    return -1;
}

int change_apply(struct executor *x, struct change *change, struct err *err)
{
    struct job job = {.x = x,
        .change = change,
        .schema = change->schema,
        .subject = change->subject,
        .action = change->decision.action};
    int status = run_apply(&job, err);
    arena_release(&job.arena);
    return status;
}

/* ---- delete ---- */

/* What is deleted: as recorded and seen, in the way that the stack wants it now. */
static const struct value *prior_of(struct job *job)
{
    const struct record *record = job->change->seen->record;
    const struct instance *instance = job->change->instance;
    if (!instance)
        return job->change->prior ? job->change->prior : record->attrs;
    const struct value *prior = record->attrs;
    if (instance->seen->live)
        prior = value_merge(&job->arena, prior, instance->seen->live);
    return object_steered(&job->arena, job->schema, prior, instance->desired);
}

static int run_delete(struct job *job, struct err *err)
{
    struct planner *p = job->x->p;
    const struct record *record = job->change->seen->record;
    const struct instance *instance = job->change->instance;
    bool replacing = instance != NULL;
    if (replacing && job->change->decision.create_first)
        job->subject.address = address_deposed(&job->arena, job->subject.address);
    if (job->action == ACTION_FORGET)
        return state_drop(p->workspace->state, job->subject.address, err);
    pthread_mutex_lock(&job->x->lock);
    int opened = place_provider(p, record->subject.provider, record->place, &job->provider, err);
    pthread_mutex_unlock(&job->x->lock);
    if (opened)
        return -1;
    const struct decl *decl =
        replacing ? instance->decl : stack_find(p->stack, address_declared(record->subject.address));
    job_context(job, decl && decl->kind == DECL_RESOURCE ? decl->timeout_delete_ms : 0);
    const struct value *prior = prior_of(job);
    job->ctx.teardown = job->x->plan->destroy ? p->options.teardown : 0;
    job->ctx.unmarked = was_there(record, decl);
    if (job->schema->ops->read) {
        struct intent intent_record = {.subject = job->subject,
            .action = STR("delete"),
            .token = str_z(job->token),
            .place = record->place};
        if (state_intent(p->workspace->state, &intent_record, err))
            return -1;
    }
    if (job->schema->ops->delete &&job->schema->ops->delete (&job->ctx, prior, err)) {
        struct err write_error = ERR_INIT;
        state_fail(p->workspace->state, job->subject.address, STR("delete"), err, NULL, &write_error);
        return -1;
    }
    struct outcome outcome = {.record.subject = job->subject, .action = STR("delete")};
    if (state_done(p->workspace->state, &outcome, err))
        return -1;
    if (job->x->plan->destroy)
        teardown_leaves(p, &job->ctx, prior, warn, job);
    return 0;
}

int change_delete(struct executor *x, struct change *change, struct err *err)
{
    struct job job = {.x = x,
        .change = change,
        .schema = change->schema,
        .subject = change->seen->record->subject,
        .action = change->decision.action};
    if (change->instance)
        job.subject.address = change->instance->address;
    int status = run_delete(&job, err);
    arena_release(&job.arena);
    return status;
}
