import { Typography } from "@mantine/core";
import Markdown from "react-markdown";
import remarkGfm from "remark-gfm";
import classes from "./objects.module.css";

/** Markdown as a page. HTML in it is left out, and pictures of other hosts are named instead of asked for. */
export function MarkdownView({ text }: { text: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by those who have keys alone.
    <section className={classes.markdown} aria-label="Its text" tabIndex={0}>
      <Typography>
        <Markdown
          remarkPlugins={[remarkGfm]}
          components={{
            img: ({ alt, src }) => <em>[picture: {alt || src}]</em>,
            a: ({ href, children }) => (
              <a href={href} target="_blank" rel="noreferrer nofollow">
                {children}
              </a>
            ),
          }}
        >
          {text}
        </Markdown>
      </Typography>
    </section>
  );
}
