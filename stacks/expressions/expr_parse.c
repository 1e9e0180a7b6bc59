/* The grammar of expr.h: recursive descent, with precedence climbing for binary operators. */
#include "stacks/expressions/func.h"

#include "base/map.h"

static struct expr *parse_expression(struct parser *p);

/* Enters a bracket. Returns false, after an error, at the depth limit. The caller decrements p->depth
 * afterwards. */
static bool parser_enter(struct parser *p)
{
    if (++p->depth <= EXPR_MAX_DEPTH)
        return true;
    parser_fail(p, p->token.start, p->token.end, NULL, "the expression is nested deeper than %d levels",
        EXPR_MAX_DEPTH);
    return false;
}

struct expr *parser_inner(struct parser *p)
{
    struct expr *e = parser_enter(p) ? parse_expression(p) : NULL;
    p->depth--;
    return e;
}

static void parse_extend(struct expr *e, size_t end)
{
    e->length = (uint32_t)(end - e->offset);
}

/* ---- lists, maps, comprehensions ---- */

static bool take_variable(struct parser *p, struct str *name)
{
    if (p->token.kind != TOKEN_NAME) {
        parser_fail_token(p, "a variable's name");
        return false;
    }
    *name = parser_text(p);
    parser_advance(p);
    return true;
}

/* Parses a comprehension after `[ for` or `{ for`. */
static struct expr *parse_for(struct parser *p, size_t start, bool is_map)
{
    struct comprehension *c = ARENA_NEW(p->arena, struct comprehension);
    struct expr *e = parser_expr(p, EXPR_FOR, start, p->token.end);
    e->comprehension = c;
    parser_advance(p);
    if (!take_variable(p, &c->value_name))
        return NULL;
    if (parser_take(p, ',')) {
        c->key_name = c->value_name;
        if (!take_variable(p, &c->value_name))
            return NULL;
    }
    if (!parser_at_word(p, "in"))
        return parser_fail_token(p, "\"in\"");
    parser_advance(p);
    if (!(c->source = parser_inner(p)))
        return NULL;
    if (!parser_take(p, ':'))
        return parser_fail_token(p, "\":\"");
    if (!(c->value = parser_inner(p)))
        return NULL;
    if (is_map) {
        c->key = c->value;
        if (!parser_take(p, SIGN_ARROW))
            return parser_fail_token(p, "\"=>\" and the value of the entry");
        if (!(c->value = parser_inner(p)))
            return NULL;
    }
    if (parser_at_word(p, "if")) {
        parser_advance(p);
        if (!(c->condition = parser_inner(p)))
            return NULL;
    }
    if (!parser_at(p, is_map ? '}' : ']'))
        return parser_fail_token(p, is_map ? "\"if\" or \"}\"" : "\"if\" or \"]\"");
    parse_extend(e, p->token.end);
    parser_advance(p);
    const struct expr *children[] = {c->source, c->key, c->value, c->condition};
    for (size_t i = 0; i < 4; i++)
        if (children[i] && !parser_adopt(p, e, children[i]))
            return NULL;
    return e;
}

/* Parses a list. Its items are copied into one array, so that all lists have the same layout. */
static struct expr *parse_list(struct parser *p)
{
    size_t start = p->token.start;
    parser_advance(p);
    if (parser_at_word(p, "for"))
        return parse_for(p, start, false);
    struct expr_list items = {0};
    struct expr *e = parser_expr(p, EXPR_LIST, start, start + 1);
    while (!parser_at(p, ']')) {
        struct expr *item = parser_inner(p);
        if (!item || !parser_adopt(p, e, item))
            return NULL;
        expr_list_add(p, &items, item);
        if (!parser_take(p, ',') && !parser_at(p, ']'))
            return parser_fail_token(p, "\",\" or \"]\"");
    }
    parse_extend(e, p->token.end);
    parser_advance(p);
    e->count = (uint32_t)items.n;
    e->list.items = ARENA_ARRAY(p->arena, struct expr, items.n);
    for (size_t i = 0; i < items.n; i++)
        e->list.items[i] = *items.items[i];
    return e;
}

static struct expr *parse_key(struct parser *p)
{
    struct str text = parser_text(p);
    struct expr *e = NULL;
    switch (p->token.kind) {
    case TOKEN_NAME:
    case TOKEN_INT:
        e = parser_literal(p, arena_str(p->arena, text), p->token.start, p->token.end);
        parser_advance(p);
        return e;
    case TOKEN_TEXT:
        text = str_slice(text, 1, text.n - 1);
        e = parser_literal(p, arena_str(p->arena, text), p->token.start, p->token.end);
        parser_advance(p);
        return e;
    case TOKEN_QUOTE: return parser_quoted(p);
    default: break;
    }
    if (!parser_take(p, '('))
        return parser_fail_token(p, "a key or \"}\"");
    if (!(e = parser_inner(p)))
        return NULL;
    return parser_take(p, ')') ? e : parser_fail_token(p, "\")\"");
}

struct entries {
    struct expr_entry *items;
    size_t n, cap;
};

static struct expr_entry *entries_add(struct parser *p, struct entries *list)
{
    ARENA_GROW(p->arena, list->items, list->n, list->cap);
    return &list->items[list->n++];
}

/* Parses one entry of `map`. Returns false after an error. */
static bool parse_entry(struct parser *p, struct expr *map, struct entries *entries, struct map *seen)
{
    struct expr *key = parse_key(p);
    if (!key)
        return false;
    bool equals = p->token.kind == TOKEN_BAD && str_eqz(parser_text(p), "=");
    if (equals)
        return parser_fail(p, p->token.start, p->token.end, "write \":\" between key and value",
                   "unexpected \"=\"") != NULL;
    if (!parser_take(p, ':'))
        return parser_fail_token(p, "\":\" after the key") != NULL;
    struct expr *value = parser_inner(p);
    if (!value || !parser_adopt(p, map, value))
        return false;
    struct expr_entry *entry = entries_add(p, entries);
    entry->value = *value;
    if (!expr_is_text(key)) {
        entry->key_expr = key;
        return parser_adopt(p, map, key);
    }
    entry->key = key->constant.string;
    if (!map_set(seen, entry->key, key))
        return true;
    parser_fail(p, key->offset, expr_end(key), NULL, "the key \"%.*s\" is given twice", STR_ARG(entry->key));
    return false;
}

static struct expr *parse_map(struct parser *p)
{
    size_t start = p->token.start;
    parser_advance(p);
    if (parser_at_word(p, "for")) {
        struct lexer ahead = p->lexer; /* {for: 1} is a map with the key "for" */
        struct token next = lexer_next(&ahead);
        if (next.kind != TOKEN_SIGN || next.sign != ':')
            return parse_for(p, start, true);
    }
    AUTO_MAP struct map seen = MAP_INIT;
    struct entries entries = {0};
    struct expr *e = parser_expr(p, EXPR_MAP, start, start + 1);
    while (!parser_at(p, '}')) {
        if (!parse_entry(p, e, &entries, &seen))
            return NULL;
        if (!parser_take(p, ',') && !parser_at(p, '}'))
            return parser_fail_token(p, "\",\" or \"}\"");
    }
    parse_extend(e, p->token.end);
    parser_advance(p);
    e->count = (uint32_t)entries.n;
    e->map.entries = entries.items;
    return e;
}

/* ---- operands ---- */

static struct expr *parse_literal(struct parser *p, struct value constant)
{
    struct expr *e = parser_expr(p, EXPR_CONST, p->token.start, p->token.end);
    e->constant = constant;
    parser_advance(p);
    return e;
}

/* Functions of Terraform and CloudFormation that weir does not have, with a hint for each. */
static const char *foreign_function_hint(struct str name)
{
    static const struct {
        struct str name;
        const char *hint;
    } foreign_functions[] = {
        {STR_INIT("timestamp"), "each plan would have another time: give it as an input"},
        {STR_INIT("plantimestamp"), "each plan would have another time: give it as an input"},
        {STR_INIT("now"), "each plan would have another time: give it as an input"},
        {STR_INIT("env"), "an input takes its value from the variable WEIR_INPUT_NAME"},
        {STR_INIT("getenv"), "an input takes its value from the variable WEIR_INPUT_NAME"},
        {STR_INIT("uuid"), "uuidv5(namespace, name) is the same in each plan"},
        {STR_INIT("random"), "use a resource of type weir.random"},
        {STR_INIT("random_password"), "use a resource of type weir.random"},
        {STR_INIT("password"), "use a resource of type weir.random"},
        {STR_INIT("pathexpand"),
            "paths are relative to the stack's folder; an input can hold the home folder"},
        {STR_INIT("sub"), "write ${NAME.ATTRIBUTE} in the text itself"},
        {STR_INIT("Sub"), "write ${NAME.ATTRIBUTE} in the text itself"},
        {STR_INIT("Ref"), "write NAME.ATTRIBUTE"},
        {STR_INIT("GetAtt"), "write NAME.ATTRIBUTE"},
        {STR_INIT("ImportValue"), "outputs of other stacks are data of type weir.stack"},
    };
    for (size_t i = 0; i < sizeof foreign_functions / sizeof *foreign_functions; i++)
        if (str_eq(name, foreign_functions[i].name))
            return foreign_functions[i].hint;
    return NULL;
}

static const struct function *find_function(struct parser *p, struct str name, size_t start)
{
    const struct function *function = function_find(name);
    if (function)
        return function;
    size_t n;
    const struct str *names = function_names(&n);
    struct diag *d = diag_error(
        p->diags, parser_place(p, start, start + name.n), "there is no function \"%.*s\"", STR_ARG(name));
    const char *hint = foreign_function_hint(name);
    if (hint)
        diag_hint(p->diags, d, "%s", hint);
    else if (!diag_did_you_mean(p->diags, d, name, names, n))
        diag_hint(p->diags, d, "\"weir docs functions\" lists the functions");
    return NULL;
}

static bool expr_parse_fits(struct parser *p, const struct function *function, const struct expr *e)
{
    if (e->count >= function->min && (e->count <= function->max || function->max == FUNC_MANY))
        return true;
    struct diag *d;
    const char *more = function->max == FUNC_MANY ? "at least " : "";
    unsigned wanted = e->count < function->min ? function->min : function->max;
    if (function->min != function->max && !*more)
        d = diag_error(p->diags, parser_place(p, e->offset, expr_end(e)),
            "%.*s() takes %u to %u arguments, got %u", STR_ARG(function->name), function->min, function->max,
            e->count);
    else
        d = diag_error(p->diags, parser_place(p, e->offset, expr_end(e)),
            "%.*s() takes %s%u argument%s, got %u", STR_ARG(function->name), more, wanted,
            wanted == 1 ? "" : "s", e->count);
    diag_hint(p->diags, d, "%s", function->signature);
    return false;
}

/* Parses a call. The current token is the "(" after the function's name. */
static struct expr *parse_call(struct parser *p, struct str name, size_t start)
{
    struct expr_list args = {0};
    struct expr *e = parser_expr(p, EXPR_CALL, start, p->token.end);
    e->flags = 0;
    e->call.function = find_function(p, name, start);
    parser_advance(p);
    while (!parser_at(p, ')')) {
        struct expr *arg = parser_inner(p);
        if (!arg || !parser_adopt(p, e, arg))
            return NULL;
        expr_list_add(p, &args, arg);
        if (!parser_take(p, ',') && !parser_at(p, ')'))
            return parser_fail_token(p, "\",\" or \")\"");
    }
    parse_extend(e, p->token.end);
    parser_advance(p);
    e->call.args = args.items;
    e->count = (uint32_t)args.n;
    if (e->call.function && !expr_parse_fits(p, e->call.function, e))
        e->call.function = NULL;
    return e;
}

static struct expr *parse_name(struct parser *p)
{
    struct str name = parser_text(p);
    size_t start = p->token.start, end = p->token.end;
    if (str_eqz(name, "null"))
        return parse_literal(p, value_null);
    if (str_eqz(name, "true"))
        return parse_literal(p, value_true);
    if (str_eqz(name, "false"))
        return parse_literal(p, value_false);
    parser_advance(p);
    if (parser_at(p, '('))
        return parse_call(p, name, start);
    struct expr *e = parser_expr(p, EXPR_NAME, start, end);
    e->flags = 0;
    e->name = name;
    return e;
}

static struct expr *parse_primary(struct parser *p)
{
    struct str text = parser_text(p);
    switch (p->token.kind) {
    case TOKEN_NAME: return parse_name(p);
    case TOKEN_INT: return parse_literal(p, (struct value){.kind = VALUE_INT, .integer = p->token.integer});
    case TOKEN_FLOAT: return parse_literal(p, (struct value){.kind = VALUE_FLOAT, .number = p->token.number});
    case TOKEN_TEXT: {
        struct str inside = arena_str(p->arena, str_slice(text, 1, text.n - 1));
        return parse_literal(p, (struct value){.kind = VALUE_STRING, .string = inside});
    }
    case TOKEN_QUOTE: return parser_quoted(p);
    default: break;
    }
    if (parser_at(p, '['))
        return parse_list(p);
    if (parser_at(p, '{'))
        return parse_map(p);
    if (!parser_at(p, '('))
        return parser_fail_token(p, "a value");
    parser_advance(p);
    struct expr *e = parser_inner(p);
    if (!e)
        return NULL;
    return parser_take(p, ')') ? e : parser_fail_token(p, "an operator or \")\"");
}

static struct expr *parse_attr(struct parser *p, struct expr *base)
{
    parser_advance(p);
    if (p->token.kind == TOKEN_INT)
        return parser_fail(
            p, p->token.start, p->token.end, "write [ ] around it", "an index does not follow a dot");
    if (p->token.kind != TOKEN_NAME)
        return parser_fail_token(p, "a name after the dot");
    struct expr *e = parser_expr(p, EXPR_ATTR, base->offset, p->token.end);
    e->attr.base = base;
    e->attr.name = parser_text(p);
    parser_advance(p);
    return parser_adopt(p, e, base) ? e : NULL;
}

static struct expr *parse_index(struct parser *p, struct expr *base)
{
    parser_advance(p);
    struct expr *index = parser_inner(p);
    if (!index)
        return NULL;
    if (!parser_at(p, ']'))
        return parser_fail_token(p, "\"]\"");
    struct expr *e = parser_expr(p, EXPR_INDEX, base->offset, p->token.end);
    e->index.base = base;
    e->index.index = index;
    parser_advance(p);
    return parser_adopt(p, e, base) && parser_adopt(p, e, index) ? e : NULL;
}

static struct expr *parse_postfix(struct parser *p)
{
    struct expr *e = parse_primary(p);
    while (e && (parser_at(p, '.') || parser_at(p, '[')))
        e = parser_at(p, '.') ? parse_attr(p, e) : parse_index(p, e);
    return e;
}

static struct expr *parse_unary(struct parser *p)
{
    if (!parser_at(p, '!') && !parser_at(p, '-'))
        return parse_postfix(p);
    enum expr_op op = parser_at(p, '!') ? EXPR_NOT : EXPR_NEGATE;
    size_t start = p->token.start;
    parser_advance(p);
    struct expr *operand = parser_enter(p) ? parse_unary(p) : NULL;
    p->depth--;
    if (!operand)
        return NULL;
    struct expr *e = parser_expr(p, op, start, expr_end(operand));
    if (op == EXPR_NEGATE && operand->op == EXPR_CONST && operand->constant.kind == VALUE_INT) {
        e->op = EXPR_CONST;
        e->constant = (struct value){.kind = VALUE_INT, .integer = -operand->constant.integer};
        return e;
    }
    e->operands[0] = operand;
    return parser_adopt(p, e, operand) ? e : NULL;
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
        parser_advance(p);
        struct expr *right = parse_binary(p, binary->precedence + 1);
        if (!right)
            return NULL;
        struct expr *e = parser_expr(p, binary->op, left->offset, expr_end(right));
        e->operands[0] = left;
        e->operands[1] = right;
        left = parser_adopt(p, e, left) && parser_adopt(p, e, right) ? e : NULL;
    }
    return left;
}

static struct expr *parse_expression(struct parser *p)
{
    struct expr *condition = parse_binary(p, 1);
    if (!condition || !parser_take(p, '?'))
        return condition;
    struct expr *yes = parser_inner(p);
    if (!yes)
        return NULL;
    if (!parser_take(p, ':'))
        return parser_fail_token(p, "\":\" and the other value");
    struct expr *no = parser_inner(p);
    if (!no)
        return NULL;
    struct expr *e = parser_expr(p, EXPR_COND, condition->offset, expr_end(no));
    e->operands[0] = condition;
    e->operands[1] = yes;
    e->operands[2] = no;
    return parser_adopt(p, e, condition) && parser_adopt(p, e, yes) && parser_adopt(p, e, no) ? e : NULL;
}

struct expr *bare_compile(struct arena *arena, const struct node *node, struct diags *diags)
{
    struct parser p = {.arena = arena, .diags = diags, .node = node, .lexer = {.text = node->string}};
    parser_advance(&p);
    struct expr *e = parse_expression(&p);
    if (e && p.token.kind != TOKEN_END)
        e = parser_fail_token(&p, "an operator or the end");
    return parser_end(&p, e);
}
