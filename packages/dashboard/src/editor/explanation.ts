import type { Explained } from "../yaml/explain-at.ts";
import classes from "./explanation.module.css";

/** An explanation as an element; `code` in backticks is set as such. */
export function explanation({ title, description, facts }: Explained, isHover = false): HTMLElement {
  const box = document.createElement("div");
  box.className = `${classes.explanation} ${isHover ? classes.hover : ""}`;
  const heading = document.createElement("strong");
  heading.textContent = title;
  box.append(heading);
  if (description !== null) box.append(paragraph(description));
  if (facts.length > 0) {
    const list = document.createElement("dl");
    for (const [name, text] of facts) {
      const term = document.createElement("dt");
      term.textContent = name;
      const said = document.createElement("dd");
      said.textContent = text;
      list.append(term, said);
    }
    box.append(list);
  }
  return box;
}

/** A sentence in which `code` stands in backticks, as an element. */
export function paragraph(text: string): HTMLElement {
  const element = document.createElement("p");
  text.split("`").forEach((part, index) => {
    if (index % 2 === 0) {
      element.append(part);
    } else {
      const code = document.createElement("code");
      code.textContent = part;
      element.append(code);
    }
  });
  return element;
}
