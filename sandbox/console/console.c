/* Who may ask the console, and for what: see console.h. */
#include "sandbox/console/console.h"

#include "base/json.h"
#include "sandbox/http/faults.h"
#include "sandbox/http/guard.h"

#include <openssl/crypto.h>

static const struct str base = STR_INIT("/_weir/console/");

/* ---- who ---- */

static bool is_token(const struct sandbox_console *console, struct str said)
{
    return said.n == console->token.n && !CRYPTO_memcmp(said.p, console->token.p, said.n);
}

static bool is_page(const struct exchange *x)
{
    return str_eqz(x->request.path, "/_weir/");
}

/* For the page in its address, where the person has it from; for all else in a header, which links have not.
 */
static bool has_token(const struct exchange *x, const struct sandbox_console *console)
{
    static const struct str name = STR_INIT("token=");
    struct str query = x->request.query;
    if (!is_page(x))
        return is_token(console, wire_header_get(&x->request, STR("X-Weir-Token")));
    return str_starts(query, name) && is_token(console, str_slice(query, name.n, query.n));
}

/* ---- answers ---- */

static void add_common_headers(struct exchange *x)
{
    reply_header(x, "Cache-Control", STR("no-store"));
    reply_header(x, "Referrer-Policy", STR("no-referrer"));
    reply_header(x, "X-Content-Type-Options", STR("nosniff"));
    reply_header(x, "X-Frame-Options", STR("DENY"));
    reply_header(x, "Cross-Origin-Resource-Policy", STR("same-origin"));
}

static void console_refuse(struct exchange *x, int status, const char *code, const char *message)
{
    AUTO_BUF struct buf out = BUF_INIT;
    buf_addz(&out, "{\"error\":{\"code\":");
    json_write_string(&out, str_z(code));
    buf_addz(&out, ",\"message\":");
    json_write_string(&out, str_z(message));
    buf_addz(&out, "}}\n");
    add_common_headers(x);
    reply_text(x, status, "application/json", buf_str(&out));
}

static void console_reply(struct exchange *x, const struct value *v)
{
    AUTO_BUF struct buf out = BUF_INIT;
    json_write(&out, v, JSON_REDACT);
    add_common_headers(x);
    reply_text(x, 200, "application/json", buf_str(&out));
}

static void reply_page(struct exchange *x, bool write)
{
    struct str policy, page = console_page(&x->arena, write, &policy);
    add_common_headers(x);
    reply_header(x, "Content-Security-Policy", policy);
    reply_text(x, 200, "text/html; charset=utf-8", page);
}

/* ---- what ---- */

static void answer_call(struct exchange *x, bool write)
{
    const struct value *request, *output = NULL;
    struct err err = ERR_INIT;
    if (json_parse(&x->arena, x->request.body, &request, &err) ||
        console_call(x->sandbox, &x->arena, request, write, &output, &err)) {
        int status = err.http_status ? err.http_status : 400;
        console_refuse(x, status, err.code[0] ? err.code : "Refused", err.message);
        return;
    }
    console_reply(x, output ? output : &value_empty_map);
}

static void answer_faults(struct exchange *x, bool write)
{
    struct faults *faults = sandbox_faults(x->sandbox);
    struct err err = ERR_INIT;
    bool get = str_eqz(x->request.method, "GET");
    if (!get && !write)
        console_refuse(x, 403, "ReadOnly",
            "The console only looks: `weir sandbox --console-write` lets it switch faults on.");
    else if (str_eqz(x->request.method, "POST") && faults_set(faults, x->request.body, &err))
        console_refuse(x, 400, "InvalidFaults", err.message);
    else {
        if (str_eqz(x->request.method, "DELETE"))
            faults_clear(faults);
        add_common_headers(x);
        reply_text(x, 200, "application/json", faults_text(faults, &x->arena));
    }
}

static void answer_get(struct exchange *x, struct str what)
{
    if (str_eqz(what, "things"))
        console_reply(x, console_resources(x->sandbox, &x->arena));
    else if (str_eqz(what, "buckets"))
        console_reply(x, console_buckets(x->sandbox, &x->arena));
    else if (str_eqz(what, "runs"))
        console_reply(x, console_runs(x->sandbox, &x->arena));
    else
        console_refuse(x, 404, "NotFound", "The console has no such page.");
}

/* Names of this machine only, whatever else the sandbox answers to. */
static void console_begin(struct exchange *x)
{
    static const struct guard own = {0};
    const struct sandbox_console *console = sandbox_console(x->sandbox);
    const struct fault *fault = guard_check(&own, &x->request);
    if (!console->token.n)
        console_refuse(x, 404, "NoConsole", "There is no console: `weir sandbox --console` has one.");
    else if (fault)
        console_refuse(x, 403, fault->code, fault->message);
    else if (!has_token(x, console))
        console_refuse(
            x, 403, "NoToken", "The console is opened by the address that `weir sandbox --console` printed.");
}

static void console_end(struct exchange *x)
{
    const struct sandbox_console *console = sandbox_console(x->sandbox);
    struct str path = x->request.path,
               what = str_starts(path, base) ? str_slice(path, base.n, path.n) : STR_EMPTY;
    bool get = str_eqz(x->request.method, "GET");
    if (is_page(x) && get)
        reply_page(x, console->write);
    else if (str_eqz(what, "call") && str_eqz(x->request.method, "POST"))
        answer_call(x, console->write);
    else if (str_eqz(what, "faults"))
        answer_faults(x, console->write);
    else if (get)
        answer_get(x, what);
    else
        console_refuse(x, 405, "MethodNotAllowed", "The console does not take that.");
}

const struct responder console_responder = {
    SPEAKS_PLAIN, console_begin, NULL, console_end, console_refuse, NULL};
