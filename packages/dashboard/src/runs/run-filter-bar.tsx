import { Button, Group, MultiSelect, Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { X } from "lucide-react";
import { client } from "../client.ts";
import { SearchInput } from "../ui/search-input.tsx";
import { type RunFilters, STATUSES } from "./run-filters.ts";
import { StartedFilter } from "./started-filter.tsx";

/** What narrows the list of runs; every choice stands in the address. */
export function RunFilterBar({ filters, onChange }: { filters: RunFilters; onChange: (filters: RunFilters) => void }) {
  const { data: configs } = useQuery({
    queryKey: ["configs"],
    queryFn: () => client.configs.list({ limit: 1000 }),
    staleTime: 30_000,
  });
  // Another page of other filters would be empty.
  const { page: _, ...narrowing } = filters;
  const choose = (name: Exclude<keyof RunFilters, "page">, value: string | null) => {
    const { [name]: _before, ...rest } = narrowing;
    onChange(value === null || value === "" ? rest : { ...rest, [name]: value });
  };
  return (
    <Group gap="xs" mb="md" align="flex-end" role="search" aria-label="Runs">
      <SearchInput
        label="Search"
        placeholder="Tag, id or config"
        value={filters.search ?? ""}
        onChange={(text) => choose("search", text)}
      />
      <SearchInput
        label="Tag"
        placeholder="How it begins"
        value={filters.tag ?? ""}
        onChange={(text) => choose("tag", text)}
      />
      <MultiSelect
        label="Status"
        placeholder={filters.status === undefined ? "Any" : ""}
        data={[...STATUSES]}
        value={filters.status?.split(",") ?? []}
        onChange={(values) => choose("status", values.join())}
        clearable
        miw={140}
      />
      <Select
        label="Config"
        placeholder="Any"
        data={(configs?.configs ?? []).map(({ id, name }) => ({ value: id, label: name }))}
        value={filters.config ?? null}
        onChange={(value) => choose("config", value)}
        clearable
        searchable
        nothingFoundMessage="There is no such config."
        w={200}
      />
      <StartedFilter
        value={narrowing}
        onChange={(started) => {
          const { within: _within, after: _after, before: _before, ...rest } = narrowing;
          onChange({ ...rest, ...started });
        }}
      />
      {Object.keys(narrowing).length === 0 ? null : (
        <Button variant="subtle" color="gray" leftSection={<X size={14} aria-hidden />} onClick={() => onChange({})}>
          Clear
        </Button>
      )}
    </Group>
  );
}
