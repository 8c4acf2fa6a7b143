/* From ordered RTP payloads to whole frames: Opus packets (RFC 7587), VP8 frames (RFC 7741), VP9
 * superframes (RFC 9628), H.264 access units (RFC 6184). After a loss a picture is withheld until
 * one comes that needs nothing lost: a record shows a still or nothing, never a smear.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECORDER_DEPAY_H
#define RECORDER_DEPAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "recorder/layered.h"
#include "recorder/packet.h"

struct depay {
    uint8_t codec; /* enum codec */

    bool started;
    int64_t next_seq;

    /* The frame being put together. */
    uint8_t *bytes;
    size_t len, capacity;
    bool open;              /* its start was seen and nothing is missing since */
    int64_t seq, rtp_ticks; /* of its first packet */
    bool key;
    bool in_fragment; /* H.264: within an FU-A */

    /* What must come before a picture may be shown again. */
    bool needs_key;
    bool layers_broken;  /* VP8: upper temporal layers wait for a sync point */
    int base_layer;      /* VP8: TL0PICIDX of the last base layer frame, -1: not known */
    uint8_t temporal_id; /* VP8, of the frame being put together */
    bool layer_sync;
    int frame_base_layer;   /* -1: not told */
    struct layered layered; /* VP9 */
};

struct depay_frame {
    const uint8_t *data; /* borrowed until the next call. H.264: Annex B */
    size_t len;
    int64_t seq, rtp_ticks; /* of its first packet, unwrapped */
    bool key;               /* decodable by itself; every Opus packet is */
};

void depay_init(struct depay *d, uint8_t codec);
void depay_finish(struct depay *d);

/* Adds the next packet in order; a jump in `seq` is a loss. Returns 1 with a whole frame, 0 when
 * there is none (yet), -ENOMEM. */
int depay_push(struct depay *d, const struct packet *packet, int64_t seq, int64_t rtp_ticks,
               struct depay_frame *ret_frame);

/* Size of the picture from a key frame of VP8, what is shown of VP9, or from H.264's first sequence
 * parameter set. */
bool depay_size(uint8_t codec, const uint8_t *data, size_t len, uint16_t *ret_width,
                uint16_t *ret_height);

#endif
