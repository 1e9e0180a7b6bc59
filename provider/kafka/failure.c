/* What brokers and librdkafka say when something fails, in weir's form: what, why, and what to do. */
#include "provider/kafka/cluster.h"

#include <stdio.h>

/* Codes that mean something to weir; the others are the service's refusal. */
static const struct {
    int code;
    enum err_class class;
    bool retryable, lost;
    const char *hint;
} codes[] = {
    {KAFKA_UNKNOWN_TOPIC, ERR_ABSENT, false, false, NULL},
    {KAFKA_RESOURCE_NOT_FOUND, ERR_ABSENT, false, false, NULL},
    {KAFKA_TOPIC_ALREADY_EXISTS, ERR_EXISTS, false, false, NULL},
    {KAFKA_NOT_CONTROLLER, ERR_SERVICE, true, false, NULL},
    {KAFKA_THROTTLING_QUOTA_EXCEEDED, ERR_THROTTLED, true, false, NULL},
    {KAFKA_REQUEST_TIMED_OUT, ERR_TIMEOUT, false, true, "the broker goes on with it; look again in a moment"},
    {KAFKA_TIMED_OUT, ERR_NETWORK, false, true, NULL},
    {KAFKA_TRANSPORT, ERR_NETWORK, false, true, NULL},
    {KAFKA_DESTROY_BROKER, ERR_NETWORK, false, true, NULL},
    {KAFKA_INVALID_ARG, ERR_SERVICE, false, false, NULL},
    {KAFKA_NOT_IMPLEMENTED, ERR_SERVICE, false, false, NULL},
    {KAFKA_UNSUPPORTED_FEATURE, ERR_SERVICE, false, false, NULL},
    {KAFKA_TOPIC_AUTHORIZATION_FAILED, ERR_AUTH, false, false,
        "the user of the provider may not do that with the topic; a kafka.acl of a user who may can allow "
        "it"},
    {KAFKA_CLUSTER_AUTHORIZATION_FAILED, ERR_AUTH, false, false,
        "the user of the provider may not do that in the cluster; a kafka.acl with resource_type: cluster "
        "can "
        "allow it"},
    {KAFKA_AUTHENTICATION, ERR_AUTH, false, false, NULL},
    {KAFKA_SASL_AUTHENTICATION_FAILED, ERR_AUTH, false, false, NULL},
    {KAFKA_SECURITY_DISABLED, ERR_SERVICE, false, false,
        "the brokers have no authorizer: their setting authorizer.class.name names one, such as "
        "org.apache.kafka.metadata.authorizer.StandardAuthorizer"},
    {KAFKA_INVALID_REPLICATION_FACTOR, ERR_SERVICE, false, false,
        "there cannot be more replicas than brokers"},
    {KAFKA_TOPIC_DELETION_DISABLED, ERR_SERVICE, false, false,
        "the brokers' setting delete.topic.enable forbids it"},
    {KAFKA_REASSIGNMENT_IN_PROGRESS, ERR_SERVICE, true, false, NULL},
};

int kafka_failure(const struct kafka_api *api, int code, const char *said, struct err *err)
{
    if (code == KAFKA_OK)
        return 0;
    size_t i = 0;
    while (i < sizeof codes / sizeof *codes && codes[i].code != code)
        i++;
    bool known = i < sizeof codes / sizeof *codes;
    const char *name = api->err2name(code);
    err_set(err, known ? codes[i].class : ERR_SERVICE, "%s (%s)", said && said[0] ? said : api->err2str(code),
        name);
    snprintf(err->code, sizeof err->code, "%s", name);
    err->retryable = known && codes[i].retryable;
    err->lost = known ? codes[i].lost : code < KAFKA_LOCAL; /* no broker has said no */
    if (known && codes[i].hint)
        err_hint(err, "%s", codes[i].hint);
    err_mask(err);
    return -1;
}

int kafka_error(const struct kafka_api *api, const struct rd_kafka_error_s *error, struct err *err)
{
    return error ? kafka_failure(api, api->error_code(error), api->error_string(error), err) : 0;
}
