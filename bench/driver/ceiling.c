#include "driver.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct client {
  struct source source;
  size_t place;
  bool subscribed;
  size_t skip;
};

static struct client *clients[65536];
static size_t client_count;
static char frame[1 << 17];
static size_t frame_length, pending;
static bool batching;
static char *batch;

static const char ANSWER[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n"
                           "Transfer-Encoding: chunked\r\n\r\n";
static const char DONE[] = "HTTP/1.1 204 No Content\r\n\r\n";

static void gone(struct client *client) {
  if (client->subscribed) {
    clients[client->place] = clients[--client_count];
    clients[client->place]->place = client->place;
  }
  close(client->source.fd);
  client->source.fd = -1;
}

static void send_all(const char *bytes, size_t length) {
  for (size_t at = 0; at < client_count; at += 1) {
    ssize_t sent = write(clients[at]->source.fd, bytes, length);
    /* A client that is so far behind is not one that this server is measured with. */
    if (sent >= 0 && (size_t)sent != length) shutdown(clients[at]->source.fd, SHUT_RDWR);
  }
}

static void publish(void) {
  if (batching) pending += 1;
  else send_all(frame, frame_length);
}

static void flush(void) {
  while (pending > 0) {
    size_t part = pending < 256 ? pending : 256;
    send_all(batch, part * frame_length);
    pending -= part;
  }
}

static void readable(struct source *source, uint32_t events) {
  (void)events;
  struct client *client = (struct client *)source;
  static char buffer[1 << 18];
  ssize_t length = read(source->fd, buffer, sizeof buffer - 1);
  if (length <= 0) {
    if (length == 0 || errno != EAGAIN) gone(client);
    return;
  }
  buffer[length] = 0;
  if (!client->subscribed && client->skip == 0 && strncmp(buffer, "GET ", 4) == 0) {
    client->subscribed = true;
    client->place = client_count;
    clients[client_count++] = client;
    if (write(source->fd, ANSWER, sizeof ANSWER - 1) < 0) gone(client);
    return;
  }
  /* Requests to publish, one after another: each is a head and as many bytes of body as it says. */
  char *at = buffer, *end = buffer + length;
  while (at < end) {
    size_t skip = client->skip < (size_t)(end - at) ? client->skip : (size_t)(end - at);
    at += skip;
    client->skip -= skip;
    if (at == end || client->skip > 0) break;
    char *body = strstr(at, "\r\n\r\n"), *size = strstr(at, "Content-Length: ");
    if (body == NULL || size == NULL) break;
    client->skip = (size_t)atol(size + 16);
    at = body + 4;
    publish();
    if (write(source->fd, DONE, sizeof DONE - 1) < 0) return;
  }
}

static void acceptable(struct source *source, uint32_t events) {
  (void)events;
  for (int turn = 0; turn < 64; turn += 1) {
    int fd = accept4(source->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
    if (fd < 0) return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct client *client = calloc(1, sizeof *client);
    client->source = (struct source){.fd = fd, .ready = readable};
    loop_add(&client->source, EPOLLIN);
  }
}

void ceiling(int port, size_t frame_bytes, bool batched) {
  batching = batched;
  /* What a frame has beside its filler: names of fields, line ends, and HTTP's framing. */
  size_t filler = frame_bytes > 22 ? frame_bytes - 21 : 1;
  char block[65536];
  int block_length = sprintf(block, "data: %0*d\nid: 1\n\n", (int)(filler < 60000 ? filler : 60000), 0);
  frame_length = (size_t)sprintf(frame, "%x\r\n%s\r\n", block_length, block);
  batch = malloc(256 * frame_length);
  for (int at = 0; at < 256; at += 1) memcpy(batch + (size_t)at * frame_length, frame, frame_length);
  struct source listener = {.ready = acceptable};
  listener.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int on = 1;
  setsockopt(listener.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(listener.fd, (struct sockaddr *)&address, size) < 0 || listen(listener.fd, 4096) < 0)
    fail("port %d: %s", port, strerror(errno));
  getsockname(listener.fd, (struct sockaddr *)&address, &size);
  printf("http://127.0.0.1:%d\n", ntohs(address.sin_port));
  fflush(stdout);
  loop_add(&listener, EPOLLIN);
  while (true) {
    loop_turn(1000000);
    flush();
  }
}
