/* An object of a store becomes a file, shown while it does: see object_save.h. */
#include "cmd/invocation/object_save.h"

#include "cmd/terminal/say.h"

#include <unistd.h>

struct saving {
    const struct object_save *save;
    bool drawn;
    atomic_bool cancel;
};

static void write_err(const struct buf *text)
{
    say_aside(buf_str(text));
}

static void object_save_progress(void *ctx, const char *what)
{
    struct saving *s = ctx;
    const struct invocation *inv = s->save->inv;
    if (atomic_load(s->save->signals) > 0)
        atomic_store(&s->cancel, true);
    if (!inv->err.tty || inv->settings->json || inv->settings->verbose)
        return;
    AUTO_BUF struct buf out = BUF_INIT;
    buf_addf(&out, "\r\033[K%s", what);
    write_err(&out);
    s->drawn = true;
}

static void object_save_clear(const struct saving *s)
{
    AUTO_BUF struct buf out = BUF_INIT;
    if (!s->drawn)
        return;
    buf_addz(&out, "\r\033[K");
    write_err(&out);
}

int object_save(const struct object_save *save, int64_t *bytes, struct err *err)
{
    struct saving saving = {.save = save};
    struct s3_downloaded done;
    struct op_ctx ctx = *save->ctx;
    ctx.cancel = &saving.cancel;
    struct op_observer observer = {.ctx = &saving, .progress = object_save_progress};
    ctx.observer = &observer;
    int status = s3_download(&ctx, save->download, &done, err);
    object_save_clear(&saving);
    if (status)
        return -1;
    *bytes = done.size;
    if (!save->inv->settings->json) {
        AUTO_BUF struct buf size = BUF_INIT;
        text_add_bytes(&size, done.size);
        invocation_note(save->inv, "%s: %s", save->download->path, size.p);
    }
    return 0;
}

bool object_url(struct str url, struct s3_download *out)
{
    struct str rest;
    if (!str_starts(url, STR("s3://")))
        return false;
    out->bucket = str_cut(str_slice(url, 5, url.n), '/', &rest);
    out->key = rest;
    return out->bucket.n && rest.n && !str_ends(rest, STR("/"));
}
