/*
 * Snapshots of databases: a base backup of the server in DIR/snapshots, with what a new instance takes over
 * from the one that it was made of. The records of both are the control plane's.
 */
#include "sandbox/services/rds/rds.h"

#include "base/file.h"
#include "base/json.h"
#include "sandbox/engine/view.h"

enum { MAX_SETTINGS = 64 * 1024 };

static const struct str instance_type = STR_INIT("aws.rds.instance"),
                        snapshot_type = STR_INIT("aws.rds.snapshot");

/* A name that leads elsewhere is none that the control plane takes. */
static const char *snapshot_folder(struct service_call *call, struct str name)
{
    if (str_find_char(name, '/', 0) >= 0 || str_find_char(name, '.', 0) >= 0)
        name = STR_EMPTY;
    struct str last = arena_lower(call->arena, name); /* as the service writes names */
    return arena_printf(call->arena, "%s/snapshots/rds-%.*s-%.*s",
        sandbox_dir(services_sandbox(call->services)), STR_ARG(call->region), STR_ARG(last))
        .p;
}

/* What the new one has unless its request says otherwise, as members of CreateDBInstance. */
static int keep_settings(
    struct service_call *call, const struct control_record *instance, const char *folder, struct err *err)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    AUTO_BUF struct buf text = BUF_INIT;
    view_members(&b, instance->attrs,
        "Engine=engine EngineVersion=engine_version DBInstanceClass=instance_class "
        "AllocatedStorage=allocated_storage "
        "MasterUsername=master_username DBName=db_name StorageType=storage_type "
        "Port=port DBParameterGroupName=db_parameter_group_name");
    view_text(&b, "MasterUserPassword",
        database_password(call->services, call->arena, instance->region,
            value_gets(instance->attrs, "secret"), value_gets(instance->attrs, "master_user_password")));
    json_write(&text, value_builder_map(&b), JSON_PLAIN);
    return file_write_atomic(
        arena_printf(call->arena, "%s/settings.json", folder).p, buf_str(&text), 0600, err);
}

static int unkept(struct err *why, struct err *err)
{
    return service_refuse(err, 500, "InternalFailure", "%s", why->message);
}

int snapshot_take(
    struct service_call *call, const struct control_record *instance, struct str name, struct err *err)
{
    struct daemons *daemons = services_parts(call->services)->daemons;
    struct str server = instance_daemon(call->arena, instance);
    const char *folder = snapshot_folder(call, name);
    struct daemon_self self;
    struct err why = ERR_INIT;
    tree_remove(folder);
    if (dir_make(folder, &why) || keep_settings(call, instance, folder, &why))
        return unkept(&why, err);
    if (!server.n || !path_exists(daemon_data(daemons, call->arena, server)))
        return 0;
    if (daemon_want(daemons, &postgres_daemon, server, NULL, call->arena, &self, &why) ||
        postgres_copy(&self, arena_printf(call->arena, "%s/data", folder).p, &why))
        return unkept(&why, err);
    return 0;
}

int snapshot_create(struct service_call *call, struct err *err)
{
    struct control_record instance, there;
    struct control *control = services_control(call->services);
    struct str name = value_gets(call->input, "DBSnapshotIdentifier");
    call->declined = true;
    if (!name.n || control_find(control, call->arena, snapshot_type, call->region, name, &there) ||
        !control_find(control, call->arena, instance_type, call->region,
            value_gets(call->input, "DBInstanceIdentifier"), &instance))
        return 0;
    return snapshot_take(call, &instance, name, err);
}

int snapshot_delete(struct service_call *call, struct err *err UNUSED)
{
    struct control_record there;
    struct str name = value_gets(call->input, "DBSnapshotIdentifier");
    call->declined = true;
    if (service_find(call, snapshot_type, name, &there))
        tree_remove(snapshot_folder(call, name));
    return 0;
}

/* ---- restoring ---- */

/* The request as one that makes an instance. */
static const struct value *as_creation(struct service_call *call, const struct value *settings)
{
    const struct value *input = value_with(call->arena, call->input, STR("DBSnapshotIdentifier"), NULL);
    return value_merge(call->arena, settings, input);
}

int snapshot_restore(struct service_call *call, struct err *err)
{
    struct control_record instance, snapshot;
    struct str id, name, text;
    struct err why = ERR_INIT;
    const struct value *settings, *ignored;
    if (service_required(call, "DBInstanceIdentifier", &id, err) ||
        service_required(call, "DBSnapshotIdentifier", &name, err))
        return -1;
    if (!service_find(call, snapshot_type, name, &snapshot))
        return service_refuse(err, 404, "DBSnapshotNotFound", "DBSnapshot %.*s not found.", STR_ARG(name));
    const char *folder = snapshot_folder(call, snapshot.id);
    if (file_read(call->arena, arena_printf(call->arena, "%s/settings.json", folder).p, MAX_SETTINGS, &text,
            &why) ||
        json_parse(call->arena, text, &settings, &why))
        return unkept(&why, err);
    if (service_control(call, "CreateDBInstance", as_creation(call, settings), &ignored, err))
        return -1;
    const char *data = arena_printf(call->arena, "%s/data", folder).p;
    call->declined = true; /* it answers with what is there now */
    if (!path_exists(data) || !service_find(call, instance_type, id, &instance))
        return 0;
    struct str server = instance_daemon(call->arena, &instance);
    return daemon_adopt(services_parts(call->services)->daemons, server, data, &why) ? unkept(&why, err) : 0;
}
