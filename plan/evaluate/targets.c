/* What --target and --replace name, and what that depends on. */
#include "plan/evaluate/targets.h"

#include "plan/objects/address.h"
#include "plan/objects/recorded.h"
#include "plan/objects/since.h"

#include <string.h>

enum { KEYS_SHOWN = 200 }; /* bytes of the addresses in a hint */

static void target_with_deps(struct planner *p, const struct decl *decl, bool whole)
{
    p->targets.whole[decl->index] |= whole;
    if (p->targets.targeted[decl->index])
        return;
    p->targets.targeted[decl->index] = true;
    if (p->options->alone)
        return;
    for (size_t i = 0; i < decl->dep_count; i++)
        target_with_deps(p, decl->deps[i], true);
}

static bool target_is_known(struct planner *p, struct str target)
{
    const struct decl *decl = stack_find(p->stack, address_declared(target));
    if (recorded_find(&p->recorded, target) ||
        (decl && !decl->keyed)) /* a module's instances are looked for below */
        return true;
    for (size_t i = 0; i < p->recorded.count; i++)
        if (address_matches(p->recorded.seen[i].address, &target, 1))
            return true;
    for (size_t i = 0; i < p->stack->decl_count; i++)
        if (address_matches(p->stack->decls[i]->address, &target, 1))
            return true;
    return false;
}

static bool all_known(struct planner *p, const char *option, const struct str *targets, size_t n)
{
    bool ok = true;
    for (size_t i = 0; i < n; i++) {
        if (target_is_known(p, targets[i]))
            continue;
        struct diag *d = diag_error(p->diags, (struct span){0},
            "%s %.*s: neither the stack nor the state has it", option, STR_ARG(targets[i]));
        diag_hint(p->diags, d, "`weir state list` shows the addresses");
        ok = false;
    }
    return ok;
}

bool targets_find(struct planner *p)
{
    const struct plan_options *options = p->options;
    bool ok = all_known(p, "--replace", options->replaces, options->replace_count);
    if (!options->target_count) {
        memset(p->targets.targeted, true, p->stack->decl_count * sizeof *p->targets.targeted);
        memset(p->targets.whole, true, p->stack->decl_count * sizeof *p->targets.whole);
        return ok;
    }
    ok &= all_known(p, "--target", options->targets, options->target_count);
    for (size_t t = 0; t < options->target_count; t++) {
        struct str target = options->targets[t], declared = address_declared(target);
        for (size_t i = 0; i < p->stack->decl_count; i++) {
            const struct decl *decl = p->stack->decls[i];
            bool one = decl->keyed && !str_eq(target, declared); /* of a module's instances */
            bool whole = address_matches(decl->address, &target, 1);
            if ((str_eq(decl->address, declared) && !one) || whole)
                target_with_deps(p, decl, whole);
        }
    }
    return ok;
}

bool targets_have(const struct planner *p, const struct decl *decl, struct str address)
{
    if (since_leaves(p, address))
        return false;
    return p->targets.whole[decl->index] ||
           address_matches(address, p->options->targets, p->options->target_count);
}

bool targets_check(struct planner *p, const struct decl *decl)
{
    const struct instances *list = &p->evaluated.instances[decl->index];
    for (size_t t = 0; t < p->options->target_count; t++) {
        struct str target = p->options->targets[t];
        bool there = list->unread || str_eq(target, decl->address) ||
                     !str_eq(address_declared(target), decl->address) || recorded_find(&p->recorded, target);
        AUTO_BUF struct buf names = BUF_INIT;
        for (size_t i = 0; i < list->n && !there; i++) {
            there = str_eq(list->items[i].address, target);
            if (names.n < KEYS_SHOWN)
                buf_addf(&names, "%s%.*s", i ? ", " : "", STR_ARG(list->items[i].address));
        }
        if (there)
            continue;
        if (p->needed) { /* not all of those that are there were found */
            p->needs_whole = true;
            return false;
        }
        struct diag *d = diag_error(p->diags, decl->span, "there is no %.*s", STR_ARG(target));
        diag_hint(p->diags, d, "there %s %s", list->n == 1 ? "is" : "are", list->n ? names.p : "none");
        return false;
    }
    return true;
}
