import { Badge, Group, Text } from "@mantine/core";
import type { ApiKey, ApiKeyWithSecret } from "@millrace/client";
import { formatTime } from "../format/time.ts";
import rows from "../ui/row-table.module.css";
import { StateDot } from "../ui/state-dot.tsx";
import { TimeAgo, useNow } from "../ui/time-ago.tsx";
import { RevokeKey } from "./revoke-key.tsx";
import { RotateKey } from "./rotate-key.tsx";

/** API keys, a row each; on a narrow screen a card each. */
export function KeyTable({
  keys,
  onRotated,
}: {
  keys: readonly ApiKey[];
  onRotated: (made: ApiKeyWithSecret) => void;
}) {
  return (
    <table className={rows.table}>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">State</th>
          <th scope="col">Scopes</th>
          <th scope="col">Project</th>
          <th scope="col">Made</th>
          <th scope="col">Last used</th>
          <th scope="col">Actions</th>
        </tr>
      </thead>
      <tbody>
        {keys.map((key) => (
          <KeyRow key={key.id} of={key} onRotated={onRotated} />
        ))}
      </tbody>
    </table>
  );
}

function KeyRow({ of: key, onRotated }: { of: ApiKey; onRotated: (made: ApiKeyWithSecret) => void }) {
  const now = useNow();
  const isOver = key.expires_at !== null && Date.parse(key.expires_at) <= now;
  const isLive = key.revoked_at === null && !isOver;
  return (
    <tr>
      <th scope="row" className={rows.wrapped}>
        {key.name}
        <Text size="xs" c="dimmed" fw={400} className="code">
          {key.id}
        </Text>
      </th>
      <td>
        <KeyState of={key} isOver={isOver} />
      </td>
      <td data-label="Scopes">
        <Group gap={4} display="inline-flex">
          {key.scopes.map((scope) => (
            <Badge key={scope} variant="default" tt="none" fw={500}>
              {scope}
            </Badge>
          ))}
        </Group>
      </td>
      <td data-label="Project">{key.project ?? "all"}</td>
      <td data-label="Made" title={formatTime(key.created_at)}>
        <TimeAgo time={key.created_at} /> by {key.created_by}
      </td>
      <td data-label="Last used">{key.last_used_at === null ? "never" : <TimeAgo time={key.last_used_at} />}</td>
      <td>
        {isLive ? (
          <Group gap="xs" wrap="nowrap">
            {key.rotated_to === null ? <RotateKey of={key} onRotated={onRotated} /> : null}
            <RevokeKey of={key} />
          </Group>
        ) : null}
      </td>
    </tr>
  );
}

function KeyState({ of: key, isOver }: { of: ApiKey; isOver: boolean }) {
  if (key.revoked_at !== null) return <StateDot tone="bad" label="revoked" />;
  if (isOver) return <StateDot tone="quiet" label="expired" />;
  const until = key.expires_at === null ? null : `until ${formatTime(key.expires_at)}`;
  return (
    <>
      <StateDot
        tone={key.rotated_to === null ? "good" : "warning"}
        label={key.rotated_to === null ? "good" : "replaced"}
      />
      {until === null ? null : (
        <Text size="xs" c="dimmed">
          {until}
        </Text>
      )}
    </>
  );
}
