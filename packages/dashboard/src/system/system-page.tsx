import { PageTitle } from "../ui/page-title.tsx";

export function SystemPage() {
  return <PageTitle title="System" />;
}
