/* Shows the plans and errors of a fleet, as text and as events. */
#include "cmd/fleet/fleet.h"

#include "base/json.h"
#include "cmd/output/events.h"
#include "cmd/planning/planning.h"

enum { NAMES_SHOWN = 8 };

/* ---- events ---- */

const char *fleet_noun(const struct member *m)
{
    return m->is_shared ? "shared" : m->fleet->outputs ? FLEET_FOLDER : "member";
}

const char *fleet_unit(const struct fleet *fleet)
{
    return fleet->base.stack ? "member" : "stack";
}

/* Inserts the member's name after the event's: {"event":"done","member":"anna",… */
static void add_line(struct buf *out, struct str line, const char *noun, struct str name)
{
    size_t at = 0;
    for (int quotes = 0; quotes < 4 && at < line.n; at++)
        quotes += line.p[at] == '"';
    buf_addf(out, "%.*s,\"%s\":", STR_ARG(str_slice(line, 0, at)), noun);
    json_write_string(out, name);
    buf_addf(out, "%.*s\n", STR_ARG(str_slice(line, at, line.n)));
}

void fleet_name_events(struct str json_lines, const char *noun, struct str name, struct buf *out)
{
    while (json_lines.n) {
        struct str line = str_cut(json_lines, '\n', &json_lines);
        if (line.n)
            add_line(out, line, noun, name);
    }
}

void fleet_event(struct member *m, struct str json_lines)
{
    AUTO_BUF struct buf out = BUF_INIT;
    fleet_name_events(json_lines, fleet_noun(m), m->name, &out);
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&m->fleet->lock);
    invocation_write(m->fleet->inv, buf_str(&out));
}

static int show_events(struct fleet *fleet)
{
    for (size_t i = 0; i < fleet->n; i++) {
        AUTO_BUF struct buf lines = BUF_INIT;
        if (!fleet->members[i].plan)
            continue;
        event_plan(
            &lines, fleet->members[i].plan, fleet->inv->command->name, fleet->inv->settings->all_resources);
        fleet_event(&fleet->members[i], buf_str(&lines));
    }
    return fleet->inv->output_failed ? EXIT_FAILED : EXIT_DONE; /* not shown: must not be applied */
}

/* ---- text ---- */

static const struct value *count_cell(struct arena *arena, size_t n)
{
    return n ? value_int(arena, (int64_t)n) : &value_null;
}

static const char *member_word(const struct member *m)
{
    if (m->is_shared && m->plan)
        return m->plan->destroy ? "is destroyed after the last member" : "for all members";
    if (!m->plan)
        return m->phase == MEMBER_IS_SKIPPED ? "skipped" : "cannot be planned";
    if (m->former && !m->wanted)
        return "was removed from the fleet, nothing is left";
    if (m->former)
        return "has left, is taken down";
    if (!plan_has_changes(m->plan))
        return m->plan->destroy        ? "nothing is there"
               : m->plan->unread_count ? "as configured where weir could read"
                                       : "as configured";
    return "";
}

/* Returns the remark for a lease that ends soon or has ended; a destroyed member needs none. */
static struct str lease_word(struct arena *arena, const struct member *m)
{
    bool ended;
    if (!m->plan || m->plan->destroy)
        return STR_EMPTY;
    return planning_lease_soon(&((struct member *)m)->workspace, arena, &ended);
}

static const enum action shown_actions[] = {ACTION_CREATE, ACTION_UPDATE, ACTION_REPLACE, ACTION_DELETE};
enum { SHOWN = sizeof shown_actions / sizeof *shown_actions };

static const struct value *member_row(struct arena *arena, const struct member *m)
{
    AUTO_BUILDER struct value_builder row = VALUE_BUILDER(arena);
    value_builder_add(&row, value_string_ref(arena, m->name));
    for (size_t a = 0; a < SHOWN; a++)
        value_builder_add(&row, count_cell(arena, m->plan ? plan_count(m->plan, shown_actions[a]) : 0));
    AUTO_BUF struct buf words = BUF_INIT;
    buf_addz(&words, member_word(m));
    if (m->plan && m->plan->unread_count)
        buf_addf(&words, "%s%zu could not be read", words.n ? "; " : "", m->plan->unread_count);
    struct str lease = lease_word(arena, m);
    buf_addf(&words, "%s%.*s", words.n && lease.n ? "; " : "", STR_ARG(lease));
    value_builder_add(&row, value_string(arena, buf_str(&words)));
    return value_builder_list(&row);
}

static void add_table(struct fleet *fleet, struct buf *out)
{
    struct arena *arena = &fleet->inv->arena;
    const char *const heads[] = {fleet_unit(fleet), "create", "update", "replace", "delete", ""};
    AUTO_BUILDER struct value_builder rows = VALUE_BUILDER(arena);
    for (size_t i = 0; i < fleet->n; i++)
        if (!fleet->members[i].excluded)
            value_builder_add(&rows, member_row(arena, &fleet->members[i]));
    table_add_text(table_columns(arena, heads, sizeof heads / sizeof *heads), value_builder_list(&rows),
        &fleet->inv->out, out);
}

static void add_whole_plans(struct fleet *fleet, struct buf *out)
{
    struct render_options options = render_options_for(fleet->inv);
    for (size_t i = 0; i < fleet->n; i++) {
        const struct member *m = &fleet->members[i];
        if (!m->plan || (!plan_has_changes(m->plan) && !m->plan->drifted && !m->plan->unread_count))
            continue;
        style_add_str(out, fleet->inv->out.color, STYLE_BOLD, m->name);
        buf_addz(out, "\n\n");
        render_plan(m->plan, &options, out);
        buf_add_char(out, '\n');
    }
}

/* Shows the lost data of each member, even if other parts are shortened. */
static void add_lost_data(struct fleet *fleet, struct buf *out)
{
    struct render_options options = render_options_for(fleet->inv);
    for (size_t i = 0; i < fleet->n; i++) {
        AUTO_BUF struct buf lost = BUF_INIT;
        if (fleet->members[i].plan)
            render_data_loss(fleet->members[i].plan, &options, &lost);
        if (!lost.n)
            continue;
        style_add_str(out, fleet->inv->out.color, STYLE_BOLD, fleet->members[i].name);
        buf_addz(out, "\n");
        buf_add_str(out, buf_str(&lost));
        buf_add_char(out, '\n');
    }
}

/* ---- findings of rules ---- */

/* Equal findings of several members are shown as one line. */
struct finding_line {
    struct str line, names;
    size_t n;
};

static void add_finding_line(
    struct map *index, struct fleet *fleet, const struct member *m, const struct rule_finding *f)
{
    struct arena *arena = &fleet->inv->arena;
    AUTO_BUF struct buf line = BUF_INIT;
    render_finding(&line, f);
    struct finding_line *one = map_get(index, buf_str(&line));
    if (!one) {
        one = ARENA_MAKE(
            arena, struct finding_line, .line = arena_str(arena, buf_str(&line)), .names = STR_EMPTY);
        map_set(index, one->line, one);
    }
    if (one->n++ < NAMES_SHOWN)
        one->names =
            arena_printf(arena, "%.*s%s%.*s", STR_ARG(one->names), one->n > 1 ? ", " : "", STR_ARG(m->name));
}

static void add_rules(struct fleet *fleet, struct buf *out)
{
    AUTO_MAP struct map index = MAP_INIT;
    for (size_t i = 0; i < fleet->n; i++)
        for (size_t k = 0; fleet->members[i].plan && k < fleet->members[i].plan->finding_count; k++)
            add_finding_line(&index, fleet, &fleet->members[i], &fleet->members[i].plan->findings[k]);
    if (index.n)
        style_add(out, fleet->inv->out.color, STYLE_BOLD, "\nRules:\n");
    for (size_t i = 0; i < index.n; i++) {
        const struct finding_line *one = index.items[i].ptr;
        text_addf(out, "%.*s: %.*s", STR_ARG(one->line), STR_ARG(one->names));
        if (one->n > NAMES_SHOWN)
            buf_addf(out, " and %zu more", one->n - NAMES_SHOWN);
        buf_add_char(out, '\n');
    }
}

static void add_sum(const struct fleet *fleet, struct buf *out)
{
    size_t sums[SHOWN] = {0}, members = 0, all = fleet->n - (fleet->shared_stack != NULL);
    uint64_t requests = 0;
    for (size_t i = 0; i < fleet->n; i++) {
        const struct plan *plan = fleet->members[i].plan;
        members += plan && plan_has_changes(plan) && !fleet->members[i].is_shared;
        requests += plan ? plan->refresh_requests : 0;
        for (size_t a = 0; plan && a < SHOWN; a++)
            sums[a] += plan_count(plan, shown_actions[a]);
    }
    const char *what = fleet_unit(fleet);
    buf_addf(out, "\nPlan: %zu of %zu %s%s: %zu to create, %zu to update, %zu to replace, %zu to delete",
        members, all, what, all == 1 ? "" : "s", sums[0], sums[1], sums[2], sums[3]);
    if (requests)
        buf_addf(out, " (%llu request%s)", (unsigned long long)requests, requests == 1 ? "" : "s");
    buf_addz(out, ".\n");
}

int fleet_show_plan(struct fleet *fleet)
{
    AUTO_BUF struct buf out = BUF_INIT;
    if (fleet->inv->settings->json)
        return show_events(fleet);
    if (fleet->inv->settings->full || fleet->outputs)
        add_whole_plans(fleet, &out);
    else
        add_lost_data(fleet, &out);
    add_table(fleet, &out);
    add_rules(fleet, &out);
    add_sum(fleet, &out);
    return invocation_write(fleet->inv, buf_str(&out));
}

/* ---- results ---- */

/* Writes "db of anna, db of bob". */
static void add_of_member(struct buf *out, size_t *shown, struct str address, const struct member *m)
{
    if ((*shown)++ >= NAMES_SHOWN)
        return;
    text_addf(out, "%s%.*s of %.*s", *shown > 1 ? ", " : "", STR_ARG(address), STR_ARG(m->name));
}

static void add_names_end(struct buf *out, const struct buf *names, size_t n)
{
    buf_add_str(out, buf_str(names));
    buf_addz(out, n > NAMES_SHOWN ? ", …\n" : n ? ".\n" : "");
}

/* Shows resources that were deleted with their unreachable service. */
static void add_gone_unasked(const struct fleet *fleet, struct buf *out)
{
    AUTO_BUF struct buf names = BUF_INIT;
    size_t n = 0;
    for (size_t i = 0; i < fleet->n; i++)
        for (size_t k = 0; k < fleet->members[i].result.unverified_count; k++)
            add_of_member(&names, &n, fleet->members[i].result.unverified[k], &fleet->members[i]);
    if (n)
        leftovers_add_unverified(out, n);
    add_names_end(out, &names, n);
}

void fleet_show_done(struct fleet *fleet, int64_t ms)
{
    AUTO_BUF struct buf out = BUF_INIT;
    size_t begun = 0, done = 0, skipped = 0;
    for (size_t i = 0; i < fleet->n; i++) {
        const struct member *m = &fleet->members[i];
        skipped += m->phase == MEMBER_IS_SKIPPED;
        begun += m->started_ms && !m->is_shared;
        done += m->started_ms && !m->is_shared && m->phase == MEMBER_IS_DONE;
    }
    if (fleet->inv->settings->json || !begun)
        return;
    const char *what = fleet_unit(fleet);
    style_add(&out, fleet->inv->out.color, done < begun ? STYLE_RED : STYLE_GREEN, "\nDone:");
    buf_addf(&out, " %zu of %zu %s%s", done, begun, what, begun == 1 ? "" : "s");
    if (done < begun)
        buf_addf(&out, ", %zu failed", begun - done);
    if (skipped)
        buf_addf(&out, ", %zu skipped", skipped);
    buf_addz(&out, " (");
    text_add_duration(&out, ms);
    buf_addz(&out, ").\n");
    add_gone_unasked(fleet, &out);
    invocation_write(fleet->inv, buf_str(&out));
}

/* ---- remaining resources ---- */

static void add_places(const struct fleet *fleet, struct buf *out)
{
    AUTO_MAP struct map locations = MAP_INIT;
    for (size_t i = 0; i < fleet->n; i++) {
        const struct verified *v = &fleet->members[i].verified;
        for (size_t k = 0; fleet->members[i].searched && k < v->location_count; k++) {
            if (map_set(&locations, v->locations[k], (void *)v))
                continue;
            text_addf(out, "%s%.*s", locations.n > 1 ? ", " : "Looked in ", STR_ARG(v->locations[k]));
        }
    }
    buf_addz(out, locations.n ? ".\n" : "");
}

static void add_unseen(const struct fleet *fleet, struct buf *out)
{
    AUTO_BUF struct buf names = BUF_INIT;
    size_t n = 0;
    for (size_t i = 0; i < fleet->n; i++) {
        const struct member *m = &fleet->members[i];
        for (size_t k = 0; m->searched && k < m->verified.unverified_count; k++)
            add_of_member(&names, &n, m->verified.unverified[k], m);
    }
    if (n)
        leftovers_add_not_looked_up(out, n);
    add_names_end(out, &names, n);
}

/* Shows forgotten resources that were found; they do not count as remaining. */
static void add_forgotten(const struct fleet *fleet, struct buf *out)
{
    AUTO_BUF struct buf names = BUF_INIT;
    size_t n = 0;
    for (size_t i = 0; i < fleet->n; i++) {
        const struct member *m = &fleet->members[i];
        for (size_t k = 0; m->searched && k < m->verified.forgotten_count; k++)
            add_of_member(&names, &n, m->verified.forgotten[k].subject.id, m);
    }
    buf_addz(out, n ? "Forgotten: " : "");
    add_names_end(out, &names, n);
}

/* Writes the claim; it mentions ownership tags only if they were searched for every member with taggable
 * resources. Returns whether they were. */
static bool add_claim(const struct fleet *fleet, size_t n, struct buf *out)
{
    char of[96];
    size_t asked = 0, searched = 0, unsearched = 0, forgotten = 0;
    for (size_t i = 0; i < fleet->n; i++) {
        const struct member *m = &fleet->members[i];
        if (!m->searched || m->verified.leftover_count || m->is_shared)
            continue;
        asked += m->verified.lookups;
        searched += m->verified.tags_searched;
        forgotten += m->verified.forgotten_count;
        unsearched += m->verified.lookups && !m->verified.tags_searched;
    }
    snprintf(of, sizeof of, " of %zu %s%s%s", n, fleet_unit(fleet), n == 1 ? "" : "s",
        forgotten ? " but what was forgotten" : "");
    leftovers_add_claim(out, of, asked, searched && !unsearched);
    return searched && !unsearched;
}

void fleet_show_verified(struct fleet *fleet)
{
    AUTO_BUF struct buf out = BUF_INIT;
    size_t n = 0;
    bool tags_searched = false;
    const struct member *shared = NULL;
    for (size_t i = 0; i < fleet->n; i++) {
        struct member *m = &fleet->members[i];
        n += m->searched && !m->verified.leftover_count && !m->is_shared;
        shared = m->searched && !m->verified.leftover_count && m->is_shared ? m : shared;
        if (m->searched && fleet->inv->settings->json) {
            AUTO_BUF struct buf lines = BUF_INIT;
            event_leftovers(&lines, &m->verified);
            fleet_event(m, buf_str(&lines));
        }
    }
    if ((!n && !shared) || fleet->inv->settings->json)
        return;
    if (shared)
        buf_addf(&out, "\nNothing is left of %.*s, either.\n", STR_ARG(shared->name));
    else
        tags_searched = add_claim(fleet, n, &out);
    add_places(fleet, &out);
    if (!shared)
        leftovers_add_limits(&out, n, tags_searched);
    add_unseen(fleet, &out);
    add_forgotten(fleet, &out);
    invocation_write(fleet->inv, buf_str(&out));
}

/* ---- errors ---- */

/* Returns whether an earlier member has the same error, with which this one is reported. */
static bool is_reported(const struct fleet *fleet, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (str_eq(fleet->members[k].error_text, fleet->members[i].error_text))
            return true;
    return false;
}

static void add_names(const struct fleet *fleet, size_t first, struct buf *out)
{
    size_t n = 0;
    for (size_t i = first; i < fleet->n + fleet->others; i++) {
        if (!str_eq(fleet->members[i].error_text, fleet->members[first].error_text))
            continue;
        if (n++ >= NAMES_SHOWN)
            continue;
        text_addf(out, "%s%.*s", n > 1 ? ", " : "", STR_ARG(fleet->members[i].name));
    }
    if (n > NAMES_SHOWN)
        buf_addf(out, " and %zu more", n - NAMES_SHOWN);
    buf_addz(out, ":\n");
}

int fleet_report(struct fleet *fleet)
{
    int status = EXIT_DONE;
    for (size_t i = 0; i < fleet->n + fleet->others; i++) {
        struct member *m = &fleet->members[i];
        status = m->status > status ? m->status : status;
        if (!m->error_text.n)
            continue;
        if (fleet->inv->settings->json) {
            fleet_event(m, m->error_text);
            continue;
        }
        AUTO_BUF struct buf out = BUF_INIT;
        if (is_reported(fleet, i))
            continue;
        buf_add_char(&out, '\n');
        add_names(fleet, i, &out);
        buf_add_str(&out, m->error_text);
        term_print_error(buf_str(&out));
    }
    return status;
}
