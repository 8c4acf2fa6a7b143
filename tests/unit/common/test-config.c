/* SPDX-License-Identifier: Apache-2.0 */
#include "common/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config_text.h"
#include "common/options.h"
#include "unit/check.h"
#ifdef TEST_FAULTS
#include "unit/faults.h"
#endif

#ifndef TEST_FAULTS
static int load_text(const char *text, struct config *config, char *error)
{
    char path[] = "/tmp/assize-config-XXXXXX";
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    CHECK(dprintf(fd, "%s", text) >= 0);
    close(fd);
    int result = config_load(path, config, error);
    unlink(path);
    /* Names the file first; the rest is what the tests look at. */
    if (result < 0 && strncmp(error, path, strlen(path)) == 0)
        memmove(error, error + strlen(path) + 2, strlen(error + strlen(path) + 2) + 1);
    return result;
}

#endif

static const char full[] =
    "data_dir: /srv/a\n"
    "run_dir: /tmp/r\n"
    "log_level: debug\n"
    "signaling:\n"
    "  listen: [10.0.0.1, \"2001:db8::1\"]\n"
    "  port: 9443\n"
    "  public_host: court.example\n"
    "  certificate: c.pem\n"
    "  private_key: \"k.pem\"\n"
    "  page_dir: web\n"
    "  metrics_listen: \"[::1]:99\"\n"
    "  sfu_user: assize-sfu\n"
    "  recorder_user: assize-recorder\n"
    "sfu: {listen: [10.0.0.2], public_addresses: [192.0.2.1], udp_port: 5000, "
    "tcp: off, tcp_port: 443, workers: 3, sealing: ipsec-mb}\n"
    "turn: {urls: [\"turn:t.example\", \"turns:[::1]:443?transport=tcp\"], secret_file: s, life: "
    "600}\n"
    "recorder:\n"
    "  records_dir: /mnt/records\n"
    "  render: off\n"
    "  video_width: 640\n"
    "  video_height: 360\n";

#ifndef TEST_FAULTS
#define SAME(a, b) CHECK_EQ(strcmp(a, b), 0)

static void every_key_is_read(void)
{
    struct config c;
    char error[CONFIG_ERROR_MAX] = "";
    CHECK_EQ(load_text(full, &c, error), 0);
    SAME(c.data_dir, "/srv/a");
    SAME(c.run_dir, "/tmp/r");
    CHECK_EQ(c.log_level, LOG_DEBUG);
    CHECK_EQ(c.signaling.listen.count, 2);
    SAME(c.signaling.listen.items[0], "10.0.0.1");
    SAME(c.signaling.listen.items[1], "2001:db8::1");
    CHECK_EQ(c.signaling.port, 9443);
    SAME(c.signaling.public_host, "court.example");
    SAME(c.signaling.certificate, "c.pem");
    SAME(c.signaling.private_key, "k.pem");
    SAME(c.signaling.page_dir, "web");
    SAME(c.signaling.metrics_address, "::1");
    CHECK_EQ(c.signaling.metrics_port, 99);
    SAME(c.signaling.sfu_user, "assize-sfu");
    SAME(c.signaling.recorder_user, "assize-recorder");
    CHECK_EQ(c.sfu.listen.count, 1);
    SAME(c.sfu.listen.items[0], "10.0.0.2");
    CHECK_EQ(c.sfu.public_addresses.count, 1);
    SAME(c.sfu.public_addresses.items[0], "192.0.2.1");
    CHECK_EQ(c.sfu.udp_port, 5000);
    CHECK_EQ(c.sfu.tcp, false);
    CHECK_EQ(c.sfu.tcp_port, 443);
    CHECK_EQ(c.sfu.workers, 3);
    CHECK_EQ(c.sfu.sealing, CONFIG_SEALING_IPSEC_MB);
    CHECK_EQ(c.turn.urls.count, 2);
    SAME(c.turn.urls.items[1], "turns:[::1]:443?transport=tcp");
    SAME(c.turn.secret_file, "s");
    CHECK_EQ(c.turn.life_s, 600);
    SAME(c.recorder.records_dir, "/mnt/records");
    CHECK_EQ(c.recorder.render, false);
    CHECK_EQ(c.recorder.video_width, 640);
    CHECK_EQ(c.recorder.video_height, 360);
}

static void nothing_is_the_defaults(void)
{
    const char *const empty[] = {"", "# only a comment\n", "signaling:\nsfu:\n", "{}\n",
                                 "sfu: {public_addresses: []}\n"};
    for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
        struct config c;
        char error[CONFIG_ERROR_MAX] = "";
        CHECK_EQ(load_text(empty[i], &c, error), 0);
        SAME(c.data_dir, "/var/lib/assize");
        CHECK_EQ(c.signaling.port, 8443);
        CHECK_EQ(c.signaling.metrics_port, 9464);
        CHECK_EQ(c.sfu.udp_port, 40000);
        CHECK_EQ(c.sfu.tcp, true);
        CHECK_EQ(c.sfu.tcp_port, 0);
        CHECK_EQ(c.sfu.workers, 0);
        CHECK_EQ(c.sfu.sealing, CONFIG_SEALING_AUTO);
        CHECK_EQ(c.sfu.public_addresses.count, 0);
        CHECK_EQ(c.recorder.render, true);
        SAME(c.recorder.records_dir, "/var/lib/assize/records");
        CHECK_EQ(c.turn.urls.count, 0);
        SAME(c.turn.secret_file, "/var/lib/assize/turn.secret");
        SAME(c.signaling.certificate, "/var/lib/assize/tls/server.pem");
        SAME(c.signaling.private_key, "/var/lib/assize/tls/server.key");
    }
}

/* What is wrong is told with its line and the way to mend it. */
static void refusals(void)
{
    const struct {
        const char *text;
        const char *error;
    } cases[] = {
        {"signaling:\n  port: 80\n  # lisen: x\n  lisen: [::1]\n",
         "line 4: unknown key 'lisen': did you mean 'listen'?"},
        {"signalling:\n  port: 80\n",
         "line 1: unknown key 'signalling': did you mean 'signaling'?"},
        {"sfu:\n  port: 80\n", "line 2: unknown key 'port': did you mean 'udp_port'?"},
        {"\n\nrecorder: {render: on, heigth: 3}\n",
         "line 3: unknown key 'heigth': did you mean 'render'?"},
        {"signaling:\n  port: 70000\n",
         "line 2: 'signaling: port' must be a number from 1 to 65535"},
        {"sfu: {udp_port: 5}\nsignaling:\n  port: -1\n",
         "line 3: 'signaling: port' must be a number from 1 to 65535"},
        {"sfu:\n  udp_port: 0x10\n", "line 2: 'sfu: udp_port' must be a number from 1 to 65535"},
        {"sfu:\n  workers: 1000\n", "line 2: 'sfu: workers' must be a number from 0 to 256"},
        {"recorder:\n  render: maybe\n", "line 2: 'recorder: render' must be on or off"},
        {"sfu: {sealing: wax}\n", "line 1: 'sfu: sealing' must be auto, ipsec-mb or openssl"},
        {"log_level: loud\n", "line 1: 'log_level' must be error, warn, info or debug"},
        {"data_dir:\n", "line 1: 'data_dir' must be a path of 1 to 511 characters"},
        {"signaling:\n  listen: ::1\n", "line 2: 'listen' must be a list, such as [127.0.0.1]"},
        {"signaling:\n  listen: [localhost]\n",
         "line 2: 'signaling: listen' must be a list of 1 to 16 IP addresses"},
        {"signaling:\n  metrics_listen: 9464\n",
         "line 2: 'signaling: metrics_listen' must be an address and port, such as 127.0.0.1:9464, "
         "or nothing"},
        {"signaling:\n  sfu_user: Bad Name\n",
         "line 2: 'signaling: sfu_user' must be a system user's name, or nothing"},
        {"signaling:\n  public_host: a..b\n",
         "line 2: 'signaling: public_host' must be a host's name or address"},
        {"turn:\n  urls: [\"turns:a?transport=udp\"]\n",
         "line 2: 'turn: urls' must be a list of 0 to 5 such as "
         "turns:turn.example.org:443?transport=tcp"},
        {"turn: {life: 43201}\n", "line 1: 'turn: life' must be a number from 60 to 43200"},
        {"data_dir: [a]\n", "line 1: 'data_dir' must be one value"},
        {"signaling: 5\n", "line 1: 'signaling' must be a group of keys"},
        {"data_dir: a\nrun_dir: c\ndata_dir: b\n", "line 3: key 'data_dir' is given twice"},
        {"data_dir: &x a\nrun_dir: *x\n", "line 2: YAML alias unsupported"},
        {"recorder:\n  video_width: 641\n",
         "'recorder: video_width' and 'video_height' must be even"},
        {"sfu:\n  udp_port: 65500\n  workers: 100\n",
         "'sfu: udp_port' 65500 leaves no ports for 100 workers"},
        {"sfu:\n  tcp_port: 65500\n  workers: 100\n",
         "'sfu: tcp_port' 65500 leaves no ports for 100 workers"},
        {"data_dir: a\n---\ndata_dir: b\n", "Ignoring documents after first in stream"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config c = {.data_dir = "untouched"};
        char error[CONFIG_ERROR_MAX] = "";
        CHECK_EQ(load_text(cases[i].text, &c, error), -EINVAL);
        if (strcmp(error, cases[i].error) != 0)
            fprintf(stderr, "%s", error);
        SAME(error, cases[i].error);
        SAME(c.data_dir, "untouched");
    }
    struct config c;
    char error[CONFIG_ERROR_MAX] = "";
    CHECK_EQ(config_load("/nonesuch/file", &c, error), -ENOENT);
    SAME(error, "/nonesuch/file: No such file or directory");
    CHECK_EQ(load_text("\tdata_dir: x", &c, error), -EINVAL);
    CHECK_EQ(load_text("- a\n", &c, error), -EINVAL);
    CHECK_EQ(load_text("signaling: {listen: []}\n", &c, error), -EINVAL);
    static char big[LIMIT_CONFIG_BYTES + 2];
    memset(big, '#', LIMIT_CONFIG_BYTES + 1);
    CHECK_EQ(load_text(big, &c, error), -EINVAL);
    SAME(error, "longer than 65536 bytes");
    big[LIMIT_CONFIG_BYTES] = '\0';
    CHECK_EQ(load_text(big, &c, error), 0);
}

static void environment_overrides(void)
{
    struct config c;
    char error[CONFIG_ERROR_MAX] = "";
    setenv("ASSIZE_SIGNALING_PORT", "77", 1);
    setenv("ASSIZE_SIGNALING_LISTEN", " 10.1.1.1 , ::1", 1);
    setenv("ASSIZE_DATA_DIR", "/elsewhere", 1);
    CHECK_EQ(load_text("signaling: {port: 80}\n", &c, error), 0);
    CHECK_EQ(c.signaling.port, 77);
    CHECK_EQ(c.signaling.listen.count, 2);
    SAME(c.signaling.listen.items[0], "10.1.1.1");
    SAME(c.signaling.listen.items[1], "::1");
    SAME(c.recorder.records_dir, "/elsewhere/records");
    setenv("ASSIZE_SIGNALING_PORT", "x", 1);
    CHECK_EQ(config_load(NULL, &c, error), -EINVAL);
    SAME(error, "variable ASSIZE_SIGNALING_PORT must be a number from 1 to 65535");
    unsetenv("ASSIZE_SIGNALING_PORT");
    setenv("ASSIZE_SIGNALING_PROT", "80", 1);
    CHECK_EQ(config_load(NULL, &c, error), -EINVAL);
    SAME(error, "unknown variable 'ASSIZE_SIGNALING_PROT'");
    unsetenv("ASSIZE_SIGNALING_PROT");
    setenv("ASSIZE_SOMETHING_ELSE", "80", 1); /* not of a section: somebody else's */
    CHECK_EQ(config_load(NULL, &c, error), 0);
    unsetenv("ASSIZE_SIGNALING_LISTEN");
    unsetenv("ASSIZE_DATA_DIR");
}

/* The whole file as text. */
static void read_text(const char *path, char *text, size_t capacity)
{
    FILE *f = fopen(path, "re");
    CHECK(f != NULL);
    size_t len = fread(text, 1, capacity - 1, f);
    text[len] = '\0';
    fclose(f);
}

/* The example in deploy/ says every key, and nothing but the defaults. */
static void example_is_the_defaults(const char *path)
{
    struct config example, defaults;
    char error[CONFIG_ERROR_MAX] = "";
    memset(&example, 0, sizeof(example));
    memset(&defaults, 0, sizeof(defaults));
    CHECK_EQ(config_load(path, &example, error), 0);
    CHECK_EQ(config_parse("", 0, &defaults, error), 0);
    CHECK_EQ(memcmp(&example, &defaults, sizeof(example)), 0);
    static char text[65536];
    read_text(path, text, sizeof(text));
    const char *const keys[] = {
        "data_dir:",         "run_dir:",         "log_level:",     "signaling:",
        "  listen:",         "  port:",          "  public_host:", "  page_dir:",
        "  metrics_listen:", "  certificate:",   "  private_key:", "  user:",
        "  sfu_user:",       "  recorder_user:", "sfu:",           "  public_addresses:",
        "  udp_port:",       "  tcp:",           "  tcp_port:",    "  workers:",
        "  sealing:",        "recorder:",        "turn:",          "  urls:",
        "  secret_file:",    "  life:",          "  records_dir:", "  render:",
        "  video_width:",    "  video_height:"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        CHECK(strstr(text, keys[i]) != NULL);
}

/* docs/configuration.md holds the table as it is printed now. Mend with: test-common-config --table
 */
static void document_is_the_table(const char *path)
{
    static char text[65536];
    char *table = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&table, &len);
    CHECK(out != NULL);
    config_print_table(out);
    CHECK_EQ(fclose(out), 0);
    read_text(path, text, sizeof(text));
    CHECK(strstr(text, table) != NULL);
    free(table);
}

static void users(void)
{
    uid_t uid = 1;
    CHECK_EQ(config_uid("", &uid), 0);
    CHECK_EQ(uid, (uid_t)-1);
    CHECK_EQ(config_uid("root", &uid), 0);
    CHECK_EQ(uid, 0);
    CHECK_EQ(config_uid("nobody-of-this-name", &uid), -ENOENT);
}

static void small_readings(void)
{
    CHECK_EQ(config_text_distance("listen", "lisen"), 1);
    CHECK_EQ(config_text_distance("", "abc"), 3);
    CHECK_EQ(config_text_distance("kitten", "sitting"), 3);
    const char text[] = "a:\n  b: 1 # c: 2\nxc: 1\n\"c\" : 5\nd: {c: 1}";
    CHECK_EQ(config_text_line_of(text, strlen(text), 1, "c"), 4);
    CHECK_EQ(config_text_line_of(text, strlen(text), 5, "c"), 5);
    CHECK_EQ(config_text_line_of(text, strlen(text), 2, "none"), 2);
    CHECK_EQ(config_text_line_of(text, strlen(text), 0, "a"), 1);
    static const char *const urls[] = {"turn:a", "turn:192.0.2.1:3478?transport=udp",
                                       "turn:[::1]:1?transport=tcp", "turns:a.b",
                                       "turns:[2001:db8::1]:443?transport=tcp"};
    static const char *const others[] = {"",
                                         "turn:",
                                         "turns:?transport=tcp",
                                         "stun:a",
                                         "turn://a",
                                         "turn:a:",
                                         "turn:a:0",
                                         "turn:a:65536",
                                         "turn:a:8 0",
                                         "turn:u@a",
                                         "turn:[a]",
                                         "turn:[::1",
                                         "turn:[::1]3",
                                         "turn:::1",
                                         "turn:a?",
                                         "turn:a#b",
                                         "turn:a?transport=sctp",
                                         "turns:a?transport=udp",
                                         "turn:a:1?transport=udp&b"};
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
        CHECK(config_text_is_turn_url(urls[i]));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        CHECK(!config_text_is_turn_url(others[i]));
    CHECK(config_text_is_host("court.example") && config_text_is_host("::1"));
    CHECK(!config_text_is_host("") && !config_text_is_host("-a") && !config_text_is_host("a.") &&
          !config_text_is_host("a b") && !config_text_is_host("a_b"));
    char parts[] = "a,,b";
    const char *got[4];
    CHECK_EQ(config_text_split(parts, got, 4), 3);
    SAME(got[1], "");
}

static enum options_wish wish(char *const *arguments, struct config *config)
{
    int count = 0;
    while (arguments[count])
        count++;
    return options_read(count, (char **)(uintptr_t)arguments, "probe", "tries", config, NULL);
}

static void command_line(void)
{
    struct config c;
    CHECK_EQ(wish((char *[]){"probe", NULL}, &c), OPTIONS_RUN);
    CHECK_EQ(c.signaling.port, 8443);
    CHECK_EQ(wish((char *[]){"probe", "--help", NULL}, &c), OPTIONS_DONE);
    CHECK_EQ(wish((char *[]){"probe", "--version", NULL}, &c), OPTIONS_DONE);
    CHECK_EQ(wish((char *[]){"probe", "--check-config", NULL}, &c), OPTIONS_DONE);
    CHECK_EQ(wish((char *[]){"probe", "--config", "/nonesuch", NULL}, &c), OPTIONS_BAD);
    CHECK_EQ(wish((char *[]){"probe", "--config", "/dev/null", "--check-config", NULL}, &c),
             OPTIONS_DONE);
    CHECK_EQ(wish((char *[]){"probe", "--bad", NULL}, &c), OPTIONS_BAD);
    CHECK_EQ(wish((char *[]){"probe", "stray", NULL}, &c), OPTIONS_BAD);
}
#endif

int main(int argc, char **argv)
{
#ifdef TEST_FAULTS
    (void)argc;
    (void)argv;
    int n = 0;
    bool happened = true;
    for (; happened; n++) {
        struct config c;
        char error[CONFIG_ERROR_MAX] = "";
        char path[] = "/tmp/assize-config-XXXXXX";
        int fd = mkstemp(path);
        CHECK(fd >= 0);
        CHECK(dprintf(fd, "%s", full) >= 0);
        close(fd);
        faults_fail_at(n);
        int result = config_load(path, &c, error);
        happened = faults_happened();
        faults_fail_at(-1);
        unlink(path);
        CHECK(happened ? result < 0 && error[0] != '\0' : result == 0);
    }
    CHECK(n > 4); /* memory for the file, open, two reads */
#else
    if (argc == 2 && strcmp(argv[1], "--table") == 0) {
        config_print_table(stdout);
        return 0;
    }
    CHECK_EQ(argc, 3);
    every_key_is_read();
    nothing_is_the_defaults();
    refusals();
    environment_overrides();
    example_is_the_defaults(argv[1]);
    document_is_the_table(argv[2]);
    small_readings();
    users();
    command_line();
#endif
    return 0;
}
