/*
 * Write-only values as the state keeps them: hashes that can be compared but not read back.
 */
#include "plan/state/encode.h"
#include "plan/state/state.h"

const struct value *state_hash_secret(struct arena *arena, const struct value *v)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    AUTO_BUF struct buf plain = BUF_INIT;
    if (value_is_null(v) || state_is_hash(v))
        return v;
    encode_value(&plain, NULL, value_unmark(&scratch, v));
    struct value_entry entry = {STR("$hash"), value_string_ref(arena, secret_hash(arena, buf_str(&plain)))};
    return value_mark(arena, value_map(arena, &entry, 1), VALUE_SENSITIVE);
}

bool state_is_hash(const struct value *kept)
{
    return kept && (kept->marks & VALUE_SENSITIVE) && kept->kind == VALUE_MAP && kept->count == 1 &&
           str_eqz(kept->entries[0].key, "$hash") &&
           secret_is_hash(value_text(kept->entries[0].value, STR_EMPTY));
}

static bool matches_hash(const struct value *kept, const struct value *v)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    AUTO_BUF struct buf plain = BUF_INIT;
    if (!value_is_known(v))
        return false;
    if (state_is_hash(v))
        return value_equal(kept, v);
    encode_value(&plain, NULL, value_unmark(&scratch, v ? v : &value_null));
    return secret_hash_matches(kept->entries[0].value->string, buf_str(&plain));
}

bool state_hash_matches(const struct value *kept, const struct value *v)
{
    if (state_is_hash(kept))
        return matches_hash(kept, v);
    if (!value_is_sensitive(kept) || !v || v->kind != kept->kind || v->count != kept->count)
        return value_equal(kept, v);
    if (kept->kind != VALUE_LIST && kept->kind != VALUE_MAP)
        return value_equal(kept, v);
    for (uint32_t i = 0; i < kept->count; i++) {
        if (kept->kind == VALUE_LIST ? !state_hash_matches(kept->items[i], v->items[i])
                                     : !str_eq(kept->entries[i].key, v->entries[i].key) ||
                                           !state_hash_matches(kept->entries[i].value, v->entries[i].value))
            return false;
    }
    return true;
}
