import type { FiringRecord, Ids, NewFiring, Page, TriggerKind, TriggerRecord } from "@millrace/engine";
import {
  type CronSpec,
  type createTriggerSchema,
  ERROR_CODES,
  type ErrorCode,
  type FolderSpec,
  type JsonObject,
  MillraceError,
  type Trigger,
  type TriggerWithSecret,
  type updateTriggerSchema,
} from "@millrace/protocol";
import type { z } from "zod";
import type { ProjectView } from "../access/project-of.ts";
import { ValidationFailure } from "../http/errors.ts";
import { hashCallSecret, isCallSecret, makeCallSecret } from "./call-secret.ts";
import { nextDue } from "./cron.ts";
import type { FolderWatch } from "./folder-watch.ts";
import { CLAIM_MS, type FiringParts, startFiring } from "./start-firing.ts";
import { cronOf, folderOf, showTrigger } from "./trigger-view.ts";

/** What the triggers' part of the API stands on. */
export interface ManageTriggersParts extends FiringParts {
  readonly folders: FolderWatch;
  readonly ids: Ids;
}

/** Makes, changes and fires triggers, as the API asks for it: those that the request sees. */
export class ManageTriggers {
  readonly #parts: ManageTriggersParts;

  constructor(parts: ManageTriggersParts) {
    this.#parts = parts;
  }

  /** @throws MillraceError CONFIG_NOT_FOUND; ValidationFailure where the expression or the zone is none */
  async create(view: ProjectView, body: z.output<typeof createTriggerSchema>): Promise<TriggerWithSecret> {
    const { triggers, configs, clock, ids } = this.#parts;
    const config = await configs.find(view, body.config_id);
    const now = clock.now();
    const secret = body.kind === "call" ? makeCallSecret() : null;
    const trigger: TriggerRecord = {
      id: ids.uuid(),
      project: config.project,
      configId: config.id,
      name: body.name ?? nameOf(body.cron, body.folder, config.name),
      kind: body.kind,
      enabled: body.enabled,
      spec: specOf(body.cron, body.folder, now),
      payload: body.payload,
      tagTemplate: body.tag_template,
      maxRunning: body.max_running,
      whenRunning: body.when_running,
      secretHash: secret === null ? null : hashCallSecret(secret),
      nextAt: body.cron === undefined ? null : dueAfter(body.cron, body.enabled, now),
      createdAt: now,
      updatedAt: now,
    };
    if (!(await triggers.create(trigger))) await configs.find(view, body.config_id);
    return this.#withSecret(trigger, secret);
  }

  /** @throws MillraceError TRIGGER_NOT_FOUND, TRIGGER_CHANGED; ValidationFailure */
  async update(view: ProjectView, id: string, body: z.output<typeof updateTriggerSchema>): Promise<Trigger> {
    const known = await this.find(view, id);
    for (const kind of ["cron", "folder"] as const) {
      if (body[kind] === undefined || known.kind === kind) continue;
      throw refused(kind, "extra_forbidden", `A trigger of the kind ${known.kind} has no ${kind}`, body[kind]);
    }
    const now = this.#parts.clock.now();
    const enabled = body.enabled ?? known.enabled;
    const cron = known.kind === "cron" ? (body.cron ?? cronOf(known)) : undefined;
    const isTimed = body.cron !== undefined || enabled !== known.enabled;
    const folder =
      body.folder === undefined ? known.spec : specOf(undefined, body.folder, sinceOf(known, body.folder, now));
    const trigger: TriggerRecord = {
      ...known,
      name: body.name ?? known.name,
      enabled,
      spec: cron === undefined ? folder : specOf(cron, undefined, now),
      payload: body.payload ?? known.payload,
      tagTemplate: body.tag_template === undefined ? known.tagTemplate : body.tag_template,
      maxRunning: body.max_running === undefined ? known.maxRunning : body.max_running,
      whenRunning: body.when_running ?? known.whenRunning,
      nextAt: cron === undefined || !isTimed ? known.nextAt : dueAfter(cron, enabled, now),
      updatedAt: later(known.updatedAt, now),
    };
    await this.#put(view, trigger, known.updatedAt);
    return this.show(trigger);
  }

  /** Gives a trigger's URL a new secret; the one before it opens nothing any more. @throws MillraceError TRIGGER_NOT_FOUND */
  async rotate(view: ProjectView, id: string): Promise<TriggerWithSecret> {
    const known = await this.find(view, id);
    if (known.kind !== "call")
      throw new MillraceError(
        "TRIGGER_NOT_FOUND",
        `The trigger "${known.name}" has no URL: its kind is ${known.kind}.`,
      );
    const secret = makeCallSecret();
    const updatedAt = later(known.updatedAt, this.#parts.clock.now());
    const trigger = { ...known, secretHash: hashCallSecret(secret), updatedAt };
    await this.#put(view, trigger, known.updatedAt);
    return this.#withSecret(trigger, secret);
  }

  /**
   * Sets a trigger off now. `key`: with the same one there is one firing, however often it is asked for.
   * @throws MillraceError TRIGGER_NOT_FOUND, and what keeps its config from being run
   */
  async fire(trigger: TriggerRecord, payload: JsonObject, key: string | null): Promise<FiringRecord> {
    const { triggers, clock, ids } = this.#parts;
    const at = clock.now();
    const id = ids.uuid();
    const firing: NewFiring = {
      id,
      triggerId: trigger.id,
      key: key === null ? `asked:${id}` : `key:${key}`,
      dueAt: at,
      at,
      payload,
      skipped: null,
    };
    const made = await triggers.fire(firing);
    if (made === null) throw notFound(trigger.id);
    const claimed = await triggers.claim({ now: clock.now(), leaseMs: CLAIM_MS, id: made.id });
    if (claimed !== null) await startFiring(this.#parts, claimed);
    const done = (await triggers.getFiring(trigger.id, made.id)) ?? made;
    if (done.outcome === "failed" && done.error !== null)
      throw new MillraceError(isCode(done.error.code) ? done.error.code : "INTERNAL", done.error.message);
    return done;
  }

  /** The trigger whose URL this is. @throws MillraceError TRIGGER_NOT_FOUND, TRIGGER_DISABLED */
  async called(id: string, secret: string): Promise<TriggerRecord> {
    const trigger = await this.#parts.triggers.get(id);
    if (!isCallSecret(secret, trigger?.secretHash ?? null) || trigger === null)
      throw new MillraceError("TRIGGER_NOT_FOUND", "No trigger has this URL.");
    if (!trigger.enabled) throw new MillraceError("TRIGGER_DISABLED", "The trigger is disabled.");
    return trigger;
  }

  /** @throws MillraceError TRIGGER_NOT_FOUND */
  async find({ project }: ProjectView, id: string): Promise<TriggerRecord> {
    const trigger = await this.#parts.triggers.find(project, id);
    if (trigger === null) throw notFound(id);
    return trigger;
  }

  /** In the order in which they were made. */
  list(
    { project }: ProjectView,
    filter: {
      readonly configId?: string;
      readonly kind?: TriggerKind;
      readonly limit: number;
      readonly offset: number;
    },
  ): Promise<Page<TriggerRecord>> {
    return this.#parts.triggers.list({ ...filter, project });
  }

  /** @throws MillraceError TRIGGER_NOT_FOUND */
  async delete(view: ProjectView, id: string): Promise<void> {
    await this.find(view, id);
    if (!(await this.#parts.triggers.delete(id))) throw notFound(id);
  }

  /** The newest first. @throws MillraceError TRIGGER_NOT_FOUND */
  async listFirings(
    view: ProjectView,
    id: string,
    page: { readonly limit: number; readonly offset: number },
  ): Promise<Page<FiringRecord>> {
    await this.find(view, id);
    return this.#parts.triggers.listFirings(id, page);
  }

  /** A trigger as the API shows it. */
  async show(trigger: TriggerRecord): Promise<Trigger> {
    const { items } = await this.#parts.triggers.listFirings(trigger.id, { limit: 1, offset: 0 });
    return showTrigger(trigger, items[0] ?? null, this.#parts.folders.problemOf(trigger.id));
  }

  async #withSecret(trigger: TriggerRecord, secret: string | null): Promise<TriggerWithSecret> {
    const path = secret === null ? null : `/api/v1/triggers/${trigger.id}/${secret}`;
    return { ...(await this.show(trigger)), secret, call_path: path };
  }

  async #put(view: ProjectView, trigger: TriggerRecord, expected: number): Promise<void> {
    if (await this.#parts.triggers.update(trigger, expected)) return;
    await this.find(view, trigger.id);
    throw new MillraceError("TRIGGER_CHANGED", `Somebody else has changed the trigger "${trigger.name}" meanwhile.`);
  }
}

function notFound(id: string): MillraceError {
  return new MillraceError("TRIGGER_NOT_FOUND", `There is no trigger "${id.slice(0, 128)}".`);
}

/** No two changes have the same time: it tells them apart. */
function later(before: number, now: number): number {
  return Math.max(before + 1, now);
}

function nameOf(cron: CronSpec | undefined, folder: FolderSpec | undefined, config: string): string {
  return cron?.expression ?? folder?.path.slice(-256) ?? `Calls of ${config}`.slice(0, 256);
}

function specOf(cron: CronSpec | undefined, folder: FolderSpec | undefined, since: number): JsonObject {
  return { ...cron, ...(folder === undefined ? {} : { ...folder, since }) };
}

/** Files are new since the folder, or which of its files, was changed. */
function sinceOf(known: TriggerRecord, folder: FolderSpec, now: number): number {
  const { path, glob, since } = folderOf(known);
  return path === folder.path && glob === folder.glob ? since : now;
}

function dueAfter(cron: CronSpec, enabled: boolean, now: number): number | null {
  try {
    const due = nextDue(cron, now);
    return enabled ? due : null;
  } catch (error) {
    throw refused("cron", "value_error", `Value error, ${error instanceof Error ? error.message : error}`, cron);
  }
}

function refused(field: string, type: string, msg: string, input: unknown): ValidationFailure {
  return new ValidationFailure([{ loc: ["body", field], msg, type, input }]);
}

function isCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CODES, code);
}
