/* Finds and reads the files of a stack, lists them without evaluating anything, and finds the stack's
 * sandbox: see files.h. */
#include "stacks/load/files.h"

#include "base/hash.h"
#include "base/mem.h"
#include "stacks/load/load.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <sys/stat.h>

/* ---- parsing of stack files, and hiding of secrets in files that are not valid YAML ---- */

/* Returns whether the line begins a section with values that may be secret. */
static bool begins_section(struct str text, size_t line)
{
    static const char *const sections[] = {"inputs:", "environments:", "fleet:"};
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        if (str_starts(str_slice(text, line, text.n), str_z(sections[i])))
            return true;
    return false;
}

static size_t next_line(struct str text, size_t line)
{
    ptrdiff_t end = str_find_char(text, '\n', line);
    return end < 0 ? text.n : (size_t)end + 1;
}

/* A file that begins with a brace counts as one section. */
static void hide_given(struct arena *arena, const struct source *source)
{
    struct str text = source->text;
    bool whole = str_starts(str_trim(text), STR("{")), given = whole;
    for (size_t line = 0, next; line < text.n; line = next) {
        next = next_line(text, line);
        if (!whole && !char_is_among(text.p[line], " \t\r\n#]}"))
            given = begins_section(text, line);
        if (given)
            source_hide(arena, span_at(source, line, next - line));
    }
}

/* Another file may mark its inputs as sensitive. */
static bool may_be_secret(struct str text)
{
    return str_find(text, STR("sensitive"), 0) >= 0 || str_find(text, STR("inputs:"), 0) < 0;
}

/* Adds a hint to the report of a second `type:` of a resource. */
static void hint_second_type(struct diags *diags, size_t from, const struct node *root)
{
    const struct node *all = root ? node_get(root, "resources") : NULL;
    for (size_t i = from; all && all->kind == NODE_MAP && i < diags->n; i++)
        for (uint32_t k = 0; k < all->count; k++) {
            const struct node *body = all->entries[k].value;
            const struct node_entry *type = body->kind == NODE_MAP ? node_find(body, STR("type")) : NULL;
            if (type && diags->items[i].related.source && type->key_offset == diags->items[i].related.offset)
                diag_hint(diags, &diags->items[i],
                    "a resource has one type; another resource begins with its own name");
        }
}

struct node *stack_yaml_parse(struct arena *arena, const struct source *source, struct diags *diags)
{
    AUTO_DIAGS struct diags first = DIAGS_INIT;
    struct node *root = yaml_parse(arena, source, &first);
    if (!first.n)
        return root;
    if (may_be_secret(source->text))
        hide_given(&diags->arena, source);
    size_t before = diags->n;
    root = yaml_parse(arena, source, diags); /* the same errors, without the hidden lines */
    hint_second_type(diags, before, root);
    return root;
}

struct node *stack_yaml_load(
    struct arena *arena, const char *path, struct str shown_path, struct diags *diags)
{
    struct source *source = ARENA_NEW(arena, struct source);
    source->path = arena_str(arena, shown_path);
    struct err err = ERR_INIT;
    if (!file_read(arena, path, YAML_MAX_SIZE, &source->text, &err))
        return stack_yaml_parse(arena, source, diags);
    diag_error(diags, (struct span){0}, "%s", err.message);
    return NULL;
}

/* ---- the files of a stack: paths, contents, and replacements of contents ---- */

struct str unit_path(const struct unit *unit, struct str name)
{
    return path_join(unit->loader->arena, unit->module->dir, name);
}

bool find_stack_file(struct arena *arena, struct str dir, struct str *file)
{
    static const struct str names[] = {STR_INIT("weir.yaml"), STR_INIT("weir.yml")};
    for (size_t i = 0; i < 2; i++) {
        *file = path_join(arena, dir, names[i]);
        if (path_exists(arena_strz(arena, *file)))
            return true;
    }
    return false;
}

/* Hints at files of other tools in the folder and how to import them. */
static void hint_beginning(struct arena *arena, struct diags *diags, struct diag *d, struct str dir)
{
    static const struct {
        const char *file, *import;
    } others[] = {{"main.tf", "terraform"}, {"template.yaml", "cloudformation"},
        {"template.yml", "cloudformation"}, {"compose.yaml", "compose"}, {"compose.yml", "compose"},
        {"docker-compose.yaml", "compose"}, {"docker-compose.yml", "compose"}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct str file = path_join(arena, dir, str_z(others[i].file));
        if (!path_exists(arena_strz(arena, file)))
            continue;
        bool whole = i == 0; /* Terraform's import takes the folder */
        diag_hint(diags, d,
            "`weir import %s %.*s` makes one of the existing files, `weir init` starts another",
            others[i].import, STR_ARG(whole ? dir : file));
        return;
    }
    diag_hint(diags, d, "`weir init` starts a stack, -C DIR looks in another folder");
}

bool find_stack(
    struct arena *arena, const char *given, struct str *dir, struct str *file, struct diags *diags)
{
    struct str path = arena_str(arena, str_z(given ? given : "."));
    if (!path_is_dir(path.p)) {
        *dir = arena_str(arena, path_dir(path));
        *file = path;
        if (path_exists(path.p))
            return true;
        diag_error(diags, (struct span){0}, "there is no file or folder \"%s\"", path.p);
        return false;
    }
    *dir = path;
    if (find_stack_file(arena, path, file))
        return true;
    struct diag *d = diag_error(
        diags, (struct span){0}, "there is no weir.yaml in %s", str_eqz(path, ".") ? "this folder" : path.p);
    hint_beginning(arena, diags, d, path);
    return false;
}

bool stack_exists(struct arena *arena, const char *dir)
{
    struct str file, where = str_z(dir ? dir : ".");
    return path_is_dir(arena_strz(arena, where)) ? find_stack_file(arena, where, &file)
                                                 : path_exists(arena_strz(arena, where));
}

/* Returns the path below the stack's folder; p is NULL if the file is outside. */
static struct str below(struct str dir, struct str file)
{
    if (file.n && file.p[0] != '/' && (!dir.n || str_eqz(dir, ".")))
        return file;
    if (file.n > dir.n && str_starts(file, dir) && file.p[dir.n] == '/')
        return str_slice(file, dir.n + 1, file.n);
    return (struct str){NULL, 0};
}

struct str stack_source_name(const struct stack *stack, const struct source *source)
{
    struct str name = below(stack->dir, source->path);
    return name.p && !embedded_find(source->path) ? name : STR_EMPTY;
}

/* Returns the content that stack_options.files has for the file, or NULL. */
static const struct value *former_text(const struct loader *loader, struct str file)
{
    struct str name = below(loader->stack->dir, file);
    return name.p ? value_get(loader->options->files, name) : NULL;
}

bool unsaved_text(const struct loader *loader, struct str file, struct str *text)
{
    const struct stack_options *options = loader->options;
    return options->unsaved && options->unsaved(options->unsaved_ctx, file, text);
}

bool file_identify(struct loader *loader, struct str file, const struct node *at, struct str *ident)
{
    char real[PATH_MAX];
    struct str unsaved;
    if (former_text(loader, file)) {
        *ident = file;
        return true;
    }
    if (realpath(arena_strz(loader->arena, file), real)) {
        *ident = arena_str(loader->arena, str_z(real));
        return true;
    }
    int why = errno;
    if (unsaved_text(loader, file, &unsaved)) { /* the file has not been saved yet */
        *ident = file;
        return true;
    }
    struct span span = at ? node_span(at) : (struct span){0};
    diag_error(loader->diags, span, "cannot read %.*s: %s", STR_ARG(file), strerror(why));
    return false;
}

bool unit_identify(struct unit *unit, const struct node *at)
{
    return unit->builtin || file_identify(unit->loader, unit->file, at, &unit->ident);
}

static bool read_text(const struct unit *unit, struct str file, const struct node *at, struct str *text)
{
    struct loader *loader = unit->loader;
    const struct value *former = unit->builtin ? NULL : former_text(loader, file);
    if (former) {
        *text = value_text(former, STR_EMPTY);
        return true;
    }
    if (unit->builtin) {
        *text = embedded_text(unit->builtin);
        return true;
    }
    if (unsaved_text(loader, file, text))
        return true;
    struct err err = ERR_INIT;
    if (!file_read(loader->arena, file.p, YAML_MAX_SIZE, text, &err))
        return true;
    diag_error(loader->diags, at ? node_span(at) : (struct span){0}, "%s", err.message);
    return false;
}

const struct node *file_tree(
    const struct unit *unit, struct str ident, struct str file, const struct node *at)
{
    struct loader *loader = unit->loader;
    const struct node *known = map_get(&loader->files, ident);
    if (known)
        return known;
    struct source *source = ARENA_NEW(loader->arena, struct source);
    source->path = file;
    if (!read_text(unit, file, at, &source->text))
        return NULL;
    MEM_GROW(loader->sources, loader->source_cap, loader->source_count + 1);
    loader->sources[loader->source_count++] = source;
    struct node *root = stack_yaml_parse(loader->arena, source, loader->diags);
    if (!root || !expect_map(loader, root, "a stack file"))
        return NULL;
    map_set(&loader->files, ident, root);
    return root;
}

bool unit_has_file(const struct unit *unit, struct str file)
{
    return former_text(unit->loader, file) || path_exists(arena_strz(unit->loader->arena, file));
}

const struct node *unit_read_file(const struct unit *unit, struct str file, const struct node *at)
{
    struct str ident;
    return file_identify(unit->loader, file, at, &ident) ? file_tree(unit, ident, file, at) : NULL;
}

/* The lengths separate the files' contents. */
struct str stack_digest(const struct stack *stack, struct arena *arena)
{
    struct sha256 *sum = sha256_new();
    for (size_t i = 0; i < stack->source_count; i++) {
        struct str text = stack->sources[i]->text;
        uint64_t size = text.n;
        for (int k = 0; k < 8; k++)
            sha256_update(sum, &(unsigned char){(unsigned char)(size >> (8 * k))}, 1);
        sha256_update(sum, text.p, text.n);
    }
    unsigned char digest[SHA256_SIZE];
    sha256_final(sum, digest);
    return hex_encode(arena, digest, sizeof digest);
}

struct walk {
    struct arena *arena;
    struct map seen; /* real paths */
    void (*found)(void *ctx, struct str path);
    void *ctx;
};

static void files_add_file(struct walk *walk, struct str dir, struct str file);

/* Joins the paths: "./net" and "stack" give "stack/net". */
static struct str files_join(struct walk *walk, struct str dir, struct str name)
{
    while (str_starts(name, STR("./")))
        name = str_slice(name, 2, name.n);
    return path_join(walk->arena, dir, name);
}

static void add_includes(struct walk *walk, struct str dir, const struct node *list)
{
    for (uint32_t i = 0; list && list->kind == NODE_LIST && i < list->count; i++)
        if (list->items[i]->kind == NODE_STRING)
            files_add_file(walk, dir, files_join(walk, dir, list->items[i]->string));
}

static void add_modules(struct walk *walk, struct str dir, const struct node *modules)
{
    for (uint32_t i = 0; modules && modules->kind == NODE_MAP && i < modules->count; i++) {
        const struct node *source = node_get(modules->entries[i].value, "source");
        struct str file;
        if (!source || source->kind != NODE_STRING || str_starts(source->string, STR("builtin/")))
            continue;
        struct str folder = files_join(walk, dir, source->string);
        if (find_stack_file(walk->arena, folder, &file))
            files_add_file(walk, folder, file);
    }
}

/* Paths in a file are relative to its module's folder, `dir`. */
static void files_add_file(struct walk *walk, struct str dir, struct str file)
{
    char real[PATH_MAX];
    if (!realpath(file.p, real) || map_set(&walk->seen, arena_str(walk->arena, str_z(real)), walk))
        return;
    walk->found(walk->ctx, file);
    AUTO_DIAGS struct diags ignored = DIAGS_INIT;
    const struct node *root = yaml_load(walk->arena, file.p, file, &ignored);
    if (!root || root->kind != NODE_MAP)
        return;
    add_includes(walk, dir, node_get(root, "include"));
    add_modules(walk, dir, node_get(root, "modules"));
}

int stack_files(struct arena *arena, const char *dir, struct diags *diags,
    void (*found)(void *ctx, struct str path), void *ctx)
{
    struct str folder, file;
    if (!find_stack(arena, dir, &folder, &file, diags))
        return -1;
    struct walk walk = {.arena = arena, .found = found, .ctx = ctx};
    files_add_file(&walk, folder, file);
    map_release(&walk.seen);
    return 0;
}

/* A search for names in all files of the stack. */
struct naming {
    struct arena *arena;
    void (*found)(void *ctx, struct str name);
    void *ctx;
};

static const struct node *naming_read(const struct naming *naming, struct str path)
{
    AUTO_DIAGS struct diags ignored = DIAGS_INIT;
    const struct node *root = yaml_load(naming->arena, path.p, path, &ignored);
    return root && root->kind == NODE_MAP ? root : NULL;
}

static void name_keys(const struct naming *naming, const struct node *root, const char *section)
{
    const struct node *map = root ? node_get(root, section) : NULL;
    for (size_t i = 0; map && map->kind == NODE_MAP && i < map->count; i++)
        naming->found(naming->ctx, map->entries[i].key);
}

/* Members of a fleet count as environments, if the file lists their names. */
static void name_environments(void *ctx, struct str path)
{
    const struct naming *naming = ctx;
    const struct node *root = naming_read(naming, path);
    const struct node *fleet = root ? node_get(root, "fleet") : NULL;
    const struct node *each = fleet && fleet->kind == NODE_MAP ? node_get(fleet, "each") : NULL;
    name_keys(naming, root, "environments");
    for (size_t i = 0; each && each->kind == NODE_LIST && i < each->count; i++)
        if (each->items[i]->kind == NODE_STRING)
            naming->found(naming->ctx, each->items[i]->string);
}

static void name_connections(void *ctx, struct str path)
{
    const struct naming *naming = ctx;
    name_keys(naming, naming_read(naming, path), "connections");
}

int stack_environments(struct arena *arena, const char *dir, struct diags *diags,
    void (*found)(void *ctx, struct str name), void *ctx)
{
    struct naming naming = {arena, found, ctx};
    return stack_files(arena, dir, diags, name_environments, &naming);
}

int stack_connections(struct arena *arena, const char *dir, struct diags *diags,
    void (*found)(void *ctx, struct str name), void *ctx)
{
    struct naming naming = {arena, found, ctx};
    return stack_files(arena, dir, diags, name_connections, &naming);
}

/* A search for `state:`, which is in one of the stack's files. */
struct state_search {
    struct arena *arena;
    const struct node *found;
};

static void find_state(void *ctx, struct str path)
{
    struct state_search *search = ctx;
    const struct naming naming = {.arena = search->arena};
    const struct node *root = naming_read(&naming, path), *state = root ? node_get(root, "state") : NULL;
    if (state && !search->found)
        search->found = state;
}

const struct value *stack_state(struct arena *arena, const char *dir)
{
    AUTO_DIAGS struct diags ignored = DIAGS_INIT;
    struct state_search search = {.arena = arena};
    if (stack_files(arena, dir, &ignored, find_state, &search) || !search.found ||
        search.found->kind != NODE_MAP || has_expression(search.found))
        return NULL;
    return node_value(arena, search.found);
}

/* Returns a glob pattern that matches only this path. */
static struct str escape_pattern(struct arena *arena, struct str path)
{
    AUTO_BUF struct buf out = BUF_INIT;
    for (size_t i = 0; i < path.n; i++) {
        if (strchr("*?[\\", path.p[i]))
            buf_add_char(&out, '\\');
        buf_add_char(&out, path.p[i]);
    }
    return arena_str(arena, buf_str(&out));
}

void stack_test_files(
    struct arena *arena, const char *dir, void (*found)(void *ctx, struct str path), void *ctx)
{
    struct str given = str_z(dir ? dir : "."), root = path_is_dir(given.p) ? given : path_dir(given);
    struct str pattern = path_join(arena, escape_pattern(arena, root), STR("tests/*.yaml"));
    glob_t tests;
    if (glob(pattern.p, 0, NULL, &tests) == 0)
        for (size_t i = 0; i < tests.gl_pathc; i++)
            found(ctx, arena_str(arena, str_z(tests.gl_pathv[i])));
    globfree(&tests);
}

/* ---- the sandbox of a stack ---- */

static struct str stack_folder(struct arena *arena, const char *stack)
{
    if (!stack)
        return STR(".");
    return path_is_dir(stack) ? str_z(stack) : arena_str(arena, path_dir(str_z(stack)));
}

static bool has(struct arena *arena, struct str folder, const char *name)
{
    return path_exists(path_join(arena, folder, str_z(name)).p);
}

static struct str place_in(struct arena *arena, struct str folder)
{
    return path_join(arena, folder, STR(SANDBOX_IN_FOLDER));
}

/* Returns the `sandbox:` path of the stack file; p is NULL without one. The loader checks its type. */
static struct str configured(struct arena *arena, const char *stack)
{
    struct str folder, file;
    AUTO_DIAGS struct diags ignored = DIAGS_INIT;
    if (!find_stack(arena, stack, &folder, &file, &ignored))
        return (struct str){0};
    const struct node *root = yaml_load(arena, arena_strz(arena, file), file, &ignored);
    const struct node *setting = root && root->kind == NODE_MAP ? node_get(root, "sandbox") : NULL;
    if (!setting || setting->kind != NODE_STRING || !setting->string.n)
        return (struct str){0};
    struct str place = path_join(arena, folder, setting->string);
    return confined_path(place.p, NULL) ? (struct str){0} : place;
}

/* In folders such as /tmp other users could provide a sandbox, which decides what code runs. */
static bool is_world_writable(const char *folder)
{
    struct stat st;
    return stat(folder, &st) || (st.st_mode & (S_IWOTH | S_ISVTX));
}

struct str sandbox_folder_above(struct arena *arena, struct str folder)
{
    char home[PATH_MAX];
    const char *given = getenv("HOME");
    struct str up = arena_str(arena, path_dir(folder));
    if (has(arena, folder, ".git") || up.n <= 1 || is_world_writable(up.p))
        return STR_EMPTY;
    return given && realpath(given, home) && str_eqz(up, home) ? STR_EMPTY : up;
}

struct str sandbox_folder(struct arena *arena, const char *stack)
{
    char real[PATH_MAX];
    struct str own = stack_folder(arena, stack), given = configured(arena, stack), with_weir = STR_EMPTY;
    if (given.p)
        return given;
    if (has(arena, own, SANDBOX_IN_FOLDER) || !realpath(arena_strz(arena, own), real))
        return place_in(arena, own);
    struct str folder = arena_str(arena, str_z(real));
    while ((folder = sandbox_folder_above(arena, folder)).n) {
        if (has(arena, folder, SANDBOX_IN_FOLDER))
            return place_in(arena, folder);
        if (!with_weir.n && has(arena, folder, DIR_OF_WEIR))
            with_weir = folder;
    }
    return place_in(arena, with_weir.n ? with_weir : own);
}

struct str sandbox_state_folder(struct arena *arena, const char *sandbox, const char *stack)
{
    char real[PATH_MAX], place[PATH_MAX];
    struct str folder = stack_folder(arena, stack);
    if (!realpath(sandbox, place) || !realpath(arena_strz(arena, folder), real) ||
        sandbox_folder_same(place_in(arena, folder).p, place))
        return str_z(sandbox);
    struct str around = str_z(place), at = str_z(real);
    if (str_ends(around, STR("/" SANDBOX_IN_FOLDER)))
        around = str_slice(around, 0, around.n - (sizeof "/" SANDBOX_IN_FOLDER - 1));
    bool below = str_starts(at, around) && (at.n == around.n || at.p[around.n] == '/');
    /* relative, since a repository may be moved */
    return below ? arena_printf(arena, "%s/stacks%.*s", sandbox, STR_ARG(str_slice(at, around.n, at.n)))
                 : arena_printf(arena, "%s/stacks/.elsewhere%.*s", sandbox, STR_ARG(at));
}

bool sandbox_folder_same(const char *a, const char *b)
{
    char real_a[PATH_MAX], real_b[PATH_MAX];
    return path_real(a, real_a) && path_real(b, real_b) && !strcmp(real_a, real_b);
}
