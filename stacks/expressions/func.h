/*
 * The function table. A row is everything about a function: name, signature, what arguments it takes and the
 * C function behind it (func_*.c, one file a group); its documentation, with an example that a test
 * evaluates, is in stacks/functions/functions.yaml. Adding a function means adding a row to func_table.h, its
 * lines there, and writing its body.
 *
 * Functions are pure: the same arguments give the same result on every machine and at any time (those that
 * read files depend on the files). They may be called by several threads at once.
 */
#pragma once

#include "stacks/expressions/expr_internal.h"

enum { FUNC_MANY = 255 };

enum func_flags {
    FUNC_DEEP =
        0, /* an unknown anywhere in an argument makes the result unknown; a sensitive one sensitive */
    /* Items and entries are only moved about: they keep their own marks, and only marks of an argument
     * itself count for the whole. */
    FUNC_SHALLOW = 1,
    FUNC_OWN_MARKS = 2, /* sees unknown arguments and handles all marks itself */
    FUNC_LAZY = 4,      /* evaluates its arguments itself */
};

/* One call under way. */
struct call {
    struct eval *ev;
    struct arena *arena;
    const struct expr *expr;
    const struct function *function;
    const struct value **args;
    size_t n;
};

struct function {
    struct str name;
    const char *signature;
    /*
     * One letter a parameter; the last one repeats: s text (numbers and booleans are made text), i integer,
     * n number, b boolean, l list, m map, c list or map, a anything but null, x anything.
     */
    const char *params;
    uint8_t min, max; /* number of arguments; FUNC_MANY: no bound */
    uint8_t flags;
    const struct value *(*run)(struct call *call); /* NULL after an error */
};

const struct function *function_find(struct str name);
/* Every name, for "did you mean". */
const struct str *function_names(size_t *n);

/*
 * Report an error at argument i, at the whole call where there is no such argument. Where any argument is
 * sensitive, a message with a directive in it is replaced by one that says nothing. call_error() returns the
 * diagnostic for a hint, call_fail() always NULL.
 */
struct diag *call_error(struct call *call, size_t i, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
const struct value *call_fail(struct call *call, size_t i, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Argument i for a message: quoted, "the value" where it is long or no scalar. With a NUL after its end. */
struct str call_quote(struct call *call, size_t i);
/* Bytes that may still be produced: the bound for a buffer. 0 never (that would mean no bound). */
size_t call_bytes_left(struct call *call);
/* The buffer's text as a value, or the error that it was too large. */
const struct value *call_text(struct call *call, const struct buf *buf);
bool call_take_items(struct call *call, size_t n);

static inline struct str arg_text(const struct call *call, size_t i)
{
    return call->args[i]->string;
}
static inline int64_t arg_int(const struct call *call, size_t i)
{
    return call->args[i]->integer;
}

#define X(name, signature, group, params, min, max, flags) const struct value *func_##name(struct call *call);
#include "stacks/expressions/func_table.h"
#undef X
