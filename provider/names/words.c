/* Finds a word of another tool among the import rules. */
#include "provider/names/names.h"

#include "base/buf.h"

/* "ttl[0].attribute_name" becomes ttl.attribute_name. */
static struct str without_brackets(struct arena *arena, struct str path)
{
    char *out = arena_alloc(arena, path.n + 1);
    size_t n = 0;
    bool inside = false;
    for (size_t i = 0; i < path.n; i++) {
        inside = inside ? path.p[i] != ']' : path.p[i] == '[';
        if (!inside && path.p[i] != ']')
            out[n++] = path.p[i];
    }
    return str_n(out, n);
}

/* Returns the part of a path below `within`; false if the path is not below. */
static bool lies_below(struct str path, struct str within, struct str *rest)
{
    *rest = path;
    if (!within.n)
        return true;
    if (!str_starts(path, within) || path.n <= within.n || path.p[within.n] != '.')
        return false;
    *rest = str_slice(path, within.n + 1, path.n);
    return true;
}

static void add_once(struct buf *list, struct str name, struct word *out)
{
    struct str rest = buf_str(list), one;
    while (rest.n) {
        one = str_cut(rest, ',', &rest);
        if (str_eq(str_trim(one), name))
            return;
    }
    out->several = list->n > 0;
    buf_addf(list, "%s%.*s", list->n ? ", " : "", STR_ARG(name));
}

/* Returns whether the path begins with the word, or with `deeper` whether a part of it is the word. */
static bool has_word(struct str path, struct str word, bool deeper)
{
    do {
        if (names_same(str_cut(path, '.', &path), word))
            return true;
    } while (deeper && path.n);
    return false;
}

/* Lists everything that the word is mapped to by the rules of one type. */
static bool by_rules(struct arena *arena, const struct names_type *type, struct str within, struct str word,
    bool deeper, struct word *out)
{
    AUTO_BUF struct buf list = BUF_INIT;
    for (size_t i = 0; i < type->n; i++) {
        const struct names_rule *rule = &type->rules[i];
        struct str from, to, rest;
        if (!rule->to.n || !lies_below(without_brackets(arena, rule->from), within, &from) ||
            !has_word(from, word, deeper))
            continue;
        to = without_brackets(arena, rule->to);
        if (lies_below(to, within, &rest))
            to = rest;
        out->file = rule->ask != NULL;
        add_once(&list, out->file ? str_cut(to, '.', &rest) : to, out);
    }
    out->ours = arena_str(arena, buf_str(&list));
    return list.n > 0;
}

static bool by_types(struct arena *arena, const struct map *types, const struct schema *schema,
    struct str within, struct str word, bool deeper, struct word *out)
{
    for (int parts = 0; parts < 2; parts++) /* the resource itself first, then the parts of it */
        for (size_t i = 0; i < types->n; i++) {
            const struct names_type *type = types->items[i].ptr;
            if (type->schema == schema && (type->into_by.n > 0) == parts &&
                by_rules(arena, type, within, word, deeper, out))
                return true;
        }
    return false;
}

static bool by_tools(struct arena *arena, const struct names *names, const struct schema *schema,
    struct str within, struct str word, bool deeper, struct word *out)
{
    out->tool = STR("Terraform");
    if (by_types(arena, &names->terraform, schema, within, word, deeper, out))
        return true;
    out->tool = STR("CloudFormation");
    return by_types(arena, &names->cloudformation, schema, within, word, deeper, out);
}

bool word_attr(struct arena *arena, struct catalog *catalog, const struct schema *schema, struct str within,
    const struct attr *attrs, size_t n, struct str word, struct word *out)
{
    const struct names_type ours = {.other = schema->name, .schema = schema};
    struct names names;
    for (size_t i = 0; i < n; i++)
        if (attrs[i].settable && names_same(attrs[i].name, word)) {
            *out = (struct word){.tool = STR_EMPTY, .ours = attrs[i].name};
            return true;
        }
    *out = (struct word){.ours = STR_EMPTY};
    if (names_load_beside(&names, arena, catalog, schema, ERR_IGNORED)) {
        names_release(&names);
        return false;
    }
    bool found = by_tools(arena, &names, schema, within, word, false, out);
    const struct attr *attr = found ? NULL : names_attr(&ours, attrs, n, !within.n, word);
    for (size_t i = 0; !found && !attr && i < n; i++) /* `vpc` for vpc_id */
        if (attrs[i].name.n > word.n + 1 && str_starts(attrs[i].name, word) &&
            names_same(names_without_suffix(attrs[i].name), word))
            attr = &attrs[i];
    if (attr && (found = attr->settable))
        *out = (struct word){.tool = STR_EMPTY, .ours = attr->name};
    else if (!found && !attr) /* such as a structure within a structure there */
        found = by_tools(arena, &names, schema, within, word, true, out);
    names_release(&names);
    return found;
}

/* Returns the CloudFormation type with the same words, or our type for it unless the word is the
 * CloudFormation type itself. */
static struct str by_letters(struct names *names, struct str word)
{
    struct str cfn = names_by_words(names, word);
    const struct schema *own =
        cfn.n && str_find(word, STR("::"), 0) < 0 ? catalog_own(names->catalog, cfn) : NULL;
    return own ? own->name : cfn;
}

bool word_type(struct arena *arena, struct catalog *catalog, struct str word, struct word *out)
{
    struct names names;
    *out = (struct word){.ours = type_renamed(arena, word)};
    if (!str_eq(out->ours, word))
        return true;
    *out = (struct word){.tool = STR("Terraform"), .ours = STR_EMPTY};
    names_open(&names, arena, catalog);
    const struct names_type *type =
        names_terraform(&names, names_underscored(arena, word)); /* aws.s3.bucket_policy is accepted, too */
    if (type && type->schema) {
        out->ours = type->schema->name;
        out->several = type->into_by.n > 0;
    } else if (!type)
        out->ours = by_letters(&names, word);
    names_release(&names);
    return out->ours.n > 0;
}

int word_hint(struct catalog *catalog, struct str type, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct word found;
    if (err->class != ERR_ABSENT || !word_type(&scratch, catalog, type, &found))
        return -1;
    if (found.several)
        return err_hint(err, "%.*s is a part of %.*s here", STR_ARG(type), STR_ARG(found.ours));
    return err_hint(err, "did you mean \"%.*s\"?", STR_ARG(found.ours));
}
