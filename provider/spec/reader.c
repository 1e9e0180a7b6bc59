/* Specs as the files of types that the catalog reads. */
#include "provider/spec/spec.h"

static struct type_file *load_file(const struct source *source, const struct provider_kinds *kinds,
    const struct provider_kind *kind, struct diags *diags)
{
    struct spec_service *service = spec_load(source, kinds, kind, diags);
    if (!service)
        return NULL;
    /* A struct spec_type begins with its schema. */
    struct type_file *file = ARENA_NEW(&service->arena, struct type_file);
    *file = (struct type_file){.kind = service->kind,
        .name = service->name,
        .types = service->types,
        .data = service->data,
        .impl = service};
    return file;
}

static void free_file(struct type_file *file)
{
    spec_free(file->impl);
}

const struct type_reader spec_reader = {.load = load_file, .free = free_file};
