/* Doing what a request asks for: to a thing, or to what belongs to it. */
#include "sandbox/control/control_internal.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>

/* ---- refusals ---- */

int refuse(struct call *call, int status, struct str code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    err_vset(call->err, ERR_SERVICE, format, args);
    va_end(args);
    call->err->http_status = status;
    snprintf(call->err->code, sizeof call->err->code, "%.*s", STR_ARG(code));
    return -1;
}

static bool is_json_rpc(const struct call *call)
{
    enum wire_protocol protocol = call->protocol;
    return protocol == WIRE_JSON10 || protocol == WIRE_JSON11;
}

/* The type's own word for it where one is said, or else the first that the service has. */
static struct str code_of(
    const struct spec_type *type, const char *what, const struct spec_errors *all, struct str fallback)
{
    struct str own = value_gets(value_getz(type->sandbox, "errors"), what);
    return own.n ? own : all && all->count ? all->items[0].code : fallback;
}

/* Where a code stands for many things, the message says which, in words that clients look for. */
static struct str words_of(const struct spec_errors *all, struct str code, const char *usual)
{
    for (size_t i = 0; i < all->count; i++)
        if (str_eq(all->items[i].code, code) && all->items[i].message.n)
            return all->items[i].message;
    return str_z(usual);
}

int refuse_status(const struct call *call, int rest)
{
    return is_json_rpc(call) || call->protocol == WIRE_EC2 ? 400 : rest;
}

int refuse_absent(struct call *call, const struct role *role)
{
    const struct spec_errors *own = &role->step->absent;
    struct str code =
        own->count ? own->items[0].code
                   : code_of(role->type, "absent", &role->type->service->absent, STR("NotFoundException"));
    int status = refuse_status(call, 404);
    return refuse(call, status, code, "%.*s %.*s", STR_ARG(role->type->schema.name),
        STR_ARG(words_of(own->count ? own : &role->type->service->absent, code, "was not found")));
}

static int refuse_existing(struct call *call)
{
    const struct spec_type *type = call->role->type;
    struct str code = code_of(type, "exists", &type->service->exists, STR("AlreadyExistsException"));
    return refuse(call, refuse_status(call, 409), code, "%.*s %.*s", STR_ARG(type->schema.name),
        STR_ARG(words_of(&type->service->exists, code, "exists already")));
}

int refuse_invalid(struct call *call, struct str name, struct str why)
{
    struct str usual = call->protocol == WIRE_QUERY ? STR("ValidationError")
                       : call->protocol == WIRE_EC2 ? STR("InvalidParameterValue")
                                                    : STR("ValidationException");
    const struct value *own = value_getz(value_getz(call->role->type->sandbox, "errors"), "invalid");
    struct str code = own && own->kind == VALUE_MAP ? value_text(value_get(own, name), usual)
                                                    : code_of(call->role->type, "invalid", NULL, usual);
    return refuse(call, 400, code, "%.*s: %.*s", STR_ARG(name), STR_ARG(why));
}

int refuse_members(struct call *call, struct str names)
{
    if (call->protocol == WIRE_EC2)
        return refuse(call, 400, STR("UnknownParameter"), "the sandbox does not know %.*s of %.*s",
            STR_ARG(names), STR_ARG(call->served->op->wire.name));
    call->role = &call->served->roles[0];
    return refuse_invalid(call, call->served->op->wire.name,
        arena_printf(call->arena, "the sandbox does not know %.*s", STR_ARG(names)));
}

int refuse_dry_run(struct call *call)
{
    return refuse(call, 412, STR("DryRunOperation"), "Request would have succeeded, but DryRun flag is set.");
}

/* ---- things that can be taken back for a while: `soft_delete` ---- */

static const struct value *soft(const struct thing *thing, const char *key)
{
    return value_getz(value_getz(thing->type->sandbox, "soft_delete"), key);
}

/* The attribute that says since when it is only waiting to be gone. */
static struct str soft_mark(const struct thing *thing)
{
    return value_text(soft(thing, "sets"), STR_EMPTY);
}

static bool is_waiting(const struct thing *thing)
{
    return soft_mark(thing).n && !value_is_null(value_get(thing->attrs, soft_mark(thing)));
}

static int refuse_waiting(struct call *call, const struct thing *thing)
{
    return refuse(call, refuse_status(call, 409),
        value_text(soft(thing, "code"), STR("InvalidRequestException")),
        "%.*s %.*s was already scheduled for deletion", STR_ARG(thing->type->schema.name),
        STR_ARG(thing->id));
}

/* A change ends the waiting, or is refused until that has happened. */
static int wake(struct call *call, struct thing *thing, const struct value **attrs)
{
    if (!is_waiting(thing))
        return 0;
    if (!str_eq(call->served->op->wire.name, value_text(soft(thing, "undo"), STR_EMPTY)))
        return refuse_waiting(call, thing);
    *attrs = value_with(call->arena, *attrs, soft_mark(thing), NULL);
    return 0;
}

/* ---- things ---- */

static const struct value *given_attributes(const struct call *call)
{
    const struct spec_type *type = call->role->type;
    struct value_builder b = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; i < call->input->count; i++) {
        const struct spec_attr *attr = spec_attr_find(type, call->input->entries[i].key);
        if (attr && !attr->steers)
            value_builder_set(&b, attr->attr->name,
                fold_attribute(call, type, attr->attr->name, call->input->entries[i].value));
    }
    return value_builder_map(&b);
}

int refuse_unkept(struct call *call, const struct err *why)
{
    return refuse(call, 500, STR("InternalFailure"), "%s", why->message);
}

struct thing *do_add(
    struct call *call, const struct spec_type *type, struct str region, const struct value *attrs)
{
    struct err err = ERR_INIT;
    if (call->dry_run) {
        refuse_dry_run(call);
        return NULL;
    }
    struct thing *thing = store_add(call->control, type, region, attrs, &err);
    if (thing && number_given(call->control, thing, &err)) {
        store_remove(call->control, thing);
        thing = NULL;
    }
    if (!thing)
        refuse_unkept(call, &err);
    return thing;
}

/* Creating the same again gives what is there, where the service is so (CreateTopic). */
static bool is_idempotent(const struct spec_step *step)
{
    bool by_token = false;
    for (size_t i = 0; i < step->request.extra_count; i++)
        by_token = by_token || str_eqz(value_text(step->request.extras[i].value, STR_EMPTY), "${token}");
    struct str call = step->op->wire.name;
    return step->idempotent && !by_token &&
           (str_starts(call, STR("Create")) || str_starts(call, STR("Subscribe")));
}

static bool is_named(const struct value *names, struct str name)
{
    for (uint32_t i = 0; names && i < names->count; i++)
        if (str_eq(value_text(names->items[i], STR_EMPTY), name))
            return true;
    return false;
}

/* A call that may be repeated answers the same again, unless it asks for something else by the same name. */
static bool asks_again(const struct call *call, const struct thing *existing, const struct value *attrs)
{
    const struct value *token = find_token(call, call->role, call->input);
    if (token && value_equal(token, value_getz(existing->attrs, TOKEN_KEY)))
        return true;
    const struct value *again =
        value_get(value_getz(call->role->type->sandbox, "again"), call->served->op->wire.name);
    for (uint32_t i = 0; i < attrs->count; i++) {
        const struct spec_attr *attr = spec_attr_find(call->role->type, attrs->entries[i].key);
        if (attr->owner != OWNER_TAGS && !is_named(again, attr->attr->name) &&
            !attr_equal(attr->attr, attrs->entries[i].value, value_get(existing->attrs, attr->attr->name)))
            return false;
    }
    return again || is_idempotent(call->role->step);
}

static int create(struct call *call, struct thing *existing, struct thing **out)
{
    const struct spec_type *type = call->role->type;
    const struct value *attrs = find_implied(call, call->role, given_attributes(call));
    if (check_reserved(call, attrs))
        return -1;
    bool waits = existing && (is_waiting(existing) || fill_lingers(call->control, existing));
    if (existing && !waits && asks_again(call, existing, attrs)) {
        *out = existing;
        return 0;
    }
    if (existing)
        return waits ? refuse_waiting(call, existing) : refuse_existing(call);
    if (check_attributes(call, attrs) || check_forms(call, attrs) || check_references(call, attrs) ||
        check_rules(call, attrs))
        return -1;
    attrs = fill_new(call, type, attrs);
    attrs = fill_kept(call, type, attrs);
    attrs = value_with(call->arena, attrs, STR(TOKEN_KEY), find_token(call, call->role, call->input));
    struct thing *made = do_add(call, type, find_region(call, type), attrs);
    if (!made)
        return -1;
    if (companions_make(call, made)) {
        companions_undo(call, made);
        return -1;
    }
    *out = made;
    return 0;
}

/* What changes with other attributes is new only when the request has one of them. */
static bool is_affected(const struct spec_type *type, struct str name, const struct value *given)
{
    const struct spec_attr *attr = spec_attr_find(type, name);
    for (size_t i = 0; attr && i < attr->changes_with.count; i++)
        if (value_get(given, attr->changes_with.items[i]))
            return true;
    return !attr || !attr->changes_with.count;
}

/* ---- `defers: {unless: apply_immediately, attributes: […]}`: changes that are kept for later ---- */

static bool is_urgent(const struct call *call, const struct thing *thing)
{
    struct str unless = value_gets(value_getz(thing->type->sandbox, "defers"), "unless");
    return value_equal(value_get(call->input, unless), &value_true);
}

static bool is_deferred(
    const struct call *call, const struct thing *thing, const struct attr *attr, const struct value *v)
{
    const struct value *names = value_getz(value_getz(thing->type->sandbox, "defers"), "attributes");
    for (uint32_t i = 0; names && i < names->count; i++)
        if (str_eq(value_text(names->items[i], STR_EMPTY), attr->name))
            return !is_urgent(call, thing) && !attr_equal(attr, v, value_get(thing->attrs, attr->name));
    return false;
}

static const struct value *deferred(
    struct call *call, const struct value *attrs, const struct attr *attr, const struct value *v)
{
    const struct value *waiting = value_getz(attrs, PENDING_KEY);
    return value_with(call->arena, attrs, STR(PENDING_KEY), value_with(call->arena, waiting, attr->name, v));
}

/* An urgent change brings what was left before along. */
static const struct value *with_deferred(
    struct call *call, const struct thing *thing, const struct value *attrs)
{
    const struct value *waiting = value_getz(attrs, PENDING_KEY);
    if (!waiting || !is_urgent(call, thing))
        return attrs;
    return value_with(call->arena, value_merge(call->arena, attrs, waiting), STR(PENDING_KEY), NULL);
}

/* Is this a call that keeps what it does not mention? */
static bool is_merging(const struct call *call)
{
    return is_named(value_getz(call->role->type->sandbox, "merges"), call->role->step->op->wire.name);
}

/* The fields of objects that the request does not mention stay as they are. */
static const struct value *with_fields(
    struct arena *arena, const struct type *type, const struct value *have, const struct value *given)
{
    if (type->kind != TYPE_OBJECT || !have || have->kind != VALUE_MAP || given->kind != VALUE_MAP)
        return given;
    const struct value *merged = have;
    for (uint32_t i = 0; i < given->count; i++) {
        const struct attr *field = type_field(type, given->entries[i].key);
        const struct value *v = given->entries[i].value;
        if (field)
            v = with_fields(arena, field->type, value_get(have, field->name), v);
        merged = value_with(arena, merged, given->entries[i].key, v);
    }
    return merged;
}

static const struct value *given_to_update(struct call *call, const struct thing *thing)
{
    const struct value *given = given_attributes(call);
    if (!is_merging(call))
        return given;
    struct value_builder b = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; i < given->count; i++) {
        const struct spec_attr *attr = spec_attr_find(thing->type, given->entries[i].key);
        value_builder_set(&b, attr->attr->name,
            with_fields(call->arena, attr->attr->type, value_get(thing->attrs, attr->attr->name),
                given->entries[i].value));
    }
    return value_builder_map(&b);
}

/* With `full`, what the request leaves out goes back to how it was at the beginning. */
static const struct value *updated(struct call *call, const struct thing *thing, const struct value *given)
{
    const struct spec_step *step = call->role->step;
    const struct value *attrs = thing->attrs;
    bool full = step->full && !is_merging(call);
    given = find_implied(call, call->role, given);
    for (size_t i = 0; full && i < step->request.attr_count; i++) {
        const struct attr *attr = schema_attr(&thing->type->schema, step->request.attrs[i]);
        if (attr && attr->settable && !attr->replace && !value_get(given, attr->name))
            attrs = value_with(call->arena, attrs, attr->name, attr->default_value);
    }
    attrs = with_deferred(call, thing, fill_kept(call, thing->type, attrs));
    for (uint32_t i = 0; i < given->count; i++) {
        const struct attr *attr = spec_attr_find(thing->type, given->entries[i].key)->attr;
        if (!attr->settable || attr->replace) /* these name it */
            continue;
        attrs = is_deferred(call, thing, attr, given->entries[i].value)
                    ? deferred(call, attrs, attr, given->entries[i].value)
                    : value_with(call->arena, attrs, attr->name, given->entries[i].value);
    }
    const struct value *values = value_getz(thing->type->sandbox, "on_update");
    for (uint32_t i = 0; values && i < values->count; i++) {
        const struct value *v =
            is_affected(thing->type, values->entries[i].key, given)
                ? fill_text(call, thing->type, values->entries[i].value, attrs, thing->revision + 1)
                : NULL;
        if (v)
            attrs = value_with(call->arena, attrs, values->entries[i].key, v);
    }
    return attrs;
}

int do_change(struct call *call, struct thing *thing, const struct value *attrs)
{
    struct err err = ERR_INIT;
    if (call->dry_run)
        return refuse_dry_run(call);
    return store_change(call->control, thing, attrs, &err) ? refuse_unkept(call, &err) : 0;
}

static int update(struct call *call, struct thing *thing)
{
    const struct value *given = given_to_update(call, thing);
    if (check_values(call, given) || check_rules(call, given))
        return -1;
    const struct value *attrs = updated(call, thing, given);
    return wake(call, thing, &attrs) || check_forms(call, attrs) || check_references(call, attrs) ||
           do_change(call, thing, attrs);
}

static int delete (struct call *call, struct thing *thing)
{
    if (thing->deleted_ms)
        return 0;
    if (check_delete(call, thing))
        return -1;
    bool at_once =
        value_equal(value_get(call->input, value_text(soft(thing, "unless"), STR_EMPTY)), &value_true);
    if (soft_mark(thing).n && !at_once) {
        const struct value *now =
            value_string(call->arena, time_rfc3339(call->arena, clock_wall_ms(), false));
        return do_change(call, thing, value_with(call->arena, thing->attrs, soft_mark(thing), now));
    }
    struct err err = ERR_INIT;
    if (call->dry_run)
        return refuse_dry_run(call);
    if (store_delete(call->control, thing, clock_wall_ms(), &err))
        return refuse_unkept(call, &err);
    return companions_delete(call, thing) || companions_leave(call, thing) ? -1 : 0;
}

/* ---- what belongs to a thing ---- */

/* What the client took from the item at hand, by its path there: "add", "key", "items" … */
static const struct value *item_part(const struct call *call, const char *path)
{
    const struct spec_request *request = &call->role->step->request;
    for (size_t i = 0; i < request->extra_count; i++)
        if (request->extras[i].from_item && str_eqz(value_text(request->extras[i].value, STR_EMPTY), path))
            return value_get(call->input, request->extras[i].key);
    return NULL;
}

static const struct value *as_list(struct call *call, const struct value *v)
{
    if (value_is_null(v))
        return &value_empty_list;
    return v->kind == VALUE_LIST ? v : value_list(call->arena, &v, 1);
}

static bool list_has(const struct attr *attr, const struct value *list, const struct value *item)
{
    for (uint32_t i = 0; list && list->kind == VALUE_LIST && i < list->count; i++)
        if (attr_equal(attr, item, list->items[i]))
            return true;
    return false;
}

/* have, plus what of `add` it lacks, minus `remove`. */
static const struct value *members_after(
    struct call *call, const struct value *have, const struct value *add, const struct value *remove)
{
    const struct attr item = {.type = call->role->attr->attr->type->elem};
    struct value_builder b = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; have && have->kind == VALUE_LIST && i < have->count; i++)
        if (!list_has(&item, remove, have->items[i]))
            value_builder_add(&b, have->items[i]);
    for (uint32_t i = 0; i < add->count; i++)
        if (!list_has(&item, have, add->items[i]))
            value_builder_add(&b, add->items[i]);
    return value_builder_list(&b);
}

/* The key of an entry as the service writes it. */
static struct str folded_key(const struct call *call, const struct value *key)
{
    const struct role *role = call->role;
    return key ? value_text(fold_attribute(call, role->type, role->attr->attr->name, key), STR_EMPTY)
               : STR_EMPTY;
}

static const struct value *with_entries(struct call *call, const struct value *have)
{
    const struct value *items = item_part(call, "items");
    if (!items) {
        const struct value *key = item_part(call, "key");
        return value_with(call->arena, have, folded_key(call, key), item_part(call, "value"));
    }
    for (uint32_t i = 0; items->kind == VALUE_LIST && i < items->count; i++) {
        struct str key = value_gets(items->items[i], "key");
        if (key.n)
            have = value_with(call->arena, have, key, value_getz(items->items[i], "value"));
    }
    return have;
}

static const struct value *without_keys(struct call *call, const struct value *have, const struct value *keys)
{
    keys = as_list(call, keys);
    for (uint32_t i = 0; i < keys->count; i++) {
        const struct value *key = keys->items[i];
        key = key->kind == VALUE_MAP ? value_getz(key, "key") : key; /* EC2 sends [{Key: k}] */
        have = value_with(call->arena, have, folded_key(call, key), NULL);
    }
    return have;
}

/* EnableKeyRotation says it by its name alone: not as it is by default. */
static const struct value *facet_value(struct call *call)
{
    const struct spec_attr *attr = call->role->attr;
    const struct value *v = value_get(call->input, attr->attr->name);
    if (v)
        return v;
    v = value_get(find_implied(call, call->role, call->input), attr->attr->name);
    return v || attr->attr->type->kind != TYPE_BOOL
               ? v
               : value_bool(!value_equal(attr->attr->default_value, &value_true));
}

/* The new value of the attribute that the role is about; NULL: it is taken away. */
static const struct value *owned_after(struct call *call, const struct value *have)
{
    switch (call->role->part) {
    case PART_FACET_PUT: return facet_value(call);
    case PART_FACET_REMOVE: return call->role->attr->attr->default_value;
    case PART_MEMBERS_ADD:
        return members_after(call, have, as_list(call, item_part(call, "@")), &value_empty_list);
    case PART_MEMBERS_REMOVE:
        return members_after(call, have, &value_empty_list, as_list(call, item_part(call, "@")));
    case PART_MEMBERS_MODIFY:
        return members_after(
            call, have, as_list(call, item_part(call, "add")), as_list(call, item_part(call, "remove")));
    case PART_ENTRIES_PUT: return with_entries(call, have);
    case PART_ENTRIES_REMOVE: {
        const struct value *keys = item_part(call, "key");
        return without_keys(call, have, keys ? keys : item_part(call, "items"));
    }
    case PART_TAGS_ADD: return value_merge(call->arena, have, item_part(call, "@"));
    case PART_TAGS_REMOVE: return without_keys(call, have, item_part(call, "@"));
    case PART_TAGS_PUT: return item_part(call, "@");
    case PART_TAGS_CLEAR: return NULL;
    default: return have;
    }
}

static bool changes_owned(enum part part)
{
    return part == PART_FACET_PUT || part == PART_FACET_REMOVE || part == PART_MEMBERS_ADD ||
           part == PART_MEMBERS_REMOVE || part == PART_MEMBERS_MODIFY || part == PART_ENTRIES_PUT ||
           part == PART_ENTRIES_REMOVE || part == PART_TAGS_ADD || part == PART_TAGS_REMOVE ||
           part == PART_TAGS_PUT || part == PART_TAGS_CLEAR;
}

/* `once: {AttachInternetGateway: code}`: what is there already is not put again by this call. */
static int check_taken(struct call *call, const struct value *have, const struct value *after)
{
    const struct value *code =
        value_get(value_getz(call->role->type->sandbox, "once"), call->role->step->op->wire.name);
    bool entries = call->role->part == PART_ENTRIES_PUT;
    bool taken = entries ? have && after && have->count == after->count : !value_is_null(have);
    if (!code || !taken)
        return 0;
    return refuse(call, refuse_status(call, 409), value_text(code, STR_EMPTY), "%.*s is there already",
        STR_ARG(call->role->attr->attr->name));
}

/* What is taken away has to be there, and what is added has to exist, where the service looks at that. */
static int check_change_owned(struct call *call, const struct value *have, const struct value *after)
{
    const struct spec_type *type = call->role->type;
    enum part part = call->role->part;
    struct str name = call->role->attr->attr->name;
    const struct value *strict = value_getz(type->sandbox, "strict");
    bool removes = part == PART_MEMBERS_REMOVE || part == PART_ENTRIES_REMOVE;
    for (uint32_t i = 0; removes && strict && i < strict->count; i++)
        if (str_eq(value_text(strict->items[i], STR_EMPTY), name) && (!have || value_equal(have, after)))
            return refuse_absent(call, call->role);
    const struct value_entry given = {name, after};
    bool sets = part == PART_MEMBERS_ADD || part == PART_FACET_PUT;
    if (check_taken(call, have, after) || check_fixed(call, have, after) ||
        (sets && check_values(call, value_map(call->arena, &given, 1))))
        return -1;
    return part == PART_MEMBERS_ADD ? check_reference(call, name, after) : 0;
}

static int change_owned(struct call *call, struct thing *thing)
{
    struct str name = call->role->attr->attr->name;
    const struct value *have = value_get(thing->attrs, name), *after = owned_after(call, have);
    if (check_change_owned(call, have, after))
        return -1;
    return do_change(call, thing, value_with(call->arena, thing->attrs, name, after));
}

/* A facet that is not set, or an entry that is not there, has an error of its own where the spec knows one.
 */
static int check_owned(struct call *call, const struct thing *thing)
{
    const struct role *role = call->role;
    const struct value *v = value_get(thing->attrs, role->attr->attr->name);
    if (role->part == PART_FACET_GET && value_is_null(v) && role->step->absent.count)
        return refuse_absent(call, role);
    if (role->part == PART_ENTRIES_GET && !value_get(v, value_text(item_part(call, "key"), STR_EMPTY)))
        return refuse_absent(call, role);
    return 0;
}

/* ---- the call ---- */

/* Of those that wait to be gone: always, or where this member of the request says so. */
static bool is_listed(const struct call *call, const struct value *rule)
{
    struct str member = value_text(rule, STR_EMPTY);
    return member.n ? value_equal(value_get(call->raw, member), &value_true) : !value_is_null(rule);
}

static void list_things(struct call *call, struct thing ***found, size_t *n)
{
    size_t cap = 0;
    for (size_t i = 0; i < call->control->thing_count; i++) {
        struct thing *thing = call->control->things[i];
        bool hidden = is_waiting(thing) && !is_listed(call, soft(thing, "listed"));
        if (thing->type != call->role->type || !str_eq(thing->region, find_region(call, call->role->type)) ||
            hidden || fill_lingers(call->control, thing) || !find_listed(call, thing) ||
            !find_passes(call, thing))
            continue;
        MEM_GROW(*found, cap, *n + 1);
        (*found)[(*n)++] = thing;
    }
}

static void found_one(struct thing *thing, struct thing ***found, size_t *n)
{
    *found = mem_alloc(sizeof **found);
    (*found)[0] = thing;
    *n = 1;
}

/* A data source is answered from the spec alone: there is always one, unless it says which there are. */
static bool is_data(const struct call *call)
{
    const struct spec_type *type = call->role->type;
    return type->schema.is_data && type->sandbox && !value_getz(type->sandbox, "standing");
}

/* Some describing calls leave out what is not there: `quiet` names them. */
static bool is_quiet(const struct call *call)
{
    return is_named(value_getz(call->role->type->sandbox, "quiet"), call->served->op->wire.name);
}

/* A document that things make up (Lambda's policies) is not there where none of them is. */
static bool is_empty_document(const struct call *call, size_t n)
{
    return !n && call->role->step->parse.n;
}

int do_call(struct call *call, struct thing *thing, struct thing ***found, size_t *n)
{
    const struct role *role = call->role;
    if (role->part == PART_LIST) {
        list_things(call, found, n);
        return is_empty_document(call, *n) ? refuse_absent(call, role) : 0;
    }
    if (role->part == PART_SIDE)
        return 0;
    if (role->part == PART_CREATE) {
        if (create(call, thing, &thing))
            return -1;
    } else if (!thing && !is_data(call)) {
        bool lists = role->step->at.n && str_ends(role->step->at, STR("[]")) && role->part == PART_READ;
        bool named = false;
        find_named(call, role, call->input, &named);
        return (lists && !named) || is_quiet(call) ? 0 : refuse_absent(call, role);
    }
    if (role->part == PART_UPDATE && update(call, thing))
        return -1;
    if (role->part == PART_DELETE && delete (call, thing))
        return -1;
    if (changes_owned(role->part) && change_owned(call, thing))
        return -1;
    if (role->attr && check_owned(call, thing))
        return -1;
    if (thing)
        found_one(thing, found, n);
    return 0;
}
