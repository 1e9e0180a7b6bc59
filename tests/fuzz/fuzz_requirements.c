/* Requirements files: what is found in them lies in the text, and a file named in a last line is found. */
#include "provider/weir/weir.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str text = str_n((const char *)data, n), rest = text, file = STR_EMPTY;
    enum requirement_kind kind;
    size_t found = 0;
    while (requirements_next(&arena, &rest, &kind, &file)) {
        assert(file.n && file.n <= n);
        found++;
    }
    assert(found <= n);
    if (str_ends(text, STR("\\")))
        return 0;
    struct str parts[] = {text, STR("\n-c last.txt")};
    rest = arena_concat(&arena, parts, 2);
    while (requirements_next(&arena, &rest, &kind, &file))
        found--;
    assert(found == (size_t)-1 && kind == REQUIREMENT_FILE && str_eqz(file, "last.txt"));
    return 0;
}
