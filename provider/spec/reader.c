/* Specs as the files of types that the catalog reads. */
#include "provider/spec/spec.h"

static struct type_file *as_file(struct spec_service *service)
{
    if (!service)
        return NULL;
    struct type_file *file = ARENA_NEW(&service->arena, struct type_file);
    *file = (struct type_file){.kind = service->kind,
        .name = service->name,
        .all = {&service->types, &service->data},
        .impl = service};
    return file;
}

static struct type_file *load_file(const struct source *source, const struct provider_kinds *kinds,
    const struct provider_kind *kind, struct diags *diags)
{
    return as_file(spec_load(source, kinds, kind, diags));
}

static struct type_file *open_file(const struct source *source, const struct provider_kinds *kinds,
    const struct provider_kind *kind, struct diags *diags)
{
    return as_file(spec_open(source, kinds, kind, diags));
}

/* A struct spec_type begins with its schema. */
static const struct schema *find_type(
    struct type_file *file, struct str name, bool is_data, struct diags *diags)
{
    return (const struct schema *)spec_read_type(file->impl, name, is_data, diags);
}

static void free_file(struct type_file *file)
{
    spec_free(file->impl);
}

const struct type_reader spec_reader = {
    .load = load_file, .open = open_file, .find = find_type, .free = free_file};
