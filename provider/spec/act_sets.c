/* Member sets and keyed entries: reading them, and changing them to the desired ones. */
#include "base/json.h"
#include "provider/spec/act.h"

/* ---- Calls with a list of changes, from the last seen object to the desired one ---- */

int act_patch_document(struct arena *arena, const struct spec_request *request, const struct value *object,
    const struct value **document, struct err *err)
{
    static const struct wire_operation body = {
        .protocol = WIRE_REST_JSON, .method = STR_INIT("POST"), .path = STR_INIT("/")};
    struct wire_message message = {0};
    AUTO_BUILDER struct value_builder known = VALUE_BUILDER(arena);
    for (uint32_t i = 0; object && i < object->count; i++)
        if (value_is_known(object->entries[i].value))
            value_builder_set(&known, object->entries[i].key, object->entries[i].value);
    *document = &value_empty_map;
    if (wire_encode_request(arena, &body, &request->patched, value_builder_map(&known), &message, err))
        return -1;
    return message.body.n ? json_parse(arena, message.body, document, err) : 0;
}

/* True if the attribute has to change. An attribute that is not and was not configured is not managed. */
static bool is_to_change(
    const struct act *act, const struct attr *attr, const struct value *have, const struct value *want)
{
    if (value_is_null(want))
        return act->changed && act_wants(act->changed, attr->name) && !value_is_null(have);
    return value_is_known(want) && (value_is_null(have) || !attr_equal(attr, want, have));
}

/* Within a structure, too, fields that were never configured are kept. */
static const struct value *with_others_kept(
    struct act *act, const struct attr *attr, const struct value *have, const struct value *want)
{
    const struct value *taking = act->changed && act_wants(act->changed, attr->name) && want
                                     ? value_get(act->desired, attr->name)
                                     : NULL;
    return taking && have ? attr_after_update(act->arena, attr->type, taking, have) : want;
}

int act_patch(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value **list, struct err *err)
{
    const struct spec_request *request = &step->call.request;
    AUTO_BUILDER struct value_builder from = VALUE_BUILDER(act->arena), to = VALUE_BUILDER(act->arena);
    bool sensitive = false;
    for (size_t i = 0; i < request->attrs.count; i++) {
        const struct spec_attr *attr = spec_attr_find(act->type, request->attrs.items[i]);
        const struct value *want = value_get(object, request->attrs.items[i]),
                           *have = value_get(act->seen, request->attrs.items[i]);
        bool taken = spec_names_have(&step->call.without, request->attrs.items[i]);
        if (taken) {
            have = want;
            want = NULL;
        }
        bool takes = attr && !taken &&
                     attr_removes_fields(attr->attr->type, value_get(act->desired, attr->attr->name));
        if (!attr || !(taken ? !value_is_null(have) : takes || is_to_change(act, attr->attr, have, want)))
            continue;
        if (!taken)
            want = with_others_kept(act, attr->attr, have, want);
        sensitive = sensitive || attr->attr->sensitive || value_is_sensitive(want);
        value_builder_set(&from, attr->attr->name, have);
        value_builder_set(&to, attr->attr->name, want);
    }
    const struct value *before, *after;
    *list = NULL;
    if (act_patch_document(act->arena, request, value_builder_map(&from), &before, err) ||
        act_patch_document(act->arena, request, value_builder_map(&to), &after, err))
        return -1;
    const struct value *changes =
        patch_between(act->arena, step->call.op->patch, &request->patched, before, after);
    if (changes->count)
        *list = sensitive ? value_mark(act->arena, changes, VALUE_SENSITIVE) : changes;
    return 0;
}

enum { ATTEMPTS = 4, FIRST_PAUSE_MS = 250 };

int act_bring_about(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value *item, enum err_class as_done, bool always, struct err *err)
{
    int64_t pause = FIRST_PAUSE_MS;
    bool unsure = false;
    for (int attempt = 1;; attempt++) {
        const struct value *document;
        struct err failure = ERR_INIT;
        if (!act_call(act, step, object, item, &document, &failure))
            return 0;
        unsure = unsure || failure.lost || failure.unsure;
        if (failure.class == as_done && (always || unsure))
            return 0;
        failure.unsure = unsure;
        if (!failure.lost || attempt == ATTEMPTS || cancel_sleep_ms(act->ctx->cancel, pause, ERR_IGNORED))
            return err_raise(err, &failure);
        pause *= 2;
    }
}

/* ---- members ---- */

static const struct value *self_renamed(
    struct act *act, struct str self, const struct value *item, struct str from, struct str to)
{
    bool is = self.n && from.n && item->kind == VALUE_MAP && str_eq(value_gets(item, self.p), from);
    return is ? value_with(act->arena, item, self, value_string(act->arena, to)) : item;
}

const struct value *act_members_configured(
    struct act *act, const struct spec_owned *m, struct str id, const struct value *items)
{
    if (!m->self.n || !items || items->kind != VALUE_LIST)
        return items;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(act->arena);
    for (uint32_t i = 0; i < items->count; i++)
        value_builder_add(&b, self_renamed(act, m->self, items->items[i], id, STR("self")));
    return value_builder_list(&b);
}

int act_read_members(struct act *act, const struct spec_owned *m, const struct value *object,
    const struct value **out, struct err *err)
{
    const struct value *items;
    if (act_list(act, m->list, object, NULL, &items, err))
        return -1;
    *out = act_members_configured(
        act, m, value_gets(object, act->type->schema.id.p), wire_coerce(act->arena, m->attr->answer, items));
    return 0;
}

/* attr_equal() allows further live fields; here these have to be removed. */
static bool same_both_ways(const struct attr *attr, const struct value *a, const struct value *b)
{
    return attr_equal(attr, a, b) && attr_equal(attr, b, a);
}

/* Returns the items of `list` that `other` lacks, by the attribute's comparison. */
static const struct value *items_missing(
    struct act *act, const struct spec_attr *attr, const struct value *list, const struct value *other)
{
    const struct attr item = {.type = attr->attr->type->elem, .compare = attr->attr->compare};
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(act->arena);
    for (uint32_t i = 0; list && i < list->count; i++) {
        bool found = false;
        for (uint32_t k = 0; other && k < other->count && !found; k++)
            found = same_both_ways(&item, list->items[i], other->items[k]);
        if (!found)
            value_builder_add(&b, list->items[i]);
    }
    return value_builder_list(&b);
}

/* Adding an existing member and removing a missing one succeed: their error class is `as_done`. */
static int change_one(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value *item, enum err_class as_done, struct err *err)
{
    return act_bring_about(act, step, object, item, as_done, true, err);
}

static int change_items(struct act *act, const struct spec_owned *m, const struct spec_step *step,
    const struct value *object, const struct value *items, enum err_class as_done, struct err *err)
{
    struct str id = value_gets(object, act->type->schema.id.p);
    if (m->batch)
        return items->count ? change_one(act, step, object, items, as_done, err) : 0;
    for (uint32_t i = 0; i < items->count; i++)
        if (change_one(act, step, object, self_renamed(act, m->self, items->items[i], STR("self"), id),
                as_done, err))
            return -1;
    return 0;
}

static int modify_members(struct act *act, const struct spec_owned *m, const struct value *object,
    const struct value *add, const struct value *remove, struct err *err)
{
    struct value_entry lists[2];
    size_t n = 0;
    if (add->count)
        lists[n++] = (struct value_entry){STR("add"), add};
    if (remove->count)
        lists[n++] = (struct value_entry){STR("remove"), remove};
    return n ? change_one(act, m->modify, object, value_map(act->arena, lists, n), ERR_EXISTS, err) : 0;
}

int act_sync_members(struct act *act, const struct spec_owned *m, const struct value *object,
    const struct value *have, const struct value *want, struct err *err)
{
    const struct value *add = items_missing(act, m->attr, want, have);
    const struct value *remove = items_missing(act, m->attr, have, want);
    if (m->modify)
        return modify_members(act, m, object, add, remove, err);
    if (change_items(act, m, m->remove, object, remove, ERR_ABSENT, err))
        return -1;
    return change_items(act, m, m->add, object, add, ERR_EXISTS, err);
}

/* ---- entries ---- */

static struct str entry_key(struct act *act, const struct spec_owned *e, const struct value *item)
{
    return value_scalar_text(
        act->arena, e->key.n && item->kind == VALUE_MAP ? value_get(item, e->key) : item);
}

const struct value *act_entries_of(struct act *act, const struct spec_owned *e, const struct value *items)
{
    AUTO_BUILDER struct value_builder map = VALUE_BUILDER(act->arena);
    /* Lists are wrapped in {member: …} in XML, and a single item is not a list. */
    items = wire_path(act->arena, items, STR("[]"));
    for (uint32_t i = 0; items && items->kind == VALUE_LIST && i < items->count; i++) {
        const struct value *item = items->items[i];
        if (act_skips(act, &e->skip, item))
            continue;
        const struct value *v = e->value.n ? wire_path(act->arena, item, e->value) : item;
        v = v ? wire_coerce(act->arena, e->attr->answer->elem, v) : NULL;
        if (v && act_skips(act, &e->broken, item))
            v = &value_empty_map;
        struct str key = entry_key(act, e, item);
        if (key.n && v)
            value_builder_set(&map, key, v);
    }
    return value_builder_map(&map);
}

static int get_entry(struct act *act, const struct spec_owned *e, const struct value *object, struct str key,
    const struct value **out, struct err *err)
{
    struct value_entry named = {STR("key"), value_string(act->arena, key)};
    const struct value *document, *found;
    if (act_call(act, e->get, object, value_map(act->arena, &named, 1), &document, err))
        return -1;
    found = act_at(act, e->get, document, object);
    if (found && e->answer.n)
        found = wire_path(act->arena, found, e->answer);
    *out = found ? wire_coerce(act->arena, e->attr->answer->elem, found) : NULL;
    return 0;
}

int act_read_entries(struct act *act, const struct spec_owned *e, const struct value *object,
    const struct value **out, struct err *err)
{
    const struct value *items;
    if (act_list(act, e->list, object, NULL, &items, err))
        return -1;
    if (!e->get) {
        *out = act_entries_of(act, e, items);
        return 0;
    }
    AUTO_BUILDER struct value_builder map = VALUE_BUILDER(act->arena);
    for (uint32_t i = 0; i < items->count; i++) {
        struct str key = entry_key(act, e, items->items[i]);
        const struct value *v;
        if (get_entry(act, e, object, key, &v, err))
            return -1;
        if (v)
            value_builder_set(&map, key, v);
    }
    *out = value_builder_map(&map);
    return 0;
}

/* Puts one batch of entries: {items: [{key, value}]}, or a single {key, value}. */
static int put_entries(struct act *act, const struct spec_owned *e, const struct spec_step *step,
    const struct value *object, const struct value *entries, struct err *err)
{
    size_t batch = e->batch > 0 ? (size_t)e->batch : 1;
    for (size_t i = 0; i < entries->count; i += batch) {
        AUTO_BUILDER struct value_builder group = VALUE_BUILDER(act->arena);
        for (size_t k = i; k < entries->count && k < i + batch; k++) {
            struct value_entry pair[] = {{STR("key"), value_string_ref(act->arena, entries->entries[k].key)},
                {STR("value"), entries->entries[k].value}};
            value_builder_add(&group, value_map(act->arena, pair, 2));
        }
        const struct value *list = value_builder_list(&group);
        struct value_entry items = {STR("items"), list};
        const struct value *item = e->batch ? value_map(act->arena, &items, 1) : list->items[0];
        enum err_class as_done = step == e->remove ? ERR_ABSENT : ERR_EXISTS;
        if (act_bring_about(act, step, object, item, as_done, false, err))
            return -1;
    }
    return 0;
}

static int delete_entries(struct act *act, const struct spec_owned *e, const struct value *object,
    const struct value *keys, struct err *err)
{
    size_t batch = e->batch > 0 ? (size_t)e->batch : 1;
    for (size_t i = 0; i < keys->count; i += batch) {
        size_t n = keys->count - i < batch ? keys->count - i : batch;
        struct value_entry key = {
            STR("key"), e->batch ? value_list(act->arena, keys->items + i, n) : keys->items[i]};
        if (act_bring_about(act, e->remove, object, value_map(act->arena, &key, 1), ERR_ABSENT, true, err))
            return -1;
    }
    return 0;
}

/* Deletes the keys that are not desired any more. */
static int drop_entries(struct act *act, const struct spec_owned *e, const struct value *object,
    const struct value *have, const struct value *want, struct err *err)
{
    AUTO_BUILDER struct value_builder keys = VALUE_BUILDER(act->arena), whole = VALUE_BUILDER(act->arena);
    for (uint32_t i = 0; have && i < have->count; i++) {
        struct str key = have->entries[i].key;
        if (value_get(want, key))
            continue;
        value_builder_add(&keys, value_string_ref(act->arena, key));
        value_builder_set(&whole, key, have->entries[i].value);
    }
    if (e->delete_whole)
        return put_entries(act, e, e->remove, object, value_builder_map(&whole), err);
    return delete_entries(act, e, object, value_builder_list(&keys), err);
}

int act_sync_entries(struct act *act, const struct spec_owned *e, const struct value *object,
    const struct value *have, const struct value *want, struct err *err)
{
    const struct attr value_attr = {.type = e->attr->attr->type->elem, .compare = e->attr->attr->compare};
    AUTO_BUILDER struct value_builder puts = VALUE_BUILDER(act->arena), replaced = VALUE_BUILDER(act->arena),
                                      stay = VALUE_BUILDER(act->arena);
    for (uint32_t i = 0; want && i < want->count; i++) {
        struct str key = want->entries[i].key;
        const struct value *v = want->entries[i].value, *now = value_get(have, key);
        /* Recreated entries are compared by configured fields only, since services return more. */
        bool takes = attr_removes_fields(
            value_attr.type, value_get(value_get(act->desired, e->attr->attr->name), key));
        bool same = now && !takes &&
                    (e->renew ? attr_equal(&value_attr, v, now) : same_both_ways(&value_attr, v, now));
        if (!same)
            value_builder_set(now && e->replace ? &replaced : &puts, key, v);
        if (same || !e->renew)
            value_builder_set(&stay, key, v);
    }
    if (drop_entries(act, e, object, have, value_builder_map(&stay), err) ||
        put_entries(act, e, e->replace, object, value_builder_map(&replaced), err))
        return -1;
    return put_entries(act, e, e->put, object, value_builder_map(&puts), err);
}
