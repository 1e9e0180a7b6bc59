/* What rules said of a plan, as its file has it. */
#include "plan/saved/saved_findings.h"

static const struct value *finding_saved(struct arena *arena, const struct rule_finding *f)
{
    struct span at = span_complete(f->span);
    return VALUE_MAP(arena, {STR("rule"), value_string(arena, f->rule)},
        {STR("address"), value_string(arena, f->address)}, {STR("type"), value_string(arena, f->type)},
        {STR("message"), value_string(arena, f->message)}, {STR("doc"), value_string(arena, f->doc)},
        {STR("control"), value_string(arena, f->control)}, {STR("link"), value_string(arena, f->link)},
        {STR("level"), value_stringz(arena, rule_level_name(f->level))},
        {STR("outcome"), value_stringz(arena, finding_outcome_name(f->outcome))},
        {STR("reason"), value_string(arena, f->reason)}, {STR("until"), value_string(arena, f->until)},
        {STR("unknown"), value_bool(f->unknown)},
        {STR("file"), value_string(arena, at.source ? at.source->path : STR_EMPTY)},
        {STR("line"), value_int(arena, at.line)}, {STR("column"), value_int(arena, at.column)});
}

const struct value *saved_findings(const struct plan *plan, struct arena *arena)
{
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    for (size_t i = 0; i < plan->finding_count; i++)
        value_builder_add(&list, finding_saved(arena, &plan->findings[i]));
    return value_builder_list(&list);
}

/* The number of the name; 0 for what is none. */
static int number_of(struct str name, const char *(*name_of)(int i), int n)
{
    for (int i = 0; i < n; i++)
        if (str_eqz(name, name_of(i)))
            return i;
    return 0;
}

static const char *level_name(int i)
{
    return rule_level_name((enum rule_level)i);
}

static const char *outcome_name(int i)
{
    return finding_outcome_name((enum finding_outcome)i);
}

static struct span read_place(struct arena *arena, const struct value *saved)
{
    struct source *source = ARENA_NEW(arena, struct source);
    *source = (struct source){.path = value_gets(saved, "file"), .text = STR_EMPTY};
    return (struct span){.source = source->path.n ? source : NULL,
        .line = (uint32_t)value_get_count(saved, "line"),
        .column = (uint32_t)value_get_count(saved, "column")};
}

void saved_findings_read(const struct value *saved, struct arena *arena, struct plan *out)
{
    const struct value *list = value_as_list(saved);
    out->findings = ARENA_ARRAY(arena, struct rule_finding, list->count + 1);
    for (uint32_t i = 0; i < list->count; i++) {
        const struct value *one = list->items[i];
        out->findings[out->finding_count++] = (struct rule_finding){.rule = value_gets(one, "rule"),
            .address = value_gets(one, "address"),
            .type = value_gets(one, "type"),
            .message = value_gets(one, "message"),
            .doc = value_gets(one, "doc"),
            .control = value_gets(one, "control"),
            .link = value_gets(one, "link"),
            .level = (enum rule_level)number_of(value_gets(one, "level"), level_name, RULE_LEVELS),
            .outcome =
                (enum finding_outcome)number_of(value_gets(one, "outcome"), outcome_name, FINDING_OUTCOMES),
            .reason = value_gets(one, "reason"),
            .until = value_gets(one, "until"),
            .unknown = value_getb(one, "unknown"),
            .span = read_place(arena, one)};
    }
}
