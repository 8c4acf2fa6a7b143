/* The tape's format: segments of hash-chained blocks of records. Encodes and decodes bytes in
 * memory; tapewriter.h and tapereader.h do the files. TAPE.md describes it for a stranger.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECORDER_TAPE_H
#define RECORDER_TAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/limits.h"

#define TAPE_VERSION          1
#define TAPE_HASH_LEN         32 /* SHA-256 */
#define TAPE_BOOT_LEN         16
#define TAPE_HEADER_LEN       128
#define TAPE_BLOCK_HEADER_LEN 48
#define TAPE_RECORD_EXTRA     40 /* what a record takes besides its payload */
#define TAPE_HEAD_LEN         28 /* payload of a TAPE_HEAD */

/* A segment is closed at this many bytes. Ours: some minutes of a large hearing, so that recovery,
 * which reads only the newest, takes under a second. */
#define TAPE_SEGMENT_BYTES (256u << 20)

/* The file of a segment within its hearing's directory. */
#define TAPE_SEGMENT_NAME     "tape-%06u.tape"
#define TAPE_SEGMENT_NAME_MAX 24

/* Kinds up to 63 are those of common/ring.h, payload as there. */
enum tape_kind {
    TAPE_NOTE = 64, /* u64 wall time in us, then a journal line as JSON (UTF-8) */
    /* A ring begins: u64 its identity. Ring indexes count from 1 again after it. */
    TAPE_RING = 65,
    /* The ring's content was damaged, or a record of it too long, and was skipped: u64 bytes given
     * up. Our fault. */
    TAPE_GAP = 66,
    /* The writer was started (again): u64 random number of this start, u64 bytes of a torn block
     * cut off before this record. */
    TAPE_RESUME = 67,
    /* Last record of a sealed tape: u64 records before it, u64 bytes of all blocks and headers
     * before its block, u32 segments, u64 wall time in us. */
    TAPE_HEAD = 68,
};

/* A moment on both clocks. */
struct tape_time {
    uint64_t monotonic_us;
    uint64_t wall_us;
};

/* What the writer must know to go on, as of a place on the tape. */
struct tape_position {
    uint64_t next_index;          /* of the next record; 1 at the very start */
    uint32_t next_block;          /* number of the next block; 0 at the very start */
    uint64_t ring_id;             /* the last TAPE_RING, 0: none yet */
    uint64_t ring_index;          /* newest record of that ring on the tape */
    uint64_t note_seq;            /* newest journal line on the tape that has a number, 0: none */
    bool sealed;                  /* a TAPE_HEAD is before this place */
    uint8_t chain[TAPE_HASH_LEN]; /* hash of the block before; zeros at the very start */
};

struct tape_header {
    uint32_t segment; /* number, from 0 */
    uint64_t hearing;
    uint8_t boot_id[TAPE_BOOT_LEN]; /* of the kernel: monotonic time is comparable within one */
    struct tape_time started;
    struct tape_position position; /* at the start of the segment; `sealed` is false */
};

struct tape_block {
    uint32_t number; /* over the whole tape, from 0 */
    uint32_t count;  /* records */
    uint64_t first_index;
    struct tape_time written;
    const uint8_t *records; /* borrowed from the bytes decoded */
    size_t records_len;
    uint8_t hash[TAPE_HASH_LEN]; /* as computed, equal to the one stored */
};

struct tape_record {
    uint8_t kind; /* enum ring_kind or enum tape_kind; unknown ones are to be skipped */
    uint32_t track;
    uint64_t index;      /* over everything on the tape, no holes */
    uint64_t ring_index; /* 0: not from the ring */
    uint64_t time_us;    /* monotonic: when the datagram arrived or the record was made */
    const uint8_t *data; /* borrowed */
    size_t len;
};

/* What is wrong with bytes that should be a tape. */
enum tape_fault {
    TAPE_SOUND = 0,
    TAPE_FAULT_HEADER,       /* the segment's header: magic, version or checksum */
    TAPE_FAULT_BLOCK_HEADER, /* a block's header: magic, bounds or checksum */
    TAPE_FAULT_RECORD,       /* a record: form or checksum */
    TAPE_FAULT_INDEX,        /* records or blocks missing, doubled or out of order */
    TAPE_FAULT_HASH,         /* the hash is not that of the block and the one before */
    TAPE_FAULT_SHORT,        /* the bytes end within a block */
};

/* One short sentence for each. */
const char *tape_fault_text(enum tape_fault fault);

/* SHA-256 over `before` (the hash before, or NULL) and `data`. Returns 0 or -ENOMEM. */
int tape_hash(const uint8_t *before, const void *data, size_t len, uint8_t ret_hash[TAPE_HASH_LEN]);

void tape_header_encode(const struct tape_header *header, uint8_t ret_bytes[TAPE_HEADER_LEN]);

/* Returns 0 or -EBADMSG. */
int tape_header_decode(const void *data, size_t len, struct tape_header *ret_header);

/* The chain's value after a segment's header, as its first block takes it. */
int tape_header_chain(const uint8_t bytes[TAPE_HEADER_LEN], uint8_t ret_hash[TAPE_HASH_LEN]);

/* Appends a record of two parts (either may be empty) to `w`; on too little room, w->failed. */
void tape_record_encode(struct writer *w, const struct tape_record *record, const void *body,
                        size_t body_len);

/* Makes a block in place: `bytes` has room for the header, then `block->records_len` bytes of
 * records already there, then room for the hash. Reads number, count, first_index and written;
 * fills in `block->hash`. Returns 0 or -ENOMEM. */
int tape_block_encode(struct tape_block *block, const uint8_t chain[TAPE_HASH_LEN], uint8_t *bytes);

/* The length in bytes of the whole block that begins at `data`, from its header alone (needs
 * TAPE_BLOCK_HEADER_LEN bytes). Returns 0 when it is no sound header. */
size_t tape_block_len(const void *data, size_t len);

/* Decodes and checks the whole block at `data`: header, every record, and the hash after `chain`
 * (TAPE_HASH_LEN bytes; NULL: not known, the stored hash is believed). Returns 0, -EBADMSG with
 * `*ret_fault` and `*ret_at` (offset in `data` where the bad part begins), or -ENOMEM. */
int tape_block_decode(const void *data, size_t len, const uint8_t *chain,
                      struct tape_block *ret_block, enum tape_fault *ret_fault, size_t *ret_at);

/* Takes the next record from `r` (over block->records) and checks it. Returns 1, 0 at the end,
 * -EBADMSG. */
int tape_record_decode(struct reader *r, struct tape_record *ret_record);

/* Moves `position` over a record or a block. */
void tape_position_record(struct tape_position *position, const struct tape_record *record);
void tape_position_block(struct tape_position *position, const struct tape_block *block);

/* The number at the start of a journal line ({"seq":N,...), or 0. */
uint64_t tape_note_seq(const void *text, size_t len);

#endif
