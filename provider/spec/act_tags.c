/*
 * Tags: reading them, and bringing them from what is to what is wanted. On the wire their items may have
 * members besides key and value (`beside`, `flag`), which our side keeps elsewhere or not at all.
 */
#include "provider/spec/act.h"

/* ---- items with more than key and value ---- */

const struct value *spec_tag_items(struct arena *arena, const struct spec_tags *tags,
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
    struct arena *arena, const struct spec_tags *tags, const struct value *items)
{
    AUTO_BUILDER struct value_builder keys = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < items->count; i++)
        if (value_equal(value_get(items->entries[i].value, tags->flag_member), &value_true))
            value_builder_add(&keys, value_string_ref(arena, items->entries[i].key));
    return value_builder_list(&keys);
}

static int beside_of(struct act *act, const struct value *object, const struct value **out, struct err *err)
{
    const struct spec_tags *tags = act->type->tags;
    *out = &value_empty_map;
    if (tags->beside && act_template(act, tags->beside, object, out, err))
        return -1;
    *out = *out ? *out : &value_empty_map;
    return 0;
}

static const struct value *flagged_in(const struct act *act, const struct value *object)
{
    const struct spec_tags *tags = act->type->tags;
    return tags->flag && object ? value_get(object, tags->flag->attr->name) : NULL;
}

/* Who wants a flag on a tag that there is none of wants something else. */
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
    const struct spec_tags *tags = act->type->tags;
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
            *all = value_merge(act->arena, *all, wire_coerce(act->arena, act->type->tags->answer, found));
        if (act_next_page(act, list, document, token, &token, err) ||
            (token && pages_next_value(&pages, list->call.op->wire.name, token, err)))
            return -1;
    } while (token);
    return 0;
}

/* The whole set is replaced: what is not ours has to be sent back. */
static int put_tags(
    struct act *act, const struct value *object, const struct value *want, bool fresh, struct err *err)
{
    const struct spec_tags *tags = act->type->tags;
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

/* Keys to take away, as [{Key: k}] where the service wants structures. */
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

/* A tag is as it is wanted if its value is, and its flag. */
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

/* Removed before added: at fifty there is no room for both. */
int act_sync_tags(struct act *act, const struct value *object, const struct value *have,
    const struct value *want, bool fresh, struct err *err)
{
    const struct spec_tags *tags = act->type->tags;
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
