import type { FastifyReply } from "fastify";

/**
 * What is no page stands in no frame. It is never taken for a page (`nosniff`), and says nothing of what it may load: whoever
 * opens an answer in a tab may go on from there in the browser's console.
 */
const NOT_A_PAGE = "frame-ancestors 'none'";

/** What every answer has, also one to what never becomes a request. */
export const ALWAYS = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "content-security-policy": NOT_A_PAGE,
} as const;

/** What a page of the service does not use. */
const UNUSED_FEATURES =
  "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=()";

/** The headers that every answer has, for the browser. Pages set their own policy on content above it. */
export interface SecurityHeaders {
  set(reply: FastifyReply, secure: boolean): void;
}

/** What the headers go by. */
export interface SecurityHeaderSettings {
  /** How long browsers are to insist on TLS once they had it, in seconds; 0: the header is not sent. */
  readonly hstsSeconds: number;
  /** Whether users find the service under https, whatever the request says. */
  readonly publicIsSecure: boolean;
  /** Whether pages of other origins may load what is here. */
  readonly crossOrigin: boolean;
}

/** Made once; set on each answer. */
export function securityHeaders({ hstsSeconds, publicIsSecure, crossOrigin }: SecurityHeaderSettings): SecurityHeaders {
  const always = {
    ...ALWAYS,
    // Else a page of any site could load what it may not read, and measure it.
    "cross-origin-resource-policy": crossOrigin ? "cross-origin" : "same-origin",
  };
  const overTls = { ...always, "strict-transport-security": `max-age=${hstsSeconds}` };
  return {
    set(reply, secure) {
      reply.headers(hstsSeconds > 0 && (secure || publicIsSecure) ? overTls : always);
    },
  };
}

/** Sets what a page of the service has beside its policy on content. */
export function setPageHeaders(reply: FastifyReply, contentSecurityPolicy: string): FastifyReply {
  return reply.headers({
    "content-security-policy": contentSecurityPolicy,
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": UNUSED_FEATURES,
    "referrer-policy": "same-origin",
  });
}
