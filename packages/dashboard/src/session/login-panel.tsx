import { Center, Paper } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { PageTitle } from "../ui/page-title.tsx";
import { LoginForm } from "./login-form.tsx";
import { sessionQuery } from "./session-query.ts";

/** The login in place of a page. */
export function LoginPanel({ failure = null, returnTo }: { failure?: string | null; returnTo: string }) {
  const { data } = useQuery(sessionQuery);
  return (
    <Center mt={{ base: "md", sm: 60 }}>
      <Paper withBorder p="xl" w="100%" maw={420}>
        <PageTitle title="Log in" />
        <LoginForm methods={data?.methods ?? []} failure={failure} returnTo={returnTo} />
      </Paper>
    </Center>
  );
}
