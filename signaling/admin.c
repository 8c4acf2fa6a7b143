/* SPDX-License-Identifier: Apache-2.0 */
/* assize-admin: reads its command line and calls the command. */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/config.h"
#include "signaling/admin_commands.h"

#define COMMON_OPTIONS                                                                             \
    "  --config FILE     the server's configuration: where its data lies, what links begin with\n" \
    "  --data-dir DIR    the data directory, if not the configuration's\n"                         \
    "  --base-url URL    what links begin with, such as https://court.example:8443, if not\n"      \
    "                    https://PUBLIC_HOST:PORT of the configuration\n"                          \
    "  --json            print JSON\n"                                                             \
    "  --help            help for this command\n"                                                  \
    "  --version         the version\n"

static const struct command {
    const char *words[2]; /* the second may be NULL */
    const char *argument; /* what the one argument is, or NULL when there is none */
    int (*run)(const struct admin_options *options, uint64_t now_us);
    const char *purpose;
    const char *help;
} commands[] = {
    {{"hearing", "create"},
     NULL,
     admin_hearing_create,
     "make a hearing and print a link for each person",
     "  --case NUMBER     the case's number (needed)\n"
     "  --title TEXT      such as \"Li Wei v. Example Trading Ltd\" (needed)\n"
     "  --court TEXT      the court or chamber (needed)\n"
     "  --at TIME         when it begins, such as 2026-11-22T09:30Z or ...+08:00 (default: now)\n"
     "  --expires DAYS    how long after that links are good (default 30)\n"
     "  --vp9             cameras send VP9 in layers of one stream, where the browser can: a\n"
     "                    better picture on the same line for more of the device's work\n"
     "  --consent         it is opened only once every party has agreed to be heard online\n"
     "  --objection-holds an objection closes the microphones of witnesses and experts until a\n"
     "                    judge has ruled upon it\n"
     "  --judge NAME      a person; likewise --clerk --party --lawyer --witness --interpreter\n"
     "                    --expert --observer --technician; each may be repeated\n"
     "  --side NUMBER     the side, 1 to 8, of those named after it (0: none): parties and\n"
     "                    lawyers of one side may consult each other\n"},
    {{"hearing", "list"},
     NULL,
     admin_hearing_list,
     "list hearings",
     "  --all             closed ones too\n"},
    {{"hearing", "links"},
     "HEARING",
     admin_hearing_links,
     "print everybody's links to a hearing again",
     "  --renew           make new links; the old ones stop working at once\n"
     "  --expires DAYS    how long new links are good (default 30)\n"},
    {{"invitation", "revoke"},
     "INVITATION",
     admin_invitation_revoke,
     "end one link (or pass) at once, also for whoever uses it now",
     ""},
    {{"records-pass", "create"},
     NULL,
     admin_records_pass_create,
     "make a link to all records",
     "  --expires DAYS    how long it is good (default 365)\n"},
    {{"records-pass", "list"}, NULL, admin_records_pass_list, "print the links to all records", ""},
    {{"journal", "verify"},
     "FILE",
     admin_journal_verify,
     "check that a hearing's journal is whole",
     ""},
    {{"journal", "sent"},
     "FILE",
     admin_journal_sent,
     "say who was where, and who was sent what of whom, at some moment",
     "  --at TIME         the moment, such as 2026-11-22T09:30:05.250Z (default: the last line)\n"},
    {{"demo", NULL},
     NULL,
     admin_demo,
     "make a hearing to try Assize with (or find the one there is) and print its links",
     "  --expires DAYS    how long links are good (default 30; the link to records 365)\n"},
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void print_help(void)
{
    printf("assize-admin: works on the data of an Assize server, also while it runs.\n\n"
           "  assize-admin [OPTIONS] COMMAND [OPTIONS]\n\nCommands:\n");
    for (size_t i = 0; i < COMMANDS; i++)
        printf("  %s%s%s%s%s\n      %s\n", commands[i].words[0], commands[i].words[1] ? " " : "",
               commands[i].words[1] ? commands[i].words[1] : "", commands[i].argument ? " " : "",
               commands[i].argument ? commands[i].argument : "", commands[i].purpose);
    printf(
        "\nOptions:\n" COMMON_OPTIONS
        "\nA link is a person's key: give it to that person alone. 'COMMAND --help' says more.\n");
}

static void print_command_help(const struct command *c)
{
    printf("assize-admin %s%s%s%s%s: %s.\n\n%s" COMMON_OPTIONS, c->words[0], c->words[1] ? " " : "",
           c->words[1] ? c->words[1] : "", c->argument ? " " : "", c->argument ? c->argument : "",
           c->purpose, c->help);
}

/* The command line while it is read. */
struct line {
    const char *config;
    const char *data_dir;
    const char *base_url;
    bool help;
    bool version;
    uint8_t side; /* of whom is named next */
    size_t word_count;
    const char *words[3]; /* what is no option: the command and its argument */
    struct admin_options options;
};

/* Says what is wrong with the command line. Returns the exit status 2. */
static int refuse(const char *what, const char *detail)
{
    fprintf(stderr, "assize-admin: %s%s%s; assize-admin --help tells how\n", what,
            detail ? " " : "", detail ? detail : "");
    return 2;
}

static int read_days(const char *text, uint64_t *ret_days)
{
    char *end;
    errno = 0;
    unsigned long days = strtoul(text, &end, 10);
    if (errno != 0 || *end != '\0' || text[0] < '0' || text[0] > '9' || days < 1 || days > 3650)
        return -EINVAL;
    *ret_days = days;
    return 0;
}

static int read_side(const char *text, uint8_t *ret_side)
{
    if (text[0] < '0' || text[0] > '0' + LIMIT_SIDES || text[1] != '\0')
        return -EINVAL;
    *ret_side = (uint8_t)(text[0] - '0');
    return 0;
}
_Static_assert(LIMIT_SIDES < 10, "one digit");

/* Options that are a word alone. */
static bool read_flag(struct line *line, const char *name)
{
    if (strcmp(name, "json") == 0)
        line->options.json = true;
    else if (strcmp(name, "renew") == 0)
        line->options.renew = true;
    else if (strcmp(name, "all") == 0)
        line->options.all = true;
    else if (strcmp(name, "vp9") == 0)
        line->options.vp9 = true;
    else if (strcmp(name, "consent") == 0)
        line->options.consent = true;
    else if (strcmp(name, "objection-holds") == 0)
        line->options.objection_holds = true;
    else if (strcmp(name, "help") == 0)
        line->help = true;
    else if (strcmp(name, "version") == 0)
        line->version = true;
    else
        return false;
    return true;
}

static bool read_text_option(struct line *line, const char *name, const char *value)
{
    struct {
        const char *name;
        const char **target;
    } texts[] = {
        {"config", &line->config},       {"data-dir", &line->data_dir},
        {"base-url", &line->base_url},   {"case", &line->options.case_number},
        {"title", &line->options.title}, {"court", &line->options.court},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (strcmp(texts[i].name, name) == 0) {
            *texts[i].target = value;
            return true;
        }
    return false;
}

/* Options with a value. 0, or the exit status after saying what is wrong. */
static int read_option(struct line *line, const char *name, const char *value)
{
    struct admin_options *o = &line->options;
    if (read_text_option(line, name, value))
        return 0;
    if (strcmp(name, "at") == 0)
        return terms_time_parse(value, &o->scheduled_us) < 0
                   ? refuse("--at takes a time such as 2026-11-22T09:30Z, not", value)
                   : 0;
    if (strcmp(name, "expires") == 0)
        return read_days(value, &o->days) < 0
                   ? refuse("--expires takes a number of days from 1 to 3650, not", value)
                   : 0;
    if (strcmp(name, "side") == 0)
        return read_side(value, &line->side) < 0
                   ? refuse("--side takes a number from 0 to 8, not", value)
                   : 0;
    enum control_role role;
    if (terms_role_parse(name, &role) < 0)
        return refuse("there is no option", name);
    if (o->guest_count == LIMIT_PEOPLE_PER_HEARING)
        return refuse("a hearing has at most 200 people", NULL);
    o->guests[o->guest_count++] = (struct invite_guest){role, value, line->side};
    return 0;
}

static int read_line(int argc, char **argv, struct line *line)
{
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) != 0) {
            if (line->word_count == 3)
                return refuse("unexpected", argv[i]);
            line->words[line->word_count++] = argv[i];
            continue;
        }
        const char *name = argv[i] + 2;
        if (read_flag(line, name))
            continue;
        if (i + 1 == argc)
            return refuse("unknown option, or one without its value:", argv[i]);
        int status = read_option(line, name, argv[++i]);
        if (status != 0)
            return status;
    }
    return 0;
}

static const struct command *find_command(const struct line *line, size_t *ret_words)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        size_t words = commands[i].words[1] ? 2 : 1;
        if (line->word_count >= words && strcmp(line->words[0], commands[i].words[0]) == 0 &&
            (words == 1 || strcmp(line->words[1], commands[i].words[1]) == 0)) {
            *ret_words = words;
            return &commands[i];
        }
    }
    return NULL;
}

/* As root we would leave files behind that the server may not open: become the user whose data it
 * is. */
static int become_owner(const char *data_dir)
{
    struct stat st;
    if (geteuid() != 0 || stat(data_dir, &st) < 0 || st.st_uid == 0)
        return 0;
    if (setgroups(0, NULL) < 0 || setgid(st.st_gid) < 0 || setuid(st.st_uid) < 0)
        return -errno;
    return 0;
}

/* Fills in what the configuration says. 0, or the exit status. */
static int complete(struct line *line, const struct command *command)
{
    static struct config config;
    static char base[CONFIG_HOST_MAX + 32], error[CONFIG_ERROR_MAX];
    struct admin_options *o = &line->options;
    if (config_load(line->config, &config, error) < 0) {
        fprintf(stderr, "assize-admin: %s\n", error);
        return 2;
    }
    o->data_dir = line->data_dir ? line->data_dir : config.data_dir;
    /* An IPv6 address stands in brackets (RFC 3986 section 3.2.2). */
    bool is_ipv6 = strchr(config.signaling.public_host, ':');
    snprintf(base, sizeof(base), "https://%s%s%s:%u", is_ipv6 ? "[" : "",
             config.signaling.public_host, is_ipv6 ? "]" : "", (unsigned)config.signaling.port);
    o->base_url = line->base_url ? line->base_url : base;
    size_t len = strlen(o->base_url);
    if (len == 0 || len > 500 || o->base_url[len - 1] == '/' ||
        (strncmp(o->base_url, "https://", 8) != 0 && strncmp(o->base_url, "http://", 7) != 0))
        return refuse("--base-url takes something like https://court.example:8443, without a "
                      "slash at the end, not",
                      o->base_url);
    if (command->run == admin_hearing_create && (!o->case_number || !o->title || !o->court))
        return refuse("hearing create needs --case, --title and --court", NULL);
    if (command->run == admin_hearing_create && o->guest_count == 0)
        return refuse("hearing create needs at least one person, such as --judge NAME", NULL);
    bool reads_one_file =
        command->run == admin_journal_verify || command->run == admin_journal_sent;
    int r = reads_one_file ? 0 : become_owner(o->data_dir);
    return r < 0 ? admin_fail(o, "the owner's rights cannot be taken", r) : 0;
}

int main(int argc, char **argv)
{
    static struct line line;
    umask(077);
    int status = read_line(argc, argv, &line);
    if (status != 0)
        return status;
    if (line.version) {
        puts("assize-admin " ASSIZE_VERSION);
        return 0;
    }
    size_t words = 0;
    const struct command *command = find_command(&line, &words);
    if (!command && line.help) {
        print_help();
        return 0;
    }
    if (!command)
        return refuse(line.word_count ? "there is no command" : "say what to do",
                      line.word_count ? line.words[0] : NULL);
    if (line.help) {
        print_command_help(command);
        return 0;
    }
    if (line.word_count != words + (command->argument ? 1 : 0))
        return command->argument && line.word_count == words
                   ? refuse("this command needs one argument:", command->argument)
                   : refuse("unexpected", line.words[line.word_count - 1]);
    line.options.argument = command->argument ? line.words[words] : NULL;
    status = complete(&line, command);
    if (status != 0)
        return status;
    status = command->run(&line.options, clock_wall_us());
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "assize-admin: the output could not be written\n");
        return 1;
    }
    return status;
}
