/* Secrets in what programs print: text without a syntax, so by names and by looks. */
#include "provider/http/redact.h"

#include <ctype.h>

#define REDACTED "(redacted)"

enum { TOKEN_MIN = 16 /* shorter ones are words that happen to begin alike */ };

static bool is_name_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.';
}

static size_t skip_spaces(struct str s, size_t at)
{
    while (at < s.n && (s.p[at] == ' ' || s.p[at] == '\t'))
        at++;
    return at;
}

/* Index of the first of these characters, or of a blank, from `at`; the end where there is none. */
static size_t find_end(struct str s, size_t at, const char *stops)
{
    while (at < s.n && !isspace((unsigned char)s.p[at]) && !strchr(stops, s.p[at]))
        at++;
    return at;
}

/* Of what stands before the '@' of an address the user's name stays, where a password follows it. */
static size_t add_userinfo(struct buf *out, struct str s, size_t at)
{
    size_t end = find_end(s, at, "/?#\"'<>`"), sign = end;
    while (sign > at && s.p[sign - 1] != '@')
        sign--;
    if (sign == at)
        return at;
    struct str secret, user = str_cut(str_slice(s, at, sign - 1), ':', &secret);
    if (secret.p) {
        buf_add_str(out, user);
        buf_add_char(out, ':');
    }
    buf_addz(out, REDACTED "@");
    return sign;
}

/* The value that begins at `at`, up to its closing quote where it has quotes. */
static size_t add_value(struct buf *out, struct str s, size_t at)
{
    char quote = at < s.n && (s.p[at] == '"' || s.p[at] == '\'') ? s.p[at] : '\0';
    size_t end = at + (quote != '\0');
    if (quote) {
        buf_add_char(out, quote);
        while (end < s.n && s.p[end] != quote)
            end += s.p[end] == '\\' && end + 1 < s.n ? 2 : 1;
    } else {
        end = find_end(s, at, "&;,\"'");
        if (end == at)
            return at;
    }
    buf_addz(out, REDACTED);
    return end;
}

/* After a name that tells of a secret: its value, if there is one. */
static size_t add_named(struct buf *out, struct str s, struct str name, size_t at)
{
    size_t to = at;
    if (to < s.n && (s.p[to] == '"' || s.p[to] == '\'')) /* the name itself was quoted */
        to++;
    to = skip_spaces(s, to);
    bool sign = to < s.n && (s.p[to] == '=' || s.p[to] == ':');
    if (!sign && (to == at || !str_starts(name, STR("--"))))
        return at;
    if (sign && s.p[to] == ':' && to == at && str_eqz(name, "token")) /* "unexpected token: }" */
        return at;
    to = skip_spaces(s, to + sign);
    buf_add_str(out, str_slice(s, at, to));
    if (!redact_is_secret_header(name))
        return add_value(out, s, to);
    if (to < s.n)
        buf_addz(out, REDACTED); /* "Bearer …": all of it */
    return s.n;
}

static bool is_token(struct str word)
{
    static const struct str beginnings[] = {STR_INIT("ghp_"), STR_INIT("gho_"), STR_INIT("ghs_"),
        STR_INIT("ghu_"), STR_INIT("ghr_"), STR_INIT("github_pat_"), STR_INIT("glpat-"), STR_INIT("npm_"),
        STR_INIT("pypi-"), STR_INIT("xoxb-"), STR_INIT("xoxp-"), STR_INIT("sk_live_"), STR_INIT("eyJ")};
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
        if (word.n >= TOKEN_MIN && str_starts(word, beginnings[i]))
            return true;
    return false;
}

/* Not all that a variable's name would tell: "sort key: name" is what compilers and linters say. */
static bool is_secret_word(struct str name)
{
    bool plain = str_find_char(name, '_', 0) < 0 && str_find_char(name, '-', 0) < 0;
    return redact_is_secret_name(name) || redact_is_secret_header(name) ||
           (!plain && redact_is_secret_variable(name));
}

void redact_line(struct buf *out, struct str line)
{
    for (size_t at = 0; at < line.n;) {
        if (str_starts(str_slice(line, at, line.n), STR("://"))) {
            buf_addz(out, "://");
            at = add_userinfo(out, line, at + 3);
            continue;
        }
        if (!is_name_char(line.p[at])) {
            buf_add_char(out, line.p[at++]);
            continue;
        }
        size_t end = at;
        while (end < line.n && is_name_char(line.p[end]))
            end++;
        struct str word = str_slice(line, at, end);
        at = end;
        if (is_token(word)) {
            buf_addz(out, REDACTED);
            continue;
        }
        buf_add_str(out, word);
        if (is_secret_word(word))
            at = add_named(out, line, word, at);
    }
}
