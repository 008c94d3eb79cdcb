import { Text } from "@mantine/core";
import type { JsonObject } from "@millrace/client";
import { describeType } from "../schema/describe-type.ts";
import { applying, asObject, type Field, fieldsOf, firstOf, textOf } from "../schema/json-schema.ts";
import { CodeText } from "../ui/code-text.tsx";
import classes from "./field-table.module.css";

/** What an adapter's config takes, a row per field; those of objects within it too. */
export function FieldTable({ schema }: { schema: JsonObject }) {
  const rows = rowsOf(schema, applying(schema, schema, undefined), "");
  if (rows.length === 0) {
    return (
      <Text size="sm">
        {schema.type === "object" ? "It takes none." : "Its schema does not say; the service checks it all the same."}
      </Text>
    );
  }
  return (
    <table className={classes.table}>
      <thead>
        <tr>
          <th scope="col">Field</th>
          <th scope="col">Takes</th>
          <th scope="col">Default</th>
          <th scope="col">What it does</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ path, field }) => (
          <tr key={path}>
            <th scope="row">
              <code>{path}</code>
            </th>
            <td data-label="Takes">{describeType(mainOf(field))}</td>
            <td data-label="Default">
              {field.isRequired ? "required" : <Default value={firstOf(field.schemas, "default")} />}
            </td>
            <td className={classes.does}>
              <CodeText text={textOf(field.schemas, "description") ?? ""} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Default({ value }: { value: unknown }) {
  return value === undefined ? "none" : <code>{JSON.stringify(value)}</code>;
}

function mainOf({ schemas }: Field): JsonObject {
  return schemas[0] ?? {};
}

interface Row {
  /** As `cases[].when`. */
  readonly path: string;
  readonly field: Field;
}

function rowsOf(root: JsonObject, schemas: readonly JsonObject[], before: string): Row[] {
  // Deeper than this a field may hold itself, as any JSON does.
  if (before.split(".").length > 4) return [];
  return fieldsOf(root, schemas).flatMap((field) => {
    const path = `${before}${field.name}`;
    const items = field.schemas.flatMap(({ items: each }) => applying(root, asObject(each), undefined));
    return [{ path, field }, ...rowsOf(root, field.schemas, `${path}.`), ...rowsOf(root, items, `${path}[].`)];
  });
}
