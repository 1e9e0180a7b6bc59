/* The ids for importing the resources of a live stack, and names like those that CloudFormation generates. */
#include "base/hash.h"
#include "cmd/import/mapping.h"
#include "cmd/import/template.h"
#include "provider/cfn/cfn.h"
#include "provider/spec/spec.h"

#include <ctype.h>

/* ---- Names that CloudFormation generates from the stack's name and the logical id. Candidates are tried
 * against the attribute's length and pattern; the most readable valid one is used, shortened if necessary
 * ---- */

enum {
    PART_LEAST = 12, /* minimum length of a readable part */
    HASHED = 8,
    LONGEST = 255,
};

/* Separators between the words of a name. */
static const char *const styles[] = {"-", "_", ""};

struct made_up {
    struct template *t;
    const struct attr *attr;
    const struct template_resource *declared;
    const char *between;
    struct str stack, name; /* both parts with this separator */
    struct str code;        /* code of the first part */
    struct str *keys;       /* for several instances: each key with its separator */
    size_t key_count, longest;
    struct str key_code, end;
};

/* Returns "etl_role" with other separators, or as EtlRole. */
static struct str words_of(struct arena *arena, struct str text, const char *between, bool capitals)
{
    AUTO_BUF struct buf out = BUF_INIT;
    for (size_t i = 0; i < text.n; i++) {
        bool first = !i || text.p[i - 1] == '_';
        if (text.p[i] == '_' || text.p[i] == '-')
            buf_addz(&out, between);
        else
            buf_add_char(&out, first && capitals ? (char)toupper((unsigned char)text.p[i]) : text.p[i]);
    }
    return arena_str(arena, buf_str(&out));
}

/* ---- keys ---- */

/* How each.key is used in a name. */
enum key_form { KEY_AS_IS, KEY_PLAIN, KEY_LOWER, KEY_FORMS };

static struct str key_in(struct arena *arena, struct str key, enum key_form form)
{
    AUTO_BUF struct buf out = BUF_INIT;
    for (size_t i = 0; i < key.n; i++) {
        unsigned char c = (unsigned char)key.p[i];
        if (form == KEY_AS_IS || isalnum(c))
            buf_add_char(&out, form == KEY_LOWER ? (char)tolower(c) : (char)c);
    }
    return arena_str(arena, buf_str(&out));
}

/* Sets the known keys with their separators; a single "" without for_each. */
static void set_keys(struct made_up *m, enum key_form form)
{
    static const char *const code[] = {"each.key", "regexreplace(each.key, \"[^A-Za-z0-9]\", \"\")",
        "lower(regexreplace(each.key, \"[^A-Za-z0-9]\", \"\"))"};
    struct arena *arena = m->t->arena;
    const struct tree *list = m->declared->collection;
    size_t n = list && list->kind == TREE_LIST ? list->n : 0;
    m->keys = ARENA_ARRAY(arena, struct str, n + 1);
    m->key_code = list ? str_z(code[form]) : STR_EMPTY;
    m->longest = m->key_count = 0;
    for (size_t i = 0; i < n || !i; i++) {
        struct str key = n      ? tree_literal_text(arena, list->items[i])
                         : list ? STR("SomeKeyOfAnyWord")
                                : STR_EMPTY;
        m->keys[i] =
            key.n ? arena_printf(arena, "%s%.*s", m->between, STR_ARG(key_in(arena, key, form))) : key;
        m->longest = m->keys[i].n > m->longest ? m->keys[i].n : m->longest;
        m->key_count++;
    }
}

/* ---- a candidate ---- */

/* The lengths of both parts, and whether a hash is appended since something is cut. */
struct cut {
    size_t stack, name;
    bool hash;
};

/* Returns the hash of the complete name. */
static struct str hash_of(const struct made_up *m)
{
    struct str whole = arena_printf(m->t->arena, "%.*s-%.*s", STR_ARG(m->stack), STR_ARG(m->name));
    return str_slice(sha256_hex(m->t->arena, whole), 0, HASHED);
}

/* Returns the resulting name. */
static struct str cut_text(const struct made_up *m, const struct cut *cut, struct str key)
{
    return arena_printf(m->t->arena, "%.*s%s%.*s%s%.*s%.*s%.*s", (int)cut->stack, m->stack.p, m->between,
        (int)cut->name, m->name.p, cut->hash ? m->between : "", cut->hash ? HASHED : 0, hash_of(m).p,
        STR_ARG(key), STR_ARG(m->end));
}

/* Shortens the name to a maximum length. Returns false if the parts would be too short. */
static bool cut_to(const struct made_up *m, size_t most, struct cut *cut)
{
    size_t between = strlen(m->between), rest = between + m->longest + m->end.n;
    *cut = (struct cut){m->stack.n, m->name.n, false};
    if (m->stack.n + m->name.n + rest <= most)
        return true;
    rest += between + HASHED;
    if (rest + 2 * PART_LEAST > most)
        return false;
    size_t room = most - rest, own = m->name.n < room / 2 ? m->name.n : room / 2;
    bool whole = m->stack.n + (own < PART_LEAST ? own : PART_LEAST) <= room;
    cut->hash = true;
    cut->stack = whole ? m->stack.n : room - own;
    cut->name = room - cut->stack < m->name.n ? room - cut->stack : m->name.n;
    while (cut->name && m->name.p[cut->name - 1] == *m->between)
        cut->name--;
    return true;
}

/* Returns whether the name violates a constraint of the type. */
static bool breaks_constraint(const struct made_up *m, const struct value *text)
{
    const struct value *object = value_with(m->t->arena, NULL, m->attr->name, text);
    struct constraint_break found = {0};
    while (schema_constraint_broken(m->t->arena, m->declared->names->schema, object, CHECKED_BY_WEIR, &found))
        if (str_eq(found.attribute, m->attr->name))
            return true;
    return false;
}

/* Returns whether the attribute accepts the name with each key. */
static bool is_taken(const struct made_up *m, const struct cut *cut)
{
    bool taken = true;
    for (size_t i = 0; taken && i < m->key_count; i++) {
        const struct value *converted, *text = value_string(m->t->arena, cut_text(m, cut, m->keys[i]));
        struct schema_issue issue = {0};
        taken = schema_convert(m->t->arena, m->attr, text, &converted, &issue) == 0 &&
                !breaks_constraint(m, text);
    }
    return taken;
}

/* Returns ${stack.name}-etl-role, ${stack.name}-etl-role-of-the-ni-0f9d3c1a, or a form with a part of the
 * stack's name. */
static struct tree *as_configured(const struct made_up *m, const struct cut *cut)
{
    struct arena *arena = m->t->arena;
    struct tree *out = tree_new(arena, TREE_TEXT, NULL);
    bool whole = cut->stack == m->stack.n;
    tree_append(arena, out,
        whole ? tree_code(arena, NULL, "%.*s", STR_ARG(m->code))
              : tree_code(arena, NULL, "substr(%.*s, 0, %zu)", STR_ARG(m->code), cut->stack));
    tree_append(arena, out,
        tree_string(arena,
            arena_printf(arena, "%s%.*s%s%.*s", m->between, (int)cut->name, m->name.p,
                cut->hash ? m->between : "", cut->hash && whole ? HASHED : 0, hash_of(m).p),
            NULL));
    if (cut->hash && !whole) /* the hash keeps shortened names different for any stack name */
        tree_append(arena, out,
            tree_code(arena, NULL, "substr(sha256(\"${%.*s}-%.*s\"), 0, %d)", STR_ARG(m->code),
                STR_ARG(m->name), HASHED));
    if (m->key_code.n) {
        tree_append(arena, out, tree_string(arena, str_z(m->between), NULL));
        tree_append(arena, out, tree_code(arena, NULL, "%.*s", STR_ARG(m->key_code)));
    }
    tree_append(arena, out, tree_string(arena, m->end, NULL));
    return out;
}

static void set_style(struct made_up *m, const char *between)
{
    struct arena *arena = m->t->arena;
    struct str name = template_stack_name(m->t);
    m->between = between;
    m->stack = words_of(arena, m->t->draft->stack, between, false);
    m->name = words_of(arena, m->declared->resource->name, between, !*between);
    m->code =
        *between == '-' ? name : arena_printf(arena, "replace(%.*s, \"-\", \"%s\")", STR_ARG(name), between);
}

/* Returns the longest valid name with this separator, or NULL. */
static struct tree *in_style(struct made_up *m, const char *between)
{
    struct cut cut;
    set_style(m, between);
    for (enum key_form form = KEY_AS_IS; form < (m->declared->collection ? KEY_FORMS : KEY_PLAIN); form++) {
        set_keys(m, form);
        for (size_t most = LONGEST; cut_to(m, most, &cut); most--)
            if (is_taken(m, &cut))
                return as_configured(m, &cut);
    }
    return NULL;
}

/* ---- selecting the name ---- */

/* Returns the live name of a resource whose id is not its name: as reported, or the end of its ARN or URL. */
static struct str name_there(struct template *t, const struct template_resource *declared)
{
    const struct schema *schema = declared->names->schema;
    const struct value *live = NULL;
    struct err err = ERR_INIT;
    struct lookup lookup = t->live->lookup;
    bool same = str_eq(names_output(declared->names, t->arena, STR("Ref")), schema->id);
    if (same && lookup.provider && lookup_read(&lookup, schema, declared->physical, &live, NULL, &err) == 0 &&
        value_gets(live, "name").n)
        return value_gets(live, "name");
    struct str ref = names_output(declared->names, t->arena, STR("Ref"));
    if (!same && ref.n && lookup.provider &&
        lookup_find(&lookup, schema, ref, declared->physical, &live, &err) == 0 && value_gets(live, "name").n)
        return value_gets(live, "name");
    struct str id = declared->physical;
    if (!str_starts(id, STR("arn:")) && !str_starts(id, STR("https://")) && !str_starts(id, STR("http://")))
        return STR_EMPTY;
    return str_last_part(id, ":/");
}

static struct tree *made_up(struct template *t, const struct template_resource *declared,
    const struct tree *attrs, const struct attr *attr)
{
    const struct tree *fifo = tree_get(attrs, "fifo");
    bool is_fifo =
        fifo && fifo->kind == TREE_LITERAL && fifo->value->kind == VALUE_BOOL && fifo->value->boolean;
    struct made_up m = {
        .t = t, .attr = attr, .declared = declared, .end = is_fifo ? STR(".fifo") : STR_EMPTY};
    if (declared->physical.n && str_eq(names_output(declared->names, t->arena, STR("Ref")), attr->name))
        return tree_string(t->arena, declared->physical, NULL);
    struct str live = declared->physical.n ? name_there(t, declared) : STR_EMPTY;
    if (live.n)
        return tree_string(t->arena, live, NULL);
    for (size_t i = 0; i < sizeof styles / sizeof *styles; i++) {
        struct tree *name = in_style(&m, styles[i]);
        if (name)
            return name;
    }
    set_style(&m, styles[0]);
    set_keys(&m, KEY_AS_IS); /* later checks report that it is invalid */
    return as_configured(&m, &(struct cut){m.stack.n, m.name.n, false});
}

/* Returns the attribute that CloudFormation generates: usually `name`, otherwise what Ref returns. NULL:
 * none. */
static const struct attr *name_wanted(struct template *t, const struct mapping *mapping)
{
    const struct attr *name = schema_attr(mapping->type->schema, STR("name"));
    name =
        name ? name : schema_attr(mapping->type->schema, names_output(mapping->type, t->arena, STR("Ref")));
    return name && name->required ? name : NULL;
}

/* Returns the choice with null replaced by the name. */
static struct tree *with_name(struct arena *arena, struct tree *s, struct tree *name)
{
    if (!s || s->kind == TREE_NOTHING)
        return name;
    for (size_t i = 0; s->kind == TREE_CHOICE && i < 2; i++)
        s->items[i] = with_name(arena, s->items[i], name);
    return s;
}

void template_give_name(struct template *t, const struct template_resource *declared, struct mapping *mapping)
{
    const struct attr *name = name_wanted(t, mapping);
    struct tree *given = name ? tree_get(mapping->attrs, arena_strz(t->arena, name->name)) : NULL;
    if (!name || (given && !tree_may_be_nothing(given)))
        return;
    struct tree *attrs = tree_new(t->arena, TREE_MAP, mapping->attrs->node);
    tree_set(
        t->arena, attrs, name->name, with_name(t->arena, given, made_up(t, declared, mapping->attrs, name)));
    for (size_t i = 0; i < mapping->attrs->n; i++) {
        if (mapping->attrs->entries[i].value == given)
            continue;
        tree_set(t->arena, attrs, mapping->attrs->entries[i].key, mapping->attrs->entries[i].value);
        attrs->entries[attrs->n - 1].comment = mapping->attrs->entries[i].comment;
    }
    mapping->attrs = attrs;
    declared->resource->note = declared->physical.n
                                   ? declared->resource->note
                                   : STR("CloudFormation made up a name; here it has one of its own");
}

/* Returns "bus/", or "" if the value is the default. */
static struct tree *as_folder(
    struct arena *arena, const struct schema *schema, struct str name, struct tree *value)
{
    const struct attr *attr = schema_attr(schema, name);
    struct tree *out = tree_new(arena, TREE_TEXT, NULL);
    if (!value || (attr && tree_is_text(value, value_text(attr->default_value, STR_EMPTY).p)))
        return out;
    tree_append(arena, out, value);
    tree_append(arena, out, tree_string(arena, STR("/"), NULL));
    return out;
}

/*
 * Fills "${workgroup}/${name}" with the attributes' values and the physical id. NULL if a value is missing.
 */
static struct tree *import_filled(
    struct arena *arena, const struct template_resource *declared, struct str template, struct str ref)
{
    const struct schema *schema = declared->resource->schema;
    const struct tree *attrs = declared->resource->attrs;
    struct tree *out = tree_new(arena, TREE_TEXT, NULL);
    struct str before, inner, filter;
    while (str_take_name(&template, "${", &before, &inner)) {
        struct str name = str_cut(inner, '|', &filter);
        struct tree *value = tree_get(attrs, arena_strz(arena, name));
        if (!value && str_eq(name, ref))
            value = tree_string(arena, declared->physical, NULL);
        if (str_eqz(filter, "folder"))
            value = as_folder(arena, schema, name, value);
        else if (filter.p)
            return NULL;
        if (!value)
            return NULL;
        tree_append(arena, out, tree_string(arena, before, NULL));
        tree_append(arena, out, value);
    }
    if (template.n)
        tree_append(arena, out, tree_string(arena, template, NULL));
    return tree_simple(arena, out);
}

/* Finds the id of a resource whose physical id is another attribute: an address by its IP, a server by its
 * ARN. */
static struct tree *listed_id(struct template *t, const struct template_resource *declared, struct str ref)
{
    const struct schema *schema = declared->resource->schema;
    struct lookup lookup = t->live->lookup;
    struct op_ctx op = lookup_context(&lookup, schema);
    const struct value *object = NULL;
    struct err err = ERR_INIT;
    if (!lookup.provider || !ref.n)
        return NULL;
    if (str_starts(declared->physical, STR("arn:")) && schema->ops->by_arn &&
        schema->ops->by_arn(&op, declared->physical, &object, &err) == 0 &&
        value_gets(object, schema->id.p).n)
        return tree_string(t->arena, value_gets(object, schema->id.p), NULL);
    if (lookup_find(&lookup, schema, ref, declared->physical, &object, &err))
        return NULL;
    struct str id = value_gets(object, schema->id.p);
    return id.n ? tree_string(t->arena, id, NULL) : NULL;
}

static struct tree *own_id(struct template *t, const struct template_resource *declared)
{
    const struct schema *schema = declared->resource->schema;
    struct str ref = names_output(declared->names, t->arena, STR("Ref"));
    if (str_eq(ref, schema->id) && declared->physical.n)
        return tree_string(t->arena, declared->physical, NULL);
    struct tree *given = tree_get(declared->resource->attrs, arena_strz(t->arena, schema->id));
    if (given)
        return given;
    const struct spec_attr *attr = spec_attr_find(schema->impl, schema->id);
    if (attr && attr->template.n)
        return import_filled(t->arena, declared, attr->template, ref);
    return listed_id(t, declared, ref);
}

/* Returns the primary identifier of a CloudFormation type; the physical id is one of its parts. */
static struct tree *their_id(struct template *t, const struct template_resource *declared)
{
    const struct schema *schema = declared->resource->schema;
    const struct value *ids = value_getz(cfn_published(t->arena, schema->name), "primaryIdentifier");
    struct str ref = template_ref_property(t, schema);
    struct tree *out = tree_new(t->arena, TREE_TEXT, NULL);
    for (uint32_t i = 0; ids && i < ids->count; i++) {
        struct str path = value_text(ids->items[i], STR_EMPTY),
                   name = str_slice(path, strlen("/properties/"), path.n);
        struct tree *given = tree_get(declared->resource->attrs, arena_strz(t->arena, name));
        const struct attr *attr = schema_attr(schema, name);
        bool is_physical =
            str_eq(name, ref) || ids->count == 1 || (!ref.n && !given && attr && !attr->settable);
        struct tree *part = is_physical ? tree_string(t->arena, declared->physical, NULL) : given;
        if (!part)
            return NULL;
        if (i)
            tree_append(t->arena, out, tree_string(t->arena, STR("|"), NULL));
        tree_append(t->arena, out, part);
    }
    return ids ? tree_simple(t->arena, out) : NULL;
}

struct tree *template_import_id(struct template *t, const struct template_resource *declared)
{
    if (str_starts(declared->type, STR("aws."))) { /* split off: its id is that of its origin, or has it */
        const struct spec_attr *id =
            spec_attr_find(declared->resource->schema->impl, declared->resource->schema->id);
        return id->template.n ? import_filled(t->arena, declared, id->template, STR_EMPTY)
                              : tree_string(t->arena, declared->physical, NULL);
    }
    return declared->names ? own_id(t, declared) : their_id(t, declared);
}
