/* The fields of states, retriers and catchers: which exist, and their values. */
#include "provider/notation/asl_check.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"

/* ---- reporting ---- */

static const struct value *way_value(const struct asl_scan *scan, const char *member)
{
    AUTO_BUILDER struct value_builder up = VALUE_BUILDER(scan->diags->arena);
    AUTO_BUILDER struct value_builder down = VALUE_BUILDER(scan->diags->arena);
    for (const struct asl_step *step = scan->way; step; step = step->up)
        value_builder_add(&up, step->step);
    const struct value *list = value_builder_list(&up);
    for (uint32_t i = list->count; i > 0; i--)
        value_builder_add(&down, list->items[i - 1]);
    if (*member)
        value_builder_add(&down, value_stringz(scan->diags->arena, member));
    return value_builder_list(&down);
}

static struct str asl_place(const struct asl_scan *scan, const char *member)
{
    return *member ? arena_printf(scan->diags->arena, "%.*s/%s", STR_ARG(scan->at), member) : scan->at;
}

struct asl_diag *asl_diag_add(
    const struct asl_scan *scan, const char *code, const char *member, struct str message)
{
    struct asl_diags *diags = scan->diags;
    struct str at = asl_place(scan, member);
    MEM_GROW(diags->items, diags->cap, diags->n + 1);
    diags->items[diags->n] = (struct asl_diag){.code = str_z(code),
        .message = message,
        .location = at.n ? at : STR("/"),
        .path = way_value(scan, member)};
    return &diags->items[diags->n++];
}

void asl_wrong(const struct asl_scan *scan, const char *member, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str message = arena_vprintf(scan->diags->arena, format, args);
    va_end(args);
    asl_diag_add(scan, "SCHEMA_VALIDATION_FAILED", member, message);
}

void asl_unsupported(const struct asl_scan *scan, struct str member, const struct str *names, size_t n)
{
    struct asl_diag *diag = asl_diag_add(scan, "SCHEMA_VALIDATION_FAILED",
        arena_strz(scan->diags->arena, member), STR("Field is not supported"));
    diag->word = member;
    diag->names = names;
    diag->name_count = n;
}

void asl_required(const struct asl_scan *scan, const char *member)
{
    asl_wrong(scan, "", "These fields are required: [%s]", member);
}

static const struct asl_step *step_below(const struct asl_scan *scan, const struct value *step)
{
    struct asl_step *below = ARENA_NEW(scan->diags->arena, struct asl_step);
    *below = (struct asl_step){scan->way, step};
    return below;
}

struct asl_scan asl_below(const struct asl_scan *scan, const char *member)
{
    struct asl_scan inner = *scan;
    inner.at = asl_place(scan, member);
    inner.way = step_below(scan, value_stringz(scan->diags->arena, member));
    return inner;
}

struct asl_scan asl_below_item(const struct asl_scan *scan, const char *member, uint32_t i)
{
    struct asl_scan inner = *member ? asl_below(scan, member) : *scan;
    inner.at =
        arena_printf(scan->diags->arena, "%.*s%s[%u]", STR_ARG(inner.at), *member ? "" : "/", (unsigned)i);
    inner.way = step_below(&inner, value_int(scan->diags->arena, i));
    return inner;
}

/* ---- fields ---- */

enum kind {
    TEXT,
    ANY,
    FLAG,
    PATH,      /* any path or null */
    REFERENCE, /* a reference path; the service accepts other paths where it only reads */
    PLACE,     /* a reference path or null */
    SOURCE,    /* a reference path or an intrinsic */
    TEMPLATE,
    ASSIGNED, /* a template whose members are variables */
    SECONDS,
    NUMBER,
    PERCENT,
    TIME,
    NAMES,
    LIST,
    ITEMS, /* checked elsewhere */
};

enum language { PATHS = 1, JSONATA = 2, BOTH = PATHS | JSONATA };

static const struct field {
    const char *name;
    unsigned types;
    enum language languages;
    enum kind kind;
} fields[] = {
    {"Type", EVERY, BOTH, TEXT},
    {"Comment", EVERY | RETRIER | CATCHER, BOTH, TEXT},
    {"QueryLanguage", EVERY, BOTH, TEXT},
    {"Next", GOES | CATCHER, BOTH, TEXT},
    {"End", GOES, BOTH, FLAG},
    {"InputPath", DATA, PATHS, PATH},
    {"OutputPath", DATA, PATHS, PATH},
    {"Parameters", WORK | PASS, PATHS, TEMPLATE},
    {"ResultSelector", WORK, PATHS, TEMPLATE},
    {"ResultPath", WORK | PASS | CATCHER, PATHS, PLACE},
    {"Arguments", TASK | PARALLEL, JSONATA, TEMPLATE},
    {"Output", DATA | CATCHER, JSONATA, TEMPLATE},
    {"Result", PASS, BOTH, ANY},
    {"Assign", GOES | CHOICE | CATCHER, BOTH, ASSIGNED},
    {"Retry", WORK, BOTH, ITEMS},
    {"Catch", WORK, BOTH, ITEMS},
    {"Resource", TASK, BOTH, TEXT},
    {"Credentials", TASK, BOTH, TEMPLATE},
    {"TimeoutSeconds", TASK, BOTH, SECONDS},
    {"TimeoutSecondsPath", TASK, PATHS, REFERENCE},
    {"HeartbeatSeconds", TASK, BOTH, SECONDS},
    {"HeartbeatSecondsPath", TASK, PATHS, REFERENCE},
    {"Branches", PARALLEL, BOTH, ITEMS},
    {"Iterator", MAP, BOTH, ITEMS},
    {"ItemProcessor", MAP, BOTH, ITEMS},
    {"Items", MAP, JSONATA, LIST},
    {"ItemsPath", MAP, PATHS, REFERENCE},
    {"ItemSelector", MAP, BOTH, TEMPLATE},
    {"MaxConcurrency", MAP, BOTH, NUMBER},
    {"MaxConcurrencyPath", MAP, PATHS, REFERENCE},
    {"ItemReader", MAP, BOTH, ITEMS},
    {"ItemBatcher", MAP, BOTH, ITEMS},
    {"ResultWriter", MAP, BOTH, ITEMS},
    {"ToleratedFailureCount", MAP, BOTH, NUMBER},
    {"ToleratedFailureCountPath", MAP, PATHS, REFERENCE},
    {"ToleratedFailurePercentage", MAP, BOTH, PERCENT},
    {"ToleratedFailurePercentagePath", MAP, PATHS, REFERENCE},
    {"Label", MAP, BOTH, TEXT},
    {"Seconds", WAIT, BOTH, NUMBER},
    {"SecondsPath", WAIT, PATHS, REFERENCE},
    {"Timestamp", WAIT, BOTH, TIME},
    {"TimestampPath", WAIT, PATHS, REFERENCE},
    {"Choices", CHOICE, BOTH, ITEMS},
    {"Default", CHOICE, BOTH, TEXT},
    {"Error", FAIL, BOTH, TEXT},
    {"ErrorPath", FAIL, PATHS, SOURCE},
    {"Cause", FAIL, BOTH, TEXT},
    {"CausePath", FAIL, PATHS, SOURCE},
    {"ErrorEquals", RETRIER | CATCHER, BOTH, NAMES},
    {"IntervalSeconds", RETRIER, BOTH, SECONDS},
    {"MaxAttempts", RETRIER, BOTH, NUMBER},
    {"BackoffRate", RETRIER, BOTH, ANY},
    {"MaxDelaySeconds", RETRIER, BOTH, SECONDS},
    {"JitterStrategy", RETRIER, BOTH, TEXT},
};
enum { FIELDS = sizeof fields / sizeof *fields };

/* ---- values ---- */

void asl_check_path(const struct asl_scan *scan, const char *member, const struct value *v, bool reference)
{
    const char *why = "it is not a text";
    if (asl_is_unknown(v))
        return;
    if (v->kind == VALUE_STRING)
        why = reference || scan->diags->interpreted ? asl_path_wrong(v->string, reference)
                                                    : asl_path_refused(v->string);
    if (why)
        asl_wrong(scan, member, "Value is not a %s: %s", reference ? "Reference Path" : "JSONPath", why);
}

static void check_source(const struct asl_scan *scan, const char *member, const struct value *v)
{
    struct str text = value_text(v, STR_EMPTY);
    bool interpreted = scan->diags->interpreted;
    const char *why = asl_is_intrinsic(text)     ? asl_intrinsic_wrong(text, interpreted)
                      : v->kind != VALUE_STRING  ? "it is not a text"
                      : scan->diags->interpreted ? asl_path_wrong(text, false)
                                                 : asl_path_refused(text);
    if (asl_is_unknown(v) || !why)
        return;
    struct str message = arena_printf(scan->diags->arena,
        "The value for the field '%s' must be a valid JSONPath or a valid intrinsic function call: %s",
        member, why);
    struct asl_scan inner = asl_below(scan, member);
    asl_diag_add(&inner, "SCHEMA_VALIDATION_FAILED", "", message)->location =
        scan->at; /* the location as the service reports it */
}

static void check_expression(const struct asl_scan *scan, const struct value *v)
{
    const char *why = asl_is_jsonata(v) ? asl_jsonata_wrong(v->string) : NULL;
    if (why)
        asl_wrong(scan, "", "The value is not a valid JSONata expression: %s", why);
}

void asl_check_template(const struct asl_scan *scan, const struct value *v)
{
    AUTO_ARENA struct arena names = ARENA_INIT;
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++) {
        struct asl_scan inner = asl_below_item(scan, "", i);
        asl_check_template(&inner, v->items[i]);
    }
    for (uint32_t i = 0; v->kind == VALUE_MAP && i < v->count; i++) {
        const char *key = arena_strz(&names, v->entries[i].key);
        if (!scan->jsonata && str_ends(v->entries[i].key, STR(".$"))) {
            check_source(scan, key, v->entries[i].value);
        } else {
            struct asl_scan inner = asl_below(scan, key);
            asl_check_template(&inner, v->entries[i].value);
        }
    }
    if (scan->jsonata)
        check_expression(scan, v);
}

void asl_check_assigned(const struct asl_scan *scan, const struct value *v)
{
    struct asl_scan inner = asl_below(scan, "Assign");
    if (asl_is_unknown(v))
        return;
    if (v->kind != VALUE_MAP)
        asl_wrong(scan, "Assign", "Value is not an object");
    for (uint32_t i = 0; v->kind == VALUE_MAP && i < v->count; i++) {
        struct str name = v->entries[i].key;
        if (!scan->jsonata && str_ends(name, STR(".$")))
            name = str_slice(name, 0, name.n - 2);
        if (!asl_is_variable(name))
            asl_wrong(&inner, arena_strz(scan->diags->arena, v->entries[i].key),
                "Variables are called by letters, digits and underscores, 80 at most, and not 'states'");
    }
    asl_check_template(&inner, v);
}

bool asl_is_whole(const struct value *v, int64_t from)
{
    return v->kind == VALUE_INT && v->integer >= from && v->integer <= 99999999;
}

static void check_names(const struct asl_scan *scan, const char *member, const struct value *v)
{
    bool good = v->kind == VALUE_LIST && v->count;
    for (uint32_t i = 0; good && i < v->count; i++)
        good = v->items[i]->kind == VALUE_STRING || asl_is_unknown(v->items[i]);
    if (!good)
        asl_wrong(scan, member, "Value is not a non-empty array of error names");
    for (uint32_t i = 0; good && i < v->count; i++)
        if (str_eqz(value_text(v->items[i], STR_EMPTY), "States.ALL") && v->count > 1)
            asl_wrong(scan, member, "States.ALL must appear alone in ErrorEquals");
}

/* Checks a path to which a state writes its result. */
static void check_place(const struct asl_scan *scan, const char *member, const struct value *v)
{
    struct str text = value_text(v, STR_EMPTY);
    if (asl_path_is_variable(text))
        asl_wrong(scan, member, "Value must not lead into a variable");
    if (v->kind != VALUE_NULL)
        asl_check_path(scan, member, v, true);
    if (str_starts(text, STR("$$")))
        asl_wrong(scan, member, "Value must not lead into the context object");
}

static void check_number(const struct asl_scan *scan, const struct field *field, const struct value *v)
{
    bool good = field->kind == PERCENT
                    ? value_is_number(v) && (v->kind == VALUE_INT ? v->integer >= 0 && v->integer <= 100
                                                                  : v->number >= 0 && v->number <= 100)
                    : asl_is_whole(v, field->kind == SECONDS);
    bool whole = v->kind == VALUE_FLOAT && v->number >= 1 && v->number <= 99999999 &&
                 (double)(int64_t)v->number == v->number && !scan->diags->interpreted;
    if (good || whole)
        return;
    if (field->kind == PERCENT)
        asl_wrong(scan, field->name, "Value is not a number from 0 to 100");
    else
        asl_wrong(scan, field->name, "Value is not a whole number of at least %d", field->kind == SECONDS);
}

static void check_literal(const struct asl_scan *scan, const struct field *field, const struct value *v)
{
    const char *name = field->name;
    int64_t ms;
    switch (field->kind) {
    case TEXT:
        if (v->kind != VALUE_STRING)
            asl_wrong(scan, name, "Value is not a string");
        break;
    case FLAG:
        if (v->kind != VALUE_BOOL)
            asl_wrong(scan, name, "Value is not a boolean");
        break;
    case TIME:
        if (v->kind != VALUE_STRING || !time_parse_rfc3339(v->string, &ms))
            asl_wrong(scan, name, "String does not match RFC3339 timestamp");
        break;
    case LIST:
        if (v->kind != VALUE_LIST)
            asl_wrong(scan, name, "Value is not an array");
        break;
    default: check_number(scan, field, v);
    }
}

static void check_field(const struct asl_scan *scan, const struct field *field, const struct value *v)
{
    const char *name = field->name;
    struct asl_scan inner;
    switch (field->kind) {
    case PATH:
        if (v->kind != VALUE_NULL)
            asl_check_path(scan, name, v, false);
        break;
    case PLACE: check_place(scan, name, v); break;
    case REFERENCE:
        asl_check_path(
            scan, name, v, scan->diags->interpreted && !str_starts(value_text(v, STR_EMPTY), STR("$$")));
        break;
    case SOURCE: check_source(scan, name, v); break;
    case TEMPLATE:
        inner = asl_below(scan, name);
        asl_check_template(&inner, v);
        break;
    case ASSIGNED: asl_check_assigned(scan, v); break;
    case NAMES: check_names(scan, name, v); break;
    case ANY:
    case ITEMS: break;
    default:
        inner = asl_below(scan, name);
        if (scan->jsonata && asl_is_jsonata(v))
            check_expression(&inner, v);
        else
            check_literal(scan, field, v);
    }
}

static const struct field *field_of(struct str name, unsigned holder, bool jsonata, bool *otherwise)
{
    for (size_t i = 0; i < FIELDS; i++)
        if (str_eqz(name, fields[i].name) && (fields[i].types & holder)) {
            *otherwise = !(fields[i].languages & (jsonata ? JSONATA : PATHS));
            return &fields[i];
        }
    return NULL;
}

static void tell_unknown_field(const struct asl_scan *scan, struct str name, unsigned holder)
{
    struct str *known = ARENA_ARRAY(scan->diags->arena, struct str, FIELDS);
    size_t n = 0;
    for (size_t i = 0; i < FIELDS; i++)
        if ((fields[i].types & holder) && (fields[i].languages & (scan->jsonata ? JSONATA : PATHS)))
            known[n++] = str_z(fields[i].name);
    asl_unsupported(scan, name, known, n);
}

void asl_check_fields(const struct asl_scan *scan, const struct value *v, unsigned holder)
{
    for (uint32_t i = 0; i < v->count; i++) {
        struct str name = v->entries[i].key;
        bool otherwise = false;
        const struct field *field = field_of(name, holder, scan->jsonata, &otherwise);
        if (!field)
            tell_unknown_field(scan, name, holder);
        else if (otherwise)
            asl_wrong(scan, field->name, "Field is not supported by the query language %s",
                scan->jsonata ? "JSONata" : "JSONPath");
        else if (!asl_is_unknown(v->entries[i].value))
            check_field(scan, field, v->entries[i].value);
    }
}

void asl_check_one_of(
    const struct asl_scan *scan, const struct value *v, const char *const *names, size_t n, bool needed)
{
    size_t given = 0;
    AUTO_BUF struct buf list = BUF_INIT;
    for (size_t i = 0; i < n; i++) {
        given += value_getz(v, names[i]) != NULL;
        buf_addf(&list, "%s'%s'", i ? ", " : "", names[i]);
    }
    if (given > 1 || (needed && !given))
        asl_wrong(scan, "", "%s one of the fields %s is expected", needed ? "Exactly" : "At most",
            buf_str(&list).p);
}
