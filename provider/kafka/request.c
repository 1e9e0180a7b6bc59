/* One question to the cluster: sent by librdkafka, waited for without blocking it. */
#include "base/crash.h"
#include "provider/kafka/cluster.h"

enum { TICK_MS = 50, REQUEST_MS = 30000, OPERATION_MS = 20000 };

int request_begin(struct op_ctx *ctx, struct request *request, struct err *err)
{
    struct cluster *cluster;
    char why[256];
    if (cluster_open(ctx, &cluster, err))
        return -1;
    *request = (struct request){.ctx = ctx, .api = cluster->api, .client = cluster->client};
    request->options = request->api->AdminOptions_new(request->client, KAFKA_ADMIN_ANY);
    request->queue = request->api->queue_new(request->client);
    request->api->AdminOptions_set_request_timeout(request->options, REQUEST_MS, why, sizeof why);
    /* So long brokers wait until all of them know of a topic before they answer. */
    request->api->AdminOptions_set_operation_timeout(request->options, OPERATION_MS, why, sizeof why);
    crash_point("kafka: before a request");
    return 0;
}

int request_wait(struct request *request, struct err *err)
{
    const struct kafka_api *api = request->api;
    while (!(request->answer = api->queue_poll(request->queue, TICK_MS))) {
        if (cancel_is_set(request->ctx->cancel)) {
            err_set(err, ERR_INTERRUPTED, "interrupted");
            err->lost = true;
            return -1;
        }
    }
    crash_point("kafka: after a request");
    return kafka_failure(
        api, api->event_error(request->answer), api->event_error_string(request->answer), err);
}

void request_end(struct request *request)
{
    const struct kafka_api *api = request->api;
    if (request->answer)
        api->event_destroy(request->answer);
    if (request->queue)
        api->queue_destroy(request->queue);
    if (request->options)
        api->AdminOptions_destroy(request->options);
    *request = (struct request)REQUEST_INIT;
}
