/** What `import … from "millrace"` gives to whoever writes an adapter. */
export {
  type Adapter,
  type AdapterContext,
  AdapterError,
  type AdapterLog,
  compileExpression,
  compileTemplate,
  defineAdapter,
  type Emit,
  type Emits,
  type Expression,
  expressionField,
  isTruthy,
  type Message,
  routeField,
  routeTo,
  type Template,
  templateField,
} from "@millrace/engine";
export type { JsonObject, JsonValue } from "@millrace/protocol";
export { z } from "zod";
