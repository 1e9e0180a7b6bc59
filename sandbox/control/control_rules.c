/*
 * What values have to be beside what a schema can say of each alone: names that are the service's own
 * (`reserved`, `catalogues`), networks that lie in and beside others (`carved`), things that have to be
 * spread out (`spread`).
 */
#include "sandbox/control/control_internal.h"

#include "base/embed.h"

#include <arpa/inet.h>
#include <string.h>

/* ---- `reserved: {environment: [AWS_REGION], name: [default]}`: keys of a map, or names, that only the
 * service may give ---- */

static int check_unreserved(
    struct call *call, const struct value *rule, struct str name, const struct value *v)
{
    for (uint32_t i = 0; v && v->kind == VALUE_STRING && i < rule->count; i++)
        if (value_equal(rule->items[i], v))
            return refuse_invalid(call, name,
                arena_printf(call->arena, "cannot use the reserved name %.*s", STR_ARG(v->string)));
    for (uint32_t i = 0; v && v->kind == VALUE_MAP && i < rule->count; i++) {
        struct str key = value_text(rule->items[i], STR_EMPTY);
        if (value_get(v, key))
            return refuse_invalid(call, name,
                arena_printf(call->arena, "reserved keys that cannot be set are used in this request: %.*s",
                    STR_ARG(key)));
    }
    return 0;
}

/* ---- `spread: {subnet_ids: {type, over: availability_zone, least: 2, code}}` ---- */

static const struct thing *thing_of(const struct call *call, struct str type, const struct value *id)
{
    for (size_t i = 0; i < call->control->thing_count; i++) {
        const struct thing *thing = call->control->things[i];
        if (!thing->deleted_ms && str_eq(thing->type->schema.name, type) &&
            str_eq(thing->id, value_text(id, STR_EMPTY)))
            return thing;
    }
    return NULL;
}

static int check_spread(struct call *call, const struct value *rule, struct str name, const struct value *v)
{
    AUTO_MAP struct map places = MAP_INIT;
    for (uint32_t i = 0; v && v->kind == VALUE_LIST && i < v->count; i++) {
        const struct thing *thing = thing_of(call, value_gets(rule, "type"), v->items[i]);
        struct str place =
            thing ? value_text(value_get(thing->attrs, value_gets(rule, "over")), STR_EMPTY) : STR_EMPTY;
        if (!thing) /* check_references() says so where the service does */
            return 0;
        map_set(&places, place, (void *)thing);
    }
    const struct value *least = value_getz(rule, "least");
    if (!v || !least || (int64_t)places.n >= least->integer)
        return 0;
    return refuse(call, 400, value_gets(rule, "code"), "%.*s have to lie in %lld different zones at least",
        STR_ARG(name), (long long)least->integer);
}

/* ---- `carved: {cidr_block: {of: vpc_id, type, outside: code, overlaps: code}}` ---- */

struct range {
    unsigned char bytes[4];
    int64_t bits;
};

static bool range_read(struct call *call, const struct value *cidr, struct range *out)
{
    struct str length, address = str_cut(value_text(cidr, STR_EMPTY), '/', &length);
    return str_to_int(length, &out->bits) && out->bits >= 0 && out->bits <= 32 &&
           inet_pton(AF_INET, arena_strz(call->arena, address), out->bytes) == 1;
}

/* Do the first bits agree? */
static bool range_holds(const struct range *wide, const struct range *narrow)
{
    for (int64_t i = 0; i < wide->bits; i++)
        if ((wide->bytes[i / 8] ^ narrow->bytes[i / 8]) & (0x80 >> (i % 8)))
            return false;
    return wide->bits <= narrow->bits;
}

static int check_carved(
    struct call *call, const struct value *rule, struct str name, const struct value *attrs)
{
    struct range own, other;
    const struct value *v = value_get(attrs, name), *of = value_get(attrs, value_gets(rule, "of"));
    const struct thing *around = thing_of(call, value_gets(rule, "type"), of);
    if (!range_read(call, v, &own))
        return 0;
    if (around && range_read(call, value_get(around->attrs, name), &other) && !range_holds(&other, &own))
        return refuse(call, 400, value_gets(rule, "outside"), "The CIDR '%.*s' is invalid.",
            STR_ARG(value_text(v, STR_EMPTY)));
    for (size_t i = 0; i < call->control->thing_count; i++) {
        const struct thing *thing = call->control->things[i];
        if (thing->type == call->role->type && !thing->deleted_ms &&
            value_equal(value_get(thing->attrs, value_gets(rule, "of")), of) &&
            range_read(call, value_get(thing->attrs, name), &other) &&
            (range_holds(&other, &own) || range_holds(&own, &other)))
            return refuse(call, 400, value_gets(rule, "overlaps"),
                "The CIDR '%.*s' conflicts with another subnet", STR_ARG(value_text(v, STR_EMPTY)));
    }
    return 0;
}

int check_reserved(struct call *call, const struct value *attrs)
{
    const struct value *rules = value_getz(call->role->type->sandbox, "reserved");
    int status = 0;
    for (uint32_t i = 0; !status && rules && i < rules->count; i++)
        status = check_unreserved(
            call, rules->entries[i].value, rules->entries[i].key, value_get(attrs, rules->entries[i].key));
    return status;
}

int check_rules(struct call *call, const struct value *attrs)
{
    const struct value *sandbox = call->role->type->sandbox;
    const struct value *spread = value_getz(sandbox, "spread"), *carved = value_getz(sandbox, "carved");
    int status = check_reserved(call, attrs);
    for (uint32_t i = 0; !status && spread && i < spread->count; i++)
        status = check_spread(
            call, spread->entries[i].value, spread->entries[i].key, value_get(attrs, spread->entries[i].key));
    for (uint32_t i = 0; !status && carved && i < carved->count; i++)
        status = check_carved(call, carved->entries[i].value, carved->entries[i].key, attrs);
    return status;
}

/* ---- `fixed: {routes: {if: {gateway_id: local}, keys: [], code: InvalidParameterValue}}` ---- */

bool check_is_fixed(const struct spec_type *type, struct str attr, struct str key, const struct value *entry)
{
    const struct value *rule = value_get(value_getz(type->sandbox, "fixed"), attr);
    const struct value *conditions = value_getz(rule, "if"), *keys = value_getz(rule, "keys");
    for (uint32_t i = 0; keys && i < keys->count; i++)
        if (str_eq(value_text(keys->items[i], STR_EMPTY), key))
            return true;
    return conditions && fill_looks(entry, conditions);
}

int check_fixed(struct call *call, const struct value *have, const struct value *after)
{
    const struct spec_type *type = call->role->type;
    struct str name = call->role->attr->attr->name;
    const struct value *rule = value_get(value_getz(type->sandbox, "fixed"), name);
    for (uint32_t i = 0; rule && have && have->kind == VALUE_MAP && i < have->count; i++)
        if (check_is_fixed(type, name, have->entries[i].key, have->entries[i].value) &&
            !value_equal(value_get(after, have->entries[i].key), have->entries[i].value))
            return refuse(call, 400, value_gets(rule, "code"), "%.*s of %.*s is the service's own",
                STR_ARG(have->entries[i].key), STR_ARG(name));
    return 0;
}

/* ---- `catalogues: {managed_policies: {begin: "arn:aws:iam::aws:policy/", file: managed_policies.txt}}` ----
 */

static bool has_line(struct str text, struct str line)
{
    while (text.n)
        if (str_eq(str_cut(text, '\n', &text), line))
            return true;
    return false;
}

bool check_catalogued(struct call *call, struct str name, const struct value *given)
{
    const struct value *rule = value_get(value_getz(call->role->type->sandbox, "catalogues"), name);
    struct str text = value_text(given, STR_EMPTY), begin = value_gets(rule, "begin");
    if (!rule || !str_starts(text, begin))
        return true;
    const struct embedded_file *file =
        embedded_find(arena_printf(call->arena, "sandbox/names/%.*s", STR_ARG(value_gets(rule, "file"))));
    return !file || has_line(embedded_text(file), str_slice(text, begin.n, text.n));
}
