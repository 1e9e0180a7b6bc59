/*
 * Destroys due stacks, and resources with ownership tags but no state: each group of these gets a state in
 * its own folder and is destroyed like a stack.
 */
#include "cmd/reap/reap.h"

#include "base/file.h"
#include "base/json.h"
#include "plan/evaluate/lease.h"

#include <stdlib.h>

/* ---- finding owned resources without a state ---- */

static int refuse_unread(struct known_states *all)
{
    struct err err = ERR_INIT;
    err_set(&err, ERR_DAMAGED, "%zu state%s cannot be read, so resources without a state are unknown",
        all->unread, all->unread == 1 ? "" : "s");
    return invocation_fail(all->inv, &err);
}

/* Keeps the groups that no state records. */
static void keep_unknown(struct strays *strays)
{
    struct owned_groups *owned = &strays->owned;
    size_t kept = 0;
    for (size_t i = 0; i < owned->n; i++) {
        if (known_states_find(strays->all, owned->groups[i].lineage))
            free(owned->groups[i].resources);
        else
            owned->groups[kept++] = owned->groups[i];
    }
    owned->n = kept;
}

int strays_open(struct known_states *all, struct strays *out)
{
    struct invocation *inv = all->inv;
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    struct err err = ERR_INIT;
    *out = (struct strays){.all = all};
    if (all->unread)
        return refuse_unread(all);
    struct workspace_options *options = ARENA_NEW(&inv->arena, struct workspace_options);
    *options = bare_stack_options(inv, all->dir, STR("weir"), STR_EMPTY, NULL);
    options->no_state = true;
    if (workspace_open(options, &diags, &out->workspace, &err) ||
        plan_find_owned(&out->workspace, &inv->arena, &out->owned, &err))
        return invocation_fail(inv, &err);
    keep_unknown(out);
    if (out->owned.unlisted_types)
        invocation_note(inv, "warning: %zu types could not be listed: %s", out->owned.unlisted_types,
            out->owned.first_error.message);
    return EXIT_DONE;
}

void strays_close(struct strays *strays)
{
    owned_release(&strays->owned);
    workspace_close(&strays->workspace);
    if (strays->folder[0])
        tree_remove(strays->folder);
}

bool stray_is_due(const struct strays *strays, const struct owned_group *group)
{
    return group->until_ms && group->until_ms <= strays->owned.now_ms;
}

/* ---- listing ---- */

static const struct value *age_cell(struct arena *arena, int64_t ms)
{
    AUTO_BUF struct buf text = BUF_INIT;
    if (ms <= 0)
        return &value_null;
    text_add_duration(&text, ms);
    return value_string(arena, buf_str(&text));
}

static void add_group_event(const struct strays *strays, const struct owned_group *group, struct buf *out)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct lease lease = {.until_ms = group->until_ms};
    buf_addz(out, "{\"event\":\"stray\"");
    json_write_member(out, "stack", group->stack);
    json_write_member(out, "lineage", group->lineage);
    buf_addf(out, ",\"things\":%zu,\"age_ms\":%lld", group->n,
        (long long)(group->made_ms ? strays->owned.now_ms - group->made_ms : 0));
    json_write_member(out, "until", lease_text(&scratch, &lease));
    buf_addz(out, "}\n");
}

static void add_resources(const struct owned_group *group, struct buf *out)
{
    for (size_t i = 0; i < group->n; i++)
        text_addf(out, "  %.*s  %.*s  (%.*s)\n", STR_ARG(group->resources[i].subject.type),
            STR_ARG(group->resources[i].subject.id), STR_ARG(group->resources[i].subject.address));
}

static const struct value *group_row(
    struct arena *arena, const struct strays *strays, const struct owned_group *group)
{
    struct lease lease = {.until_ms = group->until_ms};
    const struct value *cells[] = {value_string_ref(arena, group->stack),
        value_string_ref(arena, str_slice(group->lineage, 0, 8)), value_int(arena, (int64_t)group->n),
        age_cell(arena, group->made_ms ? strays->owned.now_ms - group->made_ms : 0),
        group->until_ms ? value_string_ref(arena, lease_text(arena, &lease)) : &value_null};
    return value_list(arena, cells, sizeof cells / sizeof *cells);
}

int strays_show(const struct strays *strays, bool each)
{
    struct invocation *inv = strays->all->inv;
    struct arena *arena = &inv->arena;
    static const char *const heads[] = {"stack", "state", "resources", "age", "lease ends"};
    AUTO_BUILDER struct value_builder rows = VALUE_BUILDER(arena);
    AUTO_BUF struct buf out = BUF_INIT;
    for (size_t i = 0; i < strays->owned.n; i++) {
        if (inv->settings->json)
            add_group_event(strays, &strays->owned.groups[i], &out);
        else
            value_builder_add(&rows, group_row(arena, strays, &strays->owned.groups[i]));
    }
    if (!inv->settings->json && !strays->owned.n)
        buf_addz(&out, "Nothing with weir's ownership tags is without a state.\n");
    else if (!inv->settings->json)
        table_add_text(table_columns(arena, heads, sizeof heads / sizeof *heads), value_builder_list(&rows),
            &inv->out, &out);
    for (size_t i = 0; each && !inv->settings->json && i < strays->owned.n; i++) {
        text_addf(&out, "\n%.*s %.*s\n", STR_ARG(strays->owned.groups[i].stack),
            STR_ARG(strays->owned.groups[i].lineage));
        add_resources(&strays->owned.groups[i], &out);
    }
    return invocation_write(inv, buf_str(&out));
}

/* ---- deletion ---- */

static bool is_among(const struct owned_group *group, struct owned_group *const *groups, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (groups[i] == group)
            return true;
    return false;
}

/* Returns the name of another stack or group that has the resource or refers to it, or "". */
static struct str other_user(const struct strays *strays, const struct owned_resource *resource,
    struct owned_group *const *groups, size_t n)
{
    const struct known_state *user = known_states_user(strays->all, resource->subject.id, resource->arn);
    if (user)
        return user->name;
    for (size_t i = 0; i < strays->owned.n; i++) {
        const struct owned_group *other = &strays->owned.groups[i];
        for (size_t k = 0; !is_among(other, groups, n) && k < other->n; k++)
            if (owned_mentions(other->resources[k].object, resource->subject.id, resource->arn))
                return other->stack;
    }
    return STR_EMPTY;
}

/* Excludes resources that others use, and with `leased` those without a lease. */
static void spare_shared(struct strays *strays, struct owned_group *group, struct owned_group *const *groups,
    size_t n, bool leased)
{
    size_t kept = 0;
    for (size_t i = 0; i < group->n; i++) {
        const struct owned_resource *resource = &group->resources[i];
        struct str user = other_user(strays, resource, groups, n);
        if (user.n)
            invocation_note(strays->all->inv, "%.*s %.*s stays: %.*s uses it",
                STR_ARG(resource->subject.type), STR_ARG(resource->subject.id), STR_ARG(user));
        else if (leased && !resource->until_ms)
            invocation_note(strays->all->inv, "%.*s %.*s stays: it has no lease",
                STR_ARG(resource->subject.type), STR_ARG(resource->subject.id));
        else
            group->resources[kept++] = *resource;
    }
    group->n = kept;
}

static int give_state(struct strays *strays, const struct owned_group *group, size_t i,
    struct known_state *known, struct err *err)
{
    struct invocation *inv = strays->all->inv;
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    AUTO_WORKSPACE struct workspace workspace = {0};
    *known = (struct known_state){.all = strays->all, .stack = group->stack};
    known->name = arena_printf(
        &inv->arena, "%.*s.%.*s", STR_ARG(group->stack), STR_ARG(str_slice(group->lineage, 0, 8)));
    known->options = bare_stack_options(inv, strays->all->dir, group->stack, STR_EMPTY, NULL);
    known->options.state_dir = arena_printf(&inv->arena, "%s/%zu", strays->folder, i).p;
    if (dir_make(known->options.state_dir, err) || workspace_open(&known->options, &diags, &workspace, err))
        return -1;
    int status = state_lock(workspace.state, "reap", 0, err) || owned_record(&workspace, group, err) ? -1 : 0;
    return status;
}

int strays_take_down(struct strays *strays, struct owned_group *const *groups, size_t n, bool leased)
{
    struct invocation *inv = strays->all->inv;
    struct known_state *states = ARENA_ARRAY(&inv->arena, struct known_state, n + 1);
    struct known_state **list = ARENA_ARRAY(&inv->arena, struct known_state *, n + 1);
    struct err err = ERR_INIT;
    size_t given = 0;
    snprintf(strays->folder, sizeof strays->folder, "/tmp/weir-strays-XXXXXX");
    if (!mkdtemp(strays->folder)) {
        strays->folder[0] = '\0';
        err_errno(&err, ERR_IO, "cannot make a folder in /tmp");
        return invocation_fail(inv, &err);
    }
    for (size_t i = 0; i < n; i++)
        spare_shared(strays, groups[i], groups, n, leased);
    for (size_t i = 0; i < n; i++) {
        if (!groups[i]->n)
            continue;
        if (give_state(strays, groups[i], i, &states[given], &err))
            return invocation_fail(inv, &err);
        list[given] = &states[given];
        given++;
    }
    return given ? reap_states(inv, list, given, leased ? strays->owned.now_ms : INT64_MAX) : EXIT_DONE;
}

/* Excludes stacks whose lease was extended before the lock was taken. */
static void spare_extended(struct fleet *fleet, int64_t now_ms)
{
    for (size_t i = 0; i < fleet->n; i++) {
        struct member *m = &fleet->members[i];
        if (m->phase == MEMBER_HAS_FAILED)
            continue;
        struct lease lease = state_lease(m->workspace.state);
        if (now_ms == INT64_MAX || (lease.until_ms && lease.until_ms <= now_ms))
            continue;
        fleet_exclude(m);
        invocation_note(fleet->inv, "%.*s: its lease was extended meanwhile; it stays", STR_ARG(m->name));
    }
}

static bool goes(const struct fleet *fleet)
{
    for (size_t i = 0; i < fleet->n; i++)
        if (fleet->members[i].plan && plan_has_changes(fleet->members[i].plan))
            return true;
    return false;
}

static int take_down(struct fleet *fleet, int64_t now_ms)
{
    const struct reap_settings *own = fleet->inv->own;
    fleet_load(fleet);
    if (!own->dry_run) {
        fleet_lock(fleet);
        spare_extended(fleet, now_ms);
    }
    fleet_plan(fleet);
    int status = fleet_show_plan(fleet);
    if (status != EXIT_DONE || own->dry_run)
        return status;
    fleet_check_deletions(fleet);
    if (goes(fleet) && !fleet->inv->settings->yes)
        status = ask_consent(fleet->inv, "Do you want to delete all of this? This cannot be undone.");
    if (status != EXIT_DONE)
        return status;
    fleet_apply(fleet);
    fleet_verify(fleet);
    return EXIT_DONE;
}

int reap_states(struct invocation *inv, struct known_state *const *list, size_t n, int64_t now_ms)
{
    struct fleet fleet;
    int status = fleet_new(inv, &fleet);
    fleet.destroy = true;
    for (size_t i = 0; status == EXIT_DONE && i < n; i++)
        fleet_add(&fleet, list[i]->name, &list[i]->options);
    if (status == EXIT_DONE)
        status = take_down(&fleet, now_ms);
    if (status == EXIT_DONE)
        status = fleet_report(&fleet);
    fleet_close(&fleet);
    return status;
}
