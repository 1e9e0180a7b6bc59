/* The fleet of those that are due: locked, looked at once more, planned, taken down, and looked for. */
#include "cmd/reap/reap.h"

#include "cmd/invocation/ask.h"

/* Between the look and the lock somebody may have extended it. */
static void spare_extended(struct fleet *fleet, int64_t now_ms)
{
    for (size_t i = 0; i < fleet->n; i++) {
        struct member *m = &fleet->members[i];
        if (m->phase == MEMBER_HAS_FAILED)
            continue;
        struct lease lease = state_lease(m->workspace.state);
        if (now_ms == INT64_MAX || (lease.until_ms && lease.until_ms <= now_ms))
            continue;
        fleet_spare(m);
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
    int status = fleet_gather(inv, &fleet);
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
