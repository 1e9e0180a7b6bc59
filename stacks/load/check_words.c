/* What was meant by a type or an attribute that there is not: the nearest name, or another tool's word for
 * it. */
#include "stacks/load/load.h"

#include "provider/names/names.h"

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

/* The names of one service ("aws.s3."), for a type that is not there. */
void hint_types(struct loader *loader, struct diag *d, struct str type, bool is_data)
{
    size_t n, shown = 0;
    if (!is_data && hint_type_of_others(loader, d, type))
        return;
    const struct str *names = catalog_known_names(loader->options->catalog, is_data, &n);
    diag_did_you_mean(loader->diags, d, type, names, n);
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    bool colons = str_find(type, STR("::"), 0) >= 0; /* AWS::S3 */
    const char *last_dot = type.n ? memrchr(type.p, colons ? ':' : '.', type.n) : NULL;
    struct str service =
        arena_printf(&scratch, "%.*s%s", STR_ARG(type), colons ? "::" : "."); /* "aws.s3" alone */
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

/* `bucket` or `bucket_name` of a bucket, as services and other tools call it. */
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

/* False: no other tool calls anything of it so. */
static bool hint_word(struct loader *loader, struct diag *d, const struct schema *schema, struct str within,
    const struct attr *attrs, size_t n, struct str word)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct word found;
    if (!word_attr(&scratch, loader->options->catalog, schema, within, attrs, n, word, &found))
        return false;
    if (found.several)
        diag_label(loader->diags, d, "here that is: %.*s", STR_ARG(found.ours));
    else
        diag_label(loader->diags, d, "did you mean \"%.*s\"?", STR_ARG(found.ours));
    if (found.tool.n)
        diag_hint(loader->diags, d, "\"%.*s\" is %.*s's word", STR_ARG(word), STR_ARG(found.tool));
    return true;
}

static void hint_among(
    struct loader *loader, struct diag *d, const struct attr *attrs, size_t count, struct str word)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str *names = ARENA_ARRAY(&scratch, struct str, count + 1);
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (attrs[i].settable)
            names[n++] = attrs[i].name;
    diag_did_you_mean(loader->diags, d, word, names, n);
}

bool hint_attr_of_others(struct loader *loader, struct diag *d, const struct schema *schema, struct str word)
{
    if (!means_name(schema, word))
        return hint_word(loader, d, schema, STR_EMPTY, schema->attrs, schema->attr_count, word);
    diag_label(loader->diags, d, "did you mean \"name\"?");
    return true;
}

void hint_attr(struct loader *loader, struct diag *d, const struct schema *schema, struct str word)
{
    if (hint_attr_of_others(loader, d, schema, word))
        return;
    hint_among(loader, d, schema->attrs, schema->attr_count, word);
    if (!d->label.n && str_eqz(word, "count"))
        diag_hint(loader->diags, d, "`for_each` makes one for each item, `when` one or none");
    else if (!d->label.n)
        diag_hint(loader->diags, d, "`weir docs %.*s` lists what it has", STR_ARG(schema->name));
}

/* The type of what holds the key that an issue is about, and its path without indices. */
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

/* What may be given in an object: a, b, c. */
static void add_fields(struct buf *list, const struct type *type)
{
    size_t shown = 0;
    for (size_t i = 0; i < type->field_count && shown <= FIELDS_SHOWN; i++)
        if (type->fields[i].settable && shown++ < FIELDS_SHOWN)
            buf_addf(list, "%s%.*s", shown > 1 ? ", " : "", STR_ARG(type->fields[i].name));
    if (shown > FIELDS_SHOWN)
        buf_addz(list, ", …");
}

bool hint_field(struct loader *loader, struct diag *d, const struct schema *schema, const struct attr *attr,
    const struct schema_issue *issue)
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

/* {a, b} where objects belong, also in a list or under names of their own. */
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

void hint_meaning(struct loader *loader, struct diag *d, const struct schema_issue *issue)
{
    const struct attr *about = issue->attr;
    const struct type *type = about ? about->type : NULL;
    while (type && issue->key.n && type->kind != TYPE_OBJECT)
        type = type->elem;
    if (type && issue->key.n) /* a field that is missing */
        about = type_field(type, issue->key);
    if (!about || !about->doc.n || (about->choices && !issue->key.n))
        return;
    AUTO_BUF struct buf shape = BUF_INIT;
    add_shape(&shape, about->type);
    diag_hint(loader->diags, d, "%.*s: %.*s%s%s", STR_ARG(about->name), STR_ARG(about->doc),
        shape.n ? " " : "", shape.n ? shape.p : "");
}
