/* The spellings of a secret in texts: see mask.h. */
#include "base/mask.h"

#include "base/hash.h"
#include "base/json.h"

#include <ctype.h>

/* Longer secrets are files, which are written plain and as JSON; all of their spellings would be thirty times
 * as long. */
enum { ANY_SPELLING_MAX = 1 << 20 };

struct teller {
    void (*spelling)(void *ctx, struct str text);
    void *ctx;
};

static void mask_spellings_tell(const struct teller *teller, struct str text)
{
    teller->spelling(teller->ctx, text);
}

/* ---- escapes ---- */

/* Returns `out` followed by the text from `done` on; if nothing was escaped, as mostly, the text itself. */
static struct str rewritten(struct arena *arena, struct buf *out, struct str text, size_t done)
{
    if (!done)
        return text;
    buf_add_str(out, str_slice(text, done, text.n));
    return arena_str(arena, buf_str(out));
}

/* Returns the escaped text without the quotes. */
static struct str json_inside(struct arena *arena, struct str text)
{
    AUTO_BUF struct buf out = BUF_INIT;
    json_write_string(&out, text);
    return out.n == text.n + 2 ? text : arena_str(arena, str_slice(buf_str(&out), 1, out.n - 1));
}

/* As written by encoders that are limited to ASCII or escape HTML. */
static struct str json_ascii(struct arena *arena, struct str text, const char *also, bool slashes)
{
    AUTO_BUF struct buf out = BUF_INIT;
    struct str inside = json_inside(arena, text);
    size_t done = 0;
    for (size_t i = 0, n; i < inside.n; i += n) {
        const unsigned char *p = (const unsigned char *)inside.p + i;
        n = *p < 0x80 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
        bool slash = slashes && *p == '/';
        if (n == 1 && !slash && !(*also && strchr(also, *p)))
            continue;
        unsigned code = *p & (0xffu >> (n == 1 ? 1 : n + 1));
        for (size_t k = 1; k < n && i + k < inside.n; k++)
            code = code << 6 | (p[k] & 0x3f);
        buf_add_str(&out, str_slice(inside, done, i));
        if (code > 0xffff)
            buf_addf(&out, "\\u%04x\\u%04x", 0xd7c0 + (code >> 10), 0xdc00 + (code & 0x3ff));
        else if (slash)
            buf_addz(&out, "\\/");
        else
            buf_addf(&out, "\\u%04x", code);
        done = i + n;
    }
    return rewritten(arena, &out, inside, done);
}

/* quote, apostrophe: their escapes; NULL: not escaped. */
static struct str xml_escaped(struct arena *arena, struct str text, const char *quote, const char *apostrophe)
{
    AUTO_BUF struct buf out = BUF_INIT;
    size_t done = 0;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        const char *name = c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : NULL;
        name = c == '"' ? quote : c == '\'' ? apostrophe : name;
        if (!name)
            continue;
        buf_add_str(&out, str_slice(text, done, i));
        buf_addz(&out, name);
        done = i + 1;
    }
    return rewritten(arena, &out, text, done);
}

static struct str lower_escapes(struct arena *arena, struct str text)
{
    char *out = arena_strz(arena, text);
    for (size_t i = 0; i + 2 < text.n; i++)
        if (out[i] == '%') {
            out[i + 1] = (char)tolower((unsigned char)out[i + 1]);
            out[i + 2] = (char)tolower((unsigned char)out[i + 2]);
        }
    return str_n(out, text.n);
}

static struct str replaced(struct arena *arena, struct str text, struct str from, struct str to)
{
    AUTO_BUF struct buf out = BUF_INIT;
    size_t done = 0;
    for (ptrdiff_t at; (at = str_find(text, from, done)) >= 0; done = (size_t)at + from.n) {
        buf_add_str(&out, str_slice(text, done, (size_t)at));
        buf_add_str(&out, to);
    }
    return rewritten(arena, &out, text, done);
}

static void tell_percent(const struct teller *teller, struct arena *arena, struct str text)
{
    for (int slash = 0; slash < 2; slash++) {
        AUTO_BUF struct buf out = BUF_INIT;
        url_encode(&out, text, slash);
        struct str encoded = buf_str(&out);
        mask_spellings_tell(teller, encoded);
        mask_spellings_tell(teller, lower_escapes(arena, encoded));
        mask_spellings_tell(teller, replaced(arena, encoded, STR("%20"), STR("+")));
    }
}

/* ---- words of a shell ---- */

/* Returns the text with a backslash before each of these characters. */
static struct str backslashed(struct arena *arena, struct str text, const char *special)
{
    AUTO_BUF struct buf out = BUF_INIT;
    size_t done = 0;
    for (size_t i = 0; i < text.n; i++) {
        if (!char_is_among(text.p[i], special))
            continue;
        buf_add_str(&out, str_slice(text, done, i));
        buf_add_char(&out, '\\');
        buf_add_char(&out, text.p[i]);
        done = i + 1;
    }
    return rewritten(arena, &out, text, done);
}

/* Returns the inside of $'…': control characters, and with `ascii` all non-ASCII bytes, as letters or octal
 * numbers. */
static struct str ansi_escaped(struct arena *arena, struct str text, bool ascii)
{
    static const char codes[] = "\a\b\033\f\n\r\t\v", letters[] = "abEfnrtv";
    AUTO_BUF struct buf out = BUF_INIT;
    size_t done = 0;
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        const char *known = c ? strchr(codes, c) : NULL;
        bool quoted = c == '\'' || c == '\\';
        if (!known && !quoted && c >= ' ' && c != 0x7f && !(ascii && c >= 0x80))
            continue;
        buf_add_str(&out, str_slice(text, done, i));
        if (known || quoted)
            buf_addf(&out, "\\%c", known ? letters[known - codes] : c);
        else
            buf_addf(&out, "\\%03o", c);
        done = i + 1;
    }
    return rewritten(arena, &out, text, done);
}

static void tell_shell(const struct teller *teller, struct arena *arena, struct str text)
{
    struct str word = backslashed(arena, text, " \t'\"\\|&;()<>!{}*[]?^$`,");
    bool leads = str_starts(text, STR("#")) || str_starts(text, STR("~"));
    mask_spellings_tell(teller, word);
    if (leads) /* special only at the start */
        mask_spellings_tell(teller, arena_concat(arena, (struct str[]){STR("\\"), word}, 2));
    mask_spellings_tell(teller, backslashed(arena, text, "\"\\$`"));
    mask_spellings_tell(teller, replaced(arena, text, STR("'"), STR("'\\''")));
    mask_spellings_tell(teller, replaced(arena, text, STR("'"), STR("'\"'\"'")));
    mask_spellings_tell(teller, ansi_escaped(arena, text, false));
    mask_spellings_tell(teller, ansi_escaped(arena, text, true));
}

/* ---- other encodings ---- */

static void tell_hex(const struct teller *teller, struct arena *arena, struct str text)
{
    struct str hex = hex_encode(arena, text.p, text.n);
    char *upper = arena_strz(arena, hex);
    for (size_t i = 0; i < hex.n; i++)
        upper[i] = (char)toupper((unsigned char)upper[i]);
    mask_spellings_tell(teller, hex);
    mask_spellings_tell(teller, str_n(upper, hex.n));
}

static struct str url_alphabet(struct arena *arena, struct str text)
{
    char *out = arena_strz(arena, text);
    for (size_t i = 0; i < text.n; i++)
        out[i] = (char)(out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i]);
    return str_n(out, text.n);
}

/* Tells the base64 within a longer text, at each alignment: only the characters that encode bits of the text
 * alone. */
static void tell_base64(const struct teller *teller, struct arena *arena, struct str text)
{
    for (size_t before = 0; before < 3; before++) {
        struct str whole =
            base64_encode(arena, arena_concat(arena, (struct str[]){str_n("\0\0", before), text}, 2));
        struct str inner = str_slice(whole, (8 * before + 5) / 6, 8 * (before + text.n) / 6);
        mask_spellings_tell(teller, inner);
        mask_spellings_tell(teller, url_alphabet(arena, inner));
        mask_spellings_tell(teller, replaced(arena, inner, STR("/"), STR("\\/")));
    }
}

static void tell_utf16(const struct teller *teller, struct arena *arena, struct str text)
{
    char *wide = arena_zalloc(arena, 2 * text.n + 1);
    for (size_t i = 0; i < text.n; i++)
        wide[2 * i] = text.p[i];
    /* both byte orders: without the zero byte before or after */
    mask_spellings_tell(teller, str_n(wide, 2 * text.n - 1));
}

/* ---- all spellings ---- */

static void tell_escaped(const struct teller *teller, struct arena *arena, struct str text)
{
    mask_spellings_tell(teller, text);
    mask_spellings_tell(teller, xml_escaped(arena, text, NULL, NULL));
    mask_spellings_tell(teller, xml_escaped(arena, text, "&quot;", "&apos;"));
    mask_spellings_tell(teller, xml_escaped(arena, text, "&#34;", "&#39;"));
    mask_spellings_tell(teller, xml_escaped(arena, text, "&#x22;", "&#x27;"));
    tell_percent(teller, arena, text);
}

void mask_spellings(struct str text, void (*spelling)(void *ctx, struct str text), void *ctx)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct teller teller = {spelling, ctx};
    bool utf8 = str_is_utf8(text);
    struct str once = json_inside(&arena, text), twice = json_inside(&arena, once);
    if (text.n > ANY_SPELLING_MAX) {
        mask_spellings_tell(&teller, text);
        mask_spellings_tell(&teller, once);
        mask_spellings_tell(&teller, twice);
        return;
    }
    struct str ascii = utf8 ? json_ascii(&arena, text, "", false) : text;
    tell_escaped(&teller, &arena, text);
    if (!str_eq(once, text)) {
        tell_escaped(&teller, &arena, once);
        tell_escaped(&teller, &arena, twice);
        tell_base64(&teller, &arena, once);
    }
    mask_spellings_tell(&teller, ascii);
    mask_spellings_tell(&teller, json_inside(&arena, ascii));
    if (utf8) {
        mask_spellings_tell(&teller, json_ascii(&arena, text, "<>&", false));
        mask_spellings_tell(&teller, json_ascii(&arena, text, "<>&'", false));
        mask_spellings_tell(&teller, json_ascii(&arena, text, "", true));
    }
    tell_shell(&teller, &arena, text);
    /* cells of a table */
    mask_spellings_tell(&teller, replaced(&arena, text, STR("|"), STR("\\|")));
    mask_spellings_tell(&teller, replaced(&arena, text, STR("\""), STR("\"\"")));
    tell_hex(&teller, &arena, text);
    tell_base64(&teller, &arena, text);
    tell_utf16(&teller, &arena, text);
}
