/* The index of roles by operation, built from the specs when a service is first called. */
#include "sandbox/control/control_internal.h"

#include "base/mem.h"

#include <stdlib.h>

struct served_index {
    pthread_mutex_t lock;
    struct arena arena;
    struct map first; /* signing name -> struct served_service, of the services called so far */
};

/* Finds or adds a service, whose types may be in several files: weir's and the sandbox's. */
static struct served_service *service_of(
    struct served_index *all, struct served_service **first, const struct spec_service *spec)
{
    struct served_service **at = first;
    while (*at && !str_eq((*at)->spec->name, spec->name))
        at = &(*at)->next;
    if (!*at) {
        *at = ARENA_NEW(&all->arena, struct served_service);
        (*at)->spec = spec;
    }
    if (spec->requests)
        (*at)->requests = spec->requests;
    return *at;
}

static struct served *served_of(struct served_service *service, const struct spec_operation *op)
{
    for (size_t i = 0; i < service->op_count; i++)
        if (str_eq(service->ops[i].op->wire.name, op->wire.name))
            return &service->ops[i];
    MEM_GROW(service->ops, service->op_cap, service->op_count + 1);
    service->ops[service->op_count] = (struct served){.op = op};
    return &service->ops[service->op_count++];
}

struct indexing {
    struct served_service *service;
    const struct spec_type *type;
};

static bool is_also(const struct spec_type *type, const struct spec_step *step)
{
    for (size_t i = 0; i < type->also_count; i++)
        if (type->also[i].step == step)
            return true;
    return false;
}

static void index_add_owned(struct indexing *index, enum part part, const struct spec_step *step,
    const struct spec_owned *owned, enum owned_call call)
{
    if (!step || !step->call.op)
        return;
    struct served *served = served_of(index->service, step->call.op);
    for (size_t i = 0; i < served->role_count; i++) {
        const struct role *known = &served->roles[i];
        bool same = known->part == part &&
                    (part != PART_OWNED || (known->call == call && known->attr->owner == owned->attr->owner));
        /* `also` takes precedence; a type is listed once. */
        if (known->type == index->type && same && (part == PART_LIST || is_also(index->type, known->step)))
            return;
    }
    MEM_GROW(served->roles, served->role_cap, served->role_count + 1);
    served->roles[served->role_count++] = (struct role){.part = part,
        .type = index->type,
        .step = step,
        .attr = owned ? owned->attr : NULL,
        .owned = owned,
        .call = call,
        .also = is_also(index->type, step)};
}

static void index_add(struct indexing *index, enum part part, const struct spec_step *step)
{
    index_add_owned(index, part, step, NULL, OWNED_CALLS);
}

static struct str last_call(const struct spec_steps *steps)
{
    const struct spec_operation *op = steps->items[steps->count - 1].call.op;
    return op ? op->wire.name : STR_EMPTY;
}

/* True for two calls of which one is made `if`, the other `unless` a settable attribute has a value. */
static bool are_alternatives(
    const struct spec_type *type, const struct spec_step *first, const struct spec_step *other)
{
    for (size_t i = 0; i < first->when.unless.count; i++)
        for (size_t k = 0; k < other->when.only.count; k++) {
            struct str name = first->when.unless.items[i].path;
            const struct spec_attr *attr = spec_attr_find(type, name);
            if (attr && attr->attr->settable && str_eq(name, other->when.only.items[k].path))
                return true;
        }
    return false;
}

static void add_steps(struct indexing *index, enum part part, const struct spec_steps *steps)
{
    const struct spec_step *creates = NULL; /* the creating call may have several forms */
    for (size_t i = 0; i < steps->count; i++) {
        const struct spec_step *step = &steps->items[i];
        bool main = !step->list.each && !step->lookup && step->call.op;
        if (main && !creates)
            creates = step;
        /* The last of several deleting steps deletes; the first of several creating steps creates. */
        if (part == PART_DELETE && i + 1 < steps->count)
            main = main && str_eq(step->call.op->wire.name, last_call(steps));
        enum part own = part;
        if (part == PART_READ && step->reply.match_count)
            own = PART_LIST; /* weir selects one of the items */
        if (step->list.of || step->list.gather.n)
            own = PART_SIDE; /* other types or `also` define the response */
        if (main && part == PART_CREATE && !str_eq(step->call.op->wire.name, creates->call.op->wire.name) &&
            !are_alternatives(index->type, creates, step))
            own = PART_UPDATE;
        index_add(index, main ? own : PART_SIDE, step);
        index_add(index, PART_SIDE, step->list.each);
        for (size_t k = 0; k < step->again.user_count; k++)
            index_add(index, PART_SIDE, step->again.users[k].step);
        index_add(index, PART_SIDE, step->again.before_retry);
    }
}

static void add_owned(struct indexing *index, const struct spec_owned *owned)
{
    static const enum owned_call as[] = {[OWNED_REPLACE] = OWNED_PUT, [OWNED_RESET] = OWNED_REMOVE};
    for (int k = 0; k < OWNED_CALLS; k++) {
        bool other = k == OWNED_REPLACE || k == OWNED_RESET;
        index_add_owned(index, PART_OWNED, owned->calls[k], owned, other ? as[k] : (enum owned_call)k);
    }
}

static void add_also(struct indexing *index)
{
    static const struct {
        const char *as;
        enum part part;
    } parts[] = {{"create", PART_CREATE}, {"read", PART_READ}, {"list", PART_LIST}, {"update", PART_UPDATE},
        {"delete", PART_DELETE}};
    const struct spec_type *type = index->type;
    for (size_t i = 0; i < type->also_count; i++) {
        const struct spec_step *step = type->also[i].step;
        if (type->tags && str_eqz(type->also[i].as, "tags"))
            index_add_owned(index, PART_OWNED, step, type->tags, OWNED_LIST);
        for (size_t k = 0; k < sizeof parts / sizeof *parts; k++)
            if (str_eqz(type->also[i].as, parts[k].as))
                index_add(index, parts[k].part, step);
    }
}

static void index_type(struct served_index *all, struct served_service **first, const struct spec_type *type)
{
    struct indexing index = {.service = service_of(all, first, type->service), .type = type};
    MEM_GROW(index.service->types, index.service->type_cap, index.service->type_count + 1);
    index.service->types[index.service->type_count++] = type;
    add_also(&index);
    add_steps(&index, PART_CREATE, &type->create);
    add_steps(&index, PART_UPDATE, &type->update);
    add_steps(&index, PART_DELETE, &type->delete);
    add_steps(&index, PART_READ, &type->read);
    add_steps(&index, PART_LIST, &type->list);
    for (size_t i = 0; i < type->teardown_count; i++)
        index_add(&index, PART_SIDE, type->teardown[i].count);
    index_add(&index, type->find && type->find->list.each ? PART_SIDE : PART_LIST, type->find);
    for (size_t i = 0; i < type->owned_count; i++)
        add_owned(&index, &type->owned[i]);
}

/* True if the operation creates resources of another type. */
static bool creates_other_type(const struct served *served, const struct spec_type *type)
{
    for (size_t i = 0; i < served->role_count; i++)
        if (served->roles[i].part == PART_CREATE && served->roles[i].type != type)
            return true;
    return false;
}

/* True for a member set whose members are resources of another type, which serves them (a security group's
 * rules). */
static bool are_resources(const struct served_service *service, const struct role *role)
{
    const struct spec_owned *m = role->owned && role->attr->owner == OWNER_MEMBERS ? role->owned : NULL;
    for (size_t i = 0; m && m->add && i < service->op_count; i++)
        if (service->ops[i].op == m->add->call.op)
            return creates_other_type(&service->ops[i], role->type);
    return false;
}

static void drop_members_that_are_resources(struct served_service *service)
{
    for (size_t i = 0; i < service->op_count; i++) {
        struct served *served = &service->ops[i];
        size_t kept = 0;
        for (size_t k = 0; k < served->role_count; k++)
            if (!are_resources(service, &served->roles[k]))
                served->roles[kept++] = served->roles[k];
        served->role_count = kept;
    }
}

/* True if the operation has roles for resources. */
static bool has_resource_roles(const struct served *served)
{
    for (size_t i = 0; i < served->role_count; i++)
        if (!served->roles[i].type->schema.is_data && served->roles[i].part != PART_SIDE)
            return true;
    return false;
}

/* True for an additional read (`for:`) of another type's resource, whose own read answers. */
static bool reads_of_another(const struct served *served, const struct role *role)
{
    bool besides = role->part == PART_READ && role->step->when.wanted.count > 0;
    for (size_t i = 0; i < served->role_count && besides; i++) {
        const struct role *other = &served->roles[i];
        if (other->type != role->type && other->part == PART_READ && !other->step->when.wanted.count &&
            !other->type->schema.is_data)
            return true;
    }
    return false;
}

/* Resources take precedence over data sources. A data source answers only operations without roles of
 * resources, or by its own `sandbox:`. */
static void drop_data_roles(struct served_service *service)
{
    for (size_t i = 0; i < service->op_count; i++) {
        struct served *served = &service->ops[i];
        bool resources = has_resource_roles(served);
        for (size_t k = 0; k < served->role_count && resources; k++) {
            struct role *role = &served->roles[k];
            bool data = role->type->schema.is_data && !role->type->sandbox;
            if (data || reads_of_another(served, role))
                role->part = PART_SIDE;
        }
    }
}

/* Adds the operations of the service's specs that have no roles: handlers execute them. */
static void add_operations_without_roles(struct served_service *service)
{
    for (size_t i = 0; i < service->type_count; i++) {
        const struct spec_service *spec = service->types[i]->service;
        bool known = !wire_is_rest(spec->protocol); /* of the others, the request has the name */
        for (size_t k = 0; k < i; k++)
            known = known || service->types[k]->service == spec;
        for (size_t k = 0; !known && k < spec->operations.n; k++)
            served_of(service, spec->operations.items[k].ptr);
    }
}

static struct served_service *index_signed(
    struct served_index *all, struct catalog *catalog, struct str signing_name)
{
    struct served_service *first = NULL;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    for (int data = 0; data < 2; data++) {
        size_t n;
        const struct str *names = catalog_names_signed(catalog, signing_name, data, &arena, &n);
        for (size_t i = 0; i < n; i++) {
            const struct schema *schema = catalog_seek(catalog, names[i], data, ERR_IGNORED);
            const struct spec_type *type = schema && schema->ops == &spec_ops ? schema->impl : NULL;
            if (type && schema->service && str_eq(type->service->aws.signing_name, signing_name))
                index_type(all, &first, type);
        }
    }
    for (struct served_service *service = first; service; service = service->next) {
        drop_members_that_are_resources(service);
        drop_data_roles(service);
        add_operations_without_roles(service);
    }
    return first;
}

const struct served_service *index_services(const struct control *control, struct str signing_name)
{
    struct served_index *all = control->index;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&all->lock);
    struct served_service *first = map_get(&all->first, signing_name);
    if (!first && (first = index_signed(all, control->options.catalog, signing_name)))
        map_set(&all->first, first->spec->aws.signing_name, first);
    return first;
}

void index_note_change(const struct control *control, const struct spec_service *spec)
{
    struct served_index *all = control->index;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&all->lock);
    struct served_service *service = map_get(&all->first, spec->aws.signing_name);
    if (service)
        atomic_fetch_add(&service->changes, 1);
}

struct served_index *index_new(void)
{
    struct served_index *all = mem_zalloc(sizeof *all);
    pthread_mutex_init(&all->lock, NULL);
    return all;
}

void index_free(struct served_index *all)
{
    for (size_t i = 0; i < all->first.n; i++)
        for (struct served_service *service = all->first.items[i].ptr; service; service = service->next) {
            for (size_t k = 0; k < service->op_count; k++)
                free(service->ops[k].roles);
            free(service->ops);
            free(service->types);
        }
    map_release(&all->first);
    arena_release(&all->arena);
    pthread_mutex_destroy(&all->lock);
    free(all);
}
