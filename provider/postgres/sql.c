/* Statements as text: every name and every value quoted by libpq, which knows the connection's encoding. */
#include "provider/postgres/server.h"

#include "base/mask.h"
#include "base/mem.h"

#include <stdarg.h>

static void add_quoted(struct buf *sql, struct session *session, struct str text, bool literal)
{
    const struct pq_api *pq = session->pq;
    char *quoted = literal ? pq->escapeLiteral(session->connection, text.p, text.n)
                           : pq->escapeIdentifier(session->connection, text.p, text.n);
    if (!quoted) { /* no memory, or no text in the connection's encoding: the server refuses this as well */
        buf_addz(sql, literal ? "''" : "\"\"");
        return;
    }
    buf_addz(sql, quoted);
    pq->freemem(quoted);
}

static void add_one(struct buf *sql, struct session *session, char kind, struct str text)
{
    if (kind == 's')
        buf_add_str(sql, text);
    else if (kind == 'L' && !text.p)
        buf_addz(sql, "null");
    else
        add_quoted(sql, session, text, kind == 'L');
}

void sql_add(struct buf *sql, struct session *session, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    for (const char *at = format; *at; at++) {
        if (*at != '%')
            buf_add_char(sql, *at);
        else if (*++at == '%')
            buf_add_char(sql, '%');
        else
            add_one(sql, session, *at, va_arg(args, struct str));
    }
    va_end(args);
}

void sql_add_idents(struct buf *sql, struct session *session, const struct value *names)
{
    for (uint32_t i = 0; names && i < names->count; i++)
        sql_add(sql, session, i ? ", %I" : "%I", value_text(names->items[i], STR_EMPTY));
}

int sql_verifier(struct session *session, struct arena *arena, struct str role, struct str password,
    struct str *out, struct err *err)
{
    AUTO_WIPED_ARENA struct arena scratch = ARENA_INIT;
    char *verifier = session->pq->encryptPasswordConn(
        session->connection, arena_strz(&scratch, password), arena_strz(&scratch, role), "scram-sha-256");
    if (!verifier)
        return err_set(err, ERR_FAILED, "the password of the role \"%.*s\" cannot be prepared: %s",
            STR_ARG(role), session->pq->errorMessage(session->connection));
    *out = arena_str(arena, str_z(verifier));
    mask_add(*out, MASK_GIVEN);
    session->pq->freemem(verifier);
    return 0;
}
