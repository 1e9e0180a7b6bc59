/* The requirements of each type of state, besides the values of its fields. */
#include "provider/notation/asl_check.h"

#include "base/clock.h"

/* Suggestions compare a misspelt target with all states: with thousands of both this would take minutes. */
enum { HINTED_MAX = 100 };

/* ---- targets ---- */

void asl_check_target(const struct asl_scan *scan, const struct value *v, const char *member)
{
    const struct value *target = value_getz(v, member), *states = scan->states;
    if (!target || target->kind != VALUE_STRING || !states || value_get(states, target->string))
        return;
    struct arena *arena = scan->diags->arena;
    struct asl_diag *diag = asl_diag_add(scan, "MISSING_TRANSITION_TARGET", member,
        arena_printf(arena, "Missing '%s' target: %.*s", member, STR_ARG(target->string)));
    if (scan->diags->n > HINTED_MAX)
        return;
    struct str *names = ARENA_ARRAY(arena, struct str, states->count);
    for (uint32_t i = 0; i < states->count; i++)
        names[i] = states->entries[i].key;
    diag->word = target->string;
    diag->names = names;
    diag->name_count = states->count;
}

static void check_goes_on(const struct asl_scan *scan, const struct value *state)
{
    static const char *const names[] = {"Next", "End"};
    asl_check_one_of(scan, state, names, 2, true);
    const struct value *end = value_getz(state, "End");
    if (end && value_equal(end, &value_false))
        asl_wrong(scan, "End", "Value must be true");
    asl_check_target(scan, state, "Next");
}

/* ---- Retry and Catch ---- */

static const struct value *list_of(
    const struct asl_scan *scan, const struct value *v, const char *member, bool needed)
{
    const struct value *list = value_getz(v, member);
    if ((!list && !needed) || asl_is_unknown(list))
        return &value_empty_list;
    if (list && list->kind == VALUE_LIST && (list->count || !needed))
        return list;
    asl_wrong(scan, member, "Value is not a %sarray", needed ? "non-empty " : "");
    return &value_empty_list;
}

static void check_retrier(const struct asl_scan *scan, const struct value *rule)
{
    const struct value *rate = value_getz(rule, "BackoffRate"), *jitter = value_getz(rule, "JitterStrategy");
    struct str strategy = value_text(jitter, STR_EMPTY);
    if (rate && !asl_is_unknown(rate) && !(rate->kind == VALUE_INT && rate->integer >= 1) &&
        !(rate->kind == VALUE_FLOAT && rate->number >= 1))
        asl_wrong(scan, "BackoffRate", "Value is not a number of at least 1.0");
    if (jitter && !asl_is_unknown(jitter) && !str_eqz(strategy, "FULL") && !str_eqz(strategy, "NONE"))
        asl_wrong(scan, "JitterStrategy", "Value is not one of [FULL, NONE]");
}

static void check_recovery(const struct asl_scan *scan, const struct value *rule, bool catches)
{
    if (asl_is_unknown(rule))
        return;
    if (rule->kind != VALUE_MAP) {
        asl_wrong(scan, "", "Value is not an object");
        return;
    }
    asl_check_fields(scan, rule, catches ? CATCHER : RETRIER);
    if (!value_getz(rule, "ErrorEquals"))
        asl_required(scan, "ErrorEquals");
    if (!catches) {
        check_retrier(scan, rule);
        return;
    }
    if (!value_getz(rule, "Next"))
        asl_required(scan, "Next");
    asl_check_target(scan, rule, "Next");
}

static void check_recoveries(const struct asl_scan *scan, const struct value *state)
{
    for (int catches = 0; catches < 2; catches++) {
        const char *member = catches ? "Catch" : "Retry";
        const struct value *list = list_of(scan, state, member, false);
        for (uint32_t i = 0; i < list->count; i++) {
            struct asl_scan inner = asl_below_item(scan, member, i);
            check_recovery(&inner, list->items[i], catches);
        }
    }
}

/* ---- Choice ---- */

static void check_operand(const struct asl_scan *scan, struct str name, const struct value *v)
{
    const char *type;
    enum asl_compare compare;
    bool path, fits;
    int64_t ms;
    AUTO_ARENA struct arena names = ARENA_INIT;
    const char *member = arena_strz(&names, name);
    asl_operator(name, &type, &compare, &path);
    if (asl_is_unknown(v))
        return;
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
        const struct value *list = list_of(scan, rule, names[n], true);
        for (uint32_t i = 0; i < list->count; i++) {
            struct asl_scan inner = asl_below_item(scan, names[n], i);
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

/* Checks the rule's comparisons and returns their number. */
static size_t check_comparisons(const struct asl_scan *scan, const struct value *rule, bool top)
{
    size_t n = 0;
    for (uint32_t i = 0; i < rule->count; i++) {
        struct str key = rule->entries[i].key;
        const char *type;
        enum asl_compare compare;
        bool path;
        if (asl_operator(key, &type, &compare, &path)) {
            n++;
            check_operand(scan, key, rule->entries[i].value);
        } else if (str_eqz(key, "Assign") && (top || !scan->diags->interpreted)) {
            asl_check_assigned(scan, rule->entries[i].value);
        } else if (!str_is_any(key, "Next Comment Variable And Or Not")) {
            asl_unsupported(scan, key, NULL, 0);
        }
    }
    return n;
}

static void check_condition(const struct asl_scan *scan, const struct value *rule)
{
    const struct value *condition = value_getz(rule, "Condition");
    for (uint32_t i = 0; i < rule->count; i++)
        if (!str_is_any(rule->entries[i].key, "Condition Next Assign Output Comment"))
            asl_wrong(scan, arena_strz(scan->diags->arena, rule->entries[i].key),
                "Field is not supported by the query language JSONata");
    if (!condition)
        asl_required(scan, "Condition");
    else if (!asl_is_unknown(condition) && condition->kind != VALUE_BOOL && !asl_is_jsonata(condition))
        asl_wrong(scan, "Condition", "Value is not a JSONata expression, {%% ... %%}");
    static const char *const templates[] = {"Condition", "Output"};
    for (size_t i = 0; i < 2; i++)
        if (value_getz(rule, templates[i])) {
            struct asl_scan inner = asl_below(scan, templates[i]);
            asl_check_template(&inner, value_getz(rule, templates[i]));
        }
    if (value_getz(rule, "Assign"))
        asl_check_assigned(scan, value_getz(rule, "Assign"));
}

static void check_compared(const struct asl_scan *scan, const struct value *rule, bool top)
{
    bool combined = check_combined(scan, rule);
    size_t comparisons = check_comparisons(scan, rule, top);
    if (combined ? comparisons > 0 : comparisons != 1)
        asl_wrong(scan, "", "A choice rule has exactly one comparison, or one of And, Or, Not");
    const struct value *variable = value_getz(rule, "Variable");
    if (variable)
        asl_check_path(scan, "Variable", variable, false);
    else if (!combined)
        asl_required(scan, "Variable");
}

static void check_rule(const struct asl_scan *scan, const struct value *rule, bool top)
{
    if (asl_is_unknown(rule))
        return;
    if (rule->kind != VALUE_MAP) {
        asl_wrong(scan, "", "Value is not an object");
        return;
    }
    if (top && !value_getz(rule, "Next"))
        asl_required(scan, "Next");
    if (!top && value_getz(rule, "Next"))
        asl_wrong(scan, "Next", "Next is only at the top of a choice rule");
    asl_check_target(scan, rule, "Next");
    if (scan->jsonata)
        check_condition(scan, rule);
    else
        check_compared(scan, rule, top);
}

static void check_choice(const struct asl_scan *scan, const struct value *state)
{
    const struct value *rules = list_of(scan, state, "Choices", true);
    for (uint32_t i = 0; i < rules->count; i++) {
        struct asl_scan inner = asl_below_item(scan, "Choices", i);
        check_rule(&inner, rules->items[i], true);
    }
    asl_check_target(scan, state, "Default");
}

/* ---- other states ---- */

/* Checks for integrations that an express workflow does not support. */
static void check_express(const struct asl_scan *scan, struct str resource)
{
    static const char no[] = "Express state machine does not support";
    if (str_ends(resource, STR(".waitForTaskToken")))
        asl_wrong(scan, "Resource", "%s '.waitForTaskToken' service integration ", no);
    else if (str_ends(resource, STR(".sync")) || str_ends(resource, STR(".sync:2")))
        asl_wrong(scan, "Resource", "%s '.sync' service integration", no);
    else if (str_find(resource, STR(":activity:"), 0) > 0)
        asl_wrong(scan, "Resource", "%s Activity ARN", no);
}

/* Checks that Resource begins like an ARN; a string with unknown parts is unknown as a whole. */
static void check_task(const struct asl_scan *scan, const struct value *state)
{
    static const char *const timeouts[] = {"TimeoutSeconds", "TimeoutSecondsPath"},
                             *const beats[] = {"HeartbeatSeconds", "HeartbeatSecondsPath"};
    const struct value *resource = value_getz(state, "Resource");
    if (!resource)
        asl_required(scan, "Resource");
    else if (!asl_is_unknown(resource) && !str_starts(value_text(resource, STR_EMPTY), STR("arn:")))
        asl_wrong(scan, "Resource", "Value is not a valid resource ARN");
    else if (scan->diags->express)
        check_express(scan, value_text(resource, STR_EMPTY));
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
    const struct value *machine = asl_processor(state);
    struct asl_scan inner = asl_below(scan, value_getz(state, names[0]) ? names[0] : names[1]);
    asl_check_distributed(scan, state);
    if (machine)
        asl_check_machine(&inner, machine);
}

static void check_parallel(const struct asl_scan *scan, const struct value *state)
{
    const struct value *branches = list_of(scan, state, "Branches", true);
    for (uint32_t i = 0; i < branches->count; i++) {
        struct asl_scan inner = asl_below_item(scan, "Branches", i);
        asl_check_machine(&inner, branches->items[i]);
    }
}

void asl_check_state(const struct asl_scan *scan, const struct value *state, unsigned type)
{
    static const char *const waits[] = {"Seconds", "SecondsPath", "Timestamp", "TimestampPath"},
                             *const errors[] = {"Error", "ErrorPath"},
                             *const causes[] = {"Cause", "CausePath"};
    asl_check_fields(scan, state, type);
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
