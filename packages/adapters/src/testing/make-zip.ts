import { crc32, deflateRawSync } from "node:zlib";

/** A part of an archive; `packed` and `claimedSize` for one that is not what it says. */
type Part = string | { readonly body: Buffer; readonly packed: Buffer; readonly claimedSize: number };

/** Makes a zip archive of parts by their names. */
export function makeZip(parts: Readonly<Record<string, Part>>): Buffer {
  const files: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, part] of Object.entries(parts)) {
    const body = typeof part === "string" ? Buffer.from(part) : part.body;
    const packed = typeof part === "string" ? deflateRawSync(body) : part.packed;
    const size = typeof part === "string" ? body.byteLength : part.claimedSize;
    const title = Buffer.from(name);
    const shared = Buffer.alloc(26);
    shared.writeUInt16LE(20, 0);
    shared.writeUInt16LE(8, 4);
    shared.writeUInt32LE(crc32(body), 10);
    shared.writeUInt32LE(packed.byteLength, 14);
    shared.writeUInt32LE(size, 18);
    shared.writeUInt16LE(title.byteLength, 22);
    const local = Buffer.concat([Buffer.from("504b0304", "hex"), shared, title, packed]);
    const entry = Buffer.alloc(14);
    entry.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from("504b01021400", "hex"), shared, entry, title]));
    files.push(local);
    offset += local.byteLength;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write("504b0506", 0, "hex");
  end.writeUInt16LE(directory.length, 8);
  end.writeUInt16LE(directory.length, 10);
  end.writeUInt32LE(central.byteLength, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...files, central, end]);
}
