/* Build contexts: what .dockerignore keeps out, and the bytes that are sent. */
#include "base/archive.h"
#include "base/file.h"
#include "provider/docker/docker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct arena arena;
static char folder[] = "/tmp/weir-context-XXXXXX";

/* ---- rules ---- */

static bool kept_out(const char *text, const char *path)
{
    struct dockerignore rules = {0};
    for (struct str rest = str_z(text); rest.p && rest.n;)
        dockerignore_add(&rules, &arena, str_cut(rest, '\n', &rest));
    bool out = dockerignore_says(&rules, str_z(path));
    dockerignore_release(&rules);
    return out;
}

static void rules_are_dockers(void **state)
{
    (void)state;
    static const struct {
        const char *rules, *path;
        bool out;
    } cases[] = {
        {"a.log", "a.log", true},
        {"a.log", "deep/a.log", false}, /* unlike git: a path, not a name at any depth */
        {"**/a.log", "deep/er/a.log", true},
        {"**/a.log", "a.log", true},
        {"/tmp/", "tmp/x", true},
        {"./tmp//x/../", "tmp/y", true},
        {"*.md\n!README.md", "README.md", false},
        {"*.md\n!README.md", "other.md", true},
        {"!README.md\n*.md", "README.md", true}, /* the last one counts */
        {"docs\n!docs/keep", "docs/keep/a", false},
        {"docs\n!docs/keep", "docs/other", true},
        {"# a.log", "a.log", false},
        {"  a.log  ", "a.log", true},
        {"*/b", "a/b", true},
        {"*/b", "a/c/b", false},
        {"a?c", "abc", true},
        {"", "a", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (kept_out(cases[i].rules, cases[i].path) != cases[i].out)
            fail_msg("\"%s\" on %s", cases[i].rules, cases[i].path);
}

/* ---- bytes ---- */

static void put(const char *name, const char *text, mode_t mode)
{
    struct str path = path_join(&arena, str_z(folder), str_z(name));
    struct err err = ERR_INIT;
    assert_int_equal(dir_make(arena_strz(&arena, path_dir(path)), &err), 0);
    assert_int_equal(file_write_atomic(path.p, str_z(text), mode, &err), 0);
}

/* All of it, taken in pieces of so many bytes. */
static struct str packed(struct package *package, size_t piece)
{
    AUTO_BUF struct buf all = BUF_INIT;
    struct err err = ERR_INIT;
    struct tar *tar;
    char bytes[4096];
    int64_t n;
    assert_int_equal(tar_open(package, &tar, &err), 0);
    while ((n = tar_read(tar, bytes, piece)) > 0)
        buf_add(&all, bytes, (size_t)n);
    assert_int_equal(n, 0);
    assert_int_equal(tar_sent(tar), all.n);
    tar_close(tar);
    return arena_str(&arena, buf_str(&all));
}

static struct str digest(void)
{
    struct package package;
    struct err err = ERR_INIT;
    package_init(&package, &arena);
    assert_int_equal(context_scan(&package, str_z(folder), STR("Dockerfile"), &err), 0);
    assert_int_equal(package_hash(&package, NULL, &err), 0);
    struct str all = package_digest_context(&package, STR("more"));
    package_release(&package);
    return all;
}

static void the_same_bytes_in_any_pieces(void **state)
{
    (void)state;
    struct package package;
    struct err err = ERR_INIT;
    char *large = arena_zalloc(&arena, 300001);
    memset(large, 'x', 300000);
    put("Dockerfile", "FROM scratch\n", 0640);
    put(".dockerignore", "*.log\nDockerfile\n", 0644);
    put("x.log", "noise", 0644);
    put("bin/run", "#!/bin/sh\n", 0755);
    put("bin/large", large, 0644);
    assert_int_equal(mkdir(path_join(&arena, str_z(folder), STR("empty")).p, 0700), 0);
    assert_int_equal(symlink("../nowhere", path_join(&arena, str_z(folder), STR("bin/link")).p), 0);
    package_init(&package, &arena);
    assert_int_equal(context_scan(&package, str_z(folder), STR("Dockerfile"), &err), 0);
    assert_int_equal(package.n, 7); /* the Dockerfile goes along all the same, x.log does not */
    assert_true(str_eqz(package.files[0].path, ".dockerignore"));
    struct str once = packed(&package, 4096);
    assert_true(str_eq(packed(&package, 1), once));
    assert_true(str_eq(packed(&package, 513), once));
    assert_true(once.n > 300000 && once.n % 512 == 0);
    package_release(&package);
}

static void a_digest_is_of_the_content(void **state)
{
    (void)state;
    struct str before = digest(), file = path_join(&arena, str_z(folder), STR("bin/run"));
    assert_int_equal(chmod(file.p, 0700), 0);
    assert_true(str_eq(digest(), before));
    put("x.log", "other noise", 0644);
    assert_true(str_eq(digest(), before));
    assert_int_equal(chmod(file.p, 0644), 0);
    assert_false(str_eq(digest(), before));
    assert_int_equal(chmod(file.p, 0755), 0);
    assert_true(str_eq(digest(), before));
    put("bin/run", "#!/bin/bash\n", 0755);
    assert_false(str_eq(digest(), before));
}

static void what_changes_meanwhile_is_reported(void **state)
{
    (void)state;
    struct package package;
    struct err err = ERR_INIT;
    struct tar *tar;
    char bytes[4096];
    int64_t n;
    package_init(&package, &arena);
    assert_int_equal(context_scan(&package, str_z(folder), STR("Dockerfile"), &err), 0);
    put("bin/run", "#!/bin/sh\necho longer\n", 0755);
    assert_int_equal(tar_open(&package, &tar, &err), 0);
    while ((n = tar_read(tar, bytes, sizeof bytes)) > 0)
        ;
    assert_int_equal(n, -1);
    assert_true(package.changed);
    assert_non_null(strstr(tar_failure(tar)->message, "changed while it was read"));
    assert_int_equal(tar_read(tar, bytes, sizeof bytes), -1);
    tar_close(tar);
    package_release(&package);
}

static void what_cannot_be_sent(void **state)
{
    (void)state;
    struct package package;
    struct err err = ERR_INIT;
    package_init(&package, &arena);
    assert_int_equal(context_scan(&package, str_z(folder), STR("Otherfile"), &err), -1);
    assert_int_equal(err.class, ERR_INVALID);
    assert_int_equal(mkfifo(path_join(&arena, str_z(folder), STR("pipe")).p, 0600), 0);
    assert_int_equal(context_scan(&package, str_z(folder), STR("Dockerfile"), &err), -1);
    assert_non_null(strstr(err.message, "pipe\" is neither a file nor a folder nor a link"));
    package_release(&package);
}

static int begin(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    tree_remove(folder);
    arena_release(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_are_dockers),
        cmocka_unit_test(the_same_bytes_in_any_pieces),
        cmocka_unit_test(a_digest_is_of_the_content),
        cmocka_unit_test(what_changes_meanwhile_is_reported),
        cmocka_unit_test(what_cannot_be_sent),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
