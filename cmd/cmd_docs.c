/* weir docs and weir schema: reference pages of types, functions and commands from the program's tables, and
 * the JSON Schema of stack files for editors. */
#include "base/json.h"
#include "base/match.h"
#include "base/mem.h"
#include "cmd/invocation/kinds.h"
#include "cmd/reference/reference.h"
#include "provider/cfn/cfn.h"
#include "provider/cloud.h"
#include "provider/names/names.h"
#include "provider/ssh/connection_settings.h"

#include <stdlib.h>

/* ---- selecting types ---- */

struct type_names {
    struct str *items;
    size_t n, cap;
    bool open; /* further types can be looked up by name (AWS::Kinesis::Stream) */
};

/* Returns the listed types, and those looked up by name that match the pattern ("AWS::Kinesis::*"; "":
 * none). */
static struct type_names pick_types(struct catalog *catalog, bool is_data, struct str pattern)
{
    struct type_names names = {0};
    size_t n, known;
    const struct str *listed = catalog_names(catalog, is_data, &n),
                     *all = catalog_known_names(catalog, is_data, &known);
    MEM_GROW(names.items, names.cap, known + 1);
    for (size_t i = 0; i < n; i++)
        names.items[names.n++] = listed[i];
    for (size_t i = n; i < known; i++)
        if (pattern.n && glob_match(pattern, all[i], 0))
            names.items[names.n++] = all[i];
    names.open = known > n;
    return names;
}

/* Appends a section such as "resources": each entry has a type, whose definition it must match. */
static void add_section(
    struct buf *out, const char *section, const char *prefix, const struct type_names *list)
{
    const struct str *names = list->items;
    size_t n = list->n;
    buf_addf(out,
        "\"%s\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"object\",\"required\":[\"type\"],"
        "\"properties\":{\"type\":{%s\"enum\":[",
        section, list->open ? "\"if\":{\"pattern\":\"^[A-Za-z0-9]+(::[A-Za-z0-9]+){2}$\"},\"else\":{" : "");
    for (size_t i = 0; i < n; i++) {
        buf_addz(out, i ? "," : "");
        json_write_string(out, names[i]);
    }
    buf_addz(out, list->open ? "]}}},\"allOf\":[" : "]}},\"allOf\":[");
    for (size_t i = 0; i < n; i++) {
        buf_addz(out, i ? ",\n" : "\n");
        buf_addz(out, "{\"if\":{\"required\":[\"type\"],\"properties\":{\"type\":{\"const\":");
        json_write_string(out, names[i]);
        buf_addf(out, "}}},\"then\":{\"$ref\":\"#/definitions/%s%.*s\"}}", prefix, STR_ARG(names[i]));
    }
    buf_addz(out, "]}}");
}

static void add_settings(struct buf *out, const struct attr *settings)
{
    const struct type *type = settings->type;
    buf_addz(out, "\"additionalProperties\":false,\"properties\":{");
    json_schema_properties(out, type->fields, type->field_count, "");
    buf_add_char(out, '}');
    json_schema_required(out, type->fields, type->field_count);
}

/* Appends the schema of `aws` and `aws.NAME` under `providers:`. */
static void add_kind(struct buf *out, const struct provider_kind *kind, bool first)
{
    buf_addf(out, "%s\"^%s(\\\\.|$)\":", first ? "" : ",", kind->name);
    if (!kind->settings) {
        buf_addz(out, "true");
        return;
    }
    buf_addz(out, "{\"if\":{\"$ref\":\"#/definitions/expression\"},\"else\":{\"type\":\"object\",");
    add_settings(out, kind->settings);
    buf_addz(out, "}}");
}

/* Appends the settings of connections, providers and state backends. */
static void add_settings_sections(struct buf *out)
{
    const struct attr *states = plan_cloud.states;
    buf_addz(out,
        "\"connections\":{\"type\":\"object\",\"description\":\"Connections to hosts, such as SSH, and to "
        "private resources behind them\","
        "\"additionalProperties\":{\"if\":{\"$ref\":\"#/definitions/expression\"},\"else\":{\"type\":"
        "\"object\",");
    add_settings(out, &connection_settings);
    buf_addz(out, "}}},\n\"providers\":{\"type\":\"object\",\"description\":\"Provider configurations: aws, "
                  "aws.NAME, or any name with type: "
                  "PROVIDER\",\"additionalProperties\":{\"type\":\"object\",\"required\":[\"type\"]},"
                  "\"patternProperties\":{");
    for (size_t i = 0; cmd_kinds.items[i]; i++)
        add_kind(out, cmd_kinds.items[i], i == 0);
    buf_addz(out, "}},\n\"state\":{\"type\":\"object\",\"description\":\"State store. Without it a file in "
                  ".weir/\",\"properties\":{\"backend\":{\"if\":{\"$ref\":\"#/definitions/expression\"},"
                  "\"else\":{\"enum\":[");
    for (size_t i = 0; i < plan_cloud.state_count; i++)
        buf_addf(out, "%s\"%.*s\"", i ? "," : "", STR_ARG(states[i].name));
    buf_addz(out, "]}}},\"allOf\":[");
    for (size_t i = 0; i < plan_cloud.state_count; i++) {
        buf_addf(out,
            "%s{\"if\":{\"required\":[\"backend\"],\"properties\":{\"backend\":{\"const\":\"%.*s\"}}},"
            "\"then\":{",
            i ? "," : "", STR_ARG(states[i].name));
        add_settings(out, &states[i]);
        buf_addz(out, "}}");
    }
    buf_addz(out, "]},\n");
}

static int add_definitions(
    struct buf *out, struct catalog *catalog, const struct type_names *names, bool is_data, struct err *err)
{
    buf_addf(out, "\"%s\":{\n", is_data ? "data" : "resources");
    for (size_t i = 0; i < names->n; i++) {
        const struct schema *schema = catalog_find(catalog, names->items[i], is_data, err);
        if (!schema)
            return -1;
        json_schema_definition(out, schema);
    }
    buf_addz(out, "\"\":true},\n");
    return 0;
}

static int write_schema(struct buf *out, struct catalog *catalog, struct str pattern, struct err *err)
{
    struct type_names resources = pick_types(catalog, false, pattern),
                      data = pick_types(catalog, true, pattern);
    buf_addz(out, "{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"title\":\"weir stack\",\n"
                  "\"type\":\"object\",\"additionalProperties\":false,\n\"properties\":{\n");
    add_settings_sections(out);
    add_section(out, "resources", "resources/", &resources);
    buf_addz(out, ",\n");
    add_section(out, "data", "data/", &data);
    json_schema_part(out, "stack");
    buf_addz(out, "},\n\"definitions\":{\n\"expression\":{\"type\":[\"string\",\"null\"],\"pattern\":\"\\\\$"
                  "\\\\{\"},\n");
    int status = add_definitions(out, catalog, &resources, false, err);
    if (!status)
        status = add_definitions(out, catalog, &data, true, err);
    buf_addz(out, "\"\":true}}\n");
    free(resources.items);
    free(data.items);
    return status;
}

void reference_language(struct buf *out)
{
    buf_addz(out, "{\"properties\":{");
    add_settings_sections(out);
    buf_addz(out, "\"resources\":{\"description\":\"What there is to be: a name, its type, its attributes\"},"
                  "\"data\":{\"description\":\"What is only read: a name, its type, what is asked for\"}");
    json_schema_part(out, "stack");
    buf_addz(out, "},\"body\":{\"properties\":{\"type\":{\"description\":\"What it is: aws.s3.bucket\"}");
    json_schema_part(out, "body");
    json_schema_part(out, "resource");
    buf_addz(out, "}}}");
}

/* Writes a JSON document for each type. */
static int write_calls(struct buf *out, struct catalog *catalog, bool is_data, struct err *err)
{
    size_t n;
    const struct str *names = catalog_names(catalog, is_data, &n);
    for (size_t i = 0; i < n; i++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        const struct schema *schema = catalog_find(catalog, names[i], is_data, err);
        if (!schema)
            return -1;
        const struct value *calls = schema_calls(&arena, schema);
        if (!calls)
            continue;
        json_write(out, calls, JSON_PLAIN);
        buf_add_char(out, '\n');
    }
    return 0;
}

struct own_settings {
    struct settings shared;
    bool calls;
    const char *with, *fetch;
};

/* Fetches a type's schema from CloudFormation, if the binary does not have it or has an older one. */
static int cmd_schema_fetch(struct invocation *inv, const char *type)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct http_engine *http = NULL;
    struct aws_client *client = NULL;
    struct http_options http_options = {0};
    struct err err = ERR_INIT;
    struct str path, version;
    int status = http_engine_new(&http_options, &http, &err);
    if (!status)
        status = aws_client_new(&(struct aws_options){.name = STR("aws"), .http = http}, &client, &err);
    if (!status)
        status = cfn_describe(client, &arena, str_z(type), STR(".weir/schemas"), &path, &version, &err);
    aws_client_free(client);
    if (http)
        http_engine_free(http);
    if (status)
        return invocation_fail(inv, &err);
    return invocation_write(
        inv, arena_printf(&arena, "%s, version %.*s: %.*s\n", type, STR_ARG(version), STR_ARG(path)));
}

static int cmd_schema_run(struct invocation *inv)
{
    const struct own_settings *own = inv->own;
    struct catalog *catalog;
    struct err err = ERR_INIT;
    if (own->fetch)
        return cmd_schema_fetch(inv, own->fetch);
    if (catalog_new(&(struct catalog_options){.kinds = &cmd_kinds, .specs_dir = inv->settings->specs},
            &catalog, &err) < 0)
        return invocation_fail(inv, &err);
    AUTO_BUF struct buf out = BUF_INIT;
    int rc = !own->calls ? write_schema(&out, catalog, str_z(own->with), &err)
             : write_calls(&out, catalog, false, &err) < 0 ? -1
                                                           : write_calls(&out, catalog, true, &err);
    int status = rc < 0 ? invocation_fail(inv, &err) : invocation_write(inv, buf_str(&out));
    catalog_free(catalog);
    return status;
}

static const struct option options[] = {
    {0, "specs", .value = "DIR", .kind = OPTION_TEXT, .offset = offsetof(struct settings, specs),
        .completes = COMPLETES_DIR},
    {0, "with", .value = "PATTERN", .kind = OPTION_TEXT, .offset = offsetof(struct own_settings, with)},
    {0, "fetch", .value = "TYPE", .kind = OPTION_TEXT, .offset = offsetof(struct own_settings, fetch)},
    {0, "calls", .kind = OPTION_FLAG, .offset = offsetof(struct own_settings, calls)},
};

const struct command cmd_schema = {
    .name = "schema",
    .sets = {OWN_OPTIONS(options)},
    .settings_size = sizeof(struct own_settings),
    .run = cmd_schema_run,
};

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

/* Lists types that contain the topic: `s3`, `aws.s3`, `bucket`. */
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

static const struct schema *find_type(
    struct catalog *catalog, struct str name, bool data_only, struct err *failure)
{
    const struct schema *schema = data_only ? NULL : catalog_find(catalog, name, false, failure);
    return schema ? schema : catalog_find(catalog, name, true, data_only ? failure : ERR_IGNORED);
}

/* Shows a resource type or one of its attributes, a data source, or a function. `data.TYPE` is the data
 * source only. */
static int show_topic(struct catalog *catalog, struct str topic, enum reference_format format,
    const struct term *term, struct buf *out, struct err *err)
{
    struct err failure = ERR_INIT;
    bool data_only = str_starts(topic, STR("data."));
    struct str name = data_only ? str_slice(topic, 5, topic.n) : topic;
    const struct schema *schema = find_type(catalog, name, data_only, &failure);
    if (schema) {
        reference_type(schema, format, term, out);
        return 0;
    }
    if (reference_functions(topic, format, term, out))
        return 0;
    size_t end = name.n; /* the end of the type in TYPE.ATTRIBUTE */
    while (!schema && end-- > 0)
        if (name.p[end] == '.')
            schema = find_type(catalog, str_slice(name, 0, end), data_only, ERR_IGNORED);
    if (!schema)
        return unknown_topic(catalog, topic, &failure, err);
    struct str path = str_slice(name, end + 1, name.n);
    if (reference_attribute_at(schema, path, format, term, out))
        return 0;
    err_set(err, ERR_USAGE, "%.*s has no attribute \"%.*s\"", STR_ARG(schema->name), STR_ARG(path));
    return err_hint(err, "\"weir docs %.*s\" lists its attributes", STR_ARG(schema->name));
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

static const struct option docs_options[] = {
    {0, "format", .value = "FORMAT", .kind = OPTION_TEXT, .offset = offsetof(struct docs_settings, format),
        .completes = COMPLETES_CHOICES, .choices = "text markdown man"},
    {0, "specs", .value = "DIR", .kind = OPTION_TEXT, .offset = offsetof(struct settings, specs),
        .completes = COMPLETES_DIR},
};

const struct command cmd_docs = {
    .name = "docs",
    .args = "[TYPE[.ATTRIBUTE]|FUNCTION|functions|commands]",
    .sets = {OWN_OPTIONS(docs_options)},
    .settings_size = sizeof(struct docs_settings),
    .max_args = 1,
    .completes = COMPLETES_TYPE,
    .run = cmd_docs_run,
};
