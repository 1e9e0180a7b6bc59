/* Records of streams as DynamoDB shows them: the engine's have both images, whatever the table's view is. */
#include "sandbox/services/dynamodb/items.h"

#include "base/hash.h"

enum { COLLECTION_BYTES = 3 /* of a list or a map, and one for each entry */ };

static size_t value_bytes(struct arena *arena, const struct value *typed);

/* Two digits a byte, and one for the exponent. */
static size_t number_bytes(struct str text)
{
    size_t digits = 0;
    for (size_t i = 0; i < text.n && text.p[i] != 'e' && text.p[i] != 'E'; i++)
        digits += text.p[i] >= '0' && text.p[i] <= '9';
    return (digits + 1) / 2 + 1;
}

static size_t binary_bytes(struct arena *arena, struct str text)
{
    struct str plain;
    return base64_decode(arena, text, &plain) ? plain.n : text.n;
}

static size_t scalar_bytes(struct arena *arena, char type, const struct value *v)
{
    struct str text = value_text(v, STR_EMPTY);
    return type == 'N' ? number_bytes(text) : type == 'B' ? binary_bytes(arena, text) : text.n;
}

/* Names and values of an item or a map. */
static size_t item_bytes(struct arena *arena, const struct value *item)
{
    size_t n = 0;
    for (uint32_t i = 0; item && item->kind == VALUE_MAP && i < item->count; i++)
        n += item->entries[i].key.n + value_bytes(arena, item->entries[i].value);
    return n;
}

/* {"S": "text"}, by the rules of DynamoDB's guide, "item sizes and formats". */
static size_t value_bytes(struct arena *arena, const struct value *typed)
{
    if (typed->kind != VALUE_MAP || typed->count != 1)
        return 0;
    struct str type = typed->entries[0].key;
    const struct value *v = typed->entries[0].value;
    size_t n = 0;
    if (str_eqz(type, "M"))
        return COLLECTION_BYTES + v->count + item_bytes(arena, v);
    if (str_eqz(type, "L"))
        n = COLLECTION_BYTES + v->count;
    else if (type.n == 1)
        return scalar_bytes(arena, type.p[0], v);
    else if (type.n != 2) /* NULL, BOOL; else a set: SS, NS, BS */
        return 1;
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++)
        n += type.n == 1 ? value_bytes(arena, v->items[i]) : scalar_bytes(arena, type.p[0], v->items[i]);
    return n;
}

const struct value *item_record(struct arena *arena, const struct value *record, struct str view)
{
    const struct value *change = value_getz(record, "dynamodb"), *before = value_getz(change, "OldImage"),
                       *after = value_getz(change, "NewImage");
    if (before && after && value_equal(before, after))
        return NULL;
    if (!str_eqz(view, "OLD_IMAGE") && !str_eqz(view, "NEW_AND_OLD_IMAGES"))
        before = NULL;
    if (!str_eqz(view, "NEW_IMAGE") && !str_eqz(view, "NEW_AND_OLD_IMAGES"))
        after = NULL;
    size_t bytes =
        item_bytes(arena, value_getz(change, "Keys")) + item_bytes(arena, before) + item_bytes(arena, after);
    change = value_with(arena, change, STR("OldImage"), before);
    change = value_with(arena, change, STR("NewImage"), after);
    change = value_with(arena, change, STR("SizeBytes"), value_int(arena, (int64_t)bytes));
    change = value_with(arena, change, STR("StreamViewType"), value_string(arena, view));
    return value_with(arena, record, STR("dynamodb"), change);
}
