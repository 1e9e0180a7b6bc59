/*
 * Sessions, quoting, errors and copying, against a server of the test's own from the system's package; where
 * there is none, or it may not be started, these tests are skipped.
 */
#include "base/err.h"
#include "base/file.h"
#include "provider/postgres/postgres.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/weir-pg-unit-XXXXXX";
static char programs[256]; /* folder of PostgreSQL's programs; "" none */
static struct arena arena;
static struct provider *provider;
static struct session *session;
static struct op_ctx ctx;
static atomic_bool cancel;

/* As the user postgres where this is root, whom the server refuses. */
static int program(const char *words)
{
    char command[1024];
    const char *as = geteuid() ? "" : "setpriv --reuid postgres --regid postgres --clear-groups ";
    snprintf(command, sizeof command, "cd / && %s%s/%s >/dev/null 2>&1", as, programs, words);
    return system(command);
}

static int begin_server(void)
{
    char words[512];
    glob_t found;
    if (glob("/usr/lib/postgresql/*/bin", 0, NULL, &found) || !mkdtemp(folder))
        return -1;
    snprintf(programs, sizeof programs, "%s", found.gl_pathv[found.gl_pathc - 1]);
    globfree(&found);
    snprintf(words, sizeof words, "chown postgres %s", folder);
    if (!geteuid() && system(words))
        return -1;
    snprintf(words, sizeof words, "initdb -D %s/data -A trust -U weir -N", folder);
    if (program(words))
        return -1;
    snprintf(words, sizeof words,
        "pg_ctl -D %s/data -o \"-k %s -c listen_addresses= -c fsync=off\" -l %s/log -w start", folder, folder,
        folder);
    return program(words);
}

static int begin(void **state)
{
    (void)state;
    static const struct provider_kind *const items[] = {&postgres_kind, NULL};
    static const struct provider_kinds kinds = {.items = items};
    struct err err = ERR_INIT;
    if (begin_server()) {
        programs[0] = '\0';
        return 0;
    }
    struct value_entry settings[] = {
        {STR("host"), value_stringz(&arena, folder)}, {STR("user"), value_stringz(&arena, "weir")}};
    struct provider_options options = {
        .kinds = &kinds, .name = STR("postgres"), .config = value_map(&arena, settings, 2)};
    if (provider_new(&options, &provider, &err))
        return -1;
    ctx = (struct op_ctx){.arena = &arena, .provider = provider, .cancel = &cancel};
    return session_take(&ctx, STR_EMPTY, &session, &err);
}

static int end(void **state)
{
    (void)state;
    char words[512];
    session_give(&session);
    provider_free(provider);
    arena_release(&arena);
    if (programs[0]) {
        snprintf(words, sizeof words, "pg_ctl -D %s/data -m immediate stop", folder);
        program(words);
    }
    tree_remove(folder);
    return 0;
}

static void need_server(void)
{
    if (!programs[0])
        skip();
}

static struct str answer(const char *format, struct str a)
{
    AUTO_BUF struct buf sql = BUF_INIT;
    AUTO_ROWS struct rows rows = {0};
    struct err err = ERR_INIT;
    sql_add(&sql, session, format, a);
    assert_int_equal(session_run(session, buf_str(&sql), NULL, &rows, &err), 0);
    return arena_str(&arena, rows_text(&rows, 0, 0));
}

/* ---- */

static void test_quoting(void **state)
{
    (void)state;
    need_server();
    static const struct str texts[] = {STR_INIT("it's"), STR_INIT("\\'; drop table x; --"),
        STR_INIT("\"a\" %I %%"), STR_INIT("öäü\n\t"), STR_INIT("$$")};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_true(str_eq(answer("select %L", texts[i]), texts[i]));
        assert_true(str_eq(
            answer("select (json_object_keys(to_json(q))) from (select 1 as %I) q", texts[i]), texts[i]));
    }
}

static void test_one_message_is_one_transaction(void **state)
{
    (void)state;
    need_server();
    struct err err = ERR_INIT;
    assert_int_equal(
        session_run(session, STR("create table half (a int); select 1/0"), NULL, NULL, &err), -1);
    assert_string_equal(err.code, "22012");
    assert_string_equal(answer("select to_regclass(%L) is null", STR("half")).p, "t");
    assert_false(session_in_transaction(session));
}

static void test_an_error_has_its_place(void **state)
{
    (void)state;
    need_server();
    struct err err = ERR_INIT;
    struct source_text source = {STR("m.sql"), STR("select 'ö';\nselect\n  nonsense")};
    struct str sql = arena_printf(&arena, "set local search_path = public;\n%s", source.text.p);
    assert_int_equal(session_run(session, sql, &source, NULL, &err), -1);
    assert_true(str_starts(str_z(err.message), STR("m.sql:3:3: column \"nonsense\" does not exist")));
}

static void test_places(void **state)
{
    (void)state;
    unsigned line, column;
    text_place(STR("ab\ncö d"), 1, &line, &column);
    assert_true(line == 1 && column == 1);
    text_place(STR("ab\ncö d"), 4, &line, &column);
    assert_true(line == 2 && column == 1);
    text_place(STR("ab\ncö d"), 7, &line, &column);
    assert_true(line == 2 && column == 4);
}

static void test_no_such_database(void **state)
{
    (void)state;
    need_server();
    struct err err = ERR_INIT;
    struct session *other = NULL;
    assert_int_equal(session_take(&ctx, STR("nowhere"), &other, &err), -1);
    assert_int_equal(err.class, ERR_ABSENT);
    assert_null(other);
}

struct lines {
    int left;
    bool fails;
};

static int more_lines(void *arg, const char **bytes, size_t *n, struct err *err)
{
    struct lines *lines = arg;
    *bytes = "1\n";
    *n = lines->left ? 2 : 0;
    if (!lines->left && lines->fails)
        return err_set(err, ERR_IO, "the disk is gone");
    lines->left -= lines->left > 0;
    return 0;
}

static void test_copying(void **state)
{
    (void)state;
    need_server();
    struct err err = ERR_INIT;
    int64_t count = 0;
    assert_int_equal(session_run(session, STR("create table c (a int)"), NULL, NULL, &err), 0);
    assert_int_equal(
        session_copy(session, STR("copy c from stdin"), more_lines, &(struct lines){3, false}, &count, &err),
        0);
    assert_int_equal(count, 3);
    assert_int_equal(
        session_copy(session, STR("copy c from stdin"), more_lines, &(struct lines){3, true}, &count, &err),
        -1);
    assert_string_equal(err.message, "the disk is gone");
    err = (struct err)ERR_INIT;
    assert_int_equal(session_copy(session, STR("copy nowhere from stdin"), more_lines,
                         &(struct lines){3, false}, &count, &err),
        -1);
    assert_string_equal(err.code, "42P01");
    assert_string_equal(answer("select count(*)::text || %L from c", STR("!")).p, "3!");
}

static void test_a_file_of_statements_copies_nothing(void **state)
{
    (void)state;
    need_server();
    struct err err = ERR_INIT;
    struct source_text source = {STR("m.sql"), STR("create table d (a int); copy d from stdin;")};
    assert_int_equal(session_run(session, source.text, &source, NULL, &err), -1);
    assert_non_null(strstr(err.message, "COPY"));
    assert_string_equal(answer("select to_regclass(%L) is null", STR("d")).p, "t");
}

static void test_interruption(void **state)
{
    (void)state;
    need_server();
    struct err err = ERR_INIT;
    atomic_store(&cancel, true);
    assert_int_equal(session_run(session, STR("select pg_sleep(1000)"), NULL, NULL, &err), -1);
    atomic_store(&cancel, false);
    assert_int_equal(err.class, ERR_INTERRUPTED);
    assert_string_equal(answer("select %L", STR("on")).p, "on");
}

static void test_a_verifier_is_no_password(void **state)
{
    (void)state;
    need_server();
    struct err err = ERR_INIT;
    struct str verifier;
    assert_int_equal(sql_verifier(session, &arena, STR("somebody"), STR("Wheatear-6"), &verifier, &err), 0);
    assert_true(str_starts(verifier, STR("SCRAM-SHA-256$")) && str_find(verifier, STR("Wheatear"), 0) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quoting),
        cmocka_unit_test(test_one_message_is_one_transaction),
        cmocka_unit_test(test_an_error_has_its_place),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_no_such_database),
        cmocka_unit_test(test_copying),
        cmocka_unit_test(test_a_file_of_statements_copies_nothing),
        cmocka_unit_test(test_interruption),
        cmocka_unit_test(test_a_verifier_is_no_password),
    };
    setenv("LC_ALL", "C.UTF-8", 1);
    return cmocka_run_group_tests(tests, begin, end);
}
