/* Converts Terraform's instances to weir's types; settings of another resource become its attributes. */
#include "base/json.h"
#include "cmd/import/terraform.h"

/* ---- documents ---- */

static void parse_documents(struct arena *arena, const struct attr *attrs, size_t n, struct tree *map)
{
    for (size_t i = 0; map->kind == TREE_MAP && i < map->n; i++) {
        struct tree *s = map->entries[i].value;
        const struct value *v;
        for (size_t k = 0; k < n; k++) {
            if (!str_eq(attrs[k].name, map->entries[i].key))
                continue;
            const struct type *type = attrs[k].type;
            if (type->kind == TYPE_OBJECT)
                parse_documents(arena, type->fields, type->field_count, s);
            if (type->kind == TYPE_MAP && s->kind == TREE_MAP)
                for (size_t m = 0; m < s->n; m++) {
                    struct attr each = {.name = s->entries[m].key, .type = type->elem};
                    parse_documents(arena, &each, 1, s);
                }
            struct str text = tree_literal_text(arena, s);
            bool document = (type->kind == TYPE_POLICY || type->kind == TYPE_JSON) && text.n &&
                            (text.p[0] == '{' || text.p[0] == '[');
            if (document && json_parse(arena, text, &v, NULL) == 0)
                map->entries[i].value =
                    type->kind == TYPE_POLICY
                        ? mapping_policy(arena, mapping_policy_in_order(arena, tree_of(arena, v)))
                        : tree_of(arena, v);
        }
    }
}

/* Sorts by the order of the type's attributes. */
static struct tree *in_order(
    struct arena *arena, const struct schema *schema, const struct tree *attrs, bool all)
{
    struct tree *out = tree_new(arena, TREE_MAP, NULL);
    for (size_t i = 0; i < schema->attr_count; i++) {
        struct tree *s = tree_get(attrs, schema->attrs[i].name.p);
        const struct value *v, *fallback = schema->attrs[i].default_value;
        bool is_default =
            s && tree_known(arena, s, &v) && (fallback ? value_equal(v, fallback) : v == &value_false);
        if (s && (all || !is_default))
            tree_set(arena, out, schema->attrs[i].name, s);
    }
    return out;
}

/* ---- one type for all instances of a group ---- */

/* A way of converting all instances of a group to a type. */
struct variant {
    const struct names_type *type;
    bool lenient, whole;
    bool broken; /* also with values that the type's checks refuse, which are reported */
};

static bool mapping_all(
    struct terraform *t, struct group *group, const struct variant *variant, struct str *why)
{
    const struct names_type *type = variant->type;
    for (size_t i = 0; i < group->n; i++) {
        struct mapping mapping = {.draft = t->draft,
            .type = type,
            .lenient = variant->lenient,
            .left_out = tree_new(t->arena, TREE_LIST, NULL)};
        bool fits =
            mapping_properties(&mapping, terraform_configured(t, group->instances[i], variant->whole));
        for (uint32_t k = 0; fits && type->set && k < type->set->count; k++)
            if (!tree_get(mapping.attrs, type->set->entries[k].key.p))
                tree_set(t->arena, mapping.attrs, type->set->entries[k].key,
                    tree_of(t->arena, type->set->entries[k].value));
        if (fits) {
            parse_documents(t->arena, type->schema->attrs, type->schema->attr_count, mapping.attrs);
            mapping.lenient = false;
            if (!group->config)
                terraform_drop_zeros(t->arena, type, mapping.attrs);
            fits = mapping_check(&mapping);
            if (!fits && variant->broken) {
                tree_add(t->arena, mapping.left_out,
                    tree_string(t->arena,
                        arena_printf(t->arena, "put it right, weir refuses it: %.*s", STR_ARG(mapping.why)),
                        NULL));
                fits = true;
            }
        }
        if (!fits) {
            *why = arena_printf(t->arena, "%.*s: %.*s", STR_ARG(type->schema->name), STR_ARG(mapping.why));
            return false;
        }
        for (size_t k = 0; i == 0 && k < mapping.left_out->n; k++)
            *why = arena_printf(t->arena, "%.*s%s%.*s", STR_ARG(*why), why->n ? "; " : "",
                STR_ARG(mapping.left_out->items[k]->value->string));
        group->instances[i]->attrs = in_order(t->arena, type->schema, mapping.attrs, group->config != NULL);
    }
    return true;
}

static const struct names_type *their_type(struct terraform *t, struct str type)
{
    struct str name = names_by_words(t->names, type);
    const struct schema *schema = name.n ? catalog_find(t->draft->catalog, name, false, ERR_IGNORED) : NULL;
    if (!schema)
        return NULL;
    return ARENA_MAKE(t->arena, struct names_type, .other = name, .schema = schema, .into_by = STR_EMPTY,
        .at = STR_EMPTY, .key = STR_EMPTY);
}

/* Tries a variant and returns whether the group has that type now. *why: the reason if not. */
static bool variant_fits(
    struct terraform *t, struct group *group, const struct variant *variant, struct str *why)
{
    *why = STR_EMPTY;
    if (!variant->type || !mapping_all(t, group, variant, why))
        return false;
    group->schema = variant->type->schema;
    return true;
}

/* Uses the first variant that works: weir's types before CloudFormation's, complete conversions before
 * partial ones. */
static void choose_variant(
    struct terraform *t, struct group *group, const struct names_type *own, const struct names_type *theirs)
{
    struct str why = STR_EMPTY, now;
    const struct variant variants[] = {{own, false, false, false}, {own, false, true, false},
        {theirs, false, false, false}, {theirs, false, true, false}, {own, true, false, false},
        {own, true, true, false}, {own, true, false, true}, {theirs, true, false, false},
        {theirs, true, true, false}};
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
        if (variants[i].broken && !(own && str_starts(own->schema->name, STR("aws."))))
            continue; /* weir.value needs a value */
        if (variant_fits(t, group, &variants[i], &now)) {
            group->names = variants[i].type == own ? own : NULL;
            group->why = variants[i].broken ? now
                         : variants[i].lenient && now.n
                             ? arena_printf(t->arena, "without what it cannot say: %.*s", STR_ARG(now))
                         : variants[i].type == theirs ? why
                                                      : STR_EMPTY;
            return;
        }
        why = why.n && !(variants[i].lenient && variants[i].type == own) ? why : now;
    }
    group->why = why.n ? arena_printf(t->arena, "left out: %.*s", STR_ARG(why))
                       : STR("left out: no type here is the same");
}

/* module.net.module.zone: "net_zone_". */
static struct str module_prefix(struct arena *arena, struct str module)
{
    struct str prefix = STR_EMPTY;
    struct str key;
    while (module.n) {
        terraform_step(&module, &key); /* the word "module" */
        struct str name = terraform_step(&module, &key);
        prefix = arena_printf(arena, "%.*s%.*s_%.*s_", STR_ARG(prefix), STR_ARG(name), STR_ARG(key));
    }
    return prefix;
}

/* In a module the name "this" is replaced by the module's name and the resource's kind. */
static void name_resource(struct terraform *t, struct group *group)
{
    bool bare = str_eqz(group->name, "this") || str_eqz(group->name, "main") ||
                str_eqz(group->name, "default") || !group->name.n;
    struct str prefix = module_prefix(t->arena, group->module),
               word = str_last_part(group->type, "_");         /* aws_s3_bucket: "bucket" */
    struct str ours = str_last_part(group->schema->name, "."); /* "security_group" */
    bool named_by_type = bare && (prefix.n || str_eqz(group->name, "this"));
    struct str name = !named_by_type ? group->name : str_find_char(ours, ':', 0) < 0 ? ours : word;
    group->resource = draft_resource(t->draft);
    group->resource->name =
        draft_name(t->draft, arena_printf(t->arena, "%.*s%.*s", STR_ARG(prefix), STR_ARG(name)), word);
    group->resource->attrs = tree_new(t->arena, TREE_MAP, NULL);
}

const struct names_type *terraform_names(struct terraform *t, const struct group *group)
{
    const struct value *commands = value_getz(group->config, "provisioners"),
                       *input = group->n ? value_getz(group->instances[0]->values, "input") : NULL;
    bool runs = str_eqz(group->type, "terraform_data") && value_is_null(input) && commands;
    bool idle = str_eqz(group->type, "null_resource") && group->config && !commands;
    return names_terraform(t->names, idle   ? STR("null_resource_without_commands")
                                     : runs ? STR("null_resource")
                                            : group->type);
}

static void mapping_decide(struct terraform *t, struct group *group)
{
    const struct names_type *own = terraform_names(t, group),
                            *theirs = own && own->into_by.n ? NULL : their_type(t, group->type);
    if (own && (own->into_by.n || own->asked || own->written.n))
        return; /* has no type here, or is converted later, when its target or the resources that refer to it
                   are known */
    if (own && str_starts(own->schema->name, STR("AWS::"))) {
        theirs = own;
        own = NULL;
    }
    choose_variant(t, group, own, theirs);
    if (!group->schema) {
        struct diag *d = diag_warning(t->draft->diags, (struct span){0}, "%.*s: %.*s",
            STR_ARG(group_address(t->arena, group)), STR_ARG(group->why));
        if (own && str_eqz(own->schema->name, "weir.command"))
            diag_hint(t->draft->diags, d, "%s: write it as `command:` of a weir.command",
                t->configuration ? "a plan does not have a command with values of resources"
                                 : "a state does not have commands");
        return;
    }
    terraform_note_digests(t, group);
    terraform_note_files(t, group);
    name_resource(t, group);
}

/* ---- parts of other resources ---- */

static bool is_known_as(const struct tf_instance *one, struct str text)
{
    static const char *const keys[] = {"id", "arn", "name", "bucket", "url"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (str_eq(value_gets(one->values, keys[i]), text))
            return true;
    return false;
}

/* Returns whether the text is the instance's ids joined with slashes. */
static bool has_ids(struct terraform *t, const struct tf_instance *one, struct str text)
{
    const struct value *ids = one->group->names->ids;
    AUTO_BUF struct buf own = BUF_INIT;
    for (uint32_t i = 0; ids && ids->kind == VALUE_LIST && i < ids->count; i++) {
        const struct value *v = value_get(one->values, value_text(ids->items[i], STR_EMPTY));
        buf_addf(&own, "%s%.*s", i ? "/" : "",
            STR_ARG(value_is_null(v) ? STR_EMPTY : value_scalar_text(t->arena, v)));
    }
    return ids && ids->kind == VALUE_LIST && ids->count > 1 && str_eq(buf_str(&own), text);
}

static struct tf_instance *find_target(struct terraform *t, const struct names_type *part, struct str text)
{
    for (size_t i = 0; text.n && i < t->groups.n; i++) {
        const struct group *group = t->groups.items[i].ptr;
        if (!group->names || group->schema != part->schema)
            continue;
        for (size_t k = 0; k < group->n; k++)
            if (is_known_as(group->instances[k], text) || has_ids(t, group->instances[k], text))
                return group->instances[k];
    }
    return NULL;
}

static void merge_maps(struct arena *arena, struct tree *into, const struct tree *from)
{
    for (size_t i = 0; i < from->n; i++) {
        struct tree *existing = tree_get(into, arena_strz(arena, from->entries[i].key)),
                    *s = from->entries[i].value;
        if (existing && existing->kind == TREE_MAP && s->kind == TREE_MAP)
            merge_maps(arena, existing, s);
        else if (existing && existing->kind == TREE_LIST && s->kind == TREE_LIST)
            for (size_t k = 0; k < s->n; k++)
                tree_add(arena, existing, s->items[k]);
        else
            tree_set(arena, into, from->entries[i].key, s);
    }
}

/* Returns the part's value in its target: {policies: {NAME: policy}}, an item of a list, or attributes. */
static struct tree *part_attrs(struct terraform *t, const struct names_type *part, const struct tree *rest,
    struct str key, bool lenient, struct str *why)
{
    struct arena *arena = t->arena;
    struct mapping mapping = {
        .draft = t->draft, .type = part, .lenient = lenient, .left_out = tree_new(arena, TREE_LIST, NULL)};
    const struct attr *at = part->at.n ? schema_attr(part->schema, part->at) : NULL;
    bool fits = at ? mapping_item(&mapping, at, rest) : mapping_properties(&mapping, rest);
    *why = STR_EMPTY;
    for (size_t i = 0; fits && i < mapping.left_out->n; i++)
        *why = arena_printf(arena, "%.*s%s%.*s", STR_ARG(*why),
            i ? "; " : "without what it cannot say: ", STR_ARG(mapping.left_out->items[i]->value->string));
    if (!fits)
        *why = mapping.why;
    for (uint32_t i = 0; fits && part->set && i < part->set->count; i++)
        if (!tree_get(mapping.attrs, part->set->entries[i].key.p))
            tree_set(
                arena, mapping.attrs, part->set->entries[i].key, tree_of(arena, part->set->entries[i].value));
    if (!fits || !at)
        return fits ? mapping.attrs : NULL;
    struct tree *around = tree_new(arena, part->key.n ? TREE_MAP : TREE_LIST, NULL),
                *out = tree_new(arena, TREE_MAP, NULL);
    if (part->key.n)
        tree_set(arena, around, key, mapping.attrs);
    else
        tree_add(arena, around, mapping.attrs);
    tree_set(arena, out, part->at, around);
    return out;
}

static bool leads_there(const struct names_type *part, struct str property)
{
    struct str names = part->into_by;
    while (names.n)
        if (str_eq(str_cut(names, '/', &names), property))
            return true;
    return false;
}

/* Returns the key of the resource that it is a part of by `by`: one attribute, or several joined with
 * slashes. */
static const struct value *owner_of(
    struct terraform *t, const struct names_type *part, const struct value *values)
{
    struct str names = part->into_by;
    if (str_find_char(names, '/', 0) < 0)
        return value_get(values, names);
    AUTO_BUF struct buf out = BUF_INIT;
    while (names.n) {
        struct str name = str_cut(names, '/', &names);
        buf_addf(&out, "%s%.*s", out.n ? "/" : "", STR_ARG(value_text(value_get(values, name), STR_EMPTY)));
    }
    return value_string(t->arena, buf_str(&out));
}

static bool into_target(struct terraform *t, struct tf_instance *one, const struct names_type *part,
    struct str by, struct str *why)
{
    struct tree *properties = terraform_configured(t, one, false), *rest = tree_new(t->arena, TREE_MAP, NULL);
    const struct value *name = part->key.n ? value_get(one->values, part->key) : NULL;
    struct str key = value_is_null(name) ? STR_EMPTY : value_scalar_text(t->arena, name);
    struct tf_instance *target = find_target(t, part, by);
    if (!target) {
        *why = arena_printf(t->arena, "left out: %.*s is not among what is imported", STR_ARG(by));
        return false;
    }
    for (size_t i = 0; i < properties->n; i++)
        if (!leads_there(part, properties->entries[i].key) && !str_eq(properties->entries[i].key, part->key))
            tree_set(t->arena, rest, properties->entries[i].key, properties->entries[i].value);
    struct tree *attrs = part_attrs(t, part, rest, key, false, why);
    attrs = attrs ? attrs : part_attrs(t, part, rest, key, true, why);
    if (!attrs) {
        *why = arena_printf(t->arena, "left out: %.*s", STR_ARG(*why));
        return false;
    }
    parse_documents(t->arena, part->schema->attrs, part->schema->attr_count, attrs);
    if (!one->group->config)
        terraform_drop_zeros(t->arena, part, attrs);
    merge_maps(t->arena, target->attrs, attrs);
    one->target = target;
    return true;
}

static void fold_parts(struct terraform *t, struct group *group)
{
    const struct names_type *part = terraform_names(t, group);
    if (group->data || group->schema || !part || !part->into_by.n)
        return;
    for (size_t i = 0; i < group->n; i++) {
        const struct value *by = owner_of(t, part, group->instances[i]->values);
        size_t n = by && by->kind == VALUE_LIST ? by->count : 1;
        for (size_t k = 0; k < n; k++) {
            const struct value *one = by && by->kind == VALUE_LIST ? by->items[k] : by;
            into_target(t, group->instances[i], part, value_text(one, STR_EMPTY), &group->why);
        }
        if (group->why.n)
            diag_warning(t->draft->diags, (struct span){0}, "%.*s: %.*s",
                STR_ARG(group->instances[i]->address), STR_ARG(group->why));
    }
}

/* Returns whether the group exists conditionally: count = var.x ? 1 : 0. */
static bool is_switch(const struct group *group)
{
    return str_eqz(group->instances[0]->key, "0") && !value_getz(group->config, "for_each_expression");
}

void terraform_mapping(struct terraform *t)
{
    for (size_t i = 0; i < t->groups.n; i++)
        terraform_split(t, t->groups.items[i].ptr);
    for (size_t i = 0; i < t->groups.n; i++) {
        struct group *group = t->groups.items[i].ptr;
        if (!group->data)
            mapping_decide(t, group);
    }
    for (size_t i = 0; i < t->groups.n; i++)
        fold_parts(t, t->groups.items[i].ptr);
    for (size_t i = 0; i < t->groups.n; i++) {
        struct group *group = t->groups.items[i].ptr;
        group->folded = group->n > 1 || (group->n == 1 && group->instances[0]->has_key && !is_switch(group));
        for (size_t k = 0; group->schema && terraform_is_imported(group) && k < group->n; k++)
            group->instances[k]->id = terraform_id(t, group->instances[k]);
    }
}
