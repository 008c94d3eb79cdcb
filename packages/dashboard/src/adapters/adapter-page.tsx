import { Button, CopyButton, Group, Text, Title } from "@mantine/core";
import { type AdapterInfo, ApiError } from "@millrace/client";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { Copy } from "lucide-react";
import { CodeBlock } from "../ui/code-block.tsx";
import { CodeText } from "../ui/code-text.tsx";
import { CopyLink } from "../ui/copy-link.tsx";
import { EmptyState } from "../ui/empty-state.tsx";
import { ErrorPanel } from "../ui/error-panel.tsx";
import { Loading } from "../ui/loading.tsx";
import { PageTitle } from "../ui/page-title.tsx";
import { adapterQuery, CATEGORIES } from "./adapter-queries.ts";
import { FieldTable } from "./field-table.tsx";

/** One adapter: what it does, and what its config takes. */
export function AdapterPage() {
  const { type } = useParams({ from: "/adapters/$type" });
  const { data, error, refetch } = useQuery(adapterQuery(type));
  if (error instanceof ApiError && error.code === "ADAPTER_NOT_FOUND") return <NoSuchAdapter type={type} />;
  if (data !== undefined) return <Adapter adapter={data} />;
  if (error === null) return <Loading label="Loading the adapter" />;
  return <ErrorPanel error={error} title="This adapter cannot be shown" onRetry={() => refetch()} />;
}

function Adapter({ adapter }: { adapter: AdapterInfo }) {
  const { type, description, category, config_schema: schema, example } = adapter;
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
      {example === null ? null : <Example type={type} text={example} />}
    </>
  );
}

function Example({ type, text }: { type: string; text: string }) {
  return (
    <>
      <Group justify="space-between" mt="lg" mb="xs">
        <Title order={2} size="h4">
          Example
        </Title>
        <Group gap="xs">
          <CopyButton value={text} timeout={1500}>
            {({ copied, copy }) => (
              <Button size="xs" variant="default" leftSection={<Copy size={14} aria-hidden />} onClick={copy}>
                {copied ? "Copied" : "Copy"}
              </Button>
            )}
          </CopyButton>
          <Button
            size="xs"
            variant="default"
            renderRoot={(props) => <Link to="/configs/new" search={{ adapter: type }} {...props} />}
          >
            Try it as a new config
          </Button>
        </Group>
      </Group>
      <CodeBlock label="Example" text={text} />
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
