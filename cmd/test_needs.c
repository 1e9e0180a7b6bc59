/* What a test says it needs: without that it is skipped, not failed. */
#include "cmd/test_internal.h"

#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Shell commands that succeed where it is there; as the sandbox looks for it. */
static const struct need {
    struct str name;
    const char *command;
} needs[] = {
    {STR_INIT("boto3"), "python3 -c 'import boto3'"},
    {STR_INIT("duckdb"), "python3 -c 'import duckdb, boto3'"},
    {STR_INIT("python3"), "python3 -c ''"},
    {STR_INIT("spark"),
        "test -x \"$SPARK_HOME/bin/spark-submit\" || command -v spark-submit || python3 -c 'import pyspark'"},
};
enum { NEEDS = sizeof needs / sizeof *needs };

static const struct need *test_needs_find(const struct node *node)
{
    for (size_t i = 0; node->kind == NODE_STRING && i < NEEDS; i++)
        if (str_eq(needs[i].name, node->string))
            return &needs[i];
    return NULL;
}

static bool test_needs_is_there(const struct need *need)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    char *const argv[] = {
        "sh", "-c", (char *)arena_printf(&arena, "(%s) >/dev/null 2>&1 </dev/null", need->command).p, NULL};
    pid_t pid;
    int status = -1;
    if (posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ))
        return false;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

const char *test_missing(const struct node *root)
{
    const struct node *list = node_get(root, "needs");
    for (uint32_t i = 0; list && i < list->count; i++) {
        const struct need *need = test_needs_find(list->items[i]);
        if (need && !test_needs_is_there(need))
            return need->name.p;
    }
    return NULL;
}

void test_check_needs(const struct node *root, struct diags *diags)
{
    struct str names[NEEDS];
    const struct node *list = node_get(root, "needs");
    for (size_t i = 0; i < NEEDS; i++)
        names[i] = needs[i].name;
    if (list && list->kind != NODE_LIST)
        diag_error(diags, node_span(list), "\"needs\" is a list of names, not %s", node_kind_name(list));
    for (uint32_t i = 0; list && list->kind == NODE_LIST && i < list->count; i++) {
        const struct node *item = list->items[i];
        if (test_needs_find(item))
            continue;
        struct str text = item->kind == NODE_STRING ? item->string : STR("");
        struct diag *d = diag_error(diags, node_span(item), "nothing is known of \"%.*s\"", STR_ARG(text));
        diag_did_you_mean(diags, d, text, names, NEEDS);
        if (!d->label.n)
            diag_hint(diags, d, "a test may need boto3, duckdb, python3 or spark");
    }
}
