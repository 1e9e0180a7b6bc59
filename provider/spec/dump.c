/*
 * Dumps what a type's operations send and read, under the services' own names. A test compares the document
 * with the models that the services publish, so that specs cannot name missing operations, members or paths.
 */
#include "provider/spec/act.h"

struct dump {
    struct arena *arena;
    const struct spec_type *type;
    struct value_builder calls;
};

static const struct value *dump_text(struct dump *d, struct str s)
{
    return value_string(d->arena, s);
}

static const struct value *textz(struct dump *d, const char *s)
{
    return value_stringz(d->arena, s);
}

/* ---- shapes ---- */

static const char *kind_name(enum shape_kind kind)
{
    static const char *const names[] = {"any", "string", "integer", "number", "boolean", "timestamp", "blob",
        "json", "list", "map", "pairs", "structure", "string"};
    return names[kind];
}

static const char *location_name(enum wire_location location)
{
    static const char *const names[] = {"body", "path", "query", "header", "headers", "raw", "status"};
    return names[location];
}

static const struct value *dump_shape(struct dump *d, const struct shape *shape);

static void add_members(struct dump *d, const struct shape *shape, struct value_builder *list)
{
    for (size_t i = 0; i < shape->member_count; i++) {
        const struct shape_member *m = &shape->members[i];
        if (m->spread && m->shape->kind == SHAPE_STRUCT) {
            add_members(d, m->shape, list);
            continue;
        }
        struct value_entry entries[] = {{STR("wire"), dump_text(d, m->wire)},
            {STR("location"), textz(d, location_name(m->location))}, {STR("shape"), dump_shape(d, m->shape)}};
        value_builder_add(list, value_map(d->arena, entries, 3));
    }
}

static const struct value *dump_shape(struct dump *d, const struct shape *shape)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(d->arena);
    value_builder_set(&b, STR("kind"), textz(d, kind_name(shape->kind)));
    if (shape->elem && shape->kind != SHAPE_STRUCT && shape->elem != shape)
        value_builder_set(&b, STR("elem"), dump_shape(d, shape->elem));
    if (shape->kind == SHAPE_STRUCT) {
        AUTO_BUILDER struct value_builder members = VALUE_BUILDER(d->arena);
        add_members(d, shape, &members);
        value_builder_set(&b, STR("members"), value_builder_list(&members));
    }
    if (shape->choices_in)
        value_builder_set(&b, STR("values"), shape->choices_in);
    if (shape->item.n && shape->kind != SHAPE_JOINED)
        value_builder_set(&b, STR("item"), dump_text(d, shape->item));
    if (shape->flat)
        value_builder_set(&b, STR("flat"), &value_true);
    if (shape->keyed)
        value_builder_set(&b, STR("keyed"), &value_true);
    if (shape->key_name.n)
        value_builder_set(&b, STR("key"), dump_text(d, shape->key_name));
    if (shape->value_name.n)
        value_builder_set(&b, STR("value"), dump_text(d, shape->value_name));
    return value_builder_map(&b);
}

/* ---- calls ---- */

static void add_error_codes(struct dump *d, const struct spec_errors *errors, struct value_builder *codes)
{
    for (size_t i = 0; i < errors->count; i++)
        value_builder_add(codes, dump_text(d, errors->items[i].code));
}

static const struct value *error_codes(struct dump *d, const struct spec_step *step)
{
    AUTO_BUILDER struct value_builder codes = VALUE_BUILDER(d->arena);
    add_error_codes(d, &step->call.absent, &codes);
    add_error_codes(d, &step->call.ignore, &codes);
    add_error_codes(d, &step->again.retry, &codes);
    return value_builder_list(&codes);
}

/* `shape` NULL: any kind. */
static void add_answer(struct dump *d, struct value_builder *list, struct str path, const struct shape *shape)
{
    struct value_entry entries[] = {
        {STR("path"), dump_text(d, path)}, {STR("shape"), shape ? dump_shape(d, shape) : NULL}};
    value_builder_add(list, value_map(d->arena, entries, shape ? 2 : 1));
}

static const struct value *operation_of(struct dump *d, const struct spec_operation *op)
{
    AUTO_BUILDER struct value_builder headers = VALUE_BUILDER(d->arena);
    for (size_t i = 0; op->answer && i < op->answer->member_count; i++)
        value_builder_add(&headers, dump_text(d, op->answer->members[i].wire));
    struct value_entry entries[] = {{STR("name"), dump_text(d, op->wire.name)},
        {STR("method"), dump_text(d, op->wire.method)}, {STR("path"), dump_text(d, op->wire.path)},
        {STR("query"), dump_text(d, op->wire.query)}, {STR("body"), dump_text(d, op->wire.body)},
        {STR("raw"), dump_text(d, op->wire.raw.n ? op->wire.raw : op->send_raw)},
        {STR("result"), dump_text(d, op->wire.result)}, {STR("host_prefix"), dump_text(d, op->host_prefix)},
        {STR("md5"), value_bool(op->wire.md5)}, {STR("headers"), value_builder_list(&headers)}};
    return value_map(d->arena, entries, sizeof entries / sizeof *entries);
}

static void add_call(
    struct dump *d, const char *role, const struct spec_step *step, struct value_builder *answers)
{
    struct value_entry entries[] = {
        {STR("page"), dump_text(d, step->list.page.in_key.n ? step->list.page.out : STR_EMPTY)},
        {STR("last"), dump_text(d, step->list.page.last)}, {STR("more"), dump_text(d, step->list.page.more)},
        {STR("total"), dump_text(d, step->list.page.total)}, {STR("role"), textz(d, role)},
        {STR("operation"), operation_of(d, step->call.op)},
        {STR("request"), dump_shape(d, &step->call.request.shape)}, {STR("at"), dump_text(d, step->reply.at)},
        {STR("parse"), dump_text(d, step->reply.parse)}, {STR("answers"), value_builder_list(answers)},
        {STR("errors"), error_codes(d, step)}, {STR("failed"), dump_text(d, step->reply.failed)}};
    value_builder_add(&d->calls, value_map(d->arena, entries, sizeof entries / sizeof *entries));
}

/* Adds the paths in listed items that the current step uses. */
static void add_item_paths(struct dump *d, const struct spec_step *step, struct value_builder *answers)
{
    for (size_t i = 0; i < step->call.request.extra_count; i++)
        if (step->call.request.extras[i].from_item)
            add_answer(d, answers, step->call.request.extras[i].value->string, NULL);
    for (const struct spec_skip *skip = &step->list.each->list.skip; skip && skip->path.n; skip = skip->next)
        add_answer(d, answers, skip->path, NULL);
    if (step->list.newest.n)
        add_answer(d, answers, step->list.newest, NULL);
}

/* Adds an entry map in the object's own response: a list of structures. */
static void add_entry_paths(
    struct dump *d, const struct spec_attr *attr, struct str path, struct value_builder *answers)
{
    const struct spec_owned *e = spec_owned_of(d->type, attr);
    if (e->mapped) {
        add_answer(d, answers, path, attr->answer);
        return;
    }
    struct str key = arena_printf(d->arena, "%.*s[].%.*s", STR_ARG(path), STR_ARG(e->key));
    struct str value = arena_printf(d->arena, "%.*s[].%.*s", STR_ARG(path), STR_ARG(e->value));
    add_answer(d, answers, key, NULL);
    add_answer(d, answers, value, attr->answer->elem);
}

/* Adds a call, with what is decoded from its response. */
static void add_decoded(struct dump *d, const char *role, const struct spec_step *step, bool decoded)
{
    AUTO_BUILDER struct value_builder answers = VALUE_BUILDER(d->arena);
    for (size_t i = 0; i < step->reply.match_count; i++)
        add_answer(d, &answers, step->reply.matches[i].path, NULL);
    if (step->reply.newest.n)
        add_answer(d, &answers, step->reply.newest, NULL);
    if (decoded && d->type->pending_at.n && !step->reply.sparse)
        add_answer(d, &answers, d->type->pending_at, NULL);
    for (size_t i = 0; decoded && i < d->type->attr_count; i++) {
        struct str path;
        const struct spec_attr *attr = &d->type->attrs[i];
        if (!act_provides(d->type, step, attr, &path))
            continue;
        if (str_eq(step->list.gather, attr->attr->name))
            add_answer(d, &answers, STR("@"), attr->answer->elem);
        else if (attr->owner == OWNER_ENTRIES)
            add_entry_paths(d, attr, path, &answers);
        else
            add_answer(d, &answers, path, attr->answer);
    }
    add_call(d, role, step, &answers);
}

/* Adds a listing that uses one member of its items. */
static void add_listing(struct dump *d, const char *role, const struct spec_step *step, struct str path)
{
    AUTO_BUILDER struct value_builder answers = VALUE_BUILDER(d->arena);
    if (!step || !step->call.op)
        return;
    if (path.n)
        add_answer(d, &answers, path, NULL);
    add_call(d, role, step, &answers);
}

static void add_step(struct dump *d, const char *role, const struct spec_step *step, bool decoded)
{
    if (!step || !step->call.op)
        return;
    add_step(d, role, step->again.before_retry, false);
    add_step(d, role, step->again.retry_unless, false);
    for (size_t i = 0; i < step->again.user_count; i++)
        add_listing(d, "users", step->again.users[i].step, step->again.users[i].tells);
    if (step->list.each) {
        AUTO_BUILDER struct value_builder items = VALUE_BUILDER(d->arena);
        add_item_paths(d, step, &items);
        add_call(d, role, step->list.each, &items);
    }
    add_decoded(d, role, step, decoded && !step->list.each);
}

static void add_find(struct dump *d, const struct spec_step *step)
{
    if (!step)
        return;
    add_listing(d, "find", step->list.each, STR_EMPTY);
    add_decoded(d, "find", step, true);
    if (d->type->find_since.n)
        add_listing(d, "find", step, d->type->find_since);
}

static void add_steps(struct dump *d, const char *role, const struct spec_steps *steps, bool decoded)
{
    for (size_t i = 0; i < steps->count; i++)
        add_step(d, role, &steps->items[i], decoded);
}

/* Adds a call whose response is one attribute. */
static void add_reading(struct dump *d, const char *role, const struct spec_step *step, struct str path,
    const struct shape *shape)
{
    if (!step)
        return;
    AUTO_BUILDER struct value_builder answers = VALUE_BUILDER(d->arena);
    add_answer(d, &answers, path, shape);
    add_call(d, role, step, &answers);
}

static void add_owned(struct dump *d, const struct spec_owned *owned)
{
    static const char *const roles[] = {
        "list", "get", "put", "put", "add", "delete", "modify", "reset", "untag"};
    const struct spec_attr *attr = owned->attr;
    const struct shape *elem = attr->answer->elem;
    switch (attr->owner) {
    case OWNER_SUB_RESOURCE:
        add_reading(
            d, "get", owned->get, owned->get ? act_answer_path(owned->get, attr) : STR_EMPTY, attr->answer);
        break;
    case OWNER_ENTRIES:
        add_reading(d, "get", owned->get, owned->answer, elem);
        add_reading(d, "list", owned->list, owned->value.n && !owned->get ? owned->value : STR("@"),
            owned->get ? NULL : elem);
        break;
    case OWNER_MEMBERS: add_reading(d, "list", owned->list, STR("@"), elem); break;
    default: add_reading(d, "tags", owned->list, STR("@"), owned->listed); break;
    }
    for (int k = OWNED_PUT; k < OWNED_CALLS; k++)
        add_step(d, roles[k], owned->calls[k], false);
}

/* The calls of a run use the run's attributes. */
static void add_job(struct dump *d, const struct spec_job *job)
{
    if (!job)
        return;
    const struct spec_type *resource = d->type;
    d->type = &job->type;
    add_steps(d, "run", &job->start, true);
    add_steps(d, "run", &job->detach, true);
    add_steps(d, "run read", &job->read, true);
    if (job->list && job->list->list.each)
        add_reading(d, "run list", job->list->list.each, STR("@"), NULL);
    if (job->list)
        add_decoded(d, "run list", job->list, true);
    add_step(d, "run stop", job->stop, false);
    if (job->rows) {
        AUTO_BUILDER struct value_builder answers = VALUE_BUILDER(d->arena);
        add_answer(
            d, &answers, arena_printf(d->arena, "%.*s.%.*s", STR_ARG(job->cells), STR_ARG(job->cell)), NULL);
        add_call(d, "run rows", job->rows, &answers);
    }
    d->type = resource;
}

static const struct value *dump_service(struct dump *d)
{
    const struct spec_service *s = d->type->service;
    AUTO_BUILDER struct value_builder codes = VALUE_BUILDER(d->arena);
    add_error_codes(d, &s->absent, &codes);
    add_error_codes(d, &s->exists, &codes);
    add_error_codes(d, &s->retry, &codes);
    add_error_codes(d, &s->hints, &codes);
    static const char *const protocols[] = {"query", "ec2", "json-1.0", "json-1.1", "rest-json", "rest-xml"};
    struct value_entry entries[] = {{STR("name"), dump_text(d, s->name)},
        {STR("model"), dump_text(d, s->model)}, {STR("protocol"), textz(d, protocols[s->protocol])},
        {STR("api_version"), dump_text(d, s->operation.version)},
        {STR("target"), dump_text(d, s->operation.target_prefix)},
        {STR("endpoint_prefix"), dump_text(d, s->aws.endpoint_prefix)},
        {STR("signing_name"), dump_text(d, s->aws.signing_name)}, {STR("global"), value_bool(s->aws.global)},
        {STR("errors"), value_builder_list(&codes)}};
    return value_map(d->arena, entries, sizeof entries / sizeof *entries);
}

/* Returns the recover rule of the type. */
static const struct value *dump_recover(struct dump *d)
{
    const struct spec_recover *recover = &d->type->recover;
    bool tagged = d->type->tags && d->type->tags->ownership && d->type->tags->with_create;
    return VALUE_MAP(d->arena, {STR("by"), textz(d, recover_way_name(recover->way))},
        {STR("given"), value_bool(recover->given)}, {STR("token"), value_bool(recover->token)},
        {STR("marked"), value_bool(tagged)}, {STR("within_ms"), value_int(d->arena, recover->within_ms)});
}

const struct value *schema_calls(struct arena *arena, const struct schema *schema)
{
    if (schema->ops != &spec_ops && schema->ops != &spec_recorded_ops && schema->ops != &spec_run_ops)
        return NULL;
    struct dump d = {.arena = arena, .type = schema->impl, .calls = VALUE_BUILDER(arena)};
    const struct spec_type *type = d.type;
    add_steps(&d, "create", &type->create, true);
    add_steps(&d, "read", &type->read, true);
    add_steps(&d, "update", &type->update, true);
    add_steps(&d, "delete", &type->delete, false);
    add_steps(&d, "list", &type->list, true);
    add_find(&d, type->find);
    for (size_t i = 0; i < type->console.count; i++)
        add_listing(&d, "console", &type->console.items[i], STR_EMPTY);
    for (size_t i = 0; i < type->teardown_count; i++)
        add_listing(&d, "count", type->teardown[i].count, type->teardown[i].bytes);
    for (size_t i = 0; i < type->owned_count; i++)
        add_owned(&d, &type->owned[i]);
    add_job(&d, type->job);
    for (size_t i = 0; i < type->also_count; i++)
        add_step(&d, "sandbox", type->also[i].step, false);
    return VALUE_MAP(arena, {STR("type"), dump_text(&d, schema->name)},
        {STR("data"), value_bool(schema->is_data)}, {STR("service"), dump_service(&d)},
        {STR("calls"), value_builder_list(&d.calls)},
        {STR("recover"), schema->is_data || schema->ops != &spec_ops ? NULL : dump_recover(&d)});
}
