/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/tunnel.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "sfu/udp.h"

static int dial(int fd, const struct address *server, const struct address *from)
{
    const int on = 1;
    if (from && bind(fd, &from->any, from->len) < 0)
        return -errno;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
        connect(fd, &server->any, server->len) < 0)
        return -errno;
    return 0;
}

int tunnel_open(struct tunnel *t, const struct address *server, const struct address *from)
{
    *t = (struct tunnel){.tcp_fd = -1, .udp_fd = -1};
    int r = address_from_text("127.0.0.1", 0, &t->front);
    if (r == 0)
        r = t->udp_fd = udp_open(&t->front);
    if (r >= 0)
        r = udp_local(t->udp_fd, &t->front);
    if (r == 0) {
        t->tcp_fd = socket(server->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        r = t->tcp_fd < 0 ? -errno : dial(t->tcp_fd, server, from);
    }
    if (r < 0)
        tunnel_close(t);
    return r;
}

void tunnel_close(struct tunnel *t)
{
    if (t->tcp_fd >= 0)
        close(t->tcp_fd);
    if (t->udp_fd >= 0)
        close(t->udp_fd);
    t->tcp_fd = t->udp_fd = -1;
}

void tunnel_reset(struct tunnel *t)
{
    const struct linger reset = {.l_onoff = 1};
    (void)setsockopt(t->tcp_fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    tunnel_close(t);
}

int tunnel_send_raw(struct tunnel *t, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    while (len > 0) {
        ssize_t sent = send(t->tcp_fd, at, len, MSG_NOSIGNAL);
        if (sent < 0)
            return -errno;
        at += sent;
        len -= (size_t)sent;
    }
    return 0;
}

int tunnel_send(struct tunnel *t, const uint8_t *datagram, size_t len)
{
    uint8_t frame[FRAMING_LENGTH_BYTES + 65535];
    struct writer w = writer_over(frame, sizeof(frame));
    writer_u16(&w, (uint16_t)len);
    writer_bytes(&w, datagram, len);
    return w.failed ? -EMSGSIZE : tunnel_send_raw(t, frame, writer_len(&w));
}

size_t tunnel_receive(struct tunnel *t, uint8_t datagram[static FRAMING_DATAGRAM_MAX])
{
    uint8_t byte;
    while (t->tcp_fd >= 0 && !t->ended) {
        /* Never more than belongs to this datagram, so nothing is left over. */
        ssize_t len = recv(t->tcp_fd, &byte, 1, MSG_DONTWAIT);
        if (len < 0 && errno == EAGAIN)
            return 0;
        t->ended = len <= 0;
        struct reader stream = reader_over(&byte, t->ended ? 0 : 1);
        struct framing_datagram d;
        if (framing_next(&t->framing, &stream, &d) != FRAMING_DATAGRAM)
            continue;
        t->datagrams++;
        memcpy(datagram, d.bytes, d.len);
        return d.len;
    }
    return 0;
}

size_t tunnel_pump(struct tunnel *t)
{
    uint8_t datagram[FRAMING_DATAGRAM_MAX];
    struct sockaddr_storage name;
    socklen_t name_len = sizeof(name);
    size_t moved = 0, got;
    ssize_t len;
    while ((len = recvfrom(t->udp_fd, datagram, sizeof(datagram), MSG_DONTWAIT,
                           (struct sockaddr *)&name, &name_len)) > 0) {
        moved++;
        if (address_from_sockaddr(&name, name_len, &t->page) < 0 ||
            tunnel_send(t, datagram, (size_t)len) < 0)
            t->ended = true;
        name_len = sizeof(name);
    }
    while ((got = tunnel_receive(t, datagram)) > 0) {
        moved++;
        if (t->page.len) /* lost, as by a network, when the link's socket is full */
            (void)sendto(t->udp_fd, datagram, got, MSG_DONTWAIT, &t->page.any, t->page.len);
    }
    return moved;
}
