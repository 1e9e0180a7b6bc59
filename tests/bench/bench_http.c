/*
 * What the HTTP engine costs: N requests with W workers through it, signed and sent by the AWS client as
 * well, against a bare loop on libcurl's multi interface with W requests in flight.
 *
 *     bench_http URL N W        URL: a server's root, for example moto's http://127.0.0.1:4566
 *
 * Each request is a small POST (STS GetCallerIdentity). The rounds of the three take turns, so that a machine
 * under load treats them alike; the best of five counts.
 */
#include "base/mem.h"
#include "provider/aws/client.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#define FORM      "Action=GetCallerIdentity&Version=2011-06-15"
#define FORM_TYPE "application/x-www-form-urlencoded; charset=utf-8"
#define UNSIGNED                                                                                             \
    "AWS4-HMAC-SHA256 Credential=bench/20261121/us-east-1/sts/aws4_request, SignedHeaders=host, "            \
    "Signature=00"

enum { ROUNDS = 5 };

struct bench {
    const char *url;
    int requests, workers;
    atomic_int left, failed;
    struct http_engine *engine;
    struct aws_client *client;
};

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu_s(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* ---- bare ---- */

static size_t drop(char *data, size_t size, size_t n, void *ctx)
{
    (void)data;
    (void)ctx;
    return size * n;
}

static void bare(struct bench *b)
{
    CURLM *multi = curl_multi_init();
    struct curl_slist expect = {(char[]){"Expect:"}, NULL},
                      authorization = {(char[]){"Authorization: " UNSIGNED}, &expect},
                      type = {(char[]){"Content-Type: " FORM_TYPE}, &authorization};
    CURL **easy = mem_alloc((size_t)b->workers * sizeof *easy);
    int begun = 0, ended = 0;
    for (; begun < b->workers && begun < b->requests; begun++) {
        easy[begun] = curl_easy_init();
        curl_easy_setopt(easy[begun], CURLOPT_URL, b->url);
        curl_easy_setopt(easy[begun], CURLOPT_POSTFIELDS, FORM);
        curl_easy_setopt(easy[begun], CURLOPT_HTTPHEADER, &type);
        curl_easy_setopt(easy[begun], CURLOPT_WRITEFUNCTION, drop);
        curl_multi_add_handle(multi, easy[begun]);
    }
    int handles = begun;
    while (ended < b->requests) {
        int running, queued;
        curl_multi_perform(multi, &running);
        for (CURLMsg *m; (m = curl_multi_info_read(multi, &queued));) {
            CURL *done = m->easy_handle;
            long status = 0;
            if (m->data.result == CURLE_OK)
                curl_easy_getinfo(done, CURLINFO_RESPONSE_CODE, &status);
            b->failed += status != 200;
            ended++;
            curl_multi_remove_handle(multi, done);
            if (begun < b->requests) {
                begun++;
                curl_multi_add_handle(multi, done);
            }
        }
        if (ended < b->requests)
            curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
    for (int i = 0; i < handles; i++)
        curl_easy_cleanup(easy[i]);
    curl_multi_cleanup(multi);
    free(easy);
}

/* ---- through the engine, and through the client on top of it ---- */

static int send_plain(struct bench *b, struct arena *arena)
{
    const struct http_header headers[] = {
        {STR("Content-Type"), STR(FORM_TYPE)}, {STR("Authorization"), STR(UNSIGNED)}};
    struct http_request request = {.method = STR("POST"),
        .url = str_z(b->url),
        .headers = headers,
        .header_count = 2,
        .body = STR(FORM)};
    struct http_response response;
    return http_send(b->engine, &request, arena, &response, NULL) || response.status != 200;
}

static int send_signed(struct bench *b, struct arena *arena)
{
    static const struct aws_service sts = {
        .id = STR_INIT("sts"), .endpoint_prefix = STR_INIT("sts"), .signing_name = STR_INIT("sts")};
    static const struct wire_operation op = {.name = STR_INIT("GetCallerIdentity"), .protocol = WIRE_QUERY};
    struct aws_call call = {.service = &sts,
        .op = &op,
        .idempotent = true,
        .request = {.method = STR("POST"), .path = STR("/"), .body = STR(FORM)}};
    wire_header_add(arena, &call.request, STR("Content-Type"), STR(FORM_TYPE));
    struct wire_message answer;
    return aws_send(b->client, &call, arena, &answer, NULL);
}

static void *work(void *arg)
{
    struct bench *b = arg;
    while (atomic_fetch_sub(&b->left, 1) > 0) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        b->failed += (b->client ? send_signed(b, &arena) : send_plain(b, &arena)) != 0;
    }
    return NULL;
}

static void with_workers(struct bench *b)
{
    pthread_t *threads = mem_alloc((size_t)b->workers * sizeof *threads);
    b->left = b->requests;
    for (int i = 0; i < b->workers; i++)
        pthread_create(&threads[i], NULL, work, b);
    for (int i = 0; i < b->workers; i++)
        pthread_join(threads[i], NULL);
    free(threads);
}

static void with_client(struct bench *b)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct value_entry config[] = {{STR("access_key"), value_stringz(&arena, "bench")},
        {STR("endpoint"), value_stringz(&arena, b->url)}, {STR("region"), value_stringz(&arena, "us-east-1")},
        {STR("secret_key"), value_stringz(&arena, "bench")}};
    struct aws_options options = {
        .name = STR("aws"), .config = value_map(&arena, config, 4), .http = b->engine};
    struct err err = ERR_INIT;
    if (aws_client_new(&options, &b->client, &err)) {
        fprintf(stderr, "bench_http: %s\n", err.message);
        exit(1);
    }
    with_workers(b);
    aws_client_free(b->client);
    b->client = NULL;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: bench_http URL N W\n");
        return 2;
    }
    struct bench b = {.url = argv[1], .requests = atoi(argv[2]), .workers = atoi(argv[3])};
    struct err err = ERR_INIT;
    if (http_engine_new(&(struct http_options){0}, &b.engine, &err)) {
        fprintf(stderr, "bench_http: %s\n", err.message);
        return 1;
    }
    static const struct {
        const char *name;
        void (*run)(struct bench *b);
    } kinds[] = {
        {"bare curl_multi", bare}, {"engine", with_workers}, {"engine, signed by the client", with_client}};
    enum { KINDS = sizeof kinds / sizeof *kinds };
    double best[KINDS] = {0}, cpu[KINDS] = {0};
    for (int round = 0; round < ROUNDS; round++) {
        for (int k = 0; k < KINDS; k++) {
            double began = now_s(), cpu_began = cpu_s();
            kinds[k].run(&b);
            double took = now_s() - began;
            if (!round || took < best[k]) {
                best[k] = took;
                cpu[k] = cpu_s() - cpu_began;
            }
        }
    }
    http_engine_free(b.engine);
    for (int k = 0; k < KINDS; k++)
        printf("%-30s %7.3f s %7.0f requests/s %6.3f s CPU   ratio %.2f\n", kinds[k].name, best[k],
            b.requests / best[k], cpu[k], best[k] / best[0]);
    if (b.failed)
        fprintf(stderr, "bench_http: %d requests failed\n", b.failed);
    return b.failed != 0;
}
