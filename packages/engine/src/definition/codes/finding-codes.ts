import { CONFIG_CODES } from "./config-codes.ts";
import { EXPRESSION_CODES } from "./expression-codes.ts";
import type { FindingCodeInfo } from "./finding-code-info.ts";
import { LIMIT_CODES } from "./limit-codes.ts";
import { LINK_CODES } from "./link-codes.ts";
import { STRUCTURE_CODES } from "./structure-codes.ts";
import { WARNING_CODES } from "./warning-codes.ts";
import { YAML_CODES } from "./yaml-codes.ts";

/**
 * The one registry of the codes of findings. A code, once published, keeps its meaning; its page under
 * `docs/reference/findings/` is generated from here.
 */
export const FINDING_CODES = {
  ...YAML_CODES,
  ...STRUCTURE_CODES,
  ...LINK_CODES,
  ...CONFIG_CODES,
  ...EXPRESSION_CODES,
  ...LIMIT_CODES,
  ...WARNING_CODES,
} as const satisfies Record<string, FindingCodeInfo>;

/** A code of the registry. */
export type FindingCode = keyof typeof FINDING_CODES;
