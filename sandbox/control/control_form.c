/* Attributes with a language of their own: `sandbox: {check: {attribute: language}}`. */
#include "sandbox/asl/asl.h"
#include "sandbox/control/control_internal.h"
#include "sandbox/notation/event_pattern.h"
#include "sandbox/notation/schedule_time.h"

/* Empty where it is right; else what the service says. */
static struct str check_states(struct call *call, const struct value *v, const struct value *attrs)
{
    (void)attrs;
    struct asl_diags diags = {.arena = call->arena};
    AUTO_BUF struct buf all = BUF_INIT;
    asl_validate(v, &diags);
    for (size_t i = 0; i < diags.n; i++)
        buf_addf(&all, "%s%.*s: %.*s at %.*s", i ? ", " : "", STR_ARG(diags.items[i].code),
            STR_ARG(diags.items[i].message), STR_ARG(diags.items[i].location));
    asl_diags_release(&diags);
    return all.n ? arena_printf(call->arena, "Invalid State Machine Definition: '%s'", all.p) : STR_EMPTY;
}

static struct str check_schedule(struct call *call, const struct value *v, const struct value *attrs)
{
    (void)attrs;
    struct schedule_time time;
    const char *why = schedule_parse(value_text(v, STR_EMPTY), &time);
    return why ? arena_printf(call->arena, "Invalid Schedule Expression %.*s: %s.",
                     STR_ARG(value_text(v, STR_EMPTY)), why)
               : STR_EMPTY;
}

/* A rule has no at(…); without a schedule it has a pattern, with one it is on the default bus. */
static struct str check_rule_schedule(struct call *call, const struct value *v, const struct value *attrs)
{
    struct schedule_time time;
    struct str text = value_text(v, STR_EMPTY);
    if (!text.n && value_is_null(value_getz(attrs, "event_pattern")))
        return STR("Parameter(s) EventPattern or ScheduleExpression must be specified.");
    if (text.n && !str_eqz(value_text(value_getz(attrs, "event_bus"), STR("default")), "default"))
        return STR("ScheduleExpression is supported only on the default event bus.");
    const char *why = text.n ? schedule_parse(text, &time) : NULL;
    if (!why && text.n && time.kind == SCHEDULE_AT)
        why = "a rule's is cron(…) or rate(…)";
    if (!why && text.n && time.loose)
        why = "the unit is minute, hour or day; minutes, hours or days for more than one";
    return why ? arena_printf(call->arena, "Parameter ScheduleExpression is not valid: %s.", why) : STR_EMPTY;
}

/* Without a database of zones only UTC can be told from others; those are taken, and do not fire. */
static struct str check_zone(struct call *call, const struct value *v, const struct value *attrs)
{
    (void)attrs;
    struct str name = value_text(v, STR_EMPTY);
    if (!zone_find(call->arena, STR("Etc/UTC")))
        return STR_EMPTY;
    return zone_find(call->arena, name) ? STR_EMPTY
                                        : arena_printf(call->arena,
                                              "Invalid Schedule Expression Timezone: %.*s is not in this "
                                              "machine's /usr/share/zoneinfo.",
                                              STR_ARG(name));
}

static struct str check_pattern(struct call *call, const struct value *v, const struct value *attrs)
{
    (void)attrs;
    const char *why = event_pattern_wrong(call->arena, v);
    return why ? arena_printf(call->arena, "Event pattern is not valid. Reason: %s", why) : STR_EMPTY;
}

static const struct {
    const char *name, *code;
    struct str (*check)(struct call *call, const struct value *v, const struct value *attrs);
    bool absent; /* what is not there is looked at too */
} languages[] = {
    {"states", "InvalidDefinition", check_states, false},
    {"schedule", "ValidationException", check_schedule, false},
    {"rule-schedule", "ValidationException", check_rule_schedule, true},
    {"zone", "ValidationException", check_zone, false},
    {"event-pattern", "InvalidEventPatternException", check_pattern, false},
};

int check_forms(struct call *call, const struct value *attrs)
{
    const struct value *checks = value_getz(call->role->type->sandbox, "check");
    for (uint32_t i = 0; checks && i < checks->count; i++) {
        const struct value *v = value_get(attrs, checks->entries[i].key);
        struct str language = value_text(checks->entries[i].value, STR_EMPTY);
        for (size_t k = 0; k < sizeof languages / sizeof *languages; k++) {
            if (!str_eqz(language, languages[k].name) || (value_is_null(v) && !languages[k].absent))
                continue;
            struct str why = languages[k].check(call, v, attrs);
            if (why.n)
                return refuse(call, 400, str_z(languages[k].code), "%.*s", STR_ARG(why));
        }
    }
    return 0;
}
