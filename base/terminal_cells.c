/* How wide text stands on a terminal: see terminal_cells.h. */
#include "base/terminal_cells.h"

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
    size_t width = 0, size;
    for (size_t at = 0; at < text.n; at += size)
        width += cells_of(cells_decode(text, at, &size));
    return width;
}
