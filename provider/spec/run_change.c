/* Creating, updating, deleting. */
#include "base/buf.h"
#include "base/clock.h"
#include "provider/aws/lacking.h"
#include "provider/aws/place.h"
#include "provider/spec/run.h"

#include <ctype.h>

enum { APPEARS_WITHIN_MS = 60 * 1000, MARKS_TRIES = 3, MARKS_PAUSE_MS = 2000 };

/* ---- what both create and update end with ---- */

/* Attributes that were sent, without those that cannot be read back. */
static const struct value *as_live(struct run *run, const struct value *desired, const struct value *live)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(run->arena);
    for (size_t i = 0; i < run->type->attr_count; i++) {
        const struct attr *attr = run->type->attrs[i].attr;
        const struct value *v = value_get(desired, attr->name);
        if (!attr->write_only && !value_is_null(v) && value_is_known(v))
            value_builder_set(&b, attr->name, v);
    }
    return value_merge(run->arena, value_builder_map(&b), live);
}

static bool lacks(const struct spec_attr *attr, const struct value *live)
{
    const struct value *v = value_get(live, attr->attr->name);
    return attr->attr->computed && !attr->hidden && (value_is_null(v) || value_is_unknown(v));
}

/* A read soon after a create may not see it yet. */
static int read_back(struct run *run, const struct value *object, const struct value *wanted,
    const struct value **live, struct err *err)
{
    int64_t given = run->ctx->timeout_ms, pause = 250;
    int64_t until = clock_mono_ms() + (given > 0 && given < APPEARS_WITHIN_MS ? given : APPEARS_WITHIN_MS);
    for (;;) {
        if (run_read(run, object, wanted, live, err))
            return -1;
        if (*live)
            return 0;
        if (clock_mono_ms() > until)
            return err_set(err, ERR_ABSENT, "it was made, but the service does not show it");
        if (run_sleep(run, pause, err))
            return -1;
        pause = pause < 4000 ? pause * 2 : pause;
    }
}

/* Could a read now bring the attribute, where what was read in this operation did not? */
static bool may_bring(const struct run *run, const struct spec_attr *attr)
{
    return attr->readable && (!run->base_read || run_reads_apart(run->type, attr->attr->name));
}

/* Computed attributes that *live lacks are read; what the service does not say is null. */
static int complete(struct run *run, const struct value *object, const struct value **live, struct err *err)
{
    AUTO_BUILDER struct value_builder missing = VALUE_BUILDER(run->arena);
    for (size_t i = 0; i < run->type->attr_count; i++)
        if (lacks(&run->type->attrs[i], *live) && may_bring(run, &run->type->attrs[i]))
            value_builder_add(&missing, value_string_ref(run->arena, run->type->attrs[i].attr->name));
    const struct value *read = NULL;
    if (missing.n &&
        read_back(run, value_merge(run->arena, object, *live), value_builder_list(&missing), &read, err))
        return -1;
    for (size_t i = 0; i < run->type->attr_count; i++) {
        const struct spec_attr *attr = &run->type->attrs[i];
        if (!lacks(attr, *live))
            continue;
        const struct value *v = value_get(read, attr->attr->name);
        *live = value_with(run->arena, *live, attr->attr->name, v ? v : &value_null);
    }
    return 0;
}

static int settle(struct run *run, const struct value *object, const struct value **live, struct err *err)
{
    const struct value *ready;
    if (run_wait_ready(run, value_merge(run->arena, object, *live), &ready, err))
        return -1;
    /* What the service says at last wins over what it said at first. */
    for (size_t i = 0; ready && i < run->type->attr_count; i++) {
        const struct attr *attr = run->type->attrs[i].attr;
        const struct value *v = value_get(ready, attr->name);
        if (attr->computed && !value_is_null(v))
            *live = value_with(run->arena, *live, attr->name, v);
    }
    return 0;
}

/* ---- create ---- */

/* Services allow few characters in a tag's value: jobs["a b"] -> jobs/a b */
const struct value *run_tag_text(struct arena *arena, struct str s)
{
    enum { TAG_VALUE_MAX = 256 };
    AUTO_BUF struct buf out = BUF_INIT;
    for (size_t i = 0; i < s.n && out.n < TAG_VALUE_MAX; i++) {
        char c = s.p[i];
        if (c == '[')
            buf_add_char(&out, '/');
        else if (c != '"' && c != ']')
            buf_add_char(&out, isalnum((unsigned char)c) || strchr(" +-=._:/@", c) ? c : '_');
    }
    return value_string(arena, buf_str(&out));
}

/* Marks by which what weir made, or was making, is known again. */
static const struct value *marked(struct run *run, const struct value *desired)
{
    const struct spec_tags *tags = run->type->tags;
    if (!tags || !tags->mark)
        return desired;
    const struct op_ctx *ctx = run->ctx;
    struct value_entry marks[] = {{STR("weir:address"), run_tag_text(run->arena, ctx->address)},
        {STR("weir:intent"), value_string(run->arena, ctx->token)},
        {STR("weir:stack"), value_string(run->arena, ctx->stack)},
        {STR("weir:state"), value_string(run->arena, ctx->lineage)}};
    struct str name = tags->attr->attr->name;
    const struct value *all = value_merge(
        run->arena, value_get(desired, name), value_map(run->arena, marks, ctx->lineage.n ? 4 : 3));
    return value_with(run->arena, desired, name, all);
}

/* What the service says by itself, added to what is wanted. */
static const struct value *with_computed(
    struct run *run, const struct value *object, const struct value *seen)
{
    for (size_t i = 0; i < run->type->attr_count; i++) {
        const struct attr *attr = run->type->attrs[i].attr;
        const struct value *v = value_get(seen, attr->name);
        if (attr->computed && !attr->settable && v)
            object = value_with(run->arena, object, attr->name, v);
    }
    return object;
}

/* What there is already, for the conditions of later steps and for what they send. */
static int look(struct run *run, const struct spec_step *step, const struct value **object, struct err *err)
{
    const struct value *document, *doc;
    struct err failure = ERR_INIT;
    if (run_step(run, step, *object, &document, &failure)) {
        if (failure.class == ERR_ABSENT)
            return 0;
        *err = failure;
        return -1;
    }
    doc = document ? run_at(run, step, document, *object) : NULL;
    if (doc)
        *object = with_computed(run, *object, run_decode(run, step, doc, NULL));
    return 0;
}

/* What was asked for counts as asked: later steps and settings may still have to bring it about. */
static const struct value *without(struct run *run, const struct value *found, const struct value *desired)
{
    for (size_t i = 0; i < run->type->attr_count; i++) {
        struct str name = run->type->attrs[i].attr->name;
        if (!value_is_null(value_get(desired, name)) && !str_eq(name, run->type->schema.id))
            found = value_with(run->arena, found, name, NULL);
    }
    return found;
}

/*
 * What says that it made something, and not what, is no success: nobody could ever find that again. It may be
 * there all the same, which is what the intent is for.
 */
static int check_made(struct run *run, const struct spec_step *step, const struct value *object,
    const struct value *now, const struct value **live, struct err *err)
{
    const struct value *made = value_merge(run->arena, object, now), *whole;
    struct err failure = ERR_INIT;
    if (run_fill_templates(run, made, &whole, err))
        return -1;
    if (!run_check_known(run, whole, &failure) && !run_check_id(run, step, object, whole, err)) {
        *live = now ? now : &value_empty_map;
        return 0;
    }
    if (failure.class && step->op)
        err_set(err, ERR_PROTOCOL, "the answer to %.*s is not whole: it has no %.*s",
            STR_ARG(step->op->wire.name), STR_ARG(run->type->schema.id));
    else if (failure.class)
        *err = failure;
    err->lost = true;
    return -1;
}

static int create_step(struct run *run, const struct spec_step *step, const struct value *desired,
    const struct value **live, struct err *err)
{
    const struct value *document = NULL, *found = NULL, *doc,
                       *object = value_merge(run->arena, desired, *live);
    bool makes = !*live && step->op && !step->each && !step->must_be_absent;
    if (!run_applies(run, step, object))
        return 0;
    if (makes ? run_make(run, step, object, &document, &found, err)
              : run_now(run, step, object, &document, err))
        return -1;
    if (step->must_be_absent || (!document && !found))
        return 0;
    doc = step->each || step->native || found ? NULL : run_at(run, step, document, desired);
    if (found)
        *live = without(run, found, desired);
    else if (check_made(run, step, object, doc ? run_decode(run, step, doc, *live) : *live, live, err))
        return -1;
    return step->wait ? settle(run, desired, live, err) : 0;
}

static int create_steps(
    struct run *run, const struct value *desired, const struct value **live, struct err *err)
{
    const struct value *object = desired;
    for (size_t i = 0; i < run->type->create.count; i++) {
        const struct spec_step *step = &run->type->create.items[i];
        if (step->look ? look(run, step, &object, err) : create_step(run, step, object, live, err))
            return -1;
    }
    return 0;
}

static bool is_default(const struct attr *attr, const struct value *v)
{
    return attr->default_value && attr_equal(attr, v, attr->default_value);
}

/* A setting that is put again after a lost answer may be there: attached, associated. */
static int put_facet(
    struct run *run, const struct spec_facet *facet, const struct value *object, struct err *err)
{
    const struct value *document;
    if (facet->put->each)
        return run_step(run, facet->put, object, &document, err);
    return run_applies(run, facet->put, object)
               ? run_bring_about(run, facet->put, object, NULL, ERR_EXISTS, false, err)
               : 0;
}

#define BUCKET_TAGS "tags"

/* Has the file given tags, besides weir's own marks? */
static bool has_tags_given(const struct value *tags)
{
    for (uint32_t i = 0; tags && tags->kind == VALUE_MAP && i < tags->count; i++)
        if (!str_starts(tags->entries[i].key, STR("weir:")))
            return true;
    return false;
}

static void say_untagged(const struct op_ctx *ctx, struct str endpoint)
{
    if (!lacking_note(ctx->work_dir, endpoint, BUCKET_TAGS) || !ctx->warn)
        return;
    struct str text = arena_printf(ctx->arena,
        "%.*s has no tags: what is made there bears no marks, and only the state knows that it is this "
        "stack's",
        STR_ARG(endpoint));
    ctx->warn(ctx->warn_ctx, text.p);
}

/*
 * Tags of what was just made. A store of one's own may have none: without the marks the state alone knows
 * what is the stack's, which is said once; tags that the file gives are an error.
 */
static int tag_created(struct run *run, const struct value *object, const struct value *tags, struct err *err)
{
    const struct op_ctx *ctx = run->ctx;
    struct err failure = ERR_INIT;
    struct str endpoint = aws_custom_endpoint(run->client, &run->type->service->aws, run->arena);
    bool given = has_tags_given(tags);
    bool known = endpoint.n && !given && lacking_is_known(ctx->work_dir, endpoint, BUCKET_TAGS);
    if (value_is_null(tags) || known || !run_sync_tags(run, object, NULL, tags, true, &failure))
        return 0;
    if (endpoint.n && lacking_says(&failure) && !given) {
        say_untagged(ctx, endpoint);
        return 0;
    }
    if (endpoint.n && lacking_says(&failure))
        err_hint(&failure, "%.*s has no tags for it: leave `tags` and the provider's `default_tags` out",
            STR_ARG(endpoint));
    *err = failure;
    return -1;
}

static int create_owned(
    struct run *run, const struct value *object, const struct value *desired, struct err *err)
{
    const struct spec_type *type = run->type;
    for (size_t i = 0; i < type->facet_count; i++) {
        const struct spec_facet *facet = &type->facets[i];
        const struct value *want = value_get(desired, facet->attr->attr->name);
        if (facet->sent_by_create || value_is_null(want) || is_default(facet->attr->attr, want))
            continue;
        if (put_facet(run, facet, object, err))
            return err_context(err, "%.*s", STR_ARG(facet->attr->attr->name));
    }
    for (size_t i = 0; i < type->entries_count; i++) {
        const struct value *want = value_get(desired, type->entries[i].attr->attr->name);
        if (!value_is_null(want) && !type->entries[i].sent_by_create &&
            run_sync_entries(run, &type->entries[i], object, NULL, want, err))
            return -1;
    }
    for (size_t i = 0; i < type->member_count; i++) {
        const struct spec_members *m = &type->members[i];
        const struct value *want = value_get(desired, m->attr->attr->name), *have = NULL;
        if (value_is_null(want) || m->sent_by_create)
            continue;
        if (m->read_first && run_read_members(run, m, object, &have, err))
            return -1;
        if (run_sync_members(run, m, object, have, want, err))
            return err_context(err, "%.*s", STR_ARG(m->attr->attr->name));
    }
    if (!type->tags || type->tags->with_create)
        return 0;
    return tag_created(run, object, value_get(desired, type->tags->attr->attr->name), err);
}

/* What was set after the creation wins over what its answer said. */
static const struct value *with_owned(struct run *run, const struct value *live, const struct value *desired)
{
    for (size_t i = 0; i < run->type->attr_count; i++) {
        const struct spec_attr *attr = &run->type->attrs[i];
        const struct value *v = value_get(desired, attr->attr->name);
        if (attr->owner != OWNER_BASE && !value_is_null(v))
            live = value_with(run->arena, live, attr->attr->name, v);
    }
    return live;
}

/* The answer was nothing at all: some services say no more, and neither does what stands in their way. */
static int see_made(struct run *run, const struct value *object, const struct value **live, struct err *err)
{
    const struct value *seen;
    if (!read_back(run, value_merge(run->arena, object, *live), &value_empty_list, &seen, err))
        return 0;
    if (err->class == ERR_ABSENT) {
        err->lost = true;
        *live = NULL;
    }
    return -1;
}

int spec_create(struct op_ctx *ctx, const struct value *desired, const struct value **live, struct err *err)
{
    struct run run;
    run_init(&run, ctx);
    const struct value *made = NULL, *object;
    *live = NULL;
    const struct value *with_marks = marked(&run, desired);
    run.making = true;
    int failed = create_steps(&run, with_marks, &made, err);
    if (!made)
        return failed;
    aws_made(run.client);
    if (ctx->claim && run.type->settle.way == SETTLE_CONTENT)
        ctx->claim(ctx->claim_ctx, value_text(value_get(made, run.type->schema.id), STR_EMPTY));
    /* From here on it exists, whatever happens. */
    struct err later = ERR_INIT;
    if (run_fill_templates(&run, as_live(&run, desired, made), &made, failed ? &later : err))
        failed = -1;
    *live = made;
    if (failed)
        return -1;
    object = value_merge(run.arena, made, as_live(&run, with_marks, NULL));
    if (create_owned(&run, object, with_marks, err))
        return -1;
    run.making = false;
    made = with_owned(&run, made, desired);
    if (settle(&run, object, &made, err))
        return -1;
    *live = made;
    if (run.silent && !run.base_read && see_made(&run, object, live, err))
        return -1;
    if (complete(&run, object, &made, err))
        return -1;
    *live = run_shown(&run, made);
    return 0;
}

/* ---- update ---- */

struct updating {
    struct run *run;
    const struct value *prior, *desired, *changed;
    const struct value *object; /* desired over what is known of it */
    const struct value *live;   /* computed values from answers */
    bool any;
};

static bool is_changed(const struct updating *u, struct str name)
{
    return run_wants(u->changed, name);
}

static bool step_concerned(const struct updating *u, const struct spec_step *step)
{
    const struct spec_names sent = {step->request.attrs, step->request.attr_count};
    const struct spec_names *names = step->when.count ? &step->when : &sent;
    size_t changed = 0;
    for (size_t i = 0; i < names->count; i++)
        changed += is_changed(u, names->items[i]);
    return step->alone ? changed && changed == u->changed->count : changed > 0;
}

/* What is sent for an attribute that was taken out of the file. */
static const struct value *reset_value(const struct spec_attr *attr)
{
    return attr->unset ? attr->unset : attr->attr->default_value;
}

/* Would a live value of this attribute contradict what is sent? */
static bool excluded(const struct updating *u, const struct spec_attr *attr)
{
    for (size_t i = 0; i < u->run->type->attr_count; i++) {
        const struct attr *other = u->run->type->attrs[i].attr;
        bool rivals =
            str_eq(other->conflicts, attr->attr->name) || str_eq(attr->attr->conflicts, other->name);
        if (rivals && !value_is_null(value_get(u->desired, other->name)))
            return true;
    }
    return false;
}

static const struct value *names_of(struct run *run, const struct spec_request *request)
{
    AUTO_BUILDER struct value_builder names = VALUE_BUILDER(run->arena);
    for (size_t i = 0; i < request->attr_count; i++)
        value_builder_add(&names, value_string_ref(run->arena, request->attrs[i]));
    return value_builder_list(&names);
}

/* What others have put into a map that they write to as well stays beside what is wanted of it. */
static const struct value *with_others(
    struct arena *arena, const struct value *wanted, const struct value *ours, const struct value *live)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; live && live->kind == VALUE_MAP && i < live->count; i++)
        if (!value_get(ours, live->entries[i].key))
            value_builder_set(&b, live->entries[i].key, live->entries[i].value);
    return b.n ? value_merge(arena, value_builder_map(&b), wanted) : wanted;
}

/* The object as an update step sends it: reset values filled in, live ones of what is not managed where the
 * call replaces everything. */
static int object_to_send(
    struct updating *u, const struct spec_step *step, const struct value **out, struct err *err)
{
    const struct spec_type *type = u->run->type;
    const struct value *live = NULL;
    if (step->full && run_read(u->run, u->prior, names_of(u->run, &step->request), &live, err))
        return -1;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(u->run->arena);
    for (size_t i = 0; i < type->attr_count; i++) {
        const struct spec_attr *attr = &type->attrs[i];
        struct str name = attr->attr->name;
        const struct value *v = value_get(u->desired, name);
        bool changed = is_changed(u, name);
        if (value_is_null(v) && changed)
            v = reset_value(attr);
        else if (value_is_null(v) && attr->attr->computed && !attr->attr->settable)
            v = value_get(u->object, name);
        else if (value_is_null(v) && live && !excluded(u, attr))
            v = value_get(live, name);
        else if (value_is_null(v) && str_eq(name, type->schema.id))
            v = value_get(u->object, name);
        if (live && attr->attr->shared)
            v = with_others(u->run->arena, v, value_get(u->prior, name), value_get(live, name));
        if (step->partial && !changed && attr->attr->settable && !attr->attr->replace && !attr->steers)
            v = NULL;
        if (!value_is_null(v))
            value_builder_set(&b, name, v);
    }
    *out = value_builder_map(&b);
    return 0;
}

/* What it is to be: attributes that were taken out of the file have their default again. */
static const struct value *target_of(struct updating *u)
{
    const struct value *target = u->object;
    for (size_t i = 0; i < u->run->type->attr_count; i++) {
        const struct spec_attr *attr = &u->run->type->attrs[i];
        struct str name = attr->attr->name;
        if (is_changed(u, name) && value_is_null(value_get(u->desired, name)))
            target = value_with(u->run->arena, target, name, reset_value(attr));
    }
    return target;
}

static int update_step(struct updating *u, const struct spec_step *step, struct err *err)
{
    struct run *run = u->run;
    const struct value *document, *doc, *object;
    if (step->look)
        return look(run, step, &u->object, err);
    if (object_to_send(u, step, &object, err) || run_now(run, step, object, &document, err))
        return -1;
    u->any = true;
    doc = document && !step->each && !step->native ? run_at(run, step, document, object) : NULL;
    if (doc)
        u->live = run_decode(run, step, doc, u->live);
    if (doc && run_check_id(run, step, u->object, value_merge(run->arena, u->object, u->live), err))
        return -1;
    return step->wait ? settle(run, u->object, &u->live, err) : 0;
}

static int update_steps(struct updating *u, struct err *err)
{
    const struct value *target = target_of(u);
    for (size_t i = 0; i < u->run->type->update.count; i++) {
        const struct spec_step *step = &u->run->type->update.items[i];
        if (step_concerned(u, step) && run_applies(u->run, step, target) && update_step(u, step, err))
            return -1;
    }
    return 0;
}

/* Back to how it is when nobody asks for anything. */
static int reset_facet(struct updating *u, const struct spec_facet *facet, struct err *err)
{
    const struct spec_step *step = facet->remove ? facet->remove : facet->reset;
    const struct value *object = u->object, *document;
    if (!step) {
        const struct value *v = reset_value(facet->attr);
        if (value_is_null(v))
            return err_set(err, ERR_INVALID, "\"%.*s\" cannot be taken away again once it is set",
                STR_ARG(facet->attr->attr->name));
        step = facet->put;
        object = value_with(u->run->arena, object, facet->attr->attr->name, v);
    }
    struct err failure = ERR_INIT;
    if (run_step(u->run, step, object, &document, &failure) && failure.class != ERR_ABSENT) {
        *err = failure;
        return -1;
    }
    return 0;
}

static int update_facets(struct updating *u, struct err *err)
{
    const struct spec_type *type = u->run->type;
    for (size_t i = 0; i < type->facet_count; i++) {
        const struct spec_facet *facet = &type->facets[i];
        struct str name = facet->attr->attr->name;
        if (!is_changed(u, name))
            continue;
        const struct value *want = value_get(u->desired, name);
        /* A call that switches on is no call for switching off. */
        bool off = facet->remove && is_default(facet->attr->attr, want);
        bool renews =
            facet->renew && !off && !value_is_null(want) && !value_is_null(value_get(u->prior, name));
        if (renews && reset_facet(u, facet, err))
            return err_context(err, "%.*s", STR_ARG(name));
        if (!value_is_null(want) && !off ? put_facet(u->run, facet, u->object, err)
                                         : reset_facet(u, facet, err))
            return err_context(err, "%.*s", STR_ARG(name));
    }
    return 0;
}

static int update_sets(struct updating *u, struct err *err)
{
    struct run *run = u->run;
    const struct spec_type *type = run->type;
    for (size_t i = 0; i < type->entries_count; i++) {
        const struct spec_entries *e = &type->entries[i];
        struct str name = e->attr->attr->name;
        const struct value *have = value_get(u->prior, name);
        if (!is_changed(u, name))
            continue;
        if (!have && e->list && run_read_entries(run, e, u->object, &have, err))
            return -1;
        if (run_sync_entries(run, e, u->object, have, value_get(u->desired, name), err))
            return err_context(err, "%.*s", STR_ARG(name));
    }
    for (size_t i = 0; i < type->member_count; i++) {
        const struct spec_members *m = &type->members[i];
        struct str name = m->attr->attr->name;
        const struct value *have = value_get(u->prior, name);
        if (!is_changed(u, name))
            continue;
        if (!have && m->list && run_read_members(run, m, u->object, &have, err))
            return -1;
        if (run_sync_members(run, m, u->object, have, value_get(u->desired, name), err))
            return err_context(err, "%.*s", STR_ARG(name));
    }
    return 0;
}

static int update_tags(struct updating *u, struct err *err)
{
    const struct spec_tags *tags = u->run->type->tags;
    if (!tags || !is_changed(u, tags->attr->attr->name))
        return 0;
    struct str name = tags->attr->attr->name;
    const struct value *want = value_get(u->desired, name);
    return run_sync_tags(
        u->run, u->object, value_get(u->prior, name), value_is_null(want) ? NULL : want, false, err);
}

/* Computed values that the change affects and no answer brought are read anew. */
static int refresh_affected(struct updating *u, const struct value **live, struct err *err)
{
    AUTO_BUILDER struct value_builder names = VALUE_BUILDER(u->run->arena);
    for (size_t i = 0; i < u->run->type->attr_count; i++) {
        const struct spec_attr *attr = &u->run->type->attrs[i];
        bool affected = false;
        for (size_t k = 0; k < attr->changes_with.count && !affected; k++)
            affected = is_changed(u, attr->changes_with.items[k]);
        if (affected && may_bring(u->run, attr) && !value_get(u->live, attr->attr->name))
            value_builder_add(&names, value_string_ref(u->run->arena, attr->attr->name));
    }
    if (!names.n)
        return 0;
    const struct value *wanted = value_builder_list(&names), *read;
    if (read_back(u->run, value_merge(u->run->arena, u->object, *live), wanted, &read, err))
        return -1;
    for (uint32_t i = 0; i < wanted->count; i++) {
        const struct value *v = value_get(read, wanted->items[i]->string);
        *live = value_with(u->run->arena, *live, wanted->items[i]->string, v ? v : &value_null);
    }
    return 0;
}

int spec_update(struct op_ctx *ctx, const struct value *prior, const struct value *desired,
    const struct value *changed, const struct value **live, struct err *err)
{
    struct run run;
    run_init(&run, ctx);
    struct updating u = {.run = &run, .prior = prior, .desired = desired, .changed = changed, .live = NULL};
    /* Its own ARN and id may be needed by any call and are not in the file. */
    if (run_fill_templates(&run, value_merge(run.arena, prior, desired), &u.object, err) ||
        run_check_known(&run, u.object, err))
        return -1;
    if (update_steps(&u, err) || update_facets(&u, err) || update_sets(&u, err) || update_tags(&u, err))
        return -1;
    if (u.any && settle(&run, u.object, &u.live, err))
        return -1;
    const struct value *after = value_merge(run.arena, prior, u.live);
    after = value_merge(run.arena, after, as_live(&run, desired, NULL));
    for (uint32_t i = 0; i < changed->count; i++)
        if (value_is_null(value_get(desired, changed->items[i]->string)))
            after = value_with(run.arena, after, changed->items[i]->string, NULL);
    if (run_fill_templates(&run, after, &after, err) || refresh_affected(&u, &after, err))
        return -1;
    *live = run_shown(&run, after);
    return 0;
}

/* ---- delete ---- */

/* False where nobody may tell, or the type has no marks. A new thing's may take a moment to be shown. */
static int read_marks(
    struct run *run, const struct value *object, const struct value **marks, bool *told, struct err *err)
{
    *told = false;
    for (int tries = 1;; tries++) {
        struct err failure = ERR_INIT;
        if (spec_marks(run->ctx, object, marks, &failure)) {
            if (failure.class == ERR_ABSENT || failure.class == ERR_AUTH || failure.class == ERR_SERVICE)
                return 0;
            *err = failure;
            return err_context(err, "finding out whose it is");
        }
        *told = *marks != NULL;
        if (!*told || (*marks)->count || run->ctx->unmarked || tries == MARKS_TRIES)
            return 0;
        if (run_sleep(run, MARKS_PAUSE_MS, err))
            return -1;
    }
}

static int refuse_foreign(struct err *err)
{
    return err_hint(err,
        "`weir state rm` lets go of it as it is; should it be this stack's all the same, import "
        "it after that");
}

/* An id in the state may have come to mean somebody else's: nothing of others is deleted. */
static int check_whose(struct run *run, const struct value *object, struct err *err)
{
    const struct op_ctx *ctx = run->ctx;
    const struct spec_tags *tags = run->type->tags;
    const struct value *marks;
    bool told;
    if (!tags || !tags->mark || !ctx->stack.n)
        return 0;
    if (read_marks(run, object, &marks, &told, err))
        return -1;
    struct str stack = value_text(value_getz(marks, "stack"), STR_EMPTY);
    struct str state = value_text(value_getz(marks, "state"), STR_EMPTY);
    bool ours = str_eq(stack, ctx->stack) || (state.n && str_eq(state, ctx->lineage)); /* it was renamed */
    if (!told || ours || (!stack.n && (ctx->unmarked || !tags->with_create)))
        return 0;
    if (stack.n)
        err_set(
            err, ERR_FAILED, "it bears the marks of the stack \"%.*s\", and is not deleted", STR_ARG(stack));
    else
        err_set(
            err, ERR_FAILED, "it bears none of the marks that this stack made it with, and is not deleted");
    return refuse_foreign(err);
}

static int delete_steps(struct run *run, const struct value *object, struct err *err)
{
    for (size_t i = 0; i < run->type->delete.count; i++) {
        const struct spec_step *step = &run->type->delete.items[i];
        const struct value *document, *doc, *live = NULL;
        struct err failure = ERR_INIT;
        if (run_step(run, step, object, &document, &failure)) {
            if (failure.class == ERR_ABSENT)
                continue;
            *err = failure;
            return -1;
        }
        /* What undoes a thing may be one that is waited for in its turn. */
        doc = step->wait && document ? run_at(run, step, document, object) : NULL;
        if (doc) {
            live = run_decode(run, step, doc, NULL);
            if (settle(run, object, &live, err))
                return -1;
        }
    }
    return 0;
}

/* Likewise, of a deletion. Some services show what they have deleted for a minute. */
static int see_gone(struct run *run, const struct value *object, struct err *err)
{
    int64_t until = clock_mono_ms() + APPEARS_WITHIN_MS, pause = 250;
    for (const struct value *live;;) {
        if (run_read(run, object, &value_empty_list, &live, err))
            return -1;
        if (!live)
            return 0;
        if (clock_mono_ms() > until) {
            err_set(
                err, ERR_PROTOCOL, "the service answered the deletion with nothing, and it is still there");
            err->lost = true;
            return -1;
        }
        if (run_sleep(run, pause, err))
            return -1;
        pause = pause < 4000 ? pause * 2 : pause;
    }
}

int spec_delete(struct op_ctx *ctx, const struct value *prior, struct err *err)
{
    struct run run;
    run_init(&run, ctx);
    const struct value *object, *live;
    struct err failure = ERR_INIT, ignored = ERR_INIT;
    if (run_fill_templates(&run, prior, &object, err) || run_check_known(&run, object, err) ||
        check_whose(&run, object, err))
        return -1;
    object = run_forced(&run, object);
    if (run_lift(&run, object, &failure) == 0 && delete_steps(&run, object, &failure) == 0)
        return run_wait_gone(&run, object, err) ||
                       (run.silent && !run.type->gone_wait && see_gone(&run, object, err))
                   ? -1
                   : 0;
    /* Services have many ways to say that a thing is gone already, or that it is about to be. */
    run.sees_going = true;
    if (failure.class != ERR_INTERRUPTED && run_read(&run, object, &value_empty_list, &live, &ignored) == 0) {
        run.sees_going = false;
        if (!live || run_is_gone(&run, live))
            return live ? run_wait_gone(&run, object, err) : 0;
    }
    run_hint_teardown(&run, &failure);
    *err = failure;
    return -1;
}
