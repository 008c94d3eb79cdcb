/** The greatest height that is given to an element, in pixels; every browser bears it. */
const MAX_PIXELS = 8_000_000;

/** How a list's rows and the pixels of its scroll bar belong together. Rows may be fractions. */
export class TallScroll {
  /** The height of the element that is scrolled. */
  readonly pixels: number;
  /** How many rows fit in sight. */
  readonly visible: number;
  /** The first row in sight when the list is scrolled to its end. */
  readonly maxTop: number;
  /** Whether the scroll bar stands for a share of the list. */
  readonly isScaled: boolean;
  readonly #rowHeight: number;
  readonly #maxPixels: number;

  /** `rowHeight` and `height`, that of what is in sight, in pixels. */
  constructor(total: number, rowHeight: number, height: number) {
    this.#rowHeight = rowHeight;
    this.pixels = Math.min(total * rowHeight, MAX_PIXELS);
    this.isScaled = total * rowHeight > MAX_PIXELS;
    this.visible = height / rowHeight;
    this.maxTop = Math.max(0, total - this.visible);
    this.#maxPixels = Math.max(0, this.pixels - height);
  }

  /** Where the scroll bar is when a row is the first in sight. */
  toPixels(top: number): number {
    if (!this.isScaled) return top * this.#rowHeight;
    return (top / this.maxTop) * this.#maxPixels;
  }

  /** Which row is the first in sight. */
  toRows(pixels: number): number {
    if (!this.isScaled) return pixels / this.#rowHeight;
    return (pixels / this.#maxPixels) * this.maxTop;
  }
}
