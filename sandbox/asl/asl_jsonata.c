/*
 * JSONata. What a state has in a field may be an expression as a whole, {% … %}, or have some in it. They see
 * the variables and $states: the state's input, its context, and where there are, its result or its error.
 */
#include "base/json.h"
#include "sandbox/asl/asl_internal.h"

static bool has_expressions(const struct value *template)
{
    if (template->kind == VALUE_STRING)
        return asl_is_jsonata(template);
    for (uint32_t i = 0; template->kind == VALUE_LIST && i < template->count; i++)
        if (has_expressions(template->items[i]))
            return true;
    for (uint32_t i = 0; template->kind == VALUE_MAP && i < template->count; i++)
        if (has_expressions(template->entries[i].value))
            return true;
    return false;
}

static const struct value *variables_of(struct asl_eval *eval)
{
    struct value_entry parts[] = {{STR("input"), eval->input}, {STR("context"), eval->context},
        {STR("result"), eval->result}, {STR("errorOutput"), eval->error_output}};
    AUTO_BUILDER struct value_builder states = VALUE_BUILDER(eval->arena);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i].value)
            value_builder_set(&states, parts[i].key, parts[i].value);
    return value_with(eval->arena, eval->variables, STR("states"), value_builder_map(&states));
}

const struct value *asl_jsonata(struct asl_eval *eval, const struct value *template, const char *field)
{
    struct str why = STR_EMPTY;
    if (!has_expressions(template))
        return template;
    struct value_entry parts[] = {{STR("template"), template},
        {STR("field"), value_stringz(eval->arena, field)}, {STR("variables"), variables_of(eval)}};
    const struct value *answer =
        eval->host->jsonata(eval->host->ctx, eval->arena, value_map(eval->arena, parts, 3), &why);
    const struct value *error = value_getz(answer, "error");
    if (!answer)
        asl_fail(eval, "States.Runtime", "%.*s", STR_ARG(why));
    if (error) {
        eval->location = value_gets(answer, "location");
        asl_fail(eval, "States.QueryEvaluationError", "%.*s", STR_ARG(error->string));
    }
    return answer && !error ? value_getz(answer, "value") : NULL;
}

static const char *type_of(const struct value *v)
{
    static const char *const names[] = {
        "null", "boolean", "number", "number", "string", "array", "object", "unknown"};
    return names[v->kind];
}

const struct value *asl_jsonata_as(
    struct asl_eval *eval, const struct value *template, const char *field, const char *type)
{
    const struct value *v = template ? asl_jsonata(eval, template, field) : NULL;
    if (!v || !strcmp(type_of(v), type))
        return v;
    struct str text = asl_is_jsonata(template)
                          ? str_trim(str_slice(template->string, 2, template->string.n - 2))
                          : json_as_text(eval->arena, template)->string;
    eval->location = arena_str(eval->arena, str_z(field));
    asl_fail(eval, "States.QueryEvaluationError",
        "The JSONata expression '%.*s' specified for the field '%s' returned an unexpected result type. "
        "Expected '%s', but was '%s' for value: %.*s",
        STR_ARG(text), field, type, type_of(v), STR_ARG(json_as_text(eval->arena, v)->string));
    return NULL;
}

const struct value *asl_fill(
    struct asl_eval *eval, const struct value *template, const char *field, const struct value *document)
{
    return eval->jsonata ? asl_jsonata(eval, template, field) : asl_template(eval, template, document);
}
