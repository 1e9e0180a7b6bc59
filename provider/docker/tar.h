/*
 * The bytes of a context as a tar archive, made while they are sent: neither in memory nor on disk as a
 * whole.
 *
 * Order of calls: tar_open(); tar_read() until it gives 0, by one thread, which may be another one than the
 * opener; tar_close(). What went wrong is in `err` when tar_read() has given -1.
 */
#pragma once

#include "base/err.h"
#include "provider/docker/context.h"

struct tar;

int tar_open(struct context *context, struct tar **out, struct err *err);
/* As http_request.source. */
int64_t tar_read(void *tar, void *bytes, size_t n);
const struct err *tar_failure(const struct tar *tar); /* NULL: none */
int64_t tar_sent(const struct tar *tar);
void tar_close(struct tar *tar);
