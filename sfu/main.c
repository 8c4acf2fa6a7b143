/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/limits.h"
#include "common/log.h"
#include "common/notify.h"
#include "sfu/control.h"
#include "sfu/dtls.h"
#include "sfu/letters.h"
#include "sfu/settings.h"
#include "sfu/worker.h"

/* Everything that lives as long as the process. */
struct core {
    struct dtls_context *dtls;
    struct mailbox *mailbox;
    size_t worker_count;
    struct worker *workers[LIMIT_WORKERS];
    struct control_desk *desk;
};

/* The signals that end us, as a descriptor; all threads inherit the mask. */
static int open_stop(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    int fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

static int start_workers(struct core *core, const struct settings *s, uint64_t boot_id)
{
    struct worker_options options = {
        .tcp = s->tcp,
        .listen_count = s->listen_count,
        .public_count = s->public_count,
        .boot_id = boot_id,
        .dtls = core->dtls,
        .sealing = s->sealing,
        .packets = WORKER_PACKETS,
        .capacity = s->capacity,
        .pin = s->pin,
        .desk = core->mailbox,
        .deliver = control_desk_deliver,
    };
    memcpy(options.listen, s->listen, sizeof(options.listen));
    memcpy(options.public, s->public, sizeof(options.public));
    for (unsigned i = 0; i < s->worker_count; i++) {
        options.number = i;
        options.port = s->port ? (uint16_t)(s->port + i) : 0;
        options.tcp_port = s->tcp_port ? (uint16_t)(s->tcp_port + i) : 0;
        int r = worker_create(&options, &core->workers[i]);
        if (r == -ENOTSUP) {
            log_error(
                "this CPU, or this build, cannot seal as 'sfu: sealing' says: set it to auto");
            return r;
        }
        if (r < 0) {
            log_error("worker %u cannot start at UDP port %u and TCP port %u: %s", i, options.port,
                      options.tcp_port ? options.tcp_port : options.port, log_errno(r));
            return r;
        }
        core->worker_count++;
        log_info("worker %u: UDP port %u, TCP port %u (0: off), sealing by %s", i,
                 worker_port(core->workers[i]), worker_tcp_port(core->workers[i]),
                 worker_sealing(core->workers[i]));
    }
    return 0;
}

/* Each page over TCP is a descriptor; a shell gives 1,024. */
static void take_descriptors(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) < 0)
        return;
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files); /* fewer will do: new pages are refused then */
}

static int start(struct core *core, const struct settings *s)
{
    take_descriptors();
    uint64_t boot_id;
    if (getrandom(&boot_id, sizeof(boot_id), 0) != sizeof(boot_id))
        return -EIO;
    if (dtls_library_is_old())
        log_warn("OpenSSL is older than 3.0.22, going on: update it, pages can misuse its DTLS");
    int r = dtls_context_create(&core->dtls);
    if (r == 0)
        r = mailbox_create(LIMIT_DESK_LETTERS, &core->mailbox);
    if (r == 0)
        r = start_workers(core, s, boot_id);
    if (r < 0)
        return r;
    const struct control_desk_options options = {
        .path = s->control_path,
        .peer_uid = s->signaling_uid,
        .boot_id = boot_id,
        .mailbox = core->mailbox,
        .workers = core->workers,
        .worker_count = core->worker_count,
        .capacity = s->capacity,
    };
    r = control_desk_create(&options, &core->desk);
    if (r < 0)
        log_error("cannot listen at %s: %s", s->control_path, log_errno(r));
    return r;
}

static void end(struct core *core)
{
    for (size_t i = 0; i < core->worker_count; i++)
        worker_destroy(core->workers[i]);
    control_desk_destroy(core->desk);
    mailbox_destroy(core->mailbox);
    dtls_context_destroy(core->dtls);
}

int main(int argc, char **argv)
{
    struct settings settings;
    switch (settings_read(argc, argv, &settings)) {
    case SETTINGS_DONE:
        return EXIT_SUCCESS;
    case SETTINGS_BAD:
        return 2;
    case SETTINGS_RUN:
        break;
    }
    struct core core = {0};
    int stop_fd = open_stop();
    int r = stop_fd < 0 ? stop_fd : start(&core, &settings);
    if (r == 0) {
        (void)notify_send("READY=1", -1); /* whoever waits for it times out and tells */
        log_info("ready, control at %s", settings.control_path);
        r = control_desk_run(core.desk, stop_fd);
        (void)notify_send("STOPPING=1", -1);
    }
    if (r < 0)
        log_error("ending: %s", log_errno(r));
    end(&core);
    if (stop_fd >= 0)
        close(stop_fd);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
