/* Opens and shuts the listeners of records that have real servers: see endpoints.h. */
#include "sandbox/services/shared/endpoints.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

static const struct endpoint *const endpoints[] = {&rds_endpoint, &cluster_endpoint, &workgroup_endpoint,
    &namespace_endpoint, &msk_endpoint, &mwaa_endpoint};

static const struct endpoint *endpoint_of(struct str type)
{
    for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++)
        if (str_eqz(type, endpoints[i]->type))
            return endpoints[i];
    return NULL;
}

/* A record with several ports has one listener for each, with the port in the listener's id. */
static struct str listener_id(struct arena *arena, const struct control_record *record, uint16_t port)
{
    return arena_printf(arena, "%.*s|%u", STR_ARG(record->id), (unsigned)port);
}

static void open_listener(struct services *services, const struct endpoint *endpoint,
    const struct control_record *record, struct str id, uint16_t port)
{
    struct err err = ERR_INIT;
    const struct listener_of of = {str_z(endpoint->type), record->region, id};
    if (listeners_open(services_parts(services)->listeners, &of, value_gets(record->attrs, "address"), port,
            endpoint->visit, NULL, &err))
        fprintf(stderr, "sandbox: %s %.*s is a record only: %s\n", endpoint->type, STR_ARG(record->id),
            err.message);
}

static void open_endpoint(
    struct services *services, const struct endpoint *endpoint, const struct control_record *record)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    if (endpoint->serves && !endpoint->serves(record->attrs))
        return;
    if (endpoint->port)
        open_listener(
            services, endpoint, record, record->id, (uint16_t)service_int(record->attrs, endpoint->port, 0));
    for (const uint16_t *port = endpoint->ports; port && *port; port++)
        open_listener(services, endpoint, record, listener_id(&arena, record, *port), *port);
}

static void shut_listeners(struct services *services, struct arena *arena, const struct endpoint *endpoint,
    const struct control_record *record)
{
    struct listener_of of = {str_z(endpoint->type), record->region, record->id};
    listeners_shut(services_parts(services)->listeners, &of);
    for (const uint16_t *port = endpoint->ports; port && *port; port++) {
        of.id = listener_id(arena, record, *port);
        listeners_shut(services_parts(services)->listeners, &of);
    }
}

/* ---- stopping and removing daemons ---- */

struct removal {
    struct services *services;
    bool rest; /* stop the first daemon only: the daemons it depends on do not read the record */
    char names[];
};

static void remove_daemons(void *ctx)
{
    struct removal *removal = ctx;
    struct daemons *daemons = services_parts(removal->services)->daemons;
    struct str name, names = str_z(removal->names);
    if (removal->rest)
        daemon_stop(daemons, str_cut(names, ' ', &names));
    else
        while ((name = str_cut(names, ' ', &names)).n)
            daemon_remove(daemons, name);
    free(removal);
}

/* Runs on a thread of its own: the watcher of the control plane is called with a lock held. */
static void end_daemons(struct services *services, const struct endpoint *endpoint,
    const struct control_record *record, bool rest)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str names = endpoint->daemons ? endpoint->daemons(&arena, record) : STR_EMPTY;
    if (!names.n)
        return;
    struct removal *removal = mem_zalloc(sizeof *removal + names.n + 1);
    removal->services = services;
    removal->rest = rest;
    memcpy(removal->names, names.p, names.n);
    if (services_thread(services, remove_daemons, removal))
        free(removal); /* the sandbox is ending: the data is removed with its folder, or not used again */
}

static void close_endpoint(
    struct services *services, const struct endpoint *endpoint, const struct control_record *record)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    shut_listeners(services, &arena, endpoint, record);
    end_daemons(services, endpoint, record, false);
}

static void endpoints_watch(
    void *ctx, enum control_event event, struct str type, const struct control_record *record)
{
    const struct endpoint *endpoint = endpoint_of(type);
    if (!endpoint)
        return;
    if (event == CONTROL_MADE)
        open_endpoint(ctx, endpoint, record);
    if (event == CONTROL_CHANGED && endpoint->rests_on_change)
        end_daemons(ctx, endpoint, record, true);
    if (event == CONTROL_GONE)
        close_endpoint(ctx, endpoint, record);
}

void endpoints_open(struct services *services)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct control *control = services_control(services);
    control_watch(control, endpoints_watch, services);
    for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++) {
        size_t n;
        struct control_record *records =
            control_list(control, &arena, str_z(endpoints[i]->type), STR_EMPTY, &n);
        for (size_t k = 0; k < n; k++)
            open_endpoint(services, endpoints[i], &records[k]);
    }
}

bool endpoint_record(
    struct services *services, struct arena *arena, const struct listener_of *of, struct control_record *out)
{
    struct str rest;
    return control_find(
        services_control(services), arena, of->type, of->region, str_cut(of->id, '|', &rest), out);
}
