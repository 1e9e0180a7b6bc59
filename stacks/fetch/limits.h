/* How large a module from elsewhere may be, as it is fetched and when it is unpacked. */
#pragma once

#include "base/err.h"

#include <stdint.h>

/* In bytes: what the variable WEIR_MODULE_MIB says in MiB, or 512 MiB. */
int64_t fetch_limit(void);
/* ERR_INVALID where the variable says nothing of use. */
int fetch_limit_check(struct err *err);
/* "it is larger than 512 MiB", and what allows more. */
int fetch_too_large(struct err *err);
/* That hint alone. */
int fetch_limit_hint(struct err *err);
/* unpack_archive() as far as the limit goes. */
int fetch_unpack(const char *archive, const char *dir, struct err *err);
