/* Archives, over HTTPS or from S3, as a file. */
#pragma once

#include "provider/http/http.h"
#include "provider/provider.h"
#include "stacks/load/module_source.h"

/* Follows redirections, but not from TLS to plain HTTP. */
int download_https(struct http_engine *http, struct str url, const char *path, struct err *err);
/* `aws` is an open provider. */
int download_s3(struct provider *aws, const struct module_source *source, const char *path, struct err *err);
