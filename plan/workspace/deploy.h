/*
 * Jobs and their artifacts: which declarations `weir deploy` and `weir rollback` work on. They go into
 * plan_options.targets, with `alone` set.
 *
 * A resource that refers to a weir.artifact uses it, directly or through locals, inputs, outputs and
 * resources that cannot be run themselves (a layer).
 */
#pragma once

#include "plan/workspace.h"

/*
 * All artifacts and what refers to them; with `names` (addresses of jobs, artifacts or modules) only those
 * jobs and the artifacts that they use, or those artifacts and all that refers to them. Of a single instance
 * the state says with which others it belongs together. ERR_ABSENT, ERR_INVALID where there is nothing to
 * deploy.
 */
int deploy_targets(const struct workspace *workspace, struct arena *arena, const struct str *names, size_t n,
    const struct str **targets, size_t *count, struct err *err);

/*
 * Other jobs that use the artifacts among the targets, and are no targets themselves: they stay with the
 * version they have.
 */
const struct str *deploy_left(const struct workspace *workspace, struct arena *arena,
    const struct str *targets, size_t n, size_t *count);

/* Is it a weir.artifact? */
bool decl_is_artifact(const struct decl *decl);
/* Recorded artifacts that the recorded job uses: by the key that its attributes hold. */
const struct record **deploy_artifacts_of(
    const struct workspace *workspace, struct arena *arena, const struct record *job, size_t *count);
