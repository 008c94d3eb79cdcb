import { client } from "../client.ts";

/** A run by its id or tag, as it is kept between pages. */
export function runQuery(id: string) {
  return { queryKey: ["run", id], queryFn: () => client.executions.get(id) };
}
