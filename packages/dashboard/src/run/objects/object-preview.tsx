import { SegmentedControl, Text } from "@mantine/core";
import { objectPath, type StoredObjectData } from "@millrace/client";
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { client } from "../../client.ts";
import { formatBytes } from "../../format/number.ts";
import { CodeBlock } from "../../ui/code-block.tsx";
import { ErrorPanel } from "../../ui/error-panel.tsx";
import { Loading } from "../../ui/loading.tsx";
import classes from "./objects.module.css";
import { previewKind } from "./preview-kind.ts";

/** Loaded with the first document. */
const MarkdownView = lazy(async () => ({ default: (await import("./markdown-view.tsx")).MarkdownView }));

/** So much of an object is shown, in bytes; the rest is to be had by downloading it. */
const SHOWN_BYTES = 256 * 1024;

/** An object as its type is best looked at; nothing in it is run. */
export function ObjectPreview({ object }: { object: StoredObjectData }) {
  const kind = previewKind(object.content_type, object.name);
  if (kind === "image") return <img src={objectPath(object.key)} alt={object.name} className={classes.picture} />;
  if (kind === "none")
    return (
      <Text size="sm" c="dimmed">
        There is no preview of this type.
      </Text>
    );
  return <TextPreview object={object} kind={kind} />;
}

function TextPreview({ object, kind }: { object: StoredObjectData; kind: "json" | "markdown" | "html" | "text" }) {
  const [as, setAs] = useState("shown");
  const whole = object.size <= SHOWN_BYTES;
  const { data, error, refetch } = useQuery({
    queryKey: ["object", object.key, object.sha256],
    queryFn: async () => {
      const range = whole ? {} : { range: `bytes=0-${SHOWN_BYTES - 1}` };
      return (await client.storage.get(object.key, range)).text();
    },
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (error !== null) return <ErrorPanel error={error} title="Its text cannot be shown" onRetry={() => refetch()} />;
  if (data === undefined) return <Loading label="Loading its text" small />;
  return (
    <>
      {whole ? null : (
        <Text size="sm" mb="xs">
          The first {formatBytes(SHOWN_BYTES)} of {formatBytes(object.size)}.
        </Text>
      )}
      {kind === "markdown" || kind === "html" ? (
        <SegmentedControl
          size="xs"
          mb="xs"
          value={as}
          onChange={setAs}
          data={[
            { value: "shown", label: "As a page" },
            { value: "text", label: "As text" },
          ]}
          aria-label="How it is shown"
        />
      ) : null}
      {as === "text" || kind === "text" ? (
        <CodeBlock label="Its text" text={data} />
      ) : kind === "json" ? (
        <CodeBlock label="Its text" text={whole ? pretty(data) : data} />
      ) : kind === "html" ? (
        // Without a single permission: no script runs, no form is sent, and it has no origin.
        <iframe title={object.name} sandbox="" srcDoc={data} className={classes.frame} />
      ) : (
        <Suspense fallback={<Loading label="Loading the preview" small />}>
          <MarkdownView text={data} />
        </Suspense>
      )}
    </>
  );
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
