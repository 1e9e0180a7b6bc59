/* The secrets known to this process, by their text, and their removal from other texts: see mask.h. */
#include "base/mask.h"

#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>

/* ---- JSON: positions of strings and numbers ---- */

static size_t string_end(struct str text, size_t at)
{
    for (at++; at < text.n && text.p[at] != '"'; at++)
        at += text.p[at] == '\\';
    return at < text.n ? at : text.n;
}

static size_t number_end(struct str text, size_t at)
{
    while (at < text.n && char_is_among(text.p[at], "+-.0123456789eE"))
        at++;
    return at;
}

/* True if the escape is the first half of a surrogate pair. */
static bool is_first_half(struct str escape)
{
    return escape.n > 6 && strchr("dD", escape.p[2]) && strchr("89abAB", escape.p[3]) && escape.p[6] == '\\';
}

/* Returns the size of the character at `at` in a string, or of the escape for it. */
static size_t character_size(struct str text, size_t at)
{
    struct str rest = str_slice(text, at, text.n);
    size_t n = rest.p[0] != '\\' || rest.n == 1 ? 1 : rest.p[1] != 'u' ? 2 : is_first_half(rest) ? 12 : 6;
    while (n < rest.n && ((unsigned char)rest.p[n] & 0xc0) == 0x80)
        n++;
    return n < rest.n ? n : rest.n;
}

struct spelling {
    char *p;
    size_t n;
    uint32_t next;  /* index + 1 of the next one with the same hash */
    bool allowed;   /* not a secret, and nothing in it is */
    bool is_number; /* digits only: not masked within a longer number */
    bool whole;     /* added itself, with all its spellings, and not only as a spelling of another secret */
};

static struct {
    pthread_rwlock_t lock;
    struct spelling *items;
    size_t n, cap;
    uint32_t *heads; /* index + 1, by the hash of the first KEY_BYTES */
    size_t head_count;
    uint8_t begins[1 << 16 >> 3]; /* bitmap of the first two bytes of all spellings, by which most of a text
                                     is skipped */
} set = {.lock = PTHREAD_RWLOCK_INITIALIZER};

enum {
    KEY_BYTES = 6, /* bytes of a spelling that are hashed: none is shorter */
    GIVEN_MIN = 6,
    LIKELY_MIN = 8,
    WORD_MIN = 12,          /* minimum for a LIKELY one of letters only */
    WHOLE_MAX = 4096,       /* longer ones are searched for in pieces … */
    PIECE = 512,            /* … of this size */
    LOOKED_AT_MAX = 1 << 20 /* maximum bytes used of one secret */
};

/* ---- the set ---- */

static uint64_t key_hash(const char *p)
{
    uint64_t key = 0;
    memcpy(&key, p, KEY_BYTES);
    key *= 0x9e3779b97f4a7c15u;
    return key ^ key >> 29;
}

static unsigned pair_at(const char *p)
{
    return (unsigned)(unsigned char)p[0] << 8 | (unsigned char)p[1];
}

/* ---- masking ---- */

static bool mask_fits(const struct spelling *s, struct str text, size_t at)
{
    if (s->n > text.n - at || memcmp(s->p, text.p + at, s->n) != 0)
        return false;
    if (!s->is_number)
        return true;
    bool before = at && isdigit((unsigned char)text.p[at - 1]);
    bool after = at + s->n < text.n && isdigit((unsigned char)text.p[at + s->n]);
    return !before && !after;
}

/* Returns the longest spelling at this position. */
static const struct spelling *spelling_at(struct str text, size_t at)
{
    const struct spelling *longest = NULL;
    if (text.n - at < KEY_BYTES)
        return NULL;
    unsigned pair = pair_at(text.p + at);
    if (!(set.begins[pair >> 3] & 1u << (pair & 7)))
        return NULL;
    for (uint32_t i = set.heads[key_hash(text.p + at) & (set.head_count - 1)]; i; i = set.items[i - 1].next)
        if ((!longest || set.items[i - 1].n > longest->n) && mask_fits(&set.items[i - 1], text, at))
            longest = &set.items[i - 1];
    return longest;
}

/* Finds the next run of overlapping secrets at or after `at`. False: none. */
static bool next_run(struct str text, size_t at, size_t *from, size_t *to)
{
    bool found = false;
    for (*to = at; at < text.n && (!found || at <= *to); at++) {
        const struct spelling *s = spelling_at(text, at);
        if (!s)
            continue;
        if (s->allowed) {
            if (!found)
                at += s->n - 1;
            continue;
        }
        if (!found)
            *from = at;
        found = true;
        if (at + s->n > *to)
            *to = at + s->n;
    }
    return found;
}

/* Sets marks, zeroed and as long as the text, to 1 for each byte of a secret. */
static void mask_mark(char *marks, struct str text)
{
    size_t from, to = 0;
    pthread_rwlock_rdlock(&set.lock);
    while (set.n && next_run(text, to, &from, &to))
        memset(marks + from, 1, to - from);
    pthread_rwlock_unlock(&set.lock);
}

/* Masks the inside of a JSON string, by whole characters: a secret may begin with the last letter of an
 * escape, or end with its backslash. */
static void mask_string(struct buf *out, struct str text)
{
    if (!mask_finds(text)) {
        buf_add_str(out, text);
        return;
    }
    char *marks = mem_zalloc(text.n);
    mask_mark(marks, text);
    bool before = false;
    for (size_t at = 0, n; at < text.n; at += n) {
        n = character_size(text, at);
        bool hidden = memchr(marks + at, 1, n) != NULL;
        if (!hidden)
            buf_add(out, text.p + at, n);
        else if (!before)
            buf_addz(out, MASKED);
        before = hidden;
    }
    free(marks);
}

void mask_json(struct buf *out, struct str text)
{
    if (!mask_finds(text)) {
        buf_add_str(out, text);
        return;
    }
    for (size_t at = 0; at < text.n;) {
        size_t end = number_end(text, at);
        if (text.p[at] == '"') {
            end = string_end(text, at);
            buf_add_char(out, '"');
            mask_string(out, str_slice(text, at + 1, end));
        } else if (end > at) {
            struct str number = str_slice(text, at, end);
            buf_add_str(out, mask_finds(number) ? STR("\"" MASKED "\"") : number);
            at = end;
            continue;
        }
        if (end < text.n)
            buf_add_char(out, text.p[end]);
        at = end + 1;
    }
}

static void link_item(size_t i)
{
    uint32_t *head = &set.heads[key_hash(set.items[i].p) & (set.head_count - 1)];
    unsigned pair = pair_at(set.items[i].p);
    set.items[i].next = *head;
    *head = (uint32_t)i + 1;
    set.begins[pair >> 3] |= (uint8_t)(1u << (pair & 7));
}

static struct spelling *mask_find(struct str text)
{
    uint32_t at = set.head_count ? set.heads[key_hash(text.p) & (set.head_count - 1)] : 0;
    for (; at; at = set.items[at - 1].next)
        if (str_eq(str_n(set.items[at - 1].p, set.items[at - 1].n), text))
            return &set.items[at - 1];
    return NULL;
}

static void mask_grow(void)
{
    set.head_count = set.head_count ? 2 * set.head_count : 256;
    free(set.heads);
    set.heads = mem_zalloc(set.head_count * sizeof *set.heads);
    for (size_t i = 0; i < set.n; i++)
        link_item(i);
}

/* With the lock held. */
static void keep_spelling(void *ctx, struct str text)
{
    const bool *allowed = ctx;
    if (text.n < KEY_BYTES)
        return;
    struct spelling *known = mask_find(text);
    if (known) {
        known->allowed |= *allowed;
        return;
    }
    if (set.n >= set.head_count)
        mask_grow();
    MEM_GROW(set.items, set.cap, set.n + 1);
    set.items[set.n] = (struct spelling){
        .p = mem_memdup0(text.p, text.n), .n = text.n, .allowed = *allowed, .is_number = str_is_digits(text)};
    link_item(set.n++);
}

static void mask_keep(struct str text, bool allowed)
{
    pthread_rwlock_rdlock(&set.lock);
    const struct spelling *known = mask_find(text);
    bool done = known && known->whole && (known->allowed || !allowed);
    pthread_rwlock_unlock(&set.lock);
    if (done)
        return;
    pthread_rwlock_wrlock(&set.lock);
    mask_spellings(text, keep_spelling, &allowed);
    mask_find(text)->whole = true;
    pthread_rwlock_unlock(&set.lock);
}

void mask_clear(void)
{
    pthread_rwlock_wrlock(&set.lock);
    for (size_t i = 0; i < set.n; i++) {
        OPENSSL_cleanse(set.items[i].p, set.items[i].n);
        free(set.items[i].p);
    }
    free(set.items);
    free(set.heads);
    set.items = NULL;
    set.heads = NULL;
    set.n = set.cap = set.head_count = 0;
    memset(set.begins, 0, sizeof set.begins);
    pthread_rwlock_unlock(&set.lock);
}

/* ---- adding secrets ---- */

static bool worth(struct str text, enum mask_reason reason)
{
    if (reason == MASK_GIVEN || text.n >= WORD_MIN)
        return text.n >= GIVEN_MIN;
    size_t letters = 0;
    while (letters < text.n && isalpha((unsigned char)text.p[letters]))
        letters++;
    return text.n >= LIKELY_MIN && letters < text.n;
}

static void add_whole(struct str text, enum mask_reason reason)
{
    if (!worth(text, reason))
        return;
    if (text.n <= WHOLE_MAX) {
        mask_keep(text, false);
        return;
    }
    for (size_t at = 0; at + PIECE <= text.n; at += PIECE)
        mask_keep(str_slice(text, at, at + PIECE), false);
    mask_keep(str_slice(text, text.n - PIECE, text.n), false);
}

/* Adds the lines of a text, since output is printed line by line. MASK_LIKELY: lines such as `{` or a key are
 * common in documents and no secrets. */
static void add_lines(struct str text)
{
    struct str rest = text;
    while (rest.p && rest.n) {
        struct str line = str_trim(str_cut(rest, '\n', &rest));
        add_whole(line, MASK_LIKELY);
    }
}

void mask_add_url(struct str url, enum mask_reason reason)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str path, secret, plain;
    ptrdiff_t scheme = str_find(url, STR("://"), 0);
    if (scheme < 0)
        return;
    struct str authority = str_cut(str_slice(url, (size_t)scheme + 3, url.n), '/', &path);
    size_t sign = str_after_last(authority, "@");
    str_cut(str_slice(authority, 0, sign ? sign - 1 : 0), ':', &secret);
    if (!secret.p)
        return;
    add_whole(secret, reason);
    if (url_decode(&scratch, secret, false, &plain))
        add_whole(plain, reason);
}

static void add_inside(struct str text)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const struct value *v;
    if (text.n && (text.p[0] == '{' || text.p[0] == '[') && !json_parse(&scratch, text, &v, ERR_IGNORED))
        mask_add_value(v, MASK_LIKELY);
}

void mask_add(struct str secret, enum mask_reason reason)
{
    struct str text = str_slice(secret, 0, secret.n < LOOKED_AT_MAX ? secret.n : LOOKED_AT_MAX);
    struct str bare = str_trim(text);
    if (!worth(bare, reason))
        return;
    add_whole(text, reason);
    if (bare.n != text.n)
        add_whole(bare, reason);
    if (str_find_char(bare, '\n', 0) >= 0)
        add_lines(bare);
    mask_add_url(bare, reason);
    add_inside(bare);
}

static void add_value(const struct value *v, enum mask_reason reason, bool within)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    if (!v || (!within && !value_is_sensitive(v)))
        return;
    bool secret = within || (v->marks & VALUE_SENSITIVE);
    if (v->kind == VALUE_LIST)
        for (uint32_t i = 0; i < v->count; i++)
            add_value(v->items[i], reason, secret);
    else if (v->kind == VALUE_MAP)
        for (uint32_t i = 0; i < v->count; i++)
            add_value(v->entries[i].value, reason, secret);
    else if (v->kind == VALUE_STRING)
        mask_add(v->string, reason);
    else if (v->kind == VALUE_INT || v->kind == VALUE_FLOAT)
        mask_add(value_scalar_text(&scratch, v), reason);
}

void mask_add_value(const struct value *v, enum mask_reason reason)
{
    add_value(v, reason, true);
}

void mask_add_marked(const struct value *v, enum mask_reason reason)
{
    add_value(v, reason, false);
}

void mask_allow(struct str text)
{
    if (text.p && text.n >= KEY_BYTES)
        mask_keep(text, true);
}

void mask_allow_value(const struct value *v)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    if (!v)
        return;
    for (uint32_t i = 0; (v->kind == VALUE_LIST || v->kind == VALUE_MAP) && i < v->count; i++)
        mask_allow_value(v->kind == VALUE_LIST ? v->items[i] : v->entries[i].value);
    mask_allow(value_scalar_text(&scratch, v));
}

bool mask_allows(struct str text)
{
    if (text.n < KEY_BYTES)
        return false;
    pthread_rwlock_rdlock(&set.lock);
    const struct spelling *known = mask_find(text);
    bool allowed = known && known->allowed;
    pthread_rwlock_unlock(&set.lock);
    return allowed;
}

bool mask_finds(struct str text)
{
    size_t from, to;
    pthread_rwlock_rdlock(&set.lock);
    bool found = set.n && next_run(text, 0, &from, &to);
    pthread_rwlock_unlock(&set.lock);
    return found;
}

void mask_text(struct buf *out, struct str text)
{
    size_t at = 0, from, to;
    pthread_rwlock_rdlock(&set.lock);
    while (set.n && next_run(text, at, &from, &to)) {
        buf_add_str(out, str_slice(text, at, from));
        buf_addz(out, MASKED);
        at = to;
    }
    pthread_rwlock_unlock(&set.lock);
    buf_add_str(out, str_slice(text, at, text.n));
}

void mask_stars(char *text, size_t n)
{
    char *marks = mem_zalloc(n + 1);
    mask_mark(marks, str_n(text, n));
    for (size_t i = 0; i < n; i++)
        if (marks[i])
            text[i] = '*';
    free(marks);
}
