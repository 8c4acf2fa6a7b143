/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/sdp.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRANSPORT_CC "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
#define LINE_MAX_    512

__attribute__((format(printf, 2, 3))) static void add(char *to, const char *format, ...)
{
    size_t len = strlen(to);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(to + len, SDP_BYTES - len, format, args);
    va_end(args);
}

static void add_session(char *to, const struct sdp_self *self)
{
    to[0] = 0;
    add(to, "v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nt=0 0\r\n", self->address);
}

/* Of all media sections when it stands before them. */
static void add_keys(char *to, const struct sdp_self *self)
{
    add(to, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:sha-256 ", self->ice->ufrag,
        self->ice->password);
    for (int i = 0; i < CONTROL_FINGERPRINT_LEN; i++)
        add(to, "%s%02X", i ? ":" : "", self->fingerprint[i]);
    add(to, "\r\na=setup:active\r\n");
}

/* Of the first media section: the others are bundled with it. */
static void add_address(char *to, const struct sdp_self *self)
{
    add(to,
        "c=IN IP4 %s\r\na=candidate:1 1 udp 2130706431 %s %u typ host\r\na=end-of-candidates\r\n",
        self->address, self->address, self->port);
}

static void add_transport(char *to, const struct sdp_self *self)
{
    add_address(to, self);
    add_keys(to, self);
    add(to, "a=rtcp-mux\r\n");
}

static void add_video(char *to, const struct load *l, unsigned number, const struct sdp_self *self)
{
    add(to, "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n");
    add_transport(to, self);
    add(to, "a=mid:1\r\na=sendonly\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\n"
            "a=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 ccm fir\r\na=rtcp-fb:96 transport-cc\r\n"
            "a=extmap:4 " TRANSPORT_CC "\r\n");
    if (l->layers > 1)
        add(to, "a=ssrc-group:SIM");
    for (unsigned i = 0; i < l->layers && l->layers > 1; i++)
        add(to, " %" PRIu32, load_flow(l, number, CONTROL_VIDEO, i).ssrc);
    add(to, "%s", l->layers > 1 ? "\r\n" : "");
    for (unsigned i = 0; i < l->layers; i++)
        add(to, "a=ssrc:%" PRIu32 " cname:bench\r\n", load_flow(l, number, CONTROL_VIDEO, i).ssrc);
}

void sdp_offer(const struct load *l, unsigned number, const struct sdp_self *self, char *to)
{
    add_session(to, self);
    add(to, "a=group:BUNDLE 0%s\r\n", l->layers ? " 1" : "");
    add(to, "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n");
    add_transport(to, self);
    add(to,
        "a=mid:0\r\na=sendonly\r\na=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\n"
        "a=extmap:10 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n"
        "a=extmap:4 " TRANSPORT_CC "\r\na=ssrc:%" PRIu32 " cname:bench\r\n",
        load_flow(l, number, CONTROL_AUDIO, 0).ssrc);
    if (l->layers)
        add_video(to, l, number, self);
}

/* The next line without its end; false at the end of the text. */
static bool next_line(const char **text, char line[static LINE_MAX_])
{
    size_t len = strcspn(*text, "\r\n");
    if (len == 0)
        return false;
    size_t kept = len < LINE_MAX_ - 1 ? len : LINE_MAX_ - 1;
    memcpy(line, *text, kept);
    line[kept] = 0;
    *text += len;
    *text += strspn(*text, "\r\n");
    return true;
}

/* What follows `name`, or NULL when the line is another. */
static const char *after(const char *line, const char *name)
{
    size_t len = strlen(name);
    return strncmp(line, name, len) == 0 ? line + len : NULL;
}

static void read_fingerprint(const char *text, uint8_t *to)
{
    for (int i = 0; i < CONTROL_FINGERPRINT_LEN && strlen(text) >= 2; i++) {
        to[i] = (uint8_t)strtoul(text, NULL, 16);
        text += text[2] ? 3 : 2;
    }
}

/* "foundation component transport priority address port typ host" */
static void read_candidate(const char *text, struct address *ret_address)
{
    char address[64], transport[8], port[8];
    if (sscanf(text, "%*s %*s %7s %*s %63s %7s", transport, address, port) == 3 &&
        strcasecmp(transport, "udp") == 0 && ret_address->len == 0)
        (void)address_from_text(address, (uint16_t)strtoul(port, NULL, 10),
                                ret_address); /* IPv6 with a zone, say: another may do */
}

static void read_line(const char *line, struct sdp_view *v)
{
    struct sdp_stream *last = v->stream_count ? &v->streams[v->stream_count - 1] : NULL;
    const char *rest;
    if ((rest = after(line, "m=")) && v->stream_count < SDP_STREAMS)
        v->streams[v->stream_count++].kind = after(rest, "audio") ? CONTROL_AUDIO : CONTROL_VIDEO;
    else if ((rest = after(line, "a=ice-ufrag:")))
        (void)snprintf(v->ice.ufrag, sizeof(v->ice.ufrag), "%.31s", rest);
    else if ((rest = after(line, "a=ice-pwd:")))
        (void)snprintf(v->ice.password, sizeof(v->ice.password), "%.63s", rest);
    else if ((rest = after(line, "a=fingerprint:sha-256 ")))
        read_fingerprint(rest, v->fingerprint);
    else if ((rest = after(line, "a=candidate:")))
        read_candidate(rest, &v->address);
    else if ((rest = after(line, "a=ssrc:")) && last && last->ssrc == 0)
        last->ssrc = (uint32_t)strtoul(rest, NULL, 10);
    else if ((rest = after(line, "a=extmap:")) && strstr(rest, TRANSPORT_CC))
        v->ext_transport_cc = (uint8_t)strtoul(rest, NULL, 10);
}

bool sdp_read(const char *sdp, struct sdp_view *ret_view)
{
    struct sdp_view v = {0};
    char line[LINE_MAX_];
    while (next_line(&sdp, line))
        read_line(line, &v);
    if (!v.ice.ufrag[0] || !v.ice.password[0] || v.address.len == 0 || v.stream_count == 0)
        return false;
    *ret_view = v;
    return true;
}

void sdp_answer(const char *offer, const struct sdp_self *self, char *to)
{
    char line[LINE_MAX_];
    unsigned media = 0;
    add_session(to, self);
    add_keys(to, self);
    while (next_line(&offer, line)) {
        if (after(line, "a=group:BUNDLE"))
            add(to, "%s\r\n", line);
        if (after(line, "m=")) {
            add(to, "%s\r\n", line);
            if (media++ == 0)
                add_address(to, self);
            add(to, "a=rtcp-mux\r\na=recvonly\r\n");
        }
        if (media &&
            (after(line, "a=mid:") || after(line, "a=rtpmap:") || after(line, "a=fmtp:") ||
             after(line, "a=rtcp-fb:") || (after(line, "a=extmap:") && strstr(line, TRANSPORT_CC))))
            add(to, "%s\r\n", line);
    }
}
