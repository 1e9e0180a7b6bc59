/* Compiles a resource type's JSON schema from CloudFormation's registry: see cfn.h. */
#include "provider/cfn/cfn.h"

/* ---- rules ---- */

static struct name_group group_of(struct arena *arena, const struct value *names)
{
    bool list = names && names->kind == VALUE_LIST;
    struct str *items = ARENA_ARRAY(arena, struct str, list && names->count ? names->count : 1);
    for (uint32_t i = 0; list && i < names->count; i++)
        items[i] = value_text(names->items[i], STR_EMPTY);
    return (struct name_group){items, list ? names->count : 0};
}

struct rules {
    struct arena *arena;
    struct attr_rule *items;
    size_t n;
};

static void add_rule(struct rules *rules, enum rule_kind kind, struct name_group *groups, size_t count)
{
    struct attr_rule *grown = ARENA_ARRAY(rules->arena, struct attr_rule, rules->n + 1);
    if (rules->n)
        memcpy(grown, rules->items, rules->n * sizeof *grown);
    grown[rules->n++] = (struct attr_rule){kind, groups, count};
    rules->items = grown;
}

/* [{required: [A]}, {required: [B]}]: a rule only if each alternative has `required`. */
static void add_alternatives(struct rules *rules, enum rule_kind kind, const struct value *list)
{
    if (!list || list->kind != VALUE_LIST || list->count < 2)
        return;
    struct name_group *groups = ARENA_ARRAY(rules->arena, struct name_group, list->count);
    for (uint32_t i = 0; i < list->count; i++) {
        groups[i] = group_of(rules->arena, value_getz(list->items[i], "required"));
        if (!groups[i].count)
            return;
    }
    add_rule(rules, kind, groups, list->count);
}

/* [A, B]: each name is a group. */
static void add_names(struct rules *rules, enum rule_kind kind, const struct value *list)
{
    struct name_group all = group_of(rules->arena, list);
    struct name_group *groups = ARENA_ARRAY(rules->arena, struct name_group, all.count ? all.count : 1);
    for (size_t i = 0; i < all.count; i++)
        groups[i] = (struct name_group){&all.names[i], 1};
    if (all.count > 1)
        add_rule(rules, kind, groups, all.count);
}

/* {A: [B, C]} */
static void add_dependent(struct rules *rules, enum rule_kind kind, const struct value *map)
{
    for (uint32_t i = 0; map && map->kind == VALUE_MAP && i < map->count; i++) {
        struct name_group *groups = ARENA_ARRAY(rules->arena, struct name_group, 2);
        struct str *who = ARENA_NEW(rules->arena, struct str);
        *who = map->entries[i].key;
        groups[0] = (struct name_group){who, 1};
        groups[1] = group_of(rules->arena, map->entries[i].value);
        if (groups[1].count)
            add_rule(rules, kind, groups, 2);
    }
}

void compile_rules(
    struct compile *c, const struct value *schema, const struct attr_rule **rules, size_t *count)
{
    struct rules found = {.arena = c->arena};
    const struct value *all = value_getz(schema, "allOf");
    add_alternatives(&found, RULE_ONE, value_getz(schema, "oneOf"));
    add_alternatives(&found, RULE_SOME, value_getz(schema, "anyOf"));
    for (uint32_t i = 0; all && all->kind == VALUE_LIST && i < all->count; i++) {
        add_alternatives(&found, RULE_ONE, value_getz(all->items[i], "oneOf"));
        add_alternatives(&found, RULE_SOME, value_getz(all->items[i], "anyOf"));
    }
    add_names(&found, RULE_ONE, value_getz(schema, "requiredXor"));
    add_names(&found, RULE_SOME, value_getz(schema, "requiredOr"));
    add_dependent(&found, RULE_WITH, value_getz(schema, "dependentRequired"));
    add_dependent(&found, RULE_WITHOUT, value_getz(schema, "dependentExcluded"));
    *rules = found.items;
    *count = found.n;
}

/* ---- marks ---- */

/* Converts /properties/A/items/properties/B, /properties/A/B, and paths with a star, to names and stars. */
static struct str path_of(struct arena *arena, struct str pointer)
{
    AUTO_BUF struct buf path = BUF_INIT;
    bool after_properties = false;
    for (struct str rest = pointer; rest.p;) {
        struct str step = str_cut(rest, '/', &rest);
        bool word = !step.n || (str_eqz(step, "properties") && !after_properties);
        after_properties = str_eqz(step, "properties") && word;
        if (!word)
            buf_addf(&path, "%s%.*s", path.n ? "/" : "", STR_ARG(str_eqz(step, "items") ? STR("*") : step));
    }
    return arena_str(arena, buf_str(&path));
}

static void add_paths(
    struct compile *c, struct marked_path *items, size_t *n, const char *key, enum mark mark)
{
    const struct value *list = value_getz(c->document, key);
    for (uint32_t i = 0; list && list->kind == VALUE_LIST && i < list->count; i++) {
        const struct value *one = list->items[i];
        if (one->kind == VALUE_LIST) /* of additional identifiers, those of one property */
            one = one->count == 1 ? one->items[0] : NULL;
        struct str path = path_of(c->arena, value_text(one, STR_EMPTY));
        if (path.n)
            items[(*n)++] = (struct marked_path){path, mark};
    }
}

static struct marks collect_marks(struct compile *c)
{
    static const struct {
        const char *key;
        enum mark mark;
    } lists[] = {{"readOnlyProperties", MARK_READ_ONLY}, {"createOnlyProperties", MARK_CREATE_ONLY},
        {"writeOnlyProperties", MARK_WRITE_ONLY}, {"deprecatedProperties", MARK_DEPRECATED},
        {"primaryIdentifier", MARK_ID}, {"additionalIdentifiers", MARK_ID}, {"weir:nocase", MARK_NOCASE},
        {"weir:arn", MARK_ARN}};
    size_t most = 0, n = 0;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        const struct value *list = value_getz(c->document, lists[i].key);
        most += list && list->kind == VALUE_LIST ? list->count : 0;
    }
    struct marked_path *items = ARENA_ARRAY(c->arena, struct marked_path, most ? most : 1);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        add_paths(c, items, &n, lists[i].key, lists[i].mark);
    return (struct marks){items, n};
}

/* ---- the type ---- */

static void set_identifier(struct compile *c, struct cfn_type *type)
{
    const struct value *list = value_getz(c->document, "primaryIdentifier");
    struct str *parts = ARENA_ARRAY(c->arena, struct str, list->count);
    for (uint32_t i = 0; i < list->count; i++)
        parts[i] = path_of(c->arena, value_text(list->items[i], STR_EMPTY));
    type->id_parts = parts;
    type->id_count = list->count;
    type->id_composed = list->count != 1 || str_find_char(parts[0], '/', 0) >= 0;
    type->schema.id = type->id_composed ? STR("id") : parts[0];
}

static void add_identifier(struct attr *attr)
{
    static const struct type text = {.kind = TYPE_STRING};
    *attr = (struct attr){.name = STR("id"),
        .doc = STR("Identifier in the Cloud Control API. Several parts are joined with |."),
        .type = &text,
        .computed = true};
}

static bool has_handler(const struct value *document, const char *name)
{
    return value_getz(value_getz(document, "handlers"), name) != NULL;
}

const struct value *cfn_permissions(const struct cfn_type *type, const char *handler)
{
    const struct value *where = str_eqz(str_z(handler), "tagging")
                                    ? value_getz(type->document, "tagging")
                                    : value_getz(value_getz(type->document, "handlers"), handler);
    const struct value *list = value_getz(where, "permissions");
    return list && list->kind == VALUE_LIST ? list : NULL;
}

static bool all_among(const struct value *list, const struct value *others)
{
    for (uint32_t i = 0; list && i < list->count; i++) {
        bool found = false;
        for (uint32_t k = 0; others && k < others->count && !found; k++)
            found = value_equal(list->items[i], others->items[k]);
        if (!found)
            return false;
    }
    return list && list->count;
}

/* Determines the attribute for ownership tags: a top-level property that is a map or a list of pairs. */
static void set_tags(struct compile *c, struct cfn_type *type)
{
    const struct value *tagging = value_getz(c->document, "tagging"),
                       *when = value_getz(tagging, "tagOnCreate");
    const struct attr *attr = c->tags.n ? schema_attr(&type->schema, c->tags) : NULL;
    if (!attr || attr->type->kind != TYPE_TAGS || !attr->settable)
        return;
    type->tags = c->no_ownership_tags || attr->write_only ? NULL : attr;
    type->schema.tags = attr->name;
    type->tags_with_create = !(when && when->kind == VALUE_BOOL && !when->boolean);
}

static void set_handlers(struct cfn_type *type)
{
    const struct value *document = type->document, *handlers = value_getz(document, "handlers");
    type->has_read = has_handler(document, "read");
    type->has_update = has_handler(document, "update");
    type->has_list = has_handler(document, "list");
    type->list_needs_input = value_getz(value_getz(handlers, "list"), "handlerSchema") != NULL;
    /* A list handler without the permissions of the read handler cannot return whole objects. */
    type->schema.bulk = type->has_list && !type->list_needs_input &&
                        all_among(cfn_permissions(type, "read"), cfn_permissions(type, "list"));
}

/* Without an update handler, every change forces replacement. */
static void finish_attrs(struct cfn_type *type, struct attr *attrs)
{
    for (size_t i = 0; i < type->schema.attr_count; i++)
        if (attrs[i].settable && !type->has_update)
            attrs[i].replace = true;
    type->schema.name_is_unique = true;
    for (size_t i = 0; i < type->id_count; i++) {
        const struct attr *part = schema_attr(&type->schema, type->id_parts[i]);
        type->schema.name_is_unique &= part && part->settable && part->required;
    }
    const struct attr *id = schema_attr(&type->schema, type->schema.id);
    if (type->schema.name_is_unique ||
        id->settable) { /* for an identifier with other parts it is not known what null means */
        type->schema.unique = type->id_parts;
        type->schema.unique_count = type->id_count;
    }
}

static void cfn_describe_type(struct cfn_type *type, struct arena *arena)
{
    struct str rest, word[3], name = type->schema.name;
    for (int i = 0; i < 3; i++, name = rest) {
        ptrdiff_t colons = str_find(name, STR("::"), 0);
        word[i] = colons < 0 ? name : str_slice(name, 0, (size_t)colons);
        rest = colons < 0 ? STR_EMPTY : str_slice(name, (size_t)colons + 2, name.n);
    }
    char *page =
        arena_strz(arena, arena_printf(arena, "aws-resource-%.*s-%.*s", STR_ARG(word[1]), STR_ARG(word[2])));
    for (char *ch = page; *ch; ch++)
        if (*ch >= 'A' && *ch <= 'Z')
            *ch = (char)(*ch - 'A' + 'a');
    type->schema.doc = arena_printf(arena,
        "CloudFormation's resource type %.*s, managed with the Cloud Control API. Properties and their "
        "meaning are those of CloudFormation: "
        "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/%s.html",
        STR_ARG(type->schema.name), page);
}

static int check_document(const struct value *document, struct str *name, struct err *err)
{
    const struct value *id = value_getz(document, "primaryIdentifier"),
                       *properties = value_getz(document, "properties");
    *name = value_gets(document, "typeName");
    if (!name->n || !properties || properties->kind != VALUE_MAP || !id || id->kind != VALUE_LIST ||
        !id->count)
        return err_set(err, ERR_INVALID,
            "the schema of \"%.*s\" has no typeName, properties or primaryIdentifier", STR_ARG(*name));
    if (!has_handler(document, "create") || !has_handler(document, "delete"))
        return err_set(err, ERR_INVALID,
            "%.*s cannot be created by the Cloud Control API: it has no handlers", STR_ARG(*name));
    return 0;
}

int cfn_compile(struct arena *arena, const struct value *document, struct cfn_type **out, struct err *err)
{
    struct str name;
    if (check_document(document, &name, err))
        return -1;
    struct cfn_type *type = ARENA_NEW(arena, struct cfn_type);
    struct compile c = {.arena = arena,
        .document = document,
        .tags = path_of(arena, value_gets(value_getz(document, "tagging"), "tagProperty"))};
    type->document = document;
    set_identifier(&c, type);
    const struct value *properties = value_getz(document, "properties"),
                       *required = value_getz(document, "required");
    struct marks marks = collect_marks(&c);
    struct attr *attrs = ARENA_ARRAY(arena, struct attr, properties->count + 1);
    struct name_group needed = group_of(arena, required);
    for (uint32_t i = 0; i < properties->count; i++) {
        bool is_needed = false;
        for (size_t k = 0; k < needed.count; k++)
            is_needed |= str_eq(needed.names[k], properties->entries[i].key);
        compile_attr(
            &c, &attrs[i], properties->entries[i].key, properties->entries[i].value, is_needed, &marks);
    }
    if (type->id_composed)
        add_identifier(&attrs[properties->count]);
    type->schema.name = arena_str(arena, name);
    type->schema.attrs = attrs;
    type->schema.attr_count = properties->count + type->id_composed;
    compile_rules(&c, document, &type->schema.rules, &type->schema.rule_count);
    map_release(&c.types);
    if (!schema_attr(&type->schema, type->schema.id))
        return err_set(err, ERR_INVALID, "the schema of \"%.*s\" has no property \"%.*s\", its identifier",
            STR_ARG(name), STR_ARG(type->schema.id));
    set_tags(&c, type);
    set_handlers(type);
    finish_attrs(type, attrs);
    cfn_describe_type(type, arena);
    type->schema.impl = type;
    *out = type;
    return 0;
}

/* ---- JSON schema patterns are searched for and written for JavaScript or Java; PCRE has to match the whole
 * string. */

struct translation {
    struct str in;
    size_t at;
    struct buf out;
    bool in_class;
    bool after_set; /* in a class, after \\w and similar: no range starts there */
    int depth;
    bool alternatives; /* outside all parentheses */
};

/* Returns PCRE's name for \p{Alpha} and similar. */
static struct str posix_class(struct str name)
{
    static const char *const names[][2] = {{"Alpha", "alpha"}, {"Digit", "digit"}, {"Alnum", "alnum"},
        {"Upper", "upper"}, {"Lower", "lower"}, {"Punct", "punct"}, {"Graph", "graph"}, {"Print", "print"},
        {"Blank", "blank"}, {"Space", "space"}, {"XDigit", "xdigit"}, {"Cntrl", "cntrl"}, {"ASCII", "ascii"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_eqz(name, names[i][0]))
            return str_z(names[i][1]);
    return STR_EMPTY;
}

/* True for \uD800 to \uDFFF: a UTF-16 surrogate. */
static bool is_half(struct str rest)
{
    return rest.n >= 6 && rest.p[0] == '\\' && rest.p[1] == 'u' && strchr("dD", rest.p[2]) &&
           strchr("89abcdefABCDEF", rest.p[3]);
}

/* Replaces any sequence of surrogates by all characters above U+FFFF. */
static void add_halves(struct translation *t)
{
    while (t->at < t->in.n) {
        struct str rest = str_slice(t->in, t->at, t->in.n);
        size_t dash = rest.p[0] == '-';
        if (!is_half(str_slice(rest, dash, rest.n)))
            break;
        t->at += 6 + dash;
    }
    buf_addz(&t->out, "\\x{10000}-\\x{10FFFF}");
}

/* Converts \uXXXX, \p{…}; escapes that PCRE understands are kept. */
static void add_escape(struct translation *t)
{
    struct str rest = str_slice(t->in, t->at, t->in.n);
    if (is_half(rest)) {
        add_halves(t);
        return;
    }
    t->after_set = t->in_class && rest.n > 1 && strchr("wWsSdDpP", rest.p[1]);
    ptrdiff_t end = str_find_char(rest, '}', 0);
    bool property = (str_starts(rest, STR("\\p{")) || str_starts(rest, STR("\\P{"))) && end > 0;
    struct str name = property ? str_slice(rest, 3, (size_t)end) : STR_EMPTY, posix = posix_class(name);
    if (rest.n >= 6 && rest.p[1] == 'u' && rest.p[2] != '{') {
        buf_addf(&t->out, "\\x{%.4s}", rest.p + 2);
        t->at += 6;
    } else if (posix.n) {
        const char *not = rest.p[1] == 'P' ? "^" : "";
        buf_addf(&t->out, t->in_class ? "[:%s%.*s:]" : "[[:%s%.*s:]]", not, STR_ARG(posix));
        t->at += (size_t)end + 1;
    } else if (str_starts(name, STR("Is"))) {
        buf_addf(&t->out, "\\%c{%.*s}", rest.p[1], (int)name.n - 2, name.p + 2);
        t->at += (size_t)end + 1;
    } else {
        size_t n = property ? (size_t)end + 1 : 2;
        buf_add_str(&t->out, str_slice(rest, 0, n));
        t->at += n;
    }
}

static void add_character(struct translation *t)
{
    char c = t->in.p[t->at++];
    bool after_set = t->after_set;
    t->after_set = false;
    if (t->in_class && c == '-' && after_set) {
        buf_addz(&t->out, "\\-");
        return;
    }
    if (c == '[' && t->in_class) { /* an ordinary character here, but PCRE looks for [: */
        buf_addz(&t->out, "\\[");
        return;
    }
    t->in_class = c == '[' || (t->in_class && c != ']');
    if (!t->in_class)
        t->depth += c == '(' ? 1 : c == ')' ? -1 : 0;
    t->alternatives |= c == '|' && !t->in_class && t->depth == 0;
    buf_add_char(&t->out, c);
}

struct str cfn_pattern(struct arena *arena, struct str pattern)
{
    struct translation t = {.in = pattern, .out = BUF_INIT};
    while (t.at < pattern.n)
        if (pattern.p[t.at] == '\\')
            add_escape(&t);
        else
            add_character(&t);
    struct str text = arena_str(arena, buf_str(&t.out));
    buf_release(&t.out);
    bool begins = str_starts(text, STR("^")) && !t.alternatives,
         ends = str_ends(text, STR("$")) && !t.alternatives;
    if (begins && ends)
        return text;
    return arena_printf(arena, "%s(?:%s)%s", begins ? "" : "[\\s\\S]*?", text.p, ends ? "" : "[\\s\\S]*");
}
