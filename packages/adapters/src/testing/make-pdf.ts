/** Makes a small PDF: a page per list of lines, each `[x, y, text]`, in Helvetica of 10 points. */
export function makePdf(
  pages: readonly (readonly (readonly [number, number, string])[])[],
  { encrypted = false, title = "" } = {},
): Buffer {
  const objects: string[] = [];
  const add = (body: string) => objects.push(body);
  const first = 4;
  const kids = pages.map((_, index) => `${first + index * 2} 0 R`).join(" ");
  add("<< /Type /Catalog /Pages 2 0 R >>");
  add(`<< /Type /Pages /Kids [${kids}] /Count ${pages.length} >>`);
  add("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>");
  for (const [index, lines] of pages.entries()) {
    add(
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Resources << /Font << /F 3 0 R >> >> /Contents ${first + index * 2 + 1} 0 R >>`,
    );
    const drawn = lines.map(([x, y, text]) => `BT /F 10 Tf ${x} ${y} Td (${text.replaceAll(/[()\\]/g, "\\$&")}) Tj ET`);
    const stream = drawn.join("\n");
    add(`<< /Length ${stream.length} >>\nstream\n${stream}\nendstream`);
  }
  add(`<< /Title (${title}) /CreationDate (D:20240131120000+01'00') >>`);
  const info = objects.length;
  let encrypt = "";
  if (encrypted) {
    // Keys that no password fits.
    const junk = "00".repeat(32);
    add(`<< /Filter /Standard /V 1 /R 2 /O <${junk}> /U <${junk}> /P -4 >>`);
    encrypt = ` /Encrypt ${objects.length} 0 R /ID [<00> <00>]`;
  }
  let text = "%PDF-1.4\n";
  const offsets = objects.map((body, index) => {
    const offset = text.length;
    text += `${index + 1} 0 obj\n${body}\nendobj\n`;
    return offset;
  });
  const start = text.length;
  const table = offsets.map((offset) => `${String(offset).padStart(10, "0")} 00000 n \n`).join("");
  text += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${table}`;
  text += `trailer\n<< /Size ${objects.length + 1} /Root 1 0 R /Info ${info} 0 R${encrypt} >>\nstartxref\n${start}\n%%EOF\n`;
  return Buffer.from(text, "latin1");
}
