/*
 * Variables. A state's Assign is worked out with the values that they had when it began, over the state's
 * result (Task, Parallel, Map and Pass, before ResultSelector), its input (Wait, Choice) or the error
 * (Catch). A branch or an iteration sees the variables around it but sets only its own, which end with it.
 */
#include "base/json.h"
#include "sandbox/asl/asl_internal.h"

enum { MAX_ALL = 10485760 };

int asl_assign(struct asl_visit *visit, const struct value *holder, const struct value *document)
{
    const struct value *template = value_getz(holder, "Assign");
    if (!template)
        return 0;
    const struct value *values = asl_fill(&visit->eval, template, "Assign", document);
    if (!values || values->kind != VALUE_MAP)
        return -1;
    if (values->depth > ASL_MAX_DEPTH || value_size(values) > 16 * ASL_MAX_DATA ||
        json_as_text(visit->eval.arena, values)->string.n > ASL_MAX_DATA)
        return asl_fail(&visit->eval, "States.DataLimitExceeded",
            "The state '%.*s' assigns variables with a size exceeding the maximum number of bytes service "
            "limit.",
            STR_ARG(visit->name));
    for (uint32_t i = 0; i < values->count; i++)
        if (value_get(visit->line->outer, values->entries[i].key))
            return asl_fail(&visit->eval, "States.Runtime",
                "The variable '%.*s' belongs to an outer scope, and cannot be assigned here.",
                STR_ARG(values->entries[i].key));
    visit->assigned = values;
    return 0;
}

int asl_keep_assigned(struct asl_visit *visit)
{
    struct asl_line *line = visit->line;
    struct arena fresh = ARENA_INIT;
    if (!visit->assigned)
        return 0;
    const struct value *all = value_copy(&fresh, value_merge(&fresh, line->own, visit->assigned));
    if (value_size(all) > MAX_ALL) {
        arena_release(&fresh);
        return asl_fail(&visit->eval, "States.DataLimitExceeded",
            "The variables together exceed the maximum number of bytes service limit.");
    }
    visit->replaced = line->own_arena; /* the state's output may still lie in there */
    line->own_arena = fresh;
    line->own = all;
    return 0;
}

const struct value *asl_variables(const struct asl_line *line, struct arena *arena)
{
    return line->outer && line->own ? value_merge(arena, line->outer, line->own)
           : line->own              ? line->own
                                    : line->outer;
}
