/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/tape.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include <openssl/evp.h>

#include "common/ring.h"
#include "recorder/crc32c.h"

#define HEADER_MAGIC    0x41535a544150450aull /* "ASZTAPE\n" */
#define BLOCK_MAGIC     0x424c434bu           /* "BLCK" */
#define RECORD_MAGIC    0x5245u               /* "RE" */
#define CRC_LEN         4
#define RECORD_HEAD_LEN (TAPE_RECORD_EXTRA - CRC_LEN)

const char *tape_fault_text(enum tape_fault fault)
{
    switch (fault) {
    case TAPE_SOUND:
        return "sound";
    case TAPE_FAULT_HEADER:
        return "the segment's header is damaged";
    case TAPE_FAULT_BLOCK_HEADER:
        return "the block's header is damaged";
    case TAPE_FAULT_RECORD:
        return "a record is damaged";
    case TAPE_FAULT_INDEX:
        return "records or blocks are missing, doubled or out of order";
    case TAPE_FAULT_HASH:
        return "the block's hash does not continue the chain";
    case TAPE_FAULT_SHORT:
        return "the file ends within a block";
    }
    return "?";
}

static void evp_free(EVP_MD_CTX *context)
{
    EVP_MD_CTX_free(context);
}
DEFINE_CLEANUP(EVP_MD_CTX, evp_free)

int tape_hash(const uint8_t *before, const void *data, size_t len, uint8_t ret_hash[TAPE_HASH_LEN])
{
    CLEANUP(evp_free) EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context || !EVP_DigestInit_ex(context, EVP_sha256(), NULL))
        return -ENOMEM;
    if (before && !EVP_DigestUpdate(context, before, TAPE_HASH_LEN))
        return -ENOMEM;
    if (!EVP_DigestUpdate(context, data, len) || !EVP_DigestFinal_ex(context, ret_hash, NULL))
        return -ENOMEM;
    return 0;
}

void tape_header_encode(const struct tape_header *header, uint8_t ret_bytes[TAPE_HEADER_LEN])
{
    struct writer w = writer_over(ret_bytes, TAPE_HEADER_LEN);
    writer_u64(&w, HEADER_MAGIC);
    writer_u16(&w, TAPE_VERSION);
    writer_u16(&w, TAPE_HEADER_LEN);
    writer_u32(&w, header->segment);
    writer_u64(&w, header->hearing);
    writer_bytes(&w, header->boot_id, TAPE_BOOT_LEN);
    writer_u64(&w, header->started.wall_us);
    writer_u64(&w, header->started.monotonic_us);
    writer_u64(&w, header->position.next_index);
    writer_u32(&w, header->position.next_block);
    writer_u64(&w, header->position.ring_id);
    writer_u64(&w, header->position.ring_index);
    writer_u64(&w, header->position.note_seq);
    writer_bytes(&w, header->position.chain, TAPE_HASH_LEN);
    writer_u32(&w, crc32c(ret_bytes, writer_len(&w)));
    assert(!w.failed && writer_len(&w) == TAPE_HEADER_LEN);
}

int tape_header_decode(const void *data, size_t len, struct tape_header *ret_header)
{
    struct reader r = reader_over(data, len);
    if (reader_u64(&r) != HEADER_MAGIC || reader_u16(&r) != TAPE_VERSION ||
        reader_u16(&r) != TAPE_HEADER_LEN)
        return -EBADMSG;
    struct tape_header h = {.segment = reader_u32(&r), .hearing = reader_u64(&r)};
    const uint8_t *boot_id = reader_skip(&r, TAPE_BOOT_LEN);
    h.started.wall_us = reader_u64(&r);
    h.started.monotonic_us = reader_u64(&r);
    h.position.next_index = reader_u64(&r);
    h.position.next_block = reader_u32(&r);
    h.position.ring_id = reader_u64(&r);
    h.position.ring_index = reader_u64(&r);
    h.position.note_seq = reader_u64(&r);
    const uint8_t *chain = reader_skip(&r, TAPE_HASH_LEN);
    uint32_t crc = reader_u32(&r);
    if (r.failed || crc != crc32c(data, TAPE_HEADER_LEN - CRC_LEN))
        return -EBADMSG;
    memcpy(h.boot_id, boot_id, TAPE_BOOT_LEN);
    memcpy(h.position.chain, chain, TAPE_HASH_LEN);
    *ret_header = h;
    return 0;
}

int tape_header_chain(const uint8_t bytes[TAPE_HEADER_LEN], uint8_t ret_hash[TAPE_HASH_LEN])
{
    return tape_hash(NULL, bytes, TAPE_HEADER_LEN, ret_hash);
}

void tape_record_encode(struct writer *w, const struct tape_record *record, const void *body,
                        size_t body_len)
{
    uint8_t *start = w->pos;
    writer_u16(w, RECORD_MAGIC);
    writer_u8(w, record->kind);
    writer_u8(w, 0);
    writer_u32(w, (uint32_t)(record->len + body_len));
    writer_u32(w, record->track);
    writer_u64(w, record->index);
    writer_u64(w, record->ring_index);
    writer_u64(w, record->time_us);
    writer_bytes(w, record->data, record->len);
    writer_bytes(w, body, body_len);
    if (!w->failed)
        writer_u32(w, crc32c(start, (size_t)(w->pos - start)));
}

int tape_record_decode(struct reader *r, struct tape_record *ret_record)
{
    if (reader_left(r) == 0)
        return 0;
    const uint8_t *start = r->pos;
    uint16_t magic = reader_u16(r);
    struct tape_record record = {.kind = reader_u8(r)};
    uint8_t zero = reader_u8(r);
    uint32_t len = reader_u32(r);
    record.track = reader_u32(r);
    record.index = reader_u64(r);
    record.ring_index = reader_u64(r);
    record.time_us = reader_u64(r);
    if (len > LIMIT_TAPE_RECORD_BYTES)
        return -EBADMSG;
    record.len = len;
    record.data = reader_skip(r, len);
    uint32_t crc = reader_u32(r);
    if (r->failed || magic != RECORD_MAGIC || zero != 0 ||
        crc != crc32c(start, RECORD_HEAD_LEN + len))
        return -EBADMSG;
    *ret_record = record;
    return 1;
}

int tape_block_encode(struct tape_block *block, const uint8_t chain[TAPE_HASH_LEN], uint8_t *bytes)
{
    struct writer w = writer_over(bytes, TAPE_BLOCK_HEADER_LEN);
    writer_u32(&w, BLOCK_MAGIC);
    writer_u32(&w, (uint32_t)block->records_len);
    writer_u32(&w, block->number);
    writer_u32(&w, block->count);
    writer_u64(&w, block->first_index);
    writer_u64(&w, block->written.monotonic_us);
    writer_u64(&w, block->written.wall_us);
    writer_u32(&w, 0);
    writer_u32(&w, crc32c(bytes, writer_len(&w)));
    assert(!w.failed && writer_len(&w) == TAPE_BLOCK_HEADER_LEN);

    size_t hashed = TAPE_BLOCK_HEADER_LEN + block->records_len;
    int error = tape_hash(chain, bytes, hashed, block->hash);
    if (error)
        return error;
    memcpy(bytes + hashed, block->hash, TAPE_HASH_LEN);
    return 0;
}

static int decode_block_header(const void *data, size_t len, struct tape_block *ret_block)
{
    struct reader r = reader_over(data, len);
    uint32_t magic = reader_u32(&r);
    struct tape_block block = {.records_len = reader_u32(&r)};
    block.number = reader_u32(&r);
    block.count = reader_u32(&r);
    block.first_index = reader_u64(&r);
    block.written.monotonic_us = reader_u64(&r);
    block.written.wall_us = reader_u64(&r);
    uint32_t zero = reader_u32(&r);
    uint32_t crc = reader_u32(&r);
    if (r.failed || magic != BLOCK_MAGIC || zero != 0 ||
        crc != crc32c(data, TAPE_BLOCK_HEADER_LEN - CRC_LEN) ||
        block.records_len > LIMIT_TAPE_BLOCK_BYTES ||
        block.count > block.records_len / TAPE_RECORD_EXTRA)
        return -EBADMSG;
    *ret_block = block;
    return 0;
}

size_t tape_block_len(const void *data, size_t len)
{
    struct tape_block block;
    if (decode_block_header(data, len, &block) < 0)
        return 0;
    return TAPE_BLOCK_HEADER_LEN + block.records_len + TAPE_HASH_LEN;
}

/* Checks that the block holds `count` sound records whose indexes follow each other. */
static enum tape_fault check_records(const struct tape_block *block, size_t *ret_at)
{
    struct reader r = reader_over(block->records, block->records_len);
    for (uint32_t i = 0;; i++) {
        const uint8_t *start = r.pos;
        struct tape_record record;
        int more = tape_record_decode(&r, &record);
        *ret_at = TAPE_BLOCK_HEADER_LEN + (size_t)(start - block->records);
        if (more < 0)
            return TAPE_FAULT_RECORD;
        if (more == 0)
            return i == block->count ? TAPE_SOUND : TAPE_FAULT_INDEX;
        if (i >= block->count || record.index != block->first_index + i)
            return TAPE_FAULT_INDEX;
    }
}

int tape_block_decode(const void *data, size_t len, const uint8_t *chain,
                      struct tape_block *ret_block, enum tape_fault *ret_fault, size_t *ret_at)
{
    struct tape_block block = {0};
    *ret_at = 0;
    if (decode_block_header(data, len, &block) < 0) {
        *ret_fault = len < TAPE_BLOCK_HEADER_LEN ? TAPE_FAULT_SHORT : TAPE_FAULT_BLOCK_HEADER;
        return -EBADMSG;
    }
    struct reader r = reader_over(data, len);
    const uint8_t *header = reader_skip(&r, TAPE_BLOCK_HEADER_LEN);
    block.records = reader_skip(&r, block.records_len);
    const uint8_t *stored = reader_skip(&r, TAPE_HASH_LEN);
    if (r.failed) {
        *ret_fault = TAPE_FAULT_SHORT;
        return -EBADMSG;
    }
    *ret_fault = check_records(&block, ret_at);
    if (*ret_fault != TAPE_SOUND)
        return -EBADMSG;
    memcpy(block.hash, stored, TAPE_HASH_LEN);
    int error =
        chain ? tape_hash(chain, header, TAPE_BLOCK_HEADER_LEN + block.records_len, block.hash) : 0;
    if (error)
        return error;
    if (memcmp(stored, block.hash, TAPE_HASH_LEN) != 0) {
        *ret_fault = TAPE_FAULT_HASH;
        *ret_at = TAPE_BLOCK_HEADER_LEN + block.records_len;
        return -EBADMSG;
    }
    *ret_block = block;
    return 0;
}

uint64_t tape_note_seq(const void *text, size_t len)
{
    static const char start[] = "{\"seq\":";
    struct reader r = reader_over(text, len);
    const uint8_t *found = reader_skip(&r, sizeof(start) - 1);
    if (!found || memcmp(found, start, sizeof(start) - 1) != 0)
        return 0;
    while (reader_left(&r) > 0 && *r.pos == ' ')
        (void)reader_skip(&r, 1);
    uint64_t seq = 0;
    for (int digits = 0; digits < 18; digits++) {
        uint8_t c = reader_u8(&r);
        if (c < '0' || c > '9')
            break;
        seq = seq * 10 + (uint64_t)(c - '0');
    }
    return seq;
}

void tape_position_record(struct tape_position *position, const struct tape_record *record)
{
    position->next_index = record->index + 1;
    if (record->ring_index > position->ring_index)
        position->ring_index = record->ring_index;
    struct reader r = reader_over(record->data, record->len);
    uint64_t first = reader_u64(&r);
    if (record->kind == TAPE_RING) {
        position->ring_id = first;
        position->ring_index = 0;
    } else if (record->kind == TAPE_HEAD) {
        position->sealed = true;
    } else if (record->kind == TAPE_NOTE && !r.failed) {
        uint64_t seq = tape_note_seq(r.pos, reader_left(&r));
        if (seq > position->note_seq)
            position->note_seq = seq;
    }
}

void tape_position_block(struct tape_position *position, const struct tape_block *block)
{
    struct reader r = reader_over(block->records, block->records_len);
    struct tape_record record;
    while (tape_record_decode(&r, &record) == 1)
        tape_position_record(position, &record);
    position->next_index = block->first_index + block->count;
    position->next_block = block->number + 1;
    memcpy(position->chain, block->hash, TAPE_HASH_LEN);
}
