#include "base/yaml.h"

#include "base/file.h"
#include "base/map.h"
#include "base/mem.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <yaml.h>

/*
 * libyaml's marks count code points. In a file of ASCII that is the byte offset; otherwise a cursor walks
 * along with the marks, which come nearly in order.
 */
struct cursor {
    struct str text;
    size_t base; /* bytes of a byte order mark, which libyaml does not see */
    bool ascii;
    size_t index, offset, line; /* of the last place asked for */
};

struct place {
    uint32_t offset, line, column;
};

/* A node and what must be known of it once aliases may repeat it. */
struct built {
    struct node *node;
    size_t weight; /* nodes, counted as if expanded */
    uint32_t height;
    bool open; /* its end has not been read: an alias to it would be endless */
};

/* A list or map whose end has not been read yet. Its children wait on the parser's stacks. */
struct frame {
    struct node *node;
    size_t first; /* on the stack of items or entries */
    size_t weight;
    uint32_t height;
    bool has_key; /* of a map: the last entry on the stack waits for its value */
    bool is_merge;
    struct node *merge; /* the value of `<<` */
    size_t anchor;      /* index + 1 into anchors; 0: none */
};

struct parser {
    yaml_parser_t yaml;
    struct arena *arena;
    const struct source *source;
    struct diags *diags;
    struct cursor cursor;
    struct node *root;
    struct frame frames[YAML_MAX_DEPTH];
    size_t depth;
    struct node **items;
    size_t item_count, item_cap;
    struct node_entry *entries;
    size_t entry_count, entry_cap;
    struct map anchor_names; /* name -> index + 1 into anchors */
    struct built *anchors;
    size_t anchor_count, anchor_cap;
    size_t nodes, aliased;
    size_t documents;
    bool failed; /* what follows makes no sense any more */
};

/* ---- places ---- */

static struct place place_of(struct cursor *c, const yaml_mark_t *mark)
{
    if (c->ascii)
        return (struct place){
            (uint32_t)(c->base + mark->index), (uint32_t)mark->line + 1, (uint32_t)mark->column + 1};
    const char *p = c->text.p;
    while (c->index < mark->index && c->offset < c->text.n) {
        c->line += p[c->offset] == '\n';
        c->offset++;
        while (c->offset < c->text.n && ((unsigned char)p[c->offset] & 0xc0) == 0x80)
            c->offset++;
        c->index++;
    }
    while (c->index > mark->index && c->offset > c->base) {
        c->offset--;
        while (c->offset > c->base && ((unsigned char)p[c->offset] & 0xc0) == 0x80)
            c->offset--;
        c->line -= p[c->offset] == '\n';
        c->index--;
    }
    return (struct place){(uint32_t)c->offset, (uint32_t)c->line, (uint32_t)mark->column + 1};
}

static struct span span_of(struct parser *p, struct place place, size_t length)
{
    return (struct span){p->source, place.offset, (uint32_t)length, place.line, place.column};
}

static struct span event_span(struct parser *p, const yaml_event_t *event)
{
    struct place start = place_of(&p->cursor, &event->start_mark);
    struct place end = place_of(&p->cursor, &event->end_mark);
    return span_of(p, start, end.offset - start.offset);
}

static size_t rest_of_line(struct str text, size_t offset)
{
    const char *newline = memchr(text.p + offset, '\n', text.n - offset);
    size_t end = newline ? (size_t)(newline - text.p) : text.n;
    return str_trim(str_slice(text, offset, end)).n;
}

/* ---- scalars ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_one_of(struct str s, const char *const *words)
{
    for (; *words; words++)
        if (str_eqz(s, *words))
            return true;
    return false;
}

static bool read_null(struct str s)
{
    return s.n == 0 || (s.n <= 4 && is_one_of(s, (const char *const[]){"~", "null", "Null", "NULL", NULL}));
}

static bool read_bool(struct str s, bool *out)
{
    *out = s.n == 4;
    return (s.n == 4 || s.n == 5) &&
           is_one_of(s, (const char *const[]){"true", "True", "TRUE", "false", "False", "FALSE", NULL});
}

static bool read_radix(struct str digits, int radix, int64_t *out)
{
    char text[24], *end;
    if (digits.n == 0 || digits.n >= sizeof text)
        return false;
    memcpy(text, digits.p, digits.n);
    text[digits.n] = '\0';
    if (strspn(text, radix == 8 ? "01234567" : "0123456789abcdefABCDEF") != digits.n)
        return false;
    errno = 0;
    *out = strtoll(text, &end, radix);
    return errno == 0;
}

/* Leading zeros are kept as text: they belong to file modes, account ids and telephone numbers. */
static bool read_int(struct str s, int64_t *out)
{
    if (str_starts(s, STR("0x")))
        return read_radix(str_slice(s, 2, s.n), 16, out);
    if (str_starts(s, STR("0o")))
        return read_radix(str_slice(s, 2, s.n), 8, out);
    size_t sign = s.n && (s.p[0] == '-' || s.p[0] == '+');
    if (sign == s.n || (s.p[sign] == '0' && s.n > sign + 1))
        return false;
    for (size_t i = sign; i < s.n; i++)
        if (!is_digit(s.p[i]))
            return false;
    return str_to_int(s, out);
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool read_float(struct str s, double *out)
{
    size_t i = s.n && (s.p[0] == '-' || s.p[0] == '+'), whole = 0, fraction = 0;
    for (; i < s.n && is_digit(s.p[i]); i++)
        whole++;
    if (i == s.n || (whole > 1 && s.p[i - whole] == '0')) /* an integer, though too large for one; a code */
        return false;
    if (i < s.n && s.p[i] == '.')
        for (i++; i < s.n && is_digit(s.p[i]); i++)
            fraction++;
    if (whole + fraction == 0)
        return false;
    if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
        i++;
        i += i < s.n && (s.p[i] == '-' || s.p[i] == '+');
        size_t first = i;
        while (i < s.n && is_digit(s.p[i]))
            i++;
        if (i == first)
            return false;
    }
    return i == s.n && str_to_double(s, out) && isfinite(*out);
}

static void set_plain(struct node *node, struct str text)
{
    bool boolean;
    char c = text.n ? text.p[0] : '~';
    bool numeric = is_digit(c) || c == '-' || c == '+' || c == '.';
    if (numeric && read_int(text, &node->integer)) {
        node->kind = NODE_INT;
    } else if (numeric && read_float(text, &node->number)) {
        node->kind = NODE_FLOAT;
    } else if (read_null(text)) {
        node->kind = NODE_NULL;
    } else if (read_bool(text, &boolean)) {
        node->kind = NODE_BOOL;
        node->boolean = boolean;
    } else {
        node->kind = NODE_STRING;
        node->string = text;
    }
}

static const char *const tag_names[] = {[NODE_NULL] = "null",
    [NODE_BOOL] = "bool",
    [NODE_INT] = "int",
    [NODE_FLOAT] = "float",
    [NODE_STRING] = "str",
    [NODE_LIST] = "seq",
    [NODE_MAP] = "map"};

/* The kind that a tag asks for; -1 where there is no such tag (which is reported). */
static int tag_kind(struct parser *p, const yaml_event_t *event, const char *tag, int non_specific)
{
    static const char prefix[] = YAML_MAP_TAG;
    size_t n = sizeof prefix - 1 - strlen("map");
    if (!strcmp(tag, "!"))
        return non_specific;
    if (!strncmp(tag, prefix, n))
        for (int kind = NODE_NULL; kind <= NODE_MAP; kind++)
            if (!strcmp(tag + n, tag_names[kind]))
                return kind;
    bool standard = !strncmp(tag, prefix, n);
    struct span span = event_span(p, event);
    struct str text = p->source->text;
    span.length = 0;
    while (span.offset + span.length < text.n && !strchr(" \t\r\n,]}", text.p[span.offset + span.length]))
        span.length++;
    struct diag *d =
        diag_error(p->diags, span, "unknown tag \"%s%s\"", standard ? "!!" : "", tag + (standard ? n : 0));
    if (!standard)
        diag_hint(p->diags, d, "values that are worked out are written as expressions: ${name.attribute}");
    else
        diag_hint(p->diags, d, "the tags are !!str, !!int, !!float, !!bool, !!null, !!seq and !!map");
    return -1;
}

static void check_tag(struct parser *p, const yaml_event_t *event, const yaml_char_t *tag, struct node *node)
{
    if (!tag)
        return;
    int kind = tag_kind(p, event, (const char *)tag, node->kind);
    if (kind == NODE_FLOAT && node->kind == NODE_INT) {
        node->kind = NODE_FLOAT;
        node->number = (double)node->integer;
    }
    if (kind >= 0 && kind != node->kind)
        diag_error(p->diags, event_span(p, event), "the tag !!%s does not go with %s", tag_names[kind],
            node_kind_name(node));
}

static bool is_text_tag(const yaml_char_t *tag)
{
    return tag && (!strcmp((const char *)tag, "!") || !strcmp((const char *)tag, YAML_STR_TAG));
}

/* ---- building ---- */

static struct node *node_new(struct parser *p, enum node_kind kind, struct place place, size_t length)
{
    struct node *node = ARENA_NEW(p->arena, struct node);
    node->kind = (uint8_t)kind;
    node->source = p->source;
    node->offset = place.offset;
    node->length = (uint32_t)length;
    node->line = place.line;
    node->column = place.column;
    return node;
}

static struct frame *top(struct parser *p)
{
    return p->depth ? &p->frames[p->depth - 1] : NULL;
}

static void fail_at(struct parser *p, const yaml_event_t *event, const char *message)
{
    diag_error(p->diags, event_span(p, event), "%s", message);
    p->failed = true;
}

/* Puts a finished node where it belongs: into the list or map that is open, or at the root. */
static void attach(struct parser *p, struct built built)
{
    struct frame *frame = top(p);
    if (!frame) {
        p->root = built.node;
        return;
    }
    frame->weight += built.weight;
    if (frame->height < built.height + 1)
        frame->height = built.height + 1;
    if (frame->node->kind == NODE_LIST) {
        MEM_GROW(p->items, p->item_cap, p->item_count + 1);
        p->items[p->item_count++] = built.node;
        return;
    }
    frame->has_key = false;
    struct node_entry *entry = &p->entries[p->entry_count - 1];
    entry->value = built.node;
    if (built.node->kind == NODE_NULL && !built.node->length) {
        built.node->offset = entry->key_offset;
        built.node->length = entry->key_length;
        built.node->line = entry->key_line;
        built.node->column = entry->key_column;
    }
    if (frame->is_merge) {
        frame->is_merge = false;
        frame->merge = built.node;
        p->entry_count--;
    }
}

static size_t remember_anchor(struct parser *p, const yaml_char_t *name, struct built built)
{
    if (!name)
        return 0;
    MEM_GROW(p->anchors, p->anchor_cap, p->anchor_count + 1);
    p->anchors[p->anchor_count++] = built;
    struct str key = arena_str(p->arena, str_z((const char *)name));
    map_set(&p->anchor_names, key, (void *)(uintptr_t)p->anchor_count);
    return p->anchor_count;
}

static void add_key(struct parser *p, const yaml_event_t *event)
{
    struct frame *frame = top(p);
    struct str text = str_n((const char *)event->data.scalar.value, event->data.scalar.length);
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    struct span span = event_span(p, event);
    if (event->data.scalar.tag && !is_text_tag(event->data.scalar.tag))
        tag_kind(p, event, (const char *)event->data.scalar.tag, NODE_STRING);
    if (plain && !text.n)
        fail_at(p, event, "a key is missing here");
    frame->has_key = true;
    frame->is_merge = plain && str_eq(text, STR("<<"));
    if (frame->is_merge && frame->merge) {
        struct diag *d = diag_error(p->diags, span, "\"<<\" is given twice");
        diag_hint(p->diags, d, "several maps are merged with a list: <<: [*a, *b]");
    }
    MEM_GROW(p->entries, p->entry_cap, p->entry_count + 1);
    p->entries[p->entry_count++] = (struct node_entry){.key = arena_str(p->arena, text),
        .key_offset = span.offset,
        .key_length = span.length,
        .key_line = span.line,
        .key_column = span.column,
        .source = p->source};
    if (event->data.scalar.anchor) {
        struct place place = {span.offset, span.line, span.column};
        struct node *node = node_new(p, NODE_STRING, place, span.length);
        node->string = p->entries[p->entry_count - 1].key;
        remember_anchor(p, event->data.scalar.anchor, (struct built){node, 1, 0, false});
    }
}

static void count_nodes(struct parser *p, const yaml_event_t *event)
{
    if (++p->nodes == YAML_MAX_NODES)
        fail_at(p, event, "the file holds too many values");
}

static void on_scalar(struct parser *p, const yaml_event_t *event)
{
    struct frame *frame = top(p);
    if (frame && frame->node->kind == NODE_MAP && !frame->has_key) {
        add_key(p, event);
        return;
    }
    count_nodes(p, event);
    struct span span = event_span(p, event);
    struct place place = {span.offset, span.line, span.column};
    struct node *node = node_new(p, NODE_STRING, place, span.length);
    struct str text = str_n((const char *)event->data.scalar.value, event->data.scalar.length);
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (node->plain && !is_text_tag(event->data.scalar.tag))
        set_plain(node, text);
    else
        node->string = text;
    if (node->kind == NODE_STRING)
        node->string = arena_str(p->arena, text);
    check_tag(p, event, event->data.scalar.tag, node);
    struct built built = {node, 1, 0, false};
    remember_anchor(p, event->data.scalar.anchor, built);
    attach(p, built);
}

static void on_alias(struct parser *p, const yaml_event_t *event)
{
    struct str name = str_z((const char *)event->data.alias.anchor);
    struct frame *frame = top(p);
    size_t index = (uintptr_t)map_get(&p->anchor_names, name);
    if (!index) {
        AUTO_ARENA struct arena scratch = ARENA_INIT;
        struct str *names = ARENA_ARRAY(&scratch, struct str, p->anchor_names.n + 1);
        for (size_t i = 0; i < p->anchor_names.n; i++)
            names[i] = p->anchor_names.items[i].key;
        struct diag *d = diag_error(
            p->diags, event_span(p, event), "there is no anchor \"&%.*s\" before this", STR_ARG(name));
        diag_did_you_mean(p->diags, d, name, names, p->anchor_names.n);
        p->failed = true;
        return;
    }
    struct built built = p->anchors[index - 1];
    if (frame && frame->node->kind == NODE_MAP && !frame->has_key) {
        fail_at(p, event, "an alias cannot be a key");
        return;
    }
    if (built.open) {
        fail_at(p, event, "this alias stands for a value that holds itself");
        return;
    }
    p->aliased += built.weight;
    if (p->aliased > YAML_MAX_ALIASED)
        fail_at(p, event, "aliases make this file too large (over 1,000,000 values)");
    else if (p->depth + built.height > YAML_MAX_DEPTH)
        fail_at(p, event, "with this alias the nesting gets too deep (over 64 levels)");
    else
        attach(p, built);
}

static void open_frame(struct parser *p, const yaml_event_t *event, enum node_kind kind,
    const yaml_char_t *anchor, const yaml_char_t *tag)
{
    struct frame *parent = top(p);
    if (parent && parent->node->kind == NODE_MAP && !parent->has_key) {
        fail_at(p, event, "a key must be a word or a text");
        return;
    }
    if (p->depth == YAML_MAX_DEPTH) {
        fail_at(p, event, "the nesting is too deep (over 64 levels)");
        return;
    }
    count_nodes(p, event);
    struct place place = place_of(&p->cursor, &event->start_mark);
    struct node *node = node_new(p, kind, place, rest_of_line(p->source->text, place.offset));
    check_tag(p, event, tag, node);
    size_t first = kind == NODE_LIST ? p->item_count : p->entry_count;
    size_t index = remember_anchor(p, anchor, (struct built){node, 1, 0, true});
    p->frames[p->depth++] = (struct frame){.node = node, .first = first, .weight = 1, .anchor = index};
}

static void close_frame(struct parser *p, struct frame frame)
{
    struct built built = {frame.node, frame.weight, frame.height, false};
    if (frame.anchor)
        p->anchors[frame.anchor - 1] = built;
    attach(p, built);
}

static void close_list(struct parser *p)
{
    struct frame frame = p->frames[--p->depth];
    size_t n = p->item_count - frame.first;
    frame.node->count = (uint32_t)n;
    frame.node->items = arena_alloc(p->arena, n * sizeof *p->items);
    if (n)
        memcpy(frame.node->items, p->items + frame.first, n * sizeof *p->items);
    p->item_count = frame.first;
    close_frame(p, frame);
}

/* ---- maps: duplicates and merges ---- */

static void report_duplicate(
    struct parser *p, const struct node_entry *second, const struct node_entry *first)
{
    struct diag *d =
        diag_error(p->diags, node_key_span(second), "the key \"%.*s\" is given twice", STR_ARG(second->key));
    diag_label(p->diags, d, "again here");
    diag_related(p->diags, d, node_key_span(first), "first here");
}

/* The entries seen so far by key. Few are compared one by one, many are hashed. */
struct seen {
    struct node_entry *entries;
    size_t n;
    struct map map;
};
enum { SEEN_LINEAR = 16 };

static struct node_entry *seen_find(struct seen *seen, struct str key)
{
    if (seen->map.n) {
        size_t index = (uintptr_t)map_get(&seen->map, key);
        return index ? &seen->entries[index - 1] : NULL;
    }
    for (size_t i = 0; i < seen->n; i++)
        if (str_eq(seen->entries[i].key, key))
            return &seen->entries[i];
    return NULL;
}

/* Appends; entries has room. */
static void seen_add(struct seen *seen, struct node_entry entry)
{
    seen->entries[seen->n++] = entry;
    if (seen->n <= SEEN_LINEAR)
        return;
    size_t from = seen->map.n ? seen->n - 1 : 0;
    for (size_t i = from; i < seen->n; i++)
        map_set(&seen->map, seen->entries[i].key, (void *)(uintptr_t)(i + 1));
}

static void merge_map(struct parser *p, struct seen *seen, const struct node *from)
{
    if (from->kind != NODE_MAP) {
        diag_error(p->diags, node_span(from), "\"<<\" takes a map or a list of maps, this is %s",
            node_kind_name(from));
        return;
    }
    for (size_t i = 0; i < from->count; i++)
        if (!seen_find(seen, from->entries[i].key))
            seen_add(seen, from->entries[i]);
}

static size_t merge_room(const struct node *merge)
{
    size_t n = 0;
    if (merge && merge->kind == NODE_MAP)
        n = merge->count;
    else if (merge && merge->kind == NODE_LIST)
        for (size_t i = 0; i < merge->count; i++)
            n += merge->items[i]->kind == NODE_MAP ? merge->items[i]->count : 0;
    return n;
}

static void close_map(struct parser *p)
{
    struct frame frame = p->frames[--p->depth];
    size_t n = p->entry_count - frame.first;
    struct seen seen = {
        .entries = arena_alloc(p->arena, (n + merge_room(frame.merge)) * sizeof(struct node_entry))};
    for (size_t i = frame.first; i < p->entry_count; i++) {
        struct node_entry *first = seen_find(&seen, p->entries[i].key);
        if (first)
            report_duplicate(p, &p->entries[i], first);
        else
            seen_add(&seen, p->entries[i]);
    }
    const struct node *merge = frame.merge;
    if (merge && merge->kind == NODE_LIST)
        for (size_t i = 0; i < merge->count; i++)
            merge_map(p, &seen, merge->items[i]);
    else if (merge)
        merge_map(p, &seen, merge);
    map_release(&seen.map);
    frame.node->entries = seen.entries;
    frame.node->count = (uint32_t)seen.n;
    p->entry_count = frame.first;
    close_frame(p, frame);
}

/* ---- what libyaml complains about ---- */

static struct place error_place(struct parser *p, const yaml_mark_t *mark)
{
    struct place place = place_of(&p->cursor, mark);
    if (place.offset > p->source->text.n)
        place.offset = (uint32_t)p->source->text.n;
    return place;
}

/* Is there a ${ on the line, unquoted for all we know? The usual reason for what YAML makes of it. */
static bool line_has_expression(struct parser *p, struct place place)
{
    struct str text = p->source->text;
    const char *newline = place.offset ? memrchr(text.p, '\n', place.offset) : NULL;
    size_t start = newline ? (size_t)(newline - text.p) + 1 : 0;
    struct str line = str_slice(text, start, start + rest_of_line(text, start) + (place.offset - start));
    return str_find(line, STR("${"), 0) >= 0;
}

struct known_problem {
    const char *problem, *message, *hint;
};
/* libyaml's words are about its grammar; these are about the file. */
static const struct known_problem known_problems[] = {
    {"mapping values are not allowed", "a \": \" is not allowed here",
        "text that holds \": \" is quoted; keys of one map begin in the same column"},
    {"did not find expected key", "this does not fit the lines above it",
        "keys of one map begin in the same column"},
    {"did not find expected '-' indicator", "this does not fit the list above it",
        "items of one list begin with \"- \" in the same column"},
    {"did not find expected ',' or ']'", "expected \",\" or \"]\" in this list", NULL},
    {"did not find expected ',' or '}'", "expected \",\" or \"}\" in this map", NULL},
    {"could not find expected ':'", "the key that begins here has no \":\"",
        "a text over several lines begins with | or is quoted"},
    {"found unexpected end of stream", "the text that begins here has no closing quote", NULL},
    {"found unexpected document indicator", "the text that begins here has no closing quote", NULL},
    {"found unknown escape character", "unknown escape in double-quoted text",
        "a backslash is written \\\\, or the text goes in single quotes"},
    {"block sequence entries are not allowed", "a list cannot begin here", "put it on a line of its own"},
    {"found undefined tag handle", "unknown tag", NULL},
    {"did not find expected alphabetic or numeric character", "a name is missing here",
        "text that begins with * or & is quoted"},
    {"did not find expected node content", "a value is missing here", NULL},
    {"did not find expected <document start>", "this stands after the end of the document", NULL},
};

static const struct known_problem *find_problem(const char *text)
{
    for (size_t i = 0; i < sizeof known_problems / sizeof *known_problems; i++)
        if (!strncmp(text, known_problems[i].problem, strlen(known_problems[i].problem)))
            return &known_problems[i];
    return NULL;
}

static void report_bad_character(struct parser *p, struct place place, const char *problem)
{
    struct str text = p->source->text;
    char c = place.offset < text.n ? text.p[place.offset] : ' ';
    if (c == '\t' || strstr(problem, "tab character")) {
        struct diag *d = diag_error(p->diags, span_of(p, place, 1), "a tab cannot indent");
        diag_label(p->diags, d, "use spaces");
        return;
    }
    struct diag *d = diag_error(p->diags, span_of(p, place, 1), "a value cannot begin with \"%c\"", c);
    diag_label(p->diags, d, "quote it");
}

static const char *context_label(const char *context)
{
    if (strstr(context, "mapping"))
        return "in the map that begins here";
    if (strstr(context, "sequence") || strstr(context, "collection"))
        return "in the list that begins here";
    return context;
}

static void report_syntax(struct parser *p)
{
    const yaml_parser_t *yaml = &p->yaml;
    const char *problem = yaml->problem ? yaml->problem : "not YAML";
    struct place place = error_place(p, &yaml->problem_mark);
    if (!strncmp(problem, "found character that cannot", 27) || strstr(problem, "tab character")) {
        report_bad_character(p, place, problem);
        return;
    }
    const struct known_problem *known = find_problem(problem);
    bool at_context = known && strstr(known->message, "begins here");
    struct span context = span_of(p, error_place(p, &yaml->context_mark), 1);
    struct span span = at_context && yaml->context ? context : span_of(p, place, 1);
    struct diag *d = diag_error(p->diags, span, "%s", known ? known->message : problem);
    if (line_has_expression(p, place))
        diag_hint(p->diags, d,
            "an expression inside [ ] or { }, or one that holds \": \" or \" #\", is quoted: \"${…}\"");
    else if (known && known->hint)
        diag_hint(p->diags, d, "%s", known->hint);
    if (!at_context && yaml->context && context.line < span.line)
        diag_related(p->diags, d, context, "%s", context_label(yaml->context));
}

static void report_reader(struct parser *p)
{
    size_t offset = p->cursor.base + p->yaml.problem_offset;
    diag_error(p->diags, span_at(p->source, offset, 1), "the control character U+%04X is not allowed",
        (unsigned)p->yaml.problem_value);
}

/* ---- reading ---- */

static void on_event(struct parser *p, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (p->documents++) {
            struct diag *d = diag_error(p->diags, event_span(p, event), "a second document begins here");
            diag_hint(p->diags, d, "one file holds one document; further files are named under `include:`");
            p->failed = true;
        }
        break;
    case YAML_SCALAR_EVENT: on_scalar(p, event); break;
    case YAML_ALIAS_EVENT: on_alias(p, event); break;
    case YAML_SEQUENCE_START_EVENT:
        open_frame(p, event, NODE_LIST, event->data.sequence_start.anchor, event->data.sequence_start.tag);
        break;
    case YAML_MAPPING_START_EVENT:
        open_frame(p, event, NODE_MAP, event->data.mapping_start.anchor, event->data.mapping_start.tag);
        break;
    case YAML_SEQUENCE_END_EVENT: close_list(p); break;
    case YAML_MAPPING_END_EVENT: close_map(p); break;
    default: break;
    }
}

static void parse_events(struct parser *p)
{
    bool done = false;
    while (!done && !p->failed) {
        yaml_event_t event;
        if (!yaml_parser_parse(&p->yaml, &event)) {
            if (p->yaml.error == YAML_READER_ERROR)
                report_reader(p);
            else
                report_syntax(p);
            p->failed = true;
            return;
        }
        on_event(p, &event);
        done = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
}

static bool check_encoding(const struct source *source, struct diags *diags)
{
    size_t valid = str_utf8_prefix(source->text);
    if (valid == source->text.n)
        return true;
    struct diag *d = diag_error(
        diags, span_at(source, valid, 1), "not UTF-8: the byte 0x%02X", (unsigned char)source->text.p[valid]);
    diag_hint(diags, d, "save the file as UTF-8");
    return false;
}

static bool is_ascii(struct str text)
{
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] >= 0x80)
            return false;
    return true;
}

struct node *yaml_parse(struct arena *arena, const struct source *source, struct diags *diags)
{
    struct str text = source->text;
    if (text.n > YAML_MAX_SIZE) {
        diag_error(diags, (struct span){.source = source}, "the file is larger than 256 MiB");
        return NULL;
    }
    if (!check_encoding(source, diags))
        return NULL;
    size_t bom = str_starts(text, STR("\xef\xbb\xbf")) ? 3 : 0;
    struct parser *p = mem_zalloc(sizeof *p);
    p->arena = arena;
    p->source = source;
    p->diags = diags;
    p->cursor = (struct cursor){
        .text = text, .base = bom, .ascii = is_ascii(str_slice(text, bom, text.n)), .offset = bom, .line = 1};
    if (!yaml_parser_initialize(&p->yaml))
        abort(); /* out of memory, the only reason */
    yaml_parser_set_encoding(&p->yaml, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&p->yaml, (const unsigned char *)text.p + bom, text.n - bom);
    parse_events(p);
    yaml_parser_delete(&p->yaml);
    struct node *root = p->failed ? NULL : p->root;
    if (!p->failed && (!root || (root->kind == NODE_NULL && !root->length)))
        root = node_new(p, NODE_MAP, (struct place){(uint32_t)bom, 1, 1}, 0);
    free(p->items);
    free(p->entries);
    free(p->anchors);
    map_release(&p->anchor_names);
    free(p);
    return root;
}

struct node *yaml_load(struct arena *arena, const char *path, struct str shown_path, struct diags *diags)
{
    struct source *source = ARENA_NEW(arena, struct source);
    source->path = arena_str(arena, shown_path);
    struct err err = ERR_INIT;
    if (file_read(arena, path, YAML_MAX_SIZE, &source->text, &err)) {
        diag_error(diags, (struct span){0}, "%s", err.message);
        return NULL;
    }
    return yaml_parse(arena, source, diags);
}

/* ---- using the tree ---- */

struct str node_raw(const struct node *node)
{
    return str_slice(node->source->text, node->offset, (size_t)node->offset + node->length);
}

struct span node_span(const struct node *node)
{
    return (struct span){node->source, node->offset, node->length, node->line, node->column};
}

struct span node_key_span(const struct node_entry *entry)
{
    return (struct span){
        entry->source, entry->key_offset, entry->key_length, entry->key_line, entry->key_column};
}

const struct node_entry *node_find(const struct node *map, struct str key)
{
    if (!map || map->kind != NODE_MAP)
        return NULL;
    for (size_t i = 0; i < map->count; i++)
        if (str_eq(map->entries[i].key, key))
            return &map->entries[i];
    return NULL;
}

struct node *node_get(const struct node *map, const char *key)
{
    const struct node_entry *entry = node_find(map, str_z(key));
    return entry ? entry->value : NULL;
}

const char *node_kind_name(const struct node *node)
{
    static const char *const names[] = {[NODE_NULL] = "null",
        [NODE_BOOL] = "a boolean",
        [NODE_INT] = "an integer",
        [NODE_FLOAT] = "a number",
        [NODE_STRING] = "a string",
        [NODE_LIST] = "a list",
        [NODE_MAP] = "a map"};
    return names[node->kind];
}

static const struct value *list_value(struct arena *arena, const struct node *node)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (size_t i = 0; i < node->count; i++)
        value_builder_add(&b, node_value(arena, node->items[i]));
    return value_builder_list(&b);
}

static const struct value *map_value(struct arena *arena, const struct node *node)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (size_t i = 0; i < node->count; i++)
        value_builder_set(&b, node->entries[i].key, node_value(arena, node->entries[i].value));
    return value_builder_map(&b);
}

const struct value *node_value(struct arena *arena, const struct node *node)
{
    switch ((enum node_kind)node->kind) {
    case NODE_NULL: return &value_null;
    case NODE_BOOL: return value_bool(node->boolean);
    case NODE_INT: return value_int(arena, node->integer);
    case NODE_FLOAT: return value_float(arena, node->number);
    case NODE_STRING: return value_string_ref(arena, node->string);
    case NODE_LIST: return list_value(arena, node);
    case NODE_MAP: return map_value(arena, node);
    }
    return &value_null;
}
