/* Athena's view of the data catalog: what Glue has, under Athena's names. There is one catalog. */
#include "sandbox/calls/services.h"
#include "sandbox/engine/view.h"

#define CATALOG "AwsDataCatalog"

/* One member of Glue's answer; refusals in Athena's words. */
static int ask_glue(struct service_call *call, const char *operation, const struct value *input,
    const char *member, const struct value **out, struct err *err)
{
    struct err why = ERR_INIT;
    const struct value *output;
    const struct service_request request = {
        .service = STR("glue"), .operation = str_z(operation), .region = call->region, .input = input};
    if (!services_call(call->services, call->arena, &request, &output, &why)) {
        *out = value_getz(output, member);
        return 0;
    }
    bool absent = str_eqz(str_z(why.code), "EntityNotFoundException");
    return service_refuse(
        err, 400, absent ? "MetadataException" : "InvalidRequestException", "%s", why.message);
}

static int check_catalog(struct service_call *call, const char *member, struct err *err)
{
    struct str name = value_text(value_getz(call->input, member), STR(CATALOG));
    (void)value_getz(call->input, "WorkGroup"); /* matters with catalogs of IAM Identity Center */
    if (str_eqz(name, CATALOG))
        return 0;
    return service_refuse(
        err, 400, "InvalidRequestException", "Data catalog %.*s was not found", STR_ARG(name));
}

static const struct value *view_database(struct arena *arena, const struct value *database)
{
    struct value_builder b = VALUE_BUILDER(arena);
    view_members(&b, database, "Name Description Parameters");
    return value_builder_map(&b);
}

static const struct value *view_columns(struct arena *arena, const struct value *columns)
{
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    for (uint32_t i = 0; columns && i < columns->count; i++) {
        struct value_builder b = VALUE_BUILDER(arena);
        view_members(&b, columns->items[i], "Name Type Comment");
        value_builder_add(&list, value_builder_map(&b));
    }
    return value_builder_list(&list);
}

/* Where it lies, and how it is read, are parameters to Athena. */
static const struct value *parameters_of(struct arena *arena, const struct value *table)
{
    static const struct {
        const char *glue, *athena;
    } names[] = {{"Location", "location"}, {"InputFormat", "inputformat"}, {"OutputFormat", "outputformat"}};
    const struct value *all = value_getz(table, "Parameters"),
                       *where = value_getz(table, "StorageDescriptor"),
                       *serde = value_getz(value_getz(where, "SerdeInfo"), "SerializationLibrary");
    all = all ? all : &value_empty_map;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (value_getz(where, names[i].glue))
            all = value_with(arena, all, str_z(names[i].athena), value_getz(where, names[i].glue));
    return serde ? value_with(arena, all, STR("serde.serialization.lib"), serde) : all;
}

static const struct value *view_table(struct arena *arena, const struct value *table)
{
    struct value_builder b = VALUE_BUILDER(arena);
    view_members(&b, table, "Name CreateTime LastAccessTime TableType");
    view_set(
        &b, "Columns", view_columns(arena, value_getz(value_getz(table, "StorageDescriptor"), "Columns")));
    view_set(&b, "PartitionKeys", view_columns(arena, value_getz(table, "PartitionKeys")));
    view_set(&b, "Parameters", parameters_of(arena, table));
    return value_builder_map(&b);
}

/* The asked page of a list, each item made by `view`. */
static int show_page(struct service_call *call, const struct value *list, const char *member,
    const struct value *(*view)(struct arena *, const struct value *), struct err *err)
{
    struct value_builder shown = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; list && i < list->count; i++)
        value_builder_add(&shown, view(call->arena, list->items[i]));
    return service_answer_page(call, member, value_builder_list(&shown), 50, err);
}

static int list_databases(struct service_call *call, struct err *err)
{
    const struct value *list;
    return check_catalog(call, "CatalogName", err) ||
                   ask_glue(call, "GetDatabases", &value_empty_map, "DatabaseList", &list, err)
               ? -1
               : show_page(call, list, "DatabaseList", view_database, err);
}

static int get_database(struct service_call *call, struct err *err)
{
    struct str name;
    const struct value *one;
    if (check_catalog(call, "CatalogName", err) || service_required(call, "DatabaseName", &name, err) ||
        ask_glue(call, "GetDatabase",
            value_with(call->arena, NULL, STR("Name"), value_string(call->arena, name)), "Database", &one,
            err))
        return -1;
    service_answer(call, "Database", view_database(call->arena, one));
    return 0;
}

static int list_tables(struct service_call *call, struct err *err)
{
    struct str name;
    const struct value *list;
    if (check_catalog(call, "CatalogName", err) || service_required(call, "DatabaseName", &name, err))
        return -1;
    const struct value *input =
        value_with(call->arena, NULL, STR("DatabaseName"), value_string(call->arena, name));
    input = value_with(call->arena, input, STR("Expression"), value_getz(call->input, "Expression"));
    return ask_glue(call, "GetTables", input, "TableList", &list, err)
               ? -1
               : show_page(call, list, "TableMetadataList", view_table, err);
}

static int get_table(struct service_call *call, struct err *err)
{
    struct str database, name;
    const struct value *one;
    if (check_catalog(call, "CatalogName", err) || service_required(call, "DatabaseName", &database, err) ||
        service_required(call, "TableName", &name, err))
        return -1;
    const struct value *input =
        value_with(call->arena, NULL, STR("DatabaseName"), value_string(call->arena, database));
    input = value_with(call->arena, input, STR("Name"), value_string(call->arena, name));
    if (ask_glue(call, "GetTable", input, "Table", &one, err))
        return -1;
    service_answer(call, "TableMetadata", view_table(call->arena, one));
    return 0;
}

static int list_catalogs(struct service_call *call, struct err *err UNUSED)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    view_text(&b, "CatalogName", STR(CATALOG));
    view_text(&b, "Type", STR("GLUE"));
    view_text(&b, "Status", STR("CREATE_COMPLETE"));
    const struct value *one = value_builder_map(&b);
    call->output =
        value_with(call->arena, NULL, STR("DataCatalogsSummary"), value_list(call->arena, &one, 1));
    return 0;
}

static int get_catalog(struct service_call *call, struct err *err)
{
    struct str name;
    struct value_builder b = VALUE_BUILDER(call->arena);
    if (service_required(call, "Name", &name, err) || check_catalog(call, "Name", err))
        return -1;
    view_text(&b, "Name", name);
    view_text(&b, "Type", STR("GLUE"));
    view_set(&b, "Parameters",
        value_with(call->arena, NULL, STR("catalog-id"),
            value_string(call->arena, services_account(call->services))));
    service_answer(call, "DataCatalog", value_builder_map(&b));
    return 0;
}

const struct service_operation athena_catalog_operations[] = {
    {"athena", "ListDatabases", list_databases, NULL, NULL},
    {"athena", "GetDatabase", get_database, NULL, NULL},
    {"athena", "ListTableMetadata", list_tables, NULL, NULL},
    {"athena", "GetTableMetadata", get_table, NULL, NULL},
    {"athena", "ListDataCatalogs", list_catalogs, NULL, NULL},
    {"athena", "GetDataCatalog", get_catalog, NULL, NULL},
    {0},
};
