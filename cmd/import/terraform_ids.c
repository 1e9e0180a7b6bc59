/* Under which id an instance is taken over. */
#include "base/json.h"
#include "cmd/import/terraform_parts.h"
#include "provider/cfn/published.h"
#include "provider/spec/spec.h"

/* The account that ARNs of the state are in; p NULL: none says so. */
static struct str account_there(const struct terraform *t)
{
    for (size_t i = 0; i < t->groups.n; i++) {
        const struct group *group = t->groups.items[i].ptr;
        for (size_t k = 0; k < group->n; k++) {
            struct str account = str_part(value_gets(group->instances[k]->values, "arn"), ':', 4);
            if (account.n)
                return account;
        }
    }
    return (struct str){NULL, 0};
}

/* A structure stands in an id as JSON. */
static struct str text_said(struct arena *arena, const struct said *s)
{
    const struct value *v = NULL;
    bool whole = s && s->kind == SAID_MAP && said_known(arena, s, &v);
    return whole ? json_as_text(arena, v)->string : said_literal_text(arena, s);
}

/* An attribute's text: as the file has it, or, where that is a reference, as the state has it. */
static struct str text_there(struct terraform *t, const struct instance *one, struct str name)
{
    if (str_eqz(name, "account"))
        return account_there(t);
    struct str text = text_said(t->arena, said_get(one->attrs, arena_strz(t->arena, name)));
    for (uint32_t i = 0; !text.p && one->values && i < one->values->count; i++) {
        const struct value_entry *e = &one->values->entries[i];
        const struct names_rule *rule = names_rule(one->group->names, e->key);
        if (rule ? str_eq(rule->to, name) && !rule->values : names_same(e->key, name))
            text = value_text(e->value, (struct str){NULL, 0});
    }
    return text;
}

static struct str fit_filled(struct terraform *t, struct str template, const struct instance *one)
{
    AUTO_BUF struct buf out = BUF_INIT;
    struct str before, inner, filter;
    while (str_take_name(&template, "${", &before, &inner)) {
        struct str text = text_there(t, one, str_cut(inner, '|', &filter));
        bool folder = str_eqz(filter, "folder");
        if (!text.p && !folder)
            return STR_EMPTY;
        buf_add_str(&out, before);
        if (!folder || (text.n && !str_eqz(text, "default")))
            buf_addf(&out, "%.*s%s", STR_ARG(text), folder ? "/" : "");
    }
    buf_add_str(&out, template);
    return arena_str(t->arena, buf_str(&out));
}

static struct str own_id(struct terraform *t, const struct instance *one)
{
    const struct schema *schema = one->group->schema;
    const struct value *ids = one->group->names->ids;
    struct str given = said_literal_text(t->arena, said_get(one->attrs, arena_strz(t->arena, schema->id)));
    if (given.p)
        return given;
    if (str_eqz(schema->id, "arn") && value_gets(one->values, "arn").n)
        return value_gets(one->values, "arn");
    const struct spec_attr *attr = spec_attr_find(schema->impl, schema->id);
    bool made_of_others = attr && attr->template.n;
    struct str filled = made_of_others ? fit_filled(t, attr->template, one) : STR_EMPTY;
    if (filled.n || (made_of_others && !ids))
        return filled;
    if (ids && ids->count == 1) {
        const struct value *id = value_get(one->values, value_text(ids->items[0], STR_EMPTY));
        return value_is_null(id) ? STR_EMPTY : value_scalar_text(t->arena, id);
    }
    return value_gets(one->values, "id");
}

static struct str their_id(struct terraform *t, const struct instance *one)
{
    const struct schema *schema = one->group->schema;
    const struct value *ids = value_getz(cfn_published(t->arena, schema->name), "primaryIdentifier");
    AUTO_BUF struct buf out = BUF_INIT;
    for (uint32_t i = 0; ids && i < ids->count; i++) {
        struct str path = value_text(ids->items[i], STR_EMPTY),
                   name = str_slice(path, strlen("/properties/"), path.n);
        struct str text = said_literal_text(t->arena, said_get(one->attrs, arena_strz(t->arena, name)));
        for (uint32_t k = 0; !text.n && k < one->values->count; k++)
            if (names_same(one->values->entries[k].key, name) ||
                (str_ends(name, STR("Arn")) && str_eqz(one->values->entries[k].key, "arn")))
                text = value_text(one->values->entries[k].value, STR_EMPTY);
        if (!text.n)
            text = value_gets(one->values, "id");
        buf_addf(&out, "%s%.*s", i ? "|" : "", STR_ARG(text));
    }
    return arena_str(t->arena, buf_str(&out));
}

struct str terraform_id(struct terraform *t, const struct instance *one)
{
    return one->group->names ? own_id(t, one) : their_id(t, one);
}

bool terraform_is_adopted(const struct group *group)
{
    return !group->names || !str_starts(group->schema->name, STR("weir.")) || group->names->ids;
}
