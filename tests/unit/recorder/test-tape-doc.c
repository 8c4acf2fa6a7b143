/* SPDX-License-Identifier: Apache-2.0 */
/* The tape shown in recorder/TAPE.md is the one that the code writes: compares, or with a second
 * argument "print" prints it. */
#include <string.h>

#include "common/ring.h"
#include "recorder/tape.h"
#include "unit/check.h"

static void add_records(struct writer *w)
{
    uint8_t resume[16];
    struct writer p = writer_over(resume, sizeof(resume));
    writer_u64(&p, 0xabcdef);
    writer_u64(&p, 0);
    struct tape_record record = {
        .kind = TAPE_RESUME, .index = 1, .time_us = 1000000, .data = resume, .len = sizeof(resume)};
    tape_record_encode(w, &record, NULL, 0);

    static const char line[] = "{\"seq\":1,\"event\":\"hearing.opened\"}";
    uint8_t wall[8];
    p = writer_over(wall, sizeof(wall));
    writer_u64(&p, 1780000000000000);
    record = (struct tape_record){
        .kind = TAPE_NOTE, .index = 2, .time_us = 1000100, .data = wall, .len = sizeof(wall)};
    tape_record_encode(w, &record, line, sizeof(line) - 1);

    const uint8_t mute[9] = {0, 0, 0, 0, 0, 0, 0, 9, 1};
    record = (struct tape_record){.kind = RING_TRACK_MUTE,
                                  .track = 7,
                                  .index = 3,
                                  .ring_index = 1,
                                  .time_us = 1000200,
                                  .data = mute,
                                  .len = sizeof(mute)};
    tape_record_encode(w, &record, NULL, 0);
}

static size_t make_tape(uint8_t *bytes, size_t capacity)
{
    struct tape_header header = {
        .hearing = 0x1122334455667788,
        .started = {.monotonic_us = 1000000, .wall_us = 1780000000000000},
        .position = {.next_index = 1},
    };
    for (uint8_t i = 0; i < TAPE_BOOT_LEN; i++)
        header.boot_id[i] = i;
    tape_header_encode(&header, bytes);
    uint8_t chain[TAPE_HASH_LEN];
    CHECK_EQ(tape_header_chain(bytes, chain), 0);

    uint8_t *start = bytes + TAPE_HEADER_LEN;
    struct writer w = writer_over(start + TAPE_BLOCK_HEADER_LEN,
                                  capacity - TAPE_HEADER_LEN - TAPE_BLOCK_HEADER_LEN);
    add_records(&w);
    CHECK(!w.failed);
    struct tape_block block = {
        .count = 3,
        .first_index = 1,
        .written = {.monotonic_us = 1250000, .wall_us = 1780000000250000},
        .records_len = writer_len(&w),
    };
    CHECK_EQ(tape_block_encode(&block, chain, start), 0);
    return TAPE_HEADER_LEN + TAPE_BLOCK_HEADER_LEN + block.records_len + TAPE_HASH_LEN;
}

static void dump(const uint8_t *bytes, size_t len, char *text, size_t capacity)
{
    size_t at = 0;
    for (size_t i = 0; i < len; i += 16) {
        at += (size_t)snprintf(text + at, capacity - at, "    %08zx ", i);
        for (size_t k = i; k < len && k < i + 16; k++)
            at += (size_t)snprintf(text + at, capacity - at, "%s %02x", k == i + 8 ? " " : "",
                                   bytes[k]);
        at += (size_t)snprintf(text + at, capacity - at, "\n");
    }
    CHECK(at < capacity - 1);
}

int main(int argc, char **argv)
{
    CHECK(argc >= 2);
    static uint8_t bytes[2048];
    static char wanted[8192], page[65536];
    dump(bytes, make_tape(bytes, sizeof(bytes)), wanted, sizeof(wanted));
    if (argc > 2) {
        fputs(wanted, stdout);
        return 0;
    }
    FILE *f = fopen(argv[1], "re");
    CHECK(f);
    size_t len = fread(page, 1, sizeof(page) - 1, f);
    CHECK(len > 0 && feof(f));
    fclose(f);
    if (!strstr(page, wanted))
        fprintf(stderr, "%s does not show this tape:\n%s", argv[1], wanted);
    CHECK(strstr(page, wanted));
    return 0;
}
