import { Badge, Button, Group, Menu, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery } from "@tanstack/react-query";
import { LogOut, UserRound } from "lucide-react";
import { formatTime } from "../format/time.ts";
import { logOut, sessionQuery } from "./session-query.ts";

/** Who is logged in, what they may do, and the way out. Nothing where the service asks for no login. */
export function UserMenu() {
  const { data } = useQuery(sessionQuery);
  const leave = useMutation({
    mutationFn: logOut,
    // From the start: the page behind it was another's.
    onSuccess: () => window.location.assign("/"),
    onError: (error) => notifications.show({ title: "You are still logged in", message: error.message, color: "red" }),
  });
  const who = data?.who ?? null;
  if (who === null || who.kind === "anonymous") return null;
  return (
    <Menu position="bottom-end" width={260}>
      <Menu.Target>
        <Button
          variant="subtle"
          color="gray"
          size="compact-sm"
          leftSection={<UserRound size={16} aria-hidden />}
          aria-label={`Logged in as ${who.name}`}
        >
          <Text span size="sm" truncate maw={140} visibleFrom="md">
            {who.name}
          </Text>
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          <Text size="sm" fw={600} c="var(--mantine-color-text)" style={{ overflowWrap: "anywhere" }}>
            {who.name}
          </Text>
          <Text size="xs">{who.project === null ? "All projects" : `Project ${who.project}`}</Text>
          <Group gap={4} my={4}>
            {who.scopes.map((scope) => (
              <Badge key={scope} variant="default" tt="none" fw={500}>
                {scope}
              </Badge>
            ))}
          </Group>
          {who.expires_at === null ? null : <Text size="xs">Until {formatTime(who.expires_at)}</Text>}
        </Menu.Label>
        <Menu.Divider />
        <Menu.Item leftSection={<LogOut size={16} aria-hidden />} onClick={() => leave.mutate()}>
          Log out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
