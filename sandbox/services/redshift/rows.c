/* Rows of a warehouse as the Data API shows them. */
#include "sandbox/services/redshift/session.h"

#include "sandbox/engine/view.h"

#include <string.h>

static const struct {
    unsigned oid;
    const char *name, *member; /* of Redshift's type, and of the value in a record */
} types[] = {{16, "bool", "booleanValue"}, {20, "int8", "longValue"}, {21, "int2", "longValue"},
    {23, "int4", "longValue"}, {26, "oid", "longValue"}, {700, "float4", "doubleValue"},
    {701, "float8", "doubleValue"}, {1700, "numeric", "stringValue"}, {1082, "date", "stringValue"},
    {1114, "timestamp", "stringValue"}, {1184, "timestamptz", "stringValue"}, {1042, "bpchar", "stringValue"},
    {3802, "super", "stringValue"}, {0, "varchar", "stringValue"}};

static size_t type_at(unsigned oid)
{
    size_t i = 0;
    while (types[i].oid && types[i].oid != oid)
        i++;
    return i;
}

static const struct value *cell_of(struct arena *arena, const char *member, struct str text)
{
    int64_t whole;
    double number;
    if (strcmp(member, "longValue") == 0 && str_to_int(text, &whole))
        return value_int(arena, whole);
    if (strcmp(member, "doubleValue") == 0 && str_to_double(text, &number))
        return value_float(arena, number);
    if (strcmp(member, "booleanValue") == 0)
        return str_eqz(text, "t") ? &value_true : &value_false;
    return value_string(arena, text);
}

static const struct value *row_of(struct arena *arena, const struct pq_api *pq, PGresult *result, int row)
{
    struct value_builder cells = VALUE_BUILDER(arena);
    for (int i = 0; i < pq->nfields(result); i++) {
        const char *member = types[type_at(pq->ftype(result, i))].member;
        struct str text = str_n(pq->getvalue(result, row, i), (size_t)pq->getlength(result, row, i));
        bool null = pq->getisnull(result, row, i);
        const struct value_entry cell = {
            null ? STR("isNull") : str_z(member), null ? &value_true : cell_of(arena, member, text)};
        value_builder_add(&cells, value_map(arena, &cell, 1));
    }
    return value_builder_list(&cells);
}

static const struct value *columns_of(struct arena *arena, const struct pq_api *pq, PGresult *result)
{
    struct value_builder columns = VALUE_BUILDER(arena);
    for (int i = 0; i < pq->nfields(result); i++) {
        struct value_builder one = VALUE_BUILDER(arena);
        struct str name = str_z(pq->fname(result, i));
        view_text(&one, "name", name);
        view_text(&one, "label", name);
        view_text(&one, "typeName", str_z(types[type_at(pq->ftype(result, i))].name));
        view_int(&one, "nullable", 1);
        value_builder_add(&columns, value_builder_map(&one));
    }
    return value_builder_list(&columns);
}

const struct value *warehouse_rows(struct arena *arena, const struct pq_api *pq, PGresult *result)
{
    struct value_builder b = VALUE_BUILDER(arena), rows = VALUE_BUILDER(arena);
    int64_t updated;
    for (int i = 0; i < pq->ntuples(result); i++)
        value_builder_add(&rows, row_of(arena, pq, result, i));
    bool any = pq->resultStatus(result) == PGRES_TUPLES_OK;
    if (any)
        view_set(&b, "columns", columns_of(arena, pq, result));
    view_set(&b, "rows", value_builder_list(&rows));
    if (!any && str_to_int(str_z(pq->cmdTuples(result)), &updated))
        view_int(&b, "updated", updated);
    return value_builder_map(&b);
}
