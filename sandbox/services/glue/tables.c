/* The data catalog's tables: versions (the current one is the control plane's record, older ones are in a
 * note beside it), search, and creation of Iceberg tables. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "sandbox/engine/view.h"
#include "sandbox/notation/languages.h"
#include "sandbox/services/glue/glue.h"
#include "sandbox/services/s3/objects.h"

#include <stdlib.h>

/* ---- CreateTable with OpenTableFormatInput: Glue writes the first metadata file of an Iceberg table at its
 * location, and sets metadata_location in the table's parameters. Writers replace both later ---- */

enum { FIRST_PARTITION_ID = 1000 };

struct making {
    struct service_call *call;
    const struct value *input; /* TableInput */
    struct iceberg_schema schema;
    const struct value *partitions; /* fields of the partition spec */
    bool first_version;
    struct str location, bucket, key; /* location of the table; bucket and key of its metadata file */
};

static int invalid(struct err *err, const char *message)
{
    return service_refuse(err, 400, "InvalidInputException", "%s", message);
}

/* Reads the location s3://bucket/path and chooses the key of the metadata file. */
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

/* Reads the columns, followed by the partition keys as identity partitions. */
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

/* ---- metadata file ---- */

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
        /* for readers of format version 1 */
        {STR("schema"), m->schema.doc}, {STR("partition-spec"), m->partitions}};
    size_t n = sizeof entries / sizeof *entries - (m->first_version ? 0 : 2);
    return json_as_text(arena, value_merge(arena, value_map(arena, entries, n), numbers(m)))->string;
}

/* ---- the catalog's table ---- */

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

/* True if the database exists and the table does not. Otherwise no file is written. */
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

#define NOTE "tables"
enum { MAX_FOUND = 100, MAX_VERSIONS = 100 };

static int ask_table(struct service_call *call, struct str database, struct str name,
    const struct value **out, struct err *err)
{
    if (service_control(call, "GetTable",
            VALUE_MAP(call->arena, {STR("DatabaseName"), value_string(call->arena, database)},
                {STR("Name"), value_string(call->arena, name)}),
            out, err))
        return -1;
    *out = value_getz(*out, "Table");
    return 0;
}

/* ---- versions: UpdateTable keeps the replaced version; oldest first ---- */

struct versioned {
    struct str database, name;
    struct control_record record;
    const struct value *table; /* the current table */
    const struct value *kept;  /* older versions: [{VersionId, Table}] */
};

static int find_table(struct service_call *call, struct str name, struct versioned *out, struct err *err)
{
    out->name = name;
    if (service_required(call, "DatabaseName", &out->database, err) ||
        ask_table(call, out->database, name, &out->table, err))
        return -1;
    struct str id = arena_printf(call->arena, "%.*s/%.*s", STR_ARG(value_gets(out->table, "DatabaseName")),
        STR_ARG(value_gets(out->table, "Name")));
    if (!service_find(call, STR("aws.glue.table"), id, &out->record))
        return service_refuse(err, 400, "EntityNotFoundException", "Table not found.");
    out->kept = service_note_list(call, NOTE, &out->record, "versions");
    return 0;
}

static const struct value *current_version(struct service_call *call, const struct versioned *of)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    view_set(&b, "Table", of->table);
    view_set(&b, "VersionId", value_getz(of->table, "VersionId"));
    return value_builder_map(&b);
}

int glue_update_table(struct service_call *call, struct err *err)
{
    struct versioned of;
    struct str wanted = value_gets(call->input, "VersionId");
    bool keeps = !value_equal(value_getz(call->input, "SkipArchive"), &value_true);
    if (find_table(call, value_gets(value_getz(call->input, "TableInput"), "Name"), &of, err))
        return -1;
    /* Optimistic locking, as writers of Iceberg tables use it. */
    if (wanted.n && !str_eq(wanted, value_gets(of.table, "VersionId")))
        return service_refuse(err, 400, "ConcurrentModificationException",
            "Update table failed due to concurrent modifications.");
    if (service_control(call, "UpdateTable", value_with(call->arena, call->input, STR("VersionId"), NULL),
            &call->output, err))
        return -1;
    if (!keeps)
        return 0;
    struct value_builder b = VALUE_BUILDER(call->arena);
    for (uint32_t i = of.kept->count < MAX_VERSIONS ? 0 : of.kept->count - MAX_VERSIONS + 1;
         i < of.kept->count; i++)
        value_builder_add(&b, of.kept->items[i]);
    value_builder_add(&b, current_version(call, &of));
    return service_note_list_write(call, NOTE, &of.record, "versions", value_builder_list(&b), err);
}

int glue_get_table_versions(struct service_call *call, struct err *err)
{
    struct str name = value_gets(call->input, "TableName");
    struct versioned of;
    struct value_builder list = VALUE_BUILDER(call->arena);
    if (find_table(call, name, &of, err))
        return -1;
    value_builder_add(&list, current_version(call, &of));
    for (uint32_t i = of.kept->count; i-- > 0;)
        value_builder_add(&list, of.kept->items[i]);
    return service_answer_page(call, "TableVersions", value_builder_list(&list), MAX_FOUND, err);
}

int glue_get_table_version(struct service_call *call, struct err *err)
{
    struct str name = value_gets(call->input, "TableName"), wanted = value_gets(call->input, "VersionId");
    struct versioned of;
    if (find_table(call, name, &of, err))
        return -1;
    const struct value *version = current_version(call, &of);
    for (uint32_t i = 0; wanted.n && i < of.kept->count; i++)
        if (str_eq(value_gets(of.kept->items[i], "VersionId"), wanted))
            version = of.kept->items[i];
    if (wanted.n && !str_eq(wanted, value_gets(version, "VersionId")))
        return service_refuse(err, 400, "EntityNotFoundException", "Table version not found.");
    service_answer(call, "TableVersion", version);
    return 0;
}

int glue_batch_delete_table(struct service_call *call, struct err *err)
{
    const struct value *names, *answer;
    struct value_builder errors = VALUE_BUILDER(call->arena);
    if (service_list_within(call, "TablesToDelete", 0, 100, &names, err))
        return -1;
    for (uint32_t i = 0; i < names->count; i++) {
        struct err why = ERR_INIT;
        const struct value *input = VALUE_MAP(call->arena,
            {STR("DatabaseName"), value_getz(call->input, "DatabaseName")}, {STR("Name"), names->items[i]});
        if (service_control(call, "DeleteTable", input, &answer, &why))
            value_builder_add(
                &errors, glue_item_error(call->arena, "TableName", names->items[i], why.code, why.message));
    }
    service_answer(call, "Errors", value_builder_list(&errors));
    return 0;
}

int glue_delete_table_version(struct service_call *call, struct err *err)
{
    struct str name = value_gets(call->input, "TableName"), wanted = value_gets(call->input, "VersionId");
    struct versioned of;
    if (find_table(call, name, &of, err))
        return -1;
    if (str_eq(wanted, value_gets(of.table, "VersionId")))
        return service_refuse(err, 400, "InvalidInputException", "The current version cannot be deleted.");
    struct value_builder left = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; i < of.kept->count; i++)
        if (!str_eq(value_gets(of.kept->items[i], "VersionId"), wanted))
            value_builder_add(&left, of.kept->items[i]);
    const struct value *list = value_builder_list(&left);
    if (list->count == of.kept->count)
        return service_refuse(err, 400, "EntityNotFoundException", "Table version not found.");
    call->output = &value_empty_map;
    return service_note_list_write(call, NOTE, &of.record, "versions", list, err);
}

/* ---- searching ---- */

/* True if the text is in the table's name or description, or in those of a column. */
static bool has_text(struct service_call *call, const struct value *table, struct str text)
{
    static const char *const paths[] = {"Name", "Description", "StorageDescriptor.Columns[].Name",
        "StorageDescriptor.Columns[].Comment", "PartitionKeys[].Name"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        const struct value *v = wire_path(call->arena, table, str_z(paths[i]));
        if (str_find(value_text(v, STR_EMPTY), text, 0) >= 0)
            return true;
        for (uint32_t k = 0; v && v->kind == VALUE_LIST && k < v->count; k++)
            if (str_find(value_text(v->items[k], STR_EMPTY), text, 0) >= 0)
                return true;
    }
    return false;
}

/* True if the text equals `wanted`, or one of its words between punctuation does. */
static bool has_word(struct str have, struct str wanted)
{
    if (str_eq(have, wanted))
        return true;
    for (size_t from = 0, i = 0; i <= have.n; i++)
        if (i == have.n || strchr(" -:#./,;", have.p[i])) {
            if (str_eq(str_slice(have, from, i), wanted))
                return true;
            from = i + 1;
        }
    return false;
}

/* Returns seconds of a number or an RFC 3339 time. */
static bool as_seconds(const struct value *v, double *out)
{
    int64_t n;
    struct str text = value_text(v, STR_EMPTY);
    if (value_is_number(v))
        *out = value_number(v);
    else if (str_to_int(text, &n))
        *out = (double)n;
    else if (time_parse_rfc3339(text, &n))
        *out = (double)n / 1000;
    else
        return false;
    return true;
}

static bool glue_tables_holds(const struct value *have, struct str how, const struct value *wanted)
{
    double a, b;
    if (value_text(have, STR_EMPTY).n)
        return has_word(have->string, value_text(wanted, STR_EMPTY));
    if (!as_seconds(have, &a) || !as_seconds(wanted, &b))
        return false;
    bool greater = str_starts(how, STR("GREATER_THAN")), less = str_starts(how, STR("LESS_THAN"));
    bool equals = str_ends(how, STR("EQUALS")) || !how.n;
    return (greater && a > b) || (less && a < b) || (equals && a >= b && a <= b);
}

static const char *const fields[] = {"Name", "DatabaseName", "Description", "Owner", "TableType", "CreatedBy",
    "CatalogId", "CreateTime", "UpdateTime", "LastAccessTime", "LastAnalyzedTime", NULL};

/* Finds a table's member by its name in any case. */
static int field_called(struct str name, struct str *out, struct err *err)
{
    for (size_t i = 0; fields[i]; i++)
        if (str_ieq(name, str_z(fields[i]))) {
            *out = str_z(fields[i]);
            return 0;
        }
    return service_refuse(
        err, 400, "InvalidInputException", "tables cannot be searched or sorted by %.*s", STR_ARG(name));
}

/* Applies SearchText and all filters {Key, Value, Comparator}; the comparator is for times. */
static int glue_tables_passes(
    struct service_call *call, const struct value *table, bool *yes, struct err *err)
{
    const struct value *filters = value_as_list(value_getz(call->input, "Filters"));
    struct str text = value_gets(call->input, "SearchText"), field;
    *yes = !text.n || has_text(call, table, text);
    for (uint32_t i = 0; i < filters->count; i++) {
        if (field_called(value_gets(filters->items[i], "Key"), &field, err))
            return -1;
        *yes = *yes && glue_tables_holds(value_get(table, field), value_gets(filters->items[i], "Comparator"),
                           value_getz(filters->items[i], "Value"));
    }
    return 0;
}

struct found {
    const struct value *table, *key; /* key: what the table is sorted by */
    bool descends;
};

static int by_key(const void *one, const void *other)
{
    const struct found *a = one, *b = other;
    double x = 0, y = 0;
    int order = as_seconds(a->key, &x) && as_seconds(b->key, &y)
                    ? (x > y) - (x < y)
                    : str_cmp(value_text(a->key, STR_EMPTY), value_text(b->key, STR_EMPTY));
    return a->descends ? -order : order;
}

static int sort(struct service_call *call, struct found *found, size_t n, struct err *err)
{
    const struct value *criteria = value_as_list(value_getz(call->input, "SortCriteria"));
    const struct value *one = criteria->count ? criteria->items[0] : NULL;
    struct str field;
    if (!one)
        return 0;
    if (criteria->count > 1)
        return service_refuse(err, 400, "InvalidInputException", "Tables are sorted by one field.");
    if (field_called(value_gets(one, "FieldName"), &field, err))
        return -1;
    for (size_t i = 0; i < n; i++) {
        found[i].key = value_get(found[i].table, field);
        found[i].descends = str_eqz(value_gets(one, "Sort"), "DESC");
    }
    if (n)
        qsort(found, n, sizeof *found, by_key);
    return 0;
}

/* Returns all matching tables in the requested order. */
static int search(struct service_call *call, struct found **out, size_t *count, struct err *err)
{
    size_t n;
    const struct control_record *all = service_list(call, STR("aws.glue.table"), &n);
    *out = ARENA_ARRAY(call->arena, struct found, n + 1);
    *count = 0;
    for (size_t i = 0; i < n; i++) {
        bool yes;
        const struct value *table;
        if (ask_table(call, value_gets(all[i].attrs, "database"), value_gets(all[i].attrs, "name"), &table,
                ERR_IGNORED))
            continue;
        if (glue_tables_passes(call, table, &yes, err))
            return -1;
        if (yes)
            (*out)[(*count)++] = (struct found){.table = table};
    }
    return sort(call, *out, *count, err);
}

int glue_search_tables(struct service_call *call, struct err *err)
{
    size_t count;
    struct found *found;
    struct value_builder list = VALUE_BUILDER(call->arena);
    if (search(call, &found, &count, err))
        return -1;
    for (size_t i = 0; i < count; i++)
        value_builder_add(&list, found[i].table);
    return service_answer_page(call, "TableList", value_builder_list(&list), MAX_FOUND, err);
}
