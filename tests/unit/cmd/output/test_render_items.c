#include "cmd/output/render.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void check(const char *before, const char *after, const char *expected)
{
    AUTO_BUF struct buf out = BUF_INIT;
    unified_diff(STR("f"), str_z(before), str_z(after), false, &out);
    assert_string_equal(out.p ? out.p : "", expected);
}

static void hunks(void **state)
{
    (void)state;
    check("a\nb\n", "a\nb\n", "");
    check("", "a\n", "--- f\n+++ f\n@@ -0,0 +1,1 @@\n+a\n");
    check("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nx\ny\n6\n7\n8\n9\n",
        "--- f\n+++ f\n@@ -2,7 +2,8 @@\n 2\n 3\n 4\n-5\n+x\n+y\n 6\n 7\n 8\n");
    /* up to six lines between two changes keep them in one hunk, more do not */
    check("x\n1\n2\n3\n4\n5\n6\ny\n", "1\n2\n3\n4\n5\n6\n",
        "--- f\n+++ f\n@@ -1,8 +1,6 @@\n-x\n 1\n 2\n 3\n 4\n 5\n 6\n-y\n");
    check("x\n1\n2\n3\n4\n5\n6\n7\ny\n", "1\n2\n3\n4\n5\n6\n7\nz\n",
        "--- f\n+++ f\n@@ -1,4 +1,3 @@\n-x\n 1\n 2\n 3\n@@ -6,4 +5,4 @@\n 5\n 6\n 7\n-y\n+z\n");
}

static void ends(void **state)
{
    (void)state;
    check("a\nb", "a\nb\n", "--- f\n+++ f\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(hunks), cmocka_unit_test(ends)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
