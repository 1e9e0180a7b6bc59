/* Slices, and the width of text on a terminal: see str.h. */
#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

int str_cmp(struct str a, struct str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    if (n && *a.p != *b.p) /* the first byte mostly decides among attribute names, without a call */
        return (unsigned char)*a.p < (unsigned char)*b.p ? -1 : 1;
    int order = n ? memcmp(a.p, b.p, n) : 0;
    if (order)
        return order;
    return a.n < b.n ? -1 : a.n > b.n;
}

int str_order(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static char str_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool str_ieq(struct str a, struct str b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (str_lower(a.p[i]) != str_lower(b.p[i]))
            return false;
    return true;
}

bool str_starts(struct str s, struct str prefix)
{
    return s.n >= prefix.n && str_eq(str_n(s.p, prefix.n), prefix);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.n >= suffix.n && str_eq(str_n(s.p + s.n - suffix.n, suffix.n), suffix);
}

ptrdiff_t str_find(struct str s, struct str needle, size_t from)
{
    if (from > s.n || needle.n > s.n - from)
        return -1;
    if (needle.n == 0)
        return (ptrdiff_t)from;
    const char *at = memmem(s.p + from, s.n - from, needle.p, needle.n);
    return at ? at - s.p : -1;
}

ptrdiff_t str_find_char(struct str s, char c, size_t from)
{
    if (from >= s.n)
        return -1;
    const char *at = memchr(s.p + from, c, s.n - from);
    return at ? at - s.p : -1;
}

size_t str_after_last(struct str s, const char *set)
{
    size_t at = s.n;
    while (at && !char_is_among(s.p[at - 1], set))
        at--;
    return at;
}

struct str str_slice(struct str s, size_t from, size_t to)
{
    if (to > s.n)
        to = s.n;
    if (from > to)
        from = to;
    return str_n(s.p + from, to - from);
}

struct str str_trim(struct str s)
{
    while (s.n && isspace((unsigned char)s.p[0]))
        s.p++, s.n--;
    while (s.n && isspace((unsigned char)s.p[s.n - 1]))
        s.n--;
    return s;
}

struct str str_cut(struct str s, char separator, struct str *rest)
{
    ptrdiff_t at = str_find_char(s, separator, 0);
    if (at < 0) {
        *rest = (struct str){NULL, 0};
        return s;
    }
    *rest = str_slice(s, (size_t)at + 1, s.n);
    return str_slice(s, 0, (size_t)at);
}

struct str str_part(struct str s, char separator, size_t number)
{
    for (; number && s.p; number--)
        str_cut(s, separator, &s);
    return s.p ? str_cut(s, separator, &s) : STR_EMPTY;
}

bool str_take_name(struct str *rest, const char *opening, struct str *before, struct str *name)
{
    struct str whole = *rest;
    ptrdiff_t open = str_find(whole, str_z(opening), 0);
    ptrdiff_t close = open < 0 ? -1 : str_find_char(whole, '}', (size_t)open);
    if (close < 0)
        return false;
    *before = str_slice(whole, 0, (size_t)open);
    *name = str_slice(whole, (size_t)open + strlen(opening), (size_t)close);
    *rest = str_slice(whole, (size_t)close + 1, whole.n);
    return true;
}

bool str_is_one_of(struct str s, const char *const *texts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eqz(s, texts[i]))
            return true;
    return false;
}

bool str_is_any(struct str s, const char *words)
{
    for (size_t n; s.n && *words; words += n + (words[n] == ' ')) {
        for (n = 0; words[n] && words[n] != ' ';)
            n++;
        if (n == s.n && !memcmp(words, s.p, n))
            return true;
    }
    return false;
}

bool str_is_word(struct str s, const char *first, const char *rest)
{
    for (size_t i = 0; i < s.n; i++)
        if (!char_is_among(s.p[i], i ? rest : first))
            return false;
    return s.n > 0;
}

bool str_is_made_of(struct str s, const char *set)
{
    return str_is_word(s, set, set);
}

bool str_to_int(struct str s, int64_t *out)
{
    char text[32];
    if (s.n == 0 || s.n >= sizeof text || isspace((unsigned char)s.p[0]))
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno || end != text + s.n)
        return false;
    *out = number;
    return true;
}

bool str_to_double(struct str s, double *out)
{
    char text[64];
    if (s.n == 0 || s.n >= sizeof text || isspace((unsigned char)s.p[0]))
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    char *end;
    double number = strtod(text, &end);
    if (end != text + s.n)
        return false;
    *out = number;
    return true;
}

/* FNV-1a with a final mix: short keys, tables of powers of two. */
uint64_t str_hash(struct str s)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3u;
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93u;
    return h ^ (h >> 32);
}

/* Returns the first byte that is not ASCII. */
static const unsigned char *ascii_end(const unsigned char *p, const unsigned char *end)
{
    uint64_t word;
    while (end - p >= 8 && (memcpy(&word, p, 8), !(word & 0x8080808080808080u)))
        p += 8;
    while (p < end && *p < 0x80)
        p++;
    return p;
}

bool str_is_ascii(struct str s)
{
    const unsigned char *end = (const unsigned char *)s.p + s.n;
    return ascii_end((const unsigned char *)s.p, end) == end;
}

size_t str_utf8_prefix(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.p, *end = p + s.n;
    while ((p = ascii_end(p, end)) < end) {
        unsigned c = *p;
        int extra = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
        if (c < 0xc2 || c > 0xf4 || end - p <= extra)
            break;
        unsigned second = p[1];
        if ((c == 0xe0 && second < 0xa0) || (c == 0xed && second > 0x9f) || (c == 0xf0 && second < 0x90) ||
            (c == 0xf4 && second > 0x8f))
            break;
        int good = 1;
        while (good <= extra && (p[good] & 0xc0) == 0x80)
            good++;
        if (good <= extra)
            break;
        p += extra + 1;
    }
    return (size_t)(p - (const unsigned char *)s.p);
}

bool str_is_utf8(struct str s)
{
    return str_utf8_prefix(s) == s.n;
}

size_t str_char_size(struct str s, size_t at)
{
    size_t size = 1;
    while (at + size < s.n && ((unsigned char)s.p[at + size] & 0xc0) == 0x80)
        size++;
    return size;
}

size_t str_utf8_encode(uint32_t c, char out[4])
{
    if (c < 0x80)
        return out[0] = (char)c, 1;
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n; --i; c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)((0xf00 >> n & 0xff) | c);
    return n;
}

int str_hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

size_t str_code_points(struct str s)
{
    size_t count = 0;
    for (size_t i = 0; i < s.n; i++)
        count += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return count;
}

enum { NEAREST_MAX = 64 };

/* Optimal string alignment: insert, delete, substitute, swap of neighbours. Words are short. */
static unsigned edit_distance(struct str a, struct str b)
{
    unsigned rows[3][NEAREST_MAX + 1];
    unsigned *before = rows[0], *previous = rows[1], *current = rows[2];
    for (size_t j = 0; j <= b.n; j++)
        previous[j] = (unsigned)j;
    memcpy(before, previous, sizeof rows[0]);
    for (size_t i = 1; i <= a.n; i++) {
        current[0] = (unsigned)i;
        for (size_t j = 1; j <= b.n; j++) {
            unsigned best = previous[j - 1] + (str_lower(a.p[i - 1]) != str_lower(b.p[j - 1]));
            if (previous[j] + 1 < best)
                best = previous[j] + 1;
            if (current[j - 1] + 1 < best)
                best = current[j - 1] + 1;
            if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1] &&
                before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            current[j] = best;
        }
        unsigned *spare = before;
        before = previous;
        previous = current;
        current = spare;
    }
    return previous[b.n];
}

struct str str_nearest(struct str word, const struct str *candidates, size_t n)
{
    struct str nearest = STR_EMPTY;
    if (word.n == 0 || word.n > NEAREST_MAX)
        return nearest;
    unsigned best = word.n == 1 ? 1 : word.n <= 5 ? 2 : (unsigned)(word.n / 3) + 2;
    for (size_t i = 0; i < n; i++) {
        size_t n_here = candidates[i].n, apart = n_here > word.n ? n_here - word.n : word.n - n_here;
        if (n_here == 0 || n_here > NEAREST_MAX || apart >= best)
            continue;
        unsigned distance = edit_distance(word, candidates[i]);
        if (distance < best) {
            best = distance;
            nearest = candidates[i];
        }
    }
    return nearest;
}

/* ---- width on a terminal ---- */

unsigned cells_of(uint32_t c)
{
    if (c < 0x300)
        return 1;
    if (c < 0x370 || (c >= 0x200b && c <= 0x200f) || (c >= 0xfe00 && c <= 0xfe0f))
        return 0;
    bool wide = (c >= 0x1100 && c < 0x1160) || (c >= 0x2e80 && c < 0xa4d0) || (c >= 0xac00 && c < 0xd7a4) ||
                (c >= 0xf900 && c < 0xfb00) || (c >= 0xfe30 && c < 0xfe70) || (c >= 0xff00 && c < 0xff61) ||
                (c >= 0xffe0 && c < 0xffe7) || (c >= 0x1f300 && c < 0x1fb00) || (c >= 0x20000 && c < 0x3fffe);
    return wide ? 2 : 1;
}

uint32_t cells_decode(struct str text, size_t at, size_t *size)
{
    unsigned char lead = (unsigned char)text.p[at];
    size_t need = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    *size = 1;
    if (need == 1)
        return lead;
    if (need > text.n - at || !str_is_utf8(str_slice(text, at, at + need)))
        return 0xfffd;
    uint32_t code = lead & (0xffu >> (need + 1));
    for (size_t i = 1; i < need; i++)
        code = code << 6 | ((unsigned char)text.p[at + i] & 0x3f);
    *size = need;
    return code;
}

size_t cells_prefix(struct str text, size_t cells)
{
    if (str_is_ascii(text))
        return text.n < cells ? text.n : cells;
    size_t at = 0, size, used = 0;
    for (; at < text.n; at += size) {
        used += cells_of(cells_decode(text, at, &size));
        if (used > cells)
            break;
    }
    return at;
}

size_t cells_width(struct str text)
{
    if (str_is_ascii(text))
        return text.n;
    size_t width = 0, size;
    for (size_t at = 0; at < text.n; at += size)
        width += cells_of(cells_decode(text, at, &size));
    return width;
}
