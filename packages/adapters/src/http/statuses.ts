import { AdapterError } from "@millrace/engine";
import { z } from "zod";
import type { HttpAnswer } from "./http-client.ts";
import { shown } from "./http-failure.ts";

/** The field of a config for statuses from 400 on: numbers, or all of a hundred. */
export function statusesField() {
  return z.array(z.union([z.int().min(400).max(599), z.enum(["4xx", "5xx"])])).max(200);
}

/** @see statusesField */
export type Statuses = readonly (number | "4xx" | "5xx")[];

/** Whether a list of statuses has one. */
export function hasStatus(statuses: Statuses, status: number): boolean {
  return statuses.includes(status) || statuses.some((each) => each === `${Math.floor(status / 100)}xx`);
}

/**
 * Sees to it that an answer is one.
 * @throws AdapterError HTTP_STATUS where its status is 400 or more and not accepted; not before its `Retry-After` is tried again
 */
export function checkStatus(answer: HttpAnswer, retryOn: Statuses, accepted: Statuses = []): void {
  const { status, statusText, url } = answer;
  if (status < 400 || hasStatus(accepted, status)) return;
  throw new AdapterError("HTTP_STATUS", `${shown(url)} answered ${status} ${statusText}`.trimEnd(), {
    retryable: hasStatus(retryOn, status),
    retryAfterMs: answer.retryAfterMs ?? 0,
  });
}
