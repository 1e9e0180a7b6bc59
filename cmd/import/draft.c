/* The sections of a draft stack, and its names. */
#include "cmd/import/draft.h"

#include "base/hash.h"
#include "provider/http/redact.h"
#include "stacks/stack.h"

#include <ctype.h>

enum {
    NAME_LENGTH = 100,  /* maximum length of a name */
    SUFFIX_LENGTH = 24, /* of the suffix that makes a name unique */
    HASH_LENGTH = 8,    /* of the hash that makes a shortened name unique */
};

void draft_init(struct draft *d, struct arena *arena, struct catalog *catalog, struct diags *diags)
{
    *d = (struct draft){.arena = arena, .catalog = catalog, .diags = diags};
    d->stack = d->description = d->comment = d->beside = d->from = d->folder = STR_EMPTY;
    struct tree **sections[] = {
        &d->providers, &d->inputs, &d->locals, &d->data, &d->outputs, &d->modules, &d->files, &d->copies};
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        *sections[i] = tree_new(arena, TREE_MAP, NULL);
    d->imports = tree_new(arena, TREE_LIST, NULL);
    d->rows = tree_new(arena, TREE_LIST, NULL);
}

void draft_release(struct draft *d)
{
    for (struct draft *within = d->within; within; within = within->next)
        draft_release(within);
    map_release(&d->taken);
    map_release(&d->taken_inputs);
    map_release(&d->hidden);
    map_release(&d->asked);
    map_release(&d->taken_locals);
}

/* ---- names ---- */

static bool begins_word(struct str s, size_t i)
{
    unsigned char c = (unsigned char)s.p[i], before = i ? (unsigned char)s.p[i - 1] : 0,
                  next = i + 1 < s.n ? (unsigned char)s.p[i + 1] : 0;
    return i && isupper(c) && (islower(before) || isdigit(before) || (isupper(before) && islower(next)));
}

/* Returns the name, shortened to a prefix and a hash if it is too long. */
static struct str shortened(struct arena *arena, struct str name, size_t most)
{
    struct str hash = sha256_hex(arena, name);
    int kept = (int)most - HASH_LENGTH - 1;
    return name.n <= most ? name : arena_printf(arena, "%.*s_%.*s", kept, name.p, HASH_LENGTH, hash.p);
}

struct str draft_snake(struct arena *arena, struct str name)
{
    AUTO_BUF struct buf out = BUF_INIT;
    for (size_t i = 0; i < name.n; i++) {
        unsigned char c = (unsigned char)name.p[i];
        bool last_is_word = out.n && out.p[out.n - 1] != '_';
        if (begins_word(name, i) && last_is_word)
            buf_add_char(&out, '_');
        if (isalnum(c))
            buf_add_char(&out, (char)tolower(c));
        else if (last_is_word)
            buf_add_char(&out, '_');
    }
    while (out.n && out.p[out.n - 1] == '_')
        out.n--;
    bool bare = !out.n || isdigit((unsigned char)out.p[0]);
    struct str snake = arena_printf(arena, "%s%.*s", bare ? "r_" : "", (int)out.n, out.n ? out.p : "");
    return shortened(arena, snake, NAME_LENGTH);
}

struct str draft_stack_name(struct arena *arena, struct str name)
{
    char *text = arena_strz(arena, draft_snake(arena, name));
    for (char *p = text; *p; p++)
        *p = *p == '_' ? '-' : *p;
    return str_slice(str_z(text), 0, strlen(text) < 63 ? strlen(text) : 63);
}

static struct str unused(struct draft *d, struct map *taken, struct str wanted, struct str kind)
{
    bool shared = taken == &d->taken; /* excludes the words that begin expressions */
    struct str base = draft_snake(d->arena, wanted), name = base;
    if (map_get(taken, name))
        base = shortened(d->arena, base, NAME_LENGTH - SUFFIX_LENGTH);
    if (((shared && stack_is_reserved(name)) || map_get(taken, name)) && kind.n)
        name = base = arena_printf(d->arena, "%.*s_%.*s", STR_ARG(base), STR_ARG(kind));
    for (int i = 2; (shared && stack_is_reserved(name)) || map_get(taken, name); i++)
        name = arena_printf(d->arena, "%.*s_%d", STR_ARG(base), i);
    map_set(taken, name, d);
    return name;
}

struct str draft_name(struct draft *d, struct str wanted, struct str kind)
{
    return unused(d, &d->taken, wanted, draft_snake(d->arena, kind));
}

struct str draft_input_name(struct draft *d, struct str wanted)
{
    return unused(d, &d->taken_inputs, wanted, STR_EMPTY);
}

struct str draft_local_name(struct draft *d, struct str wanted)
{
    return unused(d, &d->taken_locals, wanted, STR_EMPTY);
}

/* ---- sections ---- */

struct draft_resource *draft_resource(struct draft *d)
{
    ARENA_GROW(d->arena, d->resources, d->n, d->cap);
    struct draft_resource *r = ARENA_NEW(d->arena, struct draft_resource);
    r->name = r->origin = r->was = r->type = r->note = r->comment = STR_EMPTY;
    d->resources[d->n++] = r;
    return r;
}

void draft_artifact(struct draft *d, struct str name, struct str source, const char *package,
    struct tree *store, struct tree *code)
{
    struct draft_resource *made = draft_resource(d);
    made->name = draft_name(d, name, STR("code"));
    made->type = STR("weir.artifact");
    made->schema = catalog_find(d->catalog, made->type, false, ERR_IGNORED);
    made->attrs = tree_new(d->arena, TREE_MAP, NULL);
    tree_set(d->arena, made->attrs, STR("source"), tree_string(d->arena, source, NULL));
    if (package)
        tree_set(d->arena, made->attrs, STR("package"), tree_string(d->arena, str_z(package), NULL));
    tree_set(d->arena, made->attrs, STR("store"), store);
    tree_set(d->arena, code, STR("s3_bucket"), tree_code(d->arena, NULL, "%.*s.bucket", STR_ARG(made->name)));
    tree_set(d->arena, code, STR("s3_key"), tree_code(d->arena, NULL, "%.*s.key", STR_ARG(made->name)));
}

struct str draft_reference(
    struct draft *d, void *owner, void *target, struct str attr, struct str key, const struct node *node)
{
    ARENA_GROW(d->arena, d->references, d->reference_count, d->reference_cap);
    struct draft_reference *r = ARENA_MAKE(d->arena, struct draft_reference, .owner = owner, .target = target,
        .attr = attr, .key = key, .node = node, .code = STR_EMPTY);
    d->references[d->reference_count] = r;
    return arena_printf(d->arena, "\001%zu\002", d->reference_count++);
}

struct draft_reference *draft_reference_of(const struct draft *d, const struct tree *s)
{
    int64_t index;
    bool marked = s && s->kind == TREE_CODE && s->code.n > 2 && s->code.p[0] == '\001' &&
                  s->code.p[s->code.n - 1] == '\002';
    if (!marked || !str_to_int(str_slice(s->code, 1, s->code.n - 1), &index) ||
        (size_t)index >= d->reference_count)
        return NULL;
    return d->references[index];
}

struct str draft_ask(
    struct draft *d, struct str name, const char *type, struct str description, bool sensitive)
{
    name = draft_snake(d->arena, name);
    if (!tree_get(d->inputs, name.p)) {
        struct tree *input = tree_new(d->arena, TREE_MAP, NULL);
        map_set(&d->taken_inputs, name, d);
        tree_set(d->arena, input, STR("type"), tree_string(d->arena, str_z(type), NULL));
        if (sensitive)
            tree_set(d->arena, input, STR("sensitive"), tree_value(d->arena, &value_true, NULL));
        if (description.n)
            tree_set(d->arena, input, STR("description"), tree_string(d->arena, description, NULL));
        tree_set(d->arena, d->inputs, name, input);
    }
    return arena_printf(d->arena, "inputs.%.*s", STR_ARG(name));
}

struct str draft_asks(struct draft *d, struct str name, struct str meaning)
{
    struct str base = draft_snake(d->arena, name);
    name = base;
    for (int i = 2;; i++) {
        const struct str *other = map_get(&d->asked, name);
        if (other && str_eq(*other, meaning))
            return name;
        if (!other && !map_get(&d->taken_inputs, name))
            break;
        name = arena_printf(d->arena, "%.*s_%d", STR_ARG(base), i);
    }
    struct str *own = arena_boxed(d->arena, meaning);
    map_set(&d->asked, name, own);
    return name;
}

struct str draft_replace_marks(struct draft *d, struct str code, draft_mark *replace, void *ctx)
{
    AUTO_BUF struct buf out = BUF_INIT;
    size_t done = 0;
    for (ptrdiff_t at; (at = str_find_char(code, '\001', done)) >= 0;) {
        int64_t index;
        ptrdiff_t close = str_find_char(code, '\002', (size_t)at);
        if (close < 0 || !str_to_int(str_slice(code, (size_t)at + 1, (size_t)close), &index))
            break; /* a control character of a literal */
        size_t end = (size_t)close;
        buf_add_str(&out, str_slice(code, done, (size_t)at));
        buf_add_str(&out, replace(ctx, d->references[index], str_slice(code, (size_t)at, end + 1)));
        done = end + 1;
    }
    buf_add_str(&out, str_slice(code, done, code.n));
    return done ? arena_str(d->arena, buf_str(&out)) : code;
}

void draft_replace_in_tree(struct draft *d, struct tree *s, draft_mark *replace, void *ctx)
{
    if (s->code.n)
        s->code = draft_replace_marks(d, s->code, replace, ctx);
    for (size_t i = 0; i < s->n; i++) {
        if (s->kind == TREE_MAP && tree_key_is_code(s->entries[i].key))
            s->entries[i].key = draft_replace_marks(d, s->entries[i].key, replace, ctx);
        draft_replace_in_tree(d, s->kind == TREE_MAP ? s->entries[i].value : s->items[i], replace, ctx);
    }
}

/* Equal references have equal texts. */
static struct str mark_meaning(void *ctx, struct draft_reference *r, struct str mark UNUSED)
{
    const struct draft *d = ctx;
    return arena_printf(d->arena, "%p.%.*s[%.*s]", r->target, STR_ARG(r->attr), STR_ARG(r->key));
}

struct str draft_data(struct draft *d, struct str name, const char *type, struct tree *attrs)
{
    AUTO_BUF struct buf says = BUF_INIT;
    for (size_t i = 0; attrs && i < attrs->n; i++)
        buf_addf(&says, "%.*s: %s, ", STR_ARG(attrs->entries[i].key),
            tree_as_code(d->arena, attrs->entries[i].value).p);
    struct str key = arena_printf(d->arena, "data %.*s %s %.*s", STR_ARG(name), type,
        STR_ARG(draft_replace_marks(d, buf_str(&says), mark_meaning, d)));
    struct str *known = map_get(&d->taken, key);
    if (known)
        return *known;
    known = arena_boxed(d->arena, draft_name(d, name, STR("data")));
    map_set(&d->taken, key, known);
    struct tree *data = tree_new(d->arena, TREE_MAP, NULL);
    tree_set(d->arena, data, STR("type"), tree_string(d->arena, str_z(type), NULL));
    for (size_t i = 0; attrs && i < attrs->n; i++)
        tree_set(d->arena, data, attrs->entries[i].key, attrs->entries[i].value);
    tree_set(d->arena, d->data, *known, data);
    return *known;
}

/* Returns the offset of the word from `start`, or the text's length; letters and digits beside it belong to
 * another word. */
static size_t find_word(struct str text, struct str word, size_t start)
{
    ptrdiff_t at = word.n ? str_find(text, word, start) : -1;
    for (; at >= 0; at = str_find(text, word, (size_t)at + 1)) {
        size_t end = (size_t)at + word.n;
        if ((!at || !isalnum((unsigned char)text.p[at - 1])) &&
            (end == text.n || !isalnum((unsigned char)text.p[end])))
            return (size_t)at;
    }
    return text.n;
}

static struct tree *text_of_caller(struct draft *d, struct str text, struct str account, struct str region)
{
    struct tree *out = tree_new(d->arena, TREE_TEXT, NULL);
    for (size_t done = 0, at; done < text.n; done = at) {
        size_t id = find_word(text, account, done), place = find_word(text, region, done);
        at = id < place ? id : place;
        tree_append(d->arena, out, tree_string(d->arena, str_slice(text, done, at), NULL));
        if (at == text.n)
            break;
        tree_append(d->arena, out,
            tree_code(d->arena, NULL, "%s.%s", draft_data(d, STR("here"), "aws.sts.caller_identity", NULL).p,
                id < place ? "account" : "region"));
        at += id < place ? account.n : region.n;
    }
    return tree_simple(d->arena, out);
}

struct tree *draft_of_caller(struct draft *d, struct tree *s, struct str account, struct str region)
{
    struct str text = s->kind == TREE_LITERAL && !s->sensitive ? value_text(s->value, STR_EMPTY) : STR_EMPTY;
    if (find_word(text, account, 0) < text.n)
        return text_of_caller(d, text, account, region);
    struct tree *joined = s->kind == TREE_TEXT ? tree_new(d->arena, TREE_TEXT, s->node) : NULL;
    for (size_t i = 0; i < s->n; i++) {
        struct tree **child = s->kind == TREE_MAP ? &s->entries[i].value : &s->items[i];
        *child = draft_of_caller(d, *child, account, region);
        if (joined)
            tree_append(d->arena, joined, *child);
    }
    return joined ? joined : s;
}

void draft_import(struct draft *d, struct str address, struct tree *id)
{
    struct tree *import = tree_new(d->arena, TREE_MAP, NULL);
    tree_set(d->arena, import, STR("address"), tree_string(d->arena, address, NULL));
    tree_set(d->arena, import, STR("id"), id);
    tree_add(d->arena, d->imports, import);
}

void draft_output(struct draft *d, struct str name, struct tree *value, struct str description)
{
    struct tree *output = tree_new(d->arena, TREE_MAP, NULL);
    tree_set(d->arena, output, STR("value"), value);
    if (description.n)
        tree_set(d->arena, output, STR("description"), tree_string(d->arena, description, NULL));
    tree_set(d->arena, d->outputs, name, description.n || value->kind == TREE_MAP ? output : value);
}

void draft_file(struct draft *d, struct str path, struct str text)
{
    tree_set(d->arena, d->files, path, tree_string(d->arena, text, NULL));
}

void draft_copy(struct draft *d, struct str path, struct str from)
{
    tree_set(d->arena, d->copies, path, tree_string(d->arena, from, NULL));
}

void draft_row(struct draft *d, struct str origin, struct str became, struct str note)
{
    struct tree *row = tree_new(d->arena, TREE_LIST, NULL);
    const struct str cells[] = {origin, became, note};
    for (size_t i = 0; i < 3; i++)
        tree_add(d->arena, row, tree_string(d->arena, cells[i], NULL));
    tree_add(d->arena, d->rows, row);
}

bool draft_reaches(unsigned walk, struct draft_needs *from, const struct draft_needs *to)
{
    if (from == to)
        return true;
    if (from->walk == walk)
        return false;
    from->walk = walk;
    for (size_t i = 0; i < from->all.n; i++)
        if (draft_reaches(walk, from->all.items[i].ptr, to))
            return true;
    return false;
}

/* ---- secrets ---- */

/* API_KEY is a variable's name, S3Key a property's. */
static bool has_small(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (islower((unsigned char)s.p[i]))
            return true;
    return false;
}

/* Names with these endings refer to a secret or describe how it is generated. */
static bool leads_to_secret(struct str key)
{
    static const char *const ends[] = {"Arn", "_arn", "Id", "_id", "Name", "_name", "Template", "_template",
        "Expression", "_expression", "Source", "_source", "SourceType", "_source_type"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (str_ends(key, str_z(ends[i])))
            return true;
    return false;
}

bool draft_is_secret(struct str key, struct str text)
{
    bool key_of_others = has_small(key) && (str_ends(key, STR("Key")) || str_ends(key, STR("key")));
    bool named = redact_is_secret_name(key) || (!key_of_others && redact_is_secret_variable(key));
    bool path = str_starts(text, STR("/")) || str_starts(text, STR("./")) || str_starts(text, STR("arn:")) ||
                str_ends(text, STR("/"));
    bool dynamic = str_find(text, STR("{{resolve:"), 0) >= 0;
    bool common = str_is_any(text, "true false 'true' 'false' seconds minutes hours days"); /* no secrets */
    bool other = path || common || leads_to_secret(key);
    return text.n && !dynamic && ((named && !other) || redact_has_password(text));
}

struct tree *draft_hide(struct draft *d, struct tree *s, struct str name)
{
    const char *type = s->kind == TREE_LIST || s->kind == TREE_MAP ? "any" : "string";
    struct str where = arena_printf(d->arena, "%p", (const void *)s->node),
               *known = map_get(&d->hidden, where);
    if (s->node && known) /* the same secret again */
        return tree_code(d->arena, s->node, "%s", draft_ask(d, *known, type, STR_EMPTY, true).p);
    name = draft_asks(d, name, tree_as_code(d->arena, s));
    if (s->node) {
        known = arena_boxed(d->arena, name);
        map_set(&d->hidden, where, known);
        source_hide(d->arena, node_span(s->node));
        diag_warning(d->diags, node_span(s->node),
            "it holds a secret, which is not written: the input `%.*s` asks for it", STR_ARG(name));
    }
    return tree_code(d->arena, s->node, "%s", draft_ask(d, name, type, STR_EMPTY, true).p);
}
