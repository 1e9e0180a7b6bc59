/* Requests from inside the sandbox, without HTTP and without a signature: see s3srv_call(). */
#include "base/file.h"
#include "base/mem.h"
#include "sandbox/s3/s3srv.h"

#include <stdlib.h>
#include <unistd.h>

static bool read_reply(struct exchange *x, struct arena *arena, size_t max, struct str *out)
{
    size_t size = (size_t)x->reply_length;
    if (size > max)
        return false;
    char *text = arena_alloc(arena, size + 1);
    for (size_t at = 0; at < size;) {
        ssize_t n = x->reader ? x->reader(x->reader_ctx, at, text + at, size - at)
                              : pread(x->reply_fd, text + at, size - at, (off_t)x->reply_offset + (off_t)at);
        if (n <= 0)
            return false;
        at += (size_t)n;
    }
    text[size] = '\0';
    *out = str_n(text, size);
    return true;
}

static void take_reply(
    struct exchange *x, struct arena *arena, size_t max, struct wire_message *out, struct err *err)
{
    *out = (struct wire_message){.status = x->reply.status, .body = arena_str(arena, x->reply.body)};
    for (size_t i = 0; i < x->reply.header_count; i++)
        wire_header_add(arena, out, arena_str(arena, x->reply.headers[i].name),
            arena_str(arena, x->reply.headers[i].value));
    bool content = x->reader || x->reply_fd >= 0;
    if (content && str_eqz(x->request.method, "HEAD"))
        wire_header_add(
            arena, out, STR("Content-Length"), arena_printf(arena, "%lld", (long long)x->reply_length));
    else if (content && !read_reply(x, arena, max, &out->body))
        err_set(
            err, ERR_INVALID, "the content of %.*s is longer than %zu bytes", STR_ARG(x->request.path), max);
}

int s3srv_call(struct sandbox *sandbox, struct arena *arena, const struct s3srv_caller *caller,
    const struct wire_message *request, size_t max, struct wire_message *answer, struct err *err)
{
    struct exchange *x = mem_zalloc(sizeof *x);
    struct err failed = ERR_INIT;
    x->sandbox = sandbox;
    x->reply_fd = -1;
    x->body.max = max;
    x->request = *request;
    x->content_length = (int64_t)request->body.n;
    x->auth.region = caller->region;
    x->auth.service = STR("s3");
    x->auth.payload_hash = STR("UNSIGNED-PAYLOAD");
    if (caller->session)
        x->auth.session = *caller->session;
    memcpy(x->request_id, "inside", 7);
    s3srv_answer(x, request->body);
    take_reply(x, arena, max, answer, &failed);
    s3srv_responder.release(x);
    if (x->reader_ctx && x->reader_free)
        x->reader_free(x->reader_ctx);
    fd_close_ptr(&x->reply_fd);
    buf_release(&x->body);
    arena_release(&x->arena);
    free(x);
    if (failed.class)
        *err = failed;
    return failed.class ? -1 : 0;
}
