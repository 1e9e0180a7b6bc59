/*
 * Which types take every value of which others as it is, so that a column may become one without anybody
 * agreeing to it.
 */
#include "provider/postgres/table.h"

/* "numeric" and its numbers, of "numeric(10,2)". */
static struct str bare_type(struct str type, int64_t numbers[2])
{
    ptrdiff_t open = str_find_char(type, '(', 0);
    numbers[0] = numbers[1] = -1;
    if (open < 0)
        return type;
    ptrdiff_t close = str_find_char(type, ')', (size_t)open);
    struct str second, inner = str_slice(type, (size_t)open + 1, close < 0 ? type.n : (size_t)close);
    struct str first = str_cut(inner, ',', &second);
    str_to_int(str_trim(first), &numbers[0]);
    if (second.p)
        str_to_int(str_trim(second), &numbers[1]);
    return str_trim(str_slice(type, 0, (size_t)open));
}

static int type_widens_rank(struct str type, const char *const *order, int n)
{
    for (int i = 0; i < n; i++)
        if (str_eqz(type, order[i]))
            return i;
    return -1;
}

bool type_widens(struct str from, struct str to)
{
    static const char *const whole[] = {"smallint", "integer", "bigint", "numeric"}, *const real[] = {"real",
                                                                                         "double precision"};
    int64_t a[2], b[2];
    struct str was = bare_type(from, a), is = bare_type(to, b);
    bool text = str_eqz(was, "character varying") || str_eqz(was, "text");
    if (text && str_eqz(is, "text"))
        return true;
    if (text && str_eqz(is, "character varying"))
        return b[0] < 0 || (a[0] >= 0 && a[0] <= b[0]);
    if (str_eqz(was, "numeric") && str_eq(was, is))
        return b[0] < 0 || (a[0] >= 0 && (b[1] < 0 ? 0 : b[1]) == (a[1] < 0 ? 0 : a[1]) && b[0] >= a[0]);
    int first = type_widens_rank(was, whole, 4), second = type_widens_rank(is, whole, 4);
    if (first >= 0 && second > first)
        return b[0] < 0;
    first = type_widens_rank(was, real, 2), second = type_widens_rank(is, real, 2);
    return (first >= 0 && second > first) || (str_eq(was, is) && a[0] >= 0 && (b[0] < 0 || b[0] >= a[0]) &&
                                                 str_starts(was, STR("bit varying")));
}
