/* What a refresh saw, in a saved plan. */
#include "plan/saved/saved_live.h"

#include "base/json.h"
#include "base/json_scan.h"
#include "base/mask.h"
#include "plan/objects/objects.h"

/* Around what is no secret as a whole, but has one in it. */
#define MASKED_MARKER "$masked"

/* ---- writing ---- */

static const struct value *as_kept(const struct state *state, struct arena *arena, const struct value *v)
{
    AUTO_BUF struct buf text = BUF_INIT;
    const struct value *kept = &value_null;
    state_write_value(state, &text, v);
    scan_json(arena, arena_str(arena, buf_str(&text)), &kept, NULL);
    return kept;
}

/* Something of which a secret is a part, as text, sealed as a whole. */
static const struct value *masked_whole(
    const struct state *state, struct arena *arena, const struct value *kept)
{
    const struct value *text = value_mark(arena, json_as_text(arena, kept), VALUE_SENSITIVE);
    return value_with(arena, NULL, STR(MASKED_MARKER), as_kept(state, arena, text));
}

/* Without a key: as the state has it, where it is that. Two hashes of one secret do not show that they are.
 */
static const struct value *attr_hashed(
    const struct state *state, struct arena *arena, const struct value *v, const struct value *recorded)
{
    bool same = value_is_sensitive(recorded) && state_hash_matches(recorded, v);
    return as_kept(state, arena, same ? recorded : state_hash_secret(arena, v));
}

static const struct value *attr_kept(
    const struct state *state, struct arena *arena, const struct value *v, const struct value *recorded)
{
    AUTO_BUF struct buf text = BUF_INIT;
    bool key = state_has_key(state);
    if (!key && value_is_sensitive(v))
        return attr_hashed(state, arena, v, recorded);
    const struct value *kept = as_kept(state, arena, v);
    json_write(&text, kept, JSON_PLAIN);
    if (!mask_finds(buf_str(&text)))
        return kept;
    return key ? masked_whole(state, arena, kept) : attr_hashed(state, arena, v, recorded);
}

/* Whether the schema or the file makes them so. */
static const struct value *object_sealed(
    const struct state *state, struct arena *arena, const struct schema *schema, const struct seen *seen)
{
    const struct value *live = object_mark(arena, schema, seen->live, seen->record->attrs);
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < live->count; i++) {
        struct str name = live->entries[i].key;
        const struct value *recorded = value_get(seen->record->attrs, name);
        value_builder_set(&b, name, attr_kept(state, arena, live->entries[i].value, recorded));
    }
    return value_builder_map(&b);
}

const struct value *saved_live_values(const struct planner *p, struct arena *arena)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (size_t i = 0; i < p->recorded.count; i++) {
        const struct seen *seen = &p->recorded.seen[i];
        if (!seen->read)
            continue;
        const struct schema *schema =
            catalog_find(p->workspace->catalog, seen->record->subject.type, false, NULL);
        value_builder_set(&b, seen->record->subject.address,
            seen->live && schema ? object_sealed(p->workspace->state, arena, schema, seen) : &value_null);
    }
    return value_builder_map(&b);
}

/* ---- reading ---- */

static int read_attr(const struct state *state, const struct value *kept, struct arena *arena,
    const struct value **out, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const struct value *sealed = value_getz(kept, MASKED_MARKER), *text, *inner;
    if (!sealed || kept->count != 1)
        return state_read_value(state, arena, kept, out, err);
    if (state_read_value(state, &scratch, sealed, &text, err) ||
        scan_json(&scratch, value_text(text, STR_EMPTY), &inner, err))
        return -1;
    return state_read_value(state, arena, inner, out, err);
}

/* What the state has in clear, because it names the resource, the file has as a hash. */
static const struct value *as_recorded(
    const struct state *state, struct str address, struct str name, const struct value *v)
{
    const struct record *record = state_is_hash(v) ? state_get(state, address) : NULL;
    const struct value *recorded = record ? value_get(record->attrs, name) : NULL;
    return object_hash_matches(v, recorded) ? recorded : v;
}

static int read_object(const struct state *state, struct str address, const struct value *kept,
    struct arena *arena, const struct value **out, struct err *err)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    *out = &value_null;
    if (kept->kind != VALUE_MAP)
        return 0;
    for (uint32_t i = 0; i < kept->count; i++) {
        const struct value *v;
        if (read_attr(state, kept->entries[i].value, arena, &v, err))
            return err_context(err, "%.*s", STR_ARG(kept->entries[i].key));
        struct str name = arena_str(arena, kept->entries[i].key);
        value_builder_set(&b, name, as_recorded(state, address, name, v));
    }
    *out = value_builder_map(&b);
    return 0;
}

int saved_live_read(const struct state *state, const struct value *saved, struct arena *arena,
    const struct value **out, struct err *err)
{
    AUTO_BUILDER struct value_builder objects = VALUE_BUILDER(arena);
    saved = value_as_map(saved);
    for (uint32_t i = 0; i < saved->count; i++) {
        const struct value *object;
        struct str address = arena_str(arena, saved->entries[i].key);
        if (read_object(state, address, saved->entries[i].value, arena, &object, err))
            return err_context(err, "what was seen of %.*s", STR_ARG(address));
        value_builder_set(&objects, address, object);
    }
    *out = value_builder_map(&objects);
    return 0;
}
