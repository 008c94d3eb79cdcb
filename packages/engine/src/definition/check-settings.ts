import { DEFAULT_ERROR_HANDLING, DEFAULT_LIMITS } from "./compile.ts";
import type { FindingList } from "./finding-list.ts";
import type { Path } from "./path.ts";
import { hasPlaceholder } from "./placeholders.ts";
import { type Mapping, type Tree, valueAt } from "./tree.ts";

/** Warns of settings that are legal each by itself and cannot all have an effect. */
export function checkSettings(root: Mapping, findings: FindingList): void {
  const maxHandlers = settingOf(valueAt(valueAt(root, "limits"), "max_handlers"), DEFAULT_LIMITS.maxHandlers);
  const handling = valueAt(root, "error_handling");
  const longest = settingOf(valueAt(handling, "max_delay_seconds"), DEFAULT_ERROR_HANDLING.maxDelayMs / 1000);
  checkDelay(handling, ["error_handling"], longest, findings);

  const routes = valueAt(root, "routes");
  for (const [route, { value }] of routes?.kind === "mapping" ? routes.entries : []) {
    checkInbound(valueAt(value, "inbound"), ["routes", route, "inbound"], maxHandlers, findings);
    checkDelay(valueAt(value, "error_handling"), ["routes", route, "error_handling"], longest, findings);
    const adapters = valueAt(value, "adapters");
    for (const [index, item] of adapters?.kind === "list" ? adapters.items.entries() : []) {
      const when = valueAt(valueAt(item, "condition"), "when");
      checkPlaceholders(when, ["routes", route, "adapters", index, "condition", "when"], findings);
    }
  }
  checkPlaceholders(valueAt(valueAt(root, "init_message"), "payload"), ["init_message", "payload"], findings);
}

function checkInbound(inbound: Tree | undefined, path: Path, maxHandlers: number | null, findings: FindingList): void {
  const concurrencyNode = valueAt(inbound, "concurrency");
  const prefetchNode = valueAt(inbound, "prefetch");
  const concurrency = settingOf(concurrencyNode, 1);
  if (concurrency === null) return;
  const prefetch = settingOf(prefetchNode, concurrency);
  if (prefetch === null) return;
  if (prefetchNode !== undefined && prefetch > concurrency) {
    findings.add(
      "W503",
      { path: [...path, "prefetch"], offset: prefetchNode.offset },
      `\`prefetch\` (${prefetch}) is more than \`concurrency\` (${concurrency}), and has no effect`,
      `The lower one counts: raise \`concurrency\` to ${prefetch}, or leave \`prefetch\` out.`,
    );
  }
  if (concurrencyNode !== undefined && maxHandlers !== null && Math.min(prefetch, concurrency) > maxHandlers) {
    findings.add(
      "W504",
      { path: [...path, "concurrency"], offset: concurrencyNode.offset },
      `\`concurrency\` (${concurrency}) is more than the execution's \`limits.max_handlers\` (${maxHandlers})`,
      `Raise \`limits.max_handlers\` to at least ${concurrency}, or lower \`concurrency\`.`,
    );
  }
}

function checkDelay(handling: Tree | undefined, path: Path, inherited: number | null, findings: FindingList): void {
  const node = valueAt(handling, "retry_delay_seconds");
  const first = settingOf(node, 0);
  const longest = settingOf(valueAt(handling, "max_delay_seconds"), inherited);
  if (node === undefined || first === null || longest === null || first <= longest) return;
  findings.add(
    "W506",
    { path: [...path, "retry_delay_seconds"], offset: node.offset },
    `\`retry_delay_seconds\` (${first}) is more than \`max_delay_seconds\` (${longest}): every wait is ${longest} seconds`,
    `Raise \`max_delay_seconds\` to at least ${first}.`,
  );
}

function checkPlaceholders(node: Tree | undefined, path: Path, findings: FindingList): void {
  if (node?.kind === "list") {
    for (const [index, item] of node.items.entries()) checkPlaceholders(item, [...path, index], findings);
  } else if (node?.kind === "mapping") {
    for (const [key, { value }] of node.entries) checkPlaceholders(value, [...path, key], findings);
  } else if (node?.kind === "scalar" && typeof node.value === "string" && hasPlaceholder(node.value)) {
    findings.add(
      "W507",
      { path, offset: node.offset },
      "A placeholder of the environment is not replaced here",
      "Placeholders are replaced in an adapter's `config` only; what is written here is stored with the execution.",
    );
  }
}

/** A number that is set, or its default; null where something else is set, which is a finding already. */
function settingOf<Default extends number | null>(node: Tree | undefined, otherwise: Default): number | Default | null {
  if (node === undefined) return otherwise;
  return node.kind === "scalar" && typeof node.value === "number" && node.value > 0 ? node.value : null;
}
