/*
 * Checks before a request is executed: values, references, languages, and conditions of deletions.
 */
#include "base/embed.h"
#include "provider/iam/policy.h"
#include "provider/notation/asl_check.h"
#include "sandbox/control/control_internal.h"
#include "sandbox/notation/languages.h"

/* ---- attributes with a language of their own (`language:` in the spec) ---- */

/* Returns the service's error message, or "" for a valid state machine. */
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

/* Without a time zone database all names but UTC are accepted; such schedules do not fire. */
static struct str check_zone(struct call *call, struct str name)
{
    bool known = !name.n || !zone_find(call->arena, STR("Etc/UTC")) || zone_find(call->arena, name);
    return known ? STR_EMPTY
                 : arena_printf(call->arena,
                       "Invalid Schedule Expression Timezone: %.*s is not in this machine's "
                       "/usr/share/zoneinfo.",
                       STR_ARG(name));
}

static struct str check_schedule(struct call *call, const struct value *v, const struct value *attrs)
{
    struct schedule_time time;
    const char *why = schedule_parse(value_text(v, STR_EMPTY), &time);
    return why ? arena_printf(
                     call->arena, "Invalid Schedule Expression %.*s.", STR_ARG(value_text(v, STR_EMPTY)))
               : check_zone(call, value_gets(attrs, "schedule_expression_timezone"));
}

/* A rule's schedule must not be at(…); without it a pattern is required, with it the default bus. */
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

static struct str check_pattern(struct call *call, const struct value *v, const struct value *attrs UNUSED)
{
    struct str why = event_fault_message(call->arena, v, value_gets(call->raw, "EventPattern"));
    return why.n ? arena_printf(call->arena, "Event pattern is not valid. Reason: %.*s", STR_ARG(why))
                 : STR_EMPTY;
}

static const struct {
    const char *name, *code;
    struct str (*check)(struct call *call, const struct value *v, const struct value *attrs);
    bool absent; /* also checked if absent */
} languages[] = {
    {"states", "InvalidDefinition", check_states, false},
    {"schedule", "ValidationException", check_schedule, false},
    {"rule-schedule", "ValidationException", check_rule_schedule, true},
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

/* ---- languages without messages of the service ---- */

struct form_issue {
    struct call *call;
    struct str why; /* first message */
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
    if (value_is_null(v) || !attr->has_language)
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
    for (size_t i = 0; i < type->schema.attr_count; i++) {
        const struct attr *attr = &type->schema.attrs[i];
        struct form_issue found = {.call = call};
        if (attr->language.n && check_form(call, attrs, attr->name, attr->language))
            return -1;
        form_look(&found, attr, attr->type, value_get(attrs, attr->name));
        if (found.why.n)
            return refuse_invalid(call, attr->name, found.why);
    }
    return 0;
}

bool check_takes_away(const struct spec_attr *attr, const struct value *v)
{
    return attr->attr->unset && value_equal(v, attr->attr->unset);
}

/* Checks a value against the schema, and IAM documents also by IAM's rules. */
static bool is_right(
    struct call *call, const struct attr *attr, const struct value *v, struct schema_issue *issue)
{
    const struct value *converted;
    struct err err = ERR_INIT;
    size_t statement;
    if (schema_convert_exact(call->arena, attr, v, &converted, issue))
        return false;
    bool any = value_list_has(value_getz(call->role->type->sandbox, "any_resource"), attr->name);
    if (attr->type->kind != TYPE_POLICY ||
        !iam_policy_check(call->arena, v, any ? STR("resource *") : attr->type->place, &statement, &err))
        return true;
    issue->message = arena_str(call->arena, str_z(err.message));
    return false;
}

int check_values(struct call *call, const struct value *given)
{
    for (uint32_t i = 0; i < given->count; i++) {
        const struct spec_attr *spec = spec_attr_find(call->role->type, given->entries[i].key);
        const struct value *v = given->entries[i].value;
        struct schema_issue issue = {0};
        /* immutable attributes only identify the resource, possibly by ARN */
        if (spec && spec->attr->settable && !spec->attr->replace && !value_is_null(v) &&
            !check_takes_away(spec, v) && !is_right(call, spec->attr, v, &issue))
            return refuse_value(call, spec, v, &issue);
    }
    return 0;
}

int check_attributes(struct call *call, const struct value *attrs)
{
    const struct spec_type *type = call->role->type;
    for (size_t i = 0; i < type->attr_count; i++) {
        const struct attr *attr = type->attrs[i].attr;
        const struct value *v = value_get(attrs, attr->name);
        struct schema_issue issue = {0};
        if (attr->required && !type->attrs[i].weir_only && value_is_null(v))
            return refuse_lacking(call, &type->attrs[i]);
        if (!value_is_null(v) && attr->settable && !check_takes_away(&type->attrs[i], v) &&
            !is_right(call, attr, v, &issue))
            return refuse_value(call, &type->attrs[i], v, &issue);
    }
    return 0;
}

static bool is_chosen(const struct value *v)
{
    return !value_is_null(v) && !(v->kind == VALUE_BOOL && !v->boolean);
}

/* Checks attributes that exclude each other, and constraints between attributes. */
int check_together(struct call *call, const struct value *attrs)
{
    const struct schema *schema = &call->role->type->schema;
    for (uint32_t i = 0; i < attrs->count; i++) {
        const struct attr *attr = schema_attr(schema, attrs->entries[i].key);
        if (attr && attr->conflicts.n && is_chosen(attrs->entries[i].value) &&
            is_chosen(value_get(attrs, attr->conflicts)))
            return refuse_invalid(
                call, attr->name, arena_printf(call->arena, "it excludes %.*s", STR_ARG(attr->conflicts)));
    }
    return check_constraints(call, NULL, attrs);
}

/* Finds the first constraint that the request violates; one violated before is ignored. */
static bool breaks_constraint(
    struct call *call, const struct value *before, const struct value *attrs, struct constraint_break *broken)
{
    const struct schema *schema = &call->role->type->schema;
    enum constraint_checker asker = before ? CHECKED_AT_UPDATE : CHECKED_AT_CREATION;
    while (schema_constraint_broken(call->arena, schema, attrs, asker, broken)) {
        struct constraint_break earlier = {.next = broken->next};
        if (!before || !schema_constraint_broken(call->arena, schema, before, asker, &earlier) ||
            earlier.constraint != broken->constraint)
            return true;
        broken->next++;
        broken->next_item = 0;
    }
    return false;
}

int check_constraints(struct call *call, const struct value *before, const struct value *attrs)
{
    struct constraint_break broken = {0};
    if (!breaks_constraint(call, before, attrs, &broken))
        return 0;
    const struct value_constraint *constraint = broken.constraint;
    /* Services may set tags that users may not (aws:autoscaling:groupName): their inner requests have no
     * signature. */
    bool inside = !wire_header_get(call->request, STR("Authorization")).n;
    if (inside && constraint->each.n && str_eqz(constraint->each, "tags"))
        return 0;
    call->item = broken.path->count ? broken.path->items[broken.path->count - 1] : NULL;
    if (constraint->answer.n)
        return refuse(call, 400, constraint->code.n ? constraint->code : invalid_code(call, broken.attribute),
            "%.*s",
            STR_ARG(refuse_words(call, call->role->type, attrs, value_string(call->arena, constraint->answer),
                constraint->message)));
    if (constraint->served && constraint->code.n)
        return refuse(call, 400, constraint->code, "%.*s", STR_ARG(constraint->message));
    if (constraint->code.n)
        return refuse(call, 400, constraint->code, "%.*s: %.*s", STR_ARG(broken.attribute),
            STR_ARG(constraint->message));
    return refuse_invalid(call, broken.attribute, constraint->message);
}

/* ---- references: {attribute: type} ---- */

static bool has_line(struct str text, struct str line)
{
    while (text.n)
        if (str_eq(str_cut(text, '\n', &text), line))
            return true;
    return false;
}

/* True for an ARN of another account, which is accepted, and for a known AWS managed policy. */
static bool is_foreign(const struct call *call, const struct value *reference)
{
    static const struct str managed = STR_INIT("arn:aws:iam::aws:policy/");
    struct str arn = value_text(reference, STR_EMPTY);
    if (str_starts(arn, managed))
        return has_line(embedded_text(embedded_find(STR("sandbox/names/managed_policies.txt"))),
            str_slice(arn, managed.n, arn.n));
    return str_starts(arn, STR("arn:")) && !str_eq(str_part(arn, ':', 4), call->control->options.account);
}

int check_reference(struct call *call, struct str name, const struct value *given)
{
    const struct value *sandbox = call->role->type->sandbox;
    const struct value *type = value_get(value_getz(sandbox, "references"), name);
    type = type ? type : value_get(value_getz(sandbox, "part_of"), name);
    if (!type || value_is_null(given))
        return 0;
    for (uint32_t i = 0; given->kind == VALUE_LIST && i < given->count; i++)
        if (check_reference(call, name, given->items[i]))
            return -1;
    if (given->kind == VALUE_LIST || is_foreign(call, given) ||
        find_any(call, value_text(type, STR_EMPTY), given))
        return 0;
    const struct value *own = value_getz(value_getz(call->role->type->sandbox, "errors"), "reference");
    struct str code = value_text(own && own->kind == VALUE_MAP ? value_get(own, name) : own, STR_EMPTY);
    if (code.n)
        return refuse_reference(call, code, name, type_called(call, type), given);
    return refuse_invalid(call, name, STR("what it refers to does not exist"));
}

int check_references(struct call *call, const struct value *attrs)
{
    static const char *const kinds[] = {"references", "part_of"};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        const struct value *references = value_getz(call->role->type->sandbox, kinds[k]);
        for (uint32_t i = 0; references && i < references->count; i++)
            if (check_reference(
                    call, references->entries[i].key, value_get(attrs, references->entries[i].key)))
                return -1;
    }
    return 0;
}

/* ---- deletions ---- */

/* `delete_needs: {attributes, code}`: exactly one of the attributes, such as a final snapshot or skipping
 * it. */
static int check_one_given(struct call *call, const struct resource *resource)
{
    const struct value *rule = value_getz(resource->type->sandbox, "delete_needs");
    const struct value *names = value_getz(rule, "attributes");
    int given = 0;
    for (uint32_t i = 0; names && i < names->count; i++) {
        const struct value *v = value_get(call->input, value_text(names->items[i], STR_EMPTY));
        given += !value_is_null(v) && !value_equal(v, &value_false);
    }
    return !names || given == 1 ? 0
                                : refuse(call, 400, value_gets(rule, "code"),
                                      "the identifier of a final snapshot is required unless it is skipped, "
                                      "and not allowed if it is");
}

/* Returns the error code of a guard that prevents the deletion, or NULL. {state: {ENABLED: code}}: by the
 * value; for a map by an entry that is true; {targets: {"*": code}}: by any content. */
static const struct value *guard_code(
    const struct resource *resource, const struct value_entry *guard, struct str *what)
{
    const struct value *have = value_get(resource->attrs, guard->key), *codes = guard->value,
                       *any = value_getz(codes, "*");
    *what = guard->key;
    if (codes->kind != VALUE_MAP)
        return value_equal(have, &value_true) ? codes : NULL;
    if (any)
        return value_is_empty(have) ? NULL : any;
    for (uint32_t i = 0; have && have->kind == VALUE_MAP && i < codes->count; i++) {
        *what = codes->entries[i].key;
        if (str_eqz(value_text(value_get(have, *what), STR_EMPTY), "true"))
            return codes->entries[i].value;
    }
    return value_get(codes, value_text(have, STR_EMPTY));
}

int check_delete(struct call *call, const struct resource *resource)
{
    if (implied_check_held(call, resource) || check_one_given(call, resource) || check_unused(call, resource))
        return -1;
    const struct value *guards = value_getz(resource->type->sandbox, "delete_unless"),
                       *messages = value_getz(value_getz(resource->type->sandbox, "messages"), "delete");
    for (uint32_t i = 0; guards && i < guards->count; i++) {
        struct str what;
        const struct value *code = guard_code(resource, &guards->entries[i], &what);
        bool full = code && code == value_getz(guards->entries[i].value, "*");
        if (code)
            return refuse(call, full ? refuse_status(call, 409) : 400,
                value_text(code, STR("InvalidParameterCombination")), "%.*s",
                STR_ARG(refuse_words(call, resource->type, resource->attrs, value_get(messages, what),
                    arena_printf(call->arena, "cannot be deleted while %.*s is %s", STR_ARG(what),
                        full ? "not empty" : "on"))));
    }
    return 0;
}
