/*
 * The rows of the function table, sorted by name (byte order). Included several times by func.c and func.h,
 * so it has no guard:
 *
 * X(name, signature, group, params, min, max, flags, doc, example, result)
 */
X(can, "can(value) -> boolean", "convert", "x", 1, 1, FUNC_LAZY,
    "Whether the expression can be evaluated without an error.", "can({a: 1}.b)", "false")
X(coalesce, "coalesce(value, …) -> any", "convert", "x", 1, FUNC_MANY, FUNC_OWN_MARKS,
    "The first value that is not null.", "coalesce(null, 'a')", "\"a\"")
X(default, "default(value, fallback) -> any", "convert", "x", 2, 2, FUNC_LAZY,
    "The value, or the fallback where it is null or cannot be evaluated.", "default({a: 1}.b, 2)", "2")
X(nonsensitive, "nonsensitive(value) -> any", "convert", "x", 1, 1, FUNC_OWN_MARKS,
    "The value without its sensitive mark, for what turns out not to be secret.", "nonsensitive(sensitive(1))", "1")
X(sensitive, "sensitive(value) -> any", "convert", "x", 1, 1, FUNC_OWN_MARKS,
    "The value, never printed and encrypted in the state.", "sensitive(1) == 1", "true")
X(try, "try(value, …) -> any", "convert", "x", 1, FUNC_MANY, FUNC_LAZY,
    "The first of the expressions that can be evaluated without an error.", "try({a: 1}.b, [1][3], 'c')", "\"c\"")
