/*
 * What comes, goes and stays with a thing: a network has a security group, a route table and an access list
 * of its own from the beginning, which cannot be deleted before it is.
 */
#include "sandbox/control/control_internal.h"

/*
 *     creates: [{type: aws.ec2.security_group, held: CannotDelete, attributes: {name: default}}]
 *
 * Companions make theirs in turn. One that is `held` remembers whose it is, and the code that refuses its
 * deletion.
 */

#define MAKER_KEY "=maker"
#define KIND_KEY  "=maker_type" /* two makers of different types may have one id */
#define HELD_KEY  "=held"

const struct spec_type *type_called(const struct call *call, const struct value *name)
{
    struct err err = ERR_INIT;
    const struct schema *schema =
        catalog_find(call->control->options.catalog, value_text(name, STR_EMPTY), false, &err);
    return schema ? schema->impl : NULL;
}

/* ---- `creates: [{type, if, held, attributes}]` ---- */

static const struct value *held_by(
    struct call *call, const struct value *attrs, const struct thing *maker, const struct value *code)
{
    attrs = value_with(call->arena, attrs, STR(MAKER_KEY), value_string(call->arena, maker->id));
    attrs =
        value_with(call->arena, attrs, STR(KIND_KEY), value_string(call->arena, maker->type->schema.name));
    return value_with(call->arena, attrs, STR(HELD_KEY), code);
}

static int make_one(struct call *call, const struct thing *thing, const struct value *rule)
{
    const struct spec_type *type = type_called(call, value_getz(rule, "type"));
    const struct value *attrs = value_getz(rule, "attributes"), *code = value_getz(rule, "held");
    attrs = type && attrs ? fill_value(call, thing->type, attrs, thing->attrs) : NULL;
    if (!attrs || !fill_looks(thing->attrs, value_getz(rule, "if")))
        return 0;
    attrs = fill_new(call, type, attrs);
    if (code)
        attrs = held_by(call, attrs, thing, code);
    const struct thing *made = do_add(call, type, thing->region, attrs);
    return made ? companions_make(call, made) : -1;
}

int companions_make(struct call *call, const struct thing *thing)
{
    const struct value *rules = value_getz(thing->type->sandbox, "creates");
    for (uint32_t i = 0; rules && i < rules->count; i++)
        if (make_one(call, thing, rules->items[i]))
            return -1;
    return 0;
}

static bool is_held_by(const struct thing *other, const struct thing *thing)
{
    const struct value *maker = value_getz(other->attrs, MAKER_KEY);
    struct str kind = value_text(value_getz(other->attrs, KIND_KEY), thing->type->schema.name);
    return maker && str_eq(maker->string, thing->id) && str_eq(kind, thing->type->schema.name) &&
           str_eq(other->region, thing->region);
}

bool companions_goes(struct call *call, const struct thing *other, const struct thing *thing)
{
    const struct value *rules = value_getz(thing->type->sandbox, "owns");
    for (uint32_t i = 0; rules && i < rules->count; i++)
        if (check_uses(call, rules->items[i], other, thing))
            return true;
    return is_held_by(other, thing) || check_is_part(other, thing);
}

/* The latest: what goes with that stands behind it. NULL: nothing goes with it. */
static struct thing *latest_companion(struct call *call, const struct thing *thing)
{
    const struct things others = words_naming(call->control, call->arena, thing);
    for (size_t i = others.n; i-- > 0;)
        if (companions_goes(call, others.items[i], thing))
            return others.items[i];
    return NULL;
}

void companions_undo(struct call *call, struct thing *thing)
{
    for (struct thing *other; (other = latest_companion(call, thing));)
        companions_undo(call, other);
    store_remove(call->control, thing);
}

int companions_check_held(struct call *call, const struct thing *thing)
{
    const struct value *code = value_getz(thing->attrs, HELD_KEY);
    return !code ? 0
                 : refuse(call, refuse_status(call, 409), value_text(code, STR_EMPTY),
                       "%.*s belongs to %.*s and cannot be deleted before it", STR_ARG(thing->id),
                       STR_ARG(value_gets(thing->attrs, MAKER_KEY)));
}

/* ---- `owns: [{type, attribute}]` ---- */

int companions_delete(struct call *call, const struct thing *thing)
{
    struct err err = ERR_INIT;
    const struct things others = words_naming(call->control, call->arena, thing);
    for (size_t i = others.n; i-- > 0;) {
        struct thing *other = others.items[i];
        if (other->deleted_ms || !companions_goes(call, other, thing))
            continue;
        if (store_delete(call->control, other, thing->deleted_ms, &err))
            return refuse_unkept(call, &err);
        if (companions_delete(call, other))
            return -1;
    }
    return 0;
}

/* ---- `leaves_behind: [{when, type, attributes, tags}]`, `when` a member of the request ---- */

/* With the tags of what it was, where the attribute that the rule names asks for that. */
static const struct value *with_tags(
    struct call *call, const struct value *rule, const struct thing *of, const struct value *attrs)
{
    const struct value *copies = value_get(of->attrs, value_gets(rule, "tags"));
    const struct spec_tags *tags = of->type->tags;
    const struct value *had = tags ? value_get(of->attrs, tags->attr->attr->name) : NULL;
    return had && value_equal(copies, &value_true) ? value_with(call->arena, attrs, STR("tags"), had) : attrs;
}

static int leave_one(struct call *call, const struct thing *thing, const struct value *rule)
{
    struct str when = value_gets(rule, "when");
    const struct spec_type *type = type_called(call, value_getz(rule, "type"));
    const struct value *given = value_get(call->input, when), *attrs = NULL;
    if (type && !value_is_null(given))
        attrs = fill_value(call, thing->type, value_getz(rule, "attributes"),
            value_with(call->arena, thing->attrs, when, given));
    if (!attrs)
        return 0;
    attrs = with_tags(call, rule, thing, attrs);
    return do_add(call, type, thing->region, fill_new(call, type, attrs)) ? 0 : -1;
}

int companions_leave(struct call *call, const struct thing *thing)
{
    const struct value *rules = value_getz(thing->type->sandbox, "leaves_behind");
    for (uint32_t i = 0; rules && i < rules->count; i++)
        if (leave_one(call, thing, rules->items[i]))
            return -1;
    return 0;
}

/* ---- `fetches: {local: {type: aws.ec2.vpc, where: {vpc_id: "${vpc_id}"}, attribute: cidr_block}}` ---- */

/* Those that may look so. */
static struct things likely_looking(const struct call *call, const struct value *where)
{
    struct str *texts = ARENA_ARRAY(call->arena, struct str, where->count + 1);
    for (uint32_t i = 0; i < where->count; i++) {
        struct str text = value_text(where->entries[i].value, STR_EMPTY);
        texts[i] = str_eqz(text, "*") ? STR_EMPTY : text;
    }
    return words_find_rarest(call->control, call->arena, texts, where->count);
}

static const struct value *fetched(
    struct call *call, const struct spec_type *type, const struct value *rule, const struct value *attrs)
{
    const struct value *where = fill_value(call, type, value_getz(rule, "where"), attrs);
    struct str name = value_gets(rule, "type");
    const struct things found = where ? likely_looking(call, where) : (struct things){0};
    for (size_t i = 0; i < found.n; i++) {
        const struct thing *thing = found.items[i];
        if (!thing->deleted_ms && str_eq(thing->type->schema.name, name) &&
            str_eq(thing->region, find_region(call, thing->type)) && fill_looks(thing->attrs, where))
            return value_get(thing->attrs, value_gets(rule, "attribute"));
    }
    return NULL;
}

const struct value *companions_fetch(
    struct call *call, const struct spec_type *type, const struct value *attrs)
{
    const struct value *rules = value_getz(type->sandbox, "fetches");
    uint32_t n = rules ? rules->count : 0;
    for (uint32_t i = 0; i < 2 * n; i++) { /* twice: one may be looked for by another */
        struct str name = rules->entries[i % n].key;
        const struct value *v =
            value_get(attrs, name) ? NULL : fetched(call, type, rules->entries[i % n].value, attrs);
        if (v)
            attrs = value_with(call->arena, attrs, name, v);
    }
    return attrs;
}
