/* Reading one object: its own answer, then whatever of the rest is wanted. */
#include "base/map.h"
#include "base/mem.h"
#include "provider/aws/lacking.h"
#include "provider/aws/place.h"
#include "provider/spec/act.h"

bool act_wants(const struct value *wanted, struct str name)
{
    return !wanted || value_list_has(wanted, name);
}

static bool names_have(const struct spec_names *names, struct str name)
{
    for (size_t i = 0; i < names->count; i++)
        if (str_eq(names->items[i], name))
            return true;
    return false;
}

/* ---- answers ---- */

bool act_matches(
    struct act *act, const struct spec_step *step, const struct value *item, const struct value *object)
{
    if (!step->reply.match_path.n)
        return true;
    struct str have = value_scalar_text(act->arena, wire_path(act->arena, item, step->reply.match_path));
    struct str want = str_eqz(step->reply.match_attr, "token")
                          ? act->ctx->owner.token
                          : value_scalar_text(act->arena, value_get(object, step->reply.match_attr));
    return want.n && str_eq(have, want);
}

/* The id that an answer of this step has at its place; "" where it has none there. */
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

/* One may be the ARN of which the other is the last part, which secrets follow with a few letters. */
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

static struct str id_asked(struct act *act, const struct value *object)
{
    const struct value *v = act->type->schema.id.n ? value_get(object, act->type->schema.id) : NULL;
    return !value_is_null(v) && value_is_known(v) ? value_scalar_text(act->arena, v) : STR_EMPTY;
}

int act_check_known(struct act *act, const struct value *object, struct err *err)
{
    const struct schema *schema = &act->type->schema;
    if (schema->is_data || !schema->id.n || id_asked(act, object).n)
        return 0;
    err_set(err, ERR_FAILED, "the state has no %.*s for it, and nothing is done to what is not named",
        STR_ARG(schema->id));
    return err_hint(err, "look for it at the service; then `weir state rm` it, and import it if it is there");
}

int act_check_id(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value *live, struct err *err)
{
    const struct spec_attr *id = spec_attr_find(act->type, act->type->schema.id);
    struct str path, asked = id_asked(act, object), have = id_asked(act, live);
    if (!id || !step->call.op || !asked.n || !act_provides(act->type, step, id, &path))
        return 0;
    if (!have.n)
        err_set(err, ERR_PROTOCOL, "the answer to %.*s is not whole: it has no %.*s",
            STR_ARG(step->call.op->wire.name), STR_ARG(path));
    else if (!same_id(asked, have))
        err_set(err, ERR_PROTOCOL, "%.*s was asked about %.*s, and answers about %.*s",
            STR_ARG(step->call.op->wire.name), STR_ARG(asked), STR_ARG(have));
    else
        return 0;
    err->lost = true;
    return -1;
}

/* Of what was asked for by its id no other is taken, and of what says no id the first. */
static const struct value *pick_by_id(
    struct act *act, const struct spec_step *step, const struct value *items, const struct value *object)
{
    struct str asked = id_asked(act, object);
    for (uint32_t i = 0; i < items->count && asked.n; i++) {
        struct str have = answered_id(act, step, items->items[i]);
        if (!have.n || same_id(have, asked))
            return items->items[i];
    }
    return items->count ? items->items[0] : NULL; /* another one's, as act_check_id() will say */
}

/* The last one by what the path has, in the order of texts: of times in ISO's form the latest. */
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

/* The item of a list that `match` means, or the first one; NULL where there is none. */
static const struct value *act_pick(
    struct act *act, const struct spec_step *step, const struct value *items, const struct value *object)
{
    if (step->reply.newest.n)
        return pick_newest(act, step, items);
    if (!step->reply.match_path.n)
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

/* "aws:" and "weir:" keys belong to others. */
const struct value *act_own_tags(struct arena *arena, const struct value *tags)
{
    if (!tags || tags->kind != VALUE_MAP)
        return tags;
    AUTO_BUILDER struct value_builder own = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < tags->count; i++)
        if (!str_starts(tags->entries[i].key, STR("aws:")) && !str_starts(tags->entries[i].key, STR("weir:")))
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

/* The keys of tags that have the flag, which lies in their items. */
static const struct value *decode_flagged(
    struct act *act, const struct spec_step *step, const struct value *doc)
{
    const struct spec_tags *tags = act->type->tags;
    const struct value *items = wire_path(act->arena, doc, act_answer_path(step, tags->attr));
    return items ? spec_tags_flagged(act->arena, tags, wire_coerce(act->arena, tags->shape, items)) : NULL;
}

static const struct value *decode_attr(
    struct act *act, const struct spec_step *step, const struct spec_attr *attr, const struct value *doc)
{
    bool special;
    struct str path = path_in(step, attr, &special);
    if (act->type->tags && attr == act->type->tags->flag)
        return decode_flagged(act, step, doc);
    const struct value *v = wire_path(act->arena, doc, path);
    if (value_is_null(v))
        return NULL;
    if (attr->owner == OWNER_ENTRIES && !spec_entries_of(act->type, attr)->mapped)
        return act_entries_of(act, spec_entries_of(act->type, attr), v);
    enum type_kind kind = attr->attr->type->kind;
    bool single = kind == TYPE_OBJECT || (kind < TYPE_JSON && kind != TYPE_ANY);
    if (v->kind == VALUE_LIST && single)
        v = v->count ? v->items[0] : NULL; /* a single value that an answer has as a list of one */
    v = v ? wire_coerce(act->arena, attr->answer, v) : NULL;
    if (v && str_eqz(path, ".") && v->kind == VALUE_MAP && !v->count)
        return NULL;
    if (v && attr->owner == OWNER_TAGS && !act->keep_marks)
        v = act_own_tags(act->arena, v);
    return v && attr->attr->sensitive ? value_mark(act->arena, v, VALUE_SENSITIVE) : v;
}

/* Does an attribute that has calls of its own come with the object's answer nevertheless? */
static bool comes_along(const struct spec_type *type, const struct spec_attr *attr)
{
    for (size_t i = 0; i < type->facet_count; i++)
        if (type->facets[i].attr == attr)
            return !type->facets[i].get;
    for (size_t i = 0; i < type->member_count; i++)
        if (type->members[i].attr == attr)
            return !type->members[i].list;
    for (size_t i = 0; i < type->entries_count; i++)
        if (type->entries[i].attr == attr)
            return !type->entries[i].list;
    return attr->owner != OWNER_TAGS || !type->tags->list;
}

bool act_reads_apart(const struct spec_type *type, struct str name)
{
    for (size_t i = 0; i < type->read.count; i++)
        if (names_have(&type->read.items[i].when.wanted, name))
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
        return names_have(&step->when.wanted, attr->attr->name);
    if (step->list.covers.count)
        return names_have(&step->list.covers, attr->attr->name);
    return comes_along(type, attr) && !act_reads_apart(type, attr->attr->name);
}

struct str act_pending_name(const struct spec_attr *attr)
{
    struct str name = attr->read;
    for (ptrdiff_t dot; (dot = str_find_char(name, '.', 0)) >= 0;)
        name = str_slice(name, (size_t)dot + 1, name.n);
    return name;
}

/* What the service has taken but not made yet is as good as made; the list of it tells people. */
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
        const struct value *v = decode_attr(act, step, attr, doc);
        if (!value_is_null(v))
            value_builder_set(&b, attr->attr->name, v);
    }
    live = value_merge(act->arena, live, value_builder_map(&b));
    bool whole = act->type->pending_at.n && !step->reply.sparse && !step->when.wanted.count;
    return whole ? with_pending(act, doc, live) : live;
}

/* ---- steps ---- */

bool act_is_gone(struct act *act, const struct value *live)
{
    return (!act->sees_gone && act_holds_any(act, &act->type->gone, live)) ||
           (!act->sees_gone && !act->sees_going && act_holds_any(act, &act->type->going, live));
}

struct reading {
    struct act *act;
    const struct value *wanted, *prior;
    const struct value *live; /* so far; NULL: nothing yet */
    bool gone;
};

static const struct value *known_so_far(const struct reading *r)
{
    return value_merge(r->act->arena, r->prior, r->live);
}

/* What is asked for by how it looks has to be one thing: the first of several would be another one tomorrow.
 */
static int check_single(
    struct act *act, const struct spec_step *step, const struct value *items, struct err *err)
{
    bool picked = step->reply.newest.n || step->reply.match_path.n || !act->type->schema.is_data;
    if (picked || !items || items->kind != VALUE_LIST || items->count < 2)
        return 0;
    err_set(err, ERR_INVALID, "%u of them fit", items->count);
    return err_hint(err, "say more about the one that is meant, its id for one");
}

/* The object in this step's answer; *doc NULL where the service has nothing. */
static int read_fetch(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value **doc, struct err *err)
{
    const struct value *document;
    *doc = NULL;
    if (step->reply.match_path.n) {
        if (act_list(act, step, object, NULL, &document, err))
            return -1;
        *doc = act_pick(act, step, document, object);
        return 0;
    }
    if (act_step(act, step, object, &document, err))
        return -1;
    const struct value *items =
        document && step->reply.at.n ? wire_path(act->arena, document, step->reply.at) : NULL;
    if (check_single(act, step, items, err))
        return -1;
    *doc = document ? act_at(act, step, document, object) : NULL;
    return 0;
}

static int read_step(struct reading *r, const struct spec_step *step, struct err *err)
{
    const struct value *object = known_so_far(r), *doc = NULL;
    struct err failure = ERR_INIT;
    bool extra = step->when.wanted.count > 0;
    if (!act_applies(r->act, step, object))
        return 0;
    if (read_fetch(r->act, step, object, &doc, &failure)) {
        if (failure.class != ERR_ABSENT) {
            *err = failure;
            return -1;
        }
        r->gone = r->gone || !extra || !act_error_is(&step->call.absent, &failure);
        return 0;
    }
    if (!doc) {
        r->gone = r->gone || !extra;
        return 0;
    }
    r->live = act_decode(r->act, step, doc, r->live);
    return r->act->ignored ? 0 : act_check_id(r->act, step, object, r->live, err);
}

/* Templates may need what only the record has, such as a name that no answer repeats. */
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

/* Is any of these wanted that come with the object's own answer, and any that do not? */
static void split_wanted(const struct spec_type *type, const struct value *wanted, bool *base, bool *extra)
{
    *base = *extra = false;
    for (size_t i = 0; i < type->attr_count; i++) {
        const struct spec_attr *attr = &type->attrs[i];
        if (attr->readable && act_wants(wanted, attr->attr->name)) {
            bool own = !comes_along(type, attr) || act_reads_apart(type, attr->attr->name);
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
    for (size_t i = 0; i < type->read.count && !r->gone; i++) {
        const struct spec_step *step = &type->read.items[i];
        if (act_read_needs(type, step, r->wanted) && read_step(r, step, err))
            return -1;
    }
    r->gone = r->gone || (r->live && act_is_gone(r->act, r->live));
    r->act->base_read = r->act->base_read || (base && r->live);
    return !r->gone && r->live && (base || !extra) ? fill_templates(r, err) : 0;
}

static void read_keep(struct reading *r, const struct spec_attr *attr, const struct value *v)
{
    if (value_is_null(v))
        return;
    if (attr->attr->sensitive)
        v = value_mark(r->act->arena, v, VALUE_SENSITIVE);
    r->live = value_with(r->act->arena, r->live, attr->attr->name, v);
}

/* What a failed read of a facet means: 0 nothing is set, or the whole thing is gone. */
static int facet_failed(
    struct reading *r, const struct spec_step *step, const struct err *failure, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    if (r->act->client && lacking_says(failure) &&
        aws_custom_endpoint(r->act->client, &r->act->type->service->aws, &scratch).n)
        return 0; /* a store of one's own that does not know it: nothing of the kind can be set */
    if (failure->class != ERR_ABSENT) {
        *err = *failure;
        return -1;
    }
    r->gone = r->gone || !act_error_is(&step->call.absent, failure);
    return 0;
}

static int read_facets(struct reading *r, struct err *err)
{
    const struct spec_type *type = r->act->type;
    for (size_t i = 0; i < type->facet_count && !r->gone; i++) {
        const struct spec_facet *facet = &type->facets[i];
        if (!facet->get || !act_wants(r->wanted, facet->attr->attr->name))
            continue;
        const struct value *doc, *object = known_so_far(r);
        struct err failure = ERR_INIT;
        if (read_fetch(r->act, facet->get, object, &doc, &failure)) {
            if (facet_failed(r, facet->get, &failure, err))
                return -1;
        } else if (doc) {
            read_keep(r, facet->attr, decode_attr(r->act, facet->get, facet->attr, doc));
        }
    }
    return 0;
}

static int read_sets(struct reading *r, struct err *err)
{
    struct act *act = r->act;
    const struct spec_type *type = act->type;
    struct err failure = ERR_INIT;
    for (size_t i = 0; i < type->member_count && !r->gone; i++) {
        const struct spec_members *m = &type->members[i];
        const struct value *v = NULL;
        if (!m->list || !act_wants(r->wanted, m->attr->attr->name))
            continue;
        if (act_read_members(act, m, known_so_far(r), &v, &failure)) {
            if (facet_failed(r, m->list, &failure, err))
                return -1;
        }
        read_keep(r, m->attr, v);
    }
    for (size_t i = 0; i < type->entries_count && !r->gone; i++) {
        const struct spec_entries *e = &type->entries[i];
        const struct value *v = NULL;
        if (!e->list || !act_wants(r->wanted, e->attr->attr->name))
            continue;
        if (act_read_entries(act, e, known_so_far(r), &v, &failure)) {
            if (facet_failed(r, e->list, &failure, err))
                return -1;
        }
        read_keep(r, e->attr, v);
    }
    return 0;
}

/* Asked for before, with those of others; NULL: not. */
static const struct value *tags_known(const struct act *act, const struct value *object)
{
    return act->ctx->known_tags ? map_get(act->ctx->known_tags, value_gets(object, "arn")) : NULL;
}

static int read_tags(struct reading *r, struct err *err)
{
    const struct spec_tags *tags = r->act->type->tags;
    if (!tags || !tags->list || r->gone || !act_wants(r->wanted, tags->attr->attr->name))
        return 0;
    const struct value *all = NULL, *object;
    struct err failure = ERR_INIT;
    if (act_fill_templates(r->act, known_so_far(r), &object, err))
        return -1;
    const struct value *known = tags_known(r->act, object);
    if (known)
        all = known;
    else if (act_read_tags(r->act, object, &all, &failure))
        return facet_failed(r, tags->list, &failure, err);
    read_keep(r, tags->attr, r->act->keep_marks ? all : act_own_tags(r->act->arena, all));
    return 0;
}

/* The id may follow from others. */
static int check_named(struct act *act, const struct value *prior, struct err *err)
{
    const struct value *object = prior;
    if (!id_asked(act, prior).n && !act->type->schema.is_data && act_fill_templates(act, prior, &object, err))
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
    *live = NULL;
    if (read_steps(&r, err) || read_facets(&r, err) || read_sets(&r, err) || read_tags(&r, err))
        return -1;
    if (r.gone)
        return 0;
    const struct value *id = value_get(prior, act->type->schema.id);
    if (id && !value_get(r.live, act->type->schema.id))
        r.live = value_with(act->arena, r.live, act->type->schema.id, id);
    *live = r.live ? r.live : &value_empty_map;
    return 0;
}

/* Without what only conditions look at. */
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
    struct act act;
    act_init(&act, ctx);
    act.asks = true;
    act.keep_marks = op_tells_marks(ctx);
    if (act_read(&act, prior, wanted, live, err))
        return -1;
    *live = act_shown(&act, act_without_marks(&act, *live));
    return 0;
}
