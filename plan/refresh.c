/* Refresh: what the live services say about the resources in the state. */
#include "plan/refresh.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/pool.h"
#include "plan/address.h"
#include "plan/connections.h"
#include "plan/context.h"
#include "plan/depends.h"
#include "plan/objects.h"
#include "plan/places.h"
#include "plan/refresh_tags.h"
#include "plan/shared.h"
#include "plan/silent.h"
#include "plan/targets.h"

#include <pthread.h>
#include <stdlib.h>

/*
 * Records of one type and provider make a group. Where the type has a bulk listing and the group is not
 * tiny, pages refresh it; what the listing does not cover, and what it shows as different (a listing may lag
 * behind), is read one by one, many at a time. Only attributes that the file or the record manages are asked
 * for.
 */

enum {
    BULK_FROM = 3,  /* fewer instances are read one by one: a listing may have pages of others' things */
    SAVES_FROM = 2, /* unless one page would spare so many calls */
};

struct group {
    const struct schema *schema;
    struct provider *provider;
    struct seen **items;
    size_t n, cap;
    struct map by_id;            /* id -> struct seen * */
    const struct value *wanted;  /* union over the group */
    const struct value *covered; /* by the listing; NULL: not listed */
    bool bulk;                   /* to be listed */
    size_t page_limit;           /* 0: however many pages that are */
    bool listed, silent;
};

struct refresh {
    struct planner *p;
    struct group *groups;
    size_t group_count, group_cap;
    struct {
        struct group *group;
        struct seen *seen;
    } * singles; /* to be read one by one */
    size_t single_count, single_cap;
    struct refresh_tags tags;
    pthread_mutex_t lock; /* the planner's arena, and failure */
    size_t unseen;        /* nobody can be asked about these yet */
    struct str unseen_provider;
    atomic_bool failed;
    struct err err;
    const bool *ways; /* by declaration: only these are looked at; NULL: all */
};

/* Names in `wanted` that `covered` lacks. */
static const struct value *list_without(
    struct arena *arena, const struct value *wanted, const struct value *covered)
{
    struct value_builder left = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < wanted->count; i++)
        if (!value_list_has(covered, wanted->items[i]->string))
            value_builder_add(&left, wanted->items[i]);
    return value_builder_list(&left);
}

static bool is_readable(const struct schema *schema, struct str name)
{
    const struct attr *attr = schema_attr(schema, name);
    return attr && !attr->local && !attr->write_only;
}

/* Does the service keep it, and the record a hash of it at most? */
static bool is_kept_secret(const struct schema *schema, const struct seen *seen, struct str name)
{
    const struct attr *attr = schema_attr(schema, name);
    return attr && attr->computed && attr->sensitive && !value_is_null(value_get(seen->record->attrs, name));
}

/* What is worth asking for: what the file gives now, and what the last apply set. */
static const struct value *wanted_of(
    struct planner *p, struct arena *arena, const struct schema *schema, const struct seen *seen)
{
    struct value_builder wanted = VALUE_BUILDER(arena);
    for (uint32_t i = 0; seen->record->set && i < seen->record->set->count; i++)
        if (is_readable(schema, seen->record->set->items[i]->string))
            value_builder_add(&wanted, seen->record->set->items[i]);
    struct str declared, key;
    const struct decl *decl =
        address_split(arena, seen->address, &declared, &key) ? stack_find(p->stack, declared) : NULL;
    for (size_t i = 0; decl && i < decl->attr_count; i++)
        if (is_readable(schema, decl->attrs[i].name) &&
            !value_list_has(seen->record->set, decl->attrs[i].name))
            value_builder_add(&wanted, value_string_ref(arena, decl->attrs[i].name));
    /* A secret that the service keeps: the record may have no more than its hash, and others refer to it. */
    for (size_t i = 0; i < schema->attr_count; i++)
        if (is_kept_secret(schema, seen, schema->attrs[i].name))
            value_builder_add(&wanted, value_string_ref(arena, schema->attrs[i].name));
    return value_builder_list(&wanted);
}

static struct group *group_of(struct refresh *r, const struct schema *schema, struct provider *provider)
{
    for (size_t i = 0; i < r->group_count; i++)
        if (r->groups[i].schema == schema && r->groups[i].provider == provider)
            return &r->groups[i];
    MEM_GROW(r->groups, r->group_cap, r->group_count + 1);
    r->groups[r->group_count] = (struct group){.schema = schema, .provider = provider};
    return &r->groups[r->group_count++];
}

/* Has it a secret that the service keeps, and the record a hash of at most? */
static bool keeps_secret(const struct schema *schema, const struct seen *seen)
{
    for (size_t i = 0; i < schema->attr_count; i++)
        if (is_kept_secret(schema, seen, schema->attrs[i].name))
            return true;
    return false;
}

/* Of a refresh for ways only: does one go by a secret of this one? */
static bool is_on_a_way(const struct refresh *r, const struct seen *seen)
{
    struct err ignored = ERR_INIT;
    const struct decl *decl = stack_find(r->p->stack, address_declared(seen->address));
    const struct schema *schema =
        catalog_find(r->p->workspace->catalog, seen->record->subject.type, false, &ignored);
    return decl && r->ways[decl->index] && schema && keeps_secret(schema, seen);
}

/* A service of the stack's own that does not answer: what to think of that is known when all is decided. */
static bool note_silent(struct refresh *r, struct str provider, size_t count, const struct err *err)
{
    pthread_mutex_lock(&r->lock);
    struct silent *silent = silent_note(r->p, provider, err);
    if (silent)
        silent->count += count;
    pthread_mutex_unlock(&r->lock);
    return silent != NULL;
}

/* `late`: those whose provider hangs on others, and only those. */
static int add_seen(struct refresh *r, struct seen *seen, bool late, struct err *err)
{
    struct planner *p = r->p;
    if (r->ways && !is_on_a_way(r, seen))
        return 0;
    const struct decl *decl =
        p->options->alone ? stack_find(p->stack, address_declared(seen->address)) : NULL;
    if (p->options->alone &&
        (!decl || !p->targets.targeted[decl->index] || !targets_have(p, decl, seen->address)))
        return 0;
    const struct schema *schema = catalog_find(p->workspace->catalog, seen->record->subject.type, false, err);
    if (!schema)
        return err_context(err, "%.*s in the state", STR_ARG(seen->address));
    if (!schema->ops->read)
        return 0; /* nothing outside to look at */
    struct provider *provider;
    if (late != places_hang(p, seen->record->subject.provider))
        return 0;
    if (late && !places_known(p, seen->record->subject.provider, seen->record->place)) {
        r->unseen++;
        r->unseen_provider = seen->record->subject.provider;
        return 0;
    }
    if (place_provider(p, seen->record->subject.provider, seen->record->place, &provider, err)) {
        if (!note_silent(r, seen->record->subject.provider, 1, err))
            return -1;
        *err = (struct err)ERR_INIT;
        return 0;
    }
    struct group *group = group_of(r, schema, provider);
    MEM_GROW(group->items, group->cap, group->n + 1);
    group->items[group->n++] = seen;
    return 0;
}

static void fail_refresh(struct refresh *r, const struct err *err)
{
    pthread_mutex_lock(&r->lock);
    if (!r->failed)
        r->err = *err;
    r->failed = true;
    pthread_mutex_unlock(&r->lock);
}

/* ---- in bulk ---- */

struct listing {
    struct refresh *refresh;
    struct group *group;
};

static void found_listed(void *ctx, const struct value *live)
{
    struct listing *listing = ctx;
    struct str id = value_text(value_get(live, listing->group->schema->id), STR_EMPTY);
    struct seen *seen = map_get(&listing->group->by_id, id);
    if (!seen)
        return; /* somebody else's */
    pthread_mutex_lock(&listing->refresh->lock);
    struct arena *arena = listing->refresh->p->arena;
    seen->live = object_seen(arena, listing->group->schema, seen->record, value_copy(arena, live));
    pthread_mutex_unlock(&listing->refresh->lock);
    seen->read = true;
}

static void note_marks(struct refresh *r, struct seen *seen, const struct value *marks)
{
    pthread_mutex_lock(&r->lock);
    seen->marks = value_copy(r->p->arena, marks);
    pthread_mutex_unlock(&r->lock);
}

static void listed_marks(void *ctx, struct str id, const struct value *marks)
{
    struct listing *listing = ctx;
    struct seen *seen = map_get(&listing->group->by_id, id);
    if (seen)
        note_marks(listing->refresh, seen, marks);
}

static const struct value *union_of_wanted(struct refresh *r, struct arena *arena, const struct group *group)
{
    struct value_builder names = VALUE_BUILDER(arena);
    for (size_t i = 0; i < group->n; i++) {
        const struct value *wanted = wanted_of(r->p, arena, group->schema, group->items[i]);
        for (uint32_t k = 0; k < wanted->count; k++)
            value_builder_set(&names, wanted->items[k]->string, wanted->items[k]);
    }
    const struct value *unique = value_builder_map(&names);
    struct value_builder list = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < unique->count; i++)
        value_builder_add(&list, unique->entries[i].value);
    return value_builder_list(&list);
}

static struct sought sought_of(struct refresh *r, struct group *group, struct arena *arena)
{
    const struct value **priors = ARENA_ARRAY(arena, const struct value *, group->n);
    for (size_t k = 0; k < group->n; k++)
        priors[k] = group->items[k]->record->attrs;
    return (struct sought){union_of_wanted(r, arena, group), priors, group->n, group->page_limit};
}

/* Is it worth a listing? With others that share it all of theirs count. */
static void choose_bulk(struct refresh *r, struct group *group)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct resource_ops *ops = group->schema->ops;
    size_t others = shared_count(r->p->workspace->options->shared, group->items[0]->record);
    bool listable = group->schema->bulk && ops->list, quick = r->p->options->quick_refresh;
    group->bulk = listable && (group->n >= BULK_FROM || others >= BULK_FROM);
    if (quick && group->schema->scattered)
        group->bulk = false;
    if (group->bulk || !listable || !ops->listing_saves || (quick && group->schema->scattered))
        return;
    struct op_ctx ctx = op_context(r->p, &arena, group->provider, group->schema, group->schema->name);
    struct sought sought = sought_of(r, group, &arena);
    group->bulk = quick || ops->listing_saves(&ctx, &sought) >= SAVES_FROM;
    group->page_limit = group->bulk;
}

static int list_items(struct refresh *r, struct group *group, struct arena *arena,
    const struct value **covered, struct err *err)
{
    struct listing listing = {r, group};
    struct op_ctx ctx = op_context(r->p, arena, group->provider, group->schema, group->schema->name);
    struct op_observer observer = {.ctx = &listing, .saw_marks = listed_marks};
    struct sought sought = sought_of(r, group, arena);
    ctx.observer = &observer;
    ctx.known_tags = refresh_tags_of(&r->tags, group->provider);
    for (size_t k = 0; k < group->n; k++)
        ctx.sensitive |= object_tells_secrets(group->schema, sought.priors[k]);
    return shared_list(r->p->workspace->options->shared, group->items[0]->record, &ctx, &sought, found_listed,
        &listing, covered, err);
}

static void leave_unread(struct seen *seen)
{
    seen->live = seen->record->attrs;
    seen->read = false;
}

static void list_group(void *ctx, size_t i)
{
    struct refresh *r = ctx;
    struct group *group = &r->groups[i];
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct value *covered = NULL;
    struct err err = ERR_INIT;
    if (r->failed || !group->bulk)
        return;
    for (size_t k = 0; k < group->n; k++) {
        group->items[k]->live = NULL;
        map_set(&group->by_id, group->items[k]->record->subject.id, group->items[k]);
    }
    if (list_items(r, group, &arena, &covered, &err)) {
        /* No permission to list is no reason to give up: the resources themselves may be readable. */
        if (err.class == ERR_AUTH || err.class == ERR_SERVICE) {
            for (size_t k = 0; k < group->n; k++)
                group->items[k]->read = false;
            return;
        }
        err_context(&err, "listing %.*s", STR_ARG(group->schema->name));
        bool silent = note_silent(r, group->items[0]->record->subject.provider, group->n, &err);
        for (size_t k = 0; k < group->n && silent; k++)
            leave_unread(group->items[k]);
        group->silent = silent;
        if (!silent)
            fail_refresh(r, &err);
        return;
    }
    pthread_mutex_lock(&r->lock);
    group->covered = value_copy(r->p->arena, covered ? covered : &value_empty_list);
    pthread_mutex_unlock(&r->lock);
    group->listed = true;
}

/* Does the listing agree with the record wherever it has a say? */
static bool listing_agrees(const struct group *group, const struct seen *seen)
{
    for (uint32_t i = 0; seen->record->set && i < seen->record->set->count; i++) {
        struct str name = seen->record->set->items[i]->string;
        const struct attr *attr = schema_attr(group->schema, name);
        if (!attr || !is_readable(group->schema, name) || !value_list_has(group->covered, name))
            continue;
        const struct value *recorded = value_get(seen->record->attrs, name),
                           *live = value_get(seen->live, name);
        if (!attr_equal(attr, recorded, live) && !object_hash_matches(recorded, live))
            return false;
    }
    return true;
}

/* ---- one by one ---- */

static void add_single(struct refresh *r, struct group *group, struct seen *seen)
{
    MEM_GROW(r->singles, r->single_cap, r->single_count + 1);
    r->singles[r->single_count].group = group;
    r->singles[r->single_count++].seen = seen;
}

/* Is this what it was before weir changed it a moment ago? Services are behind with some settings. */
static bool is_behind(const struct group *group, const struct record *record, const struct value *live)
{
    const struct schema *schema = group->schema;
    int64_t written_ms;
    if (record->tainted || !time_parse_rfc3339(record->recent, &written_ms) ||
        clock_wall_ms() - written_ms > schema->settles_ms)
        return false;
    for (uint32_t i = 0; record->set && i < record->set->count; i++) {
        const struct attr *attr = schema_attr(schema, record->set->items[i]->string);
        if (!attr || !is_readable(schema, attr->name))
            continue;
        const struct value *is = value_get(live, attr->name), *was = value_get(record->before, attr->name);
        if (!attr_equal(attr, value_get(record->attrs, attr->name), is) &&
            attr_equal(attr, value_is_null(was) ? attr->default_value : was,
                value_is_null(is) ? attr->default_value : is))
            return true;
    }
    return false;
}

/* What knows everybody's tags hears of changes late: others than the recorded ones are asked for again. */
static bool tags_differ(const struct group *group, const struct seen *seen, const struct value *live)
{
    for (size_t i = 0; i < group->schema->attr_count; i++) {
        const struct attr *attr = &group->schema->attrs[i];
        const struct value *v = attr->type->kind == TYPE_TAGS ? value_get(live, attr->name) : NULL;
        if (v && !attr_equal(attr, value_get(seen->record->attrs, attr->name), v))
            return true;
    }
    return false;
}

static int read_once(struct op_ctx *op, const struct group *group, const struct seen *seen,
    const struct value *prior, const struct value *wanted, const struct value **live, struct err *err)
{
    if (group->schema->ops->read(op, prior, wanted, live, err))
        return -1;
    if (!op->known_tags || !*live || !tags_differ(group, seen, *live))
        return 0;
    op->known_tags = NULL;
    return group->schema->ops->read(op, prior, wanted, live, err);
}

/* Reads until the service is no longer behind. */
static int read_settled(struct op_ctx *op, const struct group *group, const struct seen *seen,
    const struct value *base, const struct value *wanted, const struct value **live, struct err *err)
{
    const struct value *prior = value_merge(op->arena, seen->record->attrs, base);
    for (int64_t pause = 250;; pause = pause < 4000 ? pause * 2 : pause) {
        if (read_once(op, group, seen, prior, wanted, live, err))
            return -1;
        bool given_up = op->cancel && atomic_load(op->cancel);
        if (!*live || given_up || !is_behind(group, seen->record, value_merge(op->arena, base, *live)))
            return 0;
        clock_sleep_ms(pause);
    }
}

struct single {
    struct refresh *refresh;
    struct seen *seen;
};

static void read_marks(void *ctx, struct str id, const struct value *marks)
{
    (void)id;
    struct single *single = ctx;
    note_marks(single->refresh, single->seen, marks);
}

static void read_single(void *ctx, size_t i)
{
    struct refresh *r = ctx;
    struct group *group = r->singles[i].group;
    struct seen *seen = r->singles[i].seen;
    if (r->failed)
        return;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct op_ctx op = op_context(r->p, &arena, group->provider, group->schema, seen->address);
    const struct decl *decl = stack_find(r->p->stack, address_declared(seen->address));
    op.dir = decl ? local_dir(decl) : r->p->stack->dir;
    struct single single = {r, seen};
    struct op_observer observer = {.ctx = &single, .saw_marks = read_marks};
    op.observer = &observer;
    op.known_tags = refresh_tags_of(&r->tags, group->provider);
    const struct value *wanted = wanted_of(r->p, &arena, group->schema, seen);
    /* Listed and in agreement: only what the listing left open. */
    const struct value *base = seen->read && listing_agrees(group, seen) ? seen->live : NULL;
    if (base)
        wanted = list_without(&arena, wanted, group->covered);
    const struct value *live = NULL;
    struct err err = ERR_INIT;
    if (read_settled(&op, group, seen, base, wanted, &live, &err)) {
        err_context(&err, "reading %.*s", STR_ARG(seen->address));
        if (!seen->record->subject.id.n)
            err_hint(&err,
                "the state has no id for it: look whether the service has one, then \"weir state rm '%.*s'\"",
                STR_ARG(seen->address));
        if (note_silent(r, seen->record->subject.provider, 1, &err))
            leave_unread(seen);
        else
            fail_refresh(r, &err);
        return;
    }
    pthread_mutex_lock(&r->lock);
    if (live)
        live = value_merge(r->p->arena, base, value_copy(r->p->arena, live));
    seen->live = live ? object_seen(r->p->arena, group->schema, seen->record, live) : NULL;
    pthread_mutex_unlock(&r->lock);
    seen->read = true;
}

/* Of a quick refresh: what no listing shows is as recorded, but for secrets that only the service has. */
static bool is_quick(struct refresh *r, const struct group *group, struct seen *seen)
{
    bool shown = group->listed && seen->read && listing_agrees(group, seen);
    if (!r->p->options->quick_refresh || (group->bulk && !shown))
        return false;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const struct value *left = wanted_of(r->p, &scratch, group->schema, seen);
    if (shown)
        left = list_without(&scratch, left, group->covered);
    for (uint32_t i = 0; i < left->count; i++)
        if (is_kept_secret(group->schema, seen, left->items[i]->string))
            return false;
    if (shown)
        seen->live = value_merge(r->p->arena, seen->record->attrs, seen->live);
    else
        leave_unread(seen);
    return true;
}

static void collect_singles(struct refresh *r)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    for (size_t g = 0; g < r->group_count; g++) {
        struct group *group = &r->groups[g];
        for (size_t i = 0; i < group->n && !group->silent; i++) {
            struct seen *seen = group->items[i];
            if (is_quick(r, group, seen))
                continue;
            bool complete =
                group->listed && seen->read && listing_agrees(group, seen) &&
                !list_without(&scratch, wanted_of(r->p, &scratch, group->schema, seen), group->covered)
                     ->count;
            if (!complete)
                add_single(r, group, seen);
        }
    }
}

/* What a service has taken but not made yet is no change, but people want to know. */
static void tell_pending(struct planner *p, const struct seen *seen)
{
    struct err ignored = ERR_INIT;
    const struct schema *schema =
        catalog_find(p->workspace->catalog, seen->record->subject.type, false, &ignored);
    const struct value *names = schema && schema->pending.n ? value_get(seen->live, schema->pending) : NULL;
    if (!names || names->kind != VALUE_LIST || !names->count)
        return;
    AUTO_BUF struct buf text = BUF_INIT;
    for (uint32_t i = 0; i < names->count; i++) {
        buf_addz(&text, i ? ", " : "");
        buf_add_str(&text, value_text(names->items[i], STR_EMPTY));
    }
    buf_addf(&text, " pending until %.*s", STR_ARG(schema->pending_until));
    observe(&p->observer,
        &(struct event){
            .kind = EVENT_NOTE, .address = seen->address, .text = arena_strz(p->arena, buf_str(&text))});
}

/* A plan file's live values instead of the services'. */
static int refresh_from_saved(struct planner *p)
{
    for (size_t i = 0; i < p->recorded.count; i++) {
        const struct value *live =
            value_get(p->options->saved_live, p->recorded.seen[i].record->subject.address);
        if (!live)
            continue;
        p->recorded.seen[i].live = value_is_null(live) ? NULL : live;
        p->recorded.seen[i].marks =
            value_get(p->options->saved_marks, p->recorded.seen[i].record->subject.address);
        p->recorded.seen[i].read = true;
    }
    p->plan->refreshed = true;
    return 0;
}

static void clear_refresh(struct refresh *r)
{
    for (size_t i = 0; i < r->group_count; i++) {
        free(r->groups[i].items);
        map_release(&r->groups[i].by_id);
    }
    r->group_count = r->single_count = 0;
    refresh_tags_release(&r->tags);
}

static void release_refresh(struct refresh *r)
{
    clear_refresh(r);
    free(r->groups);
    free(r->singles);
    pthread_mutex_destroy(&r->lock);
}

static bool wants_tags(struct refresh *r, struct arena *scratch, const struct group *group, struct seen *seen)
{
    const struct value *wanted = wanted_of(r->p, scratch, group->schema, seen);
    for (size_t i = 0; i < group->schema->attr_count; i++)
        if (group->schema->attrs[i].type->kind == TYPE_TAGS)
            return value_list_has(wanted, group->schema->attrs[i].name);
    return false;
}

/* Listings that are shared with others ask for the tags of all of these. */
static void ask_tags(struct refresh *r)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    for (size_t g = 0; g < r->group_count; g++) {
        struct group *group = &r->groups[g];
        for (size_t i = 0; i < group->n && !(group->bulk && r->p->workspace->options->shared); i++)
            if (wants_tags(r, &scratch, group, group->items[i]))
                refresh_tags_want(&r->tags, group->provider, group->schema, group->items[i]->record->attrs,
                    group->bulk ? group : NULL);
    }
    refresh_tags_ask(&r->tags);
}

/* Those that can be asked about at once; `late`: those of providers that hang on what the others are. */
static int read_all(struct refresh *r, bool late, struct err *err)
{
    struct planner *p = r->p;
    size_t count = 0;
    clear_refresh(r);
    for (size_t i = 0; i < p->recorded.count; i++)
        if (add_seen(r, &p->recorded.seen[i], late, err))
            return -1;
    for (size_t g = 0; g < r->group_count; g++)
        count += r->groups[g].n;
    if (!count)
        return 0;
    char text[64];
    snprintf(text, sizeof text, "reading %zu resource%s", count, count == 1 ? "" : "s");
    observe(&p->observer, &(struct event){.kind = EVENT_REFRESH, .text = text, .count = count});
    int threads = p->options->parallelism ? p->options->parallelism : 32;
    for (size_t g = 0; g < r->group_count; g++)
        choose_bulk(r, &r->groups[g]);
    ask_tags(r);
    pool_run(threads, r->group_count, list_group, r);
    if (!r->failed)
        collect_singles(r);
    pool_run(threads, r->single_count, read_single, r);
    p->plan->refresh_count += count;
    p->plan->refreshed_quickly = p->options->quick_refresh;
    return 0;
}

static void tell_unseen(const struct refresh *r)
{
    char text[256];
    if (!r->unseen)
        return;
    snprintf(text, sizeof text,
        "%zu recorded resource%s could not be looked at: the provider's settings are known only after apply",
        r->unseen, r->unseen == 1 ? "" : "s");
    observe(&r->p->observer,
        &(struct event){.kind = EVENT_NOTE,
            .address = arena_printf(r->p->arena, "providers.%.*s", STR_ARG(r->unseen_provider)),
            .text = text});
}

int refresh_records(struct planner *p, struct err *err)
{
    if (p->options->saved_live)
        return refresh_from_saved(p);
    struct refresh r = {.p = p, .tags = {.p = p}, .lock = PTHREAD_MUTEX_INITIALIZER};
    int64_t start = clock_mono_ms();
    uint64_t requests = workspace_requests(p->workspace);
    int status = read_all(&r, false, err);
    connections_refreshed(p);
    if (!status && !r.failed)
        status = read_all(&r, true, err);
    if (p->plan->refresh_count) {
        p->plan->refresh_requests = workspace_requests(p->workspace) - requests;
        p->plan->refresh_ms = clock_mono_ms() - start;
        observe(&p->observer,
            &(struct event){
                .kind = EVENT_REFRESH_DONE, .count = p->plan->refresh_requests, .ms = p->plan->refresh_ms});
    }
    tell_unseen(&r);
    p->plan->refreshed = true;
    for (size_t i = 0; i < p->recorded.count && !r.failed; i++)
        tell_pending(p, &p->recorded.seen[i]);
    if (r.failed) {
        *err = r.err;
        status = -1;
    }
    release_refresh(&r);
    return status;
}

int refresh_ways(struct planner *p, struct err *err)
{
    AUTO_FREE bool *ways = mem_zalloc((p->stack->decl_count + 1) * sizeof *ways);
    for (size_t i = 0; i < p->stack->decl_count; i++)
        if (connections_hang(p, p->stack->decls[i]))
            depends_need(p->stack->decls[i], ways);
    struct refresh r = {.p = p, .tags = {.p = p}, .ways = ways, .lock = PTHREAD_MUTEX_INITIALIZER};
    int status = read_all(&r, false, err);
    connections_refreshed(p);
    if (r.failed) {
        *err = r.err;
        status = -1;
    }
    release_refresh(&r);
    return status;
}
