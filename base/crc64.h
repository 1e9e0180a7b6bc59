/*
 * CRC-64/NVME, the checksum that S3 keeps of whole objects by default. Fifteen times as fast as SHA-256 where
 * the CPU multiplies without carry, and the CRCs of parts give that of the whole.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Start with crc 0; the result of one call is the crc of the next. */
uint64_t crc64_update(uint64_t crc, const void *bytes, size_t n);
/* Of two pieces one after the other; the second has n bytes. */
uint64_t crc64_combine(uint64_t first, uint64_t second, uint64_t n);
