/*
 * A Lambda function without a framework: it asks the Runtime API for an event, writes the event's records
 * into S3 as JSON lines, answers, and asks again.
 * https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html
 *
 *     {"records": [{"film": "alien"}, {"film": "tron"}]}   ->   {"key": "raw/events/2026/11/21/8f1c….jsonl",
 * "records": 2}
 *
 * LAKE and PREFIX say where; credentials and AWS_REGION come from Lambda, AWS_ENDPOINT_URL from whoever
 * serves S3 elsewhere.
 */
#include <curl/curl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { MAX_ID = 64, MAX_URL = 2048, MAX_MESSAGE = 512 };

struct text {
    char *p;
    size_t n;
};

struct event {
    char id[MAX_ID];
    struct text body;
};

/* ---- HTTP ---- */

static size_t take_body(char *bytes, size_t size, size_t n, void *ctx)
{
    struct text *text = ctx;
    char *grown = realloc(text->p, text->n + size * n + 1);
    if (!grown)
        return 0;
    memcpy(grown + text->n, bytes, size * n);
    text->p = grown;
    text->n += size * n;
    text->p[text->n] = '\0';
    return size * n;
}

static size_t take_header(char *line, size_t size, size_t n, void *ctx)
{
    static const char name[] = "Lambda-Runtime-Aws-Request-Id:";
    struct event *event = ctx;
    if (size * n > sizeof name && strncasecmp(line, name, sizeof name - 1) == 0)
        sscanf(line + sizeof name - 1, " %63[0-9a-fA-F-]", event->id);
    return size * n;
}

/* One handle for all, so that connections stay; each request begins with its settings cleared. */
static CURL *request(CURL *curl, const char *url, struct text *answer)
{
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    return curl;
}

static bool post(CURL *curl, const char *url, const char *type, const char *body)
{
    struct text answer = {0};
    char header[MAX_MESSAGE];
    snprintf(header, sizeof header, "Lambda-Runtime-Function-Error-Type: %s", type ? type : "");
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    if (type)
        headers = curl_slist_append(headers, header);
    request(curl, url, &answer);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    bool done = curl_easy_perform(curl) == CURLE_OK;
    curl_slist_free_all(headers);
    free(answer.p);
    return done;
}

/* ---- S3 ---- */

static const char *setting(const char *name, const char *fallback)
{
    const char *value = getenv(name);
    return value && *value ? value : fallback;
}

static void object_url(char out[MAX_URL], const char *key)
{
    const char *endpoint = setting("AWS_ENDPOINT_URL", NULL), *lake = setting("LAKE", "");
    if (endpoint)
        snprintf(out, MAX_URL, "%s/%s/%s", endpoint, lake, key);
    else
        snprintf(
            out, MAX_URL, "https://%s.s3.%s.amazonaws.com/%s", lake, setting("AWS_REGION", "us-east-1"), key);
}

/* curl signs: the content itself is left out of the signature, TLS keeps it whole. */
static bool put_object(CURL *curl, const char *key, const char *body, char message[MAX_MESSAGE])
{
    struct text answer = {0};
    char url[MAX_URL], who[MAX_MESSAGE], scope[MAX_MESSAGE], token[MAX_URL * 2];
    long status = 0;
    const char *session = setting("AWS_SESSION_TOKEN", NULL);
    object_url(url, key);
    snprintf(
        who, sizeof who, "%s:%s", setting("AWS_ACCESS_KEY_ID", ""), setting("AWS_SECRET_ACCESS_KEY", ""));
    snprintf(scope, sizeof scope, "aws:amz:%s:s3", setting("AWS_REGION", "us-east-1"));
    struct curl_slist *headers = curl_slist_append(NULL, "x-amz-content-sha256: UNSIGNED-PAYLOAD");
    headers = curl_slist_append(headers, "Content-Type: application/x-ndjson");
    if (session) {
        snprintf(token, sizeof token, "x-amz-security-token: %s", session);
        headers = curl_slist_append(headers, token);
    }
    request(curl, url, &answer);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, "PUT");
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(curl, CURLOPT_USERPWD, who);
    curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, scope);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    CURLcode sent = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    bool done = sent == CURLE_OK && status == 200;
    if (!done)
        snprintf(message, MAX_MESSAGE, "cannot write %.200s: %.100s (HTTP %ld) %.100s", key,
            curl_easy_strerror(sent), status, answer.p ? answer.p : "");
    curl_slist_free_all(headers);
    free(answer.p);
    return done;
}

/* ---- the work ---- */

static char *as_lines(const json_t *records)
{
    struct text lines = {0};
    size_t i;
    json_t *record;
    json_array_foreach(records, i, record)
    {
        char *line = json_dumps(record, JSON_COMPACT);
        take_body(line, 1, strlen(line), &lines);
        take_body("\n", 1, 1, &lines);
        free(line);
    }
    return lines.p;
}

/* The answer, or NULL with what is wrong in `message`. */
static json_t *ingest(CURL *curl, const struct event *event, char message[MAX_MESSAGE])
{
    char key[MAX_URL], day[16];
    time_t now = time(NULL);
    json_error_t where;
    json_t *parsed = json_loadb(event->body.p ? event->body.p : "", event->body.n, JSON_DECODE_ANY, &where),
           *answer = NULL;
    json_t *records = json_object_get(parsed, "records");
    if (!json_is_array(records) || !json_array_size(records)) {
        snprintf(message, MAX_MESSAGE, "the event has no records");
    } else {
        strftime(day, sizeof day, "%Y/%m/%d", gmtime(&now));
        snprintf(key, sizeof key, "%s/%s/%s.jsonl", setting("PREFIX", "raw"), day, event->id);
        char *lines = as_lines(records);
        if (put_object(curl, key, lines, message))
            answer = json_pack("{s:s, s:I}", "key", key, "records", (json_int_t)json_array_size(records));
        free(lines);
    }
    json_decref(parsed);
    return answer;
}

static void serve_one(CURL *curl, const char *api, const struct event *event)
{
    char url[MAX_URL], message[MAX_MESSAGE] = "";
    json_t *answer = ingest(curl, event, message);
    json_t *failure =
        answer ? NULL : json_pack("{s:s, s:s}", "errorType", "IngestError", "errorMessage", message);
    char *body = json_dumps(answer ? answer : failure, JSON_COMPACT);
    printf("%s %s\n", answer ? "ingested" : "failed:", body);
    fflush(stdout);
    snprintf(url, sizeof url, "http://%s/2018-06-01/runtime/invocation/%s/%s", api, event->id,
        answer ? "response" : "error");
    post(curl, url, answer ? NULL : "IngestError", body);
    free(body);
    json_decref(answer);
    json_decref(failure);
}

static bool next_event(CURL *curl, const char *api, struct event *event)
{
    char url[MAX_URL];
    snprintf(url, sizeof url, "http://%s/2018-06-01/runtime/invocation/next", api);
    request(curl, url, &event->body);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, event);
    return curl_easy_perform(curl) == CURLE_OK && event->id[0];
}

int main(void)
{
    const char *api = getenv("AWS_LAMBDA_RUNTIME_API");
    if (!api || curl_global_init(CURL_GLOBAL_DEFAULT)) {
        fprintf(stderr, "AWS_LAMBDA_RUNTIME_API is not set: this runs in Lambda, or in weir's sandbox\n");
        return 1;
    }
    CURL *curl = curl_easy_init();
    for (;;) {
        struct event event = {0};
        bool got = next_event(curl, api, &event);
        if (got)
            serve_one(curl, api, &event);
        free(event.body.p);
        if (!got)
            break;
    }
    curl_easy_cleanup(curl);
    curl_global_cleanup();
    return 0;
}
