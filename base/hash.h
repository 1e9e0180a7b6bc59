/*
 * Digests, checksums, encodings and random bytes. SHA-256, MD5, HMAC and random bytes are OpenSSL's.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

enum { SHA256_SIZE = 32, SHA1_SIZE = 20, MD5_SIZE = 16 };

void hash_sha256(struct str data, unsigned char out[SHA256_SIZE]);
void hash_sha1(struct str data, unsigned char out[SHA1_SIZE]);
void hash_md5(struct str data, unsigned char out[MD5_SIZE]);
void hash_hmac_sha1(struct str key, struct str data, unsigned char out[SHA1_SIZE]);
void hash_hmac_sha256(struct str key, struct str data, unsigned char out[SHA256_SIZE]);
/* CRC-32C (Castagnoli), with the CPU's instruction if it has one; starts with crc 0. */
uint32_t hash_crc32c(uint32_t crc, const void *bytes, size_t n);

/* Incremental SHA-256. */
struct sha256;
struct sha256 *sha256_new(void);
void sha256_update(struct sha256 *s, const void *bytes, size_t n);
void sha256_final(struct sha256 *s, unsigned char out[SHA256_SIZE]); /* and frees s */

void hash_random(void *out, size_t n);

/* Frees OpenSSL's data of this thread, at the end of a detached thread. Without it the process may end before
 * OpenSSL has freed the data itself. */
void hash_thread_end(void);

/* Returns a random UUID (version 4) as text. */
struct str uuid_random(struct arena *arena);

/* Lowercase hex and RFC 4648 base64, in the arena. */
struct str hex_encode(struct arena *arena, const void *bytes, size_t n);
bool hex_decode(struct arena *arena, struct str text, struct str *out);
struct str base64_encode(struct arena *arena, struct str data);
bool base64_decode(struct arena *arena, struct str text, struct str *out);
/* SHA-256 as lowercase hex. */
struct str sha256_hex(struct arena *arena, struct str data);

/* RFC 3986 percent-encoding of everything but unreserved characters, and of '/' unless keep_slash. */
void url_encode(struct buf *out, struct str text, bool keep_slash);
/* Appends a parameter of a query or a form, both parts encoded: "name=value", after a & unless `out` is
 * empty. */
void url_add_parameter(struct buf *out, struct str name, struct str value);
/* Percent-decodes; `plus_is_space` for form data. False: an invalid escape. */
bool url_decode(struct arena *arena, struct str text, bool plus_is_space, struct str *out);

/* ---- hash.c: CRC-64/NVME, S3's default checksum of whole objects. It is fifteen times as fast as SHA-256 on
 * CPUs with carry-less multiplication, and the CRCs of parts can be combined. */
/* Starts with crc 0; the result of one call is the crc of the next. */
uint64_t crc64_update(uint64_t crc, const void *bytes, size_t n);
/* Returns the CRC of two consecutive pieces; the second has n bytes. */
uint64_t crc64_combine(uint64_t first, uint64_t second, uint64_t n);
