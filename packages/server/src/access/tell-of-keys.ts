import type { Bus } from "@millrace/engine";
import type { AccessControl } from "./access-control.ts";

const SUBJECT = "keys.changed";

/**
 * Lets every node of the service know of a key that opens nothing any more, or not for as long as it did. One that does not
 * hear of it looks the key up again within a second.
 */
export function tellOfKeys(access: AccessControl, bus: Bus | null): (id: string, revoked: boolean) => void {
  const act = (id: string, revoked: boolean) => {
    access.keys.forget(id);
    if (revoked) access.onRevoked(`key:${id}`);
  };
  bus?.subscribe(SUBJECT, (data) => {
    const [id = "", what] = Buffer.from(data).toString().split(" ");
    act(id, what === "revoked");
  });
  return (id, revoked) => {
    act(id, revoked);
    bus?.publish(SUBJECT, Buffer.from(`${id} ${revoked ? "revoked" : "rotated"}`));
  };
}
