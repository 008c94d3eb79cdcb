import { Text } from "@mantine/core";
import type { SearchResult, SearchResultPage } from "@millrace/client";
import { TextLink } from "../ui/text-link.tsx";
import { TimeAgo } from "../ui/time-ago.tsx";
import { Highlighted } from "./highlighted.tsx";
import classes from "./search-page.module.css";

/** What was found, the best first. */
export function ResultList({ page }: { page: SearchResultPage }) {
  return (
    <ol className={classes.results} aria-label="Results" start={page.offset + 1}>
      {page.results.map((result) => (
        <li key={result.id} className={classes.result}>
          <Result result={result} />
        </li>
      ))}
    </ol>
  );
}

function Result({ result }: { result: SearchResult }) {
  const { id, title, execution_id: run, message_id: message, object_key: key } = result;
  return (
    <>
      <ResultTitle result={result} />
      {title === null ? null : (
        <Text size="sm" c="dimmed" className="code">
          {id}
        </Text>
      )}
      <Text size="sm" className={classes.snippet}>
        <Highlighted snippet={result.snippet} />
      </Text>
      <div className={classes.facts}>
        <span title={`score ${result.score}`}>{foundBy(result)}</span>
        {Object.entries(result.metadata)
          .filter(([, value]) => value !== null && String(value) !== "" && String(value).length <= 40)
          .slice(0, 4)
          .map(([field, value]) => (
            <span key={field}>
              {field}: {Array.isArray(value) ? value.join(", ") : String(value)}
            </span>
          ))}
        <span>
          put there <TimeAgo time={result.updated_at} /> by{" "}
          <TextLink to="/runs/$id/messages/$message" params={{ id: run, message }} size="sm">
            this message
          </TextLink>{" "}
          of{" "}
          <TextLink to="/runs/$id" params={{ id: run }} size="sm">
            this run
          </TextLink>
        </span>
        {key === null ? null : (
          <TextLink to="/runs/$id/objects" params={{ id: run }} search={objectOf(key, run)} size="sm">
            Object
          </TextLink>
        )}
      </div>
    </>
  );
}

/** Leads to where the document comes from, where that is an address. */
function ResultTitle({ result: { title, id, metadata } }: { result: SearchResult }) {
  const text = title ?? id;
  const url = typeof metadata.url === "string" && /^https?:\/\//.test(metadata.url) ? metadata.url : null;
  if (url === null) return <div className={classes.title}>{text}</div>;
  return (
    <div className={classes.title}>
      <a href={url} target="_blank" rel="noreferrer">
        {text}
      </a>
    </div>
  );
}

function foundBy({ keyword_rank: words, vector_rank: vector }: SearchResult): string {
  const parts = [
    ...(words === null ? [] : [`${words}. by words`]),
    ...(vector === null ? [] : [`${vector}. by vector`]),
  ];
  return parts.join(", ");
}

/** Its place on the page of its run's objects. */
function objectOf(key: string, run: string): { folder?: string; object?: string } {
  const root = `executions/${run}/`;
  if (!key.startsWith(root)) return {};
  const object = key.slice(root.length);
  const folder = object.slice(0, object.lastIndexOf("/") + 1);
  return { ...(folder === "" ? {} : { folder }), object };
}
