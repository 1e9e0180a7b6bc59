/* What a run gave, on standard output or in a file: see run_result.h. */
#include "cmd/run/run_result.h"

#include "cmd/invocation/object_save.h"
#include "cmd/terminal/table.h"

#include "base/json.h"
#include "base/mask.h"

#include <inttypes.h>

enum { ROWS_MAX = 10000 };

static int rows_of(const struct run_result *r, const struct value **columns, const struct value **rows)
{
    struct err err = ERR_INIT;
    bool more;
    if (r->job->schema->job->rows(r->ctx, r->job->object, r->run, ROWS_MAX, columns, rows, &more, &err)) {
        err_context(&err, "the result of %.*s", STR_ARG(r->job->record->subject.address));
        return invocation_fail(r->inv, &err);
    }
    if (more)
        invocation_note(r->inv, "these are the first %d rows", ROWS_MAX);
    return EXIT_DONE;
}

/* Control characters that JSON would take as they are, such as DEL, as escapes; secrets out. */
static void add_json(const struct value *v, unsigned flags, struct buf *out)
{
    AUTO_BUF struct buf plain = BUF_INIT, safe = BUF_INIT;
    json_write(&plain, v, flags);
    text_add_json_safe(&safe, buf_str(&plain));
    mask_json(out, buf_str(&safe));
    buf_add_char(out, '\n');
}

static int print_rows(const struct run_result *r)
{
    const struct value *columns, *rows;
    int status = rows_of(r, &columns, &rows);
    if (status != EXIT_DONE)
        return status;
    AUTO_BUF struct buf out = BUF_INIT;
    struct str format = str_z(r->format ? r->format : r->inv->out.tty ? "table" : "csv");
    if (!columns->count) /* a statement that gives none */
        return EXIT_DONE;
    if (str_eqz(format, "table"))
        table_add_text(columns, rows, r->inv->out.color, &out);
    else if (str_eqz(format, "csv"))
        table_add_csv(columns, rows, r->raw, &out);
    else
        add_json(job_rows_as_maps(r->ctx->arena, columns, rows), JSON_PRETTY, &out);
    return invocation_write(r->inv, buf_str(&out));
}

static int print_result(const struct run_result *r)
{
    if (r->job->schema->job->tabular)
        return r->run->state == JOB_SUCCEEDED ? print_rows(r) : EXIT_DONE;
    if (value_is_null(r->run->result))
        return EXIT_DONE;
    AUTO_BUF struct buf out = BUF_INIT;
    add_json(r->run->result, r->inv->out.tty ? JSON_PRETTY : JSON_PLAIN, &out);
    return invocation_write(r->inv, buf_str(&out));
}

/* `file`: the result has been saved there; "": it is printed. */
static int result_json(const struct run_result *r, struct str file, int64_t bytes)
{
    AUTO_BUF struct buf out = BUF_INIT;
    const struct value *columns, *rows, *result = r->run->result;
    if (r->job->schema->job->tabular && r->run->state == JOB_SUCCEEDED && !file.n) {
        int status = rows_of(r, &columns, &rows);
        if (status != EXIT_DONE)
            return status;
        result = job_rows_as_maps(r->ctx->arena, columns, rows);
    }
    buf_addz(&out, "{\"event\":\"job_result\"");
    job_run_fields(&out, r->job, r->run);
    if (file.n) {
        buf_addz(&out, ",\"file\":");
        json_write_string(&out, file);
        buf_addf(&out, ",\"bytes\":%" PRId64, bytes);
    } else if (!value_is_null(result)) {
        buf_addz(&out, ",\"result\":");
        json_write(&out, result, JSON_PLAIN);
    }
    buf_addz(&out, "}\n");
    return invocation_write(r->inv, buf_str(&out));
}

static int save_result(const struct run_result *r)
{
    struct s3_download download = {.path = r->out};
    struct object_save save = {.inv = r->inv, .ctx = r->ctx, .download = &download, .signals = r->signals};
    struct err err = ERR_INIT;
    int64_t bytes;
    int status = 0;
    if (!object_url(r->run->file, &download))
        status = err_set(&err, ERR_ABSENT, "the run has left no file");
    else
        status = object_save(&save, &bytes, &err);
    if (!status)
        return r->inv->settings->json ? result_json(r, str_z(r->out), bytes) : EXIT_DONE;
    if (err.class == ERR_ABSENT)
        err_hint(&err, "not every statement leaves a file; without --out the result is printed");
    else if (!err.hint[0]) {
        AUTO_BUF struct buf out = BUF_INIT;
        text_add_word(&out, str_z(r->out));
        err_hint(&err, "weir run --follow %.*s --out %s %.*s goes on with it", STR_ARG(r->run->id), out.p,
            STR_ARG(job_quoted(r->ctx->arena, r->job)));
    }
    return invocation_fail(r->inv, &err);
}

int run_result_give(const struct run_result *r)
{
    if (r->out && r->run->state == JOB_SUCCEEDED)
        return save_result(r);
    return r->inv->settings->json ? result_json(r, STR_EMPTY, 0) : print_result(r);
}
