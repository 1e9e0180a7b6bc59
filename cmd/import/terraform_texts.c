/* ARNs and ids of what is imported, wherever they stand: see terraform_candidates.h. */
#include "cmd/import/terraform_candidates.h"

#include <ctype.h>

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static bool is_telling(struct str text)
{
    size_t digits = 0;
    for (size_t i = 0; i < text.n; i++)
        digits += isdigit((unsigned char)text.p[i]) != 0;
    return str_starts(text, STR("arn:")) || (text.n >= 10 && digits >= 4) ||
           str_starts(text, STR("https://"));
}

/* aws_dms_endpoint's endpoint_arn is its own; what others are called after it is not. */
static bool is_own_text(struct terraform *t, const struct group *group, struct str key)
{
    return str_is_any(key, "arn id url key_id qualified_arn") ||
           (group->names && str_eqz(names_output(group->names, t->arena, key), "arn"));
}

/* A location of Lake Formation has its bucket's ARN: whose own it is goes before whom it was given. */
static bool is_given(struct terraform *t, const struct group *group, struct str key)
{
    const struct attr *attr =
        group->names ? schema_attr(group->schema, names_output(group->names, t->arena, key)) : NULL;
    return attr && attr->settable;
}

static void index_instance(struct terraform *t, struct instance *one, bool given)
{
    for (uint32_t i = 0; i < one->values->count; i++) {
        const struct value_entry *e = &one->values->entries[i];
        struct str text = value_text(e->value, STR_EMPTY);
        if (!text.n || !is_own_text(t, one->group, e->key) || !is_telling(text) ||
            map_get(&t->by_text, text) || !terraform_can_say(t, one, e->key) ||
            is_given(t, one->group, e->key) != given)
            continue;
        struct owned *owned = ARENA_NEW(t->arena, struct owned);
        *owned = (struct owned){one, e->key, NULL};
        map_set(&t->by_text, text, owned);
    }
}

void terraform_index_texts(struct terraform *t)
{
    for (int given = 0; given < 2; given++)
        for (size_t i = 0; i < t->groups.n; i++) {
            const struct group *group = t->groups.items[i].ptr;
            for (size_t k = 0; group->schema && k < group->n; k++)
                index_instance(t, group->instances[k], given);
        }
}

/* An ARN, with something behind it or not. */
static void offer_beginning(
    struct terraform *t, struct candidates *list, struct instance *owner, struct str text)
{
    for (size_t end = text.n; end >= 10; end--) {
        if (end < text.n && is_word(text.p[end]) && is_word(text.p[end - 1]))
            continue;
        const struct owned *owned = map_get(&t->by_text, str_slice(text, 0, end));
        if (!owned || owned->instance == owner)
            continue;
        candidates_add(t, list, str_slice(text, 0, end),
            terraform_code(t, owner, owned->instance, owned->attr), owned->instance->group);
        return;
    }
}

void candidates_add_telling(
    struct terraform *t, struct candidates *list, struct instance *owner, const struct said *s)
{
    struct str text = said_literal_text(t->arena, s);
    offer_beginning(t, list, owner, text);
    for (ptrdiff_t arn = text.n ? str_find(text, STR("arn:"), 1) : -1; arn > 0;
         arn = str_find(text, STR("arn:"), (size_t)arn + 1))
        offer_beginning(t, list, owner, str_slice(text, (size_t)arn, text.n));
    for (size_t i = 0; s->kind != SAID_TEXT && i < s->n; i++)
        candidates_add_telling(t, list, owner, s->kind == SAID_MAP ? s->entries[i].value : s->items[i]);
}
