/*
 * The head of a request: its first line is the path with its query, then the Authorization header, then one
 * header a line. The signature is read, host and origin are looked at, and the key becomes a path and a key
 * again.
 */
#include "base/hash.h"
#include "sandbox/http/exchange.h"
#include "sandbox/http/server.h"
#include "sandbox/s3/store.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Every component is a name of its own, and together they give the key. */
static void check_key(struct str key)
{
    AUTO_BUF struct buf path = BUF_INIT;
    AUTO_BUF struct buf back = BUF_INIT;
    keypath_add(&path, key);
    for (struct str rest = buf_str(&path); rest.p;) {
        char name[256];
        enum keypath_kind kind;
        struct str part = str_cut(rest, '/', &rest);
        assert(part.n > 0 && part.n < sizeof name && part.p[0] != '.');
        memcpy(name, part.p, part.n);
        name[part.n] = '\0';
        bool ours = keypath_decode(name, &back, &kind);
        assert(ours);
        (void)ours;
    }
    assert(str_eq(buf_str(&back), key));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct exchange x = {.reply_fd = -1};
    struct str text = arena_str(&x.arena, str_n((const char *)data, n)), query, key;
    x.request.path = str_cut(str_cut(text, '\n', &text), '?', &query);
    x.request.query = query.p ? query : STR_EMPTY;
    wire_header_add(&x.arena, &x.request, STR("Authorization"), str_cut(text, '\n', &text));
    while (text.n) {
        struct str value, name = str_cut(str_cut(text, '\n', &text), ':', &value);
        wire_header_add(&x.arena, &x.request, name, value.p ? value : STR_EMPTY);
    }
    auth_parse(&x);
    static const struct str names[] = {STR_INIT("class.local")};
    static const struct guard guards[] = {{0}, {names, 1, false}, {names, 1, true}};
    struct str host = wire_header_get(&x.request, STR("Host"));
    bool let_in = false;
    for (size_t i = 0; i < sizeof guards / sizeof *guards; i++) { /* each of them lets in more */
        bool now = !guard_check(&guards[i], &x.request);
        assert(now || !let_in);
        let_in = now;
        assert(guard_label(&guards[i], host).n < host.n + 1);
    }
    if (url_decode(&x.arena, x.request.path, false, &key) && !memchr(key.p, '\0', key.n))
        check_key(key);
    arena_release(&x.arena);
    return 0;
}
