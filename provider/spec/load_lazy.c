/* Types of a spec that are read when they are asked for: a stack needs few of the many that a service has. */
#include "provider/spec/load.h"

#include "base/mem.h"

#include <ctype.h>

struct spec_later {
    struct loader loader;
    struct source head;
    struct map blocks[2]; /* name -> struct source: the lines of that type; [1]: of data */
};

struct line_cut {
    struct spec_later *later;
    struct arena *arena;
    struct buf *head;
    int section; /* of blocks that the line belongs to; -1: it is the head's */
    struct source *block;
    uint32_t above; /* lines so far */
};

/* A line that is not indented begins a section, one by two blanks a type. */
static void cut_line(struct line_cut *cut, const struct source *source, struct str line)
{
    char first = line.p[0];
    if (!strchr(" #\n", first)) {
        cut->section = str_eqz(line, "types:\n") ? 0 : str_eqz(line, "data:\n") ? 1 : -1;
        cut->block = NULL;
    }
    /* What is cut out leaves an empty line: the others keep their numbers. */
    buf_add_str(cut->head, cut->section < 0 ? line : STR("\n"));
    if (cut->section < 0)
        return;
    if (first == ' ' && line.n > 2 && line.p[1] == ' ' && !strchr(" #\n", line.p[2])) {
        struct str rest, name = str_cut(str_slice(line, 2, line.n), ':', &rest);
        cut->block = ARENA_NEW(cut->arena, struct source);
        *cut->block = (struct source){.path = source->path, .text = line, .above = cut->above};
        map_set(&cut->later->blocks[cut->section], name, cut->block);
    } else if (cut->block && first != '#') {
        cut->block->text.n = (size_t)(line.p + line.n - cut->block->text.p);
    }
}

static void cut_types(struct spec_service *service, const struct source *source)
{
    AUTO_BUF struct buf head = BUF_INIT;
    struct line_cut cut = {.later = service->later, .arena = &service->arena, .head = &head, .section = -1};
    struct str text = source->text;
    for (size_t at = 0, end; at < text.n; at = end) {
        ptrdiff_t newline = str_find_char(text, '\n', at);
        end = newline < 0 ? text.n : (size_t)newline + 1;
        cut_line(&cut, source, str_slice(text, at, end));
        cut.above++;
    }
    service->later->head =
        (struct source){.path = source->path, .text = arena_str(&service->arena, buf_str(&head))};
    for (int is_data = 0; is_data < 2; is_data++)
        for (size_t i = 0; i < service->later->blocks[is_data].n; i++)
            map_set(is_data ? &service->data : &service->types, service->later->blocks[is_data].items[i].key,
                NULL);
}

static const struct source *block_at(const struct spec_later *later, const char *p)
{
    for (int is_data = 0; is_data < 2; is_data++)
        for (size_t i = 0; i < later->blocks[is_data].n; i++) {
            const struct source *block = later->blocks[is_data].items[i].ptr;
            if (p >= block->text.p && p < block->text.p + block->text.n)
                return block;
        }
    return NULL;
}

/* Does one type speak of an anchor of another? */
static bool types_share_nodes(const struct spec_later *later, struct str text)
{
    static const struct str sign = STR_INIT(" &");
    for (ptrdiff_t at = str_find(text, sign, 0); at >= 0; at = str_find(text, sign, (size_t)at + sign.n)) {
        AUTO_ARENA struct arena scratch = ARENA_INIT;
        size_t from = (size_t)at + sign.n, end = from;
        while (end < text.n && (isalnum((unsigned char)text.p[end]) || text.p[end] == '_'))
            end++;
        struct str alias = arena_printf(&scratch, "*%.*s", STR_ARG(str_slice(text, from, end)));
        const struct source *block = block_at(later, text.p + at);
        for (ptrdiff_t use = str_find(text, alias, 0); end > from && use >= 0;
             use = str_find(text, alias, (size_t)use + 1))
            if (block_at(later, text.p + use) != block)
                return true;
    }
    return false;
}

struct spec_service *spec_open(const struct source *source, const struct provider_kinds *kinds,
    const struct provider_kind *kind, struct diags *diags)
{
    struct spec_service *service = mem_zalloc(sizeof *service);
    struct spec_later *later = service->later = ARENA_NEW(&service->arena, struct spec_later);
    size_t errors = diags->errors;
    cut_types(service, source);
    if (types_share_nodes(later, source->text)) {
        spec_free(service);
        return spec_load(source, kinds, kind, diags);
    }
    later->loader =
        (struct loader){.arena = &service->arena, .diags = diags, .service = service, .source = &later->head};
    const struct node *head = yaml_parse(&service->arena, &later->head, diags);
    if (load_service(&later->loader, head, kinds, kind)) {
        load_types(&later->loader, node_get(head, "types"), false, &service->types);
        load_types(&later->loader, node_get(head, "data"), true, &service->data);
    }
    if (!head || diags->errors > errors) {
        spec_free(service);
        return NULL;
    }
    return service;
}

struct spec_type *spec_read_type(
    struct spec_service *service, struct str name, bool is_data, struct diags *diags)
{
    struct map *types = is_data ? &service->data : &service->types;
    struct spec_type *type = map_get(types, name);
    const struct source *block =
        type || !service->later ? NULL : map_get(&service->later->blocks[is_data], name);
    if (!block)
        return type;
    size_t errors = diags->errors;
    struct loader *l = &service->later->loader;
    l->diags = diags;
    l->source = block;
    load_types(l, yaml_parse(&service->arena, block, diags), is_data, types);
    return diags->errors > errors ? NULL : map_get(types, name);
}

void later_release(struct spec_later *later)
{
    if (!later)
        return;
    map_release(&later->loader.operations);
    map_release(&later->blocks[0]);
    map_release(&later->blocks[1]);
}
