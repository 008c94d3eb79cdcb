/** What a fleet has to carry. */
export interface Load {
  /** Streams that are open at once, the whole day. */
  readonly watchers: number;
  readonly executionsPerDay: number;
  /** Mean of an execution. */
  readonly eventsPerExecution: number;
  /** Mean of an execution, in seconds. */
  readonly secondsPerExecution: number;
  /** How many times the day's mean the busiest hour has. */
  readonly peak: number;
  /** How watchers spread over what runs: the execution of rank r has 1/r^skew of the first one's. 0: evenly. */
  readonly skew: number;
}

/** A million watchers, a hundred thousand executions a day. */
export const LOAD: Load = {
  watchers: 1_000_000,
  executionsPerDay: 100_000,
  eventsPerExecution: 1_000,
  secondsPerExecution: 600,
  peak: 2.5,
  skew: 0.8,
};
