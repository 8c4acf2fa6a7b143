/* Peers of one hearing on its worker: who receives whom, by role and room. What the matrix does not
 * allow, or a screen keeps from somebody, does not flow, whoever asked for it; default deny.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_ROOM_H
#define SFU_ROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/control.h"
#include "common/list.h"
#include "sfu/context.h"
#include "sfu/peer.h"

struct room {
    struct hearing hearing;
    struct control_matrix matrix;   /* all zero at first: nothing flows */
    struct control_screens screens; /* what besides does not */
    struct list peers;              /* of struct peer */
    struct table *peer_ids;         /* the same by their ids; owned */
    uint64_t speakers_us;           /* when who speaks is looked at next */
};

/* Returns 0 or -ENOMEM. */
int room_create(struct context *c, uint64_t hearing, struct room **ret_room);

/* Ends all its peers. Accepts NULL. */
void room_destroy(struct room *room, struct context *c);

/* Records into the ring behind `fd` (which stays the caller's) from now on. Returns 0 or what
 * tap_attach() says. */
int room_attach_tape(struct room *room, struct context *c, int fd);

/* Replaces the matrix. Routes it forbids end before this returns. */
void room_set_matrix(struct room *room, struct context *c, const struct control_matrix *matrix);

/* Replaces the screens. Routes they forbid end before this returns. */
void room_set_screens(struct room *room, struct context *c, const struct control_screens *screens);

/* NULL when there is none of that id. */
struct peer *room_find_peer(const struct room *room, uint64_t id);

/* Replaces a peer of the same id. Returns 0, -ENOSPC at LIMIT_PEERS_PER_HEARING, or what
 * peer_create() says; a replaced peer is gone in any case. */
int room_add_peer(struct room *room, struct context *c, const struct control_peer_add *add,
                  struct peer **ret_peer);

/* Harmless for one that is not there. */
void room_remove_peer(struct room *room, struct context *c, uint64_t id);

/* Into another room of the hearing; routes that end thereby end before this returns. Returns 0 or
 * -ENOENT. */
int room_move_peer(struct room *room, struct context *c, const struct control_peer_move *move);

/* Returns 0 (also for the very same stream again), -ENOENT for no such peer, or what
 * publisher_add() says. */
int room_add_stream(struct room *room, struct context *c, const struct control_stream_add *add);

/* Harmless for one that is not there. */
void room_remove_stream(struct room *room, struct context *c, uint64_t peer, uint64_t stream);

/* A paused stream is neither forwarded nor recorded, from before this returns; seats that showed it
 * are empty, and show it again when it goes on, unless their route was cut. Returns 0 or -ENOENT.
 */
int room_pause_stream(struct room *room, struct context *c,
                      const struct control_stream_pause *pause);

/* Shows a stream in a seat, or empties it. SEAT_SWITCHED with `request` answers, now or later. */
void room_set_seat(struct room *room, struct context *c, const struct control_message *request);

/* How a seat's picture is looked at; whether a peer is sent pictures. Return 0 or -ENOENT. */
int room_set_view(struct room *room, const struct control_seat_view *view);
int room_set_video(struct room *room, const struct control_peer_video *video);

size_t room_peer_count(const struct room *room);
/* Streams published by all its peers. */
size_t room_stream_count(const struct room *room);

/* Whether what `from` sends of this kind may reach `to`. */
bool room_may_receive(const struct room *room, const struct peer *from, const struct peer *to,
                      enum control_kind kind);

/* Its clocks; those of its peers are peers_tick()'s. Call once a WHEEL_TICK_US. */
void room_tick(struct room *room, struct context *c);

/* Tells all that is there to a signaling that has just come. */
void room_tell_presence(const struct room *room, struct context *c);

#endif
