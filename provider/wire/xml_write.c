/*
 * XML bodies, rest-xml's requests and every XML answer of a server: elements in the shape's order, no white
 * space, no prolog.
 */
#include "provider/wire/internal.h"

struct xml {
    const struct wire_encoder *e;
    struct buf *out;
};

static int write_element(struct xml *xml, struct str name, const struct shape *shape, const struct value *v);

void wire_xml_escape(struct buf *out, struct str text, bool attribute)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        switch (c) {
        case '&': buf_addz(out, "&amp;"); break;
        case '<': buf_addz(out, "&lt;"); break;
        case '>': buf_addz(out, "&gt;"); break;
        case '\r': buf_addz(out, "&#13;"); break;
        case '"': buf_addz(out, attribute ? "&quot;" : "\""); break;
        case '\n': buf_addz(out, attribute ? "&#10;" : "\n"); break;
        case '\t': buf_addz(out, attribute ? "&#9;" : "\t"); break;
        default: buf_add_char(out, c);
        }
    }
}

bool wire_xml_can_say(struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if ((c < 0x20 && !char_is_among((char)c, "\t\n\r")) ||
            (c == 0xef && i + 2 < text.n && (unsigned char)text.p[i + 1] == 0xbf &&
                (unsigned char)text.p[i + 2] >= 0xbe))
            return false;
    }
    return true;
}

static int add_text(struct xml *xml, struct str text, bool attribute)
{
    if (!wire_xml_can_say(text))
        return err_set(xml->e->err, ERR_INVALID, "the text has control characters, which XML cannot carry");
    wire_xml_escape(xml->out, text, attribute);
    return 0;
}

/* Answers of ec2 have names that begin with a small letter. */
static void add_name(struct xml *xml, struct str name)
{
    if (name.n && xml->e->answer && xml->e->protocol == WIRE_EC2 && name.p[0] >= 'A' && name.p[0] <= 'Z') {
        buf_add_char(xml->out, (char)(name.p[0] - 'A' + 'a'));
        name = str_slice(name, 1, name.n);
    }
    buf_add_str(xml->out, name);
}

static void close_element(struct xml *xml, struct str name)
{
    buf_addz(xml->out, "</");
    add_name(xml, name);
    buf_add_char(xml->out, '>');
}

static void open_element(struct xml *xml, struct str name)
{
    buf_add_char(xml->out, '<');
    add_name(xml, name);
    buf_add_char(xml->out, '>');
}

/* "<a><b/></a>" rather than "<a><b></b></a>": takes back the '>' if nothing came after it. */
static void close_element_from(struct xml *xml, struct str name, size_t content)
{
    if (xml->out->n > content) {
        close_element(xml, name);
        return;
    }
    xml->out->n = content - 1;
    buf_addz(xml->out, "/>");
}

static int write_attribute(
    void *ctx, const struct shape_member *member, struct str name, const struct value *v)
{
    struct xml *xml = ctx;
    struct str text;
    if (!member->xml_attribute)
        return 0;
    if (str_starts(name, STR("xsi:")))
        buf_addz(xml->out, " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"");
    if (wire_scalar_text(xml->e, member->shape, v, WIRE_TIME_ISO, &text))
        return err_context(xml->e->err, "%.*s", STR_ARG(name));
    buf_addf(xml->out, " %.*s=\"", STR_ARG(name));
    if (add_text(xml, text, true))
        return err_context(xml->e->err, "%.*s", STR_ARG(name));
    buf_add_char(xml->out, '"');
    return 0;
}

static int write_child(void *ctx, const struct shape_member *member, struct str name, const struct value *v)
{
    struct xml *xml = ctx;
    if (member->xml_attribute)
        return 0;
    return write_element(xml, name, member->shape, v) ? err_context(xml->e->err, "%.*s", STR_ARG(name)) : 0;
}

static int write_struct(struct xml *xml, struct str name, struct str xmlns, const struct shape *shape,
    const struct value *v, bool body_only)
{
    buf_add_char(xml->out, '<');
    add_name(xml, name);
    if (xmlns.n) {
        buf_addz(xml->out, " xmlns=\"");
        wire_xml_escape(xml->out, xmlns, true);
        buf_add_char(xml->out, '"');
    }
    if (wire_each_member(shape, v, body_only, write_attribute, xml))
        return -1;
    buf_add_char(xml->out, '>');
    size_t content = xml->out->n;
    if (wire_each_member(shape, v, body_only, write_child, xml))
        return -1;
    close_element_from(xml, name, content);
    return 0;
}

static struct str item_name(const struct xml *xml, const struct shape *shape)
{
    return wire_or(shape->item, xml->e->protocol == WIRE_EC2 ? STR("item") : STR("member"));
}

static int write_list(struct xml *xml, struct str name, const struct shape *shape, const struct value *v)
{
    static const struct shape any = {.kind = SHAPE_ANY};
    struct str item = shape->flat ? name : item_name(xml, shape);
    if (!shape->flat)
        open_element(xml, name);
    size_t content = xml->out->n;
    for (uint32_t i = 0; i < v->count; i++)
        if (write_element(xml, item, shape->elem ? shape->elem : &any, v->items[i]))
            return err_context(xml->e->err, "item %u", i + 1);
    if (!shape->flat)
        close_element_from(xml, name, content);
    return 0;
}

static int write_map(struct xml *xml, struct str name, const struct shape *shape, const struct value *v)
{
    static const struct shape any = {.kind = SHAPE_ANY}, text = {.kind = SHAPE_STRING};
    struct str entry = shape->flat ? name : wire_or(shape->entry, STR("entry"));
    struct str key_name = wire_or(shape->key_name, STR("key"));
    struct str value_name = wire_or(shape->value_name, STR("value"));
    if (!shape->flat)
        open_element(xml, name);
    size_t content = xml->out->n;
    for (uint32_t i = 0; i < v->count; i++) {
        const struct value key = {.kind = VALUE_STRING, .string = v->entries[i].key};
        open_element(xml, entry);
        if (write_element(xml, key_name, &text, &key) ||
            write_element(xml, value_name, shape->elem ? shape->elem : &any, v->entries[i].value))
            return err_context(xml->e->err, "%.*s", STR_ARG(key.string));
        close_element(xml, entry);
    }
    if (!shape->flat)
        close_element_from(xml, name, content);
    return 0;
}

/* Without a shape: keys become elements, lists repeat them. */
static int write_any(struct xml *xml, struct str name, const struct value *v)
{
    static const struct shape any = {.kind = SHAPE_ANY}, list = {.kind = SHAPE_LIST, .flat = true};
    if (v->kind == VALUE_LIST)
        return write_list(xml, name, &list, v);
    open_element(xml, name);
    size_t content = xml->out->n;
    for (uint32_t i = 0; i < v->count; i++)
        if (write_element(xml, v->entries[i].key, &any, v->entries[i].value))
            return -1;
    close_element_from(xml, name, content);
    return 0;
}

static int write_element(struct xml *xml, struct str name, const struct shape *shape, const struct value *v)
{
    /* A value that the service spells by leaving it out: an empty element is "yes", none is "no". */
    if (value_is_null(v) || value_is_null(wire_choose(xml->e->arena, shape->choices_in, v)))
        return 0;
    bool list = v->kind == VALUE_LIST, map = v->kind == VALUE_MAP;
    if (shape->kind == SHAPE_LIST && list)
        return write_list(xml, name, shape, v);
    if (shape->kind == SHAPE_MAP && map)
        return write_map(xml, name, shape, v);
    if (shape->kind == SHAPE_STRUCT && map)
        return write_struct(xml, name, shape->xmlns, shape, v, false);
    if (shape->kind == SHAPE_ANY && (list || map))
        return write_any(xml, name, v);
    if (shape->kind == SHAPE_PAIRS && map) {
        const struct shape *list_shape;
        v = wire_pairs_to_list(xml->e->arena, shape, v, &list_shape);
        return write_list(xml, name, list_shape, v);
    }
    struct str text;
    if (wire_scalar_text(xml->e, shape, v, WIRE_TIME_ISO, &text))
        return -1;
    open_element(xml, name);
    size_t content = xml->out->n;
    if (add_text(xml, text, false))
        return -1;
    close_element_from(xml, name, content);
    return 0;
}

int wire_xml_write(const struct wire_encoder *e, struct str root, struct str xmlns, const struct shape *shape,
    const struct value *v, struct buf *out)
{
    struct xml xml = {.e = e, .out = out};
    return write_struct(&xml, root, wire_or(xmlns, shape->xmlns), shape, v, wire_is_rest(e->protocol));
}
