import type { JsonObject } from "@millrace/protocol";
import type { Page } from "./ports.ts";

/** How the words of a collection are told from each other: with English endings cut off, or as they are. */
export type SearchLanguage = "english" | "any";

/** What embeds the texts that a collection is searched by: the same model that its vectors are of. */
export interface QueryEmbedding {
  /** Of an OpenAI-compatible server, as `https://api.openai.com/v1`. */
  readonly baseUrl: string;
  readonly model: string;
  /** The environment variable with the key; null where the server takes none. */
  readonly apiKeyEnv: string | null;
  /** Dimensions that the model is asked for; null: its own. */
  readonly dimensions: number | null;
  /** What is put before each text that is searched for; "" where the model wants nothing. */
  readonly queryPrefix: string;
}

/** What a collection is made with. Its language stays; how it is searched by text may change. */
export interface CollectionSettings {
  readonly language: SearchLanguage;
  /** Null: texts cannot be embedded, and a search by vector brings its vector. Left as it is where it is undefined. */
  readonly embedding?: QueryEmbedding | null;
}

/** A document as it is put into a collection. */
export interface SearchDocument {
  /** Its name in the collection: a document of the same id is replaced. */
  readonly id: string;
  readonly title: string | null;
  readonly text: string;
  /** Of as many dimensions as every other of the collection; null: it is found by its words alone. */
  readonly vector: readonly number[] | null;
  /** Fields to filter by, each a text, number, truth value, null, or a list of those. */
  readonly metadata: JsonObject;
  readonly executionId: string;
  readonly messageId: string;
  /** The object that holds it, where one does. */
  readonly objectKey: string | null;
}

/** A collection. */
export interface Collection {
  readonly name: string;
  readonly project: string;
  readonly language: SearchLanguage;
  readonly embedding: QueryEmbedding | null;
  readonly documents: number;
  /** Documents that have a vector. */
  readonly vectors: number;
  /** Of every vector; null before the first. */
  readonly dimensions: number | null;
  /** RFC 3339. */
  readonly createdAt: string;
  /** When documents were last put into it: RFC 3339. */
  readonly updatedAt: string;
}

/** A field of a collection's metadata, with its most frequent values. */
export interface CollectionField {
  readonly field: string;
  /** At most ten, the most frequent first. */
  readonly values: readonly { readonly value: string | number | boolean; readonly count: number }[];
}

/** How a value of a field is compared: `eq` and `ne` as what they are, the others by number, or as texts are sorted. */
export type FilterOperator = "eq" | "ne" | "gt" | "ge" | "lt" | "le";

/**
 * What a document's field must be. A list fits where one of its values does; `ne` where none is equal. Those of one
 * field with `eq` are alternatives, all others have to hold together.
 */
export interface SearchFilter {
  readonly field: string;
  readonly operator: FilterOperator;
  /** A text that is a number, or `true` or `false`, is compared with those too. */
  readonly value: string | number | boolean;
}

/** What is searched for. */
export interface SearchQuery {
  readonly mode: "keyword" | "vector" | "hybrid";
  /** Words, `"phrases"` and `-words` that must not be there; not null with `keyword` and `hybrid`. */
  readonly text: string | null;
  /** Not null with `vector` and `hybrid`. */
  readonly vector: readonly number[] | null;
  readonly filters: readonly SearchFilter[];
  readonly limit: number;
  readonly offset: number;
}

/** Part of a text, and what of it was searched for. */
export interface SearchSnippet {
  readonly text: string;
  /** From where up to where, in UTF-16 code units of `text`. */
  readonly highlights: readonly (readonly [number, number])[];
}

/** A document that was found. */
export interface SearchHit {
  readonly id: string;
  readonly title: string | null;
  readonly snippet: SearchSnippet;
  /** The higher the better, and comparable within one search alone. */
  readonly score: number;
  /** Its place by words, and by vector, from 1; null where it was not found so. */
  readonly keywordRank: number | null;
  readonly vectorRank: number | null;
  readonly metadata: JsonObject;
  readonly executionId: string;
  readonly messageId: string;
  readonly objectKey: string | null;
  /** RFC 3339. */
  readonly updatedAt: string;
}

/** What was found. */
export interface SearchPage extends Page<SearchHit> {
  /** Whether the documents have all words that were searched for, or, as none has, any of them. */
  readonly matched: "all" | "any";
}

/** Of each of the two lists that `hybrid` merges, so many of the best are looked at. */
export const HYBRID_CANDIDATES = 200;

/** The longest text of a document, in characters. */
export const MAX_DOCUMENT_CHARACTERS = 1_000_000;

/**
 * Collections of documents that are found by words and by vectors.
 *
 * Errors are MillraceErrors: COLLECTION_NOT_FOUND; VECTOR_INVALID, where a vector has other dimensions than the
 * collection's, or no direction; COLLECTION_MISMATCH, where a collection of another language is there;
 * SERVICE_UNAVAILABLE, where the index cannot be reached at present.
 */
export interface SearchIndex {
  /**
   * Puts documents into a collection, all or none, and makes the collection where there is none. Of two with the same id
   * the later one counts.
   */
  put(collection: string, settings: CollectionSettings, documents: readonly SearchDocument[]): Promise<void>;
  search(collection: string, query: SearchQuery): Promise<SearchPage>;
  /** Sorted by name. */
  collections(page: { readonly limit: number; readonly offset: number }): Promise<Page<Collection>>;
  /** Null where there is none. */
  collection(name: string): Promise<Collection | null>;
  /** What there is to filter by: of at most 10,000 documents, the newest ones. Null where there is no such collection. */
  fields(collection: string): Promise<readonly CollectionField[] | null>;
  /** Removes a collection with its documents. False where there was none. */
  deleteCollection(name: string): Promise<boolean>;
}

/** The collections of all projects: names are taken within one. */
export interface SearchIndexes {
  /** How many collections each project has that has any: this one, or all. */
  countByProject(project: string | null): Promise<ReadonlyMap<string, number>>;
  /**
   * The collections of a project. Null: of all, which is for reading; a name that several have is then that of the
   * project `default`, or none's, and what is put goes there.
   */
  inProject(project: string | null): SearchIndex;
}
