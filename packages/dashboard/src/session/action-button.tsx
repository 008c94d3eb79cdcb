import { Button, type ButtonProps, Tooltip } from "@mantine/core";
import type { Scope } from "@millrace/client";
import type { ButtonHTMLAttributes, Ref } from "react";
import { useLack } from "./use-session.ts";

/** A button for what needs a scope: whoever has not got it can still find it, and read what it needs. */
export function ActionButton({
  needs,
  onClick,
  ...props
}: { needs: Scope; ref?: Ref<HTMLButtonElement> } & ButtonProps &
  Omit<ButtonHTMLAttributes<HTMLButtonElement>, keyof ButtonProps>) {
  const lack = useLack(needs);
  if (lack === null) return <Button {...props} onClick={onClick} />;
  return (
    <Tooltip label={lack} events={{ hover: true, focus: true, touch: true }}>
      <Button
        {...props}
        type="button"
        data-disabled
        aria-disabled
        aria-description={lack}
        onClick={(event) => event.preventDefault()}
      />
    </Tooltip>
  );
}
