/* What there is, whatever its type: records of the control plane, buckets, runs. */
#include "sandbox/console/console.h"

#include "provider/provider.h"
#include "sandbox/control/control.h"
#include "sandbox/engine/task.h"
#include "sandbox/engine/view.h"
#include "sandbox/s3/store.h"

enum { MAX_RUNS = 500 };

/* ---- what is not shown ---- */

static bool says_secret(struct arena *arena, struct str name)
{
    static const char *const words[] = {
        "password", "secret", "token", "credential", "private_key", "privatekey"};
    struct str lower = arena_lower(arena, name);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (str_find(lower, str_z(words[i]), 0) >= 0)
            return true;
    return false;
}

/* Texts under names that say so; an ARN of a secret is none. */
static const struct value *shown(struct arena *arena, struct str name, const struct value *v)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    if (v->kind == VALUE_STRING)
        return says_secret(arena, name) && !str_starts(v->string, STR("arn:"))
                   ? value_stringz(arena, "(secret)")
                   : v;
    if (v->kind == VALUE_LIST) {
        for (uint32_t i = 0; i < v->count; i++)
            value_builder_add(&b, shown(arena, name, v->items[i]));
        return value_builder_list(&b);
    }
    if (v->kind != VALUE_MAP)
        return v;
    for (uint32_t i = 0; i < v->count; i++)
        value_builder_set(&b, v->entries[i].key, shown(arena, v->entries[i].key, v->entries[i].value));
    return value_builder_map(&b);
}

static const struct value *attrs_shown(
    struct arena *arena, const struct schema *schema, const struct value *attrs)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < attrs->count; i++) {
        const struct value_entry *entry = &attrs->entries[i];
        const struct attr *attr = schema_attr(schema, entry->key);
        if (!attr) /* the control plane's own */
            continue;
        bool secret = attr->sensitive || attr->write_only;
        value_builder_set(&b, entry->key,
            secret || value_is_sensitive(entry->value) ? value_stringz(arena, "(secret)")
                                                       : shown(arena, entry->key, entry->value));
    }
    return value_builder_map(&b);
}

/* ---- resources ---- */

static const struct value *resource_shown(
    struct arena *arena, const struct schema *schema, const struct control_record *record)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    view_text(&b, "id", record->id);
    view_text(&b, "region", record->region);
    view_time(&b, "made", record->created_ms);
    view_set(&b, "attrs", attrs_shown(arena, schema, record->attrs));
    return value_builder_map(&b);
}

static void add_type(
    struct control *control, const struct schema *schema, struct arena *arena, struct value_builder *types)
{
    size_t n;
    const struct control_record *records = control_list(control, arena, schema->name, STR_EMPTY, &n);
    AUTO_BUILDER struct value_builder resources = VALUE_BUILDER(arena), b = VALUE_BUILDER(arena);
    for (size_t i = 0; i < n; i++)
        value_builder_add(&resources, resource_shown(arena, schema, &records[i]));
    if (!n)
        return;
    view_text(&b, "type", schema->name);
    view_set(&b, "things", value_builder_list(&resources));
    value_builder_add(types, value_builder_map(&b));
}

const struct value *console_resources(struct sandbox *sandbox, struct arena *arena)
{
    struct control *control = sandbox_control(sandbox);
    struct catalog *catalog = sandbox_catalog(sandbox);
    size_t n = 0;
    const struct str *names = control ? catalog_names(catalog, false, &n) : NULL;
    AUTO_BUILDER struct value_builder types = VALUE_BUILDER(arena), b = VALUE_BUILDER(arena);
    for (size_t i = 0; i < n; i++) {
        const struct schema *schema = catalog_find(catalog, names[i], false, ERR_IGNORED);
        if (schema)
            add_type(control, schema, arena, &types);
    }
    view_set(&b, "types", value_builder_list(&types));
    return value_builder_map(&b);
}

const struct value *console_buckets(struct sandbox *sandbox, struct arena *arena)
{
    struct s3_store *store = sandbox_store(sandbox);
    const struct value *names = value_as_list(store_bucket_names(arena, store));
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < names->count; i++) {
        const struct value *doc = store_bucket_doc(arena, store, names->items[i]->string);
        AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
        view_set(&b, "name", names->items[i]);
        view_text(&b, "region", value_gets(doc, "region"));
        value_builder_add(&all, value_builder_map(&b));
    }
    return value_builder_list(&all);
}

/* ---- runs ---- */

static const struct value *run_shown(struct arena *arena, const struct task_info *info)
{
    static const char *const states[] = ACTIVITY_NAMES(
        "WAITING", "STARTING", "RUNNING", "STOPPING", "SUCCEEDED", "FAILED", "TIMED OUT", "STOPPED");
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    view_text(&b, "kind", info->kind);
    view_text(&b, "owner", info->owner);
    view_text(&b, "id", info->id);
    view_text(&b, "region", info->region);
    view_text(&b, "state", str_z(states[info->state]));
    view_text(&b, "message", info->message);
    view_time(&b, "made", info->created_ms);
    view_time(&b, "started", info->started_ms);
    view_time(&b, "ended", info->ended_ms);
    return value_builder_map(&b);
}

const struct value *console_runs(struct sandbox *sandbox, struct arena *arena)
{
    struct services *services = sandbox_services(sandbox);
    size_t n = 0;
    const struct task_info *runs =
        services ? task_list(services, arena, NULL, STR_EMPTY, STR_EMPTY, &n) : NULL;
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(arena);
    for (size_t i = 0; i < n && i < MAX_RUNS; i++)
        value_builder_add(&all, run_shown(arena, &runs[i]));
    return value_builder_list(&all);
}
