/** `fetch` in a loop, so many at once: what somebody writes who needs no more. Prints how many pages a second it got. */
const [start, atOnce] = process.argv.slice(2);
const origin = new URL(start).origin;
const seen = new Set([start]);
const queue = [start];
let pages = 0;
let bytes = 0;

async function worker() {
  while (queue.length > 0 || busy > 0) {
    const url = queue.shift();
    if (url === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      continue;
    }
    busy += 1;
    try {
      const response = await fetch(url);
      const text = await response.text();
      if (response.ok && response.headers.get("content-type")?.startsWith("text/html")) {
        pages += 1;
        bytes += text.length;
        for (const [, href] of text.matchAll(/<a\s[^>]*href="([^"]*)"/g)) {
          const link = URL.parse(href.replaceAll("&amp;", "&"), response.url);
          if (link === null) continue;
          link.hash = "";
          if (link.origin === origin && !link.pathname.startsWith("/private/") && !seen.has(link.href)) {
            seen.add(link.href);
            queue.push(link.href);
          }
        }
      }
    } finally {
      busy -= 1;
    }
  }
}

let busy = 0;
const startedAt = performance.now();
await Promise.all(Array.from({ length: Number(atOnce) }, worker));
console.log(JSON.stringify({ pages, bytes, seconds: (performance.now() - startedAt) / 1000 }));
