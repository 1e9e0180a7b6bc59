/*
 * Settings that are in the files of a configuration but not in `terraform show -json`, such as lifecycles;
 * and names and ARNs that refer to other resources.
 */
#include "base/file.h"
#include "cmd/import/terraform.h"

#include <ctype.h>
#include <stdlib.h>

/* ---- Without a configuration references are unknown, and a name alone is ambiguous. A name in an attribute
 * that is named after another's type (`security_configuration`, `role`, `database_name`) refers to that type;
 * so does a bucket's name at the start of s3://. */

/* ---- names of resources ---- */

static void index_named(struct terraform *t, struct tf_instance *one)
{
    const struct group *group = one->group;
    struct str id = group->schema->id;
    for (uint32_t i = 0; i < one->values->count; i++) {
        const struct value_entry *e = &one->values->entries[i];
        struct str text = value_text(e->value, STR_EMPTY),
                   attr = text.n < 2 ? STR_EMPTY : names_output(group->names, t->arena, e->key);
        if (!attr.n || (!str_eqz(attr, "name") && !str_eq(attr, id)) || str_eqz(e->key, "id"))
            continue;
        struct owned *owned = ARENA_MAKE(t->arena, struct owned, one, e->key, map_get(&t->by_name, text));
        map_set(&t->by_name, text, owned);
        return;
    }
}

void terraform_index_names(struct terraform *t)
{
    for (size_t i = 0; i < t->groups.n; i++) {
        const struct group *group = t->groups.items[i].ptr;
        for (size_t k = 0; group->schema && group->names && k < group->n; k++)
            index_named(t, group->instances[k]);
    }
}

/* ---- resources of names ---- */

/* aws.glue.security_configuration: returns "security_configuration", and the service "glue". */
static struct str kind_of(const struct tf_instance *one, struct str *service)
{
    struct str rest = one->group->schema->name;
    str_cut(rest, '.', &rest);
    *service = str_cut(rest, '.', &rest);
    return rest;
}

/* Returns the resource whose type the attribute names; among several, one of the same service. */
static const struct owned *meant(
    struct terraform *t, const struct tf_instance *owner, struct str attr, struct str name)
{
    const struct owned *found = NULL;
    struct str own = STR_EMPTY, service = STR_EMPTY;
    bool found_near = false, several = false;
    kind_of(owner, &own);
    for (const struct owned *one = map_get(&t->by_name, name); one; one = one->next) {
        struct str kind = kind_of(one->instance, &service);
        bool near = str_eq(service, own);
        if (!kind.n || str_find(attr, kind, 0) < 0 || (found && found_near && !near))
            continue;
        several = found && near == found_near;
        found = one;
        found_near = near;
    }
    return several ? NULL : found;
}

static struct tree *named_bucket(struct terraform *t, struct tf_instance *owner, struct str text)
{
    struct str rest = str_slice(text, strlen("s3://"), text.n), name = str_cut(rest, '/', &rest);
    const struct owned *owned = meant(t, owner, STR("bucket"), name);
    struct tree *code = owned ? terraform_reference(t, owner, owned->instance, owned->attr) : NULL, *out;
    if (!code)
        return NULL;
    out = tree_new(t->arena, TREE_TEXT, NULL);
    tree_append(t->arena, out, tree_string(t->arena, STR("s3://"), NULL));
    tree_append(t->arena, out, code);
    tree_append(
        t->arena, out, tree_string(t->arena, str_slice(text, strlen("s3://") + name.n, text.n), NULL));
    return out;
}

struct tree *terraform_named(struct terraform *t, struct tf_instance *owner, struct str attr, struct tree *s)
{
    struct str text = s->sensitive ? (struct str){NULL, 0} : tree_literal_text(t->arena, s);
    if (text.n && s->value->kind == VALUE_STRING) {
        const struct owned *owned = meant(t, owner, attr, text);
        struct tree *code = str_starts(text, STR("s3://")) ? named_bucket(t, owner, text)
                            : owned && owned->instance != owner
                                ? terraform_reference(t, owner, owned->instance, owned->attr)
                                : NULL;
        return code ? code : s;
    }
    for (size_t i = 0; s->kind == TREE_MAP && i < s->n; i++)
        s->entries[i].value = terraform_named(t, owner, s->entries[i].key, s->entries[i].value);
    for (size_t i = 0; s->kind == TREE_LIST && i < s->n; i++)
        s->items[i] = terraform_named(t, owner, attr, s->items[i]);
    return s;
}

/* ---- ARNs and ids of imported resources in any value ---- */

static bool is_telling(struct str text)
{
    size_t digits = 0;
    for (size_t i = 0; i < text.n; i++)
        digits += isdigit((unsigned char)text.p[i]) != 0;
    return str_starts(text, STR("arn:")) || (text.n >= 10 && digits >= 4) ||
           str_starts(text, STR("https://"));
}

/* aws_dms_endpoint's endpoint_arn is its own; another resource's attribute of that name is a reference. */
static bool is_own_text(struct terraform *t, const struct group *group, struct str key)
{
    return str_is_any(key, "arn id url key_id qualified_arn") ||
           (group->names && str_eqz(names_output(group->names, t->arena, key), "arn"));
}

/* How much an attribute is the resource's own: its ARN (0) has precedence over its name, and that (1) over
 * what may be another's (2): a Lake Formation location has its bucket's ARN, notifications its name. */
enum { OWN_RANKS = 3 };

static int own_rank(struct terraform *t, const struct group *group, struct str key)
{
    struct str output = group->names ? names_output(group->names, t->arena, key) : STR_EMPTY;
    const struct attr *attr = group->names ? schema_attr(group->schema, output) : NULL;
    return !attr || !attr->settable ? 0 : str_eqz(output, "name") ? 1 : 2;
}

static void index_instance(struct terraform *t, struct tf_instance *one, int rank)
{
    for (uint32_t i = 0; i < one->values->count; i++) {
        const struct value_entry *e = &one->values->entries[i];
        struct str text = value_text(e->value, STR_EMPTY);
        if (!text.n || !is_own_text(t, one->group, e->key) || !is_telling(text) ||
            map_get(&t->by_text, text) || !terraform_has_attribute(t, one, e->key) ||
            own_rank(t, one->group, e->key) != rank)
            continue;
        struct owned *owned = ARENA_MAKE(t->arena, struct owned, one, e->key, NULL);
        map_set(&t->by_text, text, owned);
        t->longest = text.n > t->longest ? text.n : t->longest;
    }
}

void terraform_index_texts(struct terraform *t)
{
    for (int rank = 0; rank < OWN_RANKS; rank++)
        for (size_t i = 0; i < t->groups.n; i++) {
            const struct group *group = t->groups.items[i].ptr;
            for (size_t k = 0; group->schema && k < group->n; k++)
                index_instance(t, group->instances[k], rank);
        }
}

/* Adds the resource of an ARN, also if something follows the ARN. */
static void offer_beginning(
    struct terraform *t, struct candidates *list, struct tf_instance *owner, struct str text)
{
    for (size_t end = text.n < t->longest ? text.n : t->longest; end >= 10; end--) {
        if (end < text.n && terraform_is_word(text.p[end]) && terraform_is_word(text.p[end - 1]))
            continue;
        const struct owned *owned = map_get(&t->by_text, str_slice(text, 0, end));
        if (!owned || owned->instance == owner)
            continue;
        candidates_add(t, list, str_slice(text, 0, end),
            terraform_code(t, owner, owned->instance, owned->attr), owned->instance->group);
        return;
    }
}

void candidates_add_in_value(
    struct terraform *t, struct candidates *list, struct tf_instance *owner, const struct tree *s)
{
    struct str text = tree_literal_text(t->arena, s);
    offer_beginning(t, list, owner, text);
    for (ptrdiff_t arn = text.n ? str_find(text, STR("arn:"), 1) : -1; arn > 0;
         arn = str_find(text, STR("arn:"), (size_t)arn + 1))
        offer_beginning(t, list, owner, str_slice(text, (size_t)arn, text.n));
    for (size_t i = 0; s->kind != TREE_TEXT && i < s->n; i++)
        candidates_add_in_value(t, list, owner, s->kind == TREE_MAP ? s->entries[i].value : s->items[i]);
}

enum { FILE_MAX = 4 * 1024 * 1024, FOLDER_DEPTH_MAX = 8 };

static const struct {
    const char *word, *says;
} words[] = {
    {"prevent_destroy", "lifecycle: {prevent_destroy: true}"},
    {"create_before_destroy", "lifecycle: {create_before_destroy: true}"},
    {"ignore_changes", "lifecycle: {ignore_changes: […]}, with the names that the attributes have here"},
    {"replace_triggered_by", "lifecycle: {replace_triggered_by: […]}"},
    {"precondition", "lifecycle: {precondition: [{require: …, message: …}]}"},
    {"postcondition", "lifecycle: {postcondition: [{require: …, message: …}]}"},
};

/* Returns the address for the line resource "aws_s3_bucket" "lake" {, or "". */
static struct str line_opens(struct arena *arena, struct str line)
{
    struct str rest, type, name;
    if (!str_starts(line, STR("resource ")))
        return STR_EMPTY;
    str_cut(line, '"', &rest);
    type = str_cut(rest, '"', &rest);
    str_cut(rest, '"', &rest);
    name = str_cut(rest, '"', &rest);
    return rest.p ? arena_printf(arena, "%.*s.%.*s", STR_ARG(type), STR_ARG(name)) : STR_EMPTY;
}

/* Other blocks with conditions, which are not resources. */
static bool line_opens_other(struct str line)
{
    return str_starts(line, STR("data ")) || str_starts(line, STR("output ")) ||
           str_starts(line, STR("check "));
}

static void tell_line(struct draft *d, const struct source *source, struct str line, struct str address)
{
    ptrdiff_t open = str_starts(line, STR("lifecycle")) ? str_find_char(line, '{', 0) : -1;
    line = open < 0 ? line : str_trim(str_slice(line, (size_t)open + 1, line.n));
    struct str value, key = str_trim(str_cut(line, '=', &value));
    if (!value.p && str_ends(key, STR("{"))) { /* a block */
        value = STR("{");
        key = str_trim(str_slice(key, 0, key.n - 1));
    }
    value = str_trim(value.p ? value : STR_EMPTY);
    for (size_t i = 0; value.n && i < sizeof words / sizeof *words; i++)
        if (str_eqz(key, words[i].word) && !str_starts(value, STR("false")))
            diag_warning(d->diags, span_at(source, (size_t)(line.p - source->text.p), key.n),
                "%.*s: Terraform's output does not have `%.*s`: in a stack it is %s", STR_ARG(address),
                STR_ARG(key), words[i].says);
}

static void read_lines(struct draft *d, struct str path)
{
    struct source *source = ARENA_NEW(d->arena, struct source);
    struct str rest, address = STR_EMPTY;
    *source = (struct source){.path = path};
    if (file_read(d->arena, path.p, FILE_MAX, &source->text, ERR_IGNORED))
        return; /* Terraform does not need the file either */
    for (rest = source->text; rest.n;) {
        struct str line = str_trim(str_cut(rest, '\n', &rest)), opened = line_opens(d->arena, line);
        address = opened.n ? opened : line_opens_other(line) ? STR_EMPTY : address;
        if (address.n)
            tell_line(d, source, line, address);
    }
}

static int is_ours(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void read_folder(struct draft *d, struct str folder, int depth)
{
    struct dirent **found;
    int n = scandir(folder.p, &found, is_ours, alphasort);
    for (int i = 0; i < n; i++) {
        struct str path = path_join(d->arena, folder, arena_str(d->arena, str_z(found[i]->d_name)));
        if (str_ends(path, STR(".tf")))
            read_lines(d, path);
        else if (depth < FOLDER_DEPTH_MAX && path_is_dir(path.p))
            read_folder(d, path, depth + 1);
        free(found[i]);
    }
    if (n >= 0)
        free(found);
}

void terraform_read_lines(struct draft *draft, struct str folder)
{
    read_folder(draft, folder, 0);
}
