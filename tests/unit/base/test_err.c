/* Errors: what is too long is cut where a character ends, so that a message stays text for whoever reads it.
 */
#include "base/err.h"

#include "base/str.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* As long as asked for, in characters of three bytes after `odd` of one. */
static struct str euros(char *out, size_t odd, size_t size)
{
    size_t n = odd;
    memset(out, 'x', odd);
    for (; n + 3 < size; n += 3)
        memcpy(out + n, "\xe2\x82\xac", 3);
    out[n] = 0;
    return str_z(out);
}

static void expect_whole(const char *text, size_t size)
{
    assert_true(str_is_utf8(str_z(text)));
    assert_true(strlen(text) < size && strlen(text) + 4 >= size);
}

static void long_texts_end_with_a_character(void **state)
{
    (void)state;
    char text[3000];
    for (size_t odd = 0; odd < 3; odd++) {
        struct err err = ERR_INIT;
        euros(text, odd, sizeof text);
        err_set(&err, ERR_FAILED, "%s", text);
        expect_whole(err.message, sizeof err.message);
        err_hint(&err, "%s", text);
        expect_whole(err.hint, sizeof err.hint);
        for (size_t n = 1; n < 4; n++) {
            err_context(&err, "%.*s", (int)n, "abc");
            assert_true(str_is_utf8(str_z(err.message)));
            assert_int_equal(err.message[n], ':');
        }
        err_context(&err, "%s", text);
        expect_whole(err.message, sizeof err.message);
        errno = ENOENT;
        err_errno(&err, ERR_IO, "%s", text);
        expect_whole(err.message, sizeof err.message);
        euros(text, odd, 1000 + odd);
        err_errno(&err, ERR_IO, "%s", text);
        assert_true(str_is_utf8(str_z(err.message)));
    }
}

static void other_bytes_stay_as_they_are(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    err_set(&err, ERR_FAILED, "caf\xe9");
    assert_string_equal(err.message, "caf\xe9");
    err_set(&err, ERR_FAILED, "caf\xc3\xa9");
    assert_string_equal(err.message, "caf\xc3\xa9");
}

static void context_goes_before(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    errno = ENOENT;
    assert_int_equal(err_errno(&err, ERR_IO, "cannot read %s", "f"), -1);
    assert_int_equal(err_context(&err, "planning %s", "a"), -1);
    assert_string_equal(err.message, "planning a: cannot read f: No such file or directory");
    assert_int_equal(err.class, ERR_IO);
    assert_int_equal(err_set(NULL, ERR_IO, "x"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_texts_end_with_a_character),
        cmocka_unit_test(other_bytes_stay_as_they_are),
        cmocka_unit_test(context_goes_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
