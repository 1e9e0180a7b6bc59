/* The catalog of all known types: those of embedded and user specs, types in C, and types that provider types
 * find. */
#include "base/embed.h"
#include "base/file.h"
#include "base/mem.h"
#include "provider/kind.h"

#include <assert.h>
#include <stdlib.h>

struct name_list {
    struct arena *arena; /* allocates the names */
    struct str *items;
    size_t n, cap;
};

struct catalog {
    pthread_mutex_t lock; /* guards all members */
    struct arena arena;
    struct catalog_options options;
    const char *specs_dir;
    struct map built_in, own; /* path -> struct type_file, as far as loaded */
    struct map found[2];      /* type -> struct schema; [1]: data sources */
    struct name_list names[2],
        known[2]; /* filled at the first use; known: with the names that provider types find */
    struct signed_file *signed_files; /* of the embedded files; filled at the first use */
    size_t signed_count;
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
        free(catalog->names[i].items);
        free(catalog->known[i].items);
    }
    free(catalog->signed_files);
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

/* Reports the first mistake with its position; the hint counts the others. */
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

/* `kind` NULL: the provider type that the file names. */
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

/* Loads the folder's file of that name. `kind` NULL: the provider type that the file names. */
static int load_embedded(struct catalog *catalog, const char *folder, const struct provider_kind *kind,
    struct str name, struct type_file **out, struct err *err)
{
    *out = NULL;
    if (!folder || !catalog->options.kinds->reader)
        return 0;
    struct str path = arena_printf(&catalog->arena, "%s%.*s.yaml", folder, STR_ARG(name));
    const struct embedded_file *file = embedded_find(path);
    if (file && !map_get(&catalog->built_in, path) &&
        load_source(catalog, &catalog->built_in, kind, file->path, embedded_text(file), err))
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

/* aws.glue.job is `job` in the provider type's file glue, postgres.schema is `schema` in the file with the
 * provider type's name. */
static int find_in_specs(struct catalog *catalog, const struct provider_kind *kind, struct str rest,
    bool is_data, const struct schema **out, struct err *err)
{
    struct str name = rest,
               file = str_find_char(rest, '.', 0) < 0 ? str_z(kind->name) : str_cut(rest, '.', &name);
    struct type_file *own, *built_in, *more;
    if (!name.n || str_find_char(file, '/', 0) >= 0)
        return 0;
    if (load_own(catalog, file, &own, err) ||
        load_embedded(catalog, kind->specs, kind, file, &built_in, err) ||
        load_embedded(catalog, catalog->options.more_specs, NULL, file, &more, err))
        return -1;
    if (own && own->kind == kind && find_in_file(catalog, own, name, is_data, out, err))
        return -1;
    if (!*out && built_in && find_in_file(catalog, built_in, name, is_data, out, err))
        return -1;
    if (!*out && more && more->kind == kind && find_in_file(catalog, more, name, is_data, out, err))
        return -1;
    return 0;
}

/* Finds a type that is not listed, with each provider type's find(). */
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

/* Checks that each of the user's specs can be read and has the expected name, since other files would be
 * ignored silently. */
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
            status = err_hint(err, "a file name that ends in .yml is ignored");
        }
    }
    return status;
}

/* An embedded file and the signing name of its service. */
struct signed_file {
    const char *folder;
    const struct provider_kind *kind; /* NULL: the one that the file names */
    struct str name, signing_name;
};

static void add_signed_files(
    struct catalog *catalog, const char *folder, const struct provider_kind *kind, size_t *cap)
{
    size_t n = 0;
    const struct embedded_file *files = folder ? embedded_under(str_z(folder), &n) : NULL;
    for (size_t i = 0; i < n; i++) {
        struct str name = name_of_file(files[i].path),
                   own = embedded_line(files[i].path.p, STR("signing_name:"));
        MEM_GROW(catalog->signed_files, *cap, catalog->signed_count + 1);
        catalog->signed_files[catalog->signed_count++] =
            (struct signed_file){folder, kind, name, own.n ? own : name};
    }
}

static void add_name(struct name_list *list, struct str name)
{
    MEM_GROW(list->items, list->cap, list->n + 1);
    list->items[list->n++] = name;
}

static void add_file(const struct type_file *file, int is_data, struct name_list *list)
{
    for (size_t i = 0; file && i < file->all[is_data]->n; i++)
        add_name(list, kind_type_name(file->kind, file->name, file->all[is_data]->items[i].key, list->arena));
}

static void list_signed_files(struct catalog *catalog)
{
    size_t cap = 0;
    if (catalog->signed_files)
        return;
    for (const struct provider_kind *const *kind = catalog->options.kinds->items; *kind; kind++)
        add_signed_files(catalog, (*kind)->specs, *kind, &cap);
    add_signed_files(catalog, catalog->options.more_specs, NULL, &cap);
}

/* Adds the types of the embedded files with that signing name, or of all files if it is "". A broken file is
 * left out; using one of its types reports the error. */
static void add_embedded(
    struct catalog *catalog, struct str signing_name, int is_data, struct name_list *list)
{
    list_signed_files(catalog);
    for (size_t i = 0; i < catalog->signed_count; i++) {
        const struct signed_file *known = &catalog->signed_files[i];
        struct type_file *file;
        if ((!signing_name.n || str_eq(known->signing_name, signing_name)) &&
            !load_embedded(catalog, known->folder, known->kind, known->name, &file, ERR_IGNORED))
            add_file(file, is_data, list);
    }
}

static void add_own(struct catalog *catalog, int is_data, struct name_list *list)
{
    for (size_t i = 0; i < catalog->own.n; i++) /* all are loaded already */
        add_file(catalog->own.items[i].ptr, is_data, list);
}

static void add_names_in_c(struct name_list *list, const struct schema *const *types, int is_data)
{
    for (size_t i = 0; types && types[i]; i++)
        if (types[i]->is_data == (is_data == 1))
            add_name(list, types[i]->name);
}

/* Sorts the names and removes duplicates. */
static void sort_names(struct name_list *list)
{
    size_t kept = 0;
    if (list->n)
        qsort(list->items, list->n, sizeof *list->items, str_order);
    for (size_t i = 0; i < list->n; i++)
        if (!kept || !str_eq(list->items[kept - 1], list->items[i]))
            list->items[kept++] = list->items[i];
    list->n = kept;
}

static void list_names(struct catalog *catalog, int is_data)
{
    struct name_list *list = &catalog->names[is_data];
    list->arena = &catalog->arena;
    add_embedded(catalog, STR_EMPTY, is_data, list);
    add_own(catalog, is_data, list);
    for (size_t k = 0; catalog->options.kinds->items[k]; k++)
        add_names_in_c(list, catalog->options.kinds->items[k]->types, is_data);
    add_names_in_c(list, catalog->options.kinds->types, is_data);
    sort_names(list);
}

const struct str *catalog_names(struct catalog *catalog, bool is_data, size_t *n)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&catalog->lock);
    if (!catalog->listed) {
        list_names(catalog, 0);
        list_names(catalog, 1);
        catalog->listed = true;
    }
    *n = catalog->names[is_data].n;
    return catalog->names[is_data].items;
}

const struct str *catalog_names_signed(
    struct catalog *catalog, struct str signing_name, bool is_data, struct arena *arena, size_t *n)
{
    struct name_list list = {.arena = arena};
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&catalog->lock);
    add_embedded(catalog, signing_name, is_data, &list);
    add_own(catalog, is_data, &list);
    sort_names(&list);
    struct str *names = ARENA_ARRAY(arena, struct str, list.n + 1);
    for (size_t i = 0; i < list.n; i++)
        names[i] = list.items[i];
    *n = list.n;
    free(list.items);
    return names;
}

const struct str *catalog_known_names(struct catalog *catalog, bool is_data, size_t *n)
{
    size_t count;
    const struct str *names = catalog_names(catalog, is_data, &count);
    struct name_list *known = &catalog->known[is_data];
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&catalog->lock);
    bool first = !known->n;
    for (size_t i = 0; first && i < count; i++)
        add_name(known, names[i]);
    for (size_t k = 0; first && catalog->options.kinds->items[k]; k++) {
        const struct provider_kind *kind = catalog->options.kinds->items[k];
        names = kind->names ? kind->names(is_data, &count) : NULL;
        for (size_t i = 0; names && i < count; i++)
            add_name(known, names[i]);
    }
    *n = known->n;
    return known->items;
}

/* Returns the file's type for a CloudFormation type, or NULL. */
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

/* Loads only the files that contain the CloudFormation type's name. */
static const struct schema *own_in_specs(
    struct catalog *catalog, const struct provider_kind *kind, struct str cfn)
{
    size_t n = 0;
    const struct schema *schema = NULL;
    struct type_file *file;
    const struct embedded_file *specs = kind->specs ? embedded_under(str_z(kind->specs), &n) : NULL;
    for (size_t i = 0; i < n && !schema; i++)
        if (str_find(embedded_text(&specs[i]), cfn, 0) >= 0 &&
            !load_embedded(catalog, kind->specs, kind, name_of_file(specs[i].path), &file, ERR_IGNORED))
            schema = own_in_file(catalog, file, cfn);
    return schema;
}

const struct schema *catalog_own(struct catalog *catalog, struct str cfn)
{
    const struct schema *schema = NULL;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&catalog->lock);
    for (size_t i = 0; i < catalog->own.n && !schema; i++) /* all are loaded already */
        schema = own_in_file(catalog, catalog->own.items[i].ptr, cfn);
    for (size_t k = 0; catalog->options.kinds->items[k] && !schema; k++)
        schema = own_in_specs(catalog, catalog->options.kinds->items[k], cfn);
    return schema;
}
