/*
 * A shared library that is loaded when it is first needed: linked, it would cost every command the time to
 * load it and all that it pulls in. The program keeps only the library's header, and calls go through a table
 * of pointers: a struct of nothing but function pointers, made from the same list of names (an X macro) as
 * the names that are looked up.
 *
 * A static program (tools/static) can load nothing: LIBRARY_LINKED then gives the functions as the table's
 * first value, from that same list, and library_table() only starts the library.
 *
 * library_table() is safe from every thread; the table lives as long as the process.
 */
#pragma once

#include "base/err.h"

/* clang-format off */
#ifdef WEIR_STATIC
#define LIBRARIES_ARE_LINKED true
#define LIBRARY_LINKED(...) {__VA_ARGS__}
#else
#define LIBRARIES_ARE_LINKED false
#define LIBRARY_LINKED(...) {0}
#endif
/* clang-format on */

struct library {
    const char *file;           /* libcurl.so.4 */
    const char *install;        /* what to install: which version, and by what name systems have it */
    void *table;                /* the struct of pointers */
    const char *names;          /* the table's functions in order, each ended by a NUL */
    const char *newer;          /* those at its end that older libraries lack, which stay NULL; or NULL */
    const char *(*start)(void); /* called once after loading: NULL, or why it failed; may be NULL itself */

    _Atomic bool loaded; /* what library_table() keeps; the table is filled, or failure says why not */
    char failure[256];
};

/* The table. NULL with ERR_FAILED where the library is not installed or too old. */
const void *library_table(struct library *library, struct err *err);
