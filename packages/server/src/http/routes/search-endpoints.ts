import type { Collection, SearchFilter, SearchIndexes, SearchPage } from "@millrace/engine";
import {
  type CollectionData,
  type CollectionDetail,
  collectionDetailSchema,
  collectionListQuerySchema,
  collectionListSchema,
  collectionNameSchema,
  MillraceError,
  readSearchFilter,
  type SearchMode,
  type SearchResult,
  searchBodySchema,
  searchPageSchema,
  searchQuerySchema,
} from "@millrace/protocol";
import { z } from "zod";
import type { ProjectView } from "../../access/project-of.ts";
import { type Endpoint, endpoint, errorResponses, validationResponse } from "../endpoint.ts";
import { pageOf } from "../page.ts";

/** What the search's endpoints stand on. */
export interface SearchEndpointParts {
  readonly search: SearchIndexes;
  /** The vector of a text that is searched for, by the collection's own model. */
  embedQuery(collection: Collection, text: string): Promise<number[]>;
}

/** What is searched for, as either method says it. */
interface Asked {
  readonly collection: string;
  readonly text: string | null;
  readonly vector: readonly number[] | null;
  readonly mode: SearchMode | null;
  readonly filters: readonly SearchFilter[];
  readonly limit: number;
  readonly offset: number;
}

const tag = "Search";
const params = z.object({ name: collectionNameSchema.describe("The collection's name") });
const searchErrors = {
  ...errorResponses(
    "COLLECTION_NOT_FOUND",
    "SEARCH_NOT_POSSIBLE",
    "VECTOR_INVALID",
    "EMBEDDING_UNAVAILABLE",
    "SERVICE_UNAVAILABLE",
  ),
  ...validationResponse,
};

/** `/api/v1/search` and `/api/v1/collections`. */
export function searchEndpoints({ search, embedQuery }: SearchEndpointParts): Endpoint[] {
  const run = async (view: ProjectView, asked: Asked) => {
    const began = performance.now();
    const own = search.inProject(view.project);
    const collection = await own.collection(asked.collection);
    if (collection === null) throw notFound(asked.collection);
    const mode = asked.mode ?? defaultMode(collection, asked);
    const vector = mode === "keyword" ? null : (asked.vector ?? (await vectorOf(collection, asked.text, mode)));
    if (mode !== "vector" && asked.text === null) {
      throw new MillraceError("SEARCH_NOT_POSSIBLE", `A search with the mode ${mode} needs words: give q.`);
    }
    const { limit, offset, filters, text } = asked;
    const page = await own.search(asked.collection, { mode, text, vector, filters, limit, offset });
    return {
      collection: collection.name,
      mode,
      matched: page.matched,
      took_ms: Math.round((performance.now() - began) * 10) / 10,
      ...pageOf("results", { limit, offset }, { total: page.total, items: page.items.map(showHit) }),
    };
  };
  const vectorOf = async (collection: Collection, text: string | null, mode: SearchMode): Promise<number[]> => {
    if (text === null) {
      throw new MillraceError("SEARCH_NOT_POSSIBLE", `A search with the mode ${mode} needs q, or a vector.`);
    }
    if (collection.embedding === null) {
      throw new MillraceError(
        "SEARCH_NOT_POSSIBLE",
        `Nothing says by which model "${collection.name}" is searched. Set embedding where documents are put into it, send a vector, or use the mode keyword.`,
      );
    }
    return embedQuery(collection, text);
  };
  return [
    endpoint({
      method: "GET",
      path: "/api/v1/search",
      access: "read",
      summary: "Search a collection",
      description:
        "By words, by vectors, or by both. Each result says how it was found, with a snippet of its text and the execution that it comes from.",
      tag,
      query: searchQuerySchema,
      responses: { 200: { description: "What was found", schema: searchPageSchema }, ...searchErrors },
      handler: ({ query: { q, mode = null, filter, ...rest }, view }) => {
        const filters = filter.flatMap((text) => readSearchFilter(text) ?? []);
        return run(view, { ...rest, text: q, vector: null, mode, filters });
      },
    }),
    endpoint({
      method: "POST",
      path: "/api/v1/search",
      access: "read",
      summary: "Search a collection, with a vector or many filters",
      description: "As `GET /search`; the body may bring the vector of what is searched for.",
      tag,
      body: searchBodySchema,
      responses: { 200: { description: "What was found", schema: searchPageSchema }, ...searchErrors },
      handler: ({ body: { q = null, vector = null, mode = null, filters, ...rest }, view }) =>
        run(view, {
          ...rest,
          text: q,
          vector,
          mode,
          filters: filters.map(({ operator = "eq", ...filter }) => ({ ...filter, operator })),
        }),
    }),
    endpoint({
      method: "GET",
      path: "/api/v1/collections",
      access: "read",
      summary: "List collections",
      tag,
      query: collectionListQuerySchema,
      responses: {
        200: { description: "A page of collections, by name", schema: collectionListSchema },
        ...errorResponses("SERVICE_UNAVAILABLE"),
        ...validationResponse,
      },
      handler: async ({ query, view }) => {
        const { total, items } = await search.inProject(view.project).collections(query);
        return pageOf("collections", query, { total, items: items.map(showCollection) });
      },
    }),
    endpoint({
      method: "GET",
      path: "/api/v1/collections/{name}",
      access: "read",
      summary: "Get a collection, with what there is to filter by",
      tag,
      params,
      responses: {
        200: { description: "The collection", schema: collectionDetailSchema },
        ...errorResponses("COLLECTION_NOT_FOUND", "SERVICE_UNAVAILABLE"),
        ...validationResponse,
      },
      handler: async ({ params: { name }, view }): Promise<CollectionDetail> => {
        const own = search.inProject(view.project);
        const [collection, fields] = await Promise.all([own.collection(name), own.fields(name)]);
        if (collection === null) throw notFound(name);
        const shown = (fields ?? []).map(({ field, values }) => ({
          field,
          values: values.map((each) => ({ ...each })),
        }));
        return { ...showCollection(collection), fields: shown };
      },
    }),
    endpoint({
      method: "DELETE",
      path: "/api/v1/collections/{name}",
      access: "write",
      summary: "Delete a collection with its documents",
      tag,
      params,
      responses: {
        204: { description: "It is gone" },
        ...errorResponses("COLLECTION_NOT_FOUND", "SERVICE_UNAVAILABLE"),
        ...validationResponse,
      },
      handler: async ({ params: { name }, view, request, reply }) => {
        const own = search.inProject(view.project);
        request.concerns = (await own.collection(name))?.project ?? null;
        if (!(await own.deleteCollection(name))) throw notFound(name);
        return reply.code(204).send();
      },
    }),
  ];
}

function defaultMode(collection: Collection, { text, vector }: Asked): SearchMode {
  if (text === null) return "vector";
  const embeds = vector !== null || collection.embedding !== null;
  return embeds && collection.vectors > 0 ? "hybrid" : "keyword";
}

function showHit(hit: SearchPage["items"][number]): SearchResult {
  return {
    id: hit.id,
    title: hit.title,
    snippet: { text: hit.snippet.text, highlights: hit.snippet.highlights.map(([start, end]) => [start, end]) },
    score: Math.round(hit.score * 1e6) / 1e6,
    keyword_rank: hit.keywordRank,
    vector_rank: hit.vectorRank,
    metadata: hit.metadata,
    execution_id: hit.executionId,
    message_id: hit.messageId,
    object_key: hit.objectKey,
    updated_at: hit.updatedAt,
  };
}

function showCollection(collection: Collection): CollectionData {
  const { name, project, language, documents, vectors, dimensions, embedding, createdAt, updatedAt } = collection;
  return {
    name,
    project,
    language,
    documents,
    vectors,
    dimensions,
    embedding:
      embedding === null
        ? null
        : { base_url: embedding.baseUrl, model: embedding.model, dimensions: embedding.dimensions },
    created_at: createdAt,
    updated_at: updatedAt,
  };
}

function notFound(name: string): MillraceError {
  return new MillraceError("COLLECTION_NOT_FOUND", `There is no collection "${name.slice(0, 128)}".`);
}
