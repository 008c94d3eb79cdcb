import { Alert, Button, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import type { ApiKeyWithSecret } from "@millrace/client";
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { useState } from "react";
import { client } from "../client.ts";
import { sessionQuery } from "../session/session-query.ts";
import { useLack } from "../session/use-session.ts";
import { EmptyState } from "../ui/empty-state.tsx";
import { ErrorPanel } from "../ui/error-panel.tsx";
import { ListEnd } from "../ui/list-end.tsx";
import { Loading } from "../ui/loading.tsx";
import { PageTitle } from "../ui/page-title.tsx";
import { AccessViews } from "./access-views.tsx";
import { KeyTable } from "./key-table.tsx";
import { NewKeyDialog } from "./new-key-dialog.tsx";
import { ShownKey } from "./shown-key.tsx";

const PER_PAGE = 50;

/** How often the list is asked for, in milliseconds. */
const LIST_EVERY_MS = 10_000;

/** The API keys: who has one, what it opens, when it was last used; and what can be done with them. */
export function KeysPage() {
  const { data: session } = useQuery(sessionQuery);
  const lack = useLack("admin");
  const queries = useQueryClient();
  const [making, dialog] = useDisclosure(false);
  const [shown, setShown] = useState<ApiKeyWithSecret | null>(null);
  const [page, setPage] = useState(1);
  const { data, error, refetch } = useQuery({
    queryKey: ["keys", page],
    queryFn: () => client.keys.list({ limit: PER_PAGE, offset: (page - 1) * PER_PAGE }),
    placeholderData: keepPreviousData,
    refetchInterval: LIST_EVERY_MS,
    enabled: lack === null,
  });
  const show = (made: ApiKeyWithSecret) => {
    dialog.close();
    setShown(made);
    void queries.invalidateQueries({ queryKey: ["keys"] });
  };
  if (lack !== null) return <NotForYou title="API keys" lack={lack} />;
  return (
    <>
      <PageTitle title="API keys">
        <Button leftSection={<Plus size={16} aria-hidden />} onClick={dialog.open}>
          New key
        </Button>
      </PageTitle>
      <AccessViews />
      <Stack gap="sm">
        {session?.who?.kind === "anonymous" ? (
          <Alert variant="outline" color="gray" title="This service asks nobody who they are">
            Once there is a key it asks everybody, from its next start on, unless the setting access says otherwise: see
            that one of the keys has the scope admin.
          </Alert>
        ) : null}
        {error === null ? null : (
          <ErrorPanel
            error={error}
            title={data === undefined ? "The keys cannot be listed" : "This list is not up to date"}
            onRetry={() => refetch()}
          />
        )}
        {data === undefined ? (
          error === null && <Loading label="Loading the keys" height={280} />
        ) : data.total === 0 ? (
          <EmptyState title="There are no API keys yet.">
            <Text size="sm" maw={480}>
              Programs, and people without a sign-in of their own, come in with a key. One opens only what its scopes
              say, in one project or in all.
            </Text>
            <Button onClick={dialog.open}>New key</Button>
          </EmptyState>
        ) : (
          <>
            <KeyTable keys={data.keys} onRotated={show} />
            <ListEnd total={data.total} of={["key", "keys"]} page={page} perPage={PER_PAGE} onPage={setPage} />
          </>
        )}
      </Stack>
      {making ? <NewKeyDialog onMade={show} onClose={dialog.close} /> : null}
      {shown === null ? null : <ShownKey made={shown} onClose={() => setShown(null)} />}
    </>
  );
}

/** In place of a page that needs more. */
export function NotForYou({ title, lack }: { title: string; lack: string }) {
  return (
    <>
      <PageTitle title={title} />
      <EmptyState title="This page is not for you.">
        <Text size="sm">{lack}</Text>
      </EmptyState>
    </>
  );
}
