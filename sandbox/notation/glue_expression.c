/* The Expression of GetPartitions: see languages.h. */
#include "sandbox/notation/languages.h"

#include "base/match.h"

#include <ctype.h>

enum { MAX_TEXT = 2048, MAX_DEPTH = 100 };

enum op { OP_OR, OP_AND, OP_NOT, OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE, OP_LIKE, OP_IN, OP_NULL };

/* A partition key or a literal. */
struct operand {
    ptrdiff_t key; /* index of the key; -1: a literal */
    struct str text;
    bool number; /* compared as a number */
};

/* IN has its list in `items`; BETWEEN becomes two comparisons. */
struct glue_expression {
    enum op op;
    const struct glue_expression *left, *right;
    struct operand first, second;
    const struct operand *items;
    size_t item_count;
};

/* ---- tokens ---- */

enum kind { END, WORD, NAME /* a quoted identifier, never a keyword */, TEXT, NUMBER, SIGN };

struct parser {
    struct arena *arena;
    struct str rest;
    const struct value *keys;
    struct err *err;
    int depth;
    /* the current token */
    enum kind kind;
    struct str text;
};

static int glue_expression_refuse(struct parser *p, const char *what)
{
    return p->kind == END ? err_set(p->err, ERR_INVALID, "the expression ends where %s should stand", what)
                          : err_set(p->err, ERR_INVALID, "in the expression %s should stand at \"%.*s\"",
                                what, STR_ARG(p->text));
}

/* Reads 'it''s', "name" or `name`; a doubled quote stands for one. */
static int take_quoted(struct parser *p)
{
    char quote = p->rest.p[0], *text = arena_alloc(p->arena, p->rest.n);
    size_t n = 0, i = 1;
    for (; i < p->rest.n; i++) {
        if (p->rest.p[i] == quote && (i + 1 == p->rest.n || p->rest.p[i + 1] != quote))
            break;
        i += p->rest.p[i] == quote;
        text[n++] = p->rest.p[i];
    }
    if (i >= p->rest.n)
        return err_set(p->err, ERR_INVALID, "in the expression a %c is never closed", quote);
    p->kind = quote == '\'' ? TEXT : NAME;
    p->text = str_n(text, n);
    p->rest = str_slice(p->rest, i + 1, p->rest.n);
    return 0;
}

static size_t length_of(struct parser *p)
{
    static const char *const signs[] = {"<=", ">=", "<>", "!=", "<", ">", "=", "(", ")", ",", "-"};
    size_t n = 0;
    bool digits = isdigit((unsigned char)p->rest.p[0]);
    while (n < p->rest.n && (isalnum((unsigned char)p->rest.p[n]) || p->rest.p[n] == '_' ||
                                p->rest.p[n] == '$' || (digits && p->rest.p[n] == '.')))
        n++;
    p->kind = digits ? NUMBER : WORD;
    for (size_t i = 0; !n && i < sizeof signs / sizeof *signs; i++)
        if (str_starts(p->rest, str_z(signs[i]))) {
            p->kind = SIGN;
            n = strlen(signs[i]);
        }
    return n;
}

static int glue_expression_next(struct parser *p)
{
    p->rest = str_trim(p->rest);
    if (!p->rest.n) {
        p->kind = END;
        return 0;
    }
    if (strchr("'\"`", p->rest.p[0]))
        return take_quoted(p);
    size_t n = length_of(p);
    if (!n)
        return err_set(p->err, ERR_INVALID, "the expression is not understood at \"%.*s\"", STR_ARG(p->rest));
    p->text = str_slice(p->rest, 0, n);
    p->rest = str_slice(p->rest, n, p->rest.n);
    return 0;
}

static bool is_word(const struct parser *p, const char *word)
{
    return p->kind == WORD && str_ieq(p->text, str_z(word));
}

static bool is_sign(const struct parser *p, const char *sign)
{
    return p->kind == SIGN && str_eqz(p->text, sign);
}

static int glue_expression_expect(struct parser *p, const char *what)
{
    bool there = is_word(p, what) || is_sign(p, what);
    return there ? glue_expression_next(p) : glue_expression_refuse(p, what);
}

/* ---- operands ---- */

static bool is_numeric(struct str type)
{
    static const char *const types[] = {
        "int", "integer", "bigint", "long", "smallint", "tinyint", "double", "float", "decimal"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (str_ieq(str_slice(type, 0, strlen(types[i])), str_z(types[i])))
            return true;
    return false;
}

static int find_key(struct parser *p, struct operand *out)
{
    for (uint32_t i = 0; p->keys && i < p->keys->count; i++)
        if (str_ieq(value_gets(p->keys->items[i], "name"), p->text)) {
            struct str type = value_gets(p->keys->items[i], "type");
            *out = (struct operand){.key = i, .number = is_numeric(type)};
            return glue_expression_next(p);
        }
    return err_set(
        p->err, ERR_INVALID, "the expression has \"%.*s\", which is not a partition key", STR_ARG(p->text));
}

static int parse_operand(struct parser *p, struct operand *out)
{
    bool typed = is_word(p, "date") || is_word(p, "timestamp"), minus = is_sign(p, "-");
    if (typed && str_starts(str_trim(p->rest), STR("'")) && glue_expression_next(p)) /* date '2026-11-21' */
        return -1;
    if (minus && glue_expression_next(p))
        return -1;
    if (!minus && (p->kind == WORD || p->kind == NAME))
        return find_key(p, out);
    double ignored;
    if (p->kind == NUMBER ? !str_to_double(p->text, &ignored) : minus || p->kind != TEXT)
        return glue_expression_refuse(p, "a partition key, a number or a text");
    struct str text = minus ? arena_printf(p->arena, "-%.*s", STR_ARG(p->text)) : p->text;
    *out = (struct operand){.key = -1, .text = text};
    return glue_expression_next(p);
}

/* A literal compared with a numeric key must be a number. */
static int check_types(struct parser *p, const struct operand *a, const struct operand *b)
{
    const struct operand *literal = a->key < 0 ? a : b->key < 0 ? b : NULL;
    double ignored;
    if (literal && (a->number || b->number) && !str_to_double(literal->text, &ignored))
        return err_set(p->err, ERR_INVALID, "the expression compares \"%.*s\" with a key that is a number",
            STR_ARG(literal->text));
    return 0;
}

/* ---- the grammar ---- */

static struct glue_expression *node(struct parser *p, enum op op)
{
    struct glue_expression *made = ARENA_NEW(p->arena, struct glue_expression);
    *made = (struct glue_expression){.op = op};
    return made;
}

static struct glue_expression *glue_expression_joined(
    struct parser *p, enum op op, const struct glue_expression *left, const struct glue_expression *right)
{
    struct glue_expression *made = node(p, op);
    made->left = left;
    made->right = right;
    return made;
}

static int comparison(struct parser *p, enum op op, const struct operand *a, const struct operand *b,
    const struct glue_expression **out)
{
    struct glue_expression *made = node(p, op);
    made->first = *a;
    made->second = *b;
    *out = made;
    return op == OP_LIKE ? 0 : check_types(p, a, b);
}

static int parse_list(struct parser *p, const struct operand *first, const struct glue_expression **out)
{
    struct glue_expression *made = node(p, OP_IN);
    struct operand *items = ARENA_ARRAY(p->arena, struct operand, p->rest.n + 1); /* each takes a byte */
    made->first = *first;
    made->items = items;
    *out = made;
    if (glue_expression_expect(p, "("))
        return -1;
    do {
        struct operand *item = &items[made->item_count++];
        if ((made->item_count > 1 && glue_expression_next(p)) || parse_operand(p, item) ||
            check_types(p, first, item))
            return -1;
    } while (is_sign(p, ","));
    return glue_expression_expect(p, ")");
}

static int parse_between(struct parser *p, const struct operand *first, const struct glue_expression **out)
{
    struct operand low, high;
    const struct glue_expression *above, *below;
    if (parse_operand(p, &low) || glue_expression_expect(p, "AND") || parse_operand(p, &high) ||
        comparison(p, OP_GE, first, &low, &above) || comparison(p, OP_LE, first, &high, &below))
        return -1;
    *out = glue_expression_joined(p, OP_AND, above, below);
    return 0;
}

static int parse_sign(struct parser *p, const struct operand *first, const struct glue_expression **out)
{
    static const struct {
        const char *sign;
        enum op op;
    } signs[] = {
        {"=", OP_EQ}, {"<>", OP_NE}, {"!=", OP_NE}, {"<=", OP_LE}, {">=", OP_GE}, {"<", OP_LT}, {">", OP_GT}};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        struct operand second;
        if (is_sign(p, signs[i].sign))
            return glue_expression_next(p) || parse_operand(p, &second) ||
                           comparison(p, signs[i].op, first, &second, out)
                       ? -1
                       : 0;
    }
    return glue_expression_refuse(p, "a comparison");
}

/* Parses what follows the first operand. */
static int parse_predicate(struct parser *p, const struct operand *first, const struct glue_expression **out)
{
    struct operand second;
    bool is = is_word(p, "IS"), negated;
    if (is && glue_expression_next(p))
        return -1;
    negated = is_word(p, "NOT");
    if (negated && glue_expression_next(p))
        return -1;
    int status;
    if (is) {
        struct glue_expression *made = node(p, OP_NULL);
        made->first = *first;
        *out = made;
        status = glue_expression_expect(p, "NULL");
    } else if (is_word(p, "IN"))
        status = glue_expression_next(p) || parse_list(p, first, out);
    else if (is_word(p, "BETWEEN"))
        status = glue_expression_next(p) || parse_between(p, first, out);
    else if (is_word(p, "LIKE"))
        status = glue_expression_next(p) || parse_operand(p, &second) ||
                 comparison(p, OP_LIKE, first, &second, out);
    else
        status = negated ? glue_expression_refuse(p, "IN, BETWEEN or LIKE") : parse_sign(p, first, out);
    if (!status && negated)
        *out = glue_expression_joined(p, OP_NOT, *out, NULL);
    return status ? -1 : 0;
}

static int parse_or(struct parser *p, const struct glue_expression **out);
static int parse_deeper(struct parser *p, const struct glue_expression **out);

static int parse_one(struct parser *p, const struct glue_expression **out)
{
    struct operand first;
    if (is_word(p, "NOT")) {
        if (glue_expression_next(p) || parse_deeper(p, out))
            return -1;
        *out = glue_expression_joined(p, OP_NOT, *out, NULL);
        return 0;
    }
    if (is_sign(p, "("))
        return glue_expression_next(p) || parse_or(p, out) || glue_expression_expect(p, ")") ? -1 : 0;
    return parse_operand(p, &first) || parse_predicate(p, &first, out) ? -1 : 0;
}

/* Counts the nesting of NOT and parentheses. */
static int parse_deeper(struct parser *p, const struct glue_expression **out)
{
    if (++p->depth > MAX_DEPTH)
        return err_set(p->err, ERR_INVALID, "the expression is nested too deep");
    int status = parse_one(p, out);
    p->depth--;
    return status;
}

static int parse_and(struct parser *p, const struct glue_expression **out)
{
    const struct glue_expression *right;
    if (parse_deeper(p, out))
        return -1;
    while (is_word(p, "AND")) {
        if (glue_expression_next(p) || parse_deeper(p, &right))
            return -1;
        *out = glue_expression_joined(p, OP_AND, *out, right);
    }
    return 0;
}

static int parse_or(struct parser *p, const struct glue_expression **out)
{
    const struct glue_expression *right;
    if (parse_and(p, out))
        return -1;
    while (is_word(p, "OR")) {
        if (glue_expression_next(p) || parse_and(p, &right))
            return -1;
        *out = glue_expression_joined(p, OP_OR, *out, right);
    }
    return 0;
}

int glue_expression_parse(struct arena *arena, struct str text, const struct value *keys,
    const struct glue_expression **out, struct err *err)
{
    struct parser p = {.arena = arena, .rest = text, .keys = keys, .err = err};
    if (text.n > MAX_TEXT)
        return err_set(err, ERR_INVALID, "the expression is longer than %d characters", MAX_TEXT);
    if (glue_expression_next(&p) || parse_or(&p, out))
        return -1;
    return p.kind == END ? 0 : glue_expression_refuse(&p, "AND or OR");
}

/* ---- evaluation ---- */

static struct str glue_expression_text_of(const struct operand *operand, const struct value *values)
{
    if (operand->key < 0)
        return operand->text;
    return (size_t)operand->key < values->count ? value_text(values->items[operand->key], STR_EMPTY)
                                                : STR_EMPTY;
}

static bool is_null(struct str text)
{
    return str_eqz(text, "__HIVE_DEFAULT_PARTITION__");
}

/* Compares integers exactly: a bigint has more digits than a double. */
static int glue_expression_compare(
    const struct operand *a, const struct operand *b, const struct value *values)
{
    struct str x = glue_expression_text_of(a, values), y = glue_expression_text_of(b, values);
    double u, v;
    int64_t m, n;
    if ((a->number || b->number) && str_to_int(x, &m) && str_to_int(y, &n))
        return (m > n) - (m < n);
    if ((a->number || b->number) && str_to_double(x, &u) && str_to_double(y, &v))
        return (u > v) - (u < v);
    int order = memcmp(x.p, y.p, x.n < y.n ? x.n : y.n);
    return order ? order : (x.n > y.n) - (x.n < y.n);
}

static bool is_in(const struct glue_expression *e, const struct value *values)
{
    for (size_t i = 0; i < e->item_count; i++)
        if (!glue_expression_compare(&e->first, &e->items[i], values))
            return true;
    return false;
}

static bool has_null(const struct glue_expression *e, const struct value *values)
{
    return is_null(glue_expression_text_of(&e->first, values)) ||
           is_null(glue_expression_text_of(&e->second, values));
}

/* A comparison with NULL is false, and NOT makes it true, unlike in SQL. */
static bool glue_expression_holds(const struct glue_expression *e, const struct value *values)
{
    int order = glue_expression_compare(&e->first, &e->second, values);
    switch (e->op) {
    case OP_EQ: return order == 0;
    case OP_NE: return order != 0;
    case OP_LT: return order < 0;
    case OP_LE: return order <= 0;
    case OP_GT: return order > 0;
    case OP_GE: return order >= 0;
    default:
        return wildcard_match(glue_expression_text_of(&e->second, values),
            glue_expression_text_of(&e->first, values), '%', '_', 0);
    }
}

bool glue_expression_matches(const struct glue_expression *e, const struct value *values)
{
    switch (e->op) {
    case OP_OR: return glue_expression_matches(e->left, values) || glue_expression_matches(e->right, values);
    case OP_AND: return glue_expression_matches(e->left, values) && glue_expression_matches(e->right, values);
    case OP_NOT: return !glue_expression_matches(e->left, values);
    case OP_IN: return is_in(e, values);
    case OP_NULL: return is_null(glue_expression_text_of(&e->first, values));
    default: return !has_null(e, values) && glue_expression_holds(e, values);
    }
}
