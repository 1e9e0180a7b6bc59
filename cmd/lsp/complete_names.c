/* Completion within expressions: names, what follows a dot, functions. */
#include "cmd/lsp/server.h"

#include "stacks/expr.h"

static void name_end(struct items *items)
{
    while (items->to < items->text.n && char_is_among(items->text.p[items->to], CHARS_ALNUM "_-"))
        items->to++;
}

/* ---- what follows a dot ---- */

static void add_words(struct items *items, const char *const *words)
{
    for (; *words; words++)
        items_add(items, &(struct item){.label = str_z(*words), .kind = ITEM_PROPERTY});
}

static void add_attrs(struct items *items, const struct attr *attrs, size_t n)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    AUTO_BUF struct buf doc = BUF_INIT;
    for (size_t i = 0; i < n; i++) {
        buf_clear(&doc);
        items->lsp->options->attr_page(&attrs[i], &doc);
        items_add(items, &(struct item){.label = attrs[i].name,
                             .kind = ITEM_FIELD,
                             .detail = type_name(&scratch, attrs[i].type),
                             .doc = buf_str(&doc)});
    }
}

struct adding {
    struct items *items;
    const struct cursor *cursor;
};

static void add_declared(void *ctx, struct spot declared)
{
    struct adding *adding = ctx;
    const struct outline *o = &declared.file->outline;
    struct item item = {.label = spot_name(declared), .kind = ITEM_VARIABLE};
    struct str type = spot_value(declared, "type"), plain = outline_value(o, declared.entry);
    item.detail = type.n                                 ? type
                  : str_eqz(declared.section, "modules") ? spot_value(declared, "source")
                                                         : plain;
    if (str_find_char(item.detail, '\n', 0) >= 0)
        item.detail = STR_EMPTY;
    item.doc = spot_value(declared, "description");
    if (str_eqz(declared.section, "modules"))
        item.kind = ITEM_MODULE;
    items_add(adding->items, &item);
}

static void add_all(struct items *items, struct sketch *sketch, enum name_kind kind)
{
    struct adding adding = {.items = items};
    if (sketch)
        sketch_each(sketch, kind, add_declared, &adding);
}

/* What stands after a word and a dot. */
static void complete_step(
    struct items *items, const struct cursor *cursor, const struct words *words, int before, bool indexed)
{
    static const char *const each[] = {"key", "value", NULL},
                             *const stack[] = {"name", "description", "env", NULL},
                             *const path[] = {"root", NULL};
    const struct word *word = &words->items[before];
    struct target target;
    if (word->kind == WORD_NAME && str_eqz(word->text, "inputs"))
        add_all(items, cursor->sketch, NAME_INPUT);
    else if (word->kind == WORD_NAME && str_eqz(word->text, "locals"))
        add_all(items, cursor->sketch, NAME_LOCAL);
    else if (word->kind == WORD_NAME && str_eqz(word->text, "each"))
        add_words(items, each);
    else if (word->kind == WORD_NAME && str_eqz(word->text, "stack"))
        add_words(items, stack);
    else if (word->kind == WORD_NAME && str_eqz(word->text, "path"))
        add_words(items, path);
    else if (word_target(cursor->sketch, words, words_first(words, before), &target) &&
             target.kind == NAME_RESOURCE) {
        const struct attr *attr;
        const struct schema *schema = meaning_schema(items->lsp, target.spot);
        if (str_eqz(target.spot.section, "modules") && word->kind == WORD_NAME) {
            add_all(items, sketch_called(cursor->sketch, target.spot), NAME_OUTPUT);
        } else if (word->kind == WORD_NAME) {
            add_attrs(items, schema ? schema->attrs : NULL, schema ? schema->attr_count : 0);
        } else {
            const struct type *type = meaning_step(schema, words, before, &attr);
            type = type && indexed && type->elem ? type->elem : type;
            if (type && type->kind == TYPE_OBJECT)
                add_attrs(items, type->fields, type->field_count);
        }
    }
}

/* ---- names ---- */

static void add_functions(struct items *items)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    size_t n;
    const struct function_doc *docs = function_docs(&n);
    bool called = items->to < items->text.n && items->text.p[items->to] == '(';
    for (size_t i = 0; i < n; i++)
        items_add(items,
            &(struct item){.label = docs[i].name,
                .insert = called ? docs[i].name : arena_printf(&scratch, "%.*s(", STR_ARG(docs[i].name)),
                .kind = ITEM_FUNCTION,
                .detail = docs[i].signature,
                .doc = docs[i].doc,
                .order = 3});
}

/* Is there an `each` where the cursor is? */
static bool has_each(const struct cursor *cursor)
{
    const struct outline *o = &cursor->file->outline;
    int entry = cursor->entry, depth = 0;
    for (; entry != OUTLINE_NONE; entry = o->items[entry].parent) {
        int section = outline_section(o, entry, &depth);
        if (depth == 1)
            return outline_find(o, entry, STR("for_each")) != OUTLINE_NONE ||
                   str_eqz(o->items[section].key, "fleet");
    }
    return false;
}

static void complete_name(struct items *items, const struct cursor *cursor, const struct words *words)
{
    static const struct {
        const char *name, *doc;
    } spaces[] = {{"inputs", "Values given from outside"}, {"locals", "Named expressions"},
        {"stack", "name, description and env of the stack"}, {"path", "root: the folder of the stack"},
        {"each", "key and value of the instance"}};
    for (int i = 0; i < words->n; i++)
        if (words->items[i].kind == WORD_VARIABLE && words->items[i].end < items->from)
            items_add(items, &(struct item){.label = words->items[i].text, .kind = ITEM_VARIABLE});
    add_all(items, cursor->sketch, NAME_RESOURCE);
    for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++)
        if (!str_eqz(str_z(spaces[i].name), "each") || has_each(cursor))
            items_add(items, &(struct item){.label = str_z(spaces[i].name),
                                 .kind = ITEM_KEYWORD,
                                 .doc = str_z(spaces[i].doc),
                                 .order = 2});
    add_functions(items);
}

void complete_expression(struct items *items, const struct cursor *cursor, const struct words *words)
{
    const struct word *last = words->n ? &words->items[words->n - 1] : NULL;
    bool within = last && last->end == cursor->at && last->kind != WORD_TEXT;
    items->from = items->to = cursor->at;
    if (words->open_text)
        return;
    if (within)
        items->from = last->at;
    items->typed = str_slice(items->text, items->from, cursor->at);
    name_end(items);
    if (words->open_at != WORD_NONE)
        complete_step(items, cursor, words, words->open_at, words->open_indexed);
    else if (within && last->kind == WORD_STEP && last->before != WORD_NONE)
        complete_step(items, cursor, words, last->before, last->indexed);
    else
        complete_name(items, cursor, words);
}
