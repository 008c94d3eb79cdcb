#include "driver.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct publisher {
  struct source source;
  char *out;
  size_t length, size, sent;
};

static struct publisher publishers[64];
static int publisher_count, next;
static bool raw;
static char *request, *body, *post_path;
static size_t request_length, body_length;

static void discard(struct source *source, uint32_t events) {
  (void)events;
  static char answer[1 << 16];
  ssize_t length = read(source->fd, answer, sizeof answer);
  if (length > 0 || (length < 0 && errno == EAGAIN)) return;
  close(source->fd);
  source->fd = -1;
}

static void add(int fd) {
  struct publisher *publisher = &publishers[publisher_count++];
  publisher->source = (struct source){.fd = fd, .ready = discard};
  publisher->length = publisher->sent = 0;
  fcntl(fd, F_SETFL, O_NONBLOCK);
  loop_add(&publisher->source, EPOLLIN);
}

static void forget(void) {
  for (int at = 0; at < publisher_count; at += 1)
    if (publishers[at].source.fd >= 0) close(publishers[at].source.fd);
  publisher_count = next = 0;
}

/* A path with `%u` in it names the topic. */
static size_t request_of(uint32_t topic) {
  const char *place = strstr(post_path, "%u");
  int before = place == NULL ? (int)strlen(post_path) : (int)(place - post_path);
  char number[16] = "";
  if (place != NULL) snprintf(number, sizeof number, "%u", topic);
  int head = snprintf(request, 1024,
                      "POST %.*s%s%s HTTP/1.1\r\nHost: %s:%d\r\nContent-Type: text/plain\r\n"
                      "Content-Length: %zu\r\n\r\n",
                      before, post_path, number, place == NULL ? "" : place + 2, target_host, target_port, body_length);
  memcpy(request + head, body, body_length);
  return (size_t)head + body_length;
}

void publisher_raw(const char *socket_path) {
  forget();
  raw = true;
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  strncpy(to.sun_path, socket_path, sizeof to.sun_path - 1);
  if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0) fail("%s: %s", socket_path, strerror(errno));
  add(fd);
}

void publisher_post(const char *path, size_t bytes, int connections) {
  forget();
  raw = false;
  free(request);
  free(body);
  free(post_path);
  post_path = strdup(path);
  body = malloc(bytes);
  memset(body, 'x', bytes);
  body_length = bytes;
  request = malloc(bytes + 1024);
  request_length = request_of(0);
  for (int at = 0; at < connections && at < 64; at += 1) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)target_port)};
    inet_pton(AF_INET, target_host, &to.sin_addr);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0) fail("publisher: %s", strerror(errno));
    add(fd);
  }
}

static void append(struct publisher *publisher, const void *bytes, size_t length) {
  if (publisher->length + length > publisher->size) {
    publisher->size = (publisher->length + length) * 2;
    publisher->out = realloc(publisher->out, publisher->size);
  }
  memcpy(publisher->out + publisher->length, bytes, length);
  publisher->length += length;
}

void publisher_add(uint32_t topic, uint32_t count) {
  if (publisher_count == 0) fail("there is nobody to publish to");
  if (raw) {
    uint32_t record[2] = {topic, count};
    append(&publishers[0], record, sizeof record);
    return;
  }
  if (topic_count() > 1) request_length = request_of(topic);
  for (; count > 0; count -= 1) append(&publishers[next++ % publisher_count], request, request_length);
}

void publisher_flush(void) {
  for (int at = 0; at < publisher_count; at += 1) {
    struct publisher *publisher = &publishers[at];
    if (publisher->length == publisher->sent) continue;
    if (publisher->source.fd < 0) fail("the server has closed a publisher's connection");
    ssize_t sent = write(publisher->source.fd, publisher->out + publisher->sent, publisher->length - publisher->sent);
    if (sent < 0 && errno != EAGAIN) fail("publishing: %s", strerror(errno));
    if (sent > 0) publisher->sent += (size_t)sent;
    if (publisher->sent == publisher->length) publisher->sent = publisher->length = 0;
  }
}
