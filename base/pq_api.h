/*
 * libpq, loaded at the first connection to PostgreSQL, for a state or for resources, so that no other command
 * loads it (base/library.h). The build needs only its header.
 */
#pragma once

#include "base/err.h"

#include <libpq-fe.h>

/* clang-format off */
#define PQ_FUNCTIONS(X)                                                                                  \
    X(cancel) X(clear) X(cmdTuples) X(connectPoll) X(connectStartParams) X(connectdbParams) X(db)        \
    X(connectionNeedsPassword) X(consumeInput) X(encryptPasswordConn) X(errorMessage) X(execParams)      \
    X(finish) X(flush) X(freeCancel) X(freemem) X(getCancel) X(getResult) X(getisnull) X(getlength)      \
    X(getvalue) X(ntuples) X(nfields) X(ftype) X(fname) X(isBusy) X(parameterStatus) X(pingParams)       \
    X(putCopyData) X(putCopyEnd) X(escapeIdentifier) X(escapeLiteral) X(resultErrorField)                \
    X(resultStatus) X(sendQuery) X(sendQueryParams) X(serverVersion) X(setErrorVerbosity)                \
    X(setNoticeProcessor) X(setnonblocking) X(socket) X(status) X(transactionStatus)
/* clang-format on */
struct pq_api {
#define PQ_POINTER(name) __typeof__(PQ##name) *name;
    PQ_FUNCTIONS(PQ_POINTER)
#undef PQ_POINTER
};

/* Returns the table of functions, or NULL with ERR_FAILED if the library is not installed. */
const struct pq_api *pq_api(struct err *err);
