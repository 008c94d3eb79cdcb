import type { Bus, Clock } from "@millrace/engine";
import type { AccessControl } from "./access-control.ts";

const SUBJECT = "keys.changed";

/** No stream is open for longer, in milliseconds: of a key that is good for longer than that, none is left to end. */
const LONGEST_STREAM_MS = 3600 * 1000;

/**
 * Lets every node of the service know of a key that opens nothing any more, or (`until`, in epoch ms) not for as long as it
 * did: what it has opened ends with it. One that does not hear of it looks the key up again within a second.
 */
export function tellOfKeys(
  access: AccessControl,
  bus: Bus | null,
  clock: Clock,
): (id: string, until: number | null) => void {
  const act = (id: string, until: number | null) => {
    access.keys.forget(id);
    const end = () => access.onRevoked(`key:${id}`);
    const wait = until === null ? 0 : until - clock.now();
    if (until === null) end();
    else if (wait <= LONGEST_STREAM_MS) setTimeout(end, wait).unref();
  };
  bus?.subscribe(SUBJECT, (data) => {
    const [id = "", what, until] = Buffer.from(data).toString().split(" ");
    // A node of an older version does not say for how long.
    act(id, what === "revoked" ? null : Number(until ?? Number.POSITIVE_INFINITY));
  });
  return (id, until) => {
    act(id, until);
    bus?.publish(SUBJECT, Buffer.from(until === null ? `${id} revoked` : `${id} rotated ${until}`));
  };
}
