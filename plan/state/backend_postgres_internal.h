/* Shared by backend_postgres.c and postgres_lock.c only. */
#pragma once

#include "base/pq_api.h"
#include "plan/state/backend.h"

#include <stdatomic.h>

struct pg_backend {
    struct backend base;
    struct arena arena;
    const struct pq_api *pq;
    PGconn *connection; /* opened when it is first needed */
    const char *url;    /* may contain a password: never shown */
    const char *name;   /* of the state: film-lake.dev */
    const char *table;
    char key[24];      /* of the advisory lock */
    size_t rows;       /* since the newest snapshot */
    uint64_t snapshot; /* first record of the snapshot that is read in parts */
    bool shared;       /* shared lock */
    atomic_bool locked, lost;
};

static inline struct pg_backend *pg_backend_of(struct backend *b)
{
    return (struct pg_backend *)b;
}

/* ---- backend_postgres.c ---- */

struct pg_parameter {
    const char *text;
    struct str bytes; /* sent as binary if text is NULL */
};

struct pg_answer {
    const struct pq_api *pq;
    PGresult *rows;
};

void pg_answer_clear(struct pg_answer *a);
#define AUTO_PG_ANSWER __attribute__((cleanup(pg_answer_clear)))

/* Executes a query; connects first if needed. A % in the query stands for the table's name. */
int pg_run(struct pg_backend *g, const char *query, const struct pg_parameter *parameters, int n,
    struct pg_answer *out, struct err *err);
const char *pg_cell(const struct pg_answer *a, int row, int column);
bool pg_flag(const struct pg_answer *a, int row, int column);

#define PG_RECORDS_THERE "select to_regclass($1) is not null"
/* True if both tables exist: another run may have been killed between creating them. */
#define PG_ALL_THERE PG_RECORDS_THERE " and to_regclass($1 || '_lock') is not null"
/* Executes one of these queries. */
int pg_tables_exist(struct pg_backend *g, const char *query, bool *exists, struct err *err);
int pg_make_tables(struct pg_backend *g, struct err *err);

/* ---- postgres_lock.c ---- */

/* As in struct backend_ops. */
int pg_lock(struct backend *b, const struct lock_info *who, int64_t timeout_ms, struct err *err);
void pg_unlock(struct backend *b);
int pg_holder(struct backend *b, struct arena *arena, struct lock_info *who, bool *held, struct err *err);
int pg_force_unlock(struct backend *b, struct err *err);
int pg_check_lock(struct backend *b, struct err *err);
int pg_share(struct backend *b, const struct lock_info *who, int64_t timeout_ms, struct err *err);
bool pg_upgrade_lock(struct backend *b);
int pg_is_alive(struct backend *b, uint64_t run, struct str life, bool *alive, struct err *err);
