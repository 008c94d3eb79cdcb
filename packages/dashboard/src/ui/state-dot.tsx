import classes from "./state-dot.module.css";

/** How a state is to be taken. */
export type Tone = "good" | "active" | "warning" | "bad" | "quiet";

/** A state as a dot and a word; the word says all that the colour does. */
export function StateDot({
  tone,
  label,
  quiet = false,
}: {
  tone: Tone;
  label: string /** Whether the word gives way on narrow screens. */;
  quiet?: boolean;
}) {
  return (
    <span className={classes.state} data-tone={tone}>
      <span className={classes.dot} aria-hidden />
      <span className={quiet ? classes.quiet : undefined}>{label}</span>
    </span>
  );
}
