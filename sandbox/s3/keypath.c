/* Object keys as paths: see keypath.h. */
#include "sandbox/s3/keypath.h"

#include "base/hash.h"

enum { PIECE = 80 };

static void add_name(struct buf *path, struct str text)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c < 0x20 || c == 0x7f || c == '%' || (c == '.' && i == 0)) {
            char escape[] = {'%', hex[c >> 4], hex[c & 15]};
            buf_add(path, escape, 3);
        } else {
            buf_add_char(path, (char)c);
        }
    }
}

static struct str add_pieces(struct buf *path, struct str segment)
{
    while (segment.n >= PIECE) {
        add_name(path, str_slice(segment, 0, PIECE));
        buf_addz(path, "%+/");
        segment = str_slice(segment, PIECE, segment.n);
    }
    return segment;
}

void keypath_add(struct buf *path, struct str key)
{
    for (;;) {
        ptrdiff_t slash = str_find_char(key, '/', 0);
        struct str rest = add_pieces(path, slash < 0 ? key : str_slice(key, 0, (size_t)slash));
        add_name(path, rest);
        if (slash < 0) {
            if (!rest.n)
                buf_addz(path, "%_");
            return;
        }
        buf_addz(path, "%/");
        key = str_slice(key, (size_t)slash + 1, key.n);
    }
}

bool keypath_decode(const char *name, struct buf *part, enum keypath_kind *kind)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str text = str_z(name), decoded;
    *kind = KEYPATH_FILE;
    if (str_eqz(text, "%_")) {
        text = STR_EMPTY;
    } else if (str_ends(text, STR("%+"))) {
        *kind = KEYPATH_MORE;
        text.n -= 2;
    } else if (str_ends(text, STR("%"))) {
        *kind = KEYPATH_DIR;
        text.n -= 1;
    }
    if (str_starts(text, STR(".")) || !url_decode(&scratch, text, false, &decoded))
        return false;
    buf_add_str(part, decoded);
    if (*kind == KEYPATH_DIR)
        buf_add_char(part, '/');
    return true;
}
