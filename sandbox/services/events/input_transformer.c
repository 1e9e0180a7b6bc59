/* What a rule's target gets of an event: all of it, a part, something else, or a text made of its parts. */
#include "sandbox/services/events/events.h"

#include "base/json.h"
#include "sandbox/asl/asl_internal.h"

/* The members of an event in AWS's order; of anything else as they are. */
static void add_event(struct buf *out, const struct value *v)
{
    static const char *const members[] = {
        "version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"};
    enum { N = sizeof members / sizeof *members };
    size_t n = 0;
    for (size_t i = 0; i < N; i++)
        n += value_getz(v, members[i]) != NULL;
    if (n < N - 1 || n != v->count) {
        json_write(out, v, JSON_PLAIN);
        return;
    }
    for (size_t i = 0; i < N; i++) {
        const struct value *member = value_getz(v, members[i]);
        if (!member)
            continue;
        buf_addf(out, "%c\"%s\":", i ? ',' : '{', members[i]);
        json_write(out, member, JSON_PLAIN);
    }
    buf_add_char(out, '}');
}

static struct str event_text(struct arena *arena, const struct value *v)
{
    AUTO_BUF struct buf out = BUF_INIT;
    add_event(&out, v);
    return arena_str(arena, buf_str(&out));
}

/* What <name> in a template stands for; NULL: nothing, then it is left out. */
static const struct value *input_variable(struct arena *arena, const struct control_record *rule,
    const struct value *paths, struct str name, const struct value *event)
{
    const char *why;
    if (str_eqz(name, "aws.events.rule-arn"))
        return value_getz(rule->attrs, "arn");
    if (str_eqz(name, "aws.events.rule-name"))
        return value_getz(rule->attrs, "name");
    if (str_eqz(name, "aws.events.event.ingestion-time"))
        return value_getz(event, "time");
    if (str_eqz(name, "aws.events.event.json"))
        return event;
    if (str_eqz(name, "aws.events.event"))
        return value_with(arena, event, STR("detail"), NULL);
    struct str path = value_text(value_get(paths, name), STR_EMPTY);
    return path.n ? asl_path_find(arena, path, event, NULL, &why) : NULL;
}

/* In quotes a text stands as it is, elsewhere with quotes of its own. */
static void add_variable(struct buf *out, const struct value *v, bool quoted)
{
    AUTO_BUF struct buf json = BUF_INIT;
    add_event(&json, v);
    struct str text = buf_str(&json);
    bool strip = quoted && v->kind == VALUE_STRING;
    buf_add_str(out, strip ? str_slice(text, 1, text.n - 1) : text);
}

static struct str transformed(struct arena *arena, const struct control_record *rule,
    const struct value *transformer, const struct value *event)
{
    struct str template = value_gets(transformer, "input_template");
    const struct value *paths = value_getz(transformer, "input_paths_map");
    AUTO_BUF struct buf out = BUF_INIT;
    bool quoted = false;
    for (size_t i = 0; i < template.n; i++) {
        char c = template.p[i];
        ptrdiff_t end = c == '<' ? str_find_char(template, '>', i) : -1;
        if (end > 0) {
            const struct value *v =
                input_variable(arena, rule, paths, str_slice(template, i + 1, (size_t)end), event);
            if (v)
                add_variable(&out, v, quoted);
            i = (size_t)end;
            continue;
        }
        quoted = c == '"' && !(i && template.p[i - 1] == '\\') ? !quoted : quoted;
        buf_add_char(&out, c);
    }
    return arena_str(arena, buf_str(&out));
}

struct str rule_input(struct arena *arena, const struct control_record *rule, const struct value *target,
    const struct value *event)
{
    const struct value *input = value_getz(target, "input"),
                       *transformer = value_getz(target, "input_transformer");
    struct str path = value_gets(target, "input_path");
    const char *why;
    if (!value_is_null(input))
        return input->kind == VALUE_STRING ? input->string : json_as_text(arena, input)->string;
    if (!value_is_null(transformer))
        return transformed(arena, rule, transformer, event);
    const struct value *part = path.n ? asl_path_find(arena, path, event, NULL, &why) : event;
    return part ? event_text(arena, part) : STR("{}");
}
