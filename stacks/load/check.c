/* Checks the bodies of resources against their schemas: unknown and missing keys, wrong values, with
 * suggestions. */
#include "provider/names/names.h"
#include "stacks/load/load.h"

/* ---- suggestions for an unknown type or attribute: the most similar name, or another tool's name ---- */

static bool hint_type_of_others(struct loader *loader, struct diag *d, struct str type)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct word found;
    if (!word_type(&scratch, loader->options->catalog, type, &found))
        return false;
    if (found.several)
        diag_hint(loader->diags, d, "%.*s is a part of %.*s here", STR_ARG(type), STR_ARG(found.ours));
    else
        diag_label(loader->diags, d, "did you mean \"%.*s\"?", STR_ARG(found.ours));
    return true;
}

/* Lists the types of one service ("aws.s3.") for an unknown type. */
static void hint_types(struct loader *loader, struct diag *d, struct str type, bool is_data)
{
    size_t n, shown = 0;
    if (!is_data && hint_type_of_others(loader, d, type))
        return;
    const struct str *names = catalog_known_names(loader->options->catalog, is_data, &n);
    diag_did_you_mean(loader->diags, d, type, names, n);
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    bool colons = str_find(type, STR("::"), 0) >= 0; /* AWS::S3 is a CloudFormation name */
    const char *last_dot = type.n ? memrchr(type.p, colons ? ':' : '.', type.n) : NULL;
    struct str service = arena_printf(
        &scratch, "%.*s%s", STR_ARG(type), colons ? "::" : "."); /* the type may be "aws.s3" only */
    AUTO_BUF struct buf list = BUF_INIT;
    for (int way = 0; way < 2 && !list.n; way++) {
        for (size_t i = 0; service.n && i < n && shown <= 10; i++)
            if (str_starts(names[i], service) && shown++ < 10)
                buf_addf(&list, "%s%.*s", list.n ? ", " : "", STR_ARG(names[i]));
        service = str_slice(type, 0, last_dot ? (size_t)(last_dot - type.p) + 1 : 0);
    }
    if (list.n)
        diag_hint(loader->diags, d, "there are: %s%s", list.p, shown > 10 ? ", …" : "");
    else if (!d->label.n && colons)
        diag_hint(loader->diags, d, "`weir schema --fetch %.*s` asks CloudFormation for it", STR_ARG(type));
    else if (!d->label.n)
        diag_hint(loader->diags, d, "`weir docs` lists them");
}

/* ---- attributes ---- */

/* Returns whether the key is another name for `name`: `bucket` or `bucket_name` of a bucket, as services and
 * other tools call it. */
static bool means_name(const struct schema *schema, struct str key)
{
    const struct attr *name = schema_attr(schema, STR("name"));
    struct str last = schema->name, rest;
    while (str_cut(last, '.', &rest).n && rest.p)
        last = rest;
    if (str_ends(key, STR("_name")))
        key = str_slice(key, 0, key.n - STR("_name").n);
    return name && name->settable && str_eq(key, last);
}

/* Returns the attribute that all paths have in common, "storage" of "storage.columns, storage.location", or
 * "". */
static struct str common_attribute(struct str paths)
{
    struct str common = str_slice(paths, 0, str_cut(paths, '.', &(struct str){0}).n);
    for (struct str rest = paths; rest.n;) {
        struct str path = str_trim(str_cut(rest, ',', &rest));
        if (!str_starts(path, common) || path.n <= common.n || path.p[common.n] != '.')
            return STR_EMPTY;
    }
    return common;
}

/* Hints at the attribute if `word` is another tool's name for it. Returns false if it is not. */
static bool hint_word(struct loader *loader, struct diag *d, const struct schema *schema, struct str within,
    const struct attr *attrs, size_t n, struct str word)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct word found;
    if (!word_attr(&scratch, loader->options->catalog, schema, within, attrs, n, word, &found))
        return false;
    struct str common = found.several ? common_attribute(found.ours) : found.ours;
    if (common.n)
        diag_label(loader->diags, d, "did you mean \"%.*s\"?", STR_ARG(common));
    else
        diag_label(loader->diags, d, "here that is: %.*s", STR_ARG(found.ours));
    if (found.file)
        diag_hint(loader->diags, d,
            "\"%.*s\" is %.*s's name for a local file: a weir.artifact uploads it, and `%.*s` has the bucket "
            "and key of that",
            STR_ARG(word), STR_ARG(found.tool), STR_ARG(found.ours));
    else if (found.tool.n)
        diag_hint(loader->diags, d, "\"%.*s\" is %.*s's name for it", STR_ARG(word), STR_ARG(found.tool));
    return true;
}

/* Returns whether `words` occurs in `name` as whole words, as `subnet_group` in `db_subnet_group_name`. */
static bool has_words(struct str name, struct str words)
{
    ptrdiff_t at = str_find(name, words, 0);
    size_t end = (size_t)at + words.n;
    return words.n && at >= 0 && (at == 0 || name.p[at - 1] == '_') && (end == name.n || name.p[end] == '_');
}

static void hint_among(
    struct loader *loader, struct diag *d, const struct attr *attrs, size_t count, struct str word)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str *names = ARENA_ARRAY(&scratch, struct str, count + 1);
    size_t n = 0, with_words = 0, last = 0;
    for (size_t i = 0; i < count; i++)
        if (attrs[i].settable)
            names[n++] = attrs[i].name;
    for (size_t i = 0; i < n; i++)
        if (has_words(names[i], word)) {
            with_words++;
            last = i;
        }
    if (!diag_did_you_mean(loader->diags, d, word, names, n) && with_words == 1)
        diag_label(loader->diags, d, "did you mean \"%.*s\"?", STR_ARG(names[last]));
}

bool hint_attr_of_others(struct loader *loader, struct diag *d, const struct schema *schema, struct str word)
{
    if (!means_name(schema, word))
        return hint_word(loader, d, schema, STR_EMPTY, schema->attrs, schema->attr_count, word);
    diag_label(loader->diags, d, "did you mean \"name\"?");
    return true;
}

static void hint_attr(struct loader *loader, struct diag *d, const struct schema *schema, struct str word)
{
    if (hint_attr_of_others(loader, d, schema, word))
        return;
    hint_among(loader, d, schema->attrs, schema->attr_count, word);
    if (!d->label.n && str_eqz(word, "count"))
        diag_hint(loader->diags, d, "`for_each` makes one for each item, `when` one or none");
    else if (!d->label.n)
        diag_hint(loader->diags, d, "`weir docs %.*s` lists what it has", STR_ARG(schema->name));
}

/* Returns the type of the object that has the issue's key, and its path without indices. */
static const struct type *holder(const struct attr *attr, const struct schema_issue *issue, struct buf *path)
{
    const struct type *type = attr->type;
    buf_add_str(path, attr->name);
    for (uint32_t i = 0; i + 1 < issue->path->count && type; i++) {
        const struct value *step = issue->path->items[i];
        const struct attr *field = NULL;
        if (type->kind == TYPE_OBJECT) {
            field = type_field(type, value_text(step, STR_EMPTY));
            buf_addf(path, ".%.*s", STR_ARG(value_text(step, STR_EMPTY)));
        }
        type = field ? field->type : type->kind == TYPE_OBJECT ? NULL : type->elem;
    }
    return type && type->kind == TYPE_OBJECT ? type : NULL;
}

enum { FIELDS_SHOWN = 12 };

/* Lists the settable fields of an object: a, b, c. */
static void add_fields(struct buf *list, const struct type *type)
{
    size_t shown = 0;
    for (size_t i = 0; i < type->field_count && shown <= FIELDS_SHOWN; i++)
        if (type->fields[i].settable && shown++ < FIELDS_SHOWN)
            buf_addf(list, "%s%.*s", shown > 1 ? ", " : "", STR_ARG(type->fields[i].name));
    if (shown > FIELDS_SHOWN)
        buf_addz(list, ", …");
}

/* Hints at fields for a key within an attribute. `schema` is NULL if the attribute is not a resource's.
 * Returns false if the attribute's type has no fields. */
static bool hint_field(struct loader *loader, struct diag *d, const struct schema *schema,
    const struct attr *attr, const struct schema_issue *issue)
{
    AUTO_BUF struct buf path = BUF_INIT, list = BUF_INIT;
    const struct type *type = holder(attr, issue, &path);
    if (!type)
        return false;
    if (schema && hint_word(loader, d, schema, buf_str(&path), type->fields, type->field_count, issue->key))
        return true;
    hint_among(loader, d, type->fields, type->field_count, issue->key);
    if (d->label.n)
        return true;
    add_fields(&list, type);
    if (list.n)
        diag_hint(loader->diags, d, "known are: %s", list.p);
    return true;
}

/* Appends the shape of objects, {a, b}, also within a list or a map. */
static void add_shape(struct buf *text, const struct type *type)
{
    if (type->kind == TYPE_OBJECT) {
        buf_add_char(text, '{');
        add_fields(text, type);
        buf_add_char(text, '}');
    } else if (type->elem && type->elem->kind == TYPE_OBJECT) {
        buf_addz(text, type->kind == TYPE_MAP ? "{NAME: " : "[");
        add_shape(text, type->elem);
        buf_addz(text, type->kind == TYPE_MAP ? "}" : "]");
    }
}

/* Describes the attribute as its reference page does. */
static void hint_attribute(struct loader *loader, struct diag *d, const struct attr *attr)
{
    enum { MOST = 12 };
    AUTO_BUF struct buf more = BUF_INIT;
    uint32_t n = attr->choices ? attr->choices->count : 0;
    for (uint32_t i = 0; i < n && i < MOST; i++)
        buf_addf(&more, "%s%.*s", i ? ", " : "One of ",
            STR_ARG(value_scalar_text(loader->arena, attr->choices->items[i])));
    buf_addz(&more, n > MOST ? ", …" : "");
    add_shape(&more, attr->type);
    if (attr->doc.n)
        diag_hint(loader->diags, d, "%.*s: %.*s%s%s", STR_ARG(attr->name), STR_ARG(attr->doc),
            more.n ? " " : "", more.n ? more.p : "");
}

static void hint_meaning(struct loader *loader, struct diag *d, const struct schema_issue *issue)
{
    const struct attr *about = issue->attr;
    const struct type *type = about ? about->type : NULL;
    while (type && issue->key.n && type->kind != TYPE_OBJECT)
        type = type->elem;
    if (type && issue->key.n) /* a missing field */
        about = type_field(type, issue->key);
    if (about && (!about->choices || issue->key.n))
        hint_attribute(loader, d, about);
}

/* ---- types ---- */

static const struct schema *report_type(
    struct loader *loader, const struct node *node, bool is_data, const struct err *err)
{
    struct str type = node->string;
    if (loader->diags->dropped) { /* only their number is shown */
        diag_error(loader->diags, node_span(node), "unknown type");
        return NULL;
    }
    if (err->class != ERR_ABSENT) {
        diag_error(loader->diags, node_span(node), "%s", err->message);
        return NULL;
    }
    if (catalog_find(loader->options->catalog, type, !is_data, ERR_IGNORED)) {
        struct diag *d = diag_error(loader->diags, node_span(node),
            is_data ? "%.*s is a resource, not a data source" : "%.*s is a data source, not a resource",
            STR_ARG(type));
        diag_hint(loader->diags, d, "it belongs under `%s:`", is_data ? "resources" : "data");
        return NULL;
    }
    struct diag *d = diag_error(loader->diags, node_span(node), "unknown %s type \"%.*s\"",
        is_data ? "data" : "resource", STR_ARG(type));
    hint_types(loader, d, type, is_data);
    return NULL;
}

/* The catalog is queried once for each type, since it may have to read a spec. */
const struct schema *find_schema(struct loader *loader, const struct node *node, bool is_data)
{
    struct str type;
    if (!expect_text(loader, node, "a type", &type))
        return NULL;
    struct map *known = is_data ? &loader->data_types : &loader->resource_types;
    const struct schema *schema = map_get(known, type);
    if (schema)
        return schema;
    struct err err = ERR_INIT;
    schema = catalog_find(loader->options->catalog, type, is_data, &err);
    if (!schema)
        return report_type(loader, node, is_data, &err);
    map_set(known, type, (void *)schema);
    return schema;
}

/* ---- literal values ---- */

/* Returns the tree as a value in which each expression is unknown. */
static const struct value *known_part(struct arena *arena, const struct node *node)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    switch ((enum node_kind)node->kind) {
    case NODE_STRING:
        if (str_find(node->string, STR("${"), 0) >= 0)
            return &value_unknown;
        break;
    case NODE_LIST:
        for (size_t i = 0; i < node->count; i++)
            value_builder_add(&b, known_part(arena, node->items[i]));
        return value_builder_list(&b);
    case NODE_MAP:
        for (size_t i = 0; i < node->count; i++) {
            struct str key = node->entries[i].key;
            /* the expression may give any key */
            if (str_find(key, STR("${"), 0) >= 0)
                return &value_unknown;
            value_builder_set(&b, key, known_part(arena, node->entries[i].value));
        }
        return value_builder_map(&b);
    default: break;
    }
    return node_value(arena, node);
}

/* Returns the node of an issue. *entry is the map entry that contains it, if its parent is a map. */
static const struct node *issue_node(
    const struct node *node, const struct schema_issue *issue, const struct node_entry **entry)
{
    size_t depth = issue->path ? issue->path->count : 0;
    *entry = NULL;
    for (size_t i = 0; i < depth; i++) {
        const struct value *step = issue->path->items[i];
        *entry = NULL;
        if (step->kind == VALUE_INT) {
            if (node->kind != NODE_LIST || (uint64_t)step->integer >= node->count)
                return node;
            node = node->items[step->integer];
            continue;
        }
        const struct node_entry *found = node_find(node, value_text(step, STR_EMPTY));
        if (!found)
            return node;
        *entry = found;
        node = found->value;
    }
    return node;
}

struct span literal_span(const struct node *node, const struct schema_issue *issue)
{
    const struct node_entry *entry;
    node = issue_node(node, issue, &entry);
    return issue->at_key && entry ? node_key_span(entry) : node_span(node);
}

/*
 * Returns the value without the issue, so that further issues can be found: the wrong value becomes unknown,
 * a wrong key is removed, a missing key is added. Returns NULL if nothing would change.
 */
static const struct value *without_issue(
    struct arena *arena, const struct value *v, const struct schema_issue *issue, size_t step)
{
    if (step == issue->path->count) {
        if (issue->key.n && !issue->at_key && v->kind == VALUE_MAP)
            return value_with(arena, v, issue->key, &value_unknown);
        return step || issue->path->count ? &value_unknown : NULL;
    }
    const struct value *at = issue->path->items[step];
    if (at->kind == VALUE_INT && v->kind == VALUE_LIST && (uint64_t)at->integer < v->count) {
        const struct value **items = arena_alloc(arena, v->count * sizeof *items);
        memcpy(items, v->items, v->count * sizeof *items);
        items[at->integer] = without_issue(arena, v->items[at->integer], issue, step + 1);
        return items[at->integer] ? value_list(arena, items, v->count) : NULL;
    }
    struct str key = value_text(at, STR_EMPTY);
    const struct value *inside = value_get(v, key);
    if (!inside)
        return NULL;
    if (issue->at_key && step + 1 == issue->path->count)
        return value_with(arena, v, key, NULL);
    inside = without_issue(arena, inside, issue, step + 1);
    return inside ? value_with(arena, v, key, inside) : NULL;
}

static void hide_line(struct loader *loader, struct span span)
{
    struct str text = span.source->text;
    const char *before = span.offset ? memrchr(text.p, '\n', span.offset) : NULL;
    size_t start = before ? (size_t)(before - text.p) + 1 : 0;
    ptrdiff_t end = str_find_char(text, '\n', span.offset);
    source_hide(loader->arena, span_at(span.source, start, (end < 0 ? text.n : (size_t)end) - start));
}

static void report_issue(struct loader *loader, const char *what, const struct schema *schema,
    const struct attr *attr, const struct node *node, const struct schema_issue *issue)
{
    const struct node_entry *entry;
    issue_node(node, issue, &entry);
    struct span span = literal_span(node, issue);
    struct diag *d = diag_error(
        loader->diags, span, "%s \"%.*s\": %.*s", what, STR_ARG(attr->name), STR_ARG(issue->message));
    if (attr->sensitive) { /* an excerpt or a label would show the secret */
        hide_line(loader, span);
        hint_meaning(loader, d, issue);
        return;
    }
    if (issue->at_key && entry && hint_split_text(loader, d, entry))
        return;
    if (issue->at_key && issue->key.n && hint_field(loader, d, schema, attr, issue))
        return;
    if (issue->label.n)
        diag_label(loader->diags, d, "%.*s", STR_ARG(issue->label));
    if (!d->label.n)
        hint_meaning(loader, d, issue);
}

/*
 * Unquoted 3.10 is the number 3.1, and 1e5 is 100000. If a string is expected, the number must be written as
 * it would be converted.
 */
static void check_spelling(struct loader *loader, const struct type *type, const struct node *node)
{
    if (node->kind == NODE_LIST && type->elem) {
        for (size_t i = 0; i < node->count; i++)
            check_spelling(loader, type->elem, node->items[i]);
    } else if (node->kind == NODE_MAP) {
        static const struct type text = {.kind = TYPE_STRING};
        for (size_t i = 0; i < node->count; i++) {
            const struct attr *field =
                type->kind == TYPE_OBJECT ? type_field(type, node->entries[i].key) : NULL;
            const struct type *inside = field ? field->type : type->kind == TYPE_TAGS ? &text : type->elem;
            if (inside)
                check_spelling(loader, inside, node->entries[i].value);
        }
    } else if (type->kind == TYPE_STRING && (node->kind == NODE_FLOAT || node->kind == NODE_INT)) {
        AUTO_ARENA struct arena scratch = ARENA_INIT;
        struct str text = value_scalar_text(&scratch, node_value(&scratch, node)), raw = node_raw(node);
        if (str_eq(text, raw))
            return;
        struct diag *d =
            diag_error(loader->diags, node_span(node), "this is read as the number %.*s", STR_ARG(text));
        diag_label(loader->diags, d, "quote it: \"%.*s\"", STR_ARG(raw));
    }
}

/* Hides all scalars of the tree except references to a secret. */
static void hide_all(struct loader *loader, const struct node *node)
{
    bool reference = node->kind == NODE_STRING && str_starts(node->string, STR("${")) &&
                     str_find(node->string, STR("}"), 0) == (ptrdiff_t)node->string.n - 1;
    if (node->kind == NODE_MAP)
        for (size_t i = 0; i < node->count; i++)
            hide_all(loader, node->entries[i].value);
    else if (node->kind == NODE_LIST)
        for (size_t i = 0; i < node->count; i++)
            hide_all(loader, node->items[i]);
    else if (!reference)
        source_hide(loader->arena, node_span(node));
}

static void hide_within(struct loader *loader, const struct type *type, const struct node *node)
{
    for (size_t i = 0; node->kind == NODE_LIST && type->elem && i < node->count; i++)
        hide_within(loader, type->elem, node->items[i]);
    for (size_t i = 0; node->kind == NODE_MAP && i < node->count; i++) {
        const struct attr *field = type_field(type, node->entries[i].key);
        if (field)
            check_hide(loader, field, node->entries[i].value);
        else if (type->elem)
            hide_within(loader, type->elem, node->entries[i].value);
    }
}

void check_hide(struct loader *loader, const struct attr *attr, const struct node *node)
{
    if (attr->sensitive) {
        hide_all(loader, node);
        return;
    }
    hide_within(loader, attr->type, node);
}

enum { ISSUES_MAX = 20 };

/* `schema`: the resource's; NULL if the value does not belong to a resource. */
static void check_given(struct loader *loader, const char *what, const struct schema *schema,
    const struct attr *attr, const struct node *node)
{
    check_hide(loader, attr, node);
    if (attr->type->kind == TYPE_ANY && !attr->choices)
        return;
    if (node->kind == NODE_STRING && str_find(node->string, STR("${"), 0) >= 0)
        return;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const struct value *value = known_part(&scratch, node), *out;
    struct schema_issue issue;
    for (int i = 0; i < ISSUES_MAX && value; i++) {
        if (!schema_convert(&scratch, attr, value, &out, &issue))
            break;
        report_issue(loader, what, schema, attr, node, &issue);
        value = without_issue(&scratch, value, &issue, 0);
    }
    check_spelling(loader, attr->type, node);
}

void check_literal(struct loader *loader, const char *what, const struct attr *attr, const struct node *node)
{
    check_given(loader, what, NULL, attr, node);
}

/* ---- attributes of a resource ---- */

const struct attr *check_attr_name(
    struct loader *loader, const struct decl *decl, const struct node_entry *entry)
{
    const struct schema *schema = decl->schema;
    if (!schema)
        return NULL;
    const struct attr *attr = schema_attr(schema, entry->key);
    if (attr && attr->settable)
        return attr;
    if (attr) {
        diag_error(loader->diags, node_key_span(entry),
            "\"%.*s\" of %.*s is set by the service and cannot be given", STR_ARG(attr->name),
            STR_ARG(schema->name));
        return attr;
    }
    struct diag *d = diag_error(loader->diags, node_key_span(entry), "%.*s has no attribute \"%.*s\"",
        STR_ARG(schema->name), STR_ARG(entry->key));
    if (hint_split_text(loader, d, entry))
        return NULL;
    hint_attr(loader, d, schema, entry->key);
    return NULL;
}

void check_ignored(struct loader *loader, const struct decl *decl, const struct node *node, struct str name)
{
    const struct schema *schema = decl->schema;
    if (!schema || str_eqz(name, "*") || schema_attr(schema, name))
        return;
    struct diag *d = diag_error(loader->diags, node_span(node), "%.*s has no attribute \"%.*s\"",
        STR_ARG(schema->name), STR_ARG(name));
    hint_attr(loader, d, schema, name);
}

static const struct node_entry *given_entry(const struct node *body, struct str name)
{
    const struct node_entry *entry = node_find(body, name);
    return entry && entry->value->kind != NODE_NULL ? entry : NULL;
}

static void check_required(struct loader *loader, const struct decl *decl, const struct node *body)
{
    const struct schema *schema = decl->schema;
    AUTO_BUF struct buf missing = BUF_INIT;
    const struct attr *first = NULL;
    for (size_t i = 0; i < schema->attr_count; i++) {
        const struct attr *attr = &schema->attrs[i];
        if (!attr->required || given_entry(body, attr->name))
            continue;
        buf_addf(&missing, "%s\"%.*s\"", missing.n ? ", " : "", STR_ARG(attr->name));
        if (!first)
            first = attr;
    }
    if (!first)
        return;
    struct diag *d = diag_error(loader->diags, decl->span, "%.*s needs %s", STR_ARG(schema->name), missing.p);
    hint_attribute(loader, d, first);
}

/* Returns whether the value is surely given. An expression may be null, which only evaluation tells. */
static bool is_surely_given(const struct node *node)
{
    return node->kind != NODE_NULL &&
           !(node->kind == NODE_STRING && str_find(node->string, STR("${"), 0) >= 0);
}

static void check_conflicts(struct loader *loader, struct decl *decl, const struct node *body)
{
    for (size_t i = 0; i < decl->attr_count; i++) {
        struct attr_expr *given = &decl->attrs[i];
        if (!given->attr || !given->attr->conflicts.n)
            continue;
        const struct node_entry *other = given_entry(body, given->attr->conflicts);
        if (!other || !is_surely_given(other->value) || !is_surely_given(node_find(body, given->name)->value))
            continue;
        given->reported = true;
        struct span span = node_key_span(given->entry), before = node_key_span(other);
        const struct attr *back = schema_attr(decl->schema, other->key);
        if (back && str_eq(back->conflicts, given->name) && before.offset > span.offset)
            continue; /* reported once, at the later of the two */
        struct diag *d = diag_error(loader->diags, span, "\"%.*s\" and \"%.*s\" exclude each other",
            STR_ARG(given->name), STR_ARG(other->key));
        diag_related(loader->diags, d, before, "given here");
    }
}

static enum given_how given_in_body(const void *body, struct str name)
{
    const struct node_entry *entry = given_entry(body, name);
    return !entry ? GIVEN_NOT : is_surely_given(entry->value) ? GIVEN_SURELY : GIVEN_MAYBE;
}

static void check_rules(struct loader *loader, const struct decl *decl, const struct node *body)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    for (size_t i = 0; i < decl->schema->rule_count; i++) {
        struct str broken = attr_rule_broken(&scratch, &decl->schema->rules[i], given_in_body, body);
        if (broken.n)
            diag_error(loader->diags, decl->span, "%.*s: %.*s", STR_ARG(decl->schema->name), STR_ARG(broken));
    }
}

static void warn_deprecated(struct loader *loader, const struct decl *decl)
{
    for (size_t i = 0; i < decl->attr_count; i++)
        if (decl->attrs[i].attr && decl->attrs[i].attr->deprecated)
            diag_warning(loader->diags, node_key_span(decl->attrs[i].entry),
                "\"%.*s\" of %.*s is deprecated by the service", STR_ARG(decl->attrs[i].name),
                STR_ARG(decl->schema->name));
}

void check_resource(struct loader *loader, struct decl *decl, const struct node *body)
{
    struct tally start = load_tally(loader);
    check_required(loader, decl, body);
    check_conflicts(loader, decl, body);
    decl->mistaken.any |= load_ignore_errors(loader, start);
    start = load_tally(loader);
    check_rules(loader, decl, body);
    decl->mistaken.all |= load_ignore_errors(loader, start);
    warn_deprecated(loader, decl);
    for (size_t i = 0; i < decl->attr_count; i++) {
        const struct attr *attr = decl->attrs[i].attr;
        start = load_tally(loader);
        if (attr && attr->settable)
            check_given(loader, "attribute", decl->schema, attr, node_find(body, decl->attrs[i].name)->value);
        decl->attrs[i].reported |= load_ignore_errors(loader, start);
    }
}
