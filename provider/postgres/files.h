/*
 * Files that go into a database: those of a folder, or one; in order, each with its digest. And the
 * ledger there, a table that says which of them went in: written in the same transaction as what they did.
 */
#pragma once

#include "provider/postgres/type.h"

struct local_file {
    struct str name; /* without folders */
    struct str path;
    struct str digest; /* of the content: SHA-256 in hex; of an object etag:… */
    uint64_t number;   /* that the name begins with */
    /* One that lies in a bucket (source.h); otherwise "". */
    struct str bucket, key;
    int64_t size;
};

struct local_files {
    struct local_file *items; /* in the arena */
    size_t n;
};

/*
 * The file, or all in the folder whose name ends so and not in `but` ("" none); by number, then by name.
 * ERR_IO where it is not there.
 */
int files_find(struct op_ctx *ctx, struct str path, struct str end, struct str but, struct local_files *out,
    struct err *err);
/* A copy of these, in that order. */
struct local_files files_sorted(struct arena *arena, const struct local_file *items, size_t n);
/* Does the name end so, and not in `but`, and is not hidden? */
bool files_is_meant(struct str name, struct str end, struct str but);
/* {name: digest} */
const struct value *files_map(struct arena *arena, const struct local_files *files);

/* ---- the ledger ---- */

/* "schema"."ledger" of the object. */
struct str ledger_name(struct op_ctx *ctx, struct session *session, const struct value *object);
/*
 * What it says of the object's own: {name: digest} and {name: rows}, `only` of one table of the load's; NULL
 * in *files: there is no ledger, or it has nothing of it.
 */
int ledger_read(struct op_ctx *ctx, struct session *session, const struct value *object,
    const struct value **files, const struct value **rows, struct err *err);
int ledger_make(struct op_ctx *ctx, struct session *session, const struct value *object, struct err *err);
/* The statement that notes a file. */
void ledger_note(struct buf *sql, struct op_ctx *ctx, struct session *session, const struct value *object,
    const struct local_file *file, int64_t rows);
/* A statement that takes the object's lines out, and the ledger with the last one; fine where there is none.
 */
void ledger_forget(struct buf *sql, struct op_ctx *ctx, struct session *session, const struct value *object);
