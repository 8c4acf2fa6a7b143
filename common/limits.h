/* Every bound on what a peer can make us keep, with its unit and where it comes from. Reaching one
 * is an error path with a test; docs/limits.md lists them for operators.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_LIMITS_H
#define COMMON_LIMITS_H

/* Control messages between our own processes, bytes. Ours: the largest, PEER_READY with every seat
 * and candidate, is under 2 KiB; a NOTE carries LIMIT_NOTE_BYTES more. */
#define LIMIT_CONTROL_BYTES 16384
#define LIMIT_NOTE_BYTES    8192

/* Messages waiting for a signaling that does not read; one more ends the connection to it. What the
 * workers tell is taken up to half of it, the rest waits in the mailbox of the desk. Ours: 5 s of
 * events of a full media core. */
#define LIMIT_CONTROL_QUEUE 4096
/* Messages of all workers that wait for the desk that talks to signaling; one that finds no room is
 * lost, and signaling is told the whole state anew. Ours: the state of a full media core. */
#define LIMIT_DESK_LETTERS 65536
/* Requests that wait for one worker; the desk reads no more of them meanwhile. Ours: all a
 * signaling says for a full hearing. */
#define LIMIT_WORKER_LETTERS 4096

/* Seats of one page: pairs of one audio and one video stream coming down. */
#define LIMIT_SEATS 24
/* Addresses of one list in the configuration; those of the media core are all offered to every
 * page. Ours. */
#define LIMIT_ADDRESSES 16
/* Ways to the media core that a page is offered: each address over UDP and TCP. */
#define LIMIT_CANDIDATES 32
_Static_assert(LIMIT_CANDIDATES == 2 * LIMIT_ADDRESSES, "each over UDP and TCP");
/* URLs of TURN servers in the configuration; all are offered to every page. Ours: browsers warn
 * that more than five slow them down. */
#define LIMIT_TURN_URLS 5
/* The secret shared with a TURN server, characters. Ours. */
#define LIMIT_TURN_SECRET_BYTES 255
/* How long a page may ask the TURN server for a way with what it was given, seconds: the longest
 * that can be set. Ours: a working day; a page gets new ones whenever it mends its way. */
#define LIMIT_TURN_LIFE_S 43200
/* Streams one peer may publish (microphone, camera, screen, and one to spare). */
#define LIMIT_STREAMS_PER_PEER 4
/* Recent packets of all streams of one peer that are kept in case they are asked for again, 1.6 kB
 * each; the oldest of them make way. Ours: three layers of a camera and a voice with full
 * histories, 2.6 MB, a tenth of a worker's packets. */
#define LIMIT_HISTORY_PER_PEER 1600
/* Pictures that wait for one receiver whose line is slow: packets and bytes; one more drops that
 * picture up to the next key frame. Ours: the largest key frame of a camera twice over. */
#define LIMIT_PACED_PACKETS 256
#define LIMIT_PACED_BYTES   300000
/* How long a packet waits so at most, milliseconds, and leaves then. Ours: less than half of what
 * it can be asked for again, and no later than a slow line shows it anyway. */
#define LIMIT_PACED_MS 400
/* Encodings of one published stream (simulcast). */
#define LIMIT_ENCODINGS 3
/* Payload types of one published stream (each codec and its RTX). */
#define LIMIT_CODECS_PER_STREAM 4
/* RTP and RTCP one peer may send us: packets and bytes a second, and how long it may be ahead of
 * that. Ours: four times a camera in three layers and a sharp screen together; more is dropped
 * unread, as loss that tells a browser to send less. With all it takes to write it down, each
 * packet lost beside each that came, that is under 3 MB a second: the ring below holds the record
 * of one such peer for 11 s. */
#define LIMIT_PEER_PACKETS  5000
#define LIMIT_PEER_BYTES    2500000
#define LIMIT_PEER_BURST_MS 1000
/* Sender reports of one stream go to the tape no closer than this, milliseconds. Ours: browsers
 * send about one a second. */
#define LIMIT_REPORT_MS 200
/* Another codec of a track goes to the tape no sooner after the one before, milliseconds; packets
 * until then are not recorded. Ours: browsers change it once in a hearing, if ever. */
#define LIMIT_TRACK_CODEC_MS 1000
/* Tracks that one peer may begin on a tape (a layer first recorded, or another codec): so many at
 * once, and one more after each interval, milliseconds; others are not recorded. Ours: a camera in
 * three layers set up 42 times without a pause, then every 12 s. LIMIT_TIMELINE_LEGS are those of
 * one such peer for 72 hours. */
#define LIMIT_TRACKS_AT_ONCE    128
#define LIMIT_TRACK_INTERVAL_MS 4000
/* Peers of one hearing in the media core. Ours: what one worker was measured to carry
 * (docs/performance.md); signaling has no more than the number below. Memory grows with those that
 * are there. */
#define LIMIT_PEERS_PER_HEARING 1024
/* People of one hearing, invited or there, in signaling, its store, its journal and the record; one
 * peer each. Ours: a bench of 50 people and room for observers. Everybody is told of everybody, 320
 * bytes each: of 1,000 people that would be 320 kB a page, most of LIMIT_SEND_QUEUE_BYTES, and 320
 * MB when all come again at once. More people need a roster that does not name the observers. */
#define LIMIT_PEOPLE_PER_HEARING 200
_Static_assert(LIMIT_PEOPLE_PER_HEARING <= LIMIT_PEERS_PER_HEARING, "each may be a peer");
/* Rooms beside the courtroom of one hearing at a time. Ours: a consultation for each of two sides
 * of five with their lawyers, a deliberation and as many caucuses. */
#define LIMIT_ROOMS 24
/* Sides of one case, whose time is counted and whose people may consult each other. Ours. */
#define LIMIT_SIDES 8
/* Screens of one hearing: pairs of people of whom one is not shown or heard to the other. Ours: a
 * protected witness and everybody on two sides of ten. */
#define LIMIT_SCREENS 64
/* Objections of one hearing that wait for a ruling. Ours: the counsel of eight sides at once. */
#define LIMIT_OBJECTIONS 8
/* Hearings one media core accepts at once: more are refused. The recorder has as many tapes, one
 * for each hearing from its opening until it is sealed, with its place in the media core or
 * without: no hearing is opened that none is left for. */
#define LIMIT_HEARINGS 256
/* Hearings one media core holds at once, with those that were accepted before and come back, as all
 * that are in session do. Ours: as many again. */
#define LIMIT_HEARINGS_RETURNED 512

/* Addresses of one transport proven by ICE at a time; the longest silent makes way. */
#define LIMIT_ICE_PATHS 8
/* TCP connections of pages, of one worker and of one address (IPv6: one /64). Beyond the first the
 * one that has proven nothing for longest makes way; if each has, the new one is refused. Ours: a
 * hearing of 200 people on two transports each, and half as many that come anew; an office of 100
 * behind one address. */
#define LIMIT_TCP_LINKS             1024
#define LIMIT_TCP_LINKS_PER_ADDRESS 400
/* A TCP connection without a proven path over it is ended after so long, milliseconds. Ours: a page
 * checks it at once, and three times more before. */
#define LIMIT_TCP_UNPROVEN_MS 10000
/* What it may send meanwhile besides checks, bytes; it is dropped, and more ends the connection.
 * Ours: a browser whose connection was reset sends its media on over the new one before its first
 * check; 1 s of 4 Mbit/s. */
#define LIMIT_TCP_UNPROVEN_BYTES (512u << 10)
/* What waits for one TCP connection, bytes: sound and control, of which the last part is for
 * control alone; and pictures. More is dropped, pictures first. Ours: 1 s of ten voices, and two
 * sharp key frames or 600 ms of 4 Mbit/s. */
#define LIMIT_TCP_SOUND_BYTES   (64u << 10)
#define LIMIT_TCP_CONTROL_BYTES (8u << 10)
#define LIMIT_TCP_PICTURE_BYTES (320u << 10)
/* Where some of it has waited for longer, no more of the kind is taken until that is gone,
 * milliseconds. Ours: what a browser's buffer of sound stretches to, and twice the time after which
 * TCP sends again. */
#define LIMIT_TCP_SOUND_LATE_MS   1000
#define LIMIT_TCP_PICTURE_LATE_MS 500
/* SSRCs one transport takes SRTP and SRTCP from at a time; one silent for 10 s makes way. Streams,
 * encodings and RTX of one peer are 24. */
#define LIMIT_SSRCS_PER_TRANSPORT 64
/* SSRCs sent on one transport: three a seat, and reports. */
#define LIMIT_OUT_STREAMS 80
/* Handshake bytes one transport may send us before it is connected. A browser's, with its
 * certificate and retransmissions, are under 8 KiB. */
#define LIMIT_DTLS_HANDSHAKE_BYTES 65536
/* Handshake datagrams that wait for their turn: of one transport, and bytes of all on one worker;
 * more are lost and sent again. Ours: a page's longest flight, each message in a datagram of its
 * own, and the flights of 400 transports that join at once. */
#define LIMIT_DTLS_WAITING       8
#define LIMIT_DTLS_WAITING_BYTES (1u << 20)

/* The configuration file, bytes. Ours. */
#define LIMIT_CONFIG_BYTES 65536
/* Lines of the log that wait until somebody reads stderr, 2 KiB each; more are dropped and counted.
 * Ours: one for each hearing of a full media core that ends. */
#define LIMIT_LOG_LINES 512
/* Media threads. Ours: one a core of the largest machines. */
#define LIMIT_WORKERS 256

/* Descriptors one supervised process may leave with the supervisor (two for each hearing), those in
 * one of its notices, and a notice's length in bytes. Ours. */
#define LIMIT_STORED_FDS   512
#define LIMIT_NOTICE_FDS   16
#define LIMIT_NOTICE_BYTES 4096

/* Ring between media core and recorder, bytes of payload area. 32 MiB are about 10 s of a hearing
 * with 25 Mbit/s; a reader that stalled 5 s lost nothing (docs/performance.md). */
#define LIMIT_RING_BYTES (32u << 20)

/* Texts a court gives us, bytes of UTF-8 without the NUL. Ours: 40 Chinese characters of name. */
#define LIMIT_NAME_BYTES        120
#define LIMIT_CASE_NUMBER_BYTES 120
#define LIMIT_TITLE_BYTES       300
#define LIMIT_COURT_BYTES       120
/* Why the hearing's course is changed, in the court's words. */
#define LIMIT_REASON_BYTES 300
/* Rows of one listing of the store. */
#define LIMIT_STORE_LIST 10000
/* Browser sessions over HTTP kept at once. */
#define LIMIT_COOKIES 1000
/* One hearing's journal, bytes: about 200,000 lines. The last part is for lines that nobody but the
 * court and we can cause; of it the last for the hearing's course, the record and our faults. */
#define LIMIT_JOURNAL_BYTES          (64u << 20)
#define LIMIT_JOURNAL_RESERVE        (1u << 20)
#define LIMIT_JOURNAL_RESERVE_COURSE (1u << 19)

/* One hearing's figures of connections, bytes, beside its journal; no more are kept then. Ours: 16
 * people for 16 hours, a line each every 10 s; more people have fewer lines each. */
#define LIMIT_EVIDENCE_BYTES (32u << 20)

/* One text frame of a page, bytes. Ours: the longest request, produce with three encodings and
 * every codec of a browser, is under 8 KiB. */
#define LIMIT_MESSAGE_BYTES 65536
/* Brackets within brackets of a request; rtpParameters need 6. */
#define LIMIT_MESSAGE_DEPTH 16
/* Requests a second of one page, and how many at once after a pause. */
#define LIMIT_MESSAGE_RATE  100
#define LIMIT_MESSAGE_BURST 200
/* Of them those that write to a disk (a journal line, the store), of one person: a second, and at
 * once after a pause. Everybody waits while the disk takes one. Ours: a page that joins again says
 * hello, join and three produce, and every 0.7 s join while the media core is away. Judge and clerk
 * have LIMIT_PEOPLE_PER_HEARING more at once: they let everybody in by one button. */
#define LIMIT_WRITE_RATE  5
#define LIMIT_WRITE_BURST 20
/* What a page says of its screen (`view`, `soundOnly`): a second, and at once after a pause. Ours:
 * a page waits 300 ms for its layout to rest. */
#define LIMIT_VIEW_RATE  4
#define LIMIT_VIEW_BURST 10
/* What a page says of its path (`path`), of which all who see it are told: a second, and at once
 * after a pause. Ours: a page looks every 5 s. */
#define LIMIT_PATH_RATE  1
#define LIMIT_PATH_BURST 5
/* What waits to be sent to one page, bytes: a page that reads slower is dropped and comes back.
 * Ours: the state of a hearing with 200 people is under 64 KiB. */
#define LIMIT_SEND_QUEUE_BYTES (512u << 10)
/* Open connections, of everybody and of one address (IPv6: one /64). A court's office may sit
 * behind one address. */
#define LIMIT_CONNECTIONS             2000
#define LIMIT_CONNECTIONS_PER_ADDRESS 300
/* Body of an HTTP request, bytes: the longest is a token in JSON. */
#define LIMIT_HTTP_BODY_BYTES 4096
/* Header of an HTTP request, bytes. */
#define LIMIT_HTTP_HEADER_BYTES 8192
/* A record's manifest, bytes and files: a long hearing has thousands of tape segments. */
#define LIMIT_MANIFEST_BYTES (8 << 20)
#define LIMIT_MANIFEST_FILES 20000
/* Files of the built page, and their bytes together; kept in memory. */
#define LIMIT_ASSETS       500
#define LIMIT_ASSETS_BYTES (32 << 20)
/* Requests to media core or recorder that wait for their answer. */
#define LIMIT_MEDIA_REQUESTS 1024
/* Messages to media core or recorder that wait for its socket, bytes. */
#define LIMIT_MEDIA_QUEUE_BYTES (4u << 20)

/* One record of a tape, payload bytes: a whole datagram, or a note with its time. */
#define LIMIT_TAPE_RECORD_BYTES 65536
/* Records of one block of a tape, bytes. Ours: 250 ms at 25 Mbit/s are 0.8 MB; after a stall a
 * block holds what had piled up. */
#define LIMIT_TAPE_BLOCK_BYTES (8u << 20)
/* Journal lines whose answer waits for the disk, of one recorder. */
#define LIMIT_NOTES_WAITING 1024
/* Tracks of one hearing that are rendered, those before and after each restart of the media core
 * counted apart. More stay on the tape, and the manifest says how many. */
#define LIMIT_TIMELINE_LEGS 65536
/* Packets that one track may have waiting for a missing one before them. */
#define LIMIT_REORDER_PACKETS 16384
/* One frame of compressed video, bytes. Ours: a key frame of 4K at high quality is under 2 MB. */
#define LIMIT_FRAME_BYTES (8u << 20)
/* Hearings waiting to be rendered. */
#define LIMIT_RENDER_QUEUE 1024
/* A renderer that gives no sign of life for so long is ended, seconds: others wait for it. Ours:
 * its longest silence, writing the whole picture's file once more, takes a slow disk minutes. */
#define LIMIT_RENDER_STILL_S 900
/* Connections to the recorder's socket: signaling, and whoever looks. */
#define LIMIT_RECORDER_CONNECTIONS 8

#endif
