import { ActionIcon, Tooltip } from "@mantine/core";
import { Panel, useReactFlow } from "@xyflow/react";
import { Maximize, Minus, Plus } from "lucide-react";

/** Larger, smaller, and all of it. */
export function GraphControls({ onFit }: { onFit: () => void }) {
  const { zoomIn, zoomOut } = useReactFlow();
  const controls = [
    { label: "Larger", icon: Plus, onClick: () => zoomIn() },
    { label: "Smaller", icon: Minus, onClick: () => zoomOut() },
    { label: "Show all of it", icon: Maximize, onClick: onFit },
  ];
  return (
    <Panel position="bottom-left">
      <ActionIcon.Group>
        {controls.map(({ label, icon: Icon, onClick }) => (
          <Tooltip key={label} label={label}>
            <ActionIcon variant="default" size="md" aria-label={label} onClick={onClick}>
              <Icon size={14} aria-hidden />
            </ActionIcon>
          </Tooltip>
        ))}
      </ActionIcon.Group>
    </Panel>
  );
}
