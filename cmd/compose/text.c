/* Strings of compose files: variables, secrets, command lines. */
#include "cmd/compose/compose.h"

#include "base/file.h"
#include "provider/http/redact.h"

#include <ctype.h>

enum { ENV_MAX = 1 << 20 };

void compose_warn(struct compose *c, const struct node *node, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str text = arena_vprintf(c->arena, format, args);
    va_end(args);
    diag_warning(c->diags, node_span(node), "%.*s", STR_ARG(text));
}

/* ---- inputs ---- */

static struct str input_name(struct compose *c, struct str variable)
{
    char *name = arena_strz(c->arena, variable);
    for (char *p = name; *p; p++)
        *p = isalnum((unsigned char)*p) ? (char)tolower((unsigned char)*p) : '_';
    if (!isalpha((unsigned char)*name))
        return arena_printf(c->arena, "v_%s", name);
    return str_z(name);
}

static bool sounds_secret(struct str name)
{
    return redact_is_secret_name(name) || redact_is_secret_variable(name);
}

bool compose_is_secret(struct str key, struct str text)
{
    bool path = str_starts(text, STR("/")) || str_starts(text, STR("./"));
    bool switched =
        str_eqz(text, "true") || str_eqz(text, "false") || str_eqz(text, "yes") || str_eqz(text, "no");
    return text.n && ((sounds_secret(key) && !path && !switched) || redact_has_password(text));
}

static struct str use_input(struct compose *c, struct str name, const struct value *fallback, bool sensitive)
{
    struct compose_input *input = map_get(&c->inputs, name);
    if (!input) {
        input = ARENA_MAKE(c->arena, struct compose_input, name, NULL, "string", sensitive);
        map_set(&c->inputs, name, input);
    }
    input->sensitive = input->sensitive || sensitive;
    if (!input->fallback && !input->sensitive)
        input->fallback = fallback;
    c->touched_secret = c->touched_secret || input->sensitive;
    return arena_printf(c->arena, "${inputs.%.*s}", STR_ARG(name));
}

struct str compose_hide(struct compose *c, const struct node *node, struct str name, struct str secret)
{
    name = input_name(c, name);
    if (str_find(node_raw(node), secret, 0) >= 0)
        source_hide(c->arena, node_span(node));
    compose_warn(
        c, node, "it holds a secret, which is not written: the input `%.*s` asks for it", STR_ARG(name));
    return use_input(c, name, NULL, true);
}

struct str compose_secret(struct compose *c, struct str name)
{
    return use_input(c, input_name(c, name), NULL, true);
}

/* ---- ${VAR:-default} ---- */

static bool is_variable(char ch)
{
    return isalnum((unsigned char)ch) || ch == '_';
}

static struct str text_variable(struct compose *c, const struct node *node, struct str name, struct str rest)
{
    const char *set = map_get(&c->defaults, name);
    struct str fallback = STR_EMPTY;
    bool given = false;
    if (rest.n && rest.p[0] == ':')
        rest = str_slice(rest, 1, rest.n);
    if (rest.n && rest.p[0] == '-') {
        fallback = str_slice(rest, 1, rest.n);
        given = true;
    } else if (rest.n && rest.p[0] != '?') {
        compose_warn(
            c, node, "`${%.*s%.*s}` is read as `${%.*s}`", STR_ARG(name), STR_ARG(rest), STR_ARG(name));
    }
    if (str_find(fallback, STR("${"), 0) >= 0)
        compose_warn(
            c, node, "the default of %.*s has a variable in it, and is taken as text", STR_ARG(name));
    if (set) {
        fallback = str_z(set);
        given = true;
    }
    bool secret = sounds_secret(name) || redact_has_password(fallback);
    if (secret && given && fallback.n && !map_get(&c->inputs, input_name(c, name))) {
        source_hide(c->arena, node_span(node));
        compose_warn(
            c, node, "%.*s is a secret, whose value is not written: an input asks for it", STR_ARG(name));
    }
    return use_input(c, input_name(c, name), given ? value_string(c->arena, fallback) : NULL, secret);
}

/* Returns the end of ${…}, which may be nested. */
static size_t closing(struct str text, size_t from)
{
    int depth = 0;
    for (size_t i = from; i < text.n; i++) {
        depth += text.p[i] == '{';
        depth -= text.p[i] == '}';
        if (!depth)
            return i;
    }
    return text.n;
}

struct str compose_expand(struct compose *c, const struct node *node, struct str text)
{
    AUTO_BUF struct buf out = BUF_INIT;
    c->touched_secret = false;
    for (size_t i = 0; i < text.n; i++) {
        char next = i + 1 < text.n ? text.p[i + 1] : 0;
        if (text.p[i] != '$') {
            buf_add_char(&out, text.p[i]);
        } else if (next == '$') { /* a literal dollar, escaped for weir before a brace */
            buf_addz(&out, i + 2 < text.n && text.p[i + 2] == '{' ? "$$" : "$");
            i++;
        } else if (next == '{') {
            size_t end = closing(text, i + 1), n = i + 2;
            while (n < end && is_variable(text.p[n]))
                n++;
            buf_add_str(&out, text_variable(c, node, str_slice(text, i + 2, n), str_slice(text, n, end)));
            i = end;
        } else if (is_variable(next) && !isdigit((unsigned char)next)) {
            size_t n = i + 1;
            while (n < text.n && is_variable(text.p[n]))
                n++;
            buf_add_str(&out, text_variable(c, node, str_slice(text, i + 1, n), STR_EMPTY));
            i = n - 1;
        } else {
            buf_add_char(&out, '$');
        }
    }
    return arena_str(c->arena, buf_str(&out));
}

const struct value *compose_scalar(struct compose *c, const struct node *node)
{
    if (!node || node->kind == NODE_NULL)
        return NULL;
    if (node->kind == NODE_STRING)
        return value_string_ref(c->arena, compose_expand(c, node, node->string));
    if (node->kind == NODE_LIST || node->kind == NODE_MAP) {
        compose_warn(c, node, "a text or a number is expected here");
        return NULL;
    }
    return node_value(c->arena, node);
}

struct str compose_text(struct compose *c, const struct node *node)
{
    const struct value *v = compose_scalar(c, node);
    return v ? value_scalar_text(c->arena, v) : STR_EMPTY;
}

/* ---- maps that may be lists ---- */

void compose_pairs(struct compose *c, const struct node *node,
    void (*take)(struct compose *c, struct str key, const struct node *node, struct str text, void *ctx),
    void *ctx)
{
    for (uint32_t i = 0; node && node->kind == NODE_MAP && i < node->count; i++) {
        const struct node *v = node->entries[i].value;
        struct str text = v->kind == NODE_NULL     ? (struct str){NULL, 0}
                          : v->kind == NODE_STRING ? v->string
                                                   : value_scalar_text(c->arena, node_value(c->arena, v));
        take(c, node->entries[i].key, v, text, ctx);
    }
    for (uint32_t i = 0; node && node->kind == NODE_LIST && i < node->count; i++) {
        const struct node *item = node->items[i];
        struct str rest, key = item->kind == NODE_STRING ? str_cut(item->string, '=', &rest) : STR_EMPTY;
        if (key.n)
            take(c, key, item, rest, ctx);
    }
}

const struct value *compose_list(struct compose *c, const struct node *node)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(c->arena);
    if (node->kind != NODE_LIST)
        value_builder_add(&out, value_string_ref(c->arena, compose_text(c, node)));
    for (uint32_t i = 0; node->kind == NODE_LIST && i < node->count; i++)
        value_builder_add(&out, value_string_ref(c->arena, compose_text(c, node->items[i])));
    return value_builder_list(&out);
}

static void take_pair(struct compose *c, struct str key, const struct node *node, struct str text, void *ctx)
{
    value_builder_set(
        ctx, key, value_string_ref(c->arena, compose_expand(c, node, text.p ? text : STR_EMPTY)));
}

const struct value *compose_map(struct compose *c, const struct node *node)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(c->arena);
    compose_pairs(c, node, take_pair, &out);
    return value_builder_map(&out);
}

/* ---- words ---- */

const struct value *compose_words(struct compose *c, const struct node *node)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(c->arena);
    AUTO_BUF struct buf word = BUF_INIT;
    if (node->kind == NODE_LIST)
        return compose_list(c, node);
    struct str text = compose_text(c, node);
    char quote = 0;
    bool any = false;
    for (size_t i = 0; i <= text.n; i++) {
        char ch = i < text.n ? text.p[i] : ' ';
        if (!quote && (ch == ' ' || ch == '\n' || ch == '\t')) {
            if (any)
                value_builder_add(&out, value_string(c->arena, buf_str(&word)));
            buf_clear(&word);
            any = false;
        } else if (quote ? ch == quote : ch == '"' || ch == '\'') {
            quote = quote ? 0 : ch;
            any = true;
        } else {
            if (ch == '\\' && quote != '\'' && i + 1 < text.n)
                ch = text.p[++i];
            buf_add_char(&word, ch);
            any = true;
        }
    }
    return value_builder_list(&out);
}

/* ---- files of variables ---- */

static struct str unquoted(struct str text)
{
    text = str_trim(text);
    bool quoted = text.n > 1 && (text.p[0] == '"' || text.p[0] == '\'') && text.p[text.n - 1] == text.p[0];
    return quoted ? str_slice(text, 1, text.n - 1) : text;
}

bool compose_env_file(struct compose *c, struct str path,
    void (*take)(struct compose *c, struct str key, struct str text, void *ctx), void *ctx)
{
    struct str text;
    struct err ignored = ERR_INIT; /* an unreadable file counts as missing */
    if (!path_exists(path.p) || file_read(c->arena, path.p, ENV_MAX, &text, &ignored))
        return false;
    while (text.p && text.n) {
        struct str value, line = str_trim(str_cut(text, '\n', &text));
        if (str_starts(line, STR("export ")))
            line = str_trim(str_slice(line, 7, line.n));
        struct str key = str_trim(str_cut(line, '=', &value));
        if (line.n && line.p[0] != '#' && value.p)
            take(c, arena_str(c->arena, key), arena_str(c->arena, unquoted(value)), ctx);
    }
    return true;
}

static void take_default(struct compose *c, struct str key, struct str text, void *ctx UNUSED)
{
    map_set(&c->defaults, key, arena_strz(c->arena, text));
}

void compose_read_env(struct compose *c)
{
    compose_env_file(c, path_join(c->arena, c->dir, STR(".env")), take_default, NULL);
}
