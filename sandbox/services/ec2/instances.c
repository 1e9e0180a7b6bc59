/* EC2: operations on instances other than creating and deleting. Hosts of instances are in sandbox/host. */
#include "base/clock.h"
#include "base/hash.h"
#include "sandbox/engine/view.h"
#include "sandbox/host/host.h"

static int find_instance(
    const struct service_call *call, struct str id, struct control_record *out, struct err *err)
{
    if (service_find(call, STR("aws.ec2.instance"), id, out))
        return 0;
    return service_refuse(
        err, 400, "InvalidInstanceID.NotFound", "The instance ID '%.*s' does not exist", STR_ARG(id));
}

/* Returns the request's instance ids. -1: one of them does not exist. */
static int find_instances(const struct service_call *call, const struct value **ids, struct err *err)
{
    struct control_record record;
    *ids = service_items(call->arena, call->input, "InstanceId");
    for (uint32_t i = 0; *ids && i < (*ids)->count; i++)
        if (find_instance(call, value_text((*ids)->items[i], STR_EMPTY), &record, err))
            return -1;
    return service_dry_run(call, err);
}

static const struct value *state_of(struct arena *arena, const char *name, int64_t code)
{
    struct value_builder b = VALUE_BUILDER(arena);
    view_int(&b, "code", code);
    view_text(&b, "name", str_z(name));
    return value_builder_map(&b);
}

static const struct value *change_of(struct arena *arena, struct str id, bool was_halted, bool halted)
{
    struct value_builder b = VALUE_BUILDER(arena);
    view_text(&b, "instanceId", id);
    view_set(&b, "currentState",
        halted       ? state_of(arena, "stopped", 80)
        : was_halted ? state_of(arena, "pending", 0)
                     : state_of(arena, "running", 16));
    view_set(
        &b, "previousState", was_halted ? state_of(arena, "stopped", 80) : state_of(arena, "running", 16));
    return value_builder_map(&b);
}

/* Starts or stops instances. All ids are checked before any instance is changed. */
static int start_or_stop(struct service_call *call, struct err *err)
{
    bool halted = service_is(call, "StopInstances");
    const struct value *ids;
    struct control_record record;
    AUTO_BUILDER struct value_builder changes = VALUE_BUILDER(call->arena);
    if (find_instances(call, &ids, err))
        return -1;
    for (uint32_t i = 0; ids && i < ids->count; i++) {
        if (find_instance(call, value_text(ids->items[i], STR_EMPTY), &record, err))
            return -1;
        control_set(services_control(call->services), STR("aws.ec2.instance"), &record, "stopped",
            value_bool(halted));
        value_builder_add(
            &changes, change_of(call->arena, record.id, value_getb(record.attrs, "stopped"), halted));
    }
    hosts_reconcile(services_parts(call->services)->hosts);
    service_answer(call, "instancesSet", value_builder_list(&changes));
    return 0;
}

static int reboot_instances(struct service_call *call, struct err *err)
{
    const struct value *ids;
    if (find_instances(call, &ids, err))
        return -1;
    for (uint32_t i = 0; ids && i < ids->count; i++)
        hosts_reboot(services_parts(call->services)->hosts, value_text(ids->items[i], STR_EMPTY));
    service_answer(call, "return", &value_true);
    return 0;
}

static int console_output(struct service_call *call, struct err *err)
{
    struct control_record record;
    struct str id = value_gets(call->input, "InstanceId");
    int64_t changed_ms;
    (void)value_getz(call->input, "Latest"); /* the output is always the latest */
    if (find_instance(call, id, &record, err) || service_dry_run(call, err))
        return -1;
    struct str text =
        hosts_console(services_parts(call->services)->hosts, call->arena, record.id, &changed_ms);
    service_answer_text(call, "instanceId", record.id);
    service_answer_text(call, "timestamp", time_rfc3339(call->arena, changed_ms, true));
    service_answer_text(call, "output", base64_encode(call->arena, text));
    return 0;
}

/* ---- instance status ---- */

static const struct value *passed(struct arena *arena, bool running)
{
    struct value_builder b = VALUE_BUILDER(arena), detail = VALUE_BUILDER(arena);
    view_text(&detail, "name", STR("reachability"));
    view_text(&detail, "status", STR("passed"));
    const struct value *one = value_builder_map(&detail);
    view_text(&b, "status", running ? STR("ok") : STR("not-applicable"));
    if (running)
        view_set(&b, "details", value_list(arena, &one, 1));
    return value_builder_map(&b);
}

static const struct value *status_of(const struct service_call *call, const struct control_record *record)
{
    static const struct {
        const char *name;
        int64_t code;
    } states[] = {
        {"pending", 0}, {"running", 16}, {"shutting-down", 32}, {"terminated", 48}, {"stopped", 80}};
    struct str state = value_gets(record->attrs, "state");
    struct value_builder b = VALUE_BUILDER(call->arena);
    struct control_record subnet;
    bool running = str_eqz(state, "running");
    struct str id = value_gets(record->attrs, "subnet_id");
    view_text(&b, "instanceId", record->id);
    view_text(&b, "availabilityZone",
        id.n && service_find(call, STR("aws.ec2.subnet"), id, &subnet)
            ? value_gets(subnet.attrs, "availability_zone")
            : arena_printf(call->arena, "%.*sa", STR_ARG(call->region)));
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (str_eqz(state, states[i].name))
            view_set(&b, "instanceState", state_of(call->arena, states[i].name, states[i].code));
    view_set(&b, "systemStatus", passed(call->arena, running));
    view_set(&b, "instanceStatus", passed(call->arena, running));
    return value_builder_map(&b);
}

/* Applies the filters to the status as it is shown. */
static bool status_passes(const struct value *filters, const struct value *status, struct err *err)
{
    for (uint32_t i = 0; filters && filters->kind == VALUE_LIST && i < filters->count; i++) {
        struct str name = value_gets(filters->items[i], "Name"), have;
        const struct value *wanted = value_getz(filters->items[i], "Value");
        if (str_eqz(name, "instance-state-name"))
            have = value_gets(value_getz(status, "instanceState"), "name");
        else if (str_eqz(name, "instance-status.status"))
            have = value_gets(value_getz(status, "instanceStatus"), "status");
        else if (str_eqz(name, "system-status.status"))
            have = value_gets(value_getz(status, "systemStatus"), "status");
        else if (str_eqz(name, "availability-zone"))
            have = value_gets(status, "availabilityZone");
        else
            return service_refuse(err, 400, "InvalidParameterValue",
                       "the sandbox does not know the filter %.*s", STR_ARG(name)) == 0;
        if (!value_list_has(wanted, have))
            return false;
    }
    return true;
}

enum { MAX_STATUSES = 1000 };

/* Lists running instances, or all with IncludeAllInstances. */
static int describe_status(struct service_call *call, struct err *err)
{
    size_t n;
    const struct value *ids, *filters = value_getz(call->input, "Filter");
    bool everyone = service_flag(call->input, "IncludeAllInstances");
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(call->arena);
    if (find_instances(call, &ids, err))
        return -1;
    const struct control_record *all = service_list(call, STR("aws.ec2.instance"), &n);
    for (size_t i = 0; i < n; i++) {
        bool asked = !ids || value_list_has(ids, all[i].id);
        const struct value *status = status_of(call, &all[i]);
        if (asked && (everyone || str_eqz(value_gets(all[i].attrs, "state"), "running")) &&
            status_passes(filters, status, err))
            value_builder_add(&list, status);
    }
    return err->code[0]
               ? -1
               : service_answer_page(call, "instanceStatusSet", value_builder_list(&list), MAX_STATUSES, err);
}

/* Refuses attributes that can be changed only while the instance is stopped. */
static int modify_attribute(struct service_call *call, struct err *err)
{
    static const char *const fixed[] = {"InstanceType", "UserData", "EbsOptimized"};
    struct control_record record;
    bool asks = false;
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        asks |= !value_is_null(value_getz(call->input, fixed[i]));
    struct str id = value_gets(call->input, "InstanceId");
    if (!asks || !service_find(call, STR("aws.ec2.instance"), id, &record) ||
        value_getb(record.attrs, "stopped")) {
        call->declined = true;
        return 0;
    }
    return service_refuse(err, 400, "IncorrectInstanceState",
        "The instance '%.*s' is not in the 'stopped' state.", STR_ARG(id));
}

/* Lists the regions that are enabled by default. */
static int describe_regions(struct service_call *call, struct err *err)
{
    static const char *const regions[] = {"ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1",
        "ap-southeast-1", "ap-southeast-2", "ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1",
        "eu-west-2", "eu-west-3", "sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2"};
    const struct value *named = service_items(call->arena, call->input, "RegionName");
    struct value_builder all = VALUE_BUILDER(call->arena);
    (void)value_getz(call->input, "AllRegions"); /* opt-in regions are never listed */
    if (value_getz(call->input, "Filter"))
        return service_refuse(
            err, 400, "InvalidParameterValue", "the sandbox does not know filters of regions");
    if (service_dry_run(call, err))
        return -1;
    for (size_t i = 0; i < sizeof regions / sizeof *regions; i++) {
        if (named && !value_list_has(named, str_z(regions[i])))
            continue;
        struct value_builder b = VALUE_BUILDER(call->arena);
        view_text(&b, "regionName", str_z(regions[i]));
        view_text(&b, "regionEndpoint", arena_printf(call->arena, "ec2.%s.amazonaws.com", regions[i]));
        view_text(&b, "optInStatus", STR("opt-in-not-required"));
        value_builder_add(&all, value_builder_map(&b));
    }
    const struct value *found = value_builder_list(&all);
    if (named && named->count > found->count)
        return service_refuse(err, 400, "InvalidParameterValue", "Invalid region provided");
    service_answer(call, "regionInfo", found);
    return 0;
}

const struct service_operation ec2_operations[] = {
    {"ec2", "DescribeRegions", describe_regions},
    {"ec2", "DescribeInstanceStatus", describe_status},
    {"ec2", "StartInstances", start_or_stop},
    {"ec2", "StopInstances", start_or_stop},
    {"ec2", "RebootInstances", reboot_instances},
    {"ec2", "GetConsoleOutput", console_output},
    {"ec2", "ModifyInstanceAttribute", modify_attribute},
    {0},
};
