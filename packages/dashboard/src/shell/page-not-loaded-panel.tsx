import { Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { client } from "../client.ts";
import { ErrorPanel } from "../ui/error-panel.tsx";
import { PageTitle } from "../ui/page-title.tsx";
import type { PageNotLoaded } from "./lazy-page.ts";

/** How often the service is looked for, in milliseconds. */
const LOOK_EVERY_MS = 2_000;
/** A page that does not come right after a reload either is not reloaded again, in milliseconds. */
const AGAIN_AFTER_MS = 15_000;
const RELOADED_AT = "millrace-reloaded-at";

/** Says that a page's code has not come, and loads the page anew as soon as the service answers. */
export function PageNotLoadedPanel({ error }: { error: PageNotLoaded }) {
  const [waits] = useState(() => Date.now() - Number(sessionStorage.getItem(RELOADED_AT)) > AGAIN_AFTER_MS);
  const { data } = useQuery({
    queryKey: ["page-not-loaded"],
    queryFn: () => client.system.live(),
    enabled: waits,
    refetchInterval: LOOK_EVERY_MS,
    retry: false,
    gcTime: 0,
  });
  useEffect(() => {
    if (data !== undefined) reload();
  }, [data]);
  return (
    <>
      <PageTitle title="This page is not here yet" />
      <ErrorPanel error={error} title="This page could not be loaded" {...(waits ? {} : { onRetry: reload })} />
      {waits ? (
        <Text size="sm" mt="sm">
          It is loaded as soon as the service answers.
        </Text>
      ) : null}
    </>
  );
}

function reload(): void {
  sessionStorage.setItem(RELOADED_AT, String(Date.now()));
  window.location.reload();
}
