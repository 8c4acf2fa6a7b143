/* The addresses from which a page has proven, by checks of ICE, that it is there: which of them is
 * sent to, and until when (RFC 7675). Part of a transport, which says what a check is worth.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_PATHS_H
#define SFU_PATHS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/limits.h"
#include "common/list.h"
#include "sfu/directory.h"
#include "sfu/send.h"

/* RFC 7675 section 5.1: consent lapses 30 s after the last valid check. */
#define PATHS_CONSENT_US 30000000ull
/* Nothing authentic for so long is told as silence. Firefox, when no media flows, sends its checks
 * 4 to 6 s apart (RFC 7675 section 5.1), Chromium 2.5 s. */
#define PATHS_SILENT_US 7000000ull
/* Nothing authentic by the path that is sent to for so long, while something comes by another that
 * is proven: the page has moved without saying so (a NAT that began anew gave it another port, and
 * RFC 7675's checks need not nominate). Ours: longer than Chromium's checks are apart. */
#define PATHS_STALE_US 3000000ull

/* An address proven by a check. */
struct proven {
    struct directory_entry entry;
    uint64_t checked_us;
    uint64_t heard_us; /* the last authentic datagram, a check or SRTP: it is in use */
    bool listed;
    bool outdated; /* proven by the credentials before an ICE restart, not since */
    struct send_flow flow;
    struct paths *of;
    struct list use; /* over TCP: among the connection's users */
};

struct paths {
    struct directory *directory; /* borrowed; lists them */
    void *owner;                 /* whom the directory names */
    struct proven *selected;     /* where we send; NULL: nowhere */
    uint64_t checked_us;         /* last valid check, of any of them */
    uint64_t heard_us;           /* last authentic datagram of any kind */
    struct proven all[LIMIT_ICE_PATHS];
};

/* None is proven. `p` may not be moved afterwards. */
void paths_init(struct paths *p, struct directory *directory, void *owner);

/* Takes all out of the directory. Harmless when repeated. */
void paths_finish(struct paths *p);

/* NULL: nothing has proven that one. Borrowed until the next change. */
struct proven *paths_find(struct paths *p, const struct path *path);

/* Whether `path` was in use within PATHS_SILENT_US: then it is not to be taken over. */
bool paths_holds(struct paths *p, const struct path *path, uint64_t now_us);

/* A valid check came by `from`, with the credentials before an ICE restart if `outdated`. Lists the
 * path, in place of another owner's if need be, and of ours the one not checked for longest where
 * there are LIMIT_ICE_PATHS already; the one selected stays. */
struct proven *paths_checked(struct paths *p, const struct path *from, bool outdated,
                             uint64_t now_us);

/* Something authentic came by `path`. It is sent to from now on where nothing has come by the one
 * selected for PATHS_STALE_US: two that are both in use change nothing, and what an ICE restart has
 * outdated takes nothing from what it has not. */
void paths_heard(struct paths *p, struct proven *path, uint64_t now_us);
bool paths_are_silent(const struct paths *p, uint64_t now_us);

/* An ICE restart has begun: what is proven now is outdated, and goes on until the end of it. */
void paths_outdate(struct paths *p);
void paths_forget_outdated(struct paths *p);

/* Ends those without consent. When the selected one was among them, what remains is sent to by its
 * latest proof. */
void paths_expire(struct paths *p, uint64_t now_us);

/* Whether the last valid check is recent enough. With consent and nowhere to send, a connection was
 * lost, and the page is awaited with another. */
bool paths_have_consent(const struct paths *p, uint64_t now_us);

/* A TCP connection has ended: `users` are those of tcp_take_ended(). Whoever had it selected sends
 * to what remains by its latest proof. Empties the list. */
void paths_lose(struct list *users);

#endif
