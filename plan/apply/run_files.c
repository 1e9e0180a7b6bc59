/*
 * The stack's files and inputs, kept in the log with each run for a rollback: `weir plan --to RUN`.
 */
#include "plan/apply/work.h"

#include "base/json.h"
#include "base/mask.h"
#include "plan/state/history.h"
#include "provider/http/redact.h"

#include <ctype.h>

/* Inputs are kept among the files, under a name that no file has. */
#define INPUTS_NAME "(inputs)"

enum {
    SECRET_MIN = 4,    /* shorter values would match by chance */
    KEPT_MAX = 1 << 20 /* bytes; generated stacks may be far larger than their state */
};

/* ---- whether files contain secrets ---- */

/* By the source: a literal in a sensitive attribute, or an argument of sensitive(). */
static bool writes_secret(const struct decl *decl)
{
    for (size_t i = 0; i < decl->attr_count; i++) {
        const struct attr *attr = decl->attrs[i].attr;
        if (expr_writes_secret(decl->attrs[i].expr, attr->sensitive))
            return true;
    }
    switch (decl->kind) {
    case DECL_INPUT:
        return (decl->input->sensitive && decl->input->default_value) ||
               expr_writes_secret(decl->argument, decl->input->sensitive);
    case DECL_LOCAL:
    case DECL_OUTPUT: return expr_writes_secret(decl->expr, decl->sensitive);
    case DECL_PROVIDER:
    case DECL_CONNECTION: return expr_writes_secret(decl->config, false);
    default: return expr_writes_secret(decl->for_each, false) || expr_writes_secret(decl->when, false);
    }
}

/* Replaces each run of white space by one blank, since YAML folds lines. */
static struct str folded_text(struct arena *arena, struct str text)
{
    char *out = arena_alloc(arena, text.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        bool blank = isspace((unsigned char)text.p[i]);
        if (!blank)
            out[n++] = text.p[i];
        else if (n && out[n - 1] != ' ')
            out[n++] = ' ';
    }
    out[n] = '\0';
    return str_n(out, n);
}

/* By value: true if a secret within `v` occurs in one of the texts. */
static bool stands_in(const struct value *v, bool within, const struct str *texts, size_t n)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    if (!v || (!within && !value_is_sensitive(v)))
        return false;
    bool secret = within || (v->marks & VALUE_SENSITIVE);
    for (uint32_t i = 0; (v->kind == VALUE_LIST || v->kind == VALUE_MAP) && i < v->count; i++)
        if (stands_in(v->kind == VALUE_LIST ? v->items[i] : v->entries[i].value, secret, texts, n))
            return true;
    struct str text = folded_text(&scratch, value_scalar_text(&scratch, v));
    if (v->kind == VALUE_BOOL || text.n < SECRET_MIN || mask_allows(text))
        return false;
    for (size_t i = 0; i < n; i++)
        if (str_find(texts[i], text, 0) >= 0)
            return true;
    return false;
}

/* Keys in a provider's settings, recognised by name: its schema does not mark secrets. */
static bool has_keys_in(const struct value *config, const struct str *texts, size_t n)
{
    for (uint32_t i = 0; config && config->kind == VALUE_MAP && i < config->count; i++) {
        const struct value_entry *entry = &config->entries[i];
        if (stands_in(entry->value, redact_is_secret_name(entry->key), texts, n))
            return true;
    }
    return false;
}

static bool has_values_in(struct planner *p, const struct str *texts, size_t n)
{
    for (size_t i = 0; i < p->stack->decl_count; i++) {
        const struct decl *decl = p->stack->decls[i];
        const struct instances *list = &p->evaluated.instances[decl->index];
        if (decl->kind == DECL_PROVIDER || decl->kind == DECL_CONNECTION
                ? has_keys_in(p->evaluated.values[decl->index], texts, n)
                : stands_in(p->evaluated.values[decl->index], false, texts, n))
            return true;
        for (size_t k = 0; k < list->n; k++)
            if (stands_in(list->items[k].desired, false, texts, n))
                return true;
    }
    return false;
}

/* Declarations that are not targeted were not evaluated. */
static bool has_declared_in(struct planner *p, const struct str *texts, size_t n)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    size_t count = 0;
    const struct declared *all =
        p->options->target_count ? plan_declared(p->workspace, &scratch, NULL, &count) : NULL;
    for (size_t i = 0; i < count; i++)
        if (stands_in(all[i].object, false, texts, n))
            return true;
    return false;
}

/* Places found when the stack was loaded; expressions are checked separately. */
static bool has_places(const struct source *source)
{
    for (const struct source_secret *secret = source->secrets; secret; secret = secret->next) {
        struct str text = str_slice(source->text, secret->offset, secret->offset + secret->length);
        bool word = str_eqz(text, "null") || str_eqz(text, "true") || str_eqz(text, "false");
        if (text.n >= SECRET_MIN && !word && str_find(text, STR("${"), 0) < 0)
            return true;
    }
    return false;
}

/*
 * True if a secret is written in a sensitive place, was found in one when the stack was loaded (also in
 * another environment's inputs), or is a value that this run knows as secret.
 */
static bool holds_secrets(struct planner *p, struct arena *arena)
{
    const struct stack *stack = p->stack;
    struct str *texts = ARENA_ARRAY(arena, struct str, stack->source_count + 1);
    for (size_t i = 0; i < stack->source_count; i++) {
        if (has_places(stack->sources[i]) || mask_finds(stack->sources[i]->text))
            return true;
        texts[i] = folded_text(arena, stack->sources[i]->text);
        if (mask_finds(texts[i]))
            return true;
    }
    for (size_t i = 0; i < stack->decl_count; i++)
        if (writes_secret(stack->decls[i]))
            return true;
    return stands_in(stack->inputs, false, texts, stack->source_count) ||
           has_values_in(p, texts, stack->source_count) || has_declared_in(p, texts, stack->source_count);
}

/* ---- keeping ---- */

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

int sources_keep(struct planner *p, struct err *err)
{
    const struct stack *stack = p->stack;
    struct state *state = p->workspace->state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str inputs = plain_inputs(stack, &arena);
    struct str digest = stack_digest(stack, &arena),
               whole = arena_printf(&arena, "%.*s %.*s", STR_ARG(digest), STR_ARG(inputs));
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
    digest = sha256_hex(&arena, whole);
    bool new = total <= KEPT_MAX && !state_has_sources(state, digest);
    if (!new || (!state_has_key(state) && holds_secrets(p, &arena)))
        kept = NULL;
    return state_keep_sources(state, digest, kept, err);
}

/* Converts the kept inputs to "k=v". */
static int inputs_then(const struct value *files, struct arena *arena, struct str run,
    const struct str **inputs, size_t *n, struct err *err)
{
    const struct value *then = NULL;
    struct str text = value_text(value_getz(files, INPUTS_NAME), STR("{}"));
    *n = 0;
    if (json_parse(arena, text, &then, err) || then->kind != VALUE_MAP)
        return err_context(err, "the inputs of run %.*s", STR_ARG(run));
    struct str *list = ARENA_ARRAY(arena, struct str, then->count + 1);
    for (uint32_t i = 0; i < then->count; i++)
        if (!value_is_null(then->entries[i].value)) /* not given: has no text form */
            list[(*n)++] = input_argument(arena, then->entries[i].key, then->entries[i].value);
    *inputs = list;
    return 0;
}

/* Returns entries of `moved:` that lead back from what runs after this one moved, the last first. */
static int moves_back(struct backend *backend, struct str run, struct arena *arena,
    const struct moved **moved, size_t *n, struct err *err)
{
    const struct history_run *runs, *found;
    size_t count, all = 0;
    if (history_read(backend, arena, &runs, &count, err) || !(found = history_find(runs, count, run)))
        return -1;
    for (const struct history_run *r = found + 1; r < runs + count; r++)
        all += r->moved;
    struct moved *back = ARENA_ARRAY(arena, struct moved, all + 1);
    for (const struct history_run *r = runs + count; --r > found;)
        for (size_t i = r->change_count; i-- > 0;)
            if (str_eqz(r->changes[i].action, "move"))
                back[(*n)++] = (struct moved){.from = r->changes[i].to, .to = r->changes[i].address};
    *moved = back;
    return 0;
}

int sources_read(const struct workspace *workspace, struct str run, struct arena *arena,
    struct stack_options *then, const struct str **inputs, size_t *n, struct err *err)
{
    const struct stack *stack = workspace->stack;
    const struct value **files = &then->files;
    struct backend *backend;
    *n = 0;
    if (workspace_backend(workspace, &backend, err))
        return -1;
    int status = history_sources(backend, stack->state, stack->dir, run, arena, files, err);
    if (!status)
        status = moves_back(backend, run, arena, &then->moved, &then->moved_count, err);
    backend_free(backend);
    return status ? -1 : inputs_then(*files, arena, run, inputs, n, err);
}

/* The stack file has a `stack:` key; those of modules have it, too, but are in folders. */
static struct str root_among(const struct value *files)
{
    struct str root = STR_EMPTY;
    for (uint32_t i = 0; i < files->count; i++) {
        struct str text = value_text(files->entries[i].value, STR_EMPTY), name = files->entries[i].key;
        bool names = str_starts(text, STR("stack:")) || str_find(text, STR("\nstack:"), 0) >= 0;
        bool nearer = !root.n || str_find_char(root, '/', 0) >= 0;
        if (names && nearer && !str_starts(name, STR("(")))
            root = name;
    }
    return root;
}

int sources_last(struct backend *backend, const struct value *config, struct str dir, struct arena *arena,
    const struct value **files, struct str *root, const struct str **inputs, size_t *n, struct err *err)
{
    const struct history_run *runs;
    size_t count;
    if (history_read(backend, arena, &runs, &count, err))
        return -1;
    while (count && !runs[count - 1].digest.n)
        count--;
    if (!count)
        return err_set(err, ERR_ABSENT, "no run has kept the stack's files");
    struct str run = runs[count - 1].run;
    if (history_sources(backend, config, dir, run, arena, files, err))
        return -1;
    *root = root_among(*files);
    if (!root->n)
        return err_set(err, ERR_ABSENT, "none of the files that were kept is a stack's");
    return inputs_then(*files, arena, run, inputs, n, err);
}
