/* The end of a saved plan, by which it is known that the rest is as it was written. */
#include "plan/saved/saved_seal.h"

#include "base/hash.h"

static const char before_mac[] = ",\"mac\":\"", before_digest[] = ",\"sha256\":\"", end[] = "\"}\n";

void saved_seal(struct buf *text, const struct state *state)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    text->n--;
    struct str mac = state ? state_mac(state, &scratch, buf_str(text)) : STR_EMPTY;
    if (mac.n)
        buf_addf(text, "%s%.*s\"", before_mac, STR_ARG(mac));
    struct str digest = sha256_hex(&scratch, buf_str(text));
    buf_addf(text, "%s%.*s%s", before_digest, STR_ARG(digest), end);
}

/* Nothing within a text of JSON looks so: a quotation mark has a backslash there. */
static bool cut_mac(struct str text, struct str *signed_text, struct str *mac)
{
    enum { MAC = 8 + 1 + 2 * SHA256_SIZE };
    size_t size = MAC + sizeof before_mac;
    struct str tail = text.n < size ? STR_EMPTY : str_slice(text, text.n - size, text.n);
    if (!str_starts(tail, str_z(before_mac)) || !str_ends(tail, STR("\"")))
        return false;
    *mac = str_slice(tail, sizeof before_mac - 1, tail.n - 1);
    *signed_text = str_slice(text, 0, text.n - size);
    return true;
}

bool saved_seal_holds(struct str file, struct str *signed_text, struct str *mac)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    AUTO_BUF struct buf expected = BUF_INIT;
    size_t size = sizeof before_digest - 1 + 2 * SHA256_SIZE + sizeof end - 1;
    if (file.n < size)
        return false;
    struct str text = str_slice(file, 0, file.n - size);
    struct str digest = sha256_hex(&scratch, text);
    buf_addf(&expected, "%s%.*s%s", before_digest, STR_ARG(digest), end);
    *signed_text = text;
    *mac = STR_EMPTY;
    cut_mac(text, signed_text, mac);
    return str_eq(str_slice(file, text.n, file.n), buf_str(&expected));
}
