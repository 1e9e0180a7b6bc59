/* What a state sees of its input and makes of its result. */
#include "sandbox/asl/asl_internal.h"

#include "base/json.h"

enum { MAX_REPORTED = 4096 }; /* characters of an input in a cause */

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

const struct value *asl_look(
    struct asl_eval *eval, struct str path, const struct value *document, const char **why)
{
    const struct asl_names names = {eval->context, eval->variables};
    return asl_path_find(eval->arena, path, document, &names, why);
}

/* How far a path of names leads: "Missing property in path $['a']", "No results for path: $['a']['b']". */
static void nowhere(struct asl_eval *eval, struct str path, const struct value *document, const char *error)
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
    asl_fail(eval, error, "Invalid path '%.*s' : %s%.*s", STR_ARG(path),
        rest.n ? "Missing property in path " : "No results for path: ", STR_ARG(buf_str(&way)));
}

const struct value *asl_find(
    struct asl_eval *eval, struct str path, const struct value *document, const char *error)
{
    const char *why;
    if (asl_is_intrinsic(path))
        return asl_intrinsic(eval, path, document);
    const struct value *found = asl_look(eval, path, document, &why);
    if (!found && !str_starts(path, STR("$.")))
        asl_fail(eval, error, "Invalid path '%.*s' : %s", STR_ARG(path), why);
    else if (!found)
        nowhere(eval, path, document, error);
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
    return asl_find(eval, path->string, document, "States.Runtime");
}

/* A field of a template. The specification has States.ParameterPathFailure for one that leads nowhere; the
 * service says States.Runtime, which nothing catches. */
const struct value *asl_find_field(
    struct asl_eval *eval, struct str field, struct str path, const struct value *document)
{
    const char *why;
    if (asl_is_intrinsic(path))
        return asl_intrinsic(eval, path, document);
    const struct value *found = asl_look(eval, path, document, &why);
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

const struct value *asl_place_result(
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
