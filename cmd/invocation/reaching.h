/* What `weir ssh` and `weir tunnel` share: the stack's connections, opened outside a plan. */
#pragma once

#include "cmd/invocation/invocation.h"
#include "plan/evaluate/connections.h"

typedef int reaching_go(struct invocation *inv, struct workspace *workspace, struct way *way);

/* Opens the workspace, finds the way that the first argument names, goes it and closes. The command's status.
 */
int reaching_run(struct invocation *inv, reaching_go *go);
/* Tells of host keys that were trusted just now. */
void reaching_tell(struct invocation *inv, struct workspace *workspace);
