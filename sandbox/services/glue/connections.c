/*
 * The network checks before a job with connections runs: Glue creates a network interface in each
 * connection's subnet. AWS reports errors only at this point, not when the connection is created, in these
 * words (Glue's guide, "Troubleshooting Spark errors"; terraform-provider-aws issue 4762).
 */
#include "sandbox/services/glue/glue.h"

struct glue_place {
    struct task *task;
    struct control *control;
    struct arena *arena;
    struct str region;
    const struct control_record *subnet;
    struct str vpc, *why;
};

static struct control_record *glue_list(const struct glue_place *at, const char *type, size_t *n)
{
    return control_list(at->control, at->arena, str_z(type), at->region, n);
}

/* ---- permissions of the role ---- */

bool glue_role_may(struct task *task, struct arena *arena, const char *action, const struct value *context)
{
    struct str rest, name = str_z(action), role = value_gets(task_self(task)->request, "role");
    const struct session session = services_role_session(role, GLUE_SESSION);
    const struct gate_action asked = {.who = {.session = &session},
        .service = str_cut(name, ':', &rest),
        .action = name,
        .resource = STR("*"),
        .region = task_self(task)->region,
        .context = context};
    struct gate *gate = sandbox_gate(services_sandbox(task_jobs(task)));
    return !role.n || !gate_check_action(gate, arena, &asked, ERR_IGNORED);
}

static bool role_fits(const struct glue_place *at)
{
    struct str id = at->subnet->id;
    if (!glue_role_may(at->task, at->arena, "ec2:DescribeSubnets", NULL))
        *at->why = STR("Failed to call ec2:DescribeSubnets: the role does not allow it");
    else if (!glue_role_may(at->task, at->arena, "ec2:DescribeSecurityGroups", NULL))
        *at->why = STR("Failed to call ec2:DescribeSecurityGroups: the role does not allow it");
    else if (!glue_role_may(at->task, at->arena, "ec2:DescribeVpcEndpoints", NULL))
        *at->why = arena_printf(at->arena,
            "DescribeVpcEndpoints action is unauthorized. Unable to validate VPC ID %.*s", STR_ARG(at->vpc));
    else if (!glue_role_may(at->task, at->arena, "ec2:DescribeRouteTables", NULL))
        *at->why = arena_printf(at->arena,
            "DescribeRouteTables action is unauthorized. Unable to validate subnet id: %.*s in VPC id: %.*s",
            STR_ARG(id), STR_ARG(at->vpc));
    else
        return true;
    return false;
}

/* ---- traffic between workers ---- */

static bool opens_all(const struct value *rule)
{
    struct str protocol = value_gets(rule, "protocol");
    return str_eqz(protocol, "-1") || (str_eqz(protocol, "tcp") && value_geti(rule, "from_port", -1) <= 0 &&
                                          value_geti(rule, "to_port", -1) >= 65535);
}

static bool groups_open(const struct glue_place *at, const struct value *groups, bool egress)
{
    size_t n;
    const struct control_record *rules = glue_list(at, "aws.ec2.security_group_rule", &n);
    for (size_t i = 0; i < n; i++)
        if (value_list_has(groups, value_gets(rules[i].attrs, "group_id")) &&
            value_getb(rules[i].attrs, "egress") == egress && opens_all(rules[i].attrs))
            return true;
    return false;
}

static bool groups_fit(const struct glue_place *at, const struct value *groups)
{
    static const char *const directions[] = {"ingress", "egress"};
    for (int out = 0; out < 2; out++)
        if (!groups_open(at, groups, out)) {
            *at->why = arena_printf(at->arena,
                "At least one security group must open all %s ports. To limit traffic, the %s security group "
                "in your %s rule can be restricted to the same security group",
                directions[out], out ? "destination" : "source", out ? "outbound" : "inbound");
            return false;
        }
    return true;
}

/* ---- access to S3 ---- */

/* Returns the subnet's route table, or the VPC's main route table. */
static struct str route_table_of(const struct glue_place *at)
{
    size_t n, tables;
    struct str main = STR_EMPTY;
    const struct control_record *uses = glue_list(at, "aws.ec2.route_table_association", &n);
    const struct control_record *all = glue_list(at, "aws.ec2.route_table", &tables);
    for (size_t i = 0; i < n; i++)
        if (str_eq(value_gets(uses[i].attrs, "subnet_id"), at->subnet->id))
            return value_gets(uses[i].attrs, "route_table_id");
    for (size_t i = 0; i < tables; i++)
        if (value_getb(all[i].attrs, "main") && str_eq(value_gets(all[i].attrs, "vpc_id"), at->vpc))
            main = all[i].id;
    return main;
}

/* True if the default route leads out. An internet gateway does not count, since the interface has no public
 * address. */
static bool has_default_route(const struct glue_place *at, struct str table)
{
    struct control_record record;
    if (!control_find(at->control, at->arena, STR("aws.ec2.route_table"), at->region, table, &record))
        return false;
    const struct value *route = value_getz(value_getz(record.attrs, "routes"), "0.0.0.0/0");
    return route && !value_gets(route, "gateway_id").n;
}

static bool reaches_s3(const struct glue_place *at)
{
    size_t n;
    struct str table = route_table_of(at);
    const struct control_record *endpoints = glue_list(at, "aws.ec2.vpc_endpoint", &n);
    for (size_t i = 0; i < n; i++) {
        const struct value *one = endpoints[i].attrs;
        bool gateway = str_ieq(value_gets(one, "vpc_endpoint_type"), STR("Gateway"));
        if (str_ends(value_gets(one, "service_name"), STR(".s3")) &&
            str_eq(value_gets(one, "vpc_id"), at->vpc) &&
            (!gateway || value_list_has(value_getz(one, "route_table_ids"), table)))
            return true;
    }
    if (has_default_route(at, table))
        return true;
    struct str id = at->subnet->id;
    *at->why = arena_printf(at->arena,
        "VPC S3 endpoint validation failed for SubnetId: %.*s. VPC: %.*s. Reason: Could not find S3 endpoint "
        "or NAT gateway for subnetId: %.*s in Vpc %.*s",
        STR_ARG(id), STR_ARG(at->vpc), STR_ARG(id), STR_ARG(at->vpc));
    return false;
}

/* ---- all checks ---- */

/* The connection must name its subnet's zone. */
static bool zone_fits(const struct glue_place *at, struct str connection, struct str zone)
{
    if (!zone.n)
        *at->why = arena_printf(at->arena,
            "CONNECTION_LIST_CONNECTION_WITH_AZ_NULL: connection %.*s has a subnet and no AvailabilityZone",
            STR_ARG(connection));
    else if (!str_eq(zone, value_gets(at->subnet->attrs, "availability_zone")))
        *at->why =
            arena_printf(at->arena, "Availability Zone %.*s does not correspond to subnet", STR_ARG(zone));
    else
        return true;
    return false;
}

static bool connection_fits(const struct glue_place *at, struct str name)
{
    struct control_record connection, subnet;
    if (!control_find(at->control, at->arena, STR("aws.glue.connection"), at->region, name, &connection)) {
        *at->why = STR("Unable to resolve any valid connection");
        return false;
    }
    const struct value *network = value_getz(connection.attrs, "network");
    struct str id = value_gets(network, "subnet_id");
    if (!id.n)
        return true;
    if (!control_find(at->control, at->arena, STR("aws.ec2.subnet"), at->region, id, &subnet)) {
        *at->why = arena_printf(at->arena, "The subnet ID '%.*s' does not exist", STR_ARG(id));
        return false;
    }
    struct glue_place there = *at;
    there.subnet = &subnet;
    there.vpc = value_gets(subnet.attrs, "vpc_id");
    return zone_fits(&there, name, value_gets(network, "availability_zone")) && role_fits(&there) &&
           groups_fit(&there, value_getz(network, "security_group_ids")) && reaches_s3(&there);
}

bool glue_network_fits(
    struct task *task, struct arena *arena, const struct value *connections, struct str *why)
{
    struct str wrong = STR_EMPTY;
    const struct task_info *self = task_self(task);
    const struct glue_place at = {.task = task,
        .control = services_control(task_jobs(task)),
        .arena = arena,
        .region = self->region,
        .why = &wrong};
    for (uint32_t i = 0; connections && connections->kind == VALUE_LIST && i < connections->count; i++)
        if (!connection_fits(&at, value_text(connections->items[i], STR_EMPTY))) {
            *why = arena_printf(arena, "JobName:%.*s and JobRunId:%.*s failed to execute with exception %.*s",
                STR_ARG(self->owner), STR_ARG(self->id), STR_ARG(wrong));
            return false;
        }
    return true;
}
