/* What may stand in a place of a stack file: by the way from the top of the file to it. */
#include "cmd/lsp/server.h"

#include "provider/cloud.h"
#include "provider/kind.h"
#include "provider/ssh/connection_settings.h"

const struct schema *meaning_schema(struct lsp *lsp, struct spot declared)
{
    struct str type = spot_value(declared, "type");
    return type.n ? catalog_find(lsp->catalog, type, str_eqz(declared.section, "data"), ERR_IGNORED) : NULL;
}

static const struct value *language_step(const struct value *language, struct str key)
{
    const struct value *found = value_get(value_getz(language, "properties"), key);
    if (!found)
        found = value_getz(language, key.n ? "additionalProperties" : "items");
    return found && found->kind == VALUE_MAP ? found : NULL;
}

static struct meaning of_language(const struct value *language)
{
    return (struct meaning){.kind = language ? MEANS_LANGUAGE : MEANS_NOTHING, .language = language};
}

static struct meaning of_attr(const struct attr *attr, const struct meaning *within)
{
    if (!attr)
        return (struct meaning){0};
    return (struct meaning){.kind = MEANS_VALUE,
        .attr = attr,
        .type = attr->type,
        .section = within->section,
        .spot = within->spot};
}

/* What `state:` can be told depends on its backend. */
static struct meaning of_state(const struct cursor *cursor, int entry, const struct value *language)
{
    const struct attr *kinds = plan_cloud.states;
    struct spot state = {cursor->file, entry, STR("state")};
    struct str backend = spot_value(state, "backend");
    struct meaning within = {.section = state.section, .spot = state};
    for (size_t i = 0; i < plan_cloud.state_count; i++)
        if (str_eq(kinds[i].name, backend.n ? backend : STR("file"))) {
            struct meaning m = of_attr(&kinds[i], &within);
            m.language = language;
            return m;
        }
    return of_language(language);
}

static struct meaning of_section(struct lsp *lsp, const struct cursor *cursor, int entry)
{
    const struct entry *e = &cursor->file->outline.items[entry];
    const struct value *language = language_step(lsp->options->language, e->key);
    enum name_kind kind;
    struct meaning m = of_language(language);
    if (str_eqz(e->key, "state"))
        m = of_state(cursor, entry, language);
    else if (language && name_kind_of(e->key, &kind))
        m.kind = MEANS_NAMES;
    m.section = e->key;
    return m;
}

static struct meaning of_provider(struct lsp *lsp, const struct meaning *within, struct str name)
{
    struct str rest, type = spot_value(within->spot, "type");
    const struct provider_kind *kind =
        kind_find(catalog_kinds(lsp->catalog), type.n ? type : str_cut(name, '.', &rest));
    return of_attr(kind ? kind->settings : NULL, within);
}

/* A name in a section. */
static struct meaning of_name(
    struct lsp *lsp, const struct cursor *cursor, const struct meaning *up, int entry)
{
    struct spot declared = {cursor->file, entry, up->section};
    struct meaning m = {.section = up->section, .spot = declared};
    if (str_eqz(up->section, "resources") || str_eqz(up->section, "data")) {
        m.kind = MEANS_RESOURCE;
        m.is_data = str_eqz(up->section, "data");
        m.schema = meaning_schema(lsp, declared);
        m.language = value_getz(lsp->options->language, "body");
    } else if (str_eqz(up->section, "modules")) {
        m.kind = MEANS_MODULE;
        m.language = language_step(up->language, spot_name(declared));
        m.module = sketch_called(cursor->sketch, declared);
    } else if (str_eqz(up->section, "providers")) {
        m = of_provider(lsp, &m, spot_name(declared));
    } else if (str_eqz(up->section, "connections")) {
        m = of_attr(&connection_settings, &m);
    } else {
        m.language = language_step(up->language, spot_name(declared));
        m.kind = m.language ? MEANS_LANGUAGE : MEANS_NOTHING;
    }
    return m;
}

static struct meaning of_argument(const struct meaning *up, struct str key)
{
    struct meaning m = of_language(value_get(value_getz(up->language, "properties"), key));
    if (m.language || !up->module)
        return m;
    struct spot input = sketch_find(up->module, NAME_INPUT, key);
    if (input.file)
        m = (struct meaning){.kind = MEANS_INPUT, .spot = input, .module = up->module};
    return m;
}

/* Within a value: a field, or what a list or map holds. */
static struct meaning of_part(const struct meaning *up, const struct entry *e)
{
    struct meaning m = *up;
    m.language = NULL;
    switch (up->type->kind) {
    case TYPE_OBJECT: return of_attr(e->item ? NULL : type_field(up->type, e->key), up);
    case TYPE_LIST:
    case TYPE_SET: m.type = e->item ? up->type->elem : NULL; break;
    case TYPE_MAP: m.type = e->item ? NULL : up->type->elem; break;
    default: m.type = NULL;
    }
    return m.type ? m : (struct meaning){0};
}

/* `checks: {NAME: {data: …}}` has names like the section of that name. */
static bool is_data_of_check(const struct cursor *cursor, const struct meaning *up, int entry)
{
    int depth;
    outline_section(&cursor->file->outline, entry, &depth);
    return depth == 2 && str_eqz(up->section, "checks") && outline_is(&cursor->file->outline, entry, "data");
}

static struct meaning meaning_below(
    struct lsp *lsp, const struct cursor *cursor, const struct meaning *up, int entry)
{
    const struct entry *e = &cursor->file->outline.items[entry];
    struct meaning m = {0};
    switch (up->kind) {
    case MEANS_STACK: return of_section(lsp, cursor, entry);
    case MEANS_NAMES: return of_name(lsp, cursor, up, entry);
    case MEANS_RESOURCE:
        m = of_language(value_get(value_getz(up->language, "properties"), e->key));
        if (!m.language && up->schema)
            m = of_attr(schema_attr(up->schema, e->key), up);
        break;
    case MEANS_MODULE: return of_argument(up, e->key);
    case MEANS_LANGUAGE:
        if (is_data_of_check(cursor, up, entry))
            return (struct meaning){.kind = MEANS_NAMES, .section = STR("data")};
        m = of_language(language_step(up->language, e->key));
        break;
    case MEANS_VALUE: m = of_part(up, e); break;
    case MEANS_INPUT:
    case MEANS_NOTHING: break;
    }
    m.section = up->section;
    m.is_data = up->is_data;
    m.spot = up->spot;
    return m;
}

struct meaning meaning_of(struct lsp *lsp, const struct cursor *cursor, int entry)
{
    if (entry == OUTLINE_NONE)
        return (struct meaning){.kind = MEANS_STACK, .language = lsp->options->language};
    struct meaning up = meaning_of(lsp, cursor, cursor->file->outline.items[entry].parent);
    return meaning_below(lsp, cursor, &up, entry);
}

/* ---- what references lead to ---- */

/* Without what [ ] picks. */
static const struct type *picked(const struct type *type, bool indexed)
{
    bool holds = type && (type->kind == TYPE_LIST || type->kind == TYPE_SET || type->kind == TYPE_MAP);
    return indexed && holds ? type->elem : type;
}

const struct type *meaning_step(
    const struct schema *schema, const struct words *words, int word, const struct attr **attr)
{
    const struct word *w = &words->items[word];
    *attr = NULL;
    if (w->kind != WORD_STEP || w->before == WORD_NONE || !schema)
        return NULL;
    if (words->items[w->before].kind == WORD_NAME) {
        *attr = schema_attr(schema, w->text);
    } else {
        const struct attr *before;
        const struct type *type = picked(meaning_step(schema, words, w->before, &before), w->indexed);
        *attr = type && type->kind == TYPE_OBJECT ? type_field(type, w->text) : NULL;
    }
    return *attr ? (*attr)->type : NULL;
}
