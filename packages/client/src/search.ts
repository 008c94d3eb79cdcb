import type {
  CollectionDetail,
  CollectionList,
  PageQuery,
  SearchBody,
  SearchQueryText,
  SearchResultPage,
} from "@millrace/protocol";
import { type Api, type CallOptions, segment } from "./request.ts";

/** Calls about collections of documents: to search them, to list and to delete them. */
export function searchOf(api: Api) {
  const one = (name: string) => `/api/v1/collections/${segment(name)}`;
  return {
    /** Documents with these words, or near to them, the best first. */
    find: (query: SearchQueryText, call?: CallOptions): Promise<SearchResultPage> =>
      api.json("GET", "/api/v1/search", { query, ...call }),
    /** As `find`, with a vector of your own, or many filters. */
    query: (body: SearchBody, call?: CallOptions): Promise<SearchResultPage> =>
      api.json("POST", "/api/v1/search", { body, ...call }),
    collections: (query: PageQuery = {}, call?: CallOptions): Promise<CollectionList> =>
      api.json("GET", "/api/v1/collections", { query, ...call }),
    /** A collection, with what there is to filter by. */
    collection: (name: string, call?: CallOptions): Promise<CollectionDetail> => api.json("GET", one(name), call),
    /** Deletes a collection with its documents. */
    deleteCollection: (name: string, call?: CallOptions): Promise<void> => api.json("DELETE", one(name), call),
  };
}

/** @see searchOf */
export type Search = ReturnType<typeof searchOf>;
