/*
 * A shared library that is loaded on first use: linked, it would cost every command the time to load it and
 * its dependencies. The program includes only the library's header and calls through a table: a struct of
 * function pointers, made by an X macro from the same list of names as the symbols that are looked up.
 *
 * A static program (tools/static) cannot load libraries: LIBRARY_LINKED makes the table's initial value from
 * the same list, and library_table() only initialises the library.
 *
 * library_table() may be called from any thread; the table lives as long as the process.
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
    const char *install;        /* what to install: the version, and the names of its packages */
    void *table;                /* the struct of pointers */
    const char *names;          /* the table's functions in order, each ended by a NUL */
    const char *newer;          /* its last functions, NULL in older libraries; or NULL */
    const char *(*start)(void); /* called once after loading; NULL, or why it failed */

    _Atomic bool loaded; /* set by library_table(): either the table is filled or `failure` has the reason */
    char failure[256];
};

/* Returns the table, or NULL with ERR_FAILED if the library is not installed or too old. */
const void *library_table(struct library *library, struct err *err);
