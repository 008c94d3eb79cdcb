import type { LineageNode } from "@millrace/client";
import { formatDuration } from "../../format/time.ts";
import { TextLink } from "../../ui/text-link.tsx";
import { useRun } from "../run-context.ts";
import { MessageStatus } from "./message-status.tsx";
import classes from "./messages.module.css";

/** A message among its relatives: leads to its own journey. */
export function MessageLink({ node, current = false }: { node: LineageNode; current?: boolean }) {
  const run = useRun();
  return (
    <span className={classes.node}>
      <MessageStatus status={node.status} />
      <span>{node.route_id}</span>
      {current ? (
        <span className="code" aria-current="true">
          {node.correlation_id.slice(-12)}
        </span>
      ) : (
        <TextLink
          to="/runs/$id/messages/$message"
          params={{
            // A replayed message's forebears are another run's.
            id: node.execution_id === run.id ? (run.tag ?? run.id) : node.execution_id,
            message: node.correlation_id,
          }}
          className="code"
        >
          {node.correlation_id.slice(-12)}
        </TextLink>
      )}
      <span className={classes.took}>
        {node.duration_ms === null ? "" : formatDuration(node.duration_ms)}
        {node.attempts > 1 ? `, ${node.attempts} attempts` : ""}
      </span>
    </span>
  );
}
