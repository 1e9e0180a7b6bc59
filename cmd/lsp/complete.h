/*
 * Completion: complete.c finds out what the cursor is in, complete_names.c what may stand in an expression
 * there; both hand one item after the other to items_add().
 */
#pragma once

#include "cmd/lsp/server.h"

/* As the protocol numbers them. */
enum item_kind {
    ITEM_FUNCTION = 3,
    ITEM_FIELD = 5,
    ITEM_VARIABLE = 6,
    ITEM_CLASS = 7,
    ITEM_MODULE = 9,
    ITEM_PROPERTY = 10,
    ITEM_VALUE = 12,
    ITEM_KEYWORD = 14,
    ITEM_FILE = 17,
    ITEM_MEMBER = 20,
};

struct items {
    struct lsp *lsp;
    struct buf *out;
    struct str text;  /* of the document */
    size_t from, to;  /* what an item stands in place of */
    struct str typed; /* of it, before the cursor: only what has it in it counts */
    bool cut;         /* others did not count: they may when more is typed */
};

struct item {
    struct str label, insert; /* insert "": the label */
    enum item_kind kind;
    struct str detail, doc; /* doc: Markdown; may be empty */
    struct str type;        /* of a resource: its page is looked up when it is wanted */
    bool is_data;
    int order; /* smaller ones come first */
};

void items_add(struct items *items, const struct item *item);

/* What may stand where the words end, within an expression. */
void complete_expression(struct items *items, const struct cursor *cursor, const struct words *words);
