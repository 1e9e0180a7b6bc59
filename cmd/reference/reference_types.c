/* Pages about resource types with notes on attributes, and about functions, for the terminal and in
 * Markdown. */
#include "base/json.h"
#include "base/mem.h"
#include "cmd/reference/reference.h"
#include "provider/aws/credentials.h"

#include <stdlib.h>

/* ---- notes on an attribute ---- */

static void add_word(struct buf *out, const char *word)
{
    buf_addf(out, "%s%s", out->n ? ", " : "", word);
}

static void add_words(struct buf *out, const struct attr *a, enum attr_heading heading)
{
    bool argument = heading == HEADING_ARGUMENTS;
    if (a->required)
        add_word(out, "required");
    if (a->computed && a->settable)
        add_word(out, argument ? "reported if not configured" : "computed by the service if not configured");
    else if (!a->settable && heading != HEADING_READ_ONLY)
        add_word(out, "read-only");
    if (a->replace)
        add_word(out, "a change replaces the resource");
    if (a->replace_whole)
        add_word(out, "adding or removing it replaces the resource");
    if (a->sensitive)
        add_word(out, "sensitive");
    if (a->write_only)
        add_word(out, "cannot be read back");
    if (a->deprecated)
        add_word(out, "deprecated by the service");
    if (a->local && !argument)
        add_word(out, "not compared with the live resource");
    if (a->compare == COMPARE_NOCASE)
        add_word(out, "case does not matter");
    if (a->compare == COMPARE_PREFIX)
        add_word(out, "may be the beginning of the live value");
    if (a->compare == COMPARE_ARN)
        add_word(out, "a name or its ARN");
}

/* Returns the unit of `min` and `max`. */
static const char *unit_of(const struct type *type)
{
    switch (type->kind) {
    case TYPE_LIST:
    case TYPE_SET: return " items";
    case TYPE_MAP:
    case TYPE_TAGS: return " entries";
    case TYPE_INT:
    case TYPE_FLOAT: return "";
    default: return " characters";
    }
}

static void add_range(struct buf *out, const struct attr *a)
{
    if (!a->has_min && !a->has_max)
        return;
    add_word(out, "");
    if (a->has_min && a->has_max)
        buf_addf(out, "%lld to %lld", (long long)a->min, (long long)a->max);
    else
        buf_addf(
            out, "%s %lld", a->has_min ? "at least" : "at most", (long long)(a->has_min ? a->min : a->max));
    buf_addz(out, unit_of(a->type));
}

static void add_limits(struct buf *out, const struct attr *a)
{
    if (a->default_value) {
        add_word(out, "default ");
        json_write(out, a->default_value, JSON_REDACT);
    }
    if (a->choices) {
        add_word(out, "one of ");
        for (uint32_t i = 0; i < a->choices->count; i++) {
            buf_addz(out, i ? " " : "");
            json_write(out, a->choices->items[i], JSON_PLAIN);
        }
    }
    add_range(out, a);
    if (a->assumed_by) {
        add_word(out, "a role that trusts ");
        for (uint32_t i = 0; i < a->assumed_by->count; i++)
            buf_addf(out, "%s%.*s", i ? " or " : "", STR_ARG(value_text(a->assumed_by->items[i], STR_EMPTY)));
    }
    if (a->conflicts.n) {
        add_word(out, "not together with ");
        buf_add_str(out, a->conflicts);
    }
    if (a->pattern.n && a->pattern.n < 60) {
        add_word(out, "matches ");
        buf_add_str(out, a->pattern);
    }
    if (a->member.n) {
        add_word(out, "API name ");
        buf_add_str(out, a->member);
    }
}

static void attr_notes(const struct attr *attr, enum attr_heading heading, struct buf *out)
{
    add_words(out, attr, heading);
    add_limits(out, attr);
}

enum { NAME_COLUMN = 4, NOTE_INDENT = 8, FACT_COLUMN = 22, WIDTH_MAX = 100 };

/* An object whose fields were listed. Further occurrences, also within itself, refer to that list. */
struct listed {
    const struct type *type;
    struct str name;
};

struct page {
    struct buf *out;
    bool markdown, color;
    int width;
    struct arena arena; /* the names in `listed` */
    struct listed *listed;
    size_t listed_count, listed_cap;
};

static void page_release(struct page *p)
{
    free(p->listed);
    arena_release(&p->arena);
}

static struct page page_for(enum reference_format format, const struct term *term, struct buf *out)
{
    bool markdown = format == REFERENCE_MARKDOWN;
    return (struct page){.out = out,
        .markdown = markdown,
        .color = !markdown && term->color,
        .width = markdown                  ? 1 << 20
                 : term->width > WIDTH_MAX ? WIDTH_MAX
                                           : term->width};
}

static void title(struct page *p, int level, struct str text)
{
    if (p->markdown) {
        buf_addf(p->out, "%.*s %.*s\n\n", level, "####", STR_ARG(text));
        return;
    }
    style_add_str(p->out, p->color, STYLE_BOLD, text);
    buf_addz(p->out, level == 1 ? "\n\n" : ":\n");
}

/* In a code span only the table's bar needs an escape. */
static void code_cell(struct buf *out, struct str text)
{
    buf_add_char(out, '`');
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '|')
            buf_add_char(out, '\\');
        buf_add_char(out, text.p[i]);
    }
    buf_add_char(out, '`');
}

/* Text between two backquotes becomes a code span. */
static void markdown_cell(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        ptrdiff_t close = c == '`' ? str_find(text, STR("`"), i + 1) : -1;
        if (close >= 0) {
            code_cell(out, str_slice(text, i + 1, (size_t)close));
            i = (size_t)close;
            continue;
        }
        if (c == '|' || c == '*' || c == '_' || c == '`' || c == '[')
            buf_add_char(out, '\\');
        if (c == '<')
            buf_addz(out, "&lt;");
        else
            buf_add_char(out, c == '\n' ? ' ' : c);
    }
}

static const struct type *object_in(const struct type *type)
{
    while (type && type->kind != TYPE_OBJECT)
        type = type->elem;
    return type;
}

static void attr_rows(
    struct page *p, const struct attr *attrs, size_t n, struct str prefix, enum attr_heading heading);

/* Returns the name under which the object was listed. If it was not, adds it and returns "". */
static struct str list_object(struct page *p, const struct type *object, struct str name)
{
    for (size_t i = 0; i < p->listed_count; i++)
        if (p->listed[i].type == object)
            return p->listed[i].name;
    MEM_GROW(p->listed, p->listed_cap, p->listed_count + 1);
    p->listed[p->listed_count++] = (struct listed){object, arena_str(&p->arena, name)};
    return STR_EMPTY;
}

static void attr_row(struct page *p, const struct attr *a, struct str prefix, enum attr_heading heading)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_BUF struct buf notes = BUF_INIT;
    struct str type = type_name(&arena, a->type);
    struct str name = arena_printf(&arena, "%.*s%.*s", STR_ARG(prefix), STR_ARG(a->name));
    const struct type *object = object_in(a->type);
    struct str before = object ? list_object(p, object, name) : STR_EMPTY;
    attr_notes(a, heading, &notes);
    if (before.n)
        buf_addf(&notes, "%sfields as in %.*s", notes.n ? ", " : "", STR_ARG(before));
    if (p->markdown) {
        buf_addf(p->out, "| `%.*s` | %.*s | ", STR_ARG(name), STR_ARG(type));
        markdown_cell(p->out, a->doc);
        buf_addz(p->out, " | ");
        markdown_cell(p->out, buf_str(&notes));
        buf_addz(p->out, " |\n");
    } else {
        buf_addf(p->out, "%*s", NAME_COLUMN, "");
        style_add_str(p->out, p->color, STYLE_CYAN, name);
        buf_addf(p->out, "  %.*s\n", STR_ARG(type));
        const struct str lines[] = {a->doc, buf_str(&notes)};
        for (size_t i = 0; i < 2; i++)
            if (lines[i].n) {
                buf_addf(p->out, "%*s", NOTE_INDENT, "");
                text_add_wrapped(p->out, lines[i], NOTE_INDENT, NOTE_INDENT, p->width);
                buf_add_char(p->out, '\n');
            }
    }
    if (object && !before.n)
        attr_rows(p, object->fields, object->field_count,
            arena_printf(&arena, "%.*s%s.", STR_ARG(name), a->type->kind == TYPE_OBJECT ? "" : "[]"),
            heading);
}

bool reference_attribute_at(const struct schema *schema, struct str path, enum reference_format format,
    const struct term *term, struct buf *out)
{
    struct page p = page_for(format, term, out);
    struct str prefix = STR_EMPTY;
    const struct attr *found = NULL;
    for (struct str rest = path; rest.n;) {
        struct str name = str_cut(rest, '.', &rest);
        if (str_ends(name, STR("[]")))
            name.n -= 2;
        if (found)
            prefix = arena_printf(&p.arena, "%.*s%.*s%s.", STR_ARG(prefix), STR_ARG(found->name),
                found->type->kind == TYPE_OBJECT ? "" : "[]");
        const struct type *object = found ? object_in(found->type) : NULL;
        found = found ? (object ? type_field(object, name) : NULL) : schema_attr(schema, name);
        if (!found)
            break;
    }
    if (found)
        attr_row(&p, found, prefix, HEADING_NONE);
    page_release(&p);
    return found != NULL;
}

void reference_attribute(const struct attr *attr, struct buf *out)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_BUF struct buf notes = BUF_INIT;
    struct str type = type_name(&arena, attr->type);
    attr_notes(attr, HEADING_NONE, &notes);
    buf_addf(out, "**%.*s** `%.*s`", STR_ARG(attr->name), STR_ARG(type));
    if (attr->doc.n) {
        buf_addz(out, "\n\n");
        markdown_cell(out, attr->doc);
    }
    if (notes.n) {
        buf_addz(out, "\n\n");
        markdown_cell(out, buf_str(&notes));
    }
}

/* Writes the configurable or the read-only attributes. */
static void attr_rows(
    struct page *p, const struct attr *attrs, size_t n, struct str prefix, enum attr_heading heading)
{
    for (size_t i = 0; i < n; i++)
        if (prefix.n || attrs[i].settable == (heading != HEADING_READ_ONLY))
            attr_row(p, &attrs[i], prefix, heading);
}

static void attr_section(struct page *p, const struct schema *schema, enum attr_heading heading)
{
    static const char *const titles[] = {[HEADING_ATTRIBUTES] = "Attributes",
        [HEADING_ARGUMENTS] = "Arguments",
        [HEADING_READ_ONLY] = "Read-only attributes"};
    bool any = false;
    for (size_t i = 0; i < schema->attr_count; i++)
        any |= schema->attrs[i].settable == (heading != HEADING_READ_ONLY);
    if (!any)
        return;
    title(p, 2, str_z(titles[heading]));
    if (p->markdown)
        buf_addz(p->out, "| name | type | description | notes |\n| --- | --- | --- | --- |\n");
    attr_rows(p, schema->attrs, schema->attr_count, STR_EMPTY, heading);
    buf_add_char(p->out, '\n');
}

static void example(struct page *p, struct str text)
{
    if (!text.n)
        return;
    title(p, 2, STR("Example"));
    buf_addz(p->out, p->markdown ? "```yaml\n" : "");
    for (struct str rest = text; rest.n;) {
        struct str line = str_cut(rest, '\n', &rest);
        buf_addf(p->out, "%s%.*s\n", p->markdown ? "" : "    ", STR_ARG(line));
    }
    buf_addz(p->out, p->markdown ? "```\n\n" : "\n");
}

/* ---- jobs ---- */

static void option_row(struct page *p, const struct job_option *o)
{
    AUTO_BUF struct buf doc = BUF_INIT;
    AUTO_BUF struct buf name = BUF_INIT;
    buf_addf(&name, "--set %.*s=…", STR_ARG(o->name));
    buf_add_str(&doc, o->doc);
    if (o->resource.n)
        buf_addf(&doc, " The address of a resource in the stack will do; without it, the only %.*s there is.",
            STR_ARG(o->resource));
    if (p->markdown) {
        buf_addf(p->out, "| `%s` | ", name.p);
        markdown_cell(p->out, buf_str(&doc));
        buf_addz(p->out, " |\n");
        return;
    }
    buf_addf(p->out, "%*s", NAME_COLUMN, "");
    style_add_str(p->out, p->color, STYLE_CYAN, buf_str(&name));
    buf_addf(p->out, "\n%*s", NOTE_INDENT, "");
    text_add_wrapped(p->out, buf_str(&doc), NOTE_INDENT, NOTE_INDENT, p->width);
    buf_add_char(p->out, '\n');
}

static void job_section(struct page *p, const struct job_ops *job)
{
    static const char *const takes[] = {[JOB_TAKES_NOTHING] = "It takes no arguments.",
        [JOB_TAKES_MAP] = "Arguments are NAME=TEXT.",
        [JOB_TAKES_JSON] =
            "Arguments NAME=TEXT and NAME:=JSON make one JSON document; --payload gives a whole one.",
        [JOB_TAKES_FLAGS] = "Arguments are words; NAME=TEXT becomes --NAME TEXT.",
        [JOB_TAKES_LIST] = "Arguments are values, in their order."};
    if (!job)
        return;
    title(p, 2, STR("Running it"));
    AUTO_BUF struct buf text = BUF_INIT;
    buf_addf(&text, "\"weir run\" starts it. %s %s%s%s", takes[job->takes],
        job->tabular      ? "Its result is a table."
        : job->has_result ? "Its result is JSON."
                          : "Its result is its log.",
        job->leaves_file ? " --out FILE saves the whole of it." : "",
        job->stops ? "" : " A run cannot be stopped.");
    text_add_wrapped(p->out, buf_str(&text), 0, 0, p->width);
    buf_addz(p->out, "\n\n");
    if (!job->option_count)
        return;
    buf_addz(p->out, p->markdown ? "| option | |\n| --- | --- |\n" : "");
    for (size_t i = 0; i < job->option_count; i++)
        option_row(p, &job->options[i]);
    buf_add_char(p->out, '\n');
}

/* ---- facts about the type ---- */

/* On a Markdown page the value is already Markdown. */
static void fact(struct page *p, const char *label, struct str value)
{
    if (p->markdown) {
        buf_addf(p->out, "| %s | %.*s |\n", label, STR_ARG(value));
        return;
    }
    buf_addf(p->out, "%*s%-*s", NAME_COLUMN, "", FACT_COLUMN, label);
    text_add_wrapped(p->out, value, NAME_COLUMN + FACT_COLUMN, NAME_COLUMN + FACT_COLUMN, p->width);
    buf_add_char(p->out, '\n');
}

static void code_fact(struct page *p, const char *label, struct str value)
{
    AUTO_BUF struct buf text = BUF_INIT;
    if (!value.n)
        return;
    if (p->markdown)
        code_cell(&text, value);
    else
        buf_add_str(&text, value);
    fact(p, label, buf_str(&text));
}

static void page_fact(struct page *p, const struct schema *schema)
{
    AUTO_BUF struct buf text = BUF_INIT;
    if (!schema->reference.n)
        return;
    if (p->markdown)
        buf_addf(&text, "[%.*s](%.*s)", STR_ARG(schema->operation), STR_ARG(schema->reference));
    else
        buf_add_str(&text, schema->reference);
    fact(p, "API reference", buf_str(&text));
}

static void facts(struct page *p, const struct schema *schema)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    if (p->markdown)
        buf_addz(p->out, "| | |\n| --- | --- |\n");
    code_fact(p, "Identifier", schema->id);
    page_fact(p, schema);
    code_fact(p, "CloudFormation", schema->cfn);
    if (!schema->is_data)
        fact(p, "Refresh", schema->bulk ? STR("listed in bulk") : STR("read one at a time"));
    if (schema->recovery.n)
        fact(p, "After a lost answer", schema->recovery);
    if (schema->service) {
        code_fact(p, "Service", schema->service->id);
        code_fact(p, "Endpoint variable", endpoint_variable(&scratch, schema->service->id));
    }
    buf_add_char(p->out, '\n');
}

void reference_type(
    const struct schema *schema, enum reference_format format, const struct term *term, struct buf *out)
{
    struct page p = page_for(format, term, out);
    title(&p, 1, schema->name);
    if (schema->doc.n) {
        text_add_wrapped(out, schema->doc, 0, 0, p.width);
        buf_addz(out, "\n\n");
    }
    facts(&p, schema);
    example(&p, schema->example);
    attr_section(&p, schema, schema->is_data ? HEADING_ARGUMENTS : HEADING_ATTRIBUTES);
    attr_section(&p, schema, HEADING_READ_ONLY);
    job_section(&p, schema->job);
    page_release(&p);
}

/* ---- functions ---- */

static void function_row(struct page *p, const struct function_doc *f)
{
    if (p->markdown) {
        buf_addf(p->out, "| `%.*s` | ", STR_ARG(f->signature));
        markdown_cell(p->out, f->doc);
        if (f->example.n) {
            buf_addz(p->out, " | ");
            code_cell(p->out, f->example);
            buf_addz(p->out, " → ");
            code_cell(p->out, f->result);
            buf_addz(p->out, " |\n");
        } else {
            buf_addz(p->out, " | |\n");
        }
        return;
    }
    buf_addf(p->out, "%*s", NAME_COLUMN, "");
    style_add_str(p->out, p->color, STYLE_CYAN, f->signature);
    buf_addf(p->out, "\n%*s", NOTE_INDENT, "");
    text_add_wrapped(p->out, f->doc, NOTE_INDENT, NOTE_INDENT, p->width);
    if (f->example.n)
        buf_addf(p->out, "\n%*s%s → %s", NOTE_INDENT, "", f->example.p, f->result.p);
    buf_add_char(p->out, '\n');
}

/* The table is sorted by name; the page is grouped, in the order of the groups' first functions. */
static bool group_is_first(const struct function_doc *docs, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (str_eq(docs[k].group, docs[i].group))
            return false;
    return true;
}

bool reference_functions(
    struct str name, enum reference_format format, const struct term *term, struct buf *out)
{
    size_t n;
    bool found = false;
    const struct function_doc *docs = function_docs(&n);
    struct page p = page_for(format, term, out);
    if (!name.n && p.markdown)
        buf_addz(out, "# Functions\n\nOf the expression language; made from the program's own table by `make "
                      "docs`.\n\n");
    for (size_t i = 0; i < n; i++) {
        if (name.n && str_eq(docs[i].name, name))
            function_row(&p, &docs[i]);
        found |= str_eq(docs[i].name, name);
        if (name.n || !group_is_first(docs, i))
            continue;
        title(&p, 2, docs[i].group);
        buf_addz(out, p.markdown ? "| function | | example |\n| --- | --- | --- |\n" : "");
        for (size_t k = i; k < n; k++)
            if (str_eq(docs[k].group, docs[i].group))
                function_row(&p, &docs[k]);
        buf_add_char(out, '\n');
    }
    return found || !name.n;
}
