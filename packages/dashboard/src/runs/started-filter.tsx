import { Select, TextInput } from "@mantine/core";
import { useState } from "react";
import type { RunFilters } from "./run-filters.ts";

/** When runs were started, as it stands in the address. */
type Started = Pick<RunFilters, "within" | "after" | "before">;

/** Seconds, as the address has them. */
const PERIODS = [
  { value: "3600", label: "Last hour" },
  { value: "86400", label: "Last 24 hours" },
  { value: "604800", label: "Last 7 days" },
  { value: "2592000", label: "Last 30 days" },
];

const BETWEEN = "between";

/** Narrows runs by when they were started: lately, or between two moments. */
export function StartedFilter({ value, onChange }: { value: Started; onChange: (value: Started) => void }) {
  const { within, after, before } = value;
  const isBetween = after !== undefined || before !== undefined;
  const [asked, setAsked] = useState(false);
  const between = isBetween || (asked && within === undefined);
  const set = (name: "after" | "before", local: string) => {
    const { [name]: _, ...rest } = { after, before };
    const kept = Object.fromEntries(Object.entries(rest).filter(([, time]) => time !== undefined));
    // What stands in the address means the same moment wherever it is opened.
    onChange(local === "" ? kept : { ...kept, [name]: new Date(local).toISOString() });
  };
  return (
    <>
      <Select
        label="Started"
        placeholder="Any time"
        data={[...PERIODS, { value: BETWEEN, label: "Between…" }]}
        value={between ? BETWEEN : (within ?? null)}
        onChange={(chosen) => {
          setAsked(chosen === BETWEEN);
          onChange(chosen === null || chosen === BETWEEN ? {} : { within: chosen });
        }}
        clearable
        w={160}
      />
      {between ? (
        <>
          <TextInput
            type="datetime-local"
            label="From"
            value={toLocal(after)}
            onChange={({ currentTarget }) => set("after", currentTarget.value)}
          />
          <TextInput
            type="datetime-local"
            label="Before"
            value={toLocal(before)}
            onChange={({ currentTarget }) => set("before", currentTarget.value)}
          />
        </>
      ) : null}
    </>
  );
}

/** A moment as the browser's own field takes it: in the reader's zone, without one. */
function toLocal(time: string | undefined): string {
  const date = time === undefined ? Number.NaN : Date.parse(time);
  if (Number.isNaN(date)) return "";
  return new Date(date - new Date(date).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
