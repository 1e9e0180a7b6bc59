/* What a process cannot do any more; each promise in a process of its own, since none can be taken back. */
#include "base/file.h"

#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char top[] = "/tmp/weir-confined-XXXXXX";

/* The status with which it ends; 0: all was as it should be. */
static int apart(int (*what)(void))
{
    int status = -1;
    pid_t child = fork();
    if (child == 0)
        _exit(what());
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

#define EXPECT(what_)                                                                                        \
    do {                                                                                                     \
        if (!(what_))                                                                                        \
            return __LINE__ % 250 + 1;                                                                       \
    } while (0)

static void put(const char *name)
{
    FILE *f = fopen(name, "w");
    assert_non_null(f);
    fputs("text", f);
    fclose(f);
}

static int make_folders(void **state)
{
    (void)state;
    if (!mkdtemp(top) || chdir(top) || mkdir("in", 0700) || mkdir("in/deep", 0700) || mkdir("inner", 0700) ||
        symlink("../out", "in/link") || symlink("..", "in/up") || symlink("deep", "in/down"))
        return -1;
    put("out");
    put("in/a");
    put("in/deep/b");
    put("inner/c");
    return chdir("in");
}

static int remove_folders(void **state)
{
    (void)state;
    tree_remove(top);
    return 0;
}

static bool reads(const char *path)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    struct str text;
    return !file_read(&arena, path, 0, &text, &err) && (str_eqz(text, "text") || !text.n);
}

static bool refuses(const char *path)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    struct str text;
    return file_read(&arena, path, 0, &text, &err) && strstr(err.message, "is outside of") &&
           strstr(err.hint, "--root");
}

static int below_one_folder(void)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    struct str text;
    EXPECT(!confined_path("/etc/passwd", &err) && reads("../out"));
    EXPECT(!confine_files(".", &err));
    EXPECT(reads("a") && reads("./deep/../a") && reads("down/b") && reads("/dev/null"));
    EXPECT(refuses("../out") && refuses("link") && refuses("up/out") && refuses("deep/../../out"));
    EXPECT(refuses("../inner/c") && refuses("/etc/passwd") && refuses("/proc/self/environ"));
    EXPECT(!file_read_own(&arena, "../out", 0, &text, &err));
    confine_allow("../inner");
    EXPECT(reads("../inner/c") && refuses("../out"));
    return 0;
}

static int what_is_not_there_yet(void)
{
    struct err err = ERR_INIT;
    EXPECT(!confine_files(".", &err));
    EXPECT(!confined_path("new", &err) && !confined_path("new/er/est", &err) && !confined_path("", &err));
    EXPECT(!confined_path("down/new", &err) && !confined_path("deep/../new", &err));
    EXPECT(confined_path("../new", NULL) && confined_path("up/new/er", NULL) && confined_path("/new", NULL));
    EXPECT(confined_path("new/../../x", NULL) && confined_path("link", NULL) && confined_path("a/b", NULL));
    EXPECT(file_open("../made", O_RDWR | O_CREAT, &err) < 0 && access("../made", F_OK));
    return 0;
}

static int memory_is_its_own(void)
{
    struct err err = ERR_INIT;
    char name[32];
    int fd = memfd_create("weir", MFD_CLOEXEC);
    EXPECT(!confine_files(".", &err) && write(fd, "text", 4) == 4);
    snprintf(name, sizeof name, "/dev/fd/%d", fd);
    EXPECT(reads(name));
    return 0;
}

static int no_programs(void)
{
    struct err err = ERR_INIT;
    char name[] = "/bin/true";
    char *args[] = {name, NULL};
    struct spawn spawn = {.args = args, .env = environ, .out = 1, .error = 2};
    pid_t child;
    EXPECT(!confined_program("this", &err) && !spawn_program(&spawn, &child));
    EXPECT(!confine_programs(&err));
    EXPECT(confined_program("the build", &err) && strstr(err.message, "the build was not run"));
    EXPECT(spawn_program(&spawn, &child) == EPERM);
    EXPECT(execv(name, args) && errno == EPERM);
    pid_t forked = fork();
    if (!forked)
        _exit(execv(name, args) && errno == EPERM ? 7 : 8);
    int status;
    EXPECT(waitpid(forked, &status, 0) == forked && WEXITSTATUS(status) == 7);
    return 0;
}

static void files_are_read_below_one_folder(void **state)
{
    (void)state;
    assert_int_equal(apart(below_one_folder), 0);
    assert_int_equal(apart(what_is_not_there_yet), 0);
    assert_int_equal(apart(memory_is_its_own), 0);
}

static void programs_are_refused_by_the_kernel(void **state)
{
    (void)state;
    assert_int_equal(apart(no_programs), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_read_below_one_folder),
        cmocka_unit_test(programs_are_refused_by_the_kernel),
    };
    return cmocka_run_group_tests(tests, make_folders, remove_folders);
}
