/* Keys as paths: every key has one of its own, which stays where it belongs. */
#include "sandbox/s3/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void check(struct str key, const char *wanted)
{
    AUTO_BUF struct buf path = BUF_INIT;
    keypath_add(&path, key);
    assert_string_equal(path.p, wanted);
}

static void test_known(void **state)
{
    (void)state;
    check(STR("RAW/Local/films.csv"), "RAW%/Local%/films.csv");
    check(STR("a"), "a");
    check(STR("a/"), "a%/%_");
    check(STR(""), "%_");
    check(STR("/"), "%/%_");
    check(STR("a//b"), "a%/%/b");
    check(STR("a/../b"), "a%/%2E.%/b");
    check(STR(".hidden"), "%2Ehidden");
    check(STR("100%"), "100%25");
    check(STR("\x01\n"), "%01%0A");
}

/* Back from the path: the key, and nothing that leads out of the directory. */
static void check_round(struct str key)
{
    AUTO_BUF struct buf path = BUF_INIT;
    AUTO_BUF struct buf back = BUF_INIT;
    keypath_add(&path, key);
    for (struct str rest = buf_str(&path); rest.p;) {
        char name[256];
        enum keypath_kind kind;
        struct str part = str_cut(rest, '/', &rest);
        assert_in_range(part.n, 1, 255);
        memcpy(name, part.p, part.n);
        name[part.n] = '\0';
        assert_true(name[0] != '.');
        assert_true(keypath_decode(name, &back, &kind));
        assert_int_equal(kind == KEYPATH_FILE, rest.p == NULL);
    }
    assert_true(str_eq(buf_str(&back), key));
}

static void test_round(void **state)
{
    (void)state;
    static const char letters[] = "aZ./%+_~ \x01\x7f\xc3\xa9";
    char key[1025];
    srand(7);
    for (int i = 0; i < 20000; i++) {
        size_t n = (size_t)rand() % (i % 100 ? 12 : 1025);
        bool one_segment = i % 3 == 0;
        for (size_t j = 0; j < n; j++) {
            key[j] = letters[(size_t)rand() % (sizeof letters - 1)];
            if (one_segment && key[j] == '/')
                key[j] = 'x';
        }
        check_round(str_n(key, n));
    }
}

/* Names that keypath_add never makes are not keys. */
static void test_foreign_names(void **state)
{
    (void)state;
    AUTO_BUF struct buf part = BUF_INIT;
    enum keypath_kind kind;
    assert_false(keypath_decode(".", &part, &kind));
    assert_false(keypath_decode("..", &part, &kind));
    assert_false(keypath_decode(".tmp", &part, &kind));
    assert_false(keypath_decode("a%zz", &part, &kind));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_round),
        cmocka_unit_test(test_foreign_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
