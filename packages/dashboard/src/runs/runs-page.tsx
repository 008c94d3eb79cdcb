import { PageTitle } from "../ui/page-title.tsx";

/** All runs. */
export function RunsPage() {
  return <PageTitle title="Runs" />;
}
