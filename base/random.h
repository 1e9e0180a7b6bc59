/*
 * Random numbers, texts and passwords, uniformly distributed, from OpenSSL's generator.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"

enum { PASSWORD_LENGTH = 32, PASSWORD_LENGTH_MAX = 512 };

/* Characters that databases and URLs reject in a password. */
#define PASSWORD_USUALLY_EXCLUDED STR("'\"@/\\ ")

/* Returns a number below the limit, which is not 0. */
uint64_t random_below(uint64_t limit);
/* Draws characters from the alphabet, which has 1 to 256 of them, independently. */
struct str random_text(struct arena *arena, struct str alphabet, size_t length);
/*
 * Returns a password of letters, digits and punctuation without the excluded characters. It has at least one
 * character of each class that is not wholly excluded, as databases' password policies require. It is added
 * to base/mask.h. -1 (ERR_INVALID): fewer than ten characters are left, or the length is not 1 to 512.
 */
int random_password(
    struct arena *arena, struct str excluded, size_t length, struct str *out, struct err *err);
