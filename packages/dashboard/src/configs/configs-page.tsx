import { PageTitle } from "../ui/page-title.tsx";

export function ConfigsPage() {
  return <PageTitle title="Configs" />;
}
