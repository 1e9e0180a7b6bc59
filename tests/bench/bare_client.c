/*
 * The yardstick for apply over HTTP: prepared requests sent by libcurl's multi interface, nothing else.
 *
 *     bare_client URL PARALLEL < requests
 *
 * One request a line, fields between tabs: chain, method, path, service, target, body. Requests of a chain go
 * one after the other in the order of the lines; PARALLEL chains are under way at any time. Prints how many
 * were answered with 2xx and how many otherwise; the status is 0 only when all were as expected (a HEAD may
 * answer 404).
 */
#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS = 6 };

struct request {
    char *chain, *method, *path, *service, *target, *body;
};

struct slot {
    CURL *easy;
    struct curl_slist *headers;
    struct request *now, *end; /* the rest of the chain */
};

static struct request *requests;
static size_t request_count, next_chain;
static const char *base_url;
static int good, bad;

static size_t drop(char *data, size_t size, size_t n, void *ctx)
{
    (void)data;
    (void)ctx;
    return size * n;
}

static void read_requests(FILE *in)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    while ((length = getline(&line, &room, in)) > 0) {
        if (line[length - 1] == '\n')
            line[length - 1] = 0;
        char *rest = strdup(line), *field[FIELDS];
        for (int i = 0; i < FIELDS; i++) {
            field[i] = strsep(&rest, "\t");
            if (!field[i]) {
                fprintf(stderr, "bare_client: request %zu has too few fields\n", request_count + 1);
                exit(2);
            }
        }
        requests = realloc(requests, (request_count + 1) * sizeof *requests);
        if (!requests)
            abort();
        requests[request_count++] =
            (struct request){field[0], field[1], field[2], field[3], field[4], field[5]};
    }
    free(line);
}

static void add_header(struct slot *slot, const char *name, const char *value)
{
    char text[2048];
    snprintf(text, sizeof text, "%s: %s", name, value);
    slot->headers = curl_slist_append(slot->headers, text);
}

static void send_request(CURLM *multi, struct slot *slot)
{
    struct request *r = slot->now;
    char text[1024];
    curl_slist_free_all(slot->headers);
    slot->headers = NULL;
    /* The server finds out which service is meant by the scope of the credentials. */
    snprintf(text, sizeof text,
        "AWS4-HMAC-SHA256 Credential=bench/20260101/us-east-1/%s/aws4_request, SignedHeaders=host, "
        "Signature=0",
        r->service);
    add_header(slot, "Authorization", text);
    if (*r->target) {
        add_header(slot, "X-Amz-Target", r->target);
        add_header(slot, "Content-Type", "application/x-amz-json-1.1");
    } else if (!strcmp(r->service, "s3"))
        add_header(slot, "Content-Type", "application/xml");
    add_header(slot, "Expect", "");

    snprintf(text, sizeof text, "%s%s", base_url, r->path);
    curl_easy_reset(slot->easy);
    curl_easy_setopt(slot->easy, CURLOPT_URL, text);
    curl_easy_setopt(slot->easy, CURLOPT_HTTPHEADER, slot->headers);
    curl_easy_setopt(slot->easy, CURLOPT_WRITEFUNCTION, drop);
    curl_easy_setopt(slot->easy, CURLOPT_PRIVATE, slot);
    if (!strcmp(r->method, "HEAD"))
        curl_easy_setopt(slot->easy, CURLOPT_NOBODY, 1L);
    else if (strcmp(r->method, "GET")) {
        curl_easy_setopt(slot->easy, CURLOPT_POSTFIELDS, r->body);
        curl_easy_setopt(slot->easy, CURLOPT_CUSTOMREQUEST, r->method);
    }
    curl_multi_add_handle(multi, slot->easy);
}

/* Takes the next chain that nobody has begun. */
static bool take_chain(struct slot *slot)
{
    if (next_chain == request_count)
        return false;
    slot->now = slot->end = &requests[next_chain];
    while (next_chain < request_count && !strcmp(requests[next_chain].chain, slot->now->chain))
        next_chain++;
    slot->end = &requests[next_chain];
    return true;
}

static void finished(CURLM *multi, CURLMsg *message, size_t *running)
{
    struct slot *slot;
    long status = 0;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&slot);
    curl_easy_getinfo(slot->easy, CURLINFO_RESPONSE_CODE, &status);
    bool expected =
        message->data.result == CURLE_OK &&
        ((status >= 200 && status < 300) || (status == 404 && !strcmp(slot->now->method, "HEAD")));
    if (expected)
        good++;
    else {
        bad++;
        fprintf(stderr, "bare_client: %s %s: %ld %s\n", slot->now->method, slot->now->path, status,
            curl_easy_strerror(message->data.result));
    }
    curl_multi_remove_handle(multi, slot->easy);
    if (++slot->now < slot->end || take_chain(slot))
        send_request(multi, slot);
    else
        --*running;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: bare_client URL PARALLEL < requests\n");
        return 2;
    }
    base_url = argv[1];
    size_t parallel = strtoul(argv[2], NULL, 10), running = 0;
    read_requests(stdin);

    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURLM *multi = curl_multi_init();
    struct slot *slots = calloc(parallel, sizeof *slots);
    if (!multi || !slots)
        return 1;
    for (; running < parallel && take_chain(&slots[running]); running++) {
        slots[running].easy = curl_easy_init();
        send_request(multi, &slots[running]);
    }
    while (running > 0) {
        int active, left;
        curl_multi_perform(multi, &active);
        for (CURLMsg *message; (message = curl_multi_info_read(multi, &left));)
            if (message->msg == CURLMSG_DONE)
                finished(multi, message, &running);
        if (running > 0)
            curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
    printf("%d answered, %d failed\n", good, bad);
    return bad ? 1 : 0;
}
