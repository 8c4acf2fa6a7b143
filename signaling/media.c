/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/media.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/limits.h"
#include "common/list.h"
#include "common/log.h"
#include "common/seqpacket.h"

/* An answer takes under a millisecond; a process that needs this long is as good as away. */
#define ANSWER_US (3 * 1000000ull)
/* Sealing a tape waits for the disk. */
#define ANSWER_SEAL_US (60 * 1000000ull)
/* Both sides tell METRICS every second: silence this long means a process that hangs. */
#define SILENT_US (5 * 1000000ull)
/* Between attempts to connect: doubled from the first to the last. */
#define RETRY_FIRST_US 10000ull
#define RETRY_LAST_US  500000ull

/* A datagram that waits for room in the socket. */
struct waiting {
    struct list link;
    int fd; /* ours, or -1 */
    size_t len;
    unsigned char bytes[];
};

struct pending {
    uint32_t request; /* 0: free */
    uint64_t until_us;
    struct media_ticket ticket;
};

struct media {
    struct watch_set *set;
    const char *name;
    const char *path;
    uid_t uid;
    struct media_handlers handlers;
    int fd; /* -1: not connected */
    struct watch *watch;
    bool greeted; /* HELLO came */
    struct list queue;
    size_t queued;     /* bytes */
    uint64_t heard_us; /* when the last message came */
    uint64_t retry_us; /* when to try next */
    uint64_t pause_us; /* and the pause after that */
    int told_error;    /* the last failure that stands in the log */
    uint64_t boot_id;
    uint32_t generation;
    struct pending pending[LIMIT_MEDIA_REQUESTS];
};

int media_create(struct watch_set *set, const char *name, const char *path, uid_t uid,
                 const struct media_handlers *handlers, struct media **ret_media)
{
    struct media *m = calloc(1, sizeof(*m));
    if (!m)
        return -ENOMEM;
    m->set = set;
    m->name = name;
    m->path = path;
    m->uid = uid;
    m->handlers = *handlers;
    m->fd = -1;
    m->pause_us = RETRY_FIRST_US;
    list_init(&m->queue);
    *ret_media = m;
    return 0;
}

static void waiting_free(struct waiting *w)
{
    list_remove(&w->link);
    if (w->fd >= 0)
        (void)close(w->fd); /* a duplicate */
    free(w);
}

static void disconnect(struct media *m)
{
    watch_destroy(STEAL(m->watch));
    if (m->fd >= 0)
        (void)close(m->fd); /* nothing can be lost that the other side would still read */
    m->fd = -1;
    LIST_FOR_EACH_SAFE(it, &m->queue)
    {
        waiting_free(LIST_ENTRY(it, struct waiting, link));
    }
    m->queued = 0;
}

void media_destroy(struct media *m)
{
    if (!m)
        return;
    disconnect(m);
    free(m);
}

bool media_is_connected(const struct media *m)
{
    return m->greeted;
}

static void finish(struct media *m, struct pending *p, int status,
                   const struct control_message *answer, int fd)
{
    struct media_ticket ticket = p->ticket;
    p->request = 0;
    m->handlers.answered(m->handlers.context, &ticket, status, answer, fd);
}

/* Ends the connection; the next attempt follows soon. */
static void lose(struct media *m, int error)
{
    bool was_greeted = m->greeted;
    disconnect(m);
    m->greeted = false;
    m->retry_us = 0;
    if (!was_greeted)
        return;
    log_warn("%s: connection lost, connecting again: %s", m->name, log_errno(error));
    m->handlers.lost(m->handlers.context);
    for (size_t i = 0; i < LIMIT_MEDIA_REQUESTS; i++)
        if (m->pending[i].request)
            finish(m, &m->pending[i], -ENOTCONN, NULL, -1);
}

/* Sends what waits, as far as the socket takes it. */
static int flush(struct media *m)
{
    while (!list_is_empty(&m->queue)) {
        struct waiting *w = LIST_ENTRY(m->queue.next, struct waiting, link);
        int r = seqpacket_send(m->fd, w->bytes, w->len, w->fd);
        if (r == -EAGAIN)
            return 0;
        if (r < 0)
            return r;
        m->queued -= w->len;
        waiting_free(w);
    }
    watch_want(m->watch, true, false);
    return 0;
}

static int enqueue(struct media *m, const void *bytes, size_t len, int fd)
{
    if (m->queued + len > LIMIT_MEDIA_QUEUE_BYTES)
        return -ENOBUFS;
    struct waiting *w = malloc(sizeof(*w) + len);
    if (!w)
        return -ENOMEM;
    *w = (struct waiting){.fd = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0), .len = len};
    if (fd >= 0 && w->fd < 0) {
        free(w);
        return -EMFILE;
    }
    memcpy(w->bytes, bytes, len);
    list_append(&m->queue, &w->link);
    m->queued += len;
    watch_want(m->watch, true, true);
    return 0;
}

static int send_message(struct media *m, const struct control_message *message, int fd)
{
    unsigned char buffer[LIMIT_CONTROL_BYTES];
    size_t len = 0;
    int r = control_encode(message, buffer, sizeof(buffer), &len);
    if (r < 0)
        return r;
    if (list_is_empty(&m->queue)) {
        r = seqpacket_send(m->fd, buffer, len, fd);
        if (r == 0)
            return 0;
    }
    /* Full, or broken: what cannot be sent now waits, and what is broken is found by the loop, so
     * that no handler is called from within a caller's call. */
    return enqueue(m, buffer, len, fd);
}

int media_tell(struct media *m, struct control_message *message, int fd)
{
    if (!m->greeted)
        return -ENOTCONN;
    message->request = 0;
    return send_message(m, message, fd);
}

int media_ask(struct media *m, struct control_message *message, int fd,
              const struct media_ticket *ticket)
{
    if (!m->greeted)
        return -ENOTCONN;
    size_t slot = 0;
    while (slot < LIMIT_MEDIA_REQUESTS && m->pending[slot].request)
        slot++;
    if (slot == LIMIT_MEDIA_REQUESTS)
        return -ENOBUFS;
    /* The slot, and a count that tells a late answer from the one waited for; never 0. */
    m->generation = m->generation % 0x3fffff + 1;
    message->request = m->generation * LIMIT_MEDIA_REQUESTS + (uint32_t)slot;
    int r = send_message(m, message, fd);
    if (r < 0)
        return r;
    uint64_t patience_us = message->type == CONTROL_TAPE_CLOSE ? ANSWER_SEAL_US : ANSWER_US;
    m->pending[slot] = (struct pending){
        .request = message->request,
        .until_us = clock_now_us() + patience_us,
        .ticket = *ticket,
    };
    return 0;
}

/* Whether a message answers a request; then `ret_status` is the answer's. */
static bool is_answer(const struct control_message *message, int *ret_status)
{
    switch ((int)message->type) {
    case CONTROL_DONE:
        *ret_status = message->done.status;
        return true;
    case CONTROL_PEER_READY:
        *ret_status = message->peer_ready.status;
        return true;
    case CONTROL_TRANSPORT_RESTARTED:
        *ret_status = message->transport_restarted.status;
        return true;
    case CONTROL_TAPE_READY:
        *ret_status = message->tape_ready.status;
        return true;
    default:
        return false;
    }
}

static int greet(struct media *m, const struct control_message *message)
{
    if (message->type != CONTROL_HELLO || message->hello.version != CONTROL_VERSION) {
        log_error("%s: speaks another version of the control protocol: install matching parts",
                  m->name);
        return -EPROTONOSUPPORT;
    }
    m->greeted = true;
    m->told_error = 0;
    m->pause_us = RETRY_FIRST_US;
    log_info("%s: connected, process %u", m->name, message->hello.pid);
    m->handlers.connected(m->handlers.context, message->hello.boot_id);
    return 0;
}

static void take_answer(struct media *m, const struct control_message *message, int status, int fd)
{
    struct pending *p = &m->pending[message->request % LIMIT_MEDIA_REQUESTS];
    if (message->request && p->request == message->request)
        finish(m, p, status, message, fd);
}

static int take(struct media *m, const void *bytes, size_t len, int fd)
{
    struct control_message message;
    int status = 0;
    int r = control_decode(bytes, len, &message);
    if (r < 0)
        return r;
    m->heard_us = clock_now_us();
    if (!m->greeted)
        return greet(m, &message);
    if (is_answer(&message, &status))
        take_answer(m, &message, status, fd);
    else
        m->handlers.told(m->handlers.context, &message);
    return 0;
}

/* Reads one message. Returns 1, 0 when there is none, or a negative errno. */
static int receive(struct media *m)
{
    unsigned char buffer[LIMIT_CONTROL_BYTES];
    int fd = -1;
    ssize_t n = seqpacket_receive(m->fd, buffer, sizeof(buffer), &fd);
    if (n == -EAGAIN)
        return 0;
    if (n <= 0)
        return n ? (int)n : -EPIPE;
    int r = take(m, buffer, (size_t)n, fd);
    if (fd >= 0)
        (void)close(fd); /* who wants it has a duplicate */
    return r < 0 ? r : 1;
}

/* Sends what waits and reads what came, some at a time, so that pages are served between. Returns
 * whether all that came is read; the connection is lost if it broke. */
static bool serve(struct media *m)
{
    int r = flush(m);
    for (int i = 0; r >= 0 && i < 64; i++) {
        r = receive(m);
        if (r == 0)
            return true;
    }
    if (r < 0)
        lose(m, r);
    return false;
}

static void media_due(void *context)
{
    (void)serve(context); /* what is left comes with the next turn */
}

static int try_connect(struct media *m)
{
    int fd = seqpacket_connect(m->path, m->uid);
    if (fd < 0)
        return fd;
    int r = watch_create(m->set, fd, media_due, m, &m->watch);
    if (r < 0) {
        (void)close(fd);
        return r;
    }
    m->fd = fd;
    const struct control_message hello = {
        .type = CONTROL_HELLO,
        .hello = {.version = CONTROL_VERSION, .boot_id = m->boot_id, .pid = (uint32_t)getpid()},
    };
    return send_message(m, &hello, -1);
}

static void expire(struct media *m, uint64_t now_us)
{
    for (size_t i = 0; i < LIMIT_MEDIA_REQUESTS; i++) {
        struct pending *p = &m->pending[i];
        if (p->request && p->until_us < now_us) {
            log_warn("%s: no answer in time", m->name);
            finish(m, p, -ETIMEDOUT, NULL, -1);
        }
    }
}

void media_tick(struct media *m, uint64_t now_us)
{
    if (m->fd >= 0) {
        /* An answer may have come in time and lie there unread, as long as we wait for disks. */
        if (!serve(m))
            return;
        expire(m, now_us);
        if (now_us > m->heard_us + SILENT_US)
            lose(m, -ETIMEDOUT);
        return;
    }
    if (now_us < m->retry_us)
        return;
    m->heard_us = now_us;
    int r = try_connect(m);
    if (r == 0)
        return;
    disconnect(m);
    m->retry_us = now_us + m->pause_us;
    m->pause_us = m->pause_us * 2 < RETRY_LAST_US ? m->pause_us * 2 : RETRY_LAST_US;
    if (r != m->told_error)
        log_warn("%s: not there, trying on: %s", m->name, log_errno(r));
    m->told_error = r;
}
