/* Parses filter patterns: see notation.h. */
#include "provider/notation/notation.h"

#include "base/buf.h"

enum { MAX_NESTED = 100, MAX_REGEXES = 2 };

struct filter_reader {
    struct arena *arena;
    struct str text;
    size_t at;
    int depth, regexes;
    struct str field; /* the field whose conditions are parsed; p NULL: conditions on JSON */
    const char *why;
};

static char filter_peek(struct filter_reader *r)
{
    while (r->at < r->text.n && char_is_among(r->text.p[r->at], " \t\r\n"))
        r->at++;
    return r->at < r->text.n ? r->text.p[r->at] : '\0';
}

static bool filter_take(struct filter_reader *r, const char *token)
{
    filter_peek(r);
    bool taken = str_starts(str_slice(r->text, r->at, r->text.n), str_z(token));
    r->at += taken ? strlen(token) : 0;
    return taken;
}

static void *filter_wrong(struct filter_reader *r, const char *why)
{
    if (!r->why)
        r->why = why;
    return NULL;
}

/* ---- operands ---- */

/* Parses what is between two of these characters; a backslash escapes the next character. */
static bool filter_between(struct filter_reader *r, struct str *out)
{
    char quote = r->text.p[r->at];
    size_t start = ++r->at;
    for (; r->at < r->text.n && r->text.p[r->at] != quote; r->at++)
        r->at += r->text.p[r->at] == '\\';
    if (r->at >= r->text.n)
        return filter_wrong(
            r, quote == '%' ? "a regular expression between % is not closed" : "a quote is not closed");
    *out = str_slice(r->text, start, r->at++);
    return true;
}

static struct str filter_unescape(struct arena *arena, struct str text)
{
    AUTO_BUF struct buf out = BUF_INIT;
    for (size_t i = 0; i < text.n; i++)
        buf_add_char(&out, text.p[i += text.p[i] == '\\']);
    return arena_str(arena, buf_str(&out));
}

static bool filter_regex(struct filter_reader *r, struct log_operand *out)
{
    struct str why;
    for (size_t i = 0; i < out->text.n; i++)
        if (char_is_among(out->text.p[i], "()!") || (unsigned char)out->text.p[i] >= 0x80)
            return filter_wrong(r, "a regular expression has no (, ) or !, and only ASCII characters");
    if (++r->regexes > MAX_REGEXES && r->depth)
        return filter_wrong(r, "a pattern has two regular expressions at most");
    out->regex = regex_compile(r->arena, out->text, false, &why);
    return out->regex ||
           filter_wrong(r, arena_printf(r->arena, "a regular expression: %.*s", STR_ARG(why)).p);
}

static bool filter_joins(const struct filter_reader *r)
{
    struct str rest = str_slice(r->text, r->at, r->text.n);
    return str_starts(rest, STR("&&")) || str_starts(rest, STR("||"));
}

/* Parses "text", %regular expression%, or the text before one of these characters. */
static bool filter_operand(struct filter_reader *r, const char *ends, struct log_operand *out)
{
    char first = filter_peek(r);
    *out = (struct log_operand){.quoted = first == '"'};
    if (first == '"' || first == '%') {
        if (!filter_between(r, &out->text))
            return false;
        if (first == '%')
            return filter_regex(r, out);
        out->text = filter_unescape(r->arena, out->text);
        return true;
    }
    size_t start = r->at;
    while (r->at < r->text.n && !char_is_among(r->text.p[r->at], ends) && !(r->depth && filter_joins(r)))
        r->at++;
    out->text = str_slice(r->text, start, r->at);
    return true;
}

/* ---- conditions ---- */

/* Parses [0], ['a b'] or .name. */
static const struct value *filter_step(struct filter_reader *r)
{
    struct str text;
    int64_t index;
    bool dot = r->text.p[r->at] == '.';
    r->at += dot;
    if (r->at < r->text.n && r->text.p[r->at] == '[') {
        r->at++;
        char c = filter_peek(r);
        bool quoted = c == '\'' || c == '"';
        if (quoted && !filter_between(r, &text))
            return NULL;
        size_t start = r->at;
        while (!quoted && r->at < r->text.n && r->text.p[r->at] != ']')
            r->at++;
        if (!quoted)
            text = str_trim(str_slice(r->text, start, r->at));
        if (!filter_take(r, "]"))
            return filter_wrong(r, "a selector's bracket is not closed");
        return !quoted && str_to_int(text, &index) ? value_int(r->arena, index)
                                                   : value_string(r->arena, filter_unescape(r->arena, text));
    }
    size_t start = r->at;
    while (r->at < r->text.n && !char_is_among(r->text.p[r->at], " \t\r\n.[]=!<>()&|"))
        r->at++;
    return value_string(r->arena, str_slice(r->text, start, r->at));
}

static bool filter_selector(struct filter_reader *r, struct log_condition *out)
{
    AUTO_BUILDER struct value_builder path = VALUE_BUILDER(r->arena);
    if (filter_peek(r) != '$')
        return filter_wrong(r, "a condition begins with a selector such as $.level");
    size_t start = r->at++;
    while (!r->why && r->at < r->text.n && char_is_among(r->text.p[r->at], ".["))
        value_builder_add(&path, filter_step(r));
    if (r->why)
        return false;
    out->selector = str_slice(r->text, start, r->at);
    out->path = value_builder_list(&path);
    return true;
}

/* Parses the field's name, which precedes each of its comparisons. */
static bool filter_subject(struct filter_reader *r, struct log_condition *out)
{
    if (!r->field.p)
        return filter_selector(r, out);
    filter_peek(r);
    size_t start = r->at;
    while (r->at < r->text.n && !char_is_among(r->text.p[r->at], " \t\r\n=!<>()&|"))
        r->at++;
    struct str name = str_slice(r->text, start, r->at);
    if (!r->field.n)
        r->field = name;
    return str_eq(name, r->field) || filter_wrong(r, "a field is compared by its own name");
}

static const struct {
    const char *token, *word; /* "IS", "NULL" */
    enum log_comparison comparison;
} comparisons[] = {
    {"!=", NULL, LOG_UNEQUAL},
    {"<=", NULL, LOG_AT_MOST},
    {">=", NULL, LOG_AT_LEAST},
    {"=", NULL, LOG_EQUAL},
    {"<", NULL, LOG_LESS},
    {">", NULL, LOG_MORE},
    {"EXISTS", "", LOG_EXISTS},
    {"NOT", "EXISTS", LOG_ABSENT},
    {"IS", "NULL", LOG_NULL},
    {"IS", "TRUE", LOG_TRUE},
    {"IS", "FALSE", LOG_FALSE},
};

static struct log_condition *filter_comparison(struct filter_reader *r)
{
    struct log_condition *out = ARENA_NEW(r->arena, struct log_condition);
    if (!filter_subject(r, out))
        return NULL;
    for (size_t i = 0; i < sizeof comparisons / sizeof *comparisons; i++) {
        size_t start = r->at;
        const char *word = comparisons[i].word;
        if (!filter_take(r, comparisons[i].token) || (word && !filter_take(r, word))) {
            r->at = start;
            continue;
        }
        out->comparison = comparisons[i].comparison;
        if (word)
            return out;
        return filter_operand(r, " \t\r\n()", &out->operand) && !out->operand.text.n && !out->operand.quoted
                   ? filter_wrong(r, "a value is missing after a comparison")
               : r->why ? NULL
                        : out;
    }
    return filter_wrong(r, "a selector is compared: $.code = 500, $.user IS NULL, $.id EXISTS");
}

static struct log_condition *filter_conditions(struct filter_reader *r);

static struct log_condition *filter_condition(struct filter_reader *r)
{
    if (!filter_take(r, "("))
        return filter_comparison(r);
    struct log_condition *out = filter_conditions(r);
    return !out || filter_take(r, ")") ? out : filter_wrong(r, "a parenthesis is not closed");
}

/* Parses conditions separated by this token. */
static struct log_condition *filter_joined(struct filter_reader *r, const char *token,
    enum log_comparison how, struct log_condition *(*one)(struct filter_reader *r))
{
    struct log_condition *out = ARENA_NEW(r->arena, struct log_condition), **end = &out->within;
    out->comparison = how;
    do {
        *end = one(r);
        if (!*end)
            return NULL;
        end = &(*end)->next;
    } while (filter_take(r, token));
    return out->within->next ? out : out->within;
}

static struct log_condition *filter_all(struct filter_reader *r)
{
    return filter_joined(r, "&&", LOG_ALL, filter_condition);
}

static struct log_condition *filter_conditions(struct filter_reader *r)
{
    if (++r->depth > MAX_NESTED)
        return filter_wrong(r, "parentheses are nested too deeply");
    struct log_condition *out = filter_joined(r, "||", LOG_ANY, filter_all);
    r->depth--;
    return out;
}

/* Parses conditions up to the end of the text. */
static struct log_condition *filter_whole(struct filter_reader *r)
{
    struct log_condition *out = filter_conditions(r);
    return !out || !filter_peek(r)   ? out
           : r->text.p[r->at] == ')' ? filter_wrong(r, "a parenthesis is closed that was not opened")
                                     : filter_wrong(r, "conditions are joined by && and ||");
}

static void filter_json(struct filter_reader *r, struct log_filter *out)
{
    if (!str_ends(r->text, STR("}"))) {
        filter_wrong(r, "what begins with { ends with }");
        return;
    }
    r->text = str_trim(str_slice(r->text, 1, r->text.n - 1));
    if (!r->text.n)
        filter_wrong(r, "there is no condition in it, such as { $.level = \"error\" }");
    else
        out->condition = filter_whole(r);
}

/* ---- fields ---- */

/* Returns the text up to the next comma outside quotes. */
static struct str filter_field_text(struct filter_reader *r)
{
    struct str skipped;
    size_t start = r->at;
    while (!r->why && r->at < r->text.n && r->text.p[r->at] != ',') {
        if (char_is_among(r->text.p[r->at], "\"%"))
            filter_between(r, &skipped);
        else
            r->at++;
    }
    return r->why ? STR_EMPTY : str_trim(str_slice(r->text, start, r->at++));
}

static void filter_field(struct filter_reader *all, struct str text, struct log_field *out)
{
    *out = (struct log_field){.name = text, .any_number = str_eqz(text, "...")};
    bool compared = false;
    for (size_t i = 0; i < text.n; i++)
        compared = compared || char_is_among(text.p[i], "=<>!");
    if (!compared)
        return;
    struct filter_reader r = {.arena = all->arena, .text = text, .regexes = all->regexes, .field = STR_EMPTY};
    out->condition = filter_whole(&r);
    out->name = r.field;
    all->regexes = r.regexes;
    all->why = r.why;
}

static void filter_fields(struct filter_reader *r, struct log_filter *out)
{
    struct log_field **end = &out->fields;
    out->has_fields = true;
    if (!str_ends(r->text, STR("]"))) {
        filter_wrong(r, "what begins with [ ends with ]");
        return;
    }
    r->text = str_trim(str_slice(r->text, 1, r->text.n - 1));
    while (!r->why && r->at < r->text.n) {
        struct log_field *field = ARENA_NEW(r->arena, struct log_field);
        struct str text = filter_field_text(r);
        if (!r->why)
            filter_field(r, text, field);
        *end = field;
        end = &field->next;
    }
}

/* ---- terms ---- */

static void filter_terms(struct filter_reader *r, struct log_filter *out)
{
    struct log_term **end = &out->terms;
    for (char c = filter_peek(r); c && !r->why; c = filter_peek(r)) {
        struct log_term *term = ARENA_NEW(r->arena, struct log_term);
        bool before = r->at + 1 < r->text.n && !char_is_among(r->text.p[r->at + 1], " \t\r\n");
        term->sign = before && (c == '-' || c == '?') ? c : '+';
        r->at += term->sign != '+';
        if (!filter_operand(r, " \t\r\n\"", &term->operand))
            return;
        if (!term->operand.text.n)
            continue;
        *end = term;
        end = &term->next;
    }
}

const char *log_filter_read(struct arena *arena, struct str text, struct log_filter *out)
{
    struct filter_reader r = {.arena = arena, .text = str_trim(text)};
    *out = (struct log_filter){0};
    char first = filter_peek(&r);
    if (first == '{')
        filter_json(&r, out);
    else if (first == '[')
        filter_fields(&r, out);
    else
        filter_terms(&r, out);
    return r.why;
}

const struct value *log_filter_path(struct arena *arena, struct str selector)
{
    struct log_condition found = {0};
    struct filter_reader r = {.arena = arena, .text = selector};
    return filter_selector(&r, &found) && r.at == selector.n ? found.path : NULL;
}
