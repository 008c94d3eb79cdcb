import { Anchor, Breadcrumbs, Button, Group, Text } from "@mantine/core";
import type { StoredObjectData } from "@millrace/client";
import { File, Folder } from "lucide-react";
import { formatBytes, formatCount } from "../../format/number.ts";
import classes from "./objects.module.css";

/** A folder: the way to it, the folders in it, and its objects. */
export function ObjectList({
  folder,
  folders,
  objects,
  total,
  root,
  chosen,
  onFolder,
  onObject,
  more,
}: {
  /** With its slash at the end; empty for the run's own. */
  folder: string;
  folders: readonly string[];
  objects: readonly StoredObjectData[];
  /** In this folder and those below. */
  total: number;
  root: string;
  chosen: string | null;
  onFolder: (folder: string) => void;
  onObject: (object: string) => void;
  /** Null where all are shown. */
  more: { load: () => void; loading: boolean } | null;
}) {
  const parts = folder.split("/").filter((part) => part !== "");
  return (
    <>
      <Group justify="space-between" p="sm" gap="xs">
        <Breadcrumbs style={{ flexWrap: "wrap" }}>
          {[
            { name: "All", to: "" },
            ...parts.map((part, at) => ({ name: part, to: `${parts.slice(0, at + 1).join("/")}/` })),
          ].map(({ name, to }) =>
            to === folder ? (
              <Text key={to} size="sm" aria-current="true">
                {name}
              </Text>
            ) : (
              <Anchor key={to} component="button" size="sm" underline="always" onClick={() => onFolder(to)}>
                {name}
              </Anchor>
            ),
          )}
        </Breadcrumbs>
        <Text size="sm" c="dimmed" className="figure">
          {formatCount(total)} {total === 1 ? "object" : "objects"}
        </Text>
      </Group>
      <ul className={classes.entries}>
        {folders.map((each) => (
          <li key={each}>
            <button type="button" className={classes.entry} onClick={() => onFolder(each)}>
              <Folder size={16} aria-label="Folder" />
              <span className={classes.name}>{each.slice(folder.length, -1)}</span>
            </button>
          </li>
        ))}
        {objects.map(({ key, size, content_type: type }) => {
          const path = key.slice(root.length);
          return (
            <li key={key}>
              <button
                type="button"
                className={classes.entry}
                aria-current={path === chosen || undefined}
                onClick={() => onObject(path)}
              >
                <File size={16} aria-hidden />
                <span className={classes.name}>{path.slice(folder.length)}</span>
                <span className={classes.fact}>{type}</span>
                <span className={classes.fact}>{formatBytes(size)}</span>
              </button>
            </li>
          );
        })}
      </ul>
      {more === null ? null : (
        <Group p="sm">
          <Button size="xs" variant="default" onClick={more.load} loading={more.loading}>
            Show more
          </Button>
        </Group>
      )}
    </>
  );
}
