import { NATS_URL, natsPrefix, withoutNats } from "../../../../test/support/nats.ts";
import { busConformance } from "../conformance/bus.ts";
import { openNatsBus } from "./nats-bus.ts";

busConformance(
  "NATS",
  async (t) => {
    const prefix = natsPrefix(t);
    return () => openNatsBus({ servers: NATS_URL, prefix, name: "a test" });
  },
  await withoutNats(),
);
