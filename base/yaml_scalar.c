/* What plain text stands for: the YAML 1.2 core schema, minus what would lose a digit. */
#include "base/yaml_internal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool read_null(struct str s)
{
    static const char *const words[] = {"~", "null", "Null", "NULL"};
    return s.n == 0 || (s.n <= 4 && STR_IS_ONE_OF(s, words));
}

static bool read_bool(struct str s, bool *out)
{
    static const char *const words[] = {"true", "True", "TRUE", "false", "False", "FALSE"};
    *out = s.n == 4;
    return (s.n == 4 || s.n == 5) && STR_IS_ONE_OF(s, words);
}

static bool read_radix(struct str digits, int radix, int64_t *out)
{
    char text[24], *end;
    if (digits.n == 0 || digits.n >= sizeof text)
        return false;
    memcpy(text, digits.p, digits.n);
    text[digits.n] = '\0';
    if (strspn(text, radix == 8 ? "01234567" : "0123456789abcdefABCDEF") != digits.n)
        return false;
    errno = 0;
    *out = strtoll(text, &end, radix);
    return errno == 0;
}

/* Leading zeros are kept as text: they belong to file modes, account ids and telephone numbers. */
static bool read_int(struct str s, int64_t *out)
{
    if (str_starts(s, STR("0x")))
        return read_radix(str_slice(s, 2, s.n), 16, out);
    if (str_starts(s, STR("0o")))
        return read_radix(str_slice(s, 2, s.n), 8, out);
    size_t sign = s.n && (s.p[0] == '-' || s.p[0] == '+');
    if (sign == s.n || (s.p[sign] == '0' && s.n > sign + 1))
        return false;
    for (size_t i = sign; i < s.n; i++)
        if (!is_digit(s.p[i]))
            return false;
    return str_to_int(s, out);
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool read_float(struct str s, double *out)
{
    size_t i = s.n && (s.p[0] == '-' || s.p[0] == '+'), whole = 0, fraction = 0;
    for (; i < s.n && is_digit(s.p[i]); i++)
        whole++;
    if (i == s.n || (whole > 1 && s.p[i - whole] == '0')) /* an integer, though too large for one; a code */
        return false;
    if (i < s.n && s.p[i] == '.')
        for (i++; i < s.n && is_digit(s.p[i]); i++)
            fraction++;
    if (whole + fraction == 0)
        return false;
    if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
        i++;
        i += i < s.n && (s.p[i] == '-' || s.p[i] == '+');
        size_t first = i;
        while (i < s.n && is_digit(s.p[i]))
            i++;
        if (i == first)
            return false;
    }
    return i == s.n && str_to_double(s, out) && isfinite(*out);
}

void yaml_set_plain(struct node *node, struct str text)
{
    bool boolean;
    char c = text.n ? text.p[0] : '~';
    bool numeric = is_digit(c) || c == '-' || c == '+' || c == '.';
    if (numeric && read_int(text, &node->integer)) {
        node->kind = NODE_INT;
    } else if (numeric && read_float(text, &node->number)) {
        node->kind = NODE_FLOAT;
    } else if (read_null(text)) {
        node->kind = NODE_NULL;
    } else if (read_bool(text, &boolean)) {
        node->kind = NODE_BOOL;
        node->boolean = boolean;
    } else {
        node->kind = NODE_STRING;
        node->string = text;
    }
}
