import { HttpClient, USER_AGENT } from "@millrace/adapters";
import { isTerminal, MillraceError, type SystemInfo } from "@millrace/protocol";
import type { Logger } from "pino";
import { credentialsOf } from "./access/credentials.ts";
import { sessionEndpoints } from "./access/session-endpoints.ts";
import { type Front, openFront } from "./front.ts";
import { HealthReport } from "./health/health.ts";
import { ticketOf } from "./http/access-hook.ts";
import { createHttpApp } from "./http/app.ts";
import { type DashboardFiles, dashboardEndpoints } from "./http/dashboard-pages.ts";
import { docsEndpoints, docsRedirect } from "./http/docs-page.ts";
import type { Endpoint } from "./http/endpoint.ts";
import { openApiDocument } from "./http/openapi.ts";
import { auditEndpoints } from "./http/routes/audit-endpoints.ts";
import { configEndpoints } from "./http/routes/config-endpoints.ts";
import { executionEndpoints } from "./http/routes/execution-endpoints.ts";
import { failureEndpoints } from "./http/routes/failure-endpoints.ts";
import { keyEndpoints } from "./http/routes/key-endpoints.ts";
import { lineageEndpoints } from "./http/routes/lineage-endpoints.ts";
import { metricsEndpoint } from "./http/routes/metrics-endpoint.ts";
import { projectEndpoints } from "./http/routes/project-endpoints.ts";
import { replayEndpoints } from "./http/routes/replay-endpoints.ts";
import { searchEndpoints } from "./http/routes/search-endpoints.ts";
import { storageEndpoints } from "./http/routes/storage-endpoints.ts";
import { systemEndpoints } from "./http/routes/system-endpoints.ts";
import { triggerEndpoints } from "./http/routes/trigger-endpoints.ts";
import { webhookEndpoints } from "./http/routes/webhook-endpoints.ts";
import { NodeLimits } from "./limits/node-limits.ts";
import { addConnections } from "./metrics/http-metrics.ts";
import { createMetrics, type Metrics } from "./metrics/metrics.ts";
import { addNodeGauges } from "./metrics/node-gauges.ts";
import { addProcessMetrics } from "./metrics/process-metrics.ts";
import { Scrape } from "./metrics/scrape.ts";
import { addServiceGauges } from "./metrics/service-gauges.ts";
import { addLagGauges, addStreamGauges, countedBy } from "./metrics/stream-gauges.ts";
import { queryEmbedder } from "./query-embedder.ts";
import { openService, type Service } from "./service.ts";
import type { Settings } from "./settings.ts";
import { eventsEndpoints } from "./stream/events-endpoints.ts";
import { StreamHub } from "./stream/hub.ts";
import { progressReader } from "./stream/read-progress.ts";
import { storageEventsEndpoint } from "./stream/storage-events-endpoint.ts";
import { ticketEndpoint } from "./stream/ticket-endpoint.ts";
import { VERSION } from "./version.ts";
import { StreamGate } from "./workers/stream-gate.ts";

/** A service that listens. */
export interface Server {
  /** Where it listens, as `http://127.0.0.1:8000`. */
  readonly url: string;
  readonly service: Service;
  /** Ends streams, lets messages in flight come to their end within `shutdown_grace`, and closes everything. */
  close(): Promise<void>;
}

/** What a server is beside its settings. */
export interface ServeOptions {
  /** Served at `/` where there is one. */
  readonly dashboard?: DashboardFiles | null;
  /** Whether it answers the API and serves streams; otherwise it tells of its health and its metrics alone. Default true. */
  readonly api?: boolean;
}

/**
 * Opens the service and listens. Streams that were open when the process before this one died can be resumed at once.
 * @throws MillraceError DATA_DIR_IN_USE, DATA_DIR_UNUSABLE, STORE_UNREACHABLE, ADAPTER_INVALID, SETTING_INVALID (the address)
 */
export async function serve(settings: Settings, log: Logger, options: ServeOptions = {}): Promise<Server> {
  const { dashboard = null, api: servesApi = true } = options;
  const metrics = settings.metrics ? createMetrics() : null;
  const service = await openService(settings, log, { servesApi, metrics });
  let closing: Promise<void> | null = null;
  let front: Front | null = null;
  try {
    if (settings.configs_dir !== null && servesApi) {
      const { problems } = await service.configs.loadFolder(settings.configs_dir);
      for (const problem of problems) log.warn(problem);
    }
    const { access } = service;
    const readProgress = progressReader(service.executions, service.records);
    const hub: StreamHub = new StreamHub({
      journal: service.journal,
      records: service.records,
      readProgress,
      ...countedBy(metrics),
      get maxSubscribers() {
        return settings.max_subscribers - objectHub.size;
      },
    });
    // Workers open streams on their own, and these share the room with them.
    const objectGate =
      settings.workers > 1 ? new StreamGate(0, async (wanted) => front?.moreStreams(wanted) ?? 0) : null;
    const objectHub: StreamHub = new StreamHub({
      journal: service.storedObjects.log,
      records: service.records,
      readProgress,
      ...countedBy(metrics, "objects"),
      get maxSubscribers() {
        return objectGate?.limit ?? settings.max_subscribers - hub.size;
      },
    });
    const startedAt = new Date().toISOString();
    const health = new HealthReport({
      service,
      settings,
      look: async () => (await front?.look()) ?? { streams: 0, components: {} },
      isClosing: () => closing !== null,
    });
    const objectEvents = storageEventsEndpoint({
      hub: objectHub,
      journal: service.storedObjects.log,
      records: service.records,
    });
    const system = systemEndpoints({
      adapters: service.adapters,
      health: () => health.read(),
      info: () => systemInfo(settings, startedAt),
    });
    const scrape =
      metrics === null ? [] : [metricsEndpoint(scrapeOf(metrics, service, settings, { hub, objectHub }, () => front))];
    // As a run's own requests to a model: where the operator lets them go.
    const environment = {
      http: new HttpClient({ allowHosts: settings.http_allow_hosts, userAgent: USER_AGENT }),
      variable: (name: string) => service.secrets.of().variable(name),
    };
    const api: Endpoint[] = [
      ...executionEndpoints(service),
      ...failureEndpoints(service),
      ...replayEndpoints({ ...service, maxPayloadBytes: settings.max_payload_bytes }),
      ...eventsEndpoints({ hub, journal: service.journal, records: service.records }),
      ticketEndpoint({ tickets: access.tickets, records: service.records }),
      ...storageEndpoints(service),
      objectGate?.guard(objectEvents, objectHub) ?? objectEvents,
      ...lineageEndpoints(service),
      ...searchEndpoints({ search: service.search, embedQuery: queryEmbedder(service.cache, environment) }),
      ...configEndpoints(service),
      ...projectEndpoints(service),
      ...triggerEndpoints(service),
      ...webhookEndpoints(service),
      ...keyEndpoints(service),
      ...auditEndpoints(service),
      ...sessionEndpoints({
        ...service.identity,
        authenticate: (credentials) => access.authenticate(credentials),
        audit: service.audit,
        publicUrl: settings.public_url,
        log,
      }),
      ...system,
      ...scrape,
    ];
    const limits = new NodeLimits(settings, async (executionId) => {
      const execution = await service.records.findExecution(executionId);
      return execution === null || isTerminal(execution.status);
    });
    let document: unknown;
    const openApi = () => {
      document ??= openApiDocument(api, VERSION);
      return document;
    };
    const pages = dashboard === null ? [docsRedirect()] : dashboardEndpoints(dashboard);
    const app = await createHttpApp(
      servesApi
        ? [...api, ...docsEndpoints(openApi), ...pages]
        : [...system.filter(({ path }) => path.startsWith("/health/")), ...scrape],
      {
        dashboard,
        maxBodyBytes: settings.max_body_bytes,
        maxHeaderBytes: settings.max_header_bytes,
        corsOrigins: settings.cors_origins,
        behindWorkers: settings.workers > 1,
        authenticate: (request) => access.authenticate(credentialsOf(request, ticketOf(request))),
        audit: service.audit,
        edge: { settings, accessControl: access.isOn, limits: { limits, runs: limits } },
        metrics,
        tracing: service.tracing,
      },
      log,
      () => closing !== null,
    );
    // Connections to the port are the workers', where there are any.
    if (metrics !== null && settings.workers === 1) addConnections(metrics, app.server);
    let opened: Front;
    try {
      opened = await openFront({
        app,
        hub,
        objectHub,
        objectGate,
        journal: service.journal,
        readProgress,
        authenticate: (credentials) => access.authenticate(credentials),
        accessControl: access.isOn,
        audit: service.audit,
        limits,
        settings,
        log,
      });
    } catch (error) {
      throw cannotListen(settings, error);
    }
    front = opened;
    access.onRevoked = (id) => {
      hub.endOf(id);
      objectHub.endOf(id);
      opened.endStreamsOf(id);
    };
    return {
      url: urlOf(settings.host, opened.port),
      service,
      close() {
        closing ??= (async () => {
          await opened.endStreams();
          await service.engine.close(settings.shutdown_grace * 1000);
          await opened.close();
          await service.close(0);
        })();
        return closing;
      },
    };
  } catch (error) {
    await service.close(0);
    throw error;
  }
}

/** Adds what is read at a scrape to what is counted; returns what answers one. */
function scrapeOf(
  metrics: Metrics,
  service: Service,
  settings: Settings,
  { hub, objectHub }: { readonly hub: StreamHub; readonly objectHub: StreamHub },
  front: () => Front | null,
) {
  addProcessMetrics(metrics, "main");
  addStreamGauges(metrics, hub, objectHub);
  if (settings.workers === 1) addLagGauges(metrics, hub, "main");
  // Connections are looked at before reads of the scrape itself take some.
  if (service.nodes !== null) addNodeGauges(metrics, service.nodes, () => service.engine.workingForOthers ?? 0);
  addServiceGauges(metrics, { settings, ...service });
  const scrape = new Scrape(metrics, async () => (await front()?.metrics()) ?? []);
  return scrape.text.bind(scrape);
}

/** What clients may look for before they use it; none is ever taken out or renamed. */
const FEATURES = [
  "events",
  "events_resume",
  "events_many",
  "events_types",
  "events_progress",
  "tags",
  "idempotency_keys",
  "user_adapters",
  "lineage",
  "failures",
  "replay",
  "execution_search",
  "storage",
  "storage_events",
  "search",
  "usage",
  "triggers",
  "webhooks",
  "projects",
  "metrics",
];

function systemInfo(settings: Settings, startedAt: string): SystemInfo {
  return {
    name: "millrace",
    version: VERSION,
    node_version: process.version,
    started_at: startedAt,
    features: FEATURES,
    limits: {
      max_executions: settings.max_executions,
      max_subscribers: settings.max_subscribers,
      max_body_bytes: settings.max_body_bytes,
      max_header_bytes: settings.max_header_bytes,
      max_payload_bytes: settings.max_payload_bytes,
      max_emits_per_step: settings.max_emits_per_step,
    },
  };
}

function cannotListen(settings: Settings, error: unknown): MillraceError {
  if (error instanceof MillraceError) return error;
  const code = error instanceof Error && "code" in error ? error.code : null;
  const why =
    code === "EADDRINUSE"
      ? "another process listens there. Choose another with --port, or 0 for a free one"
      : code === "EACCES"
        ? "this user may not listen there. Choose a port above 1023"
        : error instanceof Error
          ? error.message
          : String(error);
  return new MillraceError("SETTING_INVALID", `Millrace cannot listen on ${settings.host}:${settings.port}: ${why}.`, {
    cause: error,
  });
}

function urlOf(host: string, port: number): string {
  // A name may lead to an IPv6 address; brackets are for addresses alone.
  const shown = host.includes(":") ? `[${host}]` : host;
  return `http://${shown}:${port}`;
}
