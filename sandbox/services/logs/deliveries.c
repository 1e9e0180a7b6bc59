/* Delivery sources and destinations, which are records only: what follows from the ARN that each names. */
#include "sandbox/calls/services.h"
#include "sandbox/services/shared/tables.h"

static const struct value *with_type(struct arena *arena, const struct value *destination)
{
    const struct value *location = value_getz(destination, "deliveryDestinationConfiguration");
    struct str service = str_part(value_gets(location, "destinationResourceArn"), ':', 2);
    const char *type = str_eqz(service, "s3") ? "S3" : str_eqz(service, "firehose") ? "FH" : "CWL";
    return location
               ? value_with(arena, destination, STR("deliveryDestinationType"), value_stringz(arena, type))
               : destination;
}

static const struct value *with_service(struct arena *arena, const struct value *source)
{
    const struct value *given = value_getz(source, "resourceArns");
    const struct value *arn = given && given->kind == VALUE_LIST && given->count ? given->items[0] : given;
    if (!arn)
        return source;
    source = value_with(arena, source, STR("resourceArns"), value_list(arena, &arn, 1));
    return value_with(
        arena, source, STR("service"), value_string(arena, str_part(value_text(arn, STR_EMPTY), ':', 2)));
}

/* The control plane's answer, each delivery in it with what follows. */
static int answered(struct service_call *call, const char *member, bool list,
    const struct value *(*with)(struct arena *arena, const struct value *v), struct err *err)
{
    struct value_builder all = VALUE_BUILDER(call->arena);
    if (service_control_same(call, err))
        return -1;
    const struct value *v = value_getz(call->output, member);
    for (uint32_t i = 0; list && v && i < v->count; i++)
        value_builder_add(&all, with(call->arena, v->items[i]));
    if (v)
        service_answer(call, member, list ? value_builder_list(&all) : with(call->arena, v));
    return 0;
}

static int put_destination(struct service_call *call, struct err *err)
{
    struct str format = value_gets(call->input, "outputFormat");
    if (format.n && !str_is_any(format, "w3c raw json plain parquet"))
        return service_refuse_member(err, "ValidationException", format, "outputFormat",
            "satisfy enum value set: [w3c, raw, json, plain, parquet]");
    return answered(call, "deliveryDestination", false, with_type, err);
}

static int get_destination(struct service_call *call, struct err *err)
{
    return answered(call, "deliveryDestination", false, with_type, err);
}

static int list_destinations(struct service_call *call, struct err *err)
{
    return answered(call, "deliveryDestinations", true, with_type, err);
}

/* Services that have logs to deliver are told from the rest by what sends them to buckets and the like. */
static int put_source(struct service_call *call, struct err *err)
{
    struct str service = str_part(value_gets(call->input, "resourceArn"), ':', 2);
    if (str_is_any(service, "s3 logs firehose kinesis iam dynamodb"))
        return service_refuse(err, 400, "ResourceNotFoundException", "Cannot access provided service.");
    return answered(call, "deliverySource", false, with_service, err);
}

static int get_source(struct service_call *call, struct err *err)
{
    return answered(call, "deliverySource", false, with_service, err);
}

static int list_sources(struct service_call *call, struct err *err)
{
    return answered(call, "deliverySources", true, with_service, err);
}

const struct service_operation deliveries_operations[] = {
    {"logs", "PutDeliveryDestination", put_destination, NULL, NULL},
    {"logs", "GetDeliveryDestination", get_destination, NULL, NULL},
    {"logs", "DescribeDeliveryDestinations", list_destinations, NULL, NULL},
    {"logs", "PutDeliverySource", put_source, NULL, NULL},
    {"logs", "GetDeliverySource", get_source, NULL, NULL},
    {"logs", "DescribeDeliverySources", list_sources, NULL, NULL},
    {0},
};
