/*
 * Where a module from elsewhere comes from, read from its `source:`
 *
 *     git::https://example.org/lake.git//zones?ref=v1.2     a folder of a repository, at a tag, branch or
 * commit git::ssh://git@example.org/lake.git                    all of it, at what is its default branch
 *     https://example.org/lake-1.2.tar.gz//zones?checksum=sha256:…
 *     s3://bucket/lake-1.2.zip//zones?region=eu-west-1       signed like the stack's other requests to AWS
 *
 * What stands after `//` is a folder within. Pure: nothing is looked up.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum module_source_kind { MODULE_GIT, MODULE_HTTPS, MODULE_S3 };

struct module_source {
    enum module_source_kind kind;
    struct str text;        /* as written */
    struct str url;         /* of the repository or archive, without what follows it; zero-terminated */
    struct str dir;         /* the folder within; "" all of it */
    struct str ref;         /* git: "" the default branch */
    struct str checksum;    /* SHA-256 of the archive, 64 small hex digits; "" not said */
    struct str bucket, key; /* S3 */
    struct str region;      /* S3; "" the provider's */
    struct str name;        /* what people would call it: "lake", "lake-1.2" */
};

/* Does it come from elsewhere at all? ./FOLDER and builtin/NAME do not. */
bool module_source_is_remote(struct str text);
/* ERR_INVALID, with a hint, for what cannot be meant or must not be done. */
int module_source_parse(struct arena *arena, struct str text, struct module_source *out, struct err *err);
/* For what is no source at all but looks like one of another tool: how it is written here; "" no idea. */
struct str module_source_suggest(struct arena *arena, struct str text);

/* 40 or 64 small hex digits: a commit's name, whatever it is called otherwise. */
bool module_is_commit(struct str text);
