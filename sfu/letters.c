/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/letters.h"

#include <stdlib.h>
#include <unistd.h>

static void discard(struct letter *l)
{
    control_letter_destroy((struct control_letter *)l);
}

struct control_letter *control_letter_create(const struct control_message *message,
                                             void (*deliver)(struct letter *l, void *owner))
{
    struct control_letter *letter = calloc(1, sizeof(*letter));
    if (!letter)
        return NULL;
    letter->letter = (struct letter){.deliver = deliver, .discard = discard};
    letter->fd = -1;
    letter->message = *message;
    return letter;
}

void control_letter_destroy(struct control_letter *letter)
{
    if (!letter)
        return;
    if (letter->fd >= 0)
        close(letter->fd);
    free(letter);
}

void outbox_tell(struct outbox *o, const struct control_message *message)
{
    outbox_answer(o, message, message->request ? o->connection : 0);
}

void outbox_answer(struct outbox *o, const struct control_message *message, uint32_t connection)
{
    struct control_letter *letter = control_letter_create(message, o->deliver);
    if (!letter) {
        atomic_store(&o->lost, true);
        return;
    }
    letter->worker = o->worker;
    letter->connection = connection;
    if (mailbox_post(o->to, &letter->letter) < 0) {
        control_letter_destroy(letter);
        atomic_store(&o->lost, true);
    }
}

struct control_message letters_answer(const struct control_message *request, int status)
{
    struct control_message answer = {.request = request->request};
    switch (request->type) {
    case CONTROL_PEER_ADD:
        answer.type = CONTROL_PEER_READY;
        answer.peer_ready.status = status;
        answer.peer_ready.peer = request->peer_add.peer;
        break;
    case CONTROL_TRANSPORT_RESTART:
        answer.type = CONTROL_TRANSPORT_RESTARTED;
        answer.transport_restarted.status = status;
        break;
    case CONTROL_SEAT_SET:
        answer.type = CONTROL_SEAT_SWITCHED;
        answer.seat_switched = (struct control_seat_switched){
            .status = status,
            .hearing = request->seat_set.hearing,
            .peer = request->seat_set.peer,
            .seat = request->seat_set.seat,
            .kind = request->seat_set.kind,
            .stream = request->seat_set.stream,
        };
        break;
    default: /* every other request is answered plainly */
        answer.type = CONTROL_DONE;
        answer.done.status = status;
        break;
    }
    return answer;
}
