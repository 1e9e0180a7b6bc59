/*
 * Compares open intents one after the other with the service and closes them: what was created, changed or
 * deleted exists or does not.
 */
#include "plan/recover/recover.h"

#include "base/clock.h"
#include "plan/objects/diff.h"
#include "plan/objects/objects.h"

enum {
    AT_WORK_MS = 5 * 1000, /* how long a service may still process a request after its client is gone */
    TRIES = 4,             /* if the service fails temporarily */
    FIRST_PAUSE_MS = 500,
};

/* The recovery of one intent. */
struct recovery {
    const struct recover_options *options;
    const struct intent *intent;
    const struct record *record; /* in the state at that address; may be NULL */
    const struct schema *schema;
    struct arena *arena;
    struct op_ctx ctx;
    struct attempt attempt; /* the request of the intent */
};

static struct str note_text(struct arena *arena, const char *format, struct str id)
{
    return id.n ? arena_printf(arena, "%s (%.*s)", format, STR_ARG(id)) : arena_str(arena, str_z(format));
}

static void tell_recovered(struct recovery *s, const char *text, struct str id)
{
    if (s->options->recovered)
        s->options->recovered(s->options->ctx, s->intent->subject.address, note_text(s->arena, text, id).p);
}

static bool is_action(const struct intent *intent, const char *action)
{
    return str_eqz(intent->action, action);
}

int64_t recover_fresh_ms(const struct intent *intent, const struct schema *schema)
{
    int64_t within = schema->visible_within_ms > AT_WORK_MS ? schema->visible_within_ms : AT_WORK_MS;
    int64_t left = intent->at_ms + within - clock_wall_ms();
    return left <= 0 ? 0 : left < within ? left : within; /* a clock that was set back is ignored */
}

/* ---- closing ---- */

static int close_undone(struct recovery *s, const char *text, struct err *err)
{
    struct err why = ERR_INIT;
    err_set(&why, ERR_FAILED, "%s", text);
    if (state_fail(s->options->state, s->intent->subject.address, s->intent->action, &why, NULL, err))
        return -1;
    tell_recovered(s, text, STR_EMPTY);
    return 0;
}

/* Names of attributes that the interrupted update was changing in several requests: the service may show the
 * new value before the last request. */
static const struct value *cut_off(struct recovery *s)
{
    const struct value *prior = s->record ? s->record->attrs : NULL, *desired = s->intent->desired;
    AUTO_BUILDER struct value_builder names = VALUE_BUILDER(s->arena);
    for (uint32_t i = 0; desired && desired->kind == VALUE_MAP && i < desired->count; i++) {
        const struct attr *attr = schema_attr(s->schema, desired->entries[i].key);
        bool again =
            attr && s->record && s->record->interrupted && value_list_has(s->record->interrupted, attr->name);
        if (attr && attr->several_calls && is_action(s->intent, "update") &&
            (again || !attr_equal(attr, desired->entries[i].value, value_get(prior, attr->name))))
            value_builder_add(&names, value_string_ref(s->arena, attr->name));
    }
    return names.n ? value_builder_list(&names) : NULL;
}

static int close_with(
    struct recovery *s, const struct value *attrs, const struct value *set, const char *text, struct err *err)
{
    const struct record *record = s->record;
    if (!value_text(value_get(attrs, s->schema->id), s->intent->subject.id).n)
        return err_set(err, ERR_PROTOCOL, "the service does not report the id of what exists");
    const struct value *marked = object_mark(s->arena, s->schema, attrs, record ? record->attrs : NULL);
    marked = object_mark(s->arena, s->schema, marked, s->intent->desired);
    struct outcome outcome = {
        .record = {.subject = s->intent->subject,
            .attrs = marked,
            .set = set,
            .deps = s->intent->deps ? s->intent->deps
                    : record        ? record->deps
                                    : NULL,
            .location = s->intent->location ? s->intent->location
                        : record            ? record->location
                                            : NULL,
            .interrupted = cut_off(s),
            .configured = record ? configured_after_update(s->arena, s->schema, record, attrs)
                                 : configured_fields(s->arena, s->schema, s->intent->desired, attrs),
            .tainted = record && is_action(s->intent, "update") && record->tainted,
            .adopted = record && record->adopted,
            .prevent_destroy = record && record->prevent_destroy},
        .action = s->intent->action,
        .schema = s->schema,
    };
    outcome.record.subject.id = value_text(value_get(attrs, s->schema->id), s->intent->subject.id);
    if (state_done(s->options->state, &outcome, err))
        return -1;
    tell_recovered(s, text, outcome.record.subject.id);
    return 0;
}

/* ---- create ---- */

static int find_made(struct recovery *s, const struct value **live, struct err *err)
{
    const struct resource_ops *ops = s->schema->ops;
    const struct value *desired = s->intent->desired ? s->intent->desired : &value_empty_map,
                       *planned = desired;
    *live = NULL;
    if (ops->find && ops->find(&s->ctx, &s->attempt, desired, live, err))
        return -1;
    if (!ops->find && ops->predict && ops->predict(&s->ctx, desired, NULL, &planned, err))
        return -1;
    const struct value *who = *live ? *live : !ops->find ? planned : NULL;
    const struct value *id = who ? value_get(who, s->schema->id) : NULL;
    if (!who || value_is_null(id) || !value_is_known(id))
        return 0;
    /* Reads it completely, with the managed sub-resources. */
    return ops->read(&s->ctx, value_merge(s->arena, desired, who), s->intent->set, live, err);
}

/* A resource found by its attributes may already be recorded by an earlier run. */
static bool claim_unrecorded(void *ctx, struct str id)
{
    const struct recovery *s = ctx;
    size_t n;
    const struct record *const *records = state_records(s->options->state, &n);
    for (size_t i = 0; i < n; i++)
        if (id.n && str_eq(records[i]->subject.type, s->schema->name) && str_eq(records[i]->subject.id, id) &&
            str_eq(records[i]->subject.provider, s->intent->subject.provider))
            return false;
    return true;
}

/* Reduces shared maps to the recorded and intended keys. */
static const struct value *only_ours(struct recovery *s, const struct value *live, const struct value *set)
{
    const struct value *known = s->record ? s->record->attrs : NULL, *desired = s->intent->desired;
    for (size_t i = 0; i < s->schema->attr_count; i++) {
        const struct attr *attr = &s->schema->attrs[i];
        if (attr->shared)
            known = value_with(s->arena, known, attr->name,
                value_merge(s->arena, value_get(known, attr->name), value_get(desired, attr->name)));
    }
    return object_managed(s->arena, s->schema, live, known, set);
}

/* Handles a missing resource, which may be final or too early to tell. */
static int not_there(struct recovery *s, struct err *err)
{
    if (s->schema->never_recovered) {
        tell_recovered(s,
            "may have been created by an earlier run, and the service cannot tell whether it was: look at "
            "the service; "
            "`weir state rm` if it does not exist, `weir state import` if it does",
            STR_EMPTY);
        return 0;
    }
    if (!s->options->waits && recover_fresh_ms(s->intent, s->schema)) {
        tell_recovered(s, "does not exist so far; it is looked up again before it is created", STR_EMPTY);
        return 0;
    }
    return close_undone(s, "was to be created by an earlier run, and does not exist", err);
}

static void sleep_until(int64_t until_ms)
{
    int64_t left_ms = until_ms - clock_mono_ms();
    if (left_ms > 0)
        clock_sleep_ms(left_ms < FIRST_PAUSE_MS ? left_ms : FIRST_PAUSE_MS);
}

/* Looks repeatedly for a resource whose type has no wait of its own. */
static int find_patiently(struct recovery *s, const struct value **live, struct err *err)
{
    const struct recover_options *o = s->options;
    int64_t fresh_ms = o->waits ? recover_fresh_ms(s->intent, s->schema) : 0;
    int64_t until_ms = clock_mono_ms() + fresh_ms;
    s->attempt.look_until_ms = fresh_ms ? until_ms : 0;
    for (;;) {
        bool last = clock_mono_ms() >= until_ms; /* that time may pass during the lookup */
        if (find_made(s, live, err))
            return -1;
        if (*live || s->schema->never_recovered || last)
            return 0;
        if (cancel_is_set(o->cancel))
            return err_set(err, ERR_INTERRUPTED, "interrupted");
        sleep_until(until_ms);
    }
}

static bool have_one(struct recovery *s, const struct identities *a, const struct record *record)
{
    struct identities b = identities_of(s->arena, s->schema, record->attrs, record->set);
    bool any = false;
    for (size_t i = 0; i < a->n; i++)
        for (size_t k = 0; k < b.n; k++)
            any = any || str_eq(a->keys[i], b.keys[k]);
    return any;
}

/* Returns the address of another record with the same identity; "": none. */
static struct str held_by(struct recovery *s, const struct value *live)
{
    size_t n;
    const struct subject *own = &s->intent->subject;
    struct identities mine = identities_of(s->arena, s->schema, live, s->intent->set);
    const struct record *const *records = state_records(s->options->state, &n);
    for (size_t i = 0; i < n; i++) {
        const struct subject *subject = &records[i]->subject;
        if (str_eq(subject->type, s->schema->name) && !str_eq(subject->address, own->address) &&
            (str_eq(subject->provider, own->provider) ||
                value_equal(records[i]->location, s->intent->location)) &&
            have_one(s, &mine, records[i]))
            return subject->address;
    }
    return STR_EMPTY;
}

static int recover_create(struct recovery *s, struct err *err)
{
    const struct value *live, *desired = s->intent->desired ? s->intent->desired : &value_empty_map;
    if (find_patiently(s, &live, err))
        return -1;
    if (!live)
        return not_there(s, err);
    struct str other = held_by(s, live);
    if (other.n)
        return close_undone(s,
            arena_printf(s->arena, "was to be created by an earlier run; the resource with its name is %.*s",
                STR_ARG(other))
                .p,
            err);
    if (object_is_another(s->schema, desired, live))
        return close_undone(
            s, "was to be created by an earlier run; the resource with its name is another one", err);
    live = only_ours(s, live, s->intent->set);
    live = object_whole(s->arena, s->schema, desired, live, s->record ? s->record->attrs : NULL);
    return close_with(s, object_for_state(s->arena, s->schema, live), s->intent->set,
        s->schema->partial ? "was begun by an earlier run; what exists is imported"
                           : "was created by an earlier run; imported",
        err);
}

/* ---- update ---- */

/* Names of attributes that were configured before or in the intent: the next plan compares all of them. */
static const struct value *both_sets(struct recovery *s)
{
    const struct value *before = s->record ? s->record->set : NULL, *after = s->intent->set;
    AUTO_BUILDER struct value_builder names = VALUE_BUILDER(s->arena);
    for (uint32_t i = 0; before && i < before->count; i++)
        value_builder_add(&names, before->items[i]);
    for (uint32_t i = 0; after && i < after->count; i++)
        if (!value_list_has(before, value_text(after->items[i], STR_EMPTY)))
            value_builder_add(&names, after->items[i]);
    return value_builder_list(&names);
}

/*
 * Some requests may have succeeded. The record gets the live attributes; unreported ones (write-only and
 * local) stay as recorded before, so that the next plan sends them again.
 */
static int recover_update(struct recovery *s, struct err *err)
{
    const struct value *live, *set = both_sets(s);
    const struct value *prior = s->record            ? s->record->attrs
                                : s->intent->desired ? s->intent->desired
                                                     : &value_empty_map;
    /* A resource that was being imported has no record yet, and its id may be the service's. */
    if (value_is_null(value_get(prior, s->schema->id)) && s->intent->subject.id.n)
        prior = value_with(s->arena, prior, s->schema->id, value_string(s->arena, s->intent->subject.id));
    const struct resource_ops *ops = s->schema->ops;
    if (ops->reread ? ops->reread(&s->ctx, prior, s->intent->desired, set, &live, err)
                    : ops->read(&s->ctx, prior, set, &live, err))
        return -1;
    if (!live)
        return close_undone(s, "was being changed by an earlier run, and no longer exists", err);
    return close_with(s, value_merge(s->arena, prior, only_ours(s, live, set)), set,
        "was being changed by an earlier run; recorded as it is now", err);
}

/* ---- delete ---- */

/* Waits for the deletion, which the service may still process: a change in the meantime could create the
 * resource again, without ownership tags. */
static int read_until_gone(struct recovery *s, const struct value **live, struct err *err)
{
    int64_t until_ms = clock_mono_ms() + recover_fresh_ms(s->intent, s->schema);
    for (;;) {
        bool last = clock_mono_ms() >= until_ms;
        if (s->schema->ops->read(&s->ctx, s->record->attrs, NULL, live, err))
            return -1;
        if (!*live || last)
            return 0;
        if (cancel_is_set(s->options->cancel))
            return err_set(err, ERR_INTERRUPTED, "interrupted");
        sleep_until(until_ms);
    }
}

static int recover_delete(struct recovery *s, struct err *err)
{
    const struct value *live = NULL;
    if (!s->record)
        return close_undone(s, "was being deleted, and is no longer recorded", err);
    if (read_until_gone(s, &live, err))
        return -1;
    if (live)
        return close_undone(s, "was being deleted by an earlier run, and still exists", err);
    struct outcome gone = {.record.subject = s->intent->subject, .action = STR("delete")};
    gone.record.subject.id = s->record->subject.id;
    if (state_done(s->options->state, &gone, err))
        return -1;
    tell_recovered(s, "was deleted by an earlier run", STR_EMPTY);
    return 0;
}

/* ---- all intents ---- */

static int begin_recovery(struct recovery *s, struct err *err)
{
    const struct recover_options *o = s->options;
    s->schema = catalog_find(o->catalog, s->intent->subject.type, false, err);
    if (!s->schema)
        return -1;
    s->record = state_get(o->state, s->intent->subject.address);
    object_mask_secrets(s->schema, s->intent->desired);
    if (s->record)
        object_mask_secrets(s->schema, s->record->attrs);
    s->ctx = (struct op_ctx){
        .arena = s->arena,
        .schema = s->schema,
        .address = s->intent->subject.address,
        .work_dir = o->work_dir,
        .owner = {.stack = o->stack,
            .env = o->env,
            .lineage = state_lineage(o->state),
            .token = s->intent->token},
        .cancel = o->cancel,
    };
    s->attempt = (struct attempt){.since_ms = s->intent->at_ms, .claim = claim_unrecorded, .claim_ctx = s};
    return o->provider(o->ctx, s->intent, &s->ctx.provider, err);
}

static int recover_intent(struct recovery *s, struct err *err)
{
    if (begin_recovery(s, err))
        return -1;
    if (!s->schema->ops->read) /* exists in the state only, so nothing is left */
        return close_undone(s, "was to be recorded by an earlier run", err);
    if (is_action(s->intent, "delete"))
        return recover_delete(s, err);
    if (is_action(s->intent, "update") || is_action(s->intent, "adopt"))
        return recover_update(s, err);
    return recover_create(s, err);
}

/* Retries temporary errors, since recovery can only read. */
static int recover_persistently(
    const struct recover_options *options, const struct intent *intent, struct err *err)
{
    int64_t pause = FIRST_PAUSE_MS;
    for (int attempt = 1;; attempt++, pause *= 2) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        struct recovery s = {.options = options, .intent = intent, .arena = &arena};
        struct err why = ERR_INIT;
        if (!recover_intent(&s, &why))
            return 0;
        bool passing = why.http_status >= 500 || (why.lost && why.class == ERR_NETWORK);
        if (!passing || attempt == TRIES || cancel_is_set(options->cancel))
            return err_raise(err, &why);
        clock_sleep_ms(pause);
    }
}

struct left_intents {
    const struct recover_options *options;
    const struct intent *const *intents;
    size_t n;
};

/*
 * Recovers each of these intents, between state_begin() and state_end(). Continues after a failure (an
 * unreachable service), leaves that intent open and returns -1 with the first error.
 */
static int recover_intents(const struct left_intents *left, struct err *err)
{
    const struct recover_options *options = left->options;
    const struct intent *const *intents = left->intents;
    int result = 0;
    for (size_t i = 0; i < left->n; i++) {
        struct err why = ERR_INIT;
        if (!recover_persistently(options, intents[i], &why) ||
            (options->may_stay_open && options->may_stay_open(options->ctx, intents[i], &why)))
            continue;
        err_context(&why, "looking up %.*s, which was being %.*sd by an earlier run",
            STR_ARG(intents[i]->subject.address), STR_ARG(intents[i]->action));
        if (!result)
            *err = why;
        result = -1;
    }
    return result;
}

/* The claims of recovery: all recovered addresses. */
static const struct value *intents_info(const struct left_intents *left, struct arena *arena)
{
    AUTO_BUILDER struct value_builder changes = VALUE_BUILDER(arena);
    for (size_t i = 0; i < left->n; i++)
        value_builder_add(&changes, value_string(arena, left->intents[i]->subject.address));
    struct value_entry claimed = {STR("changes"), value_builder_list(&changes)};
    return VALUE_MAP(arena, {STR("claims"), value_map(arena, &claimed, 1)});
}

/* Returns 1 if another run has recovered them already. */
static int recover_begin(void *ctx, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct left_intents *left = ctx;
    struct state *state = left->options->state;
    left->intents = state_left_intents(state, &left->n);
    if (!left->n)
        return 1;
    const struct value *info = state_is_shared(state) ? intents_info(left, &scratch) : NULL;
    return (info && state_check_claims(state, value_getz(info, "claims"), err)) ||
                   state_begin(state, "recover", info, err)
               ? -1
               : 0;
}

static int recover_locked(const struct recover_options *options, struct err *err)
{
    struct state *state = options->state;
    struct left_intents left = {.options = options};
    int begun = state_in_turn(state, recover_begin, &left, err);
    if (begun)
        return begun < 0 ? -1 : 0;
    int status = recover_intents(&left, err);
    struct err late = ERR_INIT;
    if (state_end(state, status ? "failed" : "done", NULL, NULL, status ? &late : err))
        status = -1;
    return status;
}

int recover_state(const struct recover_options *options, struct err *err)
{
    struct state *state = options->state;
    size_t n;
    state_left_intents(state, &n);
    bool locked_before = state_is_locked(state);
    if (!n)
        return locked_before ? 0 : state_check_sharers(state, err);
    if (!locked_before && state_share(state, "recover", 0, err))
        return -1;
    int status = recover_locked(options, err);
    if (!locked_before)
        state_unlock(state);
    return status;
}
