/*
 * Is a secret written out in an expression? For whether the stack's files may be kept in clear.
 *
 * What an expression gives is known only when it is evaluated, and then only of the branch that was taken;
 * what is written in it is there for everybody who reads the file.
 */
#include "stacks/expressions/expr_internal.h"
#include "stacks/expressions/func.h"

enum { SECRET_MIN = 4 /* shorter ones are found by trying */ };

static bool is_text(const struct value *v)
{
    if (v->kind == VALUE_STRING)
        return str_trim(v->string).n >= SECRET_MIN;
    if (v->kind == VALUE_INT)
        return v->integer >= 1000 || v->integer <= -1000;
    if (v->kind != VALUE_LIST && v->kind != VALUE_MAP)
        return v->kind == VALUE_FLOAT;
    for (uint32_t i = 0; i < v->count; i++)
        if (is_text(v->kind == VALUE_LIST ? v->items[i] : v->entries[i].value))
            return true;
    return false;
}

static bool writes(const struct expr *e, bool within);

static bool map_writes(const struct expr *e, bool within)
{
    for (uint32_t i = 0; i < e->count; i++) {
        const struct expr_entry *entry = &e->map.entries[i];
        if ((entry->key_expr && writes(entry->key_expr, within)) || writes(&entry->value, within))
            return true;
    }
    return false;
}

/* The name of a file, or of a format, is no secret. */
static bool call_writes(const struct expr *e, bool within)
{
    const struct function *function = e->call.function;
    struct str name = function ? function->name : STR_EMPTY;
    bool named =
        str_starts(name, STR("file")) || str_starts(name, STR("template")) || str_starts(name, STR("format"));
    bool secret = within || str_eqz(name, "sensitive");
    for (uint32_t i = 0; i < e->count; i++)
        if (!(named && i == 0 && e->call.args[i]->op == EXPR_CONST) && writes(e->call.args[i], secret))
            return true;
    return false;
}

static bool for_writes(const struct comprehension *c, bool within)
{
    return writes(c->over, within) || (c->key && writes(c->key, within)) || writes(c->value, within) ||
           (c->condition && writes(c->condition, false));
}

static bool operands_write(const struct expr *e, bool within)
{
    size_t n = e->op == EXPR_COND ? 3 : e->op == EXPR_NOT || e->op == EXPR_NEGATE ? 1 : 2;
    for (size_t i = 0; i < n; i++)
        if (writes(e->operands[i], within && !(e->op == EXPR_COND && i == 0)))
            return true;
    return false;
}

static bool writes(const struct expr *e, bool within)
{
    switch ((enum expr_op)e->op) {
    case EXPR_CONST: return within && is_text(&e->constant);
    case EXPR_LIST:
        for (uint32_t i = 0; i < e->count; i++)
            if (writes(&e->list.items[i], within))
                return true;
        return false;
    case EXPR_MAP: return map_writes(e, within);
    case EXPR_TEMPLATE:
        for (uint32_t i = 0; i < e->count; i++)
            if (writes(e->parts[i], within))
                return true;
        return false;
    case EXPR_ATTR: return writes(e->attr.base, within);
    case EXPR_INDEX: /* what is looked up by name bears the secret, the name does not */
        return writes(e->index.base, within) || writes(e->index.index, false);
    case EXPR_CALL: return call_writes(e, within);
    case EXPR_FOR: return for_writes(e->comprehension, within);
    case EXPR_BROKEN:
    case EXPR_NAME:
    case EXPR_DECL:
    case EXPR_CONSTANT_NAME:
    case EXPR_VARIABLE:
    case EXPR_EACH_KEY:
    case EXPR_EACH_VALUE: return false;
    case EXPR_COND:
    case EXPR_NOT:
    case EXPR_NEGATE:
    case EXPR_OR:
    case EXPR_AND:
    case EXPR_EQUAL:
    case EXPR_NOT_EQUAL:
    case EXPR_LESS:
    case EXPR_LESS_EQUAL:
    case EXPR_GREATER:
    case EXPR_GREATER_EQUAL:
    case EXPR_ADD:
    case EXPR_SUBTRACT:
    case EXPR_MULTIPLY:
    case EXPR_DIVIDE:
    case EXPR_REMAINDER: return operands_write(e, within);
    }
    return false;
}

bool expr_writes_secret(const struct expr *expr, bool within)
{
    return expr && writes(expr, within);
}
