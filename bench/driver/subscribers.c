#include "driver.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Connections per source address: well below the ports that there are for one. */
#define PER_ADDRESS 8000
#define HEAD_BYTES 4096

struct subscriber **subscribers;
uint32_t subscriber_count;
uint64_t total_bytes, total_frames, last_read_us, first_body_us, last_close_us;
uint32_t open_now, connecting_now, failed_opens;
struct histogram open_latency;
char target_host[64] = "127.0.0.1";
int target_port;

static char **paths;
static uint32_t path_count;
static uint32_t capacity;
static uint64_t *cursors;
static uint32_t cursor_count;
static char buffer[1 << 20];

void paths_load(const char *file) {
  FILE *stream = fopen(file, "r");
  if (stream == NULL) fail("%s: %s", file, strerror(errno));
  path_count = 0;
  char *line = NULL;
  size_t size = 0;
  ssize_t length;
  while ((length = getline(&line, &size, stream)) > 0) {
    if (line[length - 1] == '\n') line[length - 1] = 0;
    paths = realloc(paths, (path_count + 1) * sizeof *paths);
    paths[path_count++] = strdup(line);
  }
  free(line);
  fclose(stream);
}

uint32_t topic_count(void) { return path_count; }

/* From the next subscriber on, each begins after the last id that the one in its place had; or from the start again. */
void subscribers_resume_cursors(bool resume) {
  free(cursors);
  cursors = NULL;
  cursor_count = 0;
  if (!resume) return;
  cursors = calloc(subscriber_count, sizeof *cursors);
  cursor_count = subscriber_count;
  for (uint32_t at = 0; at < subscriber_count; at += 1) cursors[at] = subscribers[at]->frames.id;
}

static void over(struct subscriber *subscriber) {
  if (subscriber->state == CLOSED) return;
  if (subscriber->state == BODY) {
    open_now -= 1;
    last_close_us = now_us();
  } else {
    connecting_now -= 1;
    failed_opens += 1;
  }
  subscriber->state = CLOSED;
  close(subscriber->source.fd);
  subscriber->source.fd = -1;
  free(subscriber->head);
  subscriber->head = NULL;
}

static void frame_read(void *context) {
  struct subscriber *subscriber = context;
  total_frames += 1;
  run_frame(subscriber, last_read_us);
}

static void send_request(struct subscriber *subscriber) {
  char request[2048], cursor[64] = "";
  uint32_t at = subscriber->base; /* Its place, until it counts. */
  if (at < cursor_count && cursors[at] > 0) snprintf(cursor, sizeof cursor, "Last-Event-ID: %lu\r\n", cursors[at]);
  int length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: %s:%d\r\nAccept: text/event-stream\r\n%s\r\n",
                        paths[subscriber->topic], target_host, target_port, cursor);
  subscriber->base = 0;
  subscriber->state = HEAD;
  if (write(subscriber->source.fd, request, (size_t)length) != length) {
    over(subscriber);
    return;
  }
  loop_change(&subscriber->source, EPOLLIN);
}

static void body(struct subscriber *subscriber, const char *bytes, size_t length) {
  if (length == 0) return;
  if (first_body_us == 0 && length > 64) first_body_us = last_read_us;
  frames_read(&subscriber->frames, bytes, length, frame_read, subscriber);
  if (subscriber->frames.over) over(subscriber);
}

static void head(struct subscriber *subscriber, const char *bytes, size_t length) {
  size_t room = HEAD_BYTES - 1 - subscriber->head_length, part = length < room ? length : room;
  memcpy(subscriber->head + subscriber->head_length, bytes, part);
  uint32_t before = subscriber->head_length;
  subscriber->head_length += (uint32_t)part;
  subscriber->head[subscriber->head_length] = 0;
  char *end = strstr(subscriber->head, "\r\n\r\n");
  if (end == NULL) {
    if (subscriber->head_length == HEAD_BYTES - 1) over(subscriber);
    return;
  }
  subscriber->status = atoi(subscriber->head + 9);
  if (subscriber->status != 200) {
    over(subscriber);
    return;
  }
  end[2] = 0;
  subscriber->frames.chunked = strcasestr(subscriber->head, "\r\ntransfer-encoding: chunked") != NULL;
  size_t used = (size_t)(end + 4 - subscriber->head) - before;
  free(subscriber->head);
  subscriber->head = NULL;
  subscriber->state = BODY;
  connecting_now -= 1;
  open_now += 1;
  histogram_add(&open_latency, last_read_us - subscriber->opened_us);
  body(subscriber, bytes + used, length - used);
}

static void ready(struct source *source, uint32_t events) {
  struct subscriber *subscriber = (struct subscriber *)source;
  if (subscriber->state == CONNECTING) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(source->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) over(subscriber);
    else if (events & EPOLLOUT) send_request(subscriber);
    return;
  }
  if (subscriber->stalled) {
    if (events & (EPOLLHUP | EPOLLERR)) over(subscriber);
    return;
  }
  ssize_t length = read(source->fd, buffer, sizeof buffer);
  last_read_us = now_us();
  if (length <= 0) {
    if (length < 0 && errno == EAGAIN) return;
    over(subscriber);
    return;
  }
  total_bytes += (uint64_t)length;
  subscriber->bytes += (uint64_t)length;
  if (subscriber->state == HEAD) head(subscriber, buffer, (size_t)length);
  else body(subscriber, buffer, (size_t)length);
}

void subscriber_open(void) {
  if (subscriber_count == capacity) {
    capacity = capacity == 0 ? 1024 : capacity * 2;
    subscribers = realloc(subscribers, capacity * sizeof *subscribers);
  }
  struct subscriber *subscriber = calloc(1, sizeof *subscriber);
  uint32_t at = subscriber_count++;
  subscribers[at] = subscriber;
  subscriber->topic = at % path_count;
  subscriber->base = at;
  subscriber->head = malloc(HEAD_BYTES);
  subscriber->source.ready = ready;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket: %s (raise the limit of open files: ulimit -n)", strerror(errno));
  subscriber->source.fd = fd;
  int on = 1;
  setsockopt(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  struct linger linger = {.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000002 + at / PER_ADDRESS)};
  if (bind(fd, (struct sockaddr *)&from, sizeof from) < 0) fail("bind: %s", strerror(errno));
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)target_port)};
  inet_pton(AF_INET, target_host, &to.sin_addr);
  subscriber->opened_us = now_us();
  connecting_now += 1;
  int connected = connect(fd, (struct sockaddr *)&to, sizeof to);
  loop_add(&subscriber->source, EPOLLOUT);
  if (connected < 0 && errno != EINPROGRESS) over(subscriber);
}

void subscriber_stall(struct subscriber *subscriber, bool stalled) {
  subscriber->stalled = stalled;
  if (subscriber->source.fd >= 0) loop_change(&subscriber->source, stalled ? 0 : EPOLLIN);
}

void subscribers_close(void) {
  for (uint32_t at = 0; at < subscriber_count; at += 1) {
    over(subscribers[at]);
    free(subscribers[at]);
  }
  subscriber_count = open_now = connecting_now = failed_opens = 0;
}
