/* Redacts secrets in traces and in the output of commands: see redact.h. */
#include "provider/http/redact.h"

#include "base/mask.h"
#include "base/value.h"

#include <ctype.h>
#include <unistd.h>

/* ---- Secrets in program output: text without a syntax, so by names and prefixes ---- */

enum { TOKEN_MIN = 16 /* shorter words only happen to begin the same */ };

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

/* Returns the index of the first of these characters, or of white space, from `at`; the end if there is
 * none. */
static size_t find_end(struct str s, size_t at, const char *stops)
{
    while (at < s.n && !isspace((unsigned char)s.p[at]) && !strchr(stops, s.p[at]))
        at++;
    return at;
}

#define REDACTED "(redacted)"

/* Redacts what precedes the '@' of a URL's host; the user name is kept if a password follows it. */
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

/* Redacts the value at `at`, up to its closing quote if it is quoted. */
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

/* Redacts the value after a name of a secret, if there is one. */
static size_t add_named(struct buf *out, struct str s, struct str name, size_t at)
{
    size_t to = at;
    if (to < s.n && (s.p[to] == '"' || s.p[to] == '\'')) /* end of a quoted name */
        to++;
    to = skip_spaces(s, to);
    bool sign = to < s.n && (s.p[to] == '=' || s.p[to] == ':');
    if (!sign && (to == at || !str_starts(name, STR("--"))))
        return at;
    if (sign && s.p[to] == ':' && to == at &&
        str_eqz(name, "token")) /* an error message such as "unexpected token: }" */
        return at;
    to = skip_spaces(s, to + sign);
    buf_add_str(out, str_slice(s, at, to));
    if (!redact_is_secret_header(name))
        return add_value(out, s, to);
    if (to < s.n)
        buf_addz(out, REDACTED); /* "Bearer …": the rest of the line */
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

/* Narrower than for variables: "sort key: name" is common in messages of compilers and linters. */
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

/* Reduces a name to letters and digits in lower case: "db-password", "DB_PASSWORD" and "DbPassword" are the
 * same. */
static struct str fold(struct str name, char *out, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < name.n && n < size; i++)
        if (isalnum((unsigned char)name.p[i]))
            out[n++] = (char)tolower((unsigned char)name.p[i]);
    return str_n(out, n);
}

static bool has_part(struct str folded, const struct str *parts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_find(folded, parts[i], 0) >= 0)
            return true;
    return false;
}

bool redact_is_secret_name(struct str name)
{
    static const struct str parts[] = {STR_INIT("password"), STR_INIT("passwd"), STR_INIT("passphrase"),
        STR_INIT("secretstring"), STR_INIT("secretbinary"), STR_INIT("secretaccesskey"),
        STR_INIT("secretkey"), STR_INIT("clientsecret"), STR_INIT("sessiontoken"), STR_INIT("securitytoken"),
        STR_INIT("identitytoken"), STR_INIT("authtoken"), STR_INIT("accesstoken"),
        STR_INIT("authorizationtoken"), STR_INIT("privatekey"), STR_INIT("apikey"), STR_INIT("xamzsignature"),
        STR_INIT("xamzcredential"), STR_INIT("plaintext")};
    char text[128];
    struct str folded = fold(name, text, sizeof text);
    /* "token" is the metadata services' name of a session token; NextToken and ClientToken are not
     * secrets. */
    return has_part(folded, parts, sizeof parts / sizeof *parts) || str_eq(folded, STR("token"));
}

bool redact_has_password(struct str text)
{
    ptrdiff_t scheme = str_find(text, STR("://"), 0);
    ptrdiff_t at = scheme < 0 ? -1 : str_find_char(text, '@', (size_t)scheme);
    ptrdiff_t colon = at < 0 ? -1 : str_find_char(text, ':', (size_t)scheme + 3);
    return colon >= 0 && colon < at && colon + 1 < at && text.p[colon + 1] != '$';
}

bool redact_is_secret_header(struct str name)
{
    static const struct str parts[] = {STR_INIT("authorization"), STR_INIT("cookie"),
        STR_INIT("securitytoken"), STR_INIT("metadatatoken"), STR_INIT("customerkey"),
        STR_INIT("registryauth"), STR_INIT("bearertoken"), STR_INIT("apikey"), STR_INIT("authtoken"),
        STR_INIT("accesstoken"), STR_INIT("privatetoken"), STR_INIT("vaulttoken"), STR_INIT("secret")};
    char text[128];
    return has_part(fold(name, text, sizeof text), parts, sizeof parts / sizeof *parts);
}

bool redact_is_secret_variable(struct str name)
{
    /* "configauth": NPM_CONFIG__AUTH, but not NPM_CONFIG_ALWAYS_AUTH */
    static const struct str endings[] = {STR_INIT("token"), STR_INIT("secret"), STR_INIT("key"),
        STR_INIT("credentials"), STR_INIT("pass"), STR_INIT("configauth")};
    /* POETRY_PYPI_TOKEN_MINE, YARN_NPM_AUTH_IDENT, SCCACHE_AZURE_CONNECTION_STRING */
    static const struct str parts[] = {
        STR_INIT("pypitoken"), STR_INIT("npmauthident"), STR_INIT("connectionstring")};
    char text[128];
    struct str folded = fold(name, text, sizeof text);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (str_ends(folded, endings[i]))
            return true;
    return has_part(folded, parts, sizeof parts / sizeof *parts) || redact_is_secret_name(name);
}

void redact_learn_environment(void)
{
    for (char *const *variable = environ; variable && *variable; variable++) {
        struct str value, name = str_cut(str_z(*variable), '=', &value);
        bool is_file = value.p && value.n && value.p[0] == '/' && !access(value.p, F_OK);
        if (value.p && !is_file && redact_is_secret_variable(name))
            mask_add(value, MASK_LIKELY);
        else if (value.p) /* URL of a proxy or a package index */
            mask_add_url(value, MASK_LIKELY);
    }
}

void redact_learn_map(const struct value *map)
{
    for (uint32_t i = 0; map && map->kind == VALUE_MAP && i < map->count; i++)
        if (redact_is_secret_variable(map->entries[i].key))
            mask_add_value(map->entries[i].value, MASK_LIKELY);
}

/* name=value pairs between '&' */
static void redact_pairs(struct buf *out, struct str text)
{
    while (text.p) {
        struct str value, pair = str_cut(text, '&', &text);
        struct str name = str_cut(pair, '=', &value);
        buf_add_str(out, name);
        if (value.p) {
            buf_add_char(out, '=');
            buf_add_str(out, redact_is_secret_name(name) ? STR(REDACTED) : value);
        }
        if (text.p)
            buf_add_char(out, '&');
    }
}

void redact_url(struct buf *out, struct str url)
{
    struct str query, before = str_cut(url, '?', &query);
    buf_add_str(out, before);
    if (query.p) {
        buf_add_char(out, '?');
        redact_pairs(out, query);
    }
}

/* Returns the index after the string that starts at `at`; the end if the text is truncated. */
static size_t json_string_end(struct str s, size_t at)
{
    for (at++; at < s.n; at++) {
        if (s.p[at] == '\\')
            at++;
        else if (s.p[at] == '"')
            return at + 1;
    }
    return s.n;
}

static size_t json_skip_space(struct str s, size_t at)
{
    while (at < s.n && isspace((unsigned char)s.p[at]))
        at++;
    return at;
}

static size_t json_value_end(struct str s, size_t at)
{
    int depth = 0;
    while (at < s.n) {
        char c = s.p[at];
        if (c == '"') {
            at = json_string_end(s, at);
            if (!depth)
                return at;
            continue;
        }
        if (c == '{' || c == '[')
            depth++;
        else if ((c == '}' || c == ']') && depth-- <= 1)
            return depth < 0 ? at : at + 1;
        else if (c == ',' && !depth)
            return at;
        at++;
    }
    return s.n;
}

static void redact_json(struct buf *out, struct str s)
{
    for (size_t at = 0; at < s.n;) {
        if (s.p[at] != '"') {
            buf_add_char(out, s.p[at++]);
            continue;
        }
        size_t end = json_string_end(s, at);
        struct str name = str_slice(s, at, end);
        buf_add_str(out, name);
        at = end;
        size_t colon = json_skip_space(s, at);
        if (colon >= s.n || s.p[colon] != ':' || !redact_is_secret_name(name))
            continue;
        buf_addz(out, ": \"" REDACTED "\"");
        at = json_value_end(s, json_skip_space(s, colon + 1));
    }
}

/* Returns the index of the "</name" that closes the element; the end if there is none. */
static size_t xml_close(struct str s, struct str name, size_t at)
{
    while (at < s.n) {
        ptrdiff_t found = str_find(s, STR("</"), at);
        if (found < 0)
            return s.n;
        if (str_starts(str_slice(s, (size_t)found + 2, s.n), name))
            return (size_t)found;
        at = (size_t)found + 2;
    }
    return s.n;
}

static void redact_xml(struct buf *out, struct str s)
{
    for (size_t at = 0; at < s.n;) {
        ptrdiff_t open = str_find_char(s, '<', at);
        ptrdiff_t close = open < 0 ? -1 : str_find_char(s, '>', (size_t)open);
        if (close < 0) {
            /* Text after the last tag, or a truncated tag: it has no name. */
            buf_add_str(out, str_slice(s, at, s.n));
            return;
        }
        size_t end = (size_t)close + 1;
        buf_add_str(out, str_slice(s, at, end));
        struct str tag = str_slice(s, (size_t)open + 1, (size_t)close);
        at = end;
        bool opens =
            tag.n && tag.p[0] != '/' && tag.p[0] != '?' && tag.p[0] != '!' && tag.p[tag.n - 1] != '/';
        size_t name_end = 0;
        while (name_end < tag.n && !isspace((unsigned char)tag.p[name_end]))
            name_end++;
        struct str name = str_slice(tag, 0, name_end);
        if (opens && redact_is_secret_name(name)) {
            buf_addz(out, REDACTED);
            at = xml_close(s, name, at);
        }
    }
}

void redact_body(struct buf *out, struct str body)
{
    size_t start = json_skip_space(body, 0);
    char first = start < body.n ? body.p[start] : '\0';
    if (first == '{' || first == '[' || first == '"')
        redact_json(out, body);
    else if (first == '<')
        redact_xml(out, body);
    else
        redact_pairs(out, body);
}
