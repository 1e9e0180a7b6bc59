/*
 * Lists identities, and recovers resources whose create response was lost, in an interrupted run or this one
 * (struct spec_recover).
 */
#include "base/clock.h"
#include "provider/spec/act.h"

/* ---- The resources of a type, by identity only ---- */

static struct spec_names needs_of(const struct spec_step *step)
{
    return step->list.per.count ? step->list.per : step->call.request.attrs;
}

/* True if an item of this listing has its id, or what the id consists of. */
static bool names_items(const struct spec_type *type, const struct spec_step *step)
{
    const struct spec_attr *id = spec_attr_find(type, type->schema.id);
    const struct spec_attr *arn = spec_attr_find(type, STR("arn"));
    struct str path;
    return !id || id->template.n || act_provides(type, step, id, &path) ||
           (arn && act_provides(type, step, arn, &path));
}

const struct spec_step *spec_ids_step(const struct spec_type *type, struct spec_names *needs)
{
    const struct spec_step *own = type->list.count ? &type->list.items[0] : NULL, *other = NULL;
    const struct spec_step *find =
        type->find && type->find->call.request.attrs.count && !type->find->call.request.extra_count
            ? type->find
            : NULL;
    for (size_t i = 0; i < type->also_count && !other; i++)
        if (str_eqz(type->also[i].as, "list") && names_items(type, type->also[i].step))
            other = type->also[i].step;
    own = own && own->list.of ? NULL : own;
    *needs = (struct spec_names){NULL, 0};
    if (own && !own->list.per.count)
        return own;
    if (other && !needs_of(other).count)
        return other;
    own = own ? own : other ? other : find;
    if (own)
        *needs = needs_of(own);
    return own;
}

/* Returns the object of an item, by its attributes or its ARN. */
static int ids_object(
    struct op_ctx *ctx, struct act *act, const struct value *live, const struct value **out, struct err *err)
{
    const struct value *named = NULL;
    struct str arn = value_gets(live, "arn");
    if (act_fill_templates(act, live, out, err))
        return -1;
    if (value_gets(*out, act->type->schema.id.p).n || !arn.n)
        return 0;
    if (spec_by_arn(ctx, arn, &named, err))
        return -1;
    if (!named && spec_attr_find(act->type, STR("name"))) /* of an earlier form of ARN, with the name only */
        named = value_with(act->arena, NULL, STR("name"), value_string(act->arena, str_last_part(arn, "/:")));
    return named ? act_fill_templates(act, value_merge(act->arena, live, named), out, err) : 0;
}

static int ids_within(struct op_ctx *ctx, struct act *act, const struct value *prior, resource_found *found,
    void *found_ctx, struct err *err)
{
    struct spec_names needs;
    const struct spec_step *step = spec_ids_step(act->type, &needs);
    const struct value *items, *live;
    struct err failure = ERR_INIT;
    if (act_list(act, step, prior, NULL, &items, &failure)) {
        if (prior && failure.class == ERR_ABSENT)
            return 0;
        return err_raise(err, &failure);
    }
    for (uint32_t i = 0; i < items->count; i++) {
        if (ids_object(ctx, act, act_decode(act, step, items->items[i], prior), &live, err))
            return -1;
        if (!act_is_deleted(act, live))
            found(found_ctx, act_shown(act, act_without_ownership_tags(act, live)));
    }
    return 0;
}

int spec_ids(struct op_ctx *ctx, const struct list_filter *filter, resource_found *found, void *found_ctx,
    struct err *err)
{
    struct act act = act_of(ctx);
    struct spec_names needs;
    act.read_only = true;
    if (!spec_ids_step(act.type, &needs))
        return 0;
    if (!needs.count)
        return ids_within(ctx, &act, NULL, found, found_ctx, err);
    for (size_t i = 0; i < filter->count; i++)
        if (ids_within(ctx, &act, filter->priors[i], found, found_ctx, err))
            return -1;
    return 0;
}

enum {
    CLOCKS_DIFFER_MS = 10 * 1000, /* between the service's machines and its Date header */
    FIRST_PAUSE_MS = 250,
    PAUSE_MS = 2000,
};

struct finding {
    struct act *act;
    const struct value *desired; /* completed by its templates */
    const struct value *live;    /* found; NULL: not yet */
    bool anybodys;               /* looks for a resource of the same name, whatever its owner */
};

/* ---- checking whether this intent created it ---- */

/* By ownership tags: of this request, or an earlier one for the same resource of the same stack. */
static bool is_tagged_so(const struct act *act, const struct value *tags)
{
    const struct op_ctx *ctx = act->ctx;
    struct str state = value_gets(tags, "weir:state");
    if (str_eq(value_gets(tags, "weir:intent"), ctx->owner.token))
        return true;
    return act->type->recover.way == RECOVER_NAME &&
           str_eq(value_gets(tags, "weir:stack"), ctx->owner.stack) &&
           (!state.n || !ctx->owner.lineage.n || str_eq(state, ctx->owner.lineage)) &&
           str_eq(value_gets(tags, "weir:address"),
               value_text(act_tag_text(act->arena, ctx->address), STR_EMPTY));
}

/* Returns whether a call of the creation sends the attribute; `first`: the first call, which creates the
 * resource. */
static bool find_sends(const struct spec_type *type, struct str name, bool first)
{
    const struct spec_step *steps = type->create.items;
    for (size_t i = 0; i < type->create.count; i++)
        if ((!first || steps[i].call.op == steps[0].call.op) &&
            spec_names_have(&steps[i].call.request.attrs, name))
            return true;
    return false;
}

/* By content: all attributes that the service returns are as sent, or as before where a later call sends
 * them. */
static bool is_as_sent(const struct act *act, const struct value *desired, const struct value *live)
{
    for (size_t i = 0; i < act->type->attr_count; i++) {
        const struct spec_attr *attr = &act->type->attrs[i];
        const struct value *want = value_get(desired, attr->attr->name),
                           *have = value_get(live, attr->attr->name);
        bool compared = attr->readable && attr->attr->settable && !attr->attr->local && !attr->attr->shared &&
                        !attr->attr->write_only && attr->owner != OWNER_TAGS &&
                        find_sends(act->type, attr->attr->name, false);
        if (!compared || value_is_null(want) || value_is_null(have) || !value_is_known(want) ||
            value_is_sensitive(want))
            continue;
        const struct value *before =
            find_sends(act->type, attr->attr->name, true) ? NULL : attr->attr->default_value;
        if (!attr_equal(attr->attr, want, have) && !(before && attr_equal(attr->attr, before, have)))
            return false;
    }
    return true;
}

static bool is_ours(const struct finding *f, const struct value *live)
{
    const struct spec_type *type = f->act->type;
    const struct value *tags = type->tags ? value_get(live, type->tags->attr->attr->name) : NULL;
    bool tagged = value_gets(tags, "weir:intent").n > 0;
    switch (type->recover.way) {
    case RECOVER_TAGS: return is_tagged_so(f->act, tags);
    case RECOVER_NAME: return tagged ? is_tagged_so(f->act, tags) : is_as_sent(f->act, f->desired, live);
    case RECOVER_CONTENT: break; /* the content was compared already; the claim decides */
    case RECOVER_TOKEN:
    case RECOVER_NEVER: return false;
    }
    return attempt_claims(f->act->attempt, value_text(value_get(live, type->schema.id), STR_EMPTY));
}

/* ---- candidates ---- */

static int find_consider(struct finding *f, const struct value *candidate, struct err *err)
{
    struct act *act = f->act;
    const struct value *object = value_merge(act->arena, f->desired, candidate), *live;
    if (f->anybodys) {
        f->live = candidate;
        return 0;
    }
    act->keep_ownership_tags = true;
    int status = act_read(act, object, NULL, &live, err);
    act->keep_ownership_tags = false;
    if (status || !live || !is_ours(f, live))
        return status;
    const struct spec_owned *tags = act->type->tags;
    const struct value *all = tags ? value_get(live, tags->attr->attr->name) : NULL;
    f->live = all ? value_with(act->arena, live, tags->attr->attr->name, act_own_tags(act, all)) : live;
    return 0;
}

/* ---- searching ---- */

static const struct value *value_or_default(
    const struct spec_type *type, const struct value *object, struct str name)
{
    const struct value *v = value_get(object, name);
    const struct spec_attr *attr = spec_attr_find(type, name);
    return value_is_empty(v) ? attr ? attr->attr->default_value : NULL : v;
}

static bool looks_alike(const struct finding *f, const struct value *candidate)
{
    const struct spec_type *type = f->act->type;
    bool same = !act_is_deleted(f->act, candidate);
    for (size_t i = 0; i < type->find_by.count && same; i++)
        same = value_equal(value_or_default(type, candidate, type->find_by.items[i]),
            value_or_default(type, f->desired, type->find_by.items[i]));
    return same;
}

/* True if the resource was created before the interrupted run. By the service's clock, which ours may differ
 * from by hours. */
static bool is_older(const struct finding *f, const struct value *item)
{
    static const struct shape time = {.kind = SHAPE_TIMESTAMP};
    struct str path = f->act->type->find_since;
    const struct value *made = path.n ? wire_path(f->act->arena, item, path) : NULL;
    made = made ? wire_coerce(f->act->arena, &time, made) : NULL;
    int64_t made_ms;
    int64_t ahead_ms = f->act->client ? aws_clock_ahead_ms(f->act->client) : 0;
    int64_t since_ms = f->act->attempt->since_ms + ahead_ms;
    return time_parse_rfc3339(value_text(made, STR_EMPTY), &made_ms) && made_ms < since_ms - CLOCKS_DIFFER_MS;
}

static int consider_items(
    struct finding *f, const struct spec_step *step, const struct value *items, bool *older, struct err *err)
{
    struct act *act = f->act;
    for (uint32_t i = 0; i < items->count && !f->live; i++) {
        const struct value *item = items->items[i], *candidate;
        *older = is_older(f, item);
        if (*older || act_skips(act, &step->list.skip, item) || !act_matches(act, step, item, f->desired))
            continue;
        candidate = act_decode(act, step, item, NULL);
        if (looks_alike(f, candidate) && find_consider(f, candidate, err))
            return -1;
    }
    return 0;
}

/* Reads page by page; if items are sorted by time, the latest first, an item that is too old ends the
 * search. */
static int consider_listed(struct finding *f, const struct spec_step *step, struct err *err)
{
    AUTO_PAGES struct pages pages = PAGES_INIT;
    const struct value *token = NULL, *next, *items;
    bool older = false;
    do {
        if (act_page_items(f->act, step, f->desired, token, &next, &items, err) ||
            consider_items(f, step, items, &older, err))
            return -1;
        if (!f->live && !older && next && pages_next_value(&pages, step->call.op->wire.name, next, err))
            return -1;
        token = next;
    } while (!f->live && !older && token);
    return 0;
}

/* Finds resources with this intent's ownership tag, with the attributes of their ARNs. */
static int consider_tagged(struct finding *f, struct err *err)
{
    struct act *act = f->act;
    AUTO_MAP struct map by_arn = MAP_INIT;
    if (act_tagged(act, aws_tag_filter(act->arena, "weir:intent", act->ctx->owner.token), &by_arn, err))
        return -1;
    for (size_t i = 0; i < by_arn.n && !f->live; i++) {
        const struct value *arn = value_string(act->arena, by_arn.items[i].key);
        const struct value *object =
            act_split(act, STR("arn"), value_with(act->arena, f->desired, STR("arn"), arn));
        if (!value_is_null(value_get(object, act->type->schema.id)) && find_consider(f, object, err))
            return -1;
    }
    return 0;
}

/* Returns the first listing of the type, if it lists all resources. */
static const struct spec_step *whole_listing(const struct spec_type *type)
{
    const struct spec_step *step = type->list.count ? &type->list.items[0] : NULL;
    return step && !step->list.per.count && !step->list.of ? step : NULL;
}

static int find_once(struct finding *f, struct err *err)
{
    const struct spec_type *type = f->act->type;
    const struct value *id = value_get(f->desired, type->schema.id);
    struct err failure = ERR_INIT;
    int status = 0;
    if (!value_is_null(id) && value_is_known(id))
        status = find_consider(f, f->desired, &failure);
    else if (type->find)
        status = consider_listed(f, type->find, &failure);
    else if (type->find_by.count && whole_listing(type))
        status = consider_listed(f, whole_listing(type), &failure);
    else if (type->tags && type->tags->bulk.n && type->tags->ownership)
        status = consider_tagged(f, &failure);
    if (!status || failure.class == ERR_ABSENT)
        return 0;
    return err_raise(err, &failure);
}

int act_find(struct act *act, const struct value *desired, int64_t until_ms, const struct value **live,
    struct err *err)
{
    struct finding f = {.act = act};
    int64_t pause = FIRST_PAUSE_MS;
    *live = NULL;
    if (act->type->recover.way == RECOVER_TOKEN || act->type->recover.way == RECOVER_NEVER)
        return 0;
    if (act_fill_templates(act, desired, &f.desired, err))
        return -1;
    for (;;) {
        bool last = clock_mono_ms() >= until_ms; /* checked before the lookup, which takes time */
        if (find_once(&f, err))
            return -1;
        if (f.live || last)
            break;
        int64_t left = until_ms - clock_mono_ms();
        if (cancel_sleep_ms(act->ctx->cancel, pause < left ? pause : left, err))
            return -1;
        pause = pause < PAUSE_MS ? pause * 2 : pause;
    }
    *live = f.live;
    return 0;
}

int act_is_taken(struct act *act, const struct value *desired, bool *taken, struct err *err)
{
    struct finding f = {.act = act, .anybodys = true};
    if (act_fill_templates(act, desired, &f.desired, err))
        return -1;
    const struct value *id = value_get(f.desired, act->type->schema.id);
    bool known = !value_is_null(id) && value_is_known(id), before = act->after_creation;
    act->after_creation = false; /* calls must not wait for what does not exist */
    int status = known ? act_read(act, f.desired, &value_empty_list, &f.live, err) : find_once(&f, err);
    act->after_creation = before;
    *taken = !status && f.live;
    return status;
}

int spec_find(struct op_ctx *ctx, const struct attempt *attempt, const struct value *desired,
    const struct value **live, struct err *err)
{
    struct act act = act_of(ctx);
    act.attempt = attempt;
    if (act_find(&act, desired, attempt->look_until_ms, live, err))
        return -1;
    *live = act_shown(&act, *live);
    return 0;
}

int spec_find_by_name(
    struct op_ctx *ctx, const struct value *desired, const struct value **object, struct err *err)
{
    struct act act = act_of(ctx);
    act.sees_deleted = true; /* such as a secret that is scheduled for deletion: its name is taken */
    struct finding f = {.act = &act, .anybodys = true};
    *object = NULL;
    if (act.type->recover.way != RECOVER_NAME)
        return 0;
    if (act_fill_templates(&act, desired, &f.desired, err) || find_once(&f, err))
        return -1;
    *object = f.live;
    return 0;
}
