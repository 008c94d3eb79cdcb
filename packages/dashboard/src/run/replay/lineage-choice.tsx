import { Checkbox, Group, NumberInput, Select } from "@mantine/core";

/** Which of the messages that went into a route are replayed. */
export interface LineageChoice {
  /** `all`, or a status of the API. */
  readonly status: LineageStatus;
  /** How many at most; empty for all. */
  readonly limit: number | "";
  /** Without the first ones, so many. */
  readonly offset: number | "";
  readonly skipMissing: boolean;
}

/** @see LineageChoice */
export type LineageStatus = "all" | "completed" | "failed" | "pending";

/** All of them. */
export const EVERYTHING: LineageChoice = { status: "all", limit: "", offset: "", skipMissing: false };

const STATUSES: readonly { readonly value: LineageStatus; readonly label: string }[] = [
  { value: "all", label: "All" },
  { value: "completed", label: "Those that completed" },
  { value: "failed", label: "Those that failed for good" },
  { value: "pending", label: "Those that were never taken" },
];

/** Narrows the messages that went into a route. */
export function LineageFields({
  value,
  onChange,
  missing,
}: {
  value: LineageChoice;
  onChange: (value: LineageChoice) => void;
  /** Whether the service has said that payloads are not kept. */
  missing: boolean;
}) {
  const count = (typed: number | string) => (typeof typed === "number" ? typed : "");
  return (
    <>
      <Group grow align="flex-start" preventGrowOverflow={false}>
        <Select
          label="Which of them"
          data={[...STATUSES]}
          value={value.status}
          onChange={(status) => status !== null && onChange({ ...value, status })}
          allowDeselect={false}
          miw={200}
        />
        <NumberInput
          label="At most"
          placeholder="All"
          value={value.limit}
          onChange={(limit) => onChange({ ...value, limit: count(limit) })}
          min={1}
          allowDecimal={false}
          miw={90}
        />
        <NumberInput
          label="Without the first"
          placeholder="0"
          value={value.offset}
          onChange={(offset) => onChange({ ...value, offset: count(offset) })}
          min={0}
          allowDecimal={false}
          miw={90}
        />
      </Group>
      {missing || value.skipMissing ? (
        <Checkbox
          label="Replay those whose payloads are kept, and leave the others out"
          checked={value.skipMissing}
          onChange={({ currentTarget }) => onChange({ ...value, skipMissing: currentTarget.checked })}
        />
      ) : null}
    </>
  );
}
