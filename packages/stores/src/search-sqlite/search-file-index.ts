import type { DatabaseSync } from "node:sqlite";
import type {
  CollectionField,
  CollectionSettings,
  Page,
  SearchDocument,
  SearchPage,
  SearchQuery,
} from "@millrace/engine";
import { noSuchCollection } from "../search/no-such-collection.ts";
import type { KeptCollection, KeptCollections } from "../search/project-index.ts";
import {
  dropCollection,
  findCollection,
  listCollections,
  listFields,
  namesThatEnd,
  readCollection,
} from "./collections.ts";
import { findDocuments } from "./find-documents.ts";
import { putDocuments } from "./put-documents.ts";

/** The collections in their database, for the thread that has it open. */
export class SearchFileIndex implements KeptCollections {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  async put(name: string, settings: CollectionSettings, documents: readonly SearchDocument[]): Promise<void> {
    putDocuments(this.#database, name, settings, documents, new Date().toISOString());
  }

  async search(name: string, query: SearchQuery): Promise<SearchPage> {
    const collection = findCollection(this.#database, name);
    if (collection === null) throw noSuchCollection(name);
    return findDocuments(this.#database, collection, query);
  }

  async collections(
    prefix: string | null,
    page: { readonly limit: number; readonly offset: number },
  ): Promise<Page<KeptCollection>> {
    return listCollections(this.#database, prefix, page);
  }

  async namesThatEnd(end: string): Promise<string[]> {
    return namesThatEnd(this.#database, end);
  }

  async collection(name: string): Promise<KeptCollection | null> {
    return readCollection(this.#database, name);
  }

  async fields(name: string): Promise<readonly CollectionField[] | null> {
    return listFields(this.#database, name);
  }

  async deleteCollection(name: string): Promise<boolean> {
    return dropCollection(this.#database, name);
  }
}
