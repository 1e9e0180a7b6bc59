/* weir destroy: takes everything down, and with --verify looks for what is left. */
#include "cmd/fleet/fleet.h"
#include "cmd/invocation/sandboxed.h"
#include "cmd/output/leftovers.h"
#include "cmd/planning/planning.h"
#include "cmd/repository/repository.h"

#include "cmd/output/events.h"
#include "cmd/terminal/signals.h"

struct destroy_settings {
    struct settings shared;
    bool verify;
};

/* ---- is anything left? ---- */

static void add_leftover(const struct leftover *left, bool color, struct buf *out)
{
    buf_addz(out, "  ");
    style_on(out, color, STYLE_BOLD);
    text_add_safe(out, left->subject.id, false);
    style_off(out, color, STYLE_BOLD);
    buf_addz(out, "  ");
    text_add_safe(out, left->subject.type, false);
    buf_addz(out, ": ");
    text_add_safe(out, left->why, false);
    if (left->subject.address.n) {
        buf_addz(out, " (");
        text_add_safe(out, left->subject.address, false);
        buf_add_char(out, ')');
    }
    buf_add_char(out, '\n');
}

static void add_let_go(const struct verified *found, bool color, struct buf *out)
{
    buf_addz(out, found->let_go_count ? "Forgotten:\n" : "");
    for (size_t i = 0; i < found->let_go_count; i++)
        add_leftover(&found->let_go[i], color, out);
}

static void add_places(const struct verified *found, struct buf *out)
{
    for (size_t i = 0; i < found->place_count; i++) {
        buf_addz(out, i ? ", " : "Looked in ");
        text_add_safe(out, found->places[i], false);
    }
    buf_addz(out, found->place_count ? ".\n" : "");
}

static void add_unseen(const struct verified *found, struct buf *out)
{
    if (!found->unseen_count)
        return;
    leftovers_add_unseen(out, found->unseen_count);
    leftovers_add_addresses(out, found->unseen, found->unseen_count);
}

static int show_leftovers(struct invocation *inv, const struct verified *found)
{
    AUTO_BUF struct buf out = BUF_INIT;
    if (inv->settings->json) {
        event_leftovers(&out, found);
        return invocation_write(inv, buf_str(&out));
    }
    if (!found->left_count)
        leftovers_add_claim(
            &out, found->let_go_count ? " but what was forgotten" : "", found->asked, found->marks);
    else {
        style_add(&out, inv->out.color, STYLE_BOLD, "\nStill there:");
        buf_addz(&out, "\n\n");
        for (size_t i = 0; i < found->left_count; i++)
            add_leftover(&found->left[i], inv->out.color, &out);
    }
    add_places(found, &out);
    if (!found->left_count)
        leftovers_add_limits(&out, found->asked, found->marks);
    add_unseen(found, &out);
    add_let_go(found, inv->out.color, &out);
    return invocation_write(inv, buf_str(&out));
}

static int verify(struct invocation *inv, struct plan *plan)
{
    struct verified found;
    struct err err = ERR_INIT;
    if (plan_verify(plan, signals_stop(), &found, &err))
        return invocation_fail(inv, &err);
    size_t n = found.left_count;
    int status = show_leftovers(inv, &found);
    if (status != EXIT_DONE || !n)
        return status;
    err_set(&err, ERR_LEFTOVER, "%zu resource%s of the stack %s still there", n, n == 1 ? "" : "s",
        n == 1 ? "is" : "are");
    err_hint(&err, "delete them by other means, or take them over (`weir state import ADDRESS ID`) and "
                   "destroy again");
    return invocation_fail(inv, &err);
}

/* ---- what may be there although nobody knows ---- */

/* Whether these were ever made could not be found out: an end without a word about that would say that they
 * were not. */
static int open_ends(struct invocation *inv, struct workspace *workspace)
{
    size_t n;
    const struct intent *const *intents = state_open_intents(workspace->state, &n);
    struct err err = ERR_INIT;
    if (!n)
        return EXIT_DONE;
    err_set(&err, ERR_LEFTOVER,
        "%.*s may be there: a request to %.*s it had no answer, and what became of it is not known%s",
        STR_ARG(intents[0]->subject.address), STR_ARG(intents[0]->action),
        n > 1 ? "; and there are more like it" : "");
    err_hint(&err,
        "run `weir destroy` again, which looks again; where it cannot find out, look at the service: `weir "
        "state rm %.*s` "
        "says that it is not there",
        STR_ARG(intents[0]->subject.address));
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

/* A part of the stack can go beside what others do. */
static int lock_for_end(struct invocation *inv, struct workspace *workspace)
{
    return inv->settings->targets.n ? planning_share(inv, workspace) : planning_lock(inv, workspace);
}

static int cmd_destroy_resources(struct invocation *inv, struct workspace *workspace)
{
    const struct destroy_settings *own = inv->own;
    struct plan *plan = NULL;
    struct destroying d = {inv, workspace};
    int status = lock_for_end(inv, workspace);
    if (status == EXIT_DONE)
        status = fleet_refuse_shared(inv, workspace);
    if (status == EXIT_DONE)
        status = planning_change(inv,
            &(struct planning_round){
                make_plan_of_end, &d, "Do you want to delete all of this? This cannot be undone.", false},
            &plan);
    if (status == EXIT_DONE && !inv->settings->targets.n)
        status = open_ends(inv, workspace);
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
        return invocation_usage(
            inv, NULL, "--verify looks for anything of the whole stack, --target leaves some of it");
    int status = invocation_open(inv, NULL, &workspace);
    return status != EXIT_DONE ? status : cmd_destroy_resources(inv, &workspace);
}

static const struct option options[] = {
    {0, "verify", .offset = offsetof(struct destroy_settings, verify),
        .doc = "look afterwards for anything that is left; status 5 when there is something"},
};
static const struct option_set own_set = OPTION_SET(NULL, options);

const struct command cmd_destroy = {
    .name = "destroy",
    .args = "[--all [DIR]]",
    .summary = "delete all resources of the stack",
    .details = "Deletes what the state knows of this stack, in the reverse of the order in which it was "
               "made. With --target only that resource and what depends on it, also while others "
               "change other resources. Log groups that services "
               "made by themselves for what is deleted go with it.\n\n"
               "Data is lost only where the stack or one of the options below allows it. Examples are "
               "objects in a bucket, a final snapshot, the recovery window of a secret, and protected "
               "resources. What is erased, and what stays, is counted and shown before the question. "
               "While one deletion is blocked, nothing is deleted. The options touch only what this "
               "stack made: an imported resource, or one with another stack's ownership tags, is "
               "refused. A resource without its tags is recognised by what the service gave it, such as "
               "an id. Where that is not possible, --delete-adopted allows the deletion.\n\n"
               "A service that the stack itself makes may be unreachable. Its content, such as the "
               "variables of an Airflow on a host, is deleted with it. What could not be looked up is "
               "named. When a service outside the stack is unreachable, that is an error, and nothing "
               "is forgotten.\n\n"
               "A stack that a fleet's members share is refused while one of them is there.\n\n"
               "--verify looks for what still exists afterwards, also of a stack that was destroyed "
               "before. It looks by recorded ids, by the names in the stack, and by ownership tags. It "
               "also looks for what services made themselves. It looks in the regions and accounts "
               "where the stack was made, and names them. Where it cannot look, it fails. Where neither "
               "the state nor the stack names anything to look for, it reports that. What `removed: "
               "[{destroy: false}]` forgot is reported, and is not a leftover. Resources that somebody "
               "made by hand are not found. What was deleted together with its service, such as a "
               "database on a host of the stack, is counted and named. No service can be asked about it "
               "any more.",
    .sets = {&own_set, &options_all, &options_teardown, &options_approve, &options_change, &options_json,
        &options_destroy, &options_stack},
    .settings_size = sizeof(struct destroy_settings),
    .max_args = 1,
    .completes = COMPLETES_DIR,
    .examples = {{"weir destroy", "show what goes, ask, delete it"},
        {"weir destroy -e dev --yes", "without a question"},
        {"weir destroy -e anna --lab --verify --yes",
            "the end of a workshop: everything goes, and that is checked"}},
    .run = cmd_destroy_run,
};
