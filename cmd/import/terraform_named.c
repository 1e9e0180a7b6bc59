/*
 * Without a configuration nobody tells what refers to what, and of a name its text says little: one that
 * stands in an attribute which is called after another's type (`security_configuration`, `role`,
 * `database_name`) is that one's. So is a bucket's at the beginning of s3://.
 */
#include "cmd/import/terraform_parts.h"

/* ---- who is called what ---- */

static void index_named(struct terraform *t, struct instance *one)
{
    const struct group *group = one->group;
    struct str id = group->schema->id;
    for (uint32_t i = 0; i < one->values->count; i++) {
        const struct value_entry *e = &one->values->entries[i];
        struct str text = value_text(e->value, STR_EMPTY),
                   attr = text.n < 2 ? STR_EMPTY : names_output(group->names, t->arena, e->key);
        if (!attr.n || (!str_eqz(attr, "name") && !str_eq(attr, id)) || str_eqz(e->key, "id"))
            continue;
        struct owned *owned = ARENA_NEW(t->arena, struct owned);
        *owned = (struct owned){one, e->key, map_get(&t->by_name, text)};
        map_set(&t->by_name, text, owned);
        return;
    }
}

void terraform_index_names(struct terraform *t)
{
    for (size_t i = 0; i < t->groups.n; i++) {
        const struct group *group = t->groups.items[i].ptr;
        for (size_t k = 0; group->schema && group->names && k < group->n; k++)
            index_named(t, group->instances[k]);
    }
}

/* ---- who is meant ---- */

/* aws.glue.security_configuration: "glue", and what resources of it are called. */
static struct str kind_of(const struct instance *one, struct str *service)
{
    struct str rest = one->group->schema->name;
    str_cut(rest, '.', &rest);
    *service = str_cut(rest, '.', &rest);
    return rest;
}

/* The one whose kind the attribute names; of several that of the same service. */
static const struct owned *meant(
    struct terraform *t, const struct instance *owner, struct str attr, struct str name)
{
    const struct owned *found = NULL;
    struct str own = STR_EMPTY, service = STR_EMPTY;
    bool found_near = false, several = false;
    kind_of(owner, &own);
    for (const struct owned *one = map_get(&t->by_name, name); one; one = one->next) {
        struct str kind = kind_of(one->instance, &service);
        bool near = str_eq(service, own);
        if (!kind.n || str_find(attr, kind, 0) < 0 || (found && found_near && !near))
            continue;
        several = found && near == found_near;
        found = one;
        found_near = near;
    }
    return several ? NULL : found;
}

static struct said *named_bucket(struct terraform *t, struct instance *owner, struct str text)
{
    struct str rest = str_slice(text, strlen("s3://"), text.n), name = str_cut(rest, '/', &rest);
    const struct owned *owned = meant(t, owner, STR("bucket"), name);
    struct said *code = owned ? terraform_reference(t, owner, owned->instance, owned->attr) : NULL, *out;
    if (!code)
        return NULL;
    out = said_new(t->arena, SAID_TEXT, NULL);
    said_append(t->arena, out, said_string(t->arena, STR("s3://"), NULL));
    said_append(t->arena, out, code);
    said_append(
        t->arena, out, said_string(t->arena, str_slice(text, strlen("s3://") + name.n, text.n), NULL));
    return out;
}

struct said *terraform_named(struct terraform *t, struct instance *owner, struct str attr, struct said *s)
{
    struct str text = s->sensitive ? (struct str){NULL, 0} : said_literal_text(t->arena, s);
    if (text.n && s->value->kind == VALUE_STRING) {
        const struct owned *owned = meant(t, owner, attr, text);
        struct said *code = str_starts(text, STR("s3://")) ? named_bucket(t, owner, text)
                            : owned && owned->instance != owner
                                ? terraform_reference(t, owner, owned->instance, owned->attr)
                                : NULL;
        return code ? code : s;
    }
    for (size_t i = 0; s->kind == SAID_MAP && i < s->n; i++)
        s->entries[i].value = terraform_named(t, owner, s->entries[i].key, s->entries[i].value);
    for (size_t i = 0; s->kind == SAID_LIST && i < s->n; i++)
        s->items[i] = terraform_named(t, owner, attr, s->items[i]);
    return s;
}
