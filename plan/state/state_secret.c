/*
 * Which values the state keeps as secrets, and write-only ones as it keeps them: hashes that can be compared
 * but not read back.
 */
#include "plan/state/state_secret.h"
#include "base/json.h"
#include "base/mask.h"
#include "plan/state/encode.h"
#include "plan/state/state.h"

/* ---- which values are secret ---- */

/* As it stands in the log: sealed or hashed, or with something in it that is, but for fields of which the
 * schema says so. */
static bool is_kept_secret(const struct type *type, const struct value *v)
{
    bool list = v && v->kind == VALUE_LIST;
    for (uint32_t i = 0; v && (list || v->kind == VALUE_MAP) && i < v->count; i++) {
        bool marker = !list && v->count == 1 &&
                      (str_eqz(v->entries[0].key, "$sealed") || str_eqz(v->entries[0].key, "$hash"));
        const struct attr *field = type && !list ? type_field(type, v->entries[i].key) : NULL;
        bool reported = field && (field->sensitive || field->write_only);
        if (marker || (!reported && is_kept_secret(field  ? field->type
                                                   : type ? type->elem
                                                          : NULL,
                                        list ? v->items[i] : v->entries[i].value)))
            return true;
    }
    return false;
}

static bool was_secret(const struct secret_marks *marks, struct str name, const struct value *v)
{
    const struct attr *attr = marks->schema ? schema_attr(marks->schema, name) : NULL;
    const struct value *given = value_get(marks->given, name), *meant = value_get(marks->intended, name);
    if (attr_secret_beyond(attr, given) || (!marks->given && is_kept_secret(attr ? attr->type : NULL, meant)))
        return true;
    bool open = marks->given ? given && value_equal(given, v) : meant && value_equal(meant, v);
    return !open && attr_secret_beyond(attr, value_get(marks->recorded, name));
}

/* By value: what services repeat where nobody would look for it. */
static bool has_secret(const struct value *v)
{
    AUTO_BUF struct buf text = BUF_INIT;
    json_write(&text, v, JSON_REDACT); /* what is marked within is kept as a secret as it is */
    return mask_finds(buf_str(&text));
}

/*
 * Does it name the resource to its service? What the service made up is no secret, and what stands in the id
 * is in the log in clear as it is.
 */
static bool secret_identifies(const struct secret_marks *marks, struct str name, const struct value *v)
{
    const struct attr *attr = marks->schema ? schema_attr(marks->schema, name) : NULL;
    if (!attr || attr->sensitive || attr->write_only || !v || v->kind != VALUE_STRING || !v->string.n)
        return false;
    if (!attr->identifies && !str_eq(name, marks->schema->id))
        return false;
    return !attr->settable || str_find(marks->id, v->string, 0) >= 0;
}

const struct value *state_mark_secrets(
    struct arena *arena, const struct value *attrs, const struct secret_marks *marks)
{
    const struct value *marked = attrs;
    bool by_value =
        !mask_finds(marks->id); /* what a resource is called is no secret, nor what follows from it */
    for (uint32_t i = 0; attrs && attrs->kind == VALUE_MAP && i < attrs->count; i++) {
        struct str name = attrs->entries[i].key;
        const struct value *v = attrs->entries[i].value;
        bool names = secret_identifies(marks, name, v);
        if (names && !marks->sealed) { /* a resource whose name is a hash cannot be found again */
            marked = value_with(arena, marked, name, value_unmark(arena, v));
            continue;
        }
        if (v->marks & VALUE_SENSITIVE)
            continue;
        bool given = value_equal(value_get(marks->given, name), v); /* the file has it in clear */
        bool looked_at = by_value && !given && !value_is_sensitive(v) && !names;
        if (was_secret(marks, name, v) || (looked_at && has_secret(v)))
            marked = value_with(arena, marked, name, value_mark(arena, v, VALUE_SENSITIVE));
    }
    return marked;
}

/* ---- hashes ---- */

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
