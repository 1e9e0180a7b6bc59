/* Tags and ownership tags: reading them, and changing them to the desired ones. In requests their items may
 * have members besides key and value (`beside`, `flag`), which are in other attributes on our side. */
#include "base/clock.h"
#include "provider/spec/act.h"

/* ---- items with further members ---- */

const struct value *spec_tag_items(struct arena *arena, const struct spec_owned *tags,
    const struct value *texts, const struct value *beside, const struct value *flagged)
{
    AUTO_BUILDER struct value_builder items = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < texts->count; i++) {
        struct str key = texts->entries[i].key;
        const struct value *item = value_with(arena, beside, STR("value"), texts->entries[i].value);
        if (tags->flag)
            item = value_with(arena, item, tags->flag_member, value_bool(value_list_has(flagged, key)));
        value_builder_set(&items, key, item);
    }
    return value_builder_map(&items);
}

const struct value *spec_tag_texts(struct arena *arena, const struct value *items)
{
    AUTO_BUILDER struct value_builder texts = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < items->count; i++) {
        const struct value *v = value_getz(items->entries[i].value, "value");
        value_builder_set(&texts, items->entries[i].key, v ? v : &value_empty_string);
    }
    return value_builder_map(&texts);
}

const struct value *spec_tags_flagged(
    struct arena *arena, const struct spec_owned *tags, const struct value *items)
{
    AUTO_BUILDER struct value_builder keys = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < items->count; i++)
        if (value_equal(value_get(items->entries[i].value, tags->flag_member), &value_true))
            value_builder_add(&keys, value_string_ref(arena, items->entries[i].key));
    return value_builder_list(&keys);
}

static int beside_of(struct act *act, const struct value *object, const struct value **out, struct err *err)
{
    const struct spec_owned *tags = act->type->tags;
    *out = &value_empty_map;
    if (tags->beside && act_template(act, tags->beside, object, out, err))
        return -1;
    *out = *out ? *out : &value_empty_map;
    return 0;
}

static const struct value *flagged_in(const struct act *act, const struct value *object)
{
    const struct spec_owned *tags = act->type->tags;
    return tags->flag && object ? value_get(object, tags->flag->attr->name) : NULL;
}

/* Fails if a flag is configured for a key that is not a tag. */
static int check_flagged(
    struct act *act, const struct value *object, const struct value *texts, struct err *err)
{
    const struct value *keys = flagged_in(act, object);
    for (uint32_t i = 0; keys && keys->kind == VALUE_LIST && i < keys->count; i++) {
        struct str key = value_text(keys->items[i], STR_EMPTY);
        if (value_get(texts, key))
            continue;
        err_set(err, ERR_INVALID, "%.*s has \"%.*s\", which is none of its tags",
            STR_ARG(act->type->tags->flag->attr->name), STR_ARG(key));
        return err_hint(err, "give it under `%.*s` too", STR_ARG(act->type->tags->attr->attr->name));
    }
    return 0;
}

int act_tag_items(struct act *act, const struct value *object, const struct value *texts,
    const struct value **out, struct err *err)
{
    const struct spec_owned *tags = act->type->tags;
    const struct value *beside;
    *out = texts;
    if (!tags->structures || value_is_null(texts) || texts->kind != VALUE_MAP)
        return 0;
    if (beside_of(act, object, &beside, err))
        return -1;
    *out = spec_tag_items(act->arena, tags, texts, beside, flagged_in(act, object));
    return 0;
}

/* ---- reading ---- */

int act_read_tags(struct act *act, const struct value *object, const struct value **all, struct err *err)
{
    const struct spec_step *list = act->type->tags->list;
    AUTO_PAGES struct pages pages = PAGES_INIT;
    const struct value *document, *token = NULL;
    *all = &value_empty_map;
    do {
        if (act_page(act, list, object, NULL, token, &document, err))
            return -1;
        const struct value *found =
            list->reply.at.n ? wire_path(act->arena, document, list->reply.at) : document;
        if (found)
            *all = value_merge(act->arena, *all, wire_coerce(act->arena, act->type->tags->listed, found));
        if (act_next_page(act, list, document, token, &token, err) ||
            (token && pages_next_value(&pages, list->call.op->wire.name, token, err)))
            return -1;
    } while (token);
    return 0;
}

/* Replaces all tags: tags that are not managed have to be sent back. */
static int put_tags(
    struct act *act, const struct value *object, const struct value *want, bool fresh, struct err *err)
{
    const struct spec_owned *tags = act->type->tags;
    const struct value *all = NULL, *document;
    struct err failure = ERR_INIT;
    if (!fresh && tags->list && act_read_tags(act, object, &all, &failure) && failure.class != ERR_ABSENT)
        return err_raise(err, &failure);
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(act->arena);
    for (uint32_t i = 0; all && i < all->count; i++)
        if (provider_leaves_tag(act->ctx->provider, all->entries[i].key))
            value_builder_set(&b, all->entries[i].key, all->entries[i].value);
    const struct value *whole = value_merge(act->arena, value_builder_map(&b), want);
    const struct spec_step *step = !whole->count && tags->clear ? tags->clear : tags->put;
    return act_tag_items(act, object, whole, &whole, err) ||
                   act_call(act, step, object, whole, &document, err)
               ? -1
               : 0;
}

/* Returns the keys to remove, as [{Key: k}] if the service requires structures. */
static int keys_to_send(struct act *act, const struct value *object, const struct value *keys,
    const struct value **out, struct err *err)
{
    const struct value *beside;
    *out = keys;
    if (!act->type->tags->remove_structures)
        return 0;
    if (beside_of(act, object, &beside, err))
        return -1;
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(act->arena);
    for (uint32_t i = 0; i < keys->count; i++)
        value_builder_add(&list, value_with(act->arena, beside, STR("key"), keys->items[i]));
    *out = value_builder_list(&list);
    return 0;
}

/* Returns the tags whose value or flag differs. */
static const struct value *tags_to_add(
    struct act *act, const struct value *object, const struct value *have, const struct value *want)
{
    const struct value *flagged = flagged_in(act, object), *were = flagged_in(act, act->prior);
    AUTO_BUILDER struct value_builder add = VALUE_BUILDER(act->arena);
    for (uint32_t i = 0; want && i < want->count; i++) {
        struct str key = want->entries[i].key;
        const struct value *now = value_get(have, key);
        if (!now || !value_equal(now, want->entries[i].value) ||
            value_list_has(flagged, key) != value_list_has(were, key))
            value_builder_set(&add, key, want->entries[i].value);
    }
    return value_builder_map(&add);
}

static const struct value *tags_to_remove(struct act *act, const struct value *have, const struct value *want)
{
    AUTO_BUILDER struct value_builder keys = VALUE_BUILDER(act->arena);
    for (uint32_t i = 0; have && i < have->count; i++)
        if (!value_get(want, have->entries[i].key))
            value_builder_add(&keys, value_string_ref(act->arena, have->entries[i].key));
    return value_builder_list(&keys);
}

/* Removes before it adds: with fifty tags there is no room for both. */
int act_sync_tags(struct act *act, const struct value *object, const struct value *have,
    const struct value *want, bool fresh, struct err *err)
{
    const struct spec_owned *tags = act->type->tags;
    have = act_own_tags(act, have);
    const struct value *removed = tags_to_remove(act, have, want),
                       *added = tags_to_add(act, object, have, want), *document;
    if (check_flagged(act, object, want, err))
        return -1;
    if (!removed->count && !added->count)
        return 0;
    if (tags->put)
        return put_tags(act, object, want ? want : &value_empty_map, fresh, err);
    if (!tags->add || !tags->remove)
        return err_set(err, ERR_INVALID, "tags of %.*s cannot be changed", STR_ARG(act->type->schema.name));
    bool removes = removed->count > 0, adds = added->count > 0;
    if (keys_to_send(act, object, removed, &removed, err) || act_tag_items(act, object, added, &added, err) ||
        (removes && act_call(act, tags->remove, object, removed, &document, err)))
        return -1;
    return adds ? act_call(act, tags->add, object, added, &document, err) : 0;
}

/* ---- Ownership tags identify what weir created. They are set at creation or right after it, and compared
 * before any deletion ---- */

enum { TAGS_TRIES = 5, TAGS_PAUSE_MS = 1000, TAGS_SHOW_MS = 4000, TAG_VALUE_MAX = 256 };

/* ---- setting ---- */

const struct value *act_tag_text(struct arena *arena, struct str s)
{
    return value_string(arena, ownership_tag_text(arena, s, TAG_VALUE_MAX));
}

const struct value *act_with_ownership_tags(struct act *act, const struct value *desired)
{
    const struct spec_owned *tags = act->type->tags;
    if (!tags || !tags->ownership)
        return desired;
    const struct op_ctx *ctx = act->ctx;
    struct str name = tags->attr->attr->name,
               address = ownership_tag_text(act->arena, ctx->address, TAG_VALUE_MAX);
    const struct value *owner_tags = ownership_tags_make(act->arena, &ctx->owner, address);
    return value_with(
        act->arena, desired, name, value_merge(act->arena, value_get(desired, name), owner_tags));
}

#define BUCKET_TAGS "tags"

/* True if tags are configured, besides weir's own ownership tags. */
static bool has_tags_given(const struct value *tags)
{
    for (uint32_t i = 0; tags && tags->kind == VALUE_MAP && i < tags->count; i++)
        if (!str_starts(tags->entries[i].key, STR("weir:")))
            return true;
    return false;
}

static struct str own_endpoint(struct act *act)
{
    return act->client ? aws_custom_endpoint(act->client, &act->type->service->aws, act->arena) : STR_EMPTY;
}

/* True for a custom endpoint that is known not to support tags. */
static bool lacks_tags(struct act *act)
{
    struct str endpoint = own_endpoint(act);
    return endpoint.n && unsupported_is_known(act->ctx->work_dir, endpoint, BUCKET_TAGS);
}

static void warn_untagged(const struct op_ctx *ctx, struct str endpoint)
{
    if (!unsupported_note(ctx->work_dir, endpoint, BUCKET_TAGS))
        return;
    struct str text = arena_printf(ctx->arena,
        "%.*s has no tags: what is made there has no ownership tags, and only the state knows that it is "
        "this "
        "stack's",
        STR_ARG(endpoint));
    op_warn(ctx, text.p);
}

/*
 * Sets the tags of a new resource. A custom endpoint may not support tags: without ownership tags only the
 * state knows what is the stack's, which is reported once; configured tags are an error.
 */
int act_tag_created(struct act *act, const struct value *object, const struct value *tags, struct err *err)
{
    const struct op_ctx *ctx = act->ctx;
    struct err failure = ERR_INIT;
    struct str endpoint = own_endpoint(act);
    bool given = has_tags_given(tags);
    if (value_is_null(tags) || (!given && lacks_tags(act)) ||
        !act_sync_tags(act, object, NULL, tags, true, &failure))
        return 0;
    if (endpoint.n && unsupported_says(&failure) && !given) {
        warn_untagged(ctx, endpoint);
        return 0;
    }
    if (endpoint.n && unsupported_says(&failure))
        err_hint(&failure, "%.*s has no tags for it: leave `tags` and the provider's `default_tags` out",
            STR_ARG(endpoint));
    return err_raise(err, &failure);
}

/* ---- comparing ---- */

int spec_ownership_tags(
    struct op_ctx *ctx, const struct value *object, const struct value **owner_tags, struct err *err)
{
    struct act act = act_of(ctx);
    *owner_tags = &value_empty_map;
    const struct spec_owned *tags = act.type->tags;
    if (!tags)
        return 0;
    act.keep_ownership_tags = act.sees_deleted = true; /* also of resources scheduled for deletion */
    const struct value *name = value_string_ref(act.arena, tags->attr->attr->name), *live;
    struct err failure = ERR_INIT;
    if (act_read(&act, object, value_list(act.arena, &name, 1), &live, &failure)) {
        *owner_tags = NULL;
        if (unsupported_says(&failure)) /* an endpoint without tags: there are no ownership tags */
            return 0;
        return err_raise(err, &failure);
    }
    *owner_tags = live ? ownership_tags_among(act.arena, value_get(live, name->string)) : NULL;
    return 0;
}

int spec_add_ownership_tags(struct op_ctx *ctx, const struct value *object, const struct value *owner_tags,
    bool *done, struct err *err)
{
    struct act act = act_of(ctx);
    *done = false;
    const struct spec_owned *tags = act.type->tags;
    if (!tags || !tags->ownership)
        return 0;
    act.keep_ownership_tags = true;
    const struct value *name = value_string_ref(act.arena, tags->attr->attr->name), *live = NULL;
    if (act_read(&act, object, value_list(act.arena, &name, 1), &live, err))
        return -1;
    const struct value *all = live ? value_get(live, name->string) : NULL;
    if (!all || !str_eq(value_gets(ownership_tags_among(act.arena, all), "stack"), ctx->owner.stack))
        return 0;
    const struct value *own = act_own_tags(&act, all);
    *done = true;
    return act_sync_tags(&act, value_merge(act.arena, object, live), all,
        own ? value_merge(act.arena, own, owner_tags) : owner_tags, false, err);
}

const struct value *act_without_ownership_tags(struct act *act, const struct value *object)
{
    const struct spec_owned *tags = act->type->tags;
    const struct op_ctx *ctx = act->ctx;
    const struct value *all = tags && object ? value_get(object, tags->attr->attr->name) : NULL;
    if (!all)
        return object;
    if (op_wants_ownership_tags(ctx) && tags->ownership)
        op_ownership_tags(ctx, value_text(value_get(object, act->type->schema.id), STR_EMPTY),
            ownership_tags_among(act->arena, all));
    return value_with(act->arena, object, tags->attr->attr->name, act_own_tags(act, all));
}

/* *reported is false if reading is not permitted, or the resource does not exist. */
static int read_ownership_tags(struct act *act, const struct value *object, const struct value **owner_tags,
    bool *reported, struct err *err)
{
    struct err failure = ERR_INIT;
    *reported = false;
    if (spec_ownership_tags(act->ctx, object, owner_tags, &failure)) {
        if (failure.class == ERR_ABSENT || failure.class == ERR_AUTH || failure.class == ERR_SERVICE)
            return 0;
        *err = failure;
        return err_context(err, "looking up its owner");
    }
    *reported = *owner_tags != NULL;
    return 0;
}

/* Compares attributes assigned by the service, which differ in a later resource of the same name. */
static int compare_recorded(
    struct act *act, const struct value *object, struct ownership *out, struct err *err)
{
    const struct spec_names *names = &act->type->same;
    const struct value *recorded = act->ctx->owner.recorded, *live = NULL;
    AUTO_BUILDER struct value_builder wanted = VALUE_BUILDER(act->arena);
    if (!recorded)
        return 0;
    for (size_t i = 0; i < names->count; i++) {
        if (str_eq(names->items[i], act->type->schema.id))
            out->kind = OWNERSHIP_OURS; /* it was found by that id */
        else if (!value_is_null(value_get(recorded, names->items[i])))
            value_builder_add(&wanted, value_string_ref(act->arena, names->items[i]));
    }
    if (!wanted.n || out->kind == OWNERSHIP_OURS)
        return 0;
    if (act_read(act, object, value_builder_list(&wanted), &live, err))
        return err_context(err, "looking up its owner");
    *out = ownership_by_record(act->arena, recorded, live, names->items, names->count);
    return 0;
}

/* A new resource's tags may become visible late: then they are read again. A resource that is not recorded
 * may be new. */
static bool shows_later(const struct act *act, int tries)
{
    const struct owner *owner = &act->ctx->owner;
    int64_t written_ms;
    bool is_new = !owner->recorded || (time_parse_rfc3339(owner->recorded_at, &written_ms) &&
                                          clock_wall_ms() - written_ms < TAGS_SHOW_MS);
    return is_new && tries < TAGS_TRIES;
}

static int act_whose(struct act *act, const struct value *object, struct ownership *out, struct err *err)
{
    const struct op_ctx *ctx = act->ctx;
    const struct value *owner_tags;
    bool reported;
    *out = (struct ownership){.kind = OWNERSHIP_OURS};
    if (!act->type->tags || !act->type->tags->ownership || !ctx->owner.stack.n)
        return 0;
    for (int tries = 1;; tries++) {
        if (read_ownership_tags(act, object, &owner_tags, &reported, err))
            return -1;
        out->unreported = !reported;
        if (!reported)
            return 0;
        *out = ownership_by_tags(act->arena, &ctx->owner, owner_tags);
        if (out->kind == OWNERSHIP_UNKNOWN && !act->type->tags->with_create)
            out->kind = OWNERSHIP_OURS; /* the creation may have been interrupted before tagging */
        if (out->kind != OWNERSHIP_UNKNOWN || ctx->known_tags)
            return 0;
        if (compare_recorded(act, object, out, err))
            return -1;
        if (out->kind != OWNERSHIP_UNKNOWN || !shows_later(act, tries) || lacks_tags(act))
            return 0;
        if (cancel_sleep_ms(ctx->cancel, TAGS_PAUSE_MS, err))
            return -1;
    }
}

int spec_find_owner(struct op_ctx *ctx, const struct value *object, struct ownership *out, struct err *err)
{
    struct act act = act_of(ctx);
    *out = (struct ownership){.kind = OWNERSHIP_OURS};
    if (ctx->owner.live_tags &&
        ownership_by_tags(ctx->arena, &ctx->owner, ctx->owner.live_tags).kind == OWNERSHIP_OURS)
        return 0;
    return act_fill_templates(&act, object, &object, err) || act_whose(&act, object, out, err) ? -1 : 0;
}

/* An id in the state may identify another owner's resource by now: that is never changed or deleted. */
int act_check_owner(struct act *act, const struct value *object, enum act_deed deed, struct err *err)
{
    static const char *const done[] = {[RUN_CHANGES] = "changed", [RUN_DELETES] = "deleted"};
    struct ownership ownership;
    if (act->ctx->owner.owner_checked)
        return 0;
    if (act_whose(act, object, &ownership, err))
        return -1;
    return ownership.kind == OWNERSHIP_OURS ? 0 : ownership_refuse(&ownership, done[deed], err);
}

/* Tags read before may be outdated for a new resource: then they are read again, and also if the record
 * indicates another resource of the name. */
int act_check_seen(struct act *act, const struct value *object, struct err *err)
{
    const struct owner *owner = &act->ctx->owner;
    const struct spec_names *same = &act->type->same;
    bool other =
        owner->live_tags && ownership_by_tags(act->arena, owner, owner->live_tags).kind != OWNERSHIP_OURS;
    if (!other && ownership_by_record(act->arena, owner->recorded, object, same->items, same->count).kind !=
                      OWNERSHIP_OTHERS)
        return 0;
    return act_check_owner(act, object, RUN_CHANGES, err);
}
