import { Button, Checkbox, Paper, Stack, Text, Title } from "@mantine/core";
import type { CollectionDetail } from "@millrace/client";
import { formatCount } from "../format/number.ts";
import { isOfRange, NumberRange } from "./number-range.tsx";
import classes from "./search-page.module.css";

/** Fields with more values than this, each its own, say nothing as a list of choices. */
const LONGEST_VALUE = 60;

/** So many values of a field are told, the most frequent ones: where there are as many, there may be more. */
const MOST_VALUES = 10;

/** Narrows results by what documents say of themselves: several values of one field are alternatives. */
export function FieldFilters({
  fields,
  chosen,
  onChange,
}: {
  fields: CollectionDetail["fields"];
  chosen: readonly string[];
  onChange: (filter: string[]) => void;
}) {
  const named = fields.filter(({ field }) => !/[:=!<>]/.test(field));
  const ranges = named.filter(isRange).map(({ field }) => field);
  const choices = named
    .filter((each) => !isRange(each))
    .map(({ field, values }) => ({
      field,
      values: values
        .map(({ value, count }) => ({ text: String(value), count, filter: `${field}:${String(value)}` }))
        .filter(({ text, count, filter }) => text.length <= LONGEST_VALUE && (count > 1 || chosen.includes(filter))),
    }))
    .filter(({ values }) => values.length > 0);
  const shown = new Set(choices.flatMap(({ values }) => values.map(({ filter }) => filter)));
  const others = chosen.filter((filter) => !shown.has(filter) && !ranges.some((field) => isOfRange(filter, field)));
  if (choices.length === 0 && ranges.length === 0 && others.length === 0) return null;
  const toggle = (filter: string, on: boolean) =>
    onChange(on ? [...chosen, filter] : chosen.filter((each) => each !== filter));
  return (
    <Paper withBorder p="md" component="section" aria-label="Filters">
      <Title order={2} size="h5" mb="sm">
        Filters
      </Title>
      {others.length === 0 ? null : (
        <Stack gap={4} mb="sm">
          {others.map((filter) => (
            <Checkbox key={filter} size="sm" label={filter} checked onChange={() => toggle(filter, false)} />
          ))}
        </Stack>
      )}
      {choices.map(({ field, values }) => (
        <fieldset key={field} className={classes.field}>
          <legend>{field}</legend>
          <Stack gap={4}>
            {values.map(({ text, count, filter }) => (
              <Checkbox
                key={filter}
                size="sm"
                checked={chosen.includes(filter)}
                onChange={({ currentTarget }) => toggle(filter, currentTarget.checked)}
                label={
                  <>
                    {text}{" "}
                    <Text span size="sm" c="dimmed" className="figure">
                      {formatCount(count)}
                    </Text>
                  </>
                }
              />
            ))}
          </Stack>
        </fieldset>
      ))}
      {ranges.map((field) => (
        <NumberRange key={field} field={field} chosen={chosen} onChange={onChange} />
      ))}
      {chosen.length === 0 ? null : (
        <Button size="xs" variant="default" onClick={() => onChange([])}>
          Clear
        </Button>
      )}
    </Paper>
  );
}

/** Numbers of which there are many: a choice of single ones would narrow nothing that anybody looks for. */
function isRange({ values }: CollectionDetail["fields"][number]): boolean {
  return values.length >= MOST_VALUES && values.every(({ value }) => typeof value === "number");
}
