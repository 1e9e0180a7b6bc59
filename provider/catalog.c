/* All known types: those of the specs, embedded or the user's own, those in C, those that a kind finds. */
#include "base/embed.h"
#include "base/file.h"
#include "base/lock.h"
#include "base/map.h"
#include "base/mem.h"
#include "provider/kind.h"

#include <assert.h>
#include <dirent.h>
#include <stdlib.h>

struct catalog {
    pthread_mutex_t lock; /* all of this; an unknown type is looked for among all names */
    struct arena arena;
    struct catalog_options options;
    const char *specs_dir;
    struct map built_in, own; /* path -> struct type_file, as far as loaded */
    struct map found[2];      /* type -> struct schema; [1]: data sources */
    struct str *names[2];
    size_t name_count[2];
    struct str *known[2]; /* and those that kinds find */
    size_t known_count[2];
    bool listed;
};

static int check_own(struct catalog *catalog, struct err *err);

int catalog_use_specs(struct catalog *catalog, struct str dir, const char *named_by, struct err *err)
{
    catalog->specs_dir = arena_strz(&catalog->arena, dir);
    if (path_is_dir(catalog->specs_dir))
        return check_own(catalog, err);
    return err_set(err, ERR_USAGE, "%s: \"%.*s\" is not a directory", named_by, STR_ARG(dir));
}

bool catalog_has_specs(const struct catalog *catalog)
{
    return catalog->specs_dir != NULL;
}

const char *catalog_specs_dir(const struct catalog *catalog)
{
    return catalog->specs_dir;
}

const struct provider_kinds *catalog_kinds(const struct catalog *catalog)
{
    return catalog->options.kinds;
}

int catalog_new(const struct catalog_options *options, struct catalog **out, struct err *err)
{
    struct catalog *catalog = mem_zalloc(sizeof *catalog);
    pthread_mutexattr_t recursive;
    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&catalog->lock, &recursive);
    pthread_mutexattr_destroy(&recursive);
    assert(options->kinds);
    catalog->options = *options;
    if (options->schemas_dir)
        catalog->options.schemas_dir = arena_strz(&catalog->arena, str_z(options->schemas_dir));
    const char *dir = options->specs_dir, *named_by = "--specs";
    if (!dir && str_z(getenv("WEIR_SPECS")).n) {
        dir = getenv("WEIR_SPECS");
        named_by = "WEIR_SPECS";
    }
    if (dir && catalog_use_specs(catalog, str_z(dir), named_by, err)) {
        catalog_free(catalog);
        return -1;
    }
    *out = catalog;
    return 0;
}

static void free_files(const struct catalog *catalog, struct map *files)
{
    for (size_t i = 0; i < files->n; i++)
        catalog->options.kinds->reader->free(files->items[i].ptr);
    map_release(files);
}

void catalog_free(struct catalog *catalog)
{
    if (!catalog)
        return;
    free_files(catalog, &catalog->built_in);
    free_files(catalog, &catalog->own);
    for (int i = 0; i < 2; i++) {
        map_release(&catalog->found[i]);
        free(catalog->names[i]);
        free(catalog->known[i]);
    }
    arena_release(&catalog->arena);
    pthread_mutex_destroy(&catalog->lock);
    free(catalog);
}

/* ---- loading ---- */

static struct str name_of_file(struct str path)
{
    struct str base = path_base(path);
    return str_ends(base, STR(".yaml")) ? str_slice(base, 0, base.n - strlen(".yaml")) : STR_EMPTY;
}

/* The first mistake, with its place; how many more there are is the hint. */
static int broken_spec(struct diags *diags, struct err *err)
{
    const struct diag *first = NULL;
    for (size_t i = 0; i < diags->n && !first; i++)
        if (diags->items[i].severity == DIAG_ERROR)
            first = &diags->items[i];
    if (!first)
        return err_set(err, ERR_INVALID, "a spec cannot be read");
    struct str path = first->span.source ? first->span.source->path : STR_EMPTY;
    err_set(err, ERR_INVALID, "%.*s:%u:%u: %.*s", STR_ARG(path), first->span.line, first->span.column,
        STR_ARG(first->message));
    if (diags->errors > 1)
        return err_hint(err, "%zu more mistakes in this spec", diags->errors - 1);
    return first->label.n ? err_hint(err, "%.*s", STR_ARG(first->label)) : -1;
}

/* `kind` NULL: as the file says. */
static int load_source(struct catalog *catalog, struct map *files, const struct provider_kind *kind,
    struct str path, struct str text, struct err *err)
{
    const struct provider_kinds *kinds = catalog->options.kinds;
    bool own = files == &catalog->own;
    struct source *source = ARENA_NEW(&catalog->arena, struct source);
    *source = (struct source){.path = path, .text = text};
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    struct type_file *file = (own ? kinds->reader->load : kinds->reader->open)(source, kinds, kind, &diags);
    if (!file)
        return broken_spec(&diags, err);
    if (!str_eq(file->name, name_of_file(path))) {
        err_set(err, ERR_INVALID, "%.*s: the file of service \"%.*s\" has to be called so", STR_ARG(path),
            STR_ARG(file->name));
        kinds->reader->free(file);
        return -1;
    }
    map_set(files, path, file);
    return 0;
}

static int load_built_in(struct catalog *catalog, const struct provider_kind *kind, struct str name,
    struct type_file **out, struct err *err)
{
    *out = NULL;
    if (!kind || !kind->specs || !catalog->options.kinds->reader)
        return 0;
    struct str path = arena_printf(&catalog->arena, "%s%.*s.yaml", kind->specs, STR_ARG(name));
    const struct embedded_file *file = embedded_find(path);
    if (file && !map_get(&catalog->built_in, path) &&
        load_source(catalog, &catalog->built_in, kind, file->path, embedded_text(file), err))
        return -1;
    *out = map_get(&catalog->built_in, path);
    return 0;
}

/* Of the same service: types that it has besides. */
static int load_more(struct catalog *catalog, struct str name, struct type_file **out, struct err *err)
{
    *out = NULL;
    if (!catalog->options.more_specs || !catalog->options.kinds->reader)
        return 0;
    struct str path =
        arena_printf(&catalog->arena, "%s%.*s.yaml", catalog->options.more_specs, STR_ARG(name));
    const struct embedded_file *file = embedded_find(path);
    if (file && !map_get(&catalog->built_in, path) &&
        load_source(catalog, &catalog->built_in, NULL, file->path, embedded_text(file), err))
        return -1;
    *out = map_get(&catalog->built_in, path);
    return 0;
}

static int load_own(struct catalog *catalog, struct str name, struct type_file **out, struct err *err)
{
    *out = NULL;
    if (!catalog->specs_dir || !catalog->options.kinds->reader)
        return 0;
    struct str path = arena_printf(&catalog->arena, "%s/%.*s.yaml", catalog->specs_dir, STR_ARG(name)), text;
    if (!map_get(&catalog->own, path) && path_exists(path.p) &&
        (file_read(&catalog->arena, path.p, 0, &text, err) ||
            load_source(catalog, &catalog->own, NULL, path, text, err)))
        return -1;
    *out = map_get(&catalog->own, path);
    return 0;
}

/* ---- finding ---- */

static int find_in_file(const struct catalog *catalog, struct type_file *file, struct str name, bool is_data,
    const struct schema **out, struct err *err)
{
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    *out = catalog->options.kinds->reader->find(file, name, is_data, &diags);
    return diags.errors ? broken_spec(&diags, err) : 0;
}

/* aws.glue.job is `job` of the kind's file glue, postgres.schema is `schema` of the one called like the kind.
 */
static int find_in_specs(struct catalog *catalog, const struct provider_kind *kind, struct str rest,
    bool is_data, const struct schema **out, struct err *err)
{
    struct str name = rest,
               file = str_find_char(rest, '.', 0) < 0 ? str_z(kind->name) : str_cut(rest, '.', &name);
    struct type_file *own, *built_in, *more;
    if (!name.n || str_find_char(file, '/', 0) >= 0)
        return 0;
    if (load_own(catalog, file, &own, err) || load_built_in(catalog, kind, file, &built_in, err) ||
        load_more(catalog, file, &more, err))
        return -1;
    if (own && own->kind == kind && find_in_file(catalog, own, name, is_data, out, err))
        return -1;
    if (!*out && built_in && find_in_file(catalog, built_in, name, is_data, out, err))
        return -1;
    if (!*out && more && more->kind == kind && find_in_file(catalog, more, name, is_data, out, err))
        return -1;
    return 0;
}

/* What no list has: each kind that can is asked. */
static int find_by_kinds(
    struct catalog *catalog, struct str type, bool is_data, const struct schema **out, struct err *err)
{
    for (size_t i = 0; catalog->options.kinds->items[i] && !*out; i++) {
        const struct provider_kind *kind = catalog->options.kinds->items[i];
        if (kind->find && kind->find(&catalog->options, &catalog->arena, type, is_data, out, err))
            return -1;
    }
    return 0;
}

static const struct schema *find_in_c(const struct schema *const *types, struct str type, bool is_data)
{
    for (size_t i = 0; types && types[i]; i++)
        if (str_eq(types[i]->name, type) && types[i]->is_data == is_data)
            return types[i];
    return NULL;
}

static int look_for(
    struct catalog *catalog, struct str type, bool is_data, const struct schema **out, struct err *err)
{
    struct str rest = STR_EMPTY, word = str_cut(type, '.', &rest);
    const struct provider_kind *kind = kind_find(catalog->options.kinds, word);
    *out = kind ? find_in_c(kind->types, type, is_data) : NULL;
    if (!*out)
        *out = find_in_c(catalog->options.kinds->types, type, is_data);
    if (*out && (*out)->described)
        *out = catalog->options.kinds->reader->describe(*out, &catalog->arena);
    if (!*out && kind && find_in_specs(catalog, kind, rest, is_data, out, err))
        return -1;
    return *out ? 0 : find_by_kinds(catalog, type, is_data, out, err);
}

static void say_unknown(struct catalog *catalog, struct str type, bool is_data, struct err *err)
{
    const char *what = is_data ? "data source" : "resource type";
    err_set(err, ERR_ABSENT, "no %s is called \"%.*s\"", what, STR_ARG(type));
    size_t n;
    const struct str *names = catalog_known_names(catalog, is_data, &n);
    struct str nearest = str_nearest(type, names, n);
    if (nearest.n)
        err_hint(err, "did you mean \"%.*s\"?", STR_ARG(nearest));
}

static int seek(
    struct catalog *catalog, struct str type, bool is_data, const struct schema **out, struct err *err)
{
    *out = map_get(&catalog->found[is_data], type);
    if (*out)
        return 0;
    if (look_for(catalog, type, is_data, out, err)) {
        *out = NULL;
        return -1;
    }
    if (*out)
        map_set(&catalog->found[is_data], (*out)->name, (void *)*out);
    return 0;
}

const struct schema *catalog_seek(struct catalog *catalog, struct str type, bool is_data, struct err *err)
{
    const struct schema *schema;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&catalog->lock);
    seek(catalog, type, is_data, &schema, err);
    return schema;
}

const struct schema *catalog_find(struct catalog *catalog, struct str type, bool is_data, struct err *err)
{
    const struct schema *schema;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&catalog->lock);
    if (!seek(catalog, type, is_data, &schema, err) && !schema)
        say_unknown(catalog, type, is_data, err);
    return schema;
}

/* ---- listing ---- */

/* Each of the user's specs can be read and is where it is looked for: otherwise it would be left out in
 * silence. */
static int check_own(struct catalog *catalog, struct err *err)
{
    AUTO_DIR DIR *dir = opendir(catalog->specs_dir);
    int status = dir ? 0 : err_errno(err, ERR_IO, "cannot read the folder %s", catalog->specs_dir);
    for (struct dirent *entry; !status && dir && (entry = readdir(dir));) {
        struct str name = str_z(entry->d_name), file = name_of_file(name);
        struct type_file *loaded;
        if (file.n && file.p[0] != '.')
            status = load_own(catalog, file, &loaded, err);
        else if (str_ends(name, STR(".yml")) && name.p[0] != '.') {
            err_set(err, ERR_INVALID, "%s/%s: specs are called SERVICE.yaml", catalog->specs_dir, name.p);
            status = err_hint(err, "with .yml at its end it would not be read");
        }
    }
    return status;
}

/* A spec that is broken is left out here; whoever asks for one of its types is told. */
static void load_all(struct catalog *catalog)
{
    struct type_file *loaded;
    for (size_t k = 0; catalog->options.kinds->items[k]; k++) {
        const struct provider_kind *kind = catalog->options.kinds->items[k];
        size_t n = 0;
        const struct embedded_file *files = kind->specs ? embedded_under(str_z(kind->specs), &n) : NULL;
        for (size_t i = 0; i < n; i++)
            load_built_in(catalog, kind, name_of_file(files[i].path), &loaded, ERR_IGNORED);
    }
    size_t n = 0;
    const char *folder = catalog->options.more_specs;
    const struct embedded_file *files = folder ? embedded_under(str_z(folder), &n) : NULL;
    for (size_t i = 0; i < n; i++)
        load_more(catalog, name_of_file(files[i].path), &loaded, ERR_IGNORED);
    AUTO_DIR DIR *dir = catalog->specs_dir ? opendir(catalog->specs_dir) : NULL;
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        struct str file = name_of_file(str_z(entry->d_name));
        if (file.n)
            load_own(catalog, file, &loaded, ERR_IGNORED);
    }
}

static void add_name(struct catalog *catalog, struct str name, int is_data, size_t *cap)
{
    MEM_GROW(catalog->names[is_data], *cap, catalog->name_count[is_data] + 1);
    catalog->names[is_data][catalog->name_count[is_data]++] = name;
}

static void add_names(struct catalog *catalog, const struct map *files, int is_data, size_t *cap)
{
    for (size_t f = 0; f < files->n; f++) {
        const struct type_file *file = files->items[f].ptr;
        const struct map *types = file->all[is_data];
        for (size_t i = 0; i < types->n; i++)
            add_name(catalog, kind_type_name(file->kind, file->name, types->items[i].key, &catalog->arena),
                is_data, cap);
    }
}

static void add_names_in_c(
    struct catalog *catalog, const struct schema *const *types, int is_data, size_t *cap)
{
    for (size_t i = 0; types && types[i]; i++)
        if (types[i]->is_data == (is_data == 1))
            add_name(catalog, types[i]->name, is_data, cap);
}

static void list_names(struct catalog *catalog, int is_data)
{
    size_t cap = 0, kept = 0;
    add_names(catalog, &catalog->built_in, is_data, &cap);
    add_names(catalog, &catalog->own, is_data, &cap);
    for (size_t k = 0; catalog->options.kinds->items[k]; k++)
        add_names_in_c(catalog, catalog->options.kinds->items[k]->types, is_data, &cap);
    add_names_in_c(catalog, catalog->options.kinds->types, is_data, &cap);
    struct str *names = catalog->names[is_data];
    if (names)
        qsort(names, catalog->name_count[is_data], sizeof *names, str_order);
    for (size_t i = 0; i < catalog->name_count[is_data]; i++)
        if (!kept || !str_eq(names[kept - 1], names[i]))
            names[kept++] = names[i];
    catalog->name_count[is_data] = kept;
}

const struct str *catalog_names(struct catalog *catalog, bool is_data, size_t *n)
{
    pthread_mutex_lock(&catalog->lock);
    if (!catalog->listed) {
        load_all(catalog);
        list_names(catalog, 0);
        list_names(catalog, 1);
        catalog->listed = true;
    }
    pthread_mutex_unlock(&catalog->lock);
    *n = catalog->name_count[is_data];
    return catalog->names[is_data];
}

static void add_known(struct catalog *catalog, bool is_data, const struct str *names, size_t n, size_t *cap)
{
    MEM_GROW(catalog->known[is_data], *cap, catalog->known_count[is_data] + n + 1);
    for (size_t i = 0; i < n; i++)
        catalog->known[is_data][catalog->known_count[is_data]++] = names[i];
}

const struct str *catalog_known_names(struct catalog *catalog, bool is_data, size_t *n)
{
    size_t listed, found, cap = 0;
    const struct str *names = catalog_names(catalog, is_data, &listed);
    pthread_mutex_lock(&catalog->lock);
    if (!catalog->known[is_data]) {
        add_known(catalog, is_data, names, listed, &cap);
        for (size_t k = 0; catalog->options.kinds->items[k]; k++) {
            const struct provider_kind *kind = catalog->options.kinds->items[k];
            names = kind->names ? kind->names(is_data, &found) : NULL;
            if (names)
                add_known(catalog, is_data, names, found, &cap);
        }
    }
    pthread_mutex_unlock(&catalog->lock);
    *n = catalog->known_count[is_data];
    return catalog->known[is_data];
}

/* Of the file's types; NULL: none. */
static const struct schema *own_in_file(struct catalog *catalog, const struct type_file *file, struct str cfn)
{
    for (size_t i = 0; file && i < file->all[0]->n; i++) {
        struct str name = kind_type_name(file->kind, file->name, file->all[0]->items[i].key, &catalog->arena);
        const struct schema *schema;
        if (!seek(catalog, name, false, &schema, ERR_IGNORED) && schema && str_eq(schema->cfn, cfn))
            return schema;
    }
    return NULL;
}

/* Few are read: those of files in which the word stands. */
static const struct schema *own_in_specs(
    struct catalog *catalog, const struct provider_kind *kind, struct str cfn)
{
    size_t n = 0;
    const struct schema *schema = NULL;
    struct type_file *file;
    const struct embedded_file *specs = kind->specs ? embedded_under(str_z(kind->specs), &n) : NULL;
    for (size_t i = 0; i < n && !schema; i++)
        if (str_find(embedded_text(&specs[i]), cfn, 0) >= 0 &&
            !load_built_in(catalog, kind, name_of_file(specs[i].path), &file, ERR_IGNORED))
            schema = own_in_file(catalog, file, cfn);
    return schema;
}

const struct schema *catalog_own(struct catalog *catalog, struct str cfn)
{
    const struct schema *schema = NULL;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&catalog->lock);
    for (size_t i = 0; i < catalog->own.n && !schema; i++) /* all are read already */
        schema = own_in_file(catalog, catalog->own.items[i].ptr, cfn);
    for (size_t k = 0; catalog->options.kinds->items[k] && !schema; k++)
        schema = own_in_specs(catalog, catalog->options.kinds->items[k], cfn);
    return schema;
}
