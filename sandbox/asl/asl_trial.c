/* One state by itself: what became of its data, with or without something that stands for its work. */
#include "sandbox/asl/asl_internal.h"

void asl_saw(struct asl_visit *visit, const char *name, const struct value *v)
{
    struct asl_trial *trial = visit->line->trial;
    if (trial && v)
        trial->seen = value_with(visit->eval.arena, trial->seen, str_z(name), v);
}

/* What a Map has besides: its items and its limits; false with eval->error. */
static bool look_at_map(struct asl_visit *visit, const struct value *input)
{
    static const char *const limits[] = {"ToleratedFailureCount", "ToleratedFailurePercentage"};
    struct asl_eval *eval = &visit->eval;
    struct asl_trial *trial = visit->line->trial;
    int64_t at_a_time = 0, tolerated = 0;
    const struct value *items = value_getz(visit->state, "ItemReader") ? NULL : asl_items(visit, input);
    if (eval->error.name.n)
        return false;
    if (value_getz(visit->state, "ItemsPath"))
        asl_saw(visit, "afterItemsPath", items);
    asl_number(visit, "MaxConcurrency", input, &at_a_time);
    asl_saw(visit, "maxConcurrency", value_int(eval->arena, at_a_time));
    for (size_t i = 0; i < 2; i++)
        if (asl_number(visit, limits[i], input, &tolerated))
            asl_saw(visit, i ? "toleratedFailurePercentage" : "toleratedFailureCount",
                value_int(eval->arena, tolerated));
    tolerated = 0;
    asl_number(visit, limits[0], input, &tolerated);
    if (trial->failures > tolerated && !trial->error && !eval->error.name.n)
        eval->error = (struct asl_error){STR("States.ExceedToleratedFailureThreshold"),
            STR("The specified tolerated failure threshold was exceeded")};
    return !eval->error.name.n;
}

const struct value *asl_trial_work(
    struct asl_visit *visit, const struct asl_state_type *type, const struct value *input)
{
    struct asl_trial *trial = visit->line->trial;
    if (type->fails && str_eqz(str_z(type->name), "Map") && (trial->result || trial->error) &&
        !look_at_map(visit, input))
        return NULL;
    if (trial->error) {
        visit->eval.error = *trial->error;
        return NULL;
    }
    const struct value *result = trial->result ? trial->result : type->act(visit, input);
    if (type->result)
        asl_saw(visit, "result", result);
    return result;
}

/* The service does not show all of it for each type. */
static void trial_hide(struct asl_visit *visit)
{
    static const struct {
        const char *type, *names[3];
    } hidden[] = {
        {"Parallel", {"afterInputPath", "afterParameters", "result"}},
        {"Map", {"afterParameters", "result"}},
    };
    struct asl_trial *trial = visit->line->trial;
    struct str type = value_gets(visit->state, "Type");
    bool pass = str_eqz(type, "Pass"), given = value_getz(visit->state, "Result") != NULL;
    const char *const of_pass[] = {
        given ? "afterInputPath" : "result", given ? "afterParameters" : "result", NULL};
    for (size_t i = 0; i < 3 && trial->seen; i++) {
        const char *name = pass ? of_pass[i] : NULL;
        for (size_t k = 0; k < sizeof hidden / sizeof *hidden; k++)
            if (str_eqz(type, hidden[k].type))
                name = hidden[k].names[i];
        if (name && value_getz(trial->seen, name))
            trial->seen = value_with(visit->eval.arena, trial->seen, str_z(name), NULL);
    }
}

void asl_try(struct arena *arena, const struct asl_execution *execution, struct asl_trial *trial,
    struct asl_outcome *out)
{
    atomic_int threads = execution->host->threads;
    struct asl_line line = asl_first_line(execution, &threads);
    struct asl_visit visit = {.eval.arena = arena, .raw = execution->from.input};
    bool end;
    line.trial = trial;
    line.outer = trial->variables;
    visit.retries = (int)trial->retries;
    *out = (struct asl_outcome){.status = ASL_FAILED};
    trial->seen = &value_empty_map;
    asl_saw(&(struct asl_visit){.line = &line, .eval.arena = arena}, "input", execution->from.input);
    const struct value *output = asl_start_visit(&visit, &line, execution->from.state)
                                     ? asl_visit_state(&visit, &trial->next, &end)
                                     : NULL;
    if (visit.assigned)
        asl_saw(&visit, "variables", visit.assigned);
    trial_hide(&visit);
    if (output)
        out->status = ASL_SUCCEEDED;
    else
        asl_report_failure(arena, &visit, out);
    if (!trial->caught)
        trial->failed = out->error;
    out->output = value_copy(arena, output);
    arena_release(&visit.replaced);
    arena_release(&line.own_arena);
}
