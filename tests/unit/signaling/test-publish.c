/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/publish.h"

#include <errno.h>

#include "scene.h"
#include "signaling/reply.h"
#include "unit/check.h"

enum { JUDGE, PARTY, OBSERVER, GUESTS };
static const struct invite_guest guests[GUESTS] = {
    [JUDGE] = {CONTROL_ROLE_JUDGE, "陈敏"},
    [PARTY] = {CONTROL_ROLE_PARTY, "李伟"},
    [OBSERVER] = {CONTROL_ROLE_OBSERVER, "Olu"},
};

static struct scene s;
static struct ws_connection *judge;

static void begin(void)
{
    scene_begin(&s, guests, GUESTS);
    judge = scene_join(&s, JUDGE);
}

#define CODE(page, id, c) CHECK_EQ(scene_told((page), "\"id\":" #id ",\"code\":\"" c "\""), 1)

static void connect(struct ws_connection *page, uint64_t transport)
{
    scene_say(&s, page,
              "{\"type\":\"connect\",\"id\":30,\"transport\":\"%s\",\"dtlsParameters\":{\"role\":"
              "\"client\",\"fingerprints\":[{\"algorithm\":\"sha-256\",\"value\":\"00:11:22:33:44:"
              "55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\"}"
              "]}}",
              scene_id(transport));
}

static void restart_ice(struct ws_connection *page, uint64_t transport)
{
    scene_say(&s, page, "{\"type\":\"restartIce\",\"id\":31,\"transport\":\"%s\"}",
              scene_id(transport));
}

/* Each of one's own two transports, nobody else's; what the media core says is passed on. */
static void transports(void)
{
    begin();
    uint64_t mine = s.people[JUDGE]->stored.id, other = s.people[PARTY]->stored.id;
    for (unsigned way = 0; way < CONTROL_DIRECTION_COUNT; way++) {
        scene_forget(&s);
        connect(judge, reply_transport_id(mine, (enum control_direction)way));
        CHECK_EQ(scene_told(judge, "{\"type\":\"ok\",\"id\":30}"), 1);
        CHECK_EQ(s.sfu.got[0].transport_connect.direction, way);
        CHECK_EQ(s.sfu.got[0].transport_connect.peer, mine);
        CHECK_EQ(s.sfu.got[0].transport_connect.fingerprint[1], 0x11);
        restart_ice(judge, reply_transport_id(mine, (enum control_direction)way));
        CHECK_EQ(scene_told(judge, "\"type\":\"iceRestarted\",\"id\":31"), 1);
    }
    scene_forget(&s);
    connect(judge, reply_transport_id(other, CONTROL_UP));
    restart_ice(judge, reply_transport_id(other, CONTROL_DOWN));
    CODE(judge, 30, "not-found");
    CODE(judge, 31, "not-found");
    CHECK_EQ(s.sfu.count, 0);
    s.sfu.status = -ENOENT;
    connect(judge, reply_transport_id(mine, CONTROL_UP));
    restart_ice(judge, reply_transport_id(mine, CONTROL_UP));
    CHECK_EQ(scene_told(judge, "\"id\":30,\"code\":\"not-found\""), 2);
    CHECK_EQ(scene_told(judge, "\"id\":31,\"code\":\"not-found\""), 2);
    scene_end(&s);
}

/* Whoever sees a person is told over what it is here, when that changes; a page that is gone has no
 * path, and says it anew. */
static void path(void)
{
    begin();
    struct ws_connection *party = scene_join(&s, PARTY);
    scene_forget(&s);
    scene_say(&s, party, "{\"type\":\"path\",\"id\":32,\"path\":\"relay-tls\"}");
    CHECK_EQ(scene_told(party, "{\"type\":\"ok\",\"id\":32}"), 1);
    CHECK_EQ(scene_told(party, "\"path\":\"relay-tls\""), 1);
    CHECK_EQ(scene_told(judge, "\"path\":\"relay-tls\""), 1);
    scene_say(&s, party, "{\"type\":\"path\",\"id\":32,\"path\":\"relay-tls\"}");
    CHECK_EQ(scene_told(judge, "\"path\":\"relay-tls\""), 1);
    scene_say(&s, party, "{\"type\":\"path\",\"id\":33,\"path\":\"unknown\"}");
    CODE(party, 33, "bad-message");
    static const char *const others[] = {"tcp", "udp"};
    for (unsigned i = 2; i <= LIMIT_PATH_BURST; i++) {
        scene_forget(&s);
        scene_say(&s, party, "{\"type\":\"path\",\"id\":34,\"path\":\"%s\"}", others[i % 2]);
        /* All of the room hear of it: no more of them than this. */
        CHECK_EQ(scene_told(judge, "\"type\":\"person\""), i < LIMIT_PATH_BURST);
    }
    CODE(party, 34, "too-fast");
    CHECK_EQ(party->code, 0);
    scene_forget(&s);
    scene_hang_up(party);
    CHECK_EQ(s.people[PARTY]->path, TERMS_PATH_UNKNOWN);
    CHECK_EQ(s.sfu.count, 0);
    scene_end(&s);
}

/* Away, or answering too late. */
static void without_the_media_core(void)
{
    begin();
    uint64_t up = reply_transport_id(s.people[JUDGE]->stored.id, CONTROL_UP);
    scene_lose_sfu(&s);
    scene_forget(&s);
    connect(judge, up);
    restart_ice(judge, up);
    CODE(judge, 30, "media-unavailable");
    CODE(judge, 31, "media-unavailable");
    CHECK_EQ(scene_produce(&s, judge), 0);
    CODE(judge, 3, "media-unavailable");
    /* It had begun for the journal, so it ends there. */
    CHECK_EQ(scene_lines(&s, "\"event\":\"producer.started\""), 1);
    CHECK_EQ(scene_lines(&s, "\"event\":\"producer.stopped\""), 1);
    scene_end(&s);
}

static void producing(void)
{
    begin();
    uint64_t microphone = scene_produce(&s, judge);
    CHECK(microphone);
    CHECK_EQ(scene_told(judge, "\"type\":\"produced\",\"id\":3"), 1);
    CHECK_EQ(scene_got(&s.sfu, CONTROL_STREAM_ADD), 1);
    CHECK_EQ(scene_lines(&s, "\"event\":\"producer.started\""), 1);
    CHECK_EQ(scene_lines(&s, "\"event\":\"producer.stopped\""), 0);
    scene_end(&s);
}

/* One of each source. A page that lost the answer with its connection publishes again and is heard:
 * by the new one. */
static void producing_again(void)
{
    begin();
    uint64_t lost = scene_produce(&s, judge);
    scene_forget(&s);
    uint64_t microphone = scene_produce(&s, judge);
    CHECK(microphone && microphone != lost);
    CHECK_EQ(scene_told(judge, "\"type\":\"produced\",\"id\":3"), 1);
    CHECK_EQ(s.sfu.got[0].type, CONTROL_STREAM_REMOVE);
    CHECK_EQ(s.sfu.got[0].stream.stream, lost);
    CHECK_EQ(s.sfu.got[1].type, CONTROL_STREAM_ADD);
    CHECK_EQ(s.sfu.got[1].stream_add.stream, microphone);
    CHECK_EQ(scene_lines(&s, "\"event\":\"producer.started\""), 2);
    CHECK_EQ(scene_lines(&s, "\"event\":\"producer.stopped\""), 1);
    /* Without a line the first one stays. */
    scene_forget(&s);
    scene_block_journal(&s, true);
    CHECK_EQ(scene_produce(&s, judge), microphone);
    CODE(judge, 3, "internal");
    CHECK_EQ(s.sfu.count, 0);
    scene_block_journal(&s, false);
    scene_end(&s);
}

/* Not before one is in the courtroom, and never by a role that only looks on. */
static void who_may_not_produce(void)
{
    begin();
    struct ws_connection *party = scene_arrive(&s, PARTY, "");
    CHECK_EQ(scene_produce(&s, party), 0);
    CODE(party, 3, "not-joined");
    scene_say(&s, party, "{\"type\":\"join\",\"id\":2,\"seats\":2}");
    scene_forget(&s);
    CHECK_EQ(scene_produce(&s, party), 0);
    CODE(party, 3, "wrong-state");
    struct ws_connection *observer = scene_join(&s, OBSERVER);
    CHECK_EQ(scene_produce(&s, observer), 0);
    CODE(observer, 3, "not-allowed");
    CHECK_EQ(scene_got(&s.sfu, CONTROL_STREAM_ADD), 0);
    CHECK_EQ(scene_lines(&s, "\"event\":\"producer.started\""), 0);
    scene_end(&s);
}

/* What the media core does not take is not published: the others see no microphone. */
static void refused_by_the_media_core(void)
{
    begin();
    s.sfu.status = -EINVAL;
    CHECK_EQ(scene_produce(&s, judge), 0);
    CODE(judge, 3, "unsupported-media");
    CHECK_EQ(scene_lines(&s, "\"event\":\"producer.stopped\""), 1);
    s.sfu.status = 0;
    scene_forget(&s);
    CHECK(scene_produce(&s, judge));
    scene_end(&s);
}

static void without_a_line_nothing_is_published(void)
{
    begin();
    scene_block_journal(&s, true);
    CHECK_EQ(scene_produce(&s, judge), 0);
    CODE(judge, 3, "internal");
    CHECK_EQ(scene_got(&s.sfu, CONTROL_STREAM_ADD), 0);
    scene_block_journal(&s, false);
    scene_end(&s);
}

static void pause(struct ws_connection *page, uint64_t producer, const char *paused)
{
    scene_say(&s, page, "{\"type\":\"pause\",\"id\":32,\"producer\":\"%s\",\"paused\":%s}",
              scene_id(producer), paused);
}

static void close_producer(struct ws_connection *page, uint64_t producer)
{
    scene_say(&s, page, "{\"type\":\"closeProducer\",\"id\":33,\"producer\":\"%s\"}",
              scene_id(producer));
}

/* Twice is as good as once; somebody else's is not there. */
static void pausing_and_closing(void)
{
    begin();
    uint64_t microphone = scene_produce(&s, judge);
    struct ws_connection *party = scene_join(&s, PARTY);
    scene_forget(&s);
    pause(party, microphone, "true");
    close_producer(party, microphone);
    CODE(party, 32, "not-found");
    CODE(party, 33, "not-found");
    CHECK_EQ(s.sfu.count, 0);
    pause(judge, microphone, "true");
    pause(judge, microphone, "true");
    CHECK_EQ(scene_told(judge, "{\"type\":\"ok\",\"id\":32}"), 2);
    CHECK_EQ(scene_got(&s.sfu, CONTROL_STREAM_PAUSE), 1);
    CHECK_EQ(scene_told(judge, "\"microphone\":\"off\""), 1);
    pause(judge, microphone, "false");
    CHECK_EQ(scene_got(&s.sfu, CONTROL_STREAM_PAUSE), 2);
    close_producer(judge, microphone);
    CHECK_EQ(scene_told(judge, "{\"type\":\"ok\",\"id\":33}"), 1);
    close_producer(judge, microphone);
    CODE(judge, 33, "not-found");
    pause(judge, 0x99, "true");
    CODE(judge, 32, "not-found");
    CHECK_EQ(scene_got(&s.sfu, CONTROL_STREAM_REMOVE), 1);
    CHECK_EQ(scene_lines(&s, "\"event\":\"producer.stopped\""), 1);
    scene_end(&s);
}

int main(void)
{
    transports();
    path();
    without_the_media_core();
    producing();
    producing_again();
    who_may_not_produce();
    refused_by_the_media_core();
    without_a_line_nothing_is_published();
    pausing_and_closing();
    return 0;
}
