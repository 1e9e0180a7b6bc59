/*
 * The yardstick for downloads: what libcurl's multi interface alone can do. The URLs are signed beforehand,
 * and what arrives is neither remembered nor compared.
 *
 *     bare_download PARALLEL FILE < requests
 *
 * One range a line, fields between tabs: URL, first byte, length. Each goes to its place in the file.
 */
#include <curl/curl.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct request {
    char *url;
    off_t from, length;
};

struct slot {
    CURL *easy;
    off_t at;
};

static struct request *requests;
static size_t request_count;
static int fd;

static size_t take(char *data, size_t size, size_t n, void *ctx)
{
    struct slot *slot = ctx;
    ssize_t written = pwrite(fd, data, size * n, slot->at);
    if (written > 0)
        slot->at += written;
    return written < 0 ? 0 : (size_t)written;
}

static void begin(CURLM *multi, struct slot *slot, const struct request *request)
{
    char range[64];
    snprintf(range, sizeof range, "%lld-%lld", (long long)request->from,
        (long long)(request->from + request->length - 1));
    slot->at = request->from;
    curl_easy_setopt(slot->easy, CURLOPT_URL, request->url);
    curl_easy_setopt(slot->easy, CURLOPT_RANGE, range);
    curl_easy_setopt(slot->easy, CURLOPT_BUFFERSIZE, 256L * 1024);
    curl_easy_setopt(slot->easy, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(slot->easy, CURLOPT_WRITEDATA, slot);
    curl_easy_setopt(slot->easy, CURLOPT_PRIVATE, slot);
    curl_multi_add_handle(multi, slot->easy);
}

static void finish(CURLM *multi, CURLMsg *message, struct slot **slot)
{
    long status = 0;
    CURLcode code = message->data.result;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)slot);
    curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK || status != 206) {
        fprintf(stderr, "bare_download: %s, status %ld\n", curl_easy_strerror(code), status);
        exit(1);
    }
    curl_multi_remove_handle(multi, (*slot)->easy);
}

static void read_requests(void)
{
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0) {
        char *rest = strdup(line), *field[3];
        for (int i = 0; i < 3; i++)
            if (!(field[i] = strsep(&rest, "\t")))
                exit(2);
        requests = realloc(requests, (request_count + 1) * sizeof *requests);
        if (!requests)
            abort();
        requests[request_count++] =
            (struct request){.url = field[0], .from = atoll(field[1]), .length = atoll(field[2])};
    }
    free(line);
}

int main(int argc, char **argv)
{
    if (argc != 3 || (fd = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) < 0) {
        fprintf(stderr, "usage: bare_download PARALLEL FILE < requests\n");
        return 2;
    }
    size_t parallel = strtoul(argv[1], NULL, 10), next = 0, running = 0;
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
            struct slot *slot;
            if (message->msg != CURLMSG_DONE)
                continue;
            finish(multi, message, &slot);
            if (next < request_count)
                begin(multi, slot, &requests[next++]);
            else
                running--;
        }
        if (running)
            curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
    return 0;
}
