/* How people and the Engine spell the same thing. */
#include "provider/docker/docker.h"
#include "tests/unit/support/json_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct arena arena;
static struct op_ctx ctx = {
    .arena = &arena, .dir = {".", 1}, .address = {"a", 1}, .owner = {.stack = {"s", 1}, .token = {"t", 1}}};

static const struct value *json(const char *text)
{
    return json_text(&arena, text);
}

static void sizes_and_times(void **state)
{
    (void)state;
    assert_int_equal(spell_size_out(&ctx, json("\"512m\""))->integer, 512 << 20);
    assert_int_equal(spell_size_out(&ctx, json("\"0.5GB\""))->integer, 512 << 20);
    assert_int_equal(spell_size_out(&ctx, json("4096"))->integer, 4096);
    assert_true(value_equal(spell_size_in(&ctx, json("536870912"), NULL), json("\"512m\"")));
    assert_null(spell_size_in(&ctx, json("0"), NULL));
    assert_int_equal(spell_time_out(&ctx, json("\"1m30s\""))->integer, 90000000000);
    assert_int_equal(spell_time_out(&ctx, json("\"500ms\""))->integer, 500000000);
    assert_true(value_equal(spell_time_in(&ctx, json("90000000000"), json("\"1m30s\"")), json("\"1m30s\"")));
    assert_true(value_equal(spell_time_in(&ctx, json("90000000000"), json("\"2m\"")), json("\"90s\"")));
    assert_int_equal(spell_cpus_out(&ctx, json("1.5"))->integer, 1500000000);
    assert_true(value_equal(spell_restart_in(&ctx, spell_restart_out(&ctx, json("\"on-failure:5\"")), NULL),
        json("\"on-failure:5\"")));
    assert_true(value_equal(spell_restart_in(&ctx, json("{\"Name\": \"\"}"), NULL), json("\"no\"")));
    assert_true(value_equal(spell_caps_out(&ctx, json("[\"net_admin\", \"CAP_CHOWN\", \"all\"]")),
        json("[\"CAP_NET_ADMIN\", \"CAP_CHOWN\", \"ALL\"]")));
}

static void ports(void **state)
{
    (void)state;
    const struct value *given =
        json("[{\"container\": 80}, {\"container\": 80, \"host\": 8080, \"address\": \"0.0.0.0\"}]");
    assert_true(value_equal(
        part_ports_out(&ctx, given), json("{\"80/tcp\": [{\"HostIp\": \"127.0.0.1\", \"HostPort\": \"\"}, "
                                          "{\"HostIp\": \"0.0.0.0\", \"HostPort\": \"8080\"}]}")));
    assert_true(value_equal(
        part_ports_in(&ctx, json("{\"53/udp\": [{\"HostIp\": \"\", \"HostPort\": \"53\"}]}"), NULL),
        json("[{\"container\": 53, \"host\": 53, \"protocol\": \"udp\", \"address\": \"0.0.0.0\"}]")));
}

static const char document[] = "{\"Id\": \"0123456789abcdef\", \"Name\": \"/web\", \"Image\": \"sha256:1\", "
                               "\"State\": {\"Status\": \"running\"},"
                               " \"Config\": {\"Image\": \"app\", \"Env\": [\"A=1\", \"PATH=/bin\", "
                               "\"TOKEN=hidden\"], \"Cmd\": [\"run\"]},"
                               " \"HostConfig\": {\"Memory\": 536870912, \"RestartPolicy\": {\"Name\": "
                               "\"no\", \"MaximumRetryCount\": 0}},"
                               " \"NetworkSettings\": {\"Networks\": {\"back\": {\"Aliases\": [\"db\", "
                               "\"0123456789ab\"]}, \"more\": {}}}}";

/* What the image gives by default, and what is secret, is nobody's business. */
static void a_container_is_what_was_given(void **state)
{
    (void)state;
    const struct value *prior =
        json("{\"name\": \"web\", \"image\": \"app\", \"environment\": {\"A\": \"0\"},"
             " \"memory\": \"0.5g\", \"networks\": [{\"name\": \"back\", \"aliases\": [\"db\"]}]}");
    const struct value *live = container_decode(&ctx, json(document), prior);
    assert_true(value_equal(value_getz(live, "environment"), json("{\"A\": \"1\"}")));
    assert_true(value_equal(value_getz(live, "memory"), json("\"0.5g\"")));
    assert_true(value_equal(value_getz(live, "networks"),
        json("[{\"name\": \"back\", \"aliases\": [\"db\"]}, {\"name\": \"more\"}]")));
    assert_true(value_getb(live, "running"));
    live = container_decode(&ctx, json(document), json("{\"name\": \"web\", \"image\": \"app\"}"));
    assert_null(value_getz(live, "environment"));
    live = container_decode(&ctx, json(document), json("{\"name\": \"web\"}")); /* imported */
    assert_int_equal(value_getz(live, "environment")->count, 3);
}

static void limits_cannot_be_taken_away(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    const struct value *body =
        container_changes(&ctx, json("{\"memory\": \"1m\"}"), json("[\"memory\", \"restart\"]"), &err);
    assert_true(value_equal(
        body, json("{\"Memory\": 1048576, \"MemorySwap\": 2097152, \"RestartPolicy\": {\"Name\": \"no\"}}")));
    assert_null(container_changes(&ctx, json("{}"), json("[\"cpus\"]"), &err));
    assert_non_null(strstr(err.message, "`cpus`"));
}

static void names_of_images(void **state)
{
    (void)state;
    static const struct {
        const char *given, *registry, *whole;
    } cases[] = {
        {"postgres", "docker.io", "postgres:latest"},
        {"docker.io/library/postgres:16", "docker.io", "postgres:16"},
        {"shop/api:1.4", "docker.io", "shop/api:1.4"},
        {"localhost:5000/api", "localhost:5000", "localhost:5000/api:latest"},
        {"registry.example/a/b:c", "registry.example", "registry.example/a/b:c"},
        {"127.0.0.1:5000/a@sha256:ab", "127.0.0.1:5000", "127.0.0.1:5000/a@sha256:ab"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct image_name name = image_name_parse(&arena, str_z(cases[i].given));
        assert_true(str_eqz(name.registry, cases[i].registry));
        assert_true(str_eqz(name.whole, cases[i].whole));
    }
}

static int release(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(sizes_and_times, release),
        cmocka_unit_test_teardown(ports, release),
        cmocka_unit_test_teardown(a_container_is_what_was_given, release),
        cmocka_unit_test_teardown(limits_cannot_be_taken_away, release),
        cmocka_unit_test_teardown(names_of_images, release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
