/*
 * Creation: looks up before what an earlier run may have created, and imports after it what already has the
 * name, if allowed.
 */
#include "base/clock.h"
#include "plan/apply/work.h"
#include "plan/decide/decision.h"
#include "plan/recover/recover.h"

/* ---- identities during an apply ---- */

/* A key may have one claim at each of several locations. */
struct claim {
    struct str address;
    struct resource_location at;
    const struct recorded_resource *recorded; /* the record; NULL: claimed by this run */
    struct claim *next;
};

static void add_claim(struct executor *x, struct str key, const struct claim *new)
{
    struct arena *arena = x->p->arena;
    struct claim *claim = ARENA_NEW(arena, struct claim);
    *claim = *new;
    claim->next = map_set(&x->claims, arena_str(arena, key), claim);
}

static void claim_recorded(struct executor *x, const struct recorded_resource *recorded)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const struct record *record = recorded->record;
    const struct schema *schema = catalog_find(x->p->workspace->catalog, record->subject.type, false, NULL);
    struct claim claim = {.address = recorded->address,
        .at = {record->subject.provider, record->location},
        .recorded = recorded};
    if (!schema || removed_is_forgotten(x->p, recorded))
        return;
    struct identities identities = identities_of(&scratch, schema, record->attrs, record->set);
    for (size_t i = 0; i < identities.n; i++)
        add_claim(x, identities.keys[i], &claim);
    add_claim(x, identities_found(&scratch, schema, record->subject.id), &claim);
}

void claims_begin(struct executor *x)
{
    for (size_t i = 0; i < x->p->recorded.count; i++)
        claim_recorded(x, &x->p->recorded.items[i]);
}

void claims_end(struct executor *x)
{
    map_release(&x->claims);
}

/* ---- with the lock ---- */

/* A claimed record may be deleted or changed by now. */
static bool still_holds(struct work *work, const struct claim *claim, struct str key)
{
    const struct record *record =
        claim->recorded ? state_get(work->x->p->workspace->state, claim->address) : NULL;
    if (!claim->recorded || record == claim->recorded->record)
        return true;
    if (!record)
        return false;
    struct identities now = identities_of(&work->arena, work->change->schema, record->attrs, record->set);
    bool same = false;
    for (size_t i = 0; i < now.n; i++)
        same = same || str_eq(now.keys[i], key);
    return same;
}

/* `found`: the record at its own address counts as another resource, such as the one that is replaced. */
static const struct claim *find_claim(struct work *work, struct str key, bool found)
{
    const struct claim *claim = map_get(&work->x->claims, key);
    struct resource_location here = {work->subject.provider, work->location};
    for (; claim; claim = claim->next) {
        bool own = str_eq(claim->address, work->subject.address) && !(found && claim->recorded);
        if (!own && still_holds(work, claim, key) &&
            identities_share_location(work->x->p, work->change->schema, here, claim->at))
            break;
    }
    return claim;
}

static const struct claim *take_keys(struct work *work, const struct str *keys, size_t n, bool found)
{
    struct executor *x = work->x;
    const struct value *location = work->location ? value_copy(x->p->arena, work->location) : NULL;
    struct claim own = {.address = arena_str(x->p->arena, work->subject.address),
        .at = {arena_str(x->p->arena, work->subject.provider), location}};
    const struct claim *other = NULL;
    for (size_t i = 0; i < n && !other; i++)
        other = find_claim(work, keys[i], found);
    for (size_t i = 0; i < n && !other; i++)
        add_claim(x, keys[i], &own);
    return other;
}

/* ---- without the lock ---- */

/* True if the plan has looked the key up for this instance, or the instance has claimed it already. */
static bool was_looked_up(const struct work *work, struct str key)
{
    const struct executor *x = work->x;
    const struct claim *claim = map_get(&x->claims, key);
    while (claim && !str_eq(claim->address, work->subject.address))
        claim = claim->next;
    return claim || map_get(&x->p->identity_keys, key) == work->change->instance;
}

/* Returns the keys that were looked up neither in the records that the plan has read nor in the rest of the
 * state. */
static size_t find_unknown_keys(struct work *work, const struct str *keys, size_t n, struct str *unknown)
{
    struct executor *x = work->x;
    size_t count = 0;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&x->lock);
    for (size_t i = 0; i < n && x->p->needed; i++)
        if (!was_looked_up(work, keys[i]))
            unknown[count++] = keys[i];
    return count;
}

/* Looks the keys up in the rest of the state, if only a part of it was read. */
static int look_in_rest(
    struct work *work, const struct str *keys, size_t n, struct str *address, struct err *err)
{
    struct str unknown[3];
    struct named named;
    size_t count = find_unknown_keys(work, keys, n, unknown);
    const struct record *other = NULL;
    if (!count)
        return 0;
    int status = named_open(work->x->p, unknown, count, &named, err);
    pthread_mutex_lock(&work->x->lock);
    for (size_t i = 0; i < count && !other && !status; i++)
        other = named_other(&named, work->subject.address, work->change->schema,
            (struct resource_location){work->subject.provider, work->location}, unknown[i]);
    pthread_mutex_unlock(&work->x->lock);
    if (other)
        *address = arena_str(&work->arena, other->subject.address);
    named_close(&named);
    if (!status)
        return 0;
    err->unsure = true; /* it may have been created by now */
    return err_context(err, "looking for the resource that has this name");
}

static int find_owner(
    struct work *work, const struct str *keys, size_t n, bool found, struct str *address, struct err *err)
{
    *address = STR_EMPTY;
    if (look_in_rest(work, keys, n, address, err))
        return -1;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&work->x->lock);
    const struct claim *other = address->n ? NULL : take_keys(work, keys, n, found);
    if (other)
        *address = other->address;
    return 0;
}

bool claims_take_found(void *ctx, struct str id)
{
    struct work *work = ctx;
    struct str key = identities_found(&work->arena, work->change->schema, id), other;
    return !find_owner(work, &key, 1, true, &other, ERR_IGNORED) && !other.n;
}

/* Called without the lock: claims the object for this resource. Returns -1 if another resource of the stack
 * has it. */
static int claims_take(struct work *work, const struct value *object, struct err *err)
{
    const struct schema *schema = work->change->schema;
    const struct value *set = object_set(&work->arena, schema, work->desired);
    struct identities identities = identities_of(&work->arena, schema, object, set);
    struct str other;
    if (find_owner(work, identities.keys, identities.n, false, &other, err))
        return -1;
    if (!other.n)
        return 0;
    err_set(err, ERR_EXISTS, "it would be the same %.*s as %.*s: %.*s", STR_ARG(schema->name), STR_ARG(other),
        STR_ARG(identities.text));
    return err_hint(err, "each would overwrite the other; give one of them another name");
}

/* ---- creation ---- */

/* Attributes that are costly to compute before a creation are computed after it. */
static bool lacks_costly(const struct schema *schema, const struct value *desired)
{
    for (size_t i = 0; i < schema->attr_count; i++)
        if (schema->attrs[i].costly && !value_get(desired, schema->attrs[i].name))
            return true;
    return false;
}

/* Adds attributes that an upload computed from its file. Without them if the file is missing by now. */
static const struct value *with_files(struct work *work, const struct value *created)
{
    const struct schema *schema = work->change->schema;
    struct preparation how = {.recorded = created};
    const struct value *whole;
    if (!schema->ops->prepare || !lacks_costly(schema, work->desired) ||
        schema->ops->prepare(&work->ctx, &how, work->desired, &whole, ERR_IGNORED))
        return work->desired;
    return whole;
}

/* Records a created resource, or one that was created but not recorded. */
static int record_made(struct work *work, const struct value *live, struct err *err)
{
    const struct change *change = work->change;
    bool replaces = change->decision.action == ACTION_REPLACE && change->recorded;
    work->desired = with_files(work, live);
    if (replaces)
        live = work_reread(work, change->recorded->record, change->attrs, change->attr_count, live);
    return work_done(work, STR("create"), live, err);
}

/* Restores a resource that this stack deleted and the service still keeps, and updates it. */
static int take_back(struct work *work, const struct value *planned, struct err *err)
{
    const struct value *live = NULL,
                       *restoring = value_with(&work->arena, work->desired, STR("restore"), &value_true);
    *err = (struct err)ERR_INIT;
    work_progress(work, "was deleted by this stack and is still recoverable: restoring it");
    if (work_intent(work, STR("create"), work_object_id(work, planned), err))
        return -1;
    if (work->change->schema->ops->create(&work->ctx, &work->attempt, restoring, &live, err))
        return work_failed(work, STR("create"), live, err);
    if (value_is_null(value_getz(work->desired, "restore")))
        live = value_with(&work->arena, live, STR("restore"), NULL);
    return record_made(work, live, err);
}

/* ---- existing resources ---- */

static int refuse_existing(const struct work *work, struct err *err, const char *why)
{
    bool restores = schema_attr(work->change->schema, STR("restore")) != NULL;
    if (err->hint[0]) /* the provider's hint is more precise */
        return -1;
    return err_hint(err,
        "%s%s; to manage it with this stack, list it under `imports:` or give the resource `adopt: existing`",
        why, restores ? ", or was deleted and is still recoverable (`restore: true` restores it)" : "");
}

/* True if the object has ownership tags of this stack, for any address. */
static bool is_tagged_ours(struct work *work, const struct value *object, bool *known)
{
    const struct resource_ops *ops = work->change->schema->ops;
    const struct value *owner_tags = NULL;
    *known = ops->ownership_tags && !ops->ownership_tags(&work->ctx, object, &owner_tags, ERR_IGNORED);
    return *known && str_eq(value_gets(owner_tags, "stack"), work->ctx.owner.stack);
}

/* Finds an object with the planned name, with the attributes that reading it needs. */
static const struct value *namesake_of(struct work *work, const struct value *planned)
{
    const struct schema *schema = work->change->schema;
    const struct value *id = value_get(planned, schema->id), *object = NULL;
    if (!value_is_null(id) && value_is_known(id))
        return planned;
    if (!schema->ops->find_by_name || schema->ops->find_by_name(&work->ctx, planned, &object, ERR_IGNORED) ||
        !object)
        return NULL;
    object = value_merge(&work->arena, planned, object);
    return work_object_id(work, object).n ? object : NULL;
}

/* The resource that is being replaced must not be imported: it would be deleted right after. */
static bool is_old_one(const struct work *work, const struct value *object)
{
    const struct change *change = work->change;
    const struct record *old =
        change->decision.create_first && change->recorded ? change->recorded->record : NULL;
    return old && old->subject.id.n && str_eq(work_object_id(work, object), old->subject.id) &&
           value_equal(old->location, work->location);
}

/*
 * A resource of that name exists. If this stack created it (its state or a record was lost), it is imported;
 * if the service only keeps it after a deletion, it is restored. Anything else needs the user's consent.
 */
static int take_over(struct work *work, const struct value *planned, struct err *err)
{
    const struct schema *schema = work->change->schema;
    const struct resource_ops *ops = schema->ops;
    const struct value *live = NULL, *set = object_set(&work->arena, schema, work->desired);
    enum adopt_mode mode = decl_lifecycle(work->change->instance->decl)->adopt;
    /* The lost response may have been that of this request. If the type has a recovery method, it was used
     * already. */
    bool unsure = err->unsure && !schema->recovery.n && !schema->never_recovered;
    if ((mode == ADOPT_NEVER && !unsure) || (!ops->ownership_tags && mode == ADOPT_OWNED && !unsure))
        return refuse_existing(work, err, "something of that name exists already");
    planned = namesake_of(work, planned);
    if (!planned)
        return refuse_existing(work, err, "something of that name exists already");
    if (is_old_one(work, planned))
        return err_hint(err, "the resource that it replaces has this name: give it another, or remove "
                             "`create_before_destroy` here and from the resources that refer to it");
    bool known = true, ours = mode != ADOPT_EXISTING && is_tagged_ours(work, planned, &known);
    if (mode == ADOPT_OWNED && !unsure && !known)
        return refuse_existing(work, err,
            "something of that name exists already; if another account has it, choose another name");
    if (mode == ADOPT_OWNED && !unsure && !ours)
        return refuse_existing(
            work, err, "something of that name exists already, and this stack did not make it");
    if (ops->read(&work->ctx, planned, set, &live, ERR_IGNORED))
        return -1;
    if (!live)
        return ours && schema_attr(schema, STR("restore")) ? take_back(work, planned, err) : -1;
    live = object_managed(&work->arena, schema, live, work->desired, set);
    if (unsure && object_is_another(schema, planned, live))
        return refuse_existing(work, err, "something else of that name exists already");
    work_progress(work, "exists already, created by this stack: importing it");
    *err = (struct err)ERR_INIT;
    return claims_take(work, live, err) || work_adopt(work, live, err) ? -1 : 0;
}

/* ---- resources of an earlier run ---- */

static bool is_same_request(const struct value *before, const struct value *now)
{
    for (uint32_t i = 0; now && i < now->count; i++)
        if (!state_hash_matches(value_get(before, now->entries[i].key), now->entries[i].value))
            return false;
    for (uint32_t i = 0; before && i < before->count; i++)
        if (!value_is_null(before->entries[i].value) && !value_get(now, before->entries[i].key))
            return false;
    return true;
}

static int refuse_unknowable(struct work *work, struct err *err)
{
    err_set(
        err, ERR_EXISTS, "an earlier run may have created it, and the service cannot tell whether it did");
    return err_hint(err,
        "look at the service: `weir state rm %.*s` if it does not exist, `weir state import` if it does",
        STR_ARG(address_quoted(&work->arena, work->subject.address)));
}

/* An earlier request with the arguments `before` has created the resource. */
static int take_earlier(
    struct work *work, const struct value *before, const struct value *live, struct err *err)
{
    const struct schema *schema = work->change->schema;
    const struct value *set = object_set(&work->arena, schema, work->desired);
    live = object_managed(&work->arena, schema, live, work->desired, set);
    /* Recorded first: it exists and is managed, whatever happens next. */
    if (work_found(work, before, live, err))
        return -1;
    if (object_is_another(schema, work->desired, live)) {
        err_set(
            err, ERR_STALE, "was created by an earlier run after all, but differs from the configuration");
        return err_hint(err, "it is recorded: run the same command again");
    }
    work_progress(work, "was created by an earlier run: importing it");
    return work_adopt(work, live, err);
}

/*
 * An earlier request for this resource had no response, and the plan did not find its result. Looks for it
 * again until it must be visible. *found: it exists and is imported. Otherwise the caller creates it, with
 * the same token if the arguments are the same, so that a late result is detected.
 */
static int recover_earlier(struct work *work, const struct intent *open, bool *found, struct err *err)
{
    const struct schema *schema = work->change->schema;
    struct op_ctx ctx = work->ctx;
    struct attempt earlier = work->attempt;
    const struct value *before = open->desired ? open->desired : &value_empty_map, *live = NULL;
    int64_t fresh_ms = schema->name_is_unique ? 0 : recover_fresh_ms(open, schema);
    if (schema->never_recovered)
        return refuse_unknowable(work, err);
    ctx.owner.token = open->token;
    earlier.since_ms = open->at_ms;
    earlier.look_until_ms = fresh_ms ? clock_mono_ms() + fresh_ms : 0;
    if (fresh_ms)
        work_progress(work, "an earlier request may still be executing: looking for its resource");
    if (schema->ops->find && schema->ops->find(&ctx, &earlier, before, &live, err))
        return -1;
    if (live && claims_take(work, live, ERR_IGNORED))
        live = NULL;
    *found = live != NULL;
    if (live)
        return take_earlier(work, before, live, err);
    work->attempt.is_repeated = true;
    work->attempt.since_ms = open->at_ms;
    if (is_same_request(before, work->desired))
        snprintf(work->token, sizeof work->token, "%.*s", STR_ARG(open->token));
    return 0;
}

/* ---- create ---- */

/* Returns the planned prediction if the id was known in the plan, otherwise predicts again. */
static int predict_again(struct work *work, const struct value **planned, struct err *err)
{
    const struct schema *schema = work->change->schema;
    const struct instance *instance = work->change->instance;
    const struct value *id = value_get(instance->planned, schema->id);
    *planned = work->desired;
    if (!schema->ops->predict)
        return 0;
    if (work->desired != instance->desired || value_is_null(id) || !value_is_known(id))
        return schema->ops->predict(&work->ctx, work->desired, NULL, planned, err);
    *planned = instance->planned;
    return 0;
}

int work_create(struct work *work, struct err *err)
{
    const struct resource_ops *ops = work->change->schema->ops;
    const struct intent *open = ops->read ? map_get(&work->x->open, work->subject.address) : NULL;
    const struct value *planned, *live = NULL;
    bool found = false;
    if (open && recover_earlier(work, open, &found, err))
        return -1;
    if (found)
        return 0;
    if (predict_again(work, &planned, err) || claims_take(work, planned, err))
        return -1;
    /* Without a service the record is the resource. */
    if (ops->read && work_intent(work, STR("create"), work_object_id(work, planned), err))
        return -1;
    if (!ops->create(&work->ctx, &work->attempt, work->desired, &live, err))
        return claims_take(work, live, err) ? work_failed(work, STR("create"), NULL, err)
                                            : record_made(work, live, err);
    if (!ops->read)
        return -1;
    if (live && claims_take(work, live, ERR_IGNORED))
        live = NULL; /* none of it belongs to this resource */
    work_failed(work, STR("create"), live, err);
    return err->class == ERR_EXISTS && !live ? take_over(work, planned, err) : -1;
}
