/* One incoming stream (one SSRC and its RTX): numbers, loss, jitter and report data (RFC 3550),
 * repair (RFC 4585, RFC 4588), recent packets, and whether it flows.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_STREAM_H
#define SFU_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/codecs.h"
#include "common/limits.h"
#include "sfu/history.h"
#include "sfu/nack.h"
#include "sfu/packet.h"
#include "sfu/rtcp.h"

/* Recent packets kept: about 1 s of video at 4 Mbit/s, of audio 1 s and more. Ours. */
#define STREAM_HISTORY_VIDEO 512
#define STREAM_HISTORY_AUDIO 64
/* Without a packet this long, a stream no longer flows. Ours. */
#define STREAM_STOPPED_US (1000 * 1000ull)

struct stream_codec {
    enum codec codec;
    uint8_t payload_type;
    uint8_t rtx_payload_type; /* 0: none */
    uint8_t red_payload_type; /* of RED (RFC 2198) of it; 0: none */
};

struct stream_config {
    struct history_share *history; /* of its publisher; borrowed */
    uint32_t ssrc;
    uint32_t rtx_ssrc; /* 0: none, or not known yet (stream_set_rtx_ssrc) */
    bool video;
    uint8_t codec_count;
    struct stream_codec codecs[LIMIT_CODECS_PER_STREAM];
};

struct stream;

/* What a packet meant. */
struct stream_arrival {
    bool repaired; /* it came late, by RTX, in RED or after it had been asked for */
    bool began;    /* the first, or the first since the stream stopped */
    bool reset;    /* the source began again with other sequence numbers */
};

/* Counters since the stream was made. */
struct stream_stats {
    uint64_t packets;  /* accepted, repaired ones included */
    uint64_t bytes;    /* of their payloads */
    uint64_t repaired; /* came after they were asked for */
    uint64_t lost;     /* given up */
    uint64_t asked;    /* numbers asked for again, repetitions included */
    uint64_t key_frames;
    uint64_t expected;      /* by sequence numbers */
    uint64_t before_repair; /* of `expected`, those that came in the first place */
};

/* Returns 0, -EINVAL for a configuration without codecs, or -ENOMEM. */
int stream_create(const struct stream_config *config, struct stream **ret_stream);
/* Accepts NULL. */
void stream_destroy(struct stream *stream);
DEFINE_CLEANUP(struct stream, stream_destroy)

/* The RTX SSRC, once learned by repaired RID. */
void stream_set_rtx_ssrc(struct stream *stream, uint32_t rtx_ssrc);

/* Takes in an opened packet of this stream or its RTX, with packet->rtp parsed and nobody else
 * holding it. RTX and RED are put back into the original's form in place (data, len and rtp
 * change); packet->payload is set, a reference is kept for the history. Returns 0, or: -EALREADY a
 * duplicate; -ENODATA a packet without media (probe or padding: to be withheld from subscribers;
 * its number counts when not RTX); -ENOENT a payload type not announced; -EBADMSG nonsense; -ERANGE
 * out of place. Only on 0 is the packet to be forwarded; on -ENODATA, -ENOENT and -EBADMSG of a
 * packet of the stream itself, subscribers get rewrite_withhold(). */
int stream_receive(struct stream *stream, struct packet *packet, uint64_t now_us,
                   struct stream_arrival *ret_arrival);

/* `packet`, not taken in yet, may be RED and bring one along that never came and is newer than all
 * that did: the oldest such is made into `into`, as its publisher would have sent it alone, for
 * stream_take_restored(). Its number follows from the timestamps, which must be even from the last
 * packet to this one. False: none. */
bool stream_restore(struct stream *stream, const struct packet *packet, uint64_t now_us,
                    struct packet *into);
/* As stream_receive(), of a packet made so. */
int stream_take_restored(struct stream *stream, struct packet *packet, uint64_t now_us,
                         struct stream_arrival *ret_arrival);

/* A recent packet in original form, to be sent again; NULL if there is none. Borrowed until the
 * next call on this stream. */
struct packet *stream_find(struct stream *stream, uint16_t seq, uint64_t now_us);

/* Sender report of this stream (the SSRC is the caller's to check). */
void stream_sender_report(struct stream *stream, const struct rtcp_sender_info *info,
                          uint64_t now_us);
/* The last one, as it came. False if there was none. */
bool stream_last_sender_info(const struct stream *stream, struct rtcp_sender_info *ret_info);

/* Interarrival jitter, RFC 3550 section 6.4.1; 0 before the second packet. */
uint32_t stream_jitter_us(const struct stream *stream);

/* The block for our next receiver report; starts a new interval for its fraction lost. False
 * before the first packet. */
bool stream_report_block(struct stream *stream, uint64_t now_us,
                         struct rtcp_report_block *ret_block);

/* Round-trip time to the publisher, for the retry clock. */
void stream_set_round_trip(struct stream *stream, uint32_t rtt_us);

/* The repair, as in nack.h. */
size_t stream_ask_again(struct stream *stream, uint64_t now_us, uint16_t *seqs, size_t capacity);
bool stream_give_up(struct stream *stream);
bool stream_given_up(struct stream *stream, struct nack_run *ret_run);
bool stream_wants_key_frame(struct stream *stream, uint64_t now_us);
/* When stream_ask_again() next has something to do; UINT64_MAX: nothing. */
uint64_t stream_next_us(const struct stream *stream);

/* Whether packets come; call about every 100 ms. Drops outdated history of a silent stream. */
bool stream_is_flowing(struct stream *stream, uint64_t now_us);

/* When its last packet came; 0: never. */
uint64_t stream_last_us(const struct stream *stream);

/* Borrowed; brought up to date by the call. */
const struct stream_stats *stream_stats(struct stream *stream);

#endif
