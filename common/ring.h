/* The ring in shared memory (memfd) by which the media core hands a recorded hearing's packets to
 * the tape writer. One producer thread, one consumer process; the producer never waits: when the
 * ring is full the packet is not taken and the gap is counted and told in the ring itself.
 * Nothing before the consumer's durable tail is ever overwritten, so a killed writer is restarted
 * and goes on from there; a killed producer leaves everything it had put in.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_RING_H
#define COMMON_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

/* What a ring record holds. All integers in payloads are big-endian (bytes.h). */
enum ring_kind {
    /* A whole RTP packet as opened, header included, with the sender's own payload type, SSRC and
     * extensions; a packet repaired by RTX is put back into its original form. */
    RING_RTP = 1,
    RING_RTP_REPAIRED = 2,
    /* A sender report: u32 ssrc, u64 NTP time, u32 RTP timestamp (RFC 3550 section 6.4.1). */
    RING_SENDER_REPORT = 3,
    /* A track begins: u64 peer, u64 stream, u8 kind (control_kind), u8 source (control_source), u8
     * codec (enum codec), u8 payload type, u32 clock rate, u32 ssrc. Said again whenever a producer
     * starts, and with every sender report: then nothing new, unless the first was lost. */
    RING_TRACK = 4,
    RING_TRACK_END = 5, /* u64 stream */
    /* u64 stream, u8 1: paused, nothing more is recorded of it until 0, which is said when the
     * pause ends, whether packets come or not. */
    RING_TRACK_MUTE = 6,
    /* Packets given up by the repair: u16 first sequence number, u16 count. */
    RING_LOSS = 7,
    /* The ring was full: u64 packets not taken since the last record. Our fault. */
    RING_OVERRUN = 8,
    /* A producer begins: u64 boot id. Said whenever the media core is given a ring it has not:
     * when a hearing is opened, after a restart of the media core, and when a hearing that all had
     * left has its place there again. Numbers of tracks begin anew. */
    RING_PRODUCER = 9,
};

/* One record as read. `track` is the producer's number of the stream within the hearing, 0 for
 * records about none; it is told by RING_TRACK. */
struct ring_record {
    enum ring_kind kind;
    uint32_t track;
    uint64_t index;      /* 1 for the first, no holes */
    uint64_t arrived_us; /* CLOCK_MONOTONIC when the datagram was read */
    const uint8_t *data; /* borrowed from the ring until ring_release() passes it */
    size_t len;          /* bytes */
};

struct ring;

/* Makes a ring of `capacity` payload bytes (a power of two, at least 64 KiB). Returns 0, -EINVAL,
 * -ENOMEM or what memfd_create, ftruncate and mmap say. */
int ring_create(size_t capacity, struct ring **ret_ring);

/* Maps a ring made by another process; duplicates `fd`. The size is sealed and checked, and the
 * header is not trusted. Returns 0, -EBADMSG if it is no ring, or an errno of mmap. */
int ring_attach(int fd, struct ring **ret_ring);

/* Unmaps; the memory lives on while any process holds its descriptor. Accepts NULL. */
void ring_destroy(struct ring *ring);
DEFINE_CLEANUP(struct ring, ring_destroy)

/* The descriptor, to be passed on. Borrowed. */
int ring_fd(const struct ring *ring);

/* Producer thread only; never blocks, never allocates. The packet may come in two parts (a header
 * of the caller's and the rest); either may be empty. Returns 0, -ENOBUFS when full (counted), or
 * -EMSGSIZE, or -EBADMSG when the header of a ring taken over makes no sense. */
/* NOLINTNEXTLINE(readability-function-size): a struct would be filled for every packet */
int ring_put(struct ring *ring, enum ring_kind kind, uint32_t track, uint64_t arrived_us,
             const void *head, size_t head_len, const void *body, size_t body_len);

/* Packets not taken since the ring was made. Any thread or process. */
uint64_t ring_dropped(const struct ring *ring);

/* Consumer only. Reads the record after the one last read (at first: after the durable tail) into
 * `ret_record`. Returns 1, 0 when there is none yet, or -EBADMSG when the producer wrote nonsense:
 * the consumer then skips to the head with ring_skip_to_head(). */
int ring_next(struct ring *ring, struct ring_record *ret_record);

/* Consumer only: all records read so far are safely on disk and may be overwritten. */
void ring_release(struct ring *ring);

/* Consumer only: gives up what is unread; returns how many bytes. */
size_t ring_skip_to_head(struct ring *ring);

#endif
