/*
 * Slices: a pointer and a length, not owned, not NUL-terminated. They may hold NUL bytes.
 * Where a slice comes from an arena or a literal it also has a NUL after its end; functions that rely on
 * that say so.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* After a parameter that the function has for its type's sake only. */
#define UNUSED __attribute__((unused))

struct str {
    const char *p;
    size_t n;
};

#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_INIT(literal)                                                                                    \
    {                                                                                                        \
        "" literal, sizeof(literal) - 1                                                                      \
    }
#define STR_EMPTY ((struct str){"", 0})
/* printf: printf("%.*s", STR_ARG(s)) */
#define STR_ARG(s) (int)(s).n, (s).p

static inline struct str str_z(const char *text)
{
    return (struct str){text ? text : "", text ? strlen(text) : 0};
}

static inline struct str str_n(const char *p, size_t n)
{
    return (struct str){p, n};
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_eqz(struct str a, const char *b)
{
    return str_eq(a, str_z(b));
}

/* Byte order; a prefix sorts before what it is a prefix of. */
int str_cmp(struct str a, struct str b);
int str_order(const void *a, const void *b); /* likewise, of two struct str: for qsort() */
bool str_ieq(struct str a, struct str b);    /* ASCII case-insensitive */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
/* Index of the first occurrence at or after `from`, or -1. */
ptrdiff_t str_find(struct str s, struct str needle, size_t from);
ptrdiff_t str_find_char(struct str s, char c, size_t from);
/* Index after the last character of s that is among these; 0: there is none. */
size_t str_after_last(struct str s, const char *set);
struct str str_slice(struct str s, size_t from, size_t to);
struct str str_trim(struct str s);
/*
 * Cuts s at the first `separator`: returns what is before it, leaves what is after it in *rest.
 * Without a separator all of s is returned and *rest becomes empty with p == NULL.
 */
struct str str_cut(struct str s, char separator, struct str *rest);
/* What follows the last of these characters; all of s where it has none of them. */
static inline struct str str_last_part(struct str s, const char *set)
{
    size_t from = str_after_last(s, set);
    return str_n(s.p + from, s.n - from);
}
/* The part with this number, from 0, between separators: 4 of an ARN is its account. "" where there is none.
 */
struct str str_part(struct str s, char separator, size_t number);
/*
 * The first name between `opening` ("{" or "${") and '}': what is before it, and what follows as *rest.
 * False: there is none, and *rest stays as it is.
 */
bool str_take_name(struct str *rest, const char *opening, struct str *before, struct str *name);
/* Is it one of these texts? STR_IS_ONE_OF: of an array's. */
bool str_is_one_of(struct str s, const char *const *texts, size_t n);
#define STR_IS_ONE_OF(s, texts) str_is_one_of(s, texts, sizeof(texts) / sizeof *(texts))
/* The same of words with a blank between each two. */
bool str_is_any(struct str s, const char *words);
/* Never of a NUL, which strchr() finds at the end of every text. */
static inline bool char_is_among(char c, const char *set)
{
    return c && strchr(set, c);
}
#define CHARS_DIGITS  "0123456789"
#define CHARS_HEX     CHARS_DIGITS "abcdef"
#define CHARS_LOWER   "abcdefghijklmnopqrstuvwxyz"
#define CHARS_LETTERS CHARS_LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define CHARS_ALNUM   CHARS_LETTERS CHARS_DIGITS
/* At least one character, each of which is in the set; of a word the first one is in a set of its own. */
bool str_is_made_of(struct str s, const char *set);
bool str_is_word(struct str s, const char *first, const char *rest);
static inline bool str_is_digits(struct str s)
{
    return str_is_made_of(s, CHARS_DIGITS);
}
bool str_to_int(struct str s, int64_t *out);
bool str_to_double(struct str s, double *out);
uint64_t str_hash(struct str s);
bool str_is_utf8(struct str s);
bool str_is_ascii(struct str s);
/* How many bytes at the start are valid UTF-8. */
size_t str_utf8_prefix(struct str s);
/* Bytes of the character that begins at s.p[at], which is there; broken UTF-8 is taken byte by byte. */
size_t str_char_size(struct str s, size_t at);
/* A code point as UTF-8: how many bytes of `out` it has. */
size_t str_utf8_encode(uint32_t c, char out[4]);
/* -1: none. */
int str_hex_digit(char c);
/* Number of code points; for UTF-8 text. */
size_t str_code_points(struct str s);

/*
 * The candidate nearest to `word` by edit distance, or an empty slice where none is near enough to be a
 * typing error. For "did you mean".
 */
struct str str_nearest(struct str word, const struct str *candidates, size_t n);

/* ---- str.c: how wide text is on a terminal: East Asian letters take two cells, combining marks none.
 * Any bytes will do; what is no UTF-8 counts as a replacement character each. */
/* The code point at text[at], U+FFFD where there is none; *size is how many bytes it takes. */
uint32_t cells_decode(struct str text, size_t at, size_t *size);
/* Cells of one code point. */
unsigned cells_of(uint32_t code);
/* Of a whole text that holds no control characters. */
size_t cells_width(struct str text);
/* How many bytes at the start fit into so many cells. */
size_t cells_prefix(struct str text, size_t cells);
