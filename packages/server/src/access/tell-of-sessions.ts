import type { Bus } from "@millrace/engine";
import type { AccessControl } from "./access-control.ts";

const SUBJECT = "sessions.ended";

/** Lets every node of the service know of a login that has ended, by its id: its streams end, wherever they are. */
export function tellOfSessions(access: AccessControl, bus: Bus | null): (sessionId: string) => void {
  bus?.subscribe(SUBJECT, (data) => access.onRevoked(Buffer.from(data).toString()));
  return (sessionId) => {
    access.onRevoked(sessionId);
    bus?.publish(SUBJECT, Buffer.from(sessionId));
  };
}
