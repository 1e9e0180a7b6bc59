/*
 * Which declarations are deployed together with a job's code, from the stack; and which instances, from the
 * state.
 */
#include "plan/workspace/deploy.h"

#include "plan/objects/objects.h"

/* ---- from the stack ---- */

struct walk {
    bool *visited; /* by decl->index */
    bool *found;   /* artifacts */
    bool far;      /* also through resources other than jobs */
};

bool decl_is_artifact(const struct decl *decl)
{
    return decl->kind == DECL_RESOURCE && decl->schema && str_eqz(decl->schema->name, "weir.artifact");
}

static bool is_job(const struct decl *decl)
{
    return decl->kind == DECL_RESOURCE && decl->schema && decl->schema->job;
}

static bool find_artifacts(void *ctx, const struct decl *dep)
{
    struct walk *w = ctx;
    if (w->visited[dep->index])
        return false;
    w->visited[dep->index] = true;
    w->found[dep->index] = decl_is_artifact(dep);
    return !w->found[dep->index] && (dep->kind != DECL_RESOURCE || (w->far && !is_job(dep)));
}

static size_t artifacts_of(
    const struct stack *stack, struct arena *arena, const struct decl *decl, bool far, bool *found)
{
    struct walk w = {ARENA_ARRAY(arena, bool, stack->decl_count + 1),
        ARENA_ARRAY(arena, bool, stack->decl_count + 1), far};
    size_t n = 0;
    decl_walk_deps(decl, find_artifacts, &w);
    for (size_t i = 0; i < stack->decl_count; i++) {
        found[i] |= w.found[i];
        n += w.found[i];
    }
    return n;
}

/* Resources that refer to one of these artifacts, directly or through other declarations. Relies on the order
 * of declarations: dependencies come first. */
static bool *users_of(const struct stack *stack, struct arena *arena, const bool *artifacts)
{
    bool *leads = ARENA_ARRAY(arena, bool, stack->decl_count + 1),
         *users = ARENA_ARRAY(arena, bool, stack->decl_count + 1);
    for (size_t i = 0; i < stack->decl_count; i++) {
        const struct decl *decl = stack->decls[i];
        for (size_t k = 0; k < decl->dep_count && !leads[i]; k++) {
            const struct decl *dep = decl->deps[k];
            leads[i] = artifacts[dep->index] || (dep->kind != DECL_RESOURCE && leads[dep->index]);
        }
        users[i] = leads[i] && decl->kind == DECL_RESOURCE;
    }
    return users;
}

/* ---- from the state ---- */

static bool holds_text(const struct value *v, struct str text)
{
    if (v->kind == VALUE_STRING)
        return str_find(v->string, text, 0) >= 0;
    for (uint32_t i = 0; (v->kind == VALUE_LIST || v->kind == VALUE_MAP) && i < v->count; i++)
        if (holds_text(v->kind == VALUE_LIST ? v->items[i] : v->entries[i].value, text))
            return true;
    return false;
}

/* After an interrupted deploy or rollback a job may still use an earlier version. */
static bool uses_version_of(const struct record *job, const struct record *artifact)
{
    struct str key = value_gets(artifact->attrs, "key");
    const struct value *versions = value_getz(artifact->attrs, "versions");
    bool uses = key.n && holds_text(job->attrs, key);
    for (uint32_t i = 0; !uses && versions && versions->kind == VALUE_LIST && i < versions->count; i++) {
        key = value_gets(versions->items[i], "key");
        uses = key.n && holds_text(job->attrs, key);
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
        if (str_eqz(records[i]->subject.type, "weir.artifact") && uses_version_of(job, records[i]))
            list[(*count)++] = records[i];
    }
    return list;
}

/* ---- the targets ---- */

struct chooser {
    const struct workspace *workspace;
    struct arena *arena;
    struct str *targets;
    size_t n;
};

static struct chooser chooser_new(const struct workspace *workspace, struct arena *arena)
{
    size_t records;
    state_records(workspace->state, &records);
    struct str *targets = ARENA_ARRAY(arena, struct str, workspace->stack->decl_count + records + 1);
    return (struct chooser){workspace, arena, targets, 0};
}

static void add_target(struct chooser *c, struct str address)
{
    for (size_t i = 0; i < c->n; i++)
        if (str_eq(c->targets[i], address))
            return;
    c->targets[c->n++] = address;
}

static void add_chosen(struct chooser *c, const bool *chosen)
{
    for (size_t i = 0; i < c->workspace->stack->decl_count; i++)
        if (chosen[i])
            add_target(c, c->workspace->stack->decls[i]->address);
}

static bool is_instance_of(const struct record *record, const struct decl *decl)
{
    return str_eq(address_declared(record->subject.address), decl->address);
}

/*
 * Only an evaluation could tell which instances belong together. The state knows it for the last apply;
 * without a record all instances are targets.
 */
static void add_artifacts_of(struct chooser *c, const struct decl *artifact, struct str job)
{
    const struct record *record = state_get(c->workspace->state, job);
    size_t n = 0, before = c->n;
    const struct record **list = record ? deploy_artifacts_of(c->workspace, c->arena, record, &n) : NULL;
    for (size_t i = 0; i < n; i++)
        if (is_instance_of(list[i], artifact))
            add_target(c, list[i]->subject.address);
    if (c->n == before)
        add_target(c, artifact->address);
}

static void add_users_of(struct chooser *c, const struct decl *user, struct str artifact)
{
    const struct record *used = state_get(c->workspace->state, artifact);
    size_t n, before = c->n;
    const struct record *const *records = state_records(c->workspace->state, &n);
    for (size_t i = 0; used && i < n; i++)
        if (is_instance_of(records[i], user) && uses_version_of(records[i], used))
            add_target(c, records[i]->subject.address);
    if (c->n == before)
        add_target(c, user->address);
}

static int refuse_unknown(const struct stack *stack, struct arena *arena, struct str name, struct err *err)
{
    struct str *names = ARENA_ARRAY(arena, struct str, stack->decl_count + 1);
    size_t n = 0;
    for (size_t i = 0; i < stack->decl_count; i++)
        if (decl_is_artifact(stack->decls[i]) || is_job(stack->decls[i]))
            names[n++] = stack->decls[i]->address;
    err_set(err, ERR_ABSENT, "the stack has no resource \"%.*s\"", STR_ARG(name));
    struct str near = str_nearest(name, names, n);
    return near.n ? err_hint(err, "did you mean \"%.*s\"?", STR_ARG(near))
                  : err_hint(err, "it is given by its name in the stack file; \"weir jobs\" lists the jobs");
}

/* Adds a job, or one instance of it, with its artifacts. False if it uses none. */
static bool choose_job(struct chooser *c, const struct decl *job, struct str name, bool single)
{
    const struct stack *stack = c->workspace->stack;
    bool *artifacts = ARENA_ARRAY(c->arena, bool, stack->decl_count + 1);
    if (!artifacts_of(stack, c->arena, job, true, artifacts))
        return false;
    add_target(c, single ? name : job->address);
    for (size_t i = 0; i < stack->decl_count && single; i++)
        if (artifacts[i])
            add_artifacts_of(c, stack->decls[i], name);
    if (!single)
        add_chosen(c, artifacts);
    return true;
}

/* Adds the users of artifacts; `single`: of one instance. */
static void choose_users(struct chooser *c, const bool *artifacts, struct str single)
{
    const struct stack *stack = c->workspace->stack;
    const bool *users = users_of(stack, c->arena, artifacts);
    if (!single.n)
        add_chosen(c, users);
    for (size_t i = 0; i < stack->decl_count && single.n; i++)
        if (users[i])
            add_users_of(c, stack->decls[i], single);
}

/* Adds the targets for a name on the command line: an artifact with its users, a job with its artifacts, a
 * module with both. */
static int choose_named(struct chooser *c, struct str name, struct err *err)
{
    const struct stack *stack = c->workspace->stack;
    bool *artifacts = ARENA_ARRAY(c->arena, bool, stack->decl_count + 1);
    bool there = false, uses = false;
    struct str declared = address_declared(name), one = STR_EMPTY;
    for (size_t i = 0; i < stack->decl_count; i++) {
        const struct decl *decl = stack->decls[i];
        bool whole = address_matches(decl->address, &name, 1), single = str_eq(decl->address, declared);
        if (decl->kind != DECL_RESOURCE || (!whole && !single))
            continue;
        there = true;
        if (decl_is_artifact(decl)) {
            artifacts[i] = uses = true;
            one = whole ? STR_EMPTY : name;
            add_target(c, whole ? decl->address : name);
        } else {
            uses |= choose_job(c, decl, name, !whole);
        }
    }
    choose_users(c, artifacts, one);
    if (!there)
        return refuse_unknown(stack, c->arena, name, err);
    if (uses)
        return 0;
    err_set(err, ERR_INVALID, "\"%.*s\" uses no weir.artifact", STR_ARG(name));
    return err_hint(err, "`weir apply --target` changes what is not job code");
}

int deploy_targets(const struct workspace *workspace, struct arena *arena, const struct str *names, size_t n,
    const struct str **targets, size_t *count, struct err *err)
{
    const struct stack *stack = workspace->stack;
    struct chooser c = chooser_new(workspace, arena);
    for (size_t i = 0; i < n; i++)
        if (choose_named(&c, names[i], err))
            return -1;
    if (!n) {
        bool *artifacts = ARENA_ARRAY(arena, bool, stack->decl_count + 1);
        for (size_t i = 0; i < stack->decl_count; i++)
            artifacts[i] = decl_is_artifact(stack->decls[i]);
        add_chosen(&c, artifacts);
        choose_users(&c, artifacts, STR_EMPTY);
    }
    *targets = c.targets;
    *count = c.n;
    if (c.n)
        return 0;
    err_set(err, ERR_INVALID, "the stack has no weir.artifact");
    return err_hint(
        err, "`weir docs weir.artifact` shows how a job's code is packaged; `weir apply` does the rest");
}

const struct str *deploy_left(const struct workspace *workspace, struct arena *arena,
    const struct str *targets, size_t n, size_t *count)
{
    size_t records, used;
    const struct record *const *list = state_records(workspace->state, &records);
    struct chooser c = chooser_new(workspace, arena);
    for (size_t i = 0; i < records; i++) {
        const struct decl *decl = stack_find(workspace->stack, address_declared(list[i]->subject.address));
        if (!decl || !is_job(decl) || address_matches(list[i]->subject.address, targets, n))
            continue;
        const struct record **artifacts = deploy_artifacts_of(workspace, arena, list[i], &used);
        for (size_t k = 0; k < used; k++)
            if (address_matches(artifacts[k]->subject.address, targets, n))
                add_target(&c, list[i]->subject.address);
    }
    *count = c.n;
    return c.targets;
}
