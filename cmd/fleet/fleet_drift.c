/* weir fleet drift: of each member what others changed. */
#include "cmd/fleet/fleet.h"

#include "cmd/output/events.h"
#include "cmd/planning/planning.h"

static bool has_findings(const struct plan *plan)
{
    return plan && (plan->drifted || plan->unread_count);
}

static void add_summary(const struct fleet *fleet, struct buf *out)
{
    size_t looked = 0, drifted = 0, unread = 0;
    for (size_t i = 0; i < fleet->n; i++) {
        const struct member *m = &fleet->members[i];
        looked += m->plan && !m->is_shared;
        drifted += m->plan && m->plan->drifted && !m->is_shared;
        unread += m->plan ? m->plan->unread_count : 0;
    }
    const char *what = fleet_unit(fleet);
    if (drifted)
        buf_addf(out, "Drift in %zu of %zu %s%s.\n", drifted, looked, what, looked == 1 ? "" : "s");
    else
        buf_addf(out, "No drift in %zu %s%s%s.\n", looked, what, looked == 1 ? "" : "s",
            unread ? ", where weir could look" : "");
}

static void add_text(const struct fleet *fleet, struct buf *out)
{
    struct render_options options = render_options_for(fleet->inv);
    for (size_t i = 0; i < fleet->n; i++) {
        const struct member *m = &fleet->members[i];
        if (!has_findings(m->plan))
            continue;
        style_add_str(out, fleet->inv->out.color, STYLE_BOLD, m->name);
        buf_addz(out, "\n\n");
        render_drift(m->plan, &options, out);
        buf_add_char(out, '\n');
    }
    add_summary(fleet, out);
}

static int show_drift(struct fleet *fleet)
{
    AUTO_BUF struct buf out = BUF_INIT;
    for (size_t i = 0; i < fleet->n && fleet->inv->settings->json; i++) {
        AUTO_BUF struct buf lines = BUF_INIT;
        if (!fleet->members[i].plan)
            continue;
        event_drift(&lines, fleet->members[i].plan);
        fleet_event(&fleet->members[i], buf_str(&lines));
    }
    if (!fleet->inv->settings->json)
        add_text(fleet, &out);
    return invocation_write(fleet->inv, buf_str(&out));
}

/* As that of `weir drift`, of all members together. */
static int status_of(struct fleet *fleet)
{
    int status = fleet_report(fleet);
    for (size_t i = 0; i < fleet->n; i++) {
        const struct plan *plan = fleet->members[i].plan;
        int own = !plan                ? EXIT_DONE
                  : plan->drifted      ? EXIT_CHANGES
                  : plan->unread_count ? EXIT_FAILED
                                       : EXIT_DONE;
        status = own > status ? own : status;
    }
    return status;
}

int fleet_look_for_drift(struct fleet *fleet)
{
    fleet->drift = true;
    fleet_plan(fleet);
    int status = show_drift(fleet);
    return status == EXIT_DONE ? status_of(fleet) : status;
}

int fleet_drift(struct invocation *inv)
{
    struct fleet fleet;
    int status = fleet_open(inv, &fleet);
    if (status == EXIT_DONE) {
        fleet_load(&fleet);
        status = fleet_look_for_drift(&fleet);
    }
    fleet_close(&fleet);
    return status;
}
