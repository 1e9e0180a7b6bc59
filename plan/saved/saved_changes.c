/* The changes of a plan in its file. */
#include "plan/saved/saved.h"

#include "base/json.h"
#include "base/mask.h"
#include "plan/objects/objects.h"

/* ---- writing ---- */

static void set_flag(struct value_builder *b, const char *name, bool set)
{
    if (set)
        value_builder_set(b, str_z(name), &value_true);
}

static void set_count(struct value_builder *b, const char *name, uint64_t n)
{
    value_builder_set(b, str_z(name), value_int(b->arena, (int64_t)n));
}

static void set_values(struct value_builder *b, struct saved_encoder *encoder, const struct value *before,
    const struct value *after)
{
    if (before)
        value_builder_set(b, STR("before"), saved_value_encode(encoder, before));
    if (after)
        value_builder_set(b, STR("after"), saved_value_encode(encoder, after));
    value_builder_release(&encoder->secrets);
}

static const struct value *attr_saved(struct arena *arena, const struct attr_change *c)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    struct saved_encoder encoder = {.arena = arena,
        .type = c->attr ? c->attr->type : NULL,
        .hidden = c->attr && c->attr->sensitive,
        .names = c->before && attr_change_names_given(c),
        .secrets = VALUE_BUILDER(arena)};
    value_builder_text(&b, "name", c->name);
    set_values(&b, &encoder, c->before, c->after);
    set_flag(&b, "replaces", c->replaces);
    set_flag(&b, "stays", c->unchanged);
    return value_builder_map(&b);
}

static void set_attrs(struct value_builder *b, const char *name, const struct attr_change *attrs, size_t n)
{
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(b->arena);
    for (size_t i = 0; i < n; i++)
        value_builder_add(&list, attr_saved(b->arena, &attrs[i]));
    if (n)
        value_builder_set(b, str_z(name), value_builder_list(&list));
}

/* The configured attributes, and the rank for the order of output. */
static void set_declared(struct value_builder *b, const struct plan *plan, const struct change *c)
{
    const struct decl *decl =
        c->decl ? c->decl : stack_find(plan->planner->stack, address_declared(c->subject.address));
    AUTO_BUILDER struct value_builder given = VALUE_BUILDER(b->arena);
    if (!decl)
        return;
    for (size_t i = 0; i < decl->attr_count; i++)
        value_builder_add(&given, value_string_ref(b->arena, decl->attrs[i].name));
    value_builder_set(b, STR("given"), value_builder_list(&given));
    set_count(b, "rank", decl->index);
}

static const struct value *change_saved(struct arena *arena, const struct plan *plan, const struct change *c)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    value_builder_text(&b, "address", c->subject.address);
    value_builder_text(&b, "type", c->subject.type);
    value_builder_text(&b, "provider", c->subject.provider);
    value_builder_text(&b, "id", c->subject.id);
    set_flag(&b, "data", c->schema && c->schema->is_data);
    value_builder_text(&b, "action", str_z(action_name(c->decision.action)));
    set_flag(&b, "create_first", c->decision.create_first);
    value_builder_text(&b, "reason", c->reason);
    value_builder_text(&b, "moved_from", c->moved_from);
    set_flag(&b, "deleted", c->deleted);
    set_attrs(&b, "attrs", c->attrs, c->attr_count);
    set_attrs(&b, "drift", c->drift, c->drift_count);
    set_declared(&b, plan, c);
    return value_builder_map(&b);
}

static const struct value *output_saved(struct arena *arena, const struct output_change *c)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    struct saved_encoder encoder = {.arena = arena, .hidden = c->sensitive, .secrets = VALUE_BUILDER(arena)};
    value_builder_text(&b, "name", c->name);
    value_builder_text(&b, "description", c->description);
    set_values(&b, &encoder, c->before, c->after);
    set_flag(&b, "sensitive", c->sensitive);
    return value_builder_map(&b);
}

static const struct value *counts_saved(struct arena *arena, const struct plan *plan)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (int i = 0; i < ACTION_COUNT; i++)
        set_count(&b, action_name((enum action)i), plan->counts[i]);
    set_count(&b, "adopt_updates", plan->adopt_updates);
    set_count(&b, "resources", plan->resource_count);
    set_count(&b, "left", plan->untargeted_count);
    set_flag(&b, "drifted", plan->drifted);
    return value_builder_map(&b);
}

static const struct value *unread_saved(struct arena *arena, const struct plan *plan)
{
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    for (size_t i = 0; i < plan->unread_count; i++) {
        AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
        value_builder_text(&b, "address", plan->unread[i].address);
        value_builder_text(&b, "why", plan->unread[i].why);
        value_builder_add(&list, value_builder_map(&b));
    }
    return value_builder_list(&list);
}

static const struct value *refresh_saved(struct arena *arena, const struct plan *plan)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    set_count(&b, "resources", plan->refresh_count);
    set_count(&b, "requests", plan->refresh_requests);
    set_count(&b, "ms", (uint64_t)plan->refresh_ms);
    set_flag(&b, "quickly", plan->refreshed_quickly);
    if (plan->unread_count)
        value_builder_set(&b, STR("unread"), unread_saved(arena, plan));
    return value_builder_map(&b);
}

/* Parses the written form again; values that only mask.h knows as secret are removed. */
static const struct value *as_written(struct arena *arena, const struct value *v)
{
    AUTO_BUF struct buf plain = BUF_INIT, masked = BUF_INIT;
    const struct value *read = v;
    json_write(&plain, v, JSON_PLAIN);
    mask_json(&masked, buf_str(&plain));
    scan_json(arena, arena_str(arena, buf_str(&masked)), &read, NULL);
    return read;
}

const struct value *saved_changes(const struct plan *plan, struct arena *arena)
{
    AUTO_BUILDER struct value_builder changes = VALUE_BUILDER(arena), outputs = VALUE_BUILDER(arena),
                                      losses = VALUE_BUILDER(arena);
    for (size_t i = 0; i < plan->change_count; i++) {
        const struct change *c = plan->changes[i];
        value_builder_add(&changes, change_saved(arena, plan, c));
        if (c->data_loss)
            value_builder_set(&losses, c->subject.address, c->data_loss);
    }
    for (size_t i = 0; i < plan->output_count; i++)
        value_builder_add(&outputs, output_saved(arena, &plan->outputs[i]));
    return as_written(arena,
        VALUE_MAP(arena, {STR("changes"), value_builder_list(&changes)},
            {STR("outputs"), value_builder_list(&outputs)}, {STR("counts"), counts_saved(arena, plan)},
            {STR("data_loss"), value_builder_map(&losses)}, {STR("refresh"), refresh_saved(arena, plan)},
            {STR("rules"), saved_findings(plan, arena)}, {STR("objects"), saved_objects(plan, arena)}));
}

/* ---- reading ---- */

struct reading {
    struct arena *arena;
    struct catalog *catalog;
};

static struct str read_text(const struct reading *r, const struct value *v, const char *name)
{
    return arena_str(r->arena, value_gets(v, name));
}

static const struct value *read_value(const struct reading *r, const struct value *v, const char *name)
{
    const struct value *saved = value_getz(v, name);
    return saved ? saved_value_decode(r->arena, saved) : NULL;
}

static struct attr_change *read_attrs(
    const struct reading *r, const struct schema *schema, const struct value *saved, size_t *n)
{
    const struct value *list = value_as_list(saved);
    struct attr_change *attrs = ARENA_ARRAY(r->arena, struct attr_change, list->count + 1);
    for (uint32_t i = 0; i < list->count; i++) {
        const struct value *v = list->items[i];
        struct str name = read_text(r, v, "name");
        attrs[i] = (struct attr_change){.name = name,
            .attr = schema ? schema_attr(schema, name) : NULL,
            .before = read_value(r, v, "before"),
            .after = read_value(r, v, "after"),
            .replaces = value_getb(v, "replaces"),
            .unchanged = value_getb(v, "stays")};
    }
    *n = list->count;
    return attrs;
}

static const struct decl *read_declared(
    const struct reading *r, const struct schema *schema, const struct value *v)
{
    const struct value *given = value_getz(v, "given"), *list = value_as_list(given);
    if (!given)
        return NULL;
    struct decl *decl = ARENA_NEW(r->arena, struct decl);
    decl->index = (uint32_t)value_get_count(v, "rank");
    decl->attrs = ARENA_ARRAY(r->arena, struct attr_expr, list->count + 1);
    for (uint32_t i = 0; schema && i < list->count; i++) {
        const struct attr *attr = schema_attr(schema, value_text(list->items[i], STR_EMPTY));
        if (attr)
            decl->attrs[decl->attr_count++] = (struct attr_expr){.name = attr->name, .attr = attr};
    }
    return decl;
}

static struct change *read_change(const struct reading *r, const struct value *v, const struct value *losses)
{
    struct err unknown = ERR_INIT; /* then without schema information */
    struct change *c = ARENA_NEW(r->arena, struct change);
    *c = (struct change){.subject = {.address = read_text(r, v, "address"),
                             .type = read_text(r, v, "type"),
                             .provider = read_text(r, v, "provider"),
                             .id = read_text(r, v, "id")},
        .decision = {action_named(value_gets(v, "action")), value_getb(v, "create_first")},
        .reason = read_text(r, v, "reason"),
        .moved_from = read_text(r, v, "moved_from"),
        .deleted = value_getb(v, "deleted")};
    const struct value *goes = value_get(losses, c->subject.address);
    c->schema = catalog_find(r->catalog, c->subject.type, value_getb(v, "data"), &unknown);
    c->attrs = read_attrs(r, c->schema, value_getz(v, "attrs"), &c->attr_count);
    c->drift = read_attrs(r, c->schema, value_getz(v, "drift"), &c->drift_count);
    c->decl = read_declared(r, c->schema, v);
    c->data_loss = goes ? value_copy(r->arena, value_as_list(goes)) : NULL;
    return c;
}

static struct output_change read_output(const struct reading *r, const struct value *v)
{
    return (struct output_change){.name = read_text(r, v, "name"),
        .description = read_text(r, v, "description"),
        .before = read_value(r, v, "before"),
        .after = read_value(r, v, "after"),
        .sensitive = value_getb(v, "sensitive")};
}

void saved_unread(const struct value *saved, struct arena *arena, struct plan *out)
{
    const struct value *list = value_as_list(value_getz(value_getz(saved, "refresh"), "unread"));
    struct unread *unread = ARENA_ARRAY(arena, struct unread, list->count + 1);
    for (uint32_t i = 0; i < list->count; i++)
        unread[i] = (struct unread){arena_str(arena, value_gets(list->items[i], "address")),
            arena_str(arena, value_gets(list->items[i], "why"))};
    out->unread = unread;
    out->unread_count = list->count;
}

static void read_figures(const struct value *saved, struct plan *out)
{
    const struct value *counts = value_getz(saved, "counts"), *refresh = value_getz(saved, "refresh");
    for (int i = 0; i < ACTION_COUNT; i++)
        out->counts[i] = value_get_count(counts, action_name((enum action)i));
    out->adopt_updates = value_get_count(counts, "adopt_updates");
    out->resource_count = value_get_count(counts, "resources");
    out->untargeted_count = value_get_count(counts, "left");
    out->drifted = value_getb(counts, "drifted");
    out->destroy = value_getb(saved, "destroy");
    out->refresh_count = value_get_count(refresh, "resources");
    out->refresh_requests = value_get_count(refresh, "requests");
    out->refresh_ms = value_geti(refresh, "ms", 0);
    out->refreshed_quickly = value_getb(refresh, "quickly");
    out->refreshed = value_getb(saved, "refreshed");
}

void saved_changes_read(
    const struct value *saved, struct catalog *catalog, struct arena *arena, struct plan *out)
{
    struct reading r = {arena, catalog};
    const struct value *changes = value_as_list(value_getz(saved, "changes")),
                       *outputs = value_as_list(value_getz(saved, "outputs"));
    *out = (struct plan){.output_values = &value_empty_map};
    out->changes = ARENA_ARRAY(arena, struct change *, changes->count + 1);
    for (uint32_t i = 0; i < changes->count; i++)
        out->changes[out->change_count++] =
            read_change(&r, changes->items[i], value_getz(saved, "data_loss"));
    out->outputs = ARENA_ARRAY(arena, struct output_change, outputs->count + 1);
    for (uint32_t i = 0; i < outputs->count; i++)
        out->outputs[out->output_count++] = read_output(&r, outputs->items[i]);
    read_figures(saved, out);
    saved_unread(saved, arena, out);
    saved_findings_read(value_getz(saved, "rules"), arena, out);
}

/* ---- comparing ---- */

/* Values that mask.h knows as secret depend on the user and the environment. */
static bool is_masked(const struct value *v)
{
    return v && v->kind == VALUE_STRING && str_find(v->string, STR(MASKED), 0) >= 0;
}

static bool holds_hash(const struct value *v)
{
    bool list = v && v->kind == VALUE_LIST, found = value_getz(v, "$hash");
    for (uint32_t i = 0; !found && v && (list || v->kind == VALUE_MAP) && i < v->count; i++)
        found = holds_hash(list ? v->items[i] : v->entries[i].value);
    return found;
}

/* True for any two secrets; maps must have the same keys. */
static bool is_same_secret(const struct value *now, const struct value *then)
{
    bool same = now->kind == then->kind && now->count == then->count;
    for (uint32_t i = 0; same && now->kind == VALUE_MAP && i < now->count; i++)
        same = str_eq(now->entries[i].key, then->entries[i].key);
    return same;
}

static bool is_same(const struct value *now, const struct value *then, bool hashed);

static bool is_same_within(const struct value *now, const struct value *then, bool hashed)
{
    bool list = now->kind == VALUE_LIST;
    if (now->kind != then->kind || now->count != then->count)
        return false;
    for (uint32_t i = 0; i < now->count; i++)
        if (list ? !is_same(now->items[i], then->items[i], hashed)
                 : !str_eq(now->entries[i].key, then->entries[i].key) ||
                       !is_same(now->entries[i].value, then->entries[i].value, hashed))
            return false;
    return true;
}

/*
 * `hashed`: without a key, an attribute's former value may be a hash by now, so that equal secrets cannot be
 * recognised.
 */
static bool is_same(const struct value *now, const struct value *then, bool hashed)
{
    const struct value *secret = value_getz(now, "$secret"), *other = value_getz(then, "$secret");
    bool within = now->kind == VALUE_LIST || now->kind == VALUE_MAP;
    if (is_masked(now) || is_masked(then) || (value_getz(now, "$hash") && other))
        return true;
    if (hashed && secret && other)
        return is_same_secret(secret, other);
    return within ? is_same_within(now, then, hashed || holds_hash(value_getz(now, "before")))
                  : value_equal(now, then);
}

/* Address of the first difference; "": none. */
static struct str first_other(const struct value *now, const struct value *then)
{
    for (uint32_t i = 0; i < now->count; i++)
        if (i >= then->count || !is_same(now->items[i], then->items[i], false))
            return value_gets(now->items[i], "address");
    return now->count < then->count ? value_gets(then->items[now->count], "address") : STR_EMPTY;
}

/* True if the item was in the saved plan; its counts may have changed since. */
static bool has_item(const struct value *items, const struct value *item)
{
    const struct value *list = value_as_list(items);
    for (uint32_t i = 0; i < list->count; i++)
        if (str_eq(value_gets(list->items[i], "message"), value_gets(item, "message")) &&
            str_eq(value_gets(list->items[i], "flag"), value_gets(item, "flag")) &&
            str_eq(value_gets(list->items[i], "id"), value_gets(item, "id")))
            return true;
    return false;
}

/* Reports data loss that the saved plan does not have. Leftovers of services are ignored, since they change
 * by themselves. */
static int compare_data_loss(const struct value *now, const struct value *then, struct err *err)
{
    for (uint32_t i = 0; i < now->count; i++) {
        const struct value *list = now->entries[i].value;
        for (uint32_t k = 0; k < list->count; k++) {
            const struct value *item = list->items[k];
            struct str address = now->entries[i].key, message = value_gets(item, "message");
            bool left = value_getz(item, "id") && !value_getb(item, "kept");
            if (value_getz(item, "stops") || left || has_item(value_get(then, address), item))
                continue;
            err_set(err, ERR_STALE, "%.*s: its deletion would delete more than this plan shows: %.*s",
                STR_ARG(address), STR_ARG(message));
            return err_hint(err, "run `weir plan` again");
        }
    }
    return 0;
}

static int refuse_other(struct str name, struct err *err)
{
    err_set(err, ERR_STALE, "its changes%s%.*s are not those that this plan shows", name.n ? " with " : "",
        STR_ARG(name));
    return err_hint(err, "run `weir plan` again");
}

static const struct value *output_named(const struct value *outputs, struct str name)
{
    for (uint32_t i = 0; i < outputs->count; i++)
        if (str_eq(value_gets(outputs->items[i], "name"), name))
            return outputs->items[i];
    return NULL;
}

/* Reports output values that the saved plan does not have. Other runs may have set some already. */
static int compare_outputs(const struct value *now, const struct value *then, struct err *err)
{
    for (uint32_t i = 0; i < now->count; i++) {
        struct str name = value_gets(now->items[i], "name");
        const struct value *shown = output_named(then, name);
        const struct value *is = value_getz(now->items[i], "after"), *was = value_getz(shown, "after");
        if (!shown || (is && was ? !is_same(is, was, true) : is != was))
            return refuse_other(name, err);
    }
    return 0;
}

int saved_changes_compare(const struct plan *plan, const struct value *saved, bool alone, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const struct value *now = saved_changes(plan, &scratch);
    const struct value *changes = value_getz(now, "changes"), *outputs = value_getz(now, "outputs"),
                       *shown = value_getz(saved, "changes"),
                       *set = value_as_list(value_getz(saved, "outputs"));
    if (!shown || !is_same(changes, shown, false))
        return refuse_other(first_other(changes, value_as_list(shown)), err);
    if (alone && (!is_same(outputs, set, false) ||
                     !is_same(value_getz(now, "counts"), value_as_map(value_getz(saved, "counts")), false)))
        return refuse_other(STR_EMPTY, err);
    if (compare_outputs(outputs, set, err))
        return -1;
    return compare_data_loss(value_getz(now, "data_loss"), value_getz(saved, "data_loss"), err);
}
