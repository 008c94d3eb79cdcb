import { PageTitle } from "../ui/page-title.tsx";

export function AdaptersPage() {
  return <PageTitle title="Adapters" />;
}
