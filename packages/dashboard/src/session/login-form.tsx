import { Alert, Button, Divider, PasswordInput, Stack, Text } from "@mantine/core";
import { ApiError, type LoginMethod } from "@millrace/client";
import { useMutation } from "@tanstack/react-query";
import { KeyRound, LogIn } from "lucide-react";
import { useState } from "react";
import { wholeClient } from "../client.ts";
import { ErrorPanel } from "../ui/error-panel.tsx";
import { loggedIn } from "./session-query.ts";

const FAILURES: Readonly<Record<string, string>> = {
  expired: "The sign-in took too long, or was begun in another tab. Try it again.",
  denied: "The identity provider did not let you in.",
  unavailable: "The identity provider does not answer at present. Try it again shortly, or use an API key.",
  no_access: "You are known, and have no role that opens anything here. Ask an administrator for one.",
  projects:
    "Your roles are for several projects, and a login is for one. Ask an administrator for a role of one of them, or of all.",
  refused: "What the identity provider said of you was not as it should be. The service's log has the reason.",
};

/** Logs in with an API key, or at the identity provider. */
export function LoginForm({
  methods,
  failure = null,
  returnTo,
}: {
  methods: readonly LoginMethod[];
  /** Why the last sign-in at the provider came to nothing. */
  failure?: string | null;
  /** The path that a sign-in at the provider leads back to. */
  returnTo: string;
}) {
  const [key, setKey] = useState("");
  const login = useMutation({
    mutationFn: () => wholeClient.session.create({ api_key: key.trim() }),
    onSuccess: loggedIn,
  });
  const refused = login.error instanceof ApiError && login.error.status === 401 ? login.error.message : null;
  const providers = methods.filter(({ kind, path }) => kind === "oidc" && path !== null);
  return (
    <Stack gap="md">
      {failure === null ? null : (
        <Alert color="red" variant="outline" title="You are not signed in" role="alert">
          {FAILURES[failure] ?? FAILURES.refused}
        </Alert>
      )}
      {providers.map(({ name, path }) => (
        <Button
          key={path}
          component="a"
          href={`${path}?${new URLSearchParams({ return_to: returnTo })}`}
          leftSection={<LogIn size={16} aria-hidden />}
          fullWidth
        >
          Sign in with {name}
        </Button>
      ))}
      {providers.length === 0 ? null : <Divider label="or" />}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (key.trim() !== "") login.mutate();
        }}
      >
        <Stack gap="sm">
          <PasswordInput
            label="API key"
            placeholder="mr_…"
            value={key}
            onChange={({ currentTarget }) => setKey(currentTarget.value)}
            error={refused}
            leftSection={<KeyRound size={16} aria-hidden />}
            autoComplete="current-password"
            spellCheck={false}
            visibilityToggleButtonProps={{ "aria-label": "Show the key" }}
          />
          {login.error === null || refused !== null ? null : (
            <ErrorPanel error={login.error} title="You are not logged in" />
          )}
          <Button
            type="submit"
            variant={providers.length === 0 ? "filled" : "default"}
            loading={login.isPending}
            disabled={key.trim() === ""}
          >
            Log in with the key
          </Button>
          <Text size="xs" c="dimmed">
            The key itself is not kept in this browser. The login ends with the key, and when you log out.
          </Text>
        </Stack>
      </form>
    </Stack>
  );
}
