/*
 * The function table. A row has a function's name, signature, parameter types and C function (func_*.c, one
 * file per group). Its documentation, with an example that a test evaluates, is in
 * stacks/functions/functions.yaml. To add a function: add a row to func_table.h, its documentation, and its C
 * function.
 *
 * Functions are pure: the same arguments give the same result on every machine and at any time, except that
 * some read files. Several threads may call them at once.
 */
#pragma once

#include "stacks/expressions/expr_internal.h"

enum { FUNC_MANY = 255 };

enum func_flags {
    FUNC_DEEP = 0, /* the result is unknown if an argument contains an unknown, and sensitive if one contains
                      a secret */
    /* Items and entries are only moved and keep their own marks. Only the marks of an argument itself apply
     * to the result. */
    FUNC_SHALLOW = 1,
    FUNC_OWN_MARKS = 2, /* receives unknown arguments and handles all marks itself */
    FUNC_LAZY = 4,      /* evaluates its arguments itself */
};

/* A call in progress. */
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
     * One letter per parameter; the last one repeats: s string (numbers and booleans are converted), i
     * integer, n number, b boolean, l list, m map, c list or map, a anything but null, x anything.
     */
    const char *params;
    uint8_t min, max; /* number of arguments; FUNC_MANY: no maximum */
    uint8_t flags;
    const struct value *(*run)(struct call *call); /* returns NULL after an error */
};

const struct function *function_find(struct str name);
/* Returns all names, for "did you mean". */
const struct str *function_names(size_t *n);

/*
 * Report an error at argument i, or at the whole call if the call has no such argument. If an argument is
 * sensitive, a message with a directive is replaced by one without details. call_error() returns the
 * diagnostic for a hint, call_fail() always returns NULL.
 */
struct diag *call_error(struct call *call, size_t i, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
const struct value *call_fail(struct call *call, size_t i, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Returns argument i for a message: quoted, or "the value" if it is long or not a scalar. NUL-terminated. */
struct str call_quote(struct call *call, size_t i);
/* Returns the number of bytes that may still be produced, as a buffer's maximum. Never 0, which would mean no
 * maximum. */
size_t call_bytes_left(struct call *call);
/* Returns the buffer's text as a value, or reports that it is too large. */
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
