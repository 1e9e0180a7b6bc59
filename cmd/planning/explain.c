/* Everything about one resource: see planning.h. */
#include "cmd/planning/planning.h"

#include "base/clock.h"
#include "base/json.h"
#include "cmd/graph/picture.h"
#include "cmd/output/events.h"
#include "plan/state/history.h"

enum { RUNS_MAX = 10 };

/* A change of the resource and its run. */
struct past {
    const struct history_run *run;
    const struct history_change *change;
};

struct explained {
    struct invocation *inv;
    struct workspace *workspace;
    struct str address; /* as given by the user */
    const struct decl *decl;
    const struct record **records; /* its records, one for each instance */
    size_t record_count;
    const struct value *needs, *needed; /* lists of addresses: its dependencies and dependents */
    struct past *past;                  /* newest first */
    size_t past_count;
    const struct plan *plan; /* of this resource only; NULL: its live state could not be read */
};

/* ---- collecting ---- */

static bool is_it(const struct explained *e, struct str address)
{
    ptrdiff_t key = address_key_at(address);
    return str_eq(address, e->address) || (key > 0 && str_eq(str_slice(address, 0, (size_t)key), e->address));
}

static void find_records_of(struct explained *e)
{
    size_t n;
    const struct record *const *all = state_records(e->workspace->state, &n);
    e->records = ARENA_ARRAY(&e->inv->arena, const struct record *, n + 1);
    for (size_t i = 0; i < n; i++)
        if (is_it(e, all[i]->subject.address))
            e->records[e->record_count++] = all[i];
}

static void find_neighbours(struct explained *e)
{
    struct arena *arena = &e->inv->arena;
    AUTO_BUILDER struct value_builder needs = VALUE_BUILDER(arena), needed = VALUE_BUILDER(arena);
    struct picture picture;
    picture_init(&picture, e->workspace->stack, plan_absent(e->workspace, arena));
    for (size_t i = 0; e->decl && i < picture.layout.edge_count; i++) {
        const struct decl *from = picture.decls[picture.layout.edges[i].from];
        const struct decl *to = picture.decls[picture.layout.edges[i].to];
        if (to == e->decl)
            value_builder_add(&needs, value_string(arena, from->address));
        if (from == e->decl)
            value_builder_add(&needed, value_string(arena, to->address));
    }
    e->needs = value_builder_list(&needs);
    e->needed = value_builder_list(&needed);
    picture_release(&picture);
}

static void add_past(struct explained *e, const struct history_run *runs, size_t n)
{
    struct arena *arena = &e->inv->arena;
    struct map former = MAP_INIT; /* its addresses before it was moved */
    size_t cap = 0;
    for (size_t i = n; i--;)
        for (size_t k = runs[i].change_count; k--;) {
            const struct history_change *change = &runs[i].changes[k];
            bool arrived = change->to.n && (is_it(e, change->to) || map_get(&former, change->to));
            if (!arrived && !is_it(e, change->address) && !map_get(&former, change->address))
                continue;
            ARENA_GROW(arena, e->past, e->past_count, cap);
            e->past[e->past_count++] = (struct past){&runs[i], change};
            if (arrived)
                map_set(&former, change->address, e);
        }
    map_release(&former);
}

static int find_runs(struct explained *e, struct err *err)
{
    struct backend *backend;
    const struct history_run *runs;
    size_t n = 0;
    if (workspace_backend(e->workspace, &backend, err))
        return -1;
    int rc = history_read(backend, &e->inv->arena, &runs, &n, err);
    backend_free(backend);
    if (!rc)
        add_past(e, runs, n);
    return rc;
}

/* ---- text ---- */

static void add_label(const struct explained *e, const char *label, struct buf *out)
{
    style_on(out, e->inv->out.color, STYLE_BOLD);
    buf_addf(out, "%-10s", label);
    style_off(out, e->inv->out.color, STYLE_BOLD);
}

static void add_addresses(
    const struct explained *e, const char *label, const struct value *list, struct buf *out)
{
    if (!list->count)
        return;
    add_label(e, label, out);
    for (uint32_t i = 0; i < list->count; i++)
        text_addf(out, "%s%.*s", i ? ", " : "", STR_ARG(list->items[i]->string));
    buf_add_char(out, '\n');
}

static void add_file(const struct explained *e, struct buf *out)
{
    const struct decl *decl = e->decl;
    add_label(e, "file", out);
    if (!decl) {
        buf_addz(out, "removed from the configuration\n");
        return;
    }
    text_addf(out, "%.*s:%u  %.*s%s%s\n", STR_ARG(decl->span.source->path), span_complete(decl->span).line,
        STR_ARG(decl->schema->name), decl->for_each ? ", one for each of a list" : "",
        decl_lifecycle(decl)->prevent_destroy ? ", not to be destroyed" : "");
}

static void add_record(const struct explained *e, const struct record *r, struct buf *out)
{
    struct arena *arena = &e->inv->arena;
    const struct render_options options = {.color = e->inv->out.color, .everything = true};
    add_label(e, "recorded", out);
    text_addf(out, "%.*s%s%s", STR_ARG(r->subject.address), r->tainted ? " (half-made)" : "",
        r->adopted ? " (adopted)" : "");
    if (r->subject.id.n) { /* a resource that exists only in the state has no id */
        buf_addz(out, ", known to the service as ");
        text_add_safe(out, r->subject.id, false);
    }
    const struct provider *provider = workspace_opened(e->workspace, r->subject.provider);
    if (r->location && provider)
        text_addf(out, ", in %.*s", STR_ARG(provider_location_text(provider, r->location, arena)));
    buf_addz(out, "\n          ");
    render_value(r->attrs, 10, &options, out);
}

static void add_live(const struct explained *e, struct buf *out)
{
    const struct render_options options = {.color = e->inv->out.color, .everything = true};
    bool any = false;
    add_label(e, "live", out);
    if (!e->record_count) {
        buf_addz(out, "not looked up; weir apply would create it\n");
        return;
    }
    if (!e->plan) {
        buf_addz(out, "nobody could look\n");
        return;
    }
    if (e->plan->drifted) {
        buf_addz(out, "differs from the last apply\n");
        render_drift(e->plan, &options, out);
    }
    for (size_t i = 0; i < e->plan->change_count; i++) {
        const struct change *change = e->plan->changes[i];
        if (change->decision.action == ACTION_NOOP || !is_it(e, change->subject.address))
            continue;
        text_addf(out, "%sweir apply would %s %.*s", any || e->plan->drifted ? "          " : "",
            action_verb(change->decision.action), STR_ARG(change->subject.address));
        if (change->reason.n)
            text_addf(out, ": %.*s", STR_ARG(change->reason));
        buf_add_char(out, '\n');
        section_attrs(change->attrs, change->attr_count, &options, out);
        any = true;
    }
    if (!any && !e->plan->drifted && e->plan->unread_count)
        render_unread(e->plan, out);
    else if (!any && !e->plan->drifted)
        buf_addz(out, "as the file says\n");
}

/* Writes the latest changes, newest first. */
static void add_runs(const struct explained *e, struct buf *out)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    for (size_t i = 0; i < e->past_count && i < RUNS_MAX; i++) {
        const struct history_run *run = e->past[i].run;
        const struct history_change *change = e->past[i].change;
        add_label(e, i ? "" : "history", out);
        text_addf(out, "run %.*s  %s  %.*s  %.*s%s%.*s  by ", STR_ARG(run->run),
            time_rfc3339(&arena, change->at_ms, false).p, STR_ARG(change->action), STR_ARG(change->address),
            change->to.n ? " -> " : "", STR_ARG(change->to));
        text_addf(out, "%.*s%s", STR_ARG(run->owner), change->failed ? "  failed: " : "");
        text_add_lines(out, change->error, " / ");
        buf_add_char(out, '\n');
    }
}

static void explain_text(const struct explained *e, struct buf *out)
{
    add_file(e, out);
    add_addresses(e, "needs", e->needs, out);
    add_addresses(e, "needed by", e->needed, out);
    for (size_t i = 0; i < e->record_count; i++)
        add_record(e, e->records[i], out);
    if (!e->record_count) {
        add_label(e, "recorded", out);
        buf_addz(out, "nothing: it is not made\n");
    }
    add_live(e, out);
    add_runs(e, out);
}

/* ---- json ---- */

static const struct value *past_value(const struct explained *e)
{
    struct arena *arena = &e->inv->arena;
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    for (size_t i = e->past_count; i--;) {
        const struct history_run *run = e->past[i].run;
        const struct history_change *change = e->past[i].change;
        struct value_entry entries[] = {{STR("run"), value_string(arena, run->run)},
            {STR("at"), value_string(arena, time_rfc3339(arena, change->at_ms, true))},
            {STR("address"), value_string(arena, change->address)},
            {STR("action"), value_string(arena, change->action)},
            {STR("owner"), value_string(arena, run->owner)}, {STR("failed"), value_bool(change->failed)},
            {STR("to"), value_string(arena, change->to)}};
        value_builder_add(&list, value_map(arena, entries, change->to.n ? 7 : 6));
    }
    return value_builder_list(&list);
}

static void explain_json(const struct explained *e, struct buf *out)
{
    struct arena *arena = &e->inv->arena;
    AUTO_BUILDER struct value_builder recorded = VALUE_BUILDER(arena);
    for (size_t i = 0; i < e->record_count; i++)
        value_builder_set(&recorded, e->records[i]->subject.address, e->records[i]->attrs);
    const struct decl *decl = e->decl;
    struct value_entry entries[] = {{STR("event"), value_stringz(arena, "explained")},
        {STR("address"), value_string(arena, e->address)},
        {STR("file"), decl ? value_string(arena, decl->span.source->path) : &value_null},
        {STR("line"), decl ? value_int(arena, span_complete(decl->span).line) : &value_null},
        {STR("needs"), e->needs}, {STR("needed_by"), e->needed},
        {STR("recorded"), value_builder_map(&recorded)}, {STR("history"), past_value(e)}};
    json_write(
        out, value_map(arena, entries, sizeof entries / sizeof *entries), JSON_REDACT | JSON_MARK_UNKNOWN);
    buf_add_char(out, '\n');
    if (e->plan)
        event_plan(out, e->plan, "show", false);
}

/* ---- the report ---- */

static int no_such_resource(struct explained *e)
{
    const struct stack *stack = e->workspace->stack;
    struct err err = ERR_INIT;
    struct str *names = ARENA_ARRAY(&e->inv->arena, struct str, stack->decl_count + 1);
    size_t n = 0;
    for (size_t i = 0; i < stack->decl_count; i++)
        if (stack->decls[i]->kind == DECL_RESOURCE)
            names[n++] = stack->decls[i]->address;
    err_set(&err, ERR_ABSENT, "neither the stack nor its state has \"%.*s\"", STR_ARG(e->address));
    struct str near = str_nearest(e->address, names, n);
    if (near.n)
        err_hint(&err, "did you mean \"%.*s\"?", STR_ARG(near));
    else
        err_hint(&err, "\"weir state list\" says what there is; a saved plan is a file");
    return invocation_fail(e->inv, &err);
}

static int explain_found(struct explained *e)
{
    struct invocation *inv = e->inv;
    struct err err = ERR_INIT;
    struct str declared, key;
    struct plan *plan = NULL;
    AUTO_BUF struct buf out = BUF_INIT;
    if (address_split(&inv->arena, e->address, &declared, &key))
        e->decl = stack_find(e->workspace->stack, declared);
    if (e->decl && e->decl->kind != DECL_RESOURCE)
        e->decl = NULL;
    find_records_of(e);
    if (!e->decl && !e->record_count)
        return no_such_resource(e);
    if (find_runs(e, &err))
        return invocation_fail(inv, &err);
    find_neighbours(e);
    const struct plan_options options = {
        .targets = &e->address, .target_count = 1, .leave_jobs = true, .as_recorded = true};
    int status = e->record_count ? planning_make_alone(inv, e->workspace, &options, &plan) : EXIT_DONE;
    e->plan = plan;
    if (inv->settings->json)
        explain_json(e, &out);
    else
        explain_text(e, &out);
    plan_free(plan);
    int written = invocation_write(inv, buf_str(&out));
    return status != EXIT_DONE ? status : written;
}

int explain_resource(struct invocation *inv, struct str address)
{
    AUTO_WORKSPACE struct workspace workspace = {0};
    int status = invocation_open(inv, NULL, &workspace);
    if (status != EXIT_DONE)
        return status;
    struct explained e = {.inv = inv, .workspace = &workspace, .address = address};
    return explain_found(&e);
}
