/*
 * Partitions of catalog tables. They are not resources of the control plane, but a note beside each table:
 * {partitions: […]}.
 */
#include "base/clock.h"
#include "sandbox/engine/view.h"
#include "sandbox/notation/languages.h"
#include "sandbox/services/glue/glue.h"

#define NOTE "partitions"
enum { MAX_SHOWN = 1000, MAX_AT_ONCE = 100 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* held while a note is read and written */

struct table {
    struct control_record record;
    struct str database, name;
};

static int find_table(const struct service_call *call, struct table *out, struct err *err)
{
    if (service_required(call, "DatabaseName", &out->database, err) ||
        service_required(call, "TableName", &out->name, err))
        return -1;
    struct str id = arena_printf(call->arena, "%.*s/%.*s", STR_ARG(out->database), STR_ARG(out->name));
    if (!service_find(call, STR("aws.glue.table"), id, &out->record))
        return service_refuse(
            err, 400, "EntityNotFoundException", "Table %.*s not found.", STR_ARG(out->name));
    return 0;
}

static const struct value *find_by(const struct value *list, const struct value *values)
{
    for (uint32_t i = 0; values && i < list->count; i++)
        if (value_equal(value_getz(list->items[i], "Values"), values))
            return list->items[i];
    return NULL;
}

const struct value *glue_item_error(
    struct arena *arena, const char *name, const struct value *item, const char *code, const char *message)
{
    return VALUE_MAP(arena, {str_z(name), item ? item : &value_empty_list},
        {STR("ErrorDetail"), VALUE_MAP(arena, {STR("ErrorCode"), value_stringz(arena, code)},
                                 {STR("ErrorMessage"), value_stringz(arena, message)})});
}

static const struct value *error_of(
    struct arena *arena, const struct value *values, const char *code, const char *message)
{
    return glue_item_error(arena, "PartitionValues", values, code, message);
}

/* Returns the partition as it is stored and shown, or NULL if its values do not match the table's keys. */
static const struct value *made_of(
    const struct service_call *call, const struct table *table, const struct value *input)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(call->arena);
    const struct value *keys = value_getz(table->record.attrs, "partition_keys");
    const struct value *values = value_getz(input, "Values");
    bool fits = values && values->kind == VALUE_LIST && values->count == (keys ? keys->count : 0);
    for (uint32_t i = 0; fits && i < values->count; i++)
        fits = values->items[i]->kind == VALUE_STRING;
    if (!fits || !values->count)
        return NULL;
    view_set(&b, "Values", values);
    view_text(&b, "DatabaseName", table->database);
    view_text(&b, "TableName", table->name);
    view_time(&b, "CreationTime", clock_wall_ms());
    view_members(&b, input, "StorageDescriptor Parameters");
    view_text(&b, "CatalogId", services_account(call->services));
    return value_builder_map(&b);
}

static const char *const wrong_count =
    "The number of partition keys do not match the number of partition values";

static bool is_among(const struct value_builder *all, const struct value *values)
{
    for (size_t i = 0; i < all->n; i++)
        if (value_equal(value_getz(all->entries[i].value, "Values"), values))
            return true;
    return false;
}

/* Adds partitions; each that cannot be added becomes an error. */
static int glue_partitions_add(struct service_call *call, const struct table *table,
    const struct value *inputs, struct value_builder *errors, struct err *err)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&lock);
    const struct value *list = service_note_list(call, NOTE, &table->record, "partitions");
    struct value_builder all = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; i < list->count; i++)
        value_builder_add(&all, list->items[i]);
    for (uint32_t i = 0; i < inputs->count; i++) {
        const struct value *values = value_getz(inputs->items[i], "Values");
        const struct value *made = made_of(call, table, inputs->items[i]);
        if (!made)
            value_builder_add(errors, error_of(call->arena, values, "InvalidInputException", wrong_count));
        else if (is_among(&all, values)) /* also if this call added it */
            value_builder_add(
                errors, error_of(call->arena, values, "AlreadyExistsException", "Partition already exists."));
        else
            value_builder_add(&all, made);
    }
    return service_note_list_write(call, NOTE, &table->record, "partitions", value_builder_list(&all), err);
}

/* Deletes the listed partitions; each that does not exist becomes an error. */
static int take_away(struct service_call *call, const struct table *table, const struct value *lists,
    struct value_builder *errors, struct err *err)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&lock);
    const struct value *list = service_note_list(call, NOTE, &table->record, "partitions");
    struct value_builder kept = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; i < lists->count; i++)
        if (!find_by(list, lists->items[i]))
            value_builder_add(errors,
                error_of(call->arena, lists->items[i], "EntityNotFoundException", "Partition not found."));
    for (uint32_t i = 0; i < list->count; i++) {
        bool gone = false;
        for (uint32_t k = 0; k < lists->count; k++)
            gone = gone || value_equal(value_getz(list->items[i], "Values"), lists->items[k]);
        if (!gone)
            value_builder_add(&kept, list->items[i]);
    }
    return service_note_list_write(call, NOTE, &table->record, "partitions", value_builder_list(&kept), err);
}

/* For operations on one partition: its error becomes the call's. */
static int single(struct value_builder *errors, int status, struct err *err)
{
    const struct value *list = value_builder_list(errors);
    if (status || !list->count)
        return status;
    const struct value *detail = value_getz(list->items[0], "ErrorDetail");
    struct str code = value_gets(detail, "ErrorCode");
    return service_refuse(err, 400, code.p, "%.*s", STR_ARG(value_gets(detail, "ErrorMessage")));
}

static const struct value *glue_partitions_listed(struct arena *arena, const struct value *one)
{
    return one ? value_list(arena, &one, 1) : &value_empty_list;
}

int glue_create_partition(struct service_call *call, struct err *err)
{
    struct table table;
    const struct value *input = value_getz(call->input, "PartitionInput");
    if (find_table(call, &table, err))
        return -1;
    if (!input)
        return service_refuse(err, 400, "InvalidInputException", "CreatePartition needs PartitionInput");
    struct value_builder errors = VALUE_BUILDER(call->arena);
    return single(&errors,
        glue_partitions_add(call, &table, glue_partitions_listed(call->arena, input), &errors, err), err);
}

int glue_batch_create_partition(struct service_call *call, struct err *err)
{
    struct table table;
    const struct value *list;
    if (find_table(call, &table, err) ||
        service_list_within(call, "PartitionInputList", 0, MAX_AT_ONCE, &list, err))
        return -1;
    struct value_builder errors = VALUE_BUILDER(call->arena);
    int status = glue_partitions_add(call, &table, list, &errors, err);
    service_answer(call, "Errors", value_builder_list(&errors));
    return status;
}

int glue_delete_partition(struct service_call *call, struct err *err)
{
    struct table table;
    if (find_table(call, &table, err))
        return -1;
    struct value_builder errors = VALUE_BUILDER(call->arena);
    const struct value *values =
        glue_partitions_listed(call->arena, value_getz(call->input, "PartitionValues"));
    return single(&errors, take_away(call, &table, values, &errors, err), err);
}

int glue_batch_delete_partition(struct service_call *call, struct err *err)
{
    struct table table;
    const struct value *list;
    if (find_table(call, &table, err) ||
        service_list_within(call, "PartitionsToDelete", 0, MAX_AT_ONCE, &list, err))
        return -1;
    struct value_builder lists = VALUE_BUILDER(call->arena), errors = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; i < list->count; i++)
        value_builder_add(&lists, value_getz(list->items[i], "Values"));
    int status = take_away(call, &table, value_builder_list(&lists), &errors, err);
    service_answer(call, "Errors", value_builder_list(&errors));
    return status;
}

static int update_one(struct service_call *call, const struct table *table, const struct value *values,
    const struct value *input, struct err *err)
{
    const struct value *made = input ? made_of(call, table, input) : NULL;
    if (!made)
        return service_refuse(err, 400, "InvalidInputException", "%s", wrong_count);
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&lock);
    const struct value *list = service_note_list(call, NOTE, &table->record, "partitions"),
                       *old = find_by(list, values);
    const struct value *other = find_by(list, value_getz(made, "Values"));
    if (old)
        made = value_with(call->arena, made, STR("CreationTime"), value_getz(old, "CreationTime"));
    struct value_builder all = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; i < list->count; i++)
        value_builder_add(&all, list->items[i] == old ? made : list->items[i]);
    const struct value *changed = value_builder_list(&all);
    return !old ? service_refuse(err, 400, "EntityNotFoundException", "Partition not found.")
           : other && other != old
               ? service_refuse(err, 400, "AlreadyExistsException", "Partition already exists.")
               : service_note_list_write(call, NOTE, &table->record, "partitions", changed, err);
}

int glue_update_partition(struct service_call *call, struct err *err)
{
    struct table table;
    return find_table(call, &table, err) ||
                   update_one(call, &table, value_getz(call->input, "PartitionValueList"),
                       value_getz(call->input, "PartitionInput"), err)
               ? -1
               : 0;
}

int glue_batch_update_partition(struct service_call *call, struct err *err)
{
    struct table table;
    const struct value *entries;
    struct value_builder errors = VALUE_BUILDER(call->arena);
    if (find_table(call, &table, err) || service_list_within(call, "Entries", 1, MAX_AT_ONCE, &entries, err))
        return -1;
    for (uint32_t i = 0; i < entries->count; i++) {
        const struct value *values = value_getz(entries->items[i], "PartitionValueList");
        struct err why = ERR_INIT;
        if (update_one(call, &table, values, value_getz(entries->items[i], "PartitionInput"), &why))
            value_builder_add(
                &errors, glue_item_error(call->arena, "PartitionValueList", values, why.code, why.message));
    }
    service_answer(call, "Errors", value_builder_list(&errors));
    return 0;
}

int glue_get_partition(struct service_call *call, struct err *err)
{
    struct table table;
    if (find_table(call, &table, err))
        return -1;
    const struct value *found = find_by(service_note_list(call, NOTE, &table.record, "partitions"),
        value_getz(call->input, "PartitionValues"));
    if (!found)
        return service_refuse(err, 400, "EntityNotFoundException", "Cannot find partition.");
    service_answer(call, "Partition", found);
    return 0;
}

/* Selects the partitions that match the expression, and of these the requested segment. */
static int glue_partitions_choose(
    const struct service_call *call, const struct table *table, const struct value **out, struct err *err)
{
    const struct glue_expression *expression = NULL;
    const struct value *list = service_note_list(call, NOTE, &table->record, "partitions"),
                       *segment = value_getz(call->input, "Segment");
    int64_t part = service_int(segment, "SegmentNumber", 0), parts = service_int(segment, "TotalSegments", 1);
    struct str text = str_trim(value_gets(call->input, "Expression"));
    struct err why = ERR_INIT;
    if (text.n && glue_expression_parse(call->arena, text, value_getz(table->record.attrs, "partition_keys"),
                      &expression, &why))
        return service_refuse(err, 400, "InvalidInputException", "%s", why.message);
    if (parts < 1 || part < 0 || part >= parts)
        return service_refuse(
            err, 400, "InvalidInputException", "Segment has a SegmentNumber below TotalSegments");
    struct value_builder b = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; i < list->count; i++)
        if (i % parts == part &&
            (!expression || glue_expression_matches(expression, value_getz(list->items[i], "Values"))))
            value_builder_add(&b, list->items[i]);
    *out = value_builder_list(&b);
    return 0;
}

int glue_batch_get_partition(struct service_call *call, struct err *err)
{
    struct table table;
    const struct value *wanted;
    if (find_table(call, &table, err) ||
        service_list_within(call, "PartitionsToGet", 0, MAX_SHOWN, &wanted, err))
        return -1;
    const struct value *list = service_note_list(call, NOTE, &table.record, "partitions");
    struct value_builder found = VALUE_BUILDER(call->arena), others = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; i < wanted->count; i++) {
        const struct value *one = find_by(list, value_getz(wanted->items[i], "Values"));
        value_builder_add(one ? &found : &others, one ? one : wanted->items[i]);
    }
    service_answer(call, "Partitions", value_builder_list(&found));
    service_answer(call, "UnprocessedKeys", value_builder_list(&others));
    return 0;
}

/* Returns the partitions without their columns, as readers that know the table's ask for. */
static const struct value *without_columns(struct arena *arena, const struct value *partitions)
{
    static const struct str storage = STR_INIT("StorageDescriptor"), columns = STR_INIT("Columns");
    struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < partitions->count; i++) {
        const struct value *partition = partitions->items[i], *inner = value_get(partition, storage);
        value_builder_add(
            &b, inner ? value_with(arena, partition, storage, value_without(arena, inner, &columns, 1))
                      : partition);
    }
    return value_builder_list(&b);
}

int glue_get_partitions(struct service_call *call, struct err *err)
{
    struct table table;
    const struct value *list = &value_empty_list;
    if (find_table(call, &table, err) || glue_partitions_choose(call, &table, &list, err))
        return -1;
    if (value_equal(value_getz(call->input, "ExcludeColumnSchema"), &value_true))
        list = without_columns(call->arena, list);
    return service_answer_page(call, "Partitions", list, MAX_SHOWN, err);
}
