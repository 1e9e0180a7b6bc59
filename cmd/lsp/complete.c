/* Completion at the cursor, also within expressions. */
#include "base/embed.h"
#include "base/json.h"
#include "cmd/lsp/server.h"
#include "provider/kind.h"

/* ---- completion within expressions: names, steps after a dot, functions ---- */

static void name_end(struct items *items)
{
    while (items->to < items->text.n && char_is_among(items->text.p[items->to], CHARS_ALNUM "_-"))
        items->to++;
}

/* ---- steps after a dot ---- */

static void items_add(struct items *items, const struct item *item);

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

/* Completes the step after a word and a dot. */
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

/* Returns whether `each` is bound at the cursor. */
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

/* Completes at the end of the words, within an expression. */
static void complete_expression(struct items *items, const struct cursor *cursor, const struct words *words)
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

enum { ITEMS_MAX = 300 }; /* if there are more, the user has to type more */

/* ---- items ---- */

static bool has_ignoring_case(struct str text, struct str part)
{
    for (size_t i = 0; i + part.n <= text.n; i++)
        if (str_ieq(str_slice(text, i, i + part.n), part))
            return true;
    return false;
}

static void items_add(struct items *items, const struct item *item)
{
    struct buf *out = items->out;
    if (!has_ignoring_case(item->label, items->typed)) {
        items->cut = true;
        return;
    }
    buf_addz(out, out->n && out->p[out->n - 1] == '}' ? ",{\"label\":" : "{\"label\":");
    json_write_string(out, item->label);
    buf_addf(out, ",\"kind\":%d", item->kind);
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    json_write_member_if_any(
        out, "sortText", arena_printf(&scratch, "%d%.*s", item->order, STR_ARG(item->label)));
    json_write_member_if_any(out, "detail", item->detail);
    if (item->doc.n) {
        buf_addz(out, ",\"documentation\":{\"kind\":\"markdown\",\"value\":");
        json_write_string(out, item->doc);
        buf_add_char(out, '}');
    }
    if (item->type.n) {
        buf_addf(out, ",\"data\":{\"data\":%s", item->is_data ? "true" : "false");
        json_write_member_if_any(out, "type", item->type);
        buf_add_char(out, '}');
    }
    buf_addz(out, ",\"textEdit\":");
    add_edit(
        items->lsp, out, items->text, items->from, items->to, item->insert.n ? item->insert : item->label);
    buf_add_char(out, '}');
}

/* ---- keys ---- */

struct keys {
    struct items *items;
    const struct cursor *cursor;
    int parent;
    bool has_colon; /* the key exists, only its name is replaced */
};

static bool is_given(const struct keys *keys, struct str name)
{
    int found = outline_find(&keys->cursor->file->outline, keys->parent, name);
    return found != OUTLINE_NONE && !(keys->cursor->on_key && found == keys->cursor->entry);
}

static void add_key(const struct keys *keys, struct str name, bool nested, struct item item)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    if (is_given(keys, name))
        return;
    item.label = name;
    item.insert =
        keys->has_colon ? name : arena_printf(&scratch, "%.*s:%s", STR_ARG(name), nested ? "" : " ");
    items_add(keys->items, &item);
}

static bool holds_more(const struct type *type)
{
    return type->kind == TYPE_OBJECT || type->kind == TYPE_LIST || type->kind == TYPE_SET ||
           type->kind == TYPE_MAP || type->kind == TYPE_TAGS || type->kind == TYPE_POLICY;
}

static void add_attr_keys(const struct keys *keys, const struct attr *attrs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        AUTO_ARENA struct arena scratch = ARENA_INIT;
        AUTO_BUF struct buf doc = BUF_INIT;
        if (!attrs[i].settable)
            continue;
        keys->items->lsp->options->attr_page(&attrs[i], &doc);
        add_key(keys, attrs[i].name, holds_more(attrs[i].type),
            (struct item){.kind = ITEM_PROPERTY,
                .detail = type_name(&scratch, attrs[i].type),
                .doc = buf_str(&doc),
                .order = attrs[i].required ? 0 : 1});
    }
}

static bool is_nested(const struct value *language)
{
    const struct value *type = value_getz(language, "type");
    struct str name = type && type->kind == VALUE_LIST && type->count ? value_text(type->items[0], STR_EMPTY)
                                                                      : value_text(type, STR_EMPTY);
    return !value_getz(language, "enum") && !str_eqz(name, "string") && !str_eqz(name, "boolean") &&
           (name.n || value_getz(language, "properties") || value_getz(language, "additionalProperties"));
}

static void add_language_keys(const struct keys *keys, const struct value *language, int order)
{
    const struct value *properties = value_getz(language, "properties");
    for (uint32_t i = 0; properties && properties->kind == VALUE_MAP && i < properties->count; i++) {
        const struct value *property = properties->entries[i].value;
        add_key(keys, properties->entries[i].key, is_nested(property),
            (struct item){.kind = ITEM_KEYWORD, .doc = value_gets(property, "description"), .order = order});
    }
}

static void add_input_key(void *ctx, struct spot input)
{
    const struct keys *keys = ctx;
    add_key(keys, spot_name(input), false,
        (struct item){.kind = ITEM_PROPERTY,
            .detail = spot_value(input, "type"),
            .doc = spot_value(input, "description"),
            .order =
                outline_find(&input.file->outline, input.entry, STR("default")) == OUTLINE_NONE ? 0 : 1});
}

static void complete_key(struct keys *keys)
{
    struct meaning m = meaning_of(keys->items->lsp, keys->cursor, keys->parent);
    switch (m.kind) {
    case MEANS_STACK:
    case MEANS_LANGUAGE: add_language_keys(keys, m.language, 1); break;
    case MEANS_RESOURCE:
        if (m.schema)
            add_attr_keys(keys, m.schema->attrs, m.schema->attr_count);
        add_language_keys(keys, m.language, m.schema ? 2 : 0);
        break;
    case MEANS_MODULE:
        if (m.module)
            sketch_each(m.module, NAME_INPUT, add_input_key, keys);
        add_language_keys(keys, m.language, 2);
        break;
    case MEANS_VALUE:
        if (m.type->kind == TYPE_OBJECT)
            add_attr_keys(keys, m.type->fields, m.type->field_count);
        break;
    case MEANS_NAMES:
    case MEANS_INPUT:
    case MEANS_NOTHING: break;
    }
}

/* ---- values ---- */

static void add_value(struct items *items, struct str label, enum item_kind kind)
{
    items_add(items, &(struct item){.label = label, .kind = kind});
}

static void add_booleans(struct items *items)
{
    add_value(items, STR("true"), ITEM_VALUE);
    add_value(items, STR("false"), ITEM_VALUE);
}

static void add_choices(struct items *items, const struct value *choices)
{
    for (uint32_t i = 0; choices && choices->kind == VALUE_LIST && i < choices->count; i++) {
        AUTO_ARENA struct arena scratch = ARENA_INIT;
        struct str text = value_scalar_text(&scratch, choices->items[i]);
        if (text.n)
            add_value(items, text, ITEM_MEMBER);
    }
}

static void add_types(struct items *items, bool is_data)
{
    size_t n, listed, shown = 0;
    const struct str *names = catalog_known_names(items->lsp->catalog, is_data, &n);
    catalog_names(items->lsp->catalog, is_data, &listed);
    for (size_t i = 0; i < n; i++) {
        if (!has_ignoring_case(names[i], items->typed)) {
            items->cut = true;
            continue;
        }
        if (i >= listed && shown++ >= ITEMS_MAX) {
            items->cut = true;
            break;
        }
        items_add(items, &(struct item){.label = names[i],
                             .kind = ITEM_CLASS,
                             .type = names[i],
                             .is_data = is_data,
                             .order = i < listed ? 0 : 1});
    }
}

static void add_name(void *ctx, struct spot declared)
{
    items_add(ctx,
        &(struct item){
            .label = spot_name(declared), .kind = ITEM_VARIABLE, .detail = spot_value(declared, "type")});
}

static void add_kinds(struct items *items)
{
    const struct provider_kinds *kinds = catalog_kinds(items->lsp->catalog);
    for (size_t i = 0; kinds->items[i]; i++)
        add_value(items, str_z(kinds->items[i]->name), ITEM_VALUE);
}

static void add_sources(struct items *items)
{
    static const struct str prefix = STR_INIT("modules/"), suffix = STR_INIT("/weir.yaml");
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    size_t n;
    const struct embedded_file *files = embedded_under(prefix, &n);
    for (size_t i = 0; i < n; i++) {
        if (!str_ends(files[i].path, suffix))
            continue;
        struct str name = str_slice(files[i].path, prefix.n, files[i].path.n - suffix.n);
        if (str_find_char(name, '/', 0) < 0)
            add_value(items, arena_printf(&scratch, "builtin/%.*s", STR_ARG(name)), ITEM_MODULE);
    }
}

/* Completes values of the language's own keys. Returns true if there are no other values. */
static bool complete_own(
    struct items *items, const struct cursor *cursor, int entry, const struct meaning *up)
{
    const struct entry *e = &cursor->file->outline.items[entry];
    struct str key =
        e->item && e->parent != OUTLINE_NONE ? cursor->file->outline.items[e->parent].key : e->key;
    bool body = up->kind == MEANS_RESOURCE || up->kind == MEANS_MODULE || e->item;
    if (up->kind == MEANS_RESOURCE && str_eqz(key, "type")) {
        add_types(items, up->is_data);
    } else if (up->kind == MEANS_MODULE && str_eqz(key, "source")) {
        add_sources(items);
    } else if (body && str_eqz(key, "provider")) {
        sketch_each(cursor->sketch, NAME_PROVIDER, add_name, items);
        add_kinds(items);
    } else if (body && str_eqz(key, "depends_on")) {
        sketch_each(cursor->sketch, NAME_RESOURCE, add_name, items);
    } else if (str_eqz(key, "via")) {
        sketch_each(cursor->sketch, NAME_CONNECTION, add_name, items);
    } else if (str_eqz(up->section, "imports") && str_eqz(key, "address")) {
        sketch_each(cursor->sketch, NAME_RESOURCE, add_name, items);
    } else if (str_eqz(up->section, "moved") && str_eqz(key, "to")) {
        sketch_each(cursor->sketch, NAME_RESOURCE, add_name, items);
    } else {
        return false;
    }
    return true;
}

static bool is_boolean(const struct value *language)
{
    const struct value *type = value_getz(language, "type");
    return str_eqz(value_text(type, STR_EMPTY), "boolean") || value_list_has(type, STR("boolean"));
}

static void complete_value(struct items *items, const struct cursor *cursor, int entry)
{
    static const char *const input_types[] = {
        "string", "integer", "number", "boolean", "any", "list(string)", "set(string)", "map(string)", NULL};
    struct meaning up = meaning_of(items->lsp, cursor, cursor->file->outline.items[entry].parent);
    struct meaning m = meaning_of(items->lsp, cursor, entry);
    if (complete_own(items, cursor, entry, &up))
        return;
    if (m.kind == MEANS_LANGUAGE && is_boolean(m.language))
        add_booleans(items);
    else if (m.kind == MEANS_LANGUAGE && str_eqz(m.section, "inputs") &&
             str_eqz(cursor->file->outline.items[entry].key, "type"))
        for (const char *const *t = input_types; *t; t++)
            add_value(items, str_z(*t), ITEM_VALUE);
    else if (m.kind == MEANS_LANGUAGE)
        add_choices(items, value_getz(m.language, "enum"));
    else if (m.kind == MEANS_INPUT && str_eqz(spot_value(m.spot, "type"), "boolean"))
        add_booleans(items);
    else if (m.kind == MEANS_VALUE && m.type->kind == TYPE_BOOL)
        add_booleans(items);
    else if (m.kind == MEANS_VALUE && str_eqz(m.attr->name, "backend") && str_eqz(m.section, "state"))
        add_choices(items,
            value_getz(
                value_getz(value_getz(value_getz(up.language, "properties"), "backend"), "else"), "enum"));
    else if (m.kind == MEANS_VALUE)
        add_choices(items, m.attr->choices);
}

/* ---- the position of the cursor ---- */

static bool is_comment(struct str text, size_t at)
{
    size_t start = position_line_start(text, at);
    struct str before = str_trim(str_slice(text, start, at));
    return before.n && before.p[0] == '#';
}

/* Returns the entry on the cursor's line, before the cursor, with at most a scalar value. */
static int value_on_line(const struct outline *o, size_t at)
{
    size_t start = position_line_start(o->text, at);
    int found = OUTLINE_NONE;
    for (int i = 0; i < o->n && o->items[i].key_at < at; i++) {
        const struct entry *e = &o->items[i];
        bool after = e->item ? e->key_at + 1 < at : e->key_end < at && !e->bare;
        if (after && e->key_at >= start && !e->opens && (e->value_end >= at || !e->flow))
            found = i;
        else if (e->value_at <= at && at <= e->value_end && e->value_at < e->value_end && !e->opens)
            found = i;
        else if (e->key_at >= start)
            found = OUTLINE_NONE;
    }
    return found;
}

static int bracket_around(const struct outline *o, size_t at)
{
    int found = OUTLINE_NONE;
    for (int i = 0; i < o->n && o->items[i].value_at < at; i++) {
        const struct entry *e = &o->items[i];
        bool closed =
            e->opens && e->value_end > e->value_at + 1 && char_in("}]", o->text.p[e->value_end - 1]);
        if (e->opens && (at < e->value_end || (!closed && at == e->value_end)))
            found = i;
    }
    return found;
}

static void complete_scalar(struct items *items, struct cursor *cursor, int entry)
{
    const struct outline *o = &cursor->file->outline;
    const struct entry *e = &o->items[entry];
    size_t from = e->value_at < cursor->at ? e->value_at : cursor->at;
    struct words words = words_read(cursor->sketch->arena, o->text, from, cursor->at);
    cursor->entry = entry;
    if (words.open) {
        complete_expression(items, cursor, &words);
        return;
    }
    bool quoted = e->value_at < e->value_end && char_in("\"'", o->text.p[e->value_at]);
    bool closed =
        quoted && e->value_end > e->value_at + 1 && o->text.p[e->value_end - 1] == o->text.p[e->value_at];
    items->from = from + (quoted && from < cursor->at);
    items->to = e->value_end - closed > cursor->at ? e->value_end - closed : cursor->at;
    items->typed = str_slice(o->text, items->from, cursor->at);
    complete_value(items, cursor, entry);
}

static void complete_at_key(struct items *items, struct cursor *cursor, int parent)
{
    const struct outline *o = &cursor->file->outline;
    struct keys keys = {.items = items, .cursor = cursor, .parent = parent};
    items->from = items->to = cursor->at;
    if (cursor->on_key) {
        const struct entry *e = &o->items[cursor->entry];
        struct words words = words_read(cursor->sketch->arena, o->text, e->key_at, cursor->at);
        if (words.open) {
            complete_expression(items, cursor, &words);
            return;
        }
        items->from = e->key_at;
        items->to = e->key_end;
        items->typed = str_slice(o->text, e->key_at, cursor->at);
        keys.has_colon = !e->bare;
    }
    complete_key(&keys);
}

static void complete(struct items *items, struct cursor *cursor)
{
    const struct outline *o = &cursor->file->outline;
    size_t start = position_line_start(o->text, cursor->at);
    if (is_comment(o->text, cursor->at))
        return;
    if (cursor->entry != OUTLINE_NONE && cursor->on_key) {
        complete_at_key(items, cursor, o->items[cursor->entry].parent);
        return;
    }
    int value = value_on_line(o, cursor->at), around = bracket_around(o, cursor->at);
    if (value != OUTLINE_NONE && value > around) {
        complete_scalar(items, cursor, value);
        if (o->items[value].item) /* a list item may also begin a map */
            complete_at_key(items, cursor, value);
    } else if (around != OUTLINE_NONE && o->items[around].opens == '{') {
        complete_at_key(items, cursor, around);
    } else if (around != OUTLINE_NONE) {
        items->from = items->to = cursor->at;
        complete_value(items, cursor, around);
    } else if (!str_trim(str_slice(o->text, start, cursor->at)).n) {
        complete_at_key(items, cursor, outline_parent_at(o, start, (uint32_t)(cursor->at - start)));
    }
}

int lsp_complete(struct lsp *lsp, struct arena *arena, const struct value *params, struct buf *result,
    struct err *err UNUSED)
{
    struct cursor cursor;
    if (!cursor_at(lsp, arena, params, &cursor))
        return 0;
    AUTO_BUF struct buf list = BUF_INIT;
    struct items items = {.lsp = lsp, .out = &list, .text = cursor.file->outline.text, .typed = STR_EMPTY};
    complete(&items, &cursor);
    buf_addf(result, "{\"isIncomplete\":%s,\"items\":[", items.cut ? "true" : "false");
    buf_add_str(result, buf_str(&list));
    buf_addz(result, "]}");
    return 0;
}

/* Adds the page of a type to an item that the user has selected. */
int lsp_complete_resolve(struct lsp *lsp, struct arena *arena, const struct value *params, struct buf *result,
    struct err *err UNUSED)
{
    const struct value *data = value_getz(params, "data");
    struct str type = value_gets(data, "type");
    const struct schema *schema =
        type.n ? catalog_find(lsp->catalog, type, value_getb(data, "data"), ERR_IGNORED) : NULL;
    const struct value *item = params;
    if (schema) {
        AUTO_BUF struct buf page = BUF_INIT;
        lsp->options->type_page(schema, &page);
        const struct value_entry entries[] = {{STR("kind"), value_stringz(arena, "markdown")},
            {STR("value"), value_string(arena, buf_str(&page))}};
        item = value_with(arena, params, STR("documentation"), value_map(arena, entries, 2));
    }
    json_write(result, item ? item : &value_null, JSON_PLAIN);
    return 0;
}
