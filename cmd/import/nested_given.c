/* What a module is given, and what it is in the stack that has it: see nested.h. */
#include "cmd/import/nested.h"

/* A list that was made one text, because CloudFormation passes nothing else, is a list again. */
static struct said *as_list(struct template *t, struct said *s)
{
    struct str text = said_literal_text(t->arena, s), joined = STR("join(\",\", ");
    struct said *list = said_new(t->arena, SAID_LIST, s->node);
    if (s->kind == SAID_LIST)
        return s;
    if (s->kind == SAID_CODE && str_starts(s->code, joined) && str_ends(s->code, STR(")")))
        return said_code(t->arena, s->node, "%.*s", (int)(s->code.n - joined.n - 1), s->code.p + joined.n);
    if (s->kind != SAID_TEXT && !text.p)
        return said_code(t->arena, s->node, "split(\",\", %s)", said_as_code(t->arena, s).p);
    struct said *item = said_new(t->arena, SAID_TEXT, s->node);
    for (size_t i = 0; i < (text.p ? 1 : s->n); i++) {
        struct str piece = text.p ? text : said_literal_text(t->arena, s->items[i]);
        if (!piece.p)
            said_append(t->arena, item, s->items[i]);
        while (piece.p) {
            struct str one = str_cut(piece, ',', &piece);
            said_append(t->arena, item, said_string(t->arena, str_trim(one), s->node));
            if (!piece.p)
                break;
            said_add(t->arena, list, said_simple(t->arena, item));
            item = said_new(t->arena, SAID_TEXT, s->node);
        }
    }
    said_add(t->arena, list, said_simple(t->arena, item));
    return list;
}

static struct said *argument_of(
    struct template *t, const struct thing *thing, const struct parameter *p, struct str name, struct said *s)
{
    struct str text = said_literal_text(t->arena, s);
    int64_t number;
    if (text.n && (p->secret || draft_is_secret(name, text)))
        return draft_hide(t->draft, s,
            arena_printf(t->arena, "%.*s_%.*s", STR_ARG(thing->resource->name), STR_ARG(p->input)));
    if (p->is_list)
        return as_list(t, s);
    if (p->is_number && text.p && str_to_int(text, &number))
        return said_value(t->arena, value_int(t->arena, number), s->node);
    return text.p && !p->is_number ? said_string(t->arena, text, s->node) : s;
}

void nested_give_parameters(struct template *t, const struct thing *thing, struct nested *nested)
{
    const struct said *all = said_get(thing->properties, "Parameters");
    for (size_t i = 0; all && all->kind == SAID_MAP && i < all->n; i++) {
        const struct said_entry *e = &all->entries[i];
        const struct parameter *p = map_get(&nested->inputs, e->key);
        if (p) {
            said_set(t->arena, nested->given, p->input, argument_of(t, thing, p, e->key, e->value));
            continue;
        }
        struct str *names = ARENA_ARRAY(t->arena, struct str, nested->inputs.n + 1);
        for (size_t k = 0; k < nested->inputs.n; k++)
            names[k] = nested->inputs.items[k].key;
        struct diag *d =
            diag_error(t->diags, e->value->node ? node_span(e->value->node) : node_span(thing->node),
                "the template of %.*s has no parameter \"%.*s\"", STR_ARG(thing->logical), STR_ARG(e->key));
        diag_did_you_mean(t->diags, d, e->key, names, nested->inputs.n);
    }
}

void nested_give_rest(struct template *t, const struct thing *thing, struct nested *nested)
{
    const struct said *inputs = nested->draft.inputs;
    for (size_t i = 0; i < inputs->n; i++) {
        struct str name = inputs->entries[i].key;
        const struct said *input = inputs->entries[i].value;
        struct said *words = said_get(input, "description");
        if (said_get(nested->given, arena_strz(t->arena, name)) || said_get(input, "default"))
            continue;
        if (str_eqz(name, TEMPLATE_STACK_NAME)) {
            struct said *own = said_new(t->arena, SAID_TEXT, NULL);
            struct str dashed = draft_stack_name(t->arena, thing->resource->name);
            said_append(t->arena, own, said_code(t->arena, NULL, "%s", template_stack_name(t).p));
            said_append(
                t->arena, own, said_string(t->arena, arena_printf(t->arena, "-%.*s", STR_ARG(dashed)), NULL));
            said_set(t->arena, nested->given, name, own);
            continue;
        }
        struct str code = draft_ask(t->draft, name,
            arena_strz(t->arena, said_literal_text(t->arena, said_get(input, "type"))),
            words ? said_literal_text(t->arena, words) : STR_EMPTY, said_get(input, "sensitive") != NULL);
        said_set(t->arena, nested->given, name, said_code(t->arena, NULL, "%s", code.p));
    }
}

void nested_tell_unsaid(struct template *t, const struct thing *thing)
{
    static const char *const properties[] = {"NotificationARNs", "TimeoutInMinutes", "Tags"};
    for (size_t i = 0; i < 3; i++) {
        const struct said *s = said_get(thing->properties, properties[i]);
        if (s)
            diag_warning(t->diags, node_span(s->node ? s->node : thing->node),
                "`%s` of a stack within a stack cannot be said, and is left out", properties[i]);
    }
}

/* ---- in the stack that has it ---- */

/* What is adopted within is adopted out here, where its inputs are what they are given. */
static struct said *id_out_here(struct template *t, const struct nested *nested, struct said *id)
{
    struct str code = id->code, input = STR("inputs."), here = STR("here.");
    struct said *out = said_new(t->arena, SAID_TEXT, id->node);
    if (id->kind == SAID_LITERAL)
        return id;
    if (id->kind == SAID_CODE && str_starts(code, input))
        return said_get(nested->given, arena_strz(t->arena, str_slice(code, input.n, code.n)));
    if (id->kind == SAID_CODE && str_starts(code, here))
        return said_code(t->arena, NULL, "%s.%.*s",
            draft_data(t->draft, STR("here"), "aws.sts.caller_identity", NULL).p, (int)(code.n - here.n),
            code.p + here.n);
    for (size_t i = 0; id->kind == SAID_TEXT && i < id->n; i++) {
        struct said *piece = id_out_here(t, nested, id->items[i]);
        if (!piece)
            return NULL;
        said_append(t->arena, out, piece);
    }
    return id->kind == SAID_TEXT ? said_simple(t->arena, out) : NULL;
}

static void adopt_within(struct template *t, const struct thing *thing)
{
    const struct said *all = thing->nested->draft.imports;
    for (size_t i = 0; i < all->n; i++) {
        struct said *id = id_out_here(t, thing->nested, said_get(all->items[i], "id"));
        struct str address = arena_printf(t->arena, "%.*s/%.*s", STR_ARG(thing->resource->name),
            STR_ARG(said_literal_text(t->arena, said_get(all->items[i], "address"))));
        if (id)
            draft_import(t->draft, address, id);
        else
            diag_warning(t->diags, node_span(thing->node),
                "%.*s cannot be adopted by the id that it has: `weir state import %.*s ID` can",
                STR_ARG(address), STR_ARG(address));
    }
}

static void add_rows(struct template *t, const struct thing *thing)
{
    struct draft *d = t->draft;
    const struct draft *within = &thing->nested->draft;
    draft_row(d, arena_printf(t->arena, "%.*s (%.*s)", STR_ARG(thing->logical), STR_ARG(thing->type)),
        arena_printf(t->arena, "%.*s (module)", STR_ARG(thing->resource->name)), thing->resource->note);
    for (size_t i = 0; i < within->rows->n; i++) {
        struct str cells[3];
        for (size_t k = 0; k < 3; k++)
            cells[k] = said_literal_text(t->arena, within->rows->items[i]->items[k]);
        draft_row(d, arena_printf(t->arena, "%.*s/%.*s", STR_ARG(thing->logical), STR_ARG(cells[0])),
            str_eqz(cells[1], "-")
                ? cells[1]
                : arena_printf(t->arena, "%.*s/%.*s", STR_ARG(thing->resource->name), STR_ARG(cells[1])),
            cells[2]);
    }
    d->ours += within->ours;
    d->theirs += within->theirs;
    d->left_out += within->left_out;
}

void template_add_module(struct template *t, struct thing *thing)
{
    struct nested *nested = thing->nested;
    struct said *module = said_new(t->arena, SAID_MAP, thing->node);
    const struct said *before = thing->resource->attrs, *after = said_get(before, "\001after");
    said_set(t->arena, module, STR("source"),
        said_string(t->arena, arena_printf(t->arena, "./%.*s", STR_ARG(nested->folder)), NULL));
    for (size_t i = 0; i < before->n; i++)
        if (before->entries[i].key.p[0] != '\001')
            said_set(t->arena, module, before->entries[i].key, before->entries[i].value);
    for (size_t i = 0; i < nested->given->n; i++)
        said_set(t->arena, module, nested->given->entries[i].key, nested->given->entries[i].value);
    if (said_get(after, "depends_on"))
        said_set(t->arena, module, STR("depends_on"), said_get(after, "depends_on"));
    said_set(t->arena, t->draft->modules, thing->resource->name, module);
    t->draft->modules->entries[t->draft->modules->n - 1].comment = thing->resource->comment;
    adopt_within(t, thing);
    add_rows(t, thing);
}

struct str template_module_output(struct template *t, const struct thing *thing, struct str attr)
{
    struct str outputs = STR("Outputs.");
    if (!str_starts(attr, outputs))
        return STR_EMPTY;
    const struct said *name =
        said_get(thing->nested->outputs, arena_strz(t->arena, str_slice(attr, outputs.n, attr.n)));
    return name ? name->value->string : STR_EMPTY;
}
