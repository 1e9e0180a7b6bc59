/* Tokens of the expression language. Text in double quotes is not one token: the parser reads it itself. */
#pragma once

#include "base/str.h"

enum token_kind {
    TOKEN_END,
    TOKEN_BAD,  /* lexer->problem says why */
    TOKEN_NAME, /* keywords too */
    TOKEN_INT,
    TOKEN_FLOAT,
    TOKEN_QUOTE, /* the opening " alone */
    TOKEN_TEXT,  /* '…' with its quotes */
    TOKEN_SIGN,
};

/* Signs of one character are that character. */
enum sign {
    SIGN_OR = 256,
    SIGN_AND,
    SIGN_EQUAL,
    SIGN_NOT_EQUAL,
    SIGN_LESS_EQUAL,
    SIGN_GREATER_EQUAL,
    SIGN_ARROW,
};

struct token {
    enum token_kind kind;
    int sign;
    size_t start, end;
    union {
        int64_t integer;
        double number;
    };
};

struct lexer {
    struct str text;
    size_t at;
    const char *problem, *label; /* of the last TOKEN_BAD; label may be NULL */
};

struct token lexer_next(struct lexer *lexer);
