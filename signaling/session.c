/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/session.h"

#include <errno.h>
#include <stdlib.h>

#include "common/log.h"
#include "signaling/arrive.h"
#include "signaling/conduct.h"
#include "signaling/figures.h"
#include "signaling/join.h"
#include "signaling/meet.h"
#include "signaling/moderate.h"
#include "signaling/order.h"
#include "signaling/publish.h"
#include "signaling/view.h"

static void handle_ping(struct page *page, const struct message *message)
{
    struct jsontext t = {0};
    reply_pong(&t, message->id, page->court->wall_us);
    page_send(page, &t);
}

/* Whether a request may write to a disk, for which the one loop waits. */
enum cost { QUICK, WRITES };

/* The states in which a request may be said: `hello` only first, what needs transports only with
 * them, `join` not while one is under way. Who may do what is access.h's. `hello` writes too: the
 * person is known only in it, so it counts there. */
static const struct handler {
    void (*handle)(struct page *page, const struct message *message);
    enum cost cost;
    bool in[PAGE_STATE_COUNT];
} handlers[MESSAGE_TYPE_COUNT] = {
    [MESSAGE_HELLO] = {arrive_handle, QUICK, {[PAGE_SAYS_HELLO] = true}},
    [MESSAGE_JOIN] = {join_handle, WRITES, {[PAGE_OUTSIDE] = true, [PAGE_JOINED] = true}},
    [MESSAGE_CONNECT] = {publish_connect, QUICK, {[PAGE_JOINED] = true}},
    [MESSAGE_RESTART_ICE] = {publish_restart_ice, QUICK, {[PAGE_JOINED] = true}},
    [MESSAGE_PRODUCE] = {publish_produce, WRITES, {[PAGE_JOINED] = true}},
    [MESSAGE_PAUSE] = {publish_pause, QUICK, {[PAGE_JOINED] = true}},
    [MESSAGE_CLOSE_PRODUCER] = {publish_close, WRITES, {[PAGE_JOINED] = true}},
    [MESSAGE_VIEW] = {view_handle, QUICK, {[PAGE_JOINED] = true}},
    [MESSAGE_SOUND_ONLY] = {view_sound_only, QUICK, {[PAGE_JOINED] = true}},
    [MESSAGE_DEVICE] = {view_device, QUICK, {[PAGE_JOINED] = true}},
    [MESSAGE_WATCH_CONNECTIONS] = {figures_watch, QUICK, {[PAGE_JOINED] = true}},
    [MESSAGE_HAND] = {moderate_hand, WRITES, {[PAGE_OUTSIDE] = true, [PAGE_JOINED] = true}},
    [MESSAGE_LOWER_HAND] = {moderate_lower_hand,
                            WRITES,
                            {[PAGE_OUTSIDE] = true, [PAGE_JOINED] = true}},
    [MESSAGE_ADMIT] = {moderate_admit, WRITES, {[PAGE_OUTSIDE] = true, [PAGE_JOINED] = true}},
    [MESSAGE_DISMISS] = {moderate_dismiss, WRITES, {[PAGE_OUTSIDE] = true, [PAGE_JOINED] = true}},
    [MESSAGE_MUTE] = {moderate_mute, WRITES, {[PAGE_OUTSIDE] = true, [PAGE_JOINED] = true}},
    [MESSAGE_REMOVE] = {moderate_remove, WRITES, {[PAGE_OUTSIDE] = true, [PAGE_JOINED] = true}},
    [MESSAGE_MEET] = {meet_handle, WRITES, {[PAGE_JOINED] = true}},
    [MESSAGE_ENTER] = {meet_enter, WRITES, {[PAGE_JOINED] = true}},
    [MESSAGE_DECLINE] = {meet_decline, QUICK, {[PAGE_JOINED] = true}},
    [MESSAGE_COME_BACK] = {meet_come_back, WRITES, {[PAGE_JOINED] = true}},
    [MESSAGE_CALL_BACK] = {meet_call_back, WRITES, {[PAGE_JOINED] = true}},
    [MESSAGE_LOCK] = {order_lock, WRITES, {[PAGE_OUTSIDE] = true, [PAGE_JOINED] = true}},
    [MESSAGE_GIVE_FLOOR] = {order_give_floor,
                            WRITES,
                            {[PAGE_OUTSIDE] = true, [PAGE_JOINED] = true}},
    [MESSAGE_OPEN_FLOOR] = {order_open_floor,
                            WRITES,
                            {[PAGE_OUTSIDE] = true, [PAGE_JOINED] = true}},
    [MESSAGE_MUTE_ALL] = {order_mute_all, WRITES, {[PAGE_OUTSIDE] = true, [PAGE_JOINED] = true}},
    [MESSAGE_SCREEN] = {order_screen, WRITES, {[PAGE_OUTSIDE] = true, [PAGE_JOINED] = true}},
    [MESSAGE_SPOTLIGHT] = {order_spotlight, WRITES, {[PAGE_OUTSIDE] = true, [PAGE_JOINED] = true}},
    [MESSAGE_SET_STATE] = {moderate_set_state,
                           WRITES,
                           {[PAGE_OUTSIDE] = true, [PAGE_JOINED] = true}},
    [MESSAGE_IN_CAMERA] = {moderate_in_camera,
                           WRITES,
                           {[PAGE_OUTSIDE] = true, [PAGE_JOINED] = true}},
    [MESSAGE_CONSENT] = {moderate_consent, WRITES, {[PAGE_JOINED] = true}},
    [MESSAGE_SWEAR] = {conduct_swear, WRITES, {[PAGE_JOINED] = true}},
    [MESSAGE_SWORN] = {conduct_sworn, WRITES, {[PAGE_JOINED] = true}},
    [MESSAGE_RELEASE] = {conduct_release, WRITES, {[PAGE_JOINED] = true}},
    [MESSAGE_OBJECT] = {conduct_object, WRITES, {[PAGE_JOINED] = true}},
    [MESSAGE_RULE] = {conduct_rule, WRITES, {[PAGE_JOINED] = true}},
    [MESSAGE_LOCK_ROOM] = {conduct_lock_room, WRITES, {[PAGE_JOINED] = true}},
    [MESSAGE_MARK] = {conduct_mark, WRITES, {[PAGE_JOINED] = true}},
    [MESSAGE_LEAVE] = {join_leave, WRITES, {[PAGE_OUTSIDE] = true, [PAGE_JOINED] = true}},
    [MESSAGE_PATH] = {publish_path, QUICK, {[PAGE_JOINED] = true}},
    [MESSAGE_PING] = {handle_ping,
                      QUICK,
                      {[PAGE_OUTSIDE] = true, [PAGE_AWAITS_MEDIA] = true, [PAGE_JOINED] = true}},
};

/* Why a request may not be said in this state. */
static enum message_error state_error(const struct page *page, enum message_type type)
{
    switch (page->state) {
    case PAGE_SAYS_HELLO:
        return MESSAGE_HELLO_FIRST;
    case PAGE_OUTSIDE:
        return type == MESSAGE_HELLO ? MESSAGE_WRONG_STATE : MESSAGE_NOT_JOINED;
    case PAGE_AWAITS_MEDIA:
    case PAGE_JOINED:
    case PAGE_STATE_COUNT:
        return MESSAGE_WRONG_STATE;
    }
    return MESSAGE_WRONG_STATE;
}

int session_opened(void *context, struct ws_connection *connection, void **ret_session)
{
    struct court *court = context;
    struct page *page = calloc(1, sizeof(*page));
    if (!page)
        return -ENOMEM;
    court_wake(court);
    *page = (struct page){
        .connection = connection,
        .court = court,
        .serial = ++court->next_serial,
        .opened_us = court->now_us,
    };
    list_append(&court->pages, &page->link);
    *ret_session = page;
    return 0;
}

void session_receive(void *session, const char *text, size_t len)
{
    struct page *page = session;
    struct message message;
    struct message_fault fault;
    court_wake(page->court);
    int r = message_parse(text, len, &message, &fault);
    if (r == -ENOMEM)
        fault = (struct message_fault){.error = MESSAGE_INTERNAL, .detail = "out of memory"};
    if (r < 0) {
        page->court->counters.errors++;
        page_error(page, fault.id, fault.error, fault.detail);
        return;
    }
    const struct handler *handler = &handlers[message.type];
    bool is_said_now = handler->in[page->state];
    if (is_said_now && (handler->cost == QUICK || court_may_write(page->live, page->person))) {
        handler->handle(page, &message);
        return;
    }
    page->court->counters.errors++;
    if (is_said_now)
        page_error(page, message.id, MESSAGE_TOO_FAST, "over 5 a second of those that write");
    else
        page_error(page, message.id, state_error(page, message.type), "not in this state");
}

void session_broke(void *session, enum ws_breach breach)
{
    struct page *page = session;
    court_wake(page->court);
    log_warn("page %016llx: broke a limit (%d), closing it", (unsigned long long)page->serial,
             (int)breach);
    switch (breach) {
    case WS_BREACH_TOO_LARGE:
        page_error(page, 0, MESSAGE_TOO_LARGE, "over 65,536 bytes");
        break;
    case WS_BREACH_TOO_FAST:
        page_error(page, 0, MESSAGE_TOO_FAST, "over 100 requests a second");
        break;
    case WS_BREACH_NOT_TEXT:
        page_error(page, 0, MESSAGE_BAD_MESSAGE, "not a text frame");
        break;
    }
    ws_close(page->connection, 4000, message_error_code(MESSAGE_TOO_FAST));
}

void session_closed(void *session)
{
    struct page *page = session;
    court_wake(page->court);
    arrive_on_closed(page);
    list_remove(&page->link);
    free(page);
}

static bool has_invitation(struct court *court, const struct hearing_person *person)
{
    struct store_invitation *list = NULL;
    size_t count = 0;
    bool has = store_invitation_list(court->store, person->stored.hearing, &list, &count) < 0;
    for (size_t i = 0; i < count; i++)
        if (list[i].person == person->stored.id && !list[i].revoked_us)
            has = true;
    free(list);
    return has;
}

/* Another process may have ended the invitation of whoever has a page or a place. */
static void follow_revocation(struct live *live, struct hearing_person *person)
{
    struct store_invitation invitation;
    uint64_t id = court_presence(live, person)->invitation;
    if (person->stored.removed || (!person->session && person->stored.room == TERMS_ROOM_OUTSIDE))
        return;
    if (id &&
        (store_invitation_get(live->court->store, id, &invitation) < 0 || !invitation.revoked_us))
        return;
    if (!has_invitation(live->court, person))
        moderate_revoked(live, person);
    else if (id)
        moderate_renewed(live, person);
}

static void follow_revocations(struct court *court)
{
    LIST_FOR_EACH(it, &court->lives)
    {
        struct live *live = LIST_ENTRY(it, struct live, link);
        for (size_t i = 0; i < live->hearing->count; i++)
            follow_revocation(live, live->hearing->people[i]);
    }
}

void session_tick(struct court *court)
{
    uint64_t version = court->store_version;
    LIST_FOR_EACH(it, &court->pages)
    {
        struct page *page = LIST_ENTRY(it, struct page, link);
        if (page->state == PAGE_SAYS_HELLO && !page->person &&
            court->now_us > page->opened_us + SESSION_HELLO_US)
            ws_close(page->connection, 4000, "no hello");
    }
    if (store_changes(court->store, &version) < 0 || version == court->store_version)
        return;
    court->store_version = version;
    follow_revocations(court);
}
