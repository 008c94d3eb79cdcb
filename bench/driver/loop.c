#include "driver.h"
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

static int epoll_fd;

void loop_init(void) {
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd < 0) fail("epoll: %s", strerror(errno));
}

static void control(int operation, struct source *source, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = source};
  if (epoll_ctl(epoll_fd, operation, source->fd, &event) < 0) fail("epoll_ctl: %s", strerror(errno));
}

void loop_add(struct source *source, uint32_t events) { control(EPOLL_CTL_ADD, source, events); }

void loop_change(struct source *source, uint32_t events) { control(EPOLL_CTL_MOD, source, events); }

void loop_turn(int64_t wait_us) {
  static struct epoll_event ready[1024];
  struct timespec wait = {.tv_sec = wait_us / 1000000, .tv_nsec = wait_us % 1000000 * 1000};
  int count = epoll_pwait2(epoll_fd, ready, 1024, &wait, NULL);
  for (int index = 0; index < count; index += 1) {
    struct source *source = ready[index].data.ptr;
    if (source->fd >= 0) source->ready(source, ready[index].events);
  }
}
