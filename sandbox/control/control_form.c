/* Attributes with a language of their own (`language:` in the spec), and what only a service can say of one:
 * `sandbox: {check: {attribute: language}}`. */
#include "provider/notation/asl_validate.h"
#include "provider/notation/notation.h"
#include "sandbox/control/control_internal.h"
#include "sandbox/notation/event_fault.h"
#include "sandbox/notation/schedule_time.h"

/* Empty where it is right; else what the service says. */
static struct str check_states(struct call *call, const struct value *v, const struct value *attrs)
{
    struct asl_diags diags = {.arena = call->arena,
        .interpreted = true,
        .express = str_eqz(value_gets(attrs, "workflow_type"), "EXPRESS")};
    AUTO_BUF struct buf all = BUF_INIT;
    asl_validate(v, &diags);
    for (size_t i = 0; i < diags.n; i++)
        buf_addf(&all, "%s%.*s: %.*s at %.*s", i ? ", " : "", STR_ARG(diags.items[i].code),
            STR_ARG(diags.items[i].message), STR_ARG(diags.items[i].location));
    asl_diags_release(&diags);
    return all.n ? arena_printf(call->arena, "Invalid State Machine Definition: '%s'", all.p) : STR_EMPTY;
}

static struct str check_schedule(struct call *call, const struct value *v, const struct value *attrs UNUSED)
{
    struct schedule_time time;
    const char *why = schedule_parse(value_text(v, STR_EMPTY), &time);
    return why ? arena_printf(
                     call->arena, "Invalid Schedule Expression %.*s.", STR_ARG(value_text(v, STR_EMPTY)))
               : STR_EMPTY;
}

/* A rule has no at(…); without a schedule it has a pattern, with one it is on the default bus. */
static struct str check_rule_schedule(
    struct call *call UNUSED, const struct value *v, const struct value *attrs)
{
    struct schedule_time time;
    struct str text = value_text(v, STR_EMPTY);
    if (!text.n && value_is_null(value_getz(attrs, "event_pattern")))
        return STR("Parameter(s) EventPattern or ScheduleExpression must be specified.");
    if (text.n && !str_eqz(value_text(value_getz(attrs, "event_bus"), STR("default")), "default"))
        return STR("ScheduleExpression is supported only on the default event bus.");
    bool right = !text.n || (!schedule_parse(text, &time) && time.kind != SCHEDULE_AT && !time.loose);
    return right ? STR_EMPTY : STR("Parameter ScheduleExpression is not valid.");
}

/* Without a database of zones only UTC can be told from others; those are taken, and do not fire. */
static struct str check_zone(struct call *call, const struct value *v, const struct value *attrs UNUSED)
{
    struct str name = value_text(v, STR_EMPTY);
    if (!zone_find(call->arena, STR("Etc/UTC")))
        return STR_EMPTY;
    return zone_find(call->arena, name) ? STR_EMPTY
                                        : arena_printf(call->arena,
                                              "Invalid Schedule Expression Timezone: %.*s is not in this "
                                              "machine's /usr/share/zoneinfo.",
                                              STR_ARG(name));
}

static struct str check_pattern(struct call *call, const struct value *v, const struct value *attrs UNUSED)
{
    struct str why = event_fault_said(call->arena, v, value_gets(call->raw, "EventPattern"));
    return why.n ? arena_printf(call->arena, "Event pattern is not valid. Reason: %.*s", STR_ARG(why))
                 : STR_EMPTY;
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

static int check_form(struct call *call, const struct value *attrs, struct str name, struct str language)
{
    const struct value *v = value_get(attrs, name);
    for (size_t k = 0; k < sizeof languages / sizeof *languages; k++) {
        if (!str_eqz(language, languages[k].name) || (value_is_null(v) && !languages[k].absent))
            continue;
        struct str why = languages[k].check(call, v, attrs);
        if (why.n)
            return refuse(call, 400, str_z(languages[k].code), "%.*s", STR_ARG(why));
    }
    return 0;
}

/* ---- in weir's words ---- */

struct form_issue {
    struct call *call;
    struct str why; /* the first */
};

static void keep_issue(void *ctx, const struct notation_issue *issue)
{
    struct form_issue *f = ctx;
    if (!f->why.n && !issue->doubt)
        f->why = arena_str(f->call->arena, issue->message);
}

static bool has_own_words(struct str language)
{
    for (size_t k = 0; k < sizeof languages / sizeof *languages; k++)
        if (str_eqz(language, languages[k].name))
            return true;
    return false;
}

static void form_look(
    struct form_issue *f, const struct attr *attr, const struct type *type, const struct value *v)
{
    if (value_is_null(v) || !attr->speaks)
        return;
    if (!type->elem && attr->language.n && !has_own_words(attr->language))
        notation_check(f->call->arena, attr->language, v, keep_issue, f);
    for (uint32_t i = 0; type->elem && v->kind == VALUE_LIST && i < v->count; i++)
        form_look(f, attr, type->elem, v->items[i]);
    for (size_t i = 0; i < type->field_count; i++)
        form_look(f, &type->fields[i], type->fields[i].type, value_get(v, type->fields[i].name));
}

int check_forms(struct call *call, const struct value *attrs)
{
    const struct spec_type *type = call->role->type;
    const struct value *checks = value_getz(type->sandbox, "check");
    for (size_t i = 0; i < type->schema.attr_count; i++) {
        const struct attr *attr = &type->schema.attrs[i];
        struct form_issue found = {.call = call};
        if (attr->language.n && check_form(call, attrs, attr->name, attr->language))
            return -1;
        form_look(&found, attr, attr->type, value_get(attrs, attr->name));
        if (found.why.n)
            return refuse_invalid(call, attr->name, found.why);
    }
    for (uint32_t i = 0; checks && i < checks->count; i++)
        if (check_form(call, attrs, checks->entries[i].key, value_text(checks->entries[i].value, STR_EMPTY)))
            return -1;
    return 0;
}
