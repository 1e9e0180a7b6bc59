/*
 * Slices: a pointer and a length, not owned, not NUL-terminated. They may contain NUL bytes. A slice from an
 * arena or a literal also has a NUL after its end; functions that rely on that say so.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* For a parameter that only the function's type requires. */
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
    return a.n == b.n && (a.n == 0 || a.p == b.p || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_eqz(struct str a, const char *b)
{
    return str_eq(a, str_z(b));
}

/* Byte order; a prefix sorts before longer texts. */
int str_cmp(struct str a, struct str b);
int str_order(const void *a, const void *b); /* the same for two struct str, for qsort() */
bool str_ieq(struct str a, struct str b);    /* ASCII case-insensitive */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
/* Returns the index of the first occurrence at or after `from`, or -1. */
ptrdiff_t str_find(struct str s, struct str needle, size_t from);
ptrdiff_t str_find_char(struct str s, char c, size_t from);
/* Returns the index after the last character of s that is in the set, or 0 if none is. */
size_t str_after_last(struct str s, const char *set);
struct str str_slice(struct str s, size_t from, size_t to);
struct str str_trim(struct str s);
/*
 * Splits s at the first `separator`: returns the part before it and sets *rest to the part after it. Without
 * a separator it returns all of s and *rest becomes empty with p == NULL.
 */
struct str str_cut(struct str s, char separator, struct str *rest);
/* Returns the part after the last character that is in the set; all of s if none is. */
static inline struct str str_last_part(struct str s, const char *set)
{
    size_t from = str_after_last(s, set);
    return str_n(s.p + from, s.n - from);
}
/* Returns the part with this number, from 0, between separators: part 4 of an ARN is its account. "" if s has
 * fewer. */
struct str str_part(struct str s, char separator, size_t number);
/*
 * Finds the first name between `opening` ("{" or "${") and '}': sets *before to the text before it and *rest
 * to the text after it. False: none, and *rest is unchanged.
 */
bool str_take_name(struct str *rest, const char *opening, struct str *before, struct str *name);
/* True if s is one of these texts. STR_IS_ONE_OF is for an array. */
bool str_is_one_of(struct str s, const char *const *texts, size_t n);
#define STR_IS_ONE_OF(s, texts) str_is_one_of(s, texts, sizeof(texts) / sizeof *(texts))
/* The same for a list of words separated by blanks. */
bool str_is_any(struct str s, const char *words);
/* False for a NUL, which strchr() would find at the end of the set. */
static inline bool char_is_among(char c, const char *set)
{
    return c && strchr(set, c);
}
#define CHARS_DIGITS  "0123456789"
#define CHARS_HEX     CHARS_DIGITS "abcdef"
#define CHARS_LOWER   "abcdefghijklmnopqrstuvwxyz"
#define CHARS_LETTERS CHARS_LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define CHARS_ALNUM   CHARS_LETTERS CHARS_DIGITS
/* True if s is not empty and all of its characters are in the set. For a word, the first character is in a
 * set of its own. */
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
/* Returns the number of bytes at the start that are valid UTF-8. */
size_t str_utf8_prefix(struct str s);
/* Returns the size of the character that begins at s.p[at], which exists: a byte and all continuation bytes
 * after it. */
size_t str_char_size(struct str s, size_t at);
/* Encodes a code point as UTF-8 and returns its number of bytes. */
size_t str_utf8_encode(uint32_t c, char out[4]);
/* Returns the digit's value, or -1. */
int str_hex_digit(char c);
/* Returns the number of code points of UTF-8 text. */
size_t str_code_points(struct str s);

/*
 * Returns the candidate nearest to `word` by edit distance, or an empty slice if none is near enough to be a
 * typing error. For "did you mean".
 */
struct str str_nearest(struct str word, const struct str *candidates, size_t n);

/* ---- str.c: the width of text on a terminal: East Asian letters take two cells, combining marks none. Any
 * bytes are accepted; each invalid one counts as a replacement character. */
/* Returns the code point at text[at], or U+FFFD if invalid; *size is its number of bytes. */
uint32_t cells_decode(struct str text, size_t at, size_t *size);
/* Returns the cells of one code point. */
unsigned cells_of(uint32_t code);
/* Returns the cells of a text without control characters. */
size_t cells_width(struct str text);
/* Returns the number of bytes at the start that fit into so many cells. */
size_t cells_prefix(struct str text, size_t cells);
