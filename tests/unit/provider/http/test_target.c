#include "provider/http/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void the_parts_of_a_url(void **state)
{
    (void)state;
    static const struct {
        const char *url, *authority, *host, *rest;
        bool tls, loopback, link_local;
        int port;
    } cases[] = {
        {"https://s3.example.com", "s3.example.com", "s3.example.com", "", true, false, false, 443},
        {"https://s3.example.com:8443/a?b", "s3.example.com:8443", "s3.example.com", "/a?b", true, false,
            false, 8443},
        {"http://localhost:4566/", "localhost:4566", "localhost", "/", false, true, false, 4566},
        {"http://127.3.2.1", "127.3.2.1", "127.3.2.1", "", false, true, false, 80},
        {"http://[::1]:80?x", "[::1]:80", "::1", "?x", false, true, false, 80},
        {"http://[::ffff:127.0.0.1]", "[::ffff:127.0.0.1]", "::ffff:127.0.0.1", "", false, true, false, 80},
        {"http://[::ffff:10.0.0.1]", "[::ffff:10.0.0.1]", "::ffff:10.0.0.1", "", false, false, false, 80},
        {"http://169.254.169.254/latest", "169.254.169.254", "169.254.169.254", "/latest", false, false, true,
            80},
        {"http://[fd00:ec2::254]", "[fd00:ec2::254]", "fd00:ec2::254", "", false, false, true, 80},
        {"http://127.0.0.1.example.com", "127.0.0.1.example.com", "127.0.0.1.example.com", "", false, false,
            false, 80},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_target t;
        struct err err = ERR_INIT;
        if (http_target_parse(str_z(cases[i].url), &t, &err))
            fail_msg("%s", err.message);
        if (!str_eqz(t.authority, cases[i].authority) || !str_eqz(t.host, cases[i].host) ||
            !str_eqz(t.rest, cases[i].rest) || t.tls != cases[i].tls || t.loopback != cases[i].loopback ||
            t.link_local != cases[i].link_local || t.port != cases[i].port)
            fail_msg("%s: authority %.*s, host %.*s, rest %.*s, %d %d %d %d", cases[i].url,
                STR_ARG(t.authority), STR_ARG(t.host), STR_ARG(t.rest), t.tls, t.loopback, t.link_local,
                (int)t.port);
    }
}

static void what_is_no_url_is_refused_without_its_password(void **state)
{
    (void)state;
    static const struct {
        const char *url, *message;
    } cases[] = {
        {"", "\"\" is not a URL that begins with https:// or http://"},
        {"ftp://host", "\"ftp://host\" is not a URL that begins with https:// or http://"},
        {"http://", "\"http://\" is not a URL with a valid host and port"},
        {"http://host:", "\"http://host:\" is not a URL with a valid host and port"},
        {"http://host:65536", "\"http://host:65536\" is not a URL with a valid host and port"},
        {"http://host:+80", "\"http://host:+80\" is not a URL with a valid host and port"},
        {"http://[::1", "\"http://[::1\" is not a URL with a valid host and port"},
        {"http://[::1]x", "\"http://[::1]x\" is not a URL with a valid host and port"},
        {"http://host/a b", "\"http://host/a b\" is not a URL: it has a blank or control character"},
        {"http://host/a?key=se cret",
            "\"http://host/a?(redacted)\" is not a URL: it has a blank or control character"},
        {"http://me:secret@host/", "\"http://me:(redacted)@host/\" is not a URL with a valid host and port"},
        {"ftp://me:secret@host/", "\"ftp://me:(redacted)@host/\" is not a URL that begins with https:// or "
                                  "http://"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_target t;
        struct err err = ERR_INIT;
        if (!http_target_parse(str_z(cases[i].url), &t, &err))
            fail_msg("%s is taken", cases[i].url);
        assert_string_equal(err.message, cases[i].message);
        assert_int_equal(err.class, ERR_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_parts_of_a_url),
        cmocka_unit_test(what_is_no_url_is_refused_without_its_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
