import { Loader, Text, Title } from "@mantine/core";
import { type AdapterInfo, ApiError } from "@millrace/client";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { client } from "../client.ts";
import { CodeText } from "../ui/code-text.tsx";
import { CopyLink } from "../ui/copy-link.tsx";
import { EmptyState } from "../ui/empty-state.tsx";
import { ErrorPanel } from "../ui/error-panel.tsx";
import { PageTitle } from "../ui/page-title.tsx";
import { CATEGORIES } from "./adapter-queries.ts";
import { FieldTable } from "./field-table.tsx";

/** One adapter: what it does, and what its config takes. */
export function AdapterPage() {
  const { type } = useParams({ from: "/adapters/$type" });
  const { data, error, refetch } = useQuery({
    queryKey: ["adapters", type],
    queryFn: () => client.adapters.get(type),
  });
  if (error instanceof ApiError && error.code === "ADAPTER_NOT_FOUND") return <NoSuchAdapter type={type} />;
  if (data !== undefined) return <Adapter adapter={data} />;
  if (error === null) return <Loader aria-label="Loading the adapter" />;
  return <ErrorPanel error={error} title="This adapter cannot be shown" onRetry={() => refetch()} />;
}

function Adapter({ adapter: { type, description, category, config_schema: schema } }: { adapter: AdapterInfo }) {
  return (
    <>
      <PageTitle title={<code>{type}</code>} tab={type}>
        <CopyLink />
      </PageTitle>
      <Text mb="xs">
        <CodeText text={description} />
      </Text>
      <Text size="sm" mb="lg">
        {CATEGORIES[category]}. <Link to="/adapters">All adapters</Link>
      </Text>
      <Title order={2} size="h4" mb="xs">
        Config
      </Title>
      <FieldTable schema={schema} />
    </>
  );
}

function NoSuchAdapter({ type }: { type: string }) {
  return (
    <>
      <PageTitle title="No such adapter" />
      <EmptyState title={`There is no adapter of the type ${type}.`}>
        <Text size="sm">
          Adapters of your own are read when the service is started, from the folder that <code>--adapters-dir</code>{" "}
          names. <Link to="/adapters">All adapters</Link>
        </Text>
      </EmptyState>
    </>
  );
}
