/* Decodes responses: finds the object, checks that it is the requested one, and converts its attributes. */
#include "provider/spec/act.h"

bool act_matches(
    struct act *act, const struct spec_step *step, const struct value *item, const struct value *object)
{
    for (size_t i = 0; i < step->reply.match_count; i++) {
        const struct spec_match *match = &step->reply.matches[i];
        struct str have = value_scalar_text(act->arena, wire_path(act->arena, item, match->path));
        struct str want = str_eqz(match->attr, "token")
                              ? act->ctx->owner.token
                              : value_scalar_text(act->arena, value_get(object, match->attr));
        if (!want.n || !str_eq(have, want))
            return false;
    }
    return true;
}

/* ---- checking the id ---- */

/* Returns the id in an item of this step's response; "" if it has none. */
static struct str answered_id(struct act *act, const struct spec_step *step, const struct value *item)
{
    const struct spec_attr *id = spec_attr_find(act->type, act->type->schema.id);
    struct str path;
    if (!id || !act_provides(act->type, step, id, &path))
        return STR_EMPTY;
    const struct value *v = wire_path(act->arena, item, path);
    v = v && v->kind == VALUE_LIST && v->count ? v->items[0] : v;
    return v ? value_scalar_text(act->arena, v) : STR_EMPTY;
}

/* True if `name` is the last part of the ARN; ARNs of secrets have a random suffix after it. */
static bool ends_in(struct str arn, struct str name)
{
    ptrdiff_t at = arn.n > name.n ? str_find(arn, name, 0) : -1;
    for (; at >= 0; at = str_find(arn, name, (size_t)at + 1))
        if (at && (arn.p[at - 1] == '/' || arn.p[at - 1] == ':') && str_starts(arn, STR("arn:")))
            return true;
    return false;
}

static bool same_id(struct str a, struct str b)
{
    return str_ieq(a, b) || ends_in(a, b) || ends_in(b, a);
}

struct str act_id_asked(struct act *act, const struct value *object)
{
    const struct value *v = act->type->schema.id.n ? value_get(object, act->type->schema.id) : NULL;
    return !value_is_null(v) && value_is_known(v) ? value_scalar_text(act->arena, v) : STR_EMPTY;
}

int act_check_known(struct act *act, const struct value *object, struct err *err)
{
    const struct schema *schema = &act->type->schema;
    if (schema->is_data || !schema->id.n || act_id_asked(act, object).n)
        return 0;
    err_set(err, ERR_FAILED, "the state has no %.*s for it, without which weir changes nothing",
        STR_ARG(schema->id));
    return err_hint(err, "look for it at the service; then `weir state rm` it, and import it if it is there");
}

static int another_answered(
    const struct spec_step *step, struct str asked, struct str answered, struct err *err)
{
    err_set(err, ERR_PROTOCOL, "%.*s was called for %.*s, but the response is about %.*s",
        STR_ARG(step->call.op->wire.name), STR_ARG(asked), STR_ARG(answered));
    err->lost = true;
    return -1;
}

/* Checks the attributes that an id consists of, as far as the response has them. */
static int check_parts(struct act *act, const struct spec_step *step, const struct spec_attr *id,
    const struct value *object, const struct value *live, struct err *err)
{
    for (size_t i = 0; i < act->type->attr_count; i++) {
        const struct spec_attr *part = &act->type->attrs[i];
        const struct value *asked = value_get(object, part->attr->name),
                           *have = value_get(live, part->attr->name);
        struct str path;
        if (!spec_template_has(id->template, part->attr->name) || !act_provides(act->type, step, part, &path))
            continue;
        struct str a = value_text(asked, STR_EMPTY), b = value_text(have, STR_EMPTY);
        if (a.n && b.n && !same_id(a, b))
            return another_answered(step, a, b, err);
    }
    return 0;
}

int act_check_id(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value *live, struct err *err)
{
    const struct spec_attr *id = spec_attr_find(act->type, act->type->schema.id);
    if (id && id->template.n && step->call.op && !id->readable)
        return check_parts(act, step, id, object, live, err);
    struct str path, asked = act_id_asked(act, object), have = act_id_asked(act, live);
    if (!id || !step->call.op || !asked.n || !act_provides(act->type, step, id, &path))
        return 0;
    if (have.n)
        return same_id(asked, have) ? 0 : another_answered(step, asked, have, err);
    err_set(err, ERR_PROTOCOL, "the answer to %.*s is incomplete: it has no %.*s",
        STR_ARG(step->call.op->wire.name), STR_ARG(path));
    err->lost = true;
    return -1;
}

int act_check_subject(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value *doc, struct err *err)
{
    struct str id = act_id_asked(act, object);
    struct str asked = str_last_part(id, "/:"); /* a queue's name in its URL or ARN */
    for (size_t i = 0; asked.n && i < step->reply.whose.count; i++) {
        struct str have =
            value_scalar_text(act->arena, wire_path(act->arena, doc, step->reply.whose.items[i]));
        if (have.n && !same_id(asked, have))
            return another_answered(step, asked, have, err);
    }
    return 0;
}

int act_check_named(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value *document, struct err *err)
{
    for (size_t i = 0; i < step->reply.named_count; i++) {
        const struct spec_match *named = &step->reply.named[i];
        const struct value *v = wire_path(act->arena, document, named->path);
        struct str asked = value_text(value_get(object, named->attr), STR_EMPTY);
        if (str_starts(asked, STR("arn:")))
            asked = str_last_part(asked, "/:");
        uint32_t n = !v ? 0 : v->kind == VALUE_LIST ? v->count : 1;
        for (uint32_t k = 0; k < n; k++) {
            struct str have = value_text(v->kind == VALUE_LIST ? v->items[k] : v, STR_EMPTY);
            if (have.n && str_find(have, asked, 0) < 0)
                return another_answered(step, asked, have, err);
        }
    }
    return 0;
}

int act_check_match(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value *items, struct err *err)
{
    if (!step->reply.has_match || !items->count || act_pick(act, step, items, object))
        return 0;
    const struct spec_match *match = &step->reply.matches[0];
    return another_answered(step, value_scalar_text(act->arena, value_get(object, match->attr)),
        value_scalar_text(act->arena, wire_path(act->arena, items->items[0], match->path)), err);
}

/* ---- finding the item in a list ---- */

/* Returns the item with the requested id, or the first without an id. */
static const struct value *pick_by_id(
    struct act *act, const struct spec_step *step, const struct value *items, const struct value *object)
{
    struct str asked = act_id_asked(act, object);
    for (uint32_t i = 0; i < items->count && asked.n; i++) {
        struct str have = answered_id(act, step, items->items[i]);
        if (!have.n || same_id(have, asked))
            return items->items[i];
    }
    return items->count ? items->items[0] : NULL; /* belongs to another resource: act_check_id() reports it */
}

/* Returns the last item by the strings at the path; of ISO times this is the latest. */
static const struct value *pick_newest(
    struct act *act, const struct spec_step *step, const struct value *items)
{
    const struct value *found = NULL;
    struct str latest = STR_EMPTY;
    for (uint32_t i = 0; i < items->count; i++) {
        struct str at =
            value_scalar_text(act->arena, wire_path(act->arena, items->items[i], step->reply.newest));
        if (!found || str_cmp(at, latest) > 0) {
            found = items->items[i];
            latest = at;
        }
    }
    return found;
}

const struct value *act_pick(
    struct act *act, const struct spec_step *step, const struct value *items, const struct value *object)
{
    if (step->reply.newest.n)
        return pick_newest(act, step, items);
    if (!step->reply.match_count)
        return pick_by_id(act, step, items, object);
    for (uint32_t i = 0; i < items->count; i++)
        if (act_matches(act, step, items->items[i], object))
            return items->items[i];
    return NULL;
}

const struct value *act_at(
    struct act *act, const struct spec_step *step, const struct value *document, const struct value *object)
{
    const struct value *found = step->reply.at.n ? wire_path(act->arena, document, step->reply.at) : document;
    bool nothing = found && found->kind == VALUE_MAP && !found->count && step->reply.empty_is_absent;
    if (value_is_null(found) || nothing)
        return NULL;
    return found->kind == VALUE_LIST ? act_pick(act, step, found, object) : found;
}

/* ---- decoding attributes ---- */

const struct value *act_own_tags(const struct act *act, const struct value *tags)
{
    if (!tags || tags->kind != VALUE_MAP)
        return tags;
    AUTO_BUILDER struct value_builder own = VALUE_BUILDER(act->arena);
    for (uint32_t i = 0; i < tags->count; i++)
        if (!provider_leaves_tag(act->ctx->provider, tags->entries[i].key))
            value_builder_set(&own, tags->entries[i].key, tags->entries[i].value);
    return value_builder_map(&own);
}

static struct str path_in(const struct spec_step *step, const struct spec_attr *attr, bool *special)
{
    for (size_t i = 0; i < step->reply.answer_count; i++)
        if (str_eq(step->reply.answers[i].attr, attr->attr->name)) {
            *special = true;
            return step->reply.answers[i].path;
        }
    *special = false;
    return attr->read;
}

/* Returns the keys of tags whose items have the flag. */
static const struct value *decode_flagged(
    struct act *act, const struct spec_step *step, const struct value *doc)
{
    const struct spec_owned *tags = act->type->tags;
    const struct value *items = wire_path(act->arena, doc, act_answer_path(step, tags->attr));
    return items ? spec_tags_flagged(act->arena, tags, wire_coerce(act->arena, tags->shape, items)) : NULL;
}

/* Fills missing members of a structure from older locations in the response. */
static const struct value *with_older(
    struct act *act, const struct spec_attr *attr, const struct value *doc, const struct value *v)
{
    for (uint32_t i = 0; v && v->kind == VALUE_MAP && attr->older && i < attr->older->count; i++) {
        struct str member = attr->older->entries[i].key;
        struct str path = value_text(attr->older->entries[i].value, STR_EMPTY);
        const struct value *once = wire_path(act->arena, doc, path);
        if (value_is_null(value_get(v, member)) && !value_is_null(once))
            v = value_with(act->arena, v, member, once);
    }
    return v;
}

const struct value *act_decode_attr(
    struct act *act, const struct spec_step *step, const struct spec_attr *attr, const struct value *doc)
{
    bool special;
    struct str path = path_in(step, attr, &special);
    if (act->type->tags && attr == act->type->tags->flag)
        return decode_flagged(act, step, doc);
    const struct value *v = wire_path(act->arena, doc, path);
    if (value_is_null(v))
        return NULL;
    if (attr->owner == OWNER_ENTRIES && !spec_owned_of(act->type, attr)->mapped)
        return act_entries_of(act, spec_owned_of(act->type, attr), v);
    enum type_kind kind = attr->attr->type->kind;
    bool single = kind == TYPE_OBJECT || (kind < TYPE_JSON && kind != TYPE_ANY);
    if (v->kind == VALUE_LIST && single)
        v = v->count ? v->items[0] : NULL; /* a single value that the response has as a list of one */
    v = with_older(act, attr, doc, v);
    v = v ? wire_coerce(act->arena, attr->answer, v) : NULL;
    if (v && str_eqz(path, ".") && v->kind == VALUE_MAP && !v->count)
        return NULL;
    if (v && attr->owner == OWNER_TAGS && !act->keep_ownership_tags)
        v = act_own_tags(act, v);
    return v && attr->attr->sensitive ? value_mark(act->arena, v, VALUE_SENSITIVE) : v;
}

bool act_comes_along(const struct spec_type *type, const struct spec_attr *attr)
{
    const struct spec_owned *owned = spec_owned_of(type, attr);
    if (owned)
        return !owned->list && !owned->get;
    return attr->owner != OWNER_TAGS || !type->tags->list; /* a flag is returned with the tags */
}

bool act_reads_apart(const struct spec_type *type, struct str name)
{
    for (size_t i = 0; i < type->read.count; i++)
        if (spec_names_have(&type->read.items[i].when.wanted, name))
            return true;
    return false;
}

struct str act_answer_path(const struct spec_step *step, const struct spec_attr *attr)
{
    bool special;
    return path_in(step, attr, &special);
}

bool act_provides(const struct spec_type *type, const struct spec_step *step, const struct spec_attr *attr,
    struct str *path)
{
    bool special;
    *path = path_in(step, attr, &special);
    if (special)
        return true;
    if (!attr->readable || step->reply.sparse)
        return false;
    if (step->when.wanted.count)
        return spec_names_have(&step->when.wanted, attr->attr->name);
    if (step->list.covers.count)
        return spec_names_have(&step->list.covers, attr->attr->name);
    return act_comes_along(type, attr) && !act_reads_apart(type, attr->attr->name);
}

struct str act_pending_name(const struct spec_attr *attr)
{
    struct str name = attr->read;
    for (ptrdiff_t dot; (dot = str_find_char(name, '.', 0)) >= 0;)
        name = str_slice(name, (size_t)dot + 1, name.n);
    return name;
}

/* Pending changes count as made; the list of their names is for people. */
static const struct value *with_pending(struct act *act, const struct value *doc, const struct value *live)
{
    const struct value *values = wire_path(act->arena, doc, act->type->pending_at);
    AUTO_BUILDER struct value_builder names = VALUE_BUILDER(act->arena);
    for (size_t i = 0; values && values->kind == VALUE_MAP && i < act->type->attr_count; i++) {
        const struct spec_attr *attr = &act->type->attrs[i];
        const struct value *v = value_get(values, act_pending_name(attr));
        if (value_is_null(v))
            continue;
        value_builder_add(&names, value_string_ref(act->arena, attr->attr->name));
        if (attr->readable)
            live = value_with(act->arena, live, attr->attr->name, wire_coerce(act->arena, attr->answer, v));
    }
    return value_with(act->arena, live, act->type->schema.pending, value_builder_list(&names));
}

const struct value *act_decode(
    struct act *act, const struct spec_step *step, const struct value *doc, const struct value *live)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(act->arena);
    for (size_t i = 0; i < act->type->attr_count; i++) {
        const struct spec_attr *attr = &act->type->attrs[i];
        struct str path;
        if (!act_provides(act->type, step, attr, &path))
            continue;
        const struct value *v = act_decode_attr(act, step, attr, doc);
        if (!value_is_null(v))
            value_builder_set(&b, attr->attr->name, v);
    }
    live = value_merge(act->arena, live, value_builder_map(&b));
    bool whole = act->type->pending_at.n && !step->reply.sparse && !step->when.wanted.count;
    return whole ? with_pending(act, doc, live) : live;
}
