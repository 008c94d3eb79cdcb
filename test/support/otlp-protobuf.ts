import type { ReceivedSpan } from "./otlp-receiver.ts";

/** A field of a message of Protocol Buffers: a number, or the bytes of whatever it is. */
type Field = { readonly number: number; readonly value: bigint | Buffer };

/** Reads an ExportTraceServiceRequest (opentelemetry-proto, trace/v1), as far as tests look at it. */
export function readTraceRequest(bytes: Buffer): ReceivedSpan[] {
  return messages(bytes, 1).flatMap((resourceSpans) => {
    const resource = attributesOf(messages(resourceSpans, 1).flatMap((each) => messages(each, 1)));
    return messages(resourceSpans, 2).flatMap((scopeSpans) =>
      messages(scopeSpans, 2).map((span) => spanOf(span, resource)),
    );
  });
}

function spanOf(bytes: Buffer, resource: ReceivedSpan["resource"]): ReceivedSpan {
  return {
    traceId: text(bytes, 1, "hex"),
    spanId: text(bytes, 2, "hex"),
    traceState: text(bytes, 3),
    parentSpanId: text(bytes, 4, "hex"),
    name: text(bytes, 5),
    kind: Number(number(bytes, 6)),
    start: number(bytes, 7),
    end: number(bytes, 8),
    attributes: attributesOf(messages(bytes, 9)),
    links: messages(bytes, 13).map((link) => ({ traceId: text(link, 1, "hex"), spanId: text(link, 2, "hex") })),
    status: Number(messages(bytes, 15).map((status) => number(status, 3))[0] ?? 0n),
    resource,
  };
}

function attributesOf(keyValues: readonly Buffer[]): Record<string, unknown> {
  return Object.fromEntries(
    keyValues.map((each) => [text(each, 1), messages(each, 2).map((value) => readValue(value))[0] ?? null]),
  );
}

function readValue(bytes: Buffer): unknown {
  const [field] = fields(bytes);
  if (field === undefined) return null;
  const { number: kind, value } = field;
  if (typeof value === "bigint") {
    if (kind === 2) return value !== 0n;
    if (kind !== 4) return Number(BigInt.asIntN(64, value));
    const double = Buffer.alloc(8);
    double.writeBigUInt64LE(value);
    return double.readDoubleLE();
  }
  return kind === 5 ? messages(value, 1).map(readValue) : value.toString();
}

function messages(bytes: Buffer, wanted: number): Buffer[] {
  return fields(bytes).flatMap(({ number: found, value }) =>
    found === wanted && typeof value !== "bigint" ? [value] : [],
  );
}

function text(bytes: Buffer, wanted: number, encoding: BufferEncoding = "utf8"): string {
  return messages(bytes, wanted)[0]?.toString(encoding) ?? "";
}

function number(bytes: Buffer, wanted: number): bigint {
  const found = fields(bytes).find((field) => field.number === wanted)?.value;
  return typeof found === "bigint" ? found : 0n;
}

function fields(bytes: Buffer): Field[] {
  const found: Field[] = [];
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at];
      if (byte === undefined) throw new Error("the message ends within a number");
      at += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const field = tag >> 3;
    switch (tag & 7) {
      case 0:
        found.push({ number: field, value: varint() });
        break;
      case 1:
        found.push({ number: field, value: bytes.readBigUInt64LE(at) });
        at += 8;
        break;
      case 2: {
        const length = Number(varint());
        found.push({ number: field, value: bytes.subarray(at, at + length) });
        at += length;
        break;
      }
      case 5:
        found.push({ number: field, value: BigInt(bytes.readUInt32LE(at)) });
        at += 4;
        break;
      default:
        throw new Error(`a field of the unknown kind ${tag & 7}`);
    }
  }
  return found;
}
