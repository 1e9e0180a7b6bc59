/*
 * Strings in state machine definitions: calls of intrinsic functions (States.Format('{}', $.a)), names of
 * comparisons, JSONata expressions. They are parsed here and executed elsewhere.
 */
#include "base/json.h"
#include "provider/notation/asl_check.h"

/* ---- Names of comparisons in Choice states, such as StringLessThanEqualsPath ---- */

static const struct {
    const char *suffix;
    enum asl_compare compare;
} compares[] = {{"GreaterThanEquals", ASL_GREATER_EQUALS}, {"LessThanEquals", ASL_LESS_EQUALS},
    {"GreaterThan", ASL_GREATER}, {"LessThan", ASL_LESS}, {"Equals", ASL_EQUALS}, {"Matches", ASL_MATCHES}};

static const char *const types[] = {"String", "Numeric", "Timestamp", "Boolean"};

static const char *const tests[] = {
    "IsNull", "IsPresent", "IsNumeric", "IsString", "IsBoolean", "IsTimestamp"};

bool asl_operator(struct str name, const char **type, enum asl_compare *compare, bool *path)
{
    *path = false;
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        if (str_eqz(name, tests[i])) {
            *type = tests[i];
            *compare = ASL_IS;
            return true;
        }
    if (str_ends(name, STR("Path"))) {
        name = str_slice(name, 0, name.n - 4);
        *path = true;
    }
    for (size_t t = 0; t < sizeof types / sizeof *types; t++)
        for (size_t c = 0; c < sizeof compares / sizeof *compares; c++) {
            struct str suffix = str_z(compares[c].suffix);
            if (name.n != strlen(types[t]) + suffix.n || !str_starts(name, str_z(types[t])) ||
                !str_ends(name, suffix))
                continue;
            *type = types[t];
            *compare = compares[c].compare;
            bool matches = *compare == ASL_MATCHES;
            return (!matches || (t == 0 && !*path)) && (t != 3 || *compare == ASL_EQUALS);
        }
    return false;
}

/* ---- JSONata expressions in definitions: {% $states.input.n + 1 %}. They are not parsed; unbalanced quotes
 * and brackets are reported nevertheless. */

enum { MAX_OPEN = 256 };

bool asl_is_jsonata(const struct value *v)
{
    return v->kind == VALUE_STRING && v->string.n >= 4 && str_starts(v->string, STR("{%")) &&
           str_ends(v->string, STR("%}"));
}

/* Returns the index after the closing quote; the text's length + 1 if there is none. */
static size_t after_quote(struct str text, size_t at)
{
    char quote = text.p[at];
    for (at++; at < text.n && text.p[at] != quote; at++)
        at += text.p[at] == '\\' && quote != '`';
    return at < text.n ? at + 1 : text.n + 1;
}

/* A slash may begin a regular expression, whose brackets do not count. */
static const char *brackets_wrong(struct str text)
{
    static const char opening[] = "([{", closing[] = ")]}";
    char open[MAX_OPEN];
    size_t depth = 0;
    for (size_t at = 0; at < text.n;) {
        char c = text.p[at];
        if (c == '/')
            return NULL;
        if (char_is_among(c, "'\"`")) {
            at = after_quote(text, at);
            if (at > text.n)
                return "a quote is not closed";
            continue;
        }
        const char *begins = c ? strchr(opening, c) : NULL, *ends = c ? strchr(closing, c) : NULL;
        if (begins && depth == MAX_OPEN)
            return NULL;
        if (begins)
            open[depth++] = closing[begins - opening];
        if (ends && (!depth || open[--depth] != c))
            return "brackets do not match";
        at++;
    }
    return depth ? "brackets do not match" : NULL;
}

const char *asl_jsonata_wrong(struct str text)
{
    struct str inside = str_trim(str_slice(text, 2, text.n - 2));
    return inside.n ? brackets_wrong(inside) : "there is nothing in it";
}

/* ---- calls of intrinsic functions ---- */

enum { MAX_NESTED = 10 };

static const struct intrinsic {
    const char *name;
    size_t min, max; /* arguments; 0: any number, SIZE_MAX: none */
} functions[] = {
    {"Array", 0, 0},
    {"ArrayContains", 2, 2},
    {"ArrayGetItem", 2, 2},
    {"ArrayLength", 1, 1},
    {"ArrayPartition", 2, 2},
    {"ArrayRange", 3, 3},
    {"ArrayUnique", 1, 1},
    {"Base64Decode", 1, 1},
    {"Base64Encode", 1, 1},
    {"Format", 1, 0},
    {"Hash", 2, 2},
    {"JsonMerge", 3, 3},
    {"JsonToString", 1, 1},
    {"MathAdd", 2, 2},
    {"MathRandom", 2, 3},
    {"StringSplit", 2, 2},
    {"StringToJson", 1, 1},
    {"UUID", 0, SIZE_MAX},
};

struct call {
    const struct intrinsic *function;
    const struct value *args[ASL_CALL_ARGS];
    size_t n;
};

struct reader {
    const struct asl_caller *caller; /* NULL: only parsed */
    struct arena *arena;
    bool interpreted;
    struct str text;
    size_t at;
    int depth;
    const char *why;
};

static void call_wrong(struct reader *r, const char *why)
{
    if (!r->why)
        r->why = why;
}

static char call_peek(struct reader *r)
{
    while (r->at < r->text.n && strchr(" \t\r\n", r->text.p[r->at]))
        r->at++;
    return r->at < r->text.n ? r->text.p[r->at] : '\0';
}

/* Parses 'text'. \' is a quote. Other escapes are decoded, too, except in a format, where \{ is decoded
 * later. */
static const struct value *read_text(struct reader *r, bool format)
{
    AUTO_BUF struct buf text = BUF_INIT;
    for (r->at++; r->at < r->text.n && r->text.p[r->at] != '\''; r->at++) {
        bool escape = r->text.p[r->at] == '\\' && r->at + 1 < r->text.n;
        if (escape && (!format || r->text.p[r->at + 1] == '\''))
            r->at++;
        else if (escape)
            buf_add_char(&text, r->text.p[r->at++]);
        buf_add_char(&text, r->text.p[r->at]);
    }
    if (r->at >= r->text.n)
        call_wrong(r, "a quote is not closed");
    else
        r->at++;
    return value_string(r->arena, buf_str(&text));
}

/* Reads up to the comma or parenthesis that ends the argument. */
static struct str read_until_end(struct reader *r)
{
    size_t start = r->at;
    int open = 0;
    char quote = '\0';
    for (; r->at < r->text.n; r->at++) {
        char c = r->text.p[r->at];
        if (quote) {
            r->at += c == '\\';
            quote = c == quote ? '\0' : quote;
            continue;
        }
        if ((c == '\'' || c == '"') && open)
            quote = c;
        if (!open && (c == ',' || c == ')'))
            break;
        open += (c == '(' || c == '[') - (c == ')' || c == ']');
    }
    r->at = r->at > r->text.n ? r->text.n : r->at;
    return str_trim(str_slice(r->text, start, r->at));
}

static const struct value *read_path(struct reader *r)
{
    struct str path = read_until_end(r);
    const char *why = r->interpreted ? asl_path_wrong(path, false) : asl_path_refused(path);
    if (why)
        call_wrong(r, why);
    return why || !r->caller ? &value_null : r->caller->look(r->caller->ctx, path);
}

static const struct value *read_call(struct reader *r);

static const struct value *read_argument(struct reader *r, bool format)
{
    char c = call_peek(r);
    if (c == '\'')
        return read_text(r, format);
    if (c == '$')
        return read_path(r);
    if (c == 'S')
        return read_call(r);
    struct str word = read_until_end(r);
    const struct value *v = &value_null;
    struct err err;
    if (json_parse(r->arena, word, &v, &err) || v->kind == VALUE_MAP || v->kind == VALUE_LIST ||
        v->kind == VALUE_STRING)
        call_wrong(
            r, "an argument is a text in single quotes, a number, true, false, null, a path or a call");
    return v;
}

static const struct intrinsic *read_function(struct reader *r)
{
    struct str rest = str_slice(r->text, r->at, r->text.n), name;
    ptrdiff_t open = str_find_char(rest, '(', 0);
    if (open < 0 || !str_starts(rest, STR("States."))) {
        call_wrong(r, "a call is States.Name(…)");
        return NULL;
    }
    name = str_slice(rest, 7, (size_t)open);
    r->at += (size_t)open + 1;
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (str_eqz(name, functions[i].name))
            return &functions[i];
    call_wrong(r, "there is no intrinsic function of that name");
    return NULL;
}

static void read_arguments(struct reader *r, struct call *call)
{
    bool format = !strcmp(call->function->name, "Format");
    bool failed = false;
    while (!r->why && !failed && call_peek(r) != ')') {
        if (call->n == ASL_CALL_ARGS) {
            call_wrong(r, "there are too many arguments");
            return;
        }
        call->args[call->n] = read_argument(r, format && !call->n);
        failed = !call->args[call->n++];
        if (call_peek(r) == ',') {
            r->at++;
            if (call_peek(r) == ')')
                call_wrong(r, "an argument is missing");
        } else if (call_peek(r) != ')' && !failed) {
            call_wrong(r, "arguments are separated by commas");
        }
    }
    if (!failed)
        r->at++;
}

/* Returns NULL if the execution fails: eval->error. */
static const struct value *read_call(struct reader *r)
{
    if (++r->depth > MAX_NESTED)
        call_wrong(r, "calls are nested deeper than 10");
    const struct intrinsic *function = r->why ? NULL : read_function(r);
    if (!function)
        return &value_null;
    struct call *call = arena_zalloc(r->arena, sizeof *call);
    call->function = function;
    read_arguments(r, call);
    r->depth--;
    size_t max = function->max == SIZE_MAX ? 0 : function->max ? function->max : ASL_CALL_ARGS;
    if (!r->why && (call->n < function->min || call->n > max))
        call_wrong(r, "it has another number of arguments");
    if (r->why || !r->caller)
        return &value_null;
    return r->caller->call(r->caller->ctx, str_z(function->name), call->args, call->n);
}

static const struct value *read_all(struct reader *r)
{
    const struct value *v = read_call(r);
    if (v && !r->why && (call_peek(r), r->at < r->text.n))
        call_wrong(r, "something follows the call");
    return v;
}

bool asl_is_intrinsic(struct str text)
{
    return str_starts(text, STR("States."));
}

const struct value *asl_call(
    struct arena *arena, struct str text, const struct asl_caller *caller, const char **why)
{
    struct reader r = {.caller = caller, .arena = arena, .interpreted = true, .text = text};
    const struct value *v = read_all(&r);
    *why = r.why;
    return r.why ? NULL : v;
}

const char *asl_intrinsic_wrong(struct str text, bool interpreted)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct reader r = {.arena = &arena, .interpreted = interpreted, .text = text};
    read_all(&r);
    return r.why;
}
