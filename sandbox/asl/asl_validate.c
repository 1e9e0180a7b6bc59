/* What is wrong with a definition, said as the service says it: a code, a message and a place. */
#include "sandbox/asl/asl_check.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>

enum { MAX_NAME = 80 };

static const struct {
    const char *name;
    unsigned bit;
} type_bits[] = {{"Task", TASK}, {"Parallel", PARALLEL}, {"Map", MAP}, {"Pass", PASS}, {"Wait", WAIT},
    {"Choice", CHOICE}, {"Succeed", SUCCEED}, {"Fail", FAIL}};

/* ---- where to go ---- */

static void check_target(const struct asl_scan *scan, const struct value *v, const char *member)
{
    const struct value *target = value_getz(v, member);
    if (target && target->kind == VALUE_STRING && !value_get(scan->states, target->string))
        asl_diag_add(scan->diags, "MISSING_TRANSITION_TARGET", asl_place(scan, member),
            arena_printf(scan->diags->arena, "Missing '%s' target: %.*s", member, STR_ARG(target->string)));
}

static void check_goes_on(const struct asl_scan *scan, const struct value *state)
{
    static const char *const names[] = {"Next", "End"};
    asl_check_one_of(scan, state, names, 2, true);
    const struct value *end = value_getz(state, "End");
    if (end && value_equal(end, &value_false))
        asl_wrong(scan, "End", "Value must be true");
    check_target(scan, state, "Next");
}

/* ---- parts of states ---- */

static const struct value *asl_validate_list_of(
    const struct asl_scan *scan, const struct value *v, const char *member, bool needed)
{
    const struct value *list = value_getz(v, member);
    if (!list && !needed)
        return &value_empty_list;
    if (list && list->kind == VALUE_LIST && (list->count || !needed))
        return list;
    asl_wrong(scan, member, "Value is not a %sarray", needed ? "non-empty " : "");
    return &value_empty_list;
}

static struct asl_scan validate_item(const struct asl_scan *scan, const char *member, uint32_t i)
{
    struct asl_scan inner = *scan;
    inner.at = arena_printf(scan->diags->arena, "%.*s/%s[%u]", STR_ARG(scan->at), member, i);
    return inner;
}

static void check_recoveries(const struct asl_scan *scan, const struct value *state)
{
    for (int catches = 0; catches < 2; catches++) {
        const char *member = catches ? "Catch" : "Retry";
        const struct value *list = asl_validate_list_of(scan, state, member, false);
        for (uint32_t i = 0; i < list->count; i++) {
            const struct value *rule = list->items[i];
            struct asl_scan inner = validate_item(scan, member, i);
            if (rule->kind != VALUE_MAP) {
                asl_wrong(&inner, "", "Value is not an object");
                continue;
            }
            asl_check_fields(&inner, rule, catches ? CATCHER : RETRIER);
            if (!value_getz(rule, "ErrorEquals"))
                asl_wrong(&inner, "", "These fields are required: [ErrorEquals]");
            const struct value *rate = value_getz(rule, "BackoffRate"),
                               *jitter = value_getz(rule, "JitterStrategy");
            if (rate && !(rate->kind == VALUE_INT && rate->integer >= 1) &&
                !(rate->kind == VALUE_FLOAT && rate->number >= 1))
                asl_wrong(&inner, "BackoffRate", "Value is not a number of at least 1.0");
            if (jitter && !str_eqz(value_text(jitter, STR_EMPTY), "FULL") &&
                !str_eqz(value_text(jitter, STR_EMPTY), "NONE"))
                asl_wrong(&inner, "JitterStrategy", "Value is not one of [FULL, NONE]");
            if (catches && !value_getz(rule, "Next"))
                asl_wrong(&inner, "", "These fields are required: [Next]");
            check_target(&inner, rule, "Next");
        }
    }
}

static void check_operand(const struct asl_scan *scan, struct str name, const struct value *v)
{
    const char *type;
    bool path, fits;
    int64_t ms;
    AUTO_ARENA struct arena names = ARENA_INIT;
    const char *member = arena_strz(&names, name);
    asl_choice_operator(name, &type, &path);
    if (path) {
        asl_check_path(scan, member, v, false);
        return;
    }
    switch (type[0]) {
    case 'S': fits = v->kind == VALUE_STRING; break;
    case 'N': fits = value_is_number(v); break;
    case 'T': fits = v->kind == VALUE_STRING && time_parse_rfc3339(v->string, &ms); break;
    default: fits = v->kind == VALUE_BOOL; break; /* Boolean, Is… */
    }
    if (!fits)
        asl_wrong(scan, member, "Value is not of the type that the comparison takes");
}

static void check_rule(const struct asl_scan *scan, const struct value *rule, bool top);

static bool check_combined(const struct asl_scan *scan, const struct value *rule)
{
    static const char *const names[] = {"And", "Or"};
    const struct value *not = value_getz(rule, "Not");
    for (size_t n = 0; n < 2; n++) {
        if (!value_getz(rule, names[n]))
            continue;
        const struct value *list = asl_validate_list_of(scan, rule, names[n], true);
        for (uint32_t i = 0; i < list->count; i++) {
            struct asl_scan inner = validate_item(scan, names[n], i);
            check_rule(&inner, list->items[i], false);
        }
        return true;
    }
    if (!not )
        return false;
    struct asl_scan inner = asl_below(scan, "Not");
    check_rule(&inner, not, false);
    return true;
}

static void check_rule(const struct asl_scan *scan, const struct value *rule, bool top)
{
    if (rule->kind != VALUE_MAP) {
        asl_wrong(scan, "", "Value is not an object");
        return;
    }
    if (top && !value_getz(rule, "Next"))
        asl_wrong(scan, "", "These fields are required: [Next]");
    if (!top && value_getz(rule, "Next"))
        asl_wrong(scan, "Next", "Next is only at the top of a choice rule");
    check_target(scan, rule, "Next");
    bool combined = check_combined(scan, rule);
    size_t comparisons = 0;
    for (uint32_t i = 0; i < rule->count; i++) {
        struct str key = rule->entries[i].key;
        const char *type;
        bool path;
        if (asl_choice_operator(key, &type, &path)) {
            comparisons++;
            check_operand(scan, key, rule->entries[i].value);
        } else if (top && str_eqz(key, "Assign")) {
            asl_check_assigned(scan, rule->entries[i].value);
        } else if (!str_eqz(key, "Next") && !str_eqz(key, "Comment") && !str_eqz(key, "Variable") &&
                   !str_eqz(key, "And") && !str_eqz(key, "Or") && !str_eqz(key, "Not")) {
            asl_wrong(scan, arena_strz(scan->diags->arena, key), "Field is not supported");
        }
    }
    if (combined ? comparisons > 0 : comparisons != 1)
        asl_wrong(scan, "", "A choice rule has exactly one comparison, or one of And, Or, Not");
    const struct value *variable = value_getz(rule, "Variable");
    if (variable)
        asl_check_path(scan, "Variable", variable, false);
    else if (!combined)
        asl_wrong(scan, "", "These fields are required: [Variable]");
}

/* ---- states ---- */

static void check_machine(const struct asl_scan *scan, const struct value *machine);

static void check_task(const struct asl_scan *scan, const struct value *state)
{
    static const char *const timeouts[] = {"TimeoutSeconds", "TimeoutSecondsPath"},
                             *const beats[] = {"HeartbeatSeconds", "HeartbeatSecondsPath"};
    struct str resource = value_gets(state, "Resource");
    if (!value_getz(state, "Resource"))
        asl_wrong(scan, "", "These fields are required: [Resource]");
    else if (!str_starts(resource, STR("arn:")))
        asl_wrong(scan, "Resource", "Value is not a valid resource ARN");
    asl_check_one_of(scan, state, timeouts, 2, false);
    asl_check_one_of(scan, state, beats, 2, false);
    const struct value *timeout = value_getz(state, "TimeoutSeconds"),
                       *beat = value_getz(state, "HeartbeatSeconds");
    if (timeout && beat && asl_is_whole(timeout, 1) && asl_is_whole(beat, 1) &&
        beat->integer >= timeout->integer)
        asl_wrong(scan, "HeartbeatSeconds", "Value must be smaller than TimeoutSeconds");
}

static void check_map(const struct asl_scan *scan, const struct value *state)
{
    static const char *const names[] = {"ItemProcessor", "Iterator"},
                             *const selectors[] = {"ItemSelector", "Parameters"},
                             *const limits[] = {"MaxConcurrency", "MaxConcurrencyPath"};
    asl_check_one_of(scan, state, names, 2, true);
    asl_check_one_of(scan, state, selectors, 2, false);
    asl_check_one_of(scan, state, limits, 2, false);
    const struct value *processor = value_getz(state, "ItemProcessor");
    const struct value *machine = processor ? processor : value_getz(state, "Iterator");
    struct asl_scan inner = asl_below(scan, processor ? "ItemProcessor" : "Iterator");
    asl_check_distributed(scan, state);
    if (machine)
        check_machine(&inner, machine);
}

static void check_parallel(const struct asl_scan *scan, const struct value *state)
{
    const struct value *branches = asl_validate_list_of(scan, state, "Branches", true);
    for (uint32_t i = 0; i < branches->count; i++) {
        struct asl_scan inner = validate_item(scan, "Branches", i);
        check_machine(&inner, branches->items[i]);
    }
}

static void check_choice(const struct asl_scan *scan, const struct value *state)
{
    const struct value *rules = asl_validate_list_of(scan, state, "Choices", true);
    for (uint32_t i = 0; i < rules->count; i++) {
        struct asl_scan inner = validate_item(scan, "Choices", i);
        check_rule(&inner, rules->items[i], true);
    }
    check_target(scan, state, "Default");
}

static void check_by_type(const struct asl_scan *scan, const struct value *state, unsigned type)
{
    static const char *const waits[] = {"Seconds", "SecondsPath", "Timestamp", "TimestampPath"},
                             *const errors[] = {"Error", "ErrorPath"},
                             *const causes[] = {"Cause", "CausePath"};
    if (type & GOES)
        check_goes_on(scan, state);
    if (type & WORK)
        check_recoveries(scan, state);
    switch (type) {
    case TASK: check_task(scan, state); break;
    case PARALLEL: check_parallel(scan, state); break;
    case MAP: check_map(scan, state); break;
    case WAIT: asl_check_one_of(scan, state, waits, 4, true); break;
    case CHOICE: check_choice(scan, state); break;
    case FAIL:
        asl_check_one_of(scan, state, errors, 2, false);
        asl_check_one_of(scan, state, causes, 2, false);
        break;
    default: break;
    }
}

static void check_language(const struct asl_scan *scan, const struct value *v)
{
    const struct value *language = value_getz(v, "QueryLanguage");
    if (language && !str_eqz(value_text(language, STR_EMPTY), "JSONPath"))
        asl_wrong(scan, "QueryLanguage", "The sandbox knows the query language JSONPath only, not %.*s",
            STR_ARG(value_text(language, STR("this"))));
}

static void check_state(const struct asl_scan *scan, const struct value *state)
{
    if (state->kind != VALUE_MAP) {
        asl_wrong(scan, "", "Value is not an object");
        return;
    }
    const struct value *named = value_getz(state, "Type");
    unsigned type = 0;
    for (size_t i = 0; i < sizeof type_bits / sizeof *type_bits; i++)
        if (str_eqz(value_text(named, STR_EMPTY), type_bits[i].name))
            type = type_bits[i].bit;
    check_language(scan, state);
    if (!named)
        asl_wrong(scan, "", "These fields are required: [Type]");
    else if (!type)
        asl_wrong(
            scan, "Type", "Value is not one of [Task, Parallel, Map, Pass, Wait, Choice, Succeed, Fail]");
    if (!type)
        return;
    asl_check_fields(scan, state, type);
    check_by_type(scan, state, type);
}

/* ---- machines ---- */

struct walk {
    struct map seen;
    struct str *todo;
    size_t n, cap;
};

static void walk_to(struct walk *walk, const struct value *v)
{
    if (!v || v->kind != VALUE_STRING || map_get(&walk->seen, v->string))
        return;
    map_set(&walk->seen, v->string, walk);
    MEM_GROW(walk->todo, walk->cap, walk->n + 1);
    walk->todo[walk->n++] = v->string;
}

static void walk_list(struct walk *walk, const struct value *list)
{
    for (uint32_t i = 0; list && list->kind == VALUE_LIST && i < list->count; i++)
        walk_to(walk, value_getz(list->items[i], "Next"));
}

/* Every state can be come to from StartAt. */
static void check_reachable(const struct asl_scan *scan, const struct value *machine)
{
    struct walk walk = {.seen = MAP_INIT};
    walk_to(&walk, value_getz(machine, "StartAt"));
    while (walk.n) {
        const struct value *state = value_get(scan->states, walk.todo[--walk.n]);
        walk_to(&walk, value_getz(state, "Next"));
        walk_to(&walk, value_getz(state, "Default"));
        walk_list(&walk, value_getz(state, "Choices"));
        walk_list(&walk, value_getz(state, "Catch"));
    }
    for (uint32_t i = 0; i < scan->states->count; i++) {
        struct str name = scan->states->entries[i].key;
        if (map_get(&walk.seen, name))
            continue;
        asl_diag_add(scan->diags, "MISSING_TRANSITION_TARGET",
            arena_printf(scan->diags->arena, "%.*s/States/%.*s", STR_ARG(scan->at), STR_ARG(name)),
            arena_printf(scan->diags->arena, "State \"%.*s\" is not reachable.", STR_ARG(name)));
    }
    map_release(&walk.seen);
    free(walk.todo);
}

static void check_states(const struct asl_scan *scan)
{
    for (uint32_t i = 0; i < scan->states->count; i++) {
        struct str name = scan->states->entries[i].key;
        struct asl_scan inner = *scan;
        inner.at = arena_printf(scan->diags->arena, "%.*s/States/%.*s", STR_ARG(scan->at), STR_ARG(name));
        if (map_set(scan->names, name, (void *)(uintptr_t)scan->states))
            asl_diag_add(scan->diags, "DUPLICATE_STATE_NAME", inner.at,
                arena_printf(scan->diags->arena, "Duplicate State name: %.*s", STR_ARG(name)));
        if (!name.n || str_code_points(name) > MAX_NAME)
            asl_wrong(&inner, "", "State names have 1 to %d characters", MAX_NAME);
        check_state(&inner, scan->states->entries[i].value);
    }
}

static void check_machine(const struct asl_scan *outer, const struct value *machine)
{
    struct asl_scan scan = *outer;
    scan.states = value_getz(machine, "States");
    const struct value *start = value_getz(machine, "StartAt");
    check_language(&scan, machine);
    if (!scan.states || scan.states->kind != VALUE_MAP || !scan.states->count) {
        asl_wrong(&scan, "States", "Value is not a non-empty object of states");
        return;
    }
    if (!start || start->kind != VALUE_STRING)
        asl_wrong(&scan, "", "These fields are required: [StartAt]");
    else
        check_target(&scan, machine, "StartAt");
    check_states(&scan);
    if (start && value_get(scan.states, value_text(start, STR_EMPTY)))
        check_reachable(&scan, machine);
}

static void check_top(const struct asl_scan *scan, const struct value *definition)
{
    static const char *const known[] = {
        "Comment", "StartAt", "States", "Version", "TimeoutSeconds", "QueryLanguage"};
    for (uint32_t i = 0; i < definition->count; i++) {
        bool found = false;
        for (size_t k = 0; k < sizeof known / sizeof *known; k++)
            found = found || str_eqz(definition->entries[i].key, known[k]);
        if (!found)
            asl_wrong(
                scan, arena_strz(scan->diags->arena, definition->entries[i].key), "Field is not supported");
    }
    const struct value *timeout = value_getz(definition, "TimeoutSeconds");
    if (timeout && !asl_is_whole(timeout, 1))
        asl_wrong(scan, "TimeoutSeconds", "Value is not a whole number of at least 1");
}

void asl_validate(const struct value *definition, struct asl_diags *diags)
{
    AUTO_MAP struct map names = MAP_INIT;
    struct asl_scan scan = {.diags = diags, .at = STR_EMPTY, .names = &names};
    if (!definition || definition->kind != VALUE_MAP) {
        asl_diag_add(
            diags, "INVALID_JSON_DESCRIPTION", STR_EMPTY, STR("The definition is not a JSON object"));
        return;
    }
    check_top(&scan, definition);
    check_machine(&scan, definition);
}

void asl_diags_release(struct asl_diags *diags)
{
    free(diags->items);
    diags->items = NULL;
    diags->n = diags->cap = 0;
}
