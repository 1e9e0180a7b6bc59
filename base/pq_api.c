/* libpq, loaded when PostgreSQL is first spoken to, for a state or for resources: see pq_api.h. */
#include "base/pq_api.h"

#include "base/library.h"

const struct pq_api *pq_api(struct err *err)
{
#define PQ_NAME(name)   "PQ" #name "\0"
#define PQ_LINKED(name) PQ##name,
    static struct pq_api api = LIBRARY_LINKED(PQ_FUNCTIONS(PQ_LINKED));
    static struct library library = {
        .file = "libpq.so.5",
        .install = "PostgreSQL's client library (Debian and Ubuntu: apt install libpq5)",
        .table = &api,
        .names = PQ_FUNCTIONS(PQ_NAME),
    };
    return library_table(&library, err);
}
