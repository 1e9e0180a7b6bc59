/*
 * CreateTable with OpenTableFormatInput: Glue writes the first metadata file of an Iceberg table at its place
 * and says in the table's parameters where it is. Whoever writes to the table does the same from then on.
 */
#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "sandbox/notation/languages.h"
#include "sandbox/services/glue/glue.h"
#include "sandbox/services/s3/objects.h"

enum { FIRST_PARTITION_ID = 1000 };

struct making {
    struct service_call *call;
    const struct value *input; /* TableInput */
    struct iceberg_schema schema;
    const struct value *partitions; /* fields of the partition spec */
    bool first_version;
    struct str location, bucket, key; /* of the table, and of its metadata file */
};

static int invalid(struct err *err, const char *message)
{
    return service_refuse(err, 400, "InvalidInputException", "%s", message);
}

/* s3://bucket/some/where; what Iceberg calls its file there. */
static int place(struct making *m, struct err *err)
{
    struct arena *arena = m->call->arena;
    struct str path, scheme = STR("s3://");
    m->location = value_gets(value_getz(m->input, "StorageDescriptor"), "Location");
    if (!m->location.n)
        return invalid(err, "Location information cannot be null while creating an iceberg table");
    if (!str_starts(m->location, scheme))
        return invalid(err, "the location of an iceberg table begins with s3://");
    m->bucket = str_cut(str_slice(m->location, scheme.n, m->location.n), '/', &path);
    while (path.n && path.p[path.n - 1] == '/')
        path.n--;
    m->key = arena_printf(arena, "%.*s%smetadata/00000-%s.metadata.json", STR_ARG(path), path.n ? "/" : "",
        uuid_random(arena).p);
    return 0;
}

/* The columns, and behind them those that the table is divided by, each as it is. */
static int take_columns(struct making *m, struct err *err)
{
    struct arena *arena = m->call->arena;
    const struct value *lists[] = {value_getz(value_getz(m->input, "StorageDescriptor"), "Columns"),
        value_getz(m->input, "PartitionKeys")};
    struct value_builder all = VALUE_BUILDER(arena), keys = VALUE_BUILDER(arena);
    struct err why = ERR_INIT;
    for (int which = 0; which < 2; which++)
        for (uint32_t i = 0; lists[which] && i < lists[which]->count; i++) {
            const struct value *column = lists[which]->items[i];
            value_builder_add(&all, column);
            if (which == 1)
                value_builder_add(&keys, VALUE_MAP(arena, {STR("name"), value_getz(column, "Name")},
                                             {STR("transform"), value_stringz(arena, "identity")},
                                             {STR("source-id"), value_int(arena, (int64_t)all.n)},
                                             {STR("field-id"), value_int(arena, FIRST_PARTITION_ID + i)}));
        }
    m->partitions = value_builder_list(&keys);
    if (iceberg_schema_make(arena, value_builder_list(&all), &m->schema, &why))
        return invalid(err, why.message);
    return 0;
}

static int look(struct making *m, struct err *err)
{
    const struct value *parameters = value_getz(m->input, "Parameters");
    struct str version =
        value_gets(value_getz(value_getz(m->call->input, "OpenTableFormatInput"), "IcebergInput"), "Version");
    m->first_version = str_eqz(version, "1");
    if (!str_eqz(value_gets(m->input, "TableType"), "EXTERNAL_TABLE"))
        return invalid(err, "Iceberg table type has to be EXTERNAL_TABLE");
    if (value_getz(parameters, "table_type") || value_getz(parameters, "metadata_location"))
        return invalid(err,
            "Cannot use reserved parameters table_type or metadata_location while creating an iceberg table");
    if (version.n && !str_eqz(version, "2") && !m->first_version)
        return invalid(err, "the version of an iceberg table is 1 or 2");
    return place(m, err) || take_columns(m, err) ? -1 : 0;
}

/* ---- the file ---- */

static const struct value *one_of(struct making *m, const char *id, const struct value *fields)
{
    const struct value *item =
        VALUE_MAP(m->call->arena, {str_z(id), value_int(m->call->arena, 0)}, {STR("fields"), fields});
    return value_list(m->call->arena, &item, 1);
}

static const struct value *numbers(struct making *m)
{
    struct arena *arena = m->call->arena;
    const struct value *zero = value_int(arena, 0);
    struct value_entry entries[] = {{STR("format-version"), value_int(arena, m->first_version ? 1 : 2)},
        {STR("last-updated-ms"), value_int(arena, clock_wall_ms())},
        {STR("last-column-id"), value_int(arena, m->schema.last_id)},
        {STR("last-partition-id"), value_int(arena, FIRST_PARTITION_ID - 1 + (int64_t)m->partitions->count)},
        {STR("current-schema-id"), zero}, {STR("default-spec-id"), zero},
        {STR("default-sort-order-id"), zero}, {STR("last-sequence-number"), m->first_version ? NULL : zero}};
    return value_map(arena, entries, m->first_version ? 7 : 8);
}

static struct str metadata(struct making *m)
{
    struct arena *arena = m->call->arena;
    struct value_entry entries[] = {{STR("table-uuid"), value_string(arena, uuid_random(arena))},
        {STR("location"), value_string(arena, m->location)},
        {STR("schemas"), value_list(arena, &m->schema.doc, 1)},
        {STR("partition-specs"), one_of(m, "spec-id", m->partitions)},
        {STR("sort-orders"), one_of(m, "order-id", &value_empty_list)}, {STR("properties"), &value_empty_map},
        {STR("snapshots"), &value_empty_list}, {STR("snapshot-log"), &value_empty_list},
        {STR("metadata-log"), &value_empty_list}, {STR("refs"), &value_empty_map},
        /* what readers of the first version look for */
        {STR("schema"), m->schema.doc}, {STR("partition-spec"), m->partitions}};
    size_t n = sizeof entries / sizeof *entries - (m->first_version ? 0 : 2);
    return json_as_text(arena, value_merge(arena, value_map(arena, entries, n), numbers(m)))->string;
}

/* ---- the table ---- */

static const struct value *with_parameters(struct making *m)
{
    struct arena *arena = m->call->arena;
    struct str at = arena_printf(arena, "s3://%.*s/%.*s", STR_ARG(m->bucket), STR_ARG(m->key));
    const struct value *all = value_merge(arena, value_getz(m->input, "Parameters"),
        VALUE_MAP(arena, {STR("table_type"), value_stringz(arena, "ICEBERG")},
            {STR("metadata_location"), value_string_ref(arena, at)}));
    return value_with(
        arena, m->call->input, STR("TableInput"), value_with(arena, m->input, STR("Parameters"), all));
}

/* Would the catalog take it? A file is not written for nothing. */
static bool has_room(struct making *m)
{
    struct control *control = services_control(m->call->services);
    struct control_record found;
    struct str database = value_gets(m->call->input, "DatabaseName");
    struct str id =
        arena_printf(m->call->arena, "%.*s/%.*s", STR_ARG(database), STR_ARG(value_gets(m->input, "Name")));
    return control_find(
               control, m->call->arena, STR("aws.glue.database"), m->call->region, database, &found) &&
           !control_find(control, m->call->arena, STR("aws.glue.table"), m->call->region, id, &found);
}

int glue_create_table(struct service_call *call, struct err *err)
{
    const struct value *iceberg = value_getz(value_getz(call->input, "OpenTableFormatInput"), "IcebergInput");
    struct making m = {.call = call, .input = value_getz(call->input, "TableInput")};
    struct str etag;
    struct err ignored = ERR_INIT;
    call->declined = value_is_null(iceberg) || !has_room(&m);
    if (call->declined)
        return 0;
    if (look(&m, err))
        return -1;
    if (object_write(call->services, call->caller, call->arena, m.bucket, m.key, metadata(&m),
            STR("application/json"), &etag, &ignored))
        return invalid(err, ignored.message);
    if (!service_control(call, "CreateTable", with_parameters(&m), &call->output, err))
        return 0;
    object_delete(call->services, call->arena, m.bucket, m.key, &ignored);
    return -1;
}
