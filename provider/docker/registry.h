/*
 * Names of images, and who one is to a registry: what `registries` under `providers: docker:` says, else what
 * `docker login` has left in the client's own configuration.
 */
#pragma once

#include "provider/docker/engine.h"

struct image_name {
    struct str registry;   /* "docker.io", "localhost:5000" */
    struct str repository; /* as given, without tag and digest */
    struct str tag;        /* "latest" where none is given; "sha256:…" of a digest */
    bool by_digest;
    struct str whole; /* repository:tag, as the Engine lists it */
};

struct image_name image_name_parse(struct arena *arena, struct str name);
/* X-Registry-Auth; never empty, because the Engine wants the header in any case. */
int registry_auth(struct op_ctx *ctx, const struct image_name *name, struct str *out, struct err *err);
