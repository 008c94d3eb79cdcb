import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { configSchema, errorResponseSchema, httpValidationErrorSchema, type ValidationError } from "@millrace/protocol";
import { startTestService, type TestService } from "./service.ts";

let service: TestService;
let api: string;

before(async () => {
  service = await startTestService();
  api = `${service.base}/api/v1`;
});
after(() => service.stop());

/** What a request is refused for; nothing where it is not refused. */
async function errorsOf(path: string, method = "GET", body?: unknown): Promise<ValidationError[]> {
  const answer = await fetch(`${api}${path}`, {
    method,
    ...(body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
  });
  const json: unknown = answer.status === 204 ? null : await answer.json();
  return answer.status === 422 ? httpValidationErrorSchema.parse(json).detail : [];
}

async function typeOf(path: string, method?: string, body?: unknown): Promise<string | undefined> {
  const errors = await errorsOf(path, method, body);
  assert.ok(errors.length < 2, JSON.stringify(errors));
  return errors[0]?.type;
}

test("numbers in a query are read as the framework reads them whose errors these are", async () => {
  const limit = (text: string) => typeOf(`/configs?limit=${encodeURIComponent(text)}`);
  for (const fine of ["5", " 5 ", "+5", "005", "1_0", "5.0", "5.000"]) assert.equal(await limit(fine), undefined, fine);
  for (const junk of ["", "5.", ".5", "5.5", "1__0", "_1", "1_", "1e1", "0x10", "five"]) {
    assert.equal(await limit(junk), "int_parsing", junk);
  }
  for (const large of ["9007199254740993", "100000000000000000000"]) {
    assert.equal(await limit(large), "less_than_equal", large);
    assert.equal(await limit(`-${large}`), "greater_than_equal", large);
  }
  assert.equal(await limit("1".repeat(5000)), "int_parsing_size");
  const timeout = (text: string) => typeOf(`/events?execution_id=none&timeout=${encodeURIComponent(text)}`);
  for (const fine of ["5.", ".5e1", "1_0", "1_.5", "1.0_5", "1e_1", "1e3"])
    assert.equal(await timeout(fine), undefined);
  for (const junk of ["1__0", "_1", "1_", ".", "e1", "1e", "0x10", "5,5"]) {
    assert.equal(await timeout(junk), "float_parsing", junk);
  }
  assert.equal(await timeout("1e400"), "finite_number");
});

test("truth values are words in any case, without space around them, and in a body also 0 and 1", async () => {
  const created = await fetch(`${api}/configs`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: "truth", config_yaml: 'version: "1.0"' }),
  });
  const { id } = configSchema.parse(await created.json());
  const skip = (text: string) => typeOf(`/configs/${id}/run?skip_init_message=${encodeURIComponent(text)}`, "POST");
  for (const fine of ["on", "OFF", "tRuE", "n", "1"]) assert.equal(await skip(fine), undefined, fine);
  for (const junk of ["", " true", "true ", "2", "01"]) assert.equal(await skip(junk), "bool_parsing", junk);
  const active = (value: unknown) => typeOf(`/configs/${id}`, "PUT", { is_active: value });
  for (const fine of [true, false, "yes", "1", 0, 1]) assert.equal(await active(fine), undefined, String(fine));
  for (const junk of ["", "x", -1, 2]) assert.equal(await active(junk), "bool_parsing", String(junk));
  for (const wrong of [null, [], {}]) assert.equal(await active(wrong), "bool_type", JSON.stringify(wrong));
});

test("a config's id is a UUID in any of its forms, and what is none is told of by its kind", async () => {
  const forms = [
    "0198C0C0-0000-7000-8000-00000000000A",
    "0198c0c000007000800000000000000a",
    "{0198c0c0-0000-7000-8000-00000000000a}",
    "urn:uuid:0198c0c0-0000-7000-8000-00000000000a",
  ];
  for (const config_id of forms) {
    const answer = await fetch(`${api}/executions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ config_id }),
    });
    const { detail } = errorResponseSchema.parse(await answer.json());
    assert.equal(detail, 'There is no config "0198c0c0-0000-7000-8000-00000000000a".', config_id);
  }
  for (const config_id of [null, 5, true, [], {}]) {
    assert.equal(await typeOf("/executions", "POST", { config_id }), "uuid_type", JSON.stringify(config_id));
  }
  const why = async (text: string) => {
    const [error] = await errorsOf(`/executions?config_id=${encodeURIComponent(text)}`);
    assert.equal(error?.type, "uuid_parsing", text);
    return error?.ctx?.error;
  };
  assert.equal(await why("not-a-uuid"), "invalid character: found `n` at 1");
  assert.equal(await why("0198"), "invalid length: expected length 32 for simple format, found 4");
  assert.equal(await why("0198c0c0-00007000-8000-000000000000"), "invalid group count: expected 5, found 4");
  assert.equal(
    await why("0198c0c0-0000-7000-8000-0000000000000"),
    "invalid group length in group 4: expected 12, found 13",
  );
});

test("a value of the wrong type is told of once, whatever else its field asks for", async () => {
  assert.deepEqual(await errorsOf("/configs", "POST", { name: [], config_yaml: "a: 1", extra: 1 }), [
    { loc: ["body", "name"], msg: "Input should be a valid string", type: "string_type", input: [] },
    { loc: ["body", "extra"], msg: "Extra inputs are not permitted", type: "extra_forbidden", input: 1 },
  ]);
});
