import classes from "./code-block.module.css";

/** Text as it is, in a frame of its own that scrolls. `label` says what it is. */
export function CodeBlock({ label, text }: { label: string; text: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by those who have keys alone.
    <section className={classes.block} tabIndex={0} aria-label={label}>
      <pre>{text}</pre>
    </section>
  );
}
