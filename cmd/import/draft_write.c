/* The stack that was drafted, as a file. */
#include "cmd/import/draft.h"

#include "stacks/format/format.h"

#include <stdlib.h>

/* ---- references ---- */

/* The code with every mark replaced by what it stands for. */
static struct str resolved(struct draft *d, struct str code)
{
    AUTO_BUF struct buf out = BUF_INIT;
    if (str_find_char(code, '\001', 0) < 0)
        return code;
    for (size_t i = 0; i < code.n; i++) {
        if (code.p[i] != '\001') {
            buf_add_char(&out, code.p[i]);
            continue;
        }
        char *end;
        struct draft_reference *reference = d->references[strtoul(code.p + i + 1, &end, 10)];
        if (!reference->code.n)
            reference->code = resolved(d, d->resolve(d->resolve_ctx, reference));
        buf_add_str(&out, reference->code);
        i = (size_t)(end - code.p);
    }
    return arena_str(d->arena, buf_str(&out));
}

static void draft_resolve(struct draft *d, struct said *s)
{
    if (s->code.n)
        s->code = resolved(d, s->code);
    for (size_t i = 0; i < s->n; i++)
        draft_resolve(d, s->kind == SAID_MAP ? s->entries[i].value : s->items[i]);
}

/* ---- sections ---- */

static void write_comment(struct buf *out, struct str comment, int column)
{
    while (comment.n) {
        struct str line = str_trim(str_cut(comment, '\n', &comment));
        buf_addf(out, "%*s%.*s\n", column, "", STR_ARG(line));
    }
}

static void write_resource(struct buf *out, const struct draft_resource *r)
{
    write_comment(out, r->comment, 2);
    buf_addf(out, "  %.*s:\n    type: %.*s\n", STR_ARG(r->name), STR_ARG(r->type));
    for (size_t i = 0; i < r->attrs->n; i++) {
        write_comment(out, r->attrs->entries[i].comment, 4);
        said_write(out, r->attrs->entries[i].key, r->attrs->entries[i].value, 4);
    }
    buf_add_char(out, '\n');
}

/* Each on lines of its own, however short they all are. */
static void write_lines(const struct draft *d, struct buf *out, const char *name, const struct said *section)
{
    if (!section->n)
        return;
    buf_add_char(out, '\n');
    if (section == d->imports)
        buf_addz(
            out, "# These exist already; the first apply imports them. Afterwards these lines can go.\n");
    buf_addf(out, "%s:\n", name);
    for (size_t i = 0; i < section->n; i++) {
        if (section->kind == SAID_LIST) {
            buf_addz(out, "  - ");
            said_write_flow(out, section->items[i]);
            buf_add_char(out, '\n');
            continue;
        }
        write_comment(out, section->entries[i].comment, 2);
        said_write(out, section->entries[i].key, section->entries[i].value, 2);
    }
}

static void write_all(struct draft *d, struct buf *out)
{
    AUTO_BUF struct buf resources = BUF_INIT;
    write_comment(out, d->comment, 0);
    if (!d->is_module)
        buf_addf(out, "stack: %.*s\n", STR_ARG(d->stack));
    if (d->description.n)
        said_write(out, STR("description"), said_string(d->arena, d->description, NULL), 0);
    write_lines(d, out, "providers", d->providers);
    write_lines(d, out, "inputs", d->inputs);
    write_lines(d, out, "locals", d->locals);
    write_lines(d, out, "data", d->data);
    write_lines(d, out, "modules", d->modules);
    for (size_t i = 0; i < d->n; i++)
        if (d->resources[i]->schema)
            write_resource(&resources, d->resources[i]);
    if (resources.n) {
        buf_addz(out, "\nresources:\n");
        buf_add_str(out, buf_str(&resources));
    }
    write_lines(d, out, "outputs", d->outputs);
    if (!d->is_module) /* a module's are the whole's */
        write_lines(d, out, "imports", d->imports);
}

int draft_write(struct draft *d, struct buf *out, struct err *err)
{
    AUTO_BUF struct buf text = BUF_INIT;
    struct said *sections[] = {d->providers, d->locals, d->data, d->modules, d->outputs, d->imports};
    for (size_t i = 0; i < d->n; i++)
        if (d->resources[i]->schema)
            draft_resolve(d, d->resources[i]->attrs);
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        draft_resolve(d, sections[i]);
    draft_resolve(d, d->inputs);
    write_all(d, &text);
    struct source *source = ARENA_NEW(d->arena, struct source);
    *source = (struct source){.path = STR("the stack"), .text = arena_str(d->arena, buf_str(&text))};
    return format_text(source, d->diags, out, err);
}
