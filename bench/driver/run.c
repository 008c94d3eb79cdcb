#include "driver.h"
#include <stdlib.h>
#include <string.h>

/*
 * Events of one topic that are on their way: when each was due, and how many have yet to read it. An event is known by
 * its place: what a subscriber reads as its nth since the stretch began is the nth that was published to its topic.
 */
struct topic {
  uint32_t readers, mask;
  uint64_t published;
  uint64_t *due_us;
  uint32_t *left;
};

/* What is still outstanding so long after the last of a stretch is lost. */
#define DRAIN_US 15000000

static struct topic *topics;
static uint32_t count, turn;
static bool running;
static uint64_t deliveries, events, outstanding, strays, last_delivery_us;
static struct histogram latency;

void run_frame(struct subscriber *subscriber, uint64_t now) {
  if (!running || subscriber->stalled) return;
  struct topic *topic = &topics[subscriber->topic];
  uint64_t at = subscriber->frames.count - 1 - subscriber->base;
  if (at >= topic->published) {
    /* Not one of ours: do not count it for the next one. */
    subscriber->base += 1;
    strays += 1;
    return;
  }
  deliveries += 1;
  last_delivery_us = now;
  uint64_t due = topic->due_us[at & topic->mask];
  histogram_add(&latency, now > due ? now - due : 0);
  if (--topic->left[at & topic->mask] == 0) outstanding -= 1;
}

static void begin(void) {
  for (uint32_t at = 0; at < count; at += 1) {
    free(topics[at].due_us);
    free(topics[at].left);
  }
  free(topics);
  count = topic_count();
  topics = calloc(count, sizeof *topics);
  uint32_t ring = count == 1 ? 1 << 18 : count <= 256 ? 1 << 12 : 64;
  for (uint32_t at = 0; at < count; at += 1) {
    topics[at].mask = ring - 1;
    topics[at].due_us = calloc(ring, sizeof(uint64_t));
    topics[at].left = calloc(ring, sizeof(uint32_t));
  }
  for (uint32_t at = 0; at < subscriber_count; at += 1) {
    struct subscriber *subscriber = subscribers[at];
    if (subscriber->state != BODY || subscriber->stalled) continue;
    topics[subscriber->topic].readers += 1;
    subscriber->base = subscriber->frames.count;
  }
  deliveries = events = outstanding = strays = 0;
  turn = 0;
  histogram_clear(&latency);
  running = true;
}

/* Publishes to the topics in turn; a topic that nobody reads is passed over. */
static void publish(uint32_t burst, uint64_t due) {
  for (uint32_t tried = 0; tried < count; tried += 1) {
    uint32_t at = turn++ % count;
    struct topic *topic = &topics[at];
    if (topic->readers == 0) continue;
    for (uint32_t event = 0; event < burst; event += 1) {
      uint64_t slot = topic->published++ & topic->mask;
      if (topic->left[slot] != 0) fail("more events are outstanding than the driver can follow");
      topic->due_us[slot] = due;
      topic->left[slot] = topic->readers;
    }
    publisher_add(at, burst);
    events += burst;
    outstanding += burst;
    return;
  }
  fail("nobody reads");
}

static void finish(uint64_t started, uint64_t cpu, uint64_t bytes, uint64_t frames) {
  uint64_t until = now_us() + DRAIN_US;
  while (outstanding > 0 && now_us() < until && open_now > 0) {
    publisher_flush();
    loop_turn(100000);
  }
  running = false;
  double seconds = (double)(last_delivery_us - started) / 1e6;
  double wall = (double)(now_us() - started);
  uint64_t read = total_frames - frames;
  printf("{\"events\":%lu,\"deliveries\":%lu,\"seconds\":%.4f,\"perSecond\":%.1f,\"outstanding\":%lu,\"strays\":%lu,"
         "\"p50Ms\":%.3f,\"p99Ms\":%.3f,\"maxMs\":%.3f,\"bytesPerFrame\":%.1f,\"driverCpu\":%.3f,\"open\":%u}\n",
         events, deliveries, seconds, (double)deliveries / seconds, outstanding, strays, histogram_ms(&latency, 0.5),
         histogram_ms(&latency, 0.99), histogram_ms(&latency, 1),
         read == 0 ? 0 : (double)(total_bytes - bytes) / (double)read, (double)(cpu_us() - cpu) / wall, open_now);
}

void run_closed(uint32_t wanted, uint32_t burst, double seconds) {
  begin();
  uint64_t started = now_us(), cpu = cpu_us(), bytes = total_bytes, frames = total_frames;
  uint64_t until = started + (uint64_t)(seconds * 1e6);
  while (now_us() < until && open_now > 0) {
    while (outstanding + burst <= wanted) publish(burst, now_us());
    publisher_flush();
    loop_turn(100000);
  }
  finish(started, cpu, bytes, frames);
}

void run_open(double rate, double seconds) {
  begin();
  uint64_t started = now_us(), cpu = cpu_us(), bytes = total_bytes, frames = total_frames;
  uint64_t until = started + (uint64_t)(seconds * 1e6);
  uint64_t now;
  while ((now = now_us()) < until && open_now > 0) {
    uint64_t due;
    while ((due = started + (uint64_t)((double)events * 1e6 / rate)) <= now) publish(1, due);
    publisher_flush();
    loop_turn((int64_t)(due - now));
  }
  finish(started, cpu, bytes, frames);
}
