/* The fields of states, retriers and catchers: which there are, and what they hold. */
#include "sandbox/asl/asl_check.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"

/* ---- saying what is wrong ---- */

void asl_diag_add(struct asl_diags *diags, const char *code, struct str at, struct str message)
{
    MEM_GROW(diags->items, diags->cap, diags->n + 1);
    diags->items[diags->n++] =
        (struct asl_diag){.code = str_z(code), .message = message, .location = at.n ? at : STR("/")};
    diags->errors++;
}

struct str asl_place(const struct asl_scan *scan, const char *member)
{
    return *member ? arena_printf(scan->diags->arena, "%.*s/%s", STR_ARG(scan->at), member) : scan->at;
}

void asl_wrong(const struct asl_scan *scan, const char *member, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str message = arena_vprintf(scan->diags->arena, format, args);
    va_end(args);
    asl_diag_add(scan->diags, "SCHEMA_VALIDATION_FAILED", asl_place(scan, member), message);
}

struct asl_scan asl_below(const struct asl_scan *scan, const char *member)
{
    struct asl_scan inner = *scan;
    inner.at = asl_place(scan, member);
    return inner;
}

/* ---- fields ---- */

enum kind {
    TEXT,
    ANY,
    BOOL_TRUE_FALSE,
    PATH,      /* any path, null too */
    REFERENCE, /* a reference path */
    PLACE,     /* a reference path or null */
    SOURCE,    /* a reference path or an intrinsic */
    TEMPLATE,
    ASSIGNED, /* a template whose members are variables */
    SECONDS,
    NUMBER,
    PERCENT,
    TIME,
    NAMES,
    ITEMS, /* looked at elsewhere */
};

static const struct field {
    const char *name;
    unsigned types;
    enum kind kind;
} fields[] = {
    {"Type", EVERY, TEXT},
    {"Comment", EVERY | RETRIER | CATCHER, TEXT},
    {"QueryLanguage", EVERY, TEXT},
    {"Next", GOES | CATCHER, TEXT},
    {"End", GOES, BOOL_TRUE_FALSE},
    {"InputPath", DATA, PATH},
    {"OutputPath", DATA, PATH},
    {"Parameters", WORK | PASS, TEMPLATE},
    {"ResultSelector", WORK, TEMPLATE},
    {"ResultPath", WORK | PASS | CATCHER, PLACE},
    {"Result", PASS, ANY},
    {"Assign", GOES | CHOICE | CATCHER, ASSIGNED},
    {"Retry", WORK, ITEMS},
    {"Catch", WORK, ITEMS},
    {"Resource", TASK, TEXT},
    {"Credentials", TASK, TEMPLATE},
    {"TimeoutSeconds", TASK, SECONDS},
    {"TimeoutSecondsPath", TASK, REFERENCE},
    {"HeartbeatSeconds", TASK, SECONDS},
    {"HeartbeatSecondsPath", TASK, REFERENCE},
    {"Branches", PARALLEL, ITEMS},
    {"Iterator", MAP, ITEMS},
    {"ItemProcessor", MAP, ITEMS},
    {"ItemsPath", MAP, REFERENCE},
    {"ItemSelector", MAP, TEMPLATE},
    {"MaxConcurrency", MAP, NUMBER},
    {"MaxConcurrencyPath", MAP, REFERENCE},
    {"ItemReader", MAP, ITEMS},
    {"ItemBatcher", MAP, ITEMS},
    {"ResultWriter", MAP, ITEMS},
    {"ToleratedFailureCount", MAP, NUMBER},
    {"ToleratedFailureCountPath", MAP, REFERENCE},
    {"ToleratedFailurePercentage", MAP, PERCENT},
    {"ToleratedFailurePercentagePath", MAP, REFERENCE},
    {"Label", MAP, TEXT},
    {"Seconds", WAIT, NUMBER},
    {"SecondsPath", WAIT, REFERENCE},
    {"Timestamp", WAIT, TIME},
    {"TimestampPath", WAIT, REFERENCE},
    {"Choices", CHOICE, ITEMS},
    {"Default", CHOICE, TEXT},
    {"Error", FAIL, TEXT},
    {"ErrorPath", FAIL, SOURCE},
    {"Cause", FAIL, TEXT},
    {"CausePath", FAIL, SOURCE},
    {"ErrorEquals", RETRIER | CATCHER, NAMES},
    {"IntervalSeconds", RETRIER, SECONDS},
    {"MaxAttempts", RETRIER, NUMBER},
    {"BackoffRate", RETRIER, ANY},
    {"MaxDelaySeconds", RETRIER, SECONDS},
    {"JitterStrategy", RETRIER, TEXT},
};

void asl_check_path(const struct asl_scan *scan, const char *member, const struct value *v, bool reference)
{
    const char *why = v->kind == VALUE_STRING ? asl_path_wrong(v->string, reference) : "it is not a text";
    if (why)
        asl_wrong(scan, member, "Value is not a %s: %s", reference ? "Reference Path" : "JSONPath", why);
}

static void check_source(const struct asl_scan *scan, const char *member, const struct value *v)
{
    struct str text = value_text(v, STR_EMPTY);
    const char *why = asl_is_intrinsic(text)    ? asl_intrinsic_wrong(text)
                      : v->kind == VALUE_STRING ? asl_path_wrong(text, false)
                                                : "it is not a text";
    if (why)
        asl_wrong(scan, "",
            "The value for the field '%s' must be a valid JSONPath or a valid intrinsic function call: %s",
            member, why);
}

void asl_check_template(const struct asl_scan *scan, const struct value *v)
{
    AUTO_ARENA struct arena names = ARENA_INIT;
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++) {
        struct asl_scan inner = asl_below(scan, arena_printf(&names, "[%u]", i).p);
        asl_check_template(&inner, v->items[i]);
    }
    for (uint32_t i = 0; v->kind == VALUE_MAP && i < v->count; i++) {
        const char *key = arena_strz(&names, v->entries[i].key);
        if (str_ends(v->entries[i].key, STR(".$"))) {
            check_source(scan, key, v->entries[i].value);
        } else {
            struct asl_scan inner = asl_below(scan, key);
            asl_check_template(&inner, v->entries[i].value);
        }
    }
}

void asl_check_assigned(const struct asl_scan *scan, const struct value *v)
{
    struct asl_scan inner = asl_below(scan, "Assign");
    if (v->kind != VALUE_MAP)
        asl_wrong(scan, "Assign", "Value is not an object");
    for (uint32_t i = 0; v->kind == VALUE_MAP && i < v->count; i++) {
        struct str name = v->entries[i].key;
        if (str_ends(name, STR(".$")))
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
        good = v->items[i]->kind == VALUE_STRING;
    if (!good)
        asl_wrong(scan, member, "Value is not a non-empty array of error names");
    for (uint32_t i = 0; good && i < v->count; i++)
        if (str_eqz(v->items[i]->string, "States.ALL") && v->count > 1)
            asl_wrong(scan, member, "States.ALL must appear alone in ErrorEquals");
}

static void check_field(const struct asl_scan *scan, const struct field *field, const struct value *v)
{
    const char *name = field->name;
    int64_t ms;
    switch (field->kind) {
    case TEXT:
        if (v->kind != VALUE_STRING)
            asl_wrong(scan, name, "Value is not a string");
        break;
    case BOOL_TRUE_FALSE:
        if (v->kind != VALUE_BOOL)
            asl_wrong(scan, name, "Value is not a boolean");
        break;
    case PATH:
    case PLACE:
        if (field->kind == PLACE && asl_path_is_variable(value_text(v, STR_EMPTY)))
            asl_wrong(scan, name, "Value must not lead into a variable");
        if (v->kind != VALUE_NULL)
            asl_check_path(scan, name, v, field->kind == PLACE);
        if (field->kind == PLACE && str_starts(value_text(v, STR_EMPTY), STR("$$")))
            asl_wrong(scan, name, "Value must not lead into the context object");
        break;
    case REFERENCE: asl_check_path(scan, name, v, !str_starts(value_text(v, STR_EMPTY), STR("$$"))); break;
    case SOURCE: check_source(scan, name, v); break;
    case TEMPLATE: {
        struct asl_scan inner = asl_below(scan, name);
        asl_check_template(&inner, v);
        break;
    }
    case ASSIGNED: asl_check_assigned(scan, v); break;
    case SECONDS:
    case NUMBER:
        if (!asl_is_whole(v, field->kind == SECONDS))
            asl_wrong(scan, name, "Value is not a whole number of at least %d", field->kind == SECONDS);
        break;
    case PERCENT:
        if (!(v->kind == VALUE_INT && v->integer >= 0 && v->integer <= 100) &&
            !(v->kind == VALUE_FLOAT && v->number >= 0 && v->number <= 100))
            asl_wrong(scan, name, "Value is not a number from 0 to 100");
        break;
    case TIME:
        if (v->kind != VALUE_STRING || !time_parse_rfc3339(v->string, &ms))
            asl_wrong(scan, name, "Value is not a valid timestamp");
        break;
    case NAMES: check_names(scan, name, v); break;
    case ANY:
    case ITEMS: break;
    }
}

void asl_check_fields(const struct asl_scan *scan, const struct value *v, unsigned type)
{
    AUTO_ARENA struct arena names = ARENA_INIT;
    for (uint32_t i = 0; i < v->count; i++) {
        const struct field *field = NULL;
        for (size_t k = 0; k < sizeof fields / sizeof *fields && !field; k++)
            if (str_eqz(v->entries[i].key, fields[k].name) && (fields[k].types & type))
                field = &fields[k];
        if (field)
            check_field(scan, field, v->entries[i].value);
        else
            asl_wrong(scan, arena_strz(&names, v->entries[i].key), "Field is not supported");
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
