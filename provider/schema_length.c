/* How long a value is when it is written as JSON without blanks. */
#include "provider/schema_internal.h"

/* Characters of a text within quotes; of policies blanks do not count, wherever they are. */
static int64_t text_length(struct str text, bool blanks)
{
    int64_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r', follows = (c & 0xc0) == 0x80;
        n += follows || (blank && !blanks) ? 0 : c == '"' || c == '\\' ? 2 : 1;
    }
    return n;
}

static int64_t json_length(struct arena *arena, const struct value *v, bool blanks)
{
    int64_t n = 1; /* two brackets, and a comma less than items */
    switch ((enum value_kind)v->kind) {
    case VALUE_UNKNOWN: return 0;
    case VALUE_STRING: return 2 + text_length(v->string, blanks);
    case VALUE_LIST:
        for (uint32_t i = 0; i < v->count; i++)
            n += 1 + json_length(arena, v->items[i], blanks);
        return v->count ? n : 2;
    case VALUE_MAP:
        for (uint32_t i = 0; i < v->count; i++)
            n += 4 + text_length(v->entries[i].key, blanks) + json_length(arena, v->entries[i].value, blanks);
        return v->count ? n : 2;
    default: return value_is_null(v) ? 4 : (int64_t)value_scalar_text(arena, v).n;
    }
}

/* A document given as text is written already. */
static int64_t policy_length(struct arena *arena, const struct value *v)
{
    int64_t n = 0;
    for (size_t i = 0; v->kind == VALUE_STRING && i < v->string.n; i++) {
        unsigned char c = (unsigned char)v->string.p[i];
        n += c != ' ' && c != '\t' && c != '\n' && c != '\r' && (c & 0xc0) != 0x80;
    }
    return v->kind == VALUE_STRING ? n : json_length(arena, v, false);
}

int64_t schema_length(struct arena *arena, const struct type *type, const struct value *v)
{
    int64_t n = 0;
    if (type && type->kind == TYPE_POLICY)
        return policy_length(arena, v);
    if (!type || type->kind != TYPE_MAP || type->elem->kind != TYPE_POLICY)
        return v->kind == VALUE_STRING ? (int64_t)str_code_points(v->string) : json_length(arena, v, true);
    for (uint32_t i = 0; v->kind == VALUE_MAP && i < v->count; i++)
        n += policy_length(arena, v->entries[i].value);
    return n;
}
