/* How far a transfer is, for people: "downloading: 512 MiB of 1.0 GiB, 200 MiB/s". */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* `kept`: of `moved + kept` bytes so many were there before it began, `elapsed_ms` ago. */
void rate_line(
    char *out, size_t room, const char *what, int64_t moved, int64_t kept, int64_t all, int64_t elapsed_ms);
