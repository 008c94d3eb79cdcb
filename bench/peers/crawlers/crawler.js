/** The npm package `crawler` (got and cheerio), by its documentation. Prints how many pages a second it got. */
import Crawler from "crawler";

const [start, atOnce] = process.argv.slice(2);
const origin = new URL(start).origin;
const seen = new Set([start]);
let pages = 0;
let bytes = 0;

const crawler = new Crawler({
  maxConnections: Number(atOnce),
  silence: true,
  retries: 0,
  callback(error, response, done) {
    if (error === null && response.statusCode === 200 && response.$ !== undefined) {
      pages += 1;
      bytes += response.body.length;
      response.$("a[href]").each((_, element) => {
        const link = URL.parse(element.attribs.href, response.url ?? response.request?.url ?? start);
        if (link === null) return;
        link.hash = "";
        if (link.origin === origin && !link.pathname.startsWith("/private/") && !seen.has(link.href)) {
          seen.add(link.href);
          crawler.add(link.href);
        }
      });
    }
    done();
  },
});
const startedAt = performance.now();
crawler.on("drain", () => {
  console.log(JSON.stringify({ pages, bytes, seconds: (performance.now() - startedAt) / 1000 }));
  process.exit();
});
crawler.add(start);
