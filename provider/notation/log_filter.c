/*
 * Filter patterns of CloudWatch Logs, as far as they can be wrong for certain: what is opened and not closed,
 * conditions on JSON that do not begin with a selector or lack one side.
 *
 *     { ($.level = "error" || $.code >= 500) && $.user IS NULL }
 */
#include "provider/notation/log_filter.h"

enum { MAX_NESTED = 100 };

struct filter_reader {
    struct str text;
    size_t at;
    int depth;
    const char *why;
};

static const char unclosed[] = "a quote is not closed";

static char filter_peek(struct filter_reader *r)
{
    while (r->at < r->text.n && strchr(" \t\r\n", r->text.p[r->at]))
        r->at++;
    return r->at < r->text.n ? r->text.p[r->at] : '\0';
}

static bool filter_wrong(struct filter_reader *r, const char *why)
{
    if (!r->why)
        r->why = why;
    return false;
}

/* "text" or %regular expression%; a backslash takes the next character as it is. */
static bool filter_quoted(struct filter_reader *r)
{
    char quote = r->text.p[r->at];
    for (r->at++; r->at < r->text.n && r->text.p[r->at] != quote; r->at++)
        r->at += r->text.p[r->at] == '\\';
    if (r->at >= r->text.n)
        return filter_wrong(r, quote == '"' ? unclosed : "a regular expression between % is not closed");
    r->at++;
    return true;
}

static bool filter_joins(const struct filter_reader *r)
{
    struct str rest = str_slice(r->text, r->at, r->text.n);
    return str_starts(rest, STR("&&")) || str_starts(rest, STR("||"));
}

/* A selector with what it is compared with, as far as the next && || or parenthesis. */
static bool filter_condition(struct filter_reader *r)
{
    size_t start = r->at;
    if (filter_peek(r) != '$')
        return filter_wrong(r, "a condition begins with a selector such as $.level");
    int open = 0;
    while (r->at < r->text.n && !filter_joins(r)) {
        char c = r->text.p[r->at];
        if (c == '"' || c == '%') {
            if (!filter_quoted(r))
                return false;
            continue;
        }
        if (c == ')' && !open)
            break;
        open += (c == '(') - (c == ')');
        r->at++;
    }
    struct str condition = str_trim(str_slice(r->text, start, r->at));
    if (str_find_char(condition, ' ', 0) < 0 && str_find_char(condition, '=', 0) < 0 &&
        str_find_char(condition, '<', 0) < 0 && str_find_char(condition, '>', 0) < 0)
        return filter_wrong(r, "a selector is compared: $.code = 500, $.user IS NULL, $.id EXISTS");
    if (strchr("=<>", condition.p[condition.n - 1]))
        return filter_wrong(r, "a value is missing after a comparison");
    return true;
}

static bool filter_conditions(struct filter_reader *r)
{
    if (++r->depth > MAX_NESTED)
        return filter_wrong(r, "parentheses are nested too deeply");
    for (;;) {
        if (filter_peek(r) == '(') {
            r->at++;
            if (!filter_conditions(r))
                return false;
            if (filter_peek(r) != ')')
                return filter_wrong(r, "a parenthesis is not closed");
            r->at++;
        } else if (!filter_condition(r)) {
            return false;
        }
        filter_peek(r);
        if (!filter_joins(r))
            break;
        r->at += 2;
    }
    r->depth--;
    return true;
}

static const char *json_wrong(struct str text)
{
    if (!str_ends(text, STR("}")))
        return "what begins with { ends with }";
    struct filter_reader r = {.text = str_trim(str_slice(text, 1, text.n - 1))};
    if (!r.text.n)
        return "there is no condition in it, such as { $.level = \"error\" }";
    if (filter_conditions(&r) && r.at < r.text.n)
        filter_wrong(&r, "a parenthesis is closed that was not opened");
    return r.why;
}

/* Quotes of terms and of fields. */
static const char *quotes_wrong(struct str text)
{
    struct filter_reader r = {.text = text};
    while (r.at < r.text.n)
        if (r.text.p[r.at] != '"')
            r.at++;
        else if (!filter_quoted(&r))
            return r.why;
    return NULL;
}

const char *log_filter_wrong(struct str text)
{
    text = str_trim(text);
    if (str_starts(text, STR("{")))
        return json_wrong(text);
    if (str_starts(text, STR("[")) && !str_ends(text, STR("]")))
        return "what begins with [ ends with ]";
    return quotes_wrong(text);
}
