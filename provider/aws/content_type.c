/* The media type that a file name stands for: see content_type.h. */
#include "provider/aws/content_type.h"

#include "base/embed.h"
#include "base/file.h"

#include <ctype.h>

/* What pipelines store is in content_types.txt. */
struct str content_type_of(struct str name)
{
    char ending[16]; /* longer ones are none that are known */
    struct str base = path_base(name), type = STR_EMPTY;
    size_t dot = base.n, n = 0;
    while (dot && base.p[dot - 1] != '.')
        dot--;
    if (dot > 1 && base.n - dot < sizeof ending) {
        for (size_t i = dot; i < base.n; i++)
            ending[n++] = (char)tolower((unsigned char)base.p[i]);
        type = embedded_line("provider/aws/content_types.txt", str_n(ending, n));
    }
    return type.n ? type : STR("application/octet-stream");
}
