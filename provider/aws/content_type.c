/* The media type that a file name stands for: see content_type.h. */
#include "provider/aws/content_type.h"

#include "base/file.h"

/* What pipelines store. Sorted by ending for the reader only. */
static const struct {
    const char *ending, *type;
} types[] = {
    {".avro", "application/avro"},
    {".bz2", "application/x-bzip2"},
    {".css", "text/css"},
    {".csv", "text/csv"},
    {".gif", "image/gif"},
    {".gz", "application/gzip"},
    {".htm", "text/html"},
    {".html", "text/html"},
    {".ico", "image/vnd.microsoft.icon"},
    {".ipynb", "application/x-ipynb+json"},
    {".jar", "application/java-archive"},
    {".jpeg", "image/jpeg"},
    {".jpg", "image/jpeg"},
    {".js", "text/javascript"},
    {".json", "application/json"},
    {".jsonl", "application/jsonl"},
    {".md", "text/markdown"},
    {".ndjson", "application/x-ndjson"},
    {".parquet", "application/vnd.apache.parquet"},
    {".pdf", "application/pdf"},
    {".png", "image/png"},
    {".py", "text/x-python"},
    {".scala", "text/x-scala"},
    {".sh", "application/x-sh"},
    {".sql", "application/sql"},
    {".svg", "image/svg+xml"},
    {".tar", "application/x-tar"},
    {".toml", "application/toml"},
    {".tsv", "text/tab-separated-values"},
    {".txt", "text/plain"},
    {".wasm", "application/wasm"},
    {".webp", "image/webp"},
    {".whl", "application/zip"},
    {".xml", "application/xml"},
    {".yaml", "application/yaml"},
    {".yml", "application/yaml"},
    {".zip", "application/zip"},
    {".zst", "application/zstd"},
};

struct str content_type_of(struct str name)
{
    struct str base = path_base(name);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct str ending = str_z(types[i].ending);
        if (base.n > ending.n && str_ieq(str_slice(base, base.n - ending.n, base.n), ending))
            return str_z(types[i].type);
    }
    return STR("application/octet-stream");
}
