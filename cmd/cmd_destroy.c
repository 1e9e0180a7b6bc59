/* weir destroy: deletes all resources, and with --verify searches for remaining ones. */
#include "cmd/planning/planning.h"
#include "cmd/repository/repository.h"

#include "cmd/output/events.h"

struct destroy_settings {
    struct settings shared;
    bool verify;
};

/* ---- remaining resources ---- */

static void add_leftover(const struct leftover *left, bool color, struct buf *out)
{
    buf_addz(out, "  ");
    style_addf(out, color, STYLE_BOLD, "%.*s", STR_ARG(left->subject.id));
    text_addf(out, "  %.*s: %.*s", STR_ARG(left->subject.type), STR_ARG(left->why));
    if (left->subject.address.n)
        text_addf(out, " (%.*s)", STR_ARG(left->subject.address));
    buf_add_char(out, '\n');
}

static void add_forgotten(const struct verified *found, bool color, struct buf *out)
{
    buf_addz(out, found->forgotten_count ? "Forgotten:\n" : "");
    for (size_t i = 0; i < found->forgotten_count; i++)
        add_leftover(&found->forgotten[i], color, out);
}

static void add_places(const struct verified *found, struct buf *out)
{
    for (size_t i = 0; i < found->location_count; i++)
        text_addf(out, "%s%.*s", i ? ", " : "Looked in ", STR_ARG(found->locations[i]));
    buf_addz(out, found->location_count ? ".\n" : "");
}

static void add_unseen(const struct verified *found, struct buf *out)
{
    if (!found->unverified_count)
        return;
    leftovers_add_not_looked_up(out, found->unverified_count);
    leftovers_add_addresses(out, found->unverified, found->unverified_count);
}

static int show_leftovers(struct invocation *inv, const struct verified *found)
{
    AUTO_BUF struct buf out = BUF_INIT;
    if (inv->settings->json) {
        event_leftovers(&out, found);
        return invocation_write(inv, buf_str(&out));
    }
    if (!found->leftover_count)
        leftovers_add_claim(&out, found->forgotten_count ? " but what was forgotten" : "", found->lookups,
            found->tags_searched);
    else {
        style_add(&out, inv->out.color, STYLE_BOLD, "\nStill there:");
        buf_addz(&out, "\n\n");
        for (size_t i = 0; i < found->leftover_count; i++)
            add_leftover(&found->leftovers[i], inv->out.color, &out);
    }
    add_places(found, &out);
    if (!found->leftover_count)
        leftovers_add_limits(&out, found->lookups, found->tags_searched);
    add_unseen(found, &out);
    add_forgotten(found, inv->out.color, &out);
    return invocation_write(inv, buf_str(&out));
}

static int verify(struct invocation *inv, struct plan *plan)
{
    struct verified found;
    struct err err = ERR_INIT;
    if (plan_verify(plan, signals_stop(), &found, &err))
        return invocation_fail(inv, &err);
    size_t n = found.leftover_count;
    int status = show_leftovers(inv, &found);
    if (status != EXIT_DONE || !n)
        return status;
    err_set(&err, ERR_LEFTOVER, "%zu resource%s of the stack %s still there", n, n == 1 ? "" : "s",
        n == 1 ? "is" : "are");
    err_hint(&err, "delete them by other means, or take them over (`weir state import ADDRESS ID`) and "
                   "destroy again");
    return invocation_fail(inv, &err);
}

/* ---- open intents ---- */

/* Fails if it is unknown whether some resources were created: without an error the user would assume that
 * nothing is left. */
static int check_open_intents(struct invocation *inv, struct workspace *workspace)
{
    size_t n;
    const struct intent *const *intents = state_open_intents(workspace->state, &n);
    struct err err = ERR_INIT;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    if (!n)
        return EXIT_DONE;
    err_set(&err, ERR_LEFTOVER,
        "%.*s may exist: a request to %.*s it got no response, so its outcome is unknown%s",
        STR_ARG(intents[0]->subject.address), STR_ARG(intents[0]->action),
        n > 1 ? "; there are more such resources" : "");
    err_hint(&err,
        "run `weir destroy` again, which looks it up again; if it cannot, look at the service yourself: "
        "`weir state rm %.*s` records that it does not exist",
        STR_ARG(address_quoted(&scratch, intents[0]->subject.address)));
    return invocation_fail(inv, &err);
}

/* ---- the command ---- */

struct destroying {
    struct invocation *inv;
    struct workspace *workspace;
};

static int make_plan_of_end(void *ctx, struct plan **plan)
{
    const struct destroying *d = ctx;
    return planning_make(d->inv, d->workspace, true, NULL, plan);
}

/* Destroying a part of the stack may run concurrently with other runs. */
static int lock_for_end(struct invocation *inv, struct workspace *workspace)
{
    return inv->settings->targets.n ? planning_share(inv, workspace) : planning_lock(inv, workspace);
}

static int cmd_destroy_resources(struct invocation *inv, struct workspace *workspace)
{
    const struct destroy_settings *own = inv->own;
    struct plan *plan = NULL;
    struct destroying d = {inv, workspace};
    struct err err = ERR_INIT;
    int status = lock_for_end(inv, workspace);
    if (status == EXIT_DONE && fleet_refuse_shared(workspace, &err))
        status = invocation_fail(inv, &err);
    if (status == EXIT_DONE)
        status = planning_change(inv,
            &(struct planning_round){
                make_plan_of_end, &d, "Do you want to delete all of this? This cannot be undone.", false},
            &plan);
    if (status == EXIT_DONE && !inv->settings->targets.n)
        status = check_open_intents(inv, workspace);
    if (status == EXIT_DONE)
        sandboxed_note_unused(inv, workspace);
    if (status == EXIT_DONE && own->verify)
        status = verify(inv, plan);
    plan_free(plan);
    return status;
}

static int cmd_destroy_run(struct invocation *inv)
{
    const struct destroy_settings *own = inv->own;
    AUTO_WORKSPACE struct workspace workspace = {0};
    int usage = repository_check_args(inv);
    if (usage != EXIT_DONE || inv->settings->all)
        return usage != EXIT_DONE ? usage : repository_destroy(inv, own->verify);
    if (own->verify && inv->settings->targets.n)
        return invocation_usage(inv, NULL,
            "--verify looks for leftovers of the whole stack, and --target deletes only a part of it");
    int status = invocation_open(inv, NULL, &workspace);
    return status != EXIT_DONE ? status : cmd_destroy_resources(inv, &workspace);
}

static const struct option options[] = {
    {0, "verify", .offset = offsetof(struct destroy_settings, verify)},
};

const struct command cmd_destroy = {
    .name = "destroy",
    .args = "[--all [DIR]]",
    .sets = {OWN_OPTIONS(options), &options_all, &options_teardown, &options_approve, &options_change,
        &options_json, &options_destroy, &options_stack},
    .settings_size = sizeof(struct destroy_settings),
    .max_args = 1,
    .completes = COMPLETES_DIR,
    .run = cmd_destroy_run,
};
