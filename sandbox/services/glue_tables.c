/* The data catalog's tables as they are searched, and their versions: the current one, for others are not
 * kept. */
#include "sandbox/engine/view.h"
#include "sandbox/services/glue.h"

enum { MAX_FOUND = 100 };

static int ask_table(struct service_call *call, struct str database, struct str name,
    const struct value **out, struct err *err)
{
    struct value_entry names[] = {{STR("DatabaseName"), value_string(call->arena, database)},
        {STR("Name"), value_string(call->arena, name)}};
    const struct service_request request = {.service = STR("glue"),
        .operation = STR("GetTable"),
        .region = call->region,
        .input = value_map(call->arena, names, 2)};
    if (services_call_control(call->services, call->arena, &request, out, err))
        return -1;
    *out = value_getz(*out, "Table");
    return 0;
}

static const struct value *version_of(struct service_call *call, const struct value *table)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    view_set(&b, "Table", table);
    view_set(&b, "VersionId", value_getz(table, "VersionId"));
    return value_builder_map(&b);
}

static int find_version(struct service_call *call, const struct value **out, struct err *err)
{
    struct str database, name;
    const struct value *table;
    if (service_required(call, "DatabaseName", &database, err) ||
        service_required(call, "TableName", &name, err) || ask_table(call, database, name, &table, err))
        return -1;
    *out = version_of(call, table);
    return 0;
}

int glue_get_table_versions(struct service_call *call, struct err *err)
{
    const struct value *version;
    if (find_version(call, &version, err))
        return -1;
    struct value_entry entry = {STR("TableVersions"), value_list(call->arena, &version, 1)};
    call->output = value_map(call->arena, &entry, 1);
    return 0;
}

int glue_get_table_version(struct service_call *call, struct err *err)
{
    struct str wanted = value_gets(call->input, "VersionId");
    struct value_entry entry = {STR("TableVersion"), NULL};
    if (find_version(call, &entry.value, err))
        return -1;
    if (wanted.n && !str_eq(wanted, value_gets(entry.value, "VersionId")))
        return service_refuse(err, 400, "EntityNotFoundException",
            "Table version not found. The sandbox keeps the current one only.");
    call->output = value_map(call->arena, &entry, 1);
    return 0;
}

/* Does it stand in the table's name or description, or in those of a column? */
static bool has_text(struct service_call *call, const struct control_record *table, struct str text)
{
    static const char *const paths[] = {"name", "description", "columns[].name", "columns[].comment",
        "storage.columns[].name", "storage.columns[].comment", "partition_keys[].name"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        const struct value *v = wire_path(call->arena, table->attrs, str_z(paths[i]));
        if (str_find(value_text(v, STR_EMPTY), text, 0) >= 0)
            return true;
        for (uint32_t k = 0; v && v->kind == VALUE_LIST && k < v->count; k++)
            if (str_find(value_text(v->items[k], STR_EMPTY), text, 0) >= 0)
                return true;
    }
    return false;
}

/* Filters are {Key: DatabaseName or Name, Value, Comparator}; all have to hold. */
static int passes(struct service_call *call, const struct control_record *table, bool *yes, struct err *err)
{
    const struct value *filters = value_getz(call->input, "Filters");
    struct str text = value_gets(call->input, "SearchText");
    *yes = !text.n || has_text(call, table, text);
    for (uint32_t i = 0; filters && i < filters->count; i++) {
        struct str key = value_gets(filters->items[i], "Key");
        bool database = str_ieq(key, STR("DatabaseName"));
        if (!database && !str_ieq(key, STR("Name")))
            return service_refuse(err, 400, "InvalidInputException",
                "the sandbox searches by DatabaseName and Name, not by %.*s", STR_ARG(key));
        const struct value *have = value_getz(table->attrs, database ? "database" : "name");
        *yes = *yes && value_equal(have, value_getz(filters->items[i], "Value"));
    }
    return 0;
}

int glue_search_tables(struct service_call *call, struct err *err)
{
    size_t n, first, end, count = 0;
    const struct value *next;
    struct control_record *all =
        control_list(services_control(call->services), call->arena, STR("aws.glue.table"), call->region, &n);
    for (size_t i = 0; i < n; i++) {
        bool yes;
        if (passes(call, &all[i], &yes, err))
            return -1;
        if (yes)
            all[count++] = all[i];
    }
    if (service_page(call, "NextToken", "MaxResults", MAX_FOUND, count, &first, &end, &next, err))
        return -1;
    struct value_builder list = VALUE_BUILDER(call->arena), b = VALUE_BUILDER(call->arena);
    for (size_t i = first; i < end; i++) {
        const struct value *table;
        struct str database = value_gets(all[i].attrs, "database"), name = value_gets(all[i].attrs, "name");
        if (!ask_table(call, database, name, &table, err))
            value_builder_add(&list, table);
    }
    value_builder_set(&b, STR("TableList"), value_builder_list(&list));
    view_set(&b, "NextToken", next);
    call->output = value_builder_map(&b);
    return 0;
}
