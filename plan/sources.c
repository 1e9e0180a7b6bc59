/*
 * The stack's files and inputs kept in the log with each run, so that it can be gone back to: `weir plan --to
 * RUN`.
 */
#include "plan/planner.h"
#include "plan/state/history.h"

#include "base/hash.h"
#include "base/json.h"

/* Inputs travel among the files under a name that no file has. */
#define INPUTS_NAME "(inputs)"

enum {
    SECRET_MIN = 4,    /* shorter values would be found by chance */
    KEPT_MAX = 1 << 20 /* bytes; generated stacks may be far larger than their state */
};

/* Is an attribute that must stay secret written out in the file? */
static bool writes_secret(const struct decl *decl)
{
    for (size_t i = 0; i < decl->attr_count; i++) {
        const struct attr *attr = decl->attrs[i].attr;
        if ((attr->sensitive || attr->write_only) && expr_is_const(decl->attrs[i].expr))
            return true;
    }
    return decl->kind == DECL_INPUT && decl->input->sensitive && decl->input->default_value;
}

static bool holds_secrets(const struct stack *stack)
{
    for (size_t i = 0; i < stack->decl_count; i++)
        if (writes_secret(stack->decls[i]))
            return true;
    for (uint32_t i = 0; stack->inputs && i < stack->inputs->count; i++) {
        const struct value *v = stack->inputs->entries[i].value;
        if (!value_is_sensitive(v) || v->kind != VALUE_STRING || v->string.n < SECRET_MIN)
            continue;
        for (size_t k = 0; k < stack->source_count; k++)
            if (str_find(stack->sources[k]->text, v->string, 0) >= 0)
                return true;
    }
    return false;
}

static struct str plain_inputs(const struct stack *stack, struct arena *arena)
{
    struct value_builder plain = VALUE_BUILDER(arena);
    for (uint32_t i = 0; stack->inputs && i < stack->inputs->count; i++)
        if (!value_is_sensitive(stack->inputs->entries[i].value))
            value_builder_set(&plain, stack->inputs->entries[i].key, stack->inputs->entries[i].value);
    AUTO_BUF struct buf text = BUF_INIT;
    json_write(&text, value_builder_map(&plain), JSON_PLAIN);
    return arena_str(arena, buf_str(&text));
}

int sources_keep(const struct stack *stack, struct state *state, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str inputs = plain_inputs(stack, &arena);
    struct str whole = arena_printf(&arena, "%.*s %.*s", STR_ARG(stack->digest), STR_ARG(inputs));
    struct value_builder files = VALUE_BUILDER(&arena);
    size_t total = 0;
    for (size_t i = 0; i < stack->source_count; i++) {
        total += stack->sources[i]->text.n;
        struct str name = stack_source_name(stack, stack->sources[i]);
        if (name.n)
            value_builder_set(&files, name, value_string_ref(&arena, stack->sources[i]->text));
    }
    value_builder_set(&files, STR(INPUTS_NAME), value_string_ref(&arena, inputs));
    const struct value *kept = value_builder_map(&files);
    if (total > KEPT_MAX || (!state_has_key(state) && holds_secrets(stack)))
        kept = NULL;
    return state_keep_sources(state, sha256_hex(&arena, whole), kept, err);
}

int sources_read(const struct workspace *workspace, struct str run, struct arena *arena,
    const struct value **files, const struct str **inputs, size_t *n, struct err *err)
{
    const struct stack *stack = workspace->stack;
    struct backend *backend;
    *n = 0;
    if (workspace_backend(workspace, &backend, err))
        return -1;
    int status = history_sources(backend, stack->state, stack->dir, run, arena, files, err);
    backend_free(backend);
    if (status)
        return -1;
    const struct value *then = NULL;
    struct str text = value_text(value_getz(*files, INPUTS_NAME), STR("{}"));
    if (json_parse(arena, text, &then, err) || then->kind != VALUE_MAP)
        return err_context(err, "the inputs of run %.*s", STR_ARG(run));
    struct str *list = ARENA_ARRAY(arena, struct str, then->count + 1);
    for (uint32_t i = 0; i < then->count; i++)
        if (!value_is_null(then->entries[i].value)) /* nothing was given: no text says that */
            list[(*n)++] = input_argument(arena, then->entries[i].key, then->entries[i].value);
    *inputs = list;
    return 0;
}
