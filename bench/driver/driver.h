/*
 * The driver of the stream's measurements: thousands of subscribers and one publisher in one thread over epoll.
 * It is told what to do by lines on stdin, and answers each with one line of JSON on stdout. driver.ts speaks to it.
 */
#ifndef DRIVER_H
#define DRIVER_H

#define _GNU_SOURCE
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* ---- clock.c */

uint64_t now_us(void);
/* Microseconds of processor time that this process has used. */
uint64_t cpu_us(void);
_Noreturn void fail(const char *format, ...);

/* A histogram of microseconds: 64 buckets to each power of two, so values are true to 1.6 %. */
struct histogram {
  uint64_t counts[32 * 64];
  uint64_t total, max;
};
void histogram_clear(struct histogram *);
void histogram_add(struct histogram *, uint64_t us);
double histogram_ms(const struct histogram *, double quantile);

/* ---- loop.c: what epoll watches begins with this. */

struct source {
  int fd;
  void (*ready)(struct source *, uint32_t events);
};
void loop_init(void);
void loop_add(struct source *, uint32_t events);
void loop_change(struct source *, uint32_t events);
/* Waits for at most so long, and serves what is ready. */
void loop_turn(int64_t wait_us);

/* ---- frames.c: reads an event stream, in whatever pieces it comes. */

struct frames {
  /* The chunked coding. */
  bool chunked, over;
  uint8_t chunk_state;
  uint64_t chunk_left;
  /* The line that is being read: its first byte (0: none yet), and what of it is kept. */
  char line_first;
  uint8_t kept;
  char keep[24];
  bool has_field, is_end;
  /* What was read. `unordered` counts ids that did not grow. */
  uint64_t count, ends, id, id_hash, unordered;
};
typedef void (*on_frame)(void *context);
void frames_read(struct frames *, const char *bytes, size_t length, on_frame, void *context);

/* ---- subscribers.c */

enum state { CONNECTING, HEAD, BODY, CLOSED };

struct subscriber {
  struct source source;
  enum state state;
  bool stalled;
  int status;
  uint32_t topic;
  uint64_t opened_us, bytes, base;
  struct frames frames;
  char *head;
  uint32_t head_length;
};

extern struct subscriber **subscribers;
extern uint32_t subscriber_count;
extern uint64_t total_bytes, total_frames, last_read_us, first_body_us, last_close_us;
extern uint32_t open_now, connecting_now, failed_opens;
extern struct histogram open_latency;
extern char target_host[64];
extern int target_port;

void paths_load(const char *file);
void subscribers_resume_cursors(bool);
uint32_t topic_count(void);
void subscriber_open(void);
void subscriber_stall(struct subscriber *, bool);
void subscribers_close(void);

/* ---- publisher.c */

void publisher_raw(const char *socket_path);
void publisher_post(const char *path, size_t bytes, int connections);
/* Publishes `count` events to a topic; they go out with publisher_flush. */
void publisher_add(uint32_t topic, uint32_t count);
void publisher_flush(void);

/* ---- run.c: a stretch of publishing, and what came of it. */

void run_closed(uint32_t outstanding, uint32_t burst, double seconds);
void run_open(double rate, double seconds);
/* A subscriber has read a frame. */
void run_frame(struct subscriber *, uint64_t now);

/* ---- ceiling.c: the server that does least, as a yardstick for the driver and the machine. */

void ceiling(int port, size_t frame_bytes, bool batch);

#endif
