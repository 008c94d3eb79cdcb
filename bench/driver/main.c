#include "driver.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

static uint64_t opened_us;

/* Opens `count` more subscribers, at most `at_once` handshakes at a time (0: all), and waits for each one's head. */
static void command_open(uint32_t count, uint32_t at_once, double timeout) {
  uint64_t started = opened_us = now_us(), until = started + (uint64_t)(timeout * 1e6);
  uint32_t open_before = open_now, failed_before = failed_opens, made = 0;
  first_body_us = last_close_us = 0;
  histogram_clear(&open_latency);
  while ((made < count || connecting_now > 0) && now_us() < until) {
    while (made < count && (at_once == 0 || connecting_now < at_once)) {
      subscriber_open();
      made += 1;
    }
    loop_turn(10000);
  }
  double seconds = (double)(now_us() - started) / 1e6;
  uint32_t statuses[6] = {0};
  for (uint32_t at = subscriber_count - made; at < subscriber_count; at += 1) {
    int class = subscribers[at]->status / 100;
    if (class >= 0 && class < 6) statuses[class] += 1;
  }
  uint32_t failed = failed_opens - failed_before;
  printf("{\"opened\":%u,\"failed\":%u,\"seconds\":%.4f,\"perSecond\":%.1f,\"p50Ms\":%.3f,\"p99Ms\":%.3f,\"maxMs\":%.3f,"
         "\"refused\":%u}\n",
         open_now > open_before ? open_now - open_before : statuses[2], failed, seconds, (double)(made - failed) / seconds,
         histogram_ms(&open_latency, 0.5), histogram_ms(&open_latency, 0.99), histogram_ms(&open_latency, 1),
         statuses[4] + statuses[5]);
}

/* Reads until nothing has come for so long. */
static void command_settle(double quiet, double timeout) {
  uint64_t until = now_us() + (uint64_t)(timeout * 1e6), before = total_frames;
  last_read_us = now_us();
  while (now_us() < until && now_us() - last_read_us < (uint64_t)(quiet * 1e6)) loop_turn(5000);
  printf("{\"frames\":%lu,\"quiet\":%s}\n", total_frames - before, now_us() < until ? "true" : "false");
}

static void print_readers(double seconds) {
  uint64_t least = UINT64_MAX, most = 0, unordered = 0, ends = 0, frames = 0, bytes = 0, alike = 0, closed = 0;
  struct subscriber *longest = NULL;
  for (uint32_t at = 0; at < subscriber_count; at += 1) {
    struct subscriber *subscriber = subscribers[at];
    uint64_t count = subscriber->frames.count;
    if (count < least) least = count;
    if (longest == NULL || count > most) longest = subscriber;
    if (count > most) most = count;
    unordered += subscriber->frames.unordered;
    ends += subscriber->frames.ends;
    frames += count;
    bytes += subscriber->bytes;
    if (subscriber->state == CLOSED) closed += 1;
  }
  for (uint32_t at = 0; at < subscriber_count; at += 1)
    if (subscribers[at]->frames.id_hash == longest->frames.id_hash && subscribers[at]->frames.count == most) alike += 1;
  printf("{\"readers\":%u,\"closed\":%lu,\"frames\":%lu,\"bytes\":%lu,\"least\":%lu,\"most\":%lu,\"alike\":%lu,"
         "\"unordered\":%lu,\"ends\":%lu,\"seconds\":%.4f,\"secondsFromFirstByte\":%.4f}\n",
         subscriber_count, closed, frames, bytes, subscriber_count == 0 ? 0 : least, most, alike, unordered, ends, seconds,
         first_body_us == 0 ? 0 : (double)((last_close_us > 0 ? last_close_us : last_read_us) - first_body_us) / 1e6);
}

/* Reads until the server has closed every stream, or each has so many frames (0: does not matter). */
static void command_until(uint64_t frames, double timeout) {
  uint64_t started = now_us(), until = started + (uint64_t)(timeout * 1e6);
  uint32_t at = 0;
  while (now_us() < until && open_now > 0) {
    loop_turn(20000);
    if (frames == 0) continue;
    while (at < subscriber_count && (subscribers[at]->frames.count >= frames || subscribers[at]->state == CLOSED)) at += 1;
    if (at == subscriber_count) break;
  }
  print_readers((double)((last_close_us > 0 && open_now == 0 ? last_close_us : now_us()) - opened_us) / 1e6);
}

static void command_idle(double seconds) {
  uint64_t until = now_us() + (uint64_t)(seconds * 1e6), frames = total_frames, bytes = total_bytes;
  uint64_t started = now_us(), cpu = cpu_us();
  while (now_us() < until) loop_turn(20000);
  printf("{\"frames\":%lu,\"bytes\":%lu,\"open\":%u,\"driverCpu\":%.3f}\n", total_frames - frames, total_bytes - bytes,
         open_now, (double)(cpu_us() - cpu) / (double)(now_us() - started));
}

static void command_stall(uint32_t from, uint32_t to, bool stalled) {
  for (uint32_t at = from; at < to && at < subscriber_count; at += 1) subscriber_stall(subscribers[at], stalled);
  printf("{}\n");
}

static bool command(char *line) {
  char text[512];
  double number = 0, seconds = 0;
  unsigned first = 0, second = 0;
  unsigned long frames = 0;
  if (sscanf(line, "target %63s %d", target_host, &target_port) == 2) printf("{}\n");
  else if (sscanf(line, "paths %511s", text) == 1) {
    paths_load(text);
    printf("{}\n");
  } else if (sscanf(line, "publish raw %511s", text) == 1) {
    publisher_raw(text);
    printf("{}\n");
  } else if (sscanf(line, "publish post %511s %u %u", text, &first, &second) == 3) {
    publisher_post(text, first, (int)second);
    printf("{}\n");
  } else if (sscanf(line, "open %u %u %lf", &first, &second, &seconds) == 3) command_open(first, second, seconds);
  else if (sscanf(line, "settle %lf %lf", &number, &seconds) == 2) command_settle(number, seconds);
  else if (sscanf(line, "run closed %u %u %lf", &first, &second, &seconds) == 3) run_closed(first, second, seconds);
  else if (sscanf(line, "run open %lf %lf", &number, &seconds) == 2) run_open(number, seconds);
  else if (sscanf(line, "until %lu %lf", &frames, &seconds) == 2) command_until(frames, seconds);
  else if (sscanf(line, "idle %lf", &seconds) == 1) command_idle(seconds);
  else if (sscanf(line, "stall %u %u", &first, &second) == 2) command_stall(first, second, true);
  else if (sscanf(line, "unstall %u %u", &first, &second) == 2) command_stall(first, second, false);
  else if (sscanf(line, "trigger %u %u", &first, &second) == 2) {
    publisher_add(first, second);
    publisher_flush();
    printf("{}\n");
  } else if (strcmp(line, "cursors keep") == 0) {
    subscribers_resume_cursors(true);
    printf("{}\n");
  } else if (strcmp(line, "cursors drop") == 0) {
    subscribers_resume_cursors(false);
    printf("{}\n");
  } else if (strcmp(line, "close") == 0) {
    subscribers_close();
    printf("{}\n");
  } else if (strcmp(line, "quit") == 0) return false;
  else fail("what is \"%s\"?", line);
  fflush(stdout);
  return true;
}

/* Commands come one at a time; between them streams are read all the same. */
static char input[4096];
static size_t input_length;
static bool quit;

static void commands(struct source *source, uint32_t events) {
  (void)events;
  ssize_t length = read(source->fd, input + input_length, sizeof input - 1 - input_length);
  if (length <= 0) {
    quit = true;
    return;
  }
  input_length += (size_t)length;
}

static bool next_command(void) {
  char *end = memchr(input, '\n', input_length);
  if (end == NULL) return true;
  *end = 0;
  char line[4096];
  strcpy(line, input);
  input_length -= (size_t)(end + 1 - input);
  memmove(input, end + 1, input_length);
  return command(line);
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  loop_init();
  if (argc >= 3 && strncmp(argv[1], "ceiling", 7) == 0) {
    ceiling(0, (size_t)atol(argv[2]), strcmp(argv[1], "ceiling-batch") == 0);
    return 0;
  }
  struct source in = {.fd = STDIN_FILENO, .ready = commands};
  loop_add(&in, EPOLLIN);
  while (!quit && next_command()) loop_turn(100000);
  return 0;
}
