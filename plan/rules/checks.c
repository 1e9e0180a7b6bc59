/*
 * The objects that rules see; and checks, evaluated after an apply with values from their own data sources.
 */
#include "base/clock.h"
#include "plan/evaluate/evaluate.h"
#include "plan/objects/recorded.h"
#include "plan/rules/rules.h"

/* ---- a resource as rules see it ---- */

static const struct value *completed(struct arena *arena, const struct type *type, const struct value *v);

static const struct value *completed_fields(
    struct arena *arena, const struct attr *attrs, size_t n, const struct value *object)
{
    struct value_entry *entries = ARENA_ARRAY(arena, struct value_entry, n + object->count);
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        const struct value *given = value_get(object, attrs[i].name);
        const struct value *fallback = attrs[i].default_value ? attrs[i].default_value : &value_null;
        entries[count++] = (struct value_entry){
            attrs[i].name, value_is_null(given) ? fallback : completed(arena, attrs[i].type, given)};
    }
    for (uint32_t i = 0; i < object->count; i++)
        if (!attr_find(attrs, n, object->entries[i].key))
            entries[count++] = object->entries[i];
    return value_mark(arena, value_map(arena, entries, count), object->marks & VALUE_SENSITIVE);
}

static const struct value *completed_items(
    struct arena *arena, const struct type *elem, const struct value *list)
{
    const struct value **items = ARENA_ARRAY(arena, const struct value *, list->count + 1);
    for (uint32_t i = 0; i < list->count; i++)
        items[i] = completed(arena, elem, list->items[i]);
    return value_mark(arena, value_list(arena, items, list->count), list->marks & VALUE_SENSITIVE);
}

static const struct value *completed(struct arena *arena, const struct type *type, const struct value *v)
{
    if (!type || !type_has_fields(type))
        return v;
    if (v->kind == VALUE_MAP && type->kind == TYPE_OBJECT)
        return completed_fields(arena, type->fields, type->field_count, v);
    if (v->kind == VALUE_LIST && type->elem)
        return completed_items(arena, type->elem, v);
    return v;
}

const struct value *rule_object(struct arena *arena, const struct schema *schema, const struct value *object)
{
    if (!object || object->kind != VALUE_MAP)
        return object;
    return completed_fields(arena, schema->attrs, schema->attr_count, object);
}

/* ---- dependencies and dependents ---- */

struct links {
    struct planner *p;
    struct value_builder list;
};

static const struct value *link_of(struct arena *arena, const struct instance *instance)
{
    const struct schema *schema = instance->decl->schema;
    const struct value *self = rule_object(arena, schema, instance->planned);
    return VALUE_MAP(arena, {STR("address"), value_string_ref(arena, instance->address)},
        {STR("type"), value_string_ref(arena, schema->name)},
        {STR("action"), value_stringz(arena, action_name(instance_action(instance)))},
        {STR("self"), self ? self : &value_unknown});
}

static void add_links(void *ctx, const struct decl *decl)
{
    struct links *links = ctx;
    const struct instances *list = &links->p->evaluated.instances[decl->index];
    for (size_t i = 0; decl->kind == DECL_RESOURCE && i < list->n; i++)
        value_builder_add(&links->list, link_of(links->list.arena, &list->items[i]));
}

static const struct value *dependencies_of(struct planner *p, struct arena *arena, const struct decl *decl)
{
    struct links links = {p, VALUE_BUILDER(arena)};
    each_resource_dep(p, decl, add_links, &links);
    return value_builder_list(&links.list);
}

struct dependent {
    struct graph *graph;
    uint32_t index;
};

static void add_dependent(void *ctx, const struct decl *dep)
{
    const struct dependent *dependent = ctx;
    graph_add_edge(dependent->graph, dep->index, dependent->index);
}

/* Built once, since the references between declarations do not change. */
static const struct graph *dependents_graph(struct planner *p)
{
    if (p->dependents)
        return p->dependents;
    p->dependents = ARENA_NEW(p->arena, struct graph);
    graph_init(p->dependents, (uint32_t)p->stack->decl_count);
    for (uint32_t i = 0; i < p->stack->decl_count; i++) {
        struct dependent dependent = {p->dependents, i};
        if (p->stack->decls[i]->kind == DECL_RESOURCE)
            each_resource_dep(p, p->stack->decls[i], add_dependent, &dependent);
    }
    graph_freeze(p->dependents);
    return p->dependents;
}

static const struct value *dependents_of(struct planner *p, struct arena *arena, const struct decl *decl)
{
    struct links links = {p, VALUE_BUILDER(arena)};
    const struct graph *graph = dependents_graph(p);
    for (uint32_t e = graph->first[decl->index]; e < graph->first[decl->index + 1]; e++)
        add_links(&links, p->stack->decls[graph->targets[e]]);
    return value_builder_list(&links.list);
}

struct rule_links rule_links_of(struct planner *p, struct arena *arena, const struct decl *decl)
{
    return (struct rule_links){dependencies_of(p, arena, decl), dependents_of(p, arena, decl)};
}

/* ---- checks ---- */

static bool is_data_of(const struct rule *check, const struct decl *decl)
{
    bool found = false;
    for (size_t i = 0; i < check->data_count && !found; i++)
        found = check->data[i] == decl;
    return found;
}

/* Reads a check's data sources in the stack's order, since one may depend on another. False after an
 * error. */
static bool read_all(struct planner *p, const struct rule *check)
{
    bool ok = true;
    for (size_t i = 0; i < p->stack->decl_count && check->data_count && ok; i++)
        if (is_data_of(check, p->stack->decls[i]))
            ok = data_read(p, p->stack->decls[i]) && evaluate_decl(p, p->stack->decls[i]);
    return ok;
}

/* Returns the message of a failed evaluation: the service's error, or the first diagnostic. */
static struct str trouble_of(struct planner *p)
{
    const struct diags *diags = p->diags;
    struct str text = p->failure.class != ERR_NONE ? str_z(p->failure.message)
                      : diags->n                   ? diags->items[0].message
                                                   : STR("it could not be asked");
    text = arena_str(p->arena, text);
    p->failure = (struct err)ERR_INIT;
    return text;
}

static struct rule_finding ask_check(struct planner *p, const struct rule *check)
{
    const struct module *module = check->module ? check->module : p->stack->root;
    struct subject_of_rule subject = {.address = check->name,
        .constants = value_with(p->arena, p->stack->constants, STR("outputs"),
            module_outputs(p->arena, module, planner_value, p))};
    bool read = read_all(p, check);
    enum rule_answer answer = read ? rule_evaluate(p, p->arena, check, &subject) : RULE_IS_BROKEN;
    struct rule_finding finding = rule_finding_of(p, check, &subject);
    finding.unknown = answer == RULE_IS_UNKNOWN;
    if (answer == RULE_IS_MET) {
        finding.outcome = FINDING_MET;
        finding.message = STR_EMPTY;
    } else if (!read || answer == RULE_IS_WRONG) {
        finding.message = trouble_of(p);
        finding.level = answer == RULE_IS_WRONG ? RULE_ERROR : finding.level; /* an error in the check */
    }
    return finding;
}

/* Repeats the check as long as it allows, since an applied resource may take a while to work. */
static struct rule_finding ask_patiently(const struct plan *plan, const struct rule *check)
{
    struct planner *p = plan->planner;
    enum { PAUSE_MS = 250, PAUSE_MAX_MS = 5000 };
    int64_t until_ms = clock_mono_ms() + check->within_ms;
    for (int64_t pause_ms = PAUSE_MS;; pause_ms = pause_ms * 2 < PAUSE_MAX_MS ? pause_ms * 2 : PAUSE_MAX_MS) {
        AUTO_DIAGS struct diags own = DIAGS_INIT;
        p->diags = &own; /* errors are reported with the check */
        struct rule_finding finding = ask_check(p, check);
        int64_t left_ms = until_ms - clock_mono_ms();
        if (finding.outcome == FINDING_MET || left_ms <= 0 ||
            cancel_sleep_ms(p->cancel, pause_ms < left_ms ? pause_ms : left_ms, ERR_IGNORED))
            return finding;
    }
}

bool rule_is_check(struct planner *p, const struct rule *rule)
{
    return rule->check && !p->options->destroy &&
           (!rule->module || module_entry(p, rule->module) == ENTRY_IN);
}

bool plan_is_a_run(const struct plan *plan)
{
    const struct stack *stack = plan->planner->stack;
    bool run = plan_has_changes(plan) || plan->output_count || plan->leases;
    for (size_t i = 0; i < stack->rule_count && !run; i++)
        run = rule_is_check(plan->planner, &stack->rules[i]);
    return run;
}

void plan_evaluate_checks(struct plan *plan, const atomic_bool *cancel)
{
    struct planner *p = plan->planner;
    planner_hand_over(p, cancel);
    struct diags *diags = p->diags;
    const struct stack *stack = p->stack;
    plan->checks = ARENA_ARRAY(p->arena, struct rule_finding, stack->rule_count + 1);
    plan->check_count = 0;
    for (size_t i = 0; i < stack->rule_count; i++)
        if (rule_is_check(p, &stack->rules[i]))
            plan->checks[plan->check_count++] = ask_patiently(plan, &stack->rules[i]);
    p->diags = diags;
}

int plan_check_checks(const struct plan *plan, struct err *err)
{
    const struct rule_finding *first;
    size_t n = findings_broken(plan->checks, plan->check_count, RULE_ERROR, &first);
    if (!n)
        return 0;
    err_set(err, ERR_FAILED, "%zu check%s failed: %.*s: %.*s%s", n, n == 1 ? "" : "s",
        STR_ARG(first->address), STR_ARG(first->message), n > 1 ? ", …" : "");
    return err_hint(err, "what was applied stays; `weir apply` evaluates the checks again");
}
