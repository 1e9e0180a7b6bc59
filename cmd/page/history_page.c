/* The page of a history: see page.h. It contains the state at each run as differences. */
#include "cmd/page/page.h"

#include "base/clock.h"
#include "base/json.h"

/* ---- earlier states ---- */

/* Returns every resource with its type and attributes, as of that record of the log. */
static int state_then(const struct workspace *workspace, uint64_t seq, struct arena *arena,
    const struct value **out, struct err *err)
{
    const struct stack *stack = workspace->stack;
    struct state *state;
    struct state_options options = {
        .config = workspace->options->state_dir ? NULL : stack->state, .dir = stack->dir, .at = seq};
    size_t n;
    if (workspace_backend(workspace, &options.backend, err) || state_open(&options, &state, err))
        return -1;
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(arena);
    const struct record *const *records = state_records(state, &n);
    for (size_t i = 0; i < n; i++) {
        const struct record *r = records[i];
        value_builder_set(&all, arena_str(arena, r->subject.address),
            value_with(arena, r->attrs ? value_copy(arena, r->attrs) : NULL, STR("(type)"),
                value_string(arena, r->subject.type)));
    }
    state_close(state);
    *out = value_builder_map(&all);
    return 0;
}

/* Returns the value as text. For a secret it returns only the run that set it. */
static const struct value *shown_value(const struct value *v, struct str run, struct arena *arena)
{
    AUTO_BUF struct buf text = BUF_INIT;
    if (value_is_null(v))
        return &value_null;
    if (value_is_sensitive(v))
        return value_string(arena, arena_printf(arena, "(sensitive, as of run %.*s)", STR_ARG(run)));
    json_write(&text, v, JSON_PRETTY | JSON_REDACT);
    return value_string(arena, buf_str(&text));
}

/* Returns the changed attributes; null: removed. */
static const struct value *changed_attributes(
    const struct value *before, const struct value *after, struct str run, struct arena *arena)
{
    AUTO_BUILDER struct value_builder changed = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < after->count; i++) {
        const struct value_entry *entry = &after->entries[i];
        const struct value *was = value_get(before, entry->key);
        if (!was || !value_equal(was, entry->value))
            value_builder_set(&changed, entry->key, shown_value(entry->value, run, arena));
    }
    for (uint32_t i = 0; before && i < before->count; i++)
        if (!value_get(after, before->entries[i].key))
            value_builder_set(&changed, before->entries[i].key, &value_null);
    return value_builder_map(&changed);
}

/* Returns the differences of two consecutive states: address -> changes; null: deleted. */
static const struct value *state_step(
    const struct value *before, const struct value *after, struct str run, struct arena *arena)
{
    AUTO_BUILDER struct value_builder step = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < after->count; i++) {
        const struct value_entry *entry = &after->entries[i];
        const struct value *changed =
            changed_attributes(value_get(before, entry->key), entry->value, run, arena);
        if (changed->count)
            value_builder_set(&step, entry->key, changed);
    }
    for (uint32_t i = 0; i < before->count; i++)
        if (!value_get(after, before->entries[i].key))
            value_builder_set(&step, before->entries[i].key, &value_null);
    return value_builder_map(&step);
}

static int read_steps(const struct workspace *workspace, const struct history_run *runs, size_t n,
    struct arena *arena, const struct value **out, struct err *err)
{
    const struct value *before = &value_empty_map, *after;
    AUTO_BUILDER struct value_builder steps = VALUE_BUILDER(arena);
    for (size_t i = 0; i < n; i++) {
        if (state_then(workspace, runs[i].last_seq, arena, &after, err))
            return -1;
        value_builder_add(&steps, state_step(before, after, runs[i].run, arena));
        before = after;
    }
    *out = value_builder_list(&steps);
    return 0;
}

/* ---- the page ---- */

static void add_cell(struct buf *out, struct str text)
{
    text_addf_xml(out, "<td>%.*s</td>", STR_ARG(text));
}

/* The text is escaped, since others may write to a shared state. */
static void add_class(struct buf *out, const struct history_run *run)
{
    text_addf_xml(out, " class=\"%.*s\"", STR_ARG(run->status));
}

/* Writes a radio button; `which` is "from" or "to". */
static void add_choice(struct buf *out, const char *which, struct str run, size_t i, bool checked)
{
    text_addf_xml(out,
        "<td><input type=\"radio\" name=\"%s\" value=\"%zu\" aria-label=\"%s run %.*s\"%s></td>", which, i,
        which, STR_ARG(run), checked ? " checked" : "");
}

static void add_run_row(const struct history_run *run, size_t i, bool from, bool to, struct buf *out)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_BUF struct buf took = BUF_INIT;
    struct str name = arena_str(&arena, run->run);
    if (run->end_ms)
        text_add_duration(&took, run->end_ms - run->begin_ms);
    buf_addz(out, "<tr");
    add_class(out, run);
    buf_addz(out, ">");
    add_choice(out, "from", name, i, from);
    add_choice(out, "to", name, i, to);
    add_cell(out, name);
    add_cell(out, time_rfc3339(&arena, run->begin_ms, false));
    add_cell(out, run->command);
    add_cell(out, run->status);
    add_cell(out, buf_str(&took));
    add_cell(out, run->owner);
    AUTO_BUF struct buf counts = BUF_INIT;
    buf_addf(&counts, "+%zu ~%zu -%zu", run->created, run->updated + run->imported, run->deleted);
    if (run->failed)
        buf_addf(&counts, " !%zu", run->failed);
    if (run->checks->count)
        buf_addf(&counts, ", %zu of %u checks kept", run->met, run->checks->count);
    add_cell(out, buf_str(&counts));
    buf_addz(out, "</tr>\n");
}

/* Draws a dot for each run at its time; the number of its changes gives the height. */
static void add_time_line(const struct history_run *runs, size_t n, struct buf *out)
{
    enum { WIDE = 960, HIGH = 60 };
    int64_t first = n ? runs[0].begin_ms : 0, span = n ? runs[n - 1].begin_ms - first : 0;
    buf_addf(out, "<svg id=\"line\" viewBox=\"-20 0 %d %d\" role=\"img\" aria-label=\"Runs by time\">\n",
        WIDE + 40, HIGH);
    buf_addf(out, "<path d=\"M0 %d H%d\"/>\n", HIGH - 14, WIDE);
    for (size_t i = 0; i < n; i++) {
        size_t much = runs[i].created + runs[i].updated + runs[i].imported + runs[i].deleted;
        double x = span > 0 ? (double)(runs[i].begin_ms - first) / (double)span * WIDE : WIDE / 2.0;
        double r = much > 99 ? 12 : 4 + (double)much / 12;
        buf_addz(out, "<circle");
        add_class(out, &runs[i]);
        text_addf_xml(out,
            " cx=\"%.1f\" cy=\"%d\" r=\"%.1f\" data-run=\"%zu\"><title>run %.*s: %.*s</title></circle>\n", x,
            HIGH - 14, r, i, STR_ARG(runs[i].run), STR_ARG(runs[i].command));
    }
    buf_addz(out, "</svg>\n");
}

static void add_table(const struct history_run *runs, size_t n, struct buf *out)
{
    buf_addz(out, "<table><thead><tr><th>from</th><th>to</th><th>run</th><th>when</th><th>what</th>"
                  "<th>status</th><th>took</th><th>who</th><th>changes</th></tr></thead>\n<tbody>\n");
    for (size_t i = n; i--;)
        add_run_row(&runs[i], i, i + 2 == n || n == 1, i + 1 == n, out);
    buf_addz(out, "</tbody></table>\n");
}

/* Writes JSON within a page; "<" is escaped, since it could end the element. */
static void add_data(const struct value *steps, struct buf *out)
{
    AUTO_BUF struct buf text = BUF_INIT;
    json_write(&text, steps, JSON_PLAIN);
    buf_addz(out, "<script type=\"application/json\" id=\"steps\">");
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '<')
            buf_addz(out, "\\u003c");
        else
            buf_add_char(out, text.p[i]);
    }
    buf_addz(out, "</script>\n");
}

int history_page_write(const struct workspace *workspace, const struct history_run *runs, size_t n,
    struct arena *arena, struct buf *out, struct err *err)
{
    const struct value *steps;
    if (read_steps(workspace, runs, n, arena, &steps, err))
        return -1;
    page_begin(workspace->stack, "history", "cmd/page/history.js", out);
    buf_addz(out, "</header>\n<main class=\"history\">\n<section aria-label=\"Runs\">\n");
    add_time_line(runs, n, out);
    add_table(runs, n, out);
    buf_addz(out, "</section>\n<section id=\"difference\" aria-live=\"polite\" "
                  "aria-label=\"Difference\"></section>\n</main>\n");
    add_data(steps, out);
    page_end("cmd/page/history.js", out);
    return 0;
}
