/* weir fleet output: what each member is told, as a table, for a spreadsheet, or as access sheets. */
#include "cmd/fleet/fleet.h"
#include "cmd/terminal/term.h"

#include "base/json.h"

/* Texts as they are, all else as JSON; what is secret is not printed. */
static const struct value *output_cell(struct arena *arena, const struct value *v)
{
    AUTO_BUF struct buf text = BUF_INIT;
    if (value_is_null(v) || value_is_sensitive(v))
        return value_is_null(v) ? &value_null : value_stringz(arena, "(sensitive)");
    if (v->kind == VALUE_STRING)
        return v;
    json_write(&text, v, JSON_REDACT);
    return value_string(arena, buf_str(&text));
}

/* All names that any member has. */
static const struct value *output_names(struct fleet *fleet, bool members_only)
{
    const struct value *all = &value_empty_map;
    for (size_t i = 0; i < fleet->n; i++)
        if (fleet->members[i].workspace.state && !(members_only && fleet->members[i].is_shared))
            all = value_merge(&fleet->inv->arena, all, state_outputs(fleet->members[i].workspace.state));
    return all;
}

static void output_table(struct fleet *fleet, bool csv, struct buf *out)
{
    struct arena *arena = &fleet->inv->arena;
    const struct value *names = output_names(fleet, csv);
    AUTO_BUILDER struct value_builder columns = VALUE_BUILDER(arena), rows = VALUE_BUILDER(arena);
    value_builder_add(&columns, value_stringz(arena, "member"));
    for (uint32_t k = 0; k < names->count; k++)
        value_builder_add(&columns, value_string_ref(arena, names->entries[k].key));
    for (size_t i = 0; i < fleet->n; i++) {
        const struct member *m = &fleet->members[i];
        AUTO_BUILDER struct value_builder row = VALUE_BUILDER(arena);
        if (!m->workspace.state || (csv && m->is_shared)) /* its outputs are for the members */
            continue;
        value_builder_add(&row, value_string_ref(arena, m->name));
        for (uint32_t k = 0; k < names->count; k++)
            value_builder_add(&row,
                output_cell(arena, value_get(state_outputs(m->workspace.state), names->entries[k].key)));
        value_builder_add(&rows, value_builder_list(&row));
    }
    if (csv)
        table_add_csv(value_builder_list(&columns), value_builder_list(&rows), false, out);
    else
        table_add_text(value_builder_list(&columns), value_builder_list(&rows), fleet->inv->out.color, out);
}

static void add_times(struct buf *out, char c, size_t n)
{
    while (n--)
        buf_add_char(out, c);
}

static size_t longest_run(struct str text, char c)
{
    size_t longest = 0, run = 0;
    for (size_t i = 0; i < text.n; i++) {
        run = text.p[i] == c ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest;
}

/* Lines as they are, such as those of a key, in a block below the item. */
static void add_lines(struct buf *out, struct str text)
{
    enum { FENCE = 3 };
    size_t run = longest_run(text, '`') + 1, fence = run < FENCE ? FENCE : run;
    buf_addz(out, "\n\n  ");
    add_times(out, '`', fence);
    do {
        struct str line = str_cut(text, '\n', &text);
        buf_addz(out, line.n ? "\n  " : "\n");
        text_add_safe(out, line, false);
    } while (text.n);
    buf_addz(out, "\n  ");
    add_times(out, '`', fence);
}

/* A value in a code span or block, whatever backquotes it has. */
static void add_code(struct buf *out, struct str text)
{
    size_t longest = longest_run(text, '`');
    if (str_find_char(text, '\n', 0) >= 0) {
        add_lines(out, text);
        return;
    }
    add_times(out, '`', longest + 1);
    buf_addz(out, longest ? " " : "");
    text_add_safe(out, text, false);
    buf_addz(out, longest ? " " : "");
    add_times(out, '`', longest + 1);
}

static void output_sheets(struct fleet *fleet, struct buf *out)
{
    for (size_t i = 0; i < fleet->n; i++) {
        const struct member *m = &fleet->members[i];
        if (!m->workspace.state)
            continue;
        const struct stack *stack = m->workspace.stack;
        const struct value *outputs = state_outputs(m->workspace.state);
        buf_addf(out, "%s## %.*s%s\n\n", i ? "\n" : "", STR_ARG(m->name), m->is_shared ? " (for all)" : "");
        if (!outputs->count && !state_count(m->workspace.state))
            buf_addz(out, "Not made yet.\n");
        for (uint32_t k = 0; k < outputs->count; k++) {
            const struct value_entry *entry = &outputs->entries[k];
            const struct decl *decl = map_get(&stack->root->outputs, entry->key);
            struct str title = decl && decl->description.n ? decl->description : entry->key;
            buf_addf(out, "- %.*s: ", STR_ARG(title));
            add_code(out, value_text(output_cell(&fleet->inv->arena, entry->value), STR("-")));
            buf_add_char(out, '\n');
        }
    }
}

static void output_events(struct fleet *fleet, struct buf *out)
{
    for (size_t i = 0; i < fleet->n; i++) {
        const struct member *m = &fleet->members[i];
        if (!m->workspace.state)
            continue;
        buf_addf(out, "{\"%s\":\"%.*s\",\"outputs\":", fleet_noun(m), STR_ARG(m->name));
        json_write(out, state_outputs(m->workspace.state), JSON_REDACT | JSON_MARK_UNKNOWN);
        buf_addz(out, "}\n");
    }
}

int fleet_output(struct invocation *inv)
{
    const struct fleet_settings *own = inv->own;
    struct str format = str_z(own->format ? own->format : "table");
    struct fleet fleet;
    AUTO_BUF struct buf out = BUF_INIT;
    int status = fleet_open(inv, &fleet);
    if (status == EXIT_DONE) {
        fleet_load(&fleet);
        if (inv->settings->json)
            output_events(&fleet, &out);
        else if (str_eqz(format, "markdown"))
            output_sheets(&fleet, &out);
        else
            output_table(&fleet, str_eqz(format, "csv"), &out);
        status = invocation_write(inv, buf_str(&out));
        int failed = fleet_report(&fleet);
        status = failed ? failed : status;
    }
    fleet_close(&fleet);
    return status;
}
