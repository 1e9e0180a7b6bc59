/* What a trace, or the output of somebody's command, may show: see redact.h. */
#include "provider/http/redact.h"

#include "base/mask.h"
#include "base/value.h"

#include <ctype.h>
#include <unistd.h>

#define REDACTED "(redacted)"

/* Letters and digits only, in lower case: "db-password", "DB_PASSWORD" and "DbPassword" are one name. */
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
    /* The metadata services' name for a session token; NextToken and ClientToken are no secrets. */
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
        STR_INIT("securitytoken"), STR_INIT("metadatatoken"), STR_INIT("customerkey")};
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
        else if (value.p) /* of a proxy, of an index of packages */
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

/* Index after the string that opens at `at`; the end of a text that is cut short. */
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

/* Index of the "</name" that closes what was just opened; the end where there is none. */
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
            /* Text after the last tag, or a tag cut short: nothing in it has a name. */
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
