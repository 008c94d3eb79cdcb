import { z } from "zod";
import { jsonObjectSchema } from "../json.ts";
import { listSchema, pageQuerySchema } from "./lists.ts";
import { projectField } from "./projects.ts";
import { intQuery } from "./query.ts";
import type { Sent } from "./sent.ts";

/** The form of a collection's name. */
export const collectionNameSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/);

/** The longest text that is searched for, in characters. */
export const MAX_QUERY_CHARACTERS = 2_000;

/** How far results may be paged through. */
export const MAX_SEARCH_OFFSET = 10_000;

const MODE =
  "`keyword`: by words; `vector`: by the nearness of vectors; `hybrid`: both lists merged by reciprocal-rank fusion, of the 200 best of each. Default: `hybrid` where the collection has vectors and what is searched for can be made one, else `keyword`";

/** How a search goes about it. */
export const searchModeSchema = z.enum(["keyword", "vector", "hybrid"]);

const operatorSchema = z.enum(["eq", "ne", "gt", "ge", "lt", "le"]);

/** A condition of `POST /search`. */
export const searchFilterSchema = z.strictObject({
  field: z.string().min(1).max(256).describe("A field of the documents' metadata"),
  operator: operatorSchema
    .optional()
    .describe(
      "`eq` (the default), `ne`: as what the value is; `gt`, `ge`, `lt`, `le`: by number, or as texts are sorted",
    ),
  value: z
    .union([z.string().max(2_000), z.number(), z.boolean()])
    .describe("A text that is a number, or `true` or `false`, is compared with those too"),
});

const FILTER = /^([^:=!<>]{1,256})(:|!=|>=|<=|>|<|=)(.*)$/su;

const OPERATORS: Readonly<Record<string, z.infer<typeof operatorSchema>>> = {
  ":": "eq",
  "=": "eq",
  "!=": "ne",
  ">": "gt",
  ">=": "ge",
  "<": "lt",
  "<=": "le",
};

const filterTextSchema = z
  .string()
  .max(2_300)
  .regex(FILTER, "String should be of the form field:value, field!=value or field>=value");

/** Reads `field:value`, `field!=value`, `field>value` and their like; null where it is none of these. */
export function readSearchFilter(
  text: string,
): { field: string; operator: z.infer<typeof operatorSchema>; value: string } | null {
  const [, field, sign, value] = FILTER.exec(text) ?? [];
  if (field === undefined || sign === undefined || value === undefined) return null;
  return { field: field.trim(), operator: OPERATORS[sign] ?? "eq", value };
}

/** The query of `GET /search`. */
export const searchQuerySchema = z.object({
  collection: collectionNameSchema.describe("The collection to search"),
  q: z
    .string()
    .min(1)
    .max(MAX_QUERY_CHARACTERS)
    .describe(
      'Words; `"several in a row"`, `-without` and `begin*` are understood. Documents that have all of them are found, and where none has, those with any',
    ),
  mode: searchModeSchema.optional().describe(MODE),
  filter: z
    .array(filterTextSchema)
    .max(20)
    .default([])
    .describe(
      "What the documents' metadata must be, the parameter once for each: `field:value`, `field!=value`, `field>=value`, `<=`, `>`, `<`. Several values of one field with `:` are alternatives, all else has to hold together",
    ),
  limit: intQuery({ ge: 1, le: 100, default: 10, description: "How many to return" }),
  offset: intQuery({ ge: 0, le: MAX_SEARCH_OFFSET, default: 0, description: "How many to skip" }),
});

/** The body of `POST /search`. */
export const searchBodySchema = z
  .strictObject({
    collection: collectionNameSchema.describe("The collection to search"),
    q: z.string().min(1).max(MAX_QUERY_CHARACTERS).nullable().optional().describe("Words, as in `GET /search`"),
    vector: z
      .array(z.number())
      .min(1)
      .max(65_536)
      .nullable()
      .optional()
      .describe("What is near is searched for, in place of what the collection's model makes of `q`"),
    mode: searchModeSchema.nullable().optional().describe(MODE),
    filters: z.array(searchFilterSchema).max(20).default([]).describe("What the documents' metadata must be"),
    limit: intQuery({ ge: 1, le: 100, default: 10, description: "How many to return" }),
    offset: intQuery({ ge: 0, le: MAX_SEARCH_OFFSET, default: 0, description: "How many to skip" }),
  })
  .meta({ id: "SearchBody" });

/** A document that was found. */
export const searchResultSchema = z
  .object({
    id: z.string().describe("Its name in the collection"),
    title: z.string().nullable(),
    snippet: z.object({
      text: z.string(),
      highlights: z
        .array(z.array(z.int().min(0)).length(2))
        .describe("What of it was searched for: from where up to where, in UTF-16 code units"),
    }),
    score: z.number().describe("The higher the better; comparable within one search"),
    keyword_rank: z.int().min(1).nullable().describe("Its place by words; null where it was not found by them"),
    vector_rank: z.int().min(1).nullable().describe("Its place by vector; null where it was not found by it"),
    metadata: jsonObjectSchema,
    execution_id: z.string().describe("The execution that put it there; it may be deleted by now"),
    message_id: z.string(),
    object_key: z.string().nullable().describe("The object that holds it, where it was written to the object store"),
    updated_at: z.iso.datetime(),
  })
  .meta({ id: "SearchResult" });

/** The answer to a search. */
export const searchPageSchema = listSchema("results", searchResultSchema)
  .extend({
    collection: z.string(),
    mode: searchModeSchema.describe("How it was searched"),
    matched: z.enum(["all", "any"]).describe("Whether the words were all found in a document, or only some of them"),
    took_ms: z.number().min(0).describe("Milliseconds, the embedding of what is searched for included"),
  })
  .meta({ id: "SearchPage" });

/** A collection. */
export const collectionSchema = z
  .object({
    name: z.string(),
    project: projectField,
    language: z.enum(["english", "any"]).describe("Whether English endings make no difference"),
    documents: z.int().min(0),
    vectors: z.int().min(0).describe("Documents that have a vector"),
    dimensions: z.int().min(1).nullable().describe("Of each vector; null before the first"),
    embedding: z
      .object({ base_url: z.string(), model: z.string(), dimensions: z.int().min(1).nullable() })
      .nullable()
      .describe("The model that embeds what is searched for; null where a search by vector has to bring its own"),
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime().describe("When documents were last put into it"),
  })
  .meta({ id: "Collection" });

/** A collection with what there is to filter by. */
export const collectionDetailSchema = collectionSchema
  .extend({
    fields: z
      .array(
        z.object({
          field: z.string(),
          values: z
            .array(z.object({ value: z.union([z.string(), z.number(), z.boolean()]), count: z.int().min(1) }))
            .max(10),
        }),
      )
      .describe("Fields of the metadata with their most frequent values, by the 10,000 newest documents"),
  })
  .meta({ id: "CollectionDetail" });

/** A page of collections. */
export const collectionListSchema = listSchema("collections", collectionSchema);

/** The query of `GET /collections`. */
export const collectionListQuerySchema = pageQuerySchema;

/** @see searchQuerySchema */
export type SearchQueryText = Sent<typeof searchQuerySchema>;
/** @see searchBodySchema */
export type SearchBody = Sent<typeof searchBodySchema>;
/** @see searchModeSchema */
export type SearchMode = z.infer<typeof searchModeSchema>;
/** @see searchResultSchema */
export type SearchResult = z.infer<typeof searchResultSchema>;
/** @see searchPageSchema */
export type SearchResultPage = z.infer<typeof searchPageSchema>;
/** @see collectionSchema */
export type CollectionData = z.infer<typeof collectionSchema>;
/** @see collectionDetailSchema */
export type CollectionDetail = z.infer<typeof collectionDetailSchema>;
/** @see collectionListSchema */
export type CollectionList = z.infer<typeof collectionListSchema>;
