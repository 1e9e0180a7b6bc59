/* The function table: see func.h. */
#include "stacks/expressions/func.h"

#include "base/yaml.h"

#include <math.h>
#include <pthread.h>

/* ---- the table ---- */

static const struct function functions[] = {
#define X(name_, signature_, group_, params_, min_, max_, flags_)                                            \
    {.name = STR_INIT(#name_),                                                                               \
        .signature = (signature_),                                                                           \
        .params = (params_),                                                                                 \
        .min = (min_),                                                                                       \
        .max = (max_),                                                                                       \
        .flags = (flags_),                                                                                   \
        .run = func_##name_},
#include "stacks/expressions/func_table.h"
#undef X
};

static struct function_doc docs[] = {
#define X(name_, signature_, group_, params_, min_, max_, flags_)                                            \
    {.name = STR_INIT(#name_), .signature = STR_INIT(signature_), .group = STR_INIT(group_)},
#include "stacks/expressions/func_table.h"
#undef X
};

static const struct str names[] = {
#define X(name_, signature_, group_, params_, min_, max_, flags_) STR_INIT(#name_),
#include "stacks/expressions/func_table.h"
#undef X
};

enum { FUNCTION_COUNT = sizeof functions / sizeof *functions };

const struct function *function_find(struct str name)
{
    size_t low = 0, high = FUNCTION_COUNT;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_cmp(functions[middle].name, name);
        if (order == 0)
            return &functions[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct str *function_names(size_t *n)
{
    *n = FUNCTION_COUNT;
    return names;
}

static void read_docs(void)
{
    const struct node *texts = yaml_embedded("stacks/functions/functions.yaml");
    for (size_t i = 0; i < FUNCTION_COUNT; i++) {
        const struct node *text = node_get(texts, docs[i].name.p);
        docs[i].doc = node_text(node_get(text, "doc"));
        docs[i].example = node_text(node_get(text, "example"));
        docs[i].result = node_text(node_get(text, "result"));
    }
}

const struct function_doc *function_docs(size_t *n)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, read_docs);
    *n = FUNCTION_COUNT;
    return docs;
}

/* ---- helpers of function bodies ---- */

static bool has_directive(const char *format)
{
    for (const char *at = format; (at = strchr(at, '%')); at += 2)
        if (at[1] != '%')
            return true;
    return false;
}

/* A message may contain any argument, so if an argument is secret only fixed messages are shown. */
__attribute__((format(printf, 3, 0))) static struct diag *report(
    struct call *call, size_t i, const char *format, va_list args)
{
    const struct expr *e = i < call->n ? call->expr->call.args[i] : call->expr;
    bool secret = false;
    for (size_t k = 0; k < call->n; k++)
        secret |= value_is_sensitive(call->args[k]);
    if (secret && has_directive(format))
        return eval_error(call->ev, e, "%.*s() cannot take this; more is not said because it is sensitive",
            STR_ARG(call->function->name));
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    return eval_error(call->ev, e, "%s", arena_vprintf(&scratch, format, args).p);
}

struct diag *call_error(struct call *call, size_t i, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct diag *d = report(call, i, format, args);
    va_end(args);
    return d;
}

const struct value *call_fail(struct call *call, size_t i, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(call, i, format, args);
    va_end(args);
    return NULL;
}

struct str call_quote(struct call *call, size_t i)
{
    const struct value *v = call->args[i];
    struct str text = value_scalar_text(call->arena, v);
    if (!text.p || text.n > 60)
        return STR("the value");
    return v->kind == VALUE_STRING ? arena_printf(call->arena, "\"%s\"", text.p) : text;
}

size_t call_bytes_left(struct call *call)
{
    return call->ev->budget->bytes + 1; /* one more than allowed, so that call_text() detects the overflow */
}

const struct value *call_text(struct call *call, const struct buf *buf)
{
    if (buf->overflow) {
        eval_take_bytes(call->ev, call->expr, SIZE_MAX);
        return NULL;
    }
    return value_string(call->arena, buf_str(buf));
}

bool call_take_items(struct call *call, size_t n)
{
    return eval_take_items(call->ev, call->expr, n);
}

/* ---- arguments ---- */

static const struct value *as_integer(struct eval *ev, const struct value *v)
{
    if (v->kind == VALUE_INT)
        return v;
    if (v->kind != VALUE_FLOAT || !(fabs(v->number) < 9007199254740992.0) || floor(v->number) < v->number)
        return NULL;
    return value_int(ev->arena, (int64_t)v->number);
}

/* Converts the argument to the parameter's type. Returns NULL and the expected type in *wanted if that is not
 * possible. */
static const struct value *fit_argument(
    struct eval *ev, const struct value *v, char param, const char **wanted)
{
    bool number = value_is_number(v);
    bool list = v->kind == VALUE_LIST, map = v->kind == VALUE_MAP;
    switch (param) {
    case 's': {
        *wanted = "a string";
        if (v->kind == VALUE_STRING)
            return v;
        struct str text = value_scalar_text(ev->arena, v);
        return text.p ? eval_marked(ev, value_string_ref(ev->arena, text), v->marks) : NULL;
    }
    case 'i': *wanted = "an integer"; return as_integer(ev, v);
    case 'n': *wanted = "a number"; return number ? v : NULL;
    case 'b': *wanted = "true or false"; return v->kind == VALUE_BOOL ? v : NULL;
    case 'l': *wanted = "a list"; return list ? v : NULL;
    case 'm': *wanted = "a map"; return map ? v : NULL;
    case 'c': *wanted = "a list or a map"; return list || map ? v : NULL;
    case 'a': *wanted = "a value"; return v->kind != VALUE_NULL ? v : NULL;
    default: return v;
    }
}

static const char *ordinal(size_t i)
{
    static const char *const words[] = {"first", "second", "third", "fourth", "fifth"};
    return i < 5 ? words[i] : "next";
}

static bool fit_arguments(struct call *call, bool *unknown)
{
    const struct function *function = call->function;
    size_t last = strlen(function->params) - 1;
    for (size_t i = 0; i < call->n; i++) {
        const struct value *v = call->args[i];
        if (v->kind == VALUE_UNKNOWN) {
            *unknown = true;
            continue;
        }
        const char *wanted = "";
        call->args[i] = fit_argument(call->ev, v, function->params[i < last ? i : last], &wanted);
        if (!call->args[i]) {
            struct diag *d =
                eval_error(call->ev, call->expr->call.args[i], "the %s argument of %.*s() must be %s, got %s",
                    ordinal(i), STR_ARG(function->name), wanted, value_with_article(v));
            if (!expr_hint_whole(call->expr->call.args[i], call->ev->scope->diags, d))
                diag_hint(call->ev->scope->diags, d, "%s", function->signature);
            return false;
        }
        if (function->flags == FUNC_DEEP)
            *unknown |= !value_is_known(v);
    }
    return true;
}

static unsigned argument_marks(const struct call *call)
{
    unsigned marks = 0, mask = VALUE_SENSITIVE;
    if (call->function->flags == FUNC_DEEP)
        mask |= VALUE_DEEP_SENSITIVE;
    for (size_t i = 0; i < call->n; i++)
        marks |= call->args[i]->marks & mask;
    return marks;
}

/* Charges the result to the budget. `left` items were in the budget before the call: some functions charge
 * items themselves. */
static bool take_result(struct call *call, const struct value *result, size_t left)
{
    for (size_t i = 0; i < call->n; i++)
        if (result == call->args[i])
            return true;
    if (result->kind == VALUE_STRING)
        return eval_take_bytes(call->ev, call->expr, result->string.n);
    return call->ev->budget->items < left || eval_take_items(call->ev, call->expr, result->count);
}

/* Returns whether a document function is evaluated around unknown parts (see expr_eval_document()). */
static bool spells_unknown(struct call *call)
{
    if (!call->ev->scope->spells_unknown)
        return false;
    for (size_t i = 0; i < call->n; i++)
        if (call->args[i]->kind == VALUE_UNKNOWN)
            return false;
    if (call->function->run == func_jsonencode)
        call->args[0] = unknown_spell(call->arena, call->args[0]);
    return call->function->run == func_jsonencode || call->function->run == func_templatefile;
}

const struct value *eval_call(struct eval *ev, const struct expr *e)
{
    const struct value *few[8];
    struct call call = {.ev = ev, .arena = ev->arena, .expr = e, .function = e->call.function, .args = few};
    if (!call.function)
        return NULL;
    if (call.function->flags & FUNC_LAZY) {
        /* cppcheck-suppress returnDanglingLifetime; the result is in the arena */
        return call.function->run(&call);
    }
    if (e->count > sizeof few / sizeof *few)
        call.args = ARENA_ARRAY(ev->arena, const struct value *, e->count);
    bool failed = false, unknown = false,
         deep = call.function->flags == FUNC_DEEP || call.function->run == func_nonsensitive;
    for (call.n = 0; call.n < e->count; call.n++) {
        call.args[call.n] = eval(ev, e->call.args[call.n]);
        failed |= !call.args[call.n] || !eval_has(ev, e->call.args[call.n], call.args[call.n], deep);
    }
    if (failed || !fit_arguments(&call, &unknown))
        return NULL;
    if (call.function->flags & FUNC_OWN_MARKS) {
        const struct value *result = call.function->run(&call);
        return result ? eval_checked(ev, e, result) : NULL;
    }
    size_t left = ev->budget->items;
    const struct value *result =
        unknown && !spells_unknown(&call) ? &value_unknown : call.function->run(&call);
    if (!result || !take_result(&call, result, left) || !eval_checked(ev, e, result))
        return NULL;
    return eval_marked(ev, result, argument_marks(&call));
}
