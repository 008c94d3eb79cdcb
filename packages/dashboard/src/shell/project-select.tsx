import { NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { wholeClient } from "../client.ts";
import { chooseProject, chosenProject } from "../project.ts";
import { sessionQuery } from "../session/session-query.ts";

const ALL = "";

/** Which project the pages show, where there are several. */
export function ProjectSelect() {
  const { data: session } = useQuery(sessionQuery);
  const isIn = session !== undefined && session.who !== null;
  const { data: names } = useQuery({
    queryKey: ["projects"],
    queryFn: async () => (await wholeClient.projects.list({ limit: 1000 })).projects.map(({ name }) => name),
    staleTime: 60_000,
    // Before that it would be refused, and stand in the audit log as if somebody had tried something.
    enabled: isIn,
  });
  const chosen = chosenProject();
  // One that is gone, or is not for whoever is there now.
  const isGone = chosen !== null && names !== undefined && !names.includes(chosen);
  useEffect(() => {
    if (isGone) chooseProject(null);
  }, [isGone]);
  if (names === undefined || names.length < 2) return null;
  return (
    <NativeSelect
      size="xs"
      aria-label="Project"
      value={chosen ?? ALL}
      onChange={({ currentTarget: { value } }) => chooseProject(value === ALL ? null : value)}
      data={[{ value: ALL, label: "All projects" }, ...names]}
    />
  );
}
