import { useComputedColorScheme } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import classes from "./time-chart.module.css";

/** One line of a chart. */
export interface Series {
  readonly label: string;
  /** Of the theme's palette. */
  readonly color: "teal" | "red" | "blue" | "orange";
  readonly values: readonly number[];
}

const HEIGHT = 180;

/** Lines over time. `label` says what they show to those who do not see them. */
export function TimeChart({
  label,
  times,
  series,
  format,
}: {
  label: string;
  /** Epoch seconds, rising. */
  times: readonly number[];
  series: readonly Series[];
  format: (value: number) => string;
}) {
  const scheme = useComputedColorScheme("light");
  const { ref: box, width } = useElementSize();
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const names = series.map(({ label: name, color }) => `${name}:${color}`).join();

  // A chart is made anew for another theme or other lines; for other values it is given those.
  // biome-ignore lint/correctness/useExhaustiveDependencies: `names` stands for what of `series` makes another chart.
  useEffect(() => {
    if (place.current === null || width === 0) return;
    const colorOf = (name: string) =>
      getComputedStyle(document.documentElement).getPropertyValue(`--mantine-color-${name}`).trim();
    const shade = scheme === "dark" ? 4 : 7;
    const ink = colorOf("text");
    const grid = { stroke: colorOf("default-border"), width: 1 };
    const made = new uPlot(
      {
        width,
        height: HEIGHT,
        cursor: { y: false },
        legend: { live: true },
        axes: [
          { stroke: ink, grid, ticks: grid },
          { stroke: ink, grid, ticks: grid, size: 64, values: (_chart, values) => values.map(format) },
        ],
        scales: { y: { range: (_chart, _min, max) => [0, Math.max(max, 1) * 1.1] } },
        series: [
          { label: "time" },
          ...series.map(({ label: name, color }) => ({
            label: name,
            stroke: colorOf(`${color}-${shade}`),
            fill: `color-mix(in srgb, ${colorOf(`${color}-${shade}`)} 14%, transparent)`,
            width: 2,
            points: { show: false },
            value: (_chart: uPlot, value: number | null) => (value === null ? "" : format(value)),
          })),
        ],
      },
      toData(times, series),
      place.current,
    );
    chart.current = made;
    return () => {
      chart.current = null;
      made.destroy();
    };
  }, [scheme, names, width, format]);

  useEffect(() => {
    chart.current?.setData(toData(times, series));
  }, [times, series]);

  return (
    <div ref={box} role="img" aria-label={label} className={classes.box}>
      <div ref={place} className={classes.chart} />
    </div>
  );
}

function toData(times: readonly number[], series: readonly Series[]): uPlot.AlignedData {
  return [[...times], ...series.map(({ values }) => [...values])];
}
