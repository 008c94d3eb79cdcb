import { Anchor, type AnchorProps } from "@mantine/core";
import { createLink } from "@tanstack/react-router";
import type { AnchorHTMLAttributes, Ref } from "react";

/** A link to another page, within text: underlined, as colour alone does not tell. */
export const TextLink = createLink(
  (
    props: AnchorProps &
      Omit<AnchorHTMLAttributes<HTMLAnchorElement>, keyof AnchorProps> & { ref?: Ref<HTMLAnchorElement> },
  ) => <Anchor underline="always" {...props} />,
);
