/* Which variables each state refers to, as DescribeStateMachine tells: {State: [variable …]}. */
#include "provider/notation/asl_text.h"
#include "sandbox/services/stepfunctions/executions.h"

#include <ctype.h>

struct references {
    struct arena *arena;
    struct value_builder states;
    struct value_builder names; /* of one state: each with true, so that they are sorted and there once */
};

static bool is_in_name(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

/* $name in a path, a call or an expression, outside of quotes: not $$, $. and $[, nor what JSONata calls or
 * binds. */
static void references_in_text(struct references *r, struct str text)
{
    char quote = 0;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (quote || c == '\'' || c == '"') {
            quote = !quote ? c : c == quote ? 0 : quote;
            continue;
        }
        size_t end = i + 1;
        while (c == '$' && end < text.n && is_in_name(text.p[end]))
            end++;
        struct str name = str_slice(text, i + 1, end), after = str_trim(str_slice(text, end, text.n));
        bool context = i && text.p[i - 1] == '$';
        if (c == '$' && !context && asl_is_variable(name) && !str_starts(after, STR("(")) &&
            !str_starts(after, STR(":=")))
            value_builder_set(&r->names, name, &value_true);
        i = c == '$' ? end - 1 : i;
    }
}

static void references_in_machine(struct references *r, const struct value *machine, bool jsonata);

/* Of a state but for the machines in it. */
static void references_in_value(struct references *r, struct str key, const struct value *v, bool jsonata)
{
    static const char *const machines[] = {"Branches", "ItemProcessor", "Iterator"};
    bool path = str_ends(key, STR(".$")) || str_ends(key, STR("Path")) || str_eqz(key, "Variable");
    for (size_t i = 0; i < sizeof machines / sizeof *machines; i++)
        if (str_eqz(key, machines[i]))
            return;
    if (v->kind == VALUE_STRING && (jsonata ? asl_is_jsonata(v) : path))
        references_in_text(r, v->string);
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++)
        references_in_value(r, key, v->items[i], jsonata);
    for (uint32_t i = 0; v->kind == VALUE_MAP && i < v->count; i++)
        references_in_value(r, v->entries[i].key, v->entries[i].value, jsonata);
}

static void references_in_state(
    struct references *r, struct str name, const struct value *state, bool jsonata)
{
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(r->arena);
    const struct value *branches = value_getz(state, "Branches"), *processor = asl_processor(state);
    jsonata = asl_speaks_jsonata(state, jsonata);
    r->names = (struct value_builder)VALUE_BUILDER(r->arena);
    references_in_value(r, STR_EMPTY, state, jsonata);
    const struct value *names = value_builder_map(&r->names);
    value_builder_release(&r->names);
    for (uint32_t i = 0; i < names->count; i++)
        value_builder_add(&list, value_string(r->arena, names->entries[i].key));
    if (list.n)
        value_builder_set(&r->states, name, value_builder_list(&list));
    for (uint32_t i = 0; branches && branches->kind == VALUE_LIST && i < branches->count; i++)
        references_in_machine(r, branches->items[i], jsonata);
    references_in_machine(r, processor, jsonata);
}

static void references_in_machine(struct references *r, const struct value *machine, bool jsonata)
{
    const struct value *states = value_getz(machine, "States");
    jsonata = asl_speaks_jsonata(machine, jsonata);
    for (uint32_t i = 0; states && states->kind == VALUE_MAP && i < states->count; i++)
        references_in_state(r, states->entries[i].key, states->entries[i].value, jsonata);
}

const struct value *machine_references(struct arena *arena, const struct value *definition)
{
    struct references r = {.arena = arena, .states = VALUE_BUILDER(arena)};
    references_in_machine(&r, definition, false);
    const struct value *found = r.states.n ? value_builder_map(&r.states) : NULL;
    value_builder_release(&r.states);
    return found;
}
