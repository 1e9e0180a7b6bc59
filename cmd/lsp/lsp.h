/*
 * `weir lsp`: a language server (the Language Server Protocol 3.17) for stack files, over two descriptors.
 *
 * Two ways lead through it. What is wrong, the loader says: check.c gives it the texts of the open documents
 * in place of the files, and publishes all its diagnostics, for every file of the stack, whenever nothing is
 * left to read. Everything else has to work in a text that is just being typed, so it goes by what the text
 * looks like: outline.c finds keys and values by lines and brackets, words.c the names in expressions,
 * sketch.c the files of a module and the names in them, meaning.c what may stand in a place. From these
 * complete.c, hover.c, find.c, rename.c and symbols.c make their answers.
 *
 * One thread: a message is answered before the next one is looked at. Nothing is kept between questions but
 * the open documents, the types and what was published last. No service is called, and nothing of a stack is
 * run.
 */
#pragma once

#include "plan/workspace.h"

struct lsp_options {
    const struct workspace_options *workspace; /* kinds, specs, environment, inputs: how stacks are opened */
    /* What the language itself knows, as JSON Schema: `properties` of a stack, `body` of a resource. */
    const struct value *language;
    /* Markdown: the head of a type's page, an attribute, a function (false: there is none). */
    void (*type_page)(const struct schema *schema, struct buf *out);
    void (*attr_page)(const struct attr *attr, struct buf *out);
    bool (*function_page)(struct str name, struct buf *out);
    int in, out;
};

/* Serves until the editor says goodbye. 0 where it did so properly; otherwise -1, and *err says what went
 * wrong. */
int lsp_serve(const struct lsp_options *options, struct err *err);
