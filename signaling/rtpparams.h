/* The codecs and header extensions we offer, in WebRTC's words, and the way from what a page says
 * it sends to what the media core is told: typed structs on both sides.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_RTPPARAMS_H
#define SIGNALING_RTPPARAMS_H

#include "common/codecs.h"
#include "common/control.h"
#include "signaling/message.h"

/* One codec as offered; its RTX (RFC 4588) is the next entry when there is one. */
struct rtpparams_codec {
    enum control_kind kind;
    enum codec codec; /* CODEC_NONE: RTX of the entry before */
    const char *mime;
    uint8_t payload_type;
    uint8_t channels; /* 0: video */
    uint32_t clock_rate;
    const char *const *parameters;    /* pairs of name and value, ends with NULL */
    const char *const *feedback;      /* pairs of type and parameter, ends with NULL */
    const char *const *seat_feedback; /* the same for what we send */
    bool vp9;                         /* offered in hearings with VP9 alone */
};

#define RTPPARAMS_CODEC_COUNT 7
extern const struct rtpparams_codec rtpparams_codecs[RTPPARAMS_CODEC_COUNT];

/* RFC 2198 of the offered Opus, beside it in the seats of pages that take it. */
extern const struct rtpparams_codec rtpparams_red;

struct rtpparams_extension {
    const char *uri;
    uint8_t id;
    bool audio, video;
    bool only_received; /* we never send it, whatever a page offers */
    bool in_seats;      /* what we send has it, of both kinds */
};

#define RTPPARAMS_EXTENSION_COUNT 6
extern const struct rtpparams_extension rtpparams_extensions[RTPPARAMS_EXTENSION_COUNT];

/* Fills `ret_add` but for hearing, peer and stream. `vp9`: the hearing offers it. -EPROTONOSUPPORT
 * when no codec is in common, or the encodings are none the media core takes. */
int rtpparams_stream(const struct message_produce *produce, bool vp9,
                     struct control_stream_add *ret_add);

#endif
