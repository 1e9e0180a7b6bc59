/* A whole stack file, loaded and checked against the embedded types. */
#include "cmd/invocation/kinds.h"
#include "stacks/stack.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char path[] = "/tmp/weir-fuzz-XXXXXX";

static void remove_file(void)
{
    unlink(path);
}

static struct catalog *set_up(int *fd)
{
    struct catalog *catalog;
    struct err err = ERR_INIT;
    *fd = mkstemp(path);
    atexit(remove_file);
    if (*fd < 0 || catalog_new(&(struct catalog_options){.kinds = &cmd_kinds}, &catalog, &err))
        abort();
    return catalog;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct catalog *catalog;
    static int fd;
    if (!catalog)
        catalog = set_up(&fd);
    if (ftruncate(fd, 0) || pwrite(fd, data, n, 0) != (ssize_t)n)
        abort();
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    struct stack_options options = {.dir = path, .env = STR_EMPTY, .catalog = catalog};
    struct stack *stack = stack_load(&options, &diags);
    assert(stack || diags.errors);
    AUTO_BUF struct buf out = BUF_INIT;
    diags_render(&diags, true, &out);
    assert(str_is_utf8(buf_str(&out)));
    for (size_t i = 0; stack && !diags.errors && i < stack->decl_count; i++)
        for (size_t k = 0; k < stack->decls[i]->dep_count; k++)
            assert(stack->decls[i]->deps[k]->index < i);
    stack_free(stack);
    return 0;
}
