/* What a rule's target gets of an event: all of it, a part, something else, or a text made of its parts. */
#include "sandbox/services/events/events.h"

#include "base/json.h"
#include "sandbox/asl/asl_internal.h"
#include "sandbox/services/shared/input_template.h"

struct transformed {
    const struct control_record *rule;
    const struct value *paths, *event;
};

/* What was not found is an empty text. */
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
    if (str_eqz(name, "aws.events.event")) { /* whose member has another name there */
        const struct str left[] = {STR("detail"), STR("detail-type")};
        return value_with(arena, value_without(arena, of->event, left, 2), STR("detailType"),
            value_getz(of->event, "detail-type"));
    }
    struct str path = value_text(value_get(of->paths, name), STR_EMPTY);
    const struct value *found = path.n ? asl_path_find(arena, path, of->event, NULL, &why) : NULL;
    return found ? found : &value_empty_string;
}

static int transform(struct arena *arena, const struct transformed *of, const struct value *transformer,
    struct str *out, struct err *err)
{
    const struct value *ignored;
    struct str template = value_gets(transformer, "input_template"), trimmed = str_trim(template);
    *out = input_template(arena, template, str_starts(trimmed, STR("\"")), rule_variable, of);
    return str_starts(trimmed, STR("{")) && json_parse(arena, *out, &ignored, ERR_IGNORED)
               ? service_refuse(
                     err, 400, "INVALID_JSON", "what the input transformer makes is not valid JSON")
               : 0;
}

int rule_input(struct arena *arena, const struct control_record *rule, const struct value *target,
    const struct value *event, struct str *out, struct err *err)
{
    const struct value *input = value_getz(target, "input"),
                       *transformer = value_getz(target, "input_transformer");
    struct str path = value_gets(target, "input_path");
    const char *why;
    if (!value_is_null(transformer))
        return transform(arena,
            &(struct transformed){rule, value_getz(transformer, "input_paths_map"), event}, transformer, out,
            err);
    const struct value *part = path.n ? asl_path_find(arena, path, event, NULL, &why) : event;
    *out = !value_is_null(input) ? json_or_text(arena, input) : part ? input_event(arena, part) : STR("{}");
    return 0;
}

/* ---- what PutTargets refuses of it ---- */

static int check_template(const struct value *target, struct str template, struct err *err)
{
    const struct value *paths = value_getz(value_getz(target, "InputTransformer"), "InputPathsMap");
    struct str before, name;
    for (ptrdiff_t at; (at = str_find_char(template, '<', 0)) >= 0;) {
        struct str rest = str_slice(template, (size_t)at + 1, template.n);
        before = str_cut(rest, '>', &name);
        if (!name.p)
            return 0;
        if (!str_starts(before, STR("aws.events.")) && !value_get(paths, before))
            return service_refuse(err, 400, "ValidationException",
                "InputTemplate for target %.*s contains invalid placeholder %.*s.",
                STR_ARG(value_gets(target, "Id")), STR_ARG(before));
        template = name;
    }
    return 0;
}

int rule_check_targets(struct service_call *call, struct err *err)
{
    static const char *const inputs[] = {"Input", "InputPath", "InputTransformer"};
    const struct value *targets = value_as_list(value_getz(call->input, "Targets"));
    for (uint32_t i = 0; i < targets->count; i++) {
        const struct value *target = targets->items[i];
        int given = 0;
        for (size_t k = 0; k < sizeof inputs / sizeof *inputs; k++)
            given += value_getz(target, inputs[k]) != NULL;
        if (given > 1)
            return service_refuse(err, 400, "ValidationException",
                "Only one of Input, InputPath, or InputTransformer must be provided for target %.*s.",
                STR_ARG(value_gets(target, "Id")));
        if (check_template(target, value_gets(value_getz(target, "InputTransformer"), "InputTemplate"), err))
            return -1;
    }
    call->declined = true;
    return 0;
}
