/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/pictures.h"

#include "sfu/allocate.h"
#include "sfu/transmit.h"

/* What RTP, its extension, the tag, UDP and IP add to the payload of a packet of sound, in bits a
 * second at 50 packets, and to video of about 1,150 bytes, permille. */
#define SOUND_OVERHEAD_BPS      25600
#define VIDEO_OVERHEAD_PERMILLE 1060
/* Of an encoding whose rate was never seen: so many times the next smaller one's. As browsers
 * divide it between layers. */
#define LAYER_FACTOR 3
/* What a layer is taken to cost when nothing is known of any. */
#define LAYER_GUESS_BPS 100000
/* Of what is carried, permille, from which on sound takes much of it, and above which it goes on to
 * when the line's end was not met for a while; and how long less has to be enough before fewer
 * packets are joined. Ours: sound of one takes 58 kbit/s, 42 as three in one, with 33 for itself.
 */
#define SOUND_MOST_PERMILLE   400
#define SOUND_FORGET_PERMILLE 700
#define FRAMES_CALM_US        (5 * 1000000ull)
/* An estimate below this part of the one pictures were chosen by is answered at once, permille. */
#define LESS_PERMILLE 900
/* A picture that was held is begun with its least, and for so long it stays at that: its key frame
 * tells more of the line than the estimate it was begun by. */
#define BEGIN_US (2000 * 1000ull)
/* More than this over what is carried, a layer is not shown until the next one is there. */
#define OVER_PERMILLE 1250
/* No train is sent while more than this waits on the path. */
#define PROBE_QUEUE_MS 100.0
/* While nothing is heard of the page, so often a packet asks it for a sign. */
#define SIGN_US (250 * 1000ull)

struct choice {
    struct allocate_picture pictures[LIMIT_SEATS];
    struct subscription *of[LIMIT_SEATS];
    size_t count;
};

/* Bits a second of `e` on the path, as last seen. */
static uint32_t price(struct encoding *e, uint64_t now_us)
{
    if (!e->flowing)
        return e->price_bps;
    uint64_t bps = (uint64_t)rate_bps(&e->rate, now_us) * VIDEO_OVERHEAD_PERMILLE / 1000;
    e->price_bps = bps < UINT32_MAX ? (uint32_t)bps : UINT32_MAX;
    return e->price_bps ? e->price_bps : 1;
}

/* Whether it comes, or would if somebody received it. */
static bool is_to_be_had(const struct encoding *e, size_t index, uint64_t now_us)
{
    const struct publication *pub = e->publication;
    if (e->flowing)
        return true;
    bool off = !(pub->told_layers >> index & 1);
    return pub->told_layers && (off || now_us - pub->layers_us[index] < PICTURES_LAYER_COMES_US);
}

/* How high `e` is. One that has never come is taken to be twice as high as the one `below`, as
 * pages make them: with no height it would never be thought high enough, and so never be asked for.
 */
static uint16_t height_of(const struct encoding *e, uint16_t below)
{
    uint32_t guess = 2u * below < UINT16_MAX ? 2u * below : UINT16_MAX;
    return e->height ? e->height : (uint16_t)guess;
}

/* The first `count` of its encodings that are to be had, with `all` their frames or fewer. */
static void describe(struct publication *pub, size_t count, bool all, struct allocate_picture *p,
                     uint64_t now_us)
{
    uint32_t below = LAYER_GUESS_BPS;
    uint16_t height = 0;
    for (size_t i = 0; i < count; i++) {
        struct encoding *e = &pub->encodings[i];
        uint32_t bps = price(e, now_us);
        if (bps == 0)
            bps = i > 0 ? below * LAYER_FACTOR : below;
        below = bps;
        height = height_of(e, height);
        if (!is_to_be_had(e, i, now_us))
            continue;
        for (uint8_t tier = all ? TIERS_ALL : 0; tier < TIERS; tier++) {
            uint64_t permille = tiers_permille(&e->tiers, tier);
            if (permille > 0)
                p->steps[p->step_count++] = (struct allocate_step){
                    (uint32_t)(bps * permille / 1000), height, (uint8_t)i, tier};
        }
    }
}

/* Which step is sent. */
static int step_of(const struct subscription *s, const struct allocate_picture *p)
{
    for (int i = 0; s->shown && i < p->step_count; i++)
        if (&s->shown->publication->encodings[p->steps[i].encoding] == s->shown &&
            p->steps[i].tier >= s->tier)
            return i;
    return ALLOCATE_NONE;
}

static enum allocate_rank rank_of(const struct subscription *s, const struct publication *pub,
                                  uint64_t now_us)
{
    const struct publisher *p = pub->publisher;
    if (pub->source == CONTROL_SOURCE_SCREEN || s->rank == CONTROL_RANK_EXHIBIT)
        return ALLOCATE_EXHIBIT;
    if (p->spoke_us && now_us - p->spoke_us < PICTURES_SPOKE_US)
        return ALLOCATE_SPEAKER;
    if (s->rank == CONTROL_RANK_JUDGE)
        return ALLOCATE_JUDGE;
    return s->rank == CONTROL_RANK_INTERPRETER ? ALLOCATE_INTERPRETER : ALLOCATE_OTHER;
}

/* Signs are not read at a few frames a second: an interpreter's picture gets smaller instead. */
static bool needs_all_frames(const struct subscription *s, enum allocate_rank rank)
{
    return rank == ALLOCATE_INTERPRETER || s->rank == CONTROL_RANK_INTERPRETER;
}

static bool is_looked_at(const struct subscription *s)
{
    return s->wanted && s->height > 0 && !s->subscriber->sound_only;
}

static int index_of(const struct encoding *e)
{
    return e ? (int)(e - e->publication->encodings) : ALLOCATE_NONE;
}

/* Whether the way to it is known, or will not be. */
static bool is_known(const struct subscriber *s, uint64_t now_us)
{
    return downlink_estimate_bps(&s->downlink) > 0 ||
           now_us - s->connected_us >= PICTURES_FEEDBACK_US;
}

static void gather(struct subscriber *s, uint64_t now_us, struct choice *choice)
{
    choice->count = 0;
    for (size_t i = 1; i < 2 * s->seat_count; i += 2) {
        struct subscription *sub = &s->subscriptions[i];
        if (!is_looked_at(sub) || sub->wanted->publication->paused)
            continue;
        struct allocate_picture *p = &choice->pictures[choice->count];
        struct publication *pub = sub->wanted->publication;
        bool same = sub->shown && sub->shown->publication == pub;
        enum allocate_rank rank = rank_of(sub, pub, now_us);
        *p = (struct allocate_picture){.rank = rank, .height = sub->height};
        describe(pub, is_known(s, now_us) ? pub->encoding_count : 1, needs_all_frames(sub, rank), p,
                 now_us);
        p->now = same && !sub->held ? step_of(sub, p) : ALLOCATE_NONE;
        choice->of[choice->count++] = sub;
    }
}

/* Packets of sound that become one. */
static unsigned frames_of(const struct subscriber *s)
{
    return s->frames > 1 ? s->frames : 1;
}

static uint32_t sound_bps(const struct encoding *e, unsigned frames, uint64_t now_us)
{
    return e && e->flowing ? rate_bps(&e->rate, now_us) + SOUND_OVERHEAD_BPS / frames : 0;
}

/* Whether sound takes no more than that part of `bps`, permille, as packets of so many. */
static bool sound_fits(const struct subscriber *s, uint32_t bps, unsigned permille, unsigned frames,
                       uint64_t now_us)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < 2 * s->seat_count; i += 2)
        sum += sound_bps(s->subscriptions[i].shown, frames, now_us);
    return sum * 1000 <= (uint64_t)bps * permille;
}

/* Where the line has shown lately that it ends where sound would take much of it, several packets
 * become one; fewer again when that was enough for a while. Who loses gets more packets instead. */
static void choose_frames(struct subscriber *s, uint32_t bps, uint64_t now_us)
{
    bool met = bwe_is_met(&s->downlink.bwe, now_us);
    unsigned permille = met ? SOUND_MOST_PERMILLE : SOUND_FORGET_PERMILLE, frames = 1;
    while (frames < REPACKETIZE_MOST && !sound_fits(s, bps, permille, frames, now_us))
        frames++;
    bool more = frames > frames_of(s), fewer = frames < frames_of(s);
    if (s->red > 0)
        frames = 1;
    else if ((more && !met) || (fewer && now_us - s->frames_us < FRAMES_CALM_US))
        return;
    s->frames = (uint8_t)frames;
    s->frames_us = now_us;
}

/* Holds back the sound of who is silent where there is not room for all; returns what the rest
 * takes. Who speaks is always sent. */
static uint64_t choose_sound(struct subscriber *s, uint32_t bps, uint64_t now_us)
{
    uint64_t sum = 0;
    for (unsigned turn = 0; turn < 2; turn++)
        for (size_t i = 0; i < 2 * s->seat_count; i += 2) {
            struct subscription *sub = &s->subscriptions[i];
            /* One not heard yet may speak already. */
            const struct encoding *e = sub->shown ? sub->shown : sub->wanted;
            const struct publisher *p = e ? e->publication->publisher : NULL;
            bool speaks = p && p->spoke_us && now_us - p->spoke_us < PICTURES_SPOKE_US;
            if (speaks != (turn == 0))
                continue;
            uint32_t cost = sound_bps(e, frames_of(s), now_us);
            sub->held = !speaks && sum > 0 && sum + cost > bps;
            sum += sub->held ? 0 : cost;
        }
    return sum;
}

/* Sends sound with what was said before it as far as what is lost makes that worth it and it fits
 * besides all sound as it comes, which is before any picture. Returns what it takes. */
static uint64_t choose_red(struct subscriber *s, uint32_t bps, uint64_t now_us)
{
    /* More would be sent into a queue that overflows, and what was lost there would grow. */
    red_choose(&s->red_choice, bwe_chance_permille(&s->downlink.bwe, now_us), now_us);
    s->red = s->takes_red ? s->red_choice.earlier : 0;
    for (; s->red > 0; s->red--) {
        uint64_t sound = 0, cost = 0;
        for (size_t i = 0; i < 2 * s->seat_count; i += 2) {
            const struct subscription *sub = &s->subscriptions[i];
            const struct encoding *e = sub->shown;
            if (!e || !e->flowing || sub->held)
                continue;
            sound += sound_bps(e, 1, now_us);
            cost += red_bps(rate_bps(&e->rate, now_us), s->red);
        }
        if (sound + cost <= bps)
            return cost;
    }
    return 0;
}

/* What may be sent to it in all; UINT32_MAX: not known. */
static uint32_t budget(const struct subscriber *s)
{
    uint32_t bps = downlink_estimate_bps(&s->downlink);
    if (bps == 0)
        return UINT32_MAX;
    return (uint32_t)((uint64_t)bps * PICTURES_PERMILLE / 1000);
}

static void tell_picture(const struct subscription *s, struct context *c)
{
    struct control_message m = {
        .type = CONTROL_SEAT_PICTURE,
        .seat_picture = {s->subscriber->hearing, s->subscriber->peer, s->seat,
                         s->told_held ? CONTROL_PICTURE_HELD : CONTROL_PICTURE_SHOWN},
    };
    outbox_tell(&c->outbox, &m);
}

static void hold(struct subscription *s, struct context *c, bool for_bandwidth)
{
    s->held = true;
    if (!for_bandwidth)
        s->held_us = 0;
    else if (s->held_us == 0)
        s->held_us = c->now_us;
}

/* Makes it so. `over`: what is shown now is much more than the way carries. */
static void apply(struct subscription *s, struct context *c, const struct allocate_picture *p,
                  bool over)
{
    if (p->chosen == ALLOCATE_NONE && p->step_count > 0) {
        hold(s, c, true);
        return;
    }
    bool comes = p->step_count > 0;
    s->held = false;
    s->held_us = 0;
    s->layer = comes ? p->steps[p->chosen].encoding : LIMIT_ENCODINGS - 1;
    s->tier = comes ? p->steps[p->chosen].tier : TIERS_ALL;
    subscription_choose_layer(s, c);
    if (over && s->shown && s->shown != s->wanted && index_of(s->shown) > s->layer &&
        s->shown->publication == s->wanted->publication)
        subscription_break(s);
}

/* A picture that was held begins small, where the line has shown where it ends. */
static void begin_small(struct subscription *s, struct allocate_picture *p, uint64_t now_us)
{
    if (p->chosen == ALLOCATE_NONE)
        return;
    if (s->held_us > 0)
        s->begun_us = now_us;
    if (s->begun_us > 0 && now_us - s->begun_us < BEGIN_US &&
        bwe_is_met(&s->subscriber->downlink.bwe, now_us))
        p->chosen = 0;
}

static uint64_t cost_now(const struct choice *choice)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < choice->count; i++)
        if (choice->pictures[i].now != ALLOCATE_NONE)
            sum += choice->pictures[i].steps[choice->pictures[i].now].bps;
    return sum;
}

static void choose(struct subscriber *s, struct context *c)
{
    struct choice choice;
    uint32_t bps = budget(s);
    uint64_t sound = choose_sound(s, bps, c->now_us);
    sound += choose_red(s, bps, c->now_us);
    choose_frames(s, bps, c->now_us);
    bool silent = downlink_is_silent(&s->downlink, s->rtt_us, c->now_us);
    uint32_t left = silent || sound > bps ? 0 : bps - (uint32_t)sound;
    gather(s, c->now_us, &choice);
    uint64_t wanted = allocate(choice.pictures, choice.count, left);
    bool over = cost_now(&choice) * 1000 > (uint64_t)left * OVER_PERMILLE;
    s->pictures_bps = bps;
    s->pictures_us = c->now_us + PICTURES_INTERVAL_US;
    s->limited = wanted > left || !is_known(s, c->now_us);
    if ((sound + wanted) * 10 > s->pictures_wanted * 11)
        prober_hurry(&s->prober, c->now_us);
    s->pictures_wanted = (sound + wanted) * (1000 + ALLOCATE_HEADROOM_PERMILLE) / PICTURES_PERMILLE;
    for (size_t i = 0; i < choice.count; i++) {
        struct allocate_picture *p = &choice.pictures[i];
        bool smallest =
            p->now != ALLOCATE_NONE && p->steps[p->now].encoding == p->steps[0].encoding;
        if (bwe_is_trying(&s->downlink.bwe) && p->chosen == ALLOCATE_NONE && smallest)
            p->chosen = 0;
        begin_small(choice.of[i], p, c->now_us);
        apply(choice.of[i], c, p, over);
    }
}

/* What is not looked at is not sent. */
static void hold_unseen(struct subscriber *s, struct context *c)
{
    for (size_t i = 1; i < 2 * s->seat_count; i += 2)
        if (s->subscriptions[i].wanted && !is_looked_at(&s->subscriptions[i]))
            hold(&s->subscriptions[i], c, false);
}

static void tell_held(struct subscriber *s, struct context *c)
{
    for (size_t i = 1; i < 2 * s->seat_count; i += 2) {
        struct subscription *sub = &s->subscriptions[i];
        bool long_held = sub->held_us && c->now_us - sub->held_us >= PICTURES_HELD_US;
        bool shows = !sub->held && !sub->broken && (sub->shown || !sub->wanted);
        bool held = sub->told_held ? !shows && is_looked_at(sub) : long_held;
        if (held == sub->told_held)
            continue;
        sub->told_held = held;
        tell_picture(sub, c);
    }
}

/* A seat whose RTX carries padding: one in use, as the page expects something there. */
static struct subscription *pad_seat(const struct subscriber *s)
{
    for (size_t i = 1; i < 2 * s->seat_count; i += 2)
        if (s->subscriptions[i].wanted)
            return &s->subscriptions[i];
    return NULL;
}

/* Whether a train may be sent: into a queue that stands already it would find nothing, and make it
 * longer, or sound be lost there. */
static enum prober_way way_to_probe(const struct subscriber *s, uint64_t now_us)
{
    const struct bwe *bwe = &s->downlink.bwe;
    if (downlink_is_silent(&s->downlink, s->rtt_us, now_us) || bwe_queue_ms(bwe) > PROBE_QUEUE_MS)
        return PROBER_NOT;
    return bwe_is_met(bwe, now_us) ? PROBER_CAREFUL : PROBER_EAGER;
}

static void probe(struct subscriber *s, struct context *c)
{
    struct subscription *pad = pad_seat(s);
    uint32_t estimate = downlink_estimate_bps(&s->downlink);
    bool silent = downlink_is_silent(&s->downlink, s->rtt_us, c->now_us);
    uint64_t wanted = s->limited ? s->pictures_wanted : 0;
    prober_tick(&s->prober, estimate ? estimate : BWE_FIRST_BPS, wanted,
                pad ? way_to_probe(s, c->now_us) : PROBER_NOT, s->rtt_us, c->now_us);
    transmit_early(s, c, prober_owes(&s->prober));
    uint32_t owed = prober_owes(&s->prober);
    while (pad && owed > 0) {
        size_t sent = transmit_padding(pad, c, owed);
        if (sent == 0)
            return;
        owed -= sent < owed ? (uint32_t)sent : owed;
    }
    if (pad && silent && c->now_us >= s->sign_us) {
        s->sign_us = c->now_us + SIGN_US;
        (void)transmit_padding(pad, c, 0);
    }
}

/* Less is carried than pictures were chosen by, or nothing comes back. */
static bool is_urgent(const struct subscriber *s, uint64_t now_us)
{
    uint64_t bps = budget(s);
    return bps * 1000 < (uint64_t)s->pictures_bps * LESS_PERMILLE ||
           (s->pictures_bps > 0 && downlink_is_silent(&s->downlink, s->rtt_us, now_us));
}

void pictures_tick(struct subscriber *s, struct context *c)
{
    if (!transport_can_send(s->down))
        return;
    if (c->now_us >= s->pictures_us || is_urgent(s, c->now_us)) {
        choose(s, c);
        hold_unseen(s, c);
        tell_held(s, c);
    }
    transmit_late(s, c);
    /* Over TCP pictures wait in the connection's lanes, if anywhere. No memory: they do not wait.
     */
    bool lanes = transport_is_stream(s->down);
    (void)pacer_set_estimate(&s->pacer, lanes ? 0 : downlink_met_bps(&s->downlink, c->now_us));
    probe(s, c);
}

bool pictures_hurry(const struct subscriber *s)
{
    return prober_train(&s->prober) > 0;
}

void pictures_view(struct subscription *s, uint8_t rank, uint16_t height)
{
    s->rank = rank;
    s->height = height;
    s->subscriber->pictures_us = 0;
}

void pictures_set_on(struct subscriber *s, bool on)
{
    s->sound_only = !on;
    s->pictures_us = 0;
}

/* Bits of what somebody receives or is to. */
static uint8_t received(struct publication *pub)
{
    uint8_t bits = 1;
    if (pub->recorded)
        bits |= (uint8_t)(1u << (pub->encoding_count - 1));
    for (size_t i = 0; i < pub->encoding_count; i++) {
        const struct encoding *e = &pub->encodings[i];
        for (size_t k = 0; k < e->subscriber_count; k++) {
            const struct subscription *s = e->subscribers[k];
            if (s->held)
                continue;
            size_t layer = s->layer < pub->encoding_count ? s->layer : pub->encoding_count - 1;
            bits |= (uint8_t)(1u << i);
            if (s->wanted && s->wanted->publication == pub)
                bits |= (uint8_t)(1u << layer);
        }
    }
    return bits;
}

static void tell_layers(const struct publication *pub, struct context *c)
{
    struct control_message m = {
        .type = CONTROL_LAYERS,
        .layers = {pub->publisher->hearing->id, pub->publisher->peer, pub->id, pub->told_layers},
    };
    outbox_tell(&c->outbox, &m);
}

void pictures_tell_layers(struct publication *pub, struct context *c)
{
    if (pub->encoding_count < 2)
        return;
    uint8_t bits = received(pub), tell = bits;
    for (size_t i = 0; i < pub->encoding_count; i++) {
        bool on = bits >> i & 1, was = pub->told_layers >> i & 1;
        if (on)
            pub->received_us[i] = c->now_us;
        else if (was && c->now_us - pub->received_us[i] < PICTURES_IDLE_LAYER_US)
            tell |= (uint8_t)(1u << i);
        if (on && !was)
            pub->layers_us[i] = c->now_us;
    }
    if (tell == pub->told_layers)
        return;
    pub->told_layers = tell;
    tell_layers(pub, c);
}

void pictures_tell_presence(const struct publisher *p, const struct subscriber *s,
                            struct context *c)
{
    for (size_t i = 0; i < LIMIT_STREAMS_PER_PEER; i++)
        if (p->publications[i] && p->publications[i]->told_layers)
            tell_layers(p->publications[i], c);
    for (size_t i = 1; i < 2 * s->seat_count; i += 2)
        if (s->subscriptions[i].told_held)
            tell_picture(&s->subscriptions[i], c);
}
