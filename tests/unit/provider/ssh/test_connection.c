#include "base/json.h"
#include "provider/ssh/connections.h"
#include "provider/ssh/login.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int read_json(struct connection *c, const char *json, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct value *config;
    assert_int_equal(json_parse(&arena, str_z(json), &config, err), 0);
    connection_init(c, STR("bastion"), config, STR("/stack"));
    return connection_read(c, err);
}

static void what_is_given_stands(void **state)
{
    (void)state;
    struct connection c;
    struct err err = ERR_INIT;
    assert_int_equal(read_json(&c,
                         "{\"host\": \"h\", \"port\": 2222, \"user\": \"u\", \"key\": [\"keys/a\", \"/b\"], "
                         "\"timeout\": \"90s\", \"wait\": \"2m\", \"ssh_config\": \"none\"}",
                         &err),
        0);
    assert_string_equal(c.host, "h");
    assert_string_equal(c.alias, "h");
    assert_string_equal(c.user, "u");
    assert_int_equal(c.port, 2222);
    assert_string_equal(c.key_files[0], "/stack/keys/a");
    assert_string_equal(c.key_files[1], "/b");
    assert_null(c.key_files[2]);
    assert_false(c.agent); /* a key was named */
    assert_int_equal(c.timeout_ms, 90 * 1000);
    assert_int_equal(c.wait_ms, 120 * 1000);
    connection_release(&c);
}

static void a_key_may_be_the_key_itself(void **state)
{
    (void)state;
    struct connection c;
    struct err err = ERR_INIT;
    assert_int_equal(read_json(&c,
                         "{\"host\": \"h\", \"ssh_config\": \"none\", \"key\": \"-----BEGIN OPENSSH PRIVATE "
                         "KEY-----\\nabc\\n-----END OPENSSH PRIVATE KEY-----\"}",
                         &err),
        0);
    assert_true(c.keys_given);
    assert_null(c.key_files[0]);
    assert_non_null(strstr(c.key, "\nabc\n"));
    connection_release(&c);
}

static void durations_are_checked(void **state)
{
    (void)state;
    static const char *const wrong[] = {"soon", "-1", "5x", "1.5m", "s"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct connection c;
        struct err err = ERR_INIT;
        char json[128];
        snprintf(
            json, sizeof json, "{\"host\": \"h\", \"ssh_config\": \"none\", \"wait\": \"%s\"}", wrong[i]);
        assert_int_equal(read_json(&c, json, &err), -1);
        assert_non_null(strstr(err.message, "\"wait\" is a duration"));
        connection_release(&c);
    }
}

/* They may become part of a shell's line, and what is a machine's name is known late. */
static void host_and_user_are_words(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {{"h; id", "u"}, {"h\\nx", "u"}, {"-oProxyCommand=id", "u"},
        {"$(id)", "u"}, {"`id`", "u"}, {"h", "u|id"}, {"h", "-l"}, {"h", "u\\n"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct connection c;
        struct err err = ERR_INIT;
        char json[128];
        snprintf(json, sizeof json, "{\"host\": \"%s\", \"user\": \"%s\", \"ssh_config\": \"none\"}",
            wrong[i][0], wrong[i][1]);
        assert_int_equal(read_json(&c, json, &err), -1);
        assert_non_null(strstr(err.message, "does not match"));
        connection_release(&c);
    }
}

/* OpenSSH's own files, as its program reads them; what the stack says goes first. */
static void as_the_users_configuration_says(void **state)
{
    (void)state;
    char path[] = "/tmp/weir-ssh-config-XXXXXX", json[256];
    int fd = mkstemp(path);
    static const char text[] = "Host web\n  HostName 192.0.2.7\n  Port 2022\n  User deploy\n"
                               "  ProxyJump ana@edge:2200\n  HostKeyAlias web-alias\n  "
                               "StrictHostKeyChecking yes\n";
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    close(fd);
    struct connection c;
    struct err err = ERR_INIT;
    snprintf(json, sizeof json, "{\"host\": \"web\", \"user\": \"etl\", \"ssh_config\": \"%s\"}", path);
    int rc = read_json(&c, json, &err);
    unlink(path);
    if (access("/usr/bin/ssh", X_OK)) /* libssh's reader knows fewer settings */
        skip();
    assert_int_equal(rc, 0);
    assert_string_equal(c.host, "192.0.2.7");
    assert_string_equal(c.alias, "web-alias");
    assert_string_equal(c.user, "etl");
    assert_int_equal(c.port, 2022);
    assert_true(c.strict);
    assert_string_equal(c.proxy_command, "exec ssh -p 2200 -W '[%h]:%p' ana@edge");
    connection_release(&c);
}

/* `ssh -G` writes addresses between brackets, which `ssh` does not take for a host. */
static void by_way_of_other_hosts(void **state)
{
    (void)state;
    if (access("/usr/bin/ssh", X_OK))
        skip();
    static const char *const jumps[][2] = {{"edge", "exec ssh -W '[%h]:%p' edge"},
        {"192.0.2.9", "exec ssh -W '[%h]:%p' 192.0.2.9"},
        {"ana@192.0.2.9:2200", "exec ssh -p 2200 -W '[%h]:%p' ana@192.0.2.9"},
        {"ana@[2001:db8::1]:22", "exec ssh -p 22 -W '[%h]:%p' ana@2001:db8::1"},
        {"edge,192.0.2.8,bob@inner:23", "exec ssh -J edge,192.0.2.8 -p 23 -W '[%h]:%p' bob@inner"}};
    for (size_t i = 0; i < sizeof jumps / sizeof *jumps; i++) {
        char path[] = "/tmp/weir-ssh-config-XXXXXX", json[256];
        int fd = mkstemp(path);
        dprintf(fd, "Host web\n  ProxyJump %s\n", jumps[i][0]);
        close(fd);
        struct connection c;
        struct err err = ERR_INIT;
        snprintf(json, sizeof json, "{\"host\": \"web\", \"user\": \"etl\", \"ssh_config\": \"%s\"}", path);
        int rc = read_json(&c, json, &err);
        unlink(path);
        assert_int_equal(rc, 0);
        assert_string_equal(c.proxy_command, jumps[i][1]);
        connection_release(&c);
    }
}

static void words_for_a_shell(void **state)
{
    (void)state;
    AUTO_BUF struct buf out = BUF_INIT;
    buf_add_quoted(&out, STR("it's $HOME `x` \\ \"y\"\n"));
    assert_string_equal(out.p, "'it'\\''s $HOME `x` \\ \"y\"\n'");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_given_stands),
        cmocka_unit_test(a_key_may_be_the_key_itself),
        cmocka_unit_test(durations_are_checked),
        cmocka_unit_test(host_and_user_are_words),
        cmocka_unit_test(as_the_users_configuration_says),
        cmocka_unit_test(by_way_of_other_hosts),
        cmocka_unit_test(words_for_a_shell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
