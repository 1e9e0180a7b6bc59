/* The operations of all types of the Cloud Control API (struct resource_ops): see cfn.h. */
#include "provider/cfn/cfn.h"

#include "base/json.h"

static const struct cfn_type *type_of(const struct op_ctx *ctx)
{
    return ctx->schema->impl;
}

/* ---- prediction ---- */

/* Adds the computed fields to a configured object, as unknown or with their prior values. */
static const struct value *with_unknown_fields(
    struct arena *arena, const struct type *type, const struct value *v, const struct value *before)
{
    if (type->kind != TYPE_OBJECT || v->kind != VALUE_MAP)
        return v;
    const struct value *out = v;
    for (size_t i = 0; i < type->field_count; i++) {
        const struct attr *field = &type->fields[i];
        const struct value *was = value_get(before, field->name);
        if (field->computed && !field->settable && !value_get(v, field->name))
            out = value_with(arena, out, field->name, was ? was : &value_unknown);
    }
    return value_mark(arena, out, v->marks & VALUE_SENSITIVE);
}

static int predict(struct op_ctx *ctx, const struct value *desired, const struct value *prior,
    const struct value **planned, struct err *err UNUSED)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(ctx->arena);
    for (size_t i = 0; i < ctx->schema->attr_count; i++) {
        const struct attr *attr = &ctx->schema->attrs[i];
        const struct value *v = value_get(desired, attr->name), *before = value_get(prior, attr->name);
        if (value_is_null(v) && attr->computed)
            v = before ? before : &value_unknown;
        else if (v && attr->computed)
            v = with_unknown_fields(ctx->arena, attr->type, v, before);
        if (v)
            value_builder_set(&b, attr->name, v);
    }
    const struct value *object = value_builder_map(&b);
    struct str id = cfn_identifier(type_of(ctx), ctx->arena, object);
    bool known = type_of(ctx)->id_composed && id.n && !prior;
    *planned = known ? value_with(ctx->arena, object, STR("id"), value_string_ref(ctx->arena, id)) : object;
    return 0;
}

/* ---- reading ---- */

/* Converts the service's properties to attributes. */
static const struct value *as_object(
    const struct op_ctx *ctx, struct str identifier, const struct value *properties)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(ctx->arena);
    for (size_t i = 0; i < ctx->schema->attr_count; i++) {
        const struct attr *attr = &ctx->schema->attrs[i];
        const struct value *v = value_get(properties, attr->name);
        if (!value_is_null(v))
            value_builder_set(&b, attr->name, cfn_from_service(ctx->arena, attr->type, v));
    }
    const struct cfn_type *type = type_of(ctx);
    if (type->id_composed || value_is_null(value_get(properties, ctx->schema->id)))
        value_builder_set(&b, ctx->schema->id, value_string(ctx->arena, identifier));
    return value_builder_map(&b);
}

/* *live is NULL if the resource does not exist; it includes ownership tags. */
static int get(struct op_ctx *ctx, struct str identifier, const struct value **live, struct err *err)
{
    const struct value *properties;
    if (cfn_get(ctx, identifier, &properties, err))
        return -1;
    *live = properties ? as_object(ctx, identifier, properties) : NULL;
    return 0;
}

static int identify(struct op_ctx *ctx, const struct value *object, struct str *identifier, struct err *err)
{
    *identifier = cfn_identifier(type_of(ctx), ctx->arena, object);
    return identifier->n ? 0
                         : err_set(err, ERR_INVALID, "its %s%.*s is not known",
                               type_of(ctx)->id_composed ? "identifier " : "", STR_ARG(ctx->schema->id));
}

static int read_one(struct op_ctx *ctx, const struct value *prior, const struct value *wanted UNUSED,
    const struct value **live, struct err *err)
{
    struct str identifier;
    if (identify(ctx, prior, &identifier, err) || get(ctx, identifier, live, err))
        return -1;
    if (*live)
        *live = cfn_unmarked(ctx, *live);
    return 0;
}

struct listed {
    struct op_ctx *ctx;
    resource_found *found;
    void *found_ctx;
    bool *seen; /* by attribute: at least one object had it */
};

static int take_listed(
    void *ctx, struct str identifier, const struct value *properties, struct err *err UNUSED)
{
    struct listed *l = ctx;
    for (size_t i = 0; i < l->ctx->schema->attr_count; i++)
        l->seen[i] |= !value_is_null(value_get(properties, l->ctx->schema->attrs[i].name));
    l->found(l->found_ctx, cfn_unmarked(l->ctx, as_object(l->ctx, identifier, properties)));
    return 0;
}

/* A list handler returns whole objects or only identifiers. Which, shows in the result: an attribute that no
 * object has is not covered by the listing. */
static int list_all(struct op_ctx *ctx, const struct list_filter *filter UNUSED, resource_found *found,
    void *found_ctx, const struct value **covered, struct err *err)
{
    bool *seen = ARENA_ARRAY(ctx->arena, bool, ctx->schema->attr_count + 1);
    struct listed listed = {ctx, found, found_ctx, seen};
    if (cfn_list(ctx, take_listed, &listed, err))
        return -1;
    AUTO_BUILDER struct value_builder names = VALUE_BUILDER(ctx->arena);
    for (size_t i = 0; i < ctx->schema->attr_count; i++)
        if (seen[i])
            value_builder_add(&names, value_string_ref(ctx->arena, ctx->schema->attrs[i].name));
    *covered = value_builder_list(&names);
    return 0;
}

/* ---- create, update, delete ---- */

/* Returns the configured properties in the service's form. */
static const struct value *settable_properties(const struct op_ctx *ctx, const struct value *desired)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(ctx->arena);
    for (size_t i = 0; i < ctx->schema->attr_count; i++) {
        const struct attr *attr = &ctx->schema->attrs[i];
        const struct value *v = value_get(desired, attr->name);
        if (attr->settable && !value_is_null(v) && v->kind != VALUE_UNKNOWN)
            value_builder_set(&b, attr->name, cfn_to_service(ctx->arena, attr->type, v));
    }
    return value_builder_map(&b);
}

/* Reads the resource after a successful request. */
static int read_after(struct op_ctx *ctx, struct str identifier, const struct value *otherwise,
    const struct value **live, struct err *err)
{
    const struct value *now = NULL;
    if (type_of(ctx)->has_read && get(ctx, identifier, &now, err))
        return -1;
    if (!now && type_of(ctx)->has_read)
        return err_set(err, ERR_SERVICE, "it was created as %.*s, but no longer exists", STR_ARG(identifier));
    *live = now ? cfn_unmarked(ctx, now)
                : value_with(ctx->arena, schema_without_nulls(ctx->arena, ctx->schema, otherwise, false),
                      ctx->schema->id, value_string(ctx->arena, identifier));
    return 0;
}

/* A failed creation may have left a resource: it is ours if it has this intent's ownership tag. */
static void find_half_created(struct op_ctx *ctx, const struct cfn_event *event, const struct value **live)
{
    const struct value *there = NULL;
    const struct cfn_type *type = type_of(ctx);
    if (!event->identifier.n || str_eqz(event->code, "AlreadyExists") || !type->tags || !type->has_read ||
        get(ctx, event->identifier, &there, ERR_IGNORED) || !there)
        return;
    struct str intent = value_gets(cfn_ownership_tags_of(ctx, there), "intent");
    if (intent.n && str_eq(intent, ctx->owner.token))
        *live = cfn_unmarked(ctx, there);
}

static int cfn_create(struct op_ctx *ctx, const struct attempt *attempt UNUSED, const struct value *desired,
    const struct value **live, struct err *err)
{
    struct cfn_event event;
    const struct value *state =
        json_as_text(ctx->arena, settable_properties(ctx, cfn_with_ownership_tags(ctx, desired)));
    struct value_entry input = {STR("DesiredState"), state};
    struct cfn_request request = {.operation = "CreateResource",
        .input = value_map(ctx->arena, &input, 1),
        .sensitive = value_is_sensitive(desired)};
    *live = NULL;
    if (cfn_carry_out(ctx, &request, &event, err)) {
        find_half_created(ctx, &event, live);
        return -1;
    }
    aws_note_created(provider_aws(ctx->provider));
    if (!event.identifier.n)
        return err_set(err, ERR_PROTOCOL, "the response does not identify the created resource");
    struct value_entry id = {ctx->schema->id, value_string(ctx->arena, event.identifier)};
    *live = value_map(ctx->arena, &id, 1); /* so that the id is recorded whatever happens next */
    return read_after(ctx, event.identifier, desired, live, err);
}

/* Adds weir's ownership tags and ignored tags of the live object to the desired tags. */
static const struct value *keep_ownership_tags(
    const struct op_ctx *ctx, const struct value *desired, const struct value *live)
{
    const struct attr *attr = type_of(ctx)->tags;
    const struct value *tags = attr ? value_get(live, attr->name) : NULL;
    if (!tags || tags->kind != VALUE_MAP)
        return desired;
    AUTO_BUILDER struct value_builder kept = VALUE_BUILDER(ctx->arena);
    for (uint32_t i = 0; i < tags->count; i++)
        if (provider_leaves_tag(ctx->provider, tags->entries[i].key) &&
            !str_starts(tags->entries[i].key, STR("aws:")))
            value_builder_set(&kept, tags->entries[i].key, tags->entries[i].value);
    if (!kept.n)
        return desired;
    return value_with(ctx->arena, desired, attr->name,
        value_merge(ctx->arena, value_builder_map(&kept), value_get(desired, attr->name)));
}

/* Returns the live properties; of a type without a read handler the recorded ones. */
static int properties_now(struct op_ctx *ctx, struct str identifier, const struct value *prior,
    const struct value **properties, struct err *err)
{
    if (type_of(ctx)->has_read)
        return cfn_get(ctx, identifier, properties, err);
    *properties = settable_properties(ctx, prior);
    return 0;
}

static int send_patch(
    struct op_ctx *ctx, struct str identifier, const struct value *patch, bool sensitive, struct err *err)
{
    struct value_entry input[] = {{STR("Identifier"), value_string(ctx->arena, identifier)},
        {STR("PatchDocument"), json_as_text(ctx->arena, patch)}};
    struct cfn_request request = {.operation = "UpdateResource",
        .input = value_map(ctx->arena, input, 2),
        .sensitive = sensitive,
        .repeats = true};
    struct cfn_event event;
    return cfn_carry_out(ctx, &request, &event, err);
}

static int cfn_update(struct op_ctx *ctx, const struct value *prior, const struct value *desired,
    const struct value *changed, const struct value **live, struct err *err)
{
    struct str identifier;
    const struct value *properties;
    if (identify(ctx, prior, &identifier, err) || properties_now(ctx, identifier, prior, &properties, err))
        return -1;
    if (!properties)
        return err_set(err, ERR_ABSENT, "it no longer exists");
    const struct value *is = as_object(ctx, identifier, properties);
    if (type_of(ctx)->has_read && cfn_check_owner(ctx, is, "changed", err))
        return -1;
    const struct value *patch =
        cfn_patch(ctx->arena, type_of(ctx), properties, keep_ownership_tags(ctx, desired, is), changed);
    if (!patch->count) {
        *live = cfn_unmarked(ctx, is);
        return 0;
    }
    if (send_patch(ctx, identifier, patch, value_is_sensitive(desired), err))
        return -1;
    return read_after(ctx, identifier, desired, live, err);
}

static int cfn_add_ownership_tags(struct op_ctx *ctx, const struct value *object,
    const struct value *owner_tags, bool *done, struct err *err)
{
    const struct attr *attr = type_of(ctx)->tags;
    const struct value *properties = NULL;
    struct str identifier;
    *done = false;
    if (!attr || !type_of(ctx)->has_read)
        return 0;
    if (identify(ctx, object, &identifier, err) || cfn_get(ctx, identifier, &properties, err))
        return -1;
    const struct value *is = properties ? as_object(ctx, identifier, properties) : NULL;
    if (!is || !str_eq(value_gets(cfn_ownership_tags_of(ctx, is), "stack"), ctx->owner.stack))
        return 0;
    const struct value *name = value_string_ref(ctx->arena, attr->name),
                       *tags = value_merge(ctx->arena, value_get(is, attr->name), owner_tags);
    const struct value *patch = cfn_patch(ctx->arena, type_of(ctx), properties,
        value_with(ctx->arena, is, attr->name, tags), value_list(ctx->arena, &name, 1));
    *done = true;
    return patch->count ? send_patch(ctx, identifier, patch, false, err) : 0;
}

static int find_owner(struct op_ctx *ctx, const struct value *object, struct ownership *out, struct err *err)
{
    struct str identifier;
    const struct value *is = NULL;
    *out = (struct ownership){.kind = OWNERSHIP_OURS};
    if (!type_of(ctx)->tags)
        return 0;
    if (identify(ctx, object, &identifier, err) || get(ctx, identifier, &is, err))
        return -1;
    if (is)
        *out = cfn_find_owner(ctx, is);
    return 0;
}

/* Switches deletion protection off. This is a request of its own and needs its own token. */
static int lift_protection(struct op_ctx *deletes, const struct value *prior, struct err *err)
{
    struct op_ctx own = *deletes, *ctx = &own;
    struct str identifier;
    own.owner.token = arena_printf(ctx->arena, "%.*s-lift", STR_ARG(ctx->owner.token));
    const struct value *is = NULL, *after;
    if (!type_of(ctx)->has_read || identify(ctx, prior, &identifier, err) || get(ctx, identifier, &is, err))
        return type_of(ctx)->has_read ? -1 : 0;
    const struct value *off = is ? cfn_unprotected(ctx, is) : &value_empty_map;
    return off->count ? cfn_update(ctx, is, value_merge(ctx->arena, is, off), value_keys(ctx->arena, off),
                            &after, err)
                      : 0;
}

static int delete_one(struct op_ctx *ctx, unsigned teardown, const struct value *prior, struct err *err)
{
    struct str identifier;
    const struct value *is = NULL;
    if (identify(ctx, prior, &identifier, err))
        return -1;
    if (type_of(ctx)->has_read && type_of(ctx)->tags) {
        if (get(ctx, identifier, &is, err))
            return -1;
        if (!is)
            return 0;
        if (cfn_check_owner(ctx, is, "deleted", err))
            return -1;
    }
    if (teardown & TEARDOWN_PROTECTED && lift_protection(ctx, prior, err))
        return err->class == ERR_ABSENT ? 0 : -1;
    struct value_entry input = {STR("Identifier"), value_string(ctx->arena, identifier)};
    struct cfn_request request = {
        .operation = "DeleteResource", .input = value_map(ctx->arena, &input, 1), .repeats = true};
    struct cfn_event event;
    struct err failure = ERR_INIT;
    if (!cfn_carry_out(ctx, &request, &event, &failure) || failure.class == ERR_ABSENT)
        return 0;
    return err_raise(err, &failure);
}

/* ---- recovery ---- */

enum { CLOCKS_MS = 60 * 1000 }; /* tolerated difference of the clocks */

struct search {
    struct op_ctx *ctx;
    const struct attempt *attempt;
    const struct value *desired, *found;
    struct err err;
};

static bool is_wanted(const struct op_ctx *ctx, const struct value *desired, const struct value *live)
{
    for (uint32_t i = 0; desired && i < desired->count; i++) {
        const struct attr *attr = schema_attr(ctx->schema, desired->entries[i].key);
        const struct value *v = desired->entries[i].value;
        if (attr && attr->settable && !attr->write_only && value_is_known(v) && !value_is_sensitive(v) &&
            !attr_equal(attr, v, value_get(live, attr->name)))
            return false;
    }
    return true;
}

/* True if the intent created this resource: by its ownership tags, or, without ownership tags, by its
 * attributes if no other intent claims it. */
static bool is_ours(struct search *s, struct str identifier, const struct value *live)
{
    const struct op_ctx *ctx = s->ctx;
    struct str intent = value_gets(cfn_ownership_tags_of(ctx, live), "intent");
    if (type_of(ctx)->tags && ctx->owner.stack.n)
        return intent.n && str_eq(intent, ctx->owner.token);
    return is_wanted(ctx, s->desired, live) && attempt_claims(s->attempt, identifier);
}

static bool lookup_read(struct search *s, struct str identifier)
{
    const struct value *live = NULL;
    if (!identifier.n || !type_of(s->ctx)->has_read || get(s->ctx, identifier, &live, &s->err) || !live ||
        !is_ours(s, identifier, live))
        return s->err.class != ERR_NONE;
    s->found = cfn_unmarked(s->ctx, live);
    return true;
}

/* Checks one of the account's create requests: of this type, not before the intent, and not failed. */
static bool request_seen(void *ctx, const struct cfn_event *event)
{
    struct search *s = ctx;
    struct cfn_event own = *event;
    struct err ignored = ERR_INIT;
    if (!str_eq(event->type, s->ctx->schema->name) || str_eqz(event->status, "FAILED") ||
        (s->attempt->since_ms && event->at_ms && event->at_ms + CLOCKS_MS < s->attempt->since_ms))
        return false;
    if (cfn_follow(s->ctx, &own, &ignored) && ignored.class == ERR_INTERRUPTED) {
        s->err = ignored;
        return true;
    }
    return lookup_read(s, own.identifier);
}

static int cfn_find(struct op_ctx *ctx, const struct attempt *attempt, const struct value *desired,
    const struct value **live, struct err *err)
{
    struct search search = {.ctx = ctx, .attempt = attempt, .desired = desired};
    struct str identifier = cfn_identifier(type_of(ctx), ctx->arena, desired);
    bool known = identifier.n && lookup_read(&search, identifier);
    *live = NULL;
    if (!known && cfn_list_creations(ctx, request_seen, &search, err))
        return -1;
    if (search.err.class) {
        *err = search.err;
        return -1;
    }
    *live = search.found;
    return 0;
}

static int cfn_ownership_tags(
    struct op_ctx *ctx, const struct value *object, const struct value **out, struct err *err)
{
    struct str identifier;
    const struct value *live;
    *out = &value_empty_map;
    if (!type_of(ctx)->tags)
        return 0;
    if (identify(ctx, object, &identifier, err) || get(ctx, identifier, &live, err))
        return -1;
    *out = live ? cfn_ownership_tags_of(ctx, live) : NULL;
    return 0;
}

/* ---- permissions ---- */

static void add_actions(struct value_builder *out, const struct value *list)
{
    for (uint32_t i = 0; list && i < list->count; i++)
        value_builder_set(out, value_text(list->items[i], STR_EMPTY), list->items[i]);
}

/* Permissions of the Cloud Control API's own calls have CloudFormation's names. */
static void add_calls(struct value_builder *out, const char *const *names)
{
    for (; *names; names++) {
        const struct value *action =
            value_string_ref(out->arena, arena_printf(out->arena, "cloudformation:%s", *names));
        value_builder_set(out, action->string, action);
    }
}

static void permissions(const struct schema *schema, enum permission_phase phase, struct arena *arena UNUSED,
    struct value_builder *out)
{
    static const char *const reads[] = {"GetResource", "ListResources", NULL};
    static const char *const makes[] = {
        "CreateResource", "UpdateResource", "GetResourceRequestStatus", "ListResourceRequests", NULL};
    static const char *const deletes[] = {"DeleteResource", "GetResourceRequestStatus", NULL};
    const struct cfn_type *type = schema->impl;
    if (phase == PERMISSION_RUN)
        return;
    add_calls(out, reads);
    add_actions(out, cfn_permissions(type, "read"));
    if (schema->bulk)
        add_actions(out, cfn_permissions(type, "list"));
    if (phase == PERMISSION_APPLY) {
        add_calls(out, makes);
        add_actions(out, cfn_permissions(type, "create"));
        add_actions(out, cfn_permissions(type, "update"));
        add_actions(out, cfn_permissions(type, "tagging"));
    } else if (phase == PERMISSION_DESTROY) {
        add_calls(out, deletes);
        add_actions(out, cfn_permissions(type, "delete"));
    }
}

const struct resource_ops cfn_ops = {
    .predict = predict,
    .read = read_one,
    .list = list_all,
    .create = cfn_create,
    .null_removes_fields = true,
    .keeps_fields = true,
    .keeps_items = true,
    .update = cfn_update,
    .delete = delete_one,
    .find = cfn_find,
    .ownership_tags = cfn_ownership_tags,
    .find_owner = find_owner,
    .data_loss = cfn_data_loss,
    .add_ownership_tags = cfn_add_ownership_tags,
    .permissions = permissions,
};

const struct resource_ops cfn_ops_unread = {
    .predict = predict,
    .create = cfn_create,
    .null_removes_fields = true,
    .keeps_fields = true,
    .keeps_items = true,
    .update = cfn_update,
    .delete = delete_one,
    .permissions = permissions,
};
