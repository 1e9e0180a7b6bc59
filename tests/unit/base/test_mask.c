#include "base/mask.h"

#include "base/hash.h"
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

static const char SECRET[] = "p&s'w\"rd<\\>/ä|?=+";

static int forget(void **state)
{
    (void)state;
    mask_clear();
    return 0;
}

static void check(const char *in, const char *out)
{
    AUTO_BUF struct buf shown = BUF_INIT;
    mask_text(&shown, str_z(in));
    assert_string_equal(shown.p ? shown.p : "", out);
}

static void check_hidden(struct arena *arena, struct str spelling, const char *how)
{
    struct str parts[] = {STR("before "), spelling, STR(" after")};
    AUTO_BUF struct buf shown = BUF_INIT;
    mask_text(&shown, arena_concat(arena, parts, 3));
    if (!str_eq(buf_str(&shown), STR("before " MASKED " after")))
        fail_msg("%s: %s", how, shown.p);
}

static void spellings_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *how, *text;
    } spellings[] = {
        {"as it is", "p&s'w\"rd<\\>/ä|?=+"},
        {"JSON", "p&s'w\\\"rd<\\\\>/ä|?=+"},
        {"JSON in JSON", "p&s'w\\\\\\\"rd<\\\\\\\\>/ä|?=+"},
        {"JSON, in ASCII", "p&s'w\\\"rd<\\\\>/\\u00e4|?=+"},
        {"JSON, for HTML", "p\\u0026s'w\\\"rd\\u003c\\\\\\u003e/\\u00e4|?=+"},
        {"JSON, with slashes escaped", "p&s'w\\\"rd<\\\\>\\/\\u00e4|?=+"},
        {"XML", "p&amp;s'w\"rd&lt;\\&gt;/ä|?=+"},
        {"XML, quotes too", "p&amp;s&apos;w&quot;rd&lt;\\&gt;/ä|?=+"},
        {"XML, quotes by number", "p&amp;s&#39;w&#34;rd&lt;\\&gt;/ä|?=+"},
        {"HTML", "p&amp;s&#x27;w&#x22;rd&lt;\\&gt;/ä|?=+"},
        {"percent", "p%26s%27w%22rd%3C%5C%3E%2F%C3%A4%7C%3F%3D%2B"},
        {"percent, lower case", "p%26s%27w%22rd%3c%5c%3e%2f%c3%a4%7c%3f%3d%2b"},
        {"a path", "p%26s%27w%22rd%3C%5C%3E/%C3%A4%7C%3F%3D%2B"},
        {"a shell's word", "p&s'\\''w\"rd<\\>/ä|?=+"},
        {"a shell's word, as printf %q has it", "p\\&s\\'w\\\"rd\\<\\\\\\>/ä\\|\\?=+"},
        {"the same where there is only ASCII", "p&s\\'w\"rd<\\\\>/\\303\\244|?=+"},
        {"between a shell's double quotes", "p&s'w\\\"rd<\\\\>/ä|?=+"},
        {"a shell's word, as Python quotes it", "p&s'\"'\"'w\"rd<\\>/ä|?=+"},
        {"CSV", "p&s'w\"\"rd<\\>/ä|?=+"},
    };
    AUTO_ARENA struct arena arena = ARENA_INIT;
    mask_add(str_z(SECRET), MASK_GIVEN);
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++)
        check_hidden(&arena, str_z(spellings[i].text), spellings[i].how);
    check_hidden(&arena, hex_encode(&arena, SECRET, sizeof SECRET - 1), "hex");
}

/* Wherever it begins, of the text around it nothing is left that holds a whole byte of it. */
static void base64_is_found_at_any_place(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    mask_add(STR("hunter2-and-more"), MASK_GIVEN);
    for (size_t before = 0; before < 6; before++) {
        struct str parts[] = {str_slice(STR("abcdef"), 0, before), STR("hunter2-and-more"), STR("xyz")};
        struct str encoded = base64_encode(&arena, arena_concat(&arena, parts, 3));
        AUTO_BUF struct buf shown = BUF_INIT;
        mask_text(&shown, encoded);
        if (str_find(buf_str(&shown), STR(MASKED), 0) < 0 || shown.n > encoded.n - 20 + sizeof MASKED + 4)
            fail_msg("%zu bytes before: %s", before, shown.p);
    }
}

static void what_is_too_short_is_left(void **state)
{
    (void)state;
    mask_add(STR("12345"), MASK_GIVEN);
    mask_add(STR("retail"), MASK_LIKELY);
    mask_add(STR("abc-123"), MASK_LIKELY);
    mask_add(STR("production"), MASK_LIKELY);
    check("retail in production, abc-123 and 12345", "retail in production, abc-123 and 12345");
    mask_add(STR("retail"), MASK_GIVEN);
    mask_add(STR("production-1"), MASK_LIKELY);
    mask_add(STR("correcthorsebattery"), MASK_LIKELY);
    check("retail in production-1: correcthorsebattery", MASKED " in " MASKED ": " MASKED);
}

static void values_are_known_with_all_that_is_in_them(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    const struct value *v;
    assert_int_equal(
        json_parse(&arena, STR("{\"user\": [\"first-secret\", 98765432], \"ok\": true}"), &v, &err), 0);
    mask_add_marked(v, MASK_GIVEN);
    check("first-secret", "first-secret");
    mask_add_marked(value_mark(&arena, v, VALUE_SENSITIVE), MASK_GIVEN);
    check("first-secret 98765432 198765432 true", MASKED " " MASKED " 198765432 true");
}

static void parts_of_a_secret_are_secret(void **state)
{
    (void)state;
    mask_add(STR("-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END KEY-----\n"), MASK_GIVEN);
    mask_add(STR("{\"username\": \"app\", \"password\": \"s3cr3t-of-app\"}"), MASK_GIVEN);
    mask_add(STR("postgres://app:p%40ss-word@db.example.com/app"), MASK_GIVEN);
    check("line kqhkiG9w0BAQEF, s3cr3t-of-app, p@ss-word, db.example.com",
        "line " MASKED ", " MASKED ", " MASKED ", db.example.com");
}

static void what_overlaps_is_hidden_whole(void **state)
{
    (void)state;
    mask_add(STR("abcdefgh"), MASK_GIVEN);
    mask_add(STR("efghijkl"), MASK_GIVEN);
    mask_add(STR("efghijklmnop"), MASK_GIVEN);
    check("<abcdefghijklmnop> abcdefghabcdefgh.", "<" MASKED "> " MASKED ".");
}

/* What the user calls no secret is shown, wherever it stands; what else is secret in it by itself as well. */
static void nonsensitive_is_shown(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    mask_add(STR("token-12345"), MASK_GIVEN);
    mask_add(STR("user@example.com"), MASK_GIVEN);
    mask_allow_value(value_stringz(&arena, "user@example.com"));
    mask_allow_value(value_stringz(&arena, "https://h/?t=token-12345"));
    check("user@example.com token-12345 https://h/?t=token-12345",
        "user@example.com " MASKED " https://h/?t=token-12345");
    mask_add(STR("user@example.com"), MASK_GIVEN); /* again, as each evaluation does */
    check("user@example.com", "user@example.com");
}

static void json_stays_json(void **state)
{
    (void)state;
    mask_add(STR("1234567"), MASK_GIVEN);
    mask_add(STR("say \"please\""), MASK_GIVEN);
    AUTO_BUF struct buf out = BUF_INIT;
    mask_json(&out, STR("{\"n\":1234567,\"m\":-12345678,\"t\":\"x say \\\"please\\\" "
                        "1234567\",\"e\":1e9}\n{\"o\":true}\n"));
    assert_string_equal(out.p,
        "{\"n\":\"" MASKED "\",\"m\":-12345678,\"t\":\"x " MASKED " " MASKED "\",\"e\":1e9}\n{\"o\":true}\n");
}

static void a_spelling_that_is_a_secret_itself(void **state)
{
    (void)state;
    mask_add(STR("hunter"), MASK_GIVEN);
    check("68756E746572 363837353645373436353732", MASKED " 363837353645373436353732");
    mask_add(STR("68756E746572"), MASK_GIVEN);
    check("68756E746572 363837353645373436353732", MASKED " " MASKED);
}

static void json_has_no_half_escapes(void **state)
{
    (void)state;
    mask_add(STR("abcdef12"), MASK_GIVEN);
    mask_add(STR("tail-end\\"), MASK_GIVEN);
    mask_add(STR("de00-code"), MASK_GIVEN);
    AUTO_BUF struct buf out = BUF_INIT;
    mask_json(&out, STR("[\"x\\u001abcdef12 \\u00e4\", \"tail-end\\\"q\", \"\\ud83d\\ude00-code\"]"));
    assert_string_equal(out.p, "[\"x" MASKED " \\u00e4\", \"" MASKED "q\", \"" MASKED "\"]");
}

static void stars_keep_the_place(void **state)
{
    (void)state;
    char text[] = "a: correct-horse b";
    mask_add(STR("correct-horse"), MASK_GIVEN);
    mask_stars(text, sizeof text - 1);
    assert_string_equal(text, "a: ************* b");
}

/* A long message is cut: never in a secret. */
/* A build may print much. Milliseconds; whatever grows with the text's length squared would take hours. */
static void much_is_masked_soon(void **state)
{
    (void)state;
    enum { SECRETS = 50, LINES = 100 * 1000 };
    AUTO_BUF struct buf text = BUF_INIT, expected = BUF_INIT, masked = BUF_INIT, json = BUF_INIT;
    for (int i = 0; i < SECRETS; i++) {
        char secret[32];
        snprintf(secret, sizeof secret, "hunter2-%02d-xyz", i);
        mask_add(str_z(secret), MASK_GIVEN);
    }
    for (int i = 0; i < LINES; i++) {
        static const char some[] =
            "copied part %06d of s3://lake/raw/2026/11/22/part.parquet to hunter2-%02d-xy, "
            "key=\"%s\" 12345678\n";
        char secret[32];
        snprintf(secret, sizeof secret, "hunter2-%02d-xyz", i % SECRETS);
        buf_addf(&text, some, i, i % SECRETS, secret);
        buf_addf(&expected, some, i, i % SECRETS, MASKED);
    }
    assert_true(text.n > 10 << 20);
    clock_t before = clock();
    mask_text(&masked, buf_str(&text));
    mask_json(&json, buf_str(&text));
    double seconds = (double)(clock() - before) / CLOCKS_PER_SEC;
    assert_true(str_eq(buf_str(&masked), buf_str(&expected)));
    assert_true(str_eq(buf_str(&json), buf_str(&expected)));
    if (seconds > 30)
        fail_msg("%.1f seconds", seconds);
}

static void errors_have_none(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    char text[sizeof err.message + 40];
    mask_add(STR("correct-horse-battery"), MASK_GIVEN);
    for (size_t pad = sizeof err.message - 40; pad < sizeof err.message; pad++) {
        memset(text, '.', pad);
        memcpy(text + pad, "correct-horse-battery", sizeof "correct-horse-battery");
        err_set(&err, ERR_SERVICE, "%s", text);
        assert_null(strstr(err.message, "correct"));
        err_context(&err, "%s", "reading correct-horse-battery");
        assert_null(strstr(err.message, "correct"));
    }
    err_hint(&err, "not correct-horse-battery");
    assert_string_equal(err.hint, "not " MASKED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(spellings_are_found, forget),
        cmocka_unit_test_teardown(base64_is_found_at_any_place, forget),
        cmocka_unit_test_teardown(what_is_too_short_is_left, forget),
        cmocka_unit_test_teardown(values_are_known_with_all_that_is_in_them, forget),
        cmocka_unit_test_teardown(parts_of_a_secret_are_secret, forget),
        cmocka_unit_test_teardown(what_overlaps_is_hidden_whole, forget),
        cmocka_unit_test_teardown(nonsensitive_is_shown, forget),
        cmocka_unit_test_teardown(json_stays_json, forget),
        cmocka_unit_test_teardown(a_spelling_that_is_a_secret_itself, forget),
        cmocka_unit_test_teardown(json_has_no_half_escapes, forget),
        cmocka_unit_test_teardown(stars_keep_the_place, forget),
        cmocka_unit_test_teardown(errors_have_none, forget),
        cmocka_unit_test_teardown(much_is_masked_soon, forget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
