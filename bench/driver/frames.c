#include "driver.h"
#include <string.h>

enum { SIZE, EXTENSION, DATA, DATA_END, TRAILER };

static void line_over(struct frames *frames, on_frame on, void *context) {
  char first = frames->line_first;
  frames->line_first = 0;
  if (first == 0) {
    /* The empty line: what had an id or data is an event. */
    if (frames->has_field) {
      if (frames->is_end) frames->ends += 1;
      else {
        frames->count += 1;
        on(context);
      }
    }
    frames->has_field = frames->is_end = false;
    return;
  }
  uint8_t kept = frames->kept;
  frames->kept = 0;
  if (first == 'd') frames->has_field = true;
  else if (first == 'e') frames->is_end = kept == 10 && memcmp(frames->keep, "event: end", 10) == 0;
  else if (first == 'i') {
    frames->has_field = true;
    uint64_t id = 0, hash = frames->id_hash;
    for (uint8_t at = 3; at < kept; at += 1) {
      char c = frames->keep[at];
      hash = (hash ^ (uint8_t)c) * 1099511628211ull;
      if (c >= '0' && c <= '9') id = id * 10 + (uint64_t)(c - '0');
    }
    if (frames->is_end) return; /* It repeats the id of the last event. */
    if (id <= frames->id) frames->unordered += 1;
    frames->id = id;
    frames->id_hash = hash;
  }
}

static void keep(struct frames *frames, const char *bytes, size_t length) {
  size_t room = sizeof frames->keep - frames->kept;
  if (length > room) length = room;
  memcpy(frames->keep + frames->kept, bytes, length);
  frames->kept += (uint8_t)length;
}

static void lines_read(struct frames *frames, const char *bytes, size_t length, on_frame on, void *context) {
  const char *end = bytes + length;
  while (bytes < end) {
    const char *line_end = memchr(bytes, '\n', (size_t)(end - bytes));
    const char *stop = line_end == NULL ? end : line_end;
    if (frames->line_first == 0 && stop > bytes && *bytes != '\r') frames->line_first = *bytes;
    if (frames->line_first == 'i' || frames->line_first == 'e') keep(frames, bytes, (size_t)(stop - bytes));
    if (line_end == NULL) return;
    line_over(frames, on, context);
    bytes = line_end + 1;
  }
}

void frames_read(struct frames *frames, const char *bytes, size_t length, on_frame on, void *context) {
  if (!frames->chunked) {
    lines_read(frames, bytes, length, on, context);
    return;
  }
  const char *end = bytes + length;
  while (bytes < end && !frames->over) {
    switch (frames->chunk_state) {
      case DATA: {
        size_t part = (size_t)(end - bytes);
        if (part > frames->chunk_left) part = frames->chunk_left;
        lines_read(frames, bytes, part, on, context);
        bytes += part;
        frames->chunk_left -= part;
        if (frames->chunk_left == 0) frames->chunk_state = DATA_END;
        break;
      }
      case DATA_END:
        if (*bytes++ == '\n') frames->chunk_state = SIZE;
        break;
      case SIZE: {
        char c = *bytes++;
        if (c >= '0' && c <= '9') frames->chunk_left = frames->chunk_left * 16 + (uint64_t)(c - '0');
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
          frames->chunk_left = frames->chunk_left * 16 + (uint64_t)((c | 32) - 'a' + 10);
        else if (c == ';') frames->chunk_state = EXTENSION;
        else if (c == '\n') {
          if (frames->chunk_left == 0) frames->over = true;
          frames->chunk_state = DATA;
        }
        break;
      }
      case EXTENSION:
        if (*bytes++ == '\n') {
          if (frames->chunk_left == 0) frames->over = true;
          frames->chunk_state = DATA;
        }
        break;
    }
  }
}
