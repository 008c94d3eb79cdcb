import type { StoredObjectQuery } from "@millrace/engine";

/** The first objects of all there are, one by one. */
export const ALL_OBJECTS: StoredObjectQuery = {
  project: null,
  prefix: "",
  stages: [],
  extensions: [],
  folders: false,
  after: null,
  offset: 0,
  limit: 100,
};
