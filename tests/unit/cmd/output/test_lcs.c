#include "cmd/output/render.h"

#include "base/buf.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct pair {
    const char *a, *b;
};

static bool letters_equal(void *ctx, size_t i, size_t j)
{
    const struct pair *p = ctx;
    return p->a[i] == p->b[j];
}

/* "=" kept, "-x" removed, "+y" added. */
static void check(const char *a, const char *b, const char *expected)
{
    struct pair pair = {a, b};
    size_t n = strlen(a), m = strlen(b), i = 0, j = 0;
    AUTO_FREE enum edit *script = mem_alloc((n + m + 1) * sizeof *script);
    size_t count = lcs_edits(n, m, letters_equal, &pair, script);
    AUTO_BUF struct buf out = BUF_INIT;
    for (size_t k = 0; k < count; k++)
        switch (script[k]) {
        case EDIT_KEEP:
            assert_int_equal(a[i++], b[j++]);
            buf_addz(&out, "=");
            break;
        case EDIT_REMOVE: buf_addf(&out, "-%c", a[i++]); break;
        case EDIT_ADD: buf_addf(&out, "+%c", b[j++]); break;
        }
    assert_int_equal(i, n);
    assert_int_equal(j, m);
    assert_string_equal(out.p ? out.p : "", expected);
}

static void finds_what_changed(void **state)
{
    (void)state;
    check("", "", "");
    check("abc", "abc", "===");
    check("", "ab", "+a+b");
    check("ab", "", "-a-b");
    check("abc", "axc", "=-b+x=");
    check("abcabba", "cbabac", "-a-b=-a=+a==+c");
    check("xaxbx", "ab", "-x=-x=-x");
    check("aa", "aaa", "==+a");
}

/* Without room for the table the differing middle is replaced; head and tail stay. */
static void gives_up_on_what_is_too_large(void **state)
{
    (void)state;
    enum { N = 3000 };
    AUTO_FREE char *a = mem_zalloc(N + 1);
    AUTO_FREE char *b = mem_zalloc(N + 1);
    memset(a, 'a', N);
    memset(b, 'a', N);
    memset(a + 1, 'x', N - 2);
    memset(b + 1, 'y', N - 2);
    struct pair pair = {a, b};
    AUTO_FREE enum edit *script = mem_alloc((size_t)(2 * N) * sizeof *script);
    size_t n = lcs_edits(N, N, letters_equal, &pair, script), kept = 0;
    for (size_t i = 0; i < n; i++)
        kept += script[i] == EDIT_KEEP;
    assert_int_equal(kept, 2);
    assert_int_equal(n, 2 + 2 * (N - 2));
    assert_int_equal(script[0], EDIT_KEEP);
    assert_int_equal(script[n - 1], EDIT_KEEP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_changed),
        cmocka_unit_test(gives_up_on_what_is_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
