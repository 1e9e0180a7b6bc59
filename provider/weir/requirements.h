/*
 * Requirements files of pip, as far as is needed to see that they have changed: pip reads the rest.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"

/* Something on this machine that packages are taken from. */
struct requirement_place {
    struct str path; /* without links */
    bool links;      /* of --find-links; otherwise it is a package itself, or the folder of its sources */
};

struct requirements {
    struct str text;                  /* of the file, and of all that it names with -r and -c, each once */
    struct requirement_place *places; /* in the arena */
    size_t place_count;
};

/*
 * `dir` is where pip runs. ERR_IO where the file itself cannot be read; what it names and is not there pip
 * will tell.
 */
int requirements_read(
    struct arena *arena, struct str path, struct str dir, struct requirements *out, struct err *err);

/* What a line may name besides packages by name, as it stands there. */
enum requirement_kind {
    REQUIREMENT_FILE,    /* -r, -c: more requirements */
    REQUIREMENT_LINKS,   /* --find-links: a folder with packages in it, or a page that leads to some */
    REQUIREMENT_PACKAGE, /* a package by its path */
};

/* The next of these in a requirements text; false: there are no more. Goes on in *rest, the whole text at
 * first. */
bool requirements_next(struct arena *arena, struct str *rest, enum requirement_kind *kind, struct str *named);
