/*
 * weir as it runs elsewhere: a static program, or this very one with every library that it has loaded, and
 * their loader. By the time an installation is planned that is all it needs, libcurl included, for states
 * were read by then.
 */
#include "cmd/reap/reap_install.h"

#include "base/embed.h"
#include "base/file.h"
#include "base/system.h"

struct gathering {
    struct arena *arena;
    struct str folder;
    struct err *err;
};

/* ---- what program it is: ELF, 64 bits, the least significant byte first; elf(5) ---- */

enum { ELF_HEADER = 64, ELF_X86_64 = 62, ELF_AARCH64 = 183, SEGMENT_INTERPRETER = 3 };

static uint64_t elf_number(struct str program, uint64_t at, unsigned bytes)
{
    uint64_t number = 0;
    for (unsigned i = 0; i < bytes && at + i < program.n; i++)
        number |= (uint64_t)(unsigned char)program.p[at + i] << (8 * i);
    return number;
}

/* As AWS calls it; NULL: not a program for Linux on a machine of Lambda's. */
static const char *elf_machine(struct str program)
{
    if (program.n < ELF_HEADER || !str_starts(program, STR("\177ELF\2\1")))
        return NULL;
    uint64_t machine = elf_number(program, 18, 2);
    return machine == ELF_X86_64 ? "x86_64" : machine == ELF_AARCH64 ? "arm64" : NULL;
}

static bool elf_is_static(struct str program)
{
    uint64_t segments = elf_number(program, 32, 8), size = elf_number(program, 54, 2);
    for (uint64_t i = 0; i < elf_number(program, 56, 2); i++)
        if (elf_number(program, segments + i * size, 4) == SEGMENT_INTERPRETER)
            return false;
    return true;
}

/* ---- its files ---- */

static int put_file(struct gathering *g, struct str name, struct str content)
{
    return file_write_atomic(path_join(g->arena, g->folder, name).p, content, 0755, g->err);
}

static int take_file(void *ctx, const char *path)
{
    struct gathering *g = ctx;
    struct str text, name = arena_printf(g->arena, "with/%.*s", STR_ARG(path_base(str_z(path))));
    return file_read(g->arena, path, 0, &text, g->err) ||
           put_file(g, strcmp(path, system_program()) ? name : STR("weir"), text);
}

int reap_program_gather(
    struct arena *arena, struct str folder, const char *given, const char **machine, struct err *err)
{
    struct gathering g = {arena, folder, err};
    struct str program;
    tree_remove(folder.p);
    if (file_read(arena, given ? given : system_program(), 0, &program, err))
        return -1;
    *machine = elf_machine(program);
    bool alone = elf_is_static(program);
    if (!*machine || (given && !alone)) {
        err_set(err, ERR_USAGE, "%s is not %s program for Linux", given ? given : "this",
            given ? "a static" : "a");
        return err_hint(err, "--program FILE: the program in a release's archive for Linux");
    }
    if (dir_make(path_join(arena, folder, STR("with")).p, err) ||
        put_file(&g, STR("bootstrap"), embedded_text(embedded_find(STR("cmd/reap/installed/bootstrap")))))
        return -1;
    return (alone ? put_file(&g, STR("weir"), program) : system_program_files(take_file, &g)) ? -1 : 0;
}
