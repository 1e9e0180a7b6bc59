/* URLs: where the engine takes one, libcurl must see the same scheme, host and path. Otherwise plain HTTP
 * could be sent to a host that was not the one that was checked. */
#include "base/arena.h"
#include "provider/http/redact.h"
#include "provider/http/target.h"

#include <assert.h>
#include <curl/curl.h>
#include <dlfcn.h>
#include <stdlib.h>

static __typeof__(curl_url) *url_new;
static __typeof__(curl_url_cleanup) *url_free;
static __typeof__(curl_url_set) *url_set;
static __typeof__(curl_url_get) *url_get;

static void load(void)
{
    void *library = dlopen("libcurl.so.4", RTLD_NOW);
    assert(library);
    *(void **)&url_new = dlsym(library, "curl_url");
    *(void **)&url_free = dlsym(library, "curl_url_cleanup");
    *(void **)&url_set = dlsym(library, "curl_url_set");
    *(void **)&url_get = dlsym(library, "curl_url_get");
    assert(url_new && url_free && url_set && url_get);
}

static struct str part(struct arena *arena, CURLU *parsed, CURLUPart which)
{
    char *text = NULL;
    assert(url_get(parsed, which, &text, 0) == CURLUE_OK);
    struct str copy = arena_str(arena, str_z(text));
    free(text);
    return copy;
}

/* libcurl spells addresses anew: [::0001] becomes [::1]. */
static void check_same(struct arena *arena, const struct http_target *ours, CURLU *theirs)
{
    assert(str_eqz(part(arena, theirs, CURLUPART_SCHEME), ours->tls ? "https" : "http"));
    struct str host = part(arena, theirs, CURLUPART_HOST);
    struct http_target again;
    struct str url[] = {STR("http://"), host};
    if (http_target_parse(arena_concat(arena, url, 2), &again, NULL))
        return; /* libcurl would not call it either */
    assert(again.loopback || !ours->loopback);
    assert(again.link_local || !ours->link_local);
    bool name = str_find_char(host, '[', 0) < 0 && !again.loopback && !again.link_local;
    bool number = host.n && host.p[host.n - 1] >= '0' && host.p[host.n - 1] <= '9';
    assert(!name || number || str_ieq(host, ours->host));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (!url_new)
        load();
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str url = str_n(arena_strz(&arena, str_n((const char *)data, n)), n);
    AUTO_BUF struct buf shown = BUF_INIT;
    redact_url(&shown, url);
    struct http_target target;
    struct err err = ERR_INIT;
    if (http_target_parse(url, &target, &err))
        return 0;
    CURLU *parsed = url_new();
    if (url_set(parsed, CURLUPART_URL, url.p, CURLU_PATH_AS_IS) == CURLUE_OK)
        check_same(&arena, &target, parsed);
    url_free(parsed);
    return 0;
}
