import { Modal, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useRouterState } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { ErrorPanel } from "../ui/error-panel.tsx";
import { Loading } from "../ui/loading.tsx";
import { LoginForm } from "./login-form.tsx";
import { LoginPanel } from "./login-panel.tsx";
import { sessionQuery } from "./session-query.ts";

/**
 * Lets pages be seen by whoever is logged in. Where a login ends in the middle of work, the page stays as it is behind the
 * question for another; once somebody logs in again, it goes on.
 */
export function SessionGate({ children }: { children: ReactNode }) {
  const { data, error, refetch } = useQuery(sessionQuery);
  const { pathname, href } = useRouterState({ select: ({ location }) => location });
  const [wasIn, setWasIn] = useState(false);
  const isIn = data !== undefined && data.who !== null;
  if (isIn && !wasIn) setWasIn(true);
  // It asks for a login by itself.
  if (pathname === "/login") return children;
  if (data === undefined)
    return error === null ? (
      <Loading label="Asking who is logged in" height={320} />
    ) : (
      <ErrorPanel error={error} title="The service does not say who is logged in" onRetry={() => refetch()} />
    );
  if (!isIn && !wasIn) return <LoginPanel returnTo={href} />;
  return (
    <>
      {children}
      <Modal
        opened={!isIn}
        onClose={() => {}}
        title="You are not logged in any more"
        withCloseButton={false}
        closeOnClickOutside={false}
        closeOnEscape={false}
      >
        <Text size="sm" mb="md">
          The login has ended, or its key was revoked. Log in again to go on; what is on this page stays.
        </Text>
        <LoginForm methods={data.methods} returnTo={href} />
      </Modal>
    </>
  );
}
