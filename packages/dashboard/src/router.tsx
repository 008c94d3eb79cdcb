import { createRootRoute, createRoute, createRouter } from "@tanstack/react-router";
import { readAuditSearch } from "./access/audit-search.ts";
import { readBeginning } from "./configs/beginning.ts";
import { readVersionChoice } from "./configs/version-choice.ts";
import { readCompareSearch } from "./run/compare/compare-search.ts";
import { readEventSearch } from "./run/events/event-filters.ts";
import { readFailureSearch } from "./run/failures/failure-search.ts";
import { readObjectSearch } from "./run/objects/object-search.ts";
import { readRunFilters } from "./runs/run-filters.ts";
import { RunsPage } from "./runs/runs-page.tsx";
import { readSearchChoice } from "./search/search-choice.ts";
import { readLoginSearch } from "./session/login-search.ts";
import { AppShell } from "./shell/app-shell.tsx";
import { ErrorPage } from "./shell/error-page.tsx";
import { lazyPage } from "./shell/lazy-page.ts";
import { NotFoundPage } from "./shell/not-found-page.tsx";
import { readSearchText } from "./ui/search-text.ts";

// The paths are named in ../built.ts as well: the service answers each with the page.

const rootRoute = createRootRoute({ component: AppShell, notFoundComponent: NotFoundPage, errorComponent: ErrorPage });

const runsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/",
  component: RunsPage,
  validateSearch: readRunFilters,
});

const runRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/runs/$id",
  component: lazyPage(() => import("./run/run-page.tsx"), "RunPage"),
});

const overviewRoute = createRoute({
  getParentRoute: () => runRoute,
  path: "/",
  component: lazyPage(() => import("./run/overview/overview-page.tsx"), "OverviewPage"),
});

const eventsRoute = createRoute({
  getParentRoute: () => runRoute,
  path: "/events",
  component: lazyPage(() => import("./run/events/events-page.tsx"), "EventsPage"),
  validateSearch: readEventSearch,
});

const failuresRoute = createRoute({
  getParentRoute: () => runRoute,
  path: "/failures",
  component: lazyPage(() => import("./run/failures/failures-page.tsx"), "FailuresPage"),
  validateSearch: readFailureSearch,
});

const messageRoute = createRoute({
  getParentRoute: () => runRoute,
  path: "/messages/$message",
  component: lazyPage(() => import("./run/messages/message-page.tsx"), "MessagePage"),
});

const objectsRoute = createRoute({
  getParentRoute: () => runRoute,
  path: "/objects",
  component: lazyPage(() => import("./run/objects/objects-page.tsx"), "ObjectsPage"),
  validateSearch: readObjectSearch,
});

const compareRoute = createRoute({
  getParentRoute: () => runRoute,
  path: "/compare",
  component: lazyPage(() => import("./run/compare/compare-page.tsx"), "ComparePage"),
  validateSearch: readCompareSearch,
});

const runConfigRoute = createRoute({
  getParentRoute: () => runRoute,
  path: "/config",
  component: lazyPage(() => import("./run/config/run-config-page.tsx"), "RunConfigPage"),
});

const configsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/configs",
  component: lazyPage(() => import("./configs/configs-page.tsx"), "ConfigsPage"),
  validateSearch: readSearchText,
});

const newConfigRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/configs/new",
  component: lazyPage(() => import("./configs/new-config-page.tsx"), "NewConfigPage"),
  validateSearch: readBeginning,
});

const configRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/configs/$id",
  component: lazyPage(() => import("./configs/config-page.tsx"), "ConfigPage"),
});

const configEditorRoute = createRoute({
  getParentRoute: () => configRoute,
  path: "/",
  component: lazyPage(() => import("./configs/config-editor-page.tsx"), "ConfigEditorPage"),
});

const configVersionsRoute = createRoute({
  getParentRoute: () => configRoute,
  path: "/versions",
  component: lazyPage(() => import("./configs/versions-page.tsx"), "VersionsPage"),
  validateSearch: readVersionChoice,
});

const searchRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/search",
  component: lazyPage(() => import("./search/search-page.tsx"), "SearchPage"),
  validateSearch: readSearchChoice,
});

const adaptersRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/adapters",
  component: lazyPage(() => import("./adapters/adapters-page.tsx"), "AdaptersPage"),
  validateSearch: readSearchText,
});

const adapterRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/adapters/$type",
  component: lazyPage(() => import("./adapters/adapter-page.tsx"), "AdapterPage"),
});

const systemRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/system",
  component: lazyPage(() => import("./system/system-page.tsx"), "SystemPage"),
});

const accessRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/access",
  component: lazyPage(() => import("./access/keys-page.tsx"), "KeysPage"),
});

const auditRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/access/audit",
  component: lazyPage(() => import("./access/audit-page.tsx"), "AuditPage"),
  validateSearch: readAuditSearch,
});

const loginRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/login",
  component: lazyPage(() => import("./session/login-page.tsx"), "LoginPage"),
  validateSearch: readLoginSearch,
});

/** Which page a path shows. Pages but the first are loaded when they are gone to, or pointed at. */
export const router = createRouter({
  routeTree: rootRoute.addChildren([
    runsRoute,
    runRoute.addChildren([
      overviewRoute,
      eventsRoute,
      failuresRoute,
      messageRoute,
      objectsRoute,
      compareRoute,
      runConfigRoute,
    ]),
    configsRoute,
    newConfigRoute,
    configRoute.addChildren([configEditorRoute, configVersionsRoute]),
    searchRoute,
    adaptersRoute,
    adapterRoute,
    systemRoute,
    accessRoute,
    auditRoute,
    loginRoute,
  ]),
  defaultPreload: "intent",
  // Around each page, so that what is around it stays.
  defaultErrorComponent: ErrorPage,
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
