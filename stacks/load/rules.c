/* `rules:` of a stack or module, read: stacks/rule.h has what they are. */
#include "stacks/load/rules.h"

#include "base/glob.h"
#include "base/mem.h"

static const char *const levels[RULE_LEVELS] = {"error", "warning", "approval"};

const char *rule_level_name(enum rule_level level)
{
    return levels[level];
}

/* ---- what a rule is for ---- */

bool rule_type_is_pattern(struct str type)
{
    return str_find_char(type, '*', 0) >= 0 || str_find_char(type, '?', 0) >= 0;
}

/* Does the type have all attributes that the rule names? */
static bool rule_has_all(const struct rule *rule, const struct schema *schema)
{
    for (size_t i = 0; i < rule->attribute_count; i++)
        if (!schema_attr(schema, rule->attributes[i]))
            return false;
    return true;
}

bool rule_is_called(const struct rule *rule, struct str name)
{
    bool ends = !rule->decl && name.n && str_ends(rule->name, name) && rule->name.n > name.n;
    return str_eq(rule->name, name) || (ends && rule->name.p[rule->name.n - name.n - 1] == '/');
}

bool rule_is_for(const struct rule *rule, const struct schema *schema)
{
    for (size_t i = 0; i < rule->type_count && !rule->idle; i++) {
        bool pattern = rule_type_is_pattern(rule->types[i]);
        if (pattern ? glob_match(rule->types[i], schema->name, 0) && rule_has_all(rule, schema)
                    : str_eq(rule->types[i], schema->name))
            return true;
    }
    return false;
}

/* The name of a type has to be one of a type. Those of weir's sets are, and their specs may not be needed. */
static void check_type(struct loader *loader, const struct rule *rule, const struct node *node)
{
    if (!rule->builtin && !rule_type_is_pattern(node->string) && !str_eqz(node->string, "plan"))
        find_schema(loader, node, false);
}

static void read_for(struct loader *loader, const struct node *node, struct rule *rule)
{
    size_t n = node->kind == NODE_LIST ? node->count : 1;
    struct str *types = ARENA_ARRAY(loader->arena, struct str, n + 1);
    for (size_t i = 0; i < n; i++) {
        const struct node *item = node->kind == NODE_LIST ? node->items[i] : node;
        if (!expect_text(loader, item, "what a rule is for", &types[rule->type_count]))
            continue;
        check_type(loader, rule, item);
        rule->of_plan |= str_eqz(item->string, "plan");
        rule->type_count++;
    }
    rule->types = types;
    if (node->kind == NODE_LIST && !n)
        diag_error(loader->diags, node_span(node), "this is a rule for nothing");
    if (rule->of_plan && n > 1)
        diag_error(loader->diags, node_span(node), "a rule is for types or for the plan, not for both");
}

/* ---- the rest of a rule ---- */

void rule_read_level(struct loader *loader, const struct node *node, struct rule *rule)
{
    struct str text, known[RULE_LEVELS];
    if (!expect_text(loader, node, "the level of a rule", &text))
        return;
    for (int i = 0; i < RULE_LEVELS; i++) {
        known[i] = str_z(levels[i]);
        if (!str_eq(text, known[i]))
            continue;
        rule->level = (enum rule_level)i;
        return;
    }
    struct diag *d = diag_error(loader->diags, node_span(node), "there is no level \"%.*s\"", STR_ARG(text));
    diag_did_you_mean(loader->diags, d, text, known, RULE_LEVELS);
    diag_hint(loader->diags, d, "levels are error, warning and approval");
}

static struct expr *read_condition(struct loader *loader, const struct node *body, const char *key)
{
    const struct node *node = node_get(body, key);
    if (!node || node->kind == NODE_NULL)
        return NULL;
    struct expr *expr = expr_compile(loader->arena, node, loader->diags);
    if (node->kind == NODE_STRING && !has_expression(node)) {
        struct diag *d =
            diag_error(loader->diags, node_span(node), "\"%s\" of a rule is true or false, not a text", key);
        diag_hint(loader->diags, d, "write it as an expression: ${…}");
    }
    return expr;
}

static bool rule_lacks(struct loader *loader, const struct node_entry *entry, const char *key)
{
    const struct node *node = node_get(entry->value, key);
    if (node && node->kind != NODE_NULL)
        return false;
    struct diag *d = diag_error(
        loader->diags, node_key_span(entry), "the rule \"%.*s\" has no `%s`", STR_ARG(entry->key), key);
    diag_hint(loader->diags, d, "%.*s: {for: aws.s3.bucket, require: \"${self.versioning}\", message: …}",
        STR_ARG(entry->key));
    return true;
}

/* Why there is such a rule. */
static void read_reasons(struct loader *loader, const struct node *body, struct rule *rule)
{
    const struct {
        const char *key;
        struct str *out;
    } texts[] = {{"doc", &rule->doc}, {"control", &rule->control}, {"link", &rule->link}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const struct node *node = node_get(body, texts[i].key);
        *texts[i].out = STR_EMPTY;
        if (node && node->kind != NODE_NULL)
            expect_text(loader, node, "why there is a rule", texts[i].out);
    }
}

void rule_add(struct unit *unit, struct rule *rule, const struct node *body)
{
    struct loader *loader = unit->loader;
    const struct node *level = node_get(body, "level");
    rule->require = read_condition(loader, body, "require");
    rule->message = expr_compile(loader->arena, node_get(body, "message"), loader->diags);
    if (level)
        rule_read_level(loader, level, rule);
    MEM_GROW(loader->rules, loader->rule_cap, loader->rule_count + 1);
    loader->rules[loader->rule_count++] = (struct loaded_rule){rule, unit};
}

static void read_rule(struct unit *unit, const struct rule_set *set, const struct node_entry *entry)
{
    static const struct str known[] = {STR_INIT("for"), STR_INIT("where"), STR_INIT("require"),
        STR_INIT("message"), STR_INIT("level"), STR_INIT("doc"), STR_INIT("control"), STR_INIT("link"),
        STR_INIT("waivable")};
    struct loader *loader = unit->loader;
    const struct node *body = entry->value, *node;
    struct rule *rule = ARENA_NEW(loader->arena, struct rule);
    *rule = (struct rule){.name = entry->key,
        .set = set->name,
        .builtin = set->builtin,
        .waivable = set->waivable,
        .span = node_key_span(entry)};
    if (set->name.n)
        rule->name = arena_printf(loader->arena, "%.*s/%.*s", STR_ARG(set->name), STR_ARG(entry->key));
    rule->module = unit->module->path.n ? unit->module : NULL;
    if (!stack_is_name(entry->key))
        diag_error(loader->diags, rule->span, "\"%.*s\" is not a name", STR_ARG(entry->key));
    if (!expect_map(loader, body, "a rule"))
        return;
    check_keys(loader, body, "a rule", known, sizeof known / sizeof *known);
    if (rule_lacks(loader, entry, "for") | rule_lacks(loader, entry, "require") |
        rule_lacks(loader, entry, "message"))
        return;
    read_reasons(loader, body, rule);
    read_for(loader, node_get(body, "for"), rule);
    rule->where = read_condition(loader, body, "where");
    if ((node = node_get(body, "waivable")))
        expect_bool(loader, node, "\"waivable\"", &rule->waivable);
    rule_add(unit, rule, body);
}

/* ---- the section ---- */

void read_rules(struct unit *unit, const struct rule_set *set, const struct node *section)
{
    for (size_t i = 0; i < section->count; i++) {
        const struct node_entry *entry = &section->entries[i];
        bool use = str_eqz(entry->key, "use"), waive = str_eqz(entry->key, "waive");
        if (!use && !waive)
            read_rule(unit, set, entry);
        else if (entry->value->kind == NODE_NULL)
            continue;
        else if (use && expect_list(unit->loader, entry->value, "\"use\""))
            use_rule_sets(unit, set, entry->value);
        else if (waive && (set->name.n || unit->module->path.n))
            diag_error(
                unit->loader->diags, node_key_span(entry), "only a stack waives rules, in its own file");
        else if (waive && expect_list(unit->loader, entry->value, "\"waive\""))
            read_waivers(unit->loader, entry->value);
    }
}

void load_rules(struct unit *unit, const struct node *section)
{
    read_rules(unit, &(struct rule_set){.name = STR_EMPTY, .waivable = true}, section);
}
