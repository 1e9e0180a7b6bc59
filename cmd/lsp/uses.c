/* Finds declarations and uses of names: see server.h. */
#include "cmd/lsp/server.h"
#include "stacks/load/files.h"

/* ---- definition ---- */

/* Returns the attribute's key if it is configured, otherwise the resource's key. */
static const struct entry *best_entry(const struct target *target)
{
    const struct outline *o = &target->spot.file->outline;
    int found = target->attribute.n ? outline_find(o, target->spot.entry, target->attribute) : OUTLINE_NONE;
    return &o->items[found == OUTLINE_NONE ? target->spot.entry : found];
}

/* `each` refers to the enclosing for_each. */
static bool find_each(const struct cursor *cursor, size_t *from, size_t *to)
{
    const struct outline *o = &cursor->file->outline;
    if (cursor->word == WORD_NONE)
        return false;
    const struct word *first = &cursor->words.items[words_first(&cursor->words, cursor->word)];
    if (first->kind != WORD_NAME || !str_eqz(first->text, "each"))
        return false;
    for (int e = cursor->entry; e != OUTLINE_NONE; e = o->items[e].parent) {
        int each = outline_find(o, e, STR("for_each"));
        if (each == OUTLINE_NONE)
            continue;
        *from = o->items[each].key_at;
        *to = o->items[each].key_end;
        return true;
    }
    return false;
}

int lsp_definition(struct lsp *lsp, struct arena *arena, const struct value *params, struct buf *result,
    struct err *err UNUSED)
{
    struct cursor cursor;
    struct target target;
    size_t from, to;
    if (!cursor_at(lsp, arena, params, &cursor))
        return 0;
    if (find_each(&cursor, &from, &to)) {
        add_location(lsp, arena, result, cursor.file, from, to);
    } else if (cursor_target(&cursor, &target) && target.path.n) {
        struct file file = {.path = target.path, .outline = {.text = STR_EMPTY}};
        add_location(lsp, arena, result, &file, 0, 0);
    } else if (target.spot.file && !target.sketch->builtin) {
        const struct entry *e = best_entry(&target);
        add_location(lsp, arena, result, target.spot.file, e->key_at, e->key_end);
    }
    return 0;
}

/* ---- references ---- */

struct listing {
    struct lsp *lsp;
    struct arena *arena;
    struct buf *out;
    struct spot wanted;
};

static void list_place(struct listing *listing, const struct file *file, size_t from, size_t to)
{
    if (listing->out->n > 1)
        buf_add_char(listing->out, ',');
    add_location(listing->lsp, listing->arena, listing->out, file, from, to);
}

static void list_use(void *ctx, const struct file *file, struct target target)
{
    struct listing *listing = ctx;
    bool same = target.spot.file && str_eq(target.spot.file->path, listing->wanted.file->path) &&
                target.spot.entry == listing->wanted.entry;
    if (same)
        list_place(listing, file, target.from, target.to);
}

int lsp_references(struct lsp *lsp, struct arena *arena, const struct value *params, struct buf *result,
    struct err *err UNUSED)
{
    struct cursor cursor;
    struct target target;
    if (!cursor_at(lsp, arena, params, &cursor) || !cursor_target(&cursor, &target) || !target.spot.file)
        return 0;
    struct listing listing = {.lsp = lsp, .arena = arena, .out = result, .wanted = target.spot};
    const struct entry *e = &target.spot.file->outline.items[target.spot.entry];
    buf_add_char(result, '[');
    if (value_getb(value_getz(params, "context"), "includeDeclaration") && !target.sketch->builtin)
        list_place(&listing, target.spot.file, e->key_at, e->key_end);
    uses_everywhere(target.sketch, list_use, &listing);
    buf_add_char(result, ']');
    return 0;
}

/* ---- names and addresses as strings ---- */

/* Keys whose values or list items are an address or name. */
static const struct {
    const char *key, *section; /* section NULL: any section with names */
    enum name_kind kind;
} places[] = {
    {"depends_on", NULL, NAME_RESOURCE},
    {"provider", NULL, NAME_PROVIDER},
    {"via", NULL, NAME_CONNECTION},
    {"to", "moved", NAME_RESOURCE},
    {"address", "imports", NAME_RESOURCE},
};

/* Returns whether the entry is at places[i]. */
static bool is_place(const struct outline *o, int entry, size_t i)
{
    int depth, section = outline_section(o, entry, &depth);
    int keyed = o->items[entry].item ? o->items[entry].parent : entry;
    if (keyed != OUTLINE_NONE)
        outline_section(o, keyed, &depth);
    return outline_is(o, keyed, places[i].key) && depth == 2 &&
           (!places[i].section || outline_is(o, section, places[i].section));
}

/* Reports each part of `net["a"]/lake["b"]`. */
static void address_parts(
    struct sketch *sketch, const struct file *file, struct str address, use_found *found, void *ctx)
{
    size_t at = 0;
    while (sketch && at < address.n) {
        size_t end = at;
        while (end < address.n && !char_in("[/", address.p[end]))
            end++;
        struct target target = {.path = STR_EMPTY, .attribute = STR_EMPTY};
        size_t from = (size_t)(address.p + at - file->outline.text.p);
        struct word word = {.text = str_slice(address, at, end), .at = from, .end = from + end - at};
        if (end == at || !target_aim(&target, sketch, NAME_RESOURCE, &word))
            return;
        found(ctx, file, target);
        ptrdiff_t close = end < address.n && address.p[end] == '[' ? str_find_char(address, ']', end) : -1;
        at = close >= 0 ? (size_t)close + 1 : end;
        if (at >= address.n || address.p[at] != '/')
            return;
        at++;
        sketch = str_eqz(target.spot.section, "modules") ? sketch_called(sketch, target.spot) : NULL;
    }
}

static void text_uses(struct sketch *sketch, const struct file *file, int entry, use_found *found, void *ctx)
{
    struct str text = outline_value(&file->outline, entry);
    struct target target = {.path = STR_EMPTY, .attribute = STR_EMPTY};
    for (size_t i = 0; text.n && i < sizeof places / sizeof *places; i++) {
        if (!is_place(&file->outline, entry, i))
            continue;
        size_t from = (size_t)(text.p - file->outline.text.p);
        struct word word = {.text = text, .at = from, .end = from + text.n};
        if (places[i].kind == NAME_RESOURCE)
            address_parts(sketch, file, text, found, ctx);
        else if (target_aim(&target, sketch, places[i].kind, &word))
            found(ctx, file, target);
    }
}

/* ---- keys ---- */

/* Reports keys that name inputs or addresses: `environments: {dev: {owner: …}}`, `fleet: {inputs: {owner:
 * …}}`, inputs of modules, `usage:`. */
static void key_uses(struct sketch *sketch, const struct file *file, int entry, use_found *found, void *ctx)
{
    const struct outline *o = &file->outline;
    const struct entry *e = &o->items[entry];
    int depth, section = outline_section(o, entry, &depth);
    struct word word = {.text = e->key, .at = e->key_at, .end = e->key_end};
    struct target target = {.path = STR_EMPTY, .attribute = STR_EMPTY};
    bool given = depth == 2 && (outline_is(o, section, "environments") ||
                                   (outline_is(o, section, "fleet") && outline_is(o, e->parent, "inputs")));
    struct sketch *of = given ? sketch : NULL;
    if (depth == 2 && outline_is(o, section, "modules"))
        of = sketch_called(sketch, (struct spot){file, e->parent, STR("modules")});
    if (depth == 1 && outline_is(o, section, "usage"))
        address_parts(sketch, file, str_slice(o->text, e->key_at, e->key_end), found, ctx);
    else if (of && target_aim(&target, of, NAME_INPUT, &word))
        found(ctx, file, target);
}

/* ---- expressions ---- */

static void all_words(
    struct sketch *sketch, const struct file *file, struct words words, use_found *found, void *ctx)
{
    for (int i = 0; i < words.n; i++) {
        struct target target;
        bool counts = words.items[i].kind == WORD_NAME || words.items[i].kind == WORD_STEP;
        if (counts && word_target(sketch, &words, i, &target) && target.from == words.items[i].at)
            found(ctx, file, target);
    }
}

static void word_uses(
    struct sketch *sketch, const struct file *file, size_t from, size_t to, use_found *found, void *ctx)
{
    if (str_find(str_slice(file->outline.text, from, to), STR("${"), 0) < 0)
        return;
    all_words(sketch, file, words_read(sketch->arena, file->outline.text, from, to), found, ctx);
}

/* ---- tests ---- */

/* Reports uses in the stack's tests: addresses in plans, names of inputs and outputs, jobs, checks. */
static void test_entry_uses(
    struct sketch *sketch, const struct file *file, int entry, use_found *found, void *ctx)
{
    const struct outline *o = &file->outline;
    const struct entry *e = &o->items[entry];
    struct word word = {.text = e->key, .at = e->key_at, .end = e->key_end};
    struct target target = {.path = STR_EMPTY, .attribute = STR_EMPTY};
    bool planned = outline_is(o, e->parent, "resources") && outline_is(o, o->items[e->parent].parent, "plan");
    bool input = outline_is(o, e->parent, "inputs"), output = outline_is(o, e->parent, "outputs");
    if (e->item && outline_is(o, e->parent, "checks"))
        all_words(
            sketch, file, words_read_bare(sketch->arena, o->text, e->value_at, e->value_end), found, ctx);
    else if (planned)
        address_parts(sketch, file, e->key, found, ctx);
    else if (outline_is(o, entry, "job"))
        address_parts(sketch, file, outline_value(o, entry), found, ctx);
    else if ((input || output) && target_aim(&target, sketch, input ? NAME_INPUT : NAME_OUTPUT, &word))
        found(ctx, file, target);
}

struct testing {
    struct sketch *sketch;
    use_found *found;
    void *ctx;
};

static void uses_in_test(void *ctx, struct str path)
{
    const struct testing *testing = ctx;
    struct sketch *sketch = testing->sketch;
    struct str text;
    if (!documents_read(sketch->documents, sketch->arena, path, &text))
        return;
    struct file *file = ARENA_MAKE(
        sketch->arena, struct file, arena_str(sketch->arena, path), outline_read(sketch->arena, text));
    for (int i = 0; i < file->outline.n; i++)
        test_entry_uses(sketch, file, i, testing->found, testing->ctx);
}

/* ---- all uses ---- */

static void uses_in_file(struct sketch *sketch, const struct file *file, use_found *found, void *ctx)
{
    const struct outline *o = &file->outline;
    for (int i = 0; i < o->n; i++) {
        const struct entry *e = &o->items[i];
        if (!e->item) {
            word_uses(sketch, file, e->key_at, e->key_end, found, ctx);
            key_uses(sketch, file, i, found, ctx);
        }
        if (e->opens || e->value_end == e->value_at)
            continue;
        word_uses(sketch, file, e->value_at, e->value_end, found, ctx);
        text_uses(sketch, file, i, found, ctx);
    }
}

/* Calls `found` for each use of a name in the module's files (see uses_everywhere()). */
static void uses_each(struct sketch *sketch, use_found *found, void *ctx)
{
    for (size_t i = 0; i < sketch->count; i++)
        uses_in_file(sketch, &sketch->files[i], found, ctx);
}

struct everywhere {
    use_found *found;
    void *ctx;
    struct str own; /* path of the module that was visited first */
};

static void uses_in_module(void *ctx, struct sketch *sketch)
{
    struct everywhere *everywhere = ctx;
    struct testing testing = {sketch, everywhere->found, everywhere->ctx};
    if (!str_eq(sketch->files[0].path, everywhere->own))
        uses_each(sketch, everywhere->found, everywhere->ctx);
    if (!sketch->foreign)
        stack_test_files(sketch->arena, arena_strz(sketch->arena, sketch->dir), uses_in_test, &testing);
}

void uses_everywhere(struct sketch *sketch, use_found *found, void *ctx)
{
    bool alone;
    struct everywhere everywhere = {found, ctx, sketch->files[0].path};
    struct str stack = sketch_stack(sketch, &alone);
    uses_each(sketch, found, ctx);
    struct sketch *root = sketch_read(sketch->documents, sketch->arena, stack);
    if (root)
        sketch_walk(root, uses_in_module, &everywhere);
}

struct pointing {
    const struct cursor *cursor;
    struct target *target;
    bool found;
};

static void point(void *ctx, const struct file *file UNUSED, struct target target)
{
    struct pointing *pointing = ctx;
    if (pointing->found || pointing->cursor->at < target.from || pointing->cursor->at > target.to)
        return;
    *pointing->target = target;
    pointing->found = true;
}

bool address_target(const struct cursor *cursor, struct target *target)
{
    struct pointing pointing = {cursor, target, false};
    if (cursor->on_key)
        key_uses(cursor->sketch, cursor->file, cursor->entry, point, &pointing);
    else
        text_uses(cursor->sketch, cursor->file, cursor->entry, point, &pointing);
    return pointing.found;
}
