/*
 * One change: evaluates unknown values, records the intent, calls the provider, records the result. Items of
 * work; updates, imports and reads.
 */
#include "plan/apply/work.h"

#include "base/clock.h"
#include "base/json.h"
#include "plan/evaluate/attributes.h"
#include "plan/evaluate/context.h"
#include "plan/objects/diff.h"
#include "plan/rules/rules.h"

#include <assert.h>

/* ---- messages of operations ---- */

static void tell_observer(const struct work *work, enum event_kind kind, const char *text)
{
    executor_event(work->x, &(struct event){.kind = kind,
                                .address = work->subject.address,
                                .action = work->change->decision.action,
                                .text = text});
}

void work_progress(void *ctx, const char *what)
{
    tell_observer(ctx, EVENT_PROGRESS, what);
}

static void tell_warning(void *ctx, const char *text)
{
    tell_observer(ctx, EVENT_WARNING, text);
}

static void tell_printed(void *ctx, const char *line)
{
    tell_observer(ctx, EVENT_PRINTED, line);
}

void work_context(struct work *work, int64_t timeout_ms)
{
    state_token(work->token);
    work->ctx =
        op_context(work->x->p, &work->arena, work->provider, work->change->schema, work->subject.address);
    if (work->change->instance)
        work->ctx.dir = local_dir(work->change->instance->decl);
    work->ctx.owner.token = str_z(work->token);
    work->ctx.timeout_ms = timeout_ms;
    work->ctx.cancel = &work->x->cancel;
    work->observer = (struct op_observer){
        .ctx = work, .progress = work_progress, .warn = tell_warning, .printed = tell_printed};
    work->ctx.observer = &work->observer;
    work->attempt =
        (struct attempt){.since_ms = clock_wall_ms(), .claim = claims_take_found, .claim_ctx = work};
}

/* ---- update, import ---- */

/* True if `seen` still has the value before the change in one of the changes with these names. */
static bool is_behind(
    const struct attr_change *list, size_t n, const struct value *names, const struct value *seen)
{
    for (size_t i = 0; seen && i < n; i++)
        if (value_list_has(names, list[i].name) &&
            attr_equal(list[i].attr, list[i].before, value_get(seen, list[i].name)))
            return true;
    return false;
}

/* Reads the attributes after the change. Repeats while the service still returns values from before it, for
 * the schema's settles_ms at most. */
static const struct value *read_changed(struct work *work, const struct attr_change *list, size_t n,
    const struct value *names, const struct value *live)
{
    const struct schema *schema = work->change->schema;
    const struct value *seen = NULL;
    if (!names->count || !live || !schema->ops->read)
        return NULL;
    int64_t until_ms = clock_mono_ms() + schema->settles_ms;
    for (int64_t pause = 250;; pause = pause < 4000 ? pause * 2 : pause) {
        if (schema->ops->read(&work->ctx, live, names, &seen, ERR_IGNORED))
            return NULL; /* the next refresh reads it */
        if (clock_mono_ms() >= until_ms || cancel_is_set(work->ctx.cancel) ||
            !is_behind(list, n, names, seen))
            return seen;
        clock_sleep_ms(pause);
    }
}

const struct value *work_reread(struct work *work, const struct record *record,
    const struct attr_change *list, size_t n, const struct value *live)
{
    const struct schema *schema = work->change->schema;
    const struct value *names = reported_unconfirmed(&work->arena, record, list, n),
                       *seen = read_changed(work, list, n, names, live);
    AUTO_BUILDER struct value_builder left_out = VALUE_BUILDER(&work->arena);
    if (!seen)
        return live;
    seen = object_managed(&work->arena, schema, seen, work->desired, names);
    for (uint32_t i = 0; seen && i < names->count; i++) {
        struct str name = names->items[i]->string;
        const struct value *now = value_get(seen, name);
        const struct attr *attr = schema_attr(schema, name);
        if (reported_otherwise(attr, value_get(work->desired, name), now))
            live = value_with(&work->arena, live, name, now);
        if (reported_omits(attr, value_get(work->desired, name), now))
            value_builder_add(&left_out, names->items[i]);
    }
    work->left_out = left_out.n ? value_builder_list(&left_out) : NULL;
    return live;
}

static bool takes_away(const struct attr_change *change)
{
    return !change->after || attr_removes_fields(change->attr->type, change->after);
}

/* Ignored attributes keep their live values, also in requests that send the whole object. */
static const struct value *with_ignored(struct work *work, const struct value *prior)
{
    const struct value *wanted = work->desired;
    const struct comparison comparison = {.arena = &work->arena,
        .schema = work->change->schema,
        .lifecycle = decl_lifecycle(work->change->instance->decl),
        .live = prior};
    for (size_t i = 0; i < comparison.schema->attr_count; i++) {
        const struct attr *attr = &comparison.schema->attrs[i];
        bool seen = !attr->local && !attr->write_only;
        if (seen && value_get(wanted, attr->name) && diff_ignores(&comparison, work->desired, attr))
            wanted = value_with(&work->arena, wanted, attr->name, value_get(prior, attr->name));
    }
    return wanted;
}

/* The object for the update operation: the desired one, with nulls for fields to remove. */
static const struct value *with_taken(struct work *work, const struct attr_change *list, size_t n)
{
    const struct value *wanted = work->desired;
    for (size_t i = 0; work->change->schema->ops->null_removes_fields && i < n; i++)
        if (list[i].after && takes_away(&list[i]))
            wanted = value_with(&work->arena, wanted, list[i].name, list[i].after);
    return wanted;
}

static void tell_kept(void *ctx, struct str path, const struct value *v)
{
    struct work *work = ctx;
    AUTO_BUF struct buf text = BUF_INIT;
    buf_addf(&text, "\"%.*s\" was removed from the configuration, and the service still has ", STR_ARG(path));
    if (value_is_sensitive(v))
        buf_addz(&text, "it as it was");
    else
        json_write(&text, v, 0);
    buf_addz(&text, ": its own default, or a value that it does not reset");
    work->observer.warn(work, text.p);
}

/* Reports removed fields that are still live: services may ignore what a request omits. */
static void look_for_kept(
    struct work *work, const struct attr_change *list, size_t n, const struct value *live)
{
    AUTO_BUILDER struct value_builder names = VALUE_BUILDER(&work->arena);
    for (size_t i = 0; i < n; i++)
        if (list[i].after && takes_away(&list[i]))
            value_builder_add(&names, value_string_ref(&work->arena, list[i].name));
    const struct value *seen = read_changed(work, list, n, value_builder_list(&names), live);
    for (size_t i = 0; seen && i < n; i++)
        if (list[i].after && takes_away(&list[i]))
            configured_each_unremoved(&work->arena, &list[i], seen, tell_kept, work);
}

/* Updates the listed attributes from `prior` to the desired object, and records it. */
static int work_update(
    struct work *work, const struct value *prior, const struct attr_change *list, size_t n, struct err *err)
{
    const struct schema *schema = work->change->schema;
    const struct value *live = prior;
    bool adopts = !n && work->change->decision.action == ACTION_ADOPT;
    if (n && !schema->ops->update)
        return err_set(err, ERR_INVALID, "%.*s cannot be updated in place", STR_ARG(schema->name));
    work->desired = with_ignored(work, prior);
    if (n && schema->ops->read && work_intent(work, STR("update"), work_object_id(work, prior), err))
        return -1;
    if (n && schema->ops->update(&work->ctx, prior, with_taken(work, list, n),
                 diff_names(&work->arena, list, n), &live, err)) {
        /* Some of its requests may have succeeded: the next refresh tells. The resource is not tainted. */
        bool keep = schema->partial && live != prior;
        for (size_t i = 0; i < n; i++)
            err->unsure |=
                list[i].attr->several_calls; /* the intent stays open, and the next run continues it */
        return work_failed(work, STR("update"), keep ? value_merge(&work->arena, prior, live) : NULL, err);
    }
    live = live ? live : prior; /* deleted right after the change: the next refresh tells */
    const struct recorded_resource *recorded = work->change->recorded;
    live = work_reread(work, recorded ? recorded->record : NULL, list, n, live);
    look_for_kept(work, list, n, live);
    return work_done(work, adopts ? STR("adopt") : STR("update"), live, err);
}

int work_adopt(struct work *work, const struct value *live, struct err *err)
{
    struct attr_change *list;
    struct comparison comparison = {.arena = &work->arena,
        .schema = work->change->schema,
        .lifecycle = decl_lifecycle(work->change->instance->decl),
        .live = live};
    size_t n = diff_objects(&comparison, work->desired, &list);
    return work_update(work, live, list, n, err);
}

/* Applies the planned difference, without attributes that turned out to be equal. */
static int update_as_shown(
    struct work *work, const struct value *prior, const struct record *record, struct err *err)
{
    const struct change *change = work->change;
    const struct instance *instance = change->instance;
    struct comparison comparison = {.arena = &work->arena,
        .schema = change->schema,
        .lifecycle = decl_lifecycle(instance->decl),
        .live = prior,
        .record = record};
    work->ctx.unsent = record ? record->interrupted : NULL;
    struct planned_diff planned = {instance->desired, change->attrs, change->attr_count};
    struct attr_change *list = change->attrs;
    size_t n = change->attr_count;
    if (work->desired != instance->desired)
        n = diff_known(&comparison, &planned, work->desired, &list);
    return work_update(work, prior, list, n, err);
}

static int read_data(struct work *work, struct err *err)
{
    const struct schema *schema = work->change->schema;
    const struct value *live = NULL;
    if (schema->ops->read(&work->ctx, work->desired, NULL, &live, err))
        return -1;
    if (!live)
        return err_set(err, ERR_ABSENT, "it does not exist");
    work_publish(work, object_whole(&work->arena, schema, work->desired,
                           value_merge(&work->arena, work->desired, live), NULL));
    return 0;
}

/* ---- evaluation ---- */

/* With the lock. Returns the desired object; if it had unknown values, without attributes computed from local
 * files. NULL with err after an error. */
static const struct value *evaluate_now(struct work *work, struct err *err)
{
    struct planner *p = work->x->p;
    struct instance *instance = work->change->instance;
    size_t errors = p->diags->errors;
    if (evaluate_provider(p, instance->decl, &work->provider, err))
        return NULL;
    const struct value *desired =
        value_is_known(instance->desired) ? instance->desired : evaluate_unknown(p, instance, p->arena);
    if (!desired && p->diags->errors > errors)
        err_set(err, ERR_INVALID, "%.*s", STR_ARG(p->diags->items[p->diags->n - 1].message));
    else if (!desired && p->failure.class != ERR_NONE)
        *err = p->failure;
    if (!desired)
        return NULL;
    if (!value_is_known(desired)) {
        err_set(err, ERR_INVALID, "an attribute is still unknown after everything it refers to was applied");
        return NULL;
    }
    work->deps = instance->decl->kind == DECL_RESOURCE ? evaluate_deps(p, instance->decl) : &value_empty_list;
    return desired;
}

/* Evaluates rules that waited for known values, or for the created resource. */
static int ask_rules(struct work *work, bool after, struct err *err)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&work->x->lock);
    const struct instance *instance = work->change->instance;
    const struct value *object = after ? instance->planned : work->desired;
    return rules_evaluate_now(work->x->p, instance, object, after, tell_warning, work, err);
}

/* Determines the desired object, the provider, the location and the context. */
static int begin_apply(struct work *work, struct err *err)
{
    const struct instance *instance = work->change->instance;
    const struct decl *decl = instance->decl;
    pthread_mutex_lock(&work->x->lock);
    work->desired = evaluate_now(work, err);
    pthread_mutex_unlock(&work->x->lock);
    if (!work->desired ||
        provider_location(work->provider, decl->schema, true, &work->arena, &work->location, err))
        return -1;
    bool updates = work->change->decision.action == ACTION_UPDATE;
    work_context(
        work, updates ? decl_lifecycle(decl)->timeout_update_ms : decl_lifecycle(decl)->timeout_create_ms);
    if (work->desired != instance->desired && fills_read(work->x->p, &work->ctx, &work->desired, err))
        return -1;
    if (work->desired != instance->desired &&
        evaluate_prepare(work->x->p, instance, work->ctx, &work->desired, err))
        return -1;
    if (instance->waiting_rules && ask_rules(work, false, err))
        return -1;
    work->ctx.sensitive = object_reports_secrets(decl->schema, work->desired);
    return 0;
}

static int apply_change(struct work *work, struct err *err)
{
    const struct instance *instance = work->change->instance;
    const struct recorded_resource *recorded = instance->recorded;
    struct state *state = work->x->p->workspace->state;
    if (begin_apply(work, err))
        return -1;
    switch (work->change->decision.action) {
    case ACTION_READ: return read_data(work, err);
    case ACTION_REPLACE:
        if (work->change->decision.create_first &&
            state_move(
                state, work->subject.address, address_deposed(&work->arena, work->subject.address), err))
            return -1;
        return work_create(work, err);
    case ACTION_CREATE:
        /* The record of a resource that was deleted outside weir is overwritten. */
        return work_create(work, err);
    case ACTION_ADOPT: return update_as_shown(work, instance->import_live, NULL, err);
    case ACTION_UPDATE:
        work->ctx.owner.live_tags = recorded->owner_tags;
        adopted_owner(&work->ctx.owner, recorded->record, instance->decl);
        work->ctx.owner.untagged |= work->x->p->options->delete_adopted;
        return update_as_shown(work, recorded->live, recorded->record, err);
    case ACTION_NOOP:
    case ACTION_DELETE:
    case ACTION_FORGET:
    case ACTION_COUNT: break;
    }
    assert(false && "an instance has no such action");
    return -1;
}

int work_apply(struct executor *x, struct change *change, struct err *err)
{
    struct work work = {.x = x, .change = change, .subject = change->subject};
    int status = apply_change(&work, err);
    if (!status && change->instance->waiting_rules)
        status = ask_rules(&work, true, err);
    arena_release(&work.arena);
    return status;
}
