/*
 * `lease:` of a stack: how long it may be there once it is made.
 *
 *     lease: {for: 8h, warn: 30m, extend: true}
 *
 * That is what the stack says; when it ends is in the state (plan/evaluate/lease.h).
 */
#include "stacks/load/load.h"

static const char lease_knows[] = "a lease knows inputs, stack and path only";

static void read_time(
    struct unit *root, const struct node *section, const char *key, struct lease_terms *terms, int64_t *ms)
{
    struct loader *loader = root->loader;
    const struct node *node = node_get(section, key);
    if (!node || node->kind == NODE_NULL)
        return;
    const struct value *v = resolve_early(root, node, false, lease_knows);
    if (!v || value_is_unknown(v)) {
        terms->unknown |= v != NULL;
        return;
    }
    if (v->kind == VALUE_STRING && duration_read(v->string, ms))
        return;
    struct str raw = node_raw(node);
    struct diag *d = diag_error(loader->diags, node_span(node), "\"%.*s\" is not a duration", STR_ARG(raw));
    diag_label(loader->diags, d, "such as 30m, 8h or 2d12h");
}

void load_lease(struct unit *root)
{
    static const struct str known[] = {STR_INIT("for"), STR_INIT("warn"), STR_INIT("extend")};
    struct loader *loader = root->loader;
    struct lease_terms *terms = &loader->stack->lease;
    const struct node_entry *entry = node_find(root->parts[0].root, STR("lease"));
    terms->extend = true;
    if (!entry || entry->value->kind == NODE_NULL || !expect_map(loader, entry->value, "\"lease\""))
        return;
    const struct node *section = entry->value, *extend = node_get(section, "extend");
    check_keys(loader, section, "a lease", known, sizeof known / sizeof *known);
    if (!node_get(section, "for")) {
        struct diag *d = diag_error(loader->diags, node_key_span(entry), "the lease has no `for`");
        diag_hint(loader->diags, d, "lease: {for: 8h}");
        return;
    }
    terms->given = true;
    read_time(root, section, "for", terms, &terms->for_ms);
    read_time(root, section, "warn", terms, &terms->warn_ms);
    if (extend)
        expect_bool(loader, extend, "\"extend\"", &terms->extend);
}
