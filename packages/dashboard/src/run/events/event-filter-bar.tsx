import { Button, Group, MultiSelect } from "@mantine/core";
import { X } from "lucide-react";
import { useLiveRun } from "../../live/use-live-run.ts";
import { SearchInput } from "../../ui/search-input.tsx";
import { EVENT_TYPES, type EventSearch } from "./event-filters.ts";

/** What narrows the list of events. */
export function EventFilterBar({ search, onChange }: { search: EventSearch; onChange: (search: EventSearch) => void }) {
  const { progress } = useLiveRun();
  const choose = (name: keyof EventSearch, value: string) => {
    const { [name]: _, ...rest } = search;
    onChange(value === "" ? rest : { ...rest, [name]: value });
  };
  const routes = (progress?.routes ?? []).map(({ route, name }) => ({ value: route, label: name ?? route }));
  const asked = search.routes?.split(",") ?? [];
  return (
    <Group gap="xs" mb="sm" align="flex-end" role="search" aria-label="Events">
      <SearchInput
        label="Search"
        placeholder="A message's id, an error, …"
        value={search.text ?? ""}
        onChange={(text) => choose("text", text)}
      />
      <MultiSelect
        label="Type"
        placeholder={search.types === undefined ? "Any" : ""}
        data={[...EVENT_TYPES]}
        value={search.types?.split(",") ?? []}
        onChange={(types) => choose("types", types.join())}
        clearable
        flex="1 1 140px"
        miw={140}
        maw={260}
      />
      <MultiSelect
        label="Route"
        placeholder={asked.length === 0 ? "Any" : ""}
        data={routes.length === 0 ? asked : routes}
        value={asked}
        onChange={(chosen) => choose("routes", chosen.join())}
        clearable
        searchable
        flex="1 1 140px"
        miw={140}
        maw={260}
      />
      {Object.keys(search).length === 0 ? null : (
        <Button variant="subtle" color="gray" leftSection={<X size={14} aria-hidden />} onClick={() => onChange({})}>
          Clear
        </Button>
      )}
    </Group>
  );
}
