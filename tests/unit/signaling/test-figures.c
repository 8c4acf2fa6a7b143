/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/figures.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "scene.h"
#include "unit/check.h"

enum { CLERK, PARTY, WITNESS, TECHNICIAN, JUDGE, OBSERVER, LAWYER, INTERPRETER, EXPERT, GUESTS };
static const struct invite_guest guests[GUESTS] = {
    [CLERK] = {CONTROL_ROLE_CLERK, "陈敏"},    [PARTY] = {CONTROL_ROLE_PARTY, "Li \"Wei\""},
    [WITNESS] = {CONTROL_ROLE_WITNESS, "Ana"}, [TECHNICIAN] = {CONTROL_ROLE_TECHNICIAN, "Tom"},
    [JUDGE] = {CONTROL_ROLE_JUDGE, "Okafor"},  [OBSERVER] = {CONTROL_ROLE_OBSERVER, "Olu"},
    [LAWYER] = {CONTROL_ROLE_LAWYER, "Lea"},   [INTERPRETER] = {CONTROL_ROLE_INTERPRETER, "Ines"},
    [EXPERT] = {CONTROL_ROLE_EXPERT, "Eva"},
};

static struct scene s;
static struct ws_connection *clerk, *party;
static uint64_t ahead_us; /* of the real clock */

static const char *id_of(size_t guest)
{
    return scene_id(s.people[guest]->stored.id);
}

/* The clerk and a party in the courtroom. */
static void begin(void)
{
    ahead_us = 0;
    scene_begin(&s, guests, GUESTS);
    clerk = scene_join(&s, CLERK);
    party = scene_join(&s, PARTY);
    scene_say(&s, clerk, "{\"type\":\"admit\",\"id\":10,\"person\":\"%s\"}", id_of(PARTY));
    scene_forget(&s);
}

/* The server's tick, so much later. */
static void tick(uint64_t us)
{
    ahead_us += us;
    court_wake(&s.court);
    s.court.now_us += ahead_us;
    s.court.wall_us += ahead_us;
    figures_tick(s.live);
}

static void say_stats(size_t guest, const struct control_peer_stats *stats)
{
    struct control_message m = {.type = CONTROL_PEER_STATS, .peer_stats = *stats};
    m.peer_stats.hearing = s.hearing;
    m.peer_stats.peer = s.people[guest]->stored.id;
    scene_sfu_says(&s, &m);
}

static void say_loss(size_t guest, uint32_t down_loss_permille)
{
    const struct control_peer_stats stats = {.rtt_us = 40000,
                                             .up_packets = 100,
                                             .down_packets = 100,
                                             .down_loss_permille = down_loss_permille};
    say_stats(guest, &stats);
}

static void watch(struct ws_connection *page, bool on)
{
    scene_say(&s, page, "{\"type\":\"watchConnections\",\"id\":20,\"on\":%s}",
              on ? "true" : "false");
}

/* What is kept, or "" when there is no file. */
static const char *kept(void)
{
    static char bytes[1 << 16];
    char name[EVIDENCE_NAME], path[128];
    (void)snprintf(path, sizeof(path), "journals/%s", evidence_name(s.hearing, name));
    FILE *file = fopen(place_file(&s.place, path), "re");
    size_t len = file ? fread(bytes, 1, sizeof(bytes) - 1, file) : 0;
    bytes[len] = '\0';
    if (file)
        (void)fclose(file); /* was only read */
    return bytes;
}

static unsigned count(const char *all, const char *text)
{
    unsigned n = 0;
    for (const char *at = all; (at = strstr(at, text)); at++)
        n++;
    return n;
}

/* The journal's last word vouches for all that is kept. */
static void check_vouched(void)
{
    const char *all = kept();
    char hex[DIGEST_TEXT], line[256], name[EVIDENCE_NAME];
    uint8_t sha256[DIGEST_LEN];
    CHECK_EQ(digest_sha256(all, strlen(all), NULL, 0, sha256), 0);
    (void)snprintf(line, sizeof(line),
                   "\"event\":\"connections.kept\",\"file\":\"%s\",\"bytes\":%zu,\"sha256\":\"%s\"",
                   evidence_name(s.hearing, name), strlen(all), digest_text(sha256, hex));
    CHECK_EQ(scene_lines(&s, line), 1);
}

/* The court and the technician, from the courtroom; nobody else is told anything, ever. */
static void who_may_see_it(void)
{
    begin();
    watch(clerk, true);
    CHECK_EQ(scene_told(clerk, "{\"type\":\"ok\",\"id\":20}"), 1);
    CHECK_EQ(scene_told(clerk, "{\"type\":\"connections\",\"past\":[],\"people\":[]}"), 1);
    struct ws_connection *pages[GUESTS] = {[CLERK] = clerk, [PARTY] = party};
    for (size_t guest = WITNESS; guest < GUESTS; guest++) {
        pages[guest] = scene_arrive(&s, guest, "");
        watch(pages[guest], true);
        CHECK_EQ(scene_told(pages[guest], "\"code\":\"not-joined\""), 1);
        scene_say(&s, pages[guest], "{\"type\":\"join\",\"id\":2,\"seats\":2}");
    }
    watch(pages[TECHNICIAN], true); /* in the waiting room */
    CHECK_EQ(scene_told(pages[TECHNICIAN], "\"code\":\"wrong-state\""), 1);
    for (size_t guest = TECHNICIAN; guest < GUESTS; guest++) /* all but the witness */
        scene_say(&s, clerk, "{\"type\":\"admit\",\"id\":10,\"person\":\"%s\"}", id_of(guest));
    for (size_t guest = PARTY; guest < GUESTS; guest++) {
        bool may = guest == JUDGE || guest == TECHNICIAN;
        scene_forget(&s);
        watch(pages[guest], true);
        CHECK_EQ(scene_told(pages[guest], "\"code\":\"not-allowed\""), !may);
        CHECK_EQ(scene_told(pages[guest], "\"type\":\"connections\""), may);
        watch(pages[guest], false);
        CHECK_EQ(scene_told(pages[guest], "{\"type\":\"ok\",\"id\":20}"), 1 + may);
    }
    watch(pages[TECHNICIAN], true);
    scene_forget(&s);
    for (size_t guest = 0; guest < GUESTS; guest++)
        say_loss(guest, 10);
    tick(FIGURES_TELL_US);
    char about_witness[64];
    (void)snprintf(about_witness, sizeof(about_witness), "\"person\":\"%s\"", id_of(WITNESS));
    for (size_t guest = 0; guest < GUESTS; guest++)
        CHECK_EQ(count(pages[guest]->told, "\"type\":\"connections\""),
                 guest == CLERK || guest == TECHNICIAN);
    /* Of whom they see: to the technician nobody is in the waiting room. */
    CHECK_EQ(count(strstr(clerk->told, "\"connections\""), about_witness), 1);
    CHECK_EQ(count(strstr(pages[TECHNICIAN]->told, "\"connections\""), about_witness), 0);
    CHECK_EQ(count(pages[TECHNICIAN]->told, "\"rttMs\":40"), GUESTS - 1);
    tick(FIGURES_KEEP_US); /* the past too */
    watch(pages[TECHNICIAN], false);
    scene_forget(&s);
    watch(pages[TECHNICIAN], true);
    watch(clerk, false);
    watch(clerk, true);
    CHECK_EQ(count(pages[TECHNICIAN]->told, about_witness), 0);
    CHECK_EQ(count(pages[TECHNICIAN]->told, "\"name\":"), GUESTS - 1);
    CHECK_EQ(count(clerk->told, about_witness), 3); /* its name, its line, and as it is now */
    /* Who is sent out of the courtroom is told no more. */
    scene_say(&s, clerk, "{\"type\":\"dismiss\",\"id\":11,\"person\":\"%s\"}", id_of(TECHNICIAN));
    scene_forget(&s);
    say_loss(PARTY, 20);
    tick(FIGURES_TELL_US);
    CHECK_EQ(scene_told(pages[TECHNICIAN], "connections"), 0);
    CHECK_EQ(scene_told(clerk, "connections"), 1);
    scene_end(&s);
}

#define FIGURES                                                                                    \
    "\"quality\":2,\"cut\":false,\"rttMs\":41,\"estimateBps\":380000,\"up\":{\"bps\":420000,"      \
    "\"loss\":2,\"jitterMs\":5,\"layers\":[0,2],\"height\":360},\"down\":{\"bps\":310000,"         \
    "\"loss\":80,\"jitterMs\":12,\"pictures\":1,\"held\":1,\"height\":180},\"microphone\":"        \
    "\"off\",\"soundOnly\":false,\"overloaded\":false,\"thinLine\":false,\"path\":\"unknown\"}"

static const struct control_peer_stats full = {.rtt_us = 41900,
                                               .up_loss_permille = 2,
                                               .down_loss_permille = 80,
                                               .up_bps = 420000,
                                               .down_bps = 310000,
                                               .up_packets = 9,
                                               .down_packets = 9,
                                               .down_estimate_bps = 380000,
                                               .up_jitter_us = 5100,
                                               .down_jitter_us = 12000,
                                               .up_layers = 5,
                                               .up_height = 360,
                                               .down_pictures = 1,
                                               .down_held = 1,
                                               .down_height = 180};

/* What is new, once, and no more often than once a second; all of it to who begins to watch. */
static void what_is_told(void)
{
    begin();
    say_stats(PARTY, &full);
    watch(clerk, true);
    CHECK_EQ(scene_told(clerk, FIGURES), 1);
    scene_forget(&s);
    tick(FIGURES_TELL_US);
    CHECK_EQ(scene_told(clerk, FIGURES), 1);
    CHECK_EQ(scene_told(clerk, "\"past\""), 0);
    say_stats(PARTY, &full);
    tick(FIGURES_TELL_US / 10);
    CHECK_EQ(scene_told(clerk, FIGURES), 1);
    tick(FIGURES_TELL_US);
    CHECK_EQ(scene_told(clerk, FIGURES), 2);
    tick(FIGURES_TELL_US);
    CHECK_EQ(scene_told(clerk, "\"connections\""), 2);

    /* A microphone that is on and of which nothing comes; what the page says of itself. */
    scene_forget(&s);
    uint64_t microphone = scene_produce(&s, party);
    say_stats(PARTY, &full);
    tick(FIGURES_TELL_US);
    CHECK_EQ(scene_told(clerk, "\"microphone\":\"silent\""), 1);
    const struct control_message flows = {
        .type = CONTROL_STREAM_STATE,
        .stream_state = {s.hearing, s.people[PARTY]->stored.id, microphone, true}};
    scene_sfu_says(&s, &flows);
    scene_say(&s, party, "{\"type\":\"device\",\"id\":19,\"overloaded\":true,\"thinLine\":true}");
    scene_say(&s, party, "{\"type\":\"soundOnly\",\"id\":18,\"on\":true}");
    CHECK_EQ(scene_told(party, "\"type\":\"ok\""), 2);
    say_stats(PARTY, &full);
    tick(FIGURES_TELL_US);
    CHECK_EQ(scene_told(
                 clerk,
                 "\"microphone\":\"on\",\"soundOnly\":true,\"overloaded\":true,\"thinLine\":true"),
             1);
    watch(clerk, false);
    scene_forget(&s);
    say_stats(PARTY, &full);
    tick(FIGURES_TELL_US);
    CHECK_EQ(scene_told(clerk, "connections"), 0);
    /* One person's wish is not another's burden. */
    for (unsigned i = 0; i < LIMIT_VIEW_BURST + 1; i++)
        watch(clerk, i % 2);
    CHECK_EQ(scene_told(clerk, "too-fast") > 0, 1);
    scene_end(&s);
}

static void say_phase(enum control_direction direction, enum control_transport_phase phase)
{
    const struct control_message m = {.type = CONTROL_TRANSPORT_STATE,
                                      .transport_state = {s.hearing, s.people[PARTY]->stored.id,
                                                          (uint8_t)direction, (uint8_t)phase}};
    scene_sfu_says(&s, &m);
}

/* Over a way that is cut nothing is lost, as nothing is sent: it is very poor all the same. */
static void a_cut_way(void)
{
    begin();
    watch(clerk, true);
    scene_forget(&s);
    say_loss(PARTY, 0);
    CHECK_EQ(s.people[PARTY]->quality, 4);
    say_phase(CONTROL_UP, CONTROL_TRANSPORT_SILENT);
    say_loss(PARTY, 0);
    CHECK_EQ(s.people[PARTY]->quality, 1);
    tick(FIGURES_TELL_US);
    CHECK_EQ(scene_told(clerk, "\"quality\":1,\"cut\":true"), 1);
    say_phase(CONTROL_UP, CONTROL_TRANSPORT_CONNECTED);
    say_loss(PARTY, 0);
    CHECK_EQ(s.people[PARTY]->quality, 4);
    tick(FIGURES_TELL_US);
    CHECK_EQ(scene_told(clerk, "\"quality\":4,\"cut\":false"), 1);
    scene_end(&s);
}

/* A line every ten seconds: the mean of the rates, the worst of the rest, who it was. */
static void what_is_kept(void)
{
    begin();
    struct control_peer_stats other = full;
    other.rtt_us = 12000;
    other.down_loss_permille = 0;
    other.up_loss_permille = 0;
    other.up_bps = 400000;
    other.down_bps = 300000;
    other.down_estimate_bps = 900000;
    other.up_jitter_us = other.down_jitter_us = 0;
    other.down_held = 0;
    other.down_pictures = 3;
    say_stats(PARTY, &full);
    tick(FIGURES_TELL_US); /* the first at once */
    CHECK_EQ(count(kept(), "\n"), 2);
    CHECK_EQ(count(kept(), "\"name\":\"Li \\\"Wei\\\"\",\"role\":\"party\"}\n"), 1);
    CHECK_EQ(count(kept(), FIGURES "\n"), 1);
    say_stats(PARTY, &full);
    say_stats(PARTY, &other);
    tick(FIGURES_TELL_US);
    CHECK_EQ(count(kept(), "\n"), 2);
    tick(FIGURES_KEEP_US);
    CHECK_EQ(count(kept(), "\n"), 3);
    CHECK_EQ(count(kept(), "\"quality\":2,\"cut\":false,\"rttMs\":41,\"estimateBps\":380000,\"up\":"
                           "{\"bps\":410000,\"loss\":2,\"jitterMs\":5,\"layers\":[0,2],\"height\":"
                           "360},\"down\":{\"bps\":305000,\"loss\":80,\"jitterMs\":12,\"pictures\":"
                           "3,\"held\":1,\"height\":180}"),
             1);
    CHECK_EQ(scene_lines(&s, "connections.kept"), 0);
    /* Who leaves has a last line, at once; then all have left. */
    say_loss(PARTY, 500);
    scene_say(&s, party, "{\"type\":\"leave\",\"id\":15}");
    tick(FIGURES_TELL_US);
    CHECK_EQ(count(kept(), "\n"), 4);
    CHECK_EQ(count(kept(), "\"loss\":500"), 1);
    scene_say(&s, clerk, "{\"type\":\"leave\",\"id\":15}");
    tick(FIGURES_TELL_US);
    CHECK_EQ(scene_lines(&s, "connections.kept"), 1);
    check_vouched();
    tick(FIGURES_VOUCH_US);
    CHECK_EQ(scene_lines(&s, "connections.kept"), 1);
    scene_end(&s);
}

/* Before each line of the hearing's course, and every ten minutes: all of it, also what was not
 * due, and what was kept before we were restarted. */
static void what_vouches_for_it(void)
{
    begin();
    say_loss(PARTY, 30);
    tick(FIGURES_TELL_US);
    say_loss(PARTY, 40);
    (void)scene_join(&s, JUDGE);
    scene_say(&s, clerk, "{\"type\":\"setState\",\"id\":14,\"state\":\"open\"}");
    CHECK_EQ(count(kept(), "\n"), 3);
    CHECK_EQ(scene_lines(&s, "connections.kept"), 1);
    CHECK_EQ(scene_lines(&s, "hearing.opened"), 1);
    check_vouched();
    say_loss(PARTY, 50);
    tick(FIGURES_KEEP_US);
    CHECK_EQ(scene_lines(&s, "connections.kept"), 1);
    tick(FIGURES_VOUCH_US);
    CHECK_EQ(scene_lines(&s, "connections.kept"), 2);
    check_vouched();

    scene_restart(&s);
    scene_connect(&s);
    ahead_us = 0;
    party = scene_join(&s, PARTY);
    say_loss(PARTY, 60);
    tick(FIGURES_TELL_US);
    CHECK_EQ(count(kept(), "\n"), 6); /* named again */
    tick(FIGURES_VOUCH_US);
    CHECK_EQ(scene_lines(&s, "connections.kept"), 3);
    check_vouched();
    scene_end(&s);
}

/* A disk that is full costs the figures, not the hearing; what comes later is kept again. */
static void a_disk_that_is_full(void)
{
    begin();
    watch(clerk, true);
    scene_forget(&s);
    say_loss(PARTY, 30);
    scene_block_journal(&s, true);
    struct rlimit limit = {.rlim_cur = 0};
    CHECK_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = 0;
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
    tick(FIGURES_TELL_US);
    limit.rlim_cur = before;
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
    scene_block_journal(&s, false);
    CHECK_EQ(scene_told(clerk, "\"loss\":30"), 1);
    CHECK_EQ(count(kept(), "\n"), 0);
    say_loss(PARTY, 40);
    tick(FIGURES_KEEP_US);
    CHECK_EQ(count(kept(), "\n"), 2);
    CHECK_EQ(count(kept(), "\"name\""), 1);
    scene_end(&s);
}

/* The sample of PROTOCOL.md has them as they are told. */
static void check_sample(const char *path)
{
    char text[4096];
    FILE *file = fopen(path, "re");
    CHECK(file);
    size_t len = fread(text, 1, sizeof(text) - 1, file);
    (void)fclose(file); /* was only read */
    text[len] = '\0';
    CHECK_EQ(count(text, FIGURES), 1);
}

int main(int argc, char **argv)
{
    CHECK_EQ(argc, 2);
    check_sample(argv[1]);
    who_may_see_it();
    what_is_told();
    a_cut_way();
    what_is_kept();
    what_vouches_for_it();
    a_disk_that_is_full();
    return 0;
}
