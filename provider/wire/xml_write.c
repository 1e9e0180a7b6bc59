/* XML bodies of the rest-xml and query protocols: reading and writing. */
#include "base/mem.h"
#include "provider/wire/internal.h"

#include <expat.h>
#include <limits.h>
#include <stdlib.h>

/* ---- XML as a generic document, parsed by expat. Bounded in depth and number of elements; a document type
 * declaration (and with it custom entities) is refused, because no service sends one. */

/* Since 2.9 expat has new names for these functions. */
#if XML_MAJOR_VERSION == 2 && XML_MINOR_VERSION < 9
#define XML_GetCurrentLineNumber64   XML_GetCurrentLineNumber
#define XML_GetCurrentColumnNumber64 XML_GetCurrentColumnNumber
#endif

enum { MAX_DEPTH = 128 };

struct child {
    struct str name;
    const struct value *value;
    size_t order;
};

struct frame {
    size_t first;      /* index of its first child on the stack */
    size_t text;       /* start of its text */
    size_t attributes; /* number of children that are attributes */
};

struct reader {
    struct arena *arena;
    XML_Parser parser;
    struct child *children; /* of all open elements */
    size_t child_count, child_cap;
    struct frame frames[MAX_DEPTH];
    size_t depth, elements;
    struct buf text;
    struct str root;
    const struct value *document;
    const char *refused; /* why parsing was stopped */
};

static struct str local_name(const char *name)
{
    const char *colon = strrchr(name, ':');
    return str_z(colon ? colon + 1 : name);
}

static void xml_refuse(struct reader *r, const char *why)
{
    r->refused = why;
    XML_StopParser(r->parser, XML_FALSE);
}

static void push_child(struct reader *r, struct str name, const struct value *value)
{
    MEM_GROW(r->children, r->child_cap, r->child_count + 1);
    r->children[r->child_count] = (struct child){name, value, r->child_count};
    r->child_count++;
}

static void start_element(void *ctx, const char *name, const char **attributes)
{
    struct reader *r = ctx;
    if (r->depth == MAX_DEPTH) {
        xml_refuse(r, "elements are nested too deeply");
        return;
    }
    if (++r->elements > WIRE_VALUES_MAX) {
        xml_refuse(r, "too many elements");
        return;
    }
    if (!r->depth)
        r->root = arena_str(r->arena, local_name(name));
    struct frame *frame = &r->frames[r->depth++];
    *frame = (struct frame){.first = r->child_count, .text = r->text.n};
    for (; *attributes; attributes += 2) {
        if (strncmp(attributes[0], "xmlns", 5) == 0)
            continue;
        if (++r->elements > WIRE_VALUES_MAX) {
            xml_refuse(r, "too many elements");
            return;
        }
        struct str key = arena_str(r->arena, str_z(attributes[0]));
        push_child(r, key, value_stringz(r->arena, attributes[1]));
        frame->attributes++;
    }
}

static void character_data(void *ctx, const char *text, int n)
{
    struct reader *r = ctx;
    buf_add(&r->text, text, (size_t)n);
}

static int child_order(const void *a, const void *b)
{
    const struct child *x = a, *y = b;
    int order = str_cmp(x->name, y->name);
    return order ? order : x->order < y->order ? -1 : 1;
}

/* Children of one name become a list, in document order. */
static const struct value *map_of(struct reader *r, struct child *children, size_t n)
{
    qsort(children, n, sizeof *children, child_order);
    AUTO_BUILDER struct value_builder entries = VALUE_BUILDER(r->arena);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && str_eq(children[i].name, children[end].name);)
            end++;
        const struct value *value = children[i].value;
        if (end - i > 1) {
            AUTO_BUILDER struct value_builder items = VALUE_BUILDER(r->arena);
            for (size_t j = i; j < end; j++)
                value_builder_add(&items, children[j].value);
            value = value_builder_list(&items);
        }
        value_builder_set(&entries, children[i].name, value);
    }
    return value_builder_map(&entries);
}

static void end_element(void *ctx, const char *name)
{
    struct reader *r = ctx;
    struct frame *frame = &r->frames[--r->depth];
    size_t n = r->child_count - frame->first;
    const struct value *value;
    if (n > frame->attributes)
        value = map_of(r, r->children + frame->first, n);
    else
        value =
            value_string(r->arena, str_n(r->text.p ? r->text.p + frame->text : "", r->text.n - frame->text));
    r->text.n = frame->text;
    r->child_count = frame->first;
    if (!r->depth) {
        r->document = value;
        return;
    }
    push_child(r, arena_str(r->arena, local_name(name)), value);
}

static void start_doctype(
    void *ctx, const char *name, const char *sysid UNUSED, const char *pubid UNUSED, int internal UNUSED)
{
    xml_refuse(
        ctx, str_ieq(str_z(name), STR("html")) ? "it is an HTML page" : "it has a document type declaration");
}

static int xml_parse(struct reader *r, struct str text, struct err *err)
{
    XML_SetUserData(r->parser, r);
    XML_SetElementHandler(r->parser, start_element, end_element);
    XML_SetCharacterDataHandler(r->parser, character_data);
    XML_SetStartDoctypeDeclHandler(r->parser, start_doctype);
    while (text.n > INT_MAX) { /* expat's lengths are of type int */
        if (XML_Parse(r->parser, text.p, INT_MAX, 0) != XML_STATUS_OK)
            break;
        text = str_slice(text, INT_MAX, text.n);
    }
    if (text.n <= INT_MAX && XML_Parse(r->parser, text.p, (int)text.n, 1) == XML_STATUS_OK)
        return 0;
    const char *why = r->refused ? r->refused : XML_ErrorString(XML_GetErrorCode(r->parser));
    return err_set(err, ERR_PROTOCOL, "not valid XML at line %lu, column %lu: %s",
        (unsigned long)XML_GetCurrentLineNumber64(r->parser),
        (unsigned long)XML_GetCurrentColumnNumber64(r->parser) + 1, why);
}

int wire_xml_read(
    struct arena *arena, struct str text, struct str *root, const struct value **document, struct err *err)
{
    struct reader *r = mem_zalloc(sizeof *r);
    r->arena = arena;
    r->parser = XML_ParserCreate(NULL);
    int rc = r->parser ? xml_parse(r, text, err) : err_set(err, ERR_FAILED, "no memory for the XML parser");
    if (!rc) {
        *root = r->root;
        *document = r->document;
    }
    XML_ParserFree(r->parser);
    free(r->children);
    buf_release(&r->text);
    free(r);
    return rc;
}

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

/* Names in ec2 responses begin with a lower-case letter. */
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

/* Writes "<a><b/></a>" instead of "<a><b></b></a>": removes the '>' if the element is empty. */
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
    struct str item = shape->flat ? name : item_name(xml, shape);
    if (!shape->flat)
        open_element(xml, name);
    size_t content = xml->out->n;
    for (uint32_t i = 0; i < v->count; i++)
        if (write_element(xml, item, shape->elem ? shape->elem : &shape_any, v->items[i]))
            return err_context(xml->e->err, "item %u", i + 1);
    if (!shape->flat)
        close_element_from(xml, name, content);
    return 0;
}

static int write_map(struct xml *xml, struct str name, const struct shape *shape, const struct value *v)
{
    struct str entry = shape->flat ? name : wire_or(shape->entry, STR("entry"));
    struct str key_name = wire_or(shape->key_name, STR("key"));
    struct str value_name = wire_or(shape->value_name, STR("value"));
    if (!shape->flat)
        open_element(xml, name);
    size_t content = xml->out->n;
    for (uint32_t i = 0; i < v->count; i++) {
        const struct value key = {.kind = VALUE_STRING, .string = v->entries[i].key};
        open_element(xml, entry);
        if (write_element(xml, key_name, &shape_text, &key) ||
            write_element(xml, value_name, shape->elem ? shape->elem : &shape_any, v->entries[i].value))
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
    static const struct shape list = {.kind = SHAPE_LIST, .flat = true};
    if (v->kind == VALUE_LIST)
        return write_list(xml, name, &list, v);
    open_element(xml, name);
    size_t content = xml->out->n;
    for (uint32_t i = 0; i < v->count; i++)
        if (write_element(xml, v->entries[i].key, &shape_any, v->entries[i].value))
            return -1;
    close_element_from(xml, name, content);
    return 0;
}

static int write_element(struct xml *xml, struct str name, const struct shape *shape, const struct value *v)
{
    /* For some values an empty element means "yes" and no element means "no": null is omitted. */
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
