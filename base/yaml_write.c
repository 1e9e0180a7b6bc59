/* Writing strings in YAML: see yaml.h. */
#include "base/yaml.h"

#include "base/json.h"

#include <ctype.h>

static bool reads_otherwise(struct str s)
{
    double number;
    static const char *const words[] = {"true", "false", "null", "True", "False", "Null", "TRUE", "FALSE",
        "NULL", "~",
        /* booleans to YAML 1.1 parsers */
        "yes", "Yes", "YES", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF", "y", "n", "Y", "N"};
    return STR_IS_ONE_OF(s, words) || str_to_double(s, &number) ||
           (isdigit((unsigned char)s.p[0]) && str_find_char(s, ':', 0) >= 0) ||
           (s.n == 10 && s.p[4] == '-' && s.p[7] == '-') ||
           (s.n > 1 && s.p[0] == '0' && (s.p[1] == 'x' || s.p[1] == 'o'));
}

/* Returns the size of a character at i that YAML does not allow unescaped or editors do not show, or 0: C0,
 * DEL, C1 (two bytes in UTF-8), other line ends, byte order marks, and non-characters. */
static size_t control_size(struct str s, size_t i)
{
    static const char *const hidden[] = {
        "\xe2\x80\xa8", "\xe2\x80\xa9", "\xef\xbb\xbf", "\xef\xbf\xbe", "\xef\xbf\xbf"};
    unsigned char c = (unsigned char)s.p[i], next = i + 1 < s.n ? (unsigned char)s.p[i + 1] : 0;
    if (c < 0x20 || c == 0x7f)
        return 1;
    if (c == 0xc2 && next >= 0x80 && next < 0xa0)
        return 2;
    for (size_t k = 0; c >= 0xe2 && k < sizeof hidden / sizeof *hidden; k++)
        if (str_starts(str_slice(s, i, s.n), str_z(hidden[k])))
            return 3;
    return 0;
}

static unsigned control_code(const char *p, size_t size)
{
    const unsigned char *c = (const unsigned char *)p;
    return size == 1   ? c[0]
           : size == 2 ? (c[0] & 0x1fU) << 6 | (c[1] & 0x3fU)
                       : (c[0] & 0xfU) << 12 | (c[1] & 0x3fU) << 6 | (c[2] & 0x3fU);
}

static bool has_controls(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (control_size(s, i))
            return true;
    return false;
}

static bool is_plain(struct str s, bool flow)
{
    if (!s.n || s.p[0] == ' ' || str_starts(s, STR("\xc2\xa0")) || /* a key would look indented */
        s.p[s.n - 1] == ' ' || s.p[s.n - 1] == ':' || reads_otherwise(s))
        return false;
    if (!isalnum((unsigned char)s.p[0]) && (unsigned char)s.p[0] < 0x80 &&
        !strchr(flow ? "/._(" : "/._$(", s.p[0]))
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i], next = i + 1 < s.n ? s.p[i + 1] : 0;
        if (control_size(s, i) || (flow && strchr(",[]{}?", c))) /* older readers take `?` for a key there */
            return false;
        if ((c == ':' && (next == ' ' || (flow && next && strchr(",?[]{}", next)))) ||
            (c == ' ' && next == '#'))
            return false;
    }
    return true;
}

/* Escapes more than JSON, which escapes only C0. */
static void write_escaped(struct buf *out, struct str s)
{
    AUTO_BUF struct buf json = BUF_INIT;
    json_write_string(&json, s);
    struct str text = buf_str(&json);
    for (size_t i = 0, size; i < text.n; i += size ? size : 1) {
        size = control_size(text, i);
        if (size)
            buf_addf(out, "\\u%04x", control_code(text.p + i, size));
        else
            buf_add_char(out, text.p[i]);
    }
}

void yaml_write_text(struct buf *out, struct str s, bool flow)
{
    if (is_plain(s, flow)) {
        buf_add_str(out, s);
    } else if (str_find_char(s, '"', 0) < 0 || has_controls(s)) {
        write_escaped(out, s);
    } else {
        buf_add_char(out, '\'');
        for (size_t i = 0; i < s.n; i++) {
            buf_add_char(out, s.p[i]);
            if (s.p[i] == '\'')
                buf_add_char(out, '\'');
        }
        buf_add_char(out, '\'');
    }
}

bool yaml_fits_block(struct str s)
{
    if (str_find_char(s, '\n', 0) < 0 || s.p[0] == ' ' || s.p[0] == '\n' || str_find(s, STR(" \n"), 0) >= 0 ||
        str_ends(s, STR("\n\n")) || s.p[s.n - 1] == ' ' || !str_is_utf8(s))
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != '\n' && control_size(s, i))
            return false;
    return true;
}
