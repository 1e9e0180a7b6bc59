/* Writes exported resources as Terraform configuration with import blocks: see exported.h. */
#include "cmd/export/exported.h"

#include "base/json.h"

struct hcl {
    struct export *export;
    struct buf *out;
    struct value_builder variables; /* name -> description; in a list if the variable is a map */
    const struct exported *one;
    struct export_references references; /* of `attr` */
    struct str attr, top;                /* the attribute being written; its top-level attribute */
};

static void indent(struct hcl *h, int depth)
{
    for (int i = 0; i < depth; i++)
        buf_addz(h->out, "  ");
}

/* ---- strings ---- */

/* Returns the reference that occurs first, and of several at that offset the longest. */
static const struct export_reference *next_reference(
    const struct hcl *h, struct str text, size_t from, size_t *at)
{
    const struct export_reference *best = NULL;
    for (size_t i = 0; i < h->references.n; i++) {
        const struct export_reference *one = &h->references.items[i];
        struct str value = value_text(one->value, STR_EMPTY);
        bool telling = value.n > 1 || str_eq(value, text);
        ptrdiff_t found = telling && !value_is_sensitive(one->value) ? str_find(text, value, from) : -1;
        bool longer = best && (size_t)found == *at && value.n > best->value->string.n;
        if (found >= 0 && (!best || (size_t)found < *at || longer)) {
            best = one;
            *at = (size_t)found;
        }
    }
    return best;
}

/* Escapes ${ and %{, which begin templates in HCL. */
static void write_escaped(struct hcl *h, struct str text)
{
    AUTO_BUF struct buf quoted = BUF_INIT;
    json_write_string(&quoted, text);
    for (size_t i = 1; i + 1 < quoted.n; i++) {
        if ((quoted.p[i] == '$' || quoted.p[i] == '%') && quoted.p[i + 1] == '{')
            buf_add_char(h->out, quoted.p[i]);
        buf_add_char(h->out, quoted.p[i]);
    }
}

static void write_text(struct hcl *h, struct str text)
{
    size_t at = 0, from = 0;
    const struct export_reference *found = next_reference(h, text, 0, &at);
    if (found && at == 0 && found->value->string.n == text.n) {
        buf_add_str(h->out, found->full);
        return;
    }
    buf_add_char(h->out, '"');
    while ((found = next_reference(h, text, from, &at))) {
        bool dollar = at > from && text.p[at - 1] == '$'; /* $${ would be a literal ${ */
        write_escaped(h, str_slice(text, from, at - dollar));
        buf_addf(h->out, "%s${%.*s}", dollar ? "${\"$\"}" : "", STR_ARG(found->full));
        from = at + found->value->string.n;
    }
    write_escaped(h, str_slice(text, from, text.n));
    buf_add_char(h->out, '"');
}

/* ---- values ---- */

static void write_value(struct hcl *h, const struct value *v, int depth);

/* Returns whether the secret is a map: a saved plan does not contain its value. */
static bool is_secret_map(const struct hcl *h, const struct value *v)
{
    const struct value *sources = value_as_list(value_get(h->one->made->sources, h->top));
    const struct attr *attr =
        sources->count == 1 ? schema_attr(h->one->object->schema, value_text(sources->items[0], STR_EMPTY))
                            : NULL;
    return v->kind == VALUE_MAP || (attr && attr->type->kind == TYPE_MAP);
}

static void write_secret(struct hcl *h, const struct value *v)
{
    struct arena *arena = h->export->arena;
    const struct value *whose = value_string_ref(arena, h->one->address);
    struct str name =
        export_name(arena, arena_printf(arena, "%.*s_%.*s", STR_ARG(h->one->name), STR_ARG(h->attr)));
    value_builder_set(&h->variables, name, is_secret_map(h, v) ? value_list(arena, &whose, 1) : whose);
    buf_addf(h->out, "var.%.*s", STR_ARG(name));
}

/* Returns whether the referenced attribute's name suggests this value. */
static bool sounds_like(struct str full, struct str name)
{
    struct str attr = str_slice(full, str_after_last(full, "."), full.n);
    return str_find(name, attr, 0) >= 0 || str_find(attr, name, 0) >= 0;
}

/* Writes an unknown value as a reference, if only one fits and the value is not composed of several parts. */
static void write_unknown(struct hcl *h)
{
    const struct export_reference *found = NULL, *alike = NULL;
    size_t n = 0, parts = 0;
    for (size_t i = 0; i < h->references.n; i++) {
        const struct export_reference *one = &h->references.items[i];
        if (!value_is_null(one->value) && !value_is_unknown(one->value))
            continue;
        parts += one->part;
        if (one->part)
            continue;
        found = one;
        alike = !alike && sounds_like(one->full, h->attr) ? one : alike;
        n++;
    }
    found = n == 1 && !parts ? found : alike;
    if (found)
        buf_add_str(h->out, found->full);
    else
        buf_addz(h->out, "null /* known after apply */");
}

/* Returns whether the key needs no quotes; `for` begins an expression in HCL. */
static bool is_word(struct str key)
{
    for (size_t i = 0; i < key.n; i++) {
        char c = key.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && (!i || !((c >= '0' && c <= '9') || c == '-')))
            return false;
    }
    return key.n && !str_eqz(key, "for");
}

static void write_object(struct hcl *h, const struct value *v, int depth)
{
    struct str attr = h->attr;
    buf_addz(h->out, v->count ? "{\n" : "{}");
    for (uint32_t i = 0; i < v->count; i++) {
        indent(h, depth + 1);
        if (is_word(v->entries[i].key)) {
            buf_add_str(h->out, v->entries[i].key);
        } else {
            buf_add_char(h->out, '"');
            write_escaped(h, v->entries[i].key);
            buf_add_char(h->out, '"');
        }
        buf_addz(h->out, " = ");
        h->attr = v->entries[i].key;
        write_value(h, v->entries[i].value, depth + 1);
        h->attr = attr;
        buf_add_char(h->out, '\n');
    }
    if (v->count) {
        indent(h, depth);
        buf_add_char(h->out, '}');
    }
}

static void write_list(struct hcl *h, const struct value *v, int depth)
{
    buf_add_char(h->out, '[');
    for (uint32_t i = 0; i < v->count; i++) {
        buf_addz(h->out, i ? ", " : "");
        write_value(h, v->items[i], depth);
    }
    buf_add_char(h->out, ']');
}

/* Writes a JSON document with jsonencode(), which is easier to read. Numbers that HCL would format
 * differently stay strings. */
static bool write_document(struct hcl *h, struct str text, int depth)
{
    const struct value *v;
    bool document = text.n > 1 && (text.p[0] == '{' || text.p[0] == '[');
    if (!document || json_parse(h->export->arena, text, &v, NULL) ||
        (v->kind != VALUE_MAP && v->kind != VALUE_LIST))
        return false;
    buf_addz(h->out, "jsonencode(");
    write_value(h, v, depth);
    buf_add_char(h->out, ')');
    return true;
}

static void write_value(struct hcl *h, const struct value *v, int depth)
{
    if (v->marks & VALUE_SENSITIVE)
        write_secret(h, v);
    else if (v->kind == VALUE_UNKNOWN)
        write_unknown(h);
    else if (v->kind == VALUE_MAP)
        write_object(h, v, depth);
    else if (v->kind == VALUE_LIST)
        write_list(h, v, depth);
    else if (v->kind != VALUE_STRING)
        json_write(h->out, v, JSON_PLAIN);
    else if (!write_document(h, v->string, depth))
        write_text(h, v->string);
}

/* ---- resources ---- */

static void write_attr(struct hcl *h, struct str name, const struct value *v, int depth);

static void write_block(struct hcl *h, struct str name, const struct value *map, int depth)
{
    indent(h, depth);
    buf_addf(h->out, "%.*s {%s", STR_ARG(name), map->count ? "\n" : "");
    for (uint32_t i = 0; i < map->count; i++)
        write_attr(h, map->entries[i].key, map->entries[i].value, depth + 1);
    if (map->count)
        indent(h, depth);
    buf_addz(h->out, "}\n");
}

static void write_attr(struct hcl *h, struct str name, const struct value *v, int depth)
{
    struct str around = h->attr;
    h->attr = name;
    bool blocks =
        v->kind == VALUE_LIST && v->count && v->items[0]->kind == VALUE_MAP && !(v->marks & VALUE_SENSITIVE);
    for (uint32_t i = 0; blocks && i < v->count; i++)
        write_block(h, name, value_as_map(v->items[i]), depth);
    if (!blocks) {
        indent(h, depth);
        buf_addf(h->out, "%.*s = ", STR_ARG(name));
        write_value(h, v, depth);
        buf_add_char(h->out, '\n');
    }
    h->attr = around;
}

/* Writes configured attributes that Terraform does not have, as a comment. */
static void write_left_out(struct hcl *h, const struct exported *items, size_t n)
{
    const struct value *given = h->one->object->given;
    for (uint32_t i = 0; i < given->count; i++) {
        struct str name = value_text(given->items[i], STR_EMPTY);
        bool written = value_is_empty(value_get(h->one->object->after, name));
        for (size_t k = 0; !written && k < n && items[k].object == h->one->object; k++)
            for (uint32_t m = 0; items[k].made && !written && m < items[k].made->sources->count; m++)
                written = value_list_has(items[k].made->sources->entries[m].value, name);
        if (!written)
            buf_addf(h->out, "  # without `%.*s`, which Terraform does not have\n", STR_ARG(name));
    }
}

static void write_resource(struct hcl *h, size_t index)
{
    const struct exported *one = h->one = &h->export->items[index];
    buf_addf(h->out, "\nresource \"%.*s\" \"%.*s\" {\n", STR_ARG(one->type), STR_ARG(one->name));
    struct str provider = export_provider(h->export, one);
    if (!str_eqz(provider, "aws"))
        buf_addf(h->out, "  provider = %.*s\n", STR_ARG(provider));
    if (!one->part)
        write_left_out(h, one, h->export->n - index);
    for (uint32_t i = 0; i < one->after->count; i++) {
        h->attr = h->top = one->after->entries[i].key;
        if (export_references(h->export, one, h->attr, &h->references))
            write_attr(h, h->attr, one->after->entries[i].value, 1);
    }
    buf_addz(h->out, "}\n");
}

/* ---- import blocks ---- */

static void write_import(struct hcl *h, const struct exported *one)
{
    AUTO_BUF struct buf id = BUF_INIT;
    if (!one->before || !export_import_id(h->export->arena, one, &id))
        return;
    buf_addf(h->out, "\nimport {\n  to = %.*s\n  id = \"", STR_ARG(one->address));
    write_escaped(h, buf_str(&id));
    buf_addz(h->out, "\"\n}\n");
}

/* ---- the whole configuration ---- */

/* Returns the ignored tags that all resources of the provider's configuration have in common. */
static const struct value *ignored_tags(const struct export *export, struct str provider)
{
    const struct value *only = NULL;
    for (size_t i = 0; i < export->n; i++) {
        const struct planned_object *object = export->items[i].object;
        if (!object->region.n || !str_eq(export_provider(export, &export->items[i]), provider))
            continue;
        if (only && !value_equal(object->ignored_tags, only))
            return &value_empty_list;
        only = object->ignored_tags;
    }
    return value_as_list(only);
}

static void write_tag_keys(struct hcl *h, const char *name, const struct value *keys)
{
    if (!keys->count)
        return;
    buf_addf(h->out, "    %s = ", name);
    write_list(h, keys, 2);
    buf_add_char(h->out, '\n');
}

static void write_provider(struct hcl *h, struct str provider, struct str region)
{
    const struct value *ignored = ignored_tags(h->export, provider);
    buf_addz(h->out, "\nprovider \"aws\" {\n");
    if (!str_eqz(provider, "aws"))
        buf_addf(h->out, "  alias = \"%.*s\"\n", STR_ARG(region));
    buf_addf(h->out, "  region = \"%.*s\"\n", STR_ARG(region));
    if (ignored->count) {
        buf_addz(h->out, "  ignore_tags {\n");
        write_tag_keys(h, "keys", export_tag_keys(h->export->arena, ignored, false));
        write_tag_keys(h, "key_prefixes", export_tag_keys(h->export->arena, ignored, true));
        buf_addz(h->out, "  }\n");
    }
    buf_addz(h->out, "}\n");
}

static void write_providers(struct hcl *h)
{
    AUTO_MAP struct map written = {0};
    for (size_t i = 0; i < h->export->n; i++) {
        const struct exported *one = &h->export->items[i];
        struct str provider = export_provider(h->export, one);
        if (one->translated && one->object->region.n && !map_set(&written, provider, h))
            write_provider(h, provider, one->object->region);
    }
}

static void write_head(struct hcl *h, struct str stack)
{
    bool any = false;
    buf_addf(h->out, "# The stack %.*s, written by weir.\n", STR_ARG(stack));
    for (size_t i = 0; i < h->export->n; i++) {
        const struct exported *one = &h->export->items[i];
        if (one->translated || !one->after)
            continue;
        buf_addf(h->out, "%s#   %.*s (%.*s)\n", any ? "" : "# Left out, as Terraform has no such types:\n",
            STR_ARG(one->object->address), STR_ARG(one->object->type));
        any = true;
    }
    buf_addz(h->out, "\nterraform {\n  required_providers {\n    aws = {\n      source = \"hashicorp/aws\"\n "
                     "   }\n  }\n}\n");
    write_providers(h);
}

static void write_variables(struct hcl *h)
{
    const struct value *variables = value_builder_map(&h->variables);
    for (uint32_t i = 0; i < variables->count; i++) {
        const struct value *whose = variables->entries[i].value;
        bool map = whose->kind == VALUE_LIST;
        buf_addf(h->out,
            "\nvariable \"%.*s\" {\n  description = \"A secret of %.*s\"\n%s  sensitive   = true\n}\n",
            STR_ARG(variables->entries[i].key), STR_ARG(map ? whose->items[0]->string : whose->string),
            map ? "  type        = map(string)\n" : "");
    }
}

void export_hcl(struct export *export, struct str stack, struct buf *out)
{
    struct hcl h = {.export = export, .out = out, .variables = VALUE_BUILDER(export->arena)};
    write_head(&h, stack);
    for (size_t i = 0; i < export->n; i++)
        if (export->items[i].translated && export->items[i].after)
            write_resource(&h, i);
    for (size_t i = 0; i < export->n; i++)
        if (export->items[i].translated && export->items[i].after)
            write_import(&h, &export->items[i]);
    write_variables(&h);
}
