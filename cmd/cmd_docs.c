/* weir docs: reference pages of types, functions and commands from the program's own tables. */
#include "cmd/invocation/kinds.h"
#include "cmd/reference/reference.h"
#include "provider/names/names.h"
#include "stacks/expr.h"

struct docs_settings {
    struct settings shared;
    const char *format;
};

static enum reference_format format_of(const struct docs_settings *own)
{
    struct str format = str_z(own->format);
    return str_eqz(format, "man")        ? REFERENCE_MAN
           : str_eqz(format, "markdown") ? REFERENCE_MARKDOWN
                                         : REFERENCE_TEXT;
}

static int list_kind(struct catalog *catalog, bool is_data, enum reference_format format,
    const struct term *term, struct buf *out, struct err *err)
{
    size_t n;
    const struct str *names = catalog_names(catalog, is_data, &n);
    for (size_t i = 0; i < n; i++) {
        const struct schema *schema = catalog_find(catalog, names[i], is_data, err);
        if (!schema)
            return -1;
        if (format == REFERENCE_MARKDOWN) {
            buf_addf(out, "| [%.*s](%s%.*s.md) | %.*s |\n", STR_ARG(names[i]), is_data ? "data." : "",
                STR_ARG(names[i]), STR_ARG(schema->doc));
            continue;
        }
        buf_addz(out, is_data ? "data " : "");
        style_add_str(out, term->color, STYLE_CYAN, names[i]);
        int pad = 34 - (int)names[i].n - (is_data ? 5 : 0);
        buf_addf(out, "%*s", pad > 1 ? pad : 1, "");
        text_add_wrapped(out, schema->doc, 34, 34, term->width);
        buf_add_char(out, '\n');
    }
    return 0;
}

static int list_types(struct catalog *catalog, enum reference_format format, const struct term *term,
    struct buf *out, struct err *err)
{
    if (format == REFERENCE_MARKDOWN)
        buf_addz(out, "# Resource types and data sources\n\n| type | |\n| --- | --- |\n");
    int listed = list_kind(catalog, false, format, term, out, err);
    return listed ? listed : list_kind(catalog, true, format, term, out, err);
}

/* Types of which the topic is a part: `s3`, `aws.s3`, `bucket`. */
static void add_types_with(struct catalog *catalog, struct str topic, struct buf *list)
{
    enum { MOST = 12 };
    size_t n, shown = 0;
    const struct str *names = catalog_names(catalog, false, &n);
    for (size_t i = 0; i < n; i++) {
        struct str name = names[i];
        ptrdiff_t at = str_find(name, topic, 0);
        size_t end = (size_t)at + topic.n;
        if (at < 0 || (at > 0 && name.p[at - 1] != '.') || (end < name.n && name.p[end] != '.'))
            continue;
        if (shown++ == MOST)
            buf_addz(list, ", …");
        if (shown <= MOST)
            buf_addf(list, "%s%.*s", list->n ? ", " : "", STR_ARG(name));
    }
}

static int unknown_topic(
    struct catalog *catalog, struct str topic, const struct err *failure, struct err *err)
{
    *err = *failure;
    AUTO_BUF struct buf list = BUF_INIT;
    if (command_find(topic))
        return err_hint(err, "\"weir help %.*s\" explains the command", STR_ARG(topic));
    word_hint(catalog, topic, err);
    if (err->hint[0])
        return -1;
    add_types_with(catalog, topic, &list);
    return list.n ? err_hint(err, "there are: %s", list.p)
                  : err_hint(err, "\"weir docs\" lists the types, \"weir docs functions\" the functions");
}

/* A resource type, a data source of that name, or a function. `data.TYPE` is the data source only. */
static int show_topic(struct catalog *catalog, struct str topic, enum reference_format format,
    const struct term *term, struct buf *out, struct err *err)
{
    struct err failure = ERR_INIT;
    bool data_only = str_starts(topic, STR("data."));
    struct str type = data_only ? str_slice(topic, 5, topic.n) : topic;
    const struct schema *schema = data_only ? NULL : catalog_find(catalog, type, false, &failure);
    if (!schema)
        schema = catalog_find(catalog, type, true, data_only ? &failure : ERR_IGNORED);
    if (schema) {
        reference_type(schema, format, term, out);
        return 0;
    }
    if (reference_functions(topic, format, term, out))
        return 0;
    return unknown_topic(catalog, topic, &failure, err);
}

static int write_page(struct invocation *inv, enum reference_format format, struct buf *out, struct err *err)
{
    struct str topic = inv->args.n ? inv->args.items[0] : STR_EMPTY;
    if (str_eqz(topic, "functions")) {
        reference_functions(STR_EMPTY, format, &inv->out, out);
        return 0;
    }
    if (str_eqz(topic, "commands")) {
        (format == REFERENCE_MAN ? reference_commands_man : reference_commands_markdown)(out);
        return 0;
    }
    if (format == REFERENCE_MAN)
        return err_set(err, ERR_USAGE, "only \"weir docs commands\" can be a manual page");
    struct catalog *catalog;
    if (catalog_new(&(struct catalog_options){.kinds = &cmd_kinds, .specs_dir = inv->settings->specs},
            &catalog, err) < 0)
        return -1;
    int rc = topic.n ? show_topic(catalog, topic, format, &inv->out, out, err)
                     : list_types(catalog, format, &inv->out, out, err);
    catalog_free(catalog);
    return rc;
}

static int cmd_docs_run(struct invocation *inv)
{
    AUTO_BUF struct buf out = BUF_INIT;
    struct err err = ERR_INIT;
    if (write_page(inv, format_of(inv->own), &out, &err) < 0)
        return invocation_fail(inv, &err);
    return invocation_write(inv, buf_str(&out));
}

static const struct option options[] = {
    {0, "format", .value = "FORMAT", .kind = OPTION_TEXT, .offset = offsetof(struct docs_settings, format),
        .completes = COMPLETES_CHOICES, .choices = "text markdown man"},
    {0, "specs", .value = "DIR", .kind = OPTION_TEXT, .offset = offsetof(struct settings, specs),
        .completes = COMPLETES_DIR},
};
static const struct option_set own_set = OPTION_SET(NULL, options);

const struct command cmd_docs = {
    .name = "docs",
    .args = "[TYPE|FUNCTION|functions|commands]",
    .sets = {&own_set},
    .settings_size = sizeof(struct docs_settings),
    .max_args = 1,
    .completes = COMPLETES_TYPE,
    .run = cmd_docs_run,
};
