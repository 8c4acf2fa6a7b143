/* A page's own media: its transports' keys, what it publishes, and stopping that.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_PUBLISH_H
#define SIGNALING_PUBLISH_H

#include "signaling/court.h"

/* `connect`; answered by publish_on_connected(). */
void publish_connect(struct page *page, const struct message *message);
void publish_on_connected(struct court *court, const struct media_ticket *ticket, int status);

/* `path`; everybody who sees the person is told. More than LIMIT_PATH_RATE is answered `too-fast`.
 */
void publish_path(struct page *page, const struct message *message);

/* `restartIce`; answered by publish_on_ice_restarted(), `restarted` NULL when there is none. */
void publish_restart_ice(struct page *page, const struct message *message);
void publish_on_ice_restarted(struct court *court, const struct media_ticket *ticket, int status,
                              const struct control_transport_restarted *restarted);

/* `produce`; the producer is there from now on, and is withdrawn if the media core refuses it.
 * Answered by publish_on_produced(). */
void publish_produce(struct page *page, const struct message *message);
void publish_on_produced(struct court *court, const struct media_ticket *ticket, int status);

/* `pause`, `closeProducer`: answered at once. */
void publish_pause(struct page *page, const struct message *message);
void publish_close(struct page *page, const struct message *message);

#endif
