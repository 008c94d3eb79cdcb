import { Badge, Group, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import type { Health, SystemInfo } from "@millrace/client";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { client } from "../client.ts";
import { formatBytes, formatCount } from "../format/number.ts";
import { formatTime } from "../format/time.ts";
import { ErrorPanel } from "../ui/error-panel.tsx";
import { Loading } from "../ui/loading.tsx";
import { PageTitle } from "../ui/page-title.tsx";
import { StateDot, type Tone } from "../ui/state-dot.tsx";
import { TimeAgo } from "../ui/time-ago.tsx";
import classes from "./system-page.module.css";

/** How often the service is asked how it is, in milliseconds. */
const HEALTH_EVERY_MS = 10_000;

/** The service itself: how it is, which one it is, and what it allows. */
export function SystemPage() {
  const health = useQuery({
    queryKey: ["health"],
    queryFn: () => client.system.ready(),
    refetchInterval: HEALTH_EVERY_MS,
    retry: 1,
  });
  const info = useQuery({ queryKey: ["system-info"], queryFn: () => client.system.info() });
  return (
    <>
      <PageTitle title="System" />
      <Stack gap="lg">
        <Part title="Health">
          {health.error !== null ? (
            <ErrorPanel
              error={health.error}
              title="The service does not say how it is"
              onRetry={() => health.refetch()}
            />
          ) : health.data === undefined ? (
            <Loading label="Asking the service how it is" height={80} />
          ) : (
            <Components health={health.data} />
          )}
        </Part>
        {info.data !== undefined ? (
          <About info={info.data} />
        ) : info.error === null ? (
          <Loading label="Loading what the service is" height={240} />
        ) : (
          <ErrorPanel error={info.error} title="The service does not say what it is" onRetry={() => info.refetch()} />
        )}
        <Part title="For programs">
          <Text size="sm">
            <a href="/docs">The API's documentation</a>, and <a href="/openapi.json">its OpenAPI document</a>.{" "}
            <a href="/api/v1/pipeline-schema.json">The JSON Schema of pipelines</a>, for other editors.
          </Text>
        </Part>
      </Stack>
    </>
  );
}

const TONES: Readonly<Record<Health["status"], Tone>> = { healthy: "good", degraded: "warning", unhealthy: "bad" };

function Components({ health }: { health: Health }) {
  return (
    <ul className={classes.components}>
      <li>
        <span>The service</span>
        <StateDot tone={TONES[health.status]} label={health.status} />
      </li>
      {Object.entries(health.components).map(([name, { status, detail, advice }]) => (
        <li key={name}>
          <span>{words(name)}</span>
          <StateDot tone={TONES[status]} label={status} />
          {detail === null && advice === null ? null : (
            <span className={classes.detail}>{[detail, advice].filter((text) => text !== null).join(" ")}</span>
          )}
        </li>
      ))}
    </ul>
  );
}

function About({ info }: { info: SystemInfo }) {
  return (
    <>
      <Part title="Version">
        <Facts
          facts={[
            ["Millrace", info.version],
            ["Node.js", info.node_version],
            [
              "Started",
              <span key="started" title={formatTime(info.started_at)}>
                <TimeAgo time={info.started_at} />
              </span>,
            ],
          ]}
        />
      </Part>
      <Part title="Limits">
        <Facts
          facts={Object.entries(info.limits).map(([name, limit]) => [
            words(name.replace(/_bytes$/, "")),
            <span key={name} className="figure">
              {name.endsWith("_bytes") ? formatBytes(limit) : formatCount(limit)}
            </span>,
          ])}
        />
      </Part>
      <Part title="Features">
        <Group gap="xs">
          {info.features.map((feature) => (
            <Badge key={feature} variant="default" tt="none" fw={500}>
              {words(feature)}
            </Badge>
          ))}
        </Group>
      </Part>
    </>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section aria-label={title}>
      <Title order={2} size="h4" mb="xs">
        {title}
      </Title>
      {children}
    </section>
  );
}

function Facts({ facts }: { facts: readonly (readonly [name: string, value: ReactNode])[] }) {
  return (
    <SimpleGrid component="dl" cols={{ base: 1, xs: 2, md: 3, xl: 4 }} spacing="xs" className={classes.facts ?? ""}>
      {facts.map(([name, value]) => (
        <div key={name} className={classes.fact}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </SimpleGrid>
  );
}

/** `max_body_bytes` as words. */
function words(name: string): string {
  return name.replaceAll("_", " ");
}
