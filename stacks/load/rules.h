/*
 * Loading rules: rules.c reads a section, conditions.c those of one resource's lifecycle and of `checks:`,
 * rule_sets.c finds those that others have written (weir's, modules', the organisation's), waivers.c reads
 * what a stack need not keep, rules_resolve.c gives the names in expressions a meaning.
 *
 * Order of calls: load_organisation_rules(), load_rules() for each section of that name, resolve_rules() when
 * all declarations are resolved. Then the stack has them.
 */
#pragma once

#include "stacks/load/load.h"

/* Where rules come from. */
struct rule_set {
    struct str name; /* "weir.baseline"; "" the stack's own */
    bool builtin;    /* it comes with weir */
    bool waivable;   /* a stack may waive its rules, where they do not say otherwise */
};

/* ---- rules.c ---- */

void load_rules(struct unit *unit, const struct node *section);
/* The same of a set. */
void read_rules(struct unit *unit, const struct rule_set *set, const struct node *section);
/* Reads require, message and level of it, which are there, and adds it to those of the stack. */
void rule_add(struct unit *unit, struct rule *rule, const struct node *body);
/* "error" … */
void rule_read_level(struct loader *loader, const struct node *node, struct rule *rule);
/* "aws.*" */
bool rule_type_is_pattern(struct str type);

/* ---- conditions.c ---- */

void read_conditions(struct loader *loader, struct decl *decl, const struct node *lifecycle);
void load_checks(struct unit *unit, const struct node *section);

/* ---- rule_sets.c ---- */

/* WEIR_RULES, and weir-rules.yaml in the nearest folder above. */
void load_organisation_rules(struct unit *root);
/* `use:`, in a section of `by`. */
void use_rule_sets(struct unit *unit, const struct rule_set *by, const struct node *list);

/* ---- waivers.c ---- */

/* `waive:` of a stack. */
void read_waivers(struct loader *loader, const struct node *list);
/* Do they name rules that can be waived? */
void check_waivers(struct loader *loader);

/* ---- rules_resolve.c ---- */

void resolve_rules(struct loader *loader);
