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
    return arena_printf(arena,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<title>weir sandbox</title>\n<style>%.*s</style>\n</head>\n<body data-write=\"%s\">\n"
        "<header id=\"head\"><h1>weir sandbox</h1><nav aria-label=\"What is shown\"></nav>"
        "<span id=\"mode\">%s</span><button id=\"again\">Refresh</button></header>\n"
        "<main><section id=\"list\" tabindex=\"-1\" aria-label=\"What there is\"></section>"
        "<section id=\"detail\" tabindex=\"-1\" aria-label=\"One of it\"></section></main>\n"
        "<p id=\"said\" role=\"status\"></p>\n"
        "<noscript>This page is filled in by its script.</noscript>\n"
        "<script>%.*s</script>\n</body>\n</html>\n",
        STR_ARG(style), write ? "yes" : "no", write ? "what is started here runs" : "read-only",
        STR_ARG(script));
}
