/* The declaration at the cursor, and the schema of values at the cursor. */
#include "base/file.h"
#include "cmd/lsp/server.h"
#include "provider/cloud.h"
#include "provider/kind.h"
#include "provider/ssh/connection_settings.h"

bool cursor_in(struct lsp *lsp, struct arena *arena, const struct value *params, struct cursor *cursor)
{
    struct str uri = value_gets(value_getz(params, "textDocument"), "uri");
    const struct document *document = documents_find(&lsp->documents, uri);
    *cursor = (struct cursor){.entry = OUTLINE_NONE, .word = WORD_NONE, .words = {.open_at = WORD_NONE}};
    if (!document || !document->path.n)
        return false;
    cursor->sketch = sketch_of(&lsp->documents, arena, document->path);
    cursor->file = cursor->sketch ? sketch_file(cursor->sketch, document->path) : NULL;
    return cursor->file != NULL;
}

static int entry_at(const struct outline *o, size_t at, bool *on_key)
{
    int found = OUTLINE_NONE;
    for (int i = 0; i < o->n && o->items[i].key_at <= at; i++) {
        const struct entry *e = &o->items[i];
        bool key = !e->item && at <= e->key_end;
        if (!key && !(e->value_at <= at && at <= e->value_end && e->value_at < e->value_end))
            continue;
        found = i;
        *on_key = key;
    }
    return found;
}

bool cursor_at(struct lsp *lsp, struct arena *arena, const struct value *params, struct cursor *cursor)
{
    if (!cursor_in(lsp, arena, params, cursor))
        return false;
    const struct outline *o = &cursor->file->outline;
    cursor->at = position_offset_of(o->text, lsp->documents.positions.unit, value_getz(params, "position"));
    cursor->entry = entry_at(o, cursor->at, &cursor->on_key);
    if (cursor->entry == OUTLINE_NONE)
        return true;
    const struct entry *e = &o->items[cursor->entry];
    if (!cursor->on_key && e->opens)
        return true;
    cursor->words = words_read(
        arena, o->text, cursor->on_key ? e->key_at : e->value_at, cursor->on_key ? e->key_end : e->value_end);
    cursor->word = words_at(&cursor->words, cursor->at);
    return true;
}

/* ---- names in expressions ---- */

static bool word_step(const struct words *words, int word, struct str *step, int *at)
{
    for (int i = word + 1; i < words->n; i++)
        if (words->items[i].kind == WORD_STEP && words->items[i].before == word) {
            *step = words->items[i].text;
            *at = i;
            return true;
        }
    return false;
}

bool target_aim(struct target *target, struct sketch *sketch, enum name_kind kind, const struct word *word)
{
    target->kind = kind;
    target->sketch = sketch;
    target->from = word->at;
    target->to = word->end;
    target->spot = sketch_find(sketch, kind, word->text);
    return target->spot.file != NULL;
}

bool word_target(struct sketch *sketch, const struct words *words, int word, struct target *target)
{
    *target = (struct target){.path = STR_EMPTY, .attribute = STR_EMPTY};
    int first = words_first(words, word), step;
    struct str name;
    const struct word *w = &words->items[first];
    if (w->kind != WORD_NAME)
        return false;
    bool inputs = str_eqz(w->text, "inputs");
    if (inputs || str_eqz(w->text, "locals"))
        return word_step(words, first, &name, &step) && word >= step &&
               target_aim(target, sketch, inputs ? NAME_INPUT : NAME_LOCAL, &words->items[step]);
    if (!target_aim(target, sketch, NAME_RESOURCE, w))
        return false;
    if (word == first || !word_step(words, first, &name, &step))
        return true;
    if (!str_eqz(target->spot.section, "modules")) {
        target->attribute = words->items[word].text;
        return true;
    }
    struct sketch *inner = sketch_called(sketch, target->spot);
    return inner && target_aim(target, inner, NAME_OUTPUT, &words->items[step]);
}

/* ---- targets ---- */

/* Finds a file: `source: ./net`, an included file, file("a.sql"). */
static bool path_target(const struct cursor *cursor, struct target *target)
{
    const struct outline *o = &cursor->file->outline;
    const struct entry *e = &o->items[cursor->entry];
    struct sketch *sketch = cursor->sketch;
    int depth, section = outline_section(o, cursor->entry, &depth);
    struct str text = outline_value(o, cursor->entry);
    if (cursor->word != WORD_NONE) {
        const struct word *w = &cursor->words.items[cursor->word];
        bool of_file = w->kind == WORD_TEXT && w->before != WORD_NONE;
        struct str function = of_file ? cursor->words.items[w->before].text : STR_EMPTY;
        if (str_starts(function, STR("file")) || str_eqz(function, "templatefile"))
            target->path = sketch_path(sketch, w->text);
    } else if (e->item && depth == 1 && outline_is(o, section, "include")) {
        target->path = sketch_path(sketch, text);
    } else if (depth == 2 && outline_is(o, cursor->entry, "source") && outline_is(o, section, "modules") &&
               !str_starts(text, STR("builtin/"))) {
        target->path = sketch_own_file(sketch->documents, sketch->arena, sketch_path(sketch, text));
    }
    if (!target->path.n || !path_exists(target->path.p) || path_is_dir(target->path.p))
        target->path = STR_EMPTY;
    return target->path.n > 0;
}

/* Finds the declaration of a key, which is a declaration's name or a module's input. */
static bool key_target(const struct cursor *cursor, struct target *target)
{
    const struct outline *o = &cursor->file->outline;
    const struct entry *e = &o->items[cursor->entry];
    int depth, section = outline_section(o, cursor->entry, &depth);
    struct word word = {.text = e->key, .at = e->key_at, .end = e->key_end};
    enum name_kind kind;
    if (depth == 1 && name_kind_of(o->items[section].key, &kind))
        return target_aim(target, cursor->sketch, kind, &word);
    return address_target(cursor, target);
}

bool cursor_target(const struct cursor *cursor, struct target *target)
{
    *target = (struct target){.path = STR_EMPTY, .attribute = STR_EMPTY};
    if (cursor->entry == OUTLINE_NONE)
        return false;
    if (cursor->word != WORD_NONE && cursor->words.items[cursor->word].kind != WORD_TEXT)
        return word_target(cursor->sketch, &cursor->words, cursor->word, target);
    if (cursor->on_key)
        return key_target(cursor, target);
    return path_target(cursor, target) || address_target(cursor, target);
}

/* ---- the meaning of a position in a stack file, by its path from the top of the file ---- */

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

/* The attributes of `state:` depend on its backend. */
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

/* The meaning of a named entry in a section. */
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

/* The meaning of an entry within a value: a field, or an item of a list or map. */
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

/* `checks: {NAME: {data: …}}` has names like the section `data`. */
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

/* ---- types of references ---- */

/* Returns the type after an index [ ]. */
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
