import { Combobox, ScrollArea, useCombobox } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Play } from "lucide-react";
import { useState } from "react";
import { client } from "../client.ts";
import { ActionButton } from "../session/action-button.tsx";
import { StartRunDialog } from "../start-run/start-run-dialog.tsx";
import { TextLink } from "../ui/text-link.tsx";

/** Lets one choose a config, and starts a run of it. */
export function StartRunButton() {
  const [search, setSearch] = useState("");
  const [chosen, setChosen] = useState<string | null>(null);
  const [opened, setOpened] = useState(false);
  const list = useCombobox({
    onDropdownClose: () => {
      list.resetSelectedOption();
      setSearch("");
    },
    onDropdownOpen: () => list.focusSearchInput(),
  });
  const { data } = useQuery({
    queryKey: ["configs"],
    queryFn: () => client.configs.list({ limit: 1000 }),
    staleTime: 30_000,
  });
  const runnable = (data?.configs ?? []).filter(({ is_runnable: runs, is_active: active }) => runs && active);
  const fitting = runnable.filter(({ name }) => name.toLowerCase().includes(search.trim().toLowerCase()));
  return (
    <>
      <Combobox
        store={list}
        width={280}
        position="bottom-end"
        onOptionSubmit={(id) => {
          setChosen(id);
          setOpened(true);
          list.closeDropdown();
        }}
      >
        <Combobox.Target withAriaAttributes={false}>
          <ActionButton
            needs="run"
            leftSection={<Play size={16} aria-hidden />}
            onClick={() => list.toggleDropdown()}
            aria-haspopup="listbox"
          >
            Start a run
          </ActionButton>
        </Combobox.Target>
        <Combobox.Dropdown>
          <Combobox.Search
            value={search}
            onChange={({ currentTarget }) => setSearch(currentTarget.value)}
            placeholder="Which config?"
            aria-label="Which config?"
          />
          <Combobox.Options aria-label="Configs that can be run">
            <ScrollArea.Autosize mah={320} type="auto">
              {fitting.map(({ id, name }) => (
                <Combobox.Option key={id} value={id}>
                  {name}
                </Combobox.Option>
              ))}
              {fitting.length > 0 ? null : (
                <Combobox.Empty>
                  {runnable.length > 0 ? (
                    "No config has this in its name."
                  ) : (
                    <>
                      No config can be run yet. <TextLink to="/configs/new">Write one</TextLink>
                    </>
                  )}
                </Combobox.Empty>
              )}
            </ScrollArea.Autosize>
          </Combobox.Options>
        </Combobox.Dropdown>
      </Combobox>
      {chosen === null ? null : <StartRunDialog configId={chosen} opened={opened} onClose={() => setOpened(false)} />}
    </>
  );
}
