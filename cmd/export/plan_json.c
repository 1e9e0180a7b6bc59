/*
 * Terraform's plan representation, format 1.2: see exported.h, and
 * https://developer.hashicorp.com/terraform/internals/json-format
 */
#include "cmd/export/exported.h"

#include "base/json.h"

/* The Terraform version of this format; readers interpret the document by it. */
#define AS_OF        "1.9.8"
#define HIDDEN       "(sensitive)"
#define AWS_PROVIDER "registry.terraform.io/hashicorp/aws"

/* ---- values ---- */

static const struct value *hidden_value(struct arena *arena, const struct value *v)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    if (v->kind != VALUE_MAP)
        return value_stringz(arena, HIDDEN);
    for (uint32_t i = 0; i < v->count; i++)
        value_builder_set(&b, v->entries[i].key, value_stringz(arena, HIDDEN));
    return value_builder_map(&b);
}

/* Returns the known parts with secrets hidden; NULL: nothing is known. */
static const struct value *shown_value(struct arena *arena, const struct value *v)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    if (v->kind == VALUE_UNKNOWN)
        return NULL;
    if (v->marks & VALUE_SENSITIVE)
        return hidden_value(arena, v);
    for (uint32_t i = 0; v->kind == VALUE_MAP && i < v->count; i++) {
        const struct value *inner = shown_value(arena, v->entries[i].value);
        if (inner)
            value_builder_set(&b, v->entries[i].key, inner);
    }
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++) {
        const struct value *inner = shown_value(arena, v->items[i]);
        value_builder_add(&b, inner ? inner : &value_null);
    }
    return v->kind == VALUE_MAP ? value_builder_map(&b) : v->kind == VALUE_LIST ? value_builder_list(&b) : v;
}

static bool is_unknown(const struct value *v)
{
    return v->kind == VALUE_UNKNOWN;
}

static bool is_secret(const struct value *v)
{
    return v->marks & VALUE_SENSITIVE;
}

/* Returns the same structure with `true` for each matching value: {a: true, b: [{}, {c: true}]}. NULL: none
 * matches. */
static const struct value *places_where(
    struct arena *arena, const struct value *v, bool (*is_so)(const struct value *v))
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    bool any = false;
    if (is_so(v))
        return &value_true;
    for (uint32_t i = 0; v->kind == VALUE_MAP && i < v->count; i++) {
        const struct value *inner = places_where(arena, v->entries[i].value, is_so);
        if (inner)
            value_builder_set(&b, v->entries[i].key, inner);
        any = any || inner;
    }
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++) {
        const struct value *inner = places_where(arena, v->items[i], is_so);
        bool holder = v->items[i]->kind == VALUE_MAP;
        value_builder_add(&b, inner ? inner : holder ? &value_empty_map : &value_false);
        any = any || inner;
    }
    return !any ? NULL : v->kind == VALUE_MAP ? value_builder_map(&b) : value_builder_list(&b);
}

static const struct value *places_or_none(
    struct arena *arena, const struct value *v, bool (*is_so)(const struct value *v))
{
    const struct value *places = v ? places_where(arena, v, is_so) : NULL;
    return places ? places : v ? &value_empty_map : &value_false;
}

/* ---- resources ---- */

static const struct value *export_text(const struct export *export, struct str s)
{
    return value_string_ref(export->arena, s);
}

static struct str provider_of(const struct exported *one)
{
    if (!one->translated)
        return STR("weir");
    struct str prefix = one->type, rest;
    return str_eqz(str_cut(prefix, '_', &rest), "aws") ? STR(AWS_PROVIDER)
           : str_starts(one->type, STR("random_"))     ? STR("registry.terraform.io/hashicorp/random")
                                                       : STR("terraform.io/builtin/terraform");
}

static void set_names(const struct export *export, struct value_builder *b, const struct exported *one)
{
    value_builder_set(b, STR("address"), export_text(export, one->address));
    value_builder_set(b, STR("mode"), value_stringz(export->arena, "managed"));
    value_builder_set(b, STR("type"), export_text(export, one->type));
    value_builder_set(b, STR("name"), export_text(export, one->name));
    value_builder_set(b, STR("provider_name"), export_text(export, provider_of(one)));
    if (one->key.p)
        value_builder_set(b, STR("index"), export_text(export, one->key));
}

static const struct value *resource_value(
    const struct export *export, const struct exported *one, const struct value *values)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(export->arena);
    set_names(export, &b, one);
    value_builder_set(&b, STR("schema_version"), value_int(export->arena, 0));
    value_builder_set(&b, STR("values"), shown_value(export->arena, values));
    value_builder_set(&b, STR("sensitive_values"), places_or_none(export->arena, values, is_secret));
    return value_builder_map(&b);
}

static const struct value *module_value(const struct export *export, bool planned)
{
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(export->arena);
    for (size_t i = 0; i < export->n; i++) {
        const struct exported *one = &export->items[i];
        const struct value *values = planned ? one->after : one->before;
        if (values)
            value_builder_add(&list, resource_value(export, one, values));
    }
    return value_map(export->arena, &(struct value_entry){STR("resources"), value_builder_list(&list)}, 1);
}

/* ---- changes ---- */

static const char *const *actions_of(const struct exported *one)
{
    static const char *const create[] = {"create", NULL}, *const delete[] = {"delete", NULL},
                             *const update[] = {"update", NULL}, *const noop[] = {"no-op", NULL},
                             *const forget[] = {"forget", NULL},
                             *const replace[] = {"delete", "create", NULL},
                             *const replace_first[] = {"create", "delete", NULL};
    if (one->object->action == ACTION_FORGET)
        return forget;
    if (!one->before || !one->after)
        return one->before ? delete : create;
    if (one->object->action == ACTION_REPLACE)
        return one->object->create_first ? replace_first : replace;
    return one->object->action == ACTION_NOOP || value_equal(one->before, one->after) ? noop : update;
}

static const struct value *change_value(const struct export *export, const struct exported *one)
{
    struct arena *arena = export->arena;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena), actions = VALUE_BUILDER(arena);
    for (const char *const *name = actions_of(one); *name; name++)
        value_builder_add(&actions, value_stringz(arena, *name));
    value_builder_set(&b, STR("actions"), value_builder_list(&actions));
    value_builder_set(&b, STR("before"), one->before ? shown_value(arena, one->before) : &value_null);
    value_builder_set(&b, STR("after"), one->after ? shown_value(arena, one->after) : &value_null);
    value_builder_set(&b, STR("after_unknown"),
        one->after && one->object->action != ACTION_NOOP ? places_or_none(arena, one->after, is_unknown)
                                                         : &value_empty_map);
    value_builder_set(&b, STR("before_sensitive"), places_or_none(arena, one->before, is_secret));
    value_builder_set(&b, STR("after_sensitive"), places_or_none(arena, one->after, is_secret));
    if (one->object->action == ACTION_ADOPT)
        value_builder_set(&b, STR("importing"),
            value_map(arena, &(struct value_entry){STR("id"), export_text(export, one->object->id)}, 1));
    return value_builder_map(&b);
}

static const struct value *changes_value(const struct export *export)
{
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(export->arena);
    for (size_t i = 0; i < export->n; i++) {
        AUTO_BUILDER struct value_builder b = VALUE_BUILDER(export->arena);
        set_names(export, &b, &export->items[i]);
        value_builder_set(&b, STR("change"), change_value(export, &export->items[i]));
        value_builder_add(&list, value_builder_map(&b));
    }
    return value_builder_list(&list);
}

/* ---- outputs ---- */

static const struct value *output_change_value(struct arena *arena, const struct output_change *o)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    const struct value *before = o->before ? o->before : &value_null,
                       *after = o->after ? o->after : &value_null;
    const char *action = !o->before ? "create" : o->after ? "update" : "delete";
    const struct value *name = value_stringz(arena, action), *shown = shown_value(arena, after);
    before = o->sensitive ? value_mark(arena, before, VALUE_SENSITIVE) : before;
    shown = o->sensitive ? hidden_value(arena, after) : shown;
    value_builder_set(&b, STR("actions"), value_list(arena, &name, 1));
    value_builder_set(&b, STR("before"), o->before ? shown_value(arena, before) : &value_null);
    value_builder_set(&b, STR("after"), o->after && shown ? shown : &value_null);
    value_builder_set(&b, STR("after_unknown"), value_bool(o->after && !value_is_known(o->after)));
    value_builder_set(&b, STR("before_sensitive"), value_bool(o->sensitive));
    value_builder_set(&b, STR("after_sensitive"), value_bool(o->sensitive));
    return value_builder_map(&b);
}

static const struct value *outputs_value(struct arena *arena, const struct plan *shown)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (size_t i = 0; i < shown->output_count; i++)
        value_builder_set(&b, shown->outputs[i].name, output_change_value(arena, &shown->outputs[i]));
    return value_builder_map(&b);
}

/* ---- configuration ---- */

static const struct value *ignored_block(struct arena *arena, const struct value *ignored)
{
    const struct value *block =
        VALUE_MAP(arena, {STR("keys"), export_constant(arena, export_tag_keys(arena, ignored, false))},
            {STR("key_prefixes"), export_constant(arena, export_tag_keys(arena, ignored, true))});
    return value_list(arena, &block, 1);
}

/* Returns the provider's configuration for this resource; NULL: unknown. */
static const struct value *provider_value(
    const struct export *export, struct str key, const struct planned_object *of)
{
    struct arena *arena = export->arena;
    struct str region = of ? of->region : STR_EMPTY;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena), expressions = VALUE_BUILDER(arena);
    value_builder_set(&b, STR("name"), value_stringz(arena, "aws"));
    value_builder_set(&b, STR("full_name"), value_stringz(arena, AWS_PROVIDER));
    if (!str_eqz(key, "aws"))
        value_builder_set(&b, STR("alias"), export_text(export, region));
    if (region.n)
        value_builder_set(&expressions, STR("region"), export_constant(arena, export_text(export, region)));
    if (of && of->ignored_tags->count)
        value_builder_set(&expressions, STR("ignore_tags"), ignored_block(arena, of->ignored_tags));
    if (region.n)
        value_builder_set(&b, STR("expressions"), value_builder_map(&expressions));
    return value_builder_map(&b);
}

static const struct value *providers_value(const struct export *export)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(export->arena);
    AUTO_MAP struct map written = {0};
    for (size_t i = 0; i < export->n; i++) {
        const struct exported *one = &export->items[i];
        struct str key = export_provider(export, one);
        if (!one->translated || !one->object->region.n || map_get(&written, key))
            continue;
        value_builder_set(&b, key, provider_value(export, key, one->object));
        map_set(&written, key, &b);
    }
    if (!map_get(&written, STR("aws")))
        value_builder_set(&b, STR("aws"), provider_value(export, STR("aws"), NULL));
    return value_builder_map(&b);
}

static const struct value *configured_value(struct export *export, const struct exported *one)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(export->arena);
    struct str address = arena_printf(export->arena, "%.*s.%.*s", STR_ARG(one->type), STR_ARG(one->name));
    value_builder_set(&b, STR("address"), export_text(export, address));
    value_builder_set(&b, STR("mode"), value_stringz(export->arena, "managed"));
    value_builder_set(&b, STR("type"), export_text(export, one->type));
    value_builder_set(&b, STR("name"), export_text(export, one->name));
    value_builder_set(&b, STR("provider_config_key"), export_text(export, export_provider(export, one)));
    value_builder_set(&b, STR("schema_version"), value_int(export->arena, 0));
    value_builder_set(&b, STR("expressions"), export_expressions(export, one));
    if (one->key.p)
        value_builder_set(&b, STR("for_each_expression"), &value_empty_map);
    return value_builder_map(&b);
}

static const struct value *configuration_value(struct export *export)
{
    struct arena *arena = export->arena;
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    AUTO_MAP struct map written = {0};
    for (size_t i = 0; i < export->n; i++) {
        const struct exported *one = &export->items[i];
        struct str name = arena_printf(arena, "%.*s.%.*s", STR_ARG(one->type), STR_ARG(one->name));
        if (one->after && !map_get(&written, name))
            value_builder_add(&list, configured_value(export, one));
        map_set(&written, name, export);
    }
    struct value_entry root[] = {{STR("resources"), value_builder_list(&list)}};
    return VALUE_MAP(arena, {STR("provider_config"), providers_value(export)},
        {STR("root_module"), value_map(arena, root, 1)});
}

/* ---- the document ---- */

/* Returns data that the format does not have; readers ignore it. */
static const struct value *own_value(struct export *export, const struct saved_plan *saved)
{
    struct arena *arena = export->arena;
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    for (size_t i = 0; i < export->n; i++)
        if (!export->items[i].translated) {
            struct value_entry one[] = {{STR("address"), export_text(export, export->items[i].address)},
                {STR("weir_address"), export_text(export, export->items[i].object->address)},
                {STR("weir_type"), export_text(export, export->items[i].object->type)}};
            value_builder_add(&list, value_map(arena, one, 3));
        }
    return VALUE_MAP(arena, {STR("env"), value_string(arena, saved_plan_env(saved))},
        {STR("stack"), value_string(arena, saved_plan_stack(saved))},
        {STR("untranslated"), value_builder_list(&list)},
        {STR("version"), value_stringz(arena, WEIR_VERSION)});
}

static void write_document(
    struct export *export, const struct saved_plan *saved, const struct plan *shown, struct buf *out)
{
    struct arena *arena = export->arena;
    struct value_entry prior[] = {{STR("format_version"), value_stringz(arena, "1.0")},
        {STR("terraform_version"), value_stringz(arena, AS_OF)},
        {STR("values"),
            value_map(arena, &(struct value_entry){STR("root_module"), module_value(export, false)}, 1)}};
    json_write(out,
        VALUE_MAP(arena, {STR("format_version"), value_stringz(arena, "1.2")},
            {STR("terraform_version"), value_stringz(arena, AS_OF)},
            {STR("planned_values"),
                value_map(arena, &(struct value_entry){STR("root_module"), module_value(export, true)}, 1)},
            {STR("resource_changes"), changes_value(export)},
            {STR("output_changes"), outputs_value(arena, shown)},
            {STR("prior_state"), value_map(arena, prior, 3)},
            {STR("configuration"), configuration_value(export)},
            {STR("applyable"), value_bool(plan_has_changes(shown))}, {STR("complete"), &value_true},
            {STR("errored"), &value_false}, {STR("weir"), own_value(export, saved)}),
        JSON_PLAIN);
    buf_add_char(out, '\n');
}

static void note_untranslated(struct invocation *inv, const struct export *export)
{
    AUTO_BUF struct buf out = BUF_INIT;
    for (size_t i = 0; i < export->n; i++)
        if (!export->items[i].translated)
            buf_addf(&out, "\n  %.*s (%.*s)", STR_ARG(export->items[i].object->address),
                STR_ARG(export->items[i].object->type));
    if (out.n)
        invocation_note(inv, "Terraform has no type for these; they keep weir's names:%s", out.p);
}

void export_show(struct invocation *inv, struct saved_plan *saved, struct catalog *catalog, struct buf *out)
{
    size_t n;
    struct export export;
    const struct planned_object *objects = saved_plan_objects(saved, catalog, &n);
    export_open(&export, &inv->arena, catalog, objects, n, false);
    write_document(&export, saved, saved_plan_shown(saved, catalog), out);
    note_untranslated(inv, &export);
    export_release(&export);
}
