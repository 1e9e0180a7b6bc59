/* Files of remote modules, fetched before a stack is loaded: see module_files.h. */
#include "plan/workspace/module_files.h"

#include "base/file.h"
#include "plan/evaluate/shared_listings.h"

/* Returns the stack's settings of `aws`, with the sandbox merged over them. */
static int stack_settings(void *ctx, struct arena *arena, const struct value **out, struct err *err UNUSED)
{
    const struct module_fetching *fetching = ctx;
    struct stack_options options = fetching->options->stack;
    size_t errors = fetching->diags->errors;
    options.catalog = fetching->catalog;
    options.settings_of = STR("aws");
    options.lenient_inputs = options.any_member = true;
    struct stack *stack = stack_load(&options, fetching->diags);
    *out = stack && stack->settings ? value_copy(arena, stack->settings) : NULL;
    if (fetching->diags->errors > errors)
        diags_own_sources(fetching->diags);
    stack_free(stack);
    *out = value_merge(arena, *out, fetching->options->overlay);
    return fetching->diags->errors > errors ? -1 : 0;
}

void module_files_options(struct module_fetching *fetching, struct fetch_options *out)
{
    const struct workspace_options *options = fetching->options;
    *out = (struct fetch_options){.dir = fetching->dir,
        .kinds = options->kinds,
        .settings = stack_settings,
        .settings_ctx = fetching,
        .shared = options->shared ? shared_http(options->shared) : NULL,
        .trace = options->trace,
        .trace_line = options->trace_line,
        .trace_ctx = options->trace_ctx};
}

/* Reads the lock file, or its earlier version among the files of an earlier revision. */
static bool read_lock(const struct workspace_options *options, struct str dir, struct arena *arena,
    struct diags *diags, struct module_lock *lock)
{
    const struct value *files = options->stack.files;
    struct str given = str_z(options->stack.dir ? options->stack.dir : ".");
    if (files && options->stack.root.n)
        given = path_join(arena, dir, options->stack.root);
    struct str path = module_lock_path(arena, given);
    const struct value *former = value_get(files, path_base(path));
    *lock = (struct module_lock){0};
    if (!files)
        return module_lock_read(arena, path, diags, lock);
    if (!former)
        return true;
    struct source *source = ARENA_NEW(arena, struct source);
    source->path = path;
    source->text = value_text(former, STR_EMPTY);
    const struct node *root = yaml_parse(arena, source, diags);
    return root && module_lock_of(arena, root, diags, lock);
}

static bool is_here(struct arena *arena, struct str dir, const struct module_pin *pin)
{
    struct module_source source;
    return pin->vendored.n || module_source_parse(arena, pin->source, &source, ERR_IGNORED) ||
           path_is_dir(module_pin_folder(arena, dir, &source, pin).p);
}

/* Errors are reported at the entry in the lock file, since the stack may use it several times. */
static int bring_one(
    struct fetch *fetch, const struct module_pin *pin, struct arena *arena, struct diags *diags)
{
    struct module_source source;
    struct err err = ERR_INIT;
    if (module_source_parse(arena, pin->source, &source, &err) || fetch_pinned(fetch, &source, pin, &err)) {
        if (err.class == ERR_NONE)
            return -1;
        struct diag *d = diag_error(diags, pin->span, "%s", err.message);
        if (err.hint[0])
            diag_hint(diags, d, "%s", err.hint);
        return -1;
    }
    return 0;
}

static int bring_missing(
    struct module_fetching *fetching, const struct module_lock *lock, struct arena *arena, struct err *err)
{
    struct fetch_options options;
    struct fetch *fetch = NULL;
    int status = 0;
    module_files_options(fetching, &options);
    for (size_t i = 0; i < lock->n; i++) {
        if (is_here(arena, fetching->dir, &lock->pins[i]))
            continue;
        if (!fetch && fetch_open(&options, &fetch, err))
            return -1;
        if (bring_one(fetch, &lock->pins[i], arena, fetching->diags))
            status = -1;
    }
    fetch_close(fetch);
    return status;
}

int module_files_bring(
    const struct workspace_options *options, struct catalog *catalog, struct diags *diags, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct module_lock lock;
    const char *given = options->stack.dir ? options->stack.dir : ".";
    struct module_fetching fetching = {.options = options,
        .catalog = catalog,
        .diags = diags,
        .dir = path_is_dir(given) ? str_z(given) : arena_str(&arena, path_dir(str_z(given)))};
    bool good = read_lock(options, fetching.dir, &arena, diags, &lock);
    int status = good ? bring_missing(&fetching, &lock, &arena, err) : -1;
    if (status)
        diags_own_sources(diags);
    return status;
}
