/* Reads one object: its own response, then the other wanted attributes. */
#include "base/hash.h"
#include "provider/spec/act.h"

bool act_wants(const struct value *wanted, struct str name)
{
    return !wanted || value_list_has(wanted, name);
}

bool act_is_deleted(struct act *act, const struct value *live)
{
    return (!act->sees_deleted && act_first_holding(act, &act->type->deleted, live)) ||
           (!act->sees_deleted && !act->sees_deleting && act_first_holding(act, &act->type->deleting, live));
}

struct reading {
    struct act *act;
    const struct value *wanted, *prior;
    const struct value *live; /* so far; NULL: nothing yet */
    bool own;                 /* only the first step, which determines whether it exists */
    bool deleted;
};

static const struct value *known_so_far(const struct reading *r)
{
    return value_merge(r->act->arena, r->prior, r->live);
}

/* A data source without an id has to match a single item, since the first of several may change. */
static int check_single(
    struct act *act, const struct spec_step *step, const struct value *items, struct err *err)
{
    bool picked = step->reply.newest.n || step->reply.match_count || !act->type->schema.is_data;
    if (picked || !items || items->kind != VALUE_LIST || items->count < 2)
        return 0;
    err_set(err, ERR_INVALID, "%u of them match", items->count);
    return err_hint(err, "configure more attributes of the one that is meant, for example its id");
}

/* Finds the object in this step's response; *doc is NULL if there is none. */
static int read_fetch(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value **doc, struct err *err)
{
    const struct value *document;
    *doc = NULL;
    if (step->reply.match_count) {
        if (act_list(act, step, object, NULL, &document, err) ||
            act_check_match(act, step, object, document, err))
            return -1;
        *doc = act_pick(act, step, document, object);
        return 0;
    }
    if (act_step(act, step, object, &document, err) ||
        (document && act_check_named(act, step, object, document, err)))
        return -1;
    const struct value *items =
        document && step->reply.at.n ? wire_path(act->arena, document, step->reply.at) : NULL;
    if (check_single(act, step, items, err))
        return -1;
    *doc = document ? act_at(act, step, document, object) : NULL;
    return 0;
}

static int read_steps(struct reading *r, struct err *err);

/*
 * A secondary call, for tags for example, returned "not found". Only the object's own call determines whether
 * it is deleted, so that is repeated: if the object exists, what the secondary call should return is unknown.
 */
static int read_missing(
    struct reading *r, const struct spec_step *step, const struct err *failure, struct err *err)
{
    struct reading own = {.act = r->act, .wanted = &value_empty_list, .prior = known_so_far(r), .own = true};
    if (act_error_is(&step->call.absent, failure))
        return 0;
    r->act->answers = NULL; /* it may have been deleted since the cached response */
    if (!r->act->after_creation && r->act->type->read.count && read_steps(&own, err))
        return -1;
    r->deleted = own.deleted || !own.live;
    if (r->deleted)
        return 0;
    *err = *failure;
    err->class = ERR_SERVICE;
    return err_context(err, "%.*s", STR_ARG(step->call.op->wire.name));
}

/* The response has no object: deleted, if it is the object's own call. */
static int read_nothing(struct reading *r, const struct spec_step *step, struct err *err)
{
    struct err failure = ERR_INIT;
    r->deleted = r->deleted || !(step->when.wanted.count || r->live);
    if (r->deleted || step->when.wanted.count || step->reply.empty_is_absent)
        return 0;
    err_set(&failure, ERR_ABSENT, "nothing is at %.*s", STR_ARG(step->reply.at));
    return read_missing(r, step, &failure, err);
}

static int read_step(struct reading *r, const struct spec_step *step, struct err *err)
{
    const struct value *object = known_so_far(r), *doc = NULL;
    struct err failure = ERR_INIT;
    bool extra = step->when.wanted.count > 0 || r->live;
    if (!act_applies(r->act, step, object))
        return 0;
    if (read_fetch(r->act, step, object, &doc, &failure)) {
        if (failure.class == ERR_ABSENT && extra)
            return read_missing(r, step, &failure, err);
        if (failure.class != ERR_ABSENT)
            return err_raise(err, &failure);
        r->deleted = true;
        return 0;
    }
    if (!doc)
        return read_nothing(r, step, err);
    if (act_check_types(r->act, step, doc, err) || act_check_subject(r->act, step, object, doc, err))
        return -1;
    if (!r->act->raw)
        r->act->raw = doc;
    r->live = act_decode(r->act, step, doc, r->live);
    op_response(r->act->ctx, doc, act_skips(r->act, &r->act->type->made_by_aws, doc));
    return r->act->ignored ? 0 : act_check_id(r->act, step, object, r->live, err);
}

/* Templates may need values that only the record has, such as a name missing in responses. */
static int fill_templates(struct reading *r, struct err *err)
{
    const struct value *object;
    if (act_fill_templates(r->act, known_so_far(r), &object, err))
        return -1;
    for (size_t i = 0; i < r->act->type->attr_count; i++) {
        const struct spec_attr *attr = &r->act->type->attrs[i];
        const struct value *v = attr->template.n ? value_get(object, attr->attr->name) : NULL;
        if (!value_is_null(v))
            r->live = value_with(r->act->arena, r->live, attr->attr->name, v);
    }
    return 0;
}

/* Determines whether attributes of the object's own response are wanted, and others. */
static void split_wanted(const struct spec_type *type, const struct value *wanted, bool *base, bool *extra)
{
    *base = *extra = false;
    for (size_t i = 0; i < type->attr_count; i++) {
        const struct spec_attr *attr = &type->attrs[i];
        if (attr->readable && act_wants(wanted, attr->attr->name)) {
            bool own = !act_comes_along(type, attr) || act_reads_apart(type, attr->attr->name);
            *base = *base || !own;
            *extra = *extra || own;
        }
    }
}

bool act_read_needs(const struct spec_type *type, const struct spec_step *step, const struct value *wanted)
{
    bool base, extra;
    for (size_t k = 0; k < step->when.wanted.count; k++)
        if (act_wants(wanted, step->when.wanted.items[k]))
            return true;
    split_wanted(type, wanted, &base, &extra);
    return !step->when.wanted.count && (base || !extra);
}

static int read_steps(struct reading *r, struct err *err)
{
    const struct spec_type *type = r->act->type;
    bool base, extra;
    split_wanted(type, r->wanted, &base, &extra);
    for (size_t i = 0; i < type->read.count && !r->deleted && !(r->own && r->live); i++) {
        const struct spec_step *step = &type->read.items[i];
        if (act_read_needs(type, step, r->wanted) && read_step(r, step, err))
            return -1;
    }
    r->deleted = r->deleted || (r->live && act_is_deleted(r->act, r->live));
    r->act->base_read = r->act->base_read || (base && r->live);
    return !r->deleted && r->live && (base || !extra) ? fill_templates(r, err) : 0;
}

static void read_keep(struct reading *r, const struct spec_attr *attr, const struct value *v)
{
    if (value_is_null(v))
        return;
    if (attr->attr->sensitive)
        v = value_mark(r->act->arena, v, VALUE_SENSITIVE);
    r->live = value_with(r->act->arena, r->live, attr->attr->name, v);
}

/* Evaluates the error of such a read: 0 if nothing is set, or the whole resource is deleted. */
static int owned_failed(
    struct reading *r, const struct spec_step *step, const struct err *failure, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    if (r->act->client && unsupported_says(failure) &&
        aws_custom_endpoint(r->act->client, &r->act->type->service->aws, &scratch).n)
        return 0; /* a custom endpoint does not support the call: nothing can be set */
    if (failure->class != ERR_ABSENT) {
        *err = *failure;
        return -1;
    }
    return read_missing(r, step, failure, err);
}

static int read_sub_resource(struct reading *r, const struct spec_owned *owned, struct err *err)
{
    const struct value *doc;
    if (read_fetch(r->act, owned->get, known_so_far(r), &doc, err))
        return -1;
    r->act->raw = r->act->raw ? r->act->raw : doc;
    if (doc)
        read_keep(r, owned->attr, act_decode_attr(r->act, owned->get, owned->attr, doc));
    return 0;
}

static int read_set(struct reading *r, const struct spec_owned *owned, struct err *err)
{
    const struct value *v = NULL, *object = known_so_far(r);
    if (owned->attr->owner == OWNER_MEMBERS ? act_read_members(r->act, owned, object, &v, err)
                                            : act_read_entries(r->act, owned, object, &v, err))
        return -1;
    read_keep(r, owned->attr, v);
    return 0;
}

/* Returns the tags read in bulk before; NULL: none were. */
static const struct value *tags_known(const struct act *act, const struct value *object)
{
    return act->ctx->known_tags ? map_get(act->ctx->known_tags, value_gets(object, "arn")) : NULL;
}

static int read_tags(struct reading *r, const struct spec_owned *tags, struct err *err)
{
    const struct value *all = NULL, *object;
    if (act_fill_templates(r->act, known_so_far(r), &object, err))
        return -1;
    const struct value *known = tags_known(r->act, object);
    if (known)
        all = known;
    else if (act_read_tags(r->act, object, &all, err))
        return -1;
    read_keep(r, tags->attr, r->act->keep_ownership_tags ? all : act_own_tags(r->act, all));
    return 0;
}

static int read_owned(struct reading *r, struct err *err)
{
    const struct spec_type *type = r->act->type;
    for (size_t i = 0; i < type->owned_count && !r->deleted; i++) {
        const struct spec_owned *owned = &type->owned[i];
        const struct spec_step *step = owned->list ? owned->list : owned->get;
        struct err failure = ERR_INIT;
        if (!step || !act_wants(r->wanted, owned->attr->attr->name))
            continue;
        int status = owned == type->tags ? read_tags(r, owned, &failure)
                     : owned->list       ? read_set(r, owned, &failure)
                                         : read_sub_resource(r, owned, &failure);
        if (status && owned_failed(r, step, &failure, err))
            return -1;
    }
    return 0;
}

/* The id may follow from other attributes. */
static int check_named(struct act *act, const struct value *prior, struct err *err)
{
    const struct value *object = prior;
    if (!act_id_asked(act, prior).n && !act->type->schema.is_data &&
        act_fill_templates(act, prior, &object, err))
        return -1;
    return act_check_known(act, object, err);
}

int act_read(struct act *act, const struct value *prior, const struct value *wanted,
    const struct value **live, struct err *err)
{
    prior = act_split(act, act->type->schema.id, prior);
    if (check_named(act, prior, err) ||
        (act->type->schema.is_data && act_fill_templates(act, prior, &prior, err)))
        return -1;
    struct reading r = {.act = act, .wanted = wanted, .prior = prior};
    *live = act->raw = NULL;
    if (read_steps(&r, err) || read_owned(&r, err))
        return -1;
    if (r.deleted)
        return 0;
    const struct value *id = value_get(prior, act->type->schema.id);
    if (id && !value_get(r.live, act->type->schema.id))
        r.live = value_with(act->arena, r.live, act->type->schema.id, id);
    *live = r.live ? r.live : &value_empty_map;
    return 0;
}

const struct value *act_shown(struct act *act, const struct value *object)
{
    for (size_t i = 0; object && i < act->type->attr_count; i++)
        if (act->type->attrs[i].hidden && value_get(object, act->type->attrs[i].attr->name))
            object = value_with(act->arena, object, act->type->attrs[i].attr->name, NULL);
    return object;
}

int spec_read(struct op_ctx *ctx, const struct value *prior, const struct value *wanted,
    const struct value **live, struct err *err)
{
    struct act act = act_of(ctx);
    act.read_only = true;
    act.keep_ownership_tags = op_wants_ownership_tags(ctx);
    if (act_read(&act, prior, wanted, live, err))
        return -1;
    *live = act_shown(&act, act_without_ownership_tags(&act, *live));
    return 0;
}

int spec_console(struct op_ctx *ctx, const struct value *object, struct str *text, struct err *err)
{
    struct act act = act_of(ctx);
    const struct value *document = NULL;
    *text = STR_EMPTY;
    for (size_t i = 0; i < act.type->console.count; i++) {
        const struct spec_step *step = &act.type->console.items[i];
        struct err failure = ERR_INIT;
        if (!act_step(&act, step, object, &document, &failure)) {
            const struct value *v = document ? wire_path(ctx->arena, document, step->reply.at) : NULL;
            if (v && !base64_decode(ctx->arena, value_text(v, STR_EMPTY), text))
                return err_set(err, ERR_PROTOCOL, "what the machine printed is not base64");
            return 0;
        }
        if (i + 1 == act.type->console.count || !act_error_is(&step->call.absent, &failure))
            return err_raise(err, &failure);
    }
    return 0;
}
