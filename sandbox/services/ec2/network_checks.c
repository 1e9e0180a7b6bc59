/* What has to lie in several zones, or reach the internet, and where queues lead: seen by what there is. */
#include "sandbox/services/shared/tables.h"

static const struct value *subnet_of(const struct control *control, const struct value *id)
{
    return control_seen(control, STR("aws.ec2.subnet"), value_text(id, STR_EMPTY));
}

/* Do two of the subnets lie in one zone? Of those that are not here nothing is known. */
static bool share_a_zone(const struct control *control, const struct value *subnets)
{
    for (uint32_t i = 0; subnets && subnets->kind == VALUE_LIST && i < subnets->count; i++)
        for (uint32_t k = i + 1; k < subnets->count; k++) {
            struct str one = value_gets(subnet_of(control, subnets->items[i]), "availability_zone");
            if (one.n && str_eq(one, value_gets(subnet_of(control, subnets->items[k]), "availability_zone")))
                return true;
        }
    return false;
}

static int check_balancer(const struct control *control, const struct value *attrs, struct err *err)
{
    return !share_a_zone(control, value_getz(attrs, "subnets"))
               ? 0
               : service_refuse(err, 400, "InvalidConfigurationRequest",
                     "A load balancer cannot be attached to multiple subnets in the same Availability Zone");
}

/* ---- databases with a public address ---- */

static bool has_way_out(const struct control *control, struct str vpc)
{
    const struct value *gateway;
    for (size_t at = 0; (gateway = control_next(control, STR("aws.ec2.internet_gateway"), &at));)
        if (str_eq(value_gets(gateway, "vpc_id"), vpc))
            return true;
    return false;
}

static int check_database(const struct control *control, const struct value *attrs, struct err *err)
{
    const struct value *group =
        control_seen(control, STR("aws.rds.subnet_group"), value_gets(attrs, "db_subnet_group_name"));
    const struct value *subnets = value_getz(group, "subnet_ids");
    const struct value *subnet = subnets && subnets->count ? subnet_of(control, subnets->items[0]) : NULL;
    struct str id = value_gets(subnet, "vpc_id");
    const struct value *vpc = control_seen(control, STR("aws.ec2.vpc"), id);
    if (!vpc || !value_getb(attrs, "publicly_accessible"))
        return 0;
    if (!has_way_out(control, id))
        return service_refuse(err, 400, "InvalidVPCNetworkStateFault",
            "Cannot create a publicly accessible DBInstance. The specified VPC has no internet gateway "
            "attached. Update the VPC and then try again");
    bool resolves = !value_getz(vpc, "enable_dns_support") || value_getb(vpc, "enable_dns_support");
    if (resolves && value_getb(vpc, "enable_dns_hostnames"))
        return 0;
    return service_refuse(err, 400, "InvalidVPCNetworkStateFault",
        "Cannot create a publicly accessible DBInstance. The specified VPC does not support DNS resolution, "
        "DNS hostnames, or both. Update the VPC and then try again");
}

/* ---- queues for what failed ---- */

/* arn:aws:sqs:REGION:ACCOUNT:NAME; a queue of another account is taken at its word. */
static bool is_there(const struct control *control, struct str arn)
{
    struct str account = str_part(arn, ':', 4);
    const struct value *queue;
    bool any = false;
    for (size_t at = 0; (queue = control_next(control, STR("aws.sqs.queue"), &at));) {
        struct str other = value_gets(queue, "arn");
        if (str_eq(other, arn))
            return true;
        any |= str_find(other, account, 0) >= 0;
    }
    return account.n && !any;
}

static int check_letters(const struct control *control, const struct value *attrs, struct err *err)
{
    struct str arn = value_gets(value_getz(attrs, "redrive_policy"), "deadLetterTargetArn");
    return !arn.n || is_there(control, arn) ? 0
                                            : service_refuse(err, 400, "InvalidParameterValue",
                                                  "Value {\"deadLetterTargetArn\":\"%.*s\"} for parameter "
                                                  "RedrivePolicy is invalid. Reason: Dead letter "
                                                  "target does not exist.",
                                                  STR_ARG(arn));
}

const struct control_type surroundings_types[] = {{"aws.sqs.queue", .check = check_letters},
    {"aws.elbv2.load_balancer", .check = check_balancer}, {"aws.rds.instance", .check = check_database}, {0}};
