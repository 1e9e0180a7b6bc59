#include "tests/unit/support/expr_rows.h"

#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void show_mistake(struct buf *out, const struct diag *d)
{
    buf_addf(out, "error: %.*s", STR_ARG(d->message));
    if (d->label.n)
        buf_addf(out, " | %.*s", STR_ARG(d->label));
    if (d->hint.n)
        buf_addf(out, " / %.*s", STR_ARG(d->hint));
}

static void show_value(struct buf *out, const struct value *v)
{
    if (v->marks & VALUE_SENSITIVE)
        buf_addz(out, "(sensitive) ");
    if (v->kind == VALUE_UNKNOWN)
        buf_addz(out, "?");
    else
        json_write(out, v, JSON_MARK_UNKNOWN);
}

const char *expr_outcome(
    struct arena *arena, const char *text, const struct resolver *resolver, struct scope scope)
{
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    AUTO_BUF struct buf out = BUF_INIT;
    struct source source = {.path = STR("console"), .text = str_z(text)};
    const struct value *v = NULL;
    scope.diags = &diags;
    struct expr *e = expr_parse(arena, &source, &diags);
    if (e)
        expr_resolve(e, resolver, &diags);
    if (e && !diags.errors)
        v = expr_eval(e, &scope, arena);
    if (!v != (diags.errors > 0))
        fail_msg("%s: %zu errors, value %s", text, diags.errors, v ? "yes" : "no");
    if (diags.n)
        show_mistake(&out, &diags.items[0]);
    else
        show_value(&out, v);
    return arena_strz(arena, buf_str(&out));
}

void expr_rows_check(const struct expr_row *rows, size_t n, const char *(*run)(const char *text))
{
    for (size_t i = 0; i < n; i++) {
        const char *result = run(rows[i].text);
        if (strcmp(result, rows[i].result) != 0)
            fail_msg("%s\n  wanted %s\n  got    %s", rows[i].text, rows[i].result, result);
    }
}
