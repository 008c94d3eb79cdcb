import type { AnyAdapter } from "@millrace/engine";

/** Where an adapter's code is, so that a thread can load it as well. */
export type AdapterSource =
  | { readonly kind: "builtin"; readonly type: string }
  | {
      readonly kind: "file";
      readonly file: string;
      /** When it was last changed, in epoch ms: another version has threads of its own. */
      readonly changed: number;
    };

const sources = new WeakMap<AnyAdapter, AdapterSource>();

/** Notes where an adapter comes from. */
export function noteSource(adapter: AnyAdapter, source: AdapterSource): void {
  sources.set(adapter, source);
}

/** Undefined for an adapter that was made by hand. */
export function sourceOf(adapter: AnyAdapter): AdapterSource | undefined {
  return sources.get(adapter);
}
