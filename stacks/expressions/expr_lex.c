/* Tokens of the expression language: see expr_lex.h. */
#include "stacks/expressions/expr_lex.h"

#include <ctype.h>
#include <math.h>

static char peek(const struct lexer *lexer, size_t ahead)
{
    size_t at = lexer->at + ahead;
    return at < lexer->text.n ? lexer->text.p[at] : '\0';
}

static bool name_char(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static struct token bad(struct lexer *lexer, size_t start, const char *problem, const char *label)
{
    lexer->problem = problem;
    lexer->label = label;
    return (struct token){.kind = TOKEN_BAD, .start = start, .end = lexer->at};
}

/* A hyphen belongs to a name where a letter or digit follows, because resources may be called `my-lake`. */
static struct token lex_name(struct lexer *lexer)
{
    size_t start = lexer->at;
    while (name_char(peek(lexer, 0)) || (peek(lexer, 0) == '-' && name_char(peek(lexer, 1))))
        lexer->at++;
    return (struct token){.kind = TOKEN_NAME, .start = start, .end = lexer->at};
}

static void skip_digits(struct lexer *lexer)
{
    while (isdigit((unsigned char)peek(lexer, 0)))
        lexer->at++;
}

static struct token lex_number(struct lexer *lexer)
{
    size_t start = lexer->at;
    bool integer = true;
    skip_digits(lexer);
    if (peek(lexer, 0) == '.' && isdigit((unsigned char)peek(lexer, 1))) {
        integer = false;
        lexer->at++;
        skip_digits(lexer);
    }
    char exponent = peek(lexer, 0), sign = peek(lexer, 1);
    size_t digits = sign == '+' || sign == '-' ? 2 : 1;
    if ((exponent == 'e' || exponent == 'E') && isdigit((unsigned char)peek(lexer, digits))) {
        integer = false;
        lexer->at += digits;
        skip_digits(lexer);
    }
    if (name_char(peek(lexer, 0))) {
        while (name_char(peek(lexer, 0)))
            lexer->at++;
        return bad(lexer, start, "not a number", "a name does not begin with a digit");
    }
    struct token token = {.kind = integer ? TOKEN_INT : TOKEN_FLOAT, .start = start, .end = lexer->at};
    struct str text = str_slice(lexer->text, start, lexer->at);
    if (integer ? !str_to_int(text, &token.integer) : !str_to_double(text, &token.number))
        return bad(lexer, start, "the number is too large", NULL);
    if (!integer && !isfinite(token.number))
        return bad(lexer, start, "the number is too large", NULL);
    return token;
}

static struct token lex_text(struct lexer *lexer)
{
    size_t start = lexer->at;
    ptrdiff_t end = str_find_char(lexer->text, '\'', start + 1);
    lexer->at = end < 0 ? lexer->text.n : (size_t)end + 1;
    if (end < 0)
        return bad(lexer, start, "the text that begins here has no closing '", NULL);
    return (struct token){.kind = TOKEN_TEXT, .start = start, .end = lexer->at};
}

static struct token lex_sign(struct lexer *lexer)
{
    static const struct {
        char text[3];
        int sign;
    } pairs[] = {{"||", SIGN_OR}, {"&&", SIGN_AND}, {"==", SIGN_EQUAL}, {"!=", SIGN_NOT_EQUAL},
        {"<=", SIGN_LESS_EQUAL}, {">=", SIGN_GREATER_EQUAL}, {"=>", SIGN_ARROW}};
    size_t start = lexer->at;
    char c = peek(lexer, 0);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        if (c == pairs[i].text[0] && peek(lexer, 1) == pairs[i].text[1]) {
            lexer->at += 2;
            return (struct token){
                .kind = TOKEN_SIGN, .sign = pairs[i].sign, .start = start, .end = lexer->at};
        }
    }
    lexer->at++;
    if (strchr("?:+-*/%!.,()[]{}<>", c))
        return (struct token){.kind = TOKEN_SIGN, .sign = c, .start = start, .end = lexer->at};
    if (c == '=')
        return bad(lexer, start, "unexpected \"=\"", "did you mean \"==\"?");
    if (c == '&')
        return bad(lexer, start, "unexpected \"&\"", "did you mean \"&&\"?");
    if (c == '|')
        return bad(lexer, start, "unexpected \"|\"", "did you mean \"||\"?");
    if (c == '$')
        return bad(lexer, start, "unexpected \"$\"", "names inside ${ } stand alone");
    while (((unsigned char)peek(lexer, 0) & 0xc0) == 0x80)
        lexer->at++;
    return bad(lexer, start, "this character has no meaning here", NULL);
}

struct token lexer_next(struct lexer *lexer)
{
    while (lexer->at < lexer->text.n && isspace((unsigned char)peek(lexer, 0)))
        lexer->at++;
    size_t start = lexer->at;
    if (start >= lexer->text.n)
        return (struct token){.kind = TOKEN_END, .start = start, .end = start};
    char c = peek(lexer, 0);
    if (isdigit((unsigned char)c))
        return lex_number(lexer);
    if (name_char(c))
        return lex_name(lexer);
    if (c == '\'')
        return lex_text(lexer);
    if (c == '"') {
        lexer->at++;
        return (struct token){.kind = TOKEN_QUOTE, .start = start, .end = start + 1};
    }
    return lex_sign(lexer);
}
