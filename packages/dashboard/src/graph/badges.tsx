import { VisuallyHidden } from "@mantine/core";
import classes from "./badges.module.css";
import type { GraphBadge } from "./pipeline-graph-model.ts";

/** Figures and words beside a part of the graph. */
export function Badges({ badges }: { badges: readonly GraphBadge[] }) {
  return badges.map(({ text, tone, title }) => (
    <span key={title} className={classes.badge} data-tone={tone} title={title}>
      <span aria-hidden>{text}</span>
      <VisuallyHidden>{title}</VisuallyHidden>
    </span>
  ));
}
