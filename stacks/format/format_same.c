/* Two texts compared event by event: whatever YAML makes of them has to be the same. */
#include "stacks/format/format.h"

#include "base/mem.h"

#include <yaml.h>

static bool same_text(const yaml_char_t *a, const yaml_char_t *b)
{
    return (!a || !b) ? a == b : !strcmp((const char *)a, (const char *)b);
}

static bool same_scalar(const yaml_event_t *a, const yaml_event_t *b)
{
    return str_eq(str_n((const char *)a->data.scalar.value, a->data.scalar.length),
               str_n((const char *)b->data.scalar.value, b->data.scalar.length)) &&
           a->data.scalar.style == b->data.scalar.style &&
           a->data.scalar.plain_implicit == b->data.scalar.plain_implicit &&
           a->data.scalar.quoted_implicit == b->data.scalar.quoted_implicit &&
           same_text(a->data.scalar.anchor, b->data.scalar.anchor) &&
           same_text(a->data.scalar.tag, b->data.scalar.tag);
}

static bool same_event(const yaml_event_t *a, const yaml_event_t *b)
{
    if (a->type != b->type)
        return false;
    switch (a->type) {
    case YAML_SCALAR_EVENT: return same_scalar(a, b);
    case YAML_ALIAS_EVENT: return same_text(a->data.alias.anchor, b->data.alias.anchor);
    case YAML_SEQUENCE_START_EVENT:
        return a->data.sequence_start.style == b->data.sequence_start.style &&
               same_text(a->data.sequence_start.anchor, b->data.sequence_start.anchor) &&
               same_text(a->data.sequence_start.tag, b->data.sequence_start.tag);
    case YAML_MAPPING_START_EVENT:
        return a->data.mapping_start.style == b->data.mapping_start.style &&
               same_text(a->data.mapping_start.anchor, b->data.mapping_start.anchor) &&
               same_text(a->data.mapping_start.tag, b->data.mapping_start.tag);
    case YAML_DOCUMENT_START_EVENT: return a->data.document_start.implicit == b->data.document_start.implicit;
    case YAML_DOCUMENT_END_EVENT: return a->data.document_end.implicit == b->data.document_end.implicit;
    default: return true;
    }
}

static void parser_start(yaml_parser_t *parser, struct str text)
{
    if (!yaml_parser_initialize(parser))
        mem_exhausted(); /* the only reason */
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(parser, (const unsigned char *)(text.n ? text.p : ""), text.n);
}

/* *end: both are at their end. */
static bool same_next(yaml_parser_t *a, yaml_parser_t *b, bool *end)
{
    yaml_event_t x, y;
    if (!yaml_parser_parse(a, &x))
        return false;
    if (!yaml_parser_parse(b, &y)) {
        yaml_event_delete(&x);
        return false;
    }
    bool same = same_event(&x, &y);
    *end = x.type == YAML_STREAM_END_EVENT;
    yaml_event_delete(&x);
    yaml_event_delete(&y);
    return same;
}

bool format_same(struct str a, struct str b)
{
    yaml_parser_t before, after;
    bool end = false, same = true;
    parser_start(&before, a);
    parser_start(&after, b);
    while (same && !end)
        same = same_next(&before, &after, &end);
    yaml_parser_delete(&before);
    yaml_parser_delete(&after);
    return same;
}
