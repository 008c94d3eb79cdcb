import { Loader, Skeleton } from "@mantine/core";

/** Something is on its way. `height`, in pixels: as much room as it will take; without it a sign that turns. */
export function Loading({ label, height, small = false }: { label: string; height?: number; small?: boolean }) {
  return (
    <div role="status" aria-label={label}>
      {height === undefined ? (
        <Loader aria-hidden size={small ? "sm" : "md"} />
      ) : (
        <Skeleton height={height} aria-hidden />
      )}
    </div>
  );
}
