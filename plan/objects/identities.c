/* What tells resources apart: see identities.h. */
#include "plan/objects/identities.h"

#include "base/json.h"
#include "plan/objects/objects.h"

#include <ctype.h>

/* NULL: not known. What is not given and not filled in by the service is nothing, as null. */
static const struct value *unique_value(
    const struct attr *attr, const struct value *object, const struct value *set)
{
    bool counts = !set || attr->computed || value_list_has(set, attr->name);
    const struct value *v = counts ? value_get(object, attr->name) : NULL;
    if (value_is_null(v))
        v = attr->default_value;
    if (value_is_null(v))
        return attr->computed ? NULL : &value_null;
    return value_is_known(v) && !object_holds_hash(v) ? v : NULL;
}

static void add_text(struct buf *text, const struct value *v)
{
    if (value_is_null(v))
        return;
    buf_addz(text, text->n ? "/" : "");
    if (value_is_sensitive(v))
        buf_addz(text, "(sensitive)");
    else if (v->kind == VALUE_STRING)
        buf_add_str(text, v->string);
    else
        json_write(text, v, JSON_PLAIN);
}

static void add_key(struct buf *key, const struct attr *attr, const struct value *v)
{
    size_t at = key->n;
    json_write(key, v, JSON_PLAIN);
    for (size_t i = at; attr->compare == COMPARE_NOCASE && i < key->n; i++)
        key->p[i] = (char)tolower((unsigned char)key->p[i]);
    buf_add_char(key, ' ');
}

bool identities_unique(const struct schema *schema, const struct value *object, const struct value *set,
    struct buf *key, struct buf *text)
{
    bool any = false;
    buf_addf(key, "%.*s = ", STR_ARG(schema->name));
    for (size_t i = 0; i < schema->unique_count; i++) {
        const struct attr *attr = schema_attr(schema, schema->unique[i]);
        const struct value *v = unique_value(attr, object, set);
        if (!v)
            return false;
        any = any || !value_is_null(v);
        add_key(key, attr, v);
        add_text(text, v);
    }
    return any;
}

struct str identities_found(struct arena *arena, const struct schema *schema, struct str id)
{
    return arena_printf(arena, "%.*s # %.*s", STR_ARG(schema->name), STR_ARG(id));
}

struct str identities_by_id(struct arena *arena, const struct schema *schema, struct str id)
{
    const struct attr *attr = schema_attr(schema, schema->id);
    bool tells = attr && !(attr->settable && schema->unique_count) && !schema->alike;
    return tells && id.n ? identities_found(arena, schema, id) : STR_EMPTY;
}

struct identities identities_of(
    struct arena *arena, const struct schema *schema, const struct value *object, const struct value *set)
{
    struct identities identity = {0};
    AUTO_BUF struct buf key = BUF_INIT, text = BUF_INIT;
    if (!object || !schema->ops->read) /* nothing of it is outside */
        return identity;
    if (identities_unique(schema, object, set, &key, &text))
        identity.keys[identity.n++] = arena_str(arena, buf_str(&key));
    const struct value *id = value_get(object, schema->id);
    struct str by_id =
        value_is_known(id) ? identities_by_id(arena, schema, value_text(id, STR_EMPTY)) : STR_EMPTY;
    if (by_id.n) {
        identity.keys[identity.n++] = by_id;
        buf_clear(&text);
        add_text(&text, id);
    }
    identity.text = arena_str(arena, buf_str(&text));
    return identity;
}
