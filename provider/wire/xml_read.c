/*
 * XML as a generic document, by expat. Bounded in depth and in the number of elements; a document type
 * declaration (and with it every entity of one's own) is refused, because no service sends one.
 */
#include "base/mem.h"
#include "provider/wire/internal.h"

#include <expat.h>
#include <limits.h>
#include <stdlib.h>

/* From 2.9 on expat wants these to be called by their new names. */
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
    size_t first;      /* of its children on the stack */
    size_t text;       /* where its text begins */
    size_t attributes; /* how many of its children are attributes */
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
    const char *refused; /* why the parser was stopped */
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

/* Children of one name become a list, in the order they came. */
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
    while (text.n > INT_MAX) { /* expat counts in int */
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
