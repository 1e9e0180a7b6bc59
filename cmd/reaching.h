/* What `weir ssh` and `weir tunnel` share: the stack's connections, opened outside a plan. */
#ifndef WEIR_CMD_REACHING_H
#define WEIR_CMD_REACHING_H

#include "cmd/command.h"
#include "plan/connections.h"

/* Opens the workspace and finds the way. Failures have been reported when the result is not EXIT_DONE. */
int reaching_open(struct invocation *inv, struct str name, struct workspace *workspace, struct way *way);
/* Tells of host keys that were trusted just now. */
void reaching_tell(struct invocation *inv, struct workspace *workspace);

#endif
