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

/* The name of a type has to be one of a type. Those of sets are, and their specs may not be needed. */
static void check_type(struct loader *loader, const struct rule *rule, const struct node *node)
{
    if (!rule->set.n && !rule_type_is_pattern(node->string) && !str_eqz(node->string, "plan"))
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

static void read_level(struct loader *loader, const struct node *node, struct rule *rule)
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

static void read_rule(
    struct loader *loader, struct unit *unit, struct str set, const struct node_entry *entry)
{
    static const struct str known[] = {STR_INIT("for"), STR_INIT("where"), STR_INIT("require"),
        STR_INIT("message"), STR_INIT("level"), STR_INIT("doc"), STR_INIT("control"), STR_INIT("link")};
    const struct node *body = entry->value, *node;
    struct rule *rule = ARENA_NEW(loader->arena, struct rule);
    *rule = (struct rule){.name = entry->key, .set = set, .span = node_key_span(entry)};
    if (set.n)
        rule->name = arena_printf(loader->arena, "%.*s/%.*s", STR_ARG(set), STR_ARG(entry->key));
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
    rule->require = read_condition(loader, body, "require");
    rule->message = expr_compile(loader->arena, node_get(body, "message"), loader->diags);
    if ((node = node_get(body, "level")))
        read_level(loader, node, rule);
    MEM_GROW(loader->rules, loader->rule_cap, loader->rule_count + 1);
    loader->rules[loader->rule_count++] = (struct loaded_rule){rule, unit};
}

/* ---- sets ---- */

static const struct embedded_file *find_set(struct loader *loader, struct str name)
{
    struct str set, begin = str_cut(name, '.', &set);
    return str_eqz(begin, "weir") && stack_is_name(set)
               ? embedded_find(arena_printf(loader->arena, "provider/aws/rules/%.*s.yaml", STR_ARG(set)))
               : NULL;
}

/* The rules of a file; each set is used once, whichever module asks for it. */
static void load_set(struct unit *unit, struct str name, const struct embedded_file *file)
{
    struct loader *loader = unit->loader;
    struct source *source = ARENA_NEW(loader->arena, struct source);
    *source = (struct source){.path = name, .text = embedded_text(file)};
    const struct node *root = yaml_parse(loader->arena, source, loader->diags),
                      *rules = node_get(root, "rules");
    if (!root || !rules || !expect_map(loader, rules, "\"rules\""))
        return;
    for (size_t i = 0; i < rules->count; i++)
        read_rule(loader, unit, name, &rules->entries[i]);
}

static void use_set(struct unit *unit, const struct node *node)
{
    struct loader *loader = unit->loader;
    struct str name;
    if (!expect_text(loader, node, "a set of rules", &name))
        return;
    const struct embedded_file *file = find_set(loader, name);
    if (file) {
        load_set(unit, name, file);
        return;
    }
    struct diag *d =
        diag_error(loader->diags, node_span(node), "there is no set of rules \"%.*s\"", STR_ARG(name));
    diag_did_you_mean(loader->diags, d, name, &(struct str)STR_INIT("weir.baseline"), 1);
    diag_hint(loader->diags, d, "weir.baseline comes with weir; \"weir rules\" lists what is in it");
}

void load_rules(struct unit *unit, const struct node *section)
{
    for (size_t i = 0; i < section->count; i++) {
        const struct node *value = section->entries[i].value;
        if (!str_eqz(section->entries[i].key, "use"))
            read_rule(unit->loader, unit, STR_EMPTY, &section->entries[i]);
        else if (value->kind != NODE_NULL && expect_list(unit->loader, value, "\"use\""))
            for (size_t k = 0; k < value->count; k++)
                use_set(unit, value->items[k]);
    }
}
