/* The names that a state's snapshot has, written and looked up: see named.h. */
#include "plan/objects/named.h"

#include "base/hash.h"
#include "plan/objects/objects.h"
#include "plan/objects/recorded.h"
#include "plan/state/part.h"

/* ---- of records ---- */

static const struct schema *schema_of(const struct naming *naming, struct str type)
{
    return catalog_find(naming->p->workspace->catalog, type, false, NULL);
}

static size_t add_key(struct str *keys, size_t n, struct str key)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(keys[i], key))
            return n;
    keys[n] = key;
    return n + (key.n > 0);
}

/* All by which anybody looks for it: identity_clash.c and plan/apply/work_create.c. */
static size_t keys_of(struct naming *naming, struct arena *arena, const struct record *record, bool secrets,
    const struct str **keys)
{
    const struct schema *schema = schema_of(naming, record->subject.type);
    if (!schema || !schema->ops->read) {
        *keys = NULL;
        return 0;
    }
    struct identities identity = identities_of(arena, schema, record->attrs, record->set);
    identities_add_own(&identity, &naming->names, arena, schema, record->attrs);
    const struct value *held =
        value_as_list(schema->ops->holds ? schema->ops->holds(arena, record->attrs) : NULL);
    struct str *all = ARENA_ARRAY(arena, struct str, identity.n + held->count + 1);
    size_t n = 0;
    for (size_t i = 0; i < identity.n && (secrets || !identity.secret); i++)
        n = add_key(all, n, identity.keys[i]);
    n = add_key(all, n, identities_found(arena, schema, record->subject.id));
    for (uint32_t i = 0; i < held->count; i++)
        n = add_key(all, n, identities_by_id(arena, schema, value_text(held->items[i], STR_EMPTY)));
    *keys = all;
    return n;
}

/* A digest would let anybody try out what a secret is. */
static size_t kept_keys(void *ctx, struct arena *arena, const struct record *record, const struct str **keys)
{
    return keys_of(ctx, arena, record, false, keys);
}

static struct str definition_of(void *ctx, struct arena *arena, struct str type)
{
    struct naming *naming = ctx;
    const struct schema *schema = schema_of(naming, type);
    AUTO_BUF struct buf text = BUF_INIT;
    if (schema)
        identities_define(&text, &naming->names, schema);
    return str_slice(sha256_hex(arena, buf_str(&text)), 0, 16);
}

struct state_namer named_begin(struct naming *naming, struct planner *p)
{
    naming->p = p;
    names_open(&naming->names, p->arena, p->workspace->catalog);
    return (struct state_namer){kept_keys, definition_of, naming};
}

void named_end(struct naming *naming)
{
    names_release(&naming->names);
}

static bool is_cloudformations(struct str type)
{
    return str_find(type, STR("::"), 0) >= 0;
}

/* One of CloudFormation's may be one of weir's own. */
bool named_tells(struct naming *naming, const struct schema *schema)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const struct value *types = state_types(naming->p->workspace->state);
    for (uint32_t i = 0; types && i < types->count; i++) {
        struct str type = types->entries[i].key;
        bool concerns =
            str_eq(type, schema->name) || is_cloudformations(type) || is_cloudformations(schema->name);
        if (concerns &&
            !str_eq(value_text(types->entries[i].value, STR_EMPTY), definition_of(naming, &scratch, type)))
            return false;
    }
    return types != NULL;
}

/* ---- who has one ---- */

struct holder_named {
    const struct record *record;
    struct holder_named *next;
};

static void add_record(struct named *named, const struct record *record)
{
    const struct str *keys;
    size_t n = keys_of(&named->naming, &named->arena, record, true, &keys);
    for (size_t i = 0; i < n; i++) {
        struct holder_named *holder = ARENA_NEW(&named->arena, struct holder_named);
        *holder = (struct holder_named){record, map_set(&named->by_key, keys[i], holder)};
    }
}

int named_open(struct planner *p, const struct str *keys, size_t n, struct named *out, struct err *err)
{
    const struct state_part part = {.named = keys, .named_count = n};
    *out = (struct named){0};
    if (workspace_read_part(p->workspace, &part, &out->state, err))
        return -1;
    named_begin(&out->naming, p);
    out->naming.names.arena = &out->arena;
    size_t count;
    const struct record *const *records = state_records(out->state, &count);
    for (size_t i = 0; i < count; i++)
        add_record(out, records[i]);
    return 0;
}

/* Then what became of it is known better than by the state. */
static bool was_read(const struct planner *p, struct str address)
{
    const struct seen *seen = map_get(&p->recorded.by_recorded, address_declared(address));
    while (seen && !str_eq(seen->record->subject.address, address))
        seen = seen->sibling;
    return seen != NULL;
}

const struct record *named_other(const struct named *named, struct str address, const struct schema *schema,
    struct whereabouts at, struct str key)
{
    struct planner *p = named->naming.p;
    const struct holder_named *holder = map_get(&named->by_key, key);
    for (; holder; holder = holder->next) {
        const struct record *record = holder->record;
        struct whereabouts its = {record->subject.provider, record->location};
        struct str other = record->subject.address;
        if (!was_read(p, other) && !str_eq(address_current(other), address) &&
            identities_share_location(p, schema, at, its))
            break;
    }
    return holder ? holder->record : NULL;
}

void named_close(struct named *named)
{
    if (named->state)
        named_end(&named->naming);
    state_close(named->state);
    map_release(&named->by_key);
    arena_release(&named->arena);
}
