/* What a rule's target gets of an event: all of it, a part, something else, or a text made of its parts. */
#include "sandbox/services/events/events.h"

#include "base/json.h"
#include "sandbox/asl/asl_internal.h"
#include "sandbox/services/shared/input_template.h"

struct transformed {
    const struct control_record *rule;
    const struct value *paths, *event;
};

static const struct value *rule_variable(const void *ctx, struct arena *arena, struct str name)
{
    const struct transformed *of = ctx;
    const char *why;
    if (str_eqz(name, "aws.events.rule-arn"))
        return value_getz(of->rule->attrs, "arn");
    if (str_eqz(name, "aws.events.rule-name"))
        return value_getz(of->rule->attrs, "name");
    if (str_eqz(name, "aws.events.event.ingestion-time"))
        return value_getz(of->event, "time");
    if (str_eqz(name, "aws.events.event.json"))
        return of->event;
    if (str_eqz(name, "aws.events.event"))
        return value_with(arena, of->event, STR("detail"), NULL);
    struct str path = value_text(value_get(of->paths, name), STR_EMPTY);
    return path.n ? asl_path_find(arena, path, of->event, NULL, &why) : NULL;
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
        return input_template(arena, value_gets(transformer, "input_template"), rule_variable,
            &(struct transformed){rule, value_getz(transformer, "input_paths_map"), event});
    const struct value *part = path.n ? asl_path_find(arena, path, event, NULL, &why) : event;
    return part ? input_event(arena, part) : STR("{}");
}
