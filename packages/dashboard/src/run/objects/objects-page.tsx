import { Paper, Text } from "@mantine/core";
import { isTerminal } from "@millrace/client";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { client } from "../../client.ts";
import { EmptyState } from "../../ui/empty-state.tsx";
import { ErrorPanel } from "../../ui/error-panel.tsx";
import { Loading } from "../../ui/loading.tsx";
import { useRun } from "../run-context.ts";
import { ObjectList } from "./object-list.tsx";
import { ObjectView } from "./object-view.tsx";
import classes from "./objects.module.css";

const PER_PAGE = 100;
/** How often a folder is looked at again while the run goes on, in milliseconds. */
const EVERY_MS = 3_000;

/** What a run has stored, folder by folder, with a preview of the chosen object. */
export function ObjectsPage() {
  const run = useRun();
  const { folder = "", object } = useSearch({ from: "/runs/$id/objects" });
  const navigate = useNavigate({ from: "/runs/$id/objects" });
  const root = `executions/${run.id}/`;
  const { data, error, refetch, fetchNextPage, hasNextPage, isFetchingNextPage } = useInfiniteQuery({
    queryKey: ["objects", run.id, folder],
    queryFn: ({ pageParam: cursor }) =>
      client.storage.list({
        prefix: root + folder,
        delimiter: "/",
        limit: PER_PAGE,
        ...(cursor === null ? {} : { cursor }),
      }),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
    refetchInterval: isTerminal(run.status) ? false : EVERY_MS,
  });
  if (error !== null && data === undefined)
    return <ErrorPanel error={error} title="The objects cannot be listed" onRetry={() => refetch()} />;
  if (data === undefined) return <Loading label="Loading the objects" />;
  const total = data.pages[0]?.total ?? 0;
  if (total === 0 && folder === "")
    return (
      <EmptyState title={isTerminal(run.status) ? "This run has stored nothing." : "This run has stored nothing yet."}>
        <Text size="sm">
          Adapters such as <span className="code">store_write</span> put objects here.
        </Text>
      </EmptyState>
    );
  return (
    <div className={classes.split} data-open={object !== undefined || undefined}>
      <Paper withBorder className={classes.list} component="section" aria-label="Objects">
        <ObjectList
          folder={folder}
          folders={data.pages.flatMap((page) => page.folders).map((key) => key.slice(root.length))}
          objects={data.pages.flatMap((page) => page.objects)}
          total={total}
          root={root}
          chosen={object ?? null}
          onFolder={(next) => navigate({ search: next === "" ? {} : { folder: next } })}
          onObject={(next) =>
            navigate({ search: { ...(folder === "" ? {} : { folder }), object: next }, replace: object !== undefined })
          }
          more={hasNextPage ? { load: () => void fetchNextPage(), loading: isFetchingNextPage } : null}
        />
      </Paper>
      {object === undefined ? null : (
        <ObjectView
          key={object}
          objectKey={root + object}
          name={object.slice(object.lastIndexOf("/") + 1)}
          onClose={() => navigate({ search: folder === "" ? {} : { folder } })}
        />
      )}
    </div>
  );
}
