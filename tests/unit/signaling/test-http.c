/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/http.h"

#include <stdlib.h>
#include <string.h>

#include "scene.h"
#include "unit/check.h"

enum { JUDGE, CLERK, PARTY, GUESTS };
static const struct invite_guest guests[GUESTS] = {
    [JUDGE] = {CONTROL_ROLE_JUDGE, "陈敏"},
    [CLERK] = {CONTROL_ROLE_CLERK, "Anna"},
    [PARTY] = {CONTROL_ROLE_PARTY, "李伟"},
};

static struct scene s;

/* Whether a guest's link is good for the records: what POST /api/session answers. */
static unsigned begin_session(size_t guest, const char *says)
{
    char hello[1024], body[1100];
    scene_hello(&s, guest, "", hello, sizeof(hello));
    const char *token = strstr(hello, "\"token\"");
    CHECK(token);
    (void)snprintf(body, sizeof(body), "{%s", token);
    CLEANUP(assets_destroy) struct assets *assets = NULL;
    FILE *index = fopen(place_file(&s.place, "index.html"), "we");
    CHECK(index && fclose(index) == 0);
    CHECK_EQ(assets_load(s.place.path, &assets), 0);
    struct http http = {.court = &s.court, .assets = assets};
    struct ws_request request = {
        .method = WS_POST,
        .path = "/api/session",
        .host = "localhost",
        .origin = "http://localhost",
        .body = body,
        .body_len = strlen(body),
    };
    struct ws_response response = {.fd = -1};
    http_answer(&http, &request, &response);
    CHECK_EQ(strstr(response.headers, "Set-Cookie: assize=") != NULL, response.status == 204);
    if (response.status != 204)
        CHECK(response.body_len == strlen(says) &&
              memcmp(response.body, says, response.body_len) == 0);
    free(response.owned);
    return response.status;
}

/* A cookie for judge and clerk, and for nobody whom the court has put out: not even by a link that
 * is good itself, made in the same moment. */
static void who_gets_a_cookie(void)
{
    scene_begin(&s, guests, GUESTS);
    CHECK_EQ(begin_session(JUDGE, ""), 204);
    CHECK_EQ(begin_session(CLERK, ""), 204);
    CHECK_EQ(begin_session(PARTY, "not-allowed"), 403);
    struct store_person clerk = s.people[CLERK]->stored;
    clerk.removed = true;
    CHECK_EQ(store_person_set(s.court.store, &clerk), 0);
    CHECK_EQ(begin_session(CLERK, "revoked-token"), 403);
    CHECK_EQ(begin_session(JUDGE, ""), 204);
    scene_end(&s);
}

int main(void)
{
    who_gets_a_cookie();
    return 0;
}
