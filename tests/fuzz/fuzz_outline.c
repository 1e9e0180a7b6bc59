/* What a text looks like to the language server: whatever comes, all places lie in it, and one after the
 * other. */
#include "cmd/lsp/outline.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_words(struct arena *arena, struct str text, size_t from, size_t to)
{
    struct words words = words_read(arena, text, from, to);
    for (int i = 0; i < words.n; i++) {
        const struct word *w = &words.items[i];
        assert(from <= w->at && w->at <= w->end && w->end <= to && w->before < words.n);
        assert(words_at(&words, w->at) != WORD_NONE && words_first(&words, i) <= i);
    }
    assert(words.open_at < words.n);
}

static void check_places(struct str text, size_t offset)
{
    for (int unit = TEXT_UTF16; unit <= TEXT_UTF32; unit++) {
        struct positions positions = {.unit = (enum text_unit)unit};
        size_t back = position_offset(text, positions.unit, position_of(&positions, text, offset));
        positions_release(&positions);
        assert(back <= text.n);
        if (str_is_utf8(text) && (offset == text.n || ((unsigned char)text.p[offset] & 0xc0) != 0x80))
            assert(back == offset || text.p[offset] == '\n'); /* \r\n is one line end */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str text = arena_str(&arena, str_n((const char *)data, n));
    struct outline o = outline_read(&arena, text);
    for (int i = 0; i < o.n; i++) {
        const struct entry *e = &o.items[i];
        int depth;
        assert(e->parent < i && e->key_at <= e->key_end && e->key_end <= n);
        assert(e->value_at <= e->value_end && e->value_end <= n && outline_end(&o, i) <= n);
        assert(!i || e[-1].key_at <= e->key_at);
        assert(outline_section(&o, i, &depth) <= i && depth >= 0);
        check_words(&arena, text, e->key_at, e->key_end);
        check_words(&arena, text, e->value_at, e->value_end);
        check_places(text, e->key_at);
    }
    check_words(&arena, text, 0, n);
    for (size_t at = 0; at <= n && at < 64; at++)
        assert(outline_parent_at(&o, at, (uint32_t)(n - at)) < o.n);
    return 0;
}
