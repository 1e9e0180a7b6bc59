/*
 * libpq, loaded when a state is first kept in PostgreSQL: no other command should pay for it. Only its header
 * is needed to build.
 *
 * pq_api() is safe from every thread; the table lives as long as the process.
 */
#ifndef WEIR_PLAN_STATE_PQ_API_H
#define WEIR_PLAN_STATE_PQ_API_H

#include "base/err.h"

#include <libpq-fe.h>

#define PQ_FUNCTIONS(X)                                                                                      \
    X(connectdbParams)                                                                                       \
    X(status)                                                                                                \
    X(socket)                                                                                                \
    X(errorMessage)                                                                                          \
    X(finish)                                                                                                \
    X(execParams)                                                                                            \
    X(resultStatus)                                                                                          \
    X(resultErrorField)                                                                                      \
    X(ntuples)                                                                                               \
    X(getvalue)                                                                                              \
    X(getlength)                                                                                             \
    X(getisnull)                                                                                             \
    X(clear)                                                                                                 \
    X(setNoticeProcessor)

struct pq_api {
#define PQ_POINTER(name) __typeof__(PQ##name) *name;
    PQ_FUNCTIONS(PQ_POINTER)
#undef PQ_POINTER
};

/* NULL with ERR_FAILED where the library is not installed. */
const struct pq_api *pq_api(struct err *err);

#endif
