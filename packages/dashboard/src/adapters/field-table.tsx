import { ScrollArea, Table, Text } from "@mantine/core";
import type { JsonObject } from "@millrace/client";
import { describeType } from "../schema/describe-type.ts";
import { applying, asObject, type Field, fieldsOf, firstOf, textOf } from "../schema/json-schema.ts";
import { CodeText } from "../ui/code-text.tsx";

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
    <ScrollArea type="auto" viewportProps={{ tabIndex: 0, "aria-label": "Fields of the config", role: "region" }}>
      <Table verticalSpacing="xs" miw={560}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Field</Table.Th>
            <Table.Th>Takes</Table.Th>
            <Table.Th>Default</Table.Th>
            <Table.Th>What it does</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map(({ path, field }) => (
            <Table.Tr key={path}>
              <Table.Th scope="row" fw={600}>
                <code>{path}</code>
              </Table.Th>
              <Table.Td>{describeType(mainOf(field))}</Table.Td>
              <Table.Td>
                {field.isRequired ? "required" : <Default value={firstOf(field.schemas, "default")} />}
              </Table.Td>
              <Table.Td>
                <CodeText text={textOf(field.schemas, "description") ?? ""} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </ScrollArea>
  );
}

function Default({ value }: { value: unknown }) {
  return value === undefined ? null : <code>{JSON.stringify(value)}</code>;
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
