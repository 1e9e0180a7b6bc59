/*
 * Jobs and their artifacts: the declarations of `weir deploy` and `weir rollback`, for plan_options.targets
 * with `targets_only` set.
 *
 * A resource uses a weir.artifact if it refers to it, directly or through locals, inputs, outputs and
 * resources that are not jobs (a layer).
 */
#pragma once

#include "plan/workspace.h"

/*
 * Returns all artifacts and the resources that use them. With `names` (addresses of jobs, artifacts or
 * modules): those jobs and the artifacts that they use, or those artifacts and their users. For a single
 * instance the state tells which others belong to it. ERR_ABSENT, ERR_INVALID if there is nothing to deploy.
 */
int deploy_targets(const struct workspace *workspace, struct arena *arena, const struct str *names, size_t n,
    const struct str **targets, size_t *count, struct err *err);

/* Returns jobs that use targeted artifacts but are not targets themselves: they keep their version. */
const struct str *deploy_left(const struct workspace *workspace, struct arena *arena,
    const struct str *targets, size_t n, size_t *count);

/* True for a weir.artifact. */
bool decl_is_artifact(const struct decl *decl);
/* Returns recorded artifacts that the recorded job uses, by the object key in its attributes. */
const struct record **deploy_artifacts_of(
    const struct workspace *workspace, struct arena *arena, const struct record *job, size_t *count);
