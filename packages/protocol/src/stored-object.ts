import type { StoredObjectData } from "./api/storage.ts";

/** What a key says of its object: `executions/{execution}/{route}/{stage}/{name}`. */
export interface KeyParts {
  readonly execution_id: string;
  /** Null where the key has no such parts: what an adapter of its own writes may be called otherwise. */
  readonly route: string | null;
  readonly stage: string | null;
  readonly name: string;
}

/** Takes a key apart; null where it is not below `executions/`. */
export function partsOfKey(key: string): KeyParts | null {
  const [root, execution, ...rest] = key.split("/");
  if (root !== "executions" || execution === undefined || rest.length === 0) return null;
  const [route = null, stage = null, ...name] = rest;
  if (name.length === 0) return { execution_id: execution, route: null, stage: null, name: rest.join("/") };
  return { execution_id: execution, route, stage, name: name.join("/") };
}

/** An object that was written, as it is on the wire. */
export function storedObjectData(object: {
  readonly key: string;
  readonly size: number;
  readonly contentType: string;
  readonly sha256: string;
  readonly messageId: string | null;
  readonly createdAt: string;
}): StoredObjectData {
  const { execution_id, route, stage, name } = partsOfKey(object.key) ?? {
    execution_id: "",
    route: null,
    stage: null,
    name: object.key,
  };
  return {
    key: object.key,
    execution_id,
    route,
    stage,
    name,
    size: object.size,
    content_type: object.contentType,
    sha256: object.sha256,
    message_id: object.messageId,
    created_at: object.createdAt,
  };
}
