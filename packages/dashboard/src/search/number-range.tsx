import { Group, NumberInput } from "@mantine/core";
import classes from "./search-page.module.css";

/** Narrows results to a range of a field that holds numbers; what is left empty bounds nothing. */
export function NumberRange({
  field,
  chosen,
  onChange,
}: {
  field: string;
  chosen: readonly string[];
  onChange: (filter: string[]) => void;
}) {
  const bounds = [
    { label: `${field}, at least`, placeholder: "from", start: `${field}>=` },
    { label: `${field}, at most`, placeholder: "to", start: `${field}<=` },
  ];
  const set = (start: string, value: string) => {
    const others = chosen.filter((filter) => !filter.startsWith(start));
    const filter = value.trim() === "" ? others : [...others, `${start}${value.trim()}`];
    if (filter.join() !== chosen.join()) onChange(filter);
  };
  return (
    <fieldset className={classes.field}>
      <legend>{field}</legend>
      <Group gap="xs" wrap="nowrap">
        {bounds.map(({ label, placeholder, start }) => {
          const value = chosen.find((filter) => filter.startsWith(start))?.slice(start.length) ?? "";
          return (
            <NumberInput
              // Another value from outside, as by Clear, is a new field.
              key={`${start}${value}`}
              size="xs"
              hideControls
              aria-label={label}
              placeholder={placeholder}
              defaultValue={value}
              onBlur={({ currentTarget }) => set(start, currentTarget.value)}
              onKeyDown={({ key, currentTarget }) => {
                if (key === "Enter") set(start, currentTarget.value);
              }}
            />
          );
        })}
      </Group>
    </fieldset>
  );
}

/** Whether a filter is one of those that the range of a field makes. */
export function isOfRange(filter: string, field: string): boolean {
  return filter.startsWith(`${field}>=`) || filter.startsWith(`${field}<=`);
}
