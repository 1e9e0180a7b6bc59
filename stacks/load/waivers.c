/* `waive:` under `rules:` of a stack: what it need not keep, why, and until when. */
#include "stacks/load/rules.h"

#include "base/clock.h"
#include "base/mem.h"

enum { DAY_MS = 24 * 3600 * 1000 };

static bool waiver_lacks(struct loader *loader, const struct node *body, const char *key)
{
    const struct node *node = node_get(body, key);
    if (node && node->kind != NODE_NULL)
        return false;
    struct diag *d = diag_error(loader->diags, node_span(body), "this waiver has no `%s`", key);
    diag_hint(loader->diags, d, "{rule: NAME, for: ADDRESS, reason: …, until: 2027-01-31}");
    return true;
}

static void read_until(struct loader *loader, const struct node *node, struct waiver *waiver)
{
    if (!expect_text(loader, node, "the end of a waiver", &waiver->until))
        return;
    struct str text = arena_printf(loader->arena, "%.*sT00:00:00Z", STR_ARG(waiver->until));
    if (time_parse_rfc3339(text, &waiver->until_ms)) {
        waiver->until_ms += DAY_MS;
        return;
    }
    struct diag *d =
        diag_error(loader->diags, node_span(node), "\"%.*s\" is not a date", STR_ARG(waiver->until));
    diag_label(loader->diags, d, "such as 2027-01-31");
}

static void read_addresses(struct loader *loader, const struct node *node, struct waiver *waiver)
{
    size_t n = node->kind == NODE_LIST ? node->count : 1;
    struct str *all = ARENA_ARRAY(loader->arena, struct str, n + 1);
    for (size_t i = 0; i < n; i++)
        if (expect_text(loader, node->kind == NODE_LIST ? node->items[i] : node, "what a waiver is for",
                &all[waiver->address_count]))
            waiver->address_count++;
    waiver->addresses = all;
}

void read_waivers(struct loader *loader, const struct node *list)
{
    static const struct str known[] = {
        STR_INIT("rule"), STR_INIT("for"), STR_INIT("reason"), STR_INIT("until")};
    for (size_t i = 0; i < list->count; i++) {
        const struct node *body = list->items[i];
        struct waiver waiver = {.span = node_span(body), .rule = STR_EMPTY};
        if (!expect_map(loader, body, "a waiver"))
            continue;
        check_keys(loader, body, "a waiver", known, sizeof known / sizeof *known);
        if (waiver_lacks(loader, body, "rule") | waiver_lacks(loader, body, "for") |
            waiver_lacks(loader, body, "reason") | waiver_lacks(loader, body, "until"))
            continue;
        const struct node *rule = node_get(body, "rule");
        waiver.span = node_span(rule);
        expect_text(loader, rule, "the rule of a waiver", &waiver.rule);
        expect_text(loader, node_get(body, "reason"), "the reason of a waiver", &waiver.reason);
        read_addresses(loader, node_get(body, "for"), &waiver);
        read_until(loader, node_get(body, "until"), &waiver);
        MEM_GROW(loader->waivers, loader->waiver_cap, loader->waiver_count + 1);
        loader->waivers[loader->waiver_count++] = waiver;
    }
}

static void check_waiver(struct loader *loader, const struct waiver *waiver)
{
    const struct stack *stack = loader->stack;
    struct str *names = ARENA_ARRAY(loader->arena, struct str, stack->rule_count + 1);
    bool found = false;
    for (size_t i = 0; i < stack->rule_count; i++) {
        names[i] = stack->rules[i].name;
        if (!rule_is_called(&stack->rules[i], waiver->rule))
            continue;
        found = true;
        if (!stack->rules[i].waivable)
            diag_error(loader->diags, waiver->span, "the rule \"%.*s\" cannot be waived by a stack",
                STR_ARG(stack->rules[i].name));
    }
    if (found)
        return;
    struct diag *d =
        diag_error(loader->diags, waiver->span, "there is no rule \"%.*s\" to waive", STR_ARG(waiver->rule));
    diag_did_you_mean(loader->diags, d, waiver->rule, names, stack->rule_count);
    diag_hint(loader->diags, d, "`weir rules` lists them");
}

void check_waivers(struct loader *loader)
{
    struct stack *stack = loader->stack;
    struct waiver *waivers = ARENA_ARRAY(loader->arena, struct waiver, loader->waiver_count + 1);
    for (size_t i = 0; i < loader->waiver_count; i++) {
        waivers[i] = loader->waivers[i];
        check_waiver(loader, &waivers[i]);
    }
    stack->waivers = waivers;
    stack->waiver_count = loader->waiver_count;
}
