/*
 * The yardstick for uploads and downloads: what libcurl's multi interface alone can do. The requests are
 * signed beforehand, so nothing is hashed, remembered or compared.
 *
 *     bare_transfer put|get PARALLEL < requests
 *
 * One request a line, fields between tabs: URL, file, first byte, length, headers. `put` sends that range of
 * the file and prints the entity tags in the same order; `get` fetches that range of the object to its place
 * in the file.
 */
#include <curl/curl.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct request {
    char *url, *path;
    struct curl_slist *headers;
    off_t from, length;
    char etag[64];
};

struct slot {
    CURL *easy;
    struct request *request;
    int fd;
    off_t at, end;
};

static bool put;
static struct request *requests;
static size_t request_count;

static size_t drop(char *data, size_t size, size_t n, void *ctx)
{
    (void)data, (void)ctx;
    return size * n;
}

static size_t on_header(char *line, size_t size, size_t n, void *ctx)
{
    struct slot *slot = ctx;
    n *= size;
    if (n > 6 && !strncasecmp(line, "etag: ", 6))
        snprintf(slot->request->etag, sizeof slot->request->etag, "%.*s", (int)strcspn(line + 6, "\r\n"),
            line + 6);
    return n;
}

static size_t send_range(char *out, size_t size, size_t n, void *ctx)
{
    struct slot *slot = ctx;
    off_t left = slot->end - slot->at;
    n *= size;
    ssize_t got = pread(slot->fd, out, (off_t)n < left ? n : (size_t)left, slot->at);
    if (got < 0)
        return CURL_READFUNC_ABORT;
    slot->at += got;
    return (size_t)got;
}

static size_t take_range(char *data, size_t size, size_t n, void *ctx)
{
    struct slot *slot = ctx;
    ssize_t written = pwrite(slot->fd, data, size * n, slot->at);
    if (written > 0)
        slot->at += written;
    return written < 0 ? 0 : (size_t)written;
}

static void set_up_put(struct slot *slot)
{
    curl_easy_setopt(slot->easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(slot->easy, CURLOPT_READFUNCTION, send_range);
    curl_easy_setopt(slot->easy, CURLOPT_READDATA, slot);
    curl_easy_setopt(slot->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)slot->request->length);
    curl_easy_setopt(slot->easy, CURLOPT_UPLOAD_BUFFERSIZE, 256L * 1024);
    curl_easy_setopt(slot->easy, CURLOPT_WRITEFUNCTION, drop);
    curl_easy_setopt(slot->easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(slot->easy, CURLOPT_HEADERDATA, slot);
}

static void set_up_get(struct slot *slot)
{
    char range[64];
    snprintf(range, sizeof range, "%lld-%lld", (long long)slot->at, (long long)slot->end - 1);
    curl_easy_setopt(slot->easy, CURLOPT_RANGE, range);
    curl_easy_setopt(slot->easy, CURLOPT_BUFFERSIZE, 256L * 1024);
    curl_easy_setopt(slot->easy, CURLOPT_WRITEFUNCTION, take_range);
    curl_easy_setopt(slot->easy, CURLOPT_WRITEDATA, slot);
}

static void begin(CURLM *multi, struct slot *slot, struct request *request)
{
    slot->request = request;
    slot->fd = open(request->path, (put ? O_RDONLY : O_WRONLY | O_CREAT) | O_CLOEXEC, 0666);
    slot->at = request->from;
    slot->end = request->from + request->length;
    curl_easy_setopt(slot->easy, CURLOPT_URL, request->url);
    curl_easy_setopt(slot->easy, CURLOPT_HTTPHEADER, request->headers);
    curl_easy_setopt(slot->easy, CURLOPT_PRIVATE, slot);
    (put ? set_up_put : set_up_get)(slot);
    curl_multi_add_handle(multi, slot->easy);
}

static struct slot *finish(CURLM *multi, CURLMsg *message)
{
    struct slot *slot;
    long status = 0;
    CURLcode code = message->data.result;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&slot);
    curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK || (put ? status / 100 != 2 : status != 206)) {
        fprintf(stderr, "bare_transfer: %s: %s, status %ld\n", slot->request->url, curl_easy_strerror(code),
            status);
        exit(1);
    }
    curl_multi_remove_handle(multi, slot->easy);
    close(slot->fd);
    return slot;
}

static void read_requests(void)
{
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0) {
        char *rest = strdup(line), *field[4], *header;
        struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
        rest[strcspn(rest, "\n")] = 0;
        for (int i = 0; i < 4; i++)
            if (!(field[i] = strsep(&rest, "\t")))
                exit(2);
        while ((header = strsep(&rest, "\t")))
            headers = curl_slist_append(headers, header);
        requests = realloc(requests, (request_count + 1) * sizeof *requests);
        if (!requests)
            abort();
        requests[request_count++] = (struct request){.url = field[0],
            .path = field[1],
            .headers = headers,
            .from = atoll(field[2]),
            .length = atoll(field[3])};
    }
    free(line);
}

int main(int argc, char **argv)
{
    if (argc != 3 || ((put = !strcmp(argv[1], "put")) == !strcmp(argv[1], "get"))) {
        fprintf(stderr, "usage: bare_transfer put|get PARALLEL < requests\n");
        return 2;
    }
    size_t parallel = strtoul(argv[2], NULL, 10), next = 0, running = 0;
    read_requests();
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURLM *multi = curl_multi_init();
    struct slot *slots = calloc(parallel, sizeof *slots);
    for (; running < parallel && next < request_count; running++) {
        slots[running].easy = curl_easy_init();
        begin(multi, &slots[running], &requests[next++]);
    }
    while (running) {
        int active, left;
        curl_multi_perform(multi, &active);
        for (CURLMsg *message; (message = curl_multi_info_read(multi, &left));) {
            if (message->msg != CURLMSG_DONE)
                continue;
            struct slot *slot = finish(multi, message);
            if (next < request_count)
                begin(multi, slot, &requests[next++]);
            else
                running--;
        }
        if (running)
            curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
    for (size_t i = 0; put && i < request_count; i++)
        puts(requests[i].etag);
    return 0;
}
