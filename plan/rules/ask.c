/* One rule, asked of one resource or of the plan. */
#include "plan/rules/rules.h"

#include "base/clock.h"
#include "plan/evaluate/evaluate.h"

/* ---- what its names mean ---- */

enum { ACTION, ADDRESS, BEFORE, DEPENDENCIES, DEPENDENTS, PATH, SELF, STACK, TYPE, NAMES };
static const struct str names[NAMES] = {STR_INIT("action"), STR_INIT("address"), STR_INIT("before"),
    STR_INIT("dependencies"), STR_INIT("dependents"), STR_INIT("path"), STR_INIT("self"), STR_INIT("stack"),
    STR_INIT("type")};

/* They are in order: nothing needs to be sorted, for each of thousands of resources. */
static const struct value *named_values(
    struct planner *p, struct arena *arena, const struct value *const values[NAMES])
{
    struct value *map = ARENA_NEW(arena, struct value);
    struct value_entry *entries = ARENA_ARRAY(arena, struct value_entry, NAMES);
    for (int i = 0; i < NAMES; i++)
        entries[i] = (struct value_entry){names[i], values[i] ? values[i] : &value_null};
    entries[PATH].value = value_getz(p->stack->constants, "path");
    entries[STACK].value = value_getz(p->stack->constants, "stack");
    map->kind = VALUE_MAP;
    map->count = NAMES;
    map->entries = entries;
    return map;
}

const struct value *rule_constants_of(struct planner *p, struct arena *arena, const struct instance *instance,
    const struct value *self, const struct rule_links *links)
{
    const struct decl *decl = instance->decl;
    const struct seen *seen = instance->seen;
    const struct value *values[NAMES] = {
        [ACTION] = value_stringz(arena, action_name(instance_action(instance))),
        [ADDRESS] = value_string_ref(arena, instance->address),
        [BEFORE] = rule_object(arena, decl->schema, seen ? seen->live : instance->import_live),
        [DEPENDENCIES] = links ? links->dependencies : NULL,
        [DEPENDENTS] = links ? links->dependents : NULL,
        [SELF] = rule_object(arena, decl->schema, self),
        [TYPE] = value_string_ref(arena, decl->schema->name)};
    return named_values(p, arena, values);
}

const struct value *rule_constants_of_deleted(
    struct planner *p, struct arena *arena, const struct change *change)
{
    const struct seen *seen = change->seen;
    const struct value *before = seen ? (seen->live ? seen->live : seen->record->attrs) : NULL;
    const struct value *values[NAMES] = {
        [ACTION] = value_stringz(arena, action_name(change->decision.action)),
        [ADDRESS] = value_string_ref(arena, change->subject.address),
        [BEFORE] = rule_object(arena, change->schema, before),
        [DEPENDENCIES] = &value_empty_list,
        [DEPENDENTS] = &value_empty_list,
        [TYPE] = value_string_ref(arena, change->subject.type)};
    return named_values(p, arena, values);
}

/* ---- asking ---- */

static struct scope rule_scope(
    struct planner *p, const struct rule *rule, const struct subject_of_rule *subject)
{
    if (rule->decl) {
        struct scope own = planner_scope(p, rule->decl, subject->instance);
        own.constants = subject->constants;
        return own;
    }
    return (struct scope){.value_of = planner_value,
        .ctx = p,
        .constants = subject->constants,
        .dir = rule->module ? rule->module->dir : p->stack->dir,
        .diags = p->diags,
        .is_lost = state_is_hash,
        .open = p->workspace->options->stack.open};
}

static enum rule_answer wrong(
    struct planner *p, const struct rule *rule, const struct expr *expr, const struct value *v)
{
    diag_error(p->diags, expr_span(expr), "%s of the rule \"%.*s\" is true or false, not %s",
        expr == rule->where ? "`where`" : "`require`", STR_ARG(rule->name), value_with_article(v));
    return RULE_IS_WRONG;
}

/* Of which resource a mistake in the rule came up. */
static void note_subject(struct planner *p, size_t before, const struct subject_of_rule *subject)
{
    for (size_t i = before; i < p->diags->n; i++)
        if (subject->decl)
            diag_related(p->diags, &p->diags->items[i], subject->decl->span, "it was asked of %.*s",
                STR_ARG(subject->address));
}

static enum rule_answer evaluate_rule(struct planner *p, struct arena *arena, const struct rule *rule,
    const struct subject_of_rule *subject, bool *asked)
{
    struct scope scope = rule_scope(p, rule, subject);
    const struct value *v = rule->where ? expr_eval(rule->where, &scope, arena) : &value_true;
    if (!v)
        return RULE_IS_WRONG;
    if (value_is_unknown(v))
        return RULE_IS_UNKNOWN;
    if (v->kind != VALUE_BOOL)
        return wrong(p, rule, rule->where, v);
    *asked = v->boolean;
    if (!*asked)
        return RULE_IS_KEPT;
    v = expr_eval(rule->require, &scope, arena);
    if (!v)
        return RULE_IS_WRONG;
    if (value_is_unknown(v))
        return RULE_IS_UNKNOWN;
    if (v->kind != VALUE_BOOL && v->kind != VALUE_NULL)
        return wrong(p, rule, rule->require, v);
    return v->kind == VALUE_BOOL && v->boolean ? RULE_IS_KEPT : RULE_IS_BROKEN;
}

enum rule_answer rule_ask(struct planner *p, struct arena *arena, const struct rule *rule,
    const struct subject_of_rule *subject, bool *asked)
{
    size_t before = p->diags->n;
    *asked = true;
    enum rule_answer a = evaluate_rule(p, arena, rule, subject, asked);
    if (a == RULE_IS_WRONG)
        note_subject(p, before, subject);
    return a;
}

/* ---- without a planner ---- */

static bool is_true(const struct value *v)
{
    return v && v->kind == VALUE_BOOL && v->boolean;
}

bool rules_ask_budget(
    const struct stack *stack, const struct value *numbers, struct arena *arena, struct rule_finding *out)
{
    AUTO_DIAGS struct diags ignored = DIAGS_INIT; /* the rule is weir's own */
    struct scope scope = {.constants = value_with(arena, stack->constants, STR("plan"), numbers),
        .dir = stack->dir,
        .diags = &ignored};
    const struct rule *rule = NULL;
    for (size_t i = 0; i < stack->rule_count && !rule; i++)
        rule = stack->rules[i].budget ? &stack->rules[i] : NULL;
    if (!rule || !is_true(expr_eval(rule->where, &scope, arena)) ||
        is_true(expr_eval(rule->require, &scope, arena)))
        return false;
    const struct waiver *waiver = rule_waiver(stack, rule, STR("plan"), clock_wall_ms());
    *out = (struct rule_finding){.rule = rule->name,
        .address = STR("plan"),
        .message = value_text(expr_eval(rule->message, &scope, arena), STR("it is not kept to")),
        .level = rule->level,
        .outcome = waiver ? FINDING_WAIVED : FINDING_BROKEN,
        .reason = waiver ? waiver->reason : STR_EMPTY,
        .until = waiver ? waiver->until : STR_EMPTY,
        .span = rule->span};
    return true;
}

/* ---- saying ---- */

struct str rule_message(struct planner *p, const struct rule *rule, const struct subject_of_rule *subject)
{
    struct scope scope = rule_scope(p, rule, subject);
    AUTO_DIAGS struct diags ignored = DIAGS_INIT;
    scope.diags = &ignored; /* that it is broken is what has to be reported */
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const struct value *v = expr_eval(rule->message, &scope, &scratch);
    if (v && v->kind == VALUE_STRING && !value_is_sensitive(v))
        return arena_str(p->arena, v->string);
    return arena_printf(p->arena, "the rule \"%.*s\" is broken", STR_ARG(rule->name));
}

static const struct attr_expr *given_attr(const struct decl *decl, struct str name)
{
    for (size_t i = 0; i < decl->attr_count; i++)
        if (str_eq(decl->attrs[i].name, name))
            return &decl->attrs[i];
    return NULL;
}

struct span rule_place(struct planner *p, const struct rule *rule, const struct subject_of_rule *subject)
{
    const struct decl *decl = subject->decl;
    if (!decl)
        return rule->span;
    for (size_t i = 0; i < rule->attribute_count; i++) {
        const struct attr_expr *given = given_attr(decl, rule->attributes[i]);
        if (!given)
            continue;
        struct scope scope = planner_scope(p, decl, subject->instance);
        return expr_span(evaluate_origin(p, given->expr, &scope));
    }
    return rule->decl ? rule->span : decl->span;
}
