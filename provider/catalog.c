/* All known types: those of the specs, embedded or the user's own, and the few that are written in C. */
#include "base/embed.h"
#include "base/file.h"
#include "base/map.h"
#include "base/mem.h"
#include "provider/aws/s3/s3_directory.h"
#include "provider/aws/s3/s3_object.h"
#include "provider/provider.h"
#include "provider/spec/spec.h"
#include "provider/weir/artifact.h"
#include "provider/weir/value.h"

#include <dirent.h>
#include <pthread.h>
#include <stdlib.h>

#define SPECS "provider/aws/specs/"

static const struct schema *const in_c[] = {
    &weir_value_schema, &weir_artifact_schema, &aws_s3_object_schema, &aws_s3_directory_schema};

struct catalog {
    pthread_mutex_t lock; /* all of this; an unknown type is looked for among all names */
    struct arena arena;
    const char *specs_dir;
    struct map built_in, own; /* service -> struct spec_service, as far as loaded */
    struct map found[2];      /* type -> struct schema; [1]: data sources */
    struct str *names[2];
    size_t name_count[2];
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

int catalog_new(const struct catalog_options *options, struct catalog **out, struct err *err)
{
    struct catalog *catalog = mem_zalloc(sizeof *catalog);
    pthread_mutexattr_t recursive;
    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&catalog->lock, &recursive);
    pthread_mutexattr_destroy(&recursive);
    const char *dir = options ? options->specs_dir : NULL, *named_by = "--specs";
    if (options && !dir && str_z(getenv("WEIR_SPECS")).n) {
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

static void free_services(struct map *services)
{
    for (size_t i = 0; i < services->n; i++)
        spec_free(services->items[i].ptr);
    map_release(services);
}

void catalog_free(struct catalog *catalog)
{
    if (!catalog)
        return;
    free_services(&catalog->built_in);
    free_services(&catalog->own);
    for (int i = 0; i < 2; i++) {
        map_release(&catalog->found[i]);
        free(catalog->names[i]);
    }
    arena_release(&catalog->arena);
    pthread_mutex_destroy(&catalog->lock);
    free(catalog);
}

/* ---- loading ---- */

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

static int load_source(struct map *services, struct str name, struct str path, struct str text,
    struct arena *arena, struct err *err)
{
    struct source *source = ARENA_NEW(arena, struct source);
    *source = (struct source){.path = path, .text = text};
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    struct spec_service *service = spec_load(source, &diags);
    if (!service)
        return broken_spec(&diags, err);
    if (!str_eq(service->name, name)) {
        spec_free(service);
        return err_set(err, ERR_INVALID, "%.*s: the file of service \"%.*s\" has to be called so",
            STR_ARG(path), STR_ARG(service->name));
    }
    map_set(services, arena_str(arena, name), service);
    return 0;
}

static int load_built_in(struct catalog *catalog, struct str name, struct err *err)
{
    if (map_get(&catalog->built_in, name))
        return 0;
    const struct embedded_file *file =
        embedded_find(arena_printf(&catalog->arena, SPECS "%.*s.yaml", STR_ARG(name)));
    return file ? load_source(&catalog->built_in, name, file->path, embedded_text(file), &catalog->arena, err)
                : 0;
}

static int load_own(struct catalog *catalog, struct str name, struct err *err)
{
    if (!catalog->specs_dir || map_get(&catalog->own, name))
        return 0;
    struct str path = arena_printf(&catalog->arena, "%s/%.*s.yaml", catalog->specs_dir, STR_ARG(name)), text;
    if (!path_exists(path.p))
        return 0;
    if (file_read(&catalog->arena, path.p, 0, &text, err))
        return -1;
    return load_source(&catalog->own, name, path, text, &catalog->arena, err);
}

static const struct schema *schema_of(struct map *services, struct str service, struct str name, bool is_data)
{
    struct spec_service *spec = map_get(services, service);
    struct spec_type *type = spec ? map_get(is_data ? &spec->data : &spec->types, name) : NULL;
    return type ? &type->schema : NULL;
}

/* ---- finding ---- */

static int find_in_specs(
    struct catalog *catalog, struct str type, bool is_data, const struct schema **out, struct err *err)
{
    struct str name, service;
    if (!str_eqz(str_cut(type, '.', &name), "aws") || !name.p)
        return 0;
    service = str_cut(name, '.', &name);
    if (!name.p || str_find_char(service, '/', 0) >= 0)
        return 0;
    if (load_own(catalog, service, err) || load_built_in(catalog, service, err))
        return -1;
    *out = schema_of(&catalog->own, service, name, is_data);
    if (!*out)
        *out = schema_of(&catalog->built_in, service, name, is_data);
    return 0;
}

static const struct schema *unknown_type(
    struct catalog *catalog, struct str type, bool is_data, struct err *err)
{
    const char *what = is_data ? "data source" : "resource type";
    err_set(err, ERR_ABSENT, "no %s is called \"%.*s\"", what, STR_ARG(type));
    size_t n;
    const struct str *names = catalog_names(catalog, is_data, &n);
    struct str nearest = str_nearest(type, names, n);
    if (nearest.n)
        err_hint(err, "did you mean \"%.*s\"?", STR_ARG(nearest));
    return NULL;
}

static const struct schema *find(struct catalog *catalog, struct str type, bool is_data, struct err *err)
{
    const struct schema *schema = map_get(&catalog->found[is_data], type);
    if (schema)
        return schema;
    for (size_t i = 0; i < sizeof in_c / sizeof *in_c && !schema; i++)
        if (str_eq(in_c[i]->name, type) && in_c[i]->is_data == is_data)
            schema = in_c[i];
    if (!schema && find_in_specs(catalog, type, is_data, &schema, err))
        return NULL;
    if (!schema)
        return unknown_type(catalog, type, is_data, err);
    map_set(&catalog->found[is_data], schema->name, (void *)schema);
    return schema;
}

const struct schema *catalog_find(struct catalog *catalog, struct str type, bool is_data, struct err *err)
{
    pthread_mutex_lock(&catalog->lock);
    const struct schema *schema = find(catalog, type, is_data, err);
    pthread_mutex_unlock(&catalog->lock);
    return schema;
}

/* ---- listing ---- */

static struct str service_of_file(struct str path)
{
    struct str base = path_base(path);
    return str_ends(base, STR(".yaml")) ? str_slice(base, 0, base.n - strlen(".yaml")) : STR_EMPTY;
}

/* Each of the user's specs can be read and is where it is looked for: otherwise it would be left out in
 * silence. */
static int check_own(struct catalog *catalog, struct err *err)
{
    DIR *dir = opendir(catalog->specs_dir);
    int status = dir ? 0 : err_errno(err, ERR_IO, "cannot read the folder %s", catalog->specs_dir);
    for (struct dirent *entry; !status && dir && (entry = readdir(dir));) {
        struct str name = str_z(entry->d_name), service = service_of_file(name);
        if (service.n && service.p[0] != '.')
            status = load_own(catalog, service, err);
        else if (str_ends(name, STR(".yml")) && name.p[0] != '.') {
            err_set(err, ERR_INVALID, "%s/%s: specs are called SERVICE.yaml", catalog->specs_dir, name.p);
            status = err_hint(err, "with .yml at its end it would not be read");
        }
    }
    if (dir)
        closedir(dir);
    return status;
}

/* A spec that is broken is left out here; whoever asks for one of its types is told. */
static void load_all(struct catalog *catalog)
{
    size_t n;
    const struct embedded_file *files = embedded_under(STR(SPECS), &n);
    struct err ignored = ERR_INIT;
    for (size_t i = 0; i < n; i++)
        load_built_in(catalog, service_of_file(files[i].path), &ignored);
    DIR *dir = catalog->specs_dir ? opendir(catalog->specs_dir) : NULL;
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        struct str service = service_of_file(str_z(entry->d_name));
        if (service.n)
            load_own(catalog, service, &ignored);
    }
    if (dir)
        closedir(dir);
}

static int name_order(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static void add_names(struct catalog *catalog, const struct map *services, int is_data, size_t *cap)
{
    for (size_t s = 0; s < services->n; s++) {
        const struct spec_service *spec = services->items[s].ptr;
        const struct map *types = is_data ? &spec->data : &spec->types;
        for (size_t i = 0; i < types->n; i++) {
            MEM_GROW(catalog->names[is_data], *cap, catalog->name_count[is_data] + 1);
            catalog->names[is_data][catalog->name_count[is_data]++] =
                ((const struct spec_type *)types->items[i].ptr)->schema.name;
        }
    }
}

static void list_names(struct catalog *catalog, int is_data)
{
    size_t cap = 0, kept = 0;
    add_names(catalog, &catalog->built_in, is_data, &cap);
    add_names(catalog, &catalog->own, is_data, &cap);
    for (size_t i = 0; i < sizeof in_c / sizeof *in_c; i++)
        if (in_c[i]->is_data == (is_data == 1)) {
            MEM_GROW(catalog->names[is_data], cap, catalog->name_count[is_data] + 1);
            catalog->names[is_data][catalog->name_count[is_data]++] = in_c[i]->name;
        }
    struct str *names = catalog->names[is_data];
    if (names)
        qsort(names, catalog->name_count[is_data], sizeof *names, name_order);
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
