/* Diagnostics for libyaml's errors: its messages are about the grammar, these are about the user's file. */
#include "base/yaml_internal.h"

static size_t error_offset(struct yaml_input *in, const yaml_mark_t *mark)
{
    size_t offset = yaml_offset(&in->cursor, mark);
    return offset < in->source->text.n ? offset : in->source->text.n;
}

/* True if the line has a ${, possibly unquoted, which is the usual reason for a syntax error. */
static bool line_has_expression(struct yaml_input *in, size_t at)
{
    struct str text = in->source->text;
    const char *newline = at ? memrchr(text.p, '\n', at) : NULL;
    size_t start = newline ? (size_t)(newline - text.p) + 1 : 0;
    struct str line = str_slice(text, start, start + yaml_rest_of_line(text, start) + (at - start));
    return str_find(line, STR("${"), 0) >= 0;
}

/* True for "${f("x")}", where the text ended at the second quote. */
static bool ends_quote(struct yaml_input *in, size_t at)
{
    struct str text = in->source->text;
    const char *newline = at ? memrchr(text.p, '\n', at) : NULL;
    size_t start = newline ? (size_t)(newline - text.p) + 1 : 0;
    struct str before = str_slice(text, start, at);
    ptrdiff_t opened = str_find(before, STR("\"${"), 0);
    return opened >= 0 && before.n && before.p[before.n - 1] == '"' && (size_t)opened + 1 < before.n - 1;
}

struct known_problem {
    const char *problem, *message, *hint;
};
/* Messages and hints for libyaml's problems. */
static const struct known_problem known_problems[] = {
    {"mapping values are not allowed", "a \": \" is not allowed here",
        "text that holds \": \" is quoted; keys of one map begin in the same column"},
    {"did not find expected key", "this does not fit the lines above it",
        "keys of one map begin in the same column"},
    {"did not find expected '-' indicator", "this does not fit the list above it",
        "items of one list begin with \"- \" in the same column"},
    {"did not find expected ',' or ']'", "expected \",\" or \"]\" in this list",
        "inside [ ] and { }, text that holds one of these is quoted"},
    {"did not find expected ',' or '}'", "expected \",\" or \"}\" in this map",
        "inside [ ] and { }, text that holds one of these is quoted"},
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

static void report_bad_character(struct yaml_input *in, size_t at, const char *problem)
{
    struct str text = in->source->text;
    char c = at < text.n ? text.p[at] : ' ';
    if (c == '\t' || strstr(problem, "tab character")) {
        struct diag *d = diag_error(in->diags, span_at(in->source, at, 1), "a tab cannot indent");
        diag_label(in->diags, d, "use spaces");
        return;
    }
    struct span span = span_at(in->source, at, 1);
    struct diag *d = span_is_hidden(span)
                         ? diag_error(in->diags, span, "a value cannot begin with this character")
                         : diag_error(in->diags, span, "a value cannot begin with \"%c\"", c);
    diag_label(in->diags, d, "quote it");
}

static const char *context_label(const char *context)
{
    if (strstr(context, "mapping"))
        return "in the map that begins here";
    if (strstr(context, "sequence") || strstr(context, "collection"))
        return "in the list that begins here";
    return context;
}

static void report_syntax(struct yaml_input *in)
{
    const yaml_parser_t *yaml = &in->yaml;
    const char *problem = yaml->problem ? yaml->problem : "not YAML";
    size_t at = error_offset(in, &yaml->problem_mark);
    if (!strncmp(problem, "found character that cannot", 27) || strstr(problem, "tab character")) {
        report_bad_character(in, at, problem);
        return;
    }
    const struct known_problem *known = find_problem(problem);
    bool at_context = known && strstr(known->message, "begins here");
    struct span context = span_at(in->source, error_offset(in, &yaml->context_mark), 1);
    struct span span = at_context && yaml->context ? context : span_at(in->source, at, 1);
    struct diag *d = diag_error(in->diags, span, "%s", known ? known->message : problem);
    if (ends_quote(in, at))
        diag_hint(in->diags, d,
            "quotes in an expression end the text around it: in single quotes it is '${f(\"…\")}'");
    else if (line_has_expression(in, at))
        diag_hint(in->diags, d,
            "an expression inside [ ] or { }, or one that holds \": \" or \" #\", is quoted: \"${…}\"");
    else if (known && known->hint)
        diag_hint(in->diags, d, "%s", known->hint);
    if (!at_context && yaml->context && context.line < span.line)
        diag_related(in->diags, d, context, "%s", context_label(yaml->context));
}

static void report_character(struct yaml_input *in)
{
    size_t offset = in->cursor.base + in->yaml.problem_offset;
    struct span span = span_at(in->source, offset, 1);
    if (span_is_hidden(span))
        diag_error(in->diags, span, "a control character is not allowed");
    else
        diag_error(
            in->diags, span, "the control character U+%04X is not allowed", (unsigned)in->yaml.problem_value);
}

void yaml_report_problem(struct yaml_input *in)
{
    if (in->yaml.error == YAML_READER_ERROR)
        report_character(in);
    else
        report_syntax(in);
}
