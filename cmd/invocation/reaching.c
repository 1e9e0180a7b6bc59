/* What `weir ssh` and `weir tunnel` share: see reaching.h. */
#include "cmd/invocation/reaching.h"

/* Failures have been reported when the result is not EXIT_DONE. */
static int open_way(struct invocation *inv, struct str name, struct workspace *workspace, struct way *way)
{
    struct err err = ERR_INIT;
    int status = invocation_open(inv, NULL, workspace);
    if (status != EXIT_DONE)
        return status;
    if (plan_way(workspace, name, &inv->diags, way, &err) == 0)
        return EXIT_DONE;
    status = invocation_diags(inv);
    if (err.class != ERR_NONE)
        status = invocation_fail(inv, &err);
    workspace_close(workspace);
    return status == EXIT_DONE ? EXIT_FAILED : status;
}

int reaching_run(struct invocation *inv, reaching_go *go)
{
    AUTO_WORKSPACE struct workspace workspace = {0};
    struct way way;
    int status = open_way(inv, inv->args.items[0], &workspace, &way);
    return status != EXIT_DONE ? status : go(inv, &workspace, &way);
}

static void note(void *ctx, const struct event *event)
{
    invocation_note(ctx, "note: %.*s: %s", STR_ARG(event->address), event->text);
}

void reaching_tell(struct invocation *inv, struct workspace *workspace)
{
    connections_tell(workspace, &(struct observer){note, inv});
}
