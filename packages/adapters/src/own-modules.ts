import { registerHooks } from "node:module";

/** What an adapter's file gets from this process, whatever is installed beside it. */
const OWN = /^(?:millrace|zod)(?:\/|$)/;

const adapterUrls = new Set<string>();

/** Where `import … from "millrace"` leads, wherever the importing file lies. */
let hooked = false;

/**
 * Lets the adapter at `url`, and the files that it imports, have our `millrace` and `zod`: another copy would have
 * classes that are not ours. What is installed, in a `node_modules`, keeps its own.
 */
export function giveOwnModules(url: string): void {
  adapterUrls.add(withoutQuery(url));
  if (hooked) return;
  hooked = true;
  registerHooks({
    resolve(specifier, context, next) {
      const parent = withoutQuery(context.parentURL ?? "");
      // What is resolved from here comes through here again.
      if (!OWN.test(specifier) || parent === import.meta.url) return next(specifier, context);
      if (parent.includes("/node_modules/") && !adapterUrls.has(parent)) return next(specifier, context);
      // Not by `next` with another parent: `require` has no ear for it.
      return { url: import.meta.resolve(specifier), shortCircuit: true };
    },
  });
}

function withoutQuery(url: string): string {
  return url.split("?", 1)[0] ?? "";
}
