import { lazyRouteComponent } from "@tanstack/react-router";
import type { ComponentType } from "react";

/** The code of a page did not come: the service was away, or is of another version by now. */
export class PageNotLoaded extends Error {
  constructor(cause: unknown) {
    super("Its code did not come from the service.", { cause });
    this.name = "PageNotLoaded";
  }
}

/**
 * A page whose code is loaded when it is gone to. Where it does not come the dashboard stays, and says so: a reload while
 * the service is away would leave the reader with the browser's own error, which nothing leads back from.
 */
export function lazyPage<Name extends string>(load: () => Promise<Record<Name, ComponentType>>, name: Name) {
  return lazyRouteComponent(async () => {
    try {
      return await load();
    } catch (error) {
      throw new PageNotLoaded(error);
    }
  }, name);
}
