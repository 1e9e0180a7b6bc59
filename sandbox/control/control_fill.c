/*
 * Values that a service adds: defaults, ARNs, ids, times, and states that change over time. docs/specs.md
 * lists the keys of `sandbox:`; here are `values`, `states`, `updating`, `deleting`, `derives`, and
 * templates.
 */
#include "sandbox/control/control_internal.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"

static int64_t scaled(const struct control *control, int64_t seconds)
{
    double ms = (double)seconds * 1000 / (control->options.speed > 0 ? control->options.speed : 1);
    return ms < 1e15 ? (int64_t)ms : INT64_C(1000000000000000); /* added to times without overflow */
}

/* Generates random characters: hex17, upper16, digits12. */
static bool random_text(struct arena *arena, struct str name, struct str *out)
{
    static const struct {
        const char *prefix, *alphabet;
    } kinds[] = {{"hex", "0123456789abcdef"}, {"upper", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"},
        {"digits", "0123456789"}, {"alnum", "abcdefghijklmnopqrstuvwxyz0123456789"}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        int64_t count;
        struct str prefix = str_z(kinds[i].prefix);
        if (!str_starts(name, prefix) || !str_to_int(str_slice(name, prefix.n, name.n), &count) ||
            count < 1 || count > 64)
            continue;
        unsigned char bytes[64];
        hash_random(bytes, (size_t)count);
        char *text = arena_alloc(arena, (size_t)count + 1);
        for (int64_t k = 0; k < count; k++)
            text[k] = kinds[i].alphabet[bytes[k] % strlen(kinds[i].alphabet)];
        text[count] = '\0';
        *out = str_n(text, (size_t)count);
        return true;
    }
    return false;
}

/* Returns a loopback address 127.x.y.z derived from the resource's name. */
static const struct value *loopback_of(
    const struct call *call, const struct spec_type *type, const struct value *attrs)
{
    unsigned char digest[SHA256_SIZE];
    struct str name = value_text(value_get(attrs, type->schema.id), STR_EMPTY);
    hash_sha256(arena_printf(call->arena, "%.*s\n%.*s\n%.*s\n%.*s", STR_ARG(call->control->options.seed),
                    STR_ARG(type->schema.name), STR_ARG(call->region), STR_ARG(name)),
        digest);
    return value_string(call->arena, arena_printf(call->arena, "127.%u.%u.%u", 1 + digest[0] % 254u,
                                         (unsigned)digest[1], 1 + digest[2] % 254u));
}

static struct str host_of(const struct call *call)
{
    struct str host = call->request ? wire_header_get(call->request, STR("Host")) : STR_EMPTY;
    return host.n ? host : STR("127.0.0.1:4566");
}

/* Returns the hash or size of the object in the attribute {s3_bucket, s3_key, s3_object_version}. */
static const struct value *object_fact(const struct call *call, bool wants_size, const struct value *attrs)
{
    int64_t size = 0;
    const struct control_options *options = &call->control->options;
    for (uint32_t i = 0; options->object_facts && i < attrs->count; i++) {
        const struct value *location = attrs->entries[i].value;
        struct str bucket = value_gets(location, "s3_bucket"), key = value_gets(location, "s3_key"),
                   version = value_gets(location, "s3_object_version"), hash;
        if (bucket.n && key.n &&
            options->object_facts(options->object_ctx, call->arena, bucket, key, version, &hash, &size))
            return wants_size ? value_int(call->arena, size) : value_string(call->arena, hash);
    }
    return NULL;
}

/* Returns an attribute or a nested field: logging.format. */
static const struct value *attribute_at(const struct value *attrs, struct str path)
{
    const struct value *v = value_get(attrs, path);
    struct str rest, name = str_cut(path, '.', &rest);
    return v || !rest.n ? v : attribute_at(value_get(attrs, name), rest);
}

/* Returns an attribute, its default, or a predefined name; NULL if unknown. */
static const struct value *lookup(struct call *call, const struct spec_type *type, struct str name,
    const struct value *attrs, int64_t revision)
{
    struct arena *arena = call->arena;
    struct str text;
    const struct attr *attr = schema_attr(&type->schema, name);
    const struct value *own = attribute_at(attrs, name);
    if (!value_is_null(own))
        return own;
    if (attr && attr->default_value)
        return attr->default_value;
    if (str_eqz(name, "region"))
        return value_string(arena, call->region);
    if (str_eqz(name, "partition"))
        return value_stringz(arena, "aws");
    if (str_eqz(name, "dns_suffix"))
        return value_stringz(arena, "amazonaws.com");
    if (str_eqz(name, "account"))
        return value_string(arena, call->control->options.account);
    if (str_eqz(name, "endpoint")) /* as the client addressed the sandbox */
        return value_string(arena, arena_printf(arena, "http://%.*s", STR_ARG(host_of(call))));
    if (str_eqz(name, "item"))
        return call->item;
    if (call->subject && (str_eqz(name, "created") || str_eqz(name, "changed")))
        return value_string(arena,
            time_rfc3339(arena,
                str_eqz(name, "created") ? call->subject->created_ms : call->subject->changed_ms, false));
    if (call->subject && str_eqz(name, "uses"))
        return value_int(arena, check_count_users(call, call->subject));
    if (str_eqz(name, "now"))
        return value_string(arena, time_rfc3339(arena, clock_wall_ms(), false));
    if (str_eqz(name, "request_token")) { /* client token */
        const struct value *token = find_token(call, call->role, call->input);
        return token ? token : value_string(arena, uuid_random(arena));
    }
    if (str_eqz(name, "uuid"))
        return value_string(arena, uuid_random(arena));
    if (str_eqz(name, "byte")) {
        unsigned char byte;
        hash_random(&byte, 1);
        return value_int(arena, 4 + byte % 250);
    }
    if (str_eqz(name, "default_network")) /* the default VPC's */
        return value_stringz(arena, "172.31.0.0/16");
    if (str_eqz(name, "revision"))
        return value_int(arena, revision);
    if (str_eqz(name, "next"))
        return value_int(arena, number_next(call->control, type, find_region(call, type), attrs));
    if (str_eqz(name, "loopback"))
        return loopback_of(call, type, attrs);
    if (str_eqz(name, "object_sha256") || str_eqz(name, "object_size"))
        return object_fact(call, str_eqz(name, "object_size"), attrs);
    if (str_starts(name, STR("sent:"))) /* a member of the request */
        return wire_path(arena, call->raw, str_slice(name, 5, name.n));
    const struct value *kept = value_get(value_getz(attrs, KEPT_KEY), name);
    if (kept)
        return kept;
    return random_text(arena, name, &text) ? value_string(arena, text) : NULL;
}

/* Converts a time to units of `part` milliseconds. */
static const struct value *as_number(struct arena *arena, const struct value *v, int64_t part)
{
    int64_t ms;
    return time_parse_rfc3339(value_text(v, STR_EMPTY), &ms) ? value_int(arena, ms / part) : NULL;
}

/* Returns an attribute of the resource with this id, or NULL. */
static const struct value *attribute_of_id(const struct call *call, struct str id, struct str attribute)
{
    const struct resources known = words_find(call->control, call->arena, &id, 1);
    for (size_t i = 0; i < known.n; i++)
        if (str_eq(known.items[i]->id, id))
            return value_get(known.items[i]->attrs, attribute);
    return NULL;
}

/* Filters in addition to spec_filtered(): ${created|epoch}, |ms: seconds, milliseconds; ${version|next}: the
 * next number; ${cidr|host}: a free address; ${address|dashed}: 10-0-0-5; ${runtime|sha256}: its hash;
 * ${item|named}: the name of the resource with this id, ${item|its:size} another attribute; ${policy|json}:
 * as JSON text. */
static struct str fill_filtered(
    const struct call *call, const struct attr *attr, struct str text, struct str filter)
{
    int64_t ms;
    struct arena *arena = call->arena;
    if (str_eqz(filter, "folder") && str_starts(text, STR("arn:")) && str_find_char(text, '/', 0) >= 0)
        text = str_slice(text, (size_t)str_find_char(text, '/', 0) + 1, text.n);
    if (str_eqz(filter, "host"))
        return address_within(call, text);
    if (str_eqz(filter, "named"))
        return value_text(attribute_of_id(call, text, STR("name")), text);
    if (str_eqz(filter, "epoch") && time_parse_rfc3339(text, &ms))
        return arena_printf(arena, "%lld", (long long)(ms / 1000));
    if (str_eqz(filter, "sha256"))
        return sha256_hex(arena, text);
    if (!str_eqz(filter, "dashed"))
        return spec_filtered(arena, attr, text, filter);
    char *copy = arena_strz(arena, text);
    for (size_t i = 0; i < text.n; i++)
        copy[i] = (char)(copy[i] == '.' ? '-' : copy[i]);
    return str_n(copy, text.n);
}

const struct value *fill_text(struct call *call, const struct spec_type *type, const struct value *template,
    const struct value *attrs, int64_t revision)
{
    if (template->kind != VALUE_STRING || str_find(template->string, STR("${"), 0) < 0)
        return template;
    AUTO_BUF struct buf out = BUF_INIT;
    struct str rest = template->string, before, inner, filter;
    while (str_take_name(&rest, "${", &before, &inner)) {
        struct str name = str_cut(inner, '|', &filter);
        const struct value *v = lookup(call, type, name, attrs, revision);
        if (value_is_null(v))
            return NULL;
        bool whole = inner.n + 3 == template->string.n;
        if (whole && !filter.p)
            return v;
        if (whole && call->subject && str_eqz(filter, "ms") &&
            (str_eqz(name, "created") || str_eqz(name, "changed"))) /* its text has no milliseconds */
            return value_int(call->arena,
                str_eqz(name, "created") ? call->subject->created_ms : call->subject->changed_ms);
        if (whole && (str_eqz(filter, "ms") || str_eqz(filter, "epoch")))
            return as_number(call->arena, v, str_eqz(filter, "ms") ? 1 : 1000);
        if (whole && str_starts(filter, STR("its:")))
            return attribute_of_id(call, value_text(v, STR_EMPTY), str_slice(filter, 4, filter.n));
        if (whole && str_eqz(filter, "next") && v->kind == VALUE_INT)
            return value_int(call->arena, v->integer + 1);
        buf_add_str(&out, before);
        buf_add_str(&out,
            fill_filtered(call, schema_attr(&type->schema, name), json_or_text(call->arena, v), filter));
    }
    buf_add_str(&out, rest);
    return value_string(call->arena, buf_str(&out));
}

const struct value *fill_value(
    struct call *call, const struct spec_type *type, const struct value *template, const struct value *attrs)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    int64_t revision = call->subject ? call->subject->revision : 1;
    if (!(template = fill_fitting(template, attrs)))
        return NULL;
    if (template->kind != VALUE_LIST && template->kind != VALUE_MAP)
        return fill_text(call, type, template, attrs, revision);
    for (uint32_t i = 0; i < template->count; i++) {
        bool list = template->kind == VALUE_LIST;
        const struct value *v =
            fill_value(call, type, list ? template->items[i] : template->entries[i].value, attrs);
        const struct value name = {
            .kind = VALUE_STRING, .string = list ? STR_EMPTY : template->entries[i].key};
        const struct value *key = fill_text(call, type, &name, attrs, revision);
        if (!v || !key) {
            value_builder_release(&b);
            return NULL;
        }
        if (list)
            value_builder_add(&b, v);
        else
            value_builder_set(&b, json_or_text(call->arena, key), v);
    }
    return template->kind == VALUE_LIST ? value_builder_list(&b) : value_builder_map(&b);
}

const struct value *fill_fitting(const struct value *template, const struct value *attrs)
{
    const struct value *cases = value_getz(template, "cases");
    if (!cases)
        return template;
    for (uint32_t i = 0; i < cases->count; i++)
        if (cases->items[i]->count == 1 || fill_looks(attrs, cases->items[i]->items[1]))
            return cases->items[i]->items[0];
    return NULL;
}

/* {if: manage_password, value: …}: returns the value only if the request sets the attribute. */
static const struct value *if_requested(
    const struct call *call, const struct value *template, const struct value *attrs)
{
    const struct value *only = value_getz(template, "if");
    if (!only)
        return fill_fitting(template, attrs);
    bool asked = value_equal(value_get(call->input, value_text(only, STR_EMPTY)), &value_true);
    return asked ? value_getz(template, "value") : NULL;
}

static const struct value *with_values(
    struct call *call, const struct spec_type *type, const struct value *attrs)
{
    const struct value *values = value_getz(type->sandbox, "values");
    for (uint32_t i = 0; values && i < values->count; i++) {
        const struct value_entry *entry = &values->entries[i];
        const struct value *template = if_requested(call, entry->value, attrs);
        if (!template || !value_is_null(value_get(attrs, entry->key)))
            continue;
        const struct value *v = fill_value(call, type, template, attrs);
        if (!value_is_null(v))
            attrs = value_with(call->arena, attrs, entry->key, v);
    }
    return attrs;
}

static const struct value *with_defaults(
    struct call *call, const struct spec_type *type, const struct value *attrs)
{
    for (size_t i = 0; i < type->attr_count; i++) {
        const struct spec_attr *attr = &type->attrs[i];
        struct str name = attr->attr->name;
        if (!value_is_null(value_get(attrs, name)) ||
            (attr->owner != OWNER_BASE && attr->owner != OWNER_SUB_RESOURCE))
            continue;
        const struct value *v = attr->attr->default_value;
        if (attr->template.n)
            v = fill_text(call, type, value_string(call->arena, attr->template), attrs, 1);
        if (!value_is_null(v) && !attr->weir_only &&
            !value_list_has(value_getz(type->sandbox, "unfilled"), name))
            attrs = value_with(call->arena, attrs, name, v);
    }
    return attrs;
}

const struct value *fill_new(struct call *call, const struct spec_type *type, const struct value *attrs)
{
    attrs = implied_fetch(call, type, attrs);
    /* Values may depend on others: an ARN on an id, a policy on the ARN. */
    for (uint32_t before = 0, rounds = 0; (rounds < 2 || before < attrs->count) && rounds < 8; rounds++) {
        before = attrs->count;
        attrs = with_defaults(call, type, with_values(call, type, attrs));
    }
    return attrs;
}

/* `keeps: {Path in the response: [paths in requests]}` */
const struct value *fill_kept(struct call *call, const struct spec_type *type, const struct value *attrs)
{
    const struct value *rules = value_getz(type->sandbox, "keeps"), *kept = value_getz(attrs, KEPT_KEY);
    const struct value *had = kept;
    for (uint32_t i = 0; rules && call->raw && i < rules->count; i++) {
        const struct value *paths = rules->entries[i].value;
        for (uint32_t k = 0; k < paths->count; k++) {
            const struct value *v = wire_path(call->arena, call->raw, value_text(paths->items[k], STR_EMPTY));
            if (v && v->kind == VALUE_LIST &&
                str_find(value_text(paths->items[k], STR_EMPTY), STR("[]"), 0) > 0)
                v = v->count ? v->items[0] : NULL; /* of a request that was split */
            if (!value_is_null(v))
                kept = value_with(call->arena, kept, rules->entries[i].key, v);
        }
    }
    return kept == had ? attrs : value_with(call->arena, attrs, STR(KEPT_KEY), kept);
}

const struct value *control_kept(const struct control_record *record, const char *path)
{
    return value_getz(value_getz(record->attrs, KEPT_KEY), path);
}

/* Returns the state reached in a list of states with durations. */
static const struct value *reached(struct call *call, const struct value *states, int64_t since_ms)
{
    int64_t left = clock_wall_ms() - since_ms;
    const struct value *name = NULL;
    for (uint32_t i = 0; i < states->count; i++) {
        const struct value *pair = states->items[i];
        if (pair->kind != VALUE_LIST || pair->count != 2 || pair->items[1]->kind != VALUE_INT)
            continue;
        name = pair->items[0];
        int64_t span = scaled(call->control, pair->items[1]->integer);
        if (left < span || i + 1 == states->count)
            break;
        left -= span;
    }
    return name;
}

static const struct value *with_states(struct call *call, const struct resource *resource,
    const struct value *attrs, const char *which, int64_t since_ms)
{
    const struct value *states = value_getz(resource->type->sandbox, which);
    for (uint32_t i = 0; states && i < states->count; i++) {
        const struct value *list = states->entries[i].value;
        const struct value *name = list->kind == VALUE_LIST ? reached(call, list, since_ms) : NULL;
        if (name)
            attrs = value_with(call->arena, attrs, states->entries[i].key, name);
    }
    return attrs;
}

static bool is_like(const struct value *have, struct str pattern)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    return pattern.n &&
           attr_matches_pattern(&arena, &(struct attr){.pattern = pattern}, value_text(have, STR_EMPTY));
}

bool fill_looks(const struct value *attrs, const struct value *conditions)
{
    for (uint32_t i = 0; conditions && i < conditions->count; i++) {
        const struct value *have = attribute_at(attrs, conditions->entries[i].key),
                           *want = conditions->entries[i].value;
        bool holds = value_is_null(want) ? value_is_null(have)
                     : str_eqz(value_text(want, STR_EMPTY), "*")
                         ? !value_is_null(have)
                         : value_equal(have, want) || is_like(have, value_gets(want, "like"));
        for (uint32_t k = 0; want->kind == VALUE_LIST && k < want->count; k++)
            holds = holds || value_equal(have, want->items[k]);
        if (!holds)
            return false;
    }
    return true;
}

/* `derives: {key_state: [[PendingDeletion, {deleted: "*"}], [Enabled]]}`: the first matching case. */
static const struct value *with_derived(
    struct call *call, const struct resource *resource, const struct value *attrs)
{
    const struct value *rules = value_getz(resource->type->sandbox, "derives");
    for (uint32_t i = 0; rules && i < rules->count; i++) {
        const struct value *cases = rules->entries[i].value, *v = NULL;
        for (uint32_t k = 0; !v && k < cases->count; k++) {
            const struct value *one = cases->items[k];
            if (one->kind == VALUE_LIST && one->count &&
                (one->count == 1 || fill_looks(attrs, one->items[1])))
                v = fill_value(call, resource->type, one->items[0], attrs);
        }
        if (v)
            attrs = value_with(call->arena, attrs, rules->entries[i].key, v);
    }
    return attrs;
}

const struct value *fill_now(struct call *call, const struct resource *resource)
{
    const struct value *attrs = with_states(call, resource, resource->attrs, "states", resource->created_ms);
    if (resource->changed_ms > resource->created_ms)
        attrs = with_states(call, resource, attrs, "updating", resource->changed_ms);
    attrs = with_derived(call, resource, attrs);
    return resource->deleted_ms ? with_states(call, resource, attrs, "deleting", resource->deleted_ms)
                                : attrs;
}

bool fill_changes(const struct spec_type *type, struct str name)
{
    static const char *const keys[] = {"states", "updating", "deleting", "derives"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (value_get(value_getz(type->sandbox, keys[i]), name))
            return true;
    return false;
}

/* Returns how long a deleted resource still uses others, such as a function its network interfaces. */
static int64_t lingering_ms(const struct control *control, const struct resource *resource)
{
    const struct value *rule = value_getz(resource->type->sandbox, "lingers");
    int64_t most = 0;
    for (uint32_t i = 0; rule && i < rule->count; i++) {
        const struct value *seconds = rule->entries[i].value;
        if (seconds->kind == VALUE_INT && !value_is_null(value_get(resource->attrs, rule->entries[i].key)))
            most = scaled(control, seconds->integer);
    }
    return most;
}

static int64_t deletion_ms(const struct control *control, const struct resource *resource)
{
    const struct value *states = value_getz(resource->type->sandbox, "deleting");
    int64_t total = 0;
    if (states && states->count && states->entries[0].value->kind == VALUE_LIST)
        for (uint32_t i = 0; i < states->entries[0].value->count; i++) {
            const struct value *pair = states->entries[0].value->items[i];
            if (pair->kind == VALUE_LIST && pair->count == 2 && pair->items[1]->kind == VALUE_INT)
                total += scaled(control, pair->items[1]->integer);
        }
    return total;
}

int64_t fill_gone_ms(const struct control *control, const struct resource *resource)
{
    return resource->deleted_ms + deletion_ms(control, resource) + lingering_ms(control, resource);
}

bool fill_still_uses(const struct control *control, const struct resource *resource)
{
    return resource->deleted_ms && clock_wall_ms() >= resource->deleted_ms + deletion_ms(control, resource);
}
