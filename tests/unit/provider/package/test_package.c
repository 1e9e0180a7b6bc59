/* Packages: the same bytes everywhere, and what may go in. Rules of .gitignore are compared with git's own
 * answer. */
#include "provider/package/package.h"

#include "base/file.h"
#include "tests/unit/support/temp_folder.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static struct arena arena = ARENA_INIT;

static int remove_root(void **state)
{
    arena_release(&arena);
    return temp_folder_remove(state);
}

static const char *at(const char *name)
{
    return temp_path(&arena, name);
}

static void put(const char *folder, const char *name, const char *text, mode_t mode, time_t mtime)
{
    struct err err = ERR_INIT;
    const char *path = path_join(&arena, str_z(at(folder)), str_z(name)).p;
    assert_int_equal(dir_make(arena_strz(&arena, path_dir(str_z(path))), &err), 0);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    struct timespec times[] = {{mtime, 0}, {mtime, 0}};
    assert_int_equal(chmod(path, mode), 0);
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static struct str paths(const struct package *package)
{
    AUTO_BUF struct buf out = BUF_INIT;
    for (size_t i = 0; i < package->n; i++)
        buf_addf(&out, "%s%.*s", i ? " " : "", STR_ARG(package->files[i].path));
    return arena_str(&arena, buf_str(&out));
}

static int scan(
    struct package *package, const char *folder, const struct package_filter *filter, struct err *err)
{
    package_init(package, &arena);
    return package_scan(package, at(folder), filter, err) || package_finish(package, STR_EMPTY, err) ? -1 : 0;
}

static void expect_files(const char *folder, const struct package_filter *filter, const char *expected)
{
    struct package package;
    struct err err = ERR_INIT;
    assert_int_equal(scan(&package, folder, filter, &err), 0);
    assert_string_equal(paths(&package).p, expected);
    package_release(&package);
}

static void expect_refusal(const char *folder, const char *message)
{
    struct package package;
    struct err err = ERR_INIT;
    assert_int_equal(scan(&package, folder, &(struct package_filter){0}, &err), -1);
    assert_non_null(strstr(err.message, message));
    assert_int_equal(err.class, ERR_INVALID);
    package_release(&package);
}

static struct str packed(const char *folder, enum package_format format, const char *to)
{
    struct package package;
    struct package_made made;
    struct err err = ERR_INIT;
    assert_int_equal(scan(&package, folder, &(struct package_filter){0}, &err), 0);
    assert_int_equal(package_hash(&package, NULL, &err), 0);
    if (format == PACKAGE_WHEEL)
        package_add_wheel(&package, STR("tools"), STR("1.0"));
    assert_int_equal(package_write(&package, format, true, at(to), &made, &err), 0);
    package_release(&package);
    struct str bytes;
    assert_int_equal(file_read(&arena, at(to), 0, &bytes, &err), 0);
    assert_int_equal((int64_t)bytes.n, made.size);
    assert_string_equal(sha256_hex(&arena, bytes).p, made.sha256.p);
    return bytes;
}

/* ---- the same bytes ---- */

static void same_bytes_everywhere(void **state)
{
    (void)state;
    umask(022);
    put("one", "main.py", "print(1)\n", 0644, 1000000000);
    put("one", "bin/run", "#!/bin/sh\n", 0755, 1500000000);
    put("one", "caf\xc3\xa9/\xe2\x82\xac.txt", "euro\n", 0644, 1);
    umask(077);
    put("other/deeper", "caf\xc3\xa9/\xe2\x82\xac.txt", "euro\n", 0600, 1700000000);
    put("other/deeper", "bin/run", "#!/bin/sh\n", 0700, 1700000001);
    put("other/deeper", "main.py", "print(1)\n", 0640, 1700000002);
    umask(022);
    enum package_format formats[] = {PACKAGE_ZIP, PACKAGE_TAR_GZ, PACKAGE_WHEEL};
    for (size_t i = 0; i < 3; i++) {
        setenv("TZ", "Asia/Kathmandu", 1);
        tzset();
        struct str a = packed("one", formats[i], "a.out");
        setenv("TZ", "America/St_Johns", 1);
        tzset();
        struct str b = packed("other/deeper", formats[i], "b.out");
        assert_true(str_eq(a, b));
    }
    unsetenv("TZ");
    tzset();
}

static void other_bytes_for_other_content(void **state)
{
    (void)state;
    put("bits", "run", "x", 0644, 1);
    struct str plain = packed("bits", PACKAGE_ZIP, "bits.zip");
    put("bits", "run", "x", 0755, 1);
    assert_false(str_eq(plain, packed("bits", PACKAGE_ZIP, "bits.zip")));
}

static struct str digest_of(const char *folder, enum package_format format)
{
    struct package package;
    struct err err = ERR_INIT;
    assert_int_equal(scan(&package, folder, &(struct package_filter){0}, &err), 0);
    assert_int_equal(package_hash(&package, NULL, &err), 0);
    struct str digest = package_digest(&package, format, true);
    package_release(&package);
    return digest;
}

static void digest_says_what_is_in_it(void **state)
{
    (void)state;
    put("digest", "a", "1", 0644, 1);
    put("digest-twin", "a", "1", 0600, 2);
    put("digest-name", "b", "1", 0644, 1);
    put("digest-text", "a", "2", 0644, 1);
    struct str digest = digest_of("digest", PACKAGE_ZIP);
    assert_true(str_eq(digest, digest_of("digest-twin", PACKAGE_ZIP)));
    assert_false(str_eq(digest, digest_of("digest-name", PACKAGE_ZIP)));
    assert_false(str_eq(digest, digest_of("digest-text", PACKAGE_ZIP)));
    assert_false(str_eq(digest, digest_of("digest", PACKAGE_TAR_GZ)));
}

/* ---- what goes in ---- */

static const struct value *list(const char *a, const char *b)
{
    const struct value *items[] = {value_stringz(&arena, a), b ? value_stringz(&arena, b) : NULL};
    return value_list(&arena, items, b ? 2 : 1);
}

static void chooses_by_patterns(void **state)
{
    (void)state;
    put("choice", "main.py", "", 0644, 1);
    put("choice", "lib/a.py", "", 0644, 1);
    put("choice", "lib/data/x.csv", "", 0644, 1);
    put("choice", "notes.md", "", 0644, 1);
    put("choice", "__pycache__/main.pyc", "", 0644, 1);
    put("choice", "lib/old.pyc", "", 0644, 1);
    put("choice", ".git/config", "", 0644, 1);
    put("choice", ".hidden", "", 0644, 1);
    expect_files("choice", &(struct package_filter){0}, ".hidden lib/a.py lib/data/x.csv main.py notes.md");
    expect_files("choice", &(struct package_filter){.include = list("*.py", NULL)}, "lib/a.py main.py");
    expect_files(
        "choice", &(struct package_filter){.include = list("lib/", NULL)}, "lib/a.py lib/data/x.csv");
    expect_files("choice", &(struct package_filter){.include = list("/*.py", "lib/data/**")},
        "lib/data/x.csv main.py");
    expect_files(
        "choice", &(struct package_filter){.exclude = list("lib/data", ".*")}, "lib/a.py main.py notes.md");
    expect_files("choice",
        &(struct package_filter){.include = list("*.py", NULL), .exclude = list("lib", NULL)}, "main.py");
}

static void leaves_out_what_pip_makes_of_this_machine(void **state)
{
    (void)state;
    put("pip", "bin/tool", "", 0755, 1);
    put("pip", "tool/bin/data", "", 0644, 1);
    put("pip", "tool-1.dist-info/RECORD", "", 0644, 1);
    put("pip", "tool-1.dist-info/INSTALLER", "", 0644, 1);
    put("pip", "tool-1.dist-info/METADATA", "", 0644, 1);
    expect_files(
        "pip", &(struct package_filter){.vendored = true}, "tool-1.dist-info/METADATA tool/bin/data");
}

/* What git would add, by git itself. */
static struct str git_says(const char *folder, const char *below)
{
    struct str command = arena_printf(&arena,
        "cd %s && git ls-files -co --exclude-standard -z -- . | tr '\\0' '\\n' | LC_ALL=C sort | tr '\\n' ' "
        "'",
        path_join(&arena, str_z(at(folder)), str_z(below)).p);
    FILE *pipe = popen(command.p, "r");
    char *text = arena_zalloc(&arena, 4096);
    size_t n = fread(text, 1, 4095, pipe);
    assert_int_equal(pclose(pipe), 0);
    return str_trim(str_n(text, n));
}

static void gitignore_as_git_reads_it(void **state)
{
    (void)state;
    if (system("git --version > /dev/null 2>&1"))
        skip();
    static const char *const files[] = {"a.py", "a.log", "keep.log", "build/x", "src/build/y", "src/a.tmp",
        "src/sub/deep.tmp", "src/sub/b.py", "doc/x.txt", "doc/frotz/y.txt", "x/foo/bar/z", "secret",
        "src/secret", "trail ", "#odd", "!odd", "src/only.me", "src/sub/only.me", "vendor/in.txt",
        "vendor/keep/in.txt", "logs/1/debug.log", "info.txt"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        put("repo", files[i], "x", 0644, 1);
    put("repo", ".gitignore",
        "# comment\n*.log\n!keep.log\nbuild/\n/secret\ndoc/frotz\n**/bar\ntrail\\ "
        "\n\\#odd\n\\!odd\nvendor/*\n!vendor/keep\nlogs/**/debug.log\n",
        0644, 1);
    put("repo", "src/.gitignore", "*.tmp\n!deep.tmp\n/only.me\n", 0644, 1);
    assert_int_equal(system(arena_printf(
                         &arena, "cd %s && git init -q . && echo info.txt >> .git/info/exclude", at("repo"))
                                .p),
        0);
    struct package_filter filter = {.gitignore = true};
    expect_files("repo", &filter, arena_strz(&arena, git_says("repo", ".")));
    expect_files("repo/src", &filter, arena_strz(&arena, git_says("repo", "src")));
    expect_files("repo/src/sub", &filter, arena_strz(&arena, git_says("repo", "src/sub")));
}

/* A worktree has the rules of the repository that it is of; a submodule whose repository has not come with it
 * is still none of the one around it. */
static void gitignore_of_other_trees(void **state)
{
    (void)state;
    if (system("git --version > /dev/null 2>&1"))
        skip();
    put("trees/main", "a.py", "x", 0644, 1);
    assert_int_equal(
        system(arena_printf(&arena,
            "cd %s && git init -q . && mkdir -p .git/info && echo '*.tmp' > .git/info/exclude && git -c "
            "user.name=a -c user.email=a@example.org commit -q --allow-empty -m x && git worktree add -q "
            "../tree",
            at("trees/main"))
                   .p),
        0);
    put("trees/tree", "b.py", "x", 0644, 1);
    put("trees/tree", "b.tmp", "x", 0644, 1);
    put("trees/tree", "sub/b.tmp", "x", 0644, 1);
    struct package_filter filter = {.gitignore = true};
    assert_true(str_eqz(git_says("trees/tree", "."), "b.py"));
    expect_files("trees/tree", &filter, "b.py");
    expect_files("trees/tree/sub/..", &filter, "b.py");
    put("trees/tree", "sub/.git", "gitdir: ../../gone\n", 0644, 1);
    expect_files("trees/tree", &filter, "b.py sub/b.tmp");
    expect_files("trees/tree/sub", &filter, "b.tmp");
}

static void make_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
}

static void refuses_what_cannot_go_in(void **state)
{
    (void)state;
    put("outside", "secret", "x", 0644, 1);
    put("leaves", "a", "x", 0644, 1);
    assert_int_equal(symlink("../outside/secret", at("leaves/link")), 0);
    expect_refusal("leaves", "leaves/link\" is a link that leaves the folder");
    put("leaves2", "a", "x", 0644, 1);
    assert_int_equal(symlink("../outside", at("leaves2/link")), 0);
    expect_refusal("leaves2", "leaves2/link\" is a link that leaves the folder");
    put("dangling", "a", "x", 0644, 1);
    assert_int_equal(symlink("nowhere", at("dangling/link")), 0);
    expect_refusal("dangling", "is a link to nothing");
    put("circle/in", "a", "x", 0644, 1);
    assert_int_equal(symlink("..", at("circle/in/up")), 0);
    expect_refusal("circle", "is a link to a folder around it");
    put("latin", "caf\xe9", "x", 0644, 1);
    expect_refusal("latin", "caf\\xe9\" has a name that is not UTF-8");
    put("pipe", "a", "x", 0644, 1);
    assert_int_equal(mkfifo(at("pipe/fifo"), 0600), 0);
    expect_refusal("pipe", "pipe/fifo\" is neither a file nor a folder");
    expect_files("pipe", &(struct package_filter){.exclude = list("fifo", NULL)}, "a");
    expect_files("pipe", &(struct package_filter){.include = list("a", NULL)}, "a");
    put("socket", "a", "x", 0644, 1);
    make_socket(at("socket/s"));
    expect_refusal("socket", "socket/s\" is neither a file nor a folder");
    expect_refusal("not-there", "cannot be read");
}

static void follows_links_inside(void **state)
{
    (void)state;
    put("links", "real/a", "x", 0644, 1);
    assert_int_equal(symlink("real/a", at("links/file")), 0);
    assert_int_equal(symlink("real", at("links/folder")), 0);
    expect_files("links", &(struct package_filter){0}, "file folder/a real/a");
}

/* Such as those of a virtual environment. */
static void links_that_are_not_wanted(void **state)
{
    (void)state;
    put("venv", "main.py", "x", 0644, 1);
    put("venv", "bin/activate", "x", 0644, 1);
    assert_int_equal(symlink("/bin/sh", at("venv/bin/python")), 0);
    assert_int_equal(symlink("nowhere", at("venv/bin/nothing")), 0);
    expect_files("venv", &(struct package_filter){.include = list("*.py", NULL)}, "main.py");
    expect_refusal("venv", "venv/bin/");
    assert_int_equal(symlink("/bin", at("venv/folder")), 0);
    struct package package;
    struct err err = ERR_INIT;
    assert_int_equal(
        scan(&package, "venv", &(struct package_filter){.include = list("*.py", NULL)}, &err), -1);
    assert_non_null(strstr(err.message, "venv/folder\" is a link that leaves the folder"));
    package_release(&package);
}

static void two_files_of_one_name(void **state)
{
    (void)state;
    struct package package;
    struct err err = ERR_INIT;
    put("first", "a", "1", 0644, 1);
    put("second", "a", "2", 0644, 1);
    package_init(&package, &arena);
    assert_int_equal(package_scan(&package, at("first"), &(struct package_filter){0}, &err), 0);
    assert_int_equal(package_scan(&package, at("second"), &(struct package_filter){0}, &err), 0);
    assert_int_equal(package_finish(&package, STR("python"), &err), -1);
    assert_non_null(strstr(err.message, "would be \"python/a\" in the package"));
    package_release(&package);
}

static void expect_collision(const char *second, const char *message)
{
    struct package package;
    struct err err = ERR_INIT;
    package_init(&package, &arena);
    assert_int_equal(package_scan(&package, at("tools"), &(struct package_filter){0}, &err), 0);
    assert_int_equal(package_scan(&package, at(second), &(struct package_filter){0}, &err), 0);
    assert_int_equal(package_finish(&package, STR("python"), &err), -1);
    assert_int_equal(err.class, ERR_INVALID);
    assert_non_null(strstr(err.message, message));
    package_release(&package);
}

/* Nobody could unpack that; what sorts between the two does not hide it. */
static void a_file_where_another_has_a_folder(void **state)
{
    (void)state;
    put("tools", "a/tool", "1", 0644, 1);
    put("tools", "a/tool-1.info", "1", 0644, 1);
    put("tools", "a/tool.txt", "1", 0644, 1);
    put("packages", "a/tool/x/y", "2", 0644, 1);
    put("packages-2", "a", "2", 0644, 1);
    expect_collision("packages", "tools/a/tool\" would be a file where \"");
    expect_collision("packages-2", "packages-2/a\" would be a file where \"");
    put("tools-3", "a/tool-2/x", "1", 0644, 1);
    struct package package;
    struct err err = ERR_INIT;
    package_init(&package, &arena);
    assert_int_equal(package_scan(&package, at("tools"), &(struct package_filter){0}, &err), 0);
    assert_int_equal(package_scan(&package, at("tools-3"), &(struct package_filter){0}, &err), 0);
    assert_int_equal(package_finish(&package, STR("python"), &err), 0);
    package_release(&package);
}

/* ---- changes while it is read ---- */

static void notices_changes(void **state)
{
    (void)state;
    struct package package;
    struct package_made made;
    struct err err = ERR_INIT;
    put("moving", "a", "1", 0644, 1);
    assert_int_equal(scan(&package, "moving", &(struct package_filter){0}, &err), 0);
    put("moving", "a", "22", 0644, 2);
    assert_int_equal(package_hash(&package, NULL, &err), -1);
    assert_true(package.changed);
    assert_non_null(strstr(err.message, "moving/a\" changed while it was read"));
    package_release(&package);

    assert_int_equal(scan(&package, "moving", &(struct package_filter){0}, &err), 0);
    assert_int_equal(package_hash(&package, NULL, &err), 0);
    put("moving", "a", "33", 0644, 3);
    assert_int_equal(package_write(&package, PACKAGE_ZIP, true, at("moving.zip"), &made, &err), -1);
    assert_true(package.changed);
    assert_false(path_exists(at("moving.zip")));
    package_release(&package);

    assert_int_equal(scan(&package, "moving", &(struct package_filter){0}, &err), 0);
    assert_int_equal(unlink(at("moving/a")), 0);
    assert_int_equal(package_hash(&package, NULL, &err), -1);
    assert_true(package.changed);
    package_release(&package);
}

static void full_disk(void **state)
{
    (void)state;
    struct package package;
    struct package_made made;
    struct err err = ERR_INIT;
    put("disk", "a", "1", 0644, 1);
    assert_int_equal(scan(&package, "disk", &(struct package_filter){0}, &err), 0);
    assert_int_equal(package_hash(&package, NULL, &err), 0);
    assert_int_equal(package_write(&package, PACKAGE_ZIP, true, "/proc/nothing/a.zip", &made, &err), -1);
    assert_int_equal(err.class, ERR_FAILED);
    package_release(&package);
}

/* Its own names, and what RECORD says of them, are checked with pip in tests/e2e. */
static void wheel_has_its_record(void **state)
{
    (void)state;
    struct package package;
    struct err err = ERR_INIT;
    put("wheel", "tools/__init__.py", "", 0644, 1);
    put("wheel", "tools/a,b.txt", "x", 0644, 1);
    put("wheel", "tools/line\nbreak.txt", "x", 0644, 1);
    assert_int_equal(scan(&package, "wheel", &(struct package_filter){0}, &err), 0);
    assert_int_equal(package_hash(&package, NULL, &err), 0);
    package_add_wheel(&package, STR("tools"), STR("1.2"));
    assert_string_equal(paths(&package).p,
        "tools-1.2.dist-info/METADATA tools-1.2.dist-info/RECORD "
        "tools-1.2.dist-info/WHEEL tools/__init__.py tools/a,b.txt tools/line\nbreak.txt");
    struct str record = package.files[1].text;
    assert_true(str_find(record,
                    STR("tools/__init__.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n"), 0) >= 0);
    assert_true(str_find(record, STR("\"tools/a,b.txt\",sha256="), 0) >= 0);
    assert_true(str_find(record, STR("\n\"tools/line\nbreak.txt\",sha256="), 0) >= 0);
    assert_true(str_ends(record, STR("tools-1.2.dist-info/RECORD,,\n")));
    package_release(&package);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_bytes_everywhere),
        cmocka_unit_test(other_bytes_for_other_content),
        cmocka_unit_test(digest_says_what_is_in_it),
        cmocka_unit_test(chooses_by_patterns),
        cmocka_unit_test(leaves_out_what_pip_makes_of_this_machine),
        cmocka_unit_test(gitignore_as_git_reads_it),
        cmocka_unit_test(gitignore_of_other_trees),
        cmocka_unit_test(refuses_what_cannot_go_in),
        cmocka_unit_test(follows_links_inside),
        cmocka_unit_test(links_that_are_not_wanted),
        cmocka_unit_test(two_files_of_one_name),
        cmocka_unit_test(a_file_where_another_has_a_folder),
        cmocka_unit_test(notices_changes),
        cmocka_unit_test(full_disk),
        cmocka_unit_test(wheel_has_its_record),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, remove_root);
}
