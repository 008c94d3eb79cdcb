import type { DatabaseSync } from "node:sqlite";
import type { Lineage, LineageFilter, LineagePage, LineageRelatives, LineageWhere, Page } from "@millrace/engine";
import {
  type LineageEntry,
  type LineageNode,
  type LineageStats,
  type LineageStory,
  MillraceError,
} from "@millrace/protocol";
import { text } from "../sqlite/columns.ts";
import { countStages, listEntries, stagesOf } from "./entries.ts";
import type { LineageSource, ProjectedExecution } from "./lineage-source.ts";
import {
  ancestorsOf,
  childrenOf,
  countNodes,
  descendantsOf,
  findPlace,
  listNodes,
  type Numbers,
  type Place,
  parentsOf,
  readNodes,
  toNode,
} from "./nodes.ts";
import { originOf } from "./origin.ts";
import { LOOKED_UP_AT_ONCE, Projector } from "./projector.ts";

/** Parents that a story shows. */
const PARENTS_SHOWN = 100;

/** Replays of replays that a chain is followed through. */
const MOST_EXECUTIONS = 100;

/** Answers from the projection, which it brings up to date first as far as the question needs. */
export class LineageReader implements Lineage {
  readonly #file: DatabaseSync;
  readonly #source: LineageSource;
  readonly #projector: Projector;
  readonly #patienceMs: number;

  /** `file` is that of the projection; one question waits for `patienceMs` at most. */
  constructor(source: LineageSource, file: DatabaseSync, patienceMs: number) {
    this.#source = source;
    this.#file = file;
    this.#projector = new Projector(source, file);
    this.#patienceMs = patienceMs;
  }

  /** Removes what is known of executions that were deleted. */
  sweep(): Promise<void> {
    return this.#projector.sweep();
  }

  async entries(filter: LineageFilter, page: LineagePage): Promise<Page<LineageEntry>> {
    const key = await this.#prepare(filter);
    return listEntries(this.#file, key, filter, page);
  }

  async stats(filter: LineageFilter): Promise<LineageStats> {
    const key = await this.#prepare(filter);
    return countStages(this.#file, key, filter);
  }

  async story(messageId: string, where: LineageWhere): Promise<LineageStory | null> {
    const place = await this.#locate(messageId, where);
    const [row] = place === null ? [] : readNodes(this.#file, [place.no]);
    if (place === null || row === undefined) return null;
    return {
      ...toNode(row),
      root_correlation_id: String(row.root_id),
      emitted: row.emitted === null ? null : JSON.parse(String(row.emitted)),
      parent_messages: listNodes(this.#file, parentsOf(place), { order: "ASC", limit: PARENTS_SHOWN, offset: 0 }),
      stages: stagesOf(this.#file, place.no),
    };
  }

  async relatives(
    messageId: string,
    where: LineageWhere,
    { direction, direct, limit, offset }: LineageRelatives,
  ): Promise<Page<LineageNode> | null> {
    const place = await this.#locate(messageId, where);
    if (place === null) return null;
    if (direction === "children") {
      const numbers = direct ? childrenOf(place) : descendantsOf(this.#file, place);
      return {
        total: countNodes(this.#file, numbers),
        items: listNodes(this.#file, numbers, { order: "ASC", limit, offset }),
      };
    }
    let total = 0;
    const items: LineageNode[] = [];
    for (const numbers of await this.#backwards(where.project, place, direct)) {
      const missing = limit - items.length;
      if (missing > 0) {
        const from = Math.max(0, offset - total);
        items.push(...listNodes(this.#file, numbers, { order: "DESC", limit: missing, offset: from }));
      }
      total += countNodes(this.#file, numbers);
    }
    return { total, items };
  }

  /** What a message comes from, execution by execution: a replay's first message comes from one of its parent's. */
  async #backwards(project: string | null, start: Place, direct: boolean): Promise<Numbers[]> {
    const found: Numbers[] = [];
    let place: Place | null = start;
    for (let count = 0; place !== null && count < MOST_EXECUTIONS; count += 1) {
      const numbers: Numbers = direct ? parentsOf(place) : ancestorsOf(place);
      found.push(numbers);
      const first: number | null = place.parentNo === null ? place.no : direct ? null : this.#firstOf(numbers);
      const origin: Place | null = first === null ? null : await this.#origin(project, first);
      if (origin !== null) found.push({ sql: "SELECT no FROM messages WHERE no = ?", values: [origin.no] });
      place = direct ? null : origin;
    }
    return found;
  }

  #firstOf({ sql, values }: Numbers): number | null {
    const row = this.#file
      .prepare(`SELECT no FROM messages WHERE parent_no IS NULL AND no IN (${sql}) ORDER BY no LIMIT 1`)
      .get(...values);
    return row === undefined ? null : Number(row.no);
  }

  async #origin(project: string | null, first: number): Promise<Place | null> {
    const [row] = readNodes(this.#file, [first]);
    const execution = row === undefined ? null : await this.#source.byId(project, String(row.execution_id));
    if (row === undefined || execution === null || execution.parentExecutionId === null) return null;
    const parent = await this.#source.byId(project, execution.parentExecutionId);
    const origin = originOf(row, await this.#source.metadata(execution.id));
    if (parent === null || origin === null) return null;
    await this.#upToDate([parent]);
    return findPlace(this.#file, parent.key, origin);
  }

  /** Brings up to date what a list needs; returns the key of the one execution that it is about. */
  async #prepare(filter: LineageFilter): Promise<number | null> {
    if (filter.executionId !== undefined) {
      const execution = await this.#source.byId(filter.project, filter.executionId);
      if (execution === null) {
        throw new MillraceError("EXECUTION_NOT_FOUND", `There is no execution "${filter.executionId}".`);
      }
      await this.#upToDate([execution]);
      return execution.key;
    }
    await this.#projector.sweep();
    await this.#upToDate(await this.#source.between(filter.project, filter.startedAfter, filter.startedBefore));
    return null;
  }

  async #locate(messageId: string, where: LineageWhere): Promise<Place | null> {
    for (const execution of await this.#candidates(messageId, where)) {
      await this.#upToDate([execution]);
      const place = findPlace(this.#file, execution.key, messageId);
      if (place !== null) return place;
    }
    return null;
  }

  async #candidates(messageId: string, { project, executionId }: LineageWhere): Promise<ProjectedExecution[]> {
    if (executionId !== null) {
      const execution = await this.#source.byId(project, executionId);
      return execution === null ? [] : [execution];
    }
    // Ids of another making lead nowhere: found where their execution was asked for before.
    const rows = this.#file
      .prepare("SELECT x.execution_id FROM messages m JOIN projections x USING (execution_key) WHERE m.id = ?")
      .all(messageId);
    const known: ProjectedExecution[] = [];
    for (const row of rows) {
      const execution = await this.#source.byId(project, text(row.execution_id) ?? "");
      if (execution !== null) known.push(execution);
    }
    return known.length > 0 ? known : this.#source.ofMessage(project, messageId);
  }

  /** @throws MillraceError LINEAGE_NOT_READY */
  async #upToDate(executions: readonly ProjectedExecution[]): Promise<void> {
    let done = 0;
    const work = (async () => {
      for (let at = 0; at < executions.length; at += LOOKED_UP_AT_ONCE) {
        const some = executions.slice(at, at + LOOKED_UP_AT_ONCE);
        const behind = await this.#projector.behind(some);
        done += some.length - behind.length;
        for (const execution of behind) {
          await this.#projector.update(execution);
          done += 1;
        }
      }
    })();
    await this.#within(work, () => `${done} of ${executions.length} executions`);
  }

  async #within(work: Promise<void>, progress: () => string): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(
          new MillraceError(
            "LINEAGE_NOT_READY",
            `The lineage is still being read off the journal (${progress()} so far). It goes on; try again shortly.`,
          ),
        );
      }, this.#patienceMs);
    });
    // What fails after the question was given up is told to the next that asks.
    work.catch(() => undefined);
    try {
      await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
