/* Texts as somebody would write them in YAML: see yaml_write.h. */
#include "base/yaml_write.h"

#include "base/json.h"

#include <ctype.h>

static bool reads_otherwise(struct str s)
{
    double number;
    static const char *const words[] = {"true", "false", "null", "True", "False", "Null", "TRUE", "FALSE",
        "NULL", "~",
        /* other readers of YAML take these for true and false */
        "yes", "Yes", "YES", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF", "y", "n", "Y", "N"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (str_eqz(s, words[i]))
            return true;
    return str_to_double(s, &number) || (isdigit((unsigned char)s.p[0]) && str_find_char(s, ':', 0) >= 0) ||
           (s.n == 10 && s.p[4] == '-' && s.p[7] == '-') ||
           (s.n > 1 && s.p[0] == '0' && (s.p[1] == 'x' || s.p[1] == 'o'));
}

/* What YAML does not take as it is: C0, DEL, and C1, which is two bytes in UTF-8. */
static bool is_control(struct str s, size_t i)
{
    unsigned char c = (unsigned char)s.p[i], next = i + 1 < s.n ? (unsigned char)s.p[i + 1] : 0;
    return c < 0x20 || c == 0x7f || (c == 0xc2 && next >= 0x80 && next < 0xa0);
}

static bool has_controls(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (is_control(s, i))
            return true;
    return false;
}

static bool is_plain(struct str s, bool flow)
{
    if (!s.n || s.p[0] == ' ' || s.p[s.n - 1] == ' ' || s.p[s.n - 1] == ':' || reads_otherwise(s))
        return false;
    if (!isalnum((unsigned char)s.p[0]) && (unsigned char)s.p[0] < 0x80 &&
        !strchr(flow ? "/._(" : "/._$(", s.p[0]))
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i], next = i + 1 < s.n ? s.p[i + 1] : 0;
        if (is_control(s, i) || (flow && strchr(",[]{}", c)))
            return false;
        if ((c == ':' && (next == ' ' || (flow && next && strchr(",[]{}", next)))) ||
            (c == ' ' && next == '#'))
            return false;
    }
    return true;
}

/* JSON escapes C0 alone. */
static void write_escaped(struct buf *out, struct str s)
{
    AUTO_BUF struct buf json = BUF_INIT;
    json_write_string(&json, s);
    struct str text = buf_str(&json);
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (!is_control(text, i))
            buf_add_char(out, text.p[i]);
        else
            buf_addf(out, "\\u%04x", c == 0xc2 ? (unsigned)(unsigned char)text.p[++i] : (unsigned)c);
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
        if (s.p[i] != '\n' && is_control(s, i))
            return false;
    return true;
}
