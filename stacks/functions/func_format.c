/* format(): printf for values. Padding is done here, so that widths count characters and not bytes. */
#include "stacks/expressions/func.h"

#include "base/json.h"

#include <ctype.h>

struct directive {
    bool left, zero, plus, space;
    int width, precision; /* precision -1: none */
    char verb;
};

enum { WIDTH_MAX = 1000 };

static int read_number(struct str text, size_t *at)
{
    int number = 0;
    for (; *at < text.n && isdigit((unsigned char)text.p[*at]); ++*at)
        if (number <= WIDTH_MAX)
            number = number * 10 + (text.p[*at] - '0');
    return number;
}

/* After the '%'; false where it is cut off or too wide. */
static bool read_directive(struct str text, size_t *at, struct directive *d)
{
    *d = (struct directive){.precision = -1};
    for (; *at < text.n && char_is_among(text.p[*at], "-0+ "); ++*at) {
        d->left |= text.p[*at] == '-';
        d->zero |= text.p[*at] == '0';
        d->plus |= text.p[*at] == '+';
        d->space |= text.p[*at] == ' ';
    }
    d->width = read_number(text, at);
    if (*at < text.n && text.p[*at] == '.') {
        ++*at;
        d->precision = read_number(text, at);
    }
    if (*at >= text.n || d->width > WIDTH_MAX || d->precision > WIDTH_MAX)
        return false;
    d->verb = text.p[(*at)++];
    return true;
}

/* The text with its sign or nothing in front, brought to the width. */
static void add_padded(struct buf *out, const struct directive *d, const char *sign, struct str text)
{
    size_t length = strlen(sign) + str_code_points(text);
    int pad = length < (size_t)d->width ? d->width - (int)length : 0;
    bool number = d->verb != 's' && d->verb != 'v' && d->verb != 'q';
    bool zeros = d->zero && !d->left && number;
    if (pad && !d->left && !zeros)
        buf_addf(out, "%*s", pad, "");
    buf_addz(out, sign);
    for (int i = 0; zeros && i < pad; i++)
        buf_add_char(out, '0');
    buf_add_str(out, text);
    if (pad && d->left)
        buf_addf(out, "%*s", pad, "");
}

static const char *sign_of(const struct directive *d, bool negative)
{
    return negative ? "-" : d->plus ? "+" : d->space ? " " : "";
}

static struct str digits_in(struct arena *arena, uint64_t number, unsigned base, bool upper)
{
    char text[65], *at = text + sizeof text;
    do
        *--at = (upper ? "0123456789ABCDEF" : "0123456789abcdef")[number % base];
    while (number /= base);
    return arena_str(arena, str_n(at, (size_t)(text + sizeof text - at)));
}

static bool add_integer(struct buf *out, struct call *call, size_t i, const struct directive *d)
{
    const struct value *v = call->args[i];
    int64_t number = v->integer;
    if (v->kind == VALUE_FLOAT && v->number >= -9e15 && v->number <= 9e15 &&
        !((double)(int64_t)v->number < v->number) && !((double)(int64_t)v->number > v->number))
        number = (int64_t)v->number;
    else if (v->kind != VALUE_INT) {
        call_fail(call, i, "%%%c formats an integer, got %s", d->verb, value_with_article(v));
        return false;
    }
    unsigned base = d->verb == 'd' ? 10 : d->verb == 'o' ? 8 : d->verb == 'b' ? 2 : 16;
    uint64_t magnitude = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    add_padded(out, d, sign_of(d, number < 0), digits_in(call->arena, magnitude, base, d->verb == 'X'));
    return true;
}

static bool add_float(struct buf *out, struct call *call, size_t i, const struct directive *d)
{
    const struct value *v = call->args[i];
    if (v->kind != VALUE_INT && v->kind != VALUE_FLOAT) {
        call_fail(call, i, "%%%c formats a number, got %s", d->verb, value_with_article(v));
        return false;
    }
    double number = value_number(v);
    bool negative = number < 0;
    number = negative ? -number : number;
    int precision = d->precision < 0 ? 6 : d->precision;
    struct str text;
    if (d->verb == 'f')
        text = arena_printf(call->arena, "%.*f", precision, number);
    else if (d->verb == 'e')
        text = arena_printf(call->arena, "%.*e", precision, number);
    else
        text = arena_printf(call->arena, "%.*g", precision, number);
    add_padded(out, d, sign_of(d, negative), text);
    return true;
}

static bool func_format_add_text(struct buf *out, struct call *call, size_t i, const struct directive *d)
{
    const struct value *v = call->args[i];
    struct str text = value_scalar_text(call->arena, v);
    if (d->verb == 's' && !text.p) {
        struct diag *diag = call_error(call, i, "%%s formats text, got %s", value_with_article(v));
        diag_hint(call->ev->scope->diags, diag, "%%v formats anything, lists and maps as JSON");
        return false;
    }
    if (d->verb == 'q' || !text.p) {
        AUTO_BUF struct buf json = {.max = call_bytes_left(call)};
        json_write(&json, v, JSON_PLAIN);
        if (json.overflow)
            out->overflow = true;
        text = arena_str(call->arena, buf_str(&json));
    }
    if (d->precision >= 0 && d->verb == 's') {
        size_t n = 0;
        for (int count = 0; n < text.n; n++)
            if (((unsigned char)text.p[n] & 0xc0) != 0x80 && count++ == d->precision)
                break;
        text.n = n;
    }
    add_padded(out, d, "", text);
    return true;
}

static bool add_argument(struct buf *out, struct call *call, size_t i, const struct directive *d)
{
    if (i >= call->n) {
        call_fail(call, call->n, "format() has no argument for %%%c", d->verb);
        return false;
    }
    switch (d->verb) {
    case 'd':
    case 'x':
    case 'X':
    case 'o':
    case 'b': return add_integer(out, call, i, d);
    case 'f':
    case 'e':
    case 'g': return add_float(out, call, i, d);
    case 's':
    case 'v':
    case 'q': return func_format_add_text(out, call, i, d);
    default: break;
    }
    struct diag *diag = call_error(call, 0, "format() does not know %%%c", d->verb);
    diag_hint(call->ev->scope->diags, diag, "it knows %%s %%d %%x %%X %%o %%b %%f %%e %%g %%v %%q %%%%");
    return false;
}

const struct value *func_format(struct call *call)
{
    if (call->args[0]->kind != VALUE_STRING)
        return call_fail(call, 0, "the first argument of format() must be a string, got %s",
            value_with_article(call->args[0]));
    struct str text = arg_text(call, 0);
    AUTO_BUF struct buf out = {.max = call_bytes_left(call)};
    size_t next = 1;
    for (size_t at = 0; at < text.n;) {
        ptrdiff_t percent = str_find_char(text, '%', at);
        buf_add_str(&out, str_slice(text, at, percent < 0 ? text.n : (size_t)percent));
        if (percent < 0)
            break;
        at = (size_t)percent + 1;
        struct directive d;
        if (at < text.n && text.p[at] == '%') {
            buf_add_char(&out, '%');
            at++;
        } else if (!read_directive(text, &at, &d)) {
            return call_fail(call, 0, "format() cannot read what follows %% at character %td", percent + 1);
        } else if (!add_argument(&out, call, next++, &d)) {
            return NULL;
        }
    }
    if (next < call->n)
        return call_fail(call, next, "format() has no %% for this argument");
    return call_text(call, &out);
}
