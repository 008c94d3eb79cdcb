import { Tooltip } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { client } from "../client.ts";
import { StateDot } from "../ui/state-dot.tsx";

/** How often the service is asked how it is, in milliseconds. */
const EVERY_MS = 10_000;

/** Whether the service answers, and whether it says that it is well. */
export function ServiceState() {
  const { data, error } = useQuery({
    queryKey: ["health"],
    queryFn: () => client.system.ready(),
    refetchInterval: EVERY_MS,
    retry: 1,
  });
  const troubles = Object.entries(data?.components ?? {}).filter(([, { status }]) => status !== "healthy");
  const [tone, label, detail] =
    error !== null
      ? (["bad", "No answer", `${error.message} Asked again every ${EVERY_MS / 1000} seconds.`] as const)
      : data === undefined
        ? (["quiet", "Asking", "Asking the service how it is."] as const)
        : data.status === "healthy"
          ? (["good", "Service well", "All parts of the service are well."] as const)
          : ([
              data.status === "degraded" ? "warning" : "bad",
              data.status === "degraded" ? "Degraded" : "In trouble",
              troubles
                .map(([name, { detail: what, advice }]) => `${name}: ${what ?? "not well"} ${advice ?? ""}`.trim())
                .join(" "),
            ] as const);
  return (
    <Tooltip label={detail} multiline maw={320} events={{ hover: true, focus: true, touch: true }}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what is wrong is not for those alone who have a mouse. */}
      <span tabIndex={0}>
        <StateDot tone={tone} label={label} quiet={tone === "good"} />
      </span>
    </Tooltip>
  );
}
