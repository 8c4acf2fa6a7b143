/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/admin_commands.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signaling/journal.h"
#include "signaling/jsontext.h"

#define DAY_US (86400ull * 1000000)

/* How long links are good when nobody says. Ours. */
enum { LINK_DAYS = 30, PASS_DAYS = 365 };

/* Which demo hearing and records pass the demo made last. */
#define SETTING_DEMO_HEARING "demo-hearing"
#define SETTING_DEMO_PASS    "demo-pass"

/* Store and key, opened. */
struct desk {
    const struct admin_options *options;
    struct invite_place place;
    struct token_key *key;
    uint64_t now_us;
};

int admin_fail(const struct admin_options *options, const char *what, int error)
{
    const char *remedy = NULL;
    switch (error) {
    case -ENOENT:
        remedy = "there is no such thing here: check the id, or the data directory with --config "
                 "FILE or --data-dir DIR";
        break;
    case -EACCES:
    case -EPERM:
        remedy = "run this as the user the server runs as, or root; token.key must be readable by "
                 "its owner alone (chmod 600)";
        break;
    case -EBUSY:
        remedy = "the server is busy writing: try again";
        break;
    case -ENOSPC:
        remedy = "the disk is full, or the hearing has as many people as it may";
        break;
    case -EROFS:
        remedy = "the disk is read-only: make it writable, or choose another data directory";
        break;
    case -EINVAL:
        remedy = "a name, case number, title and court is 1 to 120 bytes (titles 300) of UTF-8 "
                 "without control characters";
        break;
    case -EPROTONOSUPPORT:
        remedy = "the data was written by a newer Assize: use that version's assize-admin";
        break;
    case -EBADMSG:
        remedy = "the data is damaged: keep a copy of it and restore a backup";
        break;
    default:
        break;
    }
    fprintf(stderr, "assize-admin: %s (%s): %s%s%s\n", what, options->data_dir, strerror(-error),
            remedy ? "; " : "", remedy ? remedy : "");
    return 1;
}

static int desk_open(struct desk *desk, const struct admin_options *options, uint64_t now_us)
{
    *desk = (struct desk){.options = options, .now_us = now_us};
    desk->place.data_dir = options->data_dir;
    int r = store_open(options->data_dir, &desk->place.store);
    if (r < 0)
        return admin_fail(options, "the store cannot be opened", r);
    r = token_key_open(options->data_dir, &desk->key);
    if (r < 0) {
        store_close(desk->place.store);
        return admin_fail(options, "the key token.key cannot be used", r);
    }
    return 0;
}

static void desk_close(struct desk *desk)
{
    token_key_close(desk->key);
    store_close(desk->place.store);
}

/* A link is at most this long: base URL, page and token. */
#define LINK_MAX (512 + TOKEN_TEXT_MAX)

static int make_link(const struct desk *desk, const struct store_invitation *invitation,
                     char link[static LINK_MAX])
{
    struct token token = {.invitation = invitation->id,
                          .hearing = invitation->hearing,
                          .expires_us = invitation->expires_us};
    char text[TOKEN_TEXT_MAX];
    int r = token_make(desk->key, &token, text);
    if (r < 0)
        return r;
    int n = snprintf(link, LINK_MAX, "%s/%s#%s", desk->options->base_url,
                     invitation->hearing ? "hearing" : "records", text);
    return n < 0 || n >= LINK_MAX ? -ENAMETOOLONG : 0;
}

static bool is_good(const struct store_invitation *invitation, uint64_t now_us)
{
    return invitation->revoked_us == 0 && invitation->expires_us > now_us;
}

/* Prints a finished text and a newline. */
static int print_json(struct jsontext *t)
{
    size_t len;
    char *text = jsontext_take(t, &len);
    if (!text)
        return -ENOMEM;
    printf("%s\n", text);
    free(text);
    return 0;
}

static void put_hearing(struct jsontext *t, const struct store_hearing *h)
{
    jsontext_id(t, "hearing", h->id);
    jsontext_string(t, "case", h->case_number);
    jsontext_string(t, "title", h->title);
    jsontext_string(t, "court", h->court);
    jsontext_string(t, "state", terms_state_name(h->state));
    jsontext_time(t, "scheduledAt", h->scheduled_us);
    jsontext_bool(t, "vp9", h->vp9);
    jsontext_bool(t, "consent", h->needs_consent);
    jsontext_bool(t, "objectionHolds", h->objection_holds);
}

/* One person's line, or element of `people`. */
static int show_link(const struct desk *desk, struct jsontext *t, const struct store_person *person,
                     const struct store_invitation *invitation)
{
    char link[LINK_MAX], id[TERMS_ID_TEXT];
    int r = make_link(desk, invitation, link);
    if (r < 0)
        return r;
    if (!desk->options->json) {
        printf("  %-11s %s (invitation %s)\n              %s\n", terms_role_name(person->role),
               person->name, terms_id_text(invitation->id, id), link);
        return 0;
    }
    jsontext_open(t, NULL, '{');
    jsontext_id(t, "person", person->id);
    jsontext_string(t, "name", person->name);
    jsontext_string(t, "role", terms_role_name(person->role));
    jsontext_id(t, "invitation", invitation->id);
    jsontext_time(t, "expiresAt", invitation->expires_us);
    jsontext_string(t, "link", link);
    jsontext_close(t, '}');
    return 0;
}

/* Everybody's good links, in the order people were invited. */
static int show_links_of(const struct desk *desk, struct jsontext *t, uint64_t hearing)
{
    struct store_person *people = NULL;
    struct store_invitation *invitations = NULL;
    size_t people_count = 0, count = 0;
    int r = store_person_list(desk->place.store, hearing, &people, &people_count);
    if (r == 0)
        r = store_invitation_list(desk->place.store, hearing, &invitations, &count);
    for (size_t i = 0; r == 0 && i < people_count; i++)
        for (size_t k = 0; r == 0 && k < count; k++)
            if (invitations[k].person == people[i].id && is_good(&invitations[k], desk->now_us))
                r = show_link(desk, t, &people[i], &invitations[k]);
    free(invitations);
    free(people);
    return r;
}

static int show_pass(const struct desk *desk, struct jsontext *t,
                     const struct store_invitation *pass)
{
    char link[LINK_MAX], id[TERMS_ID_TEXT], until[TERMS_TIME_TEXT];
    int r = make_link(desk, pass, link);
    if (r < 0)
        return r;
    if (!desk->options->json) {
        printf("  records     all hearings (pass %s, good until %s)\n              %s\n",
               terms_id_text(pass->id, id), terms_time_text(pass->expires_us, until), link);
        return 0;
    }
    jsontext_open(t, "records", '{');
    jsontext_id(t, "invitation", pass->id);
    jsontext_time(t, "expiresAt", pass->expires_us);
    jsontext_string(t, "link", link);
    jsontext_close(t, '}');
    return 0;
}

/* A hearing with everybody's links, and a pass unless NULL. */
static int show_hearing(const struct desk *desk, uint64_t hearing,
                        const struct store_invitation *pass)
{
    struct store_hearing h;
    int r = store_hearing_get(desk->place.store, hearing, &h);
    if (r < 0)
        return r;
    struct jsontext t = {0};
    if (desk->options->json) {
        jsontext_open(&t, NULL, '{');
        put_hearing(&t, &h);
        jsontext_open(&t, "people", '[');
    } else {
        char id[TERMS_ID_TEXT];
        printf("Hearing %s, %s: %s (%s, %s)\n", terms_id_text(h.id, id), h.case_number, h.title,
               h.court, terms_state_name(h.state));
    }
    r = show_links_of(desk, &t, hearing);
    if (desk->options->json)
        jsontext_close(&t, ']');
    if (r == 0 && pass)
        r = show_pass(desk, &t, pass);
    if (desk->options->json) {
        jsontext_close(&t, '}');
        if (r == 0)
            r = print_json(&t);
    }
    jsontext_finish(&t);
    return r;
}

static uint64_t expiry(const struct desk *desk, unsigned default_days)
{
    return desk->now_us + (desk->options->days ? desk->options->days : default_days) * DAY_US;
}

static int set_label(char *label, size_t capacity, const char *text)
{
    size_t len = strlen(text);
    if (len >= capacity)
        return -EINVAL;
    memcpy(label, text, len + 1);
    return 0;
}

/* Makes a hearing of the labels given. */
static int make_hearing(const struct desk *desk, const char *case_number, const char *title,
                        const char *court, const struct invite_guest *guests, size_t count,
                        uint64_t *ret_hearing)
{
    struct store_hearing h = {
        .scheduled_us = desk->options->scheduled_us ? desk->options->scheduled_us : desk->now_us,
        .vp9 = desk->options->vp9,
        .needs_consent = desk->options->consent,
        .objection_holds = desk->options->objection_holds};
    int r = set_label(h.case_number, sizeof(h.case_number), case_number);
    if (r == 0)
        r = set_label(h.title, sizeof(h.title), title);
    if (r == 0)
        r = set_label(h.court, sizeof(h.court), court);
    if (r < 0)
        return r;
    uint64_t from_us = h.scheduled_us > desk->now_us ? h.scheduled_us : desk->now_us;
    uint64_t expires_us = from_us - desk->now_us + expiry(desk, LINK_DAYS);
    return invite_hearing(&desk->place, &h, guests, count, expires_us, desk->now_us, ret_hearing);
}

int admin_hearing_create(const struct admin_options *options, uint64_t now_us)
{
    struct desk desk;
    if (desk_open(&desk, options, now_us) != 0)
        return 1;
    uint64_t id = 0;
    int r = make_hearing(&desk, options->case_number, options->title, options->court,
                         options->guests, options->guest_count, &id);
    if (r == 0)
        r = show_hearing(&desk, id, NULL);
    desk_close(&desk);
    return r < 0 ? admin_fail(options, "the hearing cannot be made", r) : 0;
}

static void show_row(const struct admin_options *options, struct jsontext *t,
                     const struct store_hearing *h)
{
    if (options->json) {
        jsontext_open(t, NULL, '{');
        put_hearing(t, h);
        jsontext_close(t, '}');
        return;
    }
    char id[TERMS_ID_TEXT], at[TERMS_TIME_TEXT];
    printf("%s  %-9s  %s  %s: %s\n", terms_id_text(h->id, id), terms_state_name(h->state),
           terms_time_text(h->scheduled_us, at), h->case_number, h->title);
}

int admin_hearing_list(const struct admin_options *options, uint64_t now_us)
{
    struct desk desk;
    if (desk_open(&desk, options, now_us) != 0)
        return 1;
    unsigned states = (1u << TERMS_STATE_COUNT) - 1;
    if (!options->all)
        states &= ~(1u << TERMS_STATE_CLOSED);
    struct store_hearing *list = NULL;
    size_t count = 0;
    int r = store_hearing_list(desk.place.store, states, &list, &count);
    struct jsontext t = {0};
    jsontext_open(&t, NULL, '[');
    for (size_t i = 0; r == 0 && i < count; i++)
        show_row(options, &t, &list[i]);
    jsontext_close(&t, ']');
    if (r == 0 && options->json)
        r = print_json(&t);
    else if (r == 0 && count == 0)
        printf("No hearing%s. Make one with: assize-admin hearing create --help\n",
               options->all ? "" : " that is not closed (--all shows closed ones)");
    jsontext_finish(&t);
    free(list);
    desk_close(&desk);
    return r < 0 ? admin_fail(options, "the hearings cannot be listed", r) : 0;
}

/* The id given as the argument; 0 after saying that it is none. */
static uint64_t read_id(const struct admin_options *options)
{
    uint64_t id = 0;
    if (terms_id_parse(options->argument, strlen(options->argument), &id) < 0)
        fprintf(stderr,
                "assize-admin: '%s' is no id: an id is 16 hex digits, as printed by "
                "'hearing list' and 'hearing links'\n",
                options->argument);
    return id;
}

int admin_hearing_links(const struct admin_options *options, uint64_t now_us)
{
    struct desk desk;
    uint64_t id = read_id(options);
    if (id == 0 || desk_open(&desk, options, now_us) != 0)
        return 1;
    int r = 0;
    if (options->renew)
        r = invite_renew(&desk.place, id, expiry(&desk, LINK_DAYS), now_us);
    if (r == 0)
        r = show_hearing(&desk, id, NULL);
    desk_close(&desk);
    if (r == -ESTALE) {
        fprintf(stderr,
                "assize-admin: hearing %s is closed: nobody joins it any more; "
                "'records-pass create' makes a link to its recording\n",
                options->argument);
        return 1;
    }
    return r < 0 ? admin_fail(options, "the links cannot be made", r) : 0;
}

int admin_invitation_revoke(const struct admin_options *options, uint64_t now_us)
{
    struct desk desk;
    uint64_t id = read_id(options);
    if (id == 0 || desk_open(&desk, options, now_us) != 0)
        return 1;
    int r = invite_revoke(&desk.place, id, now_us);
    desk_close(&desk);
    if (r == -EALREADY) {
        printf("Invitation %s was revoked before.\n", options->argument);
        return 0;
    }
    if (r < 0)
        return admin_fail(options, "the invitation cannot be revoked", r);
    printf("Invitation %s is revoked; whoever used it is put out within seconds.\n",
           options->argument);
    return 0;
}

/* A pass by itself, as an object of its own in JSON. */
static int show_one_pass(const struct desk *desk, const struct store_invitation *pass)
{
    struct jsontext t = {0};
    jsontext_open(&t, NULL, '{');
    int r = show_pass(desk, &t, pass);
    jsontext_close(&t, '}');
    if (r == 0 && desk->options->json)
        r = print_json(&t);
    jsontext_finish(&t);
    return r;
}

static int make_pass(const struct desk *desk, struct store_invitation *ret_pass)
{
    uint64_t id = 0;
    int r = invite_pass(&desk->place, expiry(desk, PASS_DAYS), desk->now_us, &id);
    return r < 0 ? r : store_invitation_get(desk->place.store, id, ret_pass);
}

int admin_records_pass_create(const struct admin_options *options, uint64_t now_us)
{
    struct desk desk;
    if (desk_open(&desk, options, now_us) != 0)
        return 1;
    struct store_invitation pass;
    int r = make_pass(&desk, &pass);
    if (r == 0)
        r = show_one_pass(&desk, &pass);
    desk_close(&desk);
    return r < 0 ? admin_fail(options, "the pass cannot be made", r) : 0;
}

int admin_records_pass_list(const struct admin_options *options, uint64_t now_us)
{
    struct desk desk;
    if (desk_open(&desk, options, now_us) != 0)
        return 1;
    struct store_invitation *list = NULL;
    size_t count = 0;
    int r = store_invitation_list(desk.place.store, 0, &list, &count);
    for (size_t i = 0; r == 0 && i < count; i++)
        if (is_good(&list[i], now_us))
            r = show_one_pass(&desk, &list[i]);
    free(list);
    desk_close(&desk);
    return r < 0 ? admin_fail(options, "the passes cannot be listed", r) : 0;
}

/* The id kept under `key`, or 0. */
static int read_setting_id(const struct desk *desk, const char *key, uint64_t *ret_id)
{
    char text[TERMS_ID_TEXT];
    *ret_id = 0;
    int r = store_setting_get(desk->place.store, key, text, sizeof(text));
    if (r == 0 && terms_id_parse(text, strlen(text), ret_id) < 0)
        *ret_id = 0;
    return r == -ENOENT || r == -ENOBUFS ? 0 : r;
}

static int write_setting_id(const struct desk *desk, const char *key, uint64_t id)
{
    char text[TERMS_ID_TEXT];
    return store_setting_set(desk->place.store, key, terms_id_text(id, text));
}

static int make_demo(const struct desk *desk, uint64_t *ret_hearing)
{
    static const struct invite_guest guests[] = {
        {CONTROL_ROLE_JUDGE, "陈敏", 0},
        {CONTROL_ROLE_CLERK, "Alice Wood", 0},
        {CONTROL_ROLE_PARTY, "李伟", 1},
        {CONTROL_ROLE_PARTY, "Mark Jones, Example Trading Ltd", 2},
        {CONTROL_ROLE_WITNESS, "王芳", 0},
    };
    int r = make_hearing(desk, "(2026) Demo 1", "李伟 v. Example Trading Ltd",
                         "Online Chamber 互联网审判庭", guests, sizeof(guests) / sizeof(guests[0]),
                         ret_hearing);
    return r < 0 ? r : write_setting_id(desk, SETTING_DEMO_HEARING, *ret_hearing);
}

/* Whether everybody who was not put out has a link that is good for a day more. */
static int has_good_links(const struct desk *desk, uint64_t hearing, bool *ret_good)
{
    struct store_person *people = NULL;
    struct store_invitation *list = NULL;
    size_t people_count = 0, count = 0, wanted = 0, good = 0;
    int r = store_person_list(desk->place.store, hearing, &people, &people_count);
    if (r == 0)
        r = store_invitation_list(desk->place.store, hearing, &list, &count);
    for (size_t i = 0; i < people_count; i++)
        wanted += people[i].removed ? 0 : 1;
    for (size_t i = 0; i < count; i++)
        good += is_good(&list[i], desk->now_us + DAY_US) ? 1 : 0;
    free(list);
    free(people);
    if (r == 0)
        *ret_good = good >= wanted && wanted > 0;
    return r;
}

/* The demo hearing that is there and not closed, with good links, or a new one. */
static int find_or_make_demo(const struct desk *desk, uint64_t *ret_hearing)
{
    uint64_t id;
    int r = read_setting_id(desk, SETTING_DEMO_HEARING, &id);
    if (r < 0)
        return r;
    struct store_hearing h;
    r = id != 0 ? store_hearing_get(desk->place.store, id, &h) : -ENOENT;
    if (r == -ENOENT || (r == 0 && h.state == TERMS_STATE_CLOSED))
        return make_demo(desk, ret_hearing);
    bool is_usable = false;
    if (r == 0)
        r = has_good_links(desk, id, &is_usable);
    if (r == 0 && !is_usable)
        r = invite_renew(&desk->place, id, expiry(desk, LINK_DAYS), desk->now_us);
    if (r == 0)
        *ret_hearing = id;
    return r;
}

static int find_or_make_pass(const struct desk *desk, struct store_invitation *ret_pass)
{
    uint64_t id;
    int r = read_setting_id(desk, SETTING_DEMO_PASS, &id);
    if (r < 0)
        return r;
    r = id != 0 ? store_invitation_get(desk->place.store, id, ret_pass) : -ENOENT;
    if (r == 0 && is_good(ret_pass, desk->now_us + DAY_US))
        return 0;
    if (r < 0 && r != -ENOENT)
        return r;
    r = make_pass(desk, ret_pass);
    return r < 0 ? r : write_setting_id(desk, SETTING_DEMO_PASS, ret_pass->id);
}

int admin_demo(const struct admin_options *options, uint64_t now_us)
{
    struct desk desk;
    if (desk_open(&desk, options, now_us) != 0)
        return 1;
    uint64_t hearing = 0;
    struct store_invitation pass = {0};
    int r = find_or_make_demo(&desk, &hearing);
    if (r == 0)
        r = find_or_make_pass(&desk, &pass);
    if (r == 0)
        r = show_hearing(&desk, hearing, &pass);
    desk_close(&desk);
    return r < 0 ? admin_fail(options, "the demo hearing cannot be made", r) : 0;
}
