/* Rules that others have written: sets of weir, modules with rules, and those of an organisation. */
#include "stacks/load/rules.h"

#include "base/confined.h"
#include "base/file.h"
#include "stacks/load/sandbox_place.h"

#include <limits.h>
#include <stdlib.h>

/* ---- use ---- */

/* Used by the stack itself, or by its organisation: it holds everywhere, so once is enough. */
static bool is_used(struct unit *unit, struct str name)
{
    struct loader *loader = unit->loader;
    return unit->module->path.n ? map_get(&loader->rule_sets, name) != NULL
                                : map_set(&loader->rule_sets, name, loader) != NULL;
}

static const struct embedded_file *find_set(struct loader *loader, struct str name)
{
    struct str set, begin = str_cut(name, '.', &set);
    return str_eqz(begin, "weir") && stack_is_name(set)
               ? embedded_find(arena_printf(loader->arena, "provider/aws/rules/%.*s.yaml", STR_ARG(set)))
               : NULL;
}

static void load_builtin_set(
    struct unit *unit, const struct rule_set *by, struct str name, const struct embedded_file *file)
{
    struct loader *loader = unit->loader;
    struct source *source = ARENA_NEW(loader->arena, struct source);
    *source = (struct source){.path = name, .text = embedded_text(file)};
    const struct node *root = yaml_parse(loader->arena, source, loader->diags);
    struct rule_set set = {.name = name, .builtin = true, .waivable = by->waivable};
    if (root && expect_map(loader, node_get(root, "rules"), "\"rules\""))
        read_rules(unit, &set, node_get(root, "rules"));
}

/* The section `rules` of a module; nothing else of it counts. */
static void load_module_set(struct unit *unit, const struct rule_set *by, const struct node *node)
{
    struct loader *loader = unit->loader;
    struct module *module = ARENA_NEW(loader->arena, struct module);
    struct unit probe = {.loader = loader, .parent = unit, .module = module, .tree = unit->tree};
    *module = (struct module){.path = STR("rules"), .source = STR_EMPTY, .dir = STR_EMPTY};
    if (!module_find_source(&probe, node) || !unit_identify(&probe, node))
        return;
    const struct node *root = file_tree(&probe, probe.ident, probe.file, node),
                      *rules = root ? node_get(root, "rules") : NULL;
    if (!rules || rules->kind != NODE_MAP) {
        if (root)
            diag_error(loader->diags, node_span(node), "%.*s has no rules", STR_ARG(probe.file));
        return;
    }
    struct rule_set set = {
        .name = arena_str(loader->arena, path_base(module->dir)), .waivable = by->waivable};
    read_rules(unit, &set, rules);
}

void use_rule_sets(struct unit *unit, const struct rule_set *by, const struct node *list)
{
    struct loader *loader = unit->loader;
    for (size_t i = 0; i < list->count; i++) {
        const struct node *node = list->items[i];
        struct str name;
        if (!expect_text(loader, node, "a set of rules", &name) || is_used(unit, name))
            continue;
        const struct embedded_file *file = find_set(loader, name);
        if (file) {
            load_builtin_set(unit, by, name, file);
        } else if (str_find_char(name, '/', 0) >= 0 && by->name.n) {
            diag_error(loader->diags, node_span(node), "a set uses only sets of weir, such as weir.baseline");
        } else if (str_find_char(name, '/', 0) >= 0) {
            load_module_set(unit, by, node);
        } else {
            struct diag *d = diag_error(
                loader->diags, node_span(node), "there is no set of rules \"%.*s\"", STR_ARG(name));
            diag_did_you_mean(loader->diags, d, name, &(struct str)STR_INIT("weir.baseline"), 1);
            diag_hint(loader->diags, d, "weir.baseline, or a module with rules: ./FOLDER, git::https://…");
        }
    }
}

/* ---- of an organisation ---- */

static void load_file(struct unit *root, struct str path)
{
    static const struct str known[] = {STR_INIT("description"), STR_INIT("waivable"), STR_INIT("rules")};
    struct loader *loader = root->loader;
    struct str ext, stem = str_cut(path_base(path), '.', &ext);
    struct rule_set set = {.name = arena_str(loader->arena, stem)};
    struct node *file = yaml_load(loader->arena, arena_strz(loader->arena, path), path, loader->diags);
    if (!file || !expect_map(loader, file, "a file of rules"))
        return;
    check_keys(loader, file, "a file of rules", known, sizeof known / sizeof *known);
    const struct node *waivable = node_get(file, "waivable"), *rules = node_get(file, "rules");
    if (waivable)
        expect_bool(loader, waivable, "\"waivable\"", &set.waivable);
    if (rules && expect_map(loader, rules, "\"rules\""))
        read_rules(root, &set, rules);
    else if (!rules)
        diag_error(loader->diags, node_span(file), "%.*s has no `rules`", STR_ARG(path));
}

static struct str nearest_file(struct loader *loader)
{
    char real[PATH_MAX];
    if (!realpath(arena_strz(loader->arena, loader->stack->dir), real))
        return STR_EMPTY;
    struct str folder = arena_str(loader->arena, str_z(real));
    while ((folder = sandbox_place_above(loader->arena, folder)).n) {
        struct str path = path_join(loader->arena, folder, STR("weir-rules.yaml"));
        if (!path_exists(path.p))
            continue;
        confine_allow(path.p); /* it is above the stack's folder */
        return path;
    }
    return STR_EMPTY;
}

void load_organisation_rules(struct unit *root)
{
    struct loader *loader = root->loader;
    const char *given = getenv("WEIR_RULES");
    struct str nearest = nearest_file(loader);
    for (struct str rest = str_z(given ? given : ""), path; rest.p && rest.n;) {
        path = str_cut(rest, ':', &rest);
        if (!path.n)
            continue;
        path = arena_str(loader->arena, path);
        confine_allow(path.p);
        load_file(root, path);
    }
    if (nearest.n)
        load_file(root, nearest);
}
