/*
 * Secrets and a text: the input's first lines, up to an empty one, are secrets; the rest is a text in which
 * they may stand. Nothing of them is left in any spelling that is promised, all else stays as it was, and
 * JSON stays JSON.
 */
#include "base/arena.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mask.h"

#include <assert.h>
#include <ctype.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { SECRETS_MAX = 8, GIVEN_MIN = 6 };

struct secrets {
    struct str items[SECRETS_MAX];
    size_t n;
};

static bool is_digit_at(struct str text, size_t at)
{
    return at < text.n && isdigit((unsigned char)text.p[at]);
}

static bool is_number(struct str text)
{
    for (size_t i = 0; i < text.n; i++)
        if (!is_digit_at(text, i))
            return false;
    return true;
}

/* Where a secret stands there are stars, and elsewhere what was there. */
static void check_stars(struct arena *arena, const struct secrets *secrets, struct str text)
{
    char *stars = arena_strz(arena, text);
    mask_stars(stars, text.n);
    for (size_t i = 0; i < text.n; i++)
        assert(stars[i] == '*' || stars[i] == text.p[i]);
    for (size_t k = 0; k < secrets->n; k++) {
        struct str secret = secrets->items[k];
        for (ptrdiff_t at = str_find(text, secret, 0); at >= 0; at = str_find(text, secret, (size_t)at + 1)) {
            bool part = is_number(secret) && ((at && is_digit_at(text, (size_t)at - 1)) ||
                                                 is_digit_at(text, (size_t)at + secret.n));
            for (size_t i = 0; i < secret.n && !part; i++)
                assert(stars[(size_t)at + i] == '*');
        }
    }
}

/* Each run of stars is one MASKED, and nothing else differs. */
static void check_text(struct arena *arena, struct str text)
{
    AUTO_BUF struct buf masked = BUF_INIT, expected = BUF_INIT;
    mask_text(&masked, text);
    assert(mask_finds(text) == !str_eq(buf_str(&masked), text));
    if (str_find_char(text, '*', 0) >= 0 || str_find(text, STR(MASKED), 0) >= 0)
        return;
    char *stars = arena_strz(arena, text);
    mask_stars(stars, text.n);
    for (size_t i = 0; i < text.n; i++)
        if (stars[i] != '*')
            buf_add_char(&expected, stars[i]);
        else if (!i || stars[i - 1] != '*')
            buf_addz(&expected, MASKED);
    assert(str_eq(buf_str(&masked), buf_str(&expected)));
}

static void check_hidden(struct arena *arena, const char *before, struct str spelling, const char *after)
{
    AUTO_BUF struct buf out = BUF_INIT;
    struct str parts[] = {str_z(before), spelling, str_z(after)};
    mask_text(&out, arena_concat(arena, parts, 3));
    if (str_find(STR("<" MASKED ">"), spelling, 0) < 0)
        assert(str_find(buf_str(&out), spelling, 0) < 0);
    assert(str_find(buf_str(&out), STR(MASKED), 0) >= 0);
}

static void check_spellings(struct arena *arena, struct str secret)
{
    AUTO_BUF struct buf json = BUF_INIT, url = BUF_INIT;
    check_hidden(arena, "<", secret, ">");
    json_write_string(&json, secret);
    check_hidden(arena, "<", str_slice(buf_str(&json), 1, json.n - 1), ">");
    url_encode(&url, secret, true);
    check_hidden(arena, "<", buf_str(&url), ">");
    check_hidden(arena, "<", hex_encode(arena, secret.p, secret.n), ">");
    for (size_t before = 0; before < 3; before++) {
        struct str parts[] = {str_n("ab", before), secret, STR("yz")};
        struct str whole = base64_encode(arena, arena_concat(arena, parts, 3));
        AUTO_BUF struct buf out = BUF_INIT;
        mask_text(&out, whole);
        assert(str_find(buf_str(&out), STR(MASKED), 0) >= 0);
    }
}

/* The secret in a document among other resources: what is left of it is a document without it. */
static void check_document(struct arena *arena, struct str secret, struct str text)
{
    AUTO_BUF struct buf document = BUF_INIT, masked = BUF_INIT;
    struct str between[] = {text, STR("\n"), secret, STR("\n"), text};
    buf_addz(&document, "{\"a\": [12, ");
    json_write_string(&document, arena_concat(arena, between, 5));
    buf_addz(&document, is_number(secret) ? ", -1.5e3, 7" : ", -1.5e3, ");
    if (!is_number(secret))
        json_write_string(&document, secret);
    buf_addz(&document, "], \"b\": true}\n");
    struct err ignored = ERR_INIT;
    const struct value *v;
    if (json_parse(arena, buf_str(&document), &v, &ignored))
        return;
    mask_json(&masked, buf_str(&document));
    assert(json_parse(arena, buf_str(&masked), &v, &ignored) == 0);
    AUTO_BUF struct buf spelt = BUF_INIT;
    json_write_string(&spelt, secret);
    if (str_find(STR(MASKED), secret, 0) < 0)
        assert(str_find(buf_str(&masked), buf_str(&spelt), 0) < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct secrets secrets = {.n = 0};
    struct str text = str_n((const char *)data, n), secret;
    while (text.n && text.p[0] != '\n' && secrets.n < SECRETS_MAX) {
        secret = str_cut(text, '\n', &text);
        mask_add(secret, MASK_GIVEN);
        if (str_trim(secret).n >= GIVEN_MIN)
            secrets.items[secrets.n++] = secret;
        text = text.p ? text : STR_EMPTY;
    }
    check_stars(&arena, &secrets, text);
    check_text(&arena, text);
    for (size_t i = 0; i < secrets.n; i++) {
        check_spellings(&arena, secrets.items[i]);
        check_document(&arena, secrets.items[i], text);
    }
    struct err ignored = ERR_INIT;
    const struct value *v;
    AUTO_BUF struct buf masked = BUF_INIT;
    mask_json(&masked, text);
    if (json_parse(&arena, text, &v, &ignored) == 0)
        assert(json_parse(&arena, buf_str(&masked), &v, &ignored) == 0);
    mask_clear();
    return 0;
}
