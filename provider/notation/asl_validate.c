/* Machines: what they consist of, where their states lead, whether these can be reached and end. */
#include "provider/notation/asl_check.h"

#include "base/mem.h"

#include <stdlib.h>

enum { MAX_NAME = 80, MAX_NESTED = 100 };

/* In the order of their bits: TASK, PARALLEL … */
static const struct str state_types[] = {STR_INIT("Task"), STR_INIT("Parallel"), STR_INIT("Map"),
    STR_INIT("Pass"), STR_INIT("Wait"), STR_INIT("Choice"), STR_INIT("Succeed"), STR_INIT("Fail")};
enum { TYPES = sizeof state_types / sizeof *state_types };

/* ---- the query language ---- */

/* What this level says, else what holds around it. A whole machine in JSONata is so everywhere. */
static bool language_of(const struct asl_scan *scan, const struct value *v)
{
    const struct value *own = value_getz(v, "QueryLanguage");
    struct str name = value_text(own, STR_EMPTY);
    bool jsonata = str_eqz(name, "JSONata"), paths = str_eqz(name, "JSONPath");
    if (!own || asl_is_unknown(own))
        return scan->jsonata;
    if (!jsonata && !paths)
        asl_wrong(scan, "QueryLanguage", "Value is not one of [JSONPath, JSONata]");
    else if (paths && scan->whole_jsonata)
        asl_wrong(
            scan, "", "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine");
    if (paths && !scan->whole_jsonata)
        return false;
    return scan->jsonata || jsonata;
}

/* ---- states ---- */

static unsigned type_of(const struct asl_scan *scan, const struct value *state)
{
    const struct value *named = value_getz(state, "Type");
    for (size_t i = 0; i < TYPES; i++)
        if (str_eq(value_text(named, STR_EMPTY), state_types[i]))
            return 1U << i;
    if (!named) {
        asl_required(scan, "Type");
    } else if (!asl_is_unknown(named)) {
        struct asl_diag *diag = asl_diag_add(scan, "SCHEMA_VALIDATION_FAILED", "Type",
            STR("Value is not one of [Task, Parallel, Map, Pass, Wait, Choice, Succeed, Fail]"));
        diag->word = value_text(named, STR_EMPTY);
        diag->names = state_types;
        diag->name_count = TYPES;
    }
    return 0;
}

static void check_state(const struct asl_scan *outer, const struct value *state)
{
    struct asl_scan scan = *outer;
    if (asl_is_unknown(state))
        return;
    if (state->kind != VALUE_MAP) {
        asl_wrong(&scan, "", "Value is not an object");
        return;
    }
    scan.jsonata = language_of(outer, state);
    unsigned type = type_of(&scan, state);
    if (type)
        asl_check_state(&scan, state, type);
}

static void check_states(const struct asl_scan *scan)
{
    struct arena *arena = scan->diags->arena;
    struct asl_scan states = asl_below(scan, "States");
    for (uint32_t i = 0; i < scan->states->count; i++) {
        struct str name = scan->states->entries[i].key;
        struct asl_scan inner = asl_below(&states, arena_strz(arena, name));
        if (map_set(scan->names, name, (void *)(uintptr_t)scan->states))
            asl_diag_add(&inner, "DUPLICATE_STATE_NAME", "",
                arena_printf(arena, "Duplicate State name: %.*s", STR_ARG(name)));
        if (!name.n || str_code_points(name) > MAX_NAME)
            asl_wrong(&inner, "", "State names have 1 to %d characters", MAX_NAME);
        check_state(&inner, scan->states->entries[i].value);
    }
}

/* ---- ways ---- */

struct walk {
    struct map seen;
    struct str *todo;
    size_t n, cap;
    bool unknown; /* somewhere it is not known where it goes */
};

static void walk_to(struct walk *walk, const struct value *v)
{
    walk->unknown = walk->unknown || asl_is_unknown(v);
    if (!v || v->kind != VALUE_STRING || map_get(&walk->seen, v->string))
        return;
    map_set(&walk->seen, v->string, walk);
    MEM_GROW(walk->todo, walk->cap, walk->n + 1);
    walk->todo[walk->n++] = v->string;
}

static void walk_list(struct walk *walk, const struct value *list)
{
    walk->unknown = walk->unknown || asl_is_unknown(list);
    for (uint32_t i = 0; list && list->kind == VALUE_LIST && i < list->count; i++) {
        walk->unknown = walk->unknown || asl_is_unknown(list->items[i]);
        walk_to(walk, value_getz(list->items[i], "Next"));
    }
}

static void walk_from(struct walk *walk, const struct value *state)
{
    walk->unknown = walk->unknown || asl_is_unknown(state);
    walk_to(walk, value_getz(state, "Next"));
    walk_to(walk, value_getz(state, "Default"));
    walk_list(walk, value_getz(state, "Choices"));
    walk_list(walk, value_getz(state, "Catch"));
}

/* To every state something leads: the service asks no more; the interpreter, that it can be come to from
 * StartAt. */
static void check_reachable(const struct asl_scan *scan, const struct value *machine)
{
    struct arena *arena = scan->diags->arena;
    struct walk walk = {.seen = MAP_INIT};
    struct asl_scan states = asl_below(scan, "States");
    walk_to(&walk, value_getz(machine, "StartAt"));
    for (uint32_t i = 0; i < scan->states->count && !scan->diags->interpreted; i++)
        walk_from(&walk, scan->states->entries[i].value);
    while (walk.n) {
        struct str name = walk.todo[--walk.n];
        walk_from(&walk, value_get(scan->states, name));
    }
    for (uint32_t i = 0; i < scan->states->count && !walk.unknown; i++) {
        struct str name = scan->states->entries[i].key;
        if (!map_get(&walk.seen, name))
            asl_diag_add(&states, "MISSING_TRANSITION_TARGET", arena_strz(arena, name),
                arena_printf(arena, "State \"%.*s\" is not reachable.", STR_ARG(name)));
    }
    map_release(&walk.seen);
    free(walk.todo);
}

/* Some state ends it. */
static void check_ends(const struct asl_scan *scan)
{
    for (uint32_t i = 0; i < scan->states->count; i++) {
        const struct value *state = scan->states->entries[i].value;
        struct str type = value_gets(state, "Type");
        bool known = state->kind == VALUE_MAP && type.n;
        if (!known || str_eqz(type, "Succeed") || str_eqz(type, "Fail") || value_getz(state, "End"))
            return;
    }
    asl_diag_add(scan, "MISSING_END_STATE", "States",
        STR("No state ends the state machine: one has \"End\": true, or is of the type Succeed or Fail"));
}

/* ---- machines ---- */

void asl_check_machine(const struct asl_scan *outer, const struct value *machine)
{
    struct asl_scan scan = *outer;
    scan.states = value_getz(machine, "States");
    const struct value *start = value_getz(machine, "StartAt");
    if (asl_is_unknown(machine) || machine->depth > MAX_NESTED * 4)
        return;
    scan.jsonata = language_of(outer, machine);
    if (!scan.states) {
        asl_wrong(&scan, "", "These fields are required: [%s]", start ? "States" : "States, StartAt");
        return;
    }
    if (!asl_is_unknown(scan.states) && (scan.states->kind != VALUE_MAP || !scan.states->count)) {
        asl_wrong(&scan, "States", "Value is not a non-empty object of states");
        return;
    }
    if (!start || (start->kind != VALUE_STRING && !asl_is_unknown(start)))
        asl_required(&scan, "StartAt");
    if (asl_is_unknown(scan.states))
        return;
    size_t before = scan.diags->n;
    asl_check_target(&scan, machine, "StartAt");
    check_states(&scan);
    if (scan.diags->n > before)
        return; /* what else there is may follow from that */
    check_ends(&scan);
    if (start && value_get(scan.states, value_text(start, STR_EMPTY)))
        check_reachable(&scan, machine);
}

static void check_top(const struct asl_scan *scan, const struct value *definition)
{
    static const struct str known[] = {STR_INIT("Comment"), STR_INIT("StartAt"), STR_INIT("States"),
        STR_INIT("Version"), STR_INIT("TimeoutSeconds"), STR_INIT("QueryLanguage")};
    for (uint32_t i = 0; i < definition->count; i++)
        if (!str_is_any(
                definition->entries[i].key, "Comment StartAt States Version TimeoutSeconds QueryLanguage"))
            asl_unsupported(scan, definition->entries[i].key, known, sizeof known / sizeof *known);
    const struct value *timeout = value_getz(definition, "TimeoutSeconds");
    if (timeout && !asl_is_unknown(timeout) && !asl_is_whole(timeout, 1))
        asl_wrong(scan, "TimeoutSeconds", "Value is not a whole number of at least 1");
}

void asl_validate(const struct value *definition, struct asl_diags *diags)
{
    AUTO_MAP struct map names = MAP_INIT;
    struct asl_scan scan = {.diags = diags, .at = STR_EMPTY, .names = &names};
    if (asl_is_unknown(definition))
        return;
    if (!definition || definition->kind != VALUE_MAP) {
        asl_diag_add(&scan, "INVALID_JSON_DESCRIPTION", "", STR("The definition is not a JSON object"));
        return;
    }
    check_top(&scan, definition);
    scan.whole_jsonata = str_eqz(value_gets(definition, "QueryLanguage"), "JSONata");
    asl_check_machine(&scan, definition);
}

void asl_diags_release(struct asl_diags *diags)
{
    free(diags->items);
    diags->items = NULL;
    diags->n = diags->cap = 0;
}
