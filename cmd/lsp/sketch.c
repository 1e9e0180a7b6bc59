/* Reads the files of a module without loading it: see outline.h. */
#include "cmd/lsp/outline.h"

#include "base/embed.h"
#include "base/file.h"
#include "base/map.h"
#include "stacks/load/module_lock.h"

#include <stdlib.h>

enum {
    FOLDERS_UP = 12,   /* number of folders above a file in which its stack is searched */
    FILES_MAX = 1000,  /* maximum files of a module */
    MODULES_MAX = 200, /* maximum modules searched for one that uses another */
};

/* ---- names ---- */

enum { NAME_SECTIONS_MAX = 3 };
static const char *const sections_of[NAME_KINDS][NAME_SECTIONS_MAX + 1] = {
    [NAME_RESOURCE] = {"resources", "data", "modules", NULL},
    [NAME_INPUT] = {"inputs", NULL},
    [NAME_LOCAL] = {"locals", NULL},
    [NAME_OUTPUT] = {"outputs", NULL},
    [NAME_PROVIDER] = {"providers", NULL},
    [NAME_CONNECTION] = {"connections", NULL},
};

bool name_kind_of(struct str section, enum name_kind *kind)
{
    for (*kind = 0; *kind < NAME_KINDS; ++*kind)
        for (const char *const *s = sections_of[*kind]; *s; s++)
            if (str_eqz(section, *s))
                return true;
    return false;
}

/* ---- files ---- */

struct str sketch_path(const struct sketch *sketch, struct str name)
{
    while (str_starts(name, STR("./")))
        name = str_slice(name, 2, name.n);
    return documents_real_path(
        sketch->arena, path_join(sketch->arena, sketch->dir, arena_str(sketch->arena, name)));
}

struct str sketch_own_file(const struct documents *documents, struct arena *arena, struct str dir)
{
    static const struct str names[] = {STR_INIT("weir.yaml"), STR_INIT("weir.yml")};
    for (size_t i = 0; i < 2; i++) {
        struct str path = documents_real_path(arena, path_join(arena, dir, names[i]));
        if (path_exists(path.p) || documents_at(documents, path))
            return path;
    }
    return STR_EMPTY;
}

const struct file *sketch_file(const struct sketch *sketch, struct str path)
{
    for (size_t i = 0; i < sketch->count; i++)
        if (str_eq(sketch->files[i].path, path))
            return &sketch->files[i];
    return NULL;
}

static void add_file(struct sketch *sketch, struct str path, struct str text)
{
    ARENA_GROW(sketch->arena, sketch->files, sketch->count, sketch->cap);
    sketch->files[sketch->count++] = (struct file){path, outline_read(sketch->arena, text)};
}

/* Adds included files, recursively. */
static void add_included(struct sketch *sketch)
{
    for (size_t i = 0; i < sketch->count; i++) {
        struct outline outline = sketch->files[i].outline;
        int list = outline_find(&outline, OUTLINE_NONE, STR("include"));
        for (int e = list; list != OUTLINE_NONE && (e = outline_next(&outline, list,
                                                        e == list ? OUTLINE_NONE : e)) != OUTLINE_NONE;) {
            struct str name = outline_value(&outline, e), text;
            struct str path = sketch_path(sketch, name);
            if (name.n && sketch->count < FILES_MAX && !sketch_file(sketch, path) &&
                documents_read(sketch->documents, sketch->arena, path, &text))
                add_file(sketch, path, text);
        }
    }
}

/* ---- the index of names ---- */

struct collecting {
    struct arena *arena;
    struct spot *items;
    size_t n, cap;
};

static void collect_name(void *ctx, struct spot spot)
{
    struct collecting *collecting = ctx;
    ARENA_GROW(collecting->arena, collecting->items, collecting->n, collecting->cap);
    collecting->items[collecting->n++] = spot;
}

/* Sorts by name; equal names by file order. */
static int compare_spots(const void *a, const void *b)
{
    const struct spot *x = a, *y = b;
    int order = str_cmp(spot_name(*x), spot_name(*y));
    if (!order)
        order = (x->file > y->file) - (x->file < y->file);
    return order ? order : x->entry - y->entry;
}

static void index_names(struct sketch *sketch)
{
    sketch->names = arena_zalloc(sketch->arena, sizeof *sketch->names * NAME_KINDS);
    for (int kind = 0; kind < NAME_KINDS; kind++) {
        struct collecting all = {.arena = sketch->arena};
        sketch_each(sketch, (enum name_kind)kind, collect_name, &all);
        if (all.n)
            qsort(all.items, all.n, sizeof *all.items, compare_spots);
        sketch->names[kind].items = all.items;
        sketch->names[kind].n = all.n;
    }
}

struct spot sketch_find(const struct sketch *sketch, enum name_kind kind, struct str name)
{
    size_t low = 0, high = sketch->names[kind].n;
    struct spot *items = sketch->names[kind].items;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (str_cmp(spot_name(items[middle]), name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < sketch->names[kind].n && str_eq(spot_name(items[low]), name);
    return found ? items[low] : (struct spot){0};
}

static struct sketch *sketch_new(const struct documents *documents, struct arena *arena)
{
    struct sketch *sketch = ARENA_NEW(arena, struct sketch);
    sketch->documents = documents;
    sketch->arena = arena;
    return sketch;
}

struct sketch *sketch_read(const struct documents *documents, struct arena *arena, struct str path)
{
    struct str text;
    if (!path.n || !documents_read(documents, arena, path, &text))
        return NULL;
    struct sketch *sketch = sketch_new(documents, arena);
    sketch->dir = arena_str(arena, path_dir(path));
    sketch->stack = path;
    add_file(sketch, path, text);
    add_included(sketch);
    index_names(sketch);
    return sketch;
}

struct sketch *sketch_of(const struct documents *documents, struct arena *arena, struct str path)
{
    if (str_eqz(path_base(path), "weir.yaml") || str_eqz(path_base(path), "weir.yml"))
        return sketch_read(documents, arena, path);
    struct str dir = arena_str(arena, path_dir(path));
    for (int i = 0; i < FOLDERS_UP; i++) {
        struct sketch *sketch = sketch_read(documents, arena, sketch_own_file(documents, arena, dir));
        if (sketch && sketch_file(sketch, path))
            return sketch;
        if (dir.n <= 1)
            break;
        dir = arena_str(arena, path_dir(dir));
    }
    struct sketch *own = sketch_read(documents, arena, path);
    bool stack = own && outline_find(&own->files[0].outline, OUTLINE_NONE, STR("stack")) != OUTLINE_NONE;
    return stack ? own : NULL; /* a stack file with another name: -C FILE */
}

/* ---- modules ---- */

static struct sketch *builtin_sketch(const struct sketch *sketch, struct str name)
{
    const struct embedded_file *file =
        embedded_find(arena_printf(sketch->arena, "modules/%.*s/weir.yaml", STR_ARG(name)));
    if (!file)
        return NULL;
    struct sketch *inner = sketch_new(sketch->documents, sketch->arena);
    inner->builtin = inner->foreign = true;
    inner->dir = name;
    inner->stack = STR_EMPTY;
    add_file(inner, name, embedded_text(file));
    index_names(inner);
    return inner;
}

/* Returns the folder of a fetched remote module by weir.lock, or "" if it is not pinned or not fetched. */
static struct str fetched_dir(const struct sketch *sketch, struct str text)
{
    struct arena *arena = sketch->arena;
    struct module_source source;
    struct module_lock lock;
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    if (module_source_parse(arena, text, &source, ERR_IGNORED) ||
        !module_lock_read(arena, module_lock_path(arena, sketch->stack), &diags, &lock))
        return STR_EMPTY;
    const struct module_pin *pin = module_lock_find(&lock, text);
    if (!pin)
        return STR_EMPTY;
    struct str dir = module_pin_folder(arena, arena_str(arena, path_dir(sketch->stack)), &source, pin);
    return source.dir.n ? path_join(arena, dir, source.dir) : dir;
}

static struct sketch *find_called(const struct sketch *sketch, struct spot call)
{
    static const struct str builtin = STR_INIT("builtin/");
    struct str source = arena_str(sketch->arena, spot_value(call, "source"));
    if (str_starts(source, builtin))
        return builtin_sketch(sketch, str_slice(source, builtin.n, source.n));
    if (!source.n || sketch->builtin)
        return NULL;
    bool remote = module_source_is_remote(source);
    struct str dir = remote ? fetched_dir(sketch, source) : sketch_path(sketch, source);
    struct sketch *inner = dir.n ? sketch_read(sketch->documents, sketch->arena,
                                       sketch_own_file(sketch->documents, sketch->arena, dir))
                                 : NULL;
    if (inner) {
        inner->stack = sketch->stack;
        inner->foreign = sketch->foreign || remote;
    }
    return inner;
}

struct called {
    struct spot call;
    struct sketch *inner; /* NULL: not found */
};

struct sketch *sketch_called(struct sketch *sketch, struct spot call)
{
    for (size_t i = 0; i < sketch->called_count; i++)
        if (sketch->called[i].call.file == call.file && sketch->called[i].call.entry == call.entry)
            return sketch->called[i].inner;
    struct sketch *inner = find_called(sketch, call);
    ARENA_GROW(sketch->arena, sketch->called, sketch->called_count, sketch->called_cap);
    sketch->called[sketch->called_count++] = (struct called){call, inner};
    return inner;
}

/* The search for a module in a stack. */
struct seeking {
    struct str path;
    bool found;
    int left;
    struct sketch *sketch;
};

static void seek_in(void *ctx, struct spot declared)
{
    struct seeking *s = ctx;
    struct sketch *sketch = s->sketch;
    if (s->found || s->left-- <= 0 || !str_eqz(declared.section, "modules"))
        return;
    struct sketch *inner = sketch_called(sketch, declared);
    if (!inner || inner->builtin)
        return;
    s->found = str_eq(inner->files[0].path, s->path);
    s->sketch = inner;
    sketch_each(inner, NAME_RESOURCE, seek_in, s);
    s->sketch = sketch;
}

struct str sketch_stack(const struct sketch *sketch, bool *alone)
{
    const struct file *own = &sketch->files[0];
    *alone = outline_find(&own->outline, OUTLINE_NONE, STR("stack")) == OUTLINE_NONE;
    struct str dir = sketch->dir;
    for (int i = 0; *alone && i < FOLDERS_UP && dir.n > 1; i++) {
        dir = arena_str(sketch->arena, path_dir(dir));
        struct sketch *above = sketch_read(
            sketch->documents, sketch->arena, sketch_own_file(sketch->documents, sketch->arena, dir));
        if (!above)
            continue;
        struct seeking seeking = {.path = own->path, .left = MODULES_MAX, .sketch = above};
        sketch_each(above, NAME_RESOURCE, seek_in, &seeking);
        if (seeking.found)
            return sketch_stack(above, alone);
    }
    return own->path;
}

struct walking {
    struct map seen;
    void (*found)(void *ctx, struct sketch *sketch);
    void *ctx;
    struct sketch *sketch;
};

static void walk_from(struct walking *walking, struct sketch *sketch);

static void walk_call(void *ctx, struct spot spot)
{
    struct walking *walking = ctx;
    struct sketch *sketch = walking->sketch;
    struct sketch *inner = str_eqz(spot.section, "modules") ? sketch_called(sketch, spot) : NULL;
    if (!inner || inner->builtin)
        return;
    walk_from(walking, inner);
    walking->sketch = sketch;
}

static void walk_from(struct walking *walking, struct sketch *sketch)
{
    if (walking->seen.n >= MODULES_MAX || map_set(&walking->seen, sketch->files[0].path, sketch))
        return;
    walking->found(walking->ctx, sketch);
    walking->sketch = sketch;
    sketch_each(sketch, NAME_RESOURCE, walk_call, walking);
}

void sketch_walk(struct sketch *sketch, void (*found)(void *ctx, struct sketch *sketch), void *ctx)
{
    struct walking walking = {.found = found, .ctx = ctx};
    walk_from(&walking, sketch);
    map_release(&walking.seen);
}

/* ---- declarations ---- */

static void each_within(const struct file *file, int parent, struct str section,
    void (*found)(void *ctx, struct spot declared), void *ctx)
{
    const struct outline *o = &file->outline;
    for (int e = OUTLINE_NONE; parent != OUTLINE_NONE && (e = outline_next(o, parent, e)) != OUTLINE_NONE;)
        if (!o->items[e].item && !o->items[e].bare)
            found(ctx, (struct spot){file, e, section});
}

/* Data sources of checks. */
static void each_of_checks(const struct file *file, void (*found)(void *ctx, struct spot declared), void *ctx)
{
    const struct outline *o = &file->outline;
    int checks = outline_find(o, OUTLINE_NONE, STR("checks"));
    for (int e = OUTLINE_NONE; checks != OUTLINE_NONE && (e = outline_next(o, checks, e)) != OUTLINE_NONE;)
        each_within(file, outline_find(o, e, STR("data")), STR("data"), found, ctx);
}

void sketch_each(const struct sketch *sketch, enum name_kind kind,
    void (*found)(void *ctx, struct spot declared), void *ctx)
{
    for (const char *const *section = sections_of[kind]; *section; section++)
        for (size_t i = 0; i < sketch->count; i++) {
            const struct file *file = &sketch->files[i];
            each_within(file, outline_find(&file->outline, OUTLINE_NONE, str_z(*section)), str_z(*section),
                found, ctx);
        }
    for (size_t i = 0; kind == NAME_RESOURCE && i < sketch->count; i++)
        each_of_checks(&sketch->files[i], found, ctx);
}

struct str spot_value(struct spot declared, const char *key)
{
    const struct outline *o = &declared.file->outline;
    return outline_value(o, outline_find(o, declared.entry, str_z(key)));
}

struct str spot_name(struct spot declared)
{
    return declared.file->outline.items[declared.entry].key;
}
