/*
 * postgres.grant and postgres.default_privileges. A role's privileges are a set: exactly the configured ones,
 * or, with `only: false`, at least those. A grant on several objects exists if all of them have it.
 */
#include "provider/postgres/postgres.h"

#define GRANT_KEYS "role on schema names columns"

/* ---- privileges ---- */

static const struct {
    const char *on, *all; /* meaning of `all` */
    bool in_schema;       /* objects are in a schema */
} kinds[] = {
    {"table", "select insert update delete truncate references trigger", true},
    {"sequence", "usage select update", true}, {"function", "execute", true}, {"type", "usage", true},
    {"schema", "create usage", false}, {"database", "create connect temporary", false},
    {"language", "usage", false}, {"foreign server", "usage", false},
    {"tables", "select insert update delete truncate references trigger", true},
    {"sequences", "usage select update", true}, {"functions", "execute", true}, {"types", "usage", true},
    {"schemas", "create usage", false},
    {"column", "select insert update references", true}, /* of tables, if `columns` is configured */
};
enum { COLUMN = sizeof kinds / sizeof *kinds - 1 };

static size_t kind_of(struct str on)
{
    size_t i = 0;
    while (i + 1 < COLUMN && !str_eqz(on, kinds[i].on))
        i++;
    return i;
}

static void add_privilege(struct value_builder *set, struct arena *arena, struct str name)
{
    name = str_eqz(name, "temp") ? STR("temporary") : name;
    value_builder_set(set, name, value_string_ref(arena, name));
}

/* Converts privileges to lower case, sorted, with `all` expanded. */
static int privileges_prepare(struct op_ctx *ctx, const struct preparation *how UNUSED,
    const struct value *desired, const struct value **prepared, struct err *err)
{
    const struct value *given = value_getz(desired, "privileges"), *on = value_getz(desired, "on");
    *prepared = desired;
    if (!given || !value_is_known(given) || !value_is_known(on))
        return 0;
    size_t kind = value_getz(desired, "columns") ? COLUMN : kind_of(op_text(ctx, desired, "on"));
    AUTO_BUILDER struct value_builder set = VALUE_BUILDER(ctx->arena), list = VALUE_BUILDER(ctx->arena);
    for (uint32_t i = 0; i < given->count; i++) {
        struct str name = arena_lower(ctx->arena, given->items[i]->string), rest = str_z(kinds[kind].all);
        bool every = str_eqz(name, "all");
        while (every && rest.p)
            add_privilege(&set, ctx->arena, str_cut(rest, ' ', &rest));
        if (!every && !str_eqz(name, "temp") && !str_is_any(name, kinds[kind].all))
            return err_set(err, ERR_INVALID, "there is no privilege \"%.*s\" on a %s; there are: %s",
                STR_ARG(name), kinds[kind].on, kinds[kind].all);
        if (!every)
            add_privilege(&set, ctx->arena, name);
    }
    const struct value *map = value_builder_map(&set);
    for (uint32_t i = 0; i < map->count; i++)
        value_builder_add(&list, map->entries[i].value);
    *prepared = value_with(ctx->arena, desired, STR("privileges"), value_builder_list(&list));
    return 0;
}

/* ---- the catalog ---- */

static int64_t count_of(const struct value *held, struct str privilege, uint32_t which)
{
    const struct value *pair = value_get(held, privilege);
    return pair && pair->kind == VALUE_LIST && pair->count == 2 ? pair->items[which]->integer : 0;
}

/* Returns the privileges held on at least so many objects; only those in `wanted`, if it is set. */
static const struct value *held_on(
    struct arena *arena, const struct value *held, int64_t least, const struct value *wanted)
{
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    for (uint32_t i = 0; held && i < held->count; i++) {
        bool counts = !wanted && count_of(held, held->entries[i].key, 0) >= least;
        for (uint32_t k = 0; wanted && k < wanted->count; k++)
            counts |= str_eq(wanted->items[k]->string, held->entries[i].key) &&
                      count_of(held, held->entries[i].key, 0) >= least;
        if (counts)
            value_builder_add(&list, value_string_ref(arena, held->entries[i].key));
    }
    return value_builder_list(&list);
}

static bool is_false(const struct value *v)
{
    return v && v->kind == VALUE_BOOL && !v->boolean;
}

/*
 * If a recorded privilege is missing on some object, the live object has those held on all objects.
 * Otherwise, if the list is exclusive (`only`), it has those held on any object, so that additional ones show
 * as drift.
 */
static const struct value *privileges_shape(
    struct arena *arena, const struct value *prior, const struct value *live, bool fresh UNUSED)
{
    const struct value *held = value_getz(live, "held"), *wanted = value_getz(prior, "privileges");
    int64_t objects = value_getz(live, "objects")->integer, named = value_getz(live, "named")->integer;
    int64_t all = objects > named ? objects : named, grantable = 0;
    bool only = !is_false(value_getz(prior, "only"));
    wanted = value_as_list(wanted);
    const struct value *privileges = held_on(arena, held, all, wanted);
    if (all && wanted->count && !held_on(arena, held, 1, only ? NULL : wanted)->count)
        return NULL;
    if (!all) /* there are no objects: the configured privileges count as granted */
        privileges = wanted;
    else if (only)
        privileges = held_on(arena, held, privileges->count == wanted->count ? 1 : all, NULL);
    for (uint32_t i = 0; i < wanted->count; i++)
        grantable += count_of(held, wanted->items[i]->string, 1) >= all;
    const struct value *option =
        value_bool(all ? wanted->count && grantable == wanted->count
                       : !is_false(value_getz(prior, "grantable")) && value_getz(prior, "grantable"));
    struct value_entry shown[] = {{STR("privileges"), privileges}, {STR("grantable"), option}};
    return value_merge(arena, prior, value_map(arena, shown, 2));
}

/* ---- statements ---- */

/* Adds "select (a, b)" for privileges on columns. */
static void grant_add_privilege(struct pg_work *work, struct str privilege)
{
    const struct value *columns = value_getz(pg_work_object(work), "columns");
    buf_add_str(&work->sql, privilege);
    if (value_is_null(columns))
        return;
    buf_addz(&work->sql, " (");
    sql_add_idents(&work->sql, work->session, columns);
    buf_add_char(&work->sql, ')');
}

static void add_list(struct pg_work *work, const struct value *privileges)
{
    for (uint32_t i = 0; privileges && i < privileges->count; i++) {
        buf_addz(&work->sql, i ? ", " : "");
        grant_add_privilege(work, privileges->items[i]->string);
    }
}

static void add_grantee(struct pg_work *work)
{
    struct str role = pg_work_text(work, "role");
    if (str_eqz(role, "public"))
        buf_addz(&work->sql, "public");
    else
        pg_write(work, "%I", role);
}

static bool is_default(const struct pg_work *work)
{
    return str_eqz(work->ctx->schema->name, "postgres.default_privileges");
}

/* Quotes a function's name without its arguments. */
static void add_function(struct pg_work *work, struct str schema, struct str name)
{
    ptrdiff_t open = str_find_char(name, '(', 0);
    struct str bare = open < 0 ? name : str_slice(name, 0, (size_t)open);
    pg_write(work, "%I.%I%s", schema, bare, str_slice(name, bare.n, name.n));
}

/* Adds "table a.x, a.y", "all tables in schema a" or "database d". */
static void add_objects(struct pg_work *work)
{
    struct str on = pg_work_text(work, "on"), schema = pg_work_text(work, "schema");
    const struct value *names = value_getz(pg_work_object(work), "names");
    size_t kind = kind_of(on);
    if (is_default(work)) {
        buf_add_str(&work->sql, on);
        return;
    }
    if (kinds[kind].in_schema && !names) {
        pg_write(work, "all %ss in schema %I", on, schema);
        return;
    }
    pg_write(work, "%s ", on);
    for (uint32_t i = 0; names && i < names->count; i++) {
        struct str name = names->items[i]->string;
        buf_addz(&work->sql, i ? ", " : "");
        if (str_eqz(on, "function"))
            add_function(work, schema, name);
        else if (kinds[kind].in_schema)
            pg_write(work, "%I.%I", schema, name);
        else
            pg_write(work, "%I", name);
    }
}

/* Adds the clause before "grant" and "revoke". */
static void add_default_privileges_of(struct pg_work *work)
{
    if (!is_default(work))
        return;
    pg_write(work, "alter default privileges for role %I ", pg_work_text(work, "owner"));
    if (pg_work_text(work, "schema").n)
        pg_write(work, "in schema %I ", pg_work_text(work, "schema"));
}

static void add_grant(struct pg_work *work, const struct value *privileges)
{
    add_default_privileges_of(work);
    buf_addz(&work->sql, "grant ");
    add_list(work, privileges);
    buf_addz(&work->sql, " on ");
    add_objects(work);
    buf_addz(&work->sql, " to ");
    add_grantee(work);
    buf_addz(&work->sql, pg_work_flag(work, "grantable") ? " with grant option;\n" : ";\n");
}

/* Revokes the given privileges, or all if `privileges` is NULL. */
static void add_revoke(struct pg_work *work, const char *verb, const struct value *privileges)
{
    add_default_privileges_of(work);
    buf_addz(&work->sql, verb);
    if (privileges)
        add_list(work, privileges);
    else
        grant_add_privilege(work, STR("all"));
    buf_addz(&work->sql, " on ");
    add_objects(work);
    buf_addz(&work->sql, " from ");
    add_grantee(work);
    buf_addz(&work->sql, ";\n");
}

static const struct value *no_longer(struct arena *arena, const struct value *before, const struct value *now)
{
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    for (uint32_t i = 0; before && i < before->count; i++) {
        if (!value_list_has(now, before->items[i]->string))
            value_builder_add(&list, before->items[i]);
    }
    return value_builder_list(&list);
}

/* Finds the privileges to revoke for an exclusive grant, besides those it keeps; NULL: all. For tables only
 * held privileges: revoking one also revokes it from the columns, which may have their own grants. */
static int find_taken(
    struct pg_work *work, const struct value *kept, const struct value **taken, struct err *err)
{
    static const struct pg_type as_held = {.name = "grant", .keys = GRANT_KEYS, .catalog = "grant"};
    const struct value *object = pg_work_object(work), *live;
    *taken = NULL;
    if (is_default(work) || !str_eqz(op_text(work->ctx, object, "on"), "table") ||
        !value_is_null(value_getz(object, "columns")))
        return 0;
    if (catalog_look(work->session, work->ctx, &as_held, object, false, &live, err))
        return -1;
    *taken = no_longer(work->ctx->arena, held_on(work->ctx->arena, value_getz(live, "held"), 1, NULL), kept);
    return 0;
}

static int privileges_set(struct pg_work *work, struct err *err)
{
    const struct value *now = value_getz(work->desired, "privileges"), *taken;
    bool only = pg_work_flag(work, "only");
    if (only && find_taken(work, now, &taken, err))
        return -1;
    if (!only)
        taken = no_longer(work->ctx->arena, value_getz(work->prior, "privileges"), now);
    if (!taken || taken->count)
        add_revoke(work, "revoke ", taken);
    if (now && now->count)
        add_grant(work, now);
    if (taken && op_flag(work->ctx, work->prior, "grantable") && !pg_work_flag(work, "grantable"))
        add_revoke(work, "revoke grant option for ", now);
    return 0;
}

static int revoke_all(struct pg_work *work, struct err *err)
{
    const struct value *taken = value_getz(work->prior, "privileges");
    if (op_flag(work->ctx, work->prior, "only") && find_taken(work, NULL, &taken, err))
        return -1;
    if (taken && !taken->count)
        return 0;
    add_revoke(work, "revoke ", taken);
    return pg_work_run(work, err);
}

static bool is_of_what_is_gone(const struct err *why)
{
    static const char *const gone[] = {"42704", "42P01", "42703", "42883", "3F000", "3D000"};
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
        if (strcmp(why->code, gone[i]) == 0)
            return true;
    return false;
}

/* Nothing needs to be revoked from a deleted object or role. If one of several objects or columns was
 * deleted, the server refuses the whole statement: then each gets its own statement. */
static int privileges_remove(struct pg_work *work, struct err *err)
{
    static const char *const lists[] = {"names", "columns"};
    struct err why = ERR_INIT;
    if (!revoke_all(work, &why))
        return 0;
    if (!is_of_what_is_gone(&why))
        return err_raise(err, &why);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        const struct value *all = work->prior, *list = value_getz(all, lists[i]);
        int status = 0;
        if (!list || list->count < 2)
            continue;
        for (uint32_t k = 0; k < list->count && !status; k++) {
            work->prior = value_with(
                work->ctx->arena, all, str_z(lists[i]), value_list(work->ctx->arena, &list->items[k], 1));
            status = privileges_remove(work, err);
        }
        work->prior = all;
        return status;
    }
    return 0;
}

static int grant_check(struct op_ctx *ctx, const struct value *object, struct err *err)
{
    size_t kind = kind_of(op_text(ctx, object, "on"));
    bool named = value_getz(object, "names") != NULL, columns = value_getz(object, "columns") != NULL;
    if (columns && !str_eqz(op_text(ctx, object, "on"), "table"))
        return err_set(err, ERR_INVALID, "a %s has no columns", kinds[kind].on);
    if (columns && !named)
        return err_set(err, ERR_INVALID, "a grant on columns needs `names`");
    if (kinds[kind].in_schema && !op_text(ctx, object, "schema").n &&
        value_is_known(value_getz(object, "schema")))
        return err_set(err, ERR_INVALID, "a grant on a %s needs its `schema`", kinds[kind].on);
    if (!kinds[kind].in_schema && !named)
        return err_set(err, ERR_INVALID, "a grant on a %s needs `names`", kinds[kind].on);
    return 0;
}

static int grant_prepare(struct op_ctx *ctx, const struct preparation *how, const struct value *desired,
    const struct value **prepared, struct err *err)
{
    if (value_is_known(value_getz(desired, "on")) && grant_check(ctx, desired, err))
        return -1;
    return privileges_prepare(ctx, how, desired, prepared, err);
}

const struct pg_type pg_grant = {.name = "grant",
    .keys = GRANT_KEYS,
    .catalog = "grant",
    .create = privileges_set,
    .update = privileges_set,
    .remove = privileges_remove,
    .shape = privileges_shape,
    .prepare = grant_prepare};

const struct pg_type pg_default_privileges = {.name = "default_privileges",
    .keys = "owner role schema on",
    .catalog = "default_privileges",
    .create = privileges_set,
    .update = privileges_set,
    .remove = privileges_remove,
    .shape = privileges_shape,
    .prepare = privileges_prepare};
