#include "provider/http/redact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void secret_names_are_known_in_any_spelling(void **state)
{
    (void)state;
    static const char *const secret[] = {"MasterUserPassword", "DB_PASSWORD", "--db-password", "SecretString",
        "secretAccessKey", "SessionToken", "X-Amz-Security-Token", "Token", "WebIdentityToken"};
    static const char *const plain[] = {"NextToken", "ContinuationToken", "ClientRequestToken", "SecretId",
        "SecretArn", "KeyId", "Tokens", ""};
    for (size_t i = 0; i < sizeof secret / sizeof *secret; i++)
        if (!redact_is_secret_name(str_z(secret[i])))
            fail_msg("%s is a secret", secret[i]);
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (redact_is_secret_name(str_z(plain[i])))
            fail_msg("%s is no secret", plain[i]);
}

static void bodies_lose_their_secrets(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"", ""},
        {"plain text", "plain text"},
        {"a=1&Password=p%26q&b", "a=1&Password=(redacted)&b"},
        {"{\"a\":1,\"Password\":\"x\\\"y\",\"b\":[2]}", "{\"a\":1,\"Password\": \"(redacted)\",\"b\":[2]}"},
        {"{\"password\" : {\"deep\":[\"x\",{}]} , \"b\":1}", "{\"password\": \"(redacted)\" , \"b\":1}"},
        {"{\"password\":12}", "{\"password\": \"(redacted)\"}"},
        {"{\"x\":\"password\"}", "{\"x\":\"password\"}"},
        {"{\"password\":\"cut sho", "{\"password\": \"(redacted)\""},
        {"[{\"SecretString\":null}]", "[{\"SecretString\": \"(redacted)\"}]"},
        {"<?xml "
         "version=\"1.0\"?><R><Credentials><SecretAccessKey>s/1</SecretAccessKey><Id>2</Id></Credentials></"
         "R>",
            "<?xml version=\"1.0\"?><R><Credentials><SecretAccessKey>(redacted)</SecretAccessKey><Id>2</Id>"
            "</Credentials></R>"},
        {"<R><SessionToken a=\"b\">s", "<R><SessionToken a=\"b\">(redacted)"},
        {"<R><Password/><Id>2</Id></R>", "<R><Password/><Id>2</Id></R>"},
        {"<", "<"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_BUF struct buf out = BUF_INIT;
        redact_body(&out, str_z(cases[i].in));
        assert_string_equal(out.p ? out.p : "", cases[i].out);
    }
}

static void urls_lose_signatures(void **state)
{
    (void)state;
    AUTO_BUF struct buf out = BUF_INIT;
    redact_url(&out, STR("https://h/p?X-Amz-Credential=AK%2F1&X-Amz-Date=2&X-Amz-Signature=ab&flag"));
    assert_string_equal(
        out.p, "https://h/p?X-Amz-Credential=(redacted)&X-Amz-Date=2&X-Amz-Signature=(redacted)&flag");
}

static void variables_that_hold_secrets_are_known(void **state)
{
    (void)state;
    static const char *const secret[] = {"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "GITHUB_TOKEN",
        "WEIR_STATE_KEY", "PGPASSWORD", "POETRY_PYPI_TOKEN_PYPI", "NPM_CONFIG__AUTH", "npm_config__auth",
        "YARN_NPM_AUTH_IDENT", "SCCACHE_AZURE_CONNECTION_STRING"};
    static const char *const plain[] = {"AWS_ACCESS_KEY_ID", "HOME", "AWS_PROFILE", "TOKENIZERS_PARALLELISM",
        "NPM_CONFIG_ALWAYS_AUTH", "SECRET_NAME"};
    for (size_t i = 0; i < sizeof secret / sizeof *secret; i++)
        assert_true(redact_is_secret_variable(str_z(secret[i])));
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        assert_false(redact_is_secret_variable(str_z(plain[i])));
}

static void printed_lines_lose_their_secrets(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"cc -c main.c", "cc -c main.c"},
        {"fetch https://ada:s3cr@host/x@1?y", "fetch https://ada:(redacted)@host/x@1?y"},
        {"fetch https://s3cr@host/x", "fetch https://(redacted)@host/x"},
        {"see https://host/a@b", "see https://host/a@b"},
        {"DB_PASSWORD=s3cr make", "DB_PASSWORD=(redacted) make"},
        {"PASSWORD='s3 cr' x", "PASSWORD='(redacted)' x"},
        {"login --password s3cr --user ada", "login --password (redacted) --user ada"},
        {"{\"token\": \"s3\\\"cr\", \"n\": 1}", "{\"token\": \"(redacted)\", \"n\": 1}"},
        {"> Authorization: Bearer s3cr", "> Authorization: (redacted)"},
        {"pushing with ghp_0123456789abcdefABCD", "pushing with (redacted)"},
        {"x.js:1: unexpected token: }", "x.js:1: unexpected token: }"},
        {"warning: sort key: name", "warning: sort key: name"},
        {"password:", "password:"},
        {"https://", "https://"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_BUF struct buf out = BUF_INIT;
        redact_line(&out, str_z(cases[i].in));
        assert_string_equal(out.p ? out.p : "", cases[i].out);
    }
}

static void passwords_in_urls_are_no_variables(void **state)
{
    (void)state;
    assert_true(redact_has_password(STR("postgres://me:word@db/x")));
    assert_true(redact_has_password(STR("see https://a:b@c")));
    assert_false(redact_has_password(STR("postgres://me:$WORD@db/x")));
    assert_false(redact_has_password(STR("postgres://me:@db/x")));
    assert_false(redact_has_password(STR("https://db:5432/x")) || redact_has_password(STR("me:word@db")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secret_names_are_known_in_any_spelling),
        cmocka_unit_test(bodies_lose_their_secrets),
        cmocka_unit_test(urls_lose_signatures),
        cmocka_unit_test(variables_that_hold_secrets_are_known),
        cmocka_unit_test(printed_lines_lose_their_secrets),
        cmocka_unit_test(passwords_in_urls_are_no_variables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
