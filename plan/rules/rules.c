/* Evaluates one rule for a resource or the plan, and all rules of a stack for all changes of its plan. */
#include "plan/rules/rules.h"

#include "base/clock.h"
#include "base/mem.h"
#include "plan/evaluate/attributes.h"
#include "plan/evaluate/evaluate.h"

#include <stdlib.h>

/* ---- names in rules ---- */

enum { ACTION, ADDRESS, BEFORE, DEPENDENCIES, DEPENDENTS, PATH, SELF, STACK, TYPE, NAMES };
static const struct str name_words[NAMES] = {STR_INIT("action"), STR_INIT("address"), STR_INIT("before"),
    STR_INIT("dependencies"), STR_INIT("dependents"), STR_INIT("path"), STR_INIT("self"), STR_INIT("stack"),
    STR_INIT("type")};

/* The names are in order, so that the map of each of thousands of resources needs no sorting. */
static const struct value *named_values(
    struct planner *p, struct arena *arena, const struct value *const values[NAMES])
{
    struct value *map = ARENA_NEW(arena, struct value);
    struct value_entry *entries = ARENA_ARRAY(arena, struct value_entry, NAMES);
    for (int i = 0; i < NAMES; i++)
        entries[i] = (struct value_entry){name_words[i], values[i] ? values[i] : &value_null};
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
    const struct recorded_resource *recorded = instance->recorded;
    const struct value *values[NAMES] = {
        [ACTION] = value_stringz(arena, action_name(instance_action(instance))),
        [ADDRESS] = value_string_ref(arena, instance->address),
        [BEFORE] = rule_object(arena, decl->schema, recorded ? recorded->live : instance->import_live),
        [DEPENDENCIES] = links ? links->dependencies : NULL,
        [DEPENDENTS] = links ? links->dependents : NULL,
        [SELF] = rule_object(arena, decl->schema, self),
        [TYPE] = value_string_ref(arena, decl->schema->name)};
    return named_values(p, arena, values);
}

/* The same for a resource without an instance. */
static const struct value *rule_constants_of_deleted(
    struct planner *p, struct arena *arena, const struct change *change)
{
    const struct recorded_resource *recorded = change->recorded;
    const struct value *before =
        recorded ? (recorded->live ? recorded->live : recorded->record->attrs) : NULL;
    const struct value *values[NAMES] = {
        [ACTION] = value_stringz(arena, action_name(change->decision.action)),
        [ADDRESS] = value_string_ref(arena, change->subject.address),
        [BEFORE] = rule_object(arena, change->schema, before),
        [DEPENDENCIES] = &value_empty_list,
        [DEPENDENTS] = &value_empty_list,
        [TYPE] = value_string_ref(arena, change->subject.type)};
    return named_values(p, arena, values);
}

/* ---- evaluation ---- */

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

/* Adds the resource to the errors in a rule. */
static void note_subject(struct planner *p, size_t before, const struct subject_of_rule *subject)
{
    for (size_t i = before; i < p->diags->n; i++)
        if (subject->decl)
            diag_related(p->diags, &p->diags->items[i], subject->decl->span, "it was asked of %.*s",
                STR_ARG(subject->address));
}

static enum rule_answer evaluate_rule(
    struct planner *p, struct arena *arena, const struct rule *rule, const struct subject_of_rule *subject)
{
    struct scope scope = rule_scope(p, rule, subject);
    const struct value *v = rule->where ? expr_eval(rule->where, &scope, arena) : &value_true;
    if (!v)
        return RULE_IS_WRONG;
    if (value_is_unknown(v))
        return RULE_IS_UNKNOWN;
    if (v->kind != VALUE_BOOL)
        return wrong(p, rule, rule->where, v);
    if (!v->boolean)
        return RULE_IS_MET;
    v = expr_eval(rule->require, &scope, arena);
    if (!v)
        return RULE_IS_WRONG;
    if (value_is_unknown(v))
        return RULE_IS_UNKNOWN;
    if (v->kind != VALUE_BOOL && v->kind != VALUE_NULL)
        return wrong(p, rule, rule->require, v);
    return v->kind == VALUE_BOOL && v->boolean ? RULE_IS_MET : RULE_IS_BROKEN;
}

enum rule_answer rule_evaluate(
    struct planner *p, struct arena *arena, const struct rule *rule, const struct subject_of_rule *subject)
{
    size_t before = p->diags->n;
    enum rule_answer a = evaluate_rule(p, arena, rule, subject);
    if (a == RULE_IS_WRONG)
        note_subject(p, before, subject);
    return a;
}

/* ---- without a planner ---- */

static bool is_true(const struct value *v)
{
    return v && v->kind == VALUE_BOOL && v->boolean;
}

bool rules_evaluate_budget(
    const struct stack *stack, const struct value *numbers, struct arena *arena, struct rule_finding *out)
{
    AUTO_DIAGS struct diags ignored = DIAGS_INIT; /* weir itself wrote the rule */
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

/* ---- messages ---- */

struct str rule_message(struct planner *p, const struct rule *rule, const struct subject_of_rule *subject)
{
    struct scope scope = rule_scope(p, rule, subject);
    AUTO_DIAGS struct diags ignored = DIAGS_INIT;
    scope.diags = &ignored; /* only the broken rule is reported */
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const struct value *v = expr_eval(rule->message, &scope, &scratch);
    if (v && v->kind == VALUE_STRING && !value_is_sensitive(v))
        return arena_str(p->arena, v->string);
    return arena_printf(p->arena, "the rule \"%.*s\" is broken", STR_ARG(rule->name));
}

struct span rule_span_of(struct planner *p, const struct rule *rule, const struct subject_of_rule *subject)
{
    const struct decl *decl = subject->decl;
    if (!decl)
        return rule->span;
    for (size_t i = 0; i < rule->attribute_count; i++) {
        const struct attr_expr *given = attributes_given(decl, rule->attributes[i]);
        if (!given)
            continue;
        struct scope scope = planner_scope(p, decl, subject->instance);
        return expr_span(evaluate_origin(p, given->expr, &scope));
    }
    return rule->decl ? rule->span : decl->span;
}

/* Rules that apply to a type. */
struct type_rules {
    const struct rule **rules;
    size_t n;
    bool links;
};

struct asking {
    struct planner *p;
    struct arena scratch;        /* for one resource */
    struct arena linked;         /* for one declaration: its links */
    const struct decl *links_of; /* NULL: none yet */
    struct rule_links links;
    int64_t now_ms;
    struct map types; /* name -> struct type_rules */
    struct rule_finding *findings;
    size_t n, cap;
};

/* True if a module uses a rule set that the whole stack uses, too. */
static bool holds_anyway(const struct stack *stack, const struct rule *rule)
{
    bool found = false;
    for (size_t i = 0; i < stack->rule_count && rule->module && rule->set.n && !found; i++)
        found = !stack->rules[i].module && str_eq(stack->rules[i].name, rule->name);
    return found;
}

static const struct type_rules *rules_of(struct asking *a, const struct schema *schema)
{
    struct planner *p = a->p;
    struct type_rules *found = map_get(&a->types, schema->name);
    if (found)
        return found;
    found = ARENA_NEW(p->arena, struct type_rules);
    found->rules = ARENA_ARRAY(p->arena, const struct rule *, p->stack->rule_count);
    for (size_t i = 0; i < p->stack->rule_count; i++) {
        const struct rule *rule = &p->stack->rules[i];
        if (rule->decl || rule->check || rule->of_plan || !rule_is_for(rule, schema) ||
            holds_anyway(p->stack, rule))
            continue;
        found->rules[found->n++] = rule;
        found->links |= (rule->names & RULE_NAMES_LINKS) != 0;
    }
    map_set(&a->types, schema->name, found);
    return found;
}

/* ---- findings ---- */

static struct rule_finding *add_finding(
    struct asking *a, const struct rule *rule, const struct subject_of_rule *subject)
{
    MEM_GROW(a->findings, a->cap, a->n + 1);
    a->findings[a->n] = rule_finding_of(a->p, rule, subject);
    return &a->findings[a->n++];
}

/* True if it can be evaluated later, before the resource's request, when other resources are known. */
static bool can_wait(const struct rule *rule, const struct instance *instance)
{
    if (!instance || instance_action(instance) == ACTION_NOOP)
        return false;
    return !value_is_known(instance->desired) || (rule->names & (RULE_NAMES_LINKS | RULE_NAMES_OTHERS));
}

static void add_wait(struct asking *a, const struct rule *rule, struct instance *instance)
{
    struct rule_wait *wait = ARENA_NEW(a->p->arena, struct rule_wait);
    *wait = (struct rule_wait){rule, instance->waiting_rules};
    instance->waiting_rules = wait;
}

static void ask(struct asking *a, const struct rule *rule, const struct subject_of_rule *subject,
    struct instance *instance)
{
    enum rule_answer answer = rule_evaluate(a->p, &a->scratch, rule, subject);
    if (answer == RULE_IS_MET || answer == RULE_IS_WRONG || (answer == RULE_IS_UNKNOWN && a->p->offline))
        return;
    struct rule_finding *f = add_finding(a, rule, subject);
    const struct waiver *waiver = rule_waiver(a->p->stack, rule, subject->address, a->now_ms);
    f->unknown = answer == RULE_IS_UNKNOWN;
    if (waiver) {
        f->outcome = FINDING_WAIVED;
        f->reason = waiver->reason;
        f->until = waiver->until;
    } else if (f->unknown && can_wait(rule, instance)) {
        f->outcome = FINDING_WAITS;
        add_wait(a, rule, instance);
    } else if (rule->level == RULE_APPROVAL && rule_is_approved(a->p, rule)) {
        f->outcome = FINDING_APPROVED;
        f->reason = a->p->options->approval_reason;
    }
}

/* ---- subjects ---- */

static bool is_in(const struct module *module, const struct module *holder)
{
    for (; holder && module && module != holder; module = module->parent)
        ;
    return !holder || module == holder;
}

static bool lies_in(struct str address, const struct module *holder)
{
    return !holder || (str_starts(address, holder->path) && address.n > holder->path.n &&
                          address.p[holder->path.n] == '/');
}

/* Without a state and services, actions and live objects are unknown. */
static bool can_ask(const struct planner *p, const struct rule *rule)
{
    return !p->offline || !(rule->after || (rule->names & (RULE_NAMES_ACTION | RULE_NAMES_BEFORE)));
}

/* The links are the same for all instances of a declaration. */
static const struct rule_links *find_links(struct asking *a, const struct decl *decl)
{
    if (a->links_of != decl) {
        arena_release(&a->linked);
        a->links = rule_links_of(a->p, &a->linked, decl);
        a->links_of = decl;
    }
    return &a->links;
}

/* Evaluates a resource's own conditions. Those about the result of its request wait. */
static void ask_own(struct asking *a, struct subject_of_rule *subject, struct instance *instance)
{
    const struct lifecycle *lifecycle = decl_lifecycle(instance->decl);
    unsigned names = 0;
    for (size_t i = 0; i < lifecycle->rule_count; i++)
        names |= a->p->stack->rules[lifecycle->first_rule + i].names;
    if (!subject->constants || (names & RULE_NAMES_LINKS))
        subject->constants = rule_constants_of(a->p, &a->scratch, instance, instance->planned,
            names & RULE_NAMES_LINKS ? find_links(a, instance->decl) : NULL);
    for (size_t i = 0; i < lifecycle->rule_count; i++) {
        const struct rule *rule = &a->p->stack->rules[lifecycle->first_rule + i];
        if (!can_ask(a->p, rule))
            continue;
        if (!rule->after || instance_action(instance) == ACTION_NOOP) {
            ask(a, rule, subject, instance);
            continue;
        }
        add_finding(a, rule, subject)->outcome = FINDING_WAITS;
        add_wait(a, rule, instance);
    }
}

static void ask_of_instance(struct asking *a, struct instance *instance)
{
    const struct decl *decl = instance->decl;
    const struct type_rules *list = rules_of(a, decl->schema);
    struct subject_of_rule subject = {
        .address = instance->address, .schema = decl->schema, .instance = instance, .decl = decl};
    for (size_t i = 0; i < list->n; i++) {
        if (!is_in(decl->module, list->rules[i]->module) || !can_ask(a->p, list->rules[i]))
            continue;
        if (!subject.constants)
            subject.constants = rule_constants_of(
                a->p, &a->scratch, instance, instance->planned, list->links ? find_links(a, decl) : NULL);
        ask(a, list->rules[i], &subject, instance);
    }
    if (decl_lifecycle(decl)->rule_count)
        ask_own(a, &subject, instance);
    arena_release(&a->scratch);
}

/* For deletions only rules that use the action: the others are about existing resources. */
static void ask_of_deleted(struct asking *a, const struct change *change)
{
    const struct type_rules *list = rules_of(a, change->schema);
    struct subject_of_rule subject = {
        .address = change->subject.address, .schema = change->schema, .decl = change->decl};
    for (size_t i = 0; i < list->n; i++) {
        if (!(list->rules[i]->names & RULE_NAMES_ACTION) || !lies_in(subject.address, list->rules[i]->module))
            continue;
        if (!subject.constants)
            subject.constants = rule_constants_of_deleted(a->p, &a->scratch, change);
        ask(a, list->rules[i], &subject, NULL);
    }
    arena_release(&a->scratch);
}

static int64_t count_changes(const struct plan *plan)
{
    int64_t n = 0;
    for (size_t i = 0; i < plan->change_count; i++)
        n += plan->changes[i]->decision.action != ACTION_NOOP || plan->changes[i]->moved_from.n;
    return n;
}

/* The cost is computed only if a rule uses it. */
static const struct value *cost_of(struct asking *a, const struct rule *rule, int64_t changes)
{
    const struct plan_options *options = a->p->options;
    if (!options->cost || (rule->budget && !changes))
        return &value_unknown;
    return options->cost(options->cost_ctx, a->p->plan, &a->scratch);
}

static void ask_of_plan(struct asking *a, const struct rule *rule)
{
    struct planner *p = a->p;
    struct value_builder numbers = VALUE_BUILDER(&a->scratch);
    int64_t changes = count_changes(p->plan);
    for (int i = 0; i < ACTION_COUNT; i++)
        value_builder_set(&numbers, str_z(action_name((enum action)i)),
            value_int(&a->scratch, (int64_t)plan_count(p->plan, (enum action)i)));
    value_builder_set(&numbers, STR("changes"), value_int(&a->scratch, changes));
    value_builder_set(&numbers, STR("resources"), value_int(&a->scratch, (int64_t)p->plan->resource_count));
    if (rule->names & RULE_NAMES_COST)
        value_builder_set(&numbers, STR("cost"), cost_of(a, rule, changes));
    struct subject_of_rule subject = {.address = STR("plan")};
    subject.constants =
        value_with(&a->scratch, p->stack->constants, STR("plan"), value_builder_map(&numbers));
    ask(a, rule, &subject, NULL);
    arena_release(&a->scratch);
}

/* Adds a check to the findings; its data is not read yet. */
static void add_check(struct asking *a, const struct rule *rule)
{
    MEM_GROW(a->findings, a->cap, a->n + 1);
    a->findings[a->n++] = (struct rule_finding){.rule = rule->name,
        .address = rule->name,
        .message = STR("a check of what is there then"),
        .level = rule->level,
        .outcome = FINDING_WAITS,
        .span = rule->span,
        .rule_span = rule->span};
}

static void ask_all(struct asking *a)
{
    struct planner *p = a->p;
    for (size_t i = 0; i < p->stack->decl_count && !p->options->destroy; i++) {
        struct instances *list = &p->evaluated.instances[i];
        for (size_t k = 0; p->stack->decls[i]->kind == DECL_RESOURCE && k < list->n; k++)
            if (list->items[k].desired && list->items[k].planned)
                ask_of_instance(a, &list->items[k]);
    }
    for (size_t i = 0; i < p->plan->change_count; i++)
        if (!p->plan->changes[i]->instance && p->plan->changes[i]->schema)
            ask_of_deleted(a, p->plan->changes[i]);
    for (size_t i = 0; i < p->stack->rule_count && !p->offline; i++) {
        const struct rule *rule = &p->stack->rules[i];
        bool asked = !rule->budget || (p->options->cost && !p->options->no_budget);
        if (rule->of_plan && asked)
            ask_of_plan(a, rule);
        if (rule_is_check(p, rule))
            add_check(a, rule);
    }
}

void rules_evaluate(struct planner *p)
{
    struct asking a = {.p = p, .now_ms = clock_wall_ms()};
    if (!p->stack->rule_count || p->options->as_recorded)
        return;
    rules_report_over(p, a.now_ms);
    ask_all(&a);
    p->plan->finding_count = a.n;
    p->plan->findings = ARENA_ARRAY(p->arena, struct rule_finding, a.n + 1);
    if (a.n)
        memcpy(p->plan->findings, a.findings, a.n * sizeof *a.findings);
    free(a.findings);
    map_release(&a.types);
    arena_release(&a.scratch);
    arena_release(&a.linked);
}
