/*
 * Calls of the language's functions, written as expressions, in a folder of their own. For one file of a test
 * program, behind cmocka.h.
 */
#pragma once

#include "base/file.h"
#include "stacks/stack.h"
#include "tests/unit/support/expr_rows.h"

#include <stdlib.h>

static struct arena arena;
static char folder[] = "/tmp/weir-test-func-XXXXXX";
static struct decl later = {.kind = DECL_LOCAL, .name = STR_INIT("later")};

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    tree_remove(folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

/* The only name is `later`, a value that is not known yet. */
static struct decl *lookup(void *ctx, struct str name, struct str next, bool *consumed)
{
    (void)ctx;
    (void)next;
    (void)consumed;
    return str_eq(name, later.name) ? &later : NULL;
}

static const struct value *value_of(void *ctx, const struct decl *decl)
{
    (void)ctx;
    (void)decl;
    return &value_unknown;
}

static const char *run(const char *text)
{
    struct resolver resolver = {.lookup = lookup};
    struct scope scope = {.value_of = value_of, .dir = str_z(folder)};
    return expr_outcome(&arena, text, &resolver, scope);
}

#define CHECK_ROWS(rows) expr_rows_check((rows), sizeof(rows) / sizeof *(rows), run)
