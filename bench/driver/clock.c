#include "driver.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

uint64_t now_us(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

uint64_t cpu_us(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
         (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

void fail(const char *format, ...) {
  va_list values;
  va_start(values, format);
  fprintf(stderr, "driver: ");
  vfprintf(stderr, format, values);
  fprintf(stderr, "\n");
  va_end(values);
  exit(1);
}

void histogram_clear(struct histogram *histogram) { memset(histogram, 0, sizeof *histogram); }

static unsigned bucket_of(uint64_t us) {
  if (us < 64) return (unsigned)us;
  unsigned power = 63 - (unsigned)__builtin_clzll(us);
  unsigned bucket = (power - 5) * 64 + (unsigned)((us >> (power - 6)) & 63);
  return bucket < 32 * 64 ? bucket : 32 * 64 - 1;
}

static uint64_t lowest_of(unsigned bucket) {
  if (bucket < 64) return bucket;
  unsigned power = bucket / 64 + 5;
  return (1ull << power) + ((uint64_t)(bucket % 64) << (power - 6));
}

void histogram_add(struct histogram *histogram, uint64_t us) {
  histogram->counts[bucket_of(us)] += 1;
  histogram->total += 1;
  if (us > histogram->max) histogram->max = us;
}

double histogram_ms(const struct histogram *histogram, double quantile) {
  if (histogram->total == 0) return 0;
  if (quantile >= 1) return (double)histogram->max / 1000;
  uint64_t wanted = (uint64_t)((double)histogram->total * quantile), seen = 0;
  for (unsigned bucket = 0; bucket < 32 * 64; bucket += 1) {
    seen += histogram->counts[bucket];
    if (seen > wanted) return (double)lowest_of(bucket) / 1000;
  }
  return (double)histogram->max / 1000;
}
