import { Modal } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { configQuery } from "../configs/config-queries.ts";
import { ErrorPanel } from "../ui/error-panel.tsx";
import { Loading } from "../ui/loading.tsx";

/** Loaded with the first dialog: the editor is larger than most pages. */
const StartRunForm = lazy(async () => ({ default: (await import("./start-run-form.tsx")).StartRunForm }));

/** Asks with what payload and tag a config is to be run, starts it, and goes to the run. */
export function StartRunDialog({
  configId,
  opened,
  onClose,
  notice = null,
}: {
  configId: string;
  opened: boolean;
  onClose: () => void;
  /** Something to know before it is started. */
  notice?: string | null;
}) {
  const { data, error, refetch } = useQuery({
    ...configQuery(configId),
    enabled: opened,
  });
  return (
    <Modal opened={opened} onClose={onClose} title={data === undefined ? "Run a config" : `Run ${data.name}`} size="lg">
      {data !== undefined ? (
        <Suspense fallback={<Loading label="Loading the editor" />}>
          <StartRunForm key={`${data.id} ${data.version}`} config={data} notice={notice} onClose={onClose} />
        </Suspense>
      ) : error === null ? (
        <Loading label="Loading the config" />
      ) : (
        <ErrorPanel error={error} title="The config cannot be read" onRetry={() => refetch()} />
      )}
    </Modal>
  );
}
