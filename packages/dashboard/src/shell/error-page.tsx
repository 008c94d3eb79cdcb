import { type ErrorComponentProps, useRouter } from "@tanstack/react-router";
import { ErrorPanel } from "../ui/error-panel.tsx";
import { PageTitle } from "../ui/page-title.tsx";
import { PageNotLoaded } from "./lazy-page.ts";
import { PageNotLoadedPanel } from "./page-not-loaded-panel.tsx";

/** A page that could not be loaded or broke; the rest of the dashboard still works. */
export function ErrorPage({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  if (error instanceof PageNotLoaded) return <PageNotLoadedPanel error={error} />;
  return (
    <>
      <PageTitle title="This page failed" />
      <ErrorPanel
        error={error instanceof Error ? error : new Error(String(error))}
        title="Something went wrong while this page was shown"
        onRetry={() => {
          reset();
          void router.invalidate();
        }}
      />
    </>
  );
}
