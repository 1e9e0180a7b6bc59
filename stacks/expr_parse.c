/* The grammar of expr.h, by recursive descent; binary operators by precedence climbing. */
#include "stacks/expr_internal.h"
#include "stacks/expr_lex.h"
#include "stacks/func.h"

#include "base/map.h"

#include <assert.h>

struct parser {
    struct arena *arena;
    struct diags *diags;
    const struct node *node;
    struct lexer lexer;
    struct token token; /* the current one */
    unsigned depth;
};

/* ---- errors: the first one ends the scalar ---- */

static struct span place(const struct parser *p, size_t start, size_t end)
{
    struct expr here = {
        .node = p->node, .offset = (uint32_t)start, .length = (uint32_t)(end > start ? end - start : 0)};
    if (start >= p->node->string.n && start > 0) { /* past the end: at the last character */
        here.offset = (uint32_t)p->node->string.n - 1;
        here.length = 1;
    }
    return expr_span(&here);
}

/* Always NULL, the failed parse. */
__attribute__((format(printf, 5, 6))) static struct expr *fail(
    struct parser *p, size_t start, size_t end, const char *label, const char *format, ...)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    va_list args;
    va_start(args, format);
    struct str message = arena_vprintf(&scratch, format, args);
    va_end(args);
    struct diag *d = diag_error(p->diags, place(p, start, end), "%s", message.p);
    if (label)
        diag_label(p->diags, d, "%s", label);
    return NULL;
}

static struct expr *fail_token(struct parser *p, const char *expected)
{
    struct str text = str_slice(p->lexer.text, p->token.start, p->token.end);
    if (p->token.kind == TOKEN_BAD)
        return fail(p, p->token.start, p->token.end, p->lexer.label, "%s", p->lexer.problem);
    if (p->token.kind == TOKEN_END)
        return fail(p, p->token.start, p->token.end, NULL, "expected %s, but the text ends here", expected);
    return fail(p, p->token.start, p->token.end, NULL, "expected %s, got %s%.*s%s", expected,
        p->token.kind == TOKEN_QUOTE ? "" : "\"", STR_ARG(text), p->token.kind == TOKEN_QUOTE ? "" : "\"");
}

/* ---- small tools ---- */

static void advance(struct parser *p)
{
    p->token = lexer_next(&p->lexer);
}

static bool at_sign(const struct parser *p, int sign)
{
    return p->token.kind == TOKEN_SIGN && p->token.sign == sign;
}

static bool take_sign(struct parser *p, int sign)
{
    bool here = at_sign(p, sign);
    if (here)
        advance(p);
    return here;
}

static struct str token_text(const struct parser *p)
{
    return str_slice(p->lexer.text, p->token.start, p->token.end);
}

static bool at_word(const struct parser *p, const char *word)
{
    return p->token.kind == TOKEN_NAME && str_eqz(token_text(p), word);
}

static struct expr *new_expr(struct parser *p, enum expr_op op, size_t start, size_t end)
{
    struct expr *e = ARENA_NEW(p->arena, struct expr);
    e->op = (uint8_t)op;
    e->flags = EXPR_IS_CONST;
    e->node = p->node;
    e->offset = (uint32_t)start;
    e->length = (uint32_t)(end - start);
    return e;
}

static void extend(struct expr *e, size_t end)
{
    e->length = (uint32_t)(end - e->offset);
}

static size_t end_of(const struct expr *e)
{
    return (size_t)e->offset + e->length;
}

/* Accounts for a child: false when the tree has grown too high. */
static bool adopt(struct parser *p, struct expr *e, const struct expr *child)
{
    if (!(child->flags & EXPR_IS_CONST))
        e->flags &= (uint8_t)~EXPR_IS_CONST;
    if (child->height + 1 > e->height)
        e->height = (uint16_t)(child->height + 1);
    if (e->height > EXPR_MAX_HEIGHT)
        fail(p, e->offset, end_of(e), NULL, "the expression is more than %d levels deep", EXPR_MAX_HEIGHT);
    return e->height <= EXPR_MAX_HEIGHT;
}

/* A growing array of pointers in the arena; what it outgrows is wasted, which lists this short do not mind.
 */
struct pointers {
    struct expr **items;
    size_t n, cap;
};

static void pointers_add(struct parser *p, struct pointers *list, struct expr *e)
{
    if (list->n == list->cap) {
        list->cap = list->cap ? list->cap * 2 : 4;
        struct expr **grown = ARENA_ARRAY(p->arena, struct expr *, list->cap);
        if (list->n)
            memcpy(grown, list->items, list->n * sizeof *grown);
        list->items = grown;
    }
    list->items[list->n++] = e;
}

static struct expr *parse_expression(struct parser *p);

static bool enter(struct parser *p)
{
    if (++p->depth <= EXPR_MAX_DEPTH)
        return true;
    fail(p, p->token.start, p->token.end, NULL, "the expression is nested deeper than %d levels",
        EXPR_MAX_DEPTH);
    return false;
}

static struct expr *parse_inner(struct parser *p)
{
    struct expr *e = enter(p) ? parse_expression(p) : NULL;
    p->depth--;
    return e;
}

/* ---- text with ${…} in it ---- */

static struct expr *text_part(struct parser *p, struct str text, size_t start, size_t end)
{
    struct expr *e = new_expr(p, EXPR_CONST, start, end);
    e->constant = (struct value){.kind = VALUE_STRING, .string = text};
    return e;
}

static void add_literal(struct parser *p, struct pointers *parts, size_t from, size_t to)
{
    if (to > from)
        pointers_add(p, parts, text_part(p, str_slice(p->lexer.text, from, to), from, to));
}

/* At "${": the expression in it; *at moves past its "}". */
static struct expr *parse_embedded(struct parser *p, size_t *at)
{
    size_t start = *at;
    p->lexer.at = start + 2;
    advance(p);
    if (at_sign(p, '}'))
        return fail(p, start, p->token.end, NULL, "an empty ${}");
    if (p->token.kind == TOKEN_END)
        return fail(p, start, start + 2, "no \"}\" follows", "this expression has no end");
    struct expr *e = parse_inner(p);
    if (!e)
        return NULL;
    if (p->token.kind == TOKEN_END)
        return fail(p, start, start + 2, "no \"}\" follows", "this expression has no end");
    if (!at_sign(p, '}'))
        return fail_token(p, "an operator or \"}\"");
    *at = p->token.end;
    return e;
}

static size_t utf8_encode(uint32_t c, char out[4])
{
    if (c < 0x80)
        return out[0] = (char)c, 1;
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

static bool hex4(struct str text, size_t at, uint32_t *out)
{
    *out = 0;
    for (size_t i = 0; i < 4; i++) {
        char c = at + i < text.n ? text.p[at + i] : ' ';
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
                                                : 16;
        if (digit > 15)
            return false;
        *out = *out << 4 | digit;
    }
    return true;
}

/* \uXXXX, or two of them that make one character. */
static bool unicode_escape(struct parser *p, size_t *at, struct str *out)
{
    struct str text = p->lexer.text;
    size_t start = *at;
    uint32_t c, low;
    if (!hex4(text, start + 2, &c)) {
        fail(p, start, start + 2, "four hexadecimal digits follow, as in \\u00e9", "a broken escape");
        return false;
    }
    *at = start + 6;
    bool high = c >= 0xd800 && c < 0xdc00;
    if (high && str_starts(str_slice(text, *at, text.n), STR("\\u")) && hex4(text, *at + 2, &low) &&
        low >= 0xdc00 && low < 0xe000) {
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        *at += 6;
    } else if (c >= 0xd800 && c < 0xe000) {
        fail(p, start, *at, NULL, "this escape is half a character");
        return false;
    }
    char bytes[4];
    *out = arena_str(p->arena, str_n(bytes, utf8_encode(c, bytes)));
    return true;
}

static bool parse_escape(struct parser *p, struct pointers *parts, size_t *at)
{
    static const struct {
        char letter;
        struct str text;
    } escapes[] = {{'n', STR_INIT("\n")}, {'t', STR_INIT("\t")}, {'r', STR_INIT("\r")}, {'"', STR_INIT("\"")},
        {'\\', STR_INIT("\\")}};
    size_t start = *at;
    char letter = start + 1 < p->lexer.text.n ? p->lexer.text.p[start + 1] : '\0';
    struct str text = {NULL, 0};
    for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++)
        if (letter == escapes[i].letter)
            text = escapes[i].text;
    if (text.p) {
        *at += 2;
    } else if (letter == 'u') {
        if (!unicode_escape(p, at, &text))
            return false;
    } else {
        fail(p, start, start + 2, "a backslash itself is \\\\", "an unknown escape");
        return false;
    }
    pointers_add(p, parts, text_part(p, text, start, *at));
    return true;
}

/* Reads from *at to the end of the text, or past the closing quote. False after an error. */
static bool parse_parts(struct parser *p, bool quoted, size_t *at, struct pointers *parts)
{
    struct str text = p->lexer.text;
    size_t start = *at, literal = *at;
    while (*at < text.n) {
        char c = text.p[*at];
        struct str rest = str_slice(text, *at, text.n);
        if (c == '$' && str_starts(rest, STR("$${"))) {
            add_literal(p, parts, literal, *at + 1);
            literal = *at + 2;
            *at += 3;
        } else if (c == '$' && str_starts(rest, STR("${"))) {
            add_literal(p, parts, literal, *at);
            struct expr *e = parse_embedded(p, at);
            if (!e)
                return false;
            pointers_add(p, parts, e);
            literal = *at;
        } else if (quoted && c == '\\') {
            add_literal(p, parts, literal, *at);
            if (!parse_escape(p, parts, at))
                return false;
            literal = *at;
        } else if (quoted && c == '"') {
            add_literal(p, parts, literal, *at);
            ++*at;
            return true;
        } else {
            ++*at;
        }
    }
    add_literal(p, parts, literal, *at);
    if (quoted)
        fail(p, start - 1, start, NULL, "the text that begins here has no closing \"");
    return !quoted;
}

static bool is_text(const struct expr *e)
{
    return e->op == EXPR_CONST && e->constant.kind == VALUE_STRING;
}

static struct expr *join_parts(struct parser *p, const struct pointers *parts, size_t start, size_t end)
{
    bool literal = true;
    for (size_t i = 0; i < parts->n; i++)
        literal = literal && is_text(parts->items[i]);
    if (literal) {
        struct str *texts = ARENA_ARRAY(p->arena, struct str, parts->n + 1);
        for (size_t i = 0; i < parts->n; i++)
            texts[i] = parts->items[i]->constant.string;
        return text_part(p, arena_concat(p->arena, texts, parts->n), start, end);
    }
    struct expr *e = new_expr(p, EXPR_TEMPLATE, start, end);
    e->parts = parts->items;
    e->count = (uint32_t)parts->n;
    for (size_t i = 0; i < parts->n; i++)
        if (!adopt(p, e, parts->items[i]))
            return NULL;
    return e;
}

static struct expr *parse_quoted(struct parser *p)
{
    size_t start = p->token.start, at = p->token.end;
    struct pointers parts = {0};
    if (!parse_parts(p, true, &at, &parts))
        return NULL;
    struct expr *e = join_parts(p, &parts, start, at);
    p->lexer.at = at;
    advance(p);
    return e;
}

/* ---- lists, maps, comprehensions ---- */

static bool take_variable(struct parser *p, struct str *name)
{
    if (p->token.kind != TOKEN_NAME) {
        fail_token(p, "a variable's name");
        return false;
    }
    *name = token_text(p);
    advance(p);
    return true;
}

/* After `[ for` or `{ for`. */
static struct expr *parse_for(struct parser *p, size_t start, bool is_map)
{
    struct comprehension *c = ARENA_NEW(p->arena, struct comprehension);
    struct expr *e = new_expr(p, EXPR_FOR, start, p->token.end);
    e->comprehension = c;
    advance(p);
    if (!take_variable(p, &c->value_name))
        return NULL;
    if (take_sign(p, ',')) {
        c->key_name = c->value_name;
        if (!take_variable(p, &c->value_name))
            return NULL;
    }
    if (!at_word(p, "in"))
        return fail_token(p, "\"in\"");
    advance(p);
    if (!(c->over = parse_inner(p)))
        return NULL;
    if (!take_sign(p, ':'))
        return fail_token(p, "\":\"");
    if (!(c->value = parse_inner(p)))
        return NULL;
    if (is_map) {
        c->key = c->value;
        if (!take_sign(p, SIGN_ARROW))
            return fail_token(p, "\"=>\" and the value of the entry");
        if (!(c->value = parse_inner(p)))
            return NULL;
    }
    if (at_word(p, "if")) {
        advance(p);
        if (!(c->condition = parse_inner(p)))
            return NULL;
    }
    if (!at_sign(p, is_map ? '}' : ']'))
        return fail_token(p, is_map ? "\"if\" or \"}\"" : "\"if\" or \"]\"");
    extend(e, p->token.end);
    advance(p);
    const struct expr *children[] = {c->over, c->key, c->value, c->condition};
    for (size_t i = 0; i < 4; i++)
        if (children[i] && !adopt(p, e, children[i]))
            return NULL;
    return e;
}

/* Copies what was collected into one array, so that lists look the same wherever they come from. */
static struct expr *parse_list(struct parser *p)
{
    size_t start = p->token.start;
    advance(p);
    if (at_word(p, "for"))
        return parse_for(p, start, false);
    struct pointers items = {0};
    struct expr *e = new_expr(p, EXPR_LIST, start, start + 1);
    while (!at_sign(p, ']')) {
        struct expr *item = parse_inner(p);
        if (!item || !adopt(p, e, item))
            return NULL;
        pointers_add(p, &items, item);
        if (!take_sign(p, ',') && !at_sign(p, ']'))
            return fail_token(p, "\",\" or \"]\"");
    }
    extend(e, p->token.end);
    advance(p);
    e->count = (uint32_t)items.n;
    e->list.items = ARENA_ARRAY(p->arena, struct expr, items.n);
    for (size_t i = 0; i < items.n; i++)
        e->list.items[i] = *items.items[i];
    return e;
}

static struct expr *parse_key(struct parser *p)
{
    struct str text = token_text(p);
    struct expr *e = NULL;
    switch (p->token.kind) {
    case TOKEN_NAME:
    case TOKEN_INT:
        e = text_part(p, arena_str(p->arena, text), p->token.start, p->token.end);
        advance(p);
        return e;
    case TOKEN_TEXT:
        text = str_slice(text, 1, text.n - 1);
        e = text_part(p, arena_str(p->arena, text), p->token.start, p->token.end);
        advance(p);
        return e;
    case TOKEN_QUOTE: return parse_quoted(p);
    default: break;
    }
    if (!take_sign(p, '('))
        return fail_token(p, "a key or \"}\"");
    if (!(e = parse_inner(p)))
        return NULL;
    return take_sign(p, ')') ? e : fail_token(p, "\")\"");
}

struct entries {
    struct expr_entry *items;
    size_t n, cap;
};

static struct expr_entry *entries_add(struct parser *p, struct entries *list)
{
    if (list->n == list->cap) {
        list->cap = list->cap ? list->cap * 2 : 4;
        struct expr_entry *grown = ARENA_ARRAY(p->arena, struct expr_entry, list->cap);
        if (list->n)
            memcpy(grown, list->items, list->n * sizeof *grown);
        list->items = grown;
    }
    return &list->items[list->n++];
}

static struct expr *parse_entry(struct parser *p, struct entries *entries, struct map *seen)
{
    struct expr *key = parse_key(p);
    if (!key)
        return NULL;
    if (p->token.kind == TOKEN_BAD && p->token.end - p->token.start == 1 &&
        p->lexer.text.p[p->token.start] == '=')
        return fail(p, p->token.start, p->token.end, "write \":\" between key and value", "unexpected \"=\"");
    if (!take_sign(p, ':'))
        return fail_token(p, "\":\" after the key");
    struct expr *value = parse_inner(p);
    if (!value)
        return NULL;
    struct expr_entry *entry = entries_add(p, entries);
    entry->value = *value;
    if (!is_text(key)) {
        entry->key_expr = key;
        return value;
    }
    entry->key = key->constant.string;
    if (map_set(seen, entry->key, key))
        return fail(
            p, key->offset, end_of(key), NULL, "the key \"%.*s\" is there twice", STR_ARG(entry->key));
    return value;
}

static struct expr *parse_map(struct parser *p)
{
    size_t start = p->token.start;
    advance(p);
    if (at_word(p, "for")) {
        struct lexer ahead = p->lexer; /* {for: 1} is a map with the key "for" */
        struct token next = lexer_next(&ahead);
        if (next.kind != TOKEN_SIGN || next.sign != ':')
            return parse_for(p, start, true);
    }
    AUTO_MAP struct map seen = MAP_INIT;
    struct entries entries = {0};
    struct expr *e = new_expr(p, EXPR_MAP, start, start + 1);
    while (!at_sign(p, '}')) {
        if (!parse_entry(p, &entries, &seen))
            return NULL;
        const struct expr_entry *last = &entries.items[entries.n - 1];
        if (!adopt(p, e, &last->value) || (last->key_expr && !adopt(p, e, last->key_expr)))
            return NULL;
        if (!take_sign(p, ',') && !at_sign(p, '}'))
            return fail_token(p, "\",\" or \"}\"");
    }
    extend(e, p->token.end);
    advance(p);
    e->count = (uint32_t)entries.n;
    e->map.entries = entries.items;
    return e;
}

/* ---- operands ---- */

static struct expr *parse_literal(struct parser *p, struct value constant)
{
    struct expr *e = new_expr(p, EXPR_CONST, p->token.start, p->token.end);
    e->constant = constant;
    advance(p);
    return e;
}

static const struct function *find_function(struct parser *p, struct str name, size_t start)
{
    const struct function *function = function_find(name);
    if (function)
        return function;
    size_t n;
    const struct str *names = function_names(&n);
    struct diag *d =
        diag_error(p->diags, place(p, start, start + name.n), "there is no function \"%.*s\"", STR_ARG(name));
    diag_did_you_mean(p->diags, d, name, names, n);
    return NULL;
}

static bool fits(struct parser *p, const struct function *function, const struct expr *e)
{
    if (e->count >= function->min && (e->count <= function->max || function->max == FUNC_MANY))
        return true;
    struct diag *d;
    const char *more = function->max == FUNC_MANY ? "at least " : "";
    unsigned wanted = e->count < function->min ? function->min : function->max;
    if (function->min != function->max && !*more)
        d = diag_error(p->diags, place(p, e->offset, end_of(e)), "%.*s() takes %u to %u arguments, got %u",
            STR_ARG(function->name), function->min, function->max, e->count);
    else
        d = diag_error(p->diags, place(p, e->offset, end_of(e)), "%.*s() takes %s%u argument%s, got %u",
            STR_ARG(function->name), more, wanted, wanted == 1 ? "" : "s", e->count);
    diag_hint(p->diags, d, "%s", function->signature);
    return false;
}

/* At the "(" after a name. */
static struct expr *parse_call(struct parser *p, struct str name, size_t start)
{
    struct pointers args = {0};
    struct expr *e = new_expr(p, EXPR_CALL, start, p->token.end);
    e->flags = 0;
    e->call.function = find_function(p, name, start);
    advance(p);
    while (!at_sign(p, ')')) {
        struct expr *arg = parse_inner(p);
        if (!arg || !adopt(p, e, arg))
            return NULL;
        pointers_add(p, &args, arg);
        if (!take_sign(p, ',') && !at_sign(p, ')'))
            return fail_token(p, "\",\" or \")\"");
    }
    extend(e, p->token.end);
    advance(p);
    e->call.args = args.items;
    e->count = (uint32_t)args.n;
    if (e->call.function && !fits(p, e->call.function, e))
        e->call.function = NULL;
    return e;
}

static struct expr *parse_name(struct parser *p)
{
    struct str name = token_text(p);
    size_t start = p->token.start, end = p->token.end;
    if (str_eqz(name, "null"))
        return parse_literal(p, value_null);
    if (str_eqz(name, "true"))
        return parse_literal(p, value_true);
    if (str_eqz(name, "false"))
        return parse_literal(p, value_false);
    advance(p);
    if (at_sign(p, '('))
        return parse_call(p, name, start);
    struct expr *e = new_expr(p, EXPR_NAME, start, end);
    e->flags = 0;
    e->name = name;
    return e;
}

static struct expr *parse_primary(struct parser *p)
{
    struct str text = token_text(p);
    switch (p->token.kind) {
    case TOKEN_NAME: return parse_name(p);
    case TOKEN_INT: return parse_literal(p, (struct value){.kind = VALUE_INT, .integer = p->token.integer});
    case TOKEN_FLOAT: return parse_literal(p, (struct value){.kind = VALUE_FLOAT, .number = p->token.number});
    case TOKEN_TEXT: {
        struct str inside = arena_str(p->arena, str_slice(text, 1, text.n - 1));
        return parse_literal(p, (struct value){.kind = VALUE_STRING, .string = inside});
    }
    case TOKEN_QUOTE: return parse_quoted(p);
    default: break;
    }
    if (at_sign(p, '['))
        return parse_list(p);
    if (at_sign(p, '{'))
        return parse_map(p);
    if (!at_sign(p, '('))
        return fail_token(p, "a value");
    advance(p);
    struct expr *e = parse_inner(p);
    if (!e)
        return NULL;
    return take_sign(p, ')') ? e : fail_token(p, "an operator or \")\"");
}

static struct expr *parse_attr(struct parser *p, struct expr *base)
{
    advance(p);
    if (p->token.kind == TOKEN_INT)
        return fail(p, p->token.start, p->token.end, "write [ ] around it", "an index does not follow a dot");
    if (p->token.kind != TOKEN_NAME)
        return fail_token(p, "a name after the dot");
    struct expr *e = new_expr(p, EXPR_ATTR, base->offset, p->token.end);
    e->attr.base = base;
    e->attr.name = token_text(p);
    advance(p);
    return adopt(p, e, base) ? e : NULL;
}

static struct expr *parse_index(struct parser *p, struct expr *base)
{
    advance(p);
    struct expr *index = parse_inner(p);
    if (!index)
        return NULL;
    if (!at_sign(p, ']'))
        return fail_token(p, "\"]\"");
    struct expr *e = new_expr(p, EXPR_INDEX, base->offset, p->token.end);
    e->index.base = base;
    e->index.index = index;
    advance(p);
    return adopt(p, e, base) && adopt(p, e, index) ? e : NULL;
}

static struct expr *parse_postfix(struct parser *p)
{
    struct expr *e = parse_primary(p);
    while (e && (at_sign(p, '.') || at_sign(p, '[')))
        e = at_sign(p, '.') ? parse_attr(p, e) : parse_index(p, e);
    return e;
}

static struct expr *parse_unary(struct parser *p)
{
    if (!at_sign(p, '!') && !at_sign(p, '-'))
        return parse_postfix(p);
    enum expr_op op = at_sign(p, '!') ? EXPR_NOT : EXPR_NEGATE;
    size_t start = p->token.start;
    advance(p);
    struct expr *operand = enter(p) ? parse_unary(p) : NULL;
    p->depth--;
    if (!operand)
        return NULL;
    struct expr *e = new_expr(p, op, start, end_of(operand));
    if (op == EXPR_NEGATE && operand->op == EXPR_CONST && operand->constant.kind == VALUE_INT) {
        e->op = EXPR_CONST;
        e->constant = (struct value){.kind = VALUE_INT, .integer = -operand->constant.integer};
        return e;
    }
    e->operands[0] = operand;
    return adopt(p, e, operand) ? e : NULL;
}

/* ---- operators ---- */

static const struct binary {
    int sign;
    enum expr_op op;
    int precedence;
} binaries[] = {
    {SIGN_OR, EXPR_OR, 1},
    {SIGN_AND, EXPR_AND, 2},
    {SIGN_EQUAL, EXPR_EQUAL, 3},
    {SIGN_NOT_EQUAL, EXPR_NOT_EQUAL, 3},
    {'<', EXPR_LESS, 4},
    {SIGN_LESS_EQUAL, EXPR_LESS_EQUAL, 4},
    {'>', EXPR_GREATER, 4},
    {SIGN_GREATER_EQUAL, EXPR_GREATER_EQUAL, 4},
    {'+', EXPR_ADD, 5},
    {'-', EXPR_SUBTRACT, 5},
    {'*', EXPR_MULTIPLY, 6},
    {'/', EXPR_DIVIDE, 6},
    {'%', EXPR_REMAINDER, 6},
};

static const struct binary *at_binary(const struct parser *p)
{
    for (size_t i = 0; p->token.kind == TOKEN_SIGN && i < sizeof binaries / sizeof *binaries; i++)
        if (p->token.sign == binaries[i].sign)
            return &binaries[i];
    return NULL;
}

static struct expr *parse_binary(struct parser *p, int lowest)
{
    struct expr *left = parse_unary(p);
    const struct binary *binary;
    while (left && (binary = at_binary(p)) && binary->precedence >= lowest) {
        advance(p);
        struct expr *right = parse_binary(p, binary->precedence + 1);
        if (!right)
            return NULL;
        struct expr *e = new_expr(p, binary->op, left->offset, end_of(right));
        e->operands[0] = left;
        e->operands[1] = right;
        left = adopt(p, e, left) && adopt(p, e, right) ? e : NULL;
    }
    return left;
}

static struct expr *parse_expression(struct parser *p)
{
    struct expr *condition = parse_binary(p, 1);
    if (!condition || !take_sign(p, '?'))
        return condition;
    struct expr *yes = parse_inner(p);
    if (!yes)
        return NULL;
    if (!take_sign(p, ':'))
        return fail_token(p, "\":\" and the other value");
    struct expr *no = parse_inner(p);
    if (!no)
        return NULL;
    struct expr *e = new_expr(p, EXPR_COND, condition->offset, end_of(no));
    e->operands[0] = condition;
    e->operands[1] = yes;
    e->operands[2] = no;
    return adopt(p, e, condition) && adopt(p, e, yes) && adopt(p, e, no) ? e : NULL;
}

/* ---- entry points ---- */

static void finish(struct expr *out, const struct node *node, const struct expr *parsed)
{
    if (parsed)
        *out = *parsed;
    else
        *out = (struct expr){.op = EXPR_BROKEN, .flags = EXPR_WHOLE_NODE, .node = node};
}

void template_compile(struct arena *arena, const struct node *node, struct expr *out, struct diags *diags)
{
    struct parser p = {.arena = arena, .diags = diags, .node = node, .lexer = {.text = node->string}};
    struct pointers parts = {0};
    size_t at = 0;
    struct expr *e = NULL;
    if (parse_parts(&p, false, &at, &parts))
        e = parts.n == 1 && !is_text(parts.items[0]) ? parts.items[0] : join_parts(&p, &parts, 0, at);
    finish(out, node, e);
}

void bare_compile(struct arena *arena, const struct node *node, struct expr *out, struct diags *diags)
{
    struct parser p = {.arena = arena, .diags = diags, .node = node, .lexer = {.text = node->string}};
    advance(&p);
    struct expr *e = parse_expression(&p);
    if (e && p.token.kind != TOKEN_END)
        e = fail_token(&p, "an operator or the end");
    finish(out, node, e);
}
