#include "plan/deploy.h"

#include "plan/planner.h"

#include <string.h>

struct walk {
    const struct stack *stack;
    bool *visited; /* by decl->index */
    bool *found;   /* artifacts */
};

static bool is_artifact(const struct decl *decl)
{
    return decl->kind == DECL_RESOURCE && decl->schema && str_eqz(decl->schema->name, "weir.artifact");
}

static bool is_job(const struct decl *decl)
{
    return decl->kind == DECL_RESOURCE && decl->schema && decl->schema->job;
}

/* Through everything that is no resource; through resources only with `far`, and then not through jobs. */
static void find_artifacts(struct walk *w, const struct decl *decl, bool far)
{
    for (size_t i = 0; i < decl->dep_count; i++) {
        const struct decl *dep = decl->deps[i];
        if (w->visited[dep->index])
            continue;
        w->visited[dep->index] = true;
        if (is_artifact(dep))
            w->found[dep->index] = true;
        else if (dep->kind != DECL_RESOURCE || (far && !is_job(dep)))
            find_artifacts(w, dep, far);
    }
}

static size_t artifacts_of(
    const struct stack *stack, struct arena *arena, const struct decl *decl, bool far, bool *found)
{
    struct walk w = {stack, ARENA_ARRAY(arena, bool, stack->decl_count + 1),
        ARENA_ARRAY(arena, bool, stack->decl_count + 1)};
    size_t n = 0;
    find_artifacts(&w, decl, far);
    for (size_t i = 0; i < stack->decl_count; i++) {
        found[i] |= w.found[i];
        n += w.found[i];
    }
    return n;
}

/* What refers to one of these artifacts, directly or through what is no resource. Dependencies come first. */
static void add_users(const struct stack *stack, struct arena *arena, const bool *artifacts, bool *chosen)
{
    bool *leads = ARENA_ARRAY(arena, bool, stack->decl_count + 1);
    for (size_t i = 0; i < stack->decl_count; i++) {
        const struct decl *decl = stack->decls[i];
        for (size_t k = 0; k < decl->dep_count && !leads[i]; k++) {
            const struct decl *dep = decl->deps[k];
            leads[i] = artifacts[dep->index] || (dep->kind != DECL_RESOURCE && leads[dep->index]);
        }
        chosen[i] |= leads[i] && decl->kind == DECL_RESOURCE;
    }
}

static const struct str *addresses(
    const struct stack *stack, struct arena *arena, const bool *chosen, size_t *count)
{
    struct str *list = ARENA_ARRAY(arena, struct str, stack->decl_count + 1);
    *count = 0;
    for (size_t i = 0; i < stack->decl_count; i++)
        if (chosen[i])
            list[(*count)++] = stack->decls[i]->address;
    return list;
}

static int unknown(const struct stack *stack, struct arena *arena, struct str name, struct err *err)
{
    struct str *names = ARENA_ARRAY(arena, struct str, stack->decl_count + 1);
    size_t n = 0;
    for (size_t i = 0; i < stack->decl_count; i++)
        if (is_artifact(stack->decls[i]) || is_job(stack->decls[i]))
            names[n++] = stack->decls[i]->address;
    err_set(err, ERR_ABSENT, "the stack has no resource \"%.*s\"", STR_ARG(name));
    struct str near = str_nearest(name, names, n);
    return near.n ? err_hint(err, "did you mean \"%.*s\"?", STR_ARG(near))
                  : err_hint(err, "it is given by its name in the stack file; \"weir jobs\" lists the jobs");
}

/* One name on the command line: an artifact with its users, a job with its artifacts, a module with both. */
static int choose(
    const struct stack *stack, struct arena *arena, struct str name, bool *chosen, struct err *err)
{
    struct str declared = address_declared(name);
    bool *artifacts = ARENA_ARRAY(arena, bool, stack->decl_count + 1);
    bool there = false, uses = false;
    for (size_t i = 0; i < stack->decl_count; i++) {
        const struct decl *decl = stack->decls[i];
        if (decl->kind != DECL_RESOURCE || !address_matches(decl->address, &declared, 1))
            continue;
        there = true;
        if (is_artifact(decl)) {
            artifacts[i] = chosen[i] = uses = true;
        } else if (artifacts_of(stack, arena, decl, true, chosen)) {
            uses = chosen[i] = true;
        }
    }
    add_users(stack, arena, artifacts, chosen);
    if (!there)
        return unknown(stack, arena, name, err);
    if (uses)
        return 0;
    err_set(err, ERR_INVALID, "\"%.*s\" uses no weir.artifact", STR_ARG(name));
    return err_hint(err, "`weir apply --target %.*s` changes it", STR_ARG(name));
}

int deploy_targets(const struct workspace *workspace, struct arena *arena, const struct str *names, size_t n,
    const struct str **targets, size_t *count, struct err *err)
{
    const struct stack *stack = workspace->stack;
    bool *chosen = ARENA_ARRAY(arena, bool, stack->decl_count + 1);
    for (size_t i = 0; i < n; i++)
        if (choose(stack, arena, names[i], chosen, err))
            return -1;
    if (!n) {
        for (size_t i = 0; i < stack->decl_count; i++)
            chosen[i] = is_artifact(stack->decls[i]);
        bool *artifacts = ARENA_ARRAY(arena, bool, stack->decl_count + 1);
        memcpy(artifacts, chosen, stack->decl_count * sizeof *chosen);
        add_users(stack, arena, artifacts, chosen);
    }
    *targets = addresses(stack, arena, chosen, count);
    if (*count)
        return 0;
    err_set(err, ERR_INVALID, "the stack has no weir.artifact");
    return err_hint(
        err, "`weir docs weir.artifact` shows how a job's code is packaged; `weir apply` does the rest");
}

const struct str *deploy_left(const struct workspace *workspace, struct arena *arena,
    const struct str *targets, size_t n, size_t *count)
{
    const struct stack *stack = workspace->stack;
    bool *artifacts = ARENA_ARRAY(arena, bool, stack->decl_count + 1),
         *users = ARENA_ARRAY(arena, bool, stack->decl_count + 1);
    for (size_t i = 0; i < stack->decl_count; i++)
        artifacts[i] = is_artifact(stack->decls[i]) && address_matches(stack->decls[i]->address, targets, n);
    add_users(stack, arena, artifacts, users);
    for (size_t i = 0; i < stack->decl_count; i++)
        users[i] &= is_job(stack->decls[i]) && !address_matches(stack->decls[i]->address, targets, n);
    return addresses(stack, arena, users, count);
}

/* ---- in the state ---- */

static bool holds(const struct value *v, struct str text)
{
    if (v->kind == VALUE_STRING)
        return str_find(v->string, text, 0) >= 0;
    for (uint32_t i = 0; (v->kind == VALUE_LIST || v->kind == VALUE_MAP) && i < v->count; i++)
        if (holds(v->kind == VALUE_LIST ? v->items[i] : v->entries[i].value, text))
            return true;
    return false;
}

/* A job may still have an earlier version, where a deploy or a rollback was interrupted. */
static bool uses_version_of(const struct record *job, const struct record *artifact)
{
    struct str key = value_text(value_getz(artifact->attrs, "key"), STR_EMPTY);
    const struct value *versions = value_getz(artifact->attrs, "versions");
    bool uses = key.n && holds(job->attrs, key);
    for (uint32_t i = 0; !uses && versions && versions->kind == VALUE_LIST && i < versions->count; i++) {
        key = value_text(value_getz(versions->items[i], "key"), STR_EMPTY);
        uses = key.n && holds(job->attrs, key);
    }
    return uses;
}

const struct record **deploy_artifacts_of(
    const struct workspace *workspace, struct arena *arena, const struct record *job, size_t *count)
{
    size_t n;
    const struct record *const *records = state_records(workspace->state, &n);
    const struct record **list = ARENA_ARRAY(arena, const struct record *, n + 1);
    *count = 0;
    for (size_t i = 0; i < n; i++) {
        if (str_eqz(records[i]->type, "weir.artifact") && uses_version_of(job, records[i]))
            list[(*count)++] = records[i];
    }
    return list;
}
