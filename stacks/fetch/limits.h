/* How large a module from elsewhere may be. */
#ifndef WEIR_STACKS_FETCH_LIMITS_H
#define WEIR_STACKS_FETCH_LIMITS_H

enum { FETCH_ARCHIVE_MAX = 256 * 1024 * 1024, FETCH_UNPACKED_MAX = 512 * 1024 * 1024 };

#endif
