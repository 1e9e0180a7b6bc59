/* Logs of runs, by the provider's kind. */
#include "provider/run_log.h"

#include "provider/kind.h"

#include <assert.h>

struct log_reader *log_reader_new(const struct provider *provider, const struct log_source *sources, size_t n,
    const struct log_options *options)
{
    const struct log_ops *ops = provider_kind_of(provider)->logs;
    assert(ops);
    return ops->open(provider, sources, n, options);
}

void log_reader_free(struct log_reader *reader)
{
    if (reader)
        reader->ops->close(reader);
}

int log_reader_poll(struct log_reader *reader, log_taker *line, void *ctx, struct err *err)
{
    return reader->ops->poll(reader, line, ctx, err);
}

bool log_reader_complete(const struct log_reader *reader)
{
    return reader->ops->complete(reader);
}

int64_t log_late_ms(const struct provider *provider)
{
    const struct log_ops *ops = provider_kind_of(provider)->logs;
    return ops ? ops->late_ms(provider) : 0;
}
