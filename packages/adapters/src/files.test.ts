import assert from "node:assert/strict";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { JsonObject } from "@millrace/protocol";
import { files } from "./files.ts";
import { failure, problems, run, stream } from "./testing/run-adapter.ts";
import { TempFolder } from "./testing/temp-folder.ts";

/** The paths that are found. */
async function paths(folder: TempFolder, config: JsonObject = {}, lines: string[] = []): Promise<unknown[]> {
  const found = await run(files, { root: folder.path, ...config }, {}, { lines });
  return found.map((file) => file.path);
}

function folderOf(...names: string[]): TempFolder {
  const folder = new TempFolder();
  for (const name of names) folder.write(name, name);
  return folder;
}

describe("what files finds", () => {
  test("one message per file with its root, path, size and time of change", async () => {
    using folder = new TempFolder();
    folder.write("a/é.md", "é");
    folder.write("b.bin", Buffer.alloc(3));
    const found = await run(files, { root: folder.path });
    assert.deepEqual(
      found.map(({ modified_at: _, ...rest }) => rest),
      [
        { root: folder.path, path: "a/é.md", size: 2 },
        { root: folder.path, path: "b.bin", size: 3 },
      ],
    );
    for (const { modified_at: at } of found) assert.match(String(at), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  });

  test("files come in the order of their names, folder by folder, each time the same", async () => {
    using folder = folderOf("b/2", "b/10", "a", "c", "b/a/x", "Z");
    assert.deepEqual(await paths(folder), ["Z", "a", "b/10", "b/2", "b/a/x", "c"]);
  });

  test("an empty folder gives none", async () => {
    using folder = new TempFolder();
    folder.folder("empty");
    assert.deepEqual(await paths(folder), []);
  });

  test("names with spaces, brackets, quotes, line breaks and other scripts are found", async () => {
    const odd = ["a b", "[x]", "it's", 'say "hi"', "line\nbreak", "文書.md", "back\\slash", "$(x)"].sort();
    using folder = folderOf(...odd);
    assert.deepEqual(await paths(folder, { glob: "*" }), odd);
  });
});

describe("patterns", () => {
  test("glob says which, as one pattern or a list", async () => {
    using folder = folderOf("a.md", "b.txt", "c.html", "sub/d.md");
    assert.deepEqual(await paths(folder, { glob: "*.md" }), ["a.md"]);
    assert.deepEqual(await paths(folder, { glob: ["**/*.md", "*.{txt,rst}"] }), ["a.md", "b.txt", "sub/d.md"]);
    assert.deepEqual(await paths(folder, { glob: "./sub/*" }), ["sub/d.md"]);
    assert.deepEqual(await paths(folder, { glob: "../**" }), [], "nothing lies above the root");
  });

  test("a pattern with ! takes away from what the rest of the list finds", async () => {
    using folder = folderOf("a.md", "b.txt", "drafts/c.md");
    assert.deepEqual(await paths(folder, { glob: ["**/*.md", "!drafts/**"] }), ["a.md"]);
    assert.deepEqual(await paths(folder, { glob: "!**/*.md" }), ["b.txt"]);
  });

  test("ignore leaves out files, and folders with all that is in them", async () => {
    using folder = folderOf("a.md", "drafts/b.md", "x/node_modules/c.md", "x/d.md");
    assert.deepEqual(await paths(folder, { ignore: ["drafts/**", "**/node_modules"] }), ["a.md", "x/d.md"]);
  });

  test("what is hidden is found only where a pattern names it", async () => {
    using folder = folderOf(".env", ".github/workflows/ci.yml", "a.yml", "sub/.x/y.yml");
    assert.deepEqual(await paths(folder), ["a.yml"]);
    assert.deepEqual(await paths(folder, { glob: ".github/**/*.yml" }), [".github/workflows/ci.yml"]);
    assert.deepEqual(await paths(folder, { glob: ["./**/*.yml", ".env"] }), [".env", "a.yml"]);
    assert.deepEqual(await paths(folder, { glob: "**/.x/*" }), ["sub/.x/y.yml"]);
  });

  test("an empty pattern, list or root is refused with the pipeline", () => {
    for (const config of [{ glob: "" }, { glob: [] }, { ignore: "" }, { root: "" }])
      assert.equal(problems(files, config).length, 1, JSON.stringify(config));
  });
});

describe("links", () => {
  test("they are left out unless follow_links is set", async () => {
    using folder = folderOf("real/a.md");
    folder.link("folder", join(folder.path, "real"));
    folder.link("file.md", "real/a.md");
    assert.deepEqual(await paths(folder), ["real/a.md"]);
    assert.deepEqual(await paths(folder, { follow_links: true }), ["file.md", "folder/a.md", "real/a.md"]);
  });

  test("a link that makes a circle is walked no second time", { timeout: 60_000 }, async () => {
    using folder = folderOf("a/sub/x.md");
    folder.link("a/sub/up", "..");
    folder.link("a/self", ".");
    folder.link("a/root", folder.path);
    assert.deepEqual(await paths(folder, { follow_links: true }), ["a/sub/x.md"]);
    folder.link("to", "a/sub");
    folder.link("a/sub/to", "../../to");
    assert.deepEqual(await paths(folder, { follow_links: true }), ["a/sub/x.md", "to/x.md"]);
  });

  test("nothing outside the root is found, whatever links lead there", async () => {
    using outside = folderOf("secret.md");
    using folder = folderOf("a.md");
    folder.link("out", outside.path);
    folder.link("out.md", join(outside.path, "secret.md"));
    folder.link("sibling", `${folder.path}-other`);
    assert.deepEqual(await paths(folder, { follow_links: true }), ["a.md"]);
  });

  test("a link that leads nowhere, or to itself, is left out and logged", async () => {
    using folder = folderOf("a.md");
    folder.link("gone", "nothing");
    folder.link("loop", "loop");
    const lines: string[] = [];
    assert.deepEqual(await paths(folder, { follow_links: true }, lines), ["a.md"]);
    assert.deepEqual(
      lines.map((line) => /^warn: The link .*\/(gone|loop) leads nowhere/.exec(line)?.[1]),
      ["gone", "loop"],
    );
  });

  test("the root may itself be a link, and links in it are followed as they are in any root", async () => {
    using folder = folderOf("real/a.md");
    folder.link("real/b.md", "a.md");
    folder.link("root", "real");
    const found = await run(files, { root: join(folder.path, "root"), follow_links: true });
    assert.deepEqual(
      found.map(({ path }) => path),
      ["a.md", "b.md"],
    );
  });
});

describe("what goes wrong", () => {
  test("a root that is missing, or no folder, fails at once and is named", async () => {
    using folder = folderOf("a.md");
    for (const root of [join(folder.path, "none"), join(folder.path, "a.md")]) {
      const { code, message } = await failure(files, { root });
      assert.equal(code, "ROOT_NOT_FOUND");
      assert.ok(message.includes(root), message);
    }
  });

  test("a folder that cannot be read is left out and logged", { skip: process.getuid?.() === 0 }, async () => {
    using folder = folderOf("a.md", "locked/b.md");
    chmodSync(join(folder.path, "locked"), 0);
    const lines: string[] = [];
    assert.deepEqual(await paths(folder, {}, lines), ["a.md"]);
    chmodSync(join(folder.path, "locked"), 0o700);
    assert.match(lines.join(), /locked cannot be read/);
  });

  test("cancel ends the walk, even one that finds nothing", async () => {
    using folder = folderOf("a.txt", "b.txt");
    const control = new AbortController();
    const walk = stream(files, { root: folder.path }, {}, { signal: control.signal });
    await walk.next();
    control.abort();
    await assert.rejects(walk.next(), { name: "AbortError" });
    const vain = run(files, { root: folder.path, glob: "*.md" }, {}, { signal: control.signal });
    await assert.rejects(vain, { name: "AbortError" });
  });
});
