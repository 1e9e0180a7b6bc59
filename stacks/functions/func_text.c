/* Strings, including format(). Positions and lengths count code points. upper() and lower() change ASCII
 * letters only. */
#include "base/json.h"
#include "stacks/expressions/func.h"

#include <ctype.h>

/* ---- format(): printf for values, with its own padding, so that widths count characters and not bytes
 * ---- */

struct directive {
    bool left, zero, plus, space;
    int width, precision; /* precision -1: not given */
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

/* Parses a directive after the '%'. Returns false if it is incomplete or too wide. */
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

/* Appends the sign and the text, padded to the width. */
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

static const struct value *mapped(struct call *call, int (*change)(int))
{
    struct str text = arg_text(call, 0);
    char *copy = arena_strz(call->arena, text);
    for (size_t i = 0; i < text.n; i++)
        if (!(copy[i] & 0x80))
            copy[i] = (char)change(copy[i]);
    return value_string_ref(call->arena, str_n(copy, text.n));
}

const struct value *func_upper(struct call *call)
{
    return mapped(call, toupper);
}

const struct value *func_lower(struct call *call)
{
    return mapped(call, tolower);
}

const struct value *func_title(struct call *call)
{
    struct str text = arg_text(call, 0);
    char *copy = arena_strz(call->arena, text);
    bool inside = false;
    for (size_t i = 0; i < text.n; i++) {
        if (!inside && islower((unsigned char)copy[i]))
            copy[i] = (char)toupper((unsigned char)copy[i]);
        inside = isalnum((unsigned char)copy[i]) || (copy[i] & 0x80) || copy[i] == '\'';
    }
    return value_string_ref(call->arena, str_n(copy, text.n));
}

/* ---- code points ---- */

/* Returns the byte offset of code point `index`, or text.n if there are fewer. */
static size_t char_offset(struct str text, int64_t index)
{
    size_t at = 0;
    while (index-- > 0 && at < text.n)
        at += str_char_size(text, at);
    return at;
}

const struct value *func_substr(struct call *call)
{
    struct str text = arg_text(call, 0);
    int64_t from = arg_int(call, 1), total = (int64_t)str_code_points(text);
    if (from < 0)
        from = from < -total ? 0 : from + total;
    size_t start = char_offset(text, from), end = text.n;
    if (call->n > 2 && arg_int(call, 2) >= 0)
        end = start + char_offset(str_slice(text, start, text.n), arg_int(call, 2));
    return value_string(call->arena, str_slice(text, start, end));
}

static struct str reversed(struct arena *arena, struct str text)
{
    char *copy = arena_strz(arena, text);
    for (size_t at = 0; at < text.n;) {
        size_t size = str_char_size(text, at);
        memcpy(copy + text.n - at - size, text.p + at, size);
        at += size;
    }
    return str_n(copy, text.n);
}

const struct value *func_reverse(struct call *call)
{
    const struct value *v = call->args[0];
    if (v->kind == VALUE_STRING)
        return value_string_ref(call->arena, reversed(call->arena, v->string));
    if (v->kind != VALUE_LIST)
        return call_fail(call, 0, "reverse() takes a list or text, got %s", value_with_article(v));
    const struct value **items = ARENA_ARRAY(call->arena, const struct value *, v->count);
    for (uint32_t i = 0; i < v->count; i++)
        items[i] = v->items[v->count - 1 - i];
    return value_list(call->arena, items, v->count);
}

const struct value *func_length(struct call *call)
{
    const struct value *v = call->args[0];
    if (v->kind == VALUE_STRING)
        return value_int(call->arena, (int64_t)str_code_points(v->string));
    if (v->kind != VALUE_LIST && v->kind != VALUE_MAP)
        return call_fail(call, 0, "length() takes a list, a map or text, got %s", value_with_article(v));
    return value_int(call->arena, v->count);
}

/* ---- cutting ---- */

static bool in_set(struct str set, struct str text, size_t at, size_t size)
{
    return str_find(set, str_slice(text, at, at + size), 0) >= 0;
}

static struct str trim_set(struct str text, struct str set)
{
    size_t from = 0, to = text.n, size;
    while (from < to && in_set(set, text, from, size = str_char_size(text, from)))
        from += size;
    while (to > from) {
        size = 1;
        while (size < to - from && ((unsigned char)text.p[to - size] & 0xc0) == 0x80)
            size++;
        if (!in_set(set, text, to - size, size))
            break;
        to -= size;
    }
    return str_slice(text, from, to);
}

const struct value *func_trim(struct call *call)
{
    struct str text = arg_text(call, 0);
    text = call->n > 1 ? trim_set(text, arg_text(call, 1)) : str_trim(text);
    return value_string(call->arena, text);
}

const struct value *func_trimprefix(struct call *call)
{
    struct str text = arg_text(call, 0), prefix = arg_text(call, 1);
    if (!str_starts(text, prefix))
        return call->args[0];
    return value_string(call->arena, str_slice(text, prefix.n, text.n));
}

const struct value *func_trimsuffix(struct call *call)
{
    struct str text = arg_text(call, 0), suffix = arg_text(call, 1);
    if (!str_ends(text, suffix))
        return call->args[0];
    return value_string(call->arena, str_slice(text, 0, text.n - suffix.n));
}

const struct value *func_chomp(struct call *call)
{
    struct str text = arg_text(call, 0);
    while (text.n && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
        text.n--;
    return value_string(call->arena, text);
}

const struct value *func_startswith(struct call *call)
{
    return value_bool(str_starts(arg_text(call, 0), arg_text(call, 1)));
}

const struct value *func_endswith(struct call *call)
{
    return value_bool(str_ends(arg_text(call, 0), arg_text(call, 1)));
}

const struct value *func_split(struct call *call)
{
    struct str separator = arg_text(call, 0), text = arg_text(call, 1);
    AUTO_BUILDER struct value_builder parts = VALUE_BUILDER(call->arena);
    size_t at = 0;
    while (at <= text.n) {
        size_t end = text.n, next = text.n + 1;
        if (!separator.n) { /* split into characters */
            if (at == text.n)
                break;
            next = end = at + str_char_size(text, at);
        } else {
            ptrdiff_t found = str_find(text, separator, at);
            if (found >= 0) {
                end = (size_t)found;
                next = end + separator.n;
            }
        }
        if (!call_take_items(call, 1))
            return NULL;
        value_builder_add(&parts, value_string(call->arena, str_slice(text, at, end)));
        at = next;
    }
    return value_builder_list(&parts);
}

/* ---- putting together ---- */

const struct value *func_join(struct call *call)
{
    struct str separator = arg_text(call, 0);
    const struct value *list = call->args[1];
    AUTO_BUF struct buf out = {.max = call_bytes_left(call)};
    for (uint32_t i = 0; i < list->count; i++) {
        struct str text = value_scalar_text(call->arena, list->items[i]);
        if (!text.p)
            return call_fail(
                call, 1, "join() joins texts, but item %u is %s", i, value_with_article(list->items[i]));
        if (i)
            buf_add_str(&out, separator);
        buf_add_str(&out, text);
    }
    return call_text(call, &out);
}

const struct value *func_replace(struct call *call)
{
    struct str text = arg_text(call, 0), search = arg_text(call, 1), by = arg_text(call, 2);
    if (!search.n)
        return call_fail(call, 1, "replace() cannot look for empty text");
    AUTO_BUF struct buf out = {.max = call_bytes_left(call)};
    size_t at = 0;
    for (ptrdiff_t found; !out.overflow && (found = str_find(text, search, at)) >= 0;
         at = (size_t)found + search.n) {
        buf_add_str(&out, str_slice(text, at, (size_t)found));
        buf_add_str(&out, by);
    }
    buf_add_str(&out, str_slice(text, at, text.n));
    return call_text(call, &out);
}

const struct value *func_indent(struct call *call)
{
    int64_t n = arg_int(call, 0);
    struct str text = arg_text(call, 1);
    if (n < 0 || n > 1000)
        return call_fail(call, 0, "indent() takes 0 to 1000 spaces, got %lld", (long long)n);
    AUTO_BUF struct buf out = {.max = call_bytes_left(call)};
    for (size_t at = 0; at < text.n;) {
        ptrdiff_t newline = str_find_char(text, '\n', at);
        size_t end = newline < 0 ? text.n : (size_t)newline + 1;
        if (at && text.p[at] != '\n')
            buf_addf(&out, "%*s", (int)n, "");
        buf_add_str(&out, str_slice(text, at, end));
        at = end;
    }
    return call_text(call, &out);
}
