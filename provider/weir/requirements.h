/*
 * Requirements files of pip, as far as is needed to see that they have changed: pip reads the rest.
 */
#ifndef WEIR_PROVIDER_WEIR_REQUIREMENTS_H
#define WEIR_PROVIDER_WEIR_REQUIREMENTS_H

#include "base/arena.h"
#include "base/err.h"

/*
 * The file's text, and that of all files that it names with -r and -c, each once. ERR_IO where the file
 * itself cannot be read; what it names and is not there pip will tell.
 */
int requirements_read(struct arena *arena, struct str path, struct str *text, struct err *err);

/*
 * The next file that a requirements text names, as it stands there; false: there are no more. Goes on in
 * *rest, which is the whole text at first.
 */
bool requirements_next(struct arena *arena, struct str *rest, struct str *file);

#endif
