/* weir rules: the rules of the stack, or one rule in full. */
#include "cmd/invocation/invocation.h"

#include "base/json.h"

/* Returns the source text of an expression. */
static struct str text_as_written(const struct expr *expr)
{
    struct span span = expr ? span_complete(expr_span(expr)) : (struct span){0};
    return span.source ? str_slice(span.source->text, span.offset, (size_t)span.offset + span.length)
                       : STR_EMPTY;
}

static struct str types_text(struct arena *arena, const struct rule *rule)
{
    if (rule->decl || rule->check)
        return rule->decl ? rule->decl->address : STR("what is there after an apply");
    AUTO_BUF struct buf out = BUF_INIT;
    for (size_t i = 0; i < rule->type_count; i++)
        buf_addf(&out, "%s%.*s", i ? ", " : "", STR_ARG(rule->types[i]));
    return arena_str(arena, buf_str(&out));
}

/* Returns the rule's description, or else its message. */
static struct str meaning(const struct rule *rule)
{
    return rule->doc.n ? rule->doc : text_as_written(rule->message);
}

static void rule_event(struct arena *arena, const struct rule *rule, struct buf *out)
{
    struct span at = span_complete(rule->span);
    buf_addz(out, "{\"event\":\"rule_declared\"");
    json_write_member(out, "rule", rule->name);
    json_write_member(out, "level", str_z(rule_level_name(rule->level)));
    json_write_member(out, "for", types_text(arena, rule));
    json_write_member_if_any(out, "where", text_as_written(rule->where));
    json_write_member(out, "require", text_as_written(rule->require));
    json_write_member(out, "message", text_as_written(rule->message));
    json_write_member_if_any(out, "module", rule->module ? rule->module->path : STR_EMPTY);
    json_write_member_if_any(out, "doc", rule->doc);
    json_write_member_if_any(out, "control", rule->control);
    json_write_member_if_any(out, "link", rule->link);
    json_write_member(out, "file", at.source->path);
    buf_addf(out, ",\"line\":%u}\n", at.line);
}

static void add_line(struct buf *out, const char *label, struct str text)
{
    if (!text.n)
        return;
    buf_addf(out, "  %-9s", label);
    text_addf(out, "%.*s\n", STR_ARG(text));
}

static void rule_details(struct arena *arena, const struct rule *rule, bool color, struct buf *out)
{
    struct span at = span_complete(rule->span);
    style_addf(out, color, STYLE_BOLD, "%.*s", STR_ARG(rule->name));
    buf_addz(out, "\n\n");
    add_line(out, "why", rule->doc);
    add_line(out, "level", str_z(rule_level_name(rule->level)));
    add_line(out, "for", types_text(arena, rule));
    add_line(out, "in", rule->module ? rule->module->path : STR_EMPTY);
    add_line(out, "where", text_as_written(rule->where));
    add_line(out, "require", text_as_written(rule->require));
    add_line(out, "message", text_as_written(rule->message));
    add_line(out, "control", rule->control);
    add_line(out, "link", rule->link);
    add_line(out, "file", arena_printf(arena, "%.*s:%u", STR_ARG(at.source->path), at.line));
}

static void rules_table(struct arena *arena, const struct stack *stack, bool color, struct buf *out)
{
    static const char *const heads[] = {"rule", "level", "for", "control", "why"};
    enum { COLUMNS = sizeof heads / sizeof *heads };
    AUTO_BUILDER struct value_builder rows = VALUE_BUILDER(arena);
    for (size_t i = 0; i < stack->rule_count; i++) {
        const struct rule *rule = &stack->rules[i];
        const struct value *cells[COLUMNS] = {value_string_or_null(arena, rule->name),
            value_stringz(arena, rule_level_name(rule->level)),
            value_string_or_null(arena, types_text(arena, rule)), value_string_or_null(arena, rule->control),
            value_string_or_null(arena, meaning(rule))};
        value_builder_add(&rows, value_list(arena, cells, COLUMNS));
    }
    if (rows.n)
        table_add_text(table_columns(arena, heads, COLUMNS), value_builder_list(&rows),
            &(struct term){.color = color}, out);
    else
        buf_addz(out, "There are no rules here. `rules: {use: [weir.baseline]}` uses those of weir.\n");
}

static void waiver_line(const struct waiver *waiver, bool json, struct buf *out)
{
    AUTO_BUF struct buf addresses = BUF_INIT;
    for (size_t i = 0; i < waiver->address_count; i++)
        buf_addf(&addresses, "%s%.*s", i ? ", " : "", STR_ARG(waiver->addresses[i]));
    if (json) {
        buf_addz(out, "{\"event\":\"waiver\"");
        json_write_member(out, "rule", waiver->rule);
        json_write_member(out, "for", buf_str(&addresses));
        json_write_member(out, "reason", waiver->reason);
        json_write_member(out, "until", waiver->until);
        buf_addz(out, "}\n");
        return;
    }
    text_addf(out, "waived until %.*s: %.*s for %.*s: %.*s\n", STR_ARG(waiver->until), STR_ARG(waiver->rule),
        STR_ARG(buf_str(&addresses)), STR_ARG(waiver->reason));
}

static int rules_print(struct invocation *inv, const struct stack *stack)
{
    struct str name = inv->args.n ? inv->args.items[0] : STR_EMPTY;
    bool json = inv->settings->json;
    AUTO_BUF struct buf out = BUF_INIT;
    size_t found = 0;
    for (size_t i = 0; i < stack->rule_count; i++) {
        if (name.n && !rule_is_called(&stack->rules[i], name))
            continue;
        if (json)
            rule_event(&inv->arena, &stack->rules[i], &out);
        else if (name.n)
            rule_details(&inv->arena, &stack->rules[i], inv->out.color, &out);
        found++;
    }
    if (name.n && !found)
        return invocation_usage(
            inv, "\"weir rules\" lists them", "there is no rule \"%.*s\" here", STR_ARG(name));
    if (!json && !name.n)
        rules_table(&inv->arena, stack, inv->out.color, &out);
    for (size_t i = 0; i < stack->waiver_count && !name.n; i++)
        waiver_line(&stack->waivers[i], json, &out);
    return invocation_write(inv, buf_str(&out));
}

static int cmd_rules_run(struct invocation *inv)
{
    struct workspace workspace;
    struct workspace_options wanted = {.no_state = true, .stack = {.lenient_inputs = true}};
    int status = invocation_open(inv, &wanted, &workspace);
    if (status != EXIT_DONE)
        return status;
    status = rules_print(inv, workspace.stack);
    workspace_close(&workspace);
    return status;
}

const struct command cmd_rules = {
    .name = "rules",
    .args = "[NAME]",
    .sets = {&options_json, &options_stack},
    .max_args = 1,
    .run = cmd_rules_run,
};
