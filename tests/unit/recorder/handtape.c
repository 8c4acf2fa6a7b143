/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/recorder/handtape.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/codecs.h"
#include "common/control.h"
#include "common/ring.h"
#include "unit/check.h"

/* Seconds since 1900 on the sender's clock when the tape begins. */
#define SENDER_S   3900000000u
#define PATH_BYTES 128

static struct tape_time time_of(int64_t at_us)
{
    return (struct tape_time){.monotonic_us = (uint64_t)(HANDTAPE_START_US + at_us),
                              .wall_us = (uint64_t)(1700000000000000 + at_us)};
}

static uint32_t ssrc_of(const struct handtape *tape, uint32_t track)
{
    return 0x11111111u * track + tape->producer;
}

void handtape_begin(struct handtape *tape)
{
    *tape = (struct handtape){0};
    snprintf(tape->dir, sizeof(tape->dir), "%s/assize-tape-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    CHECK(mkdtemp(tape->dir));
    struct tape_time now = time_of(0);
    CHECK_EQ(tapewriter_open(tape->dir, HANDTAPE_HEARING, &now, &tape->writer), 0);
}

void handtape_flush(struct handtape *tape, int64_t at_us)
{
    struct tape_time now = time_of(at_us);
    CHECK_EQ(tapewriter_flush(tape->writer, &now), 0);
}

void handtape_finish(struct handtape *tape, int64_t at_us)
{
    struct tape_time now = time_of(at_us);
    CHECK_EQ(tapewriter_seal(tape->writer, &now), 0);
    tapewriter_close(tape->writer);
    tape->writer = NULL;
}

static void path_of(const struct handtape *tape, char path[PATH_BYTES])
{
    snprintf(path, PATH_BYTES, "%s/" TAPE_SEGMENT_NAME, tape->dir, 0);
}

uint64_t handtape_bytes(const struct handtape *tape)
{
    char path[PATH_BYTES];
    struct stat status;
    path_of(tape, path);
    CHECK_EQ(stat(path, &status), 0);
    return (uint64_t)status.st_size;
}

void handtape_damage(const struct handtape *tape, uint64_t at)
{
    char path[PATH_BYTES];
    path_of(tape, path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    CHECK(fd >= 0);
    uint8_t byte;
    CHECK_EQ(pread(fd, &byte, 1, (off_t)at), 1);
    byte ^= 0x40;
    CHECK_EQ(pwrite(fd, &byte, 1, (off_t)at), 1);
    CHECK_EQ(close(fd), 0);
}

void handtape_remove(const struct handtape *tape)
{
    char path[PATH_BYTES];
    path_of(tape, path);
    CHECK_EQ(unlink(path), 0);
    CHECK_EQ(rmdir(tape->dir), 0);
}

static void put(struct handtape *tape, uint8_t kind, uint32_t track, int64_t at_us,
                const struct writer *payload)
{
    struct tape_record record = {
        .kind = kind,
        .track = track,
        .ring_index = kind < TAPE_NOTE ? ++tape->ring_index : 0,
        .time_us = time_of(at_us).monotonic_us,
    };
    CHECK(!payload->failed);
    CHECK_EQ(tapewriter_append(tape->writer, &record, payload->start, writer_len(payload)), 0);
}

void handtape_number(struct handtape *tape, uint8_t kind, int64_t at_us, uint64_t value)
{
    uint8_t bytes[8];
    struct writer p = writer_over(bytes, sizeof(bytes));
    writer_u64(&p, value);
    put(tape, kind, 0, at_us, &p);
}

static void put_track(struct handtape *tape, uint32_t track, uint64_t peer, uint64_t stream,
                      uint8_t codec, int64_t at_us)
{
    bool video = codec != CODEC_OPUS;
    uint8_t bytes[28];
    struct writer p = writer_over(bytes, sizeof(bytes));
    writer_u64(&p, peer);
    writer_u64(&p, stream);
    writer_u8(&p, video ? CONTROL_VIDEO : CONTROL_AUDIO);
    writer_u8(&p, video ? CONTROL_SOURCE_CAMERA : CONTROL_SOURCE_MICROPHONE);
    writer_u8(&p, codec);
    writer_u8(&p, 96);
    writer_u32(&p, video ? 90000 : 48000);
    writer_u32(&p, ssrc_of(tape, track));
    put(tape, RING_TRACK, track, at_us, &p);
}

void handtape_track(struct handtape *tape, uint32_t track, uint64_t peer, uint64_t stream,
                    bool video, int64_t at_us)
{
    put_track(tape, track, peer, stream, video ? CODEC_VP8 : CODEC_OPUS, at_us);
}

void handtape_camera(struct handtape *tape, uint32_t track, uint64_t peer, uint64_t stream,
                     uint8_t codec, int64_t at_us)
{
    put_track(tape, track, peer, stream, codec, at_us);
}

/* RFC 3550 section 5.1. */
void handtape_packet(struct handtape *tape, uint32_t track, uint16_t seq, uint32_t ticks,
                     const struct packet *packet, int64_t at_us)
{
    uint8_t bytes[1500];
    struct writer p = writer_over(bytes, sizeof(bytes));
    writer_u8(&p, 0x80);
    writer_u8(&p, (uint8_t)(packet->marker << 7 | 96));
    writer_u16(&p, seq);
    writer_u32(&p, ticks);
    writer_u32(&p, ssrc_of(tape, track));
    writer_bytes(&p, packet->payload, packet->payload_len);
    put(tape, RING_RTP, track, at_us, &p);
}

void handtape_rtp(struct handtape *tape, uint32_t track, uint16_t seq, uint32_t ticks,
                  int64_t at_us)
{
    static const uint8_t payload[] = {0x10};
    const struct packet packet = {.payload = payload, .payload_len = sizeof(payload)};
    handtape_packet(tape, track, seq, ticks, &packet, at_us);
}

void handtape_report(struct handtape *tape, uint32_t track, uint32_t ticks, int64_t at_us)
{
    uint8_t bytes[16];
    struct writer p = writer_over(bytes, sizeof(bytes));
    writer_u32(&p, ssrc_of(tape, track));
    writer_u32(&p, SENDER_S + (uint32_t)(at_us / 1000000));
    writer_u32(&p, (uint32_t)((uint64_t)(at_us % 1000000) * 0x100000000u / 1000000));
    writer_u32(&p, ticks);
    put(tape, RING_SENDER_REPORT, track, at_us, &p);
}
