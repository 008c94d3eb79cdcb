import {
  type KeyboardEvent,
  type ReactNode,
  useEffect,
  useEffectEvent,
  useId,
  useLayoutEffect,
  useRef,
  useState,
} from "react";
import classes from "./tall-list.module.css";
import { TallScroll } from "./tall-scroll.ts";

/** What a list of any length needs. */
export interface TallListProps {
  readonly label: string;
  readonly total: number;
  /** Pixels; all rows have the same. */
  readonly rowHeight: number;
  /** Whether the end is kept in sight as it grows. Leaving the end by hand turns it off, coming back turns it on. */
  readonly following: boolean;
  onFollowing(following: boolean): void;
  /** Is told what is in sight: from one index up to another. */
  onSight(from: number, to: number): void;
  /** What stands in a row. */
  row(index: number): ReactNode;
  /** The row that is shown elsewhere in full; null: none. */
  readonly chosen: number | null;
  onChoose(index: number): void;
}

/**
 * A list of any number of rows of the same height, of which those in sight exist. Browsers bound the height of an
 * element (some at 17 million pixels), so beyond {@link TallScroll} the scroll bar stands for a share of the list, while
 * wheel and keys move by rows. The list is one stop of the Tab key; arrows, Page Up and Down, Home and End move in it.
 */
export function TallList(props: TallListProps) {
  const { label, total, rowHeight, following, onFollowing, onSight, row, chosen, onChoose } = props;
  const box = useRef<HTMLDivElement>(null);
  const [height, setHeight] = useState(0);
  const [top, setTop] = useState(0);
  const [active, setActive] = useState<number | null>(null);
  const id = useId();
  const scroll = new TallScroll(total, rowHeight, height);
  /** Where the box was scrolled to from here: its event is none of the reader's. */
  const placed = useRef(0);

  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => setHeight(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const place = (rows: number) => {
    const element = box.current;
    if (element === null) return;
    element.scrollTop = scroll.toPixels(rows);
    placed.current = element.scrollTop;
    setTop(rows);
  };

  const shownTop = following ? scroll.maxTop : Math.min(top, scroll.maxTop);
  // The scroll bar stands where what is shown is, however the list has grown.
  // biome-ignore lint/correctness/useExhaustiveDependencies: these are all that moves it.
  useLayoutEffect(() => place(shownTop), [total, height, following]);

  const first = Math.max(0, Math.floor(shownTop));
  const last = Math.min(total, Math.ceil(shownTop + scroll.visible) + 1);
  useEffect(() => onSight(first, last), [first, last, onSight]);

  const moveTo = (rows: number) => {
    const next = Math.max(0, Math.min(rows, scroll.maxTop));
    const atEnd = next >= scroll.maxTop - 0.5;
    if (atEnd !== following) onFollowing(atEnd);
    place(next);
  };

  const onWheel = useEffectEvent((event: WheelEvent) => {
    if (!scroll.isScaled || event.ctrlKey || event.deltaY === 0) return;
    const rows = [event.deltaY / rowHeight, event.deltaY, event.deltaY * scroll.visible][event.deltaMode] ?? 0;
    // At an end the wheel is the page's.
    if (rows < 0 ? shownTop <= 0 : shownTop >= scroll.maxTop) return;
    event.preventDefault();
    moveTo(shownTop + rows);
  });

  // The browser would scroll by pixels as well, each of which stands for many rows; React's own listener cannot say no.
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const listen = (event: WheelEvent) => onWheel(event);
    element.addEventListener("wheel", listen, { passive: false });
    return () => element.removeEventListener("wheel", listen);
  }, []);

  const activate = (index: number) => {
    const next = Math.max(0, Math.min(index, total - 1));
    setActive(next);
    if (next < shownTop) moveTo(next);
    else if (next + 1 > shownTop + scroll.visible) moveTo(next + 1 - scroll.visible);
  };

  const onKey = (event: KeyboardEvent) => {
    const from = active ?? (following ? total - 1 : first);
    const page = Math.max(1, Math.floor(scroll.visible) - 1);
    const to: Record<string, number | undefined> = {
      ArrowDown: active === null ? from : from + 1,
      ArrowUp: active === null ? from : from - 1,
      PageDown: from + page,
      PageUp: from - page,
      Home: 0,
      End: total - 1,
    };
    const next = to[event.key];
    if (next !== undefined) activate(next);
    else if ((event.key === "Enter" || event.key === " ") && active !== null) onChoose(active);
    else return;
    event.preventDefault();
  };

  return (
    <div
      ref={box}
      role="listbox"
      aria-label={label}
      aria-activedescendant={active === null || active < first || active >= last ? undefined : `${id}-${active}`}
      tabIndex={0}
      className={classes.box}
      onKeyDown={onKey}
      onScroll={({ currentTarget: { scrollTop, clientHeight } }) => {
        // The window was resized: the browser has moved it, and no reader. It is placed when its height is known.
        if (clientHeight !== height) return;
        if (Math.abs(scrollTop - placed.current) >= 1) {
          placed.current = scrollTop;
          const rows = scroll.toRows(scrollTop);
          setTop(rows);
          const atEnd = rows >= scroll.maxTop - 0.5;
          if (atEnd !== following) onFollowing(atEnd);
        }
      }}
    >
      <div style={{ height: scroll.pixels }}>
        <div className={classes.window} style={{ height: Math.min(height, total * rowHeight) }}>
          {Array.from({ length: last - first }, (_, offset) => {
            const index = first + offset;
            return (
              // biome-ignore lint/a11y/useKeyWithClickEvents: the list takes the keys for all rows.
              // biome-ignore lint/a11y/useFocusableInteractive: the list has the focus, and says which row is active.
              <div
                key={index}
                id={`${id}-${index}`}
                role="option"
                aria-posinset={index + 1}
                aria-setsize={total}
                aria-selected={index === chosen}
                data-active={index === active || undefined}
                className={classes.row}
                style={{ height: rowHeight, transform: `translateY(${(index - shownTop) * rowHeight}px)` }}
                onClick={() => {
                  setActive(index);
                  onChoose(index);
                }}
              >
                {row(index)}
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}
