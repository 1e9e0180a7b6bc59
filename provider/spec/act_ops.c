/*
 * The table of operations; prediction and deletion; and types whose operations are C functions (`native:`),
 * completed by their spec: templates are filled in, computed attributes without a value are null.
 */
#include "base/clock.h"
#include "provider/spec/act.h"

/* ---- Types whose operations are C functions of the provider type (`native:` at a type), completed by their
 * spec: templates are filled in, deleting resources count as absent, computed attributes that are not
 * reported are null. Missing operations are the interpreter's, as far as the spec has calls for them. */

/* Completes a live object for the record. */
static int native_complete(struct act *act, const struct value **live, struct err *err)
{
    if (!*live || act_fill_templates(act, *live, live, err))
        return *live ? -1 : 0;
    *live = act_reported(act, act_unreported(act, *live), NULL, *live);
    return 0;
}

/* The operation's own error precedes one of completing its result. */
static int native_finish(struct act *act, int status, const struct value **live, struct err *err)
{
    struct err later = ERR_INIT;
    return native_complete(act, live, status ? &later : err) || status ? -1 : 0;
}

static int native_create(struct op_ctx *ctx, const struct attempt *attempt, const struct value *desired,
    const struct value **live, struct err *err)
{
    struct act act = act_of(ctx);
    *live = NULL;
    if (act_fill_templates(&act, desired, &desired, err))
        return -1;
    return native_finish(&act, act.type->native->create(ctx, attempt, desired, live, err), live, err);
}

static int native_read(struct op_ctx *ctx, const struct value *prior, const struct value *wanted,
    const struct value **live, struct err *err)
{
    struct act act = act_of(ctx);
    *live = NULL;
    if (act_fill_templates(&act, prior, &prior, err) ||
        native_finish(&act, act.type->native->read(ctx, prior, wanted, live, err), live, err))
        return -1;
    if (*live && act_is_deleted(&act, *live))
        *live = NULL;
    return 0;
}

static int native_update(struct op_ctx *ctx, const struct value *prior, const struct value *desired,
    const struct value *changed, const struct value **live, struct err *err)
{
    struct act act = act_of(ctx);
    *live = NULL;
    if (act_fill_templates(&act, prior, &prior, err) || act_fill_templates(&act, desired, &desired, err))
        return -1;
    return native_finish(&act, act.type->native->update(ctx, prior, desired, changed, live, err), live, err);
}

static int native_delete(struct op_ctx *ctx, unsigned teardown, const struct value *prior, struct err *err)
{
    struct act act = act_of(ctx);
    return act_fill_templates(&act, prior, &prior, err) ||
                   act.type->native->delete (ctx, teardown, prior, err)
               ? -1
               : 0;
}

struct native_listing {
    struct act *act;
    resource_found *found;
    void *found_ctx;
};

static void native_found(void *ctx, const struct value *live)
{
    struct native_listing *listing = ctx;
    if (native_complete(listing->act, &live, ERR_IGNORED) == 0 && !act_is_deleted(listing->act, live))
        listing->found(listing->found_ctx, live);
}

static int native_list(struct op_ctx *ctx, const struct list_filter *filter, resource_found *found,
    void *found_ctx, const struct value **covered, struct err *err)
{
    struct act act = act_of(ctx);
    struct native_listing listing = {&act, found, found_ctx};
    return act.type->native->list(ctx, filter, native_found, &listing, covered, err);
}

/* A name known beforehand identifies the resource. */
static int native_find(struct op_ctx *ctx, const struct attempt *attempt UNUSED, const struct value *desired,
    const struct value **live, struct err *err)
{
    return native_read(ctx, desired, NULL, live, err);
}

/* Operations that the spec does not complete. */
static void take_plain(const struct resource_ops *native, struct resource_ops *ops)
{
    ops->state_only = native->state_only;
    ops->prepare = native->prepare ? native->prepare : ops->prepare;
    ops->predict = native->predict ? native->predict : ops->predict;
    ops->held_ids = native->held_ids ? native->held_ids : ops->held_ids;
    ops->outlasting = native->outlasting ? native->outlasting : ops->outlasting;
    ops->data_loss = native->data_loss ? native->data_loss : ops->data_loss;
    ops->leaves = native->leaves ? native->leaves : ops->leaves;
    ops->search = native->search ? native->search : ops->search;
    ops->list_owned = native->list_owned ? native->list_owned : ops->list_owned;
    ops->survives_deletion = native->survives_deletion ? native->survives_deletion : ops->survives_deletion;
    ops->by_arn = native->by_arn ? native->by_arn : ops->by_arn;
    ops->find = native->find ? native->find : ops->find;
    ops->find_by_name = native->find_by_name ? native->find_by_name : ops->find_by_name;
    ops->ownership_tags = native->ownership_tags ? native->ownership_tags : ops->ownership_tags;
    ops->find_owner = native->find_owner ? native->find_owner : ops->find_owner;
    ops->permissions = native->permissions ? native->permissions : ops->permissions;
    ops->scope = native->scope ? native->scope : ops->scope;
}

/* True if the planned change affects this computed value. */
static bool affected(const struct spec_type *type, const struct spec_attr *attr, const struct value *desired,
    const struct value *prior)
{
    for (size_t i = 0; i < attr->changes_with.count; i++) {
        struct str name = attr->changes_with.items[i];
        const struct spec_attr *source = spec_attr_find(type, name);
        const struct value *wanted = value_get(desired, name);
        if (!source || value_is_null(wanted))
            continue;
        if (!value_is_known(wanted) || !attr_equal(source->attr, wanted, value_get(prior, name)))
            return true;
    }
    return false;
}

static int spec_predict(struct op_ctx *ctx, const struct value *desired, const struct value *prior,
    const struct value **planned, struct err *err)
{
    struct act act = act_of(ctx);
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(act.arena);
    for (size_t i = 0; i < act.type->attr_count; i++) {
        const struct spec_attr *attr = &act.type->attrs[i];
        struct str name = attr->attr->name;
        const struct value *v = value_get(desired, name);
        if (value_is_null(v) && attr->attr->computed && !attr->template.n) {
            const struct value *before = value_get(prior, name);
            v = before && !affected(act.type, attr, desired, prior) ? before : &value_unknown;
        }
        if (v)
            value_builder_set(&b, name, v);
    }
    return act_fill_templates(&act, value_builder_map(&b), planned, err);
}

const struct resource_ops *native_ops(struct arena *arena, const struct spec_type *type, bool calls)
{
    const struct resource_ops *native = type->native;
    struct resource_ops *ops = ARENA_NEW(arena, struct resource_ops);
    if (calls)
        *ops = spec_ops;
    ops->predict = spec_predict;
    if (native->create)
        ops->create = native_create;
    if (native->read) {
        ops->read = native_read;
        ops->find = native_find;
    }
    if (native->update)
        ops->update = native_update;
    if (native->delete)
        ops->delete = native_delete;
    if (native->list)
        ops->list = native_list;
    take_plain(native, ops);
    return ops;
}

/* ---- Kinds of values in responses: a string in place of a structure would be read as missing, and a
 * structure in place of a string as not set. A list of one may be a single item, as in XML, and any string
 * may be empty. */

static bool is_plain(const struct value *v)
{
    return v->kind != VALUE_MAP && v->kind != VALUE_LIST &&
           !(v->kind == VALUE_STRING && !str_trim(v->string).n);
}

static const char *kind_word(const struct value *v)
{
    switch (v->kind) {
    case VALUE_MAP: return "structure";
    case VALUE_LIST: return "list";
    case VALUE_STRING: return "text";
    case VALUE_BOOL: return "truth value";
    default: return "number";
    }
}

static bool has_type(const struct wire_operation *op, const struct shape *shape, const struct value *v)
{
    bool json = op->protocol == WIRE_JSON10 || op->protocol == WIRE_JSON11 || op->protocol == WIRE_REST_JSON;
    switch (shape->kind) {
    case SHAPE_STRUCT:
    case SHAPE_MAP:
    case SHAPE_PAIRS: return !is_plain(v);
    case SHAPE_LIST: return !json || !is_plain(v);
    case SHAPE_STRING:
    case SHAPE_INT:
    case SHAPE_FLOAT:
    case SHAPE_BOOL:
    case SHAPE_TIMESTAMP:
    case SHAPE_BLOB: return shape->choices_out || v->kind != VALUE_MAP;
    default: return true;
    }
}

/* Returns a value on the path that has no further members; NULL: there is none. *at is its name. */
static const struct value *dead_end(
    struct arena *arena, const struct value *doc, struct str path, struct str *at)
{
    struct str rest = path;
    for (const struct value *v = doc; rest.n && v->kind == VALUE_MAP;) {
        struct wire_segment segment = wire_path_cut(&rest);
        *at = segment.name;
        v = wire_path(arena, v, segment.name);
        if (value_is_null(v))
            return NULL;
        struct str next = rest;
        if (rest.n && is_plain(v)) /* unless the path allows the value itself */
            return str_ends(wire_path_cut(&next).name, STR("|@")) ? NULL : v;
        if (segment.items)
            return NULL;
    }
    return NULL;
}

static int wrong_type(const struct spec_step *step, struct str at, const struct value *v, struct err *err)
{
    err_set(err, ERR_PROTOCOL, "the answer to %.*s is not as the service describes it: %.*s is a %s",
        STR_ARG(step->call.op->wire.name), STR_ARG(at), kind_word(v));
    err->lost = true;
    return err_hint(err, "a proxy on the way to the service changes responses, or the endpoint is not AWS");
}

int act_check_types(struct act *act, const struct spec_step *step, const struct value *doc, struct err *err)
{
    for (size_t i = 0; step->call.op && i < act->type->attr_count; i++) {
        const struct spec_attr *attr = &act->type->attrs[i];
        struct str path, at = STR_EMPTY;
        if (!act_provides(act->type, step, attr, &path) || attr->owner == OWNER_ENTRIES)
            continue;
        if (is_plain(doc) && path.n && !str_eqz(path, "@") && !str_eqz(path, "."))
            return wrong_type(step, step->reply.at, doc, err);
        const struct value *v = dead_end(act->arena, doc, path, &at);
        if (v)
            return wrong_type(step, at, v, err);
        v = wire_path(act->arena, doc, path);
        if (!value_is_null(v) && attr->answer && !has_type(&step->call.op->wire, attr->answer, v))
            return wrong_type(step, path, v, err);
    }
    return 0;
}

/* ---- Deletion: only of the stack's own resources; what prevents it is lifted first if that is agreed to; a
 * resource that does not exist is success. */

static int delete_steps(struct act *act, const struct value *object, struct err *err)
{
    for (size_t i = 0; i < act->type->delete.count; i++) {
        const struct spec_step *step = &act->type->delete.items[i];
        const struct value *document, *doc, *live = NULL;
        struct err failure = ERR_INIT;
        if (act_step(act, step, object, &document, &failure)) {
            if (failure.class == ERR_ABSENT)
                continue;
            return err_raise(err, &failure);
        }
        /* The result of a delete call may have to be waited for itself. */
        doc = step->wait && document ? act_at(act, step, document, object) : NULL;
        if (doc) {
            live = act_decode(act, step, doc, NULL);
            if (act_wait_live(act, object, &live, err))
                return -1;
        }
    }
    return 0;
}

int spec_delete(struct op_ctx *ctx, unsigned teardown, const struct value *prior, struct err *err)
{
    struct act act = act_of(ctx);
    act.teardown = teardown;
    const struct value *object, *live;
    struct err failure = ERR_INIT, ignored = ERR_INIT;
    if (act_fill_templates(&act, prior, &object, err) || act_check_known(&act, object, err) ||
        act_check_owner(&act, object, RUN_DELETES, err))
        return -1;
    object = act_forced(&act, object);
    if (act_lift(&act, object, &failure) == 0 && delete_steps(&act, object, &failure) == 0)
        return act_wait_deleted(&act, object, err) ||
                       (act.empty_answer && !act.type->deleted_wait && act_see_deleted(&act, object, err))
                   ? -1
                   : 0;
    /* Services report in many ways that a resource is already deleted or being deleted: reads it to find
     * out. */
    act.sees_deleting = true;
    if (failure.class != ERR_INTERRUPTED && act_read(&act, object, &value_empty_list, &live, &ignored) == 0) {
        act.sees_deleting = false;
        if (!live || act_is_deleted(&act, live))
            return live ? act_wait_deleted(&act, object, err) : 0;
    }
    act_hint_teardown(&act, &failure);
    return err_raise(err, &failure);
}

/* ---- types that exist in the state alone: the live object is the desired one ---- */

static int recorded_create(struct op_ctx *ctx, const struct attempt *attempt UNUSED,
    const struct value *desired, const struct value **live, struct err *err)
{
    struct act act = act_of(ctx);
    return act_fill_templates(&act, desired, live, err);
}

static int recorded_update(struct op_ctx *ctx, const struct value *prior UNUSED, const struct value *desired,
    const struct value *changed UNUSED, const struct value **live, struct err *err)
{
    return recorded_create(ctx, NULL, desired, live, err);
}

const struct resource_ops spec_recorded_ops = {
    .predict = spec_predict,
    .create = recorded_create,
    .update = recorded_update,
    .find = recorded_create, /* an open intent counts as done */
    .permissions = spec_permissions,
};

const struct resource_ops spec_ops = {
    .predict = spec_predict,
    .read = spec_read,
    .list = spec_list,
    .ids = spec_ids,
    .listing_saves = spec_listing_saves,
    .create = spec_create,
    .null_removes_fields = true,
    .keeps_fields = true,
    .update = spec_update,
    .delete = spec_delete,
    .find = spec_find,
    .find_by_name = spec_find_by_name,
    .console = spec_console,
    .ownership_tags = spec_ownership_tags,
    .find_owner = spec_find_owner,
    .add_ownership_tags = spec_add_ownership_tags,
    .data_loss = spec_data_loss,
    .leaves = spec_leaves,
    .search = spec_search,
    .list_owned = spec_list_owned,
    .tag_name = spec_tag_name,
    .tags_of = spec_tags_of,
    .by_arn = spec_by_arn,
    .permissions = spec_permissions,
    .scope = spec_scope,
};
