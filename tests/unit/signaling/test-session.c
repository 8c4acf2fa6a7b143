/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/session.h"

#include <errno.h>
#include <string.h>

#include "scene.h"
#include "unit/check.h"
#ifdef TEST_FAULTS
#include "unit/faults.h"
#endif

enum { JUDGE, PARTY, GUESTS };
static const struct invite_guest guests[GUESTS] = {
    [JUDGE] = {CONTROL_ROLE_JUDGE, "陈敏"},
    [PARTY] = {CONTROL_ROLE_PARTY, "李伟"},
};

static struct scene s;

#ifdef TEST_FAULTS
/* A page opens, says hello and joins while one call fails. */
static void come(struct ws_connection *page, const char *hello)
{
    static const char join[] = "{\"type\":\"join\",\"id\":2,\"seats\":2}";
    void *session = NULL;
    if (session_opened(&s.court, page, &session) < 0)
        return;
    page->page = session;
    session_receive(session, hello, strlen(hello));
    session_receive(session, join, sizeof(join) - 1);
}

/* Each allocation and system call fails once: nothing leaks, the page is answered or closed, and
 * the same person comes in afterwards as if nothing had been. */
int main(void)
{
    bool happened = true;
    for (int n = 0; happened; n++) {
        char hello[1024];
        scene_begin(&s, guests, GUESTS);
        scene_hello(&s, PARTY, "", hello, sizeof(hello));
        struct ws_connection *page = &s.pages[s.page_count++];
        *page = (struct ws_connection){0};
        faults_fail_at(n);
        come(page, hello);
        happened = faults_happened();
        faults_fail_at(-1);
        scene_serve(&s);
        /* Without memory to read a request, its id is not known either. */
        CHECK(!page->page || page->code || scene_told(page, "\"id\":2") == 1 ||
              scene_told(page, "\"id\":null,\"code\":\"internal\"") > 0);
        CHECK(happened || scene_told(page, "\"type\":\"joined\",\"id\":2") == 1);
        scene_hang_up(page);

        page = scene_arrive(&s, PARTY, ",\"takeOver\":true");
        scene_say(&s, page, "{\"type\":\"join\",\"id\":3,\"seats\":2}");
        CHECK_EQ(scene_told(page, "\"type\":\"joined\",\"id\":3"), 1);
        scene_end(&s);
        if (!happened)
            printf("failed each of %d calls in turn\n", n);
    }
    return 0;
}
#else
/* A connection that has not said hello. */
static struct ws_connection *open_page(void)
{
    struct ws_connection *page = &s.pages[s.page_count++];
    void *session = NULL;
    *page = (struct ws_connection){0};
    CHECK_EQ(session_opened(&s.court, page, &session), 0);
    page->page = session;
    return page;
}

/* Each request as it may be said, but for hello. */
static const char *const requests[] = {
    "{\"type\":\"join\",\"id\":40,\"seats\":2}",
    ("{\"type\":\"connect\",\"id\":40,\"transport\":\"00000000000000b1\",\"dtlsParameters\":{"
     "\"role\":"
     "\"client\",\"fingerprints\":[{\"algorithm\":\"sha-256\",\"value\":\"00:11:22:33:44:55:66:77:"
     "88:"
     "99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\"}]}}"),
    "{\"type\":\"restartIce\",\"id\":40,\"transport\":\"00000000000000b1\"}",
    ("{\"type\":\"produce\",\"id\":40,\"source\":\"microphone\",\"kind\":\"audio\",\"paused\":"
     "false,"
     "\"rtpParameters\":{\"mid\":\"0\",\"codecs\":[{\"mimeType\":\"audio/"
     "opus\",\"payloadType\":111,"
     "\"clockRate\":48000,\"channels\":2}],\"encodings\":[{\"ssrc\":3333}]}}"),
    "{\"type\":\"pause\",\"id\":40,\"producer\":\"00000000000000c1\",\"paused\":true}",
    "{\"type\":\"closeProducer\",\"id\":40,\"producer\":\"00000000000000c1\"}",
    "{\"type\":\"view\",\"id\":40,\"heights\":[720]}",
    "{\"type\":\"soundOnly\",\"id\":40,\"on\":true}",
    "{\"type\":\"device\",\"id\":40,\"overloaded\":true,\"thinLine\":true}",
    "{\"type\":\"watchConnections\",\"id\":40,\"on\":true}",
    "{\"type\":\"hand\",\"id\":40,\"up\":true}",
    "{\"type\":\"lowerHand\",\"id\":40,\"person\":\"00000000000000d1\"}",
    "{\"type\":\"admit\",\"id\":40,\"person\":\"00000000000000d1\"}",
    "{\"type\":\"dismiss\",\"id\":40,\"person\":\"00000000000000d1\"}",
    "{\"type\":\"mute\",\"id\":40,\"person\":\"00000000000000d1\"}",
    "{\"type\":\"remove\",\"id\":40,\"person\":\"00000000000000d1\"}",
    "{\"type\":\"meet\",\"id\":40,\"room\":\"caucus\",\"people\":[\"00000000000000d1\"]}",
    "{\"type\":\"enter\",\"id\":40,\"number\":1}",
    "{\"type\":\"decline\",\"id\":40}",
    "{\"type\":\"comeBack\",\"id\":40}",
    "{\"type\":\"callBack\",\"id\":40,\"person\":\"00000000000000d1\"}",
    "{\"type\":\"lock\",\"id\":40,\"person\":\"00000000000000d1\",\"on\":true}",
    "{\"type\":\"giveFloor\",\"id\":40,\"person\":\"00000000000000d1\"}",
    "{\"type\":\"openFloor\",\"id\":40}",
    "{\"type\":\"muteAll\",\"id\":40}",
    ("{\"type\":\"screen\",\"id\":40,\"person\":\"00000000000000d1\",\"from\":\"00000000000000d2\","
     "\"what\":\"both\"}"),
    "{\"type\":\"setState\",\"id\":40,\"state\":\"open\"}",
    "{\"type\":\"inCamera\",\"id\":40,\"on\":true,\"reason\":\"a\"}",
    "{\"type\":\"consent\",\"id\":40,\"given\":true}",
    "{\"type\":\"swear\",\"id\":40,\"person\":\"0123456789abcdef\",\"form\":\"oath\"}",
    "{\"type\":\"sworn\",\"id\":40,\"language\":\"en\"}",
    "{\"type\":\"release\",\"id\":40,\"person\":\"0123456789abcdef\"}",
    "{\"type\":\"object\",\"id\":40}",
    "{\"type\":\"rule\",\"id\":40,\"number\":1,\"ruling\":\"overruled\"}",
    "{\"type\":\"lockRoom\",\"id\":40,\"on\":true}",
    "{\"type\":\"spotlight\",\"id\":40,\"person\":\"0123456789abcdef\",\"on\":true}",
    "{\"type\":\"mark\",\"id\":40,\"words\":\"Here.\"}",
    "{\"type\":\"leave\",\"id\":40}",
    "{\"type\":\"path\",\"id\":40,\"path\":\"udp\"}",
    "{\"type\":\"ping\",\"id\":40}",
};
enum { REQUESTS = sizeof(requests) / sizeof(requests[0]) };

/* Before hello nothing is taken; after it no second one; known but not joined, nothing that needs a
 * place. The list above is whole. */
static void what_may_be_said_when(void)
{
    CHECK_EQ(REQUESTS + 1, MESSAGE_TYPE_COUNT);
    scene_begin(&s, guests, GUESTS);
    struct ws_connection *page = open_page();
    for (size_t i = 0; i < REQUESTS; i++)
        scene_say(&s, page, "%s", requests[i]);
    CHECK_EQ(scene_told(page, "\"id\":40,\"code\":\"hello-first\""), REQUESTS);
    CHECK_EQ(s.court.counters.errors, REQUESTS);
    CHECK_EQ(s.sfu.count, 0);

    struct ws_connection *party = scene_arrive(&s, PARTY, "");
    scene_say(&s, party, "{\"type\":\"hello\",\"id\":40,\"protocol\":1,\"token\":\"x\"}");
    CHECK_EQ(scene_told(party, "\"id\":40,\"code\":\"wrong-state\""), 1);
    scene_forget(&s);
    for (size_t i = 1; i < REQUESTS - 1; i++)
        scene_say(&s, party, "%s", requests[i]);
    /* What a party may never do is said so even now. */
    CHECK_EQ(scene_told(party, "\"code\":\"not-joined\"") +
                 scene_told(party, "\"code\":\"not-allowed\""),
             REQUESTS - 2);
    CHECK_EQ(scene_told(party, "\"code\":\"not-allowed\""), 13);
    scene_say(&s, party, "%s", requests[REQUESTS - 1]);
    CHECK_EQ(scene_told(party, "\"type\":\"pong\",\"id\":40"), 1);
    scene_end(&s);
}

/* A text that is no request is answered, counted, and changes nothing. */
static void what_is_not_understood(void)
{
    scene_begin(&s, guests, GUESTS);
    struct ws_connection *judge = scene_join(&s, JUDGE);
    scene_forget(&s);
    scene_say(&s, judge, "{");
    CHECK_EQ(scene_told(judge, "\"type\":\"error\",\"id\":null,\"code\":\"bad-message\""), 1);
    scene_say(&s, judge, "{\"type\":\"seize\",\"id\":41}");
    CHECK_EQ(scene_told(judge, "\"id\":41,\"code\":\"unknown-type\""), 1);
    CHECK_EQ(s.court.counters.errors, 2);
    CHECK_EQ(judge->code, 0);
    scene_end(&s);
}

/* Whose requests that write come too fast is refused each of them by its id, and stays connected:
 * what costs nothing is answered as ever. A new connection is no new start. */
static void requests_that_write(void)
{
    static const char *const quick[] = {"\"connect\"", "\"restartIce\"", "\"pause\"",
                                        "\"view\"",    "\"soundOnly\"",  "\"device\"",
                                        "\"path\"",    "\"ping\"",       "\"watchConnections\"",
                                        "\"decline\""};
    scene_begin(&s, guests, GUESTS);
    struct ws_connection *party = scene_join(&s, PARTY), *judge = scene_join(&s, JUDGE);
    struct bucket *writes = &court_presence(s.live, s.people[PARTY])->writes;
    uint64_t lines = journal_summary(s.live->journal).lines;
    for (size_t i = 0; i < REQUESTS; i++) {
        bool is_quick = false;
        for (size_t k = 0; k < sizeof(quick) / sizeof(quick[0]); k++)
            is_quick = is_quick || strstr(requests[i], quick[k]);
        writes->spent = 10 * LIMIT_WRITE_BURST; /* for half a minute */
        scene_forget(&s);
        scene_say(&s, party, "%s", requests[i]);
        CHECK_EQ(scene_told(party, "\"id\":40,\"code\":\"too-fast\""), !is_quick);
        CHECK_EQ(scene_told(party, "\"id\":40"), 1);
    }
    CHECK_EQ(journal_summary(s.live->journal).lines, lines);
    CHECK_EQ(party->code, 0);
    writes->spent = 10 * LIMIT_WRITE_BURST;
    struct ws_connection *again = scene_arrive(&s, PARTY, ",\"takeOver\":true");
    CHECK_EQ(scene_told(again, "\"id\":1,\"code\":\"too-fast\""), 1);
    CHECK_EQ(party->code, 0);
    scene_say(&s, judge, "{\"type\":\"hand\",\"id\":41,\"up\":true}");
    CHECK_EQ(scene_told(judge, "{\"type\":\"ok\",\"id\":41}"), 1);
    writes->spent = 0;
    scene_say(&s, party, "{\"type\":\"hand\",\"id\":42,\"up\":true}");
    CHECK_EQ(scene_told(party, "{\"type\":\"ok\",\"id\":42}"), 1);
    scene_end(&s);
}

/* As many as the loop can take of them: a burst, then the rate. Judge and clerk can let a whole
 * hearing in by one button. */
static void a_flood_of_requests_that_write(void)
{
    static const char hand[] = "{\"type\":\"hand\",\"id\":43,\"up\":true}";
    scene_begin(&s, guests, GUESTS);
    for (size_t guest = 0; guest < GUESTS; guest++) {
        struct ws_connection *page = scene_join(&s, guest);
        unsigned burst = LIMIT_WRITE_BURST + (guest == JUDGE ? LIMIT_PEOPLE_PER_HEARING : 0);
        court_presence(s.live, s.people[guest])->writes.spent = 0;
        uint64_t start_us = s.court.now_us;
        for (unsigned i = 0; i < burst + 100; i++)
            session_receive(page->page, hand, sizeof(hand) - 1);
        double passed_s = (double)(s.court.now_us - start_us) / 1e6;
        unsigned done = scene_told(page, "{\"type\":\"ok\",\"id\":43}");
        CHECK(done >= burst && done <= burst + LIMIT_WRITE_RATE * passed_s + 1);
        CHECK_EQ(scene_told(page, "\"id\":43,\"code\":\"too-fast\""), burst + 100 - done);
        CHECK_EQ(page->code, 0);
    }
    scene_end(&s);
}

/* Who breaks a limit is told which, and closed. */
static void limits(void)
{
    static const struct {
        enum ws_breach breach;
        const char *code;
    } rows[] = {{WS_BREACH_TOO_LARGE, "\"code\":\"too-large\""},
                {WS_BREACH_TOO_FAST, "\"code\":\"too-fast\""},
                {WS_BREACH_NOT_TEXT, "\"code\":\"bad-message\""}};
    scene_begin(&s, guests, GUESTS);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ws_connection *page = open_page();
        session_broke(page->page, rows[i].breach);
        CHECK_EQ(scene_told(page, rows[i].code), 1);
        CHECK_EQ(page->code, 4000);
    }
    scene_end(&s);
}

/* A connection that says no hello in its time is closed; one that did is not. */
static void silence(void)
{
    scene_begin(&s, guests, GUESTS);
    struct ws_connection *silent = open_page(), *party = scene_arrive(&s, PARTY, "");
    court_wake(&s.court);
    s.court.now_us += SESSION_HELLO_US - 1000000;
    session_tick(&s.court);
    CHECK_EQ(silent->code, 0);
    s.court.now_us += 1000001;
    session_tick(&s.court);
    CHECK_EQ(silent->code, 4000);
    CHECK_EQ(party->code, 0);
    scene_end(&s);
}

int main(void)
{
    what_may_be_said_when();
    what_is_not_understood();
    requests_that_write();
    a_flood_of_requests_that_write();
    limits();
    silence();
    return 0;
}
#endif
