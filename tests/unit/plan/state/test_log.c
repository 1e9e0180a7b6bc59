#include "plan/state/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void test_frame(void **unused)
{
    (void)unused;
    AUTO_BUF struct buf out = BUF_INIT;
    log_frame(&out, 17, 17, STR("{\"kind\":\"end\"}"));
    assert_string_equal(out.p, "0aeb1f69 {\"seq\":17,\"kind\":\"end\"}\n");
    buf_clear(&out);
    log_frame(&out, 18, 17, STR("{}"));
    struct str json;
    struct err err = ERR_INIT;
    assert_int_equal(log_unframe(str_n(out.p, out.n - 1), &json, &err), 0);
    assert_true(str_eqz(json, "{\"seq\":18,\"batch\":17}"));
    uint64_t seq, batch;
    assert_true(log_numbers(json, &seq, &batch));
    assert_int_equal(seq, 18);
    assert_int_equal(batch, 17);
    assert_false(log_numbers(STR("{\"kind\":1}"), &seq, &batch));
    assert_false(log_numbers(STR("{\"seq\":99999999999999999999999}"), &seq, &batch));
}

static void test_unframe_says_what_is_wrong(void **unused)
{
    (void)unused;
    struct str json;
    struct err err = ERR_INIT;
    assert_int_equal(log_unframe(STR("0aeb1f68 {\"seq\":17,\"kind\":\"end\"}"), &json, &err), -1);
    assert_int_equal(err.class, ERR_DAMAGED);
    assert_string_equal(err.message, "its checksum is 0aeb1f68, its content gives 0aeb1f69");
    assert_int_equal(log_unframe(STR("0AEB1F69 {}"), &json, &err), -1);
    assert_string_equal(err.message, "it does not begin with a checksum");
    assert_int_equal(log_unframe(STR("0aeb1f69 "), &json, &err), -1);
    assert_int_equal(log_unframe(STR(""), &json, &err), -1);
}

/* Every place in every piece of some lines: the first that begins there or later, and only whole ones. */
static void test_pieces(void **unused)
{
    (void)unused;
    struct str text = STR("one\ntwo\n\nthree\nfo");
    static const uint64_t begins[] = {0, 4, 8, 9};
    for (uint64_t at = 0; at <= text.n; at++)
        for (uint64_t from = 0; from < at || (!at && !from); from++)
            for (uint64_t end = from; end <= text.n; end++) {
                struct log_piece piece;
                size_t i = 0;
                while (i < 4 && begins[i] < at)
                    i++;
                bool whole =
                    i < 4 && str_find_char(str_slice(text, (size_t)begins[i], (size_t)end), '\n', 0) >= 0;
                bool got = log_piece_cut(str_slice(text, (size_t)from, (size_t)end), from, at, &piece);
                assert_int_equal(got, whole && end > begins[i]);
                if (!got)
                    continue;
                assert_int_equal(piece.at, begins[i]);
                assert_int_equal(piece.lines.p[piece.lines.n - 1], '\n');
                assert_memory_equal(piece.lines.p, text.p + begins[i], piece.lines.n);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frame),
        cmocka_unit_test(test_unframe_says_what_is_wrong),
        cmocka_unit_test(test_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
