/*
 * Reads resources: a query in catalog/ gets the list of wanted resources as JSON and returns each as JSON,
 * under the attribute names. One round trip reads all resources of a type in a database.
 */
#include "base/embed.h"
#include "base/json.h"
#include "provider/postgres/postgres.h"

/* ---- postgres.statement: SQL in the stack file where there is no type, and the result of a query. Each text
 * is one message and therefore one transaction. The data source postgres.query has only the query. */

/* Runs the SQL of an attribute; an error has its position in the attribute. */
static int statement_run_text(
    struct pg_work *work, const struct value *object, const char *attribute, struct err *err)
{
    struct source_text source = {str_z(attribute), op_text(work->ctx, object, attribute)};
    AUTO_BUF struct buf sql = BUF_INIT;
    if (!str_trim(source.text).n)
        return 0;
    sql_add(&sql, work->session, "set local search_path = %I, public;\n%s",
        op_text(work->ctx, object, "schema"), source.text);
    return session_run(work->session, buf_str(&sql), &source, NULL, err);
}

static int statement_create(struct pg_work *work, struct err *err)
{
    return statement_run_text(work, work->desired, "create", err);
}

/* A change of an attribute that only weir uses runs nothing. */
static bool statement_is_another(const struct pg_work *work)
{
    return pg_work_has(work, "create") || pg_work_has(work, "update") || pg_work_has(work, "triggers");
}

static int statement_update(struct pg_work *work, struct err *err)
{
    if (!statement_is_another(work))
        return 0;
    if (pg_work_text(work, "update").n)
        return statement_run_text(work, work->desired, "update", err);
    return statement_run_text(work, work->prior, "delete", err) ||
                   statement_run_text(work, work->desired, "create", err)
               ? -1
               : 0;
}

static int statement_remove(struct pg_work *work, struct err *err)
{
    return statement_run_text(work, work->prior, "delete", err);
}

struct str query_of(struct op_ctx *ctx, const struct value *object)
{
    struct str query = str_trim(op_text(ctx, object, "query"));
    while (str_ends(query, STR(";")))
        query = str_trim(str_slice(query, 0, query.n - 1));
    return query;
}

/* Reads the rows of the object's query, as maps. */
static int run_query(
    struct op_ctx *ctx, const struct value *object, const struct value **result, struct err *err)
{
    AUTO_SESSION struct session *session = NULL;
    AUTO_ROWS struct rows rows = {0};
    AUTO_BUF struct buf sql = BUF_INIT;
    if (object_session(ctx, object, &session, err))
        return -1;
    sql_add(&sql, session,
        "set transaction read only; set local search_path = %I, public;\nselect coalesce(json_agg(q), '[]') "
        "from (\n%s\n) q",
        op_text(ctx, object, "schema"), query_of(ctx, object));
    int status = session_run(session, buf_str(&sql), NULL, &rows, err) ||
                 json_parse(ctx->arena, rows_text(&rows, 0, 0), result, err);
    return status ? err_context(err, "the query") : 0;
}

/* Without a query nothing can be read: the recorded object counts as live. */
static int statement_read(
    struct op_ctx *ctx, const struct value *prior, const struct value **live, struct err *err)
{
    const struct value *result = NULL;
    *live = value_with(ctx->arena, prior, STR("id"), catalog_id(ctx, &pg_statement, prior));
    if (!str_trim(op_text(ctx, prior, "query")).n)
        return 0;
    if (run_query(ctx, prior, &result, err)) {
        if (strcmp(err->code, "42P01") == 0) /* undefined_table: the table of the query was deleted */
            err->class = ERR_ABSENT;
        return -1;
    }
    if (op_flag(ctx, prior, "secret"))
        result = value_mark(ctx->arena, result, VALUE_SENSITIVE);
    *live = value_with(ctx->arena, *live, STR("result"), result);
    return 0;
}

/* Whether the statement was executed cannot be determined: it is executed again, as its documentation
 * says. */
static int statement_is_made(struct op_ctx *ctx UNUSED, const struct value *desired UNUSED,
    const struct value *live UNUSED, bool *made, struct err *err UNUSED)
{
    *made = false;
    return 0;
}

const struct pg_type pg_statement = {.name = "statement",
    .keys = "name",
    .create = statement_create,
    .update = statement_update,
    .remove = statement_remove,
    .read = statement_read,
    .is_made = statement_is_made};

static int query_read(
    struct op_ctx *ctx, const struct value *prior, const struct value **live, struct err *err)
{
    const struct value *rows = NULL;
    if (run_query(ctx, prior, &rows, err))
        return -1;
    *live = value_with(ctx->arena, prior, STR("rows"), rows);
    return 0;
}

const struct pg_type pg_query = {.name = "query", .keys = "", .read = query_read};

static struct str next_key(struct str *keys)
{
    return str_cut(*keys, ' ', keys);
}

/* Returns NULL if a part of the id is unknown. */
static const struct str *part_of_id(struct op_ctx *ctx, const struct value *v, struct str *out)
{
    if (!value_is_known(v))
        return NULL;
    *out = STR_EMPTY;
    for (uint32_t i = 0; v && v->kind == VALUE_LIST && i < v->count; i++)
        *out = arena_printf(ctx->arena, "%.*s%s%.*s", STR_ARG(*out), i ? "," : "",
            STR_ARG(value_text(v->items[i], STR_EMPTY)));
    if (!v || v->kind != VALUE_LIST)
        *out = value_text(v, STR_EMPTY);
    return out;
}

const struct value *catalog_id(struct op_ctx *ctx, const struct pg_type *type, const struct value *object)
{
    struct str id = STR_EMPTY, part,
               keys = arena_printf(ctx->arena, "%s%s", type->server_wide ? "" : "database ", type->keys);
    bool first = true;
    for (struct str rest = keys; rest.p;) {
        struct str key = next_key(&rest);
        if (!part_of_id(ctx, schema_value(ctx->schema, object, key), &part))
            return &value_unknown;
        if (!part.n)
            continue;
        id = first ? part : arena_printf(ctx->arena, "%.*s/%.*s", STR_ARG(id), STR_ARG(part));
        first = false;
    }
    return value_string(ctx->arena, id);
}

static const struct value *wanted_item(
    struct op_ctx *ctx, const struct pg_type *type, const struct value *prior)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(ctx->arena);
    value_builder_set(&b, STR("key"), catalog_id(ctx, type, prior));
    for (struct str rest = str_z(type->keys); rest.p;) {
        struct str key = next_key(&rest);
        const struct value *v = schema_value(ctx->schema, prior, key);
        if (!value_is_null(v))
            value_builder_set(&b, key, v);
    }
    return value_builder_map(&b);
}

struct str catalog_query(
    struct session *session, struct arena *arena, const char *file, const struct value *wanted)
{
    static const struct str place = STR_INIT(":'wanted'");
    const struct embedded_file *embedded =
        embedded_find(arena_printf(arena, "provider/postgres/catalog/%s.sql", file));
    AUTO_BUF struct buf json = BUF_INIT, sql = BUF_INIT;
    json_write(&json, wanted, JSON_PLAIN);
    for (struct str rest = embedded_text(embedded); rest.p;) {
        ptrdiff_t at = str_find(rest, place, 0);
        if (at < 0) {
            buf_add_str(&sql, rest);
            break;
        }
        buf_add_str(&sql, str_slice(rest, 0, (size_t)at));
        sql_add(&sql, session, "%L", buf_str(&json));
        rest = str_slice(rest, (size_t)at + place.n, rest.n);
    }
    return arena_str(arena, buf_str(&sql));
}

/* Builds the object of a row, with the identifying attributes of `prior`; *out is NULL if it does not
 * exist. */
static int object_of(struct op_ctx *ctx, const struct pg_type *type, const struct value *prior, bool fresh,
    struct str json, const struct value **out, struct err *err)
{
    const struct value *live;
    if (json_parse(ctx->arena, json, &live, err))
        return -1;
    if (type->shape)
        live = type->shape(ctx->arena, prior, live, fresh);
    *out = NULL;
    if (!live)
        return 0;
    live = value_with(ctx->arena, live, STR("id"), catalog_id(ctx, type, prior));
    const struct value *database = value_getz(prior, "database");
    *out = value_is_null(database) ? live : value_with(ctx->arena, live, STR("database"), database);
    return 0;
}

static int catalog_look_at(struct session *session, struct op_ctx *ctx, const struct pg_type *type,
    const struct value *const *priors, size_t n, bool fresh, resource_found *found, void *found_ctx,
    struct err *err)
{
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(ctx->arena);
    AUTO_MAP struct map by_key = MAP_INIT;
    for (size_t i = 0; i < n; i++) {
        const struct value *item = wanted_item(ctx, type, priors[i]);
        map_set(&by_key, value_getz(item, "key")->string, (void *)priors[i]);
        value_builder_add(&list, item);
    }
    struct str query = catalog_query(session, ctx->arena, type->catalog, value_builder_list(&list));
    /* With an empty search_path, names outside pg_catalog are always shown with their schema. */
    struct str sql = arena_printf(ctx->arena, "set local search_path = '';\n%.*s", STR_ARG(query));
    AUTO_ROWS struct rows rows;
    if (session_run(session, sql, NULL, &rows, err))
        return -1;
    for (int i = 0; i < rows_count(&rows); i++) {
        const struct value *live, *prior = map_get(&by_key, rows_text(&rows, i, 0));
        if (prior && object_of(ctx, type, prior, fresh, rows_text(&rows, i, 1), &live, err))
            return -1;
        if (prior && live)
            found(found_ctx, live);
    }
    return 0;
}

int catalog_look_all(struct session *session, struct op_ctx *ctx, const struct pg_type *type,
    const struct value *const *priors, size_t n, resource_found *found, void *found_ctx, struct err *err)
{
    return catalog_look_at(session, ctx, type, priors, n, false, found, found_ctx, err);
}

int catalog_look(struct session *session, struct op_ctx *ctx, const struct pg_type *type,
    const struct value *prior, bool fresh, const struct value **live, struct err *err)
{
    *live = NULL;
    return catalog_look_at(session, ctx, type, &prior, 1, fresh, op_keep_found, live, err);
}

int catalog_row(struct op_ctx *ctx, const struct rows *rows, const struct value **live, struct err *err)
{
    *live = NULL;
    return rows_count(rows) ? json_parse(ctx->arena, rows_text(rows, 0, 1), live, err) : 0;
}
