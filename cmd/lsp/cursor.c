/* What an editor points at, and what is meant by it. */
#include "cmd/lsp/server.h"

#include "base/file.h"

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
    cursor->at = position_offset_of(o->text, lsp->documents.unit, value_getz(params, "position"));
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
    if (!target_aim(target, sketch, NAME_THING, w))
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

/* ---- what is meant ---- */

/* `source: ./net`, an included file, file("a.sql"). */
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

/* On the key of a declaration, or of what a module is given. */
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
