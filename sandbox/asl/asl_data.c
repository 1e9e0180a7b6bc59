/* Input and output of states: paths, JSONata, variables. */
#include "base/json.h"
#include "sandbox/asl/asl_internal.h"

/* ---- variables ----
 *
 * Assign is evaluated with the variable values at the start of the state. Its document is the result (Task,
 * Parallel, Map and Pass, before ResultSelector), the input (Wait, Choice) or the error (Catch). A branch or
 * an iteration sees the enclosing variables but assigns only its own, which end with it. */

enum { MAX_ALL = 10485760 };

int asl_assign(struct asl_visit *visit, const struct value *holder, const struct value *document)
{
    const struct value *template = value_getz(holder, "Assign");
    if (!template)
        return 0;
    const struct value *values = asl_fill(&visit->eval, template, "Assign", document);
    if (!values || values->kind != VALUE_MAP)
        return -1;
    if (values->depth > ASL_MAX_DEPTH || value_size(values) > 16 * ASL_MAX_DATA ||
        json_as_text(visit->eval.arena, values)->string.n > ASL_MAX_DATA)
        return asl_fail(&visit->eval, "States.DataLimitExceeded",
            "The state '%.*s' assigns variables with a size exceeding the maximum number of bytes service "
            "limit.",
            STR_ARG(visit->name));
    for (uint32_t i = 0; i < values->count; i++)
        if (value_get(visit->line->outer, values->entries[i].key))
            return asl_fail(&visit->eval, "States.Runtime",
                "The variable '%.*s' belongs to an outer scope, and cannot be assigned here.",
                STR_ARG(values->entries[i].key));
    visit->assigned = values;
    return 0;
}

int asl_keep_assigned(struct asl_visit *visit)
{
    struct asl_line *line = visit->line;
    struct arena fresh = ARENA_INIT;
    if (!visit->assigned)
        return 0;
    const struct value *all = value_copy(&fresh, value_merge(&fresh, line->own, visit->assigned));
    if (value_size(all) > MAX_ALL) {
        arena_release(&fresh);
        return asl_fail(&visit->eval, "States.DataLimitExceeded",
            "The variables together exceed the maximum number of bytes service limit.");
    }
    visit->replaced = line->own_arena; /* the state's output may point into this arena */
    line->own_arena = fresh;
    line->own = all;
    return 0;
}

const struct value *asl_variables(const struct asl_line *line, struct arena *arena)
{
    return line->outer && line->own ? value_merge(arena, line->outer, line->own)
           : line->own              ? line->own
                                    : line->outer;
}

/* ---- JSONata ----
 *
 * A field may be an expression as a whole ({% … %}) or contain expressions. They see the variables and
 * $states: the input, the context, and the result or the error if available. */

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

enum { MAX_REPORTED = 4096 }; /* characters of the input in a cause */

int asl_fail(struct asl_eval *eval, const char *name, const char *format, ...)
{
    va_list args;
    if (eval->error.name.n)
        return -1;
    va_start(args, format);
    eval->error.cause = arena_vprintf(eval->arena, format, args);
    va_end(args);
    eval->error.name = str_z(name);
    eval->own = true;
    return -1;
}

struct str asl_text(struct arena *arena, const struct value *v)
{
    return v->kind == VALUE_STRING ? v->string : json_as_text(arena, v)->string;
}

const struct value *asl_resolve(
    struct asl_eval *eval, struct str path, const struct value *document, const char **why)
{
    const struct asl_names names = {eval->context, eval->variables};
    return asl_path_find(eval->arena, path, document, &names, why);
}

/* Reports the first unresolved name of a path: "Missing property in path $['a']", "No results for path:
 * $['a']['b']". */
static void fail_unresolved(struct asl_eval *eval, struct str path, const struct value *document)
{
    AUTO_BUF struct buf way = BUF_INIT;
    struct str name, rest = str_slice(path, 2, path.n);
    buf_add_char(&way, '$');
    while (rest.n) {
        name = str_cut(rest, '.', &rest);
        buf_addf(&way, "['%.*s']", STR_ARG(name));
        document = value_get(document, name);
        if (!document)
            break;
    }
    asl_fail(eval, "States.Runtime", "Invalid path '%.*s' : %s%.*s", STR_ARG(path),
        rest.n ? "Missing property in path " : "No results for path: ", STR_ARG(buf_str(&way)));
}

const struct value *asl_find(struct asl_eval *eval, struct str path, const struct value *document)
{
    const char *why;
    if (asl_is_intrinsic(path))
        return asl_intrinsic(eval, path, document);
    const struct value *found = asl_resolve(eval, path, document, &why);
    if (!found && !str_starts(path, STR("$.")))
        asl_fail(eval, "States.Runtime", "Invalid path '%.*s' : %s", STR_ARG(path), why);
    else if (!found)
        fail_unresolved(eval, path, document);
    return found;
}

const struct value *asl_filter(
    struct asl_eval *eval, const struct value *state, const char *member, const struct value *document)
{
    const struct value *path = value_getz(state, member);
    if (!path)
        return document;
    if (path->kind != VALUE_STRING)
        return &value_empty_map;
    return asl_find(eval, path->string, document);
}

/* The specification names States.ParameterPathFailure for a template field whose path resolves to nothing;
 * the service reports States.Runtime, which cannot be caught. */
const struct value *asl_find_field(
    struct asl_eval *eval, struct str field, struct str path, const struct value *document)
{
    const char *why;
    if (asl_is_intrinsic(path))
        return asl_intrinsic(eval, path, document);
    const struct value *found = asl_resolve(eval, path, document, &why);
    AUTO_BUF struct buf input = BUF_INIT;
    if (found)
        return found;
    json_write(&input, document, JSON_PLAIN);
    asl_fail(eval, "States.Runtime",
        "The JSONPath '%.*s' specified for the field '%.*s' could not be found in the input '%.*s'",
        STR_ARG(path), STR_ARG(field), (int)(input.n < MAX_REPORTED ? input.n : MAX_REPORTED),
        input.n ? input.p : "");
    return NULL;
}

static const struct value *fill_map(
    struct asl_eval *eval, const struct value *template, const struct value *document)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(eval->arena);
    for (uint32_t i = 0; i < template->count; i++) {
        struct str key = template->entries[i].key;
        const struct value *v = template->entries[i].value;
        if (str_ends(key, STR(".$"))) {
            key = arena_str(eval->arena, str_slice(key, 0, key.n - 2));
            v = asl_find_field(eval, template->entries[i].key, value_text(v, STR_EMPTY), document);
        } else {
            v = asl_template(eval, v, document);
        }
        if (!v)
            return NULL;
        value_builder_set(&b, key, v);
    }
    return value_builder_map(&b);
}

const struct value *asl_template(
    struct asl_eval *eval, const struct value *template, const struct value *document)
{
    if (template->kind == VALUE_MAP)
        return fill_map(eval, template, document);
    if (template->kind != VALUE_LIST)
        return template;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(eval->arena);
    for (uint32_t i = 0; i < template->count; i++) {
        const struct value *v = asl_template(eval, template->items[i], document);
        if (!v)
            return NULL;
        value_builder_add(&b, v);
    }
    return value_builder_list(&b);
}

const struct value *asl_put_result(
    struct asl_eval *eval, const struct value *holder, const struct value *input, const struct value *result)
{
    const struct value *path = value_getz(holder, "ResultPath");
    if (!path)
        return result;
    if (path->kind != VALUE_STRING)
        return input;
    const struct value *placed = asl_path_set(eval->arena, path->string, input, result);
    if (!placed)
        asl_fail(eval, "States.ResultPathMatchFailure",
            "Unable to apply ReferencePath %.*s to the state's input", STR_ARG(path->string));
    return placed;
}
