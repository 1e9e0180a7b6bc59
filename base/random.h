/*
 * What is made up by chance: numbers, texts, passwords. All of it comes from OpenSSL's generator, and nothing
 * is likelier than anything else.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"

enum { PASSWORD_LENGTH = 32, PASSWORD_LENGTH_MAX = 512 };

/* What databases and URLs do not take in a password. */
#define PASSWORD_USUALLY_EXCLUDED STR("'\"@/\\ ")

/* A number below the limit, which is not 0. */
uint64_t random_below(uint64_t limit);
/* Characters of the alphabet, which has 1 to 256 of them, each drawn by itself. */
struct str random_text(struct arena *arena, struct str alphabet, size_t length);
/*
 * A password without the excluded characters: letters, digits and punctuation, with one of each class at
 * least that is not excluded, as databases with rules of their own want it. It is known to base/mask.h from
 * then on. -1 (ERR_INVALID) where fewer than ten characters are left, or the length is not 1 to 512.
 */
int random_password(
    struct arena *arena, struct str excluded, size_t length, struct str *out, struct err *err);
