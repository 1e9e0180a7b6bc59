/* Whose each resource is while a plan is applied: see claims.h. */
#include "plan/apply/claims.h"

#include "plan/decide/decision.h"
#include "plan/objects/named.h"
#include "plan/objects/objects.h"

/* Under one key there may be one at each of several locations. */
struct claim {
    struct str address;
    struct whereabouts at;
    const struct seen *seen; /* as it was recorded; NULL: of this run */
    struct claim *next;
};

static void add_claim(struct executor *x, struct str key, const struct claim *new)
{
    struct arena *arena = x->p->arena;
    struct claim *claim = ARENA_NEW(arena, struct claim);
    *claim = *new;
    claim->next = map_set(&x->claims, arena_str(arena, key), claim);
}

static void claim_recorded(struct executor *x, const struct seen *seen)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const struct record *record = seen->record;
    const struct schema *schema = catalog_find(x->p->workspace->catalog, record->subject.type, false, NULL);
    struct claim claim = {
        .address = seen->address, .at = {record->subject.provider, record->place}, .seen = seen};
    if (!schema || removed_forgets(x->p, seen))
        return;
    struct identities identities = identities_of(&scratch, schema, record->attrs, record->set);
    for (size_t i = 0; i < identities.n; i++)
        add_claim(x, identities.keys[i], &claim);
    add_claim(x, identities_found(&scratch, schema, record->subject.id), &claim);
}

void claims_begin(struct executor *x)
{
    for (size_t i = 0; i < x->p->recorded.count; i++)
        claim_recorded(x, &x->p->recorded.seen[i]);
}

void claims_end(struct executor *x)
{
    map_release(&x->claims);
}

/* ---- the lock is held ---- */

/* What was recorded may have been deleted by now, or be another. */
static bool still_holds(struct work *work, const struct claim *claim, struct str key)
{
    const struct record *record =
        claim->seen ? state_get(work->x->p->workspace->state, claim->address) : NULL;
    if (!claim->seen || record == claim->seen->record)
        return true;
    if (!record)
        return false;
    struct identities now = identities_of(&work->arena, work->change->schema, record->attrs, record->set);
    bool same = false;
    for (size_t i = 0; i < now.n; i++)
        same = same || str_eq(now.keys[i], key);
    return same;
}

/* `found`: what is recorded at its own address is another as well, such as the one that is replaced. */
static const struct claim *find_claim(struct work *work, struct str key, bool found)
{
    const struct claim *claim = map_get(&work->x->claims, key);
    struct whereabouts here = {work->subject.provider, work->place};
    for (; claim; claim = claim->next) {
        bool own = str_eq(claim->address, work->subject.address) && !(found && claim->seen);
        if (!own && still_holds(work, claim, key) &&
            identities_share_location(work->x->p, work->change->schema, here, claim->at))
            break;
    }
    return claim;
}

static const struct claim *take_keys(struct work *work, const struct str *keys, size_t n, bool found)
{
    struct executor *x = work->x;
    const struct value *place = work->place ? value_copy(x->p->arena, work->place) : NULL;
    struct claim own = {.address = arena_str(x->p->arena, work->subject.address),
        .at = {arena_str(x->p->arena, work->subject.provider), place}};
    const struct claim *other = NULL;
    for (size_t i = 0; i < n && !other; i++)
        other = find_claim(work, keys[i], found);
    for (size_t i = 0; i < n && !other; i++)
        add_claim(x, keys[i], &own);
    return other;
}

/* ---- without it ---- */

/* Of these keys those that nobody has, as far as the plan has read the state and looked in the rest of it. */
static size_t find_untold(struct work *work, const struct str *keys, size_t n, struct str *untold)
{
    struct executor *x = work->x;
    size_t count = 0;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&x->lock);
    for (size_t i = 0; i < n && x->p->needed; i++)
        if (!map_get(&x->p->looked, keys[i]) && !map_get(&x->claims, keys[i]))
            untold[count++] = keys[i];
    return count;
}

/* In the rest of the state, where only a part of it was read. */
static int look_in_rest(
    struct work *work, const struct str *keys, size_t n, struct str *address, struct err *err)
{
    struct str untold[3];
    struct named named;
    size_t count = find_untold(work, keys, n, untold);
    const struct record *other = NULL;
    if (!count)
        return 0;
    int status = named_open(work->x->p, untold, count, &named, err);
    pthread_mutex_lock(&work->x->lock);
    for (size_t i = 0; i < count && !other && !status; i++)
        other = named_other(&named, work->subject.address, work->change->schema,
            (struct whereabouts){work->subject.provider, work->place}, untold[i]);
    pthread_mutex_unlock(&work->x->lock);
    if (other)
        *address = arena_str(&work->arena, other->subject.address);
    named_close(&named);
    if (!status)
        return 0;
    err->unsure = true; /* it may have been made by now */
    return err_context(err, "looking for who else has it");
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

int claims_take(struct work *work, const struct value *object, struct err *err)
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
    return err_hint(err, "one would take it away from the other; give one of them another name");
}
