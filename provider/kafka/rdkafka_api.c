/* librdkafka, loaded when a Kafka cluster is first spoken to: see rdkafka_api.h. */
#include "provider/kafka/rdkafka_api.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

static struct kafka_api api;
static char failure[256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* POSIX wants object and function pointers to be of one size; ISO C has no cast between them. */
static bool kafka_api_find(void *library, const char *symbol, void **place)
{
    *place = dlsym(library, symbol);
    return *place != NULL;
}

static void kafka_api_load(void)
{
    void *library = dlopen("librdkafka.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        snprintf(failure, sizeof failure, "%s", dlerror());
        return;
    }
#define KAFKA_LOAD(gives, name, takes)                                                                       \
    if (!kafka_api_find(library, "rd_kafka_" #name, (void **)&api.name)) {                                   \
        snprintf(failure, sizeof failure, "it has no rd_kafka_" #name);                                      \
        return;                                                                                              \
    }
#define KAFKA_LOAD_NEWER(gives, name, takes) kafka_api_find(library, "rd_kafka_" #name, (void **)&api.name);
    KAFKA_FUNCTIONS(KAFKA_LOAD)
    KAFKA_NEWER_FUNCTIONS(KAFKA_LOAD_NEWER)
#undef KAFKA_LOAD
#undef KAFKA_LOAD_NEWER
}

const struct kafka_api *kafka_api(struct err *err)
{
    pthread_once(&once, kafka_api_load);
    if (!failure[0])
        return &api;
    err_set(err, ERR_FAILED, "cannot load librdkafka.so.1: %s", failure);
    err_hint(
        err, "install Kafka's client library, 1.9 or newer (Debian and Ubuntu: apt install librdkafka1)");
    return NULL;
}
