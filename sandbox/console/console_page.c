/* The page: a frame without anything of the sandbox's in it, which its script fills in. */
#include "sandbox/console/console.h"

#include "base/embed.h"
#include "base/hash.h"

static struct str text_of(const char *path)
{
    const struct embedded_file *file = embedded_find(str_z(path));
    return file ? embedded_text(file) : STR_EMPTY;
}

static struct str sum_of(struct arena *arena, struct str text)
{
    unsigned char digest[SHA256_SIZE];
    hash_sha256(text, digest);
    return base64_encode(arena, str_n((char *)digest, sizeof digest));
}

struct str console_page(struct arena *arena, bool write, struct str *policy)
{
    struct str style = text_of("sandbox/console/page/console.css");
    struct str script =
        arena_printf(arena, "%.*s\n%.*s\n%.*s", STR_ARG(text_of("sandbox/console/page/console.js")),
            STR_ARG(text_of("sandbox/console/page/machine.js")),
            STR_ARG(text_of("sandbox/console/page/views.js")));
    *policy = arena_printf(arena,
        "default-src 'none'; connect-src 'self'; style-src 'sha256-%.*s'; script-src 'sha256-%.*s'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        STR_ARG(sum_of(arena, style)), STR_ARG(sum_of(arena, script)));
    return EMBEDDED_FILLED(arena, "sandbox/console/page/console.html", {"style", style},
        {"write", write ? STR("yes") : STR("no")},
        {"mode", write ? STR("what is started here runs") : STR("read-only")}, {"script", script});
}
