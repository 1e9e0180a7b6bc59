/* Shared by upload*.c only. */
#pragma once

#include "base/digests.h"
#include "provider/aws/client.h"
#include "provider/aws/s3/upload.h"
#include "provider/repeats.h"

enum { UPLOAD_TRIES = 3 /* of a file that changes meanwhile */ };

/* A file that is open, or bytes. */
struct upload_source {
    int fd; /* -1: bytes */
    const char *name;
    struct str bytes;
    int64_t size;
    struct file_id id; /* as it was when it was opened */
};

enum upload_result {
    UPLOAD_OK,
    UPLOAD_FAILED,
    UPLOAD_CHANGED, /* the content is not what it was when the upload began */
};

int upload_open(const struct s3_upload *upload, struct upload_source *out, struct err *err);
void upload_close(struct upload_source *source); /* also after upload_open() has failed */
/* Does it go up in parts? */
bool upload_is_large(const struct upload_source *source);
/* Is the file still what was opened? */
bool upload_unchanged(const struct upload_source *source);
/* The request's members under aws_s3_object_shape; sha256 "" where it is not known. */
const struct value *upload_input(struct arena *arena, const struct s3_upload *upload, struct str sha256);
void upload_fill(struct arena *arena, const struct wire_message *answer, struct s3_uploaded *out);
/* The content is not what the caller expects. Returns -1. */
int upload_unexpected(const struct s3_upload *upload, struct err *err);
/* It changes each time. Returns -1. */
int upload_restless(const struct s3_upload *upload, struct err *err);

/* In one piece: upload_put_begin(), put.call sent by the caller, upload_put_end(). */
struct upload_put {
    const struct s3_upload *upload;
    struct upload_source *source;
    struct str sum; /* SHA-256, as the header has it */
    struct aws_call call;
    struct repeats repeats;
};
enum upload_result upload_put_begin(struct op_ctx *ctx, const struct s3_upload *upload,
    struct upload_source *source, struct upload_put *put, struct err *err);
/* failure: class ERR_NONE where it was answered well. */
enum upload_result upload_put_end(struct arena *arena, const struct upload_put *put,
    const struct wire_message *answer, const struct err *failure, struct s3_uploaded *out, struct err *err);

/* In parts. sha256: of the content, where it is known ("" otherwise) or, not `known`, only expected. */
enum upload_result upload_in_parts(struct op_ctx *ctx, const struct s3_upload *upload,
    struct upload_source *source, bool known, struct str sha256, struct s3_uploaded *out, struct err *err);
