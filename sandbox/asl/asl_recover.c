/* Retry and Catch. */
#include "sandbox/asl/asl_internal.h"

/* Does an ErrorEquals list name the error? What is wrong with the machine itself is never caught. */
static bool names_error(const struct value *rule, struct str error)
{
    const struct value *names = value_getz(rule, "ErrorEquals");
    bool final = str_eqz(error, "States.Runtime");
    for (uint32_t i = 0; !final && names && names->kind == VALUE_LIST && i < names->count; i++) {
        struct str name = value_text(names->items[i], STR_EMPTY);
        if (str_eq(name, error) ||
            (str_eqz(name, "States.ALL") && !str_eqz(error, "States.DataLimitExceeded")) ||
            (str_eqz(name, "States.TaskFailed") && !str_eqz(error, "States.Timeout") &&
                !str_eqz(error, "States.HeartbeatTimeout")) ||
            (str_eqz(name, "States.Timeout") && str_eqz(error, "States.HeartbeatTimeout")))
            return true;
    }
    return false;
}

static double asl_recover_number_of(const struct value *rule, const char *member, double fallback)
{
    const struct value *v = value_getz(rule, member);
    return !v                       ? fallback
           : v->kind == VALUE_INT   ? (double)v->integer
           : v->kind == VALUE_FLOAT ? v->number
                                    : fallback;
}

/* How long to wait before the nth time (from 0). */
static int64_t backoff_ms(struct asl_visit *visit, const struct value *rule, int nth)
{
    double s = asl_recover_number_of(rule, "IntervalSeconds", 1),
           rate = asl_recover_number_of(rule, "BackoffRate", 2);
    double max = asl_recover_number_of(rule, "MaxDelaySeconds", 31622400);
    for (int i = 0; i < nth && s < max; i++)
        s *= rate;
    int64_t ms = int_within((s < max ? s : max) * 1000);
    if (ms > 0 && str_eqz(value_gets(rule, "JitterStrategy"), "FULL"))
        ms = (int64_t)(visit->eval.host->random(visit->eval.host->ctx) % ((uint64_t)ms + 1));
    return ms;
}

/* Is it to be tried again? Then that time has been waited. */
bool asl_retry(struct asl_visit *visit, int counts[ASL_MAX_RETRIERS])
{
    const struct value *rules = value_getz(visit->state, "Retry");
    for (uint32_t i = 0; rules && rules->kind == VALUE_LIST && i < rules->count && i < ASL_MAX_RETRIERS;
         i++) {
        if (!names_error(rules->items[i], visit->eval.error.name))
            continue;
        if (visit->line->trial)
            counts[i] = (int)visit->line->trial->retries;
        if (counts[i] >= asl_recover_number_of(rules->items[i], "MaxAttempts", 3))
            return false;
        int64_t ms = backoff_ms(visit, rules->items[i], counts[i]++);
        if (visit->line->trial) {
            visit->line->trial->retriable = true;
            visit->line->trial->rule = (int)i;
            visit->line->trial->backoff_s = ms / 1000;
            return false;
        }
        visit->retries++;
        return asl_wait(visit, ms);
    }
    return false;
}

const struct value *asl_catch(struct asl_visit *visit, struct str *next)
{
    struct asl_eval *eval = &visit->eval;
    const struct value *rules = value_getz(visit->state, "Catch");
    if (visit->line->trial)
        visit->line->trial->failed = eval->error;
    for (uint32_t i = 0; rules && rules->kind == VALUE_LIST && i < rules->count; i++) {
        if (!names_error(rules->items[i], eval->error.name))
            continue;
        struct value_entry what[] = {{STR("Error"), value_string(eval->arena, eval->error.name)},
            {STR("Cause"), value_string(eval->arena, eval->error.cause)}};
        *next = value_gets(rules->items[i], "Next");
        if (visit->line->trial) {
            visit->line->trial->caught = true;
            visit->line->trial->rule = (int)i;
        }
        eval->error = (struct asl_error){.name = STR_EMPTY};
        eval->unnamed = false;
        visit->assigned = NULL;
        eval->result = NULL;
        eval->error_output = value_map(eval->arena, what, 2);
        return asl_hand_on(visit, rules->items[i], eval->error_output);
    }
    return NULL;
}
