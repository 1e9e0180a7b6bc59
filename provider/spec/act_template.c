/* Templates and tests, and the content of one request. */
#include "base/clock.h"
#include "base/json.h"
#include "provider/aws/credentials.h"
#include "provider/spec/act.h"

static int template_context(struct act *act, struct str name, const struct value **out, struct err *err)
{
    struct str text = STR_EMPTY;
    const struct provider_kind *kind = act->type->service->kind;
    if (str_eqz(name, "now")) {
        text = time_rfc3339(act->arena, clock_wall_ms(), true);
    } else if (kind->send) {
        int failed = kind->tell ? kind->tell(provider_self(act->ctx->provider), act->type->service->head,
                                      name, act->ctx->cancel, act->arena, &text, err)
                                : 0;
        if (failed || !text.n)
            return failed;
    } else if (str_eqz(name, "region"))
        text = aws_region(act->client);
    else if (str_eqz(name, "partition"))
        text = aws_partition(act->client);
    else if (str_eqz(name, "dns_suffix"))
        text = region_dns_suffix(aws_region(act->client));
    else if (str_eqz(name, "stack"))
        text = act->ctx->owner.stack;
    else if (str_eqz(name, "address"))
        text = act->ctx->address;
    else if (str_eqz(name, "token"))
        text = act->ctx->owner.token;
    else if (!str_eqz(name, "account"))
        return 0;
    else if (aws_account(act->client, act->arena, &text, err))
        return -1;
    *out = value_string(act->arena, text);
    return 0;
}

/* Returns an attribute's value or default, or a value of the context; *out stays NULL if there is none. */
static int template_value(
    struct act *act, struct str name, const struct value *object, const struct value **out, struct err *err)
{
    const struct spec_attr *attr = spec_attr_find(act->type, name);
    const struct value *v = attr ? value_get(object, name) : NULL;
    *out = value_is_null(v) && attr ? attr->attr->default_value : v;
    return value_is_null(*out) ? template_context(act, name, out, err) : 0;
}

struct str spec_filtered(struct arena *arena, const struct attr *attr, struct str text, struct str filter)
{
    bool folder = str_eqz(filter, "folder");
    if (folder && attr && str_eq(text, value_text(attr->default_value, STR_EMPTY)))
        return STR_EMPTY;
    if (folder)
        return arena_printf(arena, "%.*s/", STR_ARG(text));
    if (str_eqz(filter, "rooted") && !str_starts(text, STR("/")))
        return arena_printf(arena, "/%.*s", STR_ARG(text));
    if (str_eqz(filter, "base"))
        return str_last_part(text, "/");
    return str_eqz(filter, "lower") ? arena_lower(arena, text) : text;
}

/* Structures are inserted as JSON. */
static struct str template_text(struct act *act, const struct value *v)
{
    bool whole = v->kind == VALUE_MAP || v->kind == VALUE_LIST;
    return whole ? json_as_text(act->arena, v)->string : value_scalar_text(act->arena, v);
}

/* The reverse: returns an attribute's value from a part of the id. */
static const struct value *template_part(struct act *act, const struct spec_attr *attr, struct str text)
{
    const struct value *v;
    bool whole = attr->attr->type->kind == TYPE_OBJECT && !json_parse(act->arena, text, &v, ERR_IGNORED);
    return whole ? v : value_string(act->arena, text);
}

static int template_expand(struct act *act, const struct value *template, const struct value *object,
    const struct value **out, struct err *err)
{
    AUTO_BUF struct buf text = BUF_INIT;
    struct str rest = template->string, before, inner, filter;
    *out = NULL;
    while (str_take_name(&rest, "${", &before, &inner)) {
        struct str name = str_cut(inner, '|', &filter);
        const struct value *v = NULL;
        if (template_value(act, name, object, &v, err))
            return -1;
        bool whole = inner.n + 3 == template->string.n && !filter.p;
        if (value_is_null(v) || value_is_unknown(v) || whole) {
            *out = value_is_null(v) ? NULL : v;
            return 0;
        }
        buf_add_str(&text, before);
        const struct spec_attr *attr = spec_attr_find(act->type, name);
        buf_add_str(
            &text, spec_filtered(act->arena, attr ? attr->attr : NULL, template_text(act, v), filter));
    }
    buf_add_str(&text, rest);
    *out = value_string(act->arena, buf_str(&text));
    return 0;
}

/* A structure with a missing member is missing itself. */
static int expand_collection(struct act *act, const struct value *template, const struct value *object,
    const struct value **out, struct err *err)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(act->arena);
    bool map = template->kind == VALUE_MAP;
    for (uint32_t i = 0; i < template->count; i++) {
        const struct value *v = NULL;
        if (act_template(act, map ? template->entries[i].value : template->items[i], object, &v, err))
            return -1;
        bool nothing = value_is_null(v) || (v->kind == VALUE_MAP && !v->count);
        if (map && nothing) {
            *out = NULL;
            return 0;
        }
        if (!nothing)
            value_builder_set(&b, map ? template->entries[i].key : STR_EMPTY, v);
    }
    bool empty = !b.n;
    *out = map ? value_builder_map(&b) : value_builder_list(&b);
    if (empty)
        *out = NULL;
    return 0;
}

int act_template(struct act *act, const struct value *template, const struct value *object,
    const struct value **out, struct err *err)
{
    *out = template;
    if (template->kind == VALUE_STRING && str_find(template->string, STR("${"), 0) >= 0)
        return template_expand(act, template, object, out, err);
    if (template->kind == VALUE_LIST || template->kind == VALUE_MAP)
        return expand_collection(act, template, object, out, err);
    return 0;
}

int act_fill_templates(struct act *act, const struct value *object, const struct value **out, struct err *err)
{
    *out = object;
    for (size_t i = 0; i < act->type->attr_count; i++) {
        const struct spec_attr *attr = &act->type->attrs[i];
        const struct value *have = value_get(*out, attr->attr->name);
        if (!attr->template.n || (!value_is_null(have) && !value_is_unknown(have)))
            continue;
        const struct value *template = value_string_ref(act->arena, attr->template), *v;
        if (act_template(act, template, *out, &v, err))
            return err_context(err, "%.*s", STR_ARG(attr->attr->name));
        if (v)
            *out = value_with(act->arena, *out, attr->attr->name, v);
    }
    return 0;
}

bool spec_template_has(struct str template, struct str name)
{
    for (ptrdiff_t at = str_find(template, name, 0); at >= 0; at = str_find(template, name, (size_t)at + 1)) {
        size_t end = (size_t)at + name.n;
        if (at > 1 && template.p[at - 1] == '{' && end < template.n &&
            (template.p[end] == '}' || template.p[end] == '|'))
            return true;
    }
    return false;
}

static size_t count_slashes(struct str text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++)
        n += text.p[i] == '/';
    return n;
}

/* Takes the part before the slash that ends it, leaving as many slashes as the rest of the template has, and
 * removes it from the string; without one the attribute has its default. */
static const struct value *with_folder(
    struct act *act, struct str name, struct str rest, struct str *text, const struct value *object)
{
    ptrdiff_t slash = -1;
    for (size_t left = count_slashes(*text), kept = count_slashes(rest); left > kept; left--)
        slash = str_find_char(*text, '/', (size_t)(slash + 1));
    if (slash < 0)
        return object;
    if (spec_attr_find(act->type, name) && value_is_null(value_get(object, name)))
        object = value_with(
            act->arena, object, name, value_string(act->arena, str_slice(*text, 0, (size_t)slash)));
    *text = str_slice(*text, (size_t)slash + 1, text->n);
    return object;
}

/* Returns where this attribute's part ends in the string, or -1. The separator may occur in the part itself,
 * if it is an ARN: then the attribute's pattern decides, and without one the last separator counts. */
static ptrdiff_t part_end(struct act *act, const struct spec_attr *attr, struct str text, struct str between)
{
    ptrdiff_t end = between.n ? str_find(text, between, 0) : (ptrdiff_t)text.n, next;
    if (!attr || !between.n || !str_starts(text, STR("arn:")))
        return end;
    while (end >= 0 && (next = str_find(text, between, (size_t)end + between.n)) >= 0) {
        const struct value *converted;
        struct schema_issue issue = {0};
        const struct value *part = value_string(act->arena, str_slice(text, 0, (size_t)end));
        if (attr->attr->pattern.n && !schema_convert(act->arena, attr->attr, part, &converted, &issue))
            break;
        end = next;
    }
    return end;
}

/* Adds attributes that follow from the string by the template to those of the object. */
static const struct value *template_split(
    struct act *act, struct str rest, struct str text, const struct value *object)
{
    struct str before, inner, filter, after;
    while (text.n && str_take_name(&rest, "${", &before, &inner) && str_starts(text, before)) {
        struct str name = str_cut(inner, '|', &filter);
        text = str_slice(text, before.n, text.n);
        if (str_eqz(filter, "folder")) {
            object = with_folder(act, name, rest, &text, object);
            continue;
        }
        struct str between = str_cut(rest, '$', &after);
        if (!between.n && rest.n)
            break; /* two adjacent attributes cannot be separated */
        const struct spec_attr *attr = spec_attr_find(act->type, name);
        ptrdiff_t end = part_end(act, attr, text, between);
        if (end < 0)
            break;
        if (attr && value_is_null(value_get(object, name)))
            object = value_with(
                act->arena, object, name, template_part(act, attr, str_slice(text, 0, (size_t)end)));
        text = str_slice(text, (size_t)end, text.n);
    }
    return object;
}

const struct value *act_split(struct act *act, struct str attr, const struct value *object)
{
    const struct spec_attr *id = spec_attr_find(act->type, attr);
    struct str text = id ? value_text(value_get(object, id->attr->name), STR_EMPTY) : STR_EMPTY;
    return id ? template_split(act, id->template, text, object) : object;
}

const struct value *act_split_text(struct act *act, struct str template, struct str text)
{
    return template_split(act, template, text, &value_empty_map);
}

/* Adds what the tests also use to the object: values of the context, and defaults. */
static const struct value *with_asked(
    struct act *act, const struct value_tests *tests, const struct value *object)
{
    for (size_t i = 0; i < tests->count; i++) {
        struct str rest, name = str_cut(tests->items[i].path, '.', &rest);
        const struct value *v = NULL;
        if (value_is_null(value_get(object, name)) && !template_value(act, name, object, &v, ERR_IGNORED) &&
            !value_is_null(v))
            object = value_with(act->arena, object, name, v);
    }
    return object;
}

bool act_holds(struct act *act, const struct value_tests *tests, const struct value *object)
{
    return !tests->count || schema_tests_hold(act->arena, &act->type->schema, tests,
                                with_asked(act, tests, object), act->prior);
}

const struct value_test *act_first_holding(
    struct act *act, const struct value_tests *tests, const struct value *object)
{
    for (size_t i = 0; i < tests->count; i++)
        if (act_holds(act, &(struct value_tests){&tests->items[i], 1}, object))
            return &tests->items[i];
    return NULL;
}

/* ---- The content of one request ---- */

/* Returns the entry of a map attribute whose key is in the item. */
static const struct value *entry_for(
    struct act *act, const struct spec_extra *extra, const struct value *object, const struct value *item)
{
    struct str key = value_scalar_text(act->arena, wire_path(act->arena, item, extra->value->string));
    return value_get(value_get(object, extra->entry_of), key);
}

bool act_has_entries(
    struct act *act, const struct spec_step *step, const struct value *object, const struct value *item)
{
    for (size_t i = 0; i < step->call.request.extra_count; i++) {
        const struct spec_extra *extra = &step->call.request.extras[i];
        if (extra->entry_of.n && value_is_null(entry_for(act, extra, object, item)))
            return false;
    }
    return true;
}

static const struct value *item_value(
    struct act *act, const struct spec_extra *extra, const struct value *object, const struct value *item)
{
    if (item && extra->entry_of.n)
        return value_get(entry_for(act, extra, object, item), extra->field);
    const struct value *v = item ? wire_path(act->arena, item, extra->value->string) : NULL;
    return v && extra->listed ? value_list(act->arena, &v, 1) : v;
}

static int add_extras(struct act *act, const struct spec_request *request, const struct value *object,
    const struct value *item, struct value_builder *input, struct err *err)
{
    for (size_t i = 0; i < request->extra_count; i++) {
        const struct spec_extra *extra = &request->extras[i];
        const struct value *v = extra->value;
        if (extra->from_item)
            v = item_value(act, extra, object, item);
        else if (extra->dynamic && act_template(act, extra->value, object, &v, err))
            return -1;
        if (!value_is_null(v))
            value_builder_set(input, extra->key, v);
    }
    return 0;
}

/* Attributes that only weir uses are sent with their default if not configured; for others services mostly
 * know the default. */
static const struct value *default_to_send(const struct spec_step *step, const struct spec_attr *attr)
{
    if (!attr || (!attr->weir_only && !attr->attr->send_default))
        return NULL;
    bool stays = step->call.partial && attr->attr->settable && !attr->attr->replace && !attr->weir_only;
    return stays ? NULL : attr->attr->default_value; /* a partial update only sends what changes */
}

/* Services without empty lists refuse one: a new resource has none anyway. */
static bool is_left_out(const struct act *act, const struct spec_attr *attr, const struct value *v)
{
    const struct value *usual = attr ? attr->attr->default_value : NULL;
    bool collection = usual && (usual->kind == VALUE_MAP || usual->kind == VALUE_LIST);
    return act->after_creation && collection && !usual->count && v->kind == usual->kind && !v->count;
}

static bool has_fields_to_fill(const struct type *type)
{
    for (; type; type = type->elem)
        for (size_t i = 0; i < type->field_count; i++)
            if (type->fields[i].send_default || has_fields_to_fill(type->fields[i].type))
                return true;
    return false;
}

/* Fills in defaults of fields in objects. */
static const struct value *fill_fields(struct arena *arena, const struct type *type, const struct value *v)
{
    if (value_is_null(v) || !value_is_known(v) || !has_fields_to_fill(type))
        return v;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    if (v->kind == VALUE_LIST) {
        for (uint32_t i = 0; i < v->count; i++)
            value_builder_add(&b, fill_fields(arena, type->elem, v->items[i]));
        return value_builder_list(&b);
    }
    if (v->kind != VALUE_MAP)
        return v;
    for (uint32_t i = 0; i < v->count; i++) {
        const struct attr *field = type->elem ? NULL : type_field(type, v->entries[i].key);
        const struct type *inner = field ? field->type : type->elem;
        value_builder_set(&b, v->entries[i].key, fill_fields(arena, inner, v->entries[i].value));
    }
    for (size_t i = 0; i < type->field_count; i++) {
        const struct attr *field = &type->fields[i];
        if (field->send_default && value_is_null(value_get(v, field->name)))
            value_builder_set(&b, field->name, field->default_value);
    }
    return value_builder_map(&b);
}

/* Adds the tags of a create call. */
static int add_tags(struct act *act, const struct value *object, struct value_builder *input, struct err *err)
{
    const struct spec_owned *tags = act->type->tags;
    const struct value *v = tags && tags->with_create ? value_get(object, tags->attr->attr->name) : NULL;
    if (!v)
        return 0;
    if (act_tag_items(act, object, v, &v, err))
        return -1;
    value_builder_set(input, tags->attr->attr->name, v);
    return 0;
}

int act_input(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value *item, const struct value *token, const struct value **out, struct err *err)
{
    AUTO_BUILDER struct value_builder input = VALUE_BUILDER(act->arena);
    const struct spec_request *request = &step->call.request;
    for (size_t i = 0; i < request->attrs.count; i++) {
        const struct spec_attr *attr = spec_attr_find(act->type, request->attrs.items[i]);
        const struct value *v = value_get(object, request->attrs.items[i]);
        if (value_is_null(v))
            v = default_to_send(step, attr);
        if (!value_is_null(v) && value_is_known(v) && !is_left_out(act, attr, v))
            value_builder_set(
                &input, request->attrs.items[i], attr ? fill_fields(act->arena, attr->attr->type, v) : v);
    }
    for (size_t i = 0; i < step->call.kept_count; i++) {
        struct str name = step->call.kept[i].name;
        if (attr_is_unnamed(name) && value_get(object, name))
            value_builder_set(&input, name, value_get(object, name));
    }
    if (add_tags(act, object, &input, err) || add_extras(act, request, object, item, &input, err))
        return -1;
    if (token)
        value_builder_set(&input, step->list.page.in_key, token);
    *out = value_builder_map(&input);
    return 0;
}
