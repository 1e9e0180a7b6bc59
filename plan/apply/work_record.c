/*
 * Log records before and after a change, and the objects that other expressions see: completed and marked
 * once for both. Also `weir state import`.
 */
#include "base/json.h"
#include "plan/apply/work.h"
#include "plan/evaluate/context.h"
#include "plan/objects/diff.h"

/* ---- `weir state import`: records an existing resource without changing it ---- */

static const struct change *find_adoption(const struct plan *plan, struct str address)
{
    for (size_t i = 0; i < plan->change_count; i++)
        if (str_eq(plan->changes[i]->subject.address, address) &&
            plan->changes[i]->decision.action == ACTION_ADOPT)
            return plan->changes[i];
    return NULL;
}

/* Configured attributes that the service reports: only these are recorded as set. */
static const struct value *set_there(struct planner *p, const struct change *change, const struct value *live)
{
    const struct value *given = object_set(p->arena, change->schema, change->instance->desired);
    AUTO_BUILDER struct value_builder there = VALUE_BUILDER(p->arena);
    for (uint32_t i = 0; i < given->count; i++)
        if (!value_is_null(value_get(live, given->items[i]->string)))
            value_builder_add(&there, given->items[i]);
    return value_builder_list(&there);
}

static int record_adoption(struct plan *plan, const struct change *change, struct err *err)
{
    struct planner *p = plan->planner;
    const struct instance *instance = change->instance;
    const struct value *live =
        object_mark(p->arena, change->schema, instance->import_live, instance->desired);
    struct outcome outcome = {
        .record = {.subject = change->subject,
            .attrs = live,
            .set = set_there(p, change, live),
            .configured = configured_fields(p->arena, change->schema, instance->desired, live),
            .deps = evaluate_deps(p, instance->decl),
            .adopted = true,
            .prevent_destroy = decl_lifecycle(instance->decl)->prevent_destroy},
        .action = STR("adopt"),
        .schema = change->schema,
        .given = instance->desired,
    };
    struct state *state = plan->workspace->state;
    struct provider *provider;
    if (evaluate_provider(p, instance->decl, &provider, err) ||
        provider_location(provider, change->schema, true, p->arena, &outcome.record.location, err))
        return -1;
    if (state_begin(state, "import", NULL, err) || state_done(state, &outcome, err))
        return -1;
    return state_end(state, "done", NULL, NULL, err) || state_flush(state, err) ? -1 : 0;
}

int plan_import(struct workspace *workspace, struct str address, struct str id, int64_t lock_timeout_ms,
    struct diags *diags, struct err *err)
{
    struct plan_options options = {
        .targets = &address, .target_count = 1, .import_address = address, .import_id = id};
    struct plan *plan;
    if (state_get(workspace->state, address))
        return err_set(err, ERR_EXISTS, "the state has \"%.*s\" already", STR_ARG(address));
    if (state_lock(workspace->state, "import", lock_timeout_ms, err))
        return -1;
    int status = plan_make(workspace, &options, diags, &plan, err);
    if (!status) {
        const struct change *change = find_adoption(plan, address);
        status = change ? record_adoption(plan, change, err)
                        : err_set(err, ERR_INVALID, "the stack has no resource \"%.*s\"", STR_ARG(address));
        plan_free(plan);
    }
    state_unlock(workspace->state);
    return status;
}

struct str work_object_id(const struct work *work, const struct value *object)
{
    return value_text(value_get(object, work->change->schema->id), STR_EMPTY);
}

/* The live object, completed and marked. */
static const struct value *whole_of(struct work *work, const struct value *desired, const struct value *live)
{
    const struct recorded_resource *recorded = work->change->recorded;
    return object_whole(
        &work->arena, work->change->schema, desired, live, recorded ? recorded->record->attrs : NULL);
}

int work_intent(struct work *work, struct str action, struct str id, struct err *err)
{
    const struct schema *schema = work->change->schema;
    struct intent intent = {.subject = work->subject,
        .action = action,
        .schema = schema,
        .token = str_z(work->token),
        .deps = work->deps,
        .location = work->location};
    intent.subject.id = id;
    if (work->desired) {
        intent.desired = object_for_state(&work->arena, schema, whole_of(work, work->desired, NULL));
        intent.set = object_set(&work->arena, schema, work->desired);
    }
    return state_intent(work->x->p->workspace->state, &intent, err);
}

static bool is_adopted(const struct work *work)
{
    const struct recorded_resource *recorded = work->change->recorded;
    enum action action = work->change->decision.action;
    return action == ACTION_ADOPT || (action == ACTION_UPDATE && recorded && recorded->record->adopted);
}

static const struct record *record_before(const struct work *work)
{
    const struct recorded_resource *recorded = work->change->recorded;
    return recorded && work->change->decision.action == ACTION_UPDATE ? recorded->record : NULL;
}

/* Reports attributes in the service's own notation once, since later plans show no difference. */
static void tell_reported(struct work *work, const struct value *reported, const struct value *whole)
{
    const struct record *before = record_before(work);
    for (uint32_t i = 0; reported && i < reported->count; i++) {
        struct str name = reported->entries[i].key;
        AUTO_BUF struct buf text = BUF_INIT;
        if (before && value_equal(value_get(before->reported, name), reported->entries[i].value))
            continue;
        if (value_list_has(work->left_out, name)) {
            buf_addf(&text, "the service does not report \"%.*s\": the configured value counts from now on",
                STR_ARG(name));
        } else {
            buf_addf(&text, "the service reports \"%.*s\" as ", STR_ARG(name));
            json_write(&text, value_get(whole, name), 0);
            buf_add_str(&text, STR(", not as configured: the two count as the same from now on"));
        }
        work->observer.warn(work, text.p);
    }
}

static struct reported_change reported_change_of(const struct work *work, const struct value *desired)
{
    const struct change *change = work->change;
    return (struct reported_change){
        change->schema, record_before(work), change->attrs, change->attr_count, desired};
}

static struct outcome outcome_of(
    struct work *work, struct str action, const struct value *desired, const struct value *whole)
{
    const struct schema *schema = work->change->schema;
    const struct reported_change change = reported_change_of(work, desired);
    struct outcome outcome = {
        .record = {.subject = work->subject,
            .attrs = object_for_state(&work->arena, schema, whole),
            .set = object_set(&work->arena, schema, desired),
            .deps = work->deps,
            .location = work->location,
            .reported = reported_found(&work->arena, &change, whole, work->left_out),
            .configured = configured_fields(&work->arena, schema, desired, whole),
            .adopted = is_adopted(work),
            .prevent_destroy = decl_lifecycle(work->change->instance->decl)->prevent_destroy},
        .action = action,
        .schema = schema,
        .given = desired,
    };
    outcome.record.subject.id = work_object_id(work, whole);
    return outcome;
}

void work_publish(struct work *work, const struct value *whole)
{
    struct instance *instance = work->change->instance;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&work->x->lock);
    instance->planned = value_copy(work->x->p->arena, whole);
}

int work_done(struct work *work, struct str action, const struct value *live, struct err *err)
{
    const struct reported_change change = reported_change_of(work, work->desired);
    const struct value *whole = reported_applied(&work->arena, &change, whole_of(work, work->desired, live));
    struct outcome outcome = outcome_of(work, action, work->desired, whole);
    tell_reported(work, outcome.record.reported, whole);
    work_publish(work, whole);
    return state_done(work->x->p->workspace->state, &outcome, err);
}

int work_found(struct work *work, const struct value *desired, const struct value *live, struct err *err)
{
    struct outcome outcome = outcome_of(work, STR("create"), desired, whole_of(work, desired, live));
    return state_done(work->x->p->workspace->state, &outcome, err);
}

static const struct value *object_without(
    struct work *work, const struct value *object, const struct value *names)
{
    for (uint32_t i = 0; names && i < names->count; i++)
        object = value_with(&work->arena, object, value_text(names->items[i], STR_EMPTY), NULL);
    return object;
}

int work_failed(struct work *work, struct str action, const struct value *left, struct err *why)
{
    struct err write_error = ERR_INIT;
    struct outcome outcome = {0};
    if (left && !work_object_id(work, value_merge(&work->arena, work->desired, left)).n) {
        left = NULL; /* a record without an id is useless: the intent stays open instead */
        why->unsure = true;
    }
    if (left) {
        const struct value *lacks = str_eqz(action, "create") ? work->ctx.unsent : NULL,
                           *came = object_without(work, work->desired, lacks);
        outcome = outcome_of(work, action, came, whole_of(work, came, object_without(work, left, lacks)));
        outcome.record.tainted = !work->change->schema->partial && !lacks;
        outcome.record.interrupted = lacks;
        if (record_before(work)) /* fields to remove may still exist */
            outcome.record.configured = configured_after_update(
                &work->arena, work->change->schema, record_before(work), outcome.record.attrs);
    }
    /* The first error is reported; a log that cannot be written stops the run anyway. */
    state_fail(work->x->p->workspace->state, work->subject.address, action, why, left ? &outcome : NULL,
        &write_error);
    return -1;
}
