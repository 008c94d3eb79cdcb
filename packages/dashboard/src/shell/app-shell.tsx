import { Anchor, Burger, Group, NavLink, AppShell as Shell, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { Activity, Blocks, FileCode2, KeyRound, Search, ServerCog } from "lucide-react";
import { useEffect } from "react";
import { SessionGate } from "../session/session-gate.tsx";
import { sessionQuery } from "../session/session-query.ts";
import { useMay } from "../session/use-session.ts";
import { UserMenu } from "../session/user-menu.tsx";
import classes from "./app-shell.module.css";
import { ColorSchemeToggle } from "./color-scheme-toggle.tsx";
import { ProjectSelect } from "./project-select.tsx";
import { ServiceState } from "./service-state.tsx";

const PLACES = [
  { to: "/", label: "Runs", icon: Activity, isAt: (path: string) => path === "/" || path.startsWith("/runs") },
  { to: "/configs", label: "Configs", icon: FileCode2, isAt: (path: string) => path.startsWith("/configs") },
  { to: "/search", label: "Search", icon: Search, isAt: (path: string) => path.startsWith("/search") },
  { to: "/adapters", label: "Adapters", icon: Blocks, isAt: (path: string) => path.startsWith("/adapters") },
  { to: "/system", label: "System", icon: ServerCog, isAt: (path: string) => path.startsWith("/system") },
  { to: "/access", label: "Access", icon: KeyRound, isAt: (path: string) => path.startsWith("/access") },
] as const;

/** What is around every page: where one is, where one can go, and whether the service answers. */
export function AppShell() {
  const [menuOpen, menu] = useDisclosure(false);
  const path = useRouterState({ select: (state) => state.location.pathname });
  // biome-ignore lint/correctness/useExhaustiveDependencies: a menu that was chosen from closes, whatever was chosen.
  useEffect(menu.close, [path]);

  const mayAdminister = useMay("admin");
  const { data: session } = useQuery(sessionQuery);
  const links = (className: string) =>
    PLACES.filter(({ to }) => to !== "/access" || (mayAdminister && session !== undefined && session.who !== null)).map(
      ({ to, label, icon: Icon, isAt }) => (
        <NavLink
          key={to}
          component={Link}
          to={to}
          label={label}
          leftSection={<Icon size={16} aria-hidden />}
          active={isAt(path)}
          aria-current={isAt(path) ? "page" : undefined}
          className={className}
        />
      ),
    );

  return (
    <Shell
      header={{ height: 52 }}
      navbar={{ width: 240, breakpoint: "sm", collapsed: { desktop: true, mobile: !menuOpen } }}
      padding={{ base: "sm", sm: "md" }}
    >
      <a href="#main" className={classes.skip}>
        Skip to the page
      </a>
      <Shell.Header>
        <Group h="100%" px={{ base: "sm", sm: "md" }} gap="md" wrap="nowrap">
          <Burger opened={menuOpen} onClick={menu.toggle} hiddenFrom="sm" size="sm" aria-label="Menu" />
          <Anchor component={Link} to="/" underline="never" className={classes.brand}>
            <img src="/favicon.svg" alt="" width={26} height={26} />
            <Text span fw={650} c="var(--mantine-color-text)">
              Millrace
            </Text>
          </Anchor>
          <Group component="nav" aria-label="Places" visibleFrom="sm" gap={2} wrap="nowrap" flex={1}>
            {links(classes.place ?? "")}
          </Group>
          <Group gap="xs" ml="auto" wrap="nowrap">
            <ProjectSelect />
            <ServiceState />
            <UserMenu />
            <ColorSchemeToggle />
          </Group>
        </Group>
      </Shell.Header>
      <Shell.Navbar p="xs" component="nav" aria-label="Places, as a menu" hiddenFrom="sm">
        {links("")}
      </Shell.Navbar>
      <Shell.Main id="main" tabIndex={-1} className={classes.main}>
        <SessionGate>
          <Outlet />
        </SessionGate>
      </Shell.Main>
    </Shell>
  );
}
